// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rules that need more than one record, but no order.

#include "compiler/check/Entries.h"

#include "compiler/check/Accesses.h"

#include "llvm/ADT/STLExtras.h"

#include <map>
#include <set>

using namespace tercet;
using namespace tercet::check;
using llvm::Twine;

namespace {
/// No real program comes near.
constexpr uint64_t kMaxUses = 1 << 24;

class EntryRules {
public:
  EntryRules(const Table &table, const tercet_entry_record &entry, Findings &findings)
      : table(table), entry(entry), findings(findings) {}
  void all();

private:
  void problem(const Twine &text) {
    findings.add("entry '" + table.name(entry.name) + "': " + text);
  }
  void problem(uint32_t command, const Twine &text) {
    findings.add(table.describe(entry, command) + ": " + text);
  }
  void tensors();
  void bindings();
  void scalars();
  void tokens();
  void command(uint32_t c);
  void operands(uint32_t c);
  void aliasing(uint32_t c);
  /// DISPATCH, which is for CPUs, and SUBMIT, which is for all others.
  void kernel(uint32_t c);
  void scratch(uint32_t c, uint64_t needed);
  void copy(uint32_t c);
  bool canAddress(uint32_t engine, uint32_t buffer) const {
    return table.pools[table.buffers[buffer].pool].engine_mask >> engine & 1;
  }
  const tercet_command_record &at(uint32_t c) const {
    return table.commands[entry.first_command + c];
  }

  const Table &table;
  const tercet_entry_record &entry;
  Findings &findings;
  /// IO buffers that this entry binds.
  std::set<uint32_t> bound;
  /// Those of them that are inputs which nothing may write.
  std::map<uint32_t, uint32_t> readOnly;
};
} // namespace

// ---- Tensors ----------------------------------------------------------------

void EntryRules::tensors() {
  for (uint32_t i = 0; i < entry.output_count; ++i) {
    const tercet_tensor_record &output = table.tensors[entry.first_output + i];
    if (output.tied == TERCET_NONE) {
      if (output.flags & TERCET_TENSOR_STATE)
        problem("state output '" + table.name(output.name) + "' is tied to no input");
    } else if (output.tied >= entry.input_count) {
      problem("output '" + table.name(output.name) + "' is tied to input " + Twine(output.tied) +
              " of " + Twine(entry.input_count));
    } else if (table.tensors[entry.first_input + output.tied].buffer != output.buffer) {
      problem("output '" + table.name(output.name) + "' is tied to an input in another buffer");
    }
  }
  // Inputs are all there at the start, so no two may want the same bytes.
  std::vector<std::pair<Range, uint32_t>> places;
  for (uint32_t i = 0; i < entry.input_count; ++i) {
    const tercet_tensor_record &input = table.tensors[entry.first_input + i];
    if (input.bytes)
      places.push_back({rangeOf(table, input.buffer, 0, input.bytes), entry.first_input + i});
  }
  llvm::sort(places, [](const auto &a, const auto &b) {
    return std::tie(a.first.space, a.first.begin, a.second) <
           std::tie(b.first.space, b.first.begin, b.second);
  });
  for (size_t i = 1; i < places.size(); ++i)
    if (places[i - 1].first.space == places[i].first.space &&
        places[i - 1].first.end > places[i].first.begin)
      problem("inputs '" + table.name(table.tensors[places[i - 1].second].name) + "' and '" +
              table.name(table.tensors[places[i].second].name) + "' overlap in " +
              table.describeBuffer(places[i].first.buffer));
}

void EntryRules::bindings() {
  for (uint32_t i = 0; i < entry.input_count; ++i) {
    const tercet_tensor_record &input = table.tensors[entry.first_input + i];
    if (table.poolKind(input.buffer) != TERCET_POOL_IO)
      continue;
    bound.insert(input.buffer);
    if (!(input.flags & TERCET_TENSOR_STATE))
      readOnly[input.buffer] = entry.first_input + i;
  }
  for (uint32_t i = 0; i < entry.output_count; ++i) {
    const tercet_tensor_record &output = table.tensors[entry.first_output + i];
    if (table.poolKind(output.buffer) != TERCET_POOL_IO)
      continue;
    bool isNew = bound.insert(output.buffer).second;
    if (output.tied != TERCET_NONE)
      readOnly.erase(output.buffer);
    else if (!isNew)
      problem("output '" + table.name(output.name) + "' shares " +
              table.describeBuffer(output.buffer) +
              " with another tensor, but the application binds each alone");
  }
}

void EntryRules::scalars() {
  for (uint32_t i = 0; i < entry.scalar_count; ++i) {
    const tercet_scalar_record &scalar = table.scalars[entry.first_scalar + i];
    if (scalar.addend != TERCET_NONE && scalar.addend - entry.first_scalar >= entry.scalar_count)
      problem("scalar '" + table.name(scalar.name) + "' is added to one of another entry");
  }
}

// ---- Commands ---------------------------------------------------------------

void EntryRules::tokens() {
  uint32_t signalled = 0;
  for (uint32_t c = 0; c < entry.command_count; ++c) {
    for (uint32_t w = 0; w < at(c).wait_count; ++w) {
      uint32_t token = table.waits[at(c).first_wait + w];
      if (token >= signalled)
        problem(c, "waits for token " + Twine(token) +
                       ", which no earlier command signals: it could wait forever");
    }
    if (at(c).signal_token == TERCET_NONE)
      continue;
    if (at(c).signal_token != signalled)
      problem(c, "signals token " + Twine(at(c).signal_token) + ", but its signal is number " +
                     Twine(signalled));
    ++signalled;
  }
  if (signalled != entry.token_count)
    problem("says " + Twine(entry.token_count) + " tokens, its commands signal " +
            Twine(signalled));
}

void EntryRules::operands(uint32_t c) {
  for (uint32_t i = 0; i < at(c).operand_count; ++i) {
    const tercet_operand_record &operand = table.operands[at(c).first_operand + i];
    if (!canAddress(at(c).engine, operand.buffer))
      problem(c, "operand " + Twine(i) + " is " + table.describeBuffer(operand.buffer) +
                     ", which engine '" + table.name(table.engines[at(c).engine].name) +
                     "' cannot address");
    if (table.poolKind(operand.buffer) != TERCET_POOL_IO)
      continue;
    if (!bound.count(operand.buffer))
      problem(c, "operand " + Twine(i) + " is " + table.describeBuffer(operand.buffer) +
                     ", which is no input or output of this entry, so nothing binds it");
    auto input = readOnly.find(operand.buffer);
    if (operand.access & TERCET_ACCESS_WRITE && input != readOnly.end())
      problem(c, "operand " + Twine(i) + " writes input '" +
                     table.name(table.tensors[input->second].name) +
                     "', which is neither state nor tied to an output");
  }
  for (uint32_t i = 0; i < at(c).scalar_count; ++i) {
    uint32_t scalar = table.scalarRefs[at(c).first_scalar + i];
    if (scalar - entry.first_scalar >= entry.scalar_count)
      problem(c, "uses scalar '" + table.name(table.scalars[scalar].name) + "' of another entry");
  }
}

/// Within a command nothing is ordered: what it writes may meet what it reads
/// only where the ranges are equal, which is what a kernel in place gets.
void EntryRules::aliasing(uint32_t c) {
  struct Written {
    Range range;
    std::string what;
  };
  std::vector<Written> written;
  std::vector<std::pair<Range, uint32_t>> read;
  for (uint32_t i = 0; i < at(c).operand_count; ++i) {
    const tercet_operand_record &operand = table.operands[at(c).first_operand + i];
    Range range = rangeOf(table, operand.buffer, operand.offset, operand.bytes);
    if (range.begin == range.end)
      continue;
    if (operand.access & TERCET_ACCESS_WRITE)
      written.push_back({range, "operand " + std::to_string(i)});
    else
      read.push_back({range, i});
  }
  if (at(c).scratch_buffer != TERCET_NONE && at(c).scratch_stride) {
    written.push_back({rangeOf(table, at(c).scratch_buffer, 0,
                               at(c).scratch_stride * scratchWorkers(table, at(c))),
                       "scratch"});
  }
  llvm::sort(written, [](const Written &a, const Written &b) {
    return std::tie(a.range.space, a.range.begin) < std::tie(b.range.space, b.range.begin);
  });
  bool isDisjoint = true;
  for (size_t i = 1; i < written.size(); ++i) {
    const Range &a = written[i - 1].range, &b = written[i].range;
    if (a.space != b.space || a.end <= b.begin)
      continue;
    isDisjoint = false;
    problem(c, "writes bytes " + rangeText(b.begin, std::min(a.end, b.end)) +
                   " twice: " + written[i - 1].what + " is " + table.describeBuffer(a.buffer) +
                   ", " + written[i].what + " " + table.describeBuffer(b.buffer));
  }
  if (!isDisjoint)
    return;
  for (const auto &[range, operand] : read) {
    auto it = llvm::partition_point(written, [&, &range = range](const Written &w) {
      return std::tie(w.range.space, w.range.end) <= std::tie(range.space, range.begin);
    });
    if (it == written.end() || it->range.space != range.space || it->range.begin >= range.end)
      continue;
    bool isEqual = it->range.begin == range.begin && it->range.end == range.end;
    if (isEqual && it->what != "scratch" && at(c).opcode != TERCET_COMMAND_COPY)
      continue;
    problem(c, "reads bytes " + rangeText(range.begin, range.end) + " of " +
                   table.describeBuffer(range.buffer) + " (operand " + Twine(operand) +
                   ") and writes bytes " + rangeText(it->range.begin, it->range.end) + " of " +
                   table.describeBuffer(it->range.buffer) + " (" + it->what +
                   "); expected disjoint ranges" +
                   (at(c).opcode == TERCET_COMMAND_COPY ? "" : ", or equal ones of two operands"));
  }
}

void EntryRules::scratch(uint32_t c, uint64_t needed) {
  const tercet_command_record &command = at(c);
  if (command.scratch_buffer == TERCET_NONE) {
    if (needed)
      problem(c, "its kernel needs " + Twine(needed) + " bytes of scratch and gets none");
    return;
  }
  const tercet_buffer_record &buffer = table.buffers[command.scratch_buffer];
  uint64_t stride = command.scratch_stride, workers = scratchWorkers(table, command);
  if (table.poolKind(command.scratch_buffer) != TERCET_POOL_ARENA)
    problem(c, "its scratch is " + table.describeBuffer(command.scratch_buffer) +
                   ", which is no arena");
  if (!canAddress(command.engine, command.scratch_buffer))
    problem(c, "its scratch is " + table.describeBuffer(command.scratch_buffer) +
                   ", which engine '" + table.name(table.engines[command.engine].name) +
                   "' cannot address");
  if (!stride || stride % 64 || stride < needed)
    problem(c, "scratch of " + Twine(stride) +
                   " bytes a worker; expected a multiple of 64 and at "
                   "least " +
                   Twine(needed));
  if (stride > buffer.bytes / workers)
    problem(c, "scratch of " + Twine(stride) + " bytes for each of " + Twine(workers) +
                   " workers exceeds the " + Twine(buffer.bytes) + " bytes of " +
                   table.describeBuffer(command.scratch_buffer));
}

void EntryRules::kernel(uint32_t c) {
  const tercet_command_record &command = at(c);
  if (command.target >= table.kernels.size())
    return problem(c,
                   "runs kernel " + Twine(command.target) + " of " + Twine(table.kernels.size()));
  const tercet_kernel_record &kernel = table.kernels[command.target];
  const tercet_engine_record &engine = table.engines[command.engine];
  bool isCpu = engine.kind == TERCET_ENGINE_CPU;
  if (command.opcode == TERCET_COMMAND_DISPATCH && !isCpu)
    problem(c, "runs a kernel on engine '" + table.name(engine.name) + "', which is not a CPU");
  if (command.opcode == TERCET_COMMAND_SUBMIT) {
    if (!table.hasFeature(TERCET_FEATURE_SUBMIT_BIT))
      problem(c, "submits a kernel, which the table's features do not announce");
    if (isCpu)
      problem(c, "submits a kernel to engine '" + table.name(engine.name) +
                     "', which is a CPU and has no driver");
    else if (!engine.image_bytes)
      problem(c, "submits a kernel to engine '" + table.name(engine.name) +
                     "', which has no image that it could be in");
    for (uint32_t i = 0; i < command.operand_count; ++i)
      if (uint32_t buffer = table.operands[command.first_operand + i].buffer;
          table.poolKind(buffer) == TERCET_POOL_IO)
        problem(c, "operand " + Twine(i) + " is " + table.describeBuffer(buffer) +
                       ", which the application binds and a driver cannot reach");
  }
  if (kernel.engine != command.engine)
    problem(c, "runs kernel '" + table.name(kernel.name) + "', which is for another engine");
  uint64_t plane = uint64_t(command.grid[0]) * command.grid[1];
  if (!plane || !command.grid[2] || plane >> 32 || (plane * command.grid[2]) >> 32)
    problem(c, "its grid of " + Twine(command.grid[0]) + " x " + Twine(command.grid[1]) + " x " +
                   Twine(command.grid[2]) + " tiles is empty or has 2^32 tiles or more");
  scratch(c, kernel.scratch_bytes);
}

void EntryRules::copy(uint32_t c) {
  const tercet_command_record &command = at(c);
  if (command.operand_count != 2)
    return problem(c, "a copy with " + Twine(command.operand_count) + " operands, expected 2");
  const tercet_operand_record &source = table.operands[command.first_operand];
  const tercet_operand_record &target = table.operands[command.first_operand + 1];
  if (source.access != TERCET_ACCESS_READ || target.access != TERCET_ACCESS_WRITE)
    problem(c, "a copy must read its first operand and write its second");
  if (command.scratch_buffer != TERCET_NONE)
    problem(c, "a copy has no scratch");
  if (command.target == TERCET_NONE) {
    if (source.bytes != target.bytes)
      problem(c, "copies " + Twine(source.bytes) + " bytes to " + Twine(target.bytes));
    return;
  }
  if (command.target >= table.copies.size())
    return problem(c, "uses copy " + Twine(command.target) + " of " + Twine(table.copies.size()));
  const tercet_copy_record &copy = table.copies[command.target];
  // All numbers are below 2^31, so that no sum overflows.
  auto hull = [&](const uint64_t stride[2]) {
    return (copy.count[0] - uint64_t(1)) * stride[0] + (copy.count[1] - uint64_t(1)) * stride[1] +
           copy.run_bytes;
  };
  if (hull(copy.source_stride) > source.bytes)
    problem(c, "a strided copy reads " + Twine(hull(copy.source_stride)) + " of " +
                   Twine(source.bytes) + " bytes");
  if (hull(copy.destination_stride) > target.bytes)
    problem(c, "a strided copy writes " + Twine(hull(copy.destination_stride)) + " of " +
                   Twine(target.bytes) + " bytes");
}

void EntryRules::command(uint32_t c) {
  uint64_t before = findings.getCount();
  operands(c);
  switch (at(c).opcode) {
  case TERCET_COMMAND_DISPATCH:
  case TERCET_COMMAND_SUBMIT:
    kernel(c);
    break;
  case TERCET_COMMAND_COPY:
    copy(c);
    break;
  case TERCET_COMMAND_SIGNAL:
  case TERCET_COMMAND_WAIT:
    if (at(c).operand_count || at(c).scratch_buffer != TERCET_NONE)
      problem(c, "a command that only waits and signals has operands");
    break;
  default:
    problem(c, "unknown opcode " + Twine(at(c).opcode));
  }
  if (findings.getCount() == before)
    aliasing(c);
}

void EntryRules::all() {
  tensors();
  bindings();
  scalars();
  tokens();
  for (uint32_t c = 0; c < entry.command_count; ++c)
    command(c);
}

void check::checkEntry(const Table &table, const tercet_entry_record &entry, Findings &findings) {
  EntryRules(table, entry, findings).all();
}

void check::checkEntries(const Table &table, Findings &findings) {
  if (table.entries.empty())
    findings.add("ENTRIES: no entry point");
  std::set<llvm::StringRef> names;
  uint64_t end = 0, uses = 0;
  for (auto [i, entry] : llvm::enumerate(table.entries)) {
    uses += uint64_t(entry.input_count) + entry.output_count + entry.scalar_count;
    llvm::StringRef name =
        table.strings.drop_front(entry.name).take_until([](char c) { return c == '\0'; });
    if (!names.insert(name).second)
      findings.add("ENTRIES[" + Twine(i) + "]: there is another entry '" + table.name(entry.name) +
                   "'");
    if (entry.first_command < end)
      findings.add("ENTRIES[" + Twine(i) + "]: its commands overlap those of an earlier entry");
    end = uint64_t(entry.first_command) + entry.command_count;
  }
  // Commands may share operands, so that few bytes can stand for much work.
  for (const tercet_command_record &command : table.commands)
    uses += uint64_t(command.operand_count) + command.scalar_count + command.wait_count;
  if (uses > kMaxUses)
    findings.add("entries and commands use other records " + Twine(uses) +
                 " times, more than are looked at");
}

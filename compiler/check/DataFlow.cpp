// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Why one replay is enough: it meets each byte's last writer and, of each
// queue, the last reader since. Earlier ones were ordered before these when
// these were replayed, so order is transitive, and two commands that conflict
// over a byte and are not ordered are found at the first of them that is met.

#include "compiler/check/DataFlow.h"

#include "compiler/check/Accesses.h"
#include "compiler/check/ByteMap.h"
#include "compiler/check/HappensBefore.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"

#include <set>

using namespace tercet;
using namespace tercet::check;
using llvm::Twine;

namespace {
/// Segments looked at in one entry. A program of 5000 commands needs some
/// millions; more than this is hostile.
constexpr uint64_t kMaxSteps = uint64_t(1) << 28;

class DataFlow {
public:
  DataFlow(const Table &table, const tercet_entry_record &entry, Findings &findings,
           EntryStatistics &statistics)
      : table(table), entry(entry), findings(findings), statistics(statistics),
        order(table, entry) {}
  void run();

private:
  /// What is wrong with an access: one for each kind, other command and other
  /// buffer. [begin, end) are the first bytes where it was found.
  struct Problem {
    enum Kind { Race, RaceWithRead, Unwritten, ReadsScratch, Foreign, ForeignInitial } kind;
    Origin other;
    uint64_t begin, end;
    uint64_t moreBytes;
  };

  void initialise();
  void read(uint32_t c, const Range &range);
  void write(uint32_t c, const Range &range, Origin::Kind kind);
  void checkOutputs();
  /// Whether the contents are a value, and were written through that buffer.
  void checkOrigin(const Origin &origin, uint32_t buffer, uint64_t begin, uint64_t end);
  /// Orders `before` against `c`, or notes a race.
  bool checkOrder(uint32_t before, uint32_t c);
  void note(Problem::Kind kind, Origin other, uint64_t begin, uint64_t end);
  void report(const std::string &who, const char *does, const Range &range);
  std::string explain(const Problem &problem) const;
  ByteMap &memory(uint32_t space) { return spaces.try_emplace(space, steps).first->second; }
  bool isTooLong() const { return steps > kMaxSteps; }

  const Table &table;
  const tercet_entry_record &entry;
  Findings &findings;
  EntryStatistics &statistics;
  HappensBefore order;
  std::map<uint32_t, ByteMap> spaces;
  std::vector<Problem> problems;
  /// Commands that were found to be before the current one.
  llvm::SmallDenseSet<uint32_t> ordered;
  uint64_t steps = 0;
};
} // namespace

void DataFlow::initialise() {
  for (uint32_t p = 0; p < table.pools.size(); ++p)
    if (table.pools[p].kind == TERCET_POOL_STATE)
      memory(p).assign(0, table.pools[p].bytes, {Origin::Initial, 0, TERCET_NONE});
  for (uint32_t i = 0; i < entry.input_count; ++i) {
    const tercet_tensor_record &input = table.tensors[entry.first_input + i];
    Range range = rangeOf(table, input.buffer, 0, input.bytes);
    if (table.poolKind(input.buffer) != TERCET_POOL_STATE)
      memory(range.space).assign(range.begin, range.end, {Origin::Initial, 0, input.buffer});
  }
}

bool DataFlow::checkOrder(uint32_t before, uint32_t c) {
  if (before == c || ordered.contains(before))
    return true;
  if (!order.isOrdered(before, c))
    return false;
  ordered.insert(before);
  return true;
}

void DataFlow::note(Problem::Kind kind, Origin other, uint64_t begin, uint64_t end) {
  for (Problem &problem : problems)
    if (problem.kind == kind && problem.other.command == other.command &&
        problem.other.buffer == other.buffer) {
      if (problem.end == begin && !problem.moreBytes)
        problem.end = end;
      else
        problem.moreBytes += end - begin;
      return;
    }
  // More would not be listed anyway.
  if (problems.size() < kMaxProblems)
    problems.push_back({kind, other, begin, end, 0});
}

void DataFlow::checkOrigin(const Origin &origin, uint32_t buffer, uint64_t begin, uint64_t end) {
  switch (origin.kind) {
  case Origin::Unwritten:
    return note(Problem::Unwritten, {}, begin, end);
  case Origin::Scratch:
    return note(Problem::ReadsScratch, origin, begin, end);
  case Origin::Initial:
    if (origin.buffer != buffer && origin.buffer != TERCET_NONE)
      note(Problem::ForeignInitial, origin, begin, end);
    return;
  case Origin::Value:
    if (origin.buffer != buffer)
      note(Problem::Foreign, origin, begin, end);
  }
}

void DataFlow::read(uint32_t c, const Range &range) {
  if (isTooLong())
    return;
  statistics.bytesRead += range.end - range.begin;
  uint32_t queue = order.getQueue(c);
  memory(range.space)
      .visit(range.begin, range.end, [&](uint64_t begin, uint64_t end, Segment &segment) {
        const Origin &origin = segment.origin;
        bool byCommand = origin.kind == Origin::Value || origin.kind == Origin::Scratch;
        if (byCommand && !checkOrder(origin.command, c))
          note(Problem::Race, origin, begin, end);
        else
          checkOrigin(origin, range.buffer, begin, end);
        for (Segment::Reader &reader : segment.readers)
          if (reader.queue == queue) {
            reader.command = c;
            return;
          }
        segment.readers.push_back({queue, c});
      });
  report(table.describe(entry, c), "reads", range);
}

void DataFlow::write(uint32_t c, const Range &range, Origin::Kind kind) {
  if (isTooLong())
    return;
  if (kind == Origin::Value)
    statistics.bytesWritten += range.end - range.begin;
  ByteMap &bytes = memory(range.space);
  bytes.visit(range.begin, range.end, [&](uint64_t begin, uint64_t end, Segment &segment) {
    const Origin &origin = segment.origin;
    bool byCommand = origin.kind == Origin::Value || origin.kind == Origin::Scratch;
    if (byCommand && !checkOrder(origin.command, c))
      note(Problem::Race, origin, begin, end);
    for (const Segment::Reader &reader : segment.readers)
      if (!checkOrder(reader.command, c))
        note(Problem::RaceWithRead, {Origin::Value, reader.command, TERCET_NONE}, begin, end);
  });
  report(table.describe(entry, c), kind == Origin::Scratch ? "has its scratch in" : "writes",
         range);
  bytes.assign(range.begin, range.end, {kind, c, range.buffer});
}

std::string DataFlow::explain(const Problem &problem) const {
  const Origin &other = problem.other;
  switch (problem.kind) {
  case Problem::Unwritten:
    return "which nothing has written before";
  case Problem::ReadsScratch:
    return "where the scratch of " + table.describeCommand(entry, other.command) +
           " has been since (" + table.describeBuffer(other.buffer) + ")";
  case Problem::Foreign:
    return "where " + table.describeCommand(entry, other.command) + " has written since, through " +
           table.describeBuffer(other.buffer) +
           ": two buffers that are live together overlap, or a command is out of order";
  case Problem::ForeignInitial:
    return "where there is still the input in " + table.describeBuffer(other.buffer);
  case Problem::Race:
  case Problem::RaceWithRead: {
    const tercet_command_record &command = table.commands[entry.first_command + other.command];
    std::string does =
        problem.kind == Problem::RaceWithRead
            ? "reads"
            : (other.kind == Origin::Scratch ? "uses as scratch, through " : "writes, through ") +
                  table.describeBuffer(other.buffer);
    return "which " + table.describeCommand(entry, other.command) + " of engine '" +
           table.name(table.engines[command.engine].name) + "' " + does +
           ": neither a queue nor a token orders the two";
  }
  }
  return "";
}

void DataFlow::report(const std::string &who, const char *does, const Range &range) {
  for (const Problem &problem : problems) {
    std::string more =
        problem.moreBytes ? " and " + std::to_string(problem.moreBytes) + " more" : "";
    findings.add(who + ": " + does + " bytes " + rangeText(problem.begin, problem.end) + more +
                 " of memory, in " + table.describeBuffer(range.buffer) + ", " + explain(problem));
  }
  problems.clear();
}

void DataFlow::checkOutputs() {
  for (uint32_t i = 0; i < entry.output_count; ++i) {
    const tercet_tensor_record &output = table.tensors[entry.first_output + i];
    Range range = rangeOf(table, output.buffer, 0, output.bytes);
    memory(range.space)
        .visit(range.begin, range.end, [&](uint64_t begin, uint64_t end, Segment &segment) {
          checkOrigin(segment.origin, output.buffer, begin, end);
        });
    report("entry '" + table.name(entry.name) + "'",
           ("returns as output '" + table.name(output.name) + "'").c_str(), range);
  }
}

void DataFlow::run() {
  statistics.queues = order.getQueueCount();
  initialise();
  std::set<uint32_t> buffers;
  Accesses accesses;
  for (uint32_t c = 0; c < entry.command_count; ++c) {
    const tercet_command_record &command = table.commands[entry.first_command + c];
    statistics.waits += command.wait_count;
    if (!collectAccesses(table, command, accesses))
      return findings.add(table.describe(entry, c) + ": a strided copy of more than " +
                          Twine(kMaxRuns) + " runs, which is not looked at");
    ordered.clear();
    for (const Range &range : accesses.reads) {
      buffers.insert(range.buffer);
      // Weights are there from the start and never written (checkRecords).
      if (table.poolKind(range.buffer) == TERCET_POOL_WEIGHTS)
        statistics.bytesRead += range.end - range.begin;
      else
        read(c, range);
    }
    for (const Range &range : accesses.writes) {
      buffers.insert(range.buffer);
      write(c, range, Origin::Value);
    }
    for (const Range &range : accesses.scratch) {
      buffers.insert(range.buffer);
      write(c, range, Origin::Scratch);
    }
    statistics.orderedPairs += ordered.size();
    if (isTooLong())
      return findings.add("entry '" + table.name(entry.name) +
                          "': too many pieces of memory to look at");
  }
  statistics.buffers = buffers.size();
  checkOutputs();
}

void check::checkDataFlow(const Table &table, const tercet_entry_record &entry, Findings &findings,
                          EntryStatistics &statistics) {
  DataFlow(table, entry, findings, statistics).run();
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Header, records and strides. Sizes are 32-bit fields multiplied in 64 bits.

#include "compiler/check/Table.h"

#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"

#include <cstring>
#include <set>

using namespace tercet;
using namespace tercet::check;
using llvm::StringRef;
using llvm::Twine;

static_assert(llvm::endianness::native == llvm::endianness::little,
              "elements are copied as they lie in the table");

namespace {
class Reader {
public:
  Reader(StringRef bytes, Findings &findings) : bytes(bytes), findings(findings) {}
  Table read();

private:
  bool readHeader();
  bool readRecord(const tercet_record_header &header, StringRef payload);
  template <typename T>
  bool take(const char *name, const tercet_record_header &header, StringRef payload, bool isArray,
            std::vector<T> &elements);

  bool refuse(const Twine &problem) {
    findings.add(problem);
    return false;
  }

  StringRef bytes;
  Findings &findings;
  Table table;
  tercet_table_header header = {};
  std::set<uint32_t> seen;
};
} // namespace

bool Reader::readHeader() {
  if (bytes.size() < sizeof header)
    return refuse("the table has " + Twine(bytes.size()) + " bytes, its header alone needs " +
                  Twine(sizeof header));
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.magic != TERCET_MAGIC_TABLE)
    return refuse("no table of a compiled program: wrong magic number");
  if (header.major != TERCET_ABI_MAJOR || header.minor_min > TERCET_ABI_MINOR)
    return refuse("the table has version " + Twine(header.major) + "." + Twine(header.minor) +
                  " and needs a reader of at least " + Twine(header.major) + "." +
                  Twine(header.minor_min) + ", this checker knows " + Twine(TERCET_ABI_MAJOR) +
                  "." + Twine(TERCET_ABI_MINOR));
  constexpr uint64_t known =
      TERCET_BIT(TERCET_FEATURE_SUBMIT_BIT) | TERCET_BIT(TERCET_FEATURE_CONCURRENT_QUEUES_BIT);
  if (header.features_required & ~known)
    return refuse("the table needs program feature " +
                  Twine(llvm::countr_zero(header.features_required & ~known)) +
                  ", which this checker does not know");
  if (header.total_bytes < sizeof header || header.total_bytes % 8 ||
      header.total_bytes > bytes.size())
    return refuse("the table's header says " + Twine(header.total_bytes) + " bytes, there are " +
                  Twine(bytes.size()));
  return true;
}

template <typename T>
bool Reader::take(const char *name, const tercet_record_header &record, StringRef payload,
                  bool isArray, std::vector<T> &elements) {
  bool fits =
      isArray ? record.stride == sizeof(T) : record.stride >= sizeof(T) && record.stride % 8 == 0;
  if (!fits)
    return refuse(Twine(name) + ": stride " + Twine(record.stride) + ", expected " +
                  Twine(sizeof(T)) + (isArray ? "" : " or a larger multiple of 8"));
  elements.resize(record.count);
  for (uint32_t i = 0; i < record.count; ++i)
    std::memcpy(&elements[i], payload.data() + uint64_t(i) * record.stride, sizeof(T));
  return true;
}

bool Reader::readRecord(const tercet_record_header &record, StringRef payload) {
  uint32_t kind = record.kind & ~TERCET_RECORD_REQUIRED;
  uint64_t needed = llvm::alignTo(uint64_t(record.count) * record.stride, 8);
  if (record.count == TERCET_NONE || needed != record.bytes)
    return refuse("record of kind " + Twine(kind) + ": " + Twine(record.bytes) + " bytes for " +
                  Twine(record.count) + " elements of " + Twine(record.stride));
  if (kind >= TERCET_RECORD_STRINGS && kind <= TERCET_RECORD_LIMITS && !seen.insert(kind).second)
    return refuse("record of kind " + Twine(kind) + " is there twice");
  auto take = [&](const char *name, auto &elements, bool isArray = false) {
    return this->take(name, record, payload, isArray, elements);
  };
  switch (kind) {
  case TERCET_RECORD_STRINGS:
    if (record.stride != 1)
      return refuse("STRINGS: stride " + Twine(record.stride) + ", expected 1");
    table.strings = payload.take_front(record.count);
    return true;
  case TERCET_RECORD_ENGINES:
    return take("ENGINES", table.engines);
  case TERCET_RECORD_POOLS:
    return take("POOLS", table.pools);
  case TERCET_RECORD_BUFFERS:
    return take("BUFFERS", table.buffers);
  case TERCET_RECORD_DIMS:
    return take("DIMS", table.dims, /*isArray=*/true);
  case TERCET_RECORD_TENSORS:
    return take("TENSORS", table.tensors);
  case TERCET_RECORD_SCALARS:
    return take("SCALARS", table.scalars);
  case TERCET_RECORD_ENTRIES:
    return take("ENTRIES", table.entries);
  case TERCET_RECORD_OPERANDS:
    return take("OPERANDS", table.operands);
  case TERCET_RECORD_SCALAR_REFS:
    return take("SCALAR_REFS", table.scalarRefs, /*isArray=*/true);
  case TERCET_RECORD_WAITS:
    return take("WAITS", table.waits, /*isArray=*/true);
  case TERCET_RECORD_COPIES:
    return take("COPIES", table.copies);
  case TERCET_RECORD_COMMANDS:
    return take("COMMANDS", table.commands);
  case TERCET_RECORD_KERNELS:
    return take("KERNELS", table.kernels);
  case TERCET_RECORD_PROFILE:
    return take("PROFILE", table.profile);
  case TERCET_RECORD_WEIGHTS:
    return take("WEIGHTS", table.weights);
  case TERCET_RECORD_LIMITS:
    return take("LIMITS", table.limits);
  default:
    if (record.kind & TERCET_RECORD_REQUIRED)
      return refuse("the table needs record kind " + Twine(kind) +
                    ", which this checker does not know");
    return true;
  }
}

Table Reader::read() {
  if (!readHeader())
    return table;
  StringRef left = bytes.take_front(header.total_bytes).drop_front(sizeof header);
  table.features = header.features_required;
  for (uint32_t i = 0; i < header.record_count; ++i) {
    tercet_record_header record;
    if (left.size() < sizeof record) {
      refuse("record " + Twine(i) + " of " + Twine(header.record_count) + " exceeds the table");
      return table;
    }
    std::memcpy(&record, left.data(), sizeof record);
    left = left.drop_front(sizeof record);
    if (left.size() < record.bytes) {
      refuse("record " + Twine(i) + " of " + Twine(header.record_count) + " exceeds the table");
      return table;
    }
    if (!readRecord(record, left.take_front(record.bytes)))
      return table;
    left = left.drop_front(record.bytes);
  }
  if (!left.empty())
    refuse(Twine(left.size()) + " bytes of the table lie behind its last record");
  if (table.strings.empty() || table.strings.front() || table.strings.back())
    refuse("STRINGS: the first and the last byte must be NUL");
  return table;
}

Table check::readTable(StringRef bytes, Findings &findings) {
  return Reader(bytes, findings).read();
}

std::string Table::name(uint32_t offset) const {
  return printable(
      strings.drop_front(std::min<size_t>(offset, strings.size())).take_until([](char c) {
        return c == '\0';
      }));
}

std::string Table::describeCommand(const tercet_entry_record &entry, uint32_t command) const {
  std::string text = "command " + std::to_string(command);
  const tercet_command_record &record = commands[entry.first_command + command];
  if (record.profile_slot < profile.size() && profile[record.profile_slot].name)
    text += ", node '" + name(profile[record.profile_slot].name) + "'";
  else if ((record.opcode == TERCET_COMMAND_DISPATCH || record.opcode == TERCET_COMMAND_SUBMIT) &&
           record.target < kernels.size())
    text += ", kernel '" + name(kernels[record.target].name) + "'";
  return text;
}

std::string Table::describe(const tercet_entry_record &entry, uint32_t command) const {
  return "entry '" + name(entry.name) + "', " + describeCommand(entry, command);
}

std::string Table::describeBuffer(uint32_t buffer) const {
  std::string text = "buffer " + std::to_string(buffer);
  if (buffer < buffers.size() && buffers[buffer].pool < pools.size())
    text += " of pool '" + name(pools[buffers[buffer].pool].name) + "'";
  return text;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The parts of a Program that are filled in late, and its bytes: header and
// records exactly as abi.h lays them out. Emit runs on little-endian hosts
// only, where the records' memory is their file format.

#include "compiler/emit/Program.h"

#include "compiler/emit/Faults.h"

#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::emit;

RankedTensorType Program::getType(const tercet_tensor_record &tensor) const {
  return llvm::TypeSwitch<Operation *, RankedTensorType>(bufferOps[tensor.buffer])
      .Case<cmd::InputOp, cmd::OutputOp, cmd::StateOp>(
          [](auto op) { return cast<RankedTensorType>(op.getTensor()); });
}

static_assert(llvm::endianness::native == llvm::endianness::little,
              "records are written as they lie in memory");

char InternalFault::ID = 0;

uint32_t StringRecord::add(StringRef text) {
  // A name ends at its first NUL, whoever wrote it.
  text = text.take_until([](char c) { return c == '\0'; });
  if (text.empty())
    return 0;
  auto [it, inserted] = offsets.try_emplace(text, bytes.size());
  if (inserted)
    bytes.append(text.begin(), text.end()).push_back('\0');
  return it->second;
}

std::string Program::getKernelSymbol(size_t index) const {
  return "tercet_" + name + "_kernel_" + std::to_string(index);
}

void Program::setStackBytes(const llvm::StringMap<uint64_t> &bytes) {
  limits.stack_bytes = 0;
  for (size_t i = 0; i < kernels.size(); ++i) {
    if (!isInObject(i))
      continue;
    kernels[i].stack_bytes = bytes.lookup(getKernelSymbol(i));
    limits.stack_bytes = std::max(limits.stack_bytes, kernels[i].stack_bytes);
  }
}

void Program::setWeightsDigest(ArrayRef<uint8_t> digest) {
  for (tercet_weights_record &record : weights) {
    assert(digest.size() == sizeof record.digest);
    record.digest_kind = TERCET_DIGEST_BLAKE3;
    llvm::copy(digest, record.digest);
  }
}

namespace {
class TableWriter {
public:
  TableWriter() : table(sizeof(tercet_table_header), '\0') {}

  template <typename T> void add(tercet_record_kind kind, const std::vector<T> &elements) {
    add(kind, elements.data(), elements.size(), sizeof(T));
  }

  /// Records without elements are left out: absent and empty mean the same.
  void add(tercet_record_kind kind, const void *elements, size_t count, size_t stride) {
    if (count == 0)
      return;
    uint64_t bytes = llvm::alignTo(count * stride, 8);
    tercet_record_header header = {kind, static_cast<uint32_t>(count),
                                   static_cast<uint32_t>(stride), static_cast<uint32_t>(bytes)};
    table.append(reinterpret_cast<const char *>(&header), sizeof header);
    table.append(static_cast<const char *>(elements), count * stride);
    table.append(bytes - count * stride, '\0');
    ++records;
  }

  std::string finish(uint64_t features) {
    tercet_table_header header = {};
    header.magic = TERCET_MAGIC_TABLE;
    header.major = TERCET_ABI_MAJOR;
    header.minor = TERCET_ABI_MINOR;
    header.features_required = features;
    // SUBMIT has the meaning that it has here since 1.2.
    header.minor_min = features & TERCET_BIT(TERCET_FEATURE_SUBMIT_BIT) ? 2 : 0;
    header.total_bytes = table.size();
    header.record_count = records;
    std::memcpy(table.data(), &header, sizeof header);
    return std::move(table);
  }

private:
  std::string table;
  uint32_t records = 0;
};
} // namespace

std::string emit::serializeTable(const Program &program) {
  TableWriter writer;
  StringRef strings = program.strings.getBytes();
  writer.add(TERCET_RECORD_STRINGS, strings.data(), strings.size(), 1);
  writer.add(TERCET_RECORD_ENGINES, program.engines);
  writer.add(TERCET_RECORD_POOLS, program.pools);
  writer.add(TERCET_RECORD_BUFFERS, program.buffers);
  writer.add(TERCET_RECORD_DIMS, program.dims);
  writer.add(TERCET_RECORD_TENSORS, program.tensors);
  writer.add(TERCET_RECORD_SCALARS, program.scalars);
  writer.add(TERCET_RECORD_ENTRIES, program.entries);
  writer.add(TERCET_RECORD_OPERANDS, program.operands);
  writer.add(TERCET_RECORD_SCALAR_REFS, program.scalarRefs);
  writer.add(TERCET_RECORD_WAITS, program.waits);
  writer.add(TERCET_RECORD_COPIES, program.copies);
  writer.add(TERCET_RECORD_COMMANDS, program.commands);
  writer.add(TERCET_RECORD_KERNELS, program.kernels);
  writer.add(TERCET_RECORD_PROFILE, program.profile);
  writer.add(TERCET_RECORD_WEIGHTS, program.weights);
  writer.add(TERCET_RECORD_LIMITS, &program.limits, 1, sizeof program.limits);
  return writer.finish(program.features);
}

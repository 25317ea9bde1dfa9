// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The bytes of a table, written from abi.h alone.

#include "Model.h"

#include <cstring>

using namespace tercet::check_test;

uint32_t Model::addPool(Pool pool) {
  pools.push_back(pool);
  return pools.size() - 1;
}

uint32_t Model::addBuffer(Buffer buffer) {
  buffers.push_back(buffer);
  return buffers.size() - 1;
}

namespace {
struct Writer {
  std::string bytes = std::string(sizeof(tercet_table_header), '\0');
  uint32_t records = 0;

  template <typename T> void add(uint32_t kind, const std::vector<T> &elements) {
    if (elements.empty())
      return;
    uint32_t payload = elements.size() * sizeof(T), padded = (payload + 7) / 8 * 8;
    tercet_record_header header = {kind, uint32_t(elements.size()), sizeof(T), padded};
    bytes.append(reinterpret_cast<const char *>(&header), sizeof header);
    bytes.append(reinterpret_cast<const char *>(elements.data()), payload);
    bytes.append(padded - payload, '\0');
    ++records;
  }
};
} // namespace

std::string Model::toTable() const {
  std::vector<char> strings(1, '\0');
  auto name = [&](const std::string &text) {
    uint32_t at = strings.size();
    strings.insert(strings.end(), text.c_str(), text.c_str() + text.size() + 1);
    return at;
  };
  std::vector<tercet_engine_record> engineRecords;
  std::vector<tercet_kernel_record> kernels;
  for (uint32_t e = 0; e < engines; ++e) {
    bool isDriven = drivers >> e & 1;
    uint32_t text = name((isDriven ? "npu" : "cpu") + std::to_string(e));
    if (isDriven)
      engineRecords.push_back({text, TERCET_ENGINE_NPU, TERCET_ISA_HEXAGON, 0, 0, 0,
                               hasImages ? 64u : 0u, hasImages ? TERCET_IMAGE_ELF : 0u,
                               driverWorkers});
    else
      engineRecords.push_back({text, TERCET_ENGINE_CPU, TERCET_ISA_NONE, 0, 0, 0, 0, 0, 0});
    kernels.push_back({text, e, 16, 0});
  }
  std::vector<tercet_pool_record> poolRecords;
  std::vector<tercet_weights_record> weights;
  for (uint32_t p = 0; p < pools.size(); ++p) {
    poolRecords.push_back({name("pool" + std::to_string(p)), pools[p].kind, pools[p].bytes,
                           pools[p].alignment, 0, pools[p].engineMask});
    if (pools[p].kind == TERCET_POOL_WEIGHTS)
      weights.push_back({p, TERCET_WEIGHTS_EMBEDDED, 0, pools[p].bytes, 0, 0, {}});
    if (pools[p].kind == TERCET_POOL_IO)
      poolRecords[p].bytes = 0;
  }
  std::vector<tercet_buffer_record> bufferRecords;
  for (const Buffer &buffer : buffers) {
    uint64_t offset = buffer.offset;
    if (buffer.pool < pools.size() && pools[buffer.pool].kind == TERCET_POOL_IO)
      offset = poolRecords[buffer.pool].bytes++;
    bufferRecords.push_back({buffer.pool, 0, buffer.alignment, 0, offset, buffer.bytes});
  }
  std::vector<uint64_t> dims;
  std::vector<tercet_tensor_record> tensors;
  for (const auto *list : {&inputs, &outputs})
    for (const Tensor &tensor : *list) {
      uint64_t bytes = buffers[tensor.buffer].bytes;
      tensors.push_back({name((list == &inputs ? "in" : "out") + std::to_string(tensors.size())),
                         TERCET_ELEMENT_U8, 1, uint32_t(dims.size()), tensor.buffer, tensor.flags,
                         list == &inputs ? TERCET_NONE : tensor.tied, 0, bytes});
      dims.push_back(bytes);
    }
  std::vector<tercet_operand_record> operands;
  std::vector<uint32_t> waits;
  std::vector<tercet_copy_record> copies;
  std::vector<tercet_command_record> records;
  std::vector<tercet_profile_record> profile;
  uint32_t tokens = 0;
  bool submits = false;
  for (const Command &command : commands) {
    tercet_command_record record = {};
    record.opcode = command.opcode;
    record.engine = command.engine;
    record.target = TERCET_NONE;
    submits |= command.opcode == TERCET_COMMAND_SUBMIT;
    if (command.opcode == TERCET_COMMAND_DISPATCH || command.opcode == TERCET_COMMAND_SUBMIT) {
      record.target = command.engine;
      record.grid[0] = record.grid[1] = record.grid[2] = 1;
    } else if (command.copy) {
      record.target = copies.size();
      copies.push_back(*command.copy);
    }
    record.profile_slot = profile.size();
    profile.push_back({name("node " + std::to_string(records.size())), 0, 0});
    record.first_operand = operands.size();
    record.operand_count = command.operands.size();
    for (const Operand &operand : command.operands)
      operands.push_back({operand.buffer, operand.access, operand.offset, operand.bytes});
    record.scratch_stride = command.scratchStride;
    record.scratch_buffer = command.scratchBuffer;
    record.signal_token = command.signals ? tokens++ : TERCET_NONE;
    record.first_wait = waits.size();
    record.wait_count = command.waits.size();
    waits.insert(waits.end(), command.waits.begin(), command.waits.end());
    records.push_back(record);
  }
  std::vector<tercet_entry_record> entries = {{name("main"), 0, 0, uint32_t(inputs.size()),
                                               uint32_t(inputs.size()), uint32_t(outputs.size()), 0,
                                               0, 0, uint32_t(records.size()), tokens, 0}};
  Writer writer;
  writer.add(TERCET_RECORD_STRINGS, strings);
  writer.add(TERCET_RECORD_ENGINES, engineRecords);
  writer.add(TERCET_RECORD_POOLS, poolRecords);
  writer.add(TERCET_RECORD_BUFFERS, bufferRecords);
  writer.add(TERCET_RECORD_DIMS, dims);
  writer.add(TERCET_RECORD_TENSORS, tensors);
  writer.add(TERCET_RECORD_ENTRIES, entries);
  writer.add(TERCET_RECORD_OPERANDS, operands);
  writer.add(TERCET_RECORD_WAITS, waits);
  writer.add(TERCET_RECORD_COPIES, copies);
  writer.add(TERCET_RECORD_COMMANDS, records);
  writer.add(TERCET_RECORD_KERNELS, kernels);
  writer.add(TERCET_RECORD_PROFILE, profile);
  writer.add(TERCET_RECORD_WEIGHTS, weights);
  writer.add(TERCET_RECORD_LIMITS, std::vector<tercet_limits_record>{{workers, 0, 64}});
  tercet_table_header header = {};
  header.magic = TERCET_MAGIC_TABLE;
  header.major = TERCET_ABI_MAJOR;
  if (submits && announcesSubmit) {
    header.features_required = TERCET_BIT(TERCET_FEATURE_SUBMIT_BIT);
    header.minor = header.minor_min = TERCET_ABI_MINOR;
  }
  header.total_bytes = writer.bytes.size();
  header.record_count = writer.records;
  std::memcpy(&writer.bytes[0], &header, sizeof header);
  return writer.bytes;
}

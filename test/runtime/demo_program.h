// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A copy of the demo program that a test may change: its table taken apart
// into records, put together again, and opened with memory of the test's.
// Each table lies at the end of its own heap block, so that the address
// sanitizer sees a read of a single byte past its end.
#ifndef TERCET_TEST_DEMO_PROGRAM_H
#define TERCET_TEST_DEMO_PROGRAM_H

#include "abi_demo.h"
#include "tercet/posix.h"
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

namespace tercet_test {

struct FreeDeleter {
  void operator()(void *memory) const { std::free(memory); }
};
using Block = std::unique_ptr<unsigned char, FreeDeleter>;

inline Block allocate(size_t bytes, size_t alignment = 64) {
  void *memory = nullptr;
  if (posix_memalign(&memory, alignment, bytes ? bytes : 1))
    std::abort();
  std::memset(memory, 0xA5, bytes);
  return Block(static_cast<unsigned char *>(memory));
}

struct Record {
  uint32_t kind, count, stride;
  std::vector<unsigned char> payload; // padded to 8
};

struct DemoProgram {
  tercet_table_header header;
  std::vector<Record> records;
  std::vector<tercet_kernel_fn> kernels;
  tercet_program program;
  Block table;

  explicit DemoProgram(const tercet_program &source = tercet_demo)
      : kernels(source.kernels, source.kernels + source.kernel_count), program(source) {
    auto *cursor = static_cast<const unsigned char *>(source.table);
    std::memcpy(&header, cursor, sizeof header);
    cursor += sizeof header;
    for (uint32_t i = 0; i < header.record_count; ++i) {
      tercet_record_header r;
      std::memcpy(&r, cursor, sizeof r);
      cursor += sizeof r;
      records.push_back({r.kind, r.count, r.stride, {cursor, cursor + r.bytes}});
      cursor += r.bytes;
    }
    build();
  }

  Record &record(uint32_t kind) {
    for (Record &r : records)
      if ((r.kind & ~TERCET_RECORD_REQUIRED) == kind)
        return r;
    std::abort();
  }

  template <typename T> T &at(uint32_t kind, uint32_t index) {
    Record &r = record(kind);
    return *reinterpret_cast<T *>(r.payload.data() + size_t(index) * r.stride);
  }
  tercet_command_record &command(uint32_t i) {
    return at<tercet_command_record>(TERCET_RECORD_COMMANDS, i);
  }
  tercet_operand_record &operand(uint32_t i) {
    return at<tercet_operand_record>(TERCET_RECORD_OPERANDS, i);
  }
  tercet_buffer_record &buffer(uint32_t i) {
    return at<tercet_buffer_record>(TERCET_RECORD_BUFFERS, i);
  }
  tercet_pool_record &pool(uint32_t i) { return at<tercet_pool_record>(TERCET_RECORD_POOLS, i); }
  tercet_tensor_record &tensor(uint32_t i) {
    return at<tercet_tensor_record>(TERCET_RECORD_TENSORS, i);
  }
  tercet_entry_record &entry(uint32_t i) {
    return at<tercet_entry_record>(TERCET_RECORD_ENTRIES, i);
  }
  tercet_engine_record &engine(uint32_t i) {
    return at<tercet_engine_record>(TERCET_RECORD_ENGINES, i);
  }

  // Makes the strides of a kind longer, filling with bytes from the future.
  void widen(uint32_t kind, uint32_t more) {
    Record &r = record(kind);
    std::vector<unsigned char> wide;
    for (uint32_t i = 0; i < r.count; ++i) {
      auto from = r.payload.begin() + std::ptrdiff_t(size_t(i) * r.stride);
      wide.insert(wide.end(), from, from + r.stride);
      wide.insert(wide.end(), more, 0xEE);
    }
    r.stride += more;
    wide.resize((wide.size() + 7) / 8 * 8);
    r.payload = wide;
  }

  // Puts header and records together and points the program at the result.
  void build() {
    std::vector<unsigned char> bytes(sizeof header);
    for (const Record &r : records) {
      tercet_record_header h = {r.kind, r.count, r.stride, uint32_t(r.payload.size())};
      auto *raw = reinterpret_cast<unsigned char *>(&h);
      bytes.insert(bytes.end(), raw, raw + sizeof h);
      bytes.insert(bytes.end(), r.payload.begin(), r.payload.end());
    }
    header.total_bytes = bytes.size();
    header.record_count = uint32_t(records.size());
    std::memcpy(bytes.data(), &header, sizeof header);
    setTable(bytes.data(), bytes.size());
    program.kernels = kernels.data();
    program.kernel_count = uint32_t(kernels.size());
  }

  void setTable(const unsigned char *bytes, size_t size) {
    table = allocate(size, 16);
    std::memcpy(table.get(), bytes, size);
    program.table = table.get();
    program.table_bytes = size;
  }
};

// An open context of a demo-like program with all its memory.
struct DemoRun {
  tercet_error error = {};
  Block memory, arena = allocate(TERCET_DEMO_ARENA_BYTES),
                state = allocate(TERCET_DEMO_STATE_BYTES);
  alignas(64) int32_t ids[4] = {3, 0, 9, 1};
  alignas(64) float y[4][16] = {};
  alignas(64) float x[8][16] = {};
  alignas(64) float snapshot[16] = {};
  tercet_context *context = nullptr;

  tercet_status open(const tercet_program &program, const tercet_options *options = nullptr) {
    uint64_t bytes = 0;
    if (tercet_status status = tercet_context_bytes(&program, &bytes, &error))
      return status;
    memory = allocate(bytes);
    return tercet_context_open(memory.get(), bytes, &program, options, &context, &error);
  }

  tercet_status bind() {
    uint32_t pool = 0;
    tercet_status status = TERCET_OK;
    auto keep = [&](tercet_status s) { status = status ? status : s; };
    if (!tercet_pool_find(context, TERCET_POOL_ARENA, 0, &pool))
      keep(tercet_pool_bind(context, pool, arena.get(), TERCET_DEMO_ARENA_BYTES));
    if (!tercet_pool_find(context, TERCET_POOL_STATE, 0, &pool))
      keep(tercet_pool_bind(context, pool, state.get(), TERCET_DEMO_STATE_BYTES));
    keep(tercet_state_reset(context));
    keep(tercet_input_bind(context, 0, 0, ids, sizeof ids));
    keep(tercet_output_bind(context, 0, 0, y, sizeof y));
    keep(tercet_input_bind(context, 1, 0, x, sizeof x));
    keep(tercet_output_bind(context, 1, 1, snapshot, sizeof snapshot));
    return status;
  }

  // Number of elements of y that differ from factor * w[ids].
  int wrong(float factor) const {
    int count = 0;
    for (int r = 0; r < 4; ++r)
      for (int c = 0; c < 16; ++c)
        count += y[r][c] != factor * (float(ids[r]) + float(c) / 16);
    return count;
  }
};

} // namespace tercet_test
#endif // TERCET_TEST_DEMO_PROGRAM_H

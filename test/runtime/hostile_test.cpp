// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every truncation and every changed byte of the demo's table: the outcome is
// a status, or a program that still runs within its declared memory. Built
// with the address and undefined-behaviour sanitizers this is the proof that a
// corrupt table cannot crash. Kernels that trust operands are replaced by one
// that touches exactly what the command declares.
#include "demo_program.h"
#include <gtest/gtest.h>

using namespace tercet_test;

namespace {

// Kernels of a corrupted program are called with changed operands, so these
// touch nothing but their scratch.
void quietKernel(const tercet_kernel_args *args, uint32_t, uint32_t, uint32_t, uint32_t worker) {
  if (args->scratch)
    args->scratch[worker * args->scratch_stride] = 1;
}

// Reads (or writes back) all bytes that each command declares, after it.
int touchOperands(void *user, const tercet_context *context, const tercet_command_info *command) {
  auto *sum = static_cast<uint64_t *>(user);
  for (uint32_t i = 0; i < command->operand_count; ++i) {
    tercet_operand_info operand;
    if (tercet_operand_query(context, command->entry, command->command, i, &operand))
      return 1;
    auto *bytes = static_cast<volatile unsigned char *>(operand.data);
    for (uint64_t b = 0; b < operand.bytes; ++b) {
      *sum += bytes[b];
      if (operand.access & TERCET_ACCESS_WRITE)
        bytes[b] = bytes[b];
    }
  }
  return 0;
}

constexpr uint64_t LargestBlock = 1 << 20;

// Opens, binds fresh blocks of exactly the sizes asked for, runs everything.
tercet_status exercise(const tercet_program &program) {
  DemoRun run;
  tercet_options options = {};
  tercet_cpu_info cpu = {};
  tercet_port_cpu_query(&cpu);
  cpu.features = ~uint64_t(0);
  options.cpu = &cpu;
  options.workers = 4;
  tercet_status status = run.open(program, &options);
  if (status)
    return status;
  std::vector<Block> blocks;
  auto block = [&](uint64_t bytes, uint32_t alignment) {
    if (bytes > LargestBlock || alignment > LargestBlock)
      return static_cast<unsigned char *>(nullptr);
    blocks.push_back(allocate(bytes, alignment < 8 ? 8 : alignment));
    return blocks.back().get();
  };
  for (uint32_t p = 0; p < tercet_pool_count(run.context); ++p) {
    tercet_pool_info info;
    tercet_pool_query(run.context, p, &info);
    if (unsigned char *memory = block(info.bytes, info.alignment))
      tercet_pool_bind(run.context, p, memory, info.bytes);
  }
  uint64_t sum = 0;
  tercet_observer_set(run.context, touchOperands, &sum);
  for (uint32_t e = 0; e < tercet_entry_count(run.context); ++e) {
    for (int side = 0; side < 2; ++side) {
      auto direction = tercet_direction(side);
      tercet_tensor_info info;
      for (uint32_t i = 0; !tercet_tensor_query(run.context, e, direction, i, &info); ++i)
        if (unsigned char *memory = block(info.bytes, info.alignment))
          tercet_output_bind(run.context, e, i, memory, info.bytes),
              tercet_input_bind(run.context, e, i, memory, info.bytes);
    }
    // A changed grid may be huge but valid; that is slow, not wrong.
    uint64_t tiles = 0;
    tercet_command_info command;
    for (uint32_t i = 0; !tercet_command_query(run.context, e, i, &command); ++i)
      tiles += command.tiles;
    if (tiles < 100000)
      status = tercet_entry_run(run.context, e);
  }
  tercet_state_reset(run.context);
  return status;
}

struct Hostile : testing::Test {
  DemoProgram demo;
  std::vector<unsigned char> good;
  Hostile() {
    for (tercet_kernel_fn &kernel : demo.kernels)
      kernel = quietKernel;
    demo.build();
    auto *bytes = static_cast<const unsigned char *>(demo.program.table);
    good.assign(bytes, bytes + demo.program.table_bytes);
  }
};

TEST_F(Hostile, UnchangedTableRuns) { EXPECT_EQ(exercise(demo.program), TERCET_OK); }

TEST_F(Hostile, EveryTruncationIsRefused) {
  for (size_t size = 0; size < good.size(); ++size) {
    demo.setTable(good.data(), size);
    EXPECT_NE(exercise(demo.program), TERCET_OK) << size;
    // The same with a header that agrees with the truncation.
    if (size < sizeof(tercet_table_header))
      continue;
    std::vector<unsigned char> cut(good.begin(), good.begin() + std::ptrdiff_t(size));
    uint64_t total = size;
    std::memcpy(cut.data() + offsetof(tercet_table_header, total_bytes), &total, 8);
    demo.setTable(cut.data(), size);
    EXPECT_NE(exercise(demo.program), TERCET_OK) << size;
  }
}

TEST_F(Hostile, EveryChangedByteIsAStatusOrRuns) {
  size_t ran = 0;
  for (size_t i = 0; i < good.size(); ++i)
    for (int value : {0x00, 0x01, 0x7F, 0x80, 0xFF, -1, -2}) {
      std::vector<unsigned char> bad = good;
      bad[i] = value >= 0    ? static_cast<unsigned char>(value)
               : value == -1 ? static_cast<unsigned char>(bad[i] + 1)
                             : static_cast<unsigned char>(bad[i] - 1);
      demo.setTable(bad.data(), bad.size());
      ran += exercise(demo.program) == TERCET_OK;
    }
  // Names, predictions and reserved fields may change; not most of the table.
  EXPECT_GT(ran, good.size() / 2);
  EXPECT_LT(ran, good.size() * 7);
}

// Several changes at once, from a fixed seed: fields that must agree.
TEST_F(Hostile, RandomChangesAreAStatusOrRun) {
  uint64_t state = 0x9E3779B97F4A7C15u;
  auto random = [&] {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
  };
  static const uint32_t values[] = {0,  1,   2,   3,          4,          8,          63,
                                    64, 255, 256, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF};
  for (int round = 0; round < 20000; ++round) {
    std::vector<unsigned char> bad = good;
    for (uint64_t n = random() % 3 + 1; n; --n) {
      size_t at = size_t(random() % (good.size() / 4)) * 4;
      uint32_t value = values[random() % (sizeof values / sizeof *values)];
      std::memcpy(bad.data() + at, &value, 4);
    }
    demo.setTable(bad.data(), bad.size());
    exercise(demo.program);
  }
}

} // namespace

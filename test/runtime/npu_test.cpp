// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Programs with a CPU and an NPU, run for real: the image of npu/kernels.c in a
// qemu-hexagon process, in list order and with queues. Results, overlap, the
// ring, workers and local memory, what is counted; and the NPU's own runtime
// (builtins, copies) against the CPU's.
#include "npu_mailbox.h"
#include <chrono>
#include <random>

using namespace tercet_test;

namespace {

class Npu : public testing::TestWithParam<bool> {
protected:
  void TearDown() override { nothing_is_left.check(); }
  NothingIsLeft nothing_is_left;
};

INSTANTIATE_TEST_SUITE_P(, Npu, testing::Bool(),
                         [](const auto &info) { return info.param ? "Queues" : "List"; });

void twice(const tercet_kernel_args *args, uint32_t x, uint32_t, uint32_t, uint32_t) {
  auto *in = static_cast<const int32_t *>(args->buffers[0]) + x * 256;
  auto *out = static_cast<int32_t *>(args->buffers[1]) + x * 256;
  for (int i = 0; i < 256; ++i)
    out[i] = 2 * in[i];
}

// CPU, NPU, CPU, NPU, each with what the other has made.
TEST_P(Npu, AChainOfBoth) {
  for (const char *name : {"kernels-v67", "kernels-v66"}) {
    NpuProgram program(readFile(imagePath(name)));
    program.beginEntry("main");
    uint32_t a = program.dispatch(NpuProgram::Cpu, twice, {{0, READ}, {1, WRITE}}, {}, 4);
    uint32_t b = program.submit(Add, {{0, READ}, {1, READ}, {2, WRITE}}, {a}, 4);
    uint32_t c = program.dispatch(NpuProgram::Cpu, twice, {{2, READ}, {3, WRITE}}, {b}, 4);
    uint32_t d =
        program.submit(Add, {{3, READ}, {NpuProgram::WeightsBuffer, READ}, {4, WRITE}}, {c}, 4);
    program.dispatch(NpuProgram::Cpu, twice, {{4, READ}, {5, WRITE}}, {d}, 4);
    Opened opened(program, GetParam());
    NpuContext &context = opened.context;
    for (int repeat = 0; repeat < 50; ++repeat) {
      for (int i = 0; i < 1024; ++i)
        context.slot<int32_t>(0)[i] = i * repeat;
      ASSERT_EQ(context.run(), TERCET_OK) << context.text();
      for (int i = 0; i < 1024; ++i)
        ASSERT_EQ(context.slot<int32_t>(5)[i], 2 * (6 * i * repeat + 7 * i)) << i;
    }
    tercet_driver_info info;
    ASSERT_EQ(tercet_drivers_query(context.context, NpuProgram::Npu, &info), TERCET_OK);
    EXPECT_EQ(info.ready, 1);
    EXPECT_EQ(info.submissions, 100u);
    EXPECT_EQ(info.local_bytes, 65536u);
    EXPECT_EQ(info.shared_bytes, 9u * 4096);
  }
}

// Weights in the NPU's own memory: as many as fit, there when it starts and
// again when it has been started anew.
TEST_P(Npu, ReadsWeightsOfItsOwnMemory) {
  NpuProgram program(readFile(imagePath("kernels-v67")));
  program.keepWeights(200704);
  program.beginEntry("main");
  // The last tiles of them, behind several pieces of what was copied.
  program.submit(Add, {{0, READ}, {NpuProgram::WeightsBuffer, READ}, {2, WRITE}}, {}, 4);
  tercet_operand_record &last = program.operand_records[program.operand_records.size() - 2];
  last.offset = 200704 - 4096;
  last.bytes = 4096;
  Opened opened(program, GetParam());
  NpuContext &context = opened.context;
  for (int repeat = 0; repeat < 3; ++repeat) {
    for (int i = 0; i < 1024; ++i)
      context.slot<int32_t>(0)[i] = i * repeat;
    ASSERT_EQ(context.run(), TERCET_OK) << context.text();
    for (int i = 0; i < 1024; ++i)
      ASSERT_EQ(context.slot<int32_t>(2)[i], i * repeat + 7 * (i + 49152)) << i;
    ASSERT_EQ(tercet_drivers_reopen(context.context, NpuProgram::Npu), TERCET_OK);
  }
  tercet_driver_info info;
  ASSERT_EQ(tercet_drivers_query(context.context, NpuProgram::Npu, &info), TERCET_OK);
  EXPECT_EQ(info.local_bytes, 65536u + 200704u);
}

// More submissions than the ring holds, in order, without a token.
TEST_P(Npu, TheRingIsFull) {
  NpuProgram program(readFile(imagePath("kernels-v67")));
  program.beginEntry("main");
  program.scalarsOfEntry(2);
  for (int i = 0; i < 300; ++i) {
    program.submit(Slow, {{0, READ | WRITE}});
    program.take(uint32_t(i), {0, 1});
  }
  Opened opened(program, GetParam());
  *opened.context.slot<int64_t>(0) = 5;
  ASSERT_EQ(tercet_scalar_set(opened.context.context, 0, 0, -3), TERCET_OK);
  ASSERT_EQ(tercet_scalar_set(opened.context.context, 0, 1, 10), TERCET_OK);
  for (int run = 1; run <= 5; ++run) {
    ASSERT_EQ(opened.context.run(), TERCET_OK) << opened.context.text();
    ASSERT_EQ(*opened.context.slot<int64_t>(0), 5 - 900 * run);
  }
}

std::atomic<uint64_t> cpu_start, cpu_end;
void busy(const tercet_kernel_args *args, uint32_t, uint32_t, uint32_t, uint32_t) {
  cpu_start = tercet_port_clock_read();
  while (tercet_port_clock_read() < cpu_start + uint64_t(args->scalars[0]))
    continue;
  cpu_end = tercet_port_clock_read();
}

// Both at the same time, by the clocks of both.
TEST_P(Npu, OverlapsWithTheCpu) {
  NpuProgram program(readFile(imagePath("kernels-v67")));
  program.beginEntry("main");
  program.scalarsOfEntry(3);
  uint32_t npu = program.submit(Slow, {{0, READ | WRITE}});
  program.take(npu, {0, 1});
  uint32_t cpu = program.dispatch(NpuProgram::Cpu, busy, {{1, WRITE}});
  program.take(cpu, {2});
  program.submit(Add, {{0, READ}, {1, READ}, {2, WRITE}}, {cpu});
  Opened opened(program, GetParam());
  tercet_context *context = opened.context.context;
  tercet_scalar_set(context, 0, 1, 200000);
  tercet_scalar_set(context, 0, 2, 50000000);
  tercet_profile_sample samples[3] = {};
  ASSERT_EQ(tercet_profile_set(context, samples, 3, nullptr, nullptr), TERCET_OK);
  int overlaps = 0;
  for (int repeat = 0; repeat < 5; ++repeat) {
    ASSERT_EQ(opened.context.run(), TERCET_OK) << opened.context.text();
    // The samples are the NPU's own, of the clock that the CPU reads.
    EXPECT_LT(samples[0].start, samples[0].end);
    EXPECT_LE(samples[0].end, samples[2].start);
    EXPECT_LE(cpu_end, samples[2].start);
    overlaps += samples[0].start < cpu_end && cpu_start < samples[0].end;
  }
  EXPECT_GE(overlaps, 4); // a busy machine may miss one
}

// Scratch in local memory, a grid of three dimensions, and who did what.
TEST_P(Npu, WorkersShareTheGrid) {
  for (uint32_t workers : {1u, 2u, 4u})
    for (uint32_t grain : {0u, 1u, 5u}) {
      NpuProgram program(readFile(imagePath("kernels-v67")), workers);
      program.beginEntry("main");
      uint32_t c = program.submit(Gather, {{0, READ | WRITE}, {1, READ}});
      program.commands[c].grid[0] = 4;
      program.commands[c].grid[1] = 3;
      program.commands[c].grid[2] = 7;
      program.commands[c].grain = grain;
      program.scratch(c, 128);
      Opened opened(program, GetParam());
      tercet_engine_sample sample = {};
      ASSERT_EQ(tercet_drivers_samples_set(opened.context.context, &sample, 1), TERCET_OK);
      for (int repeat = 0; repeat < 10; ++repeat) {
        uint32_t *sums = opened.context.slot<uint32_t>(0), expected = 0;
        memset(sums, 0, 64);
        for (uint32_t i = 0; i < 84; ++i)
          expected += opened.context.slot<uint32_t>(1)[i] = i * i + 1;
        ASSERT_EQ(opened.context.run(), TERCET_OK) << opened.context.text();
        EXPECT_EQ(sums[0] + sums[1] + sums[2] + sums[3], expected);
        for (uint32_t w = workers; w < 8; ++w)
          EXPECT_EQ(sums[w], 0u);
        if (grain == 0) {
          for (uint32_t w = 0; w < workers; ++w)
            EXPECT_GT(sums[w], 0u) << w;
        }
        // 84 tiles of some ten packets each.
        EXPECT_GT(sample.packets, 84u * 5);
        EXPECT_LT(sample.packets, 84u * 100);
        EXPECT_LE(sample.packets_of_one, sample.packets);
        EXPECT_GE(sample.packets_of_one * workers, sample.packets);
      }
    }
}

TEST_P(Npu, CountsVectorInstructions) {
  NpuProgram program(readFile(imagePath("kernels-v67")), 1);
  program.beginEntry("main");
  program.submit(Add, {{0, READ}, {1, READ}, {2, WRITE}}, {}, 4);
  program.dispatch(NpuProgram::Cpu, twice, {{0, READ}, {3, WRITE}});
  Opened opened(program, GetParam());
  tercet_engine_sample samples[2] = {{1, 1, 1}, {77, 77, 77}};
  ASSERT_EQ(tercet_drivers_samples_set(opened.context.context, samples, 2), TERCET_OK);
  ASSERT_EQ(opened.context.run(), TERCET_OK);
  EXPECT_GE(samples[0].vector_instructions, 4u * 8 * 3); // two loads, an addition or a store
  EXPECT_LE(samples[0].vector_instructions, 4u * 8 * 6);
  EXPECT_EQ(samples[1].packets, 77u); // not the NPU's
}

int watch(void *user, const tercet_context *context, const tercet_command_info *command) {
  tercet_operand_info operand = {};
  tercet_operand_query(context, 0, command->command, 0, &operand);
  auto *seen = static_cast<std::vector<std::string> *>(user);
  seen->push_back(std::string(command->kernel) + " " +
                  std::to_string(*static_cast<const int64_t *>(operand.data)));
  return seen->size() == 4;
}

// After each command, when its successor has not run yet.
TEST_P(Npu, IsObserved) {
  NpuProgram program(readFile(imagePath("kernels-v67")));
  program.beginEntry("main");
  program.scalarsOfEntry(2);
  for (uint32_t i = 0; i < 6; ++i) {
    program.submit(Slow, {{0, READ | WRITE}});
    program.take(i, {0, 1});
  }
  Opened opened(program, GetParam());
  tercet_scalar_set(opened.context.context, 0, 0, 10);
  std::vector<std::string> seen;
  ASSERT_EQ(tercet_observer_set(opened.context.context, watch, &seen), TERCET_OK);
  EXPECT_EQ(opened.context.run(), TERCET_ERROR_STOPPED);
  EXPECT_EQ(seen, (std::vector<std::string>{"slow 10", "slow 20", "slow 30", "slow 40"}));
  EXPECT_EQ(tercet_context_error(opened.context.context)->index, 3u);
  EXPECT_EQ(*opened.context.slot<int64_t>(0), 40);
  tercet_command_info info;
  ASSERT_EQ(tercet_command_query(opened.context.context, 0, 0, &info), TERCET_OK);
  EXPECT_EQ(info.opcode, TERCET_COMMAND_SUBMIT);
  EXPECT_STREQ(info.engine, "cpu1");
  EXPECT_EQ(info.tiles, 1u);
}

// ---- The NPU's runtime ------------------------------------------------------

TEST_F(Npu, MovesByWayOfLocalMemory) {
  NpuProgram program(readFile(imagePath("kernels-v67")));
  program.beginEntry("main");
  program.submit(Move, {{0, READ}, {1, WRITE}});
  program.scratch(0, 4096);
  Opened opened(program, false);
  auto *from = opened.context.slot<unsigned char>(0), *to = opened.context.slot<unsigned char>(1);
  for (int i = 0; i < 4096; ++i)
    from[i] = static_cast<unsigned char>(i * 31 + i / 256);
  ASSERT_EQ(opened.context.run(), TERCET_OK) << opened.context.text();
  for (int row = 0; row < 8; ++row)
    for (int i = 0; i < 192; ++i)
      ASSERT_EQ(to[row * 192 + i], from[row * 320 + i]) << row << " " << i;
}

TEST_F(Npu, Divides) {
  NpuProgram program(readFile(imagePath("kernels-v67")));
  program.beginEntry("main");
  program.submit(Divide, {{0, READ}, {1, WRITE}}, {}, 64);
  Opened opened(program, false);
  auto *in = opened.context.slot<int64_t>(0), *out = opened.context.slot<int64_t>(1);
  std::mt19937_64 random(1);
  const int64_t special[] = {1, -1, 2, 7, INT32_MAX, INT32_MIN, int64_t(1) << 32, INT64_MAX};
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 64; ++i) {
      in[2 * i] = int64_t(random()) >> random() % 63;
      in[2 * i + 1] = i < 8 ? special[i] : int64_t(random()) >> random() % 63;
      if (!in[2 * i + 1])
        in[2 * i + 1] = 3;
      if (in[2 * i] == INT64_MIN || int32_t(in[2 * i]) == INT32_MIN)
        in[2 * i] = 5; // not defined by -1
    }
    ASSERT_EQ(opened.context.run(), TERCET_OK) << opened.context.text();
    for (int i = 0; i < 64; ++i) {
      int64_t a = in[2 * i], b = in[2 * i + 1];
      int32_t c = int32_t(a), d = int32_t(b) ? int32_t(b) : 1;
      const int64_t expected[] = {
          a / b, a % b, int64_t(uint64_t(a) / uint64_t(b)), int64_t(uint64_t(a) % uint64_t(b)),
          c / d, c % d, uint32_t(c) / uint32_t(d),          uint32_t(c) % uint32_t(d)};
      for (int k = 0; k < 8; ++k)
        ASSERT_EQ(out[8 * i + k], expected[k]) << a << " " << b << " " << k;
    }
  }
}

TEST_F(Npu, BlockMemoryAtAllAlignments) {
  NpuProgram program(readFile(imagePath("kernels-v67")));
  program.beginEntry("main");
  program.scalarsOfEntry(4);
  program.submit(Block, {{0, READ}, {1, READ | WRITE}});
  program.take(0, {0, 1, 2, 3});
  Opened opened(program, false);
  auto *in = opened.context.slot<unsigned char>(0), *out = opened.context.slot<unsigned char>(1);
  std::mt19937 random(2);
  for (int round = 0; round < 600; ++round) {
    std::vector<unsigned char> expected(4096);
    for (int i = 0; i < 4096; ++i) {
      in[i] = static_cast<unsigned char>(random());
      expected[size_t(i)] = out[i] = static_cast<unsigned char>(random());
    }
    const int64_t scalars[4] = {int64_t(random() % 1000), int64_t(random() % 1000),
                                int64_t(random() % (round % 2 ? 2000 : 140)), round % 3};
    for (uint32_t s = 0; s < 4; ++s)
      ASSERT_EQ(tercet_scalar_set(opened.context.context, 0, s, scalars[s]), TERCET_OK);
    auto bytes = size_t(scalars[2]);
    unsigned char *to = expected.data() + scalars[1];
    if (scalars[3] == 0)
      memcpy(to, in + scalars[0], bytes);
    else if (scalars[3] == 1)
      memmove(to, expected.data() + scalars[0], bytes);
    else
      memset(to, int(scalars[0]), bytes);
    ASSERT_EQ(opened.context.run(), TERCET_OK) << opened.context.text();
    ASSERT_EQ(memcmp(out, expected.data(), 4096), 0)
        << scalars[0] << " " << scalars[1] << " " << scalars[2] << " " << scalars[3];
  }
}

} // namespace

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Drivers as the runtime uses them, with a driver of the test's own: a thread
// that runs C++ functions. What is asked of a driver and in which order, how
// failures of each call end, when a walk waits, and which tables are refused.
// Run under the thread sanitizer too, with queues.
#include "fake_driver.h"

using namespace tercet_test;

namespace {

// CPU and NPU with an arena of eight slots, local memory and weights.
struct Case {
  explicit Case(bool concurrent = false) : program({1, 2, 3}), queues({1, 1}), many(concurrent) {
    program.beginEntry("main");
    fake.kernels.assign(Kernels, [](int64_t *value) { return ++*value, 0u; });
  }
  tercet_status open() {
    context = std::make_unique<NpuContext>(program);
    if (context->status)
      return context->status;
    tercet_status status = context->attach(fake.driver);
    if (!status && many)
      status = context->attachQueues(queues.port());
    return status;
  }
  NpuProgram program;
  Fake fake;
  Queues queues;
  bool many;
  std::unique_ptr<NpuContext> context;
};

constexpr uint64_t arenaBytes = uint64_t(NpuProgram::Slots) * NpuProgram::NpuSlot;

void increment(const tercet_kernel_args *args, uint32_t, uint32_t, uint32_t, uint32_t) {
  ++*static_cast<int64_t *>(args->buffers[0]);
}

class Drivers : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(, Drivers, testing::Bool(),
                         [](const auto &info) { return info.param ? "Queues" : "List"; });

TEST_P(Drivers, AreAskedInOrder) {
  Case c(GetParam());
  c.program.submit(Slow, {{3, READ | WRITE}, {NpuProgram::WeightsBuffer, READ}});
  c.program.scratch(0, 256);
  ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
  EXPECT_EQ(c.fake.setup.kernel_count, uint32_t(Kernels));
  EXPECT_EQ(c.fake.setup.workers, 2u);
  EXPECT_EQ(c.fake.setup.max_operands, 2u);
  EXPECT_EQ(c.fake.setup.image_bytes, 3u);
  EXPECT_EQ(c.fake.setup.image, c.program.image.data());
  EXPECT_STREQ(c.fake.setup.engine, "cpu1");
  uint64_t bytes = 0;
  ASSERT_EQ(tercet_drivers_bytes(c.context->context, &bytes), TERCET_OK);
  EXPECT_LE(bytes, TERCET_DRIVERS_BYTES(1, 3, 2) + TERCET_DRIVERS_SEGMENT_BYTES(1));
  // The weights are synchronised once; each run, both operands before and the
  // one that is written after.
  EXPECT_EQ(c.fake.syncs, 1u);
  ASSERT_EQ(c.context->run(), TERCET_OK);
  EXPECT_EQ(c.fake.syncs, 4u);
  EXPECT_EQ(*c.context->slot<int64_t>(3), 1);
  EXPECT_EQ(c.fake.last_bytes, uint64_t(NpuProgram::NpuSlot));
  ASSERT_EQ(tercet_drivers_reopen(c.context->context, 1), TERCET_OK);
  ASSERT_EQ(tercet_drivers_detach(c.context->context), TERCET_OK);
  EXPECT_EQ(c.fake.calls,
            (std::vector<std::string>{"open", "alloc shared", "alloc local", "alloc shared", "load",
                                      "load", "free", "free", "free", "close"}));
  ASSERT_EQ(tercet_drivers_detach(c.context->context), TERCET_OK); // nothing to do
}

TEST_P(Drivers, ProvideTheirPools) {
  Case c(GetParam());
  c.program.submit(Slow, {{3, READ | WRITE}});
  ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
  tercet_context *context = c.context->context;
  Memory own(arenaBytes);
  EXPECT_EQ(tercet_pool_bind(context, NpuProgram::Arena, own.get(), arenaBytes),
            TERCET_ERROR_NOT_BINDABLE);
  for (uint32_t pool : {NpuProgram::Arena, NpuProgram::Local}) {
    tercet_pool_info info;
    ASSERT_EQ(tercet_pool_query(context, pool, &info), TERCET_OK);
    EXPECT_EQ(info.bound, 1);
  }
  ASSERT_EQ(tercet_drivers_detach(context), TERCET_OK);
  EXPECT_EQ(c.context->run(), TERCET_ERROR_NOT_BOUND);
  // Without drivers: the application's memory, and no SUBMIT.
  Memory local(NpuProgram::LocalBytes + 128);
  auto aligned = (reinterpret_cast<uintptr_t>(local.get()) + 127) & ~uintptr_t(127);
  ASSERT_EQ(tercet_pool_bind(context, NpuProgram::Arena, own.get(), arenaBytes), TERCET_OK);
  ASSERT_EQ(tercet_pool_bind(context, NpuProgram::Local, reinterpret_cast<void *>(aligned),
                             NpuProgram::LocalBytes),
            TERCET_OK);
  EXPECT_EQ(c.context->run(), TERCET_ERROR_UNSUPPORTED_COMMAND);
}

// Weights that no CPU addresses come into the engine's own memory, piece by
// piece, and again after it was lost.
TEST_P(Drivers, KeepWeightsInLocalMemory) {
  constexpr uint64_t bytes = 150016;
  for (uint32_t version : {2u, 1u}) {
    Case c(GetParam());
    c.program.keepWeights(bytes);
    c.program.submit(Slow, {{NpuProgram::WeightsBuffer, READ}, {3, WRITE}});
    tercet_driver_table table = *c.fake.driver.table;
    table.version = version;
    c.fake.driver.table = &table;
    uint64_t wrong = 0, runs = 0;
    c.fake.kernels[Slow] = [&](int64_t *value) {
      auto *words = reinterpret_cast<int32_t *>(value);
      for (uint64_t i = 0; i < bytes / 4; ++i)
        wrong += words[i] != int32_t(i * 7);
      // As if it were gone.
      words[bytes / 4 - 1] = 0;
      return ++runs, 0u;
    };
    ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
    // Those of an earlier version cannot copy: shared memory, as ever.
    EXPECT_EQ(c.fake.copies, version == 2 ? 3u : 0u);
    EXPECT_EQ(c.fake.setup.local_bytes, NpuProgram::LocalBytes + (version == 2 ? 151552u : 0u));
    ASSERT_EQ(c.context->run(), TERCET_OK) << c.context->text();
    ASSERT_EQ(tercet_drivers_reopen(c.context->context, 1), TERCET_OK);
    ASSERT_EQ(c.context->run(), TERCET_OK) << c.context->text();
    EXPECT_EQ(c.fake.copies, version == 2 ? 6u : 0u);
    EXPECT_EQ(runs, 2u);
    EXPECT_EQ(wrong, 0u);
    // A copy that fails is a failure of attach, which leaves nothing open.
    if (version == 2) {
      ASSERT_EQ(tercet_drivers_detach(c.context->context), TERCET_OK);
      c.fake.calls.clear();
      c.fake.failing = "submit";
      EXPECT_EQ(c.context->attach(c.fake.driver), TERCET_ERROR_ENGINE_LOST);
      EXPECT_EQ(c.fake.calls.back(), "close");
      c.fake.failing = "";
      // So is one that is answered with a fault.
      c.fake.copy_fault = 7;
      EXPECT_EQ(c.context->attach(c.fake.driver), TERCET_ERROR_ENGINE_REFUSED);
      EXPECT_NE(c.context->text().find("does not copy weights"), std::string::npos);
      c.fake.copy_fault = 0;
    }
    c.context.reset();
  }
}

// Everything that the driver may have in hand it has, and no more.
TEST_P(Drivers, KeepManyInHand) {
  Case c(GetParam());
  std::vector<int64_t> order;
  c.fake.kernels[Slow] = [&](int64_t *value) { return order.push_back(++*value), 0u; };
  for (int i = 0; i < 200; ++i)
    c.program.submit(Slow, {{3, READ | WRITE}});
  for (uint32_t depth : {1u, 4u, 1000u}) {
    c.fake.depth = depth;
    c.fake.most_in_hand = 0;
    ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
    order.clear();
    ASSERT_EQ(c.context->run(), TERCET_OK) << c.context->text();
    EXPECT_EQ(order.size(), 200u);
    EXPECT_LE(c.fake.most_in_hand, std::min(depth, 64u));
    if (depth == 1) {
      EXPECT_EQ(c.fake.most_in_hand, 1u);
    }
    c.context.reset();
  }
}

// A chain over both engines: each waits for the other's token.
TEST_P(Drivers, TokensGoBothWays) {
  Case c(GetParam());
  uint32_t last = 0;
  for (uint32_t i = 0; i < 60; ++i) {
    std::vector<uint32_t> after = i ? std::vector<uint32_t>{last} : std::vector<uint32_t>{};
    last = i % 3 == 0 ? c.program.dispatch(NpuProgram::Cpu, increment, {{3, READ | WRITE}}, after)
                      : c.program.submit(Slow, {{3, READ | WRITE}}, after);
  }
  ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
  for (int64_t repeat = 1; repeat <= 50; ++repeat) {
    ASSERT_EQ(c.context->run(), TERCET_OK) << c.context->text();
    ASSERT_EQ(*c.context->slot<int64_t>(3), 60 * repeat);
  }
}

// The NPU is inside a submission while the CPU runs what does not wait for it,
// and what waits for another token of the NPU.
TEST_P(Drivers, CpuRunsBesideThem) {
  static std::atomic<int> stage;
  Case c(GetParam());
  c.fake.kernels[Slow] = [](int64_t *) {
    for (int i = 0; stage != 2 && i < 20000; ++i)
      std::this_thread::sleep_for(std::chrono::microseconds(500));
    return stage == 2 ? 0u : 99u;
  };
  c.fake.kernels[Add] = [](int64_t *) { return stage = 1, 0u; };
  uint32_t first = c.program.submit(Add, {{3, WRITE}});
  uint32_t slow = c.program.submit(Slow, {{4, WRITE}});
  c.program.dispatch(NpuProgram::Cpu,
                     [](const tercet_kernel_args *, uint32_t, uint32_t, uint32_t, uint32_t) {
                       EXPECT_EQ(stage, 1); // its token has come
                       stage = 2;
                     },
                     {}, {first});
  c.program.dispatch(NpuProgram::Cpu, increment, {{5, WRITE}}, {slow});
  ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
  for (int repeat = 0; repeat < 20; ++repeat) {
    stage = 0;
    ASSERT_EQ(c.context->run(), TERCET_OK) << c.context->text();
  }
}

// A command of another kind on the engine's queue comes after its submissions.
TEST_P(Drivers, CopiesWaitForTheirQueue) {
  Case c(GetParam());
  c.program.submit(Slow, {{3, READ | WRITE}});
  c.program.copy(NpuProgram::Npu, 3, 4);
  c.program.submit(Slow, {{3, READ | WRITE}});
  ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
  for (int64_t repeat = 0; repeat < 20; ++repeat) {
    ASSERT_EQ(c.context->run(), TERCET_OK);
    EXPECT_EQ(*c.context->slot<int64_t>(4), 2 * repeat + 1);
    EXPECT_EQ(*c.context->slot<int64_t>(3), 2 * repeat + 2);
  }
}

// One thread for both engines.
TEST(DriversOnce, ShareAQueueWithTheCpu) {
  Case c;
  uint32_t last = c.program.submit(Slow, {{3, READ | WRITE}});
  for (int i = 0; i < 20; ++i) {
    c.program.submit(Slow, {{4, READ | WRITE}});
    last = c.program.dispatch(NpuProgram::Cpu, increment, {{3, READ | WRITE}}, {last});
    last = c.program.submit(Slow, {{3, READ | WRITE}}, {last});
  }
  Queues one({1});
  ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
  ASSERT_EQ(c.context->attachQueues(one.port()), TERCET_OK);
  for (int64_t repeat = 1; repeat <= 20; ++repeat) {
    ASSERT_EQ(c.context->run(), TERCET_OK);
    EXPECT_EQ(*c.context->slot<int64_t>(3), 41 * repeat);
    EXPECT_EQ(*c.context->slot<int64_t>(4), 20 * repeat);
  }
}

TEST_P(Drivers, SamplesAreTheEngines) {
  Case c(GetParam());
  for (int i = 0; i < 3; ++i)
    c.program.submit(Slow, {{3, READ | WRITE}});
  ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
  tercet_profile_sample times[3] = {};
  tercet_engine_sample counts[3] = {};
  tercet_context *context = c.context->context;
  ASSERT_EQ(tercet_profile_set(context, times, 3, nullptr, nullptr), TERCET_OK);
  ASSERT_EQ(tercet_drivers_samples_set(context, counts, 3), TERCET_OK);
  ASSERT_EQ(c.context->run(), TERCET_OK);
  for (uint32_t i = 0; i < 3; ++i) {
    EXPECT_EQ(times[i].start, 100u * (i + 1));
    EXPECT_EQ(times[i].end, 100u * (i + 1) + 50);
    EXPECT_EQ(counts[i].packets, 10u * (i + 1));
  }
  // With a clock of the caller's own the engine's is of no use.
  uint64_t ticks = 7;
  auto clock = [](void *user) { return ++*static_cast<uint64_t *>(user); };
  ASSERT_EQ(tercet_profile_set(context, times, 1, clock, &ticks), TERCET_OK);
  ASSERT_EQ(c.context->run(), TERCET_OK);
  EXPECT_EQ(times[0].start, 8u);
  EXPECT_EQ(times[0].end, 9u);
}

// A fault in the middle: nothing that was not started is, what was is waited
// for, and the error names the first.
TEST_P(Drivers, FaultsStopTheRun) {
  Case c(GetParam());
  std::atomic<int> executed{0};
  c.fake.kernels[Slow] = [&](int64_t *) { return ++executed, 0u; };
  c.fake.kernels[Fault] = [&](int64_t *) { return ++executed, 2u; };
  uint32_t first = c.program.submit(Slow, {{3, WRITE}});
  uint32_t bad = c.program.submit(Fault, {{3, WRITE}}, {first});
  c.program.submit(Fault, {{3, WRITE}});
  c.program.dispatch(NpuProgram::Cpu, increment, {{4, WRITE}}, {bad});
  for (int i = 0; i < 100; ++i)
    c.program.submit(Slow, {{3, WRITE}});
  ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
  for (int repeat = 0; repeat < 50; ++repeat) {
    executed = 0;
    ASSERT_EQ(c.context->run(), TERCET_ERROR_DIVISION_BY_ZERO);
    EXPECT_EQ(c.context->text(),
              "entry 'main', command 1, node 'node1', fault 2: integer division by zero");
    EXPECT_LT(executed, 20);
    EXPECT_EQ(*c.context->slot<int64_t>(4), 0); // waits for what failed
  }
}

// Each call of a driver fails in turn, in a run.
TEST_P(Drivers, FailuresInARunAreStatuses) {
  for (const char *call : {"submit", "wait", "sync"})
    for (tercet_status failure : {TERCET_ERROR_ENGINE_LOST, TERCET_ERROR_ENGINE_TIMEOUT}) {
      Case c(GetParam());
      uint32_t npu = c.program.submit(Slow, {{3, READ | WRITE}});
      for (int i = 0; i < 10; ++i) // beside the CPU
        c.program.submit(Slow, {{4, READ | WRITE}});
      uint32_t cpu = c.program.dispatch(NpuProgram::Cpu, increment, {{3, READ | WRITE}}, {npu});
      c.program.submit(Slow, {{3, READ | WRITE}}, {cpu});
      ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
      ASSERT_EQ(c.context->run(), TERCET_OK);
      c.fake.failing = call;
      c.fake.failure = failure;
      EXPECT_EQ(c.context->run(), failure);
      EXPECT_EQ(c.context->text(), std::string("entry 'main', command 0, node 'node0', fault 0: ") +
                                       tercet_status_string(failure) + ": " + call + " fails");
      EXPECT_EQ(c.context->run(), TERCET_ERROR_ENGINE_LOST); // until it is opened again
      tercet_driver_info info;
      ASSERT_EQ(tercet_drivers_query(c.context->context, 1, &info), TERCET_OK);
      EXPECT_EQ(info.ready, 0);
      c.fake.failing = "load";
      EXPECT_EQ(tercet_drivers_reopen(c.context->context, 1), failure);
      EXPECT_EQ(c.context->text(), "load fails");
      c.fake.failing = "";
      ASSERT_EQ(tercet_drivers_reopen(c.context->context, 1), TERCET_OK);
      EXPECT_EQ(c.context->run(), TERCET_OK) << c.context->text();
    }
}

TEST(DriversOnce, FailuresOfAttachingUndoIt) {
  for (const char *call : {"open", "alloc", "load", "sync"}) {
    Case c;
    c.program.submit(Slow, {{3, READ | WRITE}});
    c.fake.failing = call;
    c.fake.failure = TERCET_ERROR_ENGINE_MEMORY;
    EXPECT_EQ(c.open(), TERCET_ERROR_ENGINE_MEMORY) << call;
    EXPECT_EQ(c.context->text(), std::string(call) + " fails");
    EXPECT_EQ(std::count(c.fake.calls.begin(), c.fake.calls.end(), "close"),
              std::string(call) == "open" ? 0 : 1);
    EXPECT_EQ(c.context->run(), TERCET_ERROR_NOT_BOUND);
    c.fake.failing = "";
    EXPECT_EQ(c.context->attach(c.fake.driver), TERCET_OK) << c.context->text();
    EXPECT_EQ(c.context->run(), TERCET_OK);
  }
}

TEST(DriversOnce, BindingsAreChecked) {
  Case c;
  c.program.submit(Slow, {{3, READ | WRITE}});
  c.context = std::make_unique<NpuContext>(c.program);
  ASSERT_EQ(c.context->status, TERCET_OK);
  tercet_context *context = c.context->context;
  uint64_t bytes = 0;
  ASSERT_EQ(tercet_drivers_bytes(context, &bytes), TERCET_OK);
  Memory memory(bytes + 64);
  tercet_driver_binding bindings[2] = {{1, c.fake.driver, 0}, {1, c.fake.driver, 0}};
  auto attach = [&](void *at, uint64_t size, uint32_t count) {
    return tercet_drivers_attach(context, at, size, bindings, count);
  };
  auto *odd = static_cast<unsigned char *>(memory.get()) + 8;
  EXPECT_EQ(attach(nullptr, bytes, 1), TERCET_ERROR_INVALID_ARGUMENT);
  uint64_t least = bytes - TERCET_DRIVERS_SEGMENT_BYTES(1);
  EXPECT_EQ(attach(memory.get(), least - 1, 1), TERCET_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(attach(odd, bytes, 1), TERCET_ERROR_MISALIGNED);
  EXPECT_EQ(attach(memory.get(), bytes, 2), TERCET_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(attach(memory.get(), bytes, 0), TERCET_ERROR_UNSUPPORTED_COMMAND);
  EXPECT_EQ(c.context->text(), "engine 'cpu1' has no driver");
  for (uint32_t engine : {0u, 2u}) {
    bindings[0].engine = engine;
    EXPECT_EQ(attach(memory.get(), bytes, 1), TERCET_ERROR_INVALID_ARGUMENT) << engine;
  }
  bindings[0].engine = 1;
  tercet_driver_table old = *c.fake.driver.table;
  old.version = 0;
  bindings[0].driver.table = &old;
  EXPECT_EQ(attach(memory.get(), bytes, 1), TERCET_ERROR_INVALID_ARGUMENT);
  bindings[0].driver = c.fake.driver;
  EXPECT_TRUE(c.fake.calls.empty()); // nothing was asked of it
  EXPECT_EQ(attach(memory.get(), bytes, 1), TERCET_OK) << c.context->text();
  EXPECT_EQ(attach(memory.get(), bytes, 1), TERCET_ERROR_INVALID_ARGUMENT); // attached already
  EXPECT_EQ(tercet_drivers_reopen(context, 0), TERCET_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(tercet_drivers_reopen(nullptr, 1), TERCET_ERROR_INVALID_ARGUMENT);
  tercet_driver_info info;
  EXPECT_EQ(tercet_drivers_query(context, 0, &info), TERCET_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(tercet_drivers_query(context, 1, nullptr), TERCET_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(tercet_drivers_bytes(nullptr, &bytes), TERCET_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(tercet_drivers_detach(nullptr), TERCET_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(tercet_drivers_detach(context), TERCET_OK); // before `memory` goes
}

// ---- Tables -----------------------------------------------------------------

struct Violation {
  const char *mention;
  std::function<void(NpuProgram &)> apply;
};

TEST(DriversOnce, TablesAreChecked) {
  const Violation violations[] = {
      {"", [](NpuProgram &) {}},
      {"SUBMIT without its feature", [](NpuProgram &p) { p.features = 0; }},
      {"SUBMIT on one that is", [](NpuProgram &p) { p.engines[1].kind = TERCET_ENGINE_CPU; }},
      {"DISPATCH on an engine that is not",
       [](NpuProgram &p) { p.commands[0].opcode = TERCET_COMMAND_DISPATCH; }},
      {"kernel out of range", [](NpuProgram &p) { p.commands[0].target = 99; }},
      {"or not NULL for another engine", [](NpuProgram &p) { p.kernels[Slow] = increment; }},
      {"kernel is for another engine", [](NpuProgram &p) { p.kernel_records[Slow].engine = 0; }},
      {"empty or too large grid", [](NpuProgram &p) { p.commands[0].grid[1] = 0; }},
      {"empty or too large grid",
       [](NpuProgram &p) { p.commands[0].grid[0] = p.commands[0].grid[1] = 65536; }},
      {"kernel needs scratch",
       [](NpuProgram &p) {
         p.kernel_records[Slow].scratch_bytes = 64;
         p.commands[0].scratch_buffer = TERCET_NONE;
       }},
      // For the engine's two workers, where a DISPATCH needs it for all eight.
      {"", [](NpuProgram &p) { p.commands[0].scratch_stride = NpuProgram::LocalBytes / 2; }},
      {"does not fit the scratch",
       [](NpuProgram &p) { p.commands[0].scratch_stride = NpuProgram::LocalBytes / 2 + 64; }},
      {"does not fit the scratch",
       [](NpuProgram &p) { p.engines[1].workers = 0, p.commands[0].scratch_stride = 16384; }},
      {"does not fit the scratch", [](NpuProgram &p) { p.commands[0].scratch_stride = 100; }},
      {"does not fit the scratch",
       [](NpuProgram &p) { p.pools[NpuProgram::Local].engine_mask = 1; }},
      {"cannot address an operand's pool",
       [](NpuProgram &p) { p.pools[NpuProgram::Arena].engine_mask = 1; }}};
  for (const Violation &violation : violations) {
    NpuProgram program({1, 2, 3});
    program.beginEntry("main");
    program.submit(Slow, {{3, READ | WRITE}});
    program.scratch(0, 256);
    violation.apply(program);
    tercet_error error = {};
    tercet_status status = tercet_program_check(&program.build(), &error);
    EXPECT_EQ(status, *violation.mention ? TERCET_ERROR_CORRUPT : TERCET_OK) << violation.mention;
    EXPECT_NE(std::string(error.text).find(violation.mention), std::string::npos)
        << "expected: " << violation.mention << "\ngot: " << error.text;
  }
}

} // namespace

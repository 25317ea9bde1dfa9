// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Segments, and memory that several drivers share: which commands are recorded
// together, when a segment is handed over and when not, and that results are
// those of the tokens for random programs over two engines with drivers. Run
// under the thread sanitizer too, with queues.
#include "fake_driver.h"
#include <random>

using namespace tercet_test;

namespace {

void increment(const tercet_kernel_args *args, uint32_t, uint32_t, uint32_t, uint32_t) {
  ++*static_cast<int64_t *>(args->buffers[0]);
}

// That overflows in silence.
int64_t times(int64_t value, uint64_t by) { return int64_t(uint64_t(value) * by); }

struct Case {
  explicit Case(bool concurrent = false)
      : program({1, 2, 3}), fake(true), queues({1, 1}), many(concurrent) {
    program.beginEntry("main");
    // Not commutative, so that the order counts.
    fake.kernels.assign(Kernels, [](int64_t *value) { return *value = times(*value, 3) + 1, 0u; });
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
  uint32_t step(uint32_t slot, std::vector<uint32_t> after = {}) {
    return program.submit(Slow, {{slot, READ | WRITE}}, after);
  }
  uint32_t cpu(uint32_t slot, std::vector<uint32_t> after = {}) {
    return program.dispatch(NpuProgram::Cpu, increment, {{slot, READ | WRITE}}, after);
  }
  // Commands of each segment, "!" behind those that are awaited.
  std::string shape() const {
    std::string text;
    for (const auto &segment : fake.segments) {
      text += text.empty() ? "" : " ";
      for (const auto &r : segment)
        text += r.place.awaited ? "!" : ".";
    }
    return text;
  }
  NpuProgram program;
  Fake fake;
  Queues queues;
  bool many;
  std::unique_ptr<NpuContext> context;
};

class Segments : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(, Segments, testing::Bool(),
                         [](const auto &info) { return info.param ? "Queues" : "List"; });

TEST_P(Segments, ARunIsOne) {
  Case c(GetParam());
  for (int i = 0; i < 100; ++i)
    c.step(3);
  ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
  EXPECT_EQ(c.shape(), std::string(99, '.') + "!");
  int64_t expected = 0;
  for (uint64_t repeat = 1; repeat <= 10; ++repeat) {
    ASSERT_EQ(c.context->run(), TERCET_OK) << c.context->text();
    for (int i = 0; i < 100; ++i)
      expected = int64_t(uint64_t(expected) * 3 + 1);
    EXPECT_EQ(*c.context->slot<int64_t>(3), expected);
    EXPECT_EQ(c.fake.resubmits, repeat);
  }
  EXPECT_EQ(c.fake.submits, 0u);
  tercet_driver_info info;
  ASSERT_EQ(tercet_drivers_query(c.context->context, 1, &info), TERCET_OK);
  EXPECT_EQ(info.submissions, 1000u);
  // Recorded anew.
  ASSERT_EQ(tercet_drivers_reopen(c.context->context, 1), TERCET_OK);
  EXPECT_EQ(c.shape(), std::string(99, '.') + "!");
  ASSERT_EQ(c.context->run(), TERCET_OK);
}

// Each submission gets its own scalar, and the value of the run.
TEST_P(Segments, ScalarsAreOfTheRun) {
  Case c(GetParam());
  c.program.scalarsOfEntry(2);
  c.fake.scalarBody = [](int64_t *value, int64_t scalar) { *value = *value * 10 + scalar; };
  for (uint32_t which : {0u, 1u, 0u})
    c.program.take(c.program.submit(Add, {{3, READ | WRITE}}), {which});
  ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
  for (int64_t repeat = 1; repeat < 4; ++repeat) {
    *c.context->slot<int64_t>(3) = 0;
    tercet_scalar_set(c.context->context, 0, 0, repeat);
    tercet_scalar_set(c.context->context, 0, 1, repeat + 5);
    ASSERT_EQ(c.context->run(), TERCET_OK) << c.context->text();
    EXPECT_EQ(*c.context->slot<int64_t>(3), 101 * repeat + 10 * (repeat + 5));
  }
  EXPECT_EQ(c.fake.resubmits, 3u);
}

// A token of another engine ends a segment; what it waits for is known early.
TEST_P(Segments, TokensOfOthersEndThem) {
  Case c(GetParam());
  c.step(3);
  uint32_t awaited = c.step(3);
  c.step(4);
  uint32_t middle = c.cpu(3, {awaited});
  c.step(3, {middle});
  c.step(3);
  ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
  EXPECT_EQ(c.shape(), ".!! .!");
  for (int repeat = 0; repeat < 20; ++repeat) {
    *c.context->slot<int64_t>(3) = 2;
    ASSERT_EQ(c.context->run(), TERCET_OK) << c.context->text();
    EXPECT_EQ(*c.context->slot<int64_t>(3), (((2 * 3 + 1) * 3 + 1 + 1) * 3 + 1) * 3 + 1);
  }
}

// A token that must have come before one that was waited for splits nothing;
// neither do commands of another engine in between.
TEST_P(Segments, KnownTokensDoNot) {
  Case c(GetParam());
  uint32_t early = c.cpu(3), late = c.cpu(4);
  c.step(4, {late});
  c.cpu(5);
  c.step(3, {early});
  c.step(4, {late});
  ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
  EXPECT_EQ(c.shape(), "..!");
  for (int repeat = 0; repeat < 20; ++repeat) {
    *c.context->slot<int64_t>(3) = *c.context->slot<int64_t>(4) = 0;
    ASSERT_EQ(c.context->run(), TERCET_OK) << c.context->text();
    EXPECT_EQ(*c.context->slot<int64_t>(3), 4);
    EXPECT_EQ(*c.context->slot<int64_t>(4), 13);
  }
}

TEST_P(Segments, OtherCommandsOfTheQueueEndThem) {
  Case c(GetParam());
  c.step(3);
  c.step(3);
  c.program.copy(NpuProgram::Npu, 3, 4);
  c.step(3);
  c.program.wait(NpuProgram::Npu, {});
  c.step(3);
  ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
  EXPECT_EQ(c.shape(), ".! ! !");
  for (int repeat = 0; repeat < 20; ++repeat) {
    *c.context->slot<int64_t>(3) = 0;
    ASSERT_EQ(c.context->run(), TERCET_OK);
    EXPECT_EQ(*c.context->slot<int64_t>(4), 4);
    EXPECT_EQ(*c.context->slot<int64_t>(3), 40);
  }
}

// Segments do not go from one entry to the next, and runs may alternate.
TEST_P(Segments, EntriesHaveTheirOwn) {
  Case c(GetParam());
  c.step(3);
  c.step(3);
  c.program.beginEntry("other");
  c.step(3);
  c.step(3);
  c.step(3);
  ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
  EXPECT_EQ(c.shape(), ".! ..!");
  for (int repeat = 0; repeat < 10; ++repeat) {
    *c.context->slot<int64_t>(3) = 0;
    ASSERT_EQ(c.context->run(0), TERCET_OK);
    EXPECT_EQ(*c.context->slot<int64_t>(3), 4);
    ASSERT_EQ(c.context->run(1), TERCET_OK);
    EXPECT_EQ(*c.context->slot<int64_t>(3), 121);
    ASSERT_EQ(c.context->run(1), TERCET_OK);
    EXPECT_EQ(*c.context->slot<int64_t>(3), 3280);
  }
  EXPECT_EQ(c.fake.resubmits, 30u);
}

// An observer sees what each command has left.
TEST_P(Segments, ObserversSeeEachCommand) {
  Case c(GetParam());
  for (int i = 0; i < 4; ++i)
    c.step(3);
  ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
  std::vector<int64_t> seen;
  tercet_observer_set(
      c.context->context,
      [](void *user, const tercet_context *context, const tercet_command_info *command) {
        tercet_operand_info info = {};
        tercet_operand_query(context, command->entry, command->command, 0, &info);
        static_cast<std::vector<int64_t> *>(user)->push_back(*static_cast<int64_t *>(info.data));
        return 0;
      },
      &seen);
  ASSERT_EQ(c.context->run(), TERCET_OK);
  EXPECT_EQ(seen, (std::vector<int64_t>{1, 4, 13, 40}));
  EXPECT_EQ(c.fake.resubmits, 0u);
  EXPECT_EQ(c.fake.submits, 4u);
  tercet_observer_set(c.context->context, nullptr, nullptr);
  *c.context->slot<int64_t>(3) = 0;
  ASSERT_EQ(c.context->run(), TERCET_OK);
  EXPECT_EQ(*c.context->slot<int64_t>(3), 40);
  EXPECT_EQ(c.fake.resubmits, 1u);
}

TEST_P(Segments, SamplesAreOfEachCommand) {
  Case c(GetParam());
  for (int i = 0; i < 3; ++i)
    c.step(3);
  ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
  ASSERT_EQ(c.context->run(), TERCET_OK);
  EXPECT_EQ(c.fake.measured, 0u);
  tercet_profile_sample times[3] = {};
  tercet_profile_set(c.context->context, times, 3, nullptr, nullptr);
  ASSERT_EQ(c.context->run(), TERCET_OK);
  EXPECT_EQ(c.fake.measured, 1u);
  for (uint32_t i = 0; i < 3; ++i) {
    EXPECT_EQ(times[i].start, 100u * (i + 4)); // tickets go on
    EXPECT_EQ(times[i].end, 100u * (i + 4) + 50);
  }
}

// A fault within a segment is that of its command, and the next run is good.
TEST_P(Segments, FaultsNameTheirCommand) {
  Case c(GetParam());
  bool faulty = true;
  c.fake.kernels[Fault] = [&](int64_t *) { return faulty ? 2u : 0u; };
  c.step(3);
  uint32_t bad = c.program.submit(Fault, {{3, WRITE}});
  c.step(3);
  c.cpu(4, {bad});
  ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
  for (int repeat = 0; repeat < 10; ++repeat) {
    faulty = true;
    EXPECT_EQ(c.context->run(), TERCET_ERROR_DIVISION_BY_ZERO);
    EXPECT_EQ(c.context->text(),
              "entry 'main', command 1, node 'node1', fault 2: integer division by zero");
    EXPECT_EQ(*c.context->slot<int64_t>(4), repeat);
    faulty = false;
    EXPECT_EQ(c.context->run(), TERCET_OK) << c.context->text();
    EXPECT_EQ(*c.context->slot<int64_t>(4), repeat + 1);
  }
}

TEST_P(Segments, FailuresAreStatuses) {
  for (const char *call : {"resubmit", "wait", "sync"}) {
    Case c(GetParam());
    uint32_t npu = c.step(3);
    c.step(4);
    uint32_t cpu = c.cpu(3, {npu});
    c.step(3, {cpu});
    ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
    ASSERT_EQ(c.context->run(), TERCET_OK);
    c.fake.failing = call;
    EXPECT_EQ(c.context->run(), TERCET_ERROR_ENGINE_LOST);
    EXPECT_NE(c.context->text().find(std::string(call) + " fails"), std::string::npos);
    c.fake.failing = "record";
    EXPECT_EQ(tercet_drivers_reopen(c.context->context, 1), TERCET_ERROR_ENGINE_LOST);
    EXPECT_EQ(c.context->run(), TERCET_ERROR_ENGINE_LOST);
    c.fake.failing = "";
    ASSERT_EQ(tercet_drivers_reopen(c.context->context, 1), TERCET_OK);
    EXPECT_EQ(c.context->run(), TERCET_OK) << c.context->text();
  }
}

// One thread for both engines: commands end in the order of the list.
TEST(SegmentsOnce, AreNotUsedInASharedQueue) {
  Case c;
  uint32_t last = c.step(3);
  for (int i = 0; i < 20; ++i) {
    c.step(4);
    last = c.cpu(3, {last});
    c.step(5);
    last = c.step(3, {last});
  }
  Queues one({1});
  ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
  ASSERT_EQ(c.context->attachQueues(one.port()), TERCET_OK);
  ASSERT_EQ(c.context->run(), TERCET_OK);
  int64_t expected = 1;
  for (int i = 0; i < 20; ++i)
    expected = int64_t(uint64_t(expected + 1) * 3 + 1);
  EXPECT_EQ(*c.context->slot<int64_t>(3), expected);
  EXPECT_EQ(c.fake.resubmits, 0u);
}

// With the memory of a program that knows nothing of segments.
TEST(SegmentsOnce, NeedTheirMemory) {
  Case c;
  for (int i = 0; i < 4; ++i)
    c.step(3);
  c.context = std::make_unique<NpuContext>(c.program);
  ASSERT_EQ(c.context->status, TERCET_OK);
  uint64_t bytes = TERCET_DRIVERS_BYTES(1, 3, 2), all = 0;
  ASSERT_EQ(tercet_drivers_bytes(c.context->context, &all), TERCET_OK);
  EXPECT_LE(all, bytes + TERCET_DRIVERS_SEGMENT_BYTES(4));
  Memory memory(all);
  tercet_driver_binding binding = {NpuProgram::Npu, c.fake.driver, 0};
  for (uint64_t given : {all - 1, all}) {
    ASSERT_EQ(tercet_drivers_attach(c.context->context, memory.get(), given, &binding, 1),
              TERCET_OK);
    EXPECT_EQ(c.shape(), given == all ? "...!" : "");
    *c.context->slot<int64_t>(3) = 0;
    ASSERT_EQ(c.context->run(), TERCET_OK);
    EXPECT_EQ(*c.context->slot<int64_t>(3), 40);
    ASSERT_EQ(tercet_drivers_detach(c.context->context), TERCET_OK);
  }
  EXPECT_EQ(c.fake.submits, 4u);
  EXPECT_EQ(c.fake.resubmits, 1u);
}

// ---- Two engines with drivers -----------------------------------------------

// CPU, NPU and a second engine of the NPU's kind, over one arena.
struct Trio {
  static constexpr uint32_t Second = 2;
  explicit Trio(bool firstRecords = true, bool secondRecords = true)
      : program({1, 2, 3}), first(firstRecords), second(secondRecords), queues({1, 1, 1}) {
    program.engines.push_back(program.engines[NpuProgram::Npu]);
    program.engines.back().name = program.name("second");
    program.pools[NpuProgram::Arena].engine_mask = 7;
    secondKernel = program.npuKernel(Second, "step");
    auto body = [](int64_t *value) { return *value = times(*value, 3) + 1, 0u; };
    first.kernels.assign(Kernels, body);
    second.kernels.assign(1, [](int64_t *value) { return *value = times(*value, 5) + 2, 0u; });
    program.beginEntry("main");
  }
  tercet_status open(bool concurrent) {
    context = std::make_unique<NpuContext>(program);
    if (context->status)
      return context->status;
    uint64_t bytes = 0;
    tercet_drivers_bytes(context->context, &bytes);
    memory = std::make_unique<Memory>(bytes);
    tercet_driver_binding bindings[2] = {{NpuProgram::Npu, first.driver, 0},
                                         {Second, second.driver, 0}};
    tercet_status status =
        tercet_drivers_attach(context->context, memory->get(), bytes, bindings, 2);
    if (!status && concurrent)
      status = context->attachQueues(queues.port());
    return status;
  }
  uint32_t add(uint32_t engine, uint32_t slot, const std::vector<uint32_t> &after) {
    if (engine == NpuProgram::Cpu)
      return program.dispatch(engine, increment, {{slot, READ | WRITE}}, after);
    return program.submit(engine == NpuProgram::Npu ? uint32_t(Slow) : secondKernel,
                          {{slot, READ | WRITE}}, after);
  }
  static int64_t apply(uint32_t engine, int64_t value) {
    uint64_t v = uint64_t(value);
    return int64_t(engine == NpuProgram::Cpu   ? v + 1
                   : engine == NpuProgram::Npu ? v * 3 + 1
                                               : v * 5 + 2);
  }
  NpuProgram program;
  Fake first, second;
  Queues queues;
  uint32_t secondKernel;
  std::unique_ptr<Memory> memory;
  std::unique_ptr<NpuContext> context;
};

// Who cannot import provides; else the first. Two that cannot are refused.
TEST(SharedMemory, HasOneProvider) {
  for (bool firstRecords : {false, true})
    for (bool secondRecords : {false, true}) {
      Trio t(firstRecords, secondRecords);
      uint32_t npu = t.add(NpuProgram::Npu, 3, {});
      t.add(Trio::Second, 3, {npu});
      tercet_status status = t.open(false);
      if (!firstRecords && !secondRecords) {
        EXPECT_EQ(status, TERCET_ERROR_CORRUPT);
        EXPECT_NE(t.context->text().find("cannot import memory"), std::string::npos);
        continue;
      }
      ASSERT_EQ(status, TERCET_OK) << t.context->text();
      EXPECT_EQ(std::count(t.first.calls.begin(), t.first.calls.end(), "import"),
                firstRecords && !secondRecords);
      EXPECT_EQ(std::count(t.second.calls.begin(), t.second.calls.end(), "import"),
                secondRecords && firstRecords ? 1 : !firstRecords);
      ASSERT_EQ(t.context->run(), TERCET_OK) << t.context->text();
      EXPECT_EQ(*t.context->slot<int64_t>(3), 7);
      ASSERT_EQ(tercet_drivers_detach(t.context->context), TERCET_OK);
      EXPECT_EQ(t.context->run(), TERCET_ERROR_NOT_BOUND);
    }
}

TEST(SharedMemory, AnImportThatFailsUndoesAll) {
  Trio t;
  t.add(NpuProgram::Npu, 3, {});
  t.add(Trio::Second, 4, {});
  t.second.failing = "import";
  t.second.failure = TERCET_ERROR_ENGINE_MEMORY;
  EXPECT_EQ(t.open(false), TERCET_ERROR_ENGINE_MEMORY);
  EXPECT_EQ(t.first.calls.back(), "close");
  EXPECT_EQ(t.second.calls.back(), "close");
  EXPECT_EQ(t.context->run(), TERCET_ERROR_NOT_BOUND);
}

// Weights are imported where the driver likes that, and copied into its own
// memory where it does not.
TEST(SharedMemory, WeightsAreImportedOrCopied) {
  for (bool refuses : {false, true}) {
    Case c;
    c.fake.import_refuses = refuses;
    int64_t first = 0;
    c.fake.kernels[Gather] = [&](int64_t *value) { return first = *value, 0u; };
    c.program.submit(Gather, {{NpuProgram::WeightsBuffer, READ}});
    ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
    EXPECT_EQ(c.fake.imports, refuses ? 0u : 1u);
    EXPECT_EQ(c.fake.copies, refuses ? 1u : 0u);
    ASSERT_EQ(c.context->run(), TERCET_OK);
    EXPECT_EQ(first, int64_t(7) << 32);
  }
}

// Random programs: steps over slots, with a token for each dependence between
// engines and some more. Results are those of the list, whatever is recorded.
TEST(SharedMemory, RandomProgramsGiveTheListsResults) {
  for (uint32_t seed = 0; seed < 60; ++seed) {
    std::mt19937 random(seed);
    auto pick = [&](uint32_t count) { return uint32_t(random() % count); };
    Trio t;
    t.first.depth = 1 + pick(6);
    struct Step {
      uint32_t engine, slot;
    };
    std::vector<Step> steps;
    uint32_t count = 20 + pick(60), engine = 0;
    for (uint32_t i = 0; i < count; ++i) {
      if (pick(3) == 0)
        engine = pick(3);
      Step s = {engine, pick(4)};
      std::vector<uint32_t> after;
      // The last step of each other engine on that slot.
      for (uint32_t other = 0; other < 3; ++other)
        for (uint32_t b = i; other != s.engine && b-- > 0;)
          if (steps[b].engine == other && steps[b].slot == s.slot) {
            after.push_back(b);
            break;
          }
      if (i && pick(8) == 0)
        after.push_back(pick(i));
      std::sort(after.begin(), after.end());
      after.erase(std::unique(after.begin(), after.end()), after.end());
      EXPECT_EQ(t.add(s.engine, s.slot, after), i);
      steps.push_back(s);
    }
    ASSERT_EQ(t.open(seed % 2), TERCET_OK) << t.context->text();
    int64_t values[4] = {};
    for (int repeat = 0; repeat < 5; ++repeat) {
      for (const Step &s : steps)
        values[s.slot] = Trio::apply(s.engine, values[s.slot]);
      ASSERT_EQ(t.context->run(), TERCET_OK) << t.context->text();
      for (uint32_t slot = 0; slot < 4; ++slot)
        ASSERT_EQ(*t.context->slot<int64_t>(slot), values[slot]) << "seed " << seed;
    }
    EXPECT_EQ(t.first.submits + t.second.submits, 0u);
  }
}

} // namespace

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Queues that are walked concurrently: that they really are, that nothing is
// lost of what a walk in list order does (faults, observer, profile, workers),
// and what an application sees of them. Kernels that wait for another one give
// up after a time, so that a failure is red and not a hang.
#include "queue_program.h"
#include <algorithm>
#include <atomic>
#include <chrono>
#include <gtest/gtest.h>
#include <mutex>
#include <thread>

using namespace tercet_test;

namespace {

constexpr uint32_t READ = TERCET_ACCESS_READ, WRITE = TERCET_ACCESS_WRITE;

// Kernels that meet: each waits until all `expected` of them are inside.
std::atomic<int> arrived;
std::atomic<int> expected;
std::atomic<int> patience_ms;

void meet(const tercet_kernel_args *args, uint32_t, uint32_t, uint32_t, uint32_t) {
  auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(patience_ms);
  ++arrived;
  while (arrived < expected)
    if (std::chrono::steady_clock::now() > end) {
      __atomic_store_n(args->fault, 99u, __ATOMIC_RELAXED);
      return;
    } else {
      std::this_thread::yield();
    }
}

void prepareMeeting(int count, int patience = 20000) {
  arrived = 0;
  expected = count;
  patience_ms = patience;
}

std::atomic<int> executed;
std::atomic<std::thread::id> thread_seen;
void count(const tercet_kernel_args *, uint32_t, uint32_t, uint32_t, uint32_t) {
  ++executed;
  thread_seen = std::this_thread::get_id();
}

std::atomic<uint32_t> fault_number;
void failing(const tercet_kernel_args *args, uint32_t, uint32_t, uint32_t, uint32_t) {
  ++executed;
  __atomic_store_n(args->fault, fault_number.load(), __ATOMIC_RELAXED);
}

void meetAndFail(const tercet_kernel_args *args, uint32_t x, uint32_t y, uint32_t z, uint32_t w) {
  meet(args, x, y, z, w);
  failing(args, x, y, z, w);
}

TEST(Queues, RunAtTheSameTime) {
  for (uint32_t engines : {2u, 3u}) {
    QueueProgram program(engines, 1);
    program.beginEntry("main");
    for (uint32_t e = 0; e < engines; ++e)
      program.dispatch(e, meet, {});
    QueueRun run(program);
    ASSERT_EQ(run.status, TERCET_OK) << run.error.text;
    // In list order nobody ever comes, which is what this test would miss.
    prepareMeeting(int(engines), 20);
    EXPECT_EQ(tercet_entry_run(run.context, 0), TERCET_ERROR_KERNEL_FAULT);
    Queues queues(std::vector<uint32_t>(engines, 1));
    ASSERT_EQ(queues.status, TERCET_OK);
    ASSERT_EQ(run.attach(queues.port()), TERCET_OK);
    for (int repeat = 0; repeat < 100; ++repeat) {
      prepareMeeting(int(engines));
      ASSERT_EQ(tercet_entry_run(run.context, 0), TERCET_OK)
          << tercet_context_error(run.context)->text;
    }
  }
}

// Workers of two queues at once: four kernels meet.
TEST(Queues, HaveWorkersOfTheirOwn) {
  QueueProgram program(2, 1);
  program.beginEntry("main");
  program.dispatch(0, meet, {}, {}, 2);
  program.dispatch(1, meet, {}, {}, 2);
  Queues queues({2, 2});
  QueueRun run(program);
  ASSERT_EQ(run.attach(queues.port()), TERCET_OK);
  for (int repeat = 0; repeat < 50; ++repeat) {
    prepareMeeting(4);
    ASSERT_EQ(tercet_entry_run(run.context, 0), TERCET_OK)
        << tercet_context_error(run.context)->text;
  }
}

// A chain that changes the queue with every command.
void increment(const tercet_kernel_args *args, uint32_t, uint32_t, uint32_t, uint32_t) {
  ++*static_cast<uint64_t *>(args->buffers[0]);
}

void fillChain(QueueProgram &program, uint32_t engines, uint32_t length) {
  program.beginEntry("chain");
  for (uint32_t i = 0; i < length; ++i)
    program.dispatch(i % engines, increment, {{0, READ | WRITE}},
                     i ? std::vector<uint32_t>{i - 1} : std::vector<uint32_t>{});
}

// With a spin of 1 ns every wait ends in the kernel: a lost wake-up hangs.
TEST(Queues, SleepAndWake) {
  for (uint32_t spin_ns : {0u, 1u})
    for (uint32_t engines : {2u, 3u, 5u}) {
      QueueProgram program(engines, 1);
      fillChain(program, engines, 40);
      Queues queues(std::vector<uint32_t>(engines, 1), spin_ns);
      QueueRun run(program);
      ASSERT_EQ(run.attach(queues.port()), TERCET_OK);
      for (int repeat = 0; repeat < 100; ++repeat)
        ASSERT_EQ(tercet_entry_run(run.context, 0), TERCET_OK);
      EXPECT_EQ(*run.slot<uint64_t>(0), 4000u);
    }
}

TEST(Queues, FaultStopsAllAndTheContextStaysGood) {
  for (uint32_t culprit : {0u, 1u}) {
    QueueProgram program(2, 1);
    program.beginEntry("main");
    uint32_t first = program.dispatch(culprit, failing, {});
    uint32_t next = program.dispatch(1 - culprit, count, {}, {first});
    for (int i = 0; i < 20; ++i) // each waits for the other queue
      next = program.dispatch(i % 2 ? culprit : 1 - culprit, count, {}, {next});
    program.wait(culprit, {next});
    Queues queues({1, 1});
    QueueRun run(program);
    ASSERT_EQ(run.attach(queues.port()), TERCET_OK);
    for (int repeat = 0; repeat < 200; ++repeat) {
      executed = 0;
      fault_number = TERCET_FAULT_DIVISION_BY_ZERO;
      ASSERT_EQ(tercet_entry_run(run.context, 0), TERCET_ERROR_DIVISION_BY_ZERO);
      ASSERT_EQ(executed, 1); // all others hang on its token
      EXPECT_EQ(tercet_context_error(run.context)->index, 0u);
      executed = 0;
      fault_number = 0;
      ASSERT_EQ(tercet_entry_run(run.context, 0), TERCET_OK);
      ASSERT_EQ(executed, 22);
    }
    EXPECT_STREQ(tercet_context_error(run.context)->text,
                 "entry 'main', command 0, node 'node0', fault 2: integer division by zero");
  }
}

// Both queues fail at once: the error is that of the earlier command.
TEST(Queues, ErrorNamesTheFirstInListOrder) {
  for (uint32_t engine : {0u, 1u}) {
    QueueProgram program(2, 1);
    program.beginEntry("main");
    program.dispatch(engine, count, {});
    program.dispatch(engine, meetAndFail, {});
    program.dispatch(1 - engine, meetAndFail, {});
    program.dispatch(1 - engine, count, {});
    Queues queues({1, 1});
    QueueRun run(program);
    ASSERT_EQ(run.attach(queues.port()), TERCET_OK);
    for (int repeat = 0; repeat < 200; ++repeat) {
      prepareMeeting(2);
      executed = 0;
      fault_number = 7;
      ASSERT_EQ(tercet_entry_run(run.context, 0), TERCET_ERROR_KERNEL_FAULT);
      ASSERT_EQ(tercet_context_error(run.context)->index, 1u);
      ASSERT_EQ(executed, 3);
    }
  }
}

struct Watch {
  std::vector<uint32_t> commands;
  std::atomic<int> inside{0};
  uint32_t stop_after = TERCET_NONE;
  int overlaps = 0, busy = 0;
  uint64_t chain = 0;
};

int watch(void *user, const tercet_context *context, const tercet_command_info *command) {
  auto *seen = static_cast<Watch *>(user);
  seen->overlaps += seen->inside++ != 0;
  seen->commands.push_back(command->command);
  tercet_operand_info operand;
  if (!tercet_operand_query(context, command->entry, command->command, 0, &operand))
    seen->chain = *static_cast<const uint64_t *>(operand.data);
  seen->busy += tercet_entry_run(const_cast<tercet_context *>(context), 0) == TERCET_ERROR_BUSY;
  --seen->inside;
  return command->command == seen->stop_after;
}

TEST(Queues, ObserverIsCalledOnceACommandAndNeverTwiceAtOnce) {
  QueueProgram program(3, 1);
  program.beginEntry("main");
  for (uint32_t i = 0; i < 60; ++i)
    program.dispatch(i % 3, count, {});
  for (uint32_t spin_ns : {0u, 1u}) {
    Queues queues({1, 1, 1}, spin_ns);
    QueueRun run(program);
    ASSERT_EQ(run.attach(queues.port()), TERCET_OK);
    for (int repeat = 0; repeat < 50; ++repeat) {
      Watch seen;
      ASSERT_EQ(tercet_observer_set(run.context, watch, &seen), TERCET_OK);
      ASSERT_EQ(tercet_entry_run(run.context, 0), TERCET_OK);
      EXPECT_EQ(seen.overlaps, 0);
      EXPECT_EQ(seen.busy, 60);
      std::sort(seen.commands.begin(), seen.commands.end());
      ASSERT_EQ(seen.commands.size(), 60u);
      for (uint32_t i = 0; i < 60; ++i)
        ASSERT_EQ(seen.commands[i], i);
    }
  }
}

TEST(Queues, ObserverStopsARun) {
  QueueProgram program(2, 1);
  fillChain(program, 2, 20);
  Queues queues({1, 1});
  QueueRun run(program);
  ASSERT_EQ(run.attach(queues.port()), TERCET_OK);
  for (uint32_t stop = 0; stop < 20; ++stop) {
    Watch seen;
    seen.stop_after = stop;
    *run.slot<uint64_t>(0) = 0;
    ASSERT_EQ(tercet_observer_set(run.context, watch, &seen), TERCET_OK);
    ASSERT_EQ(tercet_entry_run(run.context, 0), TERCET_ERROR_STOPPED);
    EXPECT_EQ(tercet_context_error(run.context)->index, stop);
    EXPECT_EQ(seen.commands.size(), stop + 1u);
    EXPECT_EQ(seen.chain, stop + 1u); // saw the output of the last command
    EXPECT_EQ(*run.slot<uint64_t>(0), stop + 1u);
    ASSERT_EQ(tercet_observer_set(run.context, nullptr, nullptr), TERCET_OK);
    ASSERT_EQ(tercet_entry_run(run.context, 0), TERCET_OK);
    EXPECT_EQ(*run.slot<uint64_t>(0), stop + 21u);
  }
}

// Which workers ran how many tiles, by engine.
std::atomic<uint32_t> tiles_of[2][8];
template <int Engine>
void tile(const tercet_kernel_args *, uint32_t, uint32_t, uint32_t, uint32_t w) {
  ++tiles_of[Engine][w];
}

TEST(Queues, UseTheWorkersThatTheEngineAsksFor) {
  QueueProgram program(2, 1, /*maxWorkers=*/4);
  program.engines[0].workers = 3;
  program.engines[1].workers = 1;
  program.beginEntry("main");
  program.dispatch(0, tile<0>, {}, {}, 64);
  program.dispatch(1, tile<1>, {}, {}, 64);
  program.commands[0].grain = program.commands[1].grain = 0;
  Queues queues({8, 8}); // more than there are cores
  QueueRun run(program);
  ASSERT_EQ(run.attach(queues.port()), TERCET_OK);
  for (auto &engine : tiles_of)
    for (auto &tiles : engine)
      tiles = 0;
  for (int repeat = 0; repeat < 20; ++repeat)
    ASSERT_EQ(tercet_entry_run(run.context, 0), TERCET_OK);
  for (uint32_t w = 0; w < 3; ++w)
    EXPECT_NEAR(tiles_of[0][w], 64 * 20 / 3.0, 20);
  EXPECT_EQ(tiles_of[0][3], 0u);
  EXPECT_EQ(tiles_of[1][0], 64u * 20);
  tercet_engine_info info;
  ASSERT_EQ(tercet_engine_query(run.context, 0, &info), TERCET_OK);
  EXPECT_EQ(info.workers, 3u);
}

// More than the table allows would be more than scratch is sized for.
TEST(Queues, NeverMoreWorkersThanScratchIsFor) {
  QueueProgram program(2, 1, /*maxWorkers=*/2);
  program.engines[0].workers = 1000;
  program.beginEntry("main");
  program.dispatch(0, tile<0>, {}, {}, 64);
  program.dispatch(1, tile<1>, {}, {}, 64);
  Queues queues({4, 4});
  QueueRun run(program);
  ASSERT_EQ(run.attach(queues.port()), TERCET_OK);
  for (auto &engine : tiles_of)
    for (auto &tiles : engine)
      tiles = 0;
  ASSERT_EQ(tercet_entry_run(run.context, 0), TERCET_OK);
  for (auto &engine : tiles_of) {
    EXPECT_EQ(engine[0] + engine[1], 64u);
    EXPECT_EQ(engine[2] + engine[3], 0u);
  }
}

TEST(Queues, AnEntryOfOneEngineStaysOnTheCallersThread) {
  QueueProgram program(3, 1);
  for (uint32_t e = 0; e < 3; ++e) {
    program.beginEntry(std::to_string(e).c_str());
    program.dispatch(e, count, {});
  }
  program.beginEntry("none");
  Queues queues({1, 1, 1});
  QueueRun run(program);
  ASSERT_EQ(run.attach(queues.port()), TERCET_OK);
  for (uint32_t e = 0; e < 3; ++e) {
    thread_seen = std::thread::id();
    ASSERT_EQ(tercet_entry_run(run.context, e), TERCET_OK);
    EXPECT_EQ(thread_seen.load(), std::this_thread::get_id());
  }
  EXPECT_EQ(tercet_entry_run(run.context, 3), TERCET_OK);
}

TEST(Queues, EnginesShareAQueueWhereThePortHasTooFew) {
  QueueProgram program(5, 1);
  fillChain(program, 5, 30);
  for (uint32_t threads = 1; threads <= 5; ++threads) {
    Queues queues(std::vector<uint32_t>(threads, 1));
    QueueRun run(program);
    ASSERT_EQ(run.attach(queues.port()), TERCET_OK);
    for (int repeat = 0; repeat < 50; ++repeat)
      ASSERT_EQ(tercet_entry_run(run.context, 0), TERCET_OK);
    EXPECT_EQ(*run.slot<uint64_t>(0), 1500u);
  }
}

TEST(Queues, ProfileTimesEachCommand) {
  QueueProgram program(2, 1);
  fillChain(program, 2, 10);
  Queues queues({1, 1});
  QueueRun run(program);
  ASSERT_EQ(run.attach(queues.port()), TERCET_OK);
  std::vector<tercet_profile_sample> samples(10);
  ASSERT_EQ(tercet_profile_set(run.context, samples.data(), 10, nullptr, nullptr), TERCET_OK);
  ASSERT_EQ(tercet_entry_run(run.context, 0), TERCET_OK);
  for (size_t i = 0; i < samples.size(); ++i) {
    EXPECT_LE(samples[i].start, samples[i].end);
    if (i) {
      EXPECT_LE(samples[i - 1].end, samples[i].start);
    }
  }
}

TEST(Queues, CopiesRunOnTheirQueue) {
  QueueProgram program(2, 3);
  program.beginEntry("main");
  uint32_t made = program.dispatch(0, increment, {{0, READ | WRITE}});
  uint32_t copied = program.copy(1, 0, 1, {made});
  program.dispatch(0, increment, {{1, READ | WRITE}}, {copied});
  Queues queues({1, 1});
  QueueRun run(program);
  ASSERT_EQ(run.attach(queues.port()), TERCET_OK);
  for (uint64_t repeat = 1; repeat <= 100; ++repeat) {
    ASSERT_EQ(tercet_entry_run(run.context, 0), TERCET_OK);
    ASSERT_EQ(*run.slot<uint64_t>(1), repeat + 1);
  }
}

TEST(Queues, ManyTimesOpenedAndClosed) {
  QueueProgram program(3, 1);
  fillChain(program, 3, 9);
  for (int repeat = 0; repeat < 50; ++repeat) {
    Queues queues({1, uint32_t(repeat) % 3 + 1, 2}, 0, repeat % 2);
    ASSERT_EQ(queues.status, TERCET_OK);
    QueueRun a(program), b(program);
    ASSERT_EQ(a.attach(queues.port()), TERCET_OK);
    ASSERT_EQ(b.attach(queues.port()), TERCET_OK); // one port, several contexts
    for (int i = 0; i < 5; ++i) {
      ASSERT_EQ(tercet_entry_run(a.context, 0), TERCET_OK);
      ASSERT_EQ(tercet_entry_run(b.context, 0), TERCET_OK);
    }
    EXPECT_EQ(*a.slot<uint64_t>(0), 45u);
    ASSERT_EQ(tercet_queues_attach(a.context, nullptr, 0, nullptr), TERCET_OK); // list order
    ASSERT_EQ(tercet_entry_run(a.context, 0), TERCET_OK);
    EXPECT_EQ(*a.slot<uint64_t>(0), 54u);
  }
}

// Threads of an application's own, and waits that only spin.
void spawn(void *, uint64_t mask, tercet_worker_fn body, void *argument) {
  std::vector<std::thread> threads;
  for (uint32_t q = 0; q < 64; ++q)
    if ((mask & (mask - 1)) >> q & 1)
      threads.emplace_back([=] { body(argument, q); });
  body(argument, uint32_t(__builtin_ctzll(mask)));
  for (std::thread &thread : threads)
    thread.join();
}

TEST(Queues, ApplicationLendsItsThreads) {
  QueueProgram program(3, 1);
  fillChain(program, 3, 12);
  const tercet_queue lent[3] = {};
  tercet_queue_port port = {};
  port.count = 3;
  port.queues = lent;
  port.run = spawn;
  QueueRun run(program);
  ASSERT_EQ(run.attach(&port), TERCET_OK);
  for (int repeat = 0; repeat < 20; ++repeat)
    ASSERT_EQ(tercet_entry_run(run.context, 0), TERCET_OK);
  EXPECT_EQ(*run.slot<uint64_t>(0), 240u);
}

TEST(Queues, WhatAnApplicationCanAsk) {
  QueueProgram program(4, 1, /*maxWorkers=*/4);
  program.engines[3].kind = TERCET_ENGINE_DMA;
  program.beginEntry("main");
  program.dispatch(0, count, {});
  program.dispatch(2, count, {{0, READ}, {0, WRITE}}, {0});
  program.wait(3, {1});
  QueueRun run(program);
  EXPECT_EQ(tercet_engine_count(run.context), 4u);
  EXPECT_EQ(tercet_queues_count(run.context), 3u);
  const uint32_t queue[4] = {0, TERCET_NONE, 1, 2};
  for (uint32_t e = 0; e < 4; ++e) {
    tercet_engine_info info = {};
    ASSERT_EQ(tercet_engine_query(run.context, e, &info), TERCET_OK);
    EXPECT_EQ(info.name, "cpu" + std::to_string(e));
    EXPECT_EQ(info.kind, e == 3 ? TERCET_ENGINE_DMA : TERCET_ENGINE_CPU);
    EXPECT_EQ(info.workers, 4u);
    EXPECT_EQ(info.queue, queue[e]);
  }
  tercet_engine_info info;
  EXPECT_EQ(tercet_engine_query(run.context, 4, &info), TERCET_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(tercet_engine_query(run.context, 0, nullptr), TERCET_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(tercet_engine_count(nullptr), 0u);
  EXPECT_EQ(tercet_queues_count(nullptr), 0u);

  uint64_t bytes = 0;
  ASSERT_EQ(tercet_queues_bytes(run.context, &bytes), TERCET_OK);
  EXPECT_LE(bytes, TERCET_QUEUES_BYTES(4, 1, 2, 2, 0));
  EXPECT_EQ(tercet_queues_bytes(nullptr, &bytes), TERCET_ERROR_INVALID_ARGUMENT);
  Queues queues({1, 1, 1});
  Memory memory(bytes + 64);
  auto *odd = static_cast<unsigned char *>(memory.get()) + 8;
  EXPECT_EQ(tercet_queues_attach(run.context, memory.get(), bytes - 1, queues.port()),
            TERCET_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(tercet_queues_attach(run.context, odd, bytes, queues.port()), TERCET_ERROR_MISALIGNED);
  EXPECT_EQ(tercet_queues_attach(run.context, nullptr, bytes, queues.port()),
            TERCET_ERROR_INVALID_ARGUMENT);
  tercet_queue_port port = *queues.port();
  port.wake = nullptr;
  EXPECT_EQ(tercet_queues_attach(run.context, memory.get(), bytes, &port),
            TERCET_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(tercet_queues_attach(nullptr, memory.get(), bytes, queues.port()),
            TERCET_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(tercet_queues_attach(run.context, memory.get(), bytes, queues.port()), TERCET_OK);
  EXPECT_EQ(tercet_entry_run(run.context, 0), TERCET_OK);

  tercet_queues *none = nullptr;
  tercet_queues_options options = {};
  EXPECT_EQ(tercet_queues_start(&options, &none), TERCET_ERROR_INVALID_ARGUMENT);
  options.count = 65;
  EXPECT_EQ(tercet_queues_start(&options, &none), TERCET_ERROR_INVALID_ARGUMENT);
  uint32_t too_many = 5000;
  options.count = 1;
  options.workers = &too_many;
  EXPECT_EQ(tercet_queues_start(&options, &none), TERCET_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(tercet_queues_port(nullptr), nullptr);
  tercet_queues_place_caller(nullptr);
  tercet_queues_stop(nullptr);
}

} // namespace

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Running: results for any number of workers and any parallel-for, copies,
// state, faults, and the two ways to look inside.
#include "demo_program.h"
#include <algorithm>
#include <atomic>
#include <gtest/gtest.h>
#include <string>
#include <thread>

using namespace tercet_test;

namespace {

TEST(Run, MainComputes) {
  DemoRun run;
  ASSERT_EQ(run.open(tercet_demo), TERCET_OK) << run.error.text;
  ASSERT_EQ(run.bind(), TERCET_OK);
  for (int factor = -4; factor <= 4; ++factor) {
    ASSERT_EQ(tercet_scalar_set(run.context, 0, 0, factor), TERCET_OK);
    ASSERT_EQ(tercet_entry_run(run.context, 0), TERCET_OK);
    EXPECT_EQ(run.wrong(float(factor)), 0);
  }
  EXPECT_EQ(tercet_entry_run(run.context, 2), TERCET_ERROR_INVALID_ARGUMENT);
}

TEST(Run, StatePersistsAndResets) {
  DemoRun run;
  ASSERT_EQ(run.open(tercet_demo), TERCET_OK);
  ASSERT_EQ(run.bind(), TERCET_OK);
  for (int r = 0; r < 8; ++r)
    std::fill(run.x[r], run.x[r] + 16, float(1 << r));
  ASSERT_EQ(tercet_scalar_set(run.context, 1, 0, 2), TERCET_OK);
  ASSERT_EQ(tercet_scalar_set(run.context, 1, 1, 3), TERCET_OK);
  ASSERT_EQ(tercet_entry_run(run.context, 1), TERCET_OK);
  EXPECT_EQ(run.snapshot[15], 4 + 8 + 16);
  ASSERT_EQ(tercet_entry_run(run.context, 1), TERCET_OK);
  EXPECT_EQ(run.snapshot[0], 2 * (4 + 8 + 16));
  // The other entry point leaves the state alone.
  ASSERT_EQ(tercet_entry_run(run.context, 0), TERCET_OK);
  tercet_tensor_info total;
  ASSERT_EQ(tercet_tensor_query(run.context, 1, TERCET_OUTPUT, 0, &total), TERCET_OK);
  EXPECT_EQ(static_cast<float *>(total.data)[7], 56);
  ASSERT_EQ(tercet_state_reset(run.context), TERCET_OK);
  ASSERT_EQ(tercet_entry_run(run.context, 1), TERCET_OK);
  EXPECT_EQ(run.snapshot[0], 28);
}

TEST(Run, FaultBecomesAStatusAndTheContextStaysGood) {
  DemoRun run;
  ASSERT_EQ(run.open(tercet_demo), TERCET_OK);
  ASSERT_EQ(run.bind(), TERCET_OK);
  for (int32_t bad : {-1, 10, INT32_MAX, INT32_MIN}) {
    run.ids[2] = bad;
    EXPECT_EQ(tercet_entry_run(run.context, 0), TERCET_ERROR_INDEX_OUT_OF_RANGE);
  }
  EXPECT_STREQ(tercet_context_error(run.context)->text,
               "entry 'main', command 0, node '/embed/Gather', fault 1: an "
               "index in the input data is out of range");
  run.ids[2] = 9;
  ASSERT_EQ(tercet_scalar_set(run.context, 0, 0, 1), TERCET_OK);
  EXPECT_EQ(tercet_entry_run(run.context, 0), TERCET_OK);
  EXPECT_EQ(run.wrong(1), 0);
}

// An application's own threads, started anew for every command.
void spawnThreads(void *user, uint32_t workers, tercet_worker_fn body, void *argument) {
  static_cast<std::atomic<int> *>(user)->fetch_add(1);
  std::vector<std::thread> threads;
  for (uint32_t w = 0; w < workers; ++w)
    threads.emplace_back([=] { body(argument, w); });
  for (std::thread &thread : threads)
    thread.join();
}

TEST(Run, ApplicationLendsItsThreads) {
  std::atomic<int> calls{0};
  tercet_options options = {};
  options.workers = 3;
  options.parallel_for = spawnThreads;
  options.parallel_user = &calls;
  DemoRun run;
  ASSERT_EQ(run.open(tercet_demo, &options), TERCET_OK);
  ASSERT_EQ(run.bind(), TERCET_OK);
  ASSERT_EQ(tercet_scalar_set(run.context, 0, 0, 3), TERCET_OK);
  ASSERT_EQ(tercet_entry_run(run.context, 0), TERCET_OK);
  EXPECT_EQ(run.wrong(3), 0);
  EXPECT_EQ(calls, 2); // two dispatches have more than one tile
  ASSERT_EQ(tercet_entry_run(run.context, 1), TERCET_OK);
  EXPECT_EQ(calls, 2); // a single tile stays on the caller's thread
}

// A grid kernel that records which worker ran which tile how often.
struct Tiles {
  static constexpr uint32_t X = 5, Y = 3, Z = 7;
  static std::atomic<int> count[Z][Y][X];
  static std::atomic<uint32_t> worker[Z][Y][X];
  static std::atomic<int> inside[8];
  static std::atomic<int> overlaps;
  static void reset() {
    for (auto &plane : count)
      for (auto &row : plane)
        for (auto &c : row)
          c = 0;
    overlaps = 0;
  }
  static void kernel(const tercet_kernel_args *, uint32_t x, uint32_t y, uint32_t z, uint32_t w) {
    overlaps += inside[w]++ != 0;
    ++count[z][y][x];
    worker[z][y][x] = w;
    --inside[w];
  }
};
std::atomic<int> Tiles::count[Z][Y][X];
std::atomic<uint32_t> Tiles::worker[Z][Y][X];
std::atomic<int> Tiles::inside[8];
std::atomic<int> Tiles::overlaps;

TEST(Run, EveryTileOnceForAllWorkersAndGrains) {
  for (uint32_t workers = 1; workers <= 4; ++workers) {
    tercet_workers *pool = nullptr;
    tercet_workers_options pool_options = {};
    pool_options.count = std::min(workers, 3u); // 4 workers on 3 threads
    ASSERT_EQ(tercet_workers_start(&pool_options, &pool), TERCET_OK);
    for (uint32_t grain : {0u, 1u, 4u, 104u, 105u, 4000000000u}) {
      DemoProgram demo;
      tercet_command_record &command = demo.command(0);
      command.grid[0] = Tiles::X;
      command.grid[1] = Tiles::Y;
      command.grid[2] = Tiles::Z;
      command.grain = grain;
      demo.kernels[0] = Tiles::kernel;
      demo.build();
      tercet_options options = {};
      options.workers = workers;
      options.parallel_for = tercet_workers_run;
      options.parallel_user = pool;
      DemoRun run;
      ASSERT_EQ(run.open(demo.program, &options), TERCET_OK);
      ASSERT_EQ(tercet_context_workers(run.context), workers);
      ASSERT_EQ(run.bind(), TERCET_OK);
      for (int repeat = 0; repeat < 50; ++repeat) {
        Tiles::reset();
        ASSERT_EQ(tercet_entry_run(run.context, 0), TERCET_OK);
        int wrong = 0;
        uint32_t last = 0;
        bool contiguous = true;
        for (uint32_t t = 0; t < Tiles::X * Tiles::Y * Tiles::Z; ++t) {
          uint32_t x = t % Tiles::X, y = t / Tiles::X % Tiles::Y;
          uint32_t z = t / Tiles::X / Tiles::Y;
          wrong += Tiles::count[z][y][x] != 1;
          uint32_t w = Tiles::worker[z][y][x];
          contiguous &= w == last || w == last + 1;
          last = w;
        }
        EXPECT_EQ(wrong, 0) << workers << " workers, grain " << grain;
        EXPECT_EQ(Tiles::overlaps, 0);
        if (!grain)
          EXPECT_TRUE(contiguous && last == workers - 1);
      }
    }
    tercet_workers_stop(pool);
  }
}

TEST(Run, MoreWorkersThanTheProgramAllowsAreClamped) {
  tercet_options options = {};
  options.workers = 100;
  DemoRun run;
  ASSERT_EQ(run.open(tercet_demo, &options), TERCET_OK);
  EXPECT_EQ(tercet_context_workers(run.context), 4u);
}

TEST(Run, StridedCopyOfTwoLevels) {
  // The copy of `main` in half rows: four rows of two runs of 32 bytes.
  DemoProgram demo;
  auto &copy = demo.at<tercet_copy_record>(TERCET_RECORD_COPIES, 0);
  copy = {32, {4, 2}, {64, 32}, {128, 32}};
  demo.build();
  DemoRun run;
  ASSERT_EQ(run.open(demo.program), TERCET_OK) << run.error.text;
  ASSERT_EQ(run.bind(), TERCET_OK);
  ASSERT_EQ(tercet_scalar_set(run.context, 0, 0, 2), TERCET_OK);
  ASSERT_EQ(tercet_entry_run(run.context, 0), TERCET_OK);
  EXPECT_EQ(run.wrong(2), 0);
}

struct Seen {
  std::vector<std::string> nodes;
  std::vector<float> gathered;
  uint32_t stop_after = TERCET_NONE;
  tercet_status bind_status = TERCET_OK;
};

int observe(void *user, const tercet_context *context, const tercet_command_info *command) {
  auto *seen = static_cast<Seen *>(user);
  seen->nodes.push_back(command->node);
  for (uint32_t i = 0; i < command->operand_count; ++i) {
    tercet_operand_info operand;
    EXPECT_EQ(tercet_operand_query(context, command->entry, command->command, i, &operand),
              TERCET_OK);
    if (command->command == 0 && operand.access == TERCET_ACCESS_WRITE) {
      auto *data = static_cast<const float *>(operand.data);
      seen->gathered.assign(data, data + operand.bytes / 4);
    }
  }
  seen->bind_status = tercet_entry_run(const_cast<tercet_context *>(context), 0);
  return command->command == seen->stop_after;
}

TEST(Run, ObserverSeesIntermediates) {
  DemoRun run;
  ASSERT_EQ(run.open(tercet_demo), TERCET_OK);
  ASSERT_EQ(run.bind(), TERCET_OK);
  Seen seen;
  ASSERT_EQ(tercet_observer_set(run.context, observe, &seen), TERCET_OK);
  ASSERT_EQ(tercet_entry_run(run.context, 0), TERCET_OK);
  ASSERT_EQ(seen.nodes.size(), 5u);
  EXPECT_EQ(seen.nodes[0], "/embed/Gather");
  EXPECT_EQ(seen.nodes[1], "");
  ASSERT_EQ(seen.gathered.size(), 64u);
  EXPECT_EQ(seen.gathered[1], 3.0625f); // w[3][1], which `scratch` overwrites
  EXPECT_EQ(seen.bind_status, TERCET_ERROR_BUSY);

  seen.stop_after = 1;
  seen.nodes.clear();
  EXPECT_EQ(tercet_entry_run(run.context, 0), TERCET_ERROR_STOPPED);
  EXPECT_EQ(seen.nodes.size(), 2u);
  ASSERT_EQ(tercet_observer_set(run.context, nullptr, nullptr), TERCET_OK);
  EXPECT_EQ(tercet_entry_run(run.context, 0), TERCET_OK);
}

uint64_t tick(void *user) { return ++*static_cast<uint64_t *>(user); }

TEST(Run, ProfileTimesEachCommand) {
  DemoRun run;
  ASSERT_EQ(run.open(tercet_demo), TERCET_OK);
  ASSERT_EQ(run.bind(), TERCET_OK);
  uint64_t now = 0;
  tercet_profile_sample samples[5] = {};
  ASSERT_EQ(tercet_profile_set(run.context, samples, 4, tick, &now), TERCET_OK);
  ASSERT_EQ(tercet_entry_run(run.context, 0), TERCET_OK);
  for (uint64_t i = 0; i < 4; ++i) {
    EXPECT_EQ(samples[i].start, 2 * i + 1);
    EXPECT_EQ(samples[i].end, 2 * i + 2);
  }
  EXPECT_EQ(samples[4].end, 0u); // beyond the capacity
  ASSERT_EQ(tercet_profile_set(run.context, nullptr, 0, nullptr, nullptr), TERCET_OK);
  ASSERT_EQ(tercet_entry_run(run.context, 0), TERCET_OK);
  EXPECT_EQ(now, 8u);
}

TEST(Run, TwoContextsShareOneProgram) {
  DemoRun a, b;
  ASSERT_EQ(a.open(tercet_demo), TERCET_OK);
  ASSERT_EQ(b.open(tercet_demo), TERCET_OK);
  ASSERT_EQ(a.bind(), TERCET_OK);
  ASSERT_EQ(b.bind(), TERCET_OK);
  ASSERT_EQ(tercet_scalar_set(a.context, 0, 0, 1), TERCET_OK);
  ASSERT_EQ(tercet_scalar_set(b.context, 0, 0, 2), TERCET_OK);
  std::thread other([&] {
    for (int i = 0; i < 500; ++i)
      ASSERT_EQ(tercet_entry_run(b.context, 0), TERCET_OK);
  });
  for (int i = 0; i < 500; ++i)
    ASSERT_EQ(tercet_entry_run(a.context, 0), TERCET_OK);
  other.join();
  EXPECT_EQ(a.wrong(1), 0);
  EXPECT_EQ(b.wrong(2), 0);
}

} // namespace

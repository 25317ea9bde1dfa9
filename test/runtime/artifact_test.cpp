// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An object compiled when a version was frozen, linked with today's runtime.
// It must open and compute what it always computed. A failure here means that
// the runtime broke artifacts in the field: fix the runtime, never the object.
#include "abi_pair.h"
#include "demo_program.h"
#include <algorithm>
#include <gtest/gtest.h>

using namespace tercet_test;

namespace {

TEST(Artifact, Version10StillRuns) {
  EXPECT_EQ(tercet_demo.major, 1);
  EXPECT_EQ(tercet_demo.minor, 0);
  tercet_workers *pool = nullptr;
  tercet_workers_options pool_options = {};
  pool_options.count = 2;
  ASSERT_EQ(tercet_workers_start(&pool_options, &pool), TERCET_OK);
  tercet_options options = {};
  options.workers = 2;
  options.parallel_for = tercet_workers_run;
  options.parallel_user = pool;
  DemoRun run;
  ASSERT_EQ(run.open(tercet_demo, &options), TERCET_OK) << run.error.text;
  ASSERT_EQ(run.bind(), TERCET_OK);
  ASSERT_EQ(tercet_scalar_set(run.context, 0, 0, -3), TERCET_OK);
  for (int i = 0; i < 100; ++i)
    ASSERT_EQ(tercet_entry_run(run.context, 0), TERCET_OK);
  EXPECT_EQ(run.wrong(-3), 0);
  for (auto &row : run.x)
    for (float &value : row)
      value = 2;
  ASSERT_EQ(tercet_scalar_set(run.context, 1, 1, 5), TERCET_OK);
  ASSERT_EQ(tercet_entry_run(run.context, 1), TERCET_OK);
  ASSERT_EQ(tercet_entry_run(run.context, 1), TERCET_OK);
  EXPECT_EQ(run.snapshot[3], 20);
  run.ids[0] = 10;
  EXPECT_EQ(tercet_entry_run(run.context, 0), TERCET_ERROR_INDEX_OUT_OF_RANGE);
  tercet_workers_stop(pool);
}

TEST(Artifact, Version11StillRuns) {
  EXPECT_EQ(tercet_pair.major, 1);
  EXPECT_EQ(tercet_pair.minor, 1);
  Block memory = allocate(TERCET_PAIR_CONTEXT_BYTES), lanes = allocate(TERCET_PAIR_QUEUES_BYTES),
        arena = allocate(TERCET_PAIR_ARENA_BYTES);
  alignas(64) float x[256], y[256];
  for (int i = 0; i < 256; ++i)
    x[i] = float(i * i);
  tercet_context *context = nullptr;
  tercet_error error = {};
  ASSERT_EQ(tercet_context_open(memory.get(), TERCET_PAIR_CONTEXT_BYTES, &tercet_pair, nullptr,
                                &context, &error),
            TERCET_OK)
      << error.text;
  ASSERT_EQ(tercet_pool_bind(context, 0, arena.get(), TERCET_PAIR_ARENA_BYTES), TERCET_OK);
  ASSERT_EQ(tercet_input_bind(context, 0, 0, x, sizeof x), TERCET_OK);
  ASSERT_EQ(tercet_output_bind(context, 0, 0, y, sizeof y), TERCET_OK);
  tercet_engine_info big, little;
  ASSERT_EQ(tercet_engine_query(context, 0, &big), TERCET_OK);
  ASSERT_EQ(tercet_engine_query(context, 1, &little), TERCET_OK);
  EXPECT_STREQ(big.name, "big");
  const uint32_t workers[] = {big.workers, little.workers};
  EXPECT_EQ(workers[0], 2u);
  EXPECT_EQ(workers[1], 1u);
  tercet_queues_options options = {};
  options.count = tercet_queues_count(context);
  options.workers = workers;
  tercet_queues *queues = nullptr;
  ASSERT_EQ(tercet_queues_start(&options, &queues), TERCET_OK);
  for (bool concurrent : {false, true}) {
    if (concurrent) {
      ASSERT_EQ(tercet_queues_attach(context, lanes.get(), TERCET_PAIR_QUEUES_BYTES,
                                     tercet_queues_port(queues)),
                TERCET_OK)
          << tercet_context_error(context)->text;
    }
    for (int run = 0; run < 100; ++run) {
      std::fill(y, y + 256, -1.0f);
      ASSERT_EQ(tercet_entry_run(context, 0), TERCET_OK);
      for (int i = 0; i < 256; ++i)
        ASSERT_EQ(y[i], 2 * x[i] + 2 * x[255 - i]);
    }
  }
  ASSERT_EQ(tercet_context_close(context), TERCET_OK);
  tercet_queues_stop(queues);
}

} // namespace

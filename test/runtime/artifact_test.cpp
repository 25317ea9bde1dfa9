// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An object compiled when version 1.0 was frozen, linked with today's runtime.
// It must open and compute what it always computed. A failure here means that
// the runtime broke artifacts in the field: fix the runtime, never the object.
#include "demo_program.h"
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

} // namespace

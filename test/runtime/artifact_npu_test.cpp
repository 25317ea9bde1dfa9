// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The object that was compiled when version 1.2 was frozen, its NPU's image
// included, with today's runtime and driver. A failure here means that the
// runtime broke artifacts in the field: fix the runtime, never the object.
#include "abi_npu.h"
#include "npu_mailbox.h"
#include "tercet/posix.h"
#include <algorithm>

using namespace tercet_test;

namespace {

TEST(Artifact, Version12StillRuns) {
  EXPECT_EQ(tercet_npu.major, 1);
  EXPECT_EQ(tercet_npu.minor, 2);
  Memory memory(TERCET_NPU_CONTEXT_BYTES), lanes(TERCET_NPU_QUEUES_BYTES),
      drivers(TERCET_NPU_DRIVERS_BYTES);
  alignas(64) int32_t x[256], y[256];
  for (int i = 0; i < 256; ++i)
    x[i] = i * i - 500;
  tercet_options options = {};
  tercet_context *context = nullptr;
  tercet_error error = {};
  EXPECT_EQ(tercet_context_open(memory.get(), TERCET_NPU_CONTEXT_BYTES, &tercet_npu, &options,
                                &context, &error),
            TERCET_ERROR_UNSUPPORTED_FEATURE);
  options.features = TERCET_BIT(TERCET_FEATURE_SUBMIT_BIT);
  ASSERT_EQ(tercet_context_open(memory.get(), TERCET_NPU_CONTEXT_BYTES, &tercet_npu, &options,
                                &context, &error),
            TERCET_OK)
      << error.text;
  Mailbox mailbox;
  tercet_driver_binding binding = {TERCET_NPU_ENGINE_NPU, mailbox.driver, 0};
  ASSERT_EQ(tercet_drivers_attach(context, drivers.get(), TERCET_NPU_DRIVERS_BYTES, &binding, 1),
            TERCET_OK)
      << tercet_context_error(context)->text;
  ASSERT_EQ(tercet_input_bind(context, 0, 0, x, sizeof x), TERCET_OK);
  ASSERT_EQ(tercet_output_bind(context, 0, 0, y, sizeof y), TERCET_OK);
  Queues queues({2, 1});
  for (bool concurrent : {false, true}) {
    if (concurrent) {
      ASSERT_EQ(tercet_queues_attach(context, lanes.get(), TERCET_NPU_QUEUES_BYTES, queues.port()),
                TERCET_OK);
    }
    for (int run = 0; run < 50; ++run) {
      std::fill(y, y + 256, -1);
      ASSERT_EQ(tercet_entry_run(context, 0), TERCET_OK) << tercet_context_error(context)->text;
      for (int i = 0; i < 256; ++i)
        ASSERT_EQ(y[i], 2 * (x[i] + 1) + 1);
    }
  }
  ASSERT_EQ(tercet_drivers_detach(context), TERCET_OK);
  ASSERT_EQ(tercet_context_close(context), TERCET_OK);
}

} // namespace

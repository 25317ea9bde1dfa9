// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The Vulkan driver as the runtime uses it, on whatever device there is (Mesa's
// lavapipe where there is no GPU), under the validation layer, whose every
// message is a failure.
#include "vulkan_program.h"

using namespace tercet_test;

namespace {

// Adds 1 to every word of operand 0, on the CPU.
void incrementWords(const tercet_kernel_args *args, uint32_t, uint32_t, uint32_t, uint32_t) {
  auto *words = static_cast<uint32_t *>(args->buffers[0]);
  for (uint32_t i = 0; i < GpuProgram::Words; ++i)
    ++words[i];
}

struct Case {
  explicit Case(bool concurrent = false, const GpuImage &image = usualImage())
      : program(image), queues({1, 1}), many(concurrent) {
    program.beginEntry("main");
    program.scalarsOfEntry(3);
  }
  tercet_status open() {
    driver = std::make_unique<GpuDriver>(options);
    context = std::make_unique<NpuContext>(program);
    if (context->status)
      return context->status;
    tercet_status status = context->attach(driver->driver);
    if (!status && many)
      status = context->attachQueues(queues.port());
    return status;
  }
  tercet_status run(int64_t addend = 0, int64_t fault = 0, int64_t times = 1) {
    for (uint32_t i = 0; i < 3; ++i)
      EXPECT_EQ(tercet_scalar_set(context->context, 0, i,
                                  i == 0   ? addend
                                  : i == 1 ? fault
                                           : times),
                TERCET_OK);
    return context->run();
  }
  uint32_t *slot(uint32_t index) { return context->slot<uint32_t>(index); }
  void fill(uint32_t index, uint32_t first) {
    for (uint32_t i = 0; i < GpuProgram::Words; ++i)
      slot(index)[i] = first + i;
  }
  GpuOptions options;
  GpuProgram program;
  Queues queues;
  bool many;
  std::unique_ptr<GpuDriver> driver;
  std::unique_ptr<NpuContext> context; // ends before its driver
};

class Vulkan : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(, Vulkan, testing::Bool(),
                         [](const auto &info) { return info.param ? "Queues" : "List"; });

TEST_P(Vulkan, AddsAndSteps) {
  Case c(GetParam());
  c.program.addSlots(0, 1, 2);
  c.program.step(2);
  c.program.step(2);
  ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
  EXPECT_EQ(c.driver->info().timeline, 1);
  for (uint32_t repeat = 0; repeat < 20; ++repeat) {
    c.fill(0, 5 + repeat);
    c.fill(1, 7);
    ASSERT_EQ(c.run(repeat), TERCET_OK) << c.context->text();
    for (uint32_t i = 0; i < GpuProgram::Words; ++i)
      ASSERT_EQ(c.slot(2)[i], ((12 + repeat + 2 * i) * 3 + repeat) * 3 + repeat) << i;
  }
}

TEST_P(Vulkan, TokensGoBothWays) {
  Case c(GetParam());
  uint32_t last = 0;
  for (uint32_t i = 0; i < 60; ++i) {
    std::vector<uint32_t> after = i ? std::vector<uint32_t>{last} : std::vector<uint32_t>{};
    last = i % 3 == 0
               ? c.program.dispatch(GpuProgram::Cpu, incrementWords, {{3, READ | WRITE}}, after)
               : c.program.step(3, {0, 1, 2}, after);
  }
  ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
  for (uint32_t repeat = 0; repeat < 5; ++repeat) {
    c.fill(3, repeat);
    ASSERT_EQ(c.run(2), TERCET_OK) << c.context->text();
    for (uint32_t i = 0; i < GpuProgram::Words; ++i) {
      uint32_t expected = repeat + i;
      for (uint32_t s = 0; s < 60; ++s)
        expected = s % 3 == 0 ? expected + 1 : expected * 3 + 2;
      ASSERT_EQ(c.slot(3)[i], expected) << i;
    }
  }
}

} // namespace

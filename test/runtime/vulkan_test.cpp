// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The Vulkan driver as the runtime uses it, on whatever device there is (Mesa's
// lavapipe where there is no GPU), under the validation layer, whose every
// message is a failure.
#include "vulkan_program.h"
#include <random>

extern "C" {
#include "drivers/vulkan/image.h"
}

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
    tercet_status status = context->attach(driver->driver, GpuTimeout);
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

// A run of submissions is one segment; its results are those of the list where
// the CPU takes part in the middle, and nothing is made anew.
TEST_P(Vulkan, SegmentsAreRecordedOnce) {
  Case c(GetParam());
  c.program.addSlots(0, 1, 2);
  uint32_t awaited = c.program.step(2);
  c.program.step(2);
  c.program.step(4);
  c.program.addSlots(2, 4, 5);
  uint32_t cpu =
      c.program.dispatch(GpuProgram::Cpu, incrementWords, {{1, READ | WRITE}}, {awaited});
  c.program.addSlots(1, 5, 6, {cpu});
  ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
  tercet_vulkan_info before = c.driver->info();
  EXPECT_GT(before.recordings, 0u);
  for (uint32_t repeat = 0; repeat < 20; ++repeat) {
    c.fill(0, repeat);
    c.fill(1, 9);
    c.fill(4, 3);
    ASSERT_EQ(c.run(repeat), TERCET_OK) << c.context->text();
    for (uint32_t i = 0; i < GpuProgram::Words; ++i) {
      uint32_t two = ((repeat + 9 + 2 * i) * 3 + repeat) * 3 + repeat, four = (3 + i) * 3 + repeat;
      ASSERT_EQ(c.slot(6)[i], 9 + i + 1 + two + four) << i;
    }
  }
  tercet_vulkan_info after = c.driver->info();
  EXPECT_EQ(after.recordings, before.recordings);
  EXPECT_EQ(after.descriptor_updates, before.descriptor_updates);
  EXPECT_EQ(after.allocations, before.allocations);
}

// Every kind of memory gives the same results; one that is not there is refused.
TEST_P(Vulkan, AnyMemoryWillDo) {
  for (tercet_vulkan_memory memory : {TERCET_VULKAN_MEMORY_COHERENT, TERCET_VULKAN_MEMORY_CACHED,
                                      TERCET_VULKAN_MEMORY_IMPORTED, TERCET_VULKAN_MEMORY_COPIED})
    for (bool imports : {true, false}) {
      Case c(GetParam());
      c.options.memory[0] = memory;
      c.options.without_import = !imports;
      uint32_t first = c.program.addSlots(0, 1, 2);
      uint32_t cpu =
          c.program.dispatch(GpuProgram::Cpu, incrementWords, {{2, READ | WRITE}}, {first});
      c.program.step(2, {0, 1, 2}, {cpu});
      c.program.submit(GpuAdd, {{2, READ}, {GpuProgram::WeightsBuffer, READ}, {3, WRITE}}, {},
                       GpuProgram::Words / 64);
      uint32_t last = c.program.step(3);
      c.program.dispatch(GpuProgram::Cpu, incrementWords, {{3, READ | WRITE}}, {last});
      tercet_status status = c.open();
      if (memory == TERCET_VULKAN_MEMORY_IMPORTED && !imports) {
        EXPECT_EQ(status, TERCET_ERROR_ENGINE_MEMORY);
        EXPECT_NE(c.context->text().find("cannot import"), std::string::npos);
        continue;
      }
      ASSERT_EQ(status, TERCET_OK) << c.context->text();
      EXPECT_EQ(c.driver->info().memory, memory);
      for (uint32_t repeat = 0; repeat < 10; ++repeat) {
        c.fill(0, repeat);
        c.fill(1, 2);
        ASSERT_EQ(c.run(5), TERCET_OK) << c.context->text();
        for (uint32_t i = 0; i < GpuProgram::Words; ++i)
          ASSERT_EQ(c.slot(3)[i], ((repeat + 2 + 2 * i + 1) * 3 + 5 + 7 * i) * 3 + 5 + 1) << i;
      }
    }
}

// Without timeline semaphores, calibrated timestamps, or both.
TEST_P(Vulkan, FencesAndBracketsServeToo) {
  for (int without = 0; without < 4; ++without) {
    Case c(GetParam());
    c.options.without_timeline = without & 1;
    c.options.without_calibration = without >> 1;
    uint32_t awaited = c.program.addSlots(0, 1, 2);
    c.program.step(2);
    uint32_t cpu =
        c.program.dispatch(GpuProgram::Cpu, incrementWords, {{1, READ | WRITE}}, {awaited});
    c.program.addSlots(1, 2, 3, {cpu});
    ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
    EXPECT_EQ(c.driver->info().timeline, !(without & 1));
    EXPECT_TRUE(!(without >> 1) || !c.driver->info().calibrated);
    tercet_profile_sample times[4] = {};
    tercet_profile_set(c.context->context, times, 4, nullptr, nullptr);
    for (uint32_t repeat = 0; repeat < 10; ++repeat) {
      c.fill(0, repeat);
      c.fill(1, 2);
      uint64_t start = tercet_port_clock_read();
      ASSERT_EQ(c.run(1), TERCET_OK) << c.context->text();
      uint64_t end = tercet_port_clock_read();
      for (uint32_t i = 0; i < GpuProgram::Words; ++i)
        ASSERT_EQ(c.slot(3)[i], 2 + i + 1 + (repeat + 2 + 2 * i) * 3 + 1) << i;
      for (const tercet_profile_sample &sample : times) {
        EXPECT_LE(start, sample.start);
        EXPECT_LE(sample.start, sample.end);
        EXPECT_LE(sample.end, end);
      }
      EXPECT_LE(times[0].end, times[1].end); // one segment, in its order
    }
  }
}

// Operands anywhere, down to words; the device sees what lies before them too.
TEST_P(Vulkan, OperandsMayBeginAtAnyWord) {
  Case c(GetParam());
  c.program.submit(GpuAdd, {{0, READ}, {1, READ}, {2, WRITE}}, {}, 2);
  uint64_t offsets[] = {4, 1052, 12};
  for (size_t i = 0; i < 3; ++i) {
    c.program.operand_records[i].offset = offsets[i];
    c.program.operand_records[i].bytes = 512;
  }
  ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
  c.fill(0, 1);
  c.fill(1, 1000);
  c.fill(2, 77);
  ASSERT_EQ(c.run(), TERCET_OK) << c.context->text();
  for (uint32_t i = 0; i < GpuProgram::Words; ++i)
    ASSERT_EQ(c.slot(2)[i], i >= 3 && i < 131 ? 2 + (i - 3) + 1263 + (i - 3) : 77 + i) << i;
}

TEST_P(Vulkan, KernelFaultsAreStatuses) {
  Case c(GetParam());
  c.program.step(2);
  c.program.step(3, {0, 0, 2}); // its fault is scalar 0
  ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
  for (int repeat = 0; repeat < 5; ++repeat) {
    EXPECT_EQ(c.run(2), TERCET_ERROR_DIVISION_BY_ZERO);
    EXPECT_EQ(c.context->text(),
              "entry 'main', command 1, node 'node1', fault 2: integer division by zero");
    EXPECT_EQ(c.run(0), TERCET_OK) << c.context->text();
    EXPECT_EQ(c.run(0, 1), TERCET_ERROR_INDEX_OUT_OF_RANGE);
  }
}

// Submissions one by one, as an observer wants them.
TEST_P(Vulkan, ObserversSeeEachCommand) {
  Case c(GetParam());
  c.program.addSlots(0, 1, 2);
  for (int i = 0; i < 100; ++i)
    c.program.step(2);
  ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
  std::vector<uint32_t> seen;
  tercet_observer_set(
      c.context->context,
      [](void *user, const tercet_context *context, const tercet_command_info *command) {
        tercet_operand_info info = {};
        tercet_operand_query(context, command->entry, command->command, command->operand_count - 1,
                             &info);
        static_cast<std::vector<uint32_t> *>(user)->push_back(*static_cast<uint32_t *>(info.data));
        return 0;
      },
      &seen);
  c.fill(0, 1);
  c.fill(1, 1);
  ASSERT_EQ(c.run(1), TERCET_OK) << c.context->text();
  ASSERT_EQ(seen.size(), 101u);
  uint32_t expected = 2;
  for (uint32_t value : seen) {
    ASSERT_EQ(value, expected);
    expected = expected * 3 + 1;
  }
}

// Weights that only the GPU addresses: imported, or in its own memory, and there
// again after it was opened anew.
TEST_P(Vulkan, KeepsWeights) {
  for (bool imports : {true, false}) {
    Case c(GetParam());
    constexpr uint64_t bytes = uint64_t(9) << 20;
    c.options.without_import = !imports;
    c.program.keepWeights(bytes);
    c.program.submit(GpuAdd, {{GpuProgram::WeightsBuffer, READ}, {0, READ}, {2, WRITE}}, {}, 16);
    c.program.operand_records[0].offset = bytes - 4096;
    c.program.operand_records[0].bytes = 4096;
    ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
    for (int repeat = 0; repeat < 2; ++repeat) {
      c.fill(0, 1);
      ASSERT_EQ(c.run(), TERCET_OK) << c.context->text();
      for (uint32_t i = 0; i < GpuProgram::Words; ++i)
        ASSERT_EQ(c.slot(2)[i], ((bytes - 4096) / 4 + i) * 7 + 1 + i) << i;
      ASSERT_EQ(tercet_drivers_reopen(c.context->context, GpuProgram::Gpu), TERCET_OK);
    }
  }
}

// ---- Images -----------------------------------------------------------------

// The first alternative that the device can run is.
TEST(VulkanOnce, ChoosesAlternatives) {
  Case c;
  c.program.submit(GpuWhich, {{3, WRITE}});
  ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
  ASSERT_EQ(c.run(), TERCET_OK) << c.context->text();
  bool half = c.driver->info().features >> TERCET_VULKAN_FLOAT16_BIT & 1;
  EXPECT_EQ(*c.slot(3), half ? 2u : 1u);
}

TEST(VulkanOnce, SaysWhatADeviceLacks) {
  const struct {
    const char *text;
    std::function<void(GpuImage::Alternative &)> needs;
  } cases[] = {{"maxComputeSharedMemorySize", [](auto &a) { a.workgroupBytes = 1u << 30; }},
               {"subgroups of at least 4096", [](auto &a) { a.subgroupMin = 4096; }}};
  for (const auto &test : cases) {
    GpuImage image = usualImage();
    test.needs(image.kernels[GpuAdd].alternatives[0]);
    Case c(false, image);
    c.program.addSlots(0, 1, 2);
    EXPECT_EQ(c.open(), TERCET_ERROR_ENGINE_IMAGE);
    EXPECT_NE(c.context->text().find("kernel 'add' needs " + std::string(test.text)),
              std::string::npos)
        << c.context->text();
  }
}

// What the image says of a kernel and the program's table must agree.
TEST(VulkanOnce, ComparesImageAndTable) {
  const struct {
    const char *text;
    std::function<void(Case &)> change;
  } cases[] = {
      {"operands", [](Case &c) { c.program.submit(GpuAdd, {{0, READ}, {1, READ}}, {}, 1); }},
      {"scalars", [](Case &c) { c.program.submit(GpuStep, {{0, READ | WRITE}}, {}, 1); }},
      {"does not declare",
       [](Case &c) { c.program.submit(GpuAdd, {{0, READ}, {1, READ}, {2, READ}}, {}, 1); }},
      {"less aligned",
       [](Case &c) {
         c.program.addSlots(0, 1, 2);
         c.program.operand_records[0].offset = 2;
         c.program.operand_records[0].bytes = 64;
       }},
      {"maxComputeWorkGroupCount", [](Case &c) {
         uint32_t command = c.program.addSlots(0, 1, 2);
         c.program.commands[command].grid[1] = 1u << 20;
       }}};
  for (const auto &test : cases) {
    Case c;
    test.change(c);
    EXPECT_EQ(c.open(), TERCET_ERROR_ENGINE_IMAGE) << test.text;
    EXPECT_NE(c.context->text().find(test.text), std::string::npos) << c.context->text();
  }
}

tercet_status check(const std::vector<unsigned char> &image, std::string &text,
                    uint32_t kernels = GpuKernels) {
  // Of its very size, so that a sanitizer sees what is read beyond.
  std::unique_ptr<unsigned char[]> exact(new unsigned char[image.size()]);
  std::copy(image.begin(), image.end(), exact.get());
  vulkan_image view;
  tercet_error error = {};
  tercet_status status = vulkan_image_check(exact.get(), image.size(), kernels, &view, &error);
  text = error.text;
  return status;
}

TEST(VulkanImage, IsCheckedFieldByField) {
  auto good = usualImage().build();
  std::string text;
  ASSERT_EQ(check(good, text), TERCET_OK) << text;
  EXPECT_EQ(check(good, text, GpuKernels + 1), TERCET_ERROR_ENGINE_IMAGE);
  EXPECT_EQ(text, "the GPU's image has 3 kernels, the program's table names 4");
  tercet_vulkan_image header;
  std::memcpy(&header, good.data(), sizeof header);
  uint32_t kernel = header.kernels, alternative = header.alternatives, operand = header.operands;
  tercet_vulkan_alternative first;
  std::memcpy(&first, good.data() + alternative, sizeof first);
  const struct {
    const char *text;
    uint32_t offset, value;
  } cases[] = {
      {"not one of Tercet's", 0, 1},
      {"version 2", 4, 2},
      {"bytes", 8, uint32_t(good.size()) + 4},
      {"bytes", 8, 8},
      {"table", 16, uint32_t(good.size()) - 4},
      {"table", 16, 0xFFFFFFFC},
      {"table", 20, 0x20000000},
      {"table", 24, 2},
      {"table", 28, 0xFFFFFFFF},
      {"table", 32, 4},
      {"name", kernel, uint32_t(good.size())},
      {"alternatives outside", kernel + 4, 99},
      {"alternatives outside", kernel + 8, 0},
      {"alternatives outside", kernel + 8, 0xFFFFFFFF},
      {"operands outside", kernel + 12, 99},
      {"operands outside", kernel + 16, 0xFFFFFFFF},
      {"scalars without a control block", kernel + 20, 1},
      {"scalars without a control block", kernel + 24, 2},
      {"alignment of an operand", operand, 3},
      {"alignment of an operand", operand, 32},
      {"access of an operand", operand + 4, 0},
      {"access of an operand", operand + 4, 4},
      {"feature that this driver does not know", alternative, 1u << 31},
      {"outside", alternative + 4, uint32_t(good.size())},
      {"outside", alternative + 8, uint32_t(good.size())},
      {"outside", alternative + 8, 3},
      {"another local size", alternative + 12, 32},
      {"empty or too large local size", alternative + 12, 0},
      {"empty or too large local size", alternative + 16, 65537},
      {"is not SPIR-V", first.code, 1},
      {"later version of SPIR-V", first.code + 4, 0x00010600},
      {"beyond its end", first.code + 20, 0},
      {"beyond its end", first.code + 20, 0xFFFF0011},
      {"does not know", first.code + 24, 4711},                       // OpCapability
      {"beyond its recorded features", first.code + 24, 9},           // Float16
      {"compute shader 'main'", first.code + (5 + 2 + 3 + 1) * 4, 4}, // OpEntryPoint Fragment
  };
  for (const auto &c : cases) {
    auto bad = good;
    std::memcpy(bad.data() + c.offset, &c.value, 4);
    EXPECT_EQ(check(bad, text), TERCET_ERROR_ENGINE_IMAGE) << c.text;
    EXPECT_NE(text.find(c.text), std::string::npos) << "expected: " << c.text << "\ngot: " << text;
  }
}

// Whatever is in it, nothing outside is read; shortened ones are refused.
TEST(VulkanImage, SurvivesAnything) {
  auto good = usualImage().build();
  std::string text;
  for (size_t bytes = 0; bytes < good.size(); bytes += 4)
    EXPECT_EQ(check({good.begin(), good.begin() + long(bytes)}, text), TERCET_ERROR_ENGINE_IMAGE);
  std::mt19937 random(1);
  const uint32_t values[] = {0, 1, 3, 4, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFC};
  for (size_t at = 0; at < good.size(); at += 4)
    for (uint32_t value : values) {
      auto bad = good;
      std::memcpy(bad.data() + at, &value, 4);
      check(bad, text);
    }
  uint32_t refused = 0;
  for (int i = 0; i < 20000; ++i) {
    auto bad = good;
    for (uint32_t changes = 1 + random() % 4; changes; --changes)
      bad[random() % bad.size()] = uint8_t(random());
    refused += check(bad, text) != TERCET_OK;
  }
  EXPECT_GT(refused, 0u);
}

} // namespace

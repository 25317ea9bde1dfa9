// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Faults of a GPU, injected between the driver and Vulkan's loader: each is a
// status and a message, the application goes on, and tercet_drivers_reopen, or
// attaching again, recovers.
#include "vulkan_faults.h"

using namespace tercet_test;

namespace {

using Case = FaultCase;

// ---- At attach --------------------------------------------------------------

TEST(VulkanFaults, NoLoader) {
  Case c(false);
  c.usual();
  c.options.library = "libtercet-no-such-vulkan.so";
  EXPECT_EQ(c.open(), TERCET_ERROR_ENGINE_ABSENT);
  mentions(c.context->text(), "no Vulkan loader");
  mentions(c.context->text(), "libtercet-no-such-vulkan.so");
  c.driver.reset();
  c.options.library = FAKE_VULKAN;
  ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
  c.works();
}

TEST(VulkanFaults, NoDriver) {
  Case c(false);
  c.usual();
  inject("vkCreateInstance", IncompatibleDriver);
  EXPECT_EQ(c.open(), TERCET_ERROR_ENGINE_ABSENT);
  mentions(c.context->text(), "no Vulkan driver is installed");
}

TEST(VulkanFaults, NoDevice) {
  Case c(false);
  c.usual();
  fake().no_devices = 1;
  EXPECT_EQ(c.open(), TERCET_ERROR_ENGINE_ABSENT);
  mentions(c.context->text(), "no Vulkan device that computes among the 0 that there are");
  fake().no_devices = 0;
  ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
  c.works();
}

TEST(VulkanFaults, NoDeviceOfThatName) {
  for (const char *wanted : {"No such GPU", "99"}) {
    Case c(false);
    c.usual();
    c.options.device = wanted;
    EXPECT_EQ(c.open(), TERCET_ERROR_ENGINE_ABSENT);
    mentions(c.context->text(), wanted);
  }
  Case c(false);
  c.usual();
  c.options.device = "0";
  ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
  EXPECT_STRNE(c.driver->info().device, "");
}

TEST(VulkanFaults, OldDevice) {
  Case c(false);
  c.usual();
  fake().api_version = 1u << 22;
  EXPECT_EQ(c.open(), TERCET_ERROR_ENGINE_ABSENT);
  mentions(c.context->text(), "version 1.0; 1.1 or later");
}

// A driver that is older than the program's profile: the feature is named; where
// there is an alternative it is used.
TEST(VulkanFaults, MissingFeature) {
  Case alternative(false);
  alternative.program.submit(GpuWhich, {{3, WRITE}});
  fake().without_features = 1;
  ASSERT_EQ(alternative.open(), TERCET_OK) << alternative.context->text();
  ASSERT_EQ(alternative.run(), TERCET_OK);
  EXPECT_EQ(*alternative.context->slot<uint32_t>(3), 1u);
  GpuImage image = usualImage();
  image.kernels[GpuWhich].alternatives.pop_back();
  GpuProgram program(image);
  program.beginEntry("main");
  program.submit(GpuWhich, {{3, WRITE}});
  NpuContext context(program);
  GpuOptions options;
  options.library = FAKE_VULKAN;
  options.validate = 0;
  GpuDriver driver(options);
  fake().without_features = 1;
  EXPECT_EQ(context.attach(driver.driver), TERCET_ERROR_ENGINE_IMAGE);
  mentions(context.text(), "kernel 'which' needs shaderFloat16, which '");
  fake().without_features = 0;
  EXPECT_EQ(context.attach(driver.driver), TERCET_OK) << context.text();
  tercet_drivers_detach(context.context);
}

// A discrete device has weights in memory of its own.
TEST(VulkanFaults, DiscreteDevicesKeepWeights) {
  Case c;
  fake().discrete = 1;
  c.program.submit(GpuAdd, {{GpuProgram::WeightsBuffer, READ}, {0, READ}, {2, WRITE}}, {}, 16);
  ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
  uint64_t submits = fake().submits;
  EXPECT_GT(submits, 0u); // copies
  ASSERT_EQ(c.run(), TERCET_OK) << c.context->text();
  for (uint32_t i = 0; i < GpuProgram::Words; ++i)
    ASSERT_EQ(c.context->slot<uint32_t>(2)[i], 7 * i);
}

// Each function fails at each of its calls, once: attaching gives a status and
// leaves nothing, or goes another way; then all is well.
TEST(VulkanFaults, EachCallOfAttaching) {
  for (const char *function : {"vkCreateInstance",
                               "vkEnumeratePhysicalDevices",
                               "vkCreateDevice",
                               "vkCreateCommandPool",
                               "vkCreateBuffer",
                               "vkAllocateMemory",
                               "vkBindBufferMemory",
                               "vkMapMemory",
                               "vkCreateShaderModule",
                               "vkCreateComputePipelines",
                               "vkCreatePipelineCache",
                               "vkCreatePipelineLayout",
                               "vkCreateDescriptorSetLayout",
                               "vkCreateDescriptorPool",
                               "vkAllocateDescriptorSets",
                               "vkAllocateCommandBuffers",
                               "vkBeginCommandBuffer",
                               "vkEndCommandBuffer",
                               "vkCreateQueryPool",
                               "vkCreateSemaphore",
                               "vkQueueSubmit"})
    for (int times : {1, 0}) { // once, or from then on
      if (!times && std::string(function) != "vkAllocateMemory")
        continue;
      Case c(times == 1);
      c.usual();
      c.options.cache_write = [](void *, const void *, size_t) {};
      uint32_t failures = 0;
      for (int skip = 0; skip < 100; ++skip) {
        inject(function, OutOfDeviceMemory, skip, times);
        tercet_status status = c.open();
        bool failed = fake().failed;
        inject("", 0);
        if (status) {
          ++failures;
          EXPECT_EQ(status, TERCET_ERROR_ENGINE_MEMORY) << function << " " << skip;
          mentions(c.context->text(), function);
          EXPECT_EQ(c.run(), TERCET_ERROR_NOT_BOUND);
        } else {
          c.works();
        }
        if (!failed)
          break;
        c.context.reset();
      }
      if (std::string(function) != "vkCreatePipelineCache") { // it goes without one
        EXPECT_GT(failures, 0u) << function;
      }
    }
}

TEST(VulkanFaults, AMissingFunctionIsNamed) {
  Case c(false);
  c.usual();
  inject("vkCmdDispatch", 0);
  EXPECT_EQ(c.open(), TERCET_ERROR_ENGINE_ABSENT);
  mentions(c.context->text(), "vkCmdDispatch");
}

// ---- In a run ---------------------------------------------------------------

TEST(VulkanFaults, OutOfMemoryIsSaidInBytes) {
  Case c;
  c.usual();
  inject("vkAllocateMemory", OutOfDeviceMemory);
  EXPECT_EQ(c.open(), TERCET_ERROR_ENGINE_MEMORY);
  mentions(c.context->text(), "VK_ERROR_OUT_OF_DEVICE_MEMORY");
  mentions(c.context->text(), "bytes");
  inject("", 0);
  ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
  c.works();
}

// The device is lost: every run says so until it is opened anew, which makes
// another device; memory stays where it is, with what is in it. More than once.
TEST(VulkanFaults, LostDevice) {
  for (const char *function : {"vkQueueSubmit", "vkWaitSemaphores"}) {
    Case c;
    c.usual();
    ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
    c.works();
    auto *before = c.context->slot<uint32_t>(0);
    for (int repeat = 0; repeat < 3; ++repeat) {
      uint32_t kept = before[7];
      inject(function, DeviceLost, 0, 1);
      EXPECT_EQ(c.run(), TERCET_ERROR_ENGINE_LOST);
      mentions(c.context->text(), "VK_ERROR_DEVICE_LOST");
      EXPECT_EQ(c.run(), TERCET_ERROR_ENGINE_LOST);
      ASSERT_EQ(c.reopen(), TERCET_OK) << c.context->text();
      EXPECT_EQ(c.context->slot<uint32_t>(0), before);
      EXPECT_EQ(before[7], kept);
      c.works();
    }
  }
}

// The next device cannot be had, or not all of it: a status; then it can.
TEST(VulkanFaults, LostDeviceThatStaysAway) {
  for (const char *function :
       {"vkCreateDevice", "vkAllocateMemory", "vkCreateComputePipelines", "vkCreateSemaphore"}) {
    Case c;
    c.usual();
    ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
    inject("vkQueueSubmit", DeviceLost, 0, 1);
    EXPECT_EQ(c.run(), TERCET_ERROR_ENGINE_LOST);
    inject(function, Initialization);
    EXPECT_NE(c.reopen(), TERCET_OK) << function;
    mentions(c.context->text(), function);
    EXPECT_EQ(c.run(), TERCET_ERROR_ENGINE_LOST);
    inject("", 0);
    ASSERT_EQ(c.reopen(), TERCET_OK) << c.context->text();
    c.works();
  }
}

// Slower than its timeout, but done soon after: a status, and a good device.
TEST(VulkanFaults, SlowDevice) {
  for (int fences : {0, 1}) {
    Case c;
    c.options.without_timeline = fences;
    c.usual();
    ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
    for (int repeat = 0; repeat < 3; ++repeat) {
      inject(fences ? "vkWaitForFences" : "vkWaitSemaphores", Timeout, 0, 1);
      EXPECT_EQ(c.run(), TERCET_ERROR_ENGINE_TIMEOUT);
      mentions(c.context->text(), "no answer to a submission within 120000 ms; the GPU has ended");
      EXPECT_EQ(c.run(), TERCET_ERROR_ENGINE_LOST);
      ASSERT_EQ(c.reopen(), TERCET_OK) << c.context->text();
      c.works();
    }
  }
}

// Still running when it is opened anew: another status, until it is done.
TEST(VulkanFaults, StuckDevice) {
  for (int fences : {0, 1}) {
    Case c;
    c.options.without_timeline = fences;
    c.usual();
    ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
    inject(fences ? "vkWaitForFences" : "vkWaitSemaphores", Timeout);
    EXPECT_EQ(c.run(), TERCET_ERROR_ENGINE_TIMEOUT);
    mentions(c.context->text(), "still runs it, and Vulkan cannot stop it");
    EXPECT_EQ(c.reopen(), TERCET_ERROR_ENGINE_TIMEOUT);
    mentions(c.context->text(), "still runs what took too long");
    inject("", 0);
    ASSERT_EQ(c.reopen(), TERCET_OK) << c.context->text();
    c.works();
  }
}

// Each function fails at each of its calls in a run.
TEST(VulkanFaults, EachCallOfARun) {
  for (const char *function : {"vkQueueSubmit", "vkWaitSemaphores", "vkWaitForFences",
                               "vkResetFences", "vkGetQueryPoolResults"})
    for (int result : {OutOfHostMemory, DeviceLost})
      for (int fences : {0, 1}) {
        Case c(/*validate=*/result == DeviceLost && !fences);
        c.options.without_timeline = fences;
        c.usual();
        ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
        tercet_profile_sample times[3] = {};
        tercet_profile_set(c.context->context, times, 3, nullptr, nullptr);
        for (int skip = 0; skip < 10; ++skip) {
          inject(function, result, skip, 1);
          tercet_status status = c.run();
          bool failed = fake().failed;
          inject("", 0);
          EXPECT_EQ(status != TERCET_OK, failed) << function;
          if (!failed)
            break;
          EXPECT_EQ(status / 100, 7) << function;
          ASSERT_EQ(c.reopen(), TERCET_OK) << c.context->text();
          c.works();
        }
      }
}

} // namespace

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Faults of a GPU, injected between the driver and Vulkan's loader: each is a
// status and a message, the application goes on, and tercet_drivers_reopen, or
// attaching again, recovers. Also what the driver does not do: no allocation,
// recording or update of descriptors in a run, and no barrier too many.
#include "fake_vulkan.h"
#include "vulkan_program.h"
#include <dlfcn.h>

using namespace tercet_test;

namespace {

// VkResult, as far as it is injected.
enum : int {
  Timeout = 2,
  OutOfHostMemory = -1,
  OutOfDeviceMemory = -2,
  Initialization = -3,
  DeviceLost = -4,
  IncompatibleDriver = -9
};

fake_vulkan &fake() {
  static fake_vulkan *state = [] {
    void *library = dlopen(FAKE_VULKAN, RTLD_NOW | RTLD_LOCAL);
    EXPECT_NE(library, nullptr) << dlerror();
    auto get = reinterpret_cast<fake_vulkan_state_fn>(dlsym(library, "fake_vulkan_state"));
    return get();
  }();
  return *state;
}

void inject(const char *function, int result, int skip = 0, int times = 0) {
  std::snprintf(fake().failing, sizeof fake().failing, "%s", function);
  fake().result = result;
  fake().skip = skip;
  fake().times = times;
  fake().failed = 0;
}

struct Case {
  explicit Case(bool validate = true) {
    fake() = fake_vulkan();
    options.library = FAKE_VULKAN;
    options.validate = validate;
    options.grace_ns = UINT64_C(60000000000); // nothing here waits for its end
    program.beginEntry("main");
    program.scalarsOfEntry(3);
  }
  ~Case() {
    context.reset();
    driver.reset();
    fake() = fake_vulkan();
  }
  // The program that most tests run: slot 2 = ((slot 0 + slot 1) * 3 + 1) * 3 + 1.
  void usual() {
    program.addSlots(0, 1, 2);
    program.step(2);
    program.step(2);
  }
  tercet_status open() {
    if (!driver)
      driver = std::make_unique<GpuDriver>(options);
    context = std::make_unique<NpuContext>(program);
    return context->status ? context->status : context->attach(driver->driver);
  }
  tercet_status run() {
    tercet_scalar_set(context->context, 0, 0, 1);
    tercet_scalar_set(context->context, 0, 2, 1);
    return context->run();
  }
  tercet_status reopen() { return tercet_drivers_reopen(context->context, GpuProgram::Gpu); }
  // A run with other inputs gives what it should.
  void works() {
    auto *a = context->slot<uint32_t>(0), *b = context->slot<uint32_t>(1);
    uint32_t first = a[0] + 1;
    for (uint32_t i = 0; i < GpuProgram::Words; ++i) {
      a[i] = first + i;
      b[i] = 5;
    }
    ASSERT_EQ(run(), TERCET_OK) << context->text();
    for (uint32_t i = 0; i < GpuProgram::Words; ++i)
      ASSERT_EQ(context->slot<uint32_t>(2)[i], ((first + i + 5) * 3 + 1) * 3 + 1) << i;
  }
  GpuOptions options;
  GpuProgram program;
  std::unique_ptr<GpuDriver> driver;
  std::unique_ptr<NpuContext> context;
};

void mentions(const std::string &text, const char *what) {
  EXPECT_NE(text.find(what), std::string::npos) << "expected: " << what << "\ngot: " << text;
}

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
      mentions(c.context->text(), "no answer to a submission within 10000 ms; the GPU has ended");
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
        Case c;
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

// ---- Pipelines that were kept -----------------------------------------------

struct Kept {
  std::vector<unsigned char> bytes;
  int writes = 0;
  void use(tercet_vulkan_options &options) {
    options.cache_user = this;
    options.cache_read = [](void *user, void *data, size_t bytes) -> size_t {
      auto &kept = static_cast<Kept *>(user)->bytes;
      if (data && bytes >= kept.size() && !kept.empty())
        std::memcpy(data, kept.data(), kept.size());
      return kept.size();
    };
    options.cache_write = [](void *user, const void *data, size_t bytes) {
      auto *from = static_cast<const unsigned char *>(data);
      static_cast<Kept *>(user)->bytes.assign(from, from + bytes);
      ++static_cast<Kept *>(user)->writes;
    };
  }
};

TEST(VulkanFaults, DamagedCache) {
  Kept kept;
  auto attach = [&] {
    Case c;
    c.usual();
    kept.use(c.options);
    EXPECT_EQ(c.open(), TERCET_OK) << c.context->text();
    c.works();
    return c.driver->info().cache;
  };
  EXPECT_EQ(attach(), TERCET_VULKAN_CACHE_NONE);
  ASSERT_FALSE(kept.bytes.empty());
  EXPECT_EQ(attach(), TERCET_VULKAN_CACHE_USED);
  const std::vector<unsigned char> good = kept.bytes;
  for (size_t at = 0; at < good.size(); at += at < 128 ? 7 : good.size() / 8) {
    kept.bytes = good;
    kept.bytes[at] ^= 0x10;
    EXPECT_EQ(attach(), TERCET_VULKAN_CACHE_REFUSED) << at;
    EXPECT_EQ(kept.bytes, good); // written anew
  }
  for (size_t bytes : {size_t(1), good.size() / 2, good.size() - 1}) {
    kept.bytes.assign(good.begin(), good.begin() + long(bytes));
    EXPECT_EQ(attach(), TERCET_VULKAN_CACHE_REFUSED) << bytes;
  }
  kept.bytes = good;
  kept.bytes.push_back(0);
  EXPECT_EQ(attach(), TERCET_VULKAN_CACHE_REFUSED);
  EXPECT_EQ(attach(), TERCET_VULKAN_CACHE_USED);
}

// ---- What a run does not do -------------------------------------------------

TEST(VulkanFaults, RunsMakeNothingAnew) {
  Case c;
  c.usual();
  ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
  fake_vulkan before = fake();
  for (int repeat = 0; repeat < 10; ++repeat)
    c.works();
  EXPECT_EQ(fake().allocations, before.allocations);
  EXPECT_EQ(fake().descriptor_updates, before.descriptor_updates);
  EXPECT_EQ(fake().recordings, before.recordings);
  EXPECT_EQ(fake().submits, before.submits + 10);
}

// One barrier at the beginning and one at the end of a command buffer, and one
// where data flows; each buffer is recorded with and without timestamps.
TEST(VulkanFaults, BarriersAreWhereDataFlows) {
  const struct {
    std::vector<std::vector<uint32_t>> adds; // slots of each
    uint64_t between;
  } cases[] = {
      {{{0, 1, 2}}, 0},
      {{{0, 1, 2}, {0, 1, 3}}, 0},            // both read
      {{{0, 1, 2}, {2, 1, 3}}, 1},            // read after write
      {{{0, 1, 2}, {3, 4, 0}}, 1},            // write after read
      {{{0, 1, 2}, {0, 1, 2}}, 1},            // write after write
      {{{0, 1, 2}, {0, 1, 3}, {2, 3, 4}}, 1}, // one for two
      {{{0, 1, 2}, {2, 1, 3}, {2, 1, 4}}, 1},
      {{{0, 1, 2}, {2, 1, 3}, {3, 1, 4}}, 2},
  };
  for (const auto &test : cases) {
    Case c;
    for (const auto &slots : test.adds)
      c.program.addSlots(slots[0], slots[1], slots[2]);
    ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
    EXPECT_EQ(fake().barriers, 2 * (2 + test.between));
  }
}

// What the host does for a segment beside waiting and Vulkan's own submission is
// printed: how long depends on the machine.
TEST(VulkanFaults, HostWorkIsPrinted) {
  static tercet_driver_table original;
  static uint64_t waited;
  for (uint32_t steps : {1u, 10u, 100u}) {
    Case c(/*validate=*/false);
    for (uint32_t i = 0; i < steps; ++i)
      c.program.take(c.program.submit(GpuStep, {{2, READ | WRITE}}, {}, 1), {0, 1, 2});
    c.driver = std::make_unique<GpuDriver>(c.options);
    original = *c.driver->driver.table;
    tercet_driver_table measured = original;
    measured.wait = [](void *self, uint64_t ticket, uint64_t timeout,
                       tercet_driver_completion *done, tercet_error *error) {
      uint64_t start = tercet_port_clock_read();
      tercet_status status = original.wait(self, ticket, timeout, done, error);
      waited += tercet_port_clock_read() - start;
      return status;
    };
    c.driver->driver.table = &measured;
    ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
    std::vector<uint64_t> times, submits;
    for (int repeat = 0; repeat < 200; ++repeat) {
      fake_vulkan before = fake();
      waited = 0;
      uint64_t start = tercet_port_clock_read();
      ASSERT_EQ(c.run(), TERCET_OK) << c.context->text();
      uint64_t total = tercet_port_clock_read() - start;
      uint64_t submit = fake().submit_ns - before.submit_ns;
      ASSERT_EQ(fake().submits, before.submits + 1);
      times.push_back(total - waited - submit);
      submits.push_back(submit);
    }
    std::sort(times.begin(), times.end());
    std::sort(submits.begin(), submits.end());
    std::printf("segment of %3u: host %.2f us, vkQueueSubmit %.2f us (medians of 200)\n", steps,
                double(times[100]) / 1e3, double(submits[100]) / 1e3);
    c.context.reset();
  }
}

} // namespace

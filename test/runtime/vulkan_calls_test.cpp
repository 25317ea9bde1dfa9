// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a driver calls of Vulkan, and what it does not: pipelines that were kept
// are used if they are whole, a run allocates, records and updates nothing, and
// barriers are where data flows. What the host does for a segment is printed.
#include "vulkan_faults.h"

using namespace tercet_test;

namespace {

using Case = FaultCase;

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

TEST(VulkanCalls, DamagedCache) {
  Kept kept;
  auto attach = [&] {
    Case c(/*validate=*/false);
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

TEST(VulkanCalls, RunsMakeNothingAnew) {
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
TEST(VulkanCalls, BarriersAreWhereDataFlows) {
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

// Where the only cached memory is not coherent: what the CPU writes is flushed
// before the device reads it, what the device writes invalidated before the CPU
// does, in whole atoms. The stand-in's memory has no other way across.
TEST(VulkanCalls, MemoryThatIsNotCoherent) {
  Case c;
  fake().noncoherent = 1;
  c.usual();
  uint32_t sum = c.program.addSlots(0, 1, 3);
  auto increment = [](const tercet_kernel_args *args, uint32_t, uint32_t, uint32_t, uint32_t) {
    auto *words = static_cast<uint32_t *>(args->buffers[0]);
    for (uint32_t i = 0; i < GpuProgram::Words; ++i)
      ++words[i];
  };
  uint32_t cpu = c.program.dispatch(GpuProgram::Cpu, +increment, {{3, READ | WRITE}}, {sum});
  c.program.addSlots(3, 1, 4, {cpu});
  ASSERT_EQ(c.open(), TERCET_OK) << c.context->text();
  for (int repeat = 0; repeat < 5; ++repeat) {
    c.works();
    for (uint32_t i = 0; i < GpuProgram::Words; ++i)
      ASSERT_EQ(c.context->slot<uint32_t>(4)[i], c.context->slot<uint32_t>(0)[i] + 5 + 1 + 5) << i;
  }
  EXPECT_GT(fake().flushed, 0u);
  EXPECT_GT(fake().invalidated, 0u);
  EXPECT_EQ(fake().unaligned, 0u);
}

// What the host does for a segment beside waiting and Vulkan's own submission is
// printed: how long depends on the machine.
TEST(VulkanCalls, HostWorkIsPrinted) {
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

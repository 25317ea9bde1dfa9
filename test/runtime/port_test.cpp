// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The POSIX port: workers that persist, sleep and wake; page memory; mapping
// of a weights file; what the CPU query reports.
#include "tercet/posix.h"
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <vector>

namespace {

struct Job {
  std::atomic<uint64_t> sum{0};
  std::atomic<uint32_t> calls[16] = {};
  static void body(void *argument, uint32_t worker) {
    auto *job = static_cast<Job *>(argument);
    job->sum += worker + 1;
    ++job->calls[worker];
  }
};

tercet_workers *start(uint32_t count, uint32_t spin_ns = 0) {
  tercet_workers_options options = {};
  options.count = count;
  options.spin_ns = spin_ns;
  tercet_workers *pool = nullptr;
  EXPECT_EQ(tercet_workers_start(&options, &pool), TERCET_OK);
  return pool;
}

TEST(Workers, EveryWorkerOncePerJob) {
  for (uint32_t threads : {1u, 2u, 3u, 5u}) {
    tercet_workers *pool = start(threads);
    EXPECT_EQ(tercet_workers_count(pool), threads);
    for (uint32_t count : {1u, 2u, 3u, 8u})
      for (int repeat = 0; repeat < 200; ++repeat) {
        Job job;
        tercet_workers_run(pool, count, Job::body, &job);
        EXPECT_EQ(job.sum, uint64_t(count) * (count + 1) / 2);
        for (uint32_t w = 0; w < 16; ++w)
          ASSERT_EQ(job.calls[w], w < count);
      }
    tercet_workers_stop(pool);
  }
}

// Workers that took no part in some jobs must still take part in later ones.
TEST(Workers, ChangingNumbers) {
  tercet_workers *pool = start(4);
  uint32_t state = 1;
  for (int i = 0; i < 5000; ++i) {
    state = state * 1664525u + 1013904223u;
    uint32_t count = (state >> 16) % 4 + 1;
    Job job;
    tercet_workers_run(pool, count, Job::body, &job);
    ASSERT_EQ(job.sum, uint64_t(count) * (count + 1) / 2);
  }
  tercet_workers_stop(pool);
}

// With almost no spinning, every wait ends in the kernel: a lost wake-up hangs.
TEST(Workers, SleepAndWake) {
  tercet_workers *pool = start(3, 1);
  for (int i = 0; i < 2000; ++i) {
    Job job;
    tercet_workers_run(pool, 3, Job::body, &job);
    ASSERT_EQ(job.sum, 6u);
    if (i % 100 == 0)
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  tercet_workers_stop(pool);
}

// Idle workers must not burn the processor.
TEST(Workers, IdleWorkersSleep) {
  tercet_workers *pool = start(2);
  Job job;
  tercet_workers_run(pool, 2, Job::body, &job);
  std::clock_t before = std::clock(); // processor time of all threads
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  double used = double(std::clock() - before) / CLOCKS_PER_SEC;
  EXPECT_LT(used, 0.1);
  tercet_workers_stop(pool);
}

TEST(Workers, MemoryIsVisible) {
  tercet_workers *pool = start(2);
  struct Data {
    uint32_t value[2][16];
  } data = {};
  for (uint32_t i = 1; i < 2000; ++i) {
    tercet_workers_run(
        pool, 2,
        [](void *argument, uint32_t w) {
          auto *d = static_cast<Data *>(argument);
          d->value[w][0] = d->value[1 - w][1] + 1;
        },
        &data);
    ASSERT_EQ(data.value[0][0], i);
    ASSERT_EQ(data.value[1][0], i);
    data.value[0][1] = data.value[1][1] = i;
  }
  tercet_workers_stop(pool);
}

TEST(Workers, PinnedAndDefault) {
  EXPECT_GE(tercet_cores_count(), 1u);
  tercet_workers_options options = {};
  options.pin = 1;
  options.stack_bytes = 100000;
  tercet_workers *pool = nullptr;
  ASSERT_EQ(tercet_workers_start(&options, &pool), TERCET_OK);
  EXPECT_EQ(tercet_workers_count(pool), tercet_cores_count());
  Job job;
  tercet_workers_run(pool, tercet_workers_count(pool), Job::body, &job);
  tercet_workers_stop(pool);
  tercet_workers_stop(nullptr);
  options.count = 5000;
  EXPECT_EQ(tercet_workers_start(&options, &pool), TERCET_ERROR_INVALID_ARGUMENT);
}

TEST(Memory, PagesAreAlignedAndZero) {
  tercet_workers *pool = start(2);
  for (uint64_t bytes : {uint64_t(0), uint64_t(1), uint64_t(4097), uint64_t(5) << 20}) {
    void *memory = nullptr;
    ASSERT_EQ(tercet_pages_map(bytes, &memory), TERCET_OK);
    uint64_t alignment = bytes >= (2u << 20) ? 2u << 20 : 4096;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(memory) % alignment, 0u);
    tercet_pages_touch(pool, memory, bytes);
    auto *data = static_cast<unsigned char *>(memory);
    for (uint64_t i = 0; i < bytes; i += 511)
      ASSERT_EQ(data[i], 0);
    if (bytes)
      data[bytes - 1] = 1;
    tercet_pages_unmap(memory, bytes);
  }
  void *memory = nullptr;
  EXPECT_EQ(tercet_pages_map(~uint64_t(0), &memory), TERCET_ERROR_SYSTEM_MEMORY);
  tercet_workers_stop(pool);
}

TEST(Memory, WeightsAreMapped) {
  std::string path = testing::TempDir() + "tercet_port_test.weights";
  std::FILE *file = std::fopen(path.c_str(), "wb");
  ASSERT_NE(file, nullptr);
  std::vector<unsigned char> content(10000);
  for (size_t i = 0; i < content.size(); ++i)
    content[i] = static_cast<unsigned char>(i * 7);
  std::fwrite(content.data(), 1, content.size(), file);
  std::fclose(file);
  const void *data = nullptr;
  uint64_t bytes = 0;
  ASSERT_EQ(tercet_weights_map(path.c_str(), &data, &bytes), TERCET_OK);
  ASSERT_EQ(bytes, content.size());
  EXPECT_EQ(std::memcmp(data, content.data(), content.size()), 0);
  tercet_weights_unmap(data, bytes);
  std::remove(path.c_str());
  EXPECT_EQ(tercet_weights_map(path.c_str(), &data, &bytes), TERCET_ERROR_FILE_OPEN);
  EXPECT_EQ(tercet_weights_map("/", &data, &bytes), TERCET_ERROR_FILE_MAP);
}

TEST(Cpu, ReportsAtLeastWhatThisTestWasCompiledFor) {
  tercet_cpu_info info = {};
  tercet_port_cpu_query(&info);
#if defined(__x86_64__)
  EXPECT_EQ(info.isa, TERCET_ISA_X86_64);
  // The compiler's own detection of the same processor.
#define SAME(name, text)                                                                           \
  EXPECT_EQ((info.features >> TERCET_X86_##name##_BIT & 1) != 0,                                   \
            __builtin_cpu_supports(text) != 0)                                                     \
      << text
  SAME(SSE4_2, "sse4.2");
  SAME(POPCNT, "popcnt");
  SAME(AVX, "avx");
  SAME(AVX2, "avx2");
  SAME(FMA, "fma");
  SAME(BMI, "bmi");
  SAME(BMI2, "bmi2");
  SAME(AVX512F, "avx512f");
  SAME(AVX512BW, "avx512bw");
  SAME(AVX512DQ, "avx512dq");
  SAME(AVX512VL, "avx512vl");
  SAME(AVX512CD, "avx512cd");
  SAME(AVX512VNNI, "avx512vnni");
  SAME(AVX512VBMI, "avx512vbmi");
  SAME(AVX512VBMI2, "avx512vbmi2");
  SAME(AVX512IFMA, "avx512ifma");
  SAME(AVX512BITALG, "avx512bitalg");
  SAME(AVX512VPOPCNTDQ, "avx512vpopcntdq");
  SAME(AVX512BF16, "avx512bf16");
  SAME(GFNI, "gfni");
#undef SAME
#endif
  EXPECT_NE(info.isa, TERCET_ISA_NONE);
}

TEST(Clock, Advances) {
  uint64_t before = tercet_port_clock_read();
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  EXPECT_GE(tercet_port_clock_read() - before, 1000000u);
}

} // namespace

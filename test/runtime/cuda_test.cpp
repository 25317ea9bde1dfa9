// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The CUDA driver: what it computes, on a stand-in for the library and, where
// there is one, on a GPU; and on the stand-in what becomes of each failure.
#include "cuda_fixture.h"

using namespace tercet_test;

namespace {

// What runs on a stand-in and on a GPU alike.
class Runs : public testing::TestWithParam<const char *> {
protected:
  void SetUp() override {
    tercet_cuda_options options = {};
    options.library = GetParam();
    ASSERT_EQ(tercet_cuda_create(&options, &driver), TERCET_OK);
  }
  void TearDown() override { tercet_cuda_destroy(&driver); }

  // False: no GPU, and the test has been skipped.
  void attach(NpuContext &context) {
    tercet_status status = context.attach(driver);
    if (status == TERCET_ERROR_ENGINE_ABSENT && std::string(GetParam()) == "libcuda.so.1")
      GTEST_SKIP() << "no NVIDIA GPU: " << context.text();
    ASSERT_EQ(status, TERCET_OK) << context.text();
  }

  tercet_driver driver = {};
};

#define ATTACH(context)                                                                            \
  attach(context);                                                                                 \
  if (IsSkipped() || HasFatalFailure())                                                            \
  return

TEST_P(Runs, KernelsInOrder) {
  CudaProgram program;
  addKernels(program);
  program.submit(CudaAdd, {{2, READ}, {2, READ}, {3, WRITE}}, {}, 4);
  program.submit(CudaSum, {{3, READ}, {4, WRITE}}, {}, 4);
  NpuContext context(program);
  ATTACH(context);
  tercet_cuda_device_info info = {};
  ASSERT_EQ(tercet_cuda_query(&driver, &info), TERCET_OK);
  EXPECT_GE(info.architecture, 87u);
  RecordProperty("device", info.name);
  std::printf("on '%s', sm_%u, %u processors\n", info.name, info.architecture, info.processors);
  for (int repeat = 0; repeat < 50; ++repeat) {
    expectGood(context);
    for (int block = 0; block < 4; ++block) {
      int sum = 0;
      for (int i = 256 * block; i < 256 * (block + 1); ++i)
        sum += 2002 * i;
      ASSERT_EQ(context.slot<int32_t>(4)[block], sum);
    }
  }
}

TEST_P(Runs, ScalarsAndVectors) {
  CudaProgram program;
  program.beginEntry("scale");
  program.scalarsOfEntry(2);
  program.submit(CudaScale, {{0, READ}, {1, WRITE}});
  program.take(0, {1, 0});
  NpuContext context(program);
  ATTACH(context);
  for (int64_t factor : {3, -2, 1 << 20}) {
    ASSERT_EQ(tercet_scalar_set(context.context, 0, 0, 7), TERCET_OK);
    ASSERT_EQ(tercet_scalar_set(context.context, 0, 1, factor), TERCET_OK);
    for (int i = 0; i < 1024; ++i)
      context.slot<float>(0)[i] = float(i);
    ASSERT_EQ(context.run(), TERCET_OK) << context.text();
    for (int i = 0; i < 1024; ++i)
      ASSERT_EQ(context.slot<float>(1)[i], float(factor) * float(i) + 7);
  }
}

TEST_P(Runs, WeightsInTheDevicesMemory) {
  CudaProgram program;
  program.keepWeights(200 << 10);
  program.beginEntry("copy");
  program.submit(CudaAdd, {{NpuProgram::WeightsBuffer, READ}, {0, READ}, {1, WRITE}}, {}, 4);
  NpuContext context(program);
  ATTACH(context);
  for (int i = 0; i < 1024; ++i)
    context.slot<int32_t>(0)[i] = 1;
  ASSERT_EQ(context.run(), TERCET_OK) << context.text();
  for (int i = 0; i < 1024; ++i)
    ASSERT_EQ(context.slot<int32_t>(1)[i], 7 * i + 1);
}

TEST_P(Runs, KernelsReportFaults) {
  CudaProgram program;
  addKernels(program);
  program.beginEntry("bad");
  program.submit(CudaFault, {});
  NpuContext context(program);
  ATTACH(context);
  EXPECT_EQ(context.run(1), TERCET_ERROR_INDEX_OUT_OF_RANGE);
  expectGood(context);
}

TEST_P(Runs, LostAndOpenedAgain) {
  CudaProgram program;
  addKernels(program);
  program.beginEntry("outside");
  program.submit(CudaOutside, {});
  NpuContext context(program);
  ATTACH(context);
  expectGood(context);
  context.slot<int32_t>(5)[17] = 4711;
  EXPECT_EQ(context.run(1), TERCET_ERROR_ENGINE_LOST);
  EXPECT_NE(context.text().find("ILLEGAL_ADDRESS"), std::string::npos) << context.text();
  EXPECT_NE(context.text().find("outside"), std::string::npos) << context.text();
  EXPECT_EQ(context.run(0), TERCET_ERROR_ENGINE_LOST);
  ASSERT_EQ(tercet_drivers_reopen(context.context, Gpu), TERCET_OK) << context.text();
  EXPECT_EQ(context.slot<int32_t>(5)[17], 4711); // what is shared stays
  expectGood(context);
}

TEST_P(Runs, MeasuresTime) {
  CudaProgram program;
  addKernels(program);
  NpuContext context(program);
  ATTACH(context);
  fill(context);
  std::vector<tercet_profile_sample> samples(4);
  ASSERT_EQ(tercet_profile_set(context.context, samples.data(), 4, nullptr, nullptr), TERCET_OK);
  uint64_t before = tercet_port_clock_read();
  ASSERT_EQ(context.run(), TERCET_OK) << context.text();
  uint64_t after = tercet_port_clock_read();
  EXPECT_LT(samples[0].start, samples[0].end);
  EXPECT_GE(samples[0].start, before);
  EXPECT_LE(samples[0].end, after);
}

INSTANTIATE_TEST_SUITE_P(StandIn, Runs, testing::Values(FAKE_CUDA));
INSTANTIATE_TEST_SUITE_P(Device, Runs, testing::Values("libcuda.so.1"));

// ---- Failures ---------------------------------------------------------------

TEST_F(Cuda, FailuresOfOpening) {
  const std::tuple<const char *, int, tercet_status> cases[] = {
      {"cuInit", 100, TERCET_ERROR_ENGINE_ABSENT},
      {"cuDeviceGetCount", 3, TERCET_ERROR_ENGINE_ABSENT},
      {"cuDeviceGet", 101, TERCET_ERROR_ENGINE_ABSENT},
      {"cuDeviceGetName", 101, TERCET_ERROR_ENGINE_ABSENT},
      {"cuDeviceTotalMem", 101, TERCET_ERROR_ENGINE_ABSENT},
      {"cuDriverGetVersion", 1, TERCET_ERROR_ENGINE_ABSENT},
      {"cuCtxCreate", 2, TERCET_ERROR_ENGINE_ABSENT},
      {"cuStreamCreate", 2, TERCET_ERROR_ENGINE_ABSENT},
      {"cuMemHostRegister", 2, TERCET_ERROR_ENGINE_MEMORY},
      {"cuMemHostGetDevicePointer", 1, TERCET_ERROR_ENGINE_MEMORY},
      {"cuMemAlloc", 2, TERCET_ERROR_ENGINE_MEMORY},
      {"cuModuleLoadDataEx", 218, TERCET_ERROR_ENGINE_IMAGE},
      {"cuModuleGetFunction", 500, TERCET_ERROR_ENGINE_IMAGE},
      {"cuFuncGetAttribute", 1, TERCET_ERROR_ENGINE_IMAGE},
      {"cuFuncSetAttribute", 1, TERCET_ERROR_ENGINE_IMAGE},
      {"cuEventCreate", 2, TERCET_ERROR_ENGINE_LOST},
      {"cuStreamBeginCapture", 401, TERCET_ERROR_ENGINE_LOST},
      {"cuLaunchKernel", 719, TERCET_ERROR_ENGINE_LOST},
      {"cuStreamEndCapture", 900, TERCET_ERROR_ENGINE_LOST},
      {"cuGraphInstantiate", 2, TERCET_ERROR_ENGINE_LOST}};
  program.keepWeights(64 << 10); // local memory
  NpuContext context(program);
  for (auto [call, result, status] : cases) {
    control->failing = call;
    control->result = result;
    EXPECT_EQ(context.attach(driver), status) << call << ": " << context.text();
    EXPECT_NE(context.text(), "") << call;
    expectNothing(call);
  }
  control->failing = nullptr;
  ASSERT_EQ(context.attach(driver), TERCET_OK) << context.text();
  expectGood(context);
}

TEST_F(Cuda, NoSuchDevice) {
  NpuContext context(program);
  control->devices = 0;
  EXPECT_EQ(context.attach(driver), TERCET_ERROR_ENGINE_ABSENT);
  EXPECT_NE(context.text().find("CUDA finds 0"), std::string::npos) << context.text();
  control->devices = 1;
  control->registers_memory = 0;
  EXPECT_EQ(context.attach(driver), TERCET_ERROR_ENGINE_ABSENT);
  EXPECT_NE(context.text().find("cuMemHostRegister"), std::string::npos) << context.text();
  control->registers_memory = 1;
  control->memory_bytes = 20000;
  EXPECT_EQ(context.attach(driver), TERCET_ERROR_ENGINE_MEMORY);
  EXPECT_NE(context.text().find("has 20000"), std::string::npos) << context.text();
}

TEST_F(Cuda, LibraryIsAbsentOrOld) {
  NpuContext context(program);
  for (const char *name : {"/nonexistent/libcuda.so.1", "libc.so.6"}) {
    tercet_cuda_options options = {};
    options.library = name;
    tercet_driver other = {};
    ASSERT_EQ(tercet_cuda_create(&options, &other), TERCET_OK);
    EXPECT_EQ(context.attach(other), TERCET_ERROR_ENGINE_ABSENT);
    EXPECT_NE(context.text().find(name), std::string::npos) << context.text();
    tercet_cuda_destroy(&other);
  }
}

// In segments, and one by one where an observer looks at each.
TEST_F(Cuda, FailuresOfARun) {
  NpuContext context(program);
  ASSERT_EQ(context.attach(driver, 300000000), TERCET_OK) << context.text();
  const char *const common[] = {"cuEventRecord", "cuEventQuery", "cuCtxPushCurrent", "dies",
                                "hangs"};
  for (bool observed : {false, true}) {
    tercet_observer_fn observer = [](void *, const tercet_context *, const tercet_command_info *) {
      return 0;
    };
    ASSERT_EQ(tercet_observer_set(context.context, observed ? observer : nullptr, nullptr),
              TERCET_OK);
    std::vector<const char *> calls(std::begin(common), std::end(common));
    calls.push_back(observed ? "cuLaunchKernel" : "cuGraphLaunch");
    for (const char *call : calls) {
      expectGood(context);
      context.slot<int32_t>(5)[3] = 42;
      std::string what = call;
      control->failing = call;
      control->result = 719;
      control->dies = what == "dies" ? 719 : 0;
      control->hangs = what == "hangs";
      EXPECT_EQ(context.run(),
                what == "hangs" ? TERCET_ERROR_ENGINE_TIMEOUT : TERCET_ERROR_ENGINE_LOST)
          << call << ": " << context.text();
      EXPECT_NE(context.text().find(what == "cuCtxPushCurrent" ? call : "'add'"), std::string::npos)
          << context.text();
      EXPECT_EQ(control->contexts, 0) << call; // nothing runs behind the back
      EXPECT_EQ(control->registrations, 0) << call;
      EXPECT_EQ(context.run(), TERCET_ERROR_ENGINE_LOST);
      control->failing = nullptr;
      control->dies = control->hangs = 0;
      ASSERT_EQ(tercet_drivers_reopen(context.context, Gpu), TERCET_OK) << context.text();
      EXPECT_EQ(context.slot<int32_t>(5)[3], 42);
    }
  }
  expectGood(context);
}

TEST_F(Cuda, ReopenFails) {
  NpuContext context(program);
  ASSERT_EQ(context.attach(driver), TERCET_OK) << context.text();
  control->dies = 700;
  EXPECT_EQ(context.run(), TERCET_ERROR_ENGINE_LOST);
  control->failing = "cuCtxCreate";
  control->result = 700;
  EXPECT_EQ(tercet_drivers_reopen(context.context, Gpu), TERCET_ERROR_ENGINE_ABSENT);
  control->failing = nullptr;
  control->dies = 0;
  ASSERT_EQ(tercet_drivers_reopen(context.context, Gpu), TERCET_OK) << context.text();
  expectGood(context);
}

// Kernels with other parameters than their record says are refused when they are
// recorded, or launched.
TEST_F(Cuda, RefusedLaunches) {
  CudaImage image;
  image.kernels[CudaScale].operands.pop_back(); // fewer than the code has
  CudaProgram fewer(image);
  fewer.beginEntry("scale");
  fewer.scalarsOfEntry(2);
  fewer.submit(CudaScale, {{0, READ}});
  fewer.take(0, {0, 1});
  CudaProgram more;
  more.beginEntry("operands");
  more.submit(CudaAdd, {{0, READ}});
  for (CudaProgram *wrong : {&fewer, &more}) {
    addKernels(*wrong);
    NpuContext context(*wrong);
    EXPECT_EQ(context.attach(driver), TERCET_ERROR_ENGINE_IMAGE);
    EXPECT_NE(context.text().find(wrong == &fewer ? "kernel 'scale'" : "kernel 'add'"),
              std::string::npos)
        << context.text();
    expectNothing("after a refusal");
    // With less memory there are no segments.
    uint64_t bytes = 0;
    ASSERT_EQ(tercet_drivers_bytes(context.context, &bytes), TERCET_OK);
    bytes -= TERCET_DRIVERS_SEGMENT_BYTES(wrong->commands.size());
    Memory memory(bytes);
    tercet_driver_binding binding = {Gpu, driver, 0};
    ASSERT_EQ(tercet_drivers_attach(context.context, memory.get(), bytes, &binding, 1), TERCET_OK)
        << context.text();
    EXPECT_EQ(context.run(0), TERCET_ERROR_ENGINE_REFUSED);
    EXPECT_NE(context.text().find("was not launched"), std::string::npos) << context.text();
    fill(context);
    EXPECT_EQ(context.run(1), TERCET_OK) << context.text(); // the next one runs
    EXPECT_EQ(context.slot<int32_t>(2)[7], 7007);
    tercet_drivers_detach(context.context);
  }
}

TEST_F(Cuda, ManySubmissions) {
  for (int i = 0; i < 150; ++i)
    program.submit(CudaAdd, {{0, READ}, {1, READ}, {2, WRITE}}, {}, 4);
  program.beginEntry("second");
  program.submit(CudaAdd, {{2, READ}, {2, READ}, {3, WRITE}}, {}, 4);
  NpuContext context(program);
  ASSERT_EQ(context.attach(driver), TERCET_OK) << context.text();
  int launches = control->launches;
  for (int repeat = 0; repeat < 3; ++repeat)
    expectGood(context);
  EXPECT_EQ(control->launches, launches); // all are in graphs
  EXPECT_EQ(control->graph_launches, 3);
  ASSERT_EQ(context.run(1), TERCET_OK);
  EXPECT_EQ(context.slot<int32_t>(3)[5], 10010);
}

// A kernel that another engine waits for in the middle of a segment is known to
// be done before the segment is.
TEST_F(Cuda, AnotherEngineWaits) {
  uint32_t first = program.submit(CudaAdd, {{2, READ}, {1, READ}, {3, WRITE}}, {}, 4);
  program.submit(CudaAdd, {{3, READ}, {1, READ}, {4, WRITE}}, {}, 4);
  program.copy(NpuProgram::Cpu, 3, 5, {first});
  NpuContext context(program);
  ASSERT_EQ(context.attach(driver), TERCET_OK) << context.text();
  int before = control->graph_launches;
  expectGood(context);
  EXPECT_EQ(control->graph_launches - before, 2); // two pieces
  EXPECT_EQ(context.slot<int32_t>(5)[9], 2001 * 9);
  EXPECT_EQ(context.slot<int32_t>(4)[9], 3001 * 9);
}

} // namespace

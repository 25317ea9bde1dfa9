// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The CUDA driver: what it computes, on a stand-in for the library and, where
// there is one, on a GPU; and on the stand-in what becomes of each failure and of
// images from an enemy.
#include "cuda_program.h"
#include "fake_cuda.h"
#include "ptx/machine.h"
#include <dlfcn.h>

using namespace tercet_test;

namespace {

constexpr uint32_t Gpu = NpuProgram::Npu;

void fill(NpuContext &context) {
  for (int i = 0; i < 1024; ++i) {
    context.slot<int32_t>(0)[i] = i;
    context.slot<int32_t>(1)[i] = 1000 * i;
    context.slot<int32_t>(2)[i] = -1;
  }
}

void expectGood(NpuContext &context) {
  fill(context);
  ASSERT_EQ(context.run(), TERCET_OK) << context.text();
  for (int i = 0; i < 1024; ++i)
    ASSERT_EQ(context.slot<int32_t>(2)[i], 1001 * i);
}

void addKernels(CudaProgram &program) {
  program.beginEntry("add");
  program.submit(CudaAdd, {{0, READ}, {1, READ}, {2, WRITE}}, {}, 4);
}

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

class Cuda : public testing::Test {
protected:
  Cuda() : library(dlopen(FAKE_CUDA, RTLD_NOW)) {
    control = static_cast<fake_cuda *>(dlsym(library, "fake_control"));
    initial = *control;
    tercet_cuda_options options = {};
    options.library = FAKE_CUDA;
    EXPECT_EQ(tercet_cuda_create(&options, &driver), TERCET_OK);
    addKernels(program);
  }
  ~Cuda() override {
    tercet_cuda_destroy(&driver);
    expectNothing("at the end");
    EXPECT_EQ(control->bad_calls, initial.bad_calls);
    int bad = control->bad_calls;
    *control = initial;
    control->bad_calls = bad;
    dlclose(library);
  }

  void expectNothing(const char *when) {
    EXPECT_EQ(control->contexts, 0) << when;
    EXPECT_EQ(control->registrations, 0) << when;
    EXPECT_EQ(control->allocations, 0) << when;
    EXPECT_EQ(control->modules, 0) << when;
  }

  void expectRefused(const CudaImage &image, const char *reason) {
    CudaProgram refused(image);
    addKernels(refused);
    NpuContext context(refused);
    EXPECT_EQ(context.attach(driver), TERCET_ERROR_ENGINE_IMAGE) << reason;
    EXPECT_NE(context.text().find(reason), std::string::npos) << context.text();
    expectNothing(reason);
  }

  void *library;
  fake_cuda *control;
  fake_cuda initial;
  tercet_driver driver = {};
  CudaProgram program;
};

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
      {"cuEventCreate", 2, TERCET_ERROR_ENGINE_LOST}};
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

TEST_F(Cuda, FailuresOfARun) {
  NpuContext context(program);
  ASSERT_EQ(context.attach(driver, 300000000), TERCET_OK) << context.text();
  const char *const calls[] = {"cuEventRecord",    "cuLaunchKernel", "cuEventQuery",
                               "cuCtxPushCurrent", "dies",           "hangs"};
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
    EXPECT_EQ(control->contexts, 0) << call; // nothing runs behind the back
    EXPECT_EQ(control->registrations, 0) << call;
    EXPECT_EQ(context.run(), TERCET_ERROR_ENGINE_LOST);
    control->failing = nullptr;
    control->dies = control->hangs = 0;
    ASSERT_EQ(tercet_drivers_reopen(context.context, Gpu), TERCET_OK) << context.text();
    EXPECT_EQ(context.slot<int32_t>(5)[3], 42);
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

// A launch that is refused leaves the context as it was.
TEST_F(Cuda, RefusedLaunches) {
  CudaImage image;
  image.kernels[CudaScale].operands.pop_back(); // fewer than the code has
  CudaProgram wrong(image);
  addKernels(wrong);
  wrong.beginEntry("scale");
  wrong.scalarsOfEntry(2);
  wrong.submit(CudaScale, {{0, READ}});
  wrong.take(0, {0, 1});
  wrong.beginEntry("operands");
  wrong.submit(CudaAdd, {{0, READ}});
  NpuContext context(wrong);
  ASSERT_EQ(context.attach(driver), TERCET_OK) << context.text();
  for (uint32_t entry : {1u, 2u}) {
    EXPECT_EQ(context.run(entry), TERCET_ERROR_ENGINE_REFUSED);
    EXPECT_NE(context.text().find("was not launched"), std::string::npos) << context.text();
    expectGood(context);
  }
  EXPECT_EQ(control->contexts, 1);
}

TEST_F(Cuda, ManySubmissions) {
  for (int i = 0; i < 150; ++i)
    program.submit(CudaAdd, {{0, READ}, {1, READ}, {2, WRITE}}, {}, 4);
  NpuContext context(program);
  ASSERT_EQ(context.attach(driver), TERCET_OK) << context.text();
  int before = control->launches;
  expectGood(context);
  EXPECT_EQ(control->launches - before, 151);
}

// ---- Images -----------------------------------------------------------------

TEST_F(Cuda, CodeForOtherDevices) {
  CudaImage image;
  image.codes[0].architecture = 90;
  expectRefused(image, "no code for 'a stand-in' (sm_87); its first is for sm_90");
  control->architecture = 86;
  expectRefused({}, "(sm_86)");
  control->architecture = 90;
  NpuContext context(program); // PTX goes for later ones too
  ASSERT_EQ(context.attach(driver), TERCET_OK) << context.text();
  expectGood(context);
}

TEST_F(Cuda, PtxIsRefusedWithTheReason) {
  CudaImage image;
  size_t at = image.codes[0].bytes.find("ld.global.nc.b32");
  image.codes[0].bytes.replace(at, 2, "lx");
  expectRefused(image, "unknown instruction 'lx'");
  EXPECT_NE(std::string(tercet_cuda_log(&driver)).find("ptxas"), std::string::npos);
  image = {};
  image.kernels[2].name = "product";
  expectRefused(image, "no kernel 'product'");
  image = {};
  image.kernels[1].block[1] = 2;
  expectRefused(image, "kernel 'scale' wants 512 threads");
  image = {};
  image.kernels[2].shared = 200 << 10;
  expectRefused(image, "204832 bytes of shared memory");
}

TEST_F(Cuda, ImagesFromAnEnemy) {
  CudaImage image;
  image.codes[0].bytes.pop_back();
  expectRefused(image, "PTX without an end");
  image = {};
  image.codes[0].bytes[100] = '\0';
  expectRefused(image, "PTX without an end");
  image = {};
  image.codes[0].format = TERCET_CUDA_CUBIN;
  expectRefused(image, "no ELF file of CUDA");
  image.codes[0].bytes = std::string("\x7F"
                                     "ELF\2\1",
                                     6) +
                         std::string(58, '\0');
  image.codes[0].bytes[18] = char(190);
  image.codes[0].bytes[41] = 1; // sections behind its end
  image.codes[0].bytes[58] = 64;
  image.codes[0].bytes[60] = 1;
  expectRefused(image, "tables are not in it");
  image = {};
  image.codes[0].format = 3;
  expectRefused(image, "an unknown format");
  image = {};
  image.codes.clear();
  expectRefused(image, "without code");
  image = {};
  image.kernels[3].name = "";
  expectRefused(image, "without a name");
  image = {};
  image.kernels[3].block[0] = 0;
  expectRefused(image, "a block that no device has");
  image = {};
  image.kernels[0].operands[1].alignment = 12;
  expectRefused(image, "without an alignment");
  image = {};
  image.kernels.pop_back();
  expectRefused(image, "has 8 kernels, the program's table names 9");
}

// Every word of the tables in turn becomes something else: refused, or run, but
// nothing outside of the image is read (the sanitizer would say so).
TEST_F(Cuda, EveryWordSpoilt) {
  std::vector<unsigned char> good = CudaImage().write();
  tercet_cuda_image header;
  std::memcpy(&header, good.data(), sizeof header);
  uint32_t end = header.codes + header.code_count * uint32_t(sizeof(tercet_cuda_code));
  int refused = 0, words = 0;
  for (uint32_t at = 0; at < end; at += 4)
    for (uint32_t value : {0u, 1u, 0x7FFFFFFFu, 0xFFFFFFFCu, uint32_t(good.size()) - 1}) {
      std::unique_ptr<unsigned char[]> image(new unsigned char[good.size()]);
      std::memcpy(image.get(), good.data(), good.size());
      std::memcpy(image.get() + at, &value, 4);
      tercet_driver_setup setup = {};
      setup.engine = "gpu";
      setup.image_format = TERCET_IMAGE_CUDA;
      setup.image = image.get();
      setup.image_bytes = good.size();
      setup.kernel_count = header.kernel_count;
      tercet_error error = {};
      ASSERT_EQ(driver.table->open(driver.self, &setup, &error), TERCET_OK) << error.text;
      refused += driver.table->load(driver.self, &error) != TERCET_OK;
      ++words;
      driver.table->close(driver.self);
    }
  EXPECT_GT(refused, words / 4);
  EXPECT_LT(refused, words);
}

TEST_F(Cuda, NotForThisEngine) {
  program.engines[Gpu].image_format = TERCET_IMAGE_SPIRV;
  NpuContext context(program);
  EXPECT_EQ(context.attach(driver), TERCET_ERROR_ENGINE_IMAGE);
  EXPECT_NE(context.text().find("no image for CUDA"), std::string::npos) << context.text();
}

} // namespace

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A test with the stand-in for CUDA's library and a program that adds: it looks
// for what is left behind, and sets the stand-in's control block back.
#ifndef TERCET_TEST_CUDA_FIXTURE_H
#define TERCET_TEST_CUDA_FIXTURE_H

#include "cuda_program.h"
#include "fake_cuda.h"
#include <dlfcn.h>

namespace tercet_test {

constexpr uint32_t Gpu = NpuProgram::Npu;

inline void fill(NpuContext &context) {
  for (int i = 0; i < 1024; ++i) {
    context.slot<int32_t>(0)[i] = i;
    context.slot<int32_t>(1)[i] = 1000 * i;
    context.slot<int32_t>(2)[i] = -1;
  }
}

inline void expectGood(NpuContext &context) {
  fill(context);
  ASSERT_EQ(context.run(), TERCET_OK) << context.text();
  for (int i = 0; i < 1024; ++i)
    ASSERT_EQ(context.slot<int32_t>(2)[i], 1001 * i);
}

inline void addKernels(CudaProgram &program) {
  program.beginEntry("add");
  program.submit(CudaAdd, {{0, READ}, {1, READ}, {2, WRITE}}, {}, 4);
}

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
    EXPECT_EQ(control->graphs, 0) << when;
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

} // namespace tercet_test
#endif // TERCET_TEST_CUDA_FIXTURE_H

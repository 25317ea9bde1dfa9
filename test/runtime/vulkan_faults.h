// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A program for a GPU whose driver talks to fake_vulkan.c in place of Vulkan's
// loader, for tests that inject faults and count calls.
#ifndef TERCET_TEST_VULKAN_FAULTS_H
#define TERCET_TEST_VULKAN_FAULTS_H

#include "fake_vulkan.h"
#include "vulkan_program.h"
#include <dlfcn.h>

namespace tercet_test {

// VkResult, as far as it is injected.
enum : int {
  Timeout = 2,
  OutOfHostMemory = -1,
  OutOfDeviceMemory = -2,
  Initialization = -3,
  DeviceLost = -4,
  IncompatibleDriver = -9
};

inline fake_vulkan &fake() {
  static fake_vulkan *state = [] {
    void *library = dlopen(FAKE_VULKAN, RTLD_NOW | RTLD_LOCAL);
    EXPECT_NE(library, nullptr) << dlerror();
    auto get = reinterpret_cast<fake_vulkan_state_fn>(dlsym(library, "fake_vulkan_state"));
    return get();
  }();
  return *state;
}

inline void inject(const char *function, int result, int skip = 0, int times = 0) {
  std::snprintf(fake().failing, sizeof fake().failing, "%s", function);
  fake().result = result;
  fake().skip = skip;
  fake().times = times;
  fake().failed = 0;
}

struct FaultCase {
  explicit FaultCase(bool validate = true) {
    fake() = fake_vulkan();
    options.library = FAKE_VULKAN;
    options.validate = validate;
    options.grace_ns = UINT64_C(60000000000); // nothing here waits for its end
    program.beginEntry("main");
    program.scalarsOfEntry(3);
  }
  ~FaultCase() {
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
    return context->status ? context->status : context->attach(driver->driver, GpuTimeout);
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

inline void mentions(const std::string &text, const char *what) {
  EXPECT_NE(text.find(what), std::string::npos) << "expected: " << what << "\ngot: " << text;
}

} // namespace tercet_test
#endif // TERCET_TEST_VULKAN_FAULTS_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The FastRPC driver against a stand-in for its library: what is asked of it, in
// which order, and what becomes of each failure. No device has run this.
#include "fake_cdsprpc.h"
#include "npu_mailbox.h"
#include <dlfcn.h>

using namespace tercet_test;

namespace {

class FastRpc : public testing::Test {
protected:
  FastRpc() : library(dlopen(FAKE_CDSPRPC, RTLD_NOW)) {
    control = static_cast<fake_cdsprpc *>(dlsym(library, "fake_control"));
    *control = {};
    control->digest = 0x51;
    control->local_bytes = 8u << 20;
    tercet_fastrpc_options options = {};
    options.library = FAKE_CDSPRPC;
    options.module = "minilm";
    EXPECT_EQ(tercet_fastrpc_create(&options, &driver), TERCET_OK);
    program.beginEntry("main");
    program.submit(Add, {{0, READ}, {1, READ}, {2, WRITE}}, {}, 4);
    program.scratch(0, 256);
  }
  ~FastRpc() override {
    tercet_fastrpc_destroy(&driver);
    EXPECT_EQ(control->sessions, 0);
    EXPECT_EQ(control->queues, 0);
    EXPECT_EQ(control->mappings, 0);
    EXPECT_EQ(control->memories, 0);
    EXPECT_EQ(control->bad_buffers, 0);
    dlclose(library);
  }

  static void expectGood(NpuContext &context) {
    for (int i = 0; i < 1024; ++i) {
      context.slot<int32_t>(0)[i] = i;
      context.slot<int32_t>(1)[i] = 1000 * i;
    }
    ASSERT_EQ(context.run(), TERCET_OK) << context.text();
    for (int i = 0; i < 1024; ++i)
      ASSERT_EQ(context.slot<int32_t>(2)[i], 1001 * i);
  }

  void *library;
  fake_cdsprpc *control;
  tercet_driver driver;
  NpuProgram program{readFile(imagePath("kernels-v73"))};
};

TEST_F(FastRpc, Runs) {
  NpuContext context(program);
  ASSERT_EQ(context.attach(driver), TERCET_OK) << context.text();
  EXPECT_STREQ(control->uri,
               "file:///libminilm_skel.so?minilm_skel_handle_invoke&_modver=1.0&_dom=cdsp");
  EXPECT_EQ(control->unsigned_sessions, 1);
  EXPECT_EQ(control->memories, 2); // arena and weights; local memory is the module's
  EXPECT_EQ(control->mappings, 2);
  tercet_engine_sample sample = {};
  ASSERT_EQ(tercet_drivers_samples_set(context.context, &sample, 1), TERCET_OK);
  for (int repeat = 0; repeat < 100; ++repeat)
    expectGood(context);
  EXPECT_EQ(sample.packets, 1000u);
}

TEST_F(FastRpc, QueueIsFull) {
  for (int i = 0; i < 100; ++i)
    program.submit(Add, {{0, READ}, {1, READ}, {2, WRITE}}, {}, 4);
  NpuContext context(program);
  ASSERT_EQ(context.attach(driver), TERCET_OK) << context.text();
  for (int repeat = 0; repeat < 20; ++repeat)
    expectGood(context);
}

TEST_F(FastRpc, FailuresOfOpening) {
  const std::pair<const char *, tercet_status> cases[] = {
      {"remote_session_control", TERCET_ERROR_ENGINE_ABSENT},
      {"remote_handle64_open", TERCET_ERROR_ENGINE_IMAGE},
      {"rpcmem_alloc", TERCET_ERROR_ENGINE_MEMORY},
      {"fastrpc_mmap", TERCET_ERROR_ENGINE_MEMORY},
      {"dspqueue_create", TERCET_ERROR_ENGINE_ABSENT},
      {"dspqueue_export", TERCET_ERROR_ENGINE_ABSENT},
      {"remote_handle64_invoke", TERCET_ERROR_ENGINE_LOST}};
  NpuContext context(program);
  for (auto [call, status] : cases) {
    control->failing = call;
    EXPECT_EQ(context.attach(driver), status) << call;
    EXPECT_NE(context.text(), "") << call;
    EXPECT_EQ(control->sessions + control->queues + control->mappings + control->memories, 0)
        << call;
  }
  control->failing = nullptr;
  control->digest = 0x52;
  EXPECT_EQ(context.attach(driver), TERCET_ERROR_ENGINE_IMAGE);
  EXPECT_NE(context.text().find("is of another program"), std::string::npos) << context.text();
  control->digest = 0x51;
  control->local_bytes = 65535;
  EXPECT_EQ(context.attach(driver), TERCET_ERROR_ENGINE_MEMORY);
  control->local_bytes = 65536;
  ASSERT_EQ(context.attach(driver), TERCET_OK) << context.text();
  expectGood(context);
}

TEST_F(FastRpc, FailuresOfARun) {
  NpuContext context(program);
  ASSERT_EQ(context.attach(driver, 300000000), TERCET_OK) << context.text();
  for (int injected = 0; injected < 4; ++injected) {
    expectGood(context);
    control->failing = injected == 0 ? "dspqueue_write" : injected == 1 ? "dspqueue_read" : nullptr;
    control->dies = injected == 2;
    control->hangs = injected == 3;
    EXPECT_EQ(context.run(), injected == 3 ? TERCET_ERROR_ENGINE_TIMEOUT : TERCET_ERROR_ENGINE_LOST)
        << context.text();
    EXPECT_EQ(control->sessions, 0) << injected; // nothing runs behind the back
    EXPECT_EQ(control->mappings, 0);
    EXPECT_EQ(control->memories, 2);
    EXPECT_EQ(context.run(), TERCET_ERROR_ENGINE_LOST);
    control->failing = nullptr;
    control->dies = control->hangs = 0;
    ASSERT_EQ(tercet_drivers_reopen(context.context, NpuProgram::Npu), TERCET_OK) << context.text();
  }
  control->refuses = 1;
  EXPECT_EQ(context.run(), TERCET_ERROR_ENGINE_REFUSED);
  control->refuses = 0;
  expectGood(context); // it is still there
}

TEST_F(FastRpc, KernelsReportFaults) {
  program.beginEntry("bad");
  program.submit(Slow, {});
  NpuContext context(program);
  ASSERT_EQ(context.attach(driver), TERCET_OK) << context.text();
  EXPECT_EQ(context.run(1), TERCET_ERROR_INDEX_OUT_OF_RANGE);
  expectGood(context);
}

TEST_F(FastRpc, LibraryIsAbsentOrOld) {
  NpuContext context(program);
  for (const char *name : {"/nonexistent/libcdsprpc.so", "libc.so.6"}) {
    tercet_fastrpc_options options = {};
    options.library = name;
    tercet_driver other = {};
    ASSERT_EQ(tercet_fastrpc_create(&options, &other), TERCET_OK);
    EXPECT_EQ(context.attach(other), TERCET_ERROR_ENGINE_ABSENT);
    EXPECT_NE(context.text().find(name), std::string::npos) << context.text();
    tercet_fastrpc_destroy(&other);
  }
}

} // namespace

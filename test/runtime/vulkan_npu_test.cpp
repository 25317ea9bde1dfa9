// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Three engines and one program: CPU, NPU (in qemu-hexagon) and GPU (over
// Vulkan) pass data on through one arena, which the NPU's driver provides and the
// GPU's imports, or keeps a copy of.
#include "npu_mailbox.h"
#include "vulkan_program.h"

using namespace tercet_test;

namespace {

void twice(const tercet_kernel_args *args, uint32_t x, uint32_t, uint32_t, uint32_t) {
  auto *in = static_cast<const int32_t *>(args->buffers[0]) + x * 256;
  auto *out = static_cast<int32_t *>(args->buffers[1]) + x * 256;
  for (int i = 0; i < 256; ++i)
    out[i] = 2 * in[i];
}

constexpr uint32_t Gpu = 2;

// An NPU's program with a GPU beside it, whose image lies behind the NPU's.
struct Trio {
  Trio() : Trio(readFile(imagePath("kernels-v67")), usualImage().build()) {}
  Trio(const std::vector<unsigned char> &npu, const std::vector<unsigned char> &gpu)
      : program(join(npu, gpu)) {
    program.engines[NpuProgram::Npu].image_bytes = npu.size();
    tercet_engine_record engine = {};
    engine.name = program.name("gpu");
    engine.kind = TERCET_ENGINE_GPU;
    engine.image_format = TERCET_IMAGE_SPIRV;
    engine.image_offset = (npu.size() + 63) / 64 * 64;
    engine.image_bytes = gpu.size();
    engine.workers = 1;
    program.engines.push_back(engine);
    for (uint32_t pool : {NpuProgram::Arena, NpuProgram::Weights})
      program.pools[pool].engine_mask |= 1u << Gpu;
    for (const char *name : {"gpu_add", "gpu_step", "gpu_which"})
      kernels.push_back(program.npuKernel(Gpu, name));
  }
  static std::vector<unsigned char> join(std::vector<unsigned char> npu,
                                         const std::vector<unsigned char> &gpu) {
    npu.resize((npu.size() + 63) / 64 * 64);
    npu.insert(npu.end(), gpu.begin(), gpu.end());
    return npu;
  }
  NpuProgram program;
  std::vector<uint32_t> kernels;
};

class ThreeEngines : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(, ThreeEngines, testing::Bool(),
                         [](const auto &info) { return info.param ? "Queues" : "List"; });

TEST_P(ThreeEngines, PassDataOn) {
  for (bool imports : {true, false}) {
    Trio t;
    NpuProgram &program = t.program;
    program.beginEntry("main");
    program.scalarsOfEntry(3);
    uint32_t a = program.dispatch(NpuProgram::Cpu, twice, {{0, READ}, {1, WRITE}}, {}, 4);
    uint32_t b = program.submit(Add, {{0, READ}, {1, READ}, {2, WRITE}}, {a}, 4);
    program.submit(t.kernels[GpuAdd], {{2, READ}, {NpuProgram::WeightsBuffer, READ}, {3, WRITE}},
                   {b}, 16);
    uint32_t d = program.submit(t.kernels[GpuStep], {{3, READ | WRITE}}, {}, 16);
    program.take(d, {0, 1, 2});
    uint32_t e = program.submit(Add, {{3, READ}, {0, READ}, {4, WRITE}}, {d}, 4);
    uint32_t f = program.submit(t.kernels[GpuAdd], {{4, READ}, {4, READ}, {5, WRITE}}, {e}, 16);
    program.dispatch(NpuProgram::Cpu, twice, {{5, READ}, {6, WRITE}}, {f}, 4);

    Mailbox mailbox;
    GpuOptions options;
    options.without_import = !imports;
    GpuDriver gpu(options);
    NpuContext context(program);
    ASSERT_EQ(context.status, TERCET_OK) << context.error.text;
    uint64_t bytes = 0;
    tercet_drivers_bytes(context.context, &bytes);
    Memory memory(bytes);
    tercet_driver_binding bindings[2] = {{NpuProgram::Npu, mailbox.driver, 0},
                                         {Gpu, gpu.driver, GpuTimeout}};
    ASSERT_EQ(tercet_drivers_attach(context.context, memory.get(), bytes, bindings, 2), TERCET_OK)
        << context.text();
    EXPECT_EQ(gpu.info().memory,
              imports ? TERCET_VULKAN_MEMORY_IMPORTED : TERCET_VULKAN_MEMORY_COPIED);
    Queues queues({1, 1, 1});
    if (GetParam()) {
      ASSERT_EQ(context.attachQueues(queues.port()), TERCET_OK);
    }
    tercet_scalar_set(context.context, 0, 0, 11);
    tercet_scalar_set(context.context, 0, 2, 1);
    tercet_scalar_set(context.context, 0, 1, 0);
    for (int repeat = 0; repeat < 20; ++repeat) {
      for (int i = 0; i < 1024; ++i)
        context.slot<int32_t>(0)[i] = i * repeat;
      ASSERT_EQ(context.run(), TERCET_OK) << context.text();
      for (int i = 0; i < 1024; ++i) {
        int x = i * repeat, made = (3 * x + 7 * i) * 3 + 11 + x;
        ASSERT_EQ(context.slot<int32_t>(6)[i], 4 * made) << i;
      }
    }
    // One is opened anew while the other goes on.
    ASSERT_EQ(tercet_drivers_reopen(context.context, NpuProgram::Npu), TERCET_OK);
    ASSERT_EQ(context.run(), TERCET_OK) << context.text();
    ASSERT_EQ(tercet_drivers_reopen(context.context, Gpu), TERCET_OK);
    ASSERT_EQ(context.run(), TERCET_OK) << context.text();
    ASSERT_EQ(tercet_drivers_detach(context.context), TERCET_OK);
  }
}

} // namespace

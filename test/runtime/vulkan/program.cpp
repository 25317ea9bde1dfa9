// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A program for a CPU and a GPU that the runner is linked with in a test: words
// a + b, then a step of `addend`, then 1 more on the CPU. Made before main.
#include "vulkan_program.h"

using namespace tercet_test;

namespace {

void incrementWords(const tercet_kernel_args *args, uint32_t, uint32_t, uint32_t, uint32_t) {
  auto *words = static_cast<uint32_t *>(args->buffers[0]);
  for (uint32_t i = 0; i < GpuProgram::Words; ++i)
    ++words[i];
}

tercet_program make() {
  static GpuProgram program;
  program.beginEntry("main");
  program.scalarsOfEntry(3);
  program.addSlots(0, 1, 2);
  uint32_t step = program.step(2);
  program.dispatch(GpuProgram::Cpu, incrementWords, {{2, READ | WRITE}}, {step});
  program.dims = {GpuProgram::Words};
  for (const char *name : {"a", "b", "c"}) {
    tercet_tensor_record tensor = {};
    tensor.name = program.name(name);
    tensor.element = TERCET_ELEMENT_I32;
    tensor.rank = 1;
    tensor.buffer = uint32_t(program.tensors.size());
    tensor.tied = TERCET_NONE;
    tensor.bytes = GpuProgram::NpuSlot;
    program.tensors.push_back(tensor);
  }
  program.entries[0].input_count = 2;
  program.entries[0].first_output = 2;
  program.entries[0].output_count = 1;
  return program.build();
}

} // namespace

extern "C" {
extern tercet_program tercet_runner_program;
tercet_program tercet_runner_program = make();
}

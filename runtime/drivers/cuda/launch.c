// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Parameters go as one block of known size, so that a kernel with others than its
// record says is refused by CUDA instead of reading what is behind them.
#include "launch.h"
#include <string.h>

#define FIRST_CHUNK_BYTES 65536u

cuda_result cuda_launch_make(const cuda_gpu *gpu, const tercet_driver_submission *submission,
                             cuda_address control, cuda_launch *launch) {
  const tercet_cuda_kernel *kernel = &gpu->image.kernels[submission->kernel];
  if (submission->operand_count != kernel->operand_count ||
      submission->scalar_count != kernel->scalar_count || submission->scratch_memory != TERCET_NONE)
    return CUDA_INVALID_VALUE;
  launch->kernel = submission->kernel;
  launch->parameter_count = submission->operand_count + 1;
  for (int i = 0; i < 3; ++i) {
    launch->grid[i] = submission->grid[i];
    if (submission->grid[i] > (uint32_t)gpu->grid_limit[i])
      return CUDA_OUT_OF_RESOURCES;
  }
  for (uint32_t i = 0; i < submission->operand_count; ++i) {
    const tercet_driver_operand *o = &submission->operands[i];
    launch->parameters[i] = gpu->memories[o->memory].device + o->offset;
    if (launch->parameters[i] % gpu->image.operands[kernel->first_operand + i].alignment)
      return CUDA_INVALID_VALUE;
  }
  launch->parameters[submission->operand_count] = control;
  return CUDA_OK;
}

cuda_result cuda_launch_start(const cuda_gpu *gpu, const cuda_launch *launch) {
  const tercet_cuda_kernel *kernel = &gpu->image.kernels[launch->kernel];
  size_t bytes = launch->parameter_count * sizeof *launch->parameters;
  void *extra[5] = {CUDA_LAUNCH_PARAMETERS, launch->parameters, CUDA_LAUNCH_PARAMETER_BYTES, &bytes,
                    CUDA_LAUNCH_END};
  return gpu->library.launch(gpu->functions[launch->kernel], launch->grid[0], launch->grid[1],
                             launch->grid[2], kernel->block[0], kernel->block[1], kernel->block[2],
                             kernel->shared_bytes, gpu->stream, NULL, extra);
}

int cuda_launch_is_refusal(cuda_result result) {
  return result == CUDA_INVALID_VALUE || result == CUDA_OUT_OF_RESOURCES;
}

const char *cuda_launch_name(const cuda_gpu *gpu, uint32_t kernel) {
  return kernel == TERCET_DRIVER_COPY ? "copy"
                                      : cuda_image_name(&gpu->image, &gpu->image.kernels[kernel]);
}

tercet_status cuda_controls_take(cuda_gpu *gpu, cuda_controls *controls, uint32_t scalars,
                                 tercet_cuda_control **control, cuda_address *device,
                                 tercet_error *error) {
  uint64_t bytes = sizeof(tercet_cuda_control) + scalars * sizeof(int64_t);
  for (;; ++controls->chunk, controls->used = 0) {
    if (controls->chunk == controls->count) {
      uint64_t wanted = (uint64_t)FIRST_CHUNK_BYTES << controls->count;
      uint32_t *memory = &controls->memories[controls->count % CUDA_CONTROL_CHUNKS];
      tercet_status status = cuda_gpu_alloc(gpu, TERCET_MEMORY_SHARED,
                                            controls->count == CUDA_CONTROL_CHUNKS ? UINT64_MAX
                                            : wanted < bytes                       ? bytes
                                                                                   : wanted,
                                            8, memory, error);
      if (status)
        return status;
      ++controls->count;
    }
    const cuda_memory *memory = &gpu->memories[controls->memories[controls->chunk]];
    if (memory->bytes - controls->used < bytes)
      continue;
    *control = (tercet_cuda_control *)(void *)((unsigned char *)memory->address + controls->used);
    *device = memory->device + controls->used;
    controls->used += bytes;
    return TERCET_OK;
  }
}

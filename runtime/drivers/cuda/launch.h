// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One launch of a kernel with everything that CUDA has to be told, made of a
// submission once, and control blocks in memory that the CPU reads.
#ifndef TERCET_DRIVERS_CUDA_LAUNCH_H
#define TERCET_DRIVERS_CUDA_LAUNCH_H

#include "device.h"

typedef struct cuda_launch {
  uint32_t kernel;
  uint32_t grid[3];
  uint32_t parameter_count; // operands and the control block
  uint64_t *parameters;     // the caller's, as many
} cuda_launch;

// CUDA_OK; or why no launch can be made of it: CUDA_INVALID_VALUE for operands or
// scalars that the kernel does not have, CUDA_OUT_OF_RESOURCES for the grid.
cuda_result cuda_launch_make(const cuda_gpu *gpu, const tercet_driver_submission *submission,
                             cuda_address control, cuda_launch *launch);

// On the stream. Within cuda_gpu_enter and leave.
cuda_result cuda_launch_start(const cuda_gpu *gpu, const cuda_launch *launch);

// Whether the context is still good after that result of a launch.
int cuda_launch_is_refusal(cuda_result result);

// The name of a kernel, or of a copy.
const char *cuda_launch_name(const cuda_gpu *gpu, uint32_t kernel);

#define CUDA_CONTROL_CHUNKS 16u

// Control blocks, taken one by one; given back all at once, by zeroing `chunk` and
// `used`. Their memory stays for the next time.
typedef struct cuda_controls {
  uint32_t memories[CUDA_CONTROL_CHUNKS];
  uint32_t count; // of memories
  uint32_t chunk; // the one in use
  uint64_t used;  // bytes of it
} cuda_controls;

// Within cuda_gpu_enter and leave. Errors: ENGINE_MEMORY.
tercet_status cuda_controls_take(cuda_gpu *gpu, cuda_controls *controls, uint32_t scalars,
                                 tercet_cuda_control **control, cuda_address *device,
                                 tercet_error *error);

#endif // TERCET_DRIVERS_CUDA_LAUNCH_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the driver has on the device: a context of its own, memories, and the
// image's code in it. A context ends with the first failure of a kernel and takes
// everything along but shared memory, which is the process's own; the next load
// makes another. Invariant: outside of a call no context of the driver is current.
#ifndef TERCET_DRIVERS_CUDA_DEVICE_H
#define TERCET_DRIVERS_CUDA_DEVICE_H

#include "image.h"
#include "library.h"
#include "tercet/cuda.h"

#define CUDA_MEMORIES 64u
#define CUDA_LOG_BYTES 8192u

typedef struct cuda_memory {
  void *address; // for the CPU; NULL: local
  uint64_t bytes;
  cuda_address device; // 0: none in this context
  uint32_t alignment;
  int used;
  int imported; // the address is the application's
} cuda_memory;

typedef struct cuda_gpu {
  cuda_library library;
  cuda_device device;
  tercet_cuda_device_info info;
  int shared_limit, grid_limit[3], block_limit[3];
  cuda_context context; // NULL: none
  cuda_stream stream;
  cuda_memory memories[CUDA_MEMORIES];
  cuda_image image;
  cuda_module module;
  cuda_function *functions; // of the image's kernels
  char log[CUDA_LOG_BYTES];
} cuda_gpu;

// "CALL: what went wrong", with that status.
tercet_status cuda_gpu_fail(const cuda_gpu *gpu, tercet_status status, const char *call,
                            cuda_result result, tercet_error *error);

// Loads the library and looks at the device, which may be number 0 and up.
// Errors: ENGINE_ABSENT.
tercet_status cuda_gpu_find(cuda_gpu *gpu, const char *library, uint32_t device,
                            tercet_error *error);

// Makes the context current, after creating it and what it maps if there is none.
// Errors: ENGINE_ABSENT, ENGINE_MEMORY, ENGINE_LOST.
tercet_status cuda_gpu_enter(cuda_gpu *gpu, tercet_error *error);
void cuda_gpu_leave(cuda_gpu *gpu);

// Ends the context, whatever state it is in: afterwards nothing of it runs. May be
// called with or without it being current.
void cuda_gpu_end(cuda_gpu *gpu);

// Within cuda_gpu_enter and leave. Errors: ENGINE_MEMORY.
tercet_status cuda_gpu_alloc(cuda_gpu *gpu, tercet_memory_kind kind, uint64_t bytes,
                             uint32_t alignment, uint32_t *id, tercet_error *error);
// The same for pages of the application's. Errors: ENGINE_MEMORY.
tercet_status cuda_gpu_import(cuda_gpu *gpu, void *address, uint64_t bytes, uint32_t *id,
                              tercet_error *error);
void cuda_gpu_free(cuda_gpu *gpu, uint32_t id);

// Takes the code of the checked image. Within cuda_gpu_enter and leave.
// Errors: ENGINE_IMAGE, SYSTEM_MEMORY.
tercet_status cuda_gpu_load(cuda_gpu *gpu, tercet_error *error);

// Frees all memories, and the library.
void cuda_gpu_close(cuda_gpu *gpu);

#endif // TERCET_DRIVERS_CUDA_DEVICE_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A driver for NVIDIA GPUs, as a tercet_driver table (driver.h): over the CUDA
// driver API, whose library it loads at run time, so that an application needs
// neither CUDA's headers nor its libraries to be built. The GPU and the CPU share
// memory that the driver maps and pins; the engine's own memory is the device's.
// Invariants: it has a context of its own and leaves the thread's current one as
// it was; memory that is shared outlives the context.
#ifndef TERCET_CUDA_H
#define TERCET_CUDA_H

#include "tercet/driver.h"

#ifdef __cplusplus
extern "C" {
#endif

// Zero-initialise, then set what is needed. Strings are copied.
typedef struct tercet_cuda_options {
  // The library; NULL: the environment's TERCET_LIBCUDA, or libcuda.so.1.
  const char *library;
  uint32_t device;  // as CUDA counts them
  uint32_t spin_ns; // for a result, before sleeping; 0: 50 us
} tercet_cuda_options;

// Makes a driver, owned by the caller, who ends it with tercet_cuda_destroy after
// tercet_drivers_detach. Loads nothing yet. `options` may be NULL.
// Errors: INVALID_ARGUMENT, SYSTEM_MEMORY.
tercet_status tercet_cuda_create(const tercet_cuda_options *options, tercet_driver *driver);
void tercet_cuda_destroy(tercet_driver *driver);

// What CUDA's compiler said of the image when it was loaded last, for example
// why it was refused; empty if nothing. Valid until the next load or destroy.
const char *tercet_cuda_log(const tercet_driver *driver);

typedef struct tercet_cuda_device_info {
  char name[96];
  uint32_t architecture; // 87: compute capability 8.7
  int integrated;        // nonzero: its memory is the CPU's
  uint32_t processors;   // streaming multiprocessors
  uint64_t bytes;        // of memory
  uint32_t driver;       // newest CUDA that it supports: 12040 for 12.4
} tercet_cuda_device_info;

// Once the driver is open (attached). Errors: INVALID_ARGUMENT, ENGINE_ABSENT.
tercet_status tercet_cuda_query(const tercet_driver *driver, tercet_cuda_device_info *info);

#ifdef __cplusplus
}
#endif
#endif // TERCET_CUDA_H

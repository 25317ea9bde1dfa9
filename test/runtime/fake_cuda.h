// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a test can do to the stand-in for libcuda.so.1, and see of it.
#ifndef TERCET_TEST_FAKE_CUDA_H
#define TERCET_TEST_FAKE_CUDA_H

#include <stdint.h>

typedef struct fake_cuda {
  // By the test. Of a new process: one GPU of sm_87 with 1 GiB.
  const char *failing; // function that fails with `result`; NULL: none
  int result;
  int dies;  // result of every kernel from now on; 0: they run
  int hangs; // kernels do not end until their context does
  int devices, architecture, registers_memory;
  uint64_t memory_bytes;
  // By the library.
  int contexts, registrations, allocations, modules; // that are there
  int graphs;                                        // that are not destroyed
  int launches, graph_launches, copies;
  int bad_calls; // with no context, or with something that is not there
} fake_cuda;

#endif // TERCET_TEST_FAKE_CUDA_H

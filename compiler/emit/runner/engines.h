// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Drivers for the engines of a program that are no CPUs and have commands: over
// qemu-hexagon for an NPU of kind Hexagon, over Vulkan for one with a SPIR-V
// image, over CUDA for one with an image for it. Used by the runner, in the
// process of a program, and by tercet-compare in its own.
#ifndef TERCET_RUNNER_ENGINES_H
#define TERCET_RUNNER_ENGINES_H

#include "tercet/driver.h"

#ifdef __cplusplus
extern "C" {
#endif

// Starts and attaches drivers, if the program needs any. Their memories are as
// large as its pools; TERCET_QEMU_HEXAGON may name the emulator,
// TERCET_VULKAN_DEVICE the GPU, TERCET_LIBCUDA the library of CUDA. *memory is for
// the caller to free after engines_stop; NULL: none was needed. On failure nothing
// is attached, and *detail says what it was about.
tercet_status engines_start(tercet_context *context, void **memory, const char **detail);

// Ends them.
void engines_stop(tercet_context *context);

#ifdef __cplusplus
}
#endif

#endif // TERCET_RUNNER_ENGINES_H

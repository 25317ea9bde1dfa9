// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Drivers for the engines of a program that are no CPUs and have commands: over
// qemu-hexagon for an NPU of kind Hexagon, over Vulkan for one with a SPIR-V
// image, over CUDA for one with an image for it. Errors are reported on standard error; nonzero is returned.
#ifndef TERCET_RUNNER_ENGINES_H
#define TERCET_RUNNER_ENGINES_H

#include "tercet/driver.h"

// Starts and attaches drivers, if the program needs any. Their memories are as
// large as its pools; TERCET_QEMU_HEXAGON may name the emulator,
// TERCET_VULKAN_DEVICE the GPU, TERCET_LIBCUDA the library of CUDA.
int engines_start(tercet_context *context);

// Ends them, with the context that they are attached to.
void engines_stop(tercet_context *context);

#endif // TERCET_RUNNER_ENGINES_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The image of an NVIDIA GPU: code for one architecture or several, and what a
// driver has to know to run it. The compiler's CUDA target writes it,
// runtime/drivers/cuda reads it as if it came from an enemy. Little-endian
// 32-bit words throughout, no pointers; offsets are bytes from the start of the
// image, multiples of 4.
//
// What a kernel's code may rely on:
// - Its parameters are operand_count addresses of 64 bits, operand i's first byte,
//   a multiple of its `alignment`; then the address of the command's own
//   tercet_cuda_control. All are in the generic address space.
// - It runs in blocks of the size that its record says, with `shared_bytes` of
//   dynamic shared memory beside what the code declares itself.
// - The grid of the command is the grid of blocks. There is no scratch.
// - Memory beyond an operand's bytes may be anything, and is not to be touched.
#ifndef TERCET_CUDA_IMAGE_H
#define TERCET_CUDA_IMAGE_H

#include "tercet/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TERCET_CUDA_IMAGE_MAGIC 0x494B4354u // "TCKI"
#define TERCET_CUDA_IMAGE_VERSION 1u

// Parameters take 4 KiB at most on every architecture.
#define TERCET_CUDA_OPERANDS_MAX 256u

typedef struct tercet_cuda_image {
  uint32_t magic;         // 0
  uint32_t version;       // 4
  uint32_t bytes;         // 8   of the whole image
  uint32_t kernel_count;  // 12
  uint32_t kernels;       // 16  offset of tercet_cuda_kernel[kernel_count]
  uint32_t code_count;    // 20  at least 1
  uint32_t codes;         // 24  offset of tercet_cuda_code[code_count]
  uint32_t operand_count; // 28
  uint32_t operands;      // 32  offset of tercet_cuda_operand[operand_count]
  uint32_t reserved;      // 36
  uint8_t digest[32];     // 40  of what the image was compiled from
} tercet_cuda_image;      // 72 bytes

// Kernel number k of the engine is element k.
typedef struct tercet_cuda_kernel {
  uint32_t name;          // 0   offset of a NUL-terminated string: its entry
  uint32_t block[3];      // 4   threads of a block; each at least 1
  uint32_t shared_bytes;  // 16  dynamic shared memory of a block
  uint32_t first_operand; // 20
  uint32_t operand_count; // 24  at most TERCET_CUDA_OPERANDS_MAX
  uint32_t scalar_count;  // 28  that it reads in its control block
} tercet_cuda_kernel;     // 32 bytes

typedef struct tercet_cuda_operand {
  uint32_t alignment; // 0   of its first byte: a power of two, at most 256
  uint32_t access;    // 4   tercet_access bits
} tercet_cuda_operand;

typedef enum tercet_cuda_code_format {
  TERCET_CUDA_PTX = 1,  // text with one NUL, its last byte
  TERCET_CUDA_CUBIN = 2 // a 64-bit ELF file
} tercet_cuda_code_format;

// All kernels, for some devices. The first code that suits a device is used:
// PTX on architectures from its own on, a cubin on those of the same major
// version from its own on.
typedef struct tercet_cuda_code {
  uint32_t format;       // 0   tercet_cuda_code_format
  uint32_t architecture; // 4   87: sm_87, compute capability 8.7
  uint32_t offset;       // 8   a multiple of 8
  uint32_t bytes;        // 12
} tercet_cuda_code;

// Written by the driver before a run, but for `fault`, which kernels raise.
typedef struct tercet_cuda_control {
  uint32_t fault;     // 0   tercet_fault, 0 at first
  uint32_t reserved;  // 4
  int64_t scalars[1]; // 8   scalar_count of them
} tercet_cuda_control;

#ifdef __cplusplus
}
#endif
#endif // TERCET_CUDA_IMAGE_H

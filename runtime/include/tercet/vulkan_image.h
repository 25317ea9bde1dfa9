// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The image of a Vulkan engine: SPIR-V modules and what a driver has to know to
// run them. The compiler's Vulkan target writes it, runtime/drivers/vulkan reads
// it as if it came from an enemy. Little-endian 32-bit words throughout, no
// pointers; offsets are bytes from the start of the image, multiples of 4.
//
// What a kernel's code may rely on, beside Vulkan's own rules:
// - Its entry point is "main", of the local size that the record says.
// - Descriptor set 0. Binding i, below operand_count, is operand i: a storage
//   buffer whose range begins at or before the operand's first byte. Word i of
//   the push constants says how many bytes before: below
//   TERCET_VULKAN_OFFSET_MAX, and a multiple of the operand's `alignment`.
// - Binding operand_count, if `control` is set: a storage buffer of the command's
//   own, a tercet_vulkan_control.
// - The grid of the command is the grid of workgroups. There is no scratch.
// - Memory beyond an operand's bytes may be anything, and is not to be touched.
#ifndef TERCET_VULKAN_IMAGE_H
#define TERCET_VULKAN_IMAGE_H

#include "tercet/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TERCET_VULKAN_IMAGE_MAGIC 0x494B5654u // "TVKI"
#define TERCET_VULKAN_IMAGE_VERSION 1u

// The greatest minStorageBufferOffsetAlignment that Vulkan allows.
#define TERCET_VULKAN_OFFSET_MAX 256u
// Push constants that every device has room for: 128 bytes, a word an operand.
#define TERCET_VULKAN_OPERANDS_MAX 32u

// What a device must have for an alternative. X(identifier, bit, text): the text
// is what a message calls it.
#define TERCET_VULKAN_FEATURES(X)                                                                  \
  X(VULKAN_1_3, 0, "Vulkan 1.3")                                                                   \
  X(FLOAT16, 1, "shaderFloat16")                                                                   \
  X(STORAGE_16, 2, "storageBuffer16BitAccess")                                                     \
  X(INT8, 3, "shaderInt8")                                                                         \
  X(STORAGE_8, 4, "storageBuffer8BitAccess")                                                       \
  X(INT16, 5, "shaderInt16")                                                                       \
  X(INT64, 6, "shaderInt64")                                                                       \
  X(DOT, 7, "shaderIntegerDotProduct")                                                             \
  X(SUBGROUP_ARITHMETIC, 8, "subgroup arithmetic in compute shaders")                              \
  X(SUBGROUP_SHUFFLE, 9, "subgroup shuffles in compute shaders")                                   \
  X(FULL_SUBGROUPS, 10, "computeFullSubgroups")                                                    \
  X(COOPERATIVE_MATRIX, 11, "VK_KHR_cooperative_matrix")

#define TERCET_VULKAN_BIT(id, bit, text) TERCET_VULKAN_##id##_BIT = (bit),
typedef enum tercet_vulkan_feature {
  TERCET_VULKAN_FEATURES(TERCET_VULKAN_BIT) TERCET_VULKAN_FEATURE_COUNT
} tercet_vulkan_feature;

typedef struct tercet_vulkan_image {
  uint32_t magic;             // 0
  uint32_t version;           // 4
  uint32_t bytes;             // 8   of the whole image
  uint32_t kernel_count;      // 12
  uint32_t kernels;           // 16  offset of tercet_vulkan_kernel[kernel_count]
  uint32_t alternative_count; // 20
  uint32_t alternatives;      // 24  offset of tercet_vulkan_alternative[...]
  uint32_t operand_count;     // 28
  uint32_t operands;          // 32  offset of tercet_vulkan_operand[...]
  uint32_t reserved;          // 36
  uint8_t digest[32];         // 40  of what the image was compiled from
} tercet_vulkan_image;        // 72 bytes

// Kernel number k of the engine is element k.
typedef struct tercet_vulkan_kernel {
  uint32_t name;              // 0   offset of a NUL-terminated string
  uint32_t first_alternative; // 4   the first whose needs a device meets is used
  uint32_t alternative_count; // 8   at least 1; the last has the least needs
  uint32_t first_operand;     // 12
  uint32_t operand_count;     // 16  at most TERCET_VULKAN_OPERANDS_MAX
  uint32_t scalar_count;      // 20
  uint32_t control;           // 24  1: has the binding; 0: no scalars, no faults
  uint32_t reserved;          // 28
} tercet_vulkan_kernel;       // 32 bytes

typedef struct tercet_vulkan_operand {
  uint32_t alignment; // 0   of its first byte: a power of two, 4 to 16
  uint32_t access;    // 4   tercet_access bits
} tercet_vulkan_operand;

// One way to run a kernel on a device with certain features.
typedef struct tercet_vulkan_alternative {
  uint32_t features;         // 0   1 << tercet_vulkan_feature, all needed
  uint32_t code;             // 4   offset of a SPIR-V module
  uint32_t code_bytes;       // 8
  uint32_t local_size[3];    // 12
  uint32_t workgroup_bytes;  // 24  of workgroup memory
  uint32_t subgroup_min;     // 28  least subgroup size that it works with; 0: any
} tercet_vulkan_alternative; // 32 bytes

// Written by the driver before a run, but for `fault`, which kernels raise.
typedef struct tercet_vulkan_control {
  uint32_t fault;     // 0   tercet_fault, 0 at first
  uint32_t reserved;  // 4
  int64_t scalars[1]; // 8   scalar_count of them
} tercet_vulkan_control;

#ifdef __cplusplus
}
#endif
#endif // TERCET_VULKAN_IMAGE_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What has no word in SPIR-V, in words that it has.

#ifndef TERCET_TARGETS_VULKAN_EXPANDOPERATIONS_H
#define TERCET_TARGETS_VULKAN_EXPANDOPERATIONS_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"

namespace tercet::vulkan {

/// Rewrites arithmetic and functions that SPIR-V 1.3 or its GLSL instructions
/// lack, and drops overflow flags, for which it has no word.
mlir::LogicalResult expandOperations(mlir::gpu::GPUFuncOp function);

/// Dialects of what comes out.
void registerExpansionDialects(mlir::DialectRegistry &registry);

} // namespace tercet::vulkan

#endif // TERCET_TARGETS_VULKAN_EXPANDOPERATIONS_H

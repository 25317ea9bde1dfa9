// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes and the code-generation pipeline of the Vulkan target.

#ifndef TERCET_TARGETS_VULKAN_PASSES_H
#define TERCET_TARGETS_VULKAN_PASSES_H

#include "passes/codegen/gpu/GpuProfile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVDialect.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/Pass.h"

namespace tercet::vulkan {

#define GEN_PASS_DECL
#include "targets/vulkan/Passes.h.inc"

/// From bufferised soc.kernel operations to spirv.modules, module in, module out.
/// The module holds kernels of one Vulkan engine and nothing else. `profiles`
/// begin with that which has the most needs.
void buildCodegenPipeline(mlir::OpPassManager &pm, llvm::ArrayRef<codegen::GpuProfile> profiles);

#define GEN_PASS_REGISTRATION
#include "targets/vulkan/Passes.h.inc"

/// Registers `tercet-vulkan-codegen`.
void registerVulkanPipelines();

} // namespace tercet::vulkan

#endif // TERCET_TARGETS_VULKAN_PASSES_H

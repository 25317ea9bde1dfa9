// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes and the code-generation pipeline of the CUDA target.

#ifndef TERCET_TARGETS_CUDA_PASSES_H
#define TERCET_TARGETS_CUDA_PASSES_H

#include "passes/codegen/gpu/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/Pass.h"

namespace tercet::cuda {

/// On kernels: bytes of shared memory that the driver has to ask for.
inline constexpr llvm::StringLiteral kDynamicSharedAttr = "cuda.dynamic_shared_bytes";

#define GEN_PASS_DECL
#include "targets/cuda/Passes.h.inc"

/// From bufferised soc.kernel operations to llvm.func, module in, module out. The
/// module holds kernels of one CUDA engine and nothing else. `profile` is
/// GpuProfile's text.
void buildCodegenPipeline(mlir::OpPassManager &pm, llvm::StringRef profile);

#define GEN_PASS_REGISTRATION
#include "targets/cuda/Passes.h.inc"

/// Registers `tercet-cuda-codegen`, whose option `profile` is GpuProfile's text.
void registerCudaPipelines();

} // namespace tercet::cuda

#endif // TERCET_TARGETS_CUDA_PASSES_H

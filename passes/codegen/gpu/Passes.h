// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Code generation that all targets for GPUs share: its passes and its pipeline.

#ifndef TERCET_PASSES_CODEGEN_GPU_PASSES_H
#define TERCET_PASSES_CODEGEN_GPU_PASSES_H

#include "dialects/soc/Soc.h"
#include "passes/codegen/gpu/GpuProfile.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/Pass.h"

namespace tercet::codegen {

#define GEN_PASS_DECL
#include "passes/codegen/gpu/Passes.h.inc"

/// From bufferised soc.kernel operations to a gpu.module each, whose gpu.func
/// loads and stores elements of flat memory only. Module in, module out; the
/// module holds kernels of one engine. `profile` is GpuProfile's text.
void buildGpuPipeline(mlir::OpPassManager &pm, llvm::StringRef profile);

#define GEN_PASS_REGISTRATION
#include "passes/codegen/gpu/Passes.h.inc"

/// Registers `tercet-gpu-codegen`, whose option `profile` is GpuProfile's text.
void registerGpuPipelines();

} // namespace tercet::codegen

#endif // TERCET_PASSES_CODEGEN_GPU_PASSES_H

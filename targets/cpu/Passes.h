// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes and the code-generation pipeline of the CPU target.

#ifndef TERCET_TARGETS_CPU_PASSES_H
#define TERCET_TARGETS_CPU_PASSES_H

#include "dialects/soc/Soc.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/Pass.h"

namespace tercet::cpu {

#define GEN_PASS_DECL
#include "targets/cpu/Passes.h.inc"

/// From bufferised soc.kernel operations to llvm.func, module in, module out.
void buildCpuCodegenPipeline(mlir::OpPassManager &pm);

#define GEN_PASS_REGISTRATION
#include "targets/cpu/Passes.h.inc"

/// Registers `tercet-cpu-codegen`.
void registerCpuPipelines();

} // namespace tercet::cpu

#endif // TERCET_TARGETS_CPU_PASSES_H

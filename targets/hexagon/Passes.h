// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes and the code-generation pipeline of the Hexagon target.

#ifndef TERCET_TARGETS_HEXAGON_PASSES_H
#define TERCET_TARGETS_HEXAGON_PASSES_H

#include "dialects/hvx/HVX.h"
#include "dialects/soc/Soc.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Pass/Pass.h"

namespace tercet::hexagon {

#define GEN_PASS_DECL
#include "targets/hexagon/Passes.h.inc"

/// From bufferised soc.kernel operations to llvm.func, module in, module out.
/// The module holds kernels of one Hexagon engine and nothing else.
void buildCodegenPipeline(mlir::OpPassManager &pm);

#define GEN_PASS_REGISTRATION
#include "targets/hexagon/Passes.h.inc"

/// Registers `tercet-hexagon-codegen`.
void registerHexagonPipelines();

} // namespace tercet::hexagon

#endif // TERCET_TARGETS_HEXAGON_PASSES_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Emission of a loop nest with a chosen vector loop, and that choice.

#ifndef TERCET_TARGETS_CPU_NESTEMITTER_H
#define TERCET_TARGETS_CPU_NESTEMITTER_H

#include "targets/cpu/NestBody.h"
#include "targets/cpu/VectorUnit.h"

namespace tercet::cpu {

/// How a nest is to run: `vectorLoop` is -1 for element by element.
struct NestPlan {
  int64_t vectorLoop = -1;
  int64_t lanes = 1;
};

/// The plan of least estimated cost.
NestPlan choosePlan(mlir::Block &body, const LoopNest &nest, const VectorUnit &unit);

/// Emits the loops at the builder's insertion point.
void emitNest(mlir::OpBuilder &b, mlir::Location loc, mlir::Block &body, const LoopNest &nest,
              const NestPlan &plan, const VectorUnit &unit);

/// If the nest copies a matrix whose source and destination have their unit
/// strides along different loops, emits it in square blocks that are turned
/// in registers. Returns false, having done nothing, if it is not of that kind.
bool emitTranspose(mlir::OpBuilder &b, mlir::Location loc, mlir::Block &body, const LoopNest &nest,
                   const VectorUnit &unit);

} // namespace tercet::cpu

#endif // TERCET_TARGETS_CPU_NESTEMITTER_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// C (+)= A B on strided memory: the blocking for registers and caches, and the
// micro-kernel.

#ifndef TERCET_TARGETS_CPU_MICROKERNEL_H
#define TERCET_TARGETS_CPU_MICROKERNEL_H

#include "passes/codegen/LoopBuilder.h"
#include "targets/cpu/VectorUnit.h"

namespace tercet::cpu {

/// Element (row, column) lies at `offset + row * rowStride + column *
/// columnStride` of `memory`, a flat memref.
struct Matrix {
  mlir::Value memory;
  mlir::OpFoldResult offset, rowStride, columnStride;
};

struct Product {
  Matrix lhs;  // [M, K], any strides
  Matrix rhs;  // [K, N], unit stride along N
  Matrix init; // [M, N], unit stride along N
  mlir::OpFoldResult m, n, k;
  /// Floats, or integers that are extended to those of the destination.
  mlir::Type lhsElement, rhsElement, element;
  bool lhsUnsigned = false, rhsUnsigned = false;
  /// If not null, what the destination starts with; else it is accumulated to.
  mlir::Value start;
  /// If not 0, the right-hand side is in panels of so many columns, and rows
  /// of a panel lie rowStride apart, panels panelStride.
  int64_t panel = 0;
  mlir::OpFoldResult panelStride;
  /// Whether every sum is one chain along k, so that a row has the same bits
  /// whatever other rows there are. It is where k or n is known at run time only.
  bool ordered = false;
};

void emitProduct(mlir::OpBuilder &b, mlir::Location loc, const Product &product,
                 const VectorUnit &unit);

} // namespace tercet::cpu

#endif // TERCET_TARGETS_CPU_MICROKERNEL_H

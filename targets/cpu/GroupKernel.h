// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// C (+)= A W^T for a W that is packed in panels, in groups or in floats: the
// kernels of nn.group_matmul. Each element of the result is one chain of
// additions along K, in the same order in every kernel, so that a row does not
// depend on how many rows are computed with it.

#ifndef TERCET_TARGETS_CPU_GROUPKERNEL_H
#define TERCET_TARGETS_CPU_GROUPKERNEL_H

#include "dialects/nn/NN.h"
#include "targets/cpu/ByteDot.h"
#include "targets/cpu/MicroKernel.h"

namespace tercet::cpu {

struct GroupProduct {
  /// Floats in [M, K], or blocks of `lhsFormat` one after another in each row.
  Matrix lhs;
  /// Panels `panelStride` apart, in bytes or in floats.
  mlir::Value rhs;
  mlir::OpFoldResult rhsOffset, panelStride;
  Matrix init; // [M, N], unit stride along N
  mlir::OpFoldResult m, n;
  int64_t depth = 0, panel = 0;
  /// Null: the right-hand side has floats; the left-hand side has.
  nn::GroupsAttr format, lhsFormat;
  mlir::Type rhsElement;
  /// If not null, what the destination starts with; else it is accumulated to.
  mlir::Value start;
};

/// Whether there is a kernel for the operation, whose operands are tensors or
/// memrefs: a packed right-hand side, and a left-hand side in f32 or in groups
/// of 16 or 32 that are no longer than the weights' own.
bool hasGroupKernel(nn::GroupMatmulOp op);

void emitGroupProduct(mlir::OpBuilder &b, mlir::Location loc, const GroupProduct &product,
                      const VectorUnit &unit, const ByteDot &dot);

} // namespace tercet::cpu

#endif // TERCET_TARGETS_CPU_GROUPKERNEL_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A linalg operation on memrefs as a loop nest with strides: for every operand
// a flat view of its memory and the distance that each loop moves in it. In
// this form, unlike in maps over views, it is a matter of looking at numbers
// whether loops can be merged, interchanged or vectorised.

#ifndef TERCET_PASSES_CODEGEN_LOOPNEST_H
#define TERCET_PASSES_CODEGEN_LOOPNEST_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

namespace tercet::codegen {

/// A memref as base address, offset and strides, in elements.
struct FlatView {
  mlir::Value memory; // memref<?xT>, from the start of the allocation
  mlir::OpFoldResult offset;
  llvm::SmallVector<mlir::OpFoldResult> strides, sizes;
};
FlatView flatten(mlir::OpBuilder &b, mlir::Location loc, mlir::Value memref);

/// What one operand touches: element `offset + sum(iv * stride)` of `memory`,
/// or the scalar `scalar`.
struct Access {
  mlir::Value memory, scalar;
  mlir::Type element;
  mlir::OpFoldResult offset;
  llvm::SmallVector<mlir::OpFoldResult> strides; // one for each loop

  bool isScalar() const { return !memory; }
  std::optional<int64_t> stride(unsigned loop) const {
    return isScalar() ? std::optional<int64_t>(0) : mlir::getConstantIntValue(strides[loop]);
  }
  bool moves(unsigned loop) const { return stride(loop) != 0; }
  bool isUnit(unsigned loop) const { return stride(loop) == 1; }

  mlir::Value address(mlir::OpBuilder &b, mlir::Location loc, mlir::ValueRange ivs) const;
};

struct Loop {
  mlir::OpFoldResult size;
  bool reduction = false;
  std::optional<int64_t> staticSize() const { return mlir::getConstantIntValue(size); }
};

struct LoopNest {
  llvm::SmallVector<Loop> loops;
  llvm::SmallVector<Access> accesses; // one for each operand
  /// The loop that stands for a dimension of the operation, -1 for one of
  /// size 1. Of merged dimensions, where linalg.index is not used, any.
  llvm::SmallVector<int64_t> loopOfDim;
  unsigned inputs = 0;

  /// Fails if an indexing map is not linear.
  static mlir::FailureOr<LoopNest> of(mlir::OpBuilder &b, mlir::linalg::LinalgOp op);

  llvm::ArrayRef<Access> outputs() const {
    return llvm::ArrayRef<Access>(accesses).drop_front(inputs);
  }
  bool hasReductions() const;

  /// Drops loops of size 1 and, unless `keepDims`, merges loops that together
  /// walk memory as one would.
  void simplify(bool keepDims);

private:
  void eraseLoop(unsigned loop);
  bool mergeOnce();
};

} // namespace tercet::codegen

#endif // TERCET_PASSES_CODEGEN_LOOPNEST_H

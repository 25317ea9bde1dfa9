// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the decompositions of the nn operations are built from: linalg.generic
// with one result, filled tensors, and the maps of operations on rows.

#ifndef TERCET_DIALECTS_NN_STRUCTUREDOPS_H
#define TERCET_DIALECTS_NN_STRUCTUREDOPS_H

#include "dialects/nn/NN.h"

namespace tercet::nn {

using Scalar = llvm::function_ref<mlir::Value(mlir::OpBuilder &, mlir::Location, mlir::ValueRange)>;

/// A constant of a float or integer type.
mlir::Value constant(mlir::OpBuilder &b, mlir::Location loc, mlir::Type type, double value);

mlir::Type elementType(mlir::Value value);

/// A linalg.generic with one result; the last map is the destination's.
mlir::Value generic(mlir::OpBuilder &b, mlir::Location loc, mlir::ValueRange inputs,
                    mlir::Value init, llvm::ArrayRef<mlir::AffineMap> maps,
                    llvm::ArrayRef<mlir::utils::IteratorType> iterators, Scalar body);

mlir::Value filled(mlir::OpBuilder &b, mlir::Location loc, llvm::ArrayRef<mlir::OpFoldResult> sizes,
                   mlir::Type element, double value);

/// An index into a dimension of `limit`, from its end if it is negative. One that
/// is out of range fails the run, and is moved into it for whatever follows.
mlir::Value checkedIndex(mlir::OpBuilder &b, mlir::Location loc, mlir::Value index,
                         mlir::Value limit);

/// Maps for rows of rank `rank`: all loops, all but the last, the last.
struct RowMaps {
  mlir::AffineMap all, row, last;
  llvm::SmallVector<mlir::utils::IteratorType> parallel, reduce, rowParallel;
  mlir::AffineMap rowIdentity;

  RowMaps(mlir::OpBuilder &b, int64_t rank);
};

/// The sum over the last dimension of `term(x, row values...)`, in `element`.
mlir::Value sumRows(mlir::OpBuilder &b, mlir::Location loc, const RowMaps &maps, mlir::Value x,
                    mlir::ValueRange rows, mlir::Type element, Scalar term);

/// The loops of an attention: batch b, key head g, query head within its group
/// r, query s, key t, and d or e.
struct AttentionLoops {
  AttentionLoops(mlir::OpBuilder &b, mlir::Location loc, mlir::Value query, mlir::Value key,
                 mlir::Value value);

  /// [B, S, H, last] as [B, S, G, R, last].
  mlir::Value split(mlir::OpBuilder &b, mlir::Value tensor, mlir::OpFoldResult last) const;
  /// The mask with its heads, if it has any, split like the query's; its map
  /// from [B, G, R, S, T] is added.
  mlir::Value splitMask(mlir::OpBuilder &b, mlir::Value mask,
                        llvm::SmallVectorImpl<mlir::AffineMap> &maps) const;
  /// Sums of products of queries and keys, [B, G, R, S, T], into elements of
  /// `element`, by `term(query, key)`.
  mlir::Value scores(mlir::OpBuilder &b, mlir::Type element, Scalar accumulate) const;
  /// Sums of weights, [B, G, R, S, T], times values: [B, S, G, R, E].
  mlir::Value products(mlir::OpBuilder &b, mlir::Value weights, mlir::Type element,
                       Scalar accumulate) const;
  /// From [B, S, G, R, E] to a value for each row, [B, G, R, S].
  mlir::AffineMap rowOfResult(mlir::OpBuilder &b) const;

  mlir::Location loc;
  mlir::Value query, key, value;
  llvm::SmallVector<mlir::OpFoldResult> q, k, v, scoreSizes, rowSizes;
  mlir::OpFoldResult groups, inGroup;
  llvm::SmallVector<mlir::ReassociationIndices> splitHeads{{0}, {1}, {2, 3}, {4}};
};

} // namespace tercet::nn

#endif // TERCET_DIALECTS_NN_STRUCTUREDOPS_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A matrix (or vector) of a model's file by its rows, as it is stored: floats,
// or blocks that run along a row. Rows can be cut, put together and rearranged
// without being decoded, since no block crosses from one to the next; that is
// what merges projections and gives rotary embedding its order of rows.

#ifndef TERCET_COMPILER_IMPORT_DECODER_STOREDROWS_H
#define TERCET_COMPILER_IMPORT_DECODER_STOREDROWS_H

#include "compiler/import/decoder/Architecture.h"

namespace tercet::decoder {

class StoredRows {
public:
  StoredRows() = default;
  /// Floats in [N, K] or [N].
  explicit StoredRows(mlir::TypedAttr floats);
  /// Blocks in [N, B, bytes] of i8, of which rows have K elements.
  StoredRows(mlir::TypedAttr blocks, nn::GroupsAttr format, int64_t columns);

  int64_t rows() const { return shapeOf(stored)[0]; }
  int64_t columns() const { return width; }
  bool isVector() const { return vector; }
  /// Whether rows of both can be in one matrix.
  bool isLike(const StoredRows &other) const;

  StoredRows slice(int64_t begin, int64_t count) const;
  /// Of each of `runs` runs of rows of one length, those from `begin` on.
  StoredRows sliceOfRuns(int64_t runs, int64_t begin, int64_t count) const;
  static StoredRows concat(llvm::ArrayRef<StoredRows> parts);
  /// Rows of heads one below the other, of which the first `rotated` of `size`
  /// are turned by rotary embedding, in the order in which nn.rope turns all of
  /// a head: partners are size/2 apart, those that are turned first.
  StoredRows orderPairs(int64_t size, int64_t rotated, Pairs pairs) const;

  /// The same with columns stored in another order: stored column j is column
  /// order[j], a vector of i64. Null: as they are.
  StoredRows orderedBy(mlir::TypedAttr order) const;
  mlir::TypedAttr getOrder() const { return order; }

  /// The floats in f32: [N, K], or [N] of a vector.
  mlir::TypedAttr floats() const;
  /// As the right-hand side of a product: [K, N], of which row j is multiplied
  /// with column order[j] of the left-hand side if there is an order.
  mlir::TypedAttr transposed() const;

private:
  static llvm::ArrayRef<int64_t> shapeOf(mlir::TypedAttr recipe) {
    return llvm::cast<mlir::RankedTensorType>(recipe.getType()).getShape();
  }
  StoredRows with(mlir::TypedAttr recipe) const;
  mlir::TypedAttr storedFloats() const;

  /// Of rank 2 or 3; a vector is a matrix of one column.
  mlir::TypedAttr stored;
  mlir::TypedAttr order;
  nn::GroupsAttr format;
  int64_t width = 0;
  bool vector = false;
};

} // namespace tercet::decoder

#endif // TERCET_COMPILER_IMPORT_DECODER_STOREDROWS_H

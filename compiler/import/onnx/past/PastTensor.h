// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a name of a decoder's graph stands for where that is no tensor of the
// program, because its size or its elements follow the position.

#ifndef TERCET_COMPILER_IMPORT_ONNX_PAST_PASTTENSOR_H
#define TERCET_COMPILER_IMPORT_ONNX_PAST_PASTTENSOR_H

#include "compiler/import/onnx/TensorBuilder.h"
#include "compiler/import/onnx/past/Piecewise.h"

namespace tercet::onnx {

/// Keys or values of all tokens so far, seen with their dimensions in some order,
/// split or joined, and each head several times.
struct CacheView {
  enum Factor { Head, Repeat, Token, Element };

  unsigned cache = 0;
  /// Each dimension is a product of factors in row-major order; sizes of 1 have none.
  llvm::SmallVector<llvm::SmallVector<Factor, 2>> dims;
  int64_t heads = 1, repeats = 1, elements = 1;
  /// Past ones alone, or with those that come in.
  Length tokens;
  bool isWhole = false;
  /// A number by which the elements are multiplied.
  double scale = 1;

  Length lengthOf(Factor factor) const;
  llvm::SmallVector<Length> lengths() const;
  /// The same elements in order under another shape; none if that is no regrouping.
  std::optional<CacheView> reshaped(llvm::ArrayRef<Length> shape) const;
};

/// Products of queries with the keys of a cache, times a number, plus a mask;
/// later the softmax of that over the keys.
struct Scores {
  Operand query; ///< [1, H, S, D]
  /// [1, H, S, T]; the tensor itself may lack the first dimension.
  llvm::SmallVector<Length> dims;
  unsigned keys = 0;
  double scale = 1;
  /// Broadcasts to the scores. Where scores are replaced it is minus infinity.
  Piecewise mask;
  bool isSoftmax = false;
  /// Of the softmax: how many keys up to its own a row sees, if not all.
  std::optional<int64_t> window;
};

/// One row for each position, along `axis`. `follows`: the tensor has the rows of
/// the tokens that come in; else all rows up to the last of these.
struct PositionTable {
  Operand data;
  int64_t axis = 0;
  bool follows = true;
};

struct PastTensor {
  DataType element = DataType::Undefined;
  llvm::SmallVector<Length> dims;
  // One of these.
  std::optional<Piecewise> function;
  std::optional<CacheView> cache;
  std::shared_ptr<const Scores> scores;
  std::optional<PositionTable> table;
};

} // namespace tercet::onnx

#endif // TERCET_COMPILER_IMPORT_ONNX_PAST_PASTTENSOR_H

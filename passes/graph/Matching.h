// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the recognising passes share: looking through destination-style
// elementwise operations as if they were expressions.

#ifndef TERCET_PASSES_GRAPH_MATCHING_H
#define TERCET_PASSES_GRAPH_MATCHING_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Value.h"

#include <optional>

namespace tercet::graph {

/// One elementwise linalg operation whose body is a single scalar operation.
struct Elementwise {
  mlir::linalg::LinalgOp op;
  /// The scalar operation in the body.
  mlir::Operation *scalar = nullptr;
  /// For each operand of `scalar`: the tensor that feeds it, or the scalar
  /// constant in the body itself.
  llvm::SmallVector<mlir::Value, 3> operands;
  /// For each operand the indexing map; null for scalars.
  llvm::SmallVector<mlir::AffineMap, 3> maps;

  /// Whether operand i is read at the index of the result.
  bool isAligned(unsigned i) const;
};

/// Matches the operation that defines `value`; nothing if it is not of this form.
std::optional<Elementwise> matchElementwise(mlir::Value value);

/// As above, only if the scalar operation is an `OpTy`.
template <typename OpTy> std::optional<Elementwise> matchElementwise(mlir::Value value) {
  std::optional<Elementwise> match = matchElementwise(value);
  return match && llvm::isa<OpTy>(match->scalar) ? match : std::nullopt;
}

/// The number, if `value` is a scalar constant or a constant tensor with one
/// value throughout, looked at through reshapes and broadcasts.
std::optional<double> matchConstant(mlir::Value value);

/// Whether a and b agree but for rounding to f32: to a relative tolerance of
/// 1e-6. A wider one would replace what the model says by what we expect.
bool isNear(double a, double b);

/// Skips tensor.collapse_shape and tensor.expand_shape.
mlir::Value skipReshapes(mlir::Value value);

/// A product with its constant factors multiplied out: x * 0.5 * y / 4 has
/// the factors x, y and the constant 0.125. Looks through products and
/// quotients by constants, as long as each is read only once and at the same
/// index.
struct Product {
  double constant = 1.0;
  llvm::SmallVector<mlir::Value, 4> factors;
};
Product flattenProduct(mlir::Value value);

/// The tensor x, if `value` is f(x) for one elementwise `OpTy` read at the same index.
template <typename OpTy> mlir::Value matchUnary(mlir::Value value) {
  std::optional<Elementwise> match = matchElementwise<OpTy>(value);
  return match && match->operands.size() == 1 && match->isAligned(0) ? match->operands[0]
                                                                     : mlir::Value();
}

/// The tensor x, if `value` is x + constant.
mlir::Value matchAddConstant(mlir::Value value, double &constant);

/// The tensor x, if `value` is the mean of x over its last dimension, however
/// the unit dimension that is left is kept.
mlir::Value matchMeanOfRows(mlir::Value value);

/// Whether operand i is one value for each row of the result: the last
/// dimension does not matter, the others are read at the same index.
bool isRowBroadcast(const Elementwise &match, unsigned i);

/// Whether operand i is one vector along the last dimension of the result.
bool isVectorBroadcast(const Elementwise &match, unsigned i);

/// `value` under another shape of as many elements.
mlir::Value reshapeTo(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value,
                      llvm::ArrayRef<int64_t> shape);

} // namespace tercet::graph

#endif // TERCET_PASSES_GRAPH_MATCHING_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix products.

#include "compiler/import/onnx/OperatorTable.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace tercet::onnx;

namespace {

Operand arithmetic(NodeImporter &node, Operand &a, Operand &c, bool multiply) {
  return node.elementwise({&a, &c}, a.element,
                          [&](OpBuilder &n, Location at, ValueRange x) -> Value {
                            if (isFloat(a.element))
                              return multiply ? Value(arith::MulFOp::create(n, at, x[0], x[1]))
                                              : Value(arith::AddFOp::create(n, at, x[0], x[1]));
                            return multiply ? Value(arith::MulIOp::create(n, at, x[0], x[1]))
                                            : Value(arith::AddIOp::create(n, at, x[0], x[1]));
                          });
}

LogicalResult importMatMul(NodeImporter &node) {
  Operand &a = node.in(0), &c = node.in(1);
  if (!node.expectNumber(0) || !node.expectSameType({0, 1}))
    return failure();
  if (a.rank() < 1 || c.rank() < 1)
    return node.fail("expected one dimension or more, got " + describe(a) + " and " + describe(c));
  int64_t inner = c.shape[c.rank() == 1 ? 0 : c.rank() - 2];
  if (a.shape.back() != inner)
    return node.fail("expected the last dimension of " + describe(a) + " to be " + Twine(inner) +
                     ", as in " + describe(c));
  auto batch = [](Operand &side) {
    return ArrayRef<int64_t>(side.shape).drop_back(std::min<int64_t>(side.rank(), 2));
  };
  auto shape = broadcastShapes({batch(a), batch(c)});
  if (!shape)
    return node.fail("expected leading dimensions that broadcast, got " + describe(a) + " and " +
                     describe(c));
  SmallVector<int64_t> result(shape->begin(), shape->end());
  result.push_back(a.rank() == 1 ? 1 : a.shape[a.rank() - 2]);
  result.push_back(c.rank() == 1 ? 1 : c.shape.back());
  if (!node.expectSize(result, a.element))
    return failure();
  // Both sides are repeated to the full batch.
  for (Operand *side : {&a, &c}) {
    if (side->rank() < 2)
      continue;
    SmallVector<int64_t> wide(shape->begin(), shape->end());
    wide.append(side->shape.end() - 2, side->shape.end());
    if (!node.expectSize(wide, side->element))
      return failure();
  }
  return node.set(node.matmul(a, c));
}

/// alpha * A B + beta * C, with A and B transposed on request.
LogicalResult importGemm(NodeImporter &node) {
  double alpha = node.getFloat("alpha", 1), beta = node.getFloat("beta", 1);
  bool transA = node.getInt("transA", 0), transB = node.getInt("transB", 0);
  if (!node.expectNumber(0) || !node.expectSameType({0, 1}))
    return failure();
  if (node.opset < 11 && !node.has(2))
    return node.fail("expected 3 inputs before opset 11");
  if (node.in(0).rank() != 2 || node.in(1).rank() != 2)
    return node.fail("expected matrices, got " + describe(node.in(0)) + " and " +
                     describe(node.in(1)));
  DataType element = node.in(0).element;
  if (!isFloat(element) && (alpha != 1 || beta != 1))
    return node.fail("expected alpha and beta of 1 for integers");
  Operand a = transA ? node.transpose(node.in(0), {1, 0}) : node.in(0);
  Operand c = transB ? node.transpose(node.in(1), {1, 0}) : node.in(1);
  if (a.shape[1] != c.shape[0])
    return node.fail("expected inner dimensions that agree, got " + describe(a.shape) + " times " +
                     describe(c.shape));
  SmallVector<int64_t> shape{a.shape[0], c.shape[1]};
  if (!node.expectSize(shape, element))
    return failure();
  if (node.has(2)) {
    if (!node.expectSameType({0, 2}))
      return failure();
    auto together =
        broadcastShapes({ArrayRef<int64_t>(shape), ArrayRef<int64_t>(node.in(2).shape)});
    if (!together || ArrayRef<int64_t>(*together) != ArrayRef<int64_t>(shape))
      return node.fail("expected input 2 to broadcast to " + describe(shape) + ", got " +
                       describe(node.in(2)));
  }
  Operand result = node.matmul(a, c);
  if (alpha != 1) {
    Operand factor = node.scalar(element, alpha);
    result = arithmetic(node, result, factor, /*multiply=*/true);
  }
  if (node.has(2) && beta != 0) {
    Operand bias = node.in(2);
    if (beta != 1) {
      Operand factor = node.scalar(element, beta);
      bias = arithmetic(node, bias, factor, /*multiply=*/true);
    }
    result = arithmetic(node, result, bias, /*multiply=*/false);
  }
  return node.set(result);
}

const Operator operators[] = {
    {"", "Gemm", 7, 2, 3, importGemm, ""},
    {"", "MatMul", 1, 2, 2, importMatMul, ""},
};

} // namespace

llvm::ArrayRef<Operator> tercet::onnx::productOperators() { return operators; }

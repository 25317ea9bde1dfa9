// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators on several tensors that broadcast to one another: arithmetic,
// comparison, logic, selection. Integer operations that C leaves undefined are
// given a value, so that no input of the program can trap.

#include "compiler/import/onnx/OperatorTable.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace tercet::onnx;

namespace {

/// Two numbers of one type that broadcast.
bool expectPair(NodeImporter &node) {
  return node.expectNumber(0) && node.expectSameType({0, 1}) && node.expectBroadcast({0, 1});
}

template <typename FloatOp, typename IntegerOp> LogicalResult importArithmetic(NodeImporter &node) {
  if (!expectPair(node))
    return failure();
  bool isFloating = isFloat(node.in(0).element);
  return node.set(node.elementwise({&node.in(0), &node.in(1)}, node.in(0).element,
                                   [&](OpBuilder &n, Location at, ValueRange x) -> Value {
                                     if (isFloating)
                                       return FloatOp::create(n, at, x[0], x[1]);
                                     return IntegerOp::create(n, at, x[0], x[1]);
                                   }));
}

/// Division or remainder that is defined for a divisor of 0 (where onnxruntime
/// stops the process) and for the smallest number by -1.
template <typename SignedOp, typename UnsignedOp>
Value divide(OpBuilder &n, Location at, Value a, Value c, bool isSigned, bool isSafe) {
  if (isSafe)
    return isSigned ? Value(SignedOp::create(n, at, a, c)) : Value(UnsignedOp::create(n, at, a, c));
  Type type = a.getType();
  Value zero = scalarConstant(n, at, type, 0), one = scalarConstant(n, at, type, 1);
  Value isZero = arith::CmpIOp::create(n, at, arith::CmpIPredicate::eq, c, zero);
  if (!isSigned)
    return UnsignedOp::create(n, at, a, arith::SelectOp::create(n, at, isZero, one, c));
  Value minus = scalarConstant(n, at, type, -1);
  Value isMinus = arith::CmpIOp::create(n, at, arith::CmpIPredicate::eq, c, minus);
  Value special = arith::OrIOp::create(n, at, isZero, isMinus);
  Value result = SignedOp::create(n, at, a, arith::SelectOp::create(n, at, special, one, c));
  // By 1 the remainder is 0 as it is by -1; only the quotient changes its sign.
  if (std::is_same_v<SignedOp, arith::RemSIOp>)
    return result;
  Value negated = arith::SubIOp::create(n, at, zero, result);
  return arith::SelectOp::create(n, at, isMinus, negated, result);
}

/// Whether no element of a known divisor is 0 or -1.
FailureOr<bool> isSafeDivisor(NodeImporter &node) {
  Operand &divisor = node.in(1);
  if (!divisor.constant)
    return false;
  bool safe = true;
  for (const Scalar &value : divisor.constant->values) {
    if (value.i == 0)
      return node.fail("division by a constant 0");
    safe &= value.i != -1 || isUnsigned(divisor.element);
  }
  return safe;
}

LogicalResult importDiv(NodeImporter &node) {
  if (!expectPair(node))
    return failure();
  if (isFloat(node.in(0).element))
    return importArithmetic<arith::DivFOp, arith::DivSIOp>(node);
  FailureOr<bool> safe = isSafeDivisor(node);
  if (failed(safe))
    return failure();
  bool isSigned = !isUnsigned(node.in(0).element);
  return node.set(node.elementwise(
      {&node.in(0), &node.in(1)}, node.in(0).element, [&](OpBuilder &n, Location at, ValueRange x) {
        return divide<arith::DivSIOp, arith::DivUIOp>(n, at, x[0], x[1], isSigned, *safe);
      }));
}

LogicalResult importMod(NodeImporter &node) {
  bool fmod = node.getInt("fmod", 0);
  if (!expectPair(node))
    return failure();
  if (isFloat(node.in(0).element)) {
    if (!fmod)
      return node.fail("expected attribute 'fmod' to be 1 for floating-point inputs");
    return node.set(node.elementwise({&node.in(0), &node.in(1)}, node.in(0).element,
                                     [](OpBuilder &n, Location at, ValueRange x) -> Value {
                                       return arith::RemFOp::create(n, at, x[0], x[1]);
                                     }));
  }
  FailureOr<bool> safe = isSafeDivisor(node);
  if (failed(safe))
    return failure();
  bool isSigned = !isUnsigned(node.in(0).element);
  return node.set(node.elementwise(
      {&node.in(0), &node.in(1)}, node.in(0).element,
      [&](OpBuilder &n, Location at, ValueRange x) -> Value {
        Value rest = divide<arith::RemSIOp, arith::RemUIOp>(n, at, x[0], x[1], isSigned, *safe);
        if (fmod || !isSigned)
          return rest;
        // The sign of the divisor, as in Python.
        Value zero = scalarConstant(n, at, rest.getType(), 0);
        Value differs = arith::CmpIOp::create(n, at, arith::CmpIPredicate::slt,
                                              arith::XOrIOp::create(n, at, rest, x[1]), zero);
        Value isRest = arith::CmpIOp::create(n, at, arith::CmpIPredicate::ne, rest, zero);
        Value moved = arith::AddIOp::create(n, at, rest, x[1]);
        return arith::SelectOp::create(n, at, arith::AndIOp::create(n, at, differs, isRest), moved,
                                       rest);
      }));
}

LogicalResult importPow(NodeImporter &node) {
  Operand &base = node.in(0);
  if (!node.expectFloat(0) || !node.expectNumber(1) || !node.expectBroadcast({0, 1}))
    return failure();
  if (node.opset < 12 && !node.expectSameType({0, 1}))
    return failure();
  if (bitsOf(node.in(1).element) > bitsOf(base.element) && !node.in(1).constant)
    return node.fail("an exponent of a wider type than the base is not supported");
  Operand exponent = node.convert(node.in(1), base.element);
  return node.set(node.elementwise({&base, &exponent}, base.element,
                                   [](OpBuilder &n, Location at, ValueRange x) -> Value {
                                     return math::PowFOp::create(n, at, x[0], x[1]);
                                   }));
}

/// Min and Max of any number of tensors.
template <typename FloatOp, typename SignedOp, typename UnsignedOp>
LogicalResult importExtremum(NodeImporter &node) {
  SmallVector<unsigned> all = llvm::to_vector(llvm::seq<unsigned>(0, node.inputCount()));
  for (unsigned i : all)
    if (!node.has(i))
      return node.fail("expected input " + Twine(i) + ", which is left out");
  if (!node.expectNumber(0) || !node.expectSameType(all) || !node.expectBroadcast(all))
    return failure();
  DataType element = node.in(0).element;
  Operand result = node.in(0);
  for (unsigned i : llvm::drop_begin(all))
    result = node.elementwise({&result, &node.in(i)}, element,
                              [&](OpBuilder &n, Location at, ValueRange x) -> Value {
                                if (isFloat(element))
                                  return FloatOp::create(n, at, x[0], x[1]);
                                if (isUnsigned(element))
                                  return UnsignedOp::create(n, at, x[0], x[1]);
                                return SignedOp::create(n, at, x[0], x[1]);
                              });
  return node.set(result);
}

/// Sum and Mean of any number of tensors.
template <bool isMean> LogicalResult importVariadicSum(NodeImporter &node) {
  SmallVector<unsigned> all = llvm::to_vector(llvm::seq<unsigned>(0, node.inputCount()));
  for (unsigned i : all)
    if (!node.has(i) || !node.expectFloat(i))
      return node.fail("expected input " + Twine(i) + ", which is left out");
  if (!node.expectSameType(all) || !node.expectBroadcast(all))
    return failure();
  DataType element = node.in(0).element;
  Operand result = node.in(0);
  for (unsigned i : llvm::drop_begin(all))
    result = node.elementwise({&result, &node.in(i)}, element,
                              [](OpBuilder &n, Location at, ValueRange x) -> Value {
                                return arith::AddFOp::create(n, at, x[0], x[1]);
                              });
  if (isMean && all.size() > 1) {
    Operand count = node.scalar(element, all.size());
    result = node.elementwise({&result, &count}, element,
                              [](OpBuilder &n, Location at, ValueRange x) -> Value {
                                return arith::DivFOp::create(n, at, x[0], x[1]);
                              });
  }
  return node.set(result);
}

LogicalResult importClip(NodeImporter &node) {
  if (!node.expectNumber(0))
    return failure();
  DataType element = node.in(0).element;
  std::optional<Operand> bounds[2];
  if (node.opset < 11) {
    if (!node.expectFloat(0))
      return failure();
    const char *const names[] = {"min", "max"};
    for (int i : {0, 1})
      if (const NodeAttribute *bound = node.attribute(names[i], NodeAttribute::Float))
        bounds[i] = node.scalar(element, bound->f);
  } else {
    for (unsigned i : {1u, 2u}) {
      if (!node.has(i))
        continue;
      if (!node.expectSameType({0, i}))
        return failure();
      if (node.in(i).size() != 1)
        return node.fail("expected a bound of one element, got " + describe(node.in(i)));
      bounds[i - 1] = node.reshape(node.in(i), {});
    }
  }
  SmallVector<Operand *> inputs{&node.in(0)};
  for (std::optional<Operand> &bound : bounds)
    if (bound)
      inputs.push_back(&*bound);
  if (inputs.size() == 1)
    return node.set(node.in(0));
  return node.set(
      node.elementwise(inputs, element, [&](OpBuilder &n, Location at, ValueRange x) -> Value {
        Value result = x[0];
        unsigned next = 1;
        if (bounds[0]) {
          Value low = x[next++];
          result = isFloat(element)      ? Value(arith::MaximumFOp::create(n, at, result, low))
                   : isUnsigned(element) ? Value(arith::MaxUIOp::create(n, at, result, low))
                                         : Value(arith::MaxSIOp::create(n, at, result, low));
        }
        if (bounds[1]) {
          Value high = x[next++];
          result = isFloat(element)      ? Value(arith::MinimumFOp::create(n, at, result, high))
                   : isUnsigned(element) ? Value(arith::MinUIOp::create(n, at, result, high))
                                         : Value(arith::MinSIOp::create(n, at, result, high));
        }
        return result;
      }));
}

LogicalResult importPRelu(NodeImporter &node) {
  if (!node.expectFloat(0) || !node.expectSameType({0, 1}) || !node.expectBroadcast({0, 1}))
    return failure();
  return node.set(node.elementwise({&node.in(0), &node.in(1)}, node.in(0).element,
                                   [](OpBuilder &n, Location at, ValueRange x) -> Value {
                                     Value zero = scalarConstant(n, at, x[0].getType(), 0);
                                     Value low = arith::CmpFOp::create(
                                         n, at, arith::CmpFPredicate::OLT, x[0], zero);
                                     Value scaled = arith::MulFOp::create(n, at, x[0], x[1]);
                                     return arith::SelectOp::create(n, at, low, scaled, x[0]);
                                   }));
}

template <arith::CmpFPredicate floats, arith::CmpIPredicate signedOnes,
          arith::CmpIPredicate unsignedOnes>
LogicalResult importCompare(NodeImporter &node) {
  bool isEqual = floats == arith::CmpFPredicate::OEQ;
  if ((!isEqual && !node.expectNumber(0)) || !node.expectSameType({0, 1}) ||
      !node.expectBroadcast({0, 1}))
    return failure();
  DataType element = node.in(0).element;
  return node.set(node.elementwise({&node.in(0), &node.in(1)}, DataType::Bool,
                                   [&](OpBuilder &n, Location at, ValueRange x) -> Value {
                                     if (isFloat(element))
                                       return arith::CmpFOp::create(n, at, floats, x[0], x[1]);
                                     return arith::CmpIOp::create(
                                         n, at, isUnsigned(element) ? unsignedOnes : signedOnes,
                                         x[0], x[1]);
                                   }));
}

template <typename OpTy> LogicalResult importLogic(NodeImporter &node) {
  for (unsigned i : {0u, 1u})
    if (!isBool(node.in(i).element))
      return node.fail("expected bool, got " + describe(node.in(i)));
  if (!node.expectBroadcast({0, 1}))
    return failure();
  return node.set(node.elementwise({&node.in(0), &node.in(1)}, DataType::Bool,
                                   [](OpBuilder &n, Location at, ValueRange x) -> Value {
                                     return OpTy::create(n, at, x[0], x[1]);
                                   }));
}

LogicalResult importWhere(NodeImporter &node) {
  if (!isBool(node.in(0).element))
    return node.fail("expected a condition of bool, got " + describe(node.in(0)));
  if (!node.expectSameType({1, 2}) || !node.expectBroadcast({0, 1, 2}))
    return failure();
  return node.set(node.elementwise({&node.in(0), &node.in(1), &node.in(2)}, node.in(1).element,
                                   [](OpBuilder &n, Location at, ValueRange x) -> Value {
                                     return arith::SelectOp::create(n, at, x[0], x[1], x[2]);
                                   }));
}

using F = arith::CmpFPredicate;
using I = arith::CmpIPredicate;

const Operator operators[] = {
    {"", "Add", 7, 2, 2, importArithmetic<arith::AddFOp, arith::AddIOp>, ""},
    {"", "And", 7, 2, 2, importLogic<arith::AndIOp>, ""},
    {"", "Clip", 1, 1, 3, importClip, ""},
    {"", "Div", 7, 2, 2, importDiv,
     "integers: division by a constant 0 is refused, by a 0 at run time yields "
     "the dividend"},
    {"", "Equal", 7, 2, 2, importCompare<F::OEQ, I::eq, I::eq>, ""},
    {"", "Greater", 7, 2, 2, importCompare<F::OGT, I::sgt, I::ugt>, ""},
    {"", "GreaterOrEqual", 12, 2, 2, importCompare<F::OGE, I::sge, I::uge>, ""},
    {"", "Less", 7, 2, 2, importCompare<F::OLT, I::slt, I::ult>, ""},
    {"", "LessOrEqual", 12, 2, 2, importCompare<F::OLE, I::sle, I::ule>, ""},
    {"", "Max", 6, 1, kAnyNumber, importExtremum<arith::MaximumFOp, arith::MaxSIOp, arith::MaxUIOp>,
     ""},
    {"", "Mean", 6, 1, kAnyNumber, importVariadicSum<true>, ""},
    {"", "Min", 6, 1, kAnyNumber, importExtremum<arith::MinimumFOp, arith::MinSIOp, arith::MinUIOp>,
     ""},
    {"", "Mod", 10, 2, 2, importMod, "division by 0 as Div"},
    {"", "Mul", 7, 2, 2, importArithmetic<arith::MulFOp, arith::MulIOp>, ""},
    {"", "Or", 7, 2, 2, importLogic<arith::OrIOp>, ""},
    {"", "PRelu", 7, 2, 2, importPRelu, "floating point"},
    {"", "Pow", 7, 2, 2, importPow,
     "a floating-point base; an exponent of a wider type only if known"},
    {"", "Sub", 7, 2, 2, importArithmetic<arith::SubFOp, arith::SubIOp>, ""},
    {"", "Sum", 6, 1, kAnyNumber, importVariadicSum<false>, ""},
    {"", "Where", 9, 3, 3, importWhere, ""},
    {"", "Xor", 7, 2, 2, importLogic<arith::XOrIOp>, ""},
};

} // namespace

llvm::ArrayRef<Operator> tercet::onnx::binaryOperators() { return operators; }

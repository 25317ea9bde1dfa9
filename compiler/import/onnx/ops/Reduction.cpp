// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators that fold dimensions away. Each is one linalg.generic over the
// element and its accumulator, then what finishes the result (division, root),
// then a reshape where the dimensions are kept with size 1.

#include "compiler/import/onnx/OperatorTable.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <limits>

using namespace mlir;
using namespace tercet::onnx;
using mlir::utils::IteratorType;

namespace {

enum class Kind { Sum, Mean, Max, Min, Prod, L1, L2, SumSquare, LogSum, LogSumExp };

Value addScalars(OpBuilder &n, Location at, Value a, Value c) {
  if (isa<FloatType>(a.getType()))
    return arith::AddFOp::create(n, at, a, c);
  return arith::AddIOp::create(n, at, a, c);
}
Value multiplyScalars(OpBuilder &n, Location at, Value a, Value c) {
  if (isa<FloatType>(a.getType()))
    return arith::MulFOp::create(n, at, a, c);
  return arith::MulIOp::create(n, at, a, c);
}

Value combine(OpBuilder &n, Location at, Kind kind, DataType element, Value x, Value sum) {
  bool isFloating = isFloat(element), isSigned = !isUnsigned(element);
  switch (kind) {
  case Kind::Sum:
  case Kind::Mean:
  case Kind::LogSum:
  case Kind::LogSumExp:
    return addScalars(n, at, x, sum);
  case Kind::Prod:
    return multiplyScalars(n, at, x, sum);
  case Kind::SumSquare:
  case Kind::L2:
    return addScalars(n, at, multiplyScalars(n, at, x, x), sum);
  case Kind::L1:
    if (isFloating)
      x = math::AbsFOp::create(n, at, x);
    else if (isSigned)
      x = math::AbsIOp::create(n, at, x);
    return addScalars(n, at, x, sum);
  case Kind::Max:
    return isFloating ? Value(arith::MaximumFOp::create(n, at, x, sum))
           : isSigned ? Value(arith::MaxSIOp::create(n, at, x, sum))
                      : Value(arith::MaxUIOp::create(n, at, x, sum));
  case Kind::Min:
    return isFloating ? Value(arith::MinimumFOp::create(n, at, x, sum))
           : isSigned ? Value(arith::MinSIOp::create(n, at, x, sum))
                      : Value(arith::MinUIOp::create(n, at, x, sum));
  }
  llvm_unreachable("all kinds are handled");
}

/// What the accumulator starts from.
Scalar identityOf(Kind kind, DataType element) {
  Scalar value{0};
  if (isFloat(element)) {
    double infinity = std::numeric_limits<double>::infinity();
    value.d = kind == Kind::Prod  ? 1
              : kind == Kind::Max ? -infinity
              : kind == Kind::Min ? infinity
                                  : 0;
    return value;
  }
  unsigned bits = bitsOf(element);
  bool isSigned = !isUnsigned(element);
  if (kind == Kind::Prod)
    value.i = 1;
  if (kind == Kind::Max && isSigned)
    value.i = APInt::getSignedMinValue(bits).getSExtValue();
  if (kind == Kind::Min)
    value.i = isSigned ? APInt::getSignedMaxValue(bits).getSExtValue()
                       : wrapTo(element, APInt::getMaxValue(bits).getSExtValue());
  return value;
}

/// The axes: an attribute in old operator sets, an input in new ones, and all
/// of them if there are none. `noop` is set where then nothing is reduced.
std::optional<SmallVector<int64_t>> findAxes(NodeImporter &node, int64_t inputSince, bool &noop) {
  Operand &input = node.in(0);
  std::optional<SmallVector<int64_t>> axes;
  noop = false;
  if (node.opset < inputSince) {
    axes = node.findInts("axes");
    if (node.inputCount() > 1)
      (void)node.fail("expected attribute 'axes' rather than an input before opset " +
                      Twine(inputSince));
  } else {
    noop = node.getInt("noop_with_empty_axes", 0);
    if (node.has(1))
      axes = node.knownInts(1, "axes");
  }
  if (node.failed())
    return std::nullopt;
  if (axes && !axes->empty()) {
    noop = false;
    return node.normalizeAxes(*axes, input.rank());
  }
  return llvm::to_vector(llvm::seq<int64_t>(0, input.rank()));
}

template <Kind kind, int64_t inputSince> LogicalResult importReduce(NodeImporter &node) {
  bool noop, keepDims = node.getInt("keepdims", 1);
  std::optional<SmallVector<int64_t>> axes = findAxes(node, inputSince, noop);
  if (!axes)
    return failure();
  Operand &input = node.in(0);
  if (isBool(input.element) && kind != Kind::Max && kind != Kind::Min)
    return node.fail("expected numbers, got " + describe(input));
  bool needsFloat =
      kind == Kind::L2 || kind == Kind::LogSum || kind == Kind::LogSumExp || kind == Kind::Mean;
  if (needsFloat && !node.expectFloat(0))
    return failure();
  if (noop) {
    if (kind != Kind::Sum && kind != Kind::Mean && kind != Kind::Max && kind != Kind::Min &&
        kind != Kind::Prod)
      return node.fail("noop_with_empty_axes is supported for sums, means, "
                       "products and extrema");
    return node.set(input);
  }
  int64_t count = 1;
  for (int64_t axis : *axes)
    count *= input.shape[axis];
  if (count == 0 && (kind == Kind::Max || kind == Kind::Min || kind == Kind::Mean))
    return node.fail("a reduction of no elements has no value: " + describe(input));

  DataType element = input.element;
  auto reduceWith = [&](Operand &from, Kind how, bool keep, ScalarBody finish) {
    return node.reduce(
        from, *axes, keep, identityOf(how, element),
        [&](OpBuilder &n, Location at, ValueRange x) {
          return combine(n, at, how, element, x[0], x[1]);
        },
        finish);
  };
  if (kind == Kind::LogSumExp) {
    // Relative to the maximum, or to 0 where that is infinite.
    Operand top =
        reduceWith(input, Kind::Max, true, [](OpBuilder &n, Location at, ValueRange x) -> Value {
          Value magnitude = math::AbsFOp::create(n, at, x[0]);
          Type type = x[0].getType();
          Value isInfinite = arith::CmpFOp::create(
              n, at, arith::CmpFPredicate::OEQ, magnitude,
              scalarConstant(n, at, type, std::numeric_limits<double>::infinity()));
          return arith::SelectOp::create(n, at, isInfinite, scalarConstant(n, at, type, 0), x[0]);
        });
    Operand power = node.elementwise(
        {&input, &top}, element, [](OpBuilder &n, Location at, ValueRange x) -> Value {
          return math::ExpOp::create(n, at, arith::SubFOp::create(n, at, x[0], x[1]));
        });
    Operand sum = reduceWith(power, Kind::Sum, true, nullptr);
    Operand result = node.elementwise(
        {&sum, &top}, element, [](OpBuilder &n, Location at, ValueRange x) -> Value {
          return arith::AddFOp::create(n, at, math::LogOp::create(n, at, x[0]), x[1]);
        });
    SmallVector<int64_t> shape;
    for (int64_t dim = 0; dim < input.rank(); ++dim)
      if (keepDims || !llvm::is_contained(*axes, dim))
        shape.push_back(result.shape[dim]);
    return node.set(node.reshape(result, shape));
  }
  auto finish = [&](OpBuilder &n, Location at, ValueRange x) -> Value {
    if (kind == Kind::L2)
      return math::SqrtOp::create(n, at, x[0]);
    if (kind == Kind::LogSum)
      return math::LogOp::create(n, at, x[0]);
    return arith::DivFOp::create(n, at, x[0], scalarConstant(n, at, x[0].getType(), count));
  };
  bool finishes = kind == Kind::L2 || kind == Kind::LogSum || kind == Kind::Mean;
  return node.set(reduceWith(input, kind, keepDims, finishes ? ScalarBody(finish) : ScalarBody()));
}

/// One generic with two results, the best value and its index.
template <bool isMax> LogicalResult importArg(NodeImporter &node) {
  Operand &input = node.in(0);
  bool keepDims = node.getInt("keepdims", 1);
  bool last = node.opset >= 12 && node.getInt("select_last_index", 0);
  std::optional<int64_t> axis = node.normalizeAxis(node.getInt("axis", 0), input.rank());
  if (!axis || !node.expectFloat(0))
    return failure();
  if (input.shape[*axis] == 0)
    return node.fail("a reduction of no elements has no value: " + describe(input));
  SmallVector<int64_t> kept, shape(input.shape);
  SmallVector<AffineExpr> exprs;
  SmallVector<IteratorType> loops(input.rank(), IteratorType::parallel);
  loops[*axis] = IteratorType::reduction;
  shape[*axis] = 1;
  for (int64_t dim = 0; dim < input.rank(); ++dim)
    if (dim != *axis) {
      kept.push_back(input.shape[dim]);
      exprs.push_back(node.b.getAffineDimExpr(dim));
    }
  AffineMap all = node.b.getMultiDimIdentityMap(input.rank());
  AffineMap row = AffineMap::get(input.rank(), 0, exprs, node.b.getContext());
  Value best =
      node.fill(input.element, kept, identityOf(isMax ? Kind::Max : Kind::Min, input.element));
  Value index = node.fill(DataType::Int64, kept, Scalar{0});
  Value source = node.materialize(input);
  auto op = linalg::GenericOp::create(
      node.b, node.loc, TypeRange{best.getType(), index.getType()}, ValueRange{source},
      ValueRange{best, index}, ArrayRef<AffineMap>{all, row, row}, loops,
      [&](OpBuilder &n, Location at, ValueRange x) {
        Value position = arith::IndexCastOp::create(n, at, n.getI64Type(),
                                                    linalg::IndexOp::create(n, at, *axis));
        using P = arith::CmpFPredicate;
        P better = isMax ? (last ? P::OGE : P::OGT) : (last ? P::OLE : P::OLT);
        Value wins = arith::CmpFOp::create(n, at, better, x[0], x[1]);
        Value newBest = arith::SelectOp::create(n, at, wins, x[0], x[1]);
        Value newIndex = arith::SelectOp::create(n, at, wins, position, x[2]);
        linalg::YieldOp::create(n, at, ValueRange{newBest, newIndex});
      });
  Value result = node.reshapeValue(op.getResult(1), keepDims ? shape : kept);
  return node.set(node.ofValue(result, DataType::Int64));
}

const Operator operators[] = {
    {"", "ArgMax", 1, 1, 1, importArg<true>, "floating point"},
    {"", "ArgMin", 1, 1, 1, importArg<false>, "floating point"},
    {"", "ReduceL1", 1, 1, 2, importReduce<Kind::L1, 18>, "axes known at compile time"},
    {"", "ReduceL2", 1, 1, 2, importReduce<Kind::L2, 18>,
     "floating point; axes known at compile time"},
    {"", "ReduceLogSum", 1, 1, 2, importReduce<Kind::LogSum, 18>,
     "floating point; axes known at compile time"},
    {"", "ReduceLogSumExp", 1, 1, 2, importReduce<Kind::LogSumExp, 18>,
     "floating point; axes known at compile time"},
    {"", "ReduceMax", 1, 1, 2, importReduce<Kind::Max, 18>, "axes known at compile time"},
    {"", "ReduceMean", 1, 1, 2, importReduce<Kind::Mean, 18>,
     "floating point; axes known at compile time"},
    {"", "ReduceMin", 1, 1, 2, importReduce<Kind::Min, 18>, "axes known at compile time"},
    {"", "ReduceProd", 1, 1, 2, importReduce<Kind::Prod, 18>, "axes known at compile time"},
    {"", "ReduceSum", 1, 1, 2, importReduce<Kind::Sum, 13>, "axes known at compile time"},
    {"", "ReduceSumSquare", 1, 1, 2, importReduce<Kind::SumSquare, 18>,
     "axes known at compile time"},
};

} // namespace

llvm::ArrayRef<Operator> tercet::onnx::reductionOperators() { return operators; }

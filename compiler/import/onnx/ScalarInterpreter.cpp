// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// arith and math on one element. Floats are computed in double and rounded to
// their type after every operation, which for + - * / and sqrt is the correctly
// rounded result of that type.

#include "compiler/import/onnx/ScalarInterpreter.h"

#include "compiler/weights/Angles.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Block.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace tercet::onnx;

ScalarInterpreter::ScalarInterpreter(MLIRContext *context, ArrayRef<Type> arguments,
                                     ScalarBody body)
    : block(std::make_unique<Block>()) {
  Location loc = UnknownLoc::get(context);
  for (Type type : arguments)
    block->addArgument(type, loc);
  OpBuilder builder(context);
  builder.setInsertionPointToEnd(block.get());
  Value result = body(builder, loc, block->getArguments());

  llvm::DenseMap<Value, unsigned> slotOf;
  for (Value argument : block->getArguments())
    slotOf[argument] = slotOf.size();
  for (Operation &op : *block) {
    Step &step = steps.emplace_back();
    step.op = &op;
    for (Value operand : op.getOperands())
      step.operands.push_back(slotOf.lookup(operand));
    for (Value value : op.getResults())
      slotOf[value] = slotOf.size();
  }
  resultSlot = slotOf.lookup(result);
  slots.resize(slotOf.size());
}

ScalarInterpreter::~ScalarInterpreter() {
  // Users before what they use.
  while (!block->empty())
    block->back().erase();
}

std::optional<Scalar> ScalarInterpreter::run(ArrayRef<Scalar> arguments) {
  std::copy(arguments.begin(), arguments.end(), slots.begin());
  unsigned next = arguments.size();
  SmallVector<Scalar, 4> operands;
  for (Step &step : steps) {
    operands.clear();
    for (unsigned slot : step.operands)
      operands.push_back(slots[slot]);
    std::optional<Scalar> value = evaluate(step.op, operands);
    if (!value)
      return std::nullopt;
    slots[next++] = *value;
  }
  return slots[resultSlot];
}

static unsigned widthOf(Type type) { return type.getIntOrFloatBitWidth(); }

static int64_t signExtend(Type type, int64_t value) {
  return llvm::SignExtend64(static_cast<uint64_t>(value), widthOf(type));
}
static uint64_t zeroExtend(Type type, int64_t value) {
  return widthOf(type) == 64 ? static_cast<uint64_t>(value)
                             : static_cast<uint64_t>(value) & ((uint64_t(1) << widthOf(type)) - 1);
}

static double roundToType(Type type, double value) {
  if (type.isF32())
    return static_cast<float>(value);
  if (type.isF16())
    return roundTo(DataType::Float16, value);
  if (type.isBF16())
    return roundTo(DataType::BFloat16, value);
  return value;
}

static bool compareFloat(arith::CmpFPredicate predicate, double a, double b) {
  bool unordered = std::isnan(a) || std::isnan(b);
  switch (predicate) {
  case arith::CmpFPredicate::OEQ:
    return !unordered && a == b;
  case arith::CmpFPredicate::OGT:
    return !unordered && a > b;
  case arith::CmpFPredicate::OGE:
    return !unordered && a >= b;
  case arith::CmpFPredicate::OLT:
    return !unordered && a < b;
  case arith::CmpFPredicate::OLE:
    return !unordered && a <= b;
  case arith::CmpFPredicate::UNE:
    return unordered || a != b;
  case arith::CmpFPredicate::UNO:
    return unordered;
  default:
    return false; // no body of the importer has another
  }
}

static double maximum(double a, double b) {
  if (std::isnan(a) || std::isnan(b))
    return std::nan("");
  if (a == 0 && b == 0)
    return std::signbit(a) ? b : a;
  return std::max(a, b);
}

static double binaryFloat(Operation *op, double a, double b, bool &known) {
  known = true;
  if (isa<arith::AddFOp>(op))
    return a + b;
  if (isa<arith::SubFOp>(op))
    return a - b;
  if (isa<arith::MulFOp>(op))
    return a * b;
  if (isa<arith::DivFOp>(op))
    return a / b;
  if (isa<arith::RemFOp>(op))
    return std::fmod(a, b);
  if (isa<arith::MaximumFOp>(op))
    return maximum(a, b);
  if (isa<arith::MinimumFOp>(op))
    return -maximum(-a, -b);
  if (isa<math::PowFOp>(op))
    return std::pow(a, b);
  known = false;
  return 0;
}

/// The same on every machine, for all angles but those that no position has.
static double angle(double x, double (*own)(double), double (*library)(double)) {
  double value = own(x);
  return std::isnan(value) ? library(x) : value;
}

static double unaryFloat(Operation *op, double x, bool &known) {
  known = true;
  return TypeSwitch<Operation *, double>(op)
      .Case<arith::NegFOp>([&](auto) { return -x; })
      .Case<arith::ExtFOp, arith::TruncFOp>([&](auto) { return x; })
      .Case<math::AbsFOp>([&](auto) { return std::fabs(x); })
      .Case<math::SqrtOp>([&](auto) { return std::sqrt(x); })
      .Case<math::ExpOp>([&](auto) { return std::exp(x); })
      .Case<math::LogOp>([&](auto) { return std::log(x); })
      .Case<math::Log1pOp>([&](auto) { return std::log1p(x); })
      .Case<math::ErfOp>([&](auto) { return std::erf(x); })
      .Case<math::TanhOp>([&](auto) { return std::tanh(x); })
      .Case<math::SinOp>([&](auto) { return angle(x, tercet::sineOf, std::sin); })
      .Case<math::CosOp>([&](auto) { return angle(x, tercet::cosineOf, std::cos); })
      .Case<math::FloorOp>([&](auto) { return std::floor(x); })
      .Case<math::CeilOp>([&](auto) { return std::ceil(x); })
      .Case<math::RoundEvenOp>([&](auto) { return std::nearbyint(x); })
      .Default([&](Operation *) {
        known = false;
        return 0.0;
      });
}

/// Signed and unsigned operations; none if the result would be undefined.
static std::optional<int64_t> binaryInteger(Operation *op, Type type, int64_t left, int64_t right) {
  int64_t a = signExtend(type, left), b = signExtend(type, right);
  uint64_t ua = zeroExtend(type, left), ub = zeroExtend(type, right);
  using Result = std::optional<int64_t>;
  return TypeSwitch<Operation *, Result>(op)
      .Case<arith::AddIOp>([&](auto) { return Result(ua + ub); })
      .Case<arith::SubIOp>([&](auto) { return Result(ua - ub); })
      .Case<arith::MulIOp>([&](auto) { return Result(ua * ub); })
      .Case<arith::DivSIOp>([&](auto) {
        return b == 0 ? Result() : b == -1 ? Result(0 - ua) : Result(a / b);
      })
      .Case<arith::RemSIOp>([&](auto) {
        return b == 0 ? Result() : b == -1 ? Result(0) : Result(a % b);
      })
      .Case<arith::DivUIOp>([&](auto) { return ub == 0 ? Result() : Result(ua / ub); })
      .Case<arith::RemUIOp>([&](auto) { return ub == 0 ? Result() : Result(ua % ub); })
      .Case<arith::AndIOp>([&](auto) { return Result(ua & ub); })
      .Case<arith::OrIOp>([&](auto) { return Result(ua | ub); })
      .Case<arith::XOrIOp>([&](auto) { return Result(ua ^ ub); })
      .Case<arith::MaxSIOp>([&](auto) { return Result(std::max(a, b)); })
      .Case<arith::MinSIOp>([&](auto) { return Result(std::min(a, b)); })
      .Case<arith::MaxUIOp>([&](auto) { return Result(std::max(ua, ub)); })
      .Case<arith::MinUIOp>([&](auto) { return Result(std::min(ua, ub)); })
      .Default([](Operation *) { return Result(); });
}

std::optional<Scalar> ScalarInterpreter::evaluate(Operation *op, ArrayRef<Scalar> x) {
  Type type = op->getResult(0).getType();
  Scalar result{0};
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    if (auto number = dyn_cast<FloatAttr>(constant.getValue()))
      result.d = number.getValueAsDouble();
    else if (auto integer = dyn_cast<IntegerAttr>(constant.getValue()))
      result.i = integer.getValue().getSExtValue();
    else
      return std::nullopt;
    return result;
  }
  Type from = op->getOperand(0).getType();
  if (auto compare = dyn_cast<arith::CmpFOp>(op)) {
    result.i = compareFloat(compare.getPredicate(), x[0].d, x[1].d);
    return result;
  }
  if (auto compare = dyn_cast<arith::CmpIOp>(op)) {
    // Extended according to the predicate, so that 64-bit comparison is right.
    auto predicate = compare.getPredicate();
    bool isUnsignedOrEquality =
        predicate < arith::CmpIPredicate::slt || predicate > arith::CmpIPredicate::sge;
    auto extend = [&](int64_t v) -> uint64_t {
      return isUnsignedOrEquality ? zeroExtend(from, v)
                                  : static_cast<uint64_t>(signExtend(from, v));
    };
    result.i =
        arith::applyCmpPredicate(predicate, APInt(64, extend(x[0].i)), APInt(64, extend(x[1].i)));
    return result;
  }
  if (isa<arith::SelectOp>(op))
    return (x[0].i & 1) ? x[1] : x[2];
  if (isa<arith::SIToFPOp>(op)) {
    // Directly to float: through double a 64-bit integer would be rounded
    // twice.
    int64_t value = signExtend(from, x[0].i);
    result.d =
        type.isF32() ? static_cast<float>(value) : roundToType(type, static_cast<double>(value));
    return result;
  }
  if (isa<arith::UIToFPOp>(op)) {
    uint64_t value = zeroExtend(from, x[0].i);
    result.d =
        type.isF32() ? static_cast<float>(value) : roundToType(type, static_cast<double>(value));
    return result;
  }
  if (isa<arith::FPToSIOp, arith::FPToUIOp>(op)) {
    // Out of range the value is not used: bodies select another one.
    double value = std::trunc(x[0].d);
    bool isSigned = isa<arith::FPToSIOp>(op);
    if (value >= -0x1p63 && value < 0x1p63)
      result.i = static_cast<int64_t>(value);
    else if (!isSigned && value >= 0 && value < 0x1p64)
      result.i = static_cast<int64_t>(static_cast<uint64_t>(value));
    return result;
  }
  if (isa<arith::TruncIOp>(op)) {
    result.i = signExtend(type, x[0].i);
    return result;
  }
  if (isa<arith::ExtSIOp>(op)) {
    result.i = signExtend(from, x[0].i);
    return result;
  }
  if (isa<arith::ExtUIOp>(op)) {
    result.i = static_cast<int64_t>(zeroExtend(from, x[0].i));
    return result;
  }
  if (isa<math::AbsIOp>(op)) {
    int64_t value = signExtend(from, x[0].i);
    result.i = value < 0 ? static_cast<int64_t>(0 - static_cast<uint64_t>(value)) : value;
    return result;
  }
  if (isa<FloatType>(type)) {
    bool known = false;
    double value = op->getNumOperands() == 2 ? binaryFloat(op, x[0].d, x[1].d, known)
                                             : unaryFloat(op, x[0].d, known);
    if (!known)
      return std::nullopt;
    result.d = roundToType(type, value);
    return result;
  }
  if (op->getNumOperands() == 2) {
    std::optional<int64_t> value = binaryInteger(op, from, x[0].i, x[1].i);
    if (!value)
      return std::nullopt;
    result.i = *value;
    return result;
  }
  return std::nullopt;
}

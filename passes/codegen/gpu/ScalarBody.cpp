// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Clones a body operation by operation. What is not arithmetic on floats sees
// the types that it was written with.

#include "passes/codegen/gpu/ScalarBody.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace tercet::codegen;

static bool isNarrow(Type type) { return isa<FloatType>(type) && computeTypeOf(type) != type; }

Type tercet::codegen::computeTypeOf(Type element) {
  bool narrow = isa<FloatType>(element) && element.getIntOrFloatBitWidth() < 32;
  return narrow ? Type(Float32Type::get(element.getContext())) : element;
}

Value tercet::codegen::widen(TileBuilder &b, Value value) {
  Type wide = computeTypeOf(value.getType());
  return wide == value.getType() ? value : arith::ExtFOp::create(b, wide, value).getResult();
}

Value tercet::codegen::narrow(TileBuilder &b, Value value, Type element) {
  if (value.getType() == element)
    return value;
  // What was only loaded is stored as it was.
  if (auto extension = value.getDefiningOp<arith::ExtFOp>())
    if (extension.getIn().getType() == element)
      return extension.getIn();
  return arith::TruncFOp::create(b, element, value);
}

/// Operations that mean the same on wider floats.
static bool isArithmetic(Operation &op) {
  return isa<arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::DivFOp, arith::RemFOp,
             arith::NegFOp, arith::MaximumFOp, arith::MinimumFOp, arith::MaxNumFOp,
             arith::MinNumFOp, arith::CmpFOp, arith::SelectOp>(op) ||
         isa<math::MathDialect>(op.getDialect());
}

namespace {

class BodyClone {
public:
  BodyClone(TileBuilder &b, IRMapping &values) : b(b), values(values) {}

  /// The value in the type that it is computed in.
  Value lookup(Value value) {
    Value known = values.lookupOrNull(value);
    return widen(b, known ? known : value);
  }

  void clone(Operation &op) {
    if (auto constant = dyn_cast<arith::ConstantOp>(op); constant && isNarrow(constant.getType()))
      return cloneConstant(constant);
    if (auto extension = dyn_cast<arith::ExtFOp>(op)) {
      Value value = lookup(extension.getIn());
      if (Type type = computeTypeOf(extension.getType()); type != value.getType())
        value = arith::ExtFOp::create(b, type, value);
      return values.map(extension.getResult(), value);
    }
    if (auto truncation = dyn_cast<arith::TruncFOp>(op)) {
      Value rounded = narrow(b, lookup(truncation.getIn()), truncation.getType());
      return values.map(truncation.getResult(), widen(b, rounded));
    }
    bool narrowTypes =
        llvm::any_of(op.getOperandTypes(), isNarrow) || llvm::any_of(op.getResultTypes(), isNarrow);
    if (narrowTypes && isArithmetic(op))
      return cloneWide(op);
    cloneAsItIs(op);
  }

private:
  void cloneConstant(arith::ConstantOp op) {
    APFloat value = cast<FloatAttr>(op.getValue()).getValue();
    Type type = computeTypeOf(op.getType());
    bool loses;
    value.convert(cast<FloatType>(type).getFloatSemantics(), APFloat::rmNearestTiesToEven, &loses);
    values.map(op.getResult(), arith::ConstantOp::create(b, b.getFloatAttr(type, value)));
  }

  void cloneWide(Operation &op) {
    OperationState state(op.getLoc(), op.getName());
    for (Value operand : op.getOperands())
      state.operands.push_back(lookup(operand));
    for (Type type : op.getResultTypes())
      state.types.push_back(computeTypeOf(type));
    state.attributes = op.getDiscardableAttrDictionary();
    state.propertiesAttr = op.getPropertiesAsAttribute();
    values.map(op.getResults(), b.create(state)->getResults());
  }

  void cloneAsItIs(Operation &op) {
    IRMapping mapping(values);
    op.walk([&](Operation *inner) {
      for (Value operand : inner->getOperands())
        if (Value known = values.lookupOrNull(operand))
          mapping.map(operand, narrow(b, known, operand.getType()));
    });
    Operation *copy = b.clone(op, mapping);
    for (auto [result, value] : llvm::zip_equal(op.getResults(), copy->getResults()))
      values.map(result, widen(b, value));
  }

  TileBuilder &b;
  IRMapping &values;
};

} // namespace

SmallVector<Value> tercet::codegen::computeBody(TileBuilder &b, Block &body,
                                                ArrayRef<Value> arguments,
                                                llvm::function_ref<Value(int64_t)> indexOf) {
  IRMapping values;
  BodyClone clone(b, values);
  for (auto [argument, value] : llvm::zip_equal(body.getArguments(), arguments))
    if (value)
      values.map(argument, widen(b, value));
  for (Operation &op : body.without_terminator()) {
    if (auto index = dyn_cast<linalg::IndexOp>(op))
      values.map(index.getResult(), indexOf(index.getDim()));
    else
      clone.clone(op);
  }
  return llvm::map_to_vector(body.getTerminator()->getOperands(),
                             [&](Value value) { return clone.lookup(value); });
}

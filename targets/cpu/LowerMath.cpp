// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Replaces what would become a call of the C library: math functions, and
// conversions of narrow floats on targets without instructions for them.

#include "targets/cpu/FloatRemainder.h"
#include "targets/cpu/MathFunctions.h"
#include "targets/cpu/NarrowFloats.h"
#include "targets/cpu/Passes.h"
#include "targets/cpu/VectorUnit.h"

#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace tercet::cpu {
#define GEN_PASS_DEF_LOWERMATHPASS
#include "targets/cpu/Passes.h.inc"
} // namespace tercet::cpu

using namespace mlir;
using namespace tercet;
using namespace tercet::cpu;

namespace {

Type withElement(Type type, Type element) {
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.clone(element);
  return element;
}

/// x to a small constant power, by multiplication.
Value expandPower(ImplicitLocOpBuilder &b, Value x, int64_t power) {
  Value result, square = x;
  for (int64_t left = std::abs(power); left > 0; left /= 2) {
    if (left % 2)
      result = result ? arith::MulFOp::create(b, result, square).getResult() : square;
    if (left > 1)
      square = arith::MulFOp::create(b, square, square);
  }
  if (power > 0)
    return result;
  FloatAttr one = b.getFloatAttr(getElementTypeOrSelf(x.getType()), 1.0);
  Value ones = arith::ConstantOp::create(b, one);
  if (auto vector = dyn_cast<VectorType>(x.getType()))
    ones = arith::ConstantOp::create(b, DenseElementsAttr::get(vector, one));
  return power == 0 ? ones : arith::DivFOp::create(b, ones, result).getResult();
}

/// The value that a constant, a splat or a broadcast of one has.
std::optional<double> constantOf(Value value) {
  if (auto broadcast = value.getDefiningOp<vector::BroadcastOp>())
    value = broadcast.getSource();
  Attribute attr;
  if (!matchPattern(value, m_Constant(&attr)))
    return std::nullopt;
  if (auto splat = dyn_cast<SplatElementsAttr>(attr))
    attr = splat.getSplatValue<Attribute>();
  if (auto number = dyn_cast<FloatAttr>(attr))
    return number.getValueAsDouble();
  if (auto number = dyn_cast<IntegerAttr>(attr))
    return static_cast<double>(number.getInt());
  return std::nullopt;
}

struct LowerMathPass : cpu::impl::LowerMathPassBase<LowerMathPass> {
  void runOnOperation() override {
    soc::KernelOp kernel = getOperation();
    if (!isCpuKernel(kernel))
      return;
    FailureOr<soc::CpuAttr> engine = lookupCpu(kernel);
    if (failed(engine))
      return signalPassFailure();
    SmallVector<Operation *> ops;
    kernel.walk([&](Operation *op) {
      if (isMathFunction(op) || isa<math::FPowIOp, arith::RemFOp>(op))
        ops.push_back(op);
    });
    for (Operation *op : ops)
      if (failed(expand(op)))
        return signalPassFailure();

    RewritePatternSet patterns(&getContext());
    arith::populateCeilFloorDivExpandOpsPatterns(patterns);
    if (failed(applyPatternsGreedily(kernel, std::move(patterns))) ||
        failed(emulateNarrowFloats(kernel, *engine)))
      return signalPassFailure();
  }

  LogicalResult expand(Operation *op) {
    ImplicitLocOpBuilder b(op->getLoc(), op);
    Type type = op->getResult(0).getType(), element = getElementTypeOrSelf(type);
    if (element.isF64())
      return op->emitOpError() << "f64 is not supported by the CPU target; "
                                  "expected f32, f16 or bf16";
    if (isa<math::PowFOp, math::FPowIOp>(op)) {
      std::optional<double> power = constantOf(op->getOperand(1));
      if (power && *power == std::trunc(*power) && std::abs(*power) <= 8) {
        Value x = inF32(b, op->getOperand(0));
        return replace(b, op, expandPower(b, x, static_cast<int64_t>(*power)));
      }
    }
    SmallVector<Value> operands;
    for (Value operand : op->getOperands()) {
      if (getElementTypeOrSelf(operand.getType()).isInteger())
        operand =
            arith::SIToFPOp::create(b, withElement(operand.getType(), b.getF32Type()), operand);
      operands.push_back(inF32(b, operand));
    }
    if (isa<arith::RemFOp>(op))
      return replace(b, op, expandRemainder(b, operands[0], operands[1]));
    if (isa<math::FPowIOp>(op)) {
      auto power = math::PowFOp::create(b, operands[0], operands[1]);
      Value result = expandMathFunction(b, power, operands);
      power.erase();
      return replace(b, op, result);
    }
    return replace(b, op, expandMathFunction(b, op, operands));
  }

  static Value inF32(ImplicitLocOpBuilder &b, Value value) {
    Type wide = withElement(value.getType(), b.getF32Type());
    return value.getType() == wide ? value : arith::ExtFOp::create(b, wide, value).getResult();
  }

  static LogicalResult replace(ImplicitLocOpBuilder &b, Operation *op, Value result) {
    Type type = op->getResult(0).getType();
    if (result.getType() != type)
      result = arith::TruncFOp::create(b, type, result);
    op->getResult(0).replaceAllUsesWith(result);
    op->erase();
    return success();
  }
};

} // namespace

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Upstream's polynomials, and patterns of our own where the GPU has an
// instruction that is exact enough.

#include "targets/cuda/Passes.h"

#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

#include "llvm/Support/MathExtras.h"

namespace tercet::cuda {
#define GEN_PASS_DEF_LOWERMATHPASS
#include "targets/cuda/Passes.h.inc"
} // namespace tercet::cuda

using namespace mlir;
using namespace tercet;

namespace {

/// What LLVM's back end selects an instruction for.
bool hasInstruction(Operation *op) {
  return isa<math::AbsFOp, math::AbsIOp, math::CeilOp, math::CopySignOp, math::CountLeadingZerosOp,
             math::CountTrailingZerosOp, math::CtPopOp, math::FloorOp, math::FmaOp, math::RoundOp,
             math::RoundEvenOp, math::SqrtOp, math::TruncOp, math::IsNaNOp, math::IsInfOp,
             math::IsFiniteOp, math::IsNormalOp>(op);
}

bool isOurs(StringRef name) {
  return name == math::ExpOp::getOperationName() || name == math::Exp2Op::getOperationName() ||
         name == math::RsqrtOp::getOperationName();
}

/// Lets `compute` make the result of each element of the operand.
Value forElements(OpBuilder &b, Location loc, Value operand,
                  llvm::function_ref<Value(Value)> compute) {
  auto type = dyn_cast<VectorType>(operand.getType());
  if (!type)
    return compute(operand);
  Value result = operand;
  for (int64_t i = 0; i < type.getNumElements(); ++i) {
    Value element = vector::ExtractOp::create(b, loc, operand, i);
    result = vector::InsertOp::create(b, loc, compute(element), result, i);
  }
  return result;
}

Value callIntrinsic(OpBuilder &b, Location loc, StringRef name, Value operand) {
  return LLVM::CallIntrinsicOp::create(b, loc, operand.getType(), b.getStringAttr(name),
                                       ValueRange{operand})
      .getResult(0);
}

/// f(x) = intrinsic(scale * x), in f32.
template <typename Op> struct UseInstruction : OpRewritePattern<Op> {
  UseInstruction(MLIRContext *context, StringRef intrinsic, double scale)
      : OpRewritePattern<Op>(context), intrinsic(intrinsic), scale(scale) {}

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    auto type = dyn_cast<VectorType>(op.getType());
    if (!getElementTypeOrSelf(op.getType()).isF32() || (type && type.getRank() != 1))
      return rewriter.notifyMatchFailure(op, "is neither f32 nor a vector of it");
    Location loc = op.getLoc();
    Value operand = op.getOperand();
    if (scale != 1) {
      auto value = rewriter.getFloatAttr(rewriter.getF32Type(), APFloat(static_cast<float>(scale)));
      TypedAttr factor = value;
      if (type)
        factor = DenseElementsAttr::get(type, value.getValue());
      operand = arith::MulFOp::create(rewriter, loc, operand,
                                      arith::ConstantOp::create(rewriter, loc, factor));
    }
    rewriter.replaceOp(op, forElements(rewriter, loc, operand, [&](Value element) {
                         return callIntrinsic(rewriter, loc, intrinsic, element);
                       }));
    return success();
  }

  StringRef intrinsic;
  double scale;
};

struct LowerMathPass : cuda::impl::LowerMathPassBase<LowerMathPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<UseInstruction<math::ExpOp>>(&getContext(), "llvm.nvvm.ex2.approx.f32",
                                              llvm::numbers::log2e);
    patterns.add<UseInstruction<math::Exp2Op>>(&getContext(), "llvm.nvvm.ex2.approx.f32", 1);
    patterns.add<UseInstruction<math::RsqrtOp>>(&getContext(), "llvm.nvvm.rsqrt.approx.f", 1);
    populateMathF32ExpansionPatterns(patterns, [](StringRef) { return true; });
    populateMathPolynomialApproximationPatterns(patterns,
                                                [](StringRef name) { return !isOurs(name); });
    math::populateExpansionPatterns(
        patterns, {math::PowFOp::getOperationName(), math::FPowIOp::getOperationName(),
                   math::SinhOp::getOperationName(), math::CoshOp::getOperationName(),
                   math::TanOp::getOperationName(), math::AsinhOp::getOperationName(),
                   math::AcoshOp::getOperationName(), math::AtanhOp::getOperationName()});
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      return signalPassFailure();
    bool isLeft = false;
    getOperation().walk([&](Operation *op) {
      if (op->getDialect() != getContext().getLoadedDialect<math::MathDialect>() ||
          hasInstruction(op))
        return;
      isLeft = true;
      op->emitError() << "expected a function that has a form for this GPU, got '" << op->getName()
                      << "' of " << op->getResult(0).getType() << "; try f32";
    });
    if (isLeft)
      signalPassFailure();
  }
};

} // namespace

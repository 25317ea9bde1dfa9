// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Upstream's emulation of wide integers, with an index that saturates. The
// index of the device has 32 bits, and what it leaves out must not make an index
// valid that is not.

#include "targets/vulkan/Passes.h"

#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Arith/Transforms/WideIntEmulationConverter.h"
#include "mlir/Dialect/SCF/Transforms/Patterns.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Transforms/DialectConversion.h"

namespace tercet::vulkan {
#define GEN_PASS_DEF_LOWERWIDEINTEGERSPASS
#include "targets/vulkan/Passes.h.inc"
} // namespace tercet::vulkan

using namespace mlir;
using namespace tercet;

namespace {

struct LowerWideIntegersPass : vulkan::impl::LowerWideIntegersPassBase<LowerWideIntegersPass> {
  void runOnOperation() override {
    gpu::GPUFuncOp function = getOperation();
    function.walk([](arith::IndexCastOp op) { saturate(op); });
    function.walk([](Operation *op) {
      if (isa<arith::ShLIOp, arith::ShRSIOp, arith::ShRUIOp>(op))
        keepUnshifted(op);
    });

    MLIRContext *context = &getContext();
    arith::WideIntEmulationConverter converter(/*widestIntSupportedByTarget=*/32);
    ConversionTarget target(*context);
    target.markUnknownOpDynamicallyLegal([&](Operation *op) { return converter.isLegal(op); });
    target.addLegalOp<gpu::GPUFuncOp>();
    RewritePatternSet patterns(context);
    arith::populateArithWideIntEmulationPatterns(converter, patterns);
    scf::populateSCFStructuralTypeConversionsAndLegality(converter, patterns, target);
    if (failed(applyPartialConversion(function, target, std::move(patterns))))
      signalPassFailure();
  }

  /// The emulation moves bits from one word to the other by 32 less the distance,
  /// which for none is more than a word can be shifted.
  static void keepUnshifted(Operation *op) {
    Value value = op->getOperand(0), distance = op->getOperand(1);
    std::optional<int64_t> known = getConstantIntValue(distance);
    if (!value.getType().isInteger(64) || (known && *known != 0))
      return;
    ImplicitLocOpBuilder b(op->getLoc(), op->getBlock(), std::next(op->getIterator()));
    Value zero = arith::ConstantIntOp::create(b, 0, 64);
    Value none = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, distance, zero);
    auto result = arith::SelectOp::create(b, none, value, op->getResult(0));
    op->getResult(0).replaceAllUsesExcept(result, result);
  }

  /// To the range of 32 bits, before the cast takes the low ones.
  static void saturate(arith::IndexCastOp op) {
    if (!op.getIn().getType().isInteger(64))
      return;
    ImplicitLocOpBuilder b(op.getLoc(), op);
    Value value = op.getIn();
    Value least = arith::ConstantIntOp::create(b, INT32_MIN, 64);
    Value most = arith::ConstantIntOp::create(b, INT32_MAX, 64);
    value = arith::MaxSIOp::create(b, value, least);
    op.getInMutable().assign(arith::MinSIOp::create(b, value, most).getResult());
  }
};

} // namespace

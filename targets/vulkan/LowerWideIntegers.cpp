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

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Functions become polynomials, divisions of index their cases.

#include "targets/vulkan/ExpandOperations.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;
using namespace tercet;

/// Upstream takes the sign of a remainder from comparing the operand with its
/// magnitude, which the least integer is equal to.
static void expandRemainder(arith::RemSIOp op) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  Value quotient = arith::DivSIOp::create(b, op.getLhs(), op.getRhs());
  Value whole = arith::MulIOp::create(b, quotient, op.getRhs());
  op.replaceAllUsesWith(arith::SubIOp::create(b, op.getLhs(), whole).getResult());
  op.erase();
}

LogicalResult vulkan::expandOperations(gpu::GPUFuncOp function) {
  RewritePatternSet patterns(function.getContext());
  arith::populateCeilFloorDivExpandOpsPatterns(patterns);
  populatePolynomialApproximateErfPattern(patterns);
  if (failed(applyPatternsGreedily(function, std::move(patterns))))
    return failure();
  function.walk(expandRemainder);
  function.walk([](arith::ArithIntegerOverflowFlagsInterface op) {
    if (op.hasNoSignedWrap() || op.hasNoUnsignedWrap())
      op->setAttr(op.getIntegerOverflowAttrName(),
                  arith::IntegerOverflowFlagsAttr::get(op->getContext(),
                                                       arith::IntegerOverflowFlags::none));
  });
  return success();
}

void vulkan::registerExpansionDialects(DialectRegistry &registry) {
  registry.insert<arith::ArithDialect, math::MathDialect, vector::VectorDialect>();
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Functions become polynomials, divisions of index their cases.

#include "targets/vulkan/ExpandOperations.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;
using namespace tercet;

LogicalResult vulkan::expandOperations(gpu::GPUFuncOp function) {
  RewritePatternSet patterns(function.getContext());
  arith::populateCeilFloorDivExpandOpsPatterns(patterns);
  populatePolynomialApproximateErfPattern(patterns);
  if (failed(applyPatternsGreedily(function, std::move(patterns))))
    return failure();
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

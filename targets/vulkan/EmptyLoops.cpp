// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Selects between a loop's results and its initial values.

#include "targets/vulkan/EmptyLoops.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tercet;

void vulkan::selectResultsOfLoops(gpu::GPUFuncOp function) {
  function.walk([](scf::ForOp loop) {
    if (loop.getNumResults() == 0)
      return;
    std::optional<int64_t> from = getConstantIntValue(loop.getLowerBound()),
                           to = getConstantIntValue(loop.getUpperBound());
    if (from && to && *from < *to)
      return;
    OpBuilder b(loop->getContext());
    b.setInsertionPointAfter(loop);
    Location loc = loop.getLoc();
    Value runs = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, loop.getLowerBound(),
                                       loop.getUpperBound());
    for (auto [result, initial] : llvm::zip_equal(loop.getResults(), loop.getInitArgs())) {
      // Selecting vectors by one truth needs SPIR-V 1.4.
      Value condition = runs;
      if (auto vector = dyn_cast<VectorType>(result.getType()))
        condition = vector::BroadcastOp::create(b, loc, vector.clone(b.getI1Type()), runs);
      auto value = arith::SelectOp::create(b, loc, condition, result, initial);
      result.replaceAllUsesExcept(value, value);
    }
  });
}

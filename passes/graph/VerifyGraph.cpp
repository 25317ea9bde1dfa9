// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The graph stage's promise, checked.

#include "passes/graph/Passes.h"

#include "dialects/nn/NN.h"
#include "dialects/soc/Soc.h"
#include "dialects/soc/Views.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace tercet::graph {
#define GEN_PASS_DEF_VERIFYGRAPHPASS
#include "passes/graph/Passes.h.inc"
} // namespace tercet::graph

using namespace mlir;
using namespace tercet;

namespace {

struct VerifyGraphPass : graph::impl::VerifyGraphPassBase<VerifyGraphPass> {
  void runOnOperation() override {
    bool ok = true;
    getOperation()->walk([&](func::FuncOp func) {
      if (func.isExternal())
        return;
      for (Operation &op : func.getBody().front()) {
        if (!isa<soc::GroupOp, nn::GetWeightOp, func::ReturnOp>(op) && !soc::isBetweenTasks(&op)) {
          op.emitOpError() << "is left outside of a group after the graph stage";
          ok = false;
        }
        for (Value result : op.getResults())
          if (auto type = dyn_cast<RankedTensorType>(result.getType());
              !type || !type.hasStaticShape()) {
            op.emitOpError() << "expected results of static shape, got " << result.getType();
            ok = false;
          }
      }
    });
    if (!ok)
      return signalPassFailure();
    markAllAnalysesPreserved();
  }
};

} // namespace

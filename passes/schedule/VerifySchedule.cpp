// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The schedule stage's promise, checked from the text alone.

#include "passes/schedule/Passes.h"

#include "dialects/soc/Soc.h"
#include "dialects/soc/Views.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringMap.h"

namespace tercet::schedule {
#define GEN_PASS_DEF_VERIFYSCHEDULEPASS
#include "passes/schedule/Passes.h.inc"
} // namespace tercet::schedule

using namespace mlir;
using namespace tercet;

namespace {

struct VerifySchedulePass : schedule::impl::VerifySchedulePassBase<VerifySchedulePass> {
  void runOnOperation() override {
    bool ok = true;
    getOperation()->walk([&](func::FuncOp func) {
      llvm::StringMap<int64_t> last;
      func.walk([&](soc::TaskOp task) { ok &= succeeded(verify(task, last)); });
    });
    if (!ok)
      return signalPassFailure();
    markAllAnalysesPreserved();
  }

  static LogicalResult verify(soc::TaskOp task, llvm::StringMap<int64_t> &last) {
    if (!task.getOrder())
      return task.emitOpError() << "has no place in the queue of engine '" << task.getEngine()
                                << "'";
    int64_t order = *task.getOrder();
    auto [it, first] = last.try_emplace(task.getEngine(), order);
    if (!first && order <= it->second)
      return task.emitOpError() << "has place " << order << " in the queue of engine '"
                                << task.getEngine() << "' behind place " << it->second;
    it->second = order;
    for (Value input : task.getInputs()) {
      soc::TaskOp missing;
      soc::forEachProducer(input, [&](Operation *op) {
        auto producer = dyn_cast<soc::TaskOp>(op);
        if (producer && producer.getEngine() != task.getEngine() &&
            !llvm::is_contained(task.getWaits(), producer.getToken()))
          missing = producer;
      });
      if (!missing)
        continue;
      auto diag = task.emitOpError() << "reads what engine '" << missing.getEngine()
                                     << "' writes without waiting for it";
      diag.attachNote(missing.getLoc()) << "written here";
      return diag;
    }
    return success();
  }
};

} // namespace

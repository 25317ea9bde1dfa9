// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The schedule stage's promise, checked from the text alone.

#include "passes/schedule/Passes.h"

#include "dialects/soc/Soc.h"

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
      Operation *def = input.getDefiningOp();
      while (def && !isa<soc::TaskOp>(def) && def->getNumOperands() > 0)
        def = def->getOperand(0).getDefiningOp();
      auto producer = dyn_cast_or_null<soc::TaskOp>(def);
      if (!producer || producer.getEngine() == task.getEngine())
        continue;
      if (!llvm::is_contained(task.getWaits(), producer.getToken())) {
        auto diag = task.emitOpError() << "reads what engine '" << producer.getEngine()
                                       << "' writes without waiting for it";
        diag.attachNote(producer.getLoc()) << "written here";
        return diag;
      }
    }
    return success();
  }
};

} // namespace

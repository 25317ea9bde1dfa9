// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The partition stage's promise, checked.

#include "passes/partition/Passes.h"

#include "dialects/soc/Soc.h"

namespace tercet::partition {
#define GEN_PASS_DEF_VERIFYPARTITIONPASS
#include "passes/partition/Passes.h.inc"
} // namespace tercet::partition

using namespace mlir;
using namespace tercet;

namespace {

struct VerifyPartitionPass : partition::impl::VerifyPartitionPassBase<VerifyPartitionPass> {
  void runOnOperation() override {
    auto machine = soc::MachineAttr::of(getOperation());
    bool ok = true;
    auto complain = [&](Operation *op) {
      ok = false;
      return op->emitOpError();
    };
    if (!machine)
      complain(getOperation()) << "expected a #soc.machine";
    getOperation()->walk([&](Operation *op) {
      if (isa<soc::GroupOp>(op))
        complain(op) << "is left after the partition stage";
      auto task = dyn_cast<soc::TaskOp>(op);
      if (!task || !machine)
        return;
      Attribute engine = machine.lookupEngine(task.getEngine());
      auto known = dyn_cast_or_null<soc::EngineAttrInterface>(engine);
      std::string reason;
      if (!engine)
        complain(op) << "machine '" << machine.getName().getValue() << "' has no engine '"
                     << task.getEngine() << "'";
      else if (!known)
        complain(op) << "the target of engine '" << task.getEngine()
                     << "' is not part of this build of Tercet";
      else if (!known.isPresent(reason))
        complain(op) << "engine '" << task.getEngine() << "': " << reason;
    });
    if (!ok)
      return signalPassFailure();
    markAllAnalysesPreserved();
  }
};

} // namespace

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Chooses an engine and a variant for each group by itself: with engines that
// share one memory and no launch cost between them this is the least total
// time. Transfers and shares are the business of a joint search.

#include "passes/partition/Passes.h"

#include "dialects/soc/Soc.h"

namespace tercet::partition {
#define GEN_PASS_DEF_ASSIGNENGINESPASS
#include "passes/partition/Passes.h.inc"
} // namespace tercet::partition

using namespace mlir;
using namespace tercet;

namespace {

struct AssignEnginesPass : partition::impl::AssignEnginesPassBase<AssignEnginesPass> {
  void runOnOperation() override {
    auto machine = soc::MachineAttr::of(getOperation());
    if (!machine) {
      getOperation()->emitError() << "expected a #soc.machine on the module; try --soc";
      return signalPassFailure();
    }
    bool ok = true;
    getOperation()->walk([&](soc::GroupOp group) { ok &= succeeded(assign(group, machine)); });
    if (!ok)
      signalPassFailure();
  }

  static LogicalResult assign(soc::GroupOp group, soc::MachineAttr machine) {
    if (group.getVariant() && group.getEngine())
      return success();
    struct Choice {
      StringRef engine;
      soc::VariantAttr variant;
    };
    std::optional<Choice> best;
    SmallVector<std::string> reasons;
    if (group.getEngine() && !machine.lookupEngine(*group.getEngine()))
      reasons.push_back("the group is pinned to engine '" + group.getEngine()->str() +
                        "', which the machine does not have");
    for (Attribute attr : machine.getEngines()) {
      auto engine = dyn_cast<soc::EngineAttrInterface>(attr);
      if (!engine)
        return group.emitError() << "the target of engine " << attr
                                 << " is not part of this build of Tercet";
      if (group.getEngine() && *group.getEngine() != engine.getEngineName())
        continue;
      std::string reason;
      if (!engine.supports(group, reason)) {
        reasons.push_back("engine '" + engine.getEngineName().str() + "': " + reason);
        continue;
      }
      for (soc::VariantAttr variant : engine.variants(group, /*rows=*/0))
        if (!best || variant.getTimePs() < best->variant.getTimePs())
          best = Choice{engine.getEngineName(), variant};
    }
    if (!best) {
      auto diag = group.emitError() << "no engine of machine '" << machine.getName().getValue()
                                    << "' runs this operation";
      for (const std::string &reason : reasons)
        diag.attachNote(group.getLoc()) << reason;
      return diag;
    }
    group.setEngine(best->engine);
    group.setVariantAttr(best->variant);
    return success();
  }
};

} // namespace

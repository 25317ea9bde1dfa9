// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Holds a placement to what the user requires of it.

#include "passes/partition/Passes.h"

#include "dialects/soc/Soc.h"
#include "passes/partition/NodePattern.h"

namespace tercet::partition {
#define GEN_PASS_DEF_VERIFYREQUIREMENTSPASS
#include "passes/partition/Passes.h.inc"
} // namespace tercet::partition

using namespace mlir;
using namespace tercet;

namespace {

struct VerifyRequirementsPass
    : partition::impl::VerifyRequirementsPassBase<VerifyRequirementsPass> {
  using VerifyRequirementsPassBase::VerifyRequirementsPassBase;

  void runOnOperation() override {
    bool ok = true;
    for (const std::string &text : engines)
      ok &= succeeded(verifyEngine(text));
    if (forbidFallback)
      getOperation().walk([&](soc::GroupOp group) { ok &= succeeded(verifyNoFallback(group)); });
    if (!ok)
      return signalPassFailure();
    markAllAnalysesPreserved();
  }

  LogicalResult verifyEngine(StringRef text) {
    ModuleOp module = getOperation();
    llvm::Expected<partition::NodePattern> pattern = partition::NodePattern::parse(text);
    if (!pattern)
      return module.emitError() << "--require-engine: " << llvm::toString(pattern.takeError());
    auto machine = soc::MachineAttr::of(module);
    if (machine && !machine.lookupEngine(pattern->engine))
      return module.emitError() << "--require-engine " << text << ": machine '"
                                << machine.getName().getValue() << "' has no engine '"
                                << pattern->engine << "'";
    unsigned matched = 0;
    bool ok = true;
    module.walk([&](soc::GroupOp group) {
      if (!pattern->matches(group))
        return;
      ++matched;
      SmallVector<StringRef> on = enginesOf(group);
      if (llvm::all_of(on, [&](StringRef engine) { return engine == pattern->engine; }))
        return;
      ok = false;
      auto diag = group.emitError() << "runs on '" << llvm::join(on, "' and '")
                                    << "', and is required to run on '" << pattern->engine << "'";
      attachReasons(diag, group);
    });
    if (matched == 0)
      return module.emitError() << "--require-engine " << text
                                << ": no node has a name that matches";
    return success(ok);
  }

  static LogicalResult verifyNoFallback(soc::GroupOp group) {
    if (!group.getAlternatives())
      return success();
    for (auto other : group.getAlternatives()->getAsRange<soc::AlternativeAttr>())
      if (other.getReason() == "unsupported" || other.getReason() == "absent")
        return group.emitError() << "falls back to '" << llvm::join(enginesOf(group), "' and '")
                                 << "', since engine '" << other.getEngine().getValue()
                                 << "' does not run it: " << other.getDetail().getValue()
                                 << "; try without --forbid-fallback";
    return success();
  }

  static SmallVector<StringRef> enginesOf(soc::GroupOp group) {
    SmallVector<StringRef> engines;
    if (group.getEngine())
      engines.push_back(*group.getEngine());
    if (group.getShares())
      for (auto share : group.getShares()->getAsRange<soc::ShareAttr>())
        engines.push_back(share.getEngine().getValue());
    return engines;
  }

  static void attachReasons(InFlightDiagnostic &diag, soc::GroupOp group) {
    if (!group.getAlternatives())
      return;
    for (auto other : group.getAlternatives()->getAsRange<soc::AlternativeAttr>()) {
      Diagnostic &note = diag.attachNote(group.getLoc());
      note << "engine '" << other.getEngine().getValue() << "': " << other.getReason().getValue();
      if (other.getCostPs())
        note << ", " << (other.getCostPs() + 500000) / 1000000 << " us";
      if (!other.getDetail().empty())
        note << ", " << other.getDetail().getValue();
    }
  }
};

} // namespace

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes the user's pins into groups, where the placement finds them.

#include "passes/partition/Passes.h"

#include "dialects/soc/Soc.h"
#include "passes/partition/NodePattern.h"

namespace tercet::partition {
#define GEN_PASS_DEF_ASSIGNPINSPASS
#include "passes/partition/Passes.h.inc"
} // namespace tercet::partition

using namespace mlir;
using namespace tercet;

namespace {

struct AssignPinsPass : partition::impl::AssignPinsPassBase<AssignPinsPass> {
  using AssignPinsPassBase::AssignPinsPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto machine = soc::MachineAttr::of(module);
    bool ok = true;
    for (const std::string &text : pins) {
      llvm::Expected<partition::NodePattern> pattern = partition::NodePattern::parse(text);
      if (!pattern) {
        module.emitError() << "--pin: " << llvm::toString(pattern.takeError());
        ok = false;
        continue;
      }
      if (machine && !machine.lookupEngine(pattern->engine)) {
        module.emitError() << "--pin " << text << ": machine '" << machine.getName().getValue()
                           << "' has no engine '" << pattern->engine
                           << "'; try --print-soc to see its engines";
        ok = false;
        continue;
      }
      unsigned matched = 0;
      module.walk([&](soc::GroupOp group) {
        if (!pattern->matches(group))
          return;
        ++matched;
        // Later pins win, as later flags do; the text's own word stands.
        if (!group.getVariant() && !group.getShares())
          group.setEngine(pattern->engine);
      });
      if (matched == 0) {
        module.emitError() << "--pin " << text
                           << ": no node has a name that matches; try --stop-after graph to see "
                              "the names";
        ok = false;
      }
    }
    if (!ok)
      signalPassFailure();
  }
};

} // namespace

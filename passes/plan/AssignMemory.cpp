// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Turns the functions of a module into command streams over common pools.

#include "passes/plan/EntryPlanner.h"
#include "passes/plan/Passes.h"

namespace tercet::plan {
#define GEN_PASS_DEF_ASSIGNMEMORYPASS
#include "passes/plan/Passes.h.inc"
} // namespace tercet::plan

using namespace mlir;
using namespace tercet;

namespace {

struct AssignMemoryPass : plan::impl::AssignMemoryPassBase<AssignMemoryPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto machine = soc::MachineAttr::of(module);
    if (!machine || machine.getMemories().empty() || machine.getEngines().empty()) {
      module.emitError() << "expected a #soc.machine with an engine and a memory on the module";
      return signalPassFailure();
    }
    SymbolTable symbols(module);
    SmallVector<func::FuncOp> funcs;
    for (auto func : module.getOps<func::FuncOp>())
      if (!func.isExternal())
        funcs.push_back(func);
    std::vector<plan::EntryPlanner> planners;
    for (func::FuncOp func : funcs) {
      planners.emplace_back(func, symbols, machine);
      if (failed(planners.back().collect()))
        return signalPassFailure();
      planners.back().place();
    }

    // Entries run one at a time: the arena is the largest of theirs.
    int64_t arenaBytes = 0, bound = 0, weightBytes = 0;
    bool usesArena = false;
    std::string method = "empty";
    DenseMap<Operation *, int64_t> weightAt;
    for (plan::EntryPlanner &planner : planners) {
      usesArena |= !planner.getArenaPlan().offsets.empty();
      bound = std::max(bound, planner.getArenaPlan().lowerBound);
      if (planner.getArenaPlan().peak >= arenaBytes) {
        arenaBytes = planner.getArenaPlan().peak;
        method = planner.getArenaPlan().method;
      }
      for (nn::WeightOp weight : planner.getWeights())
        // An empty weight has an address too.
        if (weightAt.try_emplace(weight, weightBytes).second)
          weightBytes += llvm::alignTo(std::max<int64_t>(plan::bytesOf(weight.getType()), 1),
                                       plan::kBufferAlignment);
    }
    OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
    StringRef memory = cast<soc::EngineAttrInterface>(machine.getEngines()[0]).getEngineMemory();
    auto pool = [&](bool isUsed, StringRef name, cmd::PoolKind kind, int64_t bytes, int64_t lower,
                    StringRef how) {
      if (!isUsed)
        return cmd::PoolOp();
      auto op = cmd::PoolOp::create(builder, module.getLoc(), name, kind, memory, bytes,
                                    plan::kBufferAlignment, lower, how);
      symbols.insert(op);
      return op;
    };
    cmd::PoolOp arena = pool(usesArena, "arena", cmd::PoolKind::Arena, arenaBytes, bound, method);
    cmd::PoolOp weights = pool(!weightAt.empty(), "weights", cmd::PoolKind::Weights, weightBytes,
                               weightBytes, "in order of use");
    for (auto [func, planner] : llvm::zip(funcs, planners)) {
      planner.build(arena, weights, weightAt);
      func->erase();
    }
  }
};

} // namespace

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
    for (Attribute attr : machine.getEngines())
      if (!isa<soc::EngineAttrInterface>(attr)) {
        module.emitError() << "the target of engine " << attr
                           << " is not part of this build of Tercet";
        return signalPassFailure();
      }
    StringRef memory = cast<soc::EngineAttrInterface>(machine.getEngines()[0]).getEngineMemory();
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

    // Entries run one at a time: an arena is the largest of theirs.
    llvm::MapVector<StringAttr, plan::MemoryPlan> largest;
    int64_t weightBytes = 0;
    DenseMap<Operation *, int64_t> weightAt;
    for (plan::EntryPlanner &planner : planners) {
      for (const auto &[memory, arena] : planner.getArenaPlans()) {
        plan::MemoryPlan &most = largest[memory];
        int64_t bound = std::max(most.lowerBound, arena.provenBound());
        if (most.method.empty() || arena.peak > most.peak)
          most = arena;
        most.lowerBound = bound;
      }
      for (nn::WeightOp weight : planner.getWeights())
        // An empty weight has an address too.
        if (weightAt.try_emplace(weight, weightBytes).second)
          weightBytes += llvm::alignTo(std::max<int64_t>(plan::bytesOf(weight.getType()), 1),
                                       plan::alignmentOf(machine, memory));
    }
    OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
    auto pool = [&](bool isUsed, StringRef name, cmd::PoolKind kind, StringRef memory,
                    int64_t bytes, int64_t lower, StringRef how) {
      if (!isUsed)
        return cmd::PoolOp();
      auto op = cmd::PoolOp::create(builder, module.getLoc(), name, kind, memory, bytes,
                                    plan::alignmentOf(machine, memory), lower, how);
      symbols.insert(op);
      return op;
    };
    llvm::StringMap<cmd::PoolOp> arenas;
    for (const auto &[of, plan] : largest)
      arenas[of.getValue()] =
          pool(true, of.getValue() == memory ? "arena" : ("arena_" + of.getValue()).str(),
               cmd::PoolKind::Arena, of.getValue(), plan.peak, plan.lowerBound, plan.method);
    cmd::PoolOp weights = pool(!weightAt.empty(), "weights", cmd::PoolKind::Weights, memory,
                               weightBytes, weightBytes, "in order of use");
    for (auto [func, planner] : llvm::zip(funcs, planners)) {
      planner.build(arenas, weights, weightAt);
      func->erase();
    }
  }
};

} // namespace

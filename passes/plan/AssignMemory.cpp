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
    plan::ResidentWeights resident(module, symbols, machine);
    std::vector<plan::EntryPlanner> planners;
    for (func::FuncOp func : funcs) {
      planners.emplace_back(func, symbols, machine, resident);
      if (failed(planners.back().collect()))
        return signalPassFailure();
      planners.back().place();
    }

    // Entries run one at a time: an arena is the largest of theirs.
    llvm::MapVector<StringAttr, plan::MemoryPlan> largest;
    for (plan::EntryPlanner &planner : planners)
      for (const auto &[memory, arena] : planner.getArenaPlans()) {
        plan::MemoryPlan &most = largest[memory];
        int64_t bound = std::max(most.lowerBound, arena.provenBound());
        if (most.method.empty() || arena.peak > most.peak)
          most = arena;
        most.lowerBound = bound;
      }
    OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
    auto pool = [&](const Twine &name, cmd::PoolKind kind, StringRef memory, ArrayAttr engines,
                    int64_t bytes, int64_t lower, StringRef how) {
      auto op = cmd::PoolOp::create(builder, module.getLoc(), name.str(), kind, memory, engines,
                                    bytes, plan::alignmentOf(machine, memory), lower, how);
      symbols.insert(op);
      return op;
    };
    llvm::StringMap<cmd::PoolOp> arenas;
    for (const auto &[of, plan] : largest)
      arenas[of.getValue()] = pool(
          of.getValue() == memory ? Twine("arena") : "arena_" + of.getValue(), cmd::PoolKind::Arena,
          of.getValue(), ArrayAttr(), plan.peak, plan.lowerBound, plan.method);

    // An engine with a driver gets a copy of a pool of weights: that is one for
    // what it reads and no more.
    llvm::MapVector<Operation *, unsigned> ownerOf;
    unsigned nobody = machine.getEngines().size();
    for (plan::EntryPlanner &planner : planners)
      for (nn::WeightOp weight : planner.getWeights()) {
        unsigned &owner = ownerOf.try_emplace(weight, nobody).first->second;
        for (unsigned driver : planner.getDriversOf(weight)) {
          if (owner != nobody && owner != driver) {
            weight.emitError() << "is read by two engines with drivers, '" << nameOf(machine, owner)
                               << "' and '" << nameOf(machine, driver)
                               << "'; try --pin to use it on one of them";
            return signalPassFailure();
          }
          owner = driver;
        }
      }
    plan::EntryPlanner::WeightPlaces places;
    SmallVector<unsigned> owners{nobody};
    for (unsigned engine = 0; engine < nobody; ++engine)
      owners.push_back(engine);
    // Of such an engine those that stay in its own memory are apart.
    auto addPool = [&](unsigned owner, bool own) {
      StringRef where = own ? engineOf(machine, owner).getEngineMemory() : memory;
      int64_t bytes = 0;
      SmallVector<std::pair<Operation *, int64_t>> offsets;
      for (auto [weight, of] : ownerOf) {
        if (of != owner || own != (resident.engineOf(weight) == owner))
          continue;
        offsets.push_back({weight, bytes});
        // An empty weight has an address too.
        bytes +=
            llvm::alignTo(std::max<int64_t>(plan::bytesOf(cast<nn::WeightOp>(weight).getType()), 1),
                          plan::alignmentOf(machine, where));
      }
      if (offsets.empty())
        return;
      std::string name = "weights";
      if (owner != nobody)
        name += "_" + nameOf(machine, owner).str() + (own ? "_" + where.str() : "");
      ArrayAttr readers = own ? builder.getStrArrayAttr({nameOf(machine, owner)})
                              : readersOf(machine, memory, {owner});
      cmd::PoolOp weights =
          pool(name, cmd::PoolKind::Weights, where, readers, bytes, bytes, "in order of use");
      for (auto [weight, offset] : offsets)
        places[weight] = {weights, offset};
    };
    for (unsigned owner : owners) {
      addPool(owner, /*own=*/false);
      if (owner != nobody)
        addPool(owner, /*own=*/true);
    }
    // States of one name are one, whichever entries have them.
    plan::EntryPlanner::StatePlaces states;
    llvm::StringMap<plan::EntryPlanner::State> stateOf;
    int64_t stateBytes = 0;
    for (plan::EntryPlanner &planner : planners)
      for (const plan::EntryPlanner::State &state : planner.getStates()) {
        auto [it, isNew] = stateOf.try_emplace(state.name, state);
        if (state.name.empty() || it->second.type != state.type) {
          auto diag = emitError(state.loc);
          if (state.name.empty())
            diag << "is a state without a name, `nn.name`, by which entries share it";
          else
            diag << "state '" << state.name << "' is " << state.type << " here and "
                 << it->second.type << " in another entry";
          return signalPassFailure();
        }
        if (!isNew)
          continue;
        states.offsets[state.name] = stateBytes;
        stateBytes += llvm::alignTo(std::max<int64_t>(plan::bytesOf(state.type), 1),
                                    plan::alignmentOf(machine, memory));
      }
    // A driver has the pool only where its engine works on a state.
    llvm::SmallDenseSet<unsigned> drivers;
    for (plan::EntryPlanner &planner : planners)
      drivers.insert_range(planner.getDriversOfStates());
    if (!stateOf.empty())
      states.pool = pool("state", cmd::PoolKind::State, memory, readersOf(machine, memory, drivers),
                         stateBytes, stateBytes, "in order of use");
    for (auto [func, planner] : llvm::zip(funcs, planners)) {
      planner.build(arenas, places, states);
      func->erase();
    }
  }

  static soc::EngineAttrInterface engineOf(soc::MachineAttr machine, unsigned engine) {
    return cast<soc::EngineAttrInterface>(machine.getEngines()[engine]);
  }
  static StringRef nameOf(soc::MachineAttr machine, unsigned engine) {
    return engineOf(machine, engine).getEngineName();
  }

  /// The engines without a driver that address the memory, and those of `drivers`;
  /// null if that is everyone who does.
  static ArrayAttr readersOf(soc::MachineAttr machine, StringRef memory,
                             const llvm::SmallDenseSet<unsigned> &drivers) {
    SmallVector<StringRef> names;
    bool all = true;
    for (auto [index, attr] : llvm::enumerate(machine.getEngines())) {
      auto engine = cast<soc::EngineAttrInterface>(attr);
      std::string reason;
      if (!engine.isPresent(reason) || !llvm::is_contained(engine.getEngineMemories(), memory))
        continue;
      if (plan::hasDriver(attr) && !drivers.contains(index))
        all = false;
      else
        names.push_back(engine.getEngineName());
    }
    return all ? ArrayAttr() : Builder(machine.getContext()).getStrArrayAttr(names);
  }
};

} // namespace

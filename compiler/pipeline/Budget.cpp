// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Levers are tried, not guessed: the model is compiled again with the change,
// up to the plan, since other variants and another placement come with it.

#include "compiler/pipeline/Budget.h"

#include "compiler/pipeline/Summary.h"
#include "compiler/report/PlannedMemory.h"
#include "dialects/cmd/Cmd.h"
#include "dialects/soc/Soc.h"

using namespace mlir;
using namespace tercet;

namespace {

/// The largest of what is live when the pool is fullest; empty for a pool that
/// is no arena.
std::string describePeak(const report::PlannedMemory &memory, const report::PlannedArena *arena) {
  std::string text;
  constexpr size_t kNamed = 5;
  ArrayRef<unsigned> live = arena ? ArrayRef<unsigned>(arena->livePeak) : ArrayRef<unsigned>();
  for (unsigned index : live.take_front(kNamed)) {
    const report::PlannedAllocation &allocation = memory.allocations[index];
    std::string name = llvm::join(allocation.getNodes(), " + ");
    text += (text.empty() ? "" : ", ") + ("'" + (name.empty() ? "?" : name) + "' ") +
            (allocation.isScratch ? "scratch " : "") + formatBytes(allocation.bytes);
  }
  if (live.size() > kNamed)
    text += " and " + std::to_string(live.size() - kNamed) + " more";
  return text;
}

/// Whether fewer workers can make the pool smaller.
bool hasScratch(const report::PlannedMemory &memory, cmd::PoolOp pool) {
  return llvm::any_of(memory.allocations, [&](const report::PlannedAllocation &allocation) {
    return allocation.isScratch && allocation.pool == pool;
  });
}

std::string leversOf(ModuleOp module, cmd::PoolOp pool, const report::PlannedMemory &memory,
                     uint64_t budget, const CompileOptions &options, WorkersTrial trial) {
  std::string text;
  auto add = [&](const std::string &lever) { text += (text.empty() ? "" : ", or ") + lever; };
  auto machine = soc::MachineAttr::of(module);
  if (pool.getKind() == cmd::PoolKind::Weights) {
    add("a model with fewer or smaller weights");
    return text;
  }
  unsigned most = machine && hasScratch(memory, pool) ? machine.getWorkers() / 2 : 0;
  for (unsigned workers = most; workers >= 1; workers /= 2) {
    std::optional<int64_t> bytes = trial(workers, pool.getSymName());
    // Other tiles suit fewer workers: that may need more.
    if (!bytes || *bytes >= pool.getBytes())
      continue;
    bool fits = static_cast<uint64_t>(*bytes) <= budget;
    if (fits || workers == 1)
      add("--workers " + std::to_string(workers) + " (" + std::to_string(*bytes) + " bytes" +
          (fits ? ", fits)" : ")"));
    if (fits)
      break;
  }
  std::vector<std::string> dims;
  for (const auto &entry : options.import.dims)
    if (entry.second > 1)
      dims.push_back(entry.first().str());
  llvm::sort(dims);
  for (const std::string &name : dims)
    add("a smaller --dim " + name);
  if (text.empty())
    add("a model with smaller tensors");
  return text;
}

} // namespace

std::vector<std::string> tercet::checkBudgets(ModuleOp planned, const CompileOptions &options,
                                              WorkersTrial trial) {
  std::vector<std::string> problems;
  for (const MemoryBudget &budget : options.budgets) {
    cmd::PoolOp found;
    std::string names;
    for (auto pool : planned.getOps<cmd::PoolOp>()) {
      names += (names.empty() ? "" : ", ") + pool.getSymName().str();
      if (pool.getSymName() == budget.pool)
        found = pool;
    }
    if (!found) {
      problems.push_back("--memory-budget: no pool '" + budget.pool + "'; pools are " + names);
      continue;
    }
    uint64_t required = found.getBytes();
    if (required <= budget.bytes)
      continue;
    report::PlannedMemory memory = report::getPlannedMemory(planned);
    const report::PlannedArena *arena = nullptr;
    for (const report::PlannedArena &other : memory.arenas)
      if (other.pool == found)
        arena = &other;
    std::string text = "pool '" + budget.pool + "' requires " + std::to_string(required) +
                       " bytes, available are " + std::to_string(budget.bytes) + ", an excess of " +
                       std::to_string(required - budget.bytes);
    if (static_cast<uint64_t>(found.getLowerBound()) > budget.bytes)
      text += "; no plan of these tensors can fit, since " + std::to_string(found.getLowerBound()) +
              " bytes live at once";
    std::string peak = describePeak(memory, arena);
    if (!peak.empty())
      text += "; the largest at the peak: " + peak;
    problems.push_back(text + "; try " +
                       leversOf(planned, found, memory, budget.bytes, options, trial));
  }
  return problems;
}

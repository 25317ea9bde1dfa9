// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Levers are tried, not guessed: the model is compiled again with the change,
// up to the plan, since other variants and another placement come with it.

#include "compiler/pipeline/Budget.h"

#include "compiler/pipeline/Summary.h"
#include "dialects/cmd/Cmd.h"
#include "dialects/nn/NN.h"
#include "dialects/soc/Soc.h"
#include "dialects/soc/SourceNames.h"

#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace tercet;

namespace {

/// A buffer of an arena and the commands of its entry that touch it.
struct Lifetime {
  cmd::BufferOp buffer;
  int64_t first = -1, last = -1;
  /// The command that touches it first: most often the one that computes it.
  Operation *command = nullptr;
  bool isScratch = false;
};

class PoolUse {
public:
  PoolUse(ModuleOp module, cmd::PoolOp pool) : pool(pool) {
    for (auto entry : module.getOps<cmd::EntryOp>())
      collect(entry);
  }

  /// Names of the largest buffers that are live when the most bytes are.
  std::string describePeak() const {
    SmallVector<const Lifetime *> live = liveAtPeak();
    llvm::stable_sort(live, [](const Lifetime *a, const Lifetime *b) {
      cmd::BufferOp x = a->buffer, y = b->buffer;
      return x.getBytes() > y.getBytes();
    });
    std::string text;
    constexpr size_t kNamed = 5;
    for (const Lifetime *lifetime : ArrayRef(live).take_front(kNamed)) {
      cmd::BufferOp buffer = lifetime->buffer;
      std::string name =
          soc::joinSourceNames(lifetime->command ? lifetime->command->getLoc() : buffer.getLoc());
      text += (text.empty() ? "" : ", ") + ("'" + (name.empty() ? "?" : name) + "' ") +
              (lifetime->isScratch ? "scratch " : "") + formatBytes(buffer.getBytes());
    }
    if (live.size() > kNamed)
      text += " and " + std::to_string(live.size() - kNamed) + " more";
    return text;
  }

  /// Whether fewer workers can make it smaller.
  bool hasScratch() const {
    for (const auto &[entry, lifetimes] : entries)
      for (const Lifetime &lifetime : lifetimes)
        if (lifetime.isScratch)
          return true;
    return false;
  }

private:
  void collect(cmd::EntryOp entry) {
    llvm::MapVector<Operation *, Lifetime> byBuffer;
    int64_t number = 0;
    auto touch = [&](Value value, Operation *command, bool isScratch) {
      auto buffer = value.getDefiningOp<cmd::BufferOp>();
      if (!buffer || buffer.getPool() != pool.getSymName())
        return;
      Lifetime &lifetime = byBuffer[buffer];
      if (lifetime.first < 0)
        lifetime = {buffer, number, number, command, isScratch};
      lifetime.last = number;
    };
    for (Operation &op : entry.getBody().front()) {
      if (auto dispatch = dyn_cast<cmd::DispatchOp>(op)) {
        for (Value buffer : dispatch.getBuffers())
          touch(buffer, &op, /*isScratch=*/false);
        if (dispatch.getScratch())
          touch(dispatch.getScratch(), &op, /*isScratch=*/true);
      } else if (auto copy = dyn_cast<cmd::CopyOp>(op)) {
        touch(copy.getSource(), &op, /*isScratch=*/false);
        touch(copy.getTarget(), &op, /*isScratch=*/false);
      } else {
        continue;
      }
      ++number;
    }
    // A result that is computed in place goes on with its operand's life.
    SmallVector<Lifetime> &lifetimes = entries[entry];
    for (const auto &[op, lifetime] : byBuffer) {
      cmd::BufferOp buffer = lifetime.buffer;
      Lifetime *operand = llvm::find_if(lifetimes, [&](Lifetime &other) {
        return other.last == lifetime.first && other.buffer.getOffset() == buffer.getOffset() &&
               other.buffer.getBytes() == buffer.getBytes();
      });
      if (operand != lifetimes.end())
        operand->last = lifetime.last;
      else
        lifetimes.push_back(lifetime);
    }
  }

  SmallVector<const Lifetime *> liveAtPeak() const {
    SmallVector<const Lifetime *> best;
    int64_t most = -1;
    for (const auto &[entry, lifetimes] : entries) {
      // The peak is where some lifetime begins.
      for (const Lifetime &at : lifetimes) {
        SmallVector<const Lifetime *> live;
        int64_t bytes = 0;
        for (const Lifetime &other : lifetimes)
          if (other.first <= at.first && at.first <= other.last) {
            cmd::BufferOp buffer = other.buffer;
            bytes += buffer.getBytes();
            live.push_back(&other);
          }
        if (bytes > most) {
          most = bytes;
          best = live;
        }
      }
    }
    return best;
  }

  mutable cmd::PoolOp pool;
  llvm::MapVector<Operation *, SmallVector<Lifetime>> entries;
};

std::string leversOf(ModuleOp module, cmd::PoolOp pool, const PoolUse &use, uint64_t budget,
                     const CompileOptions &options, WorkersTrial trial) {
  std::string text;
  auto add = [&](const std::string &lever) { text += (text.empty() ? "" : ", or ") + lever; };
  auto machine = soc::MachineAttr::of(module);
  if (pool.getKind() == cmd::PoolKind::Weights) {
    add("a model with fewer or smaller weights");
    return text;
  }
  unsigned most = machine && use.hasScratch() ? machine.getWorkers() / 2 : 0;
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
    PoolUse use(planned, found);
    std::string text = "pool '" + budget.pool + "' requires " + std::to_string(required) +
                       " bytes, available are " + std::to_string(budget.bytes) + ", an excess of " +
                       std::to_string(required - budget.bytes);
    if (static_cast<uint64_t>(found.getLowerBound()) > budget.bytes)
      text += "; no plan of these tensors can fit, since " + std::to_string(found.getLowerBound()) +
              " bytes live at once";
    std::string peak = use.describePeak();
    if (!peak.empty())
      text += "; the largest at the peak: " + peak;
    problems.push_back(text + "; try " +
                       leversOf(planned, found, use, budget.bytes, options, trial));
  }
  return problems;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lifetimes from commands. Two buffers whose bytes overlap and that one command
// touches can only be shared in place: everything else would be a race that
// verify-plan has refused.

#include "compiler/report/PlannedMemory.h"

#include "dialects/soc/Soc.h"
#include "dialects/soc/SourceNames.h"
#include "passes/plan/HappensBefore.h"
#include "passes/plan/MemoryProblem.h"

#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::report;

SmallVector<StringRef> PlannedAllocation::getNodes() const {
  return soc::getSourceNames(cmd::BufferOp(buffers.front()).getLoc());
}

int64_t PlannedArena::getSeparateBytes() const {
  int64_t sum = 0;
  for (const Separate &arena : separateArenas)
    sum += arena.bytes;
  return sum;
}

namespace {

/// The commands of an entry as far as its buffers go.
class EntryMemory {
public:
  EntryMemory(cmd::EntryOp entry, SymbolTable &symbols) : entry(entry), symbols(symbols) {}

  /// Appends the entry's allocations.
  void collect(std::vector<PlannedAllocation> &allocations);
  /// The problem of the chosen allocations, which `collect` has appended.
  plan::MemoryProblem getProblem(ArrayRef<PlannedAllocation> allocations, ArrayRef<unsigned> chosen,
                                 int64_t alignment) const;

private:
  struct Use {
    plan::Accesses accesses;
    StringRef engine;
    bool isScratch = false;
  };
  void addCommand(Operation *op, StringRef engine, ValueRange waits);
  void touch(Value value, int64_t command, StringRef engine, bool isScratch);

  cmd::EntryOp entry;
  SymbolTable &symbols;
  llvm::MapVector<StringRef, unsigned> queues;
  plan::HappensBefore order;
  llvm::DenseMap<Value, int64_t> commandOfToken;
  /// In the order of first use.
  llvm::MapVector<Operation *, Use> uses;
  llvm::EquivalenceClasses<Operation *> inPlace;
  /// By index in the module's list of allocations.
  llvm::DenseMap<unsigned, plan::Accesses> accessesOf;
};

void EntryMemory::touch(Value value, int64_t command, StringRef engine, bool isScratch) {
  auto buffer = value.getDefiningOp<cmd::BufferOp>();
  if (!buffer)
    return;
  auto [it, isNew] = uses.insert({buffer, Use{plan::Accesses(order.queues()), engine, isScratch}});
  it->second.accesses.add(order, command);
}

void EntryMemory::addCommand(Operation *op, StringRef engine, ValueRange waits) {
  SmallVector<int64_t> earlier;
  for (Value wait : waits)
    if (auto it = commandOfToken.find(wait); it != commandOfToken.end())
      earlier.push_back(it->second);
  int64_t command = order.add(queues[engine], earlier);
  for (Value result : op->getResults())
    commandOfToken[result] = command;
  auto dispatch = dyn_cast<cmd::DispatchOp>(op);
  SmallVector<cmd::BufferOp> touched;
  for (Value operand : op->getOperands()) {
    touch(operand, command, engine, dispatch && operand == dispatch.getScratch());
    if (auto buffer = operand.getDefiningOp<cmd::BufferOp>())
      touched.push_back(buffer);
  }
  for (auto [index, a] : llvm::enumerate(touched))
    for (cmd::BufferOp b : ArrayRef(touched).take_front(index))
      if (a != b && a.getPool() == b.getPool() && a.getBytes() && b.getBytes() &&
          a.getOffset() < b.getOffset() + b.getBytes() &&
          b.getOffset() < a.getOffset() + a.getBytes())
        inPlace.unionSets(a, b);
}

void EntryMemory::collect(std::vector<PlannedAllocation> &allocations) {
  auto forEachCommand = [&](llvm::function_ref<void(Operation *, StringRef, ValueRange)> visit) {
    for (Operation &op : entry.getBody().front()) {
      if (auto dispatch = dyn_cast<cmd::DispatchOp>(op))
        visit(&op, dispatch.getEngine(), dispatch.getWaits());
      else if (auto copy = dyn_cast<cmd::CopyOp>(op))
        visit(&op, copy.getEngine(), copy.getWaits());
    }
  };
  forEachCommand([&](Operation *, StringRef engine, ValueRange) {
    queues.insert({engine, static_cast<unsigned>(queues.size())});
  });
  order = plan::HappensBefore(std::max<size_t>(queues.size(), 1));
  forEachCommand(
      [&](Operation *op, StringRef engine, ValueRange waits) { addCommand(op, engine, waits); });

  llvm::DenseMap<Operation *, unsigned> allocationOf;
  for (auto &[op, use] : uses) {
    auto buffer = cast<cmd::BufferOp>(op);
    auto leader = inPlace.findLeader(op);
    Operation *key = leader == inPlace.member_end() ? op : *leader;
    auto [it, isNew] = allocationOf.try_emplace(key, allocations.size());
    if (isNew) {
      PlannedAllocation allocation;
      allocation.entry = entry;
      allocation.pool = symbols.lookup<cmd::PoolOp>(buffer.getPool());
      allocation.offset = buffer.getOffset();
      allocation.engine = use.engine.str();
      allocation.isScratch = use.isScratch;
      allocations.push_back(std::move(allocation));
      accessesOf.try_emplace(it->second, use.accesses);
    }
    PlannedAllocation &allocation = allocations[it->second];
    allocation.buffers.push_back(buffer);
    int64_t end = std::max<int64_t>(allocation.offset + allocation.bytes,
                                    buffer.getOffset() + buffer.getBytes());
    allocation.offset = std::min<int64_t>(allocation.offset, buffer.getOffset());
    allocation.bytes = end - allocation.offset;
    plan::Accesses &accesses = accessesOf.find(it->second)->second;
    accesses.merge(use.accesses);
    std::tie(allocation.first, allocation.last) = accesses.span();
  }
}

plan::MemoryProblem EntryMemory::getProblem(ArrayRef<PlannedAllocation> allocations,
                                            ArrayRef<unsigned> chosen, int64_t alignment) const {
  plan::MemoryProblem problem;
  problem.alignment = std::max<int64_t>(alignment, 1);
  for (unsigned index : chosen)
    problem.buffers.push_back(
        {index, allocations[index].first, allocations[index].last + 1, allocations[index].bytes});
  // With several queues a lifetime is no interval of the list.
  if (queues.size() > 1) {
    problem.precedes.assign(chosen.size(), llvm::BitVector(chosen.size()));
    for (auto [a, first] : llvm::enumerate(chosen))
      for (auto [b, second] : llvm::enumerate(chosen))
        if (a != b &&
            accessesOf.find(first)->second.isBefore(order, accessesOf.find(second)->second))
          problem.precedes[a].set(b);
  }
  return problem;
}

} // namespace

PlannedMemory tercet::report::getPlannedMemory(ModuleOp planned) {
  PlannedMemory memory;
  SymbolTable symbols(planned);
  for (auto pool : planned.getOps<cmd::PoolOp>())
    if (pool.getKind() == cmd::PoolKind::Arena)
      memory.arenas.push_back(PlannedArena{pool, {}, {}, 0, 0, {}});
  for (auto entry : planned.getOps<cmd::EntryOp>()) {
    size_t begin = memory.allocations.size();
    EntryMemory commands(entry, symbols);
    commands.collect(memory.allocations);
    for (PlannedArena &arena : memory.arenas) {
      SmallVector<unsigned> here;
      llvm::MapVector<StringRef, SmallVector<unsigned>> byEngine;
      for (unsigned index = begin; index < memory.allocations.size(); ++index)
        if (memory.allocations[index].pool == arena.pool) {
          here.push_back(index);
          byEngine[memory.allocations[index].engine].push_back(index);
        }
      if (here.empty())
        continue;
      int64_t alignment = arena.pool.getAlignment();
      plan::MemoryProblem problem = commands.getProblem(memory.allocations, here, alignment);
      // Entries run one at a time: an arena is the largest of theirs.
      plan::MemoryBound bound = problem.findBound();
      if (!arena.peakEntry || bound.bytes > arena.peakBytes) {
        arena.peakEntry = entry;
        arena.peakBytes = bound.bytes;
        arena.livePeak.clear();
        for (unsigned witness : bound.witness)
          arena.livePeak.push_back(here[witness]);
        llvm::sort(arena.livePeak, [&](unsigned a, unsigned b) {
          return std::make_pair(-memory.allocations[a].bytes, a) <
                 std::make_pair(-memory.allocations[b].bytes, b);
        });
      }
      arena.greedyBySizeBytes = std::max(arena.greedyBySizeBytes, plan::placeBySize(problem).peak);
      for (auto &[engine, chosen] : byEngine) {
        int64_t bytes =
            plan::placeBySize(commands.getProblem(memory.allocations, chosen, alignment)).peak;
        auto it = llvm::find_if(arena.separateArenas, [&, engine = engine](const auto &separate) {
          return separate.engine == engine;
        });
        if (it == arena.separateArenas.end())
          arena.separateArenas.push_back({engine, bytes});
        else
          it->bytes = std::max(it->bytes, bytes);
      }
    }
  }
  // In the order of the machine's engines.
  llvm::StringMap<unsigned> number;
  if (auto machine = soc::MachineAttr::of(planned))
    for (Attribute attr : machine.getEngines())
      if (auto engine = dyn_cast<soc::EngineAttrInterface>(attr))
        number.try_emplace(engine.getEngineName(), number.size());
  for (PlannedArena &arena : memory.arenas) {
    if (arena.separateArenas.size() < 2)
      arena.separateArenas.clear();
    llvm::sort(arena.separateArenas, [&](const auto &a, const auto &b) {
      return number.lookup(a.engine) < number.lookup(b.engine);
    });
  }
  return memory;
}

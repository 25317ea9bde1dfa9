// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Replays the commands over memory that remembers, byte range by byte range,
// which buffer was written last, by whom, and who has read it since. The list
// is one order in which they may run; in every other one the same bytes are
// read if whoever touches the same bytes is ordered by queue or token.

#include "passes/plan/Passes.h"

#include "dialects/cmd/Cmd.h"
#include "dialects/nn/NN.h"
#include "dialects/soc/Soc.h"

#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/StringMap.h"

#include <map>

namespace tercet::plan {
#define GEN_PASS_DEF_VERIFYPLANPASS
#include "passes/plan/Passes.h.inc"
} // namespace tercet::plan

using namespace mlir;
using namespace tercet;

namespace {

/// For each command: which earlier ones have completed when it starts, one bit
/// each. Plain, quadratic, and not what the planner uses.
class Completed {
public:
  void add(Operation *command, StringRef engine, ValueRange waits) {
    llvm::BitVector before(numbers.size() + 1);
    auto join = [&](unsigned earlier) {
      before |= completed[earlier];
      before.set(earlier);
    };
    auto [it, isFirst] = lastOf.try_emplace(engine, numbers.size());
    if (!isFirst)
      join(std::exchange(it->second, numbers.size()));
    for (Value wait : waits)
      join(numbers.at(wait.getDefiningOp()));
    numbers[command] = completed.size();
    completed.push_back(std::move(before));
  }

  bool isBefore(Operation *earlier, Operation *later) const {
    unsigned bit = numbers.at(earlier);
    const llvm::BitVector &before = completed[numbers.at(later)];
    return earlier == later || (bit < before.size() && before.test(bit));
  }

private:
  llvm::DenseMap<Operation *, unsigned> numbers;
  std::vector<llvm::BitVector> completed;
  llvm::StringMap<unsigned> lastOf;
};

/// Disjoint ranges [begin, end) with the buffer that owns what is in them, the
/// command that wrote it, and those that have read it since.
class Memory {
public:
  struct Range {
    int64_t end;
    Value owner;
    Operation *writer;
    SmallVector<Operation *, 2> readers;
  };

  void write(int64_t begin, int64_t end, Value owner, Operation *writer) {
    if (begin == end)
      return;
    split(begin);
    split(end);
    ranges.erase(ranges.lower_bound(begin), ranges.lower_bound(end));
    ranges[begin] = {end, owner, writer, {}};
  }

  void read(int64_t begin, int64_t end, Operation *reader) {
    split(begin);
    split(end);
    for (auto it = ranges.lower_bound(begin); it != ranges.end() && it->first < end; ++it)
      it->second.readers.push_back(reader);
  }

  /// Calls `visit` with every range that meets [begin, end).
  void forEach(int64_t begin, int64_t end, llvm::function_ref<void(const Range &)> visit) const {
    auto it = ranges.upper_bound(begin);
    if (it != ranges.begin() && std::prev(it)->second.end > begin)
      --it;
    for (; it != ranges.end() && it->first < end; ++it)
      visit(it->second);
  }

  /// The first owner in the range that is not `owner`; null if all of it is
  /// its. Bytes that were never written are nobody's.
  std::optional<Value> stranger(int64_t begin, int64_t end, Value owner) {
    int64_t at = begin;
    while (at < end) {
      auto it = ranges.upper_bound(at);
      if (it == ranges.begin())
        return Value();
      --it;
      if (it->second.end <= at)
        return Value();
      if (it->second.owner != owner)
        return it->second.owner;
      at = it->second.end;
    }
    return std::nullopt;
  }

private:
  void split(int64_t at) {
    auto it = ranges.lower_bound(at);
    if (it == ranges.begin())
      return;
    --it;
    if (it->first < at && at < it->second.end) {
      Range tail = it->second;
      it->second.end = at;
      ranges[at] = std::move(tail);
    }
  }

  std::map<int64_t, Range> ranges;
};

class Replay {
public:
  explicit Replay(cmd::EntryOp entry) : entry(entry) {}

  LogicalResult run() {
    for (Operation &op : entry.getBody().front()) {
      if (auto dispatch = dyn_cast<cmd::DispatchOp>(op)) {
        completed.add(&op, dispatch.getEngine(), dispatch.getWaits());
        if (failed(replay(dispatch)))
          return failure();
      } else if (auto copy = dyn_cast<cmd::CopyOp>(op)) {
        completed.add(&op, copy.getEngine(), copy.getWaits());
        if (failed(read(&op, copy.getSource(), copy.getSourceOffset(), copy.getBytes())) ||
            failed(write(&op, copy.getTarget(), copy.getTargetOffset(), copy.getBytes())))
          return failure();
      }
    }
    return verifyOutputs();
  }

private:
  LogicalResult replay(cmd::DispatchOp dispatch) {
    auto kernel =
        SymbolTable::lookupNearestSymbolFrom<soc::KernelOp>(dispatch, dispatch.getKernelAttr());
    if (!kernel)
      return dispatch.emitOpError() << "kernel " << dispatch.getKernelAttr() << " is not there";
    int64_t inputs = kernel.getNumInputs(), count = dispatch.getBuffers().size();
    for (int64_t i = 0; i < inputs; ++i)
      if (failed(read(dispatch, dispatch.getBuffers()[i], dispatch.getOffsets()[i],
                      dispatch.getBytes()[i])))
        return failure();
    if (std::optional<uint64_t> updated = kernel.getUpdates();
        updated && dispatch.getBuffers()[*updated] != dispatch.getBuffers()[inputs])
      return dispatch.emitOpError() << "output 0 is not in the memory of input " << *updated
                                    << ", which the kernel updates";
    // Outputs and scratch must leave the inputs alone, but for an input that
    // the kernel can work on in place.
    for (int64_t o = inputs; o < count; ++o) {
      for (int64_t i = 0; i < inputs; ++i) {
        bool updates = o == inputs && kernel.getUpdates() == static_cast<uint64_t>(i) &&
                       dispatch.getBuffers()[i] == dispatch.getBuffers()[o] &&
                       dispatch.getOffsets()[i] == dispatch.getOffsets()[o];
        bool inPlace = updates || (o == inputs && llvm::is_contained(kernel.getInPlace(), i) &&
                                   sameRange(dispatch, i, o));
        if (!inPlace && overlap(dispatch, i, o))
          return dispatch.emitOpError() << "output " << o - inputs << " overlaps input " << i
                                        << ", which the kernel cannot work on in place";
      }
      for (int64_t other = inputs; other < o; ++other)
        if (overlap(dispatch, o, other))
          return dispatch.emitOpError()
                 << "outputs " << other - inputs << " and " << o - inputs << " overlap";
    }
    if (Value scratch = dispatch.getScratch()) {
      auto buffer = scratch.getDefiningOp<cmd::BufferOp>();
      for (int64_t i = 0; i < count; ++i)
        if (auto operand = dispatch.getBuffers()[i].getDefiningOp<cmd::BufferOp>())
          if (buffer && operand.getPool() == buffer.getPool() &&
              rangesMeet(operand.getOffset() + dispatch.getOffsets()[i], dispatch.getBytes()[i],
                         buffer.getOffset(), buffer.getBytes()))
            return dispatch.emitOpError() << "scratch overlaps operand " << i;
      if (buffer && failed(write(dispatch, scratch, 0, buffer.getBytes())))
        return failure();
    }
    for (int64_t o = inputs; o < count; ++o)
      if (failed(write(dispatch, dispatch.getBuffers()[o], dispatch.getOffsets()[o],
                       dispatch.getBytes()[o])))
        return failure();
    return success();
  }

  static bool rangesMeet(int64_t a, int64_t aBytes, int64_t b, int64_t bBytes) {
    return aBytes > 0 && bBytes > 0 && a < b + bBytes && b < a + aBytes;
  }

  static bool overlap(cmd::DispatchOp dispatch, int64_t i, int64_t j) {
    Value a = dispatch.getBuffers()[i], b = dispatch.getBuffers()[j];
    int64_t aAt = dispatch.getOffsets()[i], bAt = dispatch.getOffsets()[j];
    auto aBuffer = a.getDefiningOp<cmd::BufferOp>(), bBuffer = b.getDefiningOp<cmd::BufferOp>();
    if (aBuffer && bBuffer) {
      if (aBuffer.getPool() != bBuffer.getPool())
        return false;
      aAt += aBuffer.getOffset();
      bAt += bBuffer.getOffset();
    } else if (a != b) {
      return false;
    }
    return rangesMeet(aAt, dispatch.getBytes()[i], bAt, dispatch.getBytes()[j]);
  }

  static bool sameRange(cmd::DispatchOp dispatch, int64_t i, int64_t j) {
    auto a = dispatch.getBuffers()[i].getDefiningOp<cmd::BufferOp>();
    auto b = dispatch.getBuffers()[j].getDefiningOp<cmd::BufferOp>();
    return a && b && a.getPool() == b.getPool() &&
           a.getOffset() + dispatch.getOffsets()[i] == b.getOffset() + dispatch.getOffsets()[j] &&
           dispatch.getBytes()[i] == dispatch.getBytes()[j];
  }

  /// Where the bytes of a buffer are. Those of an arena are shared; an output's
  /// are its own; states lie in a pool of theirs; inputs and weights are there
  /// from the beginning.
  struct Where {
    Memory *memory = nullptr;
    int64_t begin = 0;
    std::string name;
  };

  Where locate(Value buffer) {
    if (auto op = buffer.getDefiningOp<cmd::BufferOp>())
      return {&arenas[op.getPoolAttr().getAttr()], static_cast<int64_t>(op.getOffset()),
              ("pool '" + op.getPool() + "'").str()};
    if (auto op = buffer.getDefiningOp<cmd::OutputOp>())
      return {&outputs[buffer], 0, ("output '" + op.getName() + "'").str()};
    if (auto op = buffer.getDefiningOp<cmd::StateOp>())
      return {&states[op.getPoolAttr().getAttr()], static_cast<int64_t>(op.getOffset()),
              ("state '" + op.getName() + "'").str()};
    return {};
  }

  LogicalResult write(Operation *command, Value buffer, int64_t offset, int64_t bytes) {
    if (bytes == 0)
      return success();
    Where where = locate(buffer);
    if (!where.memory) {
      auto diag = command->emitOpError() << "writes what is only read";
      diag.attachNote(buffer.getLoc()) << "an input or a weight";
      return diag;
    }
    int64_t begin = where.begin + offset, end = begin + bytes;
    Operation *running = nullptr;
    where.memory->forEach(begin, end, [&](const Memory::Range &range) {
      if (!completed.isBefore(range.writer, command))
        running = range.writer;
      for (Operation *reader : range.readers)
        if (!completed.isBefore(reader, command))
          running = reader;
    });
    if (running)
      return complainOfRace(command, begin, end, where, "writes", running);
    where.memory->write(begin, end, buffer, command);
    return success();
  }

  static LogicalResult complainOfRace(Operation *command, int64_t begin, int64_t end,
                                      const Where &where, StringRef verb, Operation *running) {
    auto diag = command->emitOpError()
                << verb << " bytes " << begin << " to " << end << " of " << where.name
                << " while a command of another queue may be using them";
    diag.attachNote(running->getLoc()) << "the other command, for which it does not wait";
    return diag;
  }

  LogicalResult read(Operation *command, Value buffer, int64_t offset, int64_t bytes) {
    Where where = locate(buffer);
    if (!where.memory || bytes == 0)
      return success();
    int64_t begin = where.begin + offset, end = begin + bytes;
    std::optional<Value> stranger = where.memory->stranger(begin, end, buffer);
    // What nobody has written yet of a state is from the runs before.
    if (!stranger || (!*stranger && buffer.getDefiningOp<cmd::StateOp>())) {
      Operation *running = nullptr;
      where.memory->forEach(begin, end, [&](const Memory::Range &range) {
        if (!completed.isBefore(range.writer, command))
          running = range.writer;
      });
      if (running)
        return complainOfRace(command, begin, end, where, "reads", running);
      where.memory->read(begin, end, command);
      return success();
    }
    auto diag = command->emitOpError()
                << "reads bytes " << begin << " to " << end << " of " << where.name << ", where ";
    if (*stranger) {
      diag << "another buffer has been written since";
      diag.attachNote(stranger->getLoc()) << "the other buffer";
    } else {
      diag << "nothing has been written yet";
    }
    diag.attachNote(buffer.getLoc()) << "the buffer";
    return diag;
  }

  /// The application gets every byte of every output.
  LogicalResult verifyOutputs() {
    for (auto output : entry.getBody().front().getOps<cmd::OutputOp>()) {
      auto type = cast<RankedTensorType>(output.getTensor());
      int64_t bytes = type.getNumElements() * llvm::divideCeil(type.getElementTypeBitWidth(), 8);
      if (outputs[output.getBuffer()].stranger(0, bytes, output.getBuffer()))
        return output.emitOpError() << "is not written whole";
    }
    return success();
  }

  cmd::EntryOp entry;
  Completed completed;
  DenseMap<StringAttr, Memory> arenas, states;
  DenseMap<Value, Memory> outputs;
};

/// All pools of a memory together are no more than it has, but where a CPU puts
/// them: how much of that there is the application knows.
LogicalResult verifyCapacity(ModuleOp module, soc::MachineAttr machine) {
  LogicalResult result = success();
  for (auto memory : machine.getMemories().getAsRange<soc::MemoryAttr>()) {
    bool ofCpu = llvm::any_of(machine.getEngines(), [&](Attribute attr) {
      auto engine = dyn_cast<soc::EngineAttrInterface>(attr);
      return engine && engine.getEngineKind() == "cpu" &&
             llvm::is_contained(engine.getEngineMemories(), memory.getName());
    });
    if (ofCpu || memory.getBytes() == 0)
      continue;
    uint64_t bytes = 0;
    for (auto pool : module.getOps<cmd::PoolOp>()) {
      if (pool.getMemory() != memory.getName())
        continue;
      bytes += pool.getBytes();
      if (bytes > memory.getBytes()) {
        pool.emitOpError() << "with those before it takes " << bytes << " bytes of memory '"
                           << memory.getName().getValue() << "', which has " << memory.getBytes();
        result = failure();
      }
    }
  }
  return result;
}

LogicalResult verifyWeights(ModuleOp module) {
  std::map<StringRef, std::map<int64_t, cmd::WeightOp>> byPlace;
  LogicalResult result = success();
  module.walk([&](cmd::WeightOp weight) {
    auto [it, isNew] = byPlace[weight.getPool()].try_emplace(weight.getOffset(), weight);
    if (!isNew && it->second.getWeight() != weight.getWeight()) {
      weight.emitOpError() << "lies where @" << it->second.getWeight() << " does";
      result = failure();
    }
  });
  for (auto &[pool, byOffset] : byPlace) {
    int64_t end = 0;
    for (auto &[offset, weight] : byOffset) {
      if (offset < end) {
        weight.emitOpError() << "overlaps the weight before it";
        result = failure();
      }
      end = offset + static_cast<int64_t>(weight.getBytes());
    }
  }
  return result;
}

/// Commands use only what their engines may use: pools that name engines, and
/// what the application binds.
LogicalResult verifyEngines(cmd::EntryOp entry, soc::MachineAttr machine) {
  auto verifyUse = [&](Operation *command, StringRef engine, Value buffer) -> LogicalResult {
    FlatSymbolRefAttr name;
    if (auto op = buffer.getDefiningOp<cmd::BufferOp>())
      name = op.getPoolAttr();
    else if (auto op = buffer.getDefiningOp<cmd::WeightOp>())
      name = op.getPoolAttr();
    else if (auto op = buffer.getDefiningOp<cmd::StateOp>())
      name = op.getPoolAttr();
    if (name) {
      auto pool = SymbolTable::lookupNearestSymbolFrom<cmd::PoolOp>(entry, name);
      if (pool && pool.getEngines() &&
          !llvm::is_contained(*pool.getEngines(), StringAttr::get(entry.getContext(), engine)))
        return command->emitOpError() << "uses pool '" << name.getValue()
                                      << "', which is not for engine '" << engine << "'";
      return success();
    }
    auto attr = dyn_cast_or_null<soc::EngineAttrInterface>(machine ? machine.lookupEngine(engine)
                                                                   : Attribute());
    std::string reason;
    if (attr && !attr.getObjectCpu() && attr.isPresent(reason))
      return command->emitOpError() << "uses an input or output of the entry on engine '" << engine
                                    << "', which does not see the application's memory";
    return success();
  };
  for (Operation &op : entry.getBody().front()) {
    StringRef engine;
    if (auto dispatch = dyn_cast<cmd::DispatchOp>(op))
      engine = dispatch.getEngine();
    else if (auto copy = dyn_cast<cmd::CopyOp>(op))
      engine = copy.getEngine();
    for (Value operand : op.getOperands())
      if (isa<cmd::BufferType>(operand.getType()) && failed(verifyUse(&op, engine, operand)))
        return failure();
  }
  return success();
}

struct VerifyPlanPass : plan::impl::VerifyPlanPassBase<VerifyPlanPass> {
  void runOnOperation() override {
    auto module = dyn_cast<ModuleOp>(getOperation());
    if (!module || failed(verifyWeights(module)))
      return signalPassFailure();
    auto machine = soc::MachineAttr::of(module);
    if (machine && failed(verifyCapacity(module, machine)))
      return signalPassFailure();
    for (auto entry : module.getOps<cmd::EntryOp>())
      if (failed(verifyEngines(entry, machine)) || failed(Replay(entry).run()))
        return signalPassFailure();
    markAllAnalysesPreserved();
  }
};

} // namespace

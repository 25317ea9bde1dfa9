// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Replays the commands over memory that remembers, byte range by byte range,
// which buffer was written last.

#include "passes/plan/Passes.h"

#include "dialects/cmd/Cmd.h"
#include "dialects/nn/NN.h"
#include "dialects/soc/Soc.h"

#include "mlir/IR/SymbolTable.h"

#include <map>

namespace tercet::plan {
#define GEN_PASS_DEF_VERIFYPLANPASS
#include "passes/plan/Passes.h.inc"
} // namespace tercet::plan

using namespace mlir;
using namespace tercet;

namespace {

/// Disjoint ranges [begin, end) with the buffer that owns what is in them.
class Memory {
public:
  void write(int64_t begin, int64_t end, Value owner) {
    if (begin == end)
      return;
    split(begin);
    split(end);
    ranges.erase(ranges.lower_bound(begin), ranges.lower_bound(end));
    ranges[begin] = {end, owner};
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
  struct Range {
    int64_t end;
    Value owner;
  };

  void split(int64_t at) {
    auto it = ranges.lower_bound(at);
    if (it == ranges.begin())
      return;
    --it;
    if (it->first < at && at < it->second.end) {
      ranges[at] = it->second;
      it->second.end = at;
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
        if (failed(replay(dispatch)))
          return failure();
      } else if (auto copy = dyn_cast<cmd::CopyOp>(op)) {
        if (failed(read(&op, copy.getSource(), copy.getSourceOffset(), copy.getBytes())))
          return failure();
        write(copy.getTarget(), copy.getTargetOffset(), copy.getBytes());
      }
    }
    return success();
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
    // Outputs and scratch must leave the inputs alone, but for an input that
    // the kernel can work on in place.
    for (int64_t o = inputs; o < count; ++o) {
      for (int64_t i = 0; i < inputs; ++i) {
        bool inPlace =
            o == inputs && llvm::is_contained(kernel.getInPlace(), i) && sameRange(dispatch, i, o);
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
      if (buffer)
        write(scratch, 0, buffer.getBytes());
    }
    for (int64_t o = inputs; o < count; ++o)
      write(dispatch.getBuffers()[o], dispatch.getOffsets()[o], dispatch.getBytes()[o]);
    return success();
  }

  static bool rangesMeet(int64_t a, int64_t aBytes, int64_t b, int64_t bBytes) {
    return a < b + bBytes && b < a + aBytes;
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

  void write(Value buffer, int64_t offset, int64_t bytes) {
    if (auto op = buffer.getDefiningOp<cmd::BufferOp>())
      arenas[op.getPoolAttr().getAttr()].write(op.getOffset() + offset,
                                               op.getOffset() + offset + bytes, buffer);
  }

  LogicalResult read(Operation *command, Value buffer, int64_t offset, int64_t bytes) {
    auto op = buffer.getDefiningOp<cmd::BufferOp>();
    if (!op)
      return success();
    int64_t begin = op.getOffset() + offset;
    std::optional<Value> stranger =
        arenas[op.getPoolAttr().getAttr()].stranger(begin, begin + bytes, buffer);
    if (!stranger)
      return success();
    auto diag = command->emitOpError() << "reads bytes " << begin << " to " << begin + bytes
                                       << " of pool '" << op.getPool() << "', where ";
    if (*stranger) {
      diag << "another buffer has been written since";
      diag.attachNote(stranger->getLoc()) << "the other buffer";
    } else {
      diag << "nothing has been written yet";
    }
    diag.attachNote(op.getLoc()) << "the buffer";
    return diag;
  }

  cmd::EntryOp entry;
  DenseMap<StringAttr, Memory> arenas;
};

LogicalResult verifyWeights(ModuleOp module) {
  std::map<int64_t, cmd::WeightOp> byOffset;
  LogicalResult result = success();
  module.walk([&](cmd::WeightOp weight) {
    auto [it, isNew] = byOffset.try_emplace(weight.getOffset(), weight);
    if (!isNew && it->second.getWeight() != weight.getWeight()) {
      weight.emitOpError() << "lies where @" << it->second.getWeight() << " does";
      result = failure();
    }
  });
  int64_t end = 0;
  for (auto &[offset, weight] : byOffset) {
    if (offset < end) {
      weight.emitOpError() << "overlaps the weight before it";
      result = failure();
    }
    end = offset + static_cast<int64_t>(weight.getBytes());
  }
  return result;
}

struct VerifyPlanPass : plan::impl::VerifyPlanPassBase<VerifyPlanPass> {
  void runOnOperation() override {
    auto module = dyn_cast<ModuleOp>(getOperation());
    if (!module || failed(verifyWeights(module)))
      return signalPassFailure();
    for (auto entry : module.getOps<cmd::EntryOp>())
      if (failed(Replay(entry).run()))
        return signalPassFailure();
    markAllAnalysesPreserved();
  }
};

} // namespace

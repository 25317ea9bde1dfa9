// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What all commands that run a kernel have in common: how its memories are
// aligned. Only for engines with code of their own, which may choose wider
// accesses for it; the CPU's kernels take any address.

#include "passes/plan/Passes.h"

#include "dialects/cmd/Cmd.h"
#include "dialects/soc/Soc.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/TypeSwitch.h"

namespace tercet::plan {
#define GEN_PASS_DEF_ASSIGNALIGNMENTSPASS
#include "passes/plan/Passes.h.inc"
} // namespace tercet::plan

using namespace mlir;
using namespace tercet;

namespace {

/// The greatest power of two that divides both; the first is one.
int64_t common(int64_t alignment, int64_t offset) {
  return offset == 0 ? alignment : std::min(alignment, offset & -offset);
}

class PlacedMemory {
public:
  explicit PlacedMemory(ModuleOp module) : symbols(module) {}

  soc::KernelOp kernelOf(cmd::DispatchOp dispatch) {
    return symbols.lookup<soc::KernelOp>(dispatch.getKernel());
  }

  int64_t alignmentOf(Value buffer) {
    auto elementBytes = [](Type tensor) {
      Type element = cast<RankedTensorType>(tensor).getElementType();
      return static_cast<int64_t>(llvm::divideCeil(element.getIntOrFloatBitWidth(), 8));
    };
    return llvm::TypeSwitch<Operation *, int64_t>(buffer.getDefiningOp())
        .Case<cmd::BufferOp, cmd::WeightOp, cmd::StateOp>([&](auto op) {
          auto pool = symbols.lookup<cmd::PoolOp>(op.getPool());
          return pool ? common(pool.getAlignment(), op.getOffset()) : 1;
        })
        .Case<cmd::InputOp, cmd::OutputOp>([&](auto op) { return elementBytes(op.getTensor()); })
        .Default([](auto) { return 1; });
  }

private:
  SymbolTable symbols;
};

struct AssignAlignmentsPass : plan::impl::AssignAlignmentsPassBase<AssignAlignmentsPass> {
  void runOnOperation() override {
    auto machine = soc::MachineAttr::of(getOperation());
    if (!machine)
      return;
    PlacedMemory memory(getOperation());
    llvm::MapVector<soc::KernelOp, SmallVector<int64_t>> alignments;
    getOperation().walk([&](cmd::DispatchOp dispatch) {
      auto engine =
          dyn_cast_or_null<soc::EngineAttrInterface>(machine.lookupEngine(dispatch.getEngine()));
      soc::KernelOp kernel = memory.kernelOf(dispatch);
      if (!engine || engine.getObjectCpu() || !kernel ||
          dispatch.getBuffers().size() != kernel.getNumBuffers())
        return;
      SmallVector<int64_t> &least = alignments[kernel];
      least.resize(kernel.getNumBuffers(), INT64_C(1) << 30);
      for (auto [number, buffer, offset] :
           llvm::enumerate(dispatch.getBuffers(), dispatch.getOffsets()))
        least[number] = std::min(least[number], common(memory.alignmentOf(buffer), offset));
    });
    for (auto &[kernel, values] : alignments)
      soc::KernelOp(kernel).setAlignments(values);
  }
};

} // namespace

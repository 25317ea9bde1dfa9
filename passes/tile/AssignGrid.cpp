// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The kernel's grid from the trip counts of its outermost forall.

#include "passes/tile/KernelGrid.h"
#include "passes/tile/Passes.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

namespace tercet::tile {
#define GEN_PASS_DEF_ASSIGNGRIDPASS
#include "passes/tile/Passes.h.inc"
} // namespace tercet::tile

using namespace mlir;
using namespace tercet;

FailureOr<tile::KernelGrid> tile::KernelGrid::of(soc::KernelOp kernel) {
  KernelGrid grid;
  for (Operation &op : kernel.getBody().front()) {
    auto forall = dyn_cast<scf::ForallOp>(op);
    if (!forall)
      continue;
    if (grid.forall) {
      auto diag = forall.emitOpError() << "is the kernel's second grid; expected at most one";
      diag.attachNote(grid.forall.getLoc()) << "first grid here";
      return failure();
    }
    grid.forall = forall;
  }
  if (!grid.forall)
    return grid;
  if (grid.forall.getRank() > 3)
    return grid.forall.emitOpError()
           << "has " << grid.forall.getRank() << " dimensions; a grid has at most 3";
  if (grid.forall.getNumResults() != 0)
    return grid.forall.emitOpError() << "expected a forall on memrefs, without results";
  for (Operation &op : kernel.getBody().front())
    if (&op != grid.forall && !isMemoryEffectFree(&op) && !isa<soc::ReturnOp>(op) &&
        !isa<memref::AllocaOp>(op)) {
      auto diag = op.emitOpError() << "would run once a tile; expected nothing beside the grid";
      diag.attachNote(grid.forall.getLoc()) << "grid here";
      return failure();
    }
  int64_t rank = grid.forall.getRank();
  SmallVector<OpFoldResult> lower = grid.forall.getMixedLowerBound(),
                            upper = grid.forall.getMixedUpperBound(),
                            steps = grid.forall.getMixedStep();
  for (int64_t dim = 0; dim < rank; ++dim) {
    std::optional<int64_t> from = getConstantIntValue(lower[dim]),
                           to = getConstantIntValue(upper[dim]),
                           by = getConstantIntValue(steps[dim]);
    if (!from || !to || !by || *by <= 0)
      return grid.forall.emitOpError()
             << "expected constant bounds of the grid's dimension " << dim;
    grid.counts[rank - 1 - dim] = *to <= *from ? 0 : llvm::divideCeil(*to - *from, *by);
  }
  return grid;
}

namespace {

struct AssignGridPass : tile::impl::AssignGridPassBase<AssignGridPass> {
  void runOnOperation() override {
    soc::KernelOp kernel = getOperation();
    FailureOr<tile::KernelGrid> grid = tile::KernelGrid::of(kernel);
    if (failed(grid))
      return signalPassFailure();
    kernel.setGrid(ArrayRef<int64_t>(grid->counts));
  }
};

} // namespace

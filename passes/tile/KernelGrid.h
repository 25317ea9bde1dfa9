// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The grid of a kernel: its one top-level scf.forall, whose last dimension is
// x, the one before it y, then z.

#ifndef TERCET_PASSES_TILE_KERNELGRID_H
#define TERCET_PASSES_TILE_KERNELGRID_H

#include "dialects/soc/Soc.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

#include <array>

namespace tercet::tile {

struct KernelGrid {
  mlir::scf::ForallOp forall; // null if the kernel is one tile
  std::array<int64_t, 3> counts{1, 1, 1};

  /// Reports an error if the kernel's loops do not form a grid.
  static mlir::FailureOr<KernelGrid> of(soc::KernelOp kernel);
};

} // namespace tercet::tile

#endif // TERCET_PASSES_TILE_KERNELGRID_H

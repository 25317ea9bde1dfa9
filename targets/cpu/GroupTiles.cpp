// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sizes from the caches and the number of workers.

#include "targets/cpu/GroupTiles.h"

#include "passes/partition/GroupPanels.h"

using namespace mlir;
using namespace tercet;

/// Tiles of a product of few rows for each worker, of which the last ones even out.
static constexpr int64_t kTilesPerWorker = 4;

/// Columns of a tile of many rows.
static constexpr int64_t kTileColumns = 128;

SmallVector<int64_t> cpu::tilesOfGroupProduct(soc::CpuAttr cpu, nn::GroupMatmulOp product,
                                              int64_t rows, int64_t columns, unsigned workers) {
  int64_t step = partition::groupPanelOf(cpu), depth = std::max<int64_t>(1, product.getDepth());
  std::optional<nn::GroupsAttr> left = product.getLhsFormat();
  int64_t rowBytes = left ? left->getBlocks(depth) * left->getBytes() : depth * 4;
  int64_t rowsInCache = cpu.getL2Bytes() / 2 / rowBytes;
  int64_t height = std::clamp<int64_t>(rowsInCache / 16 * 16, 16, 128);
  int64_t rowTiles = llvm::divideCeil(rows, height);
  int64_t wanted = llvm::divideCeil(kTilesPerWorker * int64_t(workers), rowTiles);
  int64_t width = llvm::alignTo(llvm::divideCeil(columns, wanted), step);
  if (rows > 16)
    width = std::min<int64_t>(width, std::max<int64_t>(step, kTileColumns / step * step));
  return {static_cast<int64_t>(llvm::divideCeil(rows, rowTiles)), width};
}

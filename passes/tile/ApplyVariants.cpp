// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tiles kernels by their variants, with upstream's tile-and-fuse.

#include "passes/tile/Passes.h"

#include "dialects/soc/Soc.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/Interfaces/TilingInterface.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace tercet::tile {
#define GEN_PASS_DEF_APPLYVARIANTSPASS
#include "passes/tile/Passes.h.inc"
} // namespace tercet::tile

using namespace mlir;
using namespace tercet;

namespace {

/// Tile sizes of the root's loops from those of its result's dimensions.
std::optional<SmallVector<int64_t>> tilesOfLoops(TilingInterface root, ArrayRef<int64_t> tiles) {
  SmallVector<int64_t> loops(root.getLoopIteratorTypes().size(), 0);
  auto linalgOp = dyn_cast<linalg::LinalgOp>(root.getOperation());
  AffineMap map =
      linalgOp ? linalgOp.getMatchingIndexingMap(linalgOp.getDpsInitOperand(0)) : AffineMap();
  for (auto [dim, size] : llvm::enumerate(tiles)) {
    if (size == 0)
      continue;
    unsigned loop = dim;
    if (map) {
      if (dim >= map.getNumResults() || !isa<AffineDimExpr>(map.getResult(dim)))
        return std::nullopt;
      loop = map.getDimPosition(dim);
    }
    if (loop >= loops.size())
      return std::nullopt;
    loops[loop] = size;
  }
  return loops;
}

/// A part that is cut out has no loops, a copy of it has.
void copySlice(bufferization::MaterializeInDestinationOp store) {
  auto slice = store.getSource().getDefiningOp<tensor::ExtractSliceOp>();
  if (!slice)
    return;
  OpBuilder b(store);
  Value memory =
      bufferization::ToTensorOp::create(b, store.getLoc(), slice.getType(), store.getDest(),
                                        /*restrict=*/true, /*writable=*/true);
  auto copy = linalg::CopyOp::create(b, slice.getLoc(), slice.getResult(), memory);
  store.getSourceMutable().assign(copy.getResult(0));
}

struct ApplyVariantsPass : tile::impl::ApplyVariantsPassBase<ApplyVariantsPass> {
  void runOnOperation() override {
    soc::KernelOp kernel = getOperation();
    ArrayRef<int64_t> tiles = kernel.getVariant().getTiles().asArrayRef();
    if (llvm::all_of(tiles, [](int64_t size) { return size == 0; }))
      return;
    bufferization::MaterializeInDestinationOp store;
    for (auto op : kernel.getBody().getOps<bufferization::MaterializeInDestinationOp>())
      if (!store)
        store = op;
    if (store)
      copySlice(store);
    auto root = store ? store.getSource().getDefiningOp<TilingInterface>() : TilingInterface();
    if (!root) {
      kernel.emitOpError() << "variant '" << kernel.getVariant().getName().getValue()
                           << "' tiles an operation that cannot be tiled";
      return signalPassFailure();
    }
    std::optional<SmallVector<int64_t>> loopTiles = tilesOfLoops(root, tiles);
    if (!loopTiles) {
      kernel.emitOpError() << "variant '" << kernel.getVariant().getName().getValue() << "' tiles "
                           << tiles.size() << " dimensions, which are not all loops of the root";
      return signalPassFailure();
    }

    // Upstream tiles a softmax wherever it is asked to.
    auto cutSoftmax = kernel.walk([&](linalg::SoftmaxOp softmax) {
      uint64_t dim = softmax.getDimension();
      if (dim >= tiles.size() || tiles[dim] == 0)
        return WalkResult::advance();
      softmax.emitOpError() << "is cut along its dimension " << dim << " by variant '"
                            << kernel.getVariant().getName().getValue() << "'";
      return WalkResult::interrupt();
    });
    if (cutSoftmax.wasInterrupted())
      return signalPassFailure();

    IRRewriter rewriter(&getContext());
    scf::SCFTileAndFuseOptions options;
    SmallVector<OpFoldResult> sizes;
    for (int64_t size : *loopTiles)
      sizes.push_back(rewriter.getIndexAttr(size));
    options.tilingOptions.setTileSizes(sizes);
    options.tilingOptions.setLoopType(scf::SCFTilingOptions::LoopType::ForallOp);
    rewriter.setInsertionPoint(root);
    auto tiled = scf::tileConsumerAndFuseProducersUsingSCF(rewriter, root, options);
    if (failed(tiled)) {
      kernel.emitOpError() << "cannot be tiled by variant '"
                           << kernel.getVariant().getName().getValue() << "'";
      return signalPassFailure();
    }
    for (auto [value, replacement] : tiled->replacements)
      rewriter.replaceAllUsesWith(value, replacement);

    // What is left of the untiled operations goes; slices of empty tensors
    // become small empty tensors, equal tiles one.
    RewritePatternSet patterns(&getContext());
    tensor::populateFoldTensorEmptyPatterns(patterns);
    linalg::populateSwapExtractSliceWithFillPatterns(patterns);
    for (auto *dialect : getContext().getLoadedDialects())
      dialect->getCanonicalizationPatterns(patterns);
    tensor::ExtractSliceOp::getCanonicalizationPatterns(patterns, &getContext());
    if (failed(applyPatternsGreedily(kernel, std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace

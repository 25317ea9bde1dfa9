// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Cuts with upstream's tiling interface: the root is tiled, what it reads is
// tiled along the slices that come of that, until slices of block arguments
// are left. Those that are contiguous move out of the group.

#include "passes/partition/GroupShares.h"

#include "dialects/nn/NN.h"
#include "dialects/soc/Views.h"
#include "passes/partition/GroupWork.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/TilingInterface.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::partition;

namespace {

/// The loop of the root that walks dimension `dim` of its result, if it is
/// parallel and has a loop of its own.
std::optional<unsigned> loopOf(TilingInterface root, unsigned dim) {
  SmallVector<utils::IteratorType> loops = root.getLoopIteratorTypes();
  unsigned loop = dim;
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(root.getOperation())) {
    AffineMap map = linalgOp.getMatchingIndexingMap(linalgOp.getDpsInitOperand(0));
    if (dim >= map.getNumResults() || !isa<AffineDimExpr>(map.getResult(dim)))
      return std::nullopt;
    loop = map.getDimPosition(dim);
  }
  if (loop >= loops.size() || loops[loop] != utils::IteratorType::parallel)
    return std::nullopt;
  return loop;
}

/// Whether a group works on a tensor without elements. Upstream's tiling does
/// not survive loops that do not run, and there is nothing to share.
bool hasEmptyTensor(soc::GroupOp group) {
  auto isEmpty = [](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return tensor && llvm::is_contained(tensor.getShape(), 0);
  };
  return llvm::any_of(group->getOperandTypes(), isEmpty) ||
         llvm::any_of(group.getBody().front(),
                      [&](Operation &op) { return llvm::any_of(op.getResultTypes(), isEmpty); });
}

class Cutter {
public:
  Cutter(RewriterBase &rewriter, soc::GroupOp share) : rewriter(rewriter), share(share) {}

  /// Replaces what the share yields by rows of it.
  LogicalResult cut(unsigned dim, int64_t begin, int64_t size) {
    Block &body = share.getBody().front();
    Operation *yield = body.getTerminator();
    auto root = yield->getOperand(0).getDefiningOp<TilingInterface>();
    std::optional<unsigned> loop = root ? loopOf(root, dim) : std::nullopt;
    if (!loop || root->getNumResults() != 1 || isa<tensor::PadOp>(root.getOperation()))
      return failure();
    rewriter.setInsertionPoint(root);
    SmallVector<OpFoldResult> offsets, sizes;
    for (auto [index, range] : llvm::enumerate(root.getIterationDomain(rewriter))) {
      bool here = index == *loop;
      offsets.push_back(here ? rewriter.getIndexAttr(begin) : range.offset);
      sizes.push_back(here ? rewriter.getIndexAttr(size) : range.size);
    }
    FailureOr<TilingResult> tiled = root.getTiledImplementation(rewriter, offsets, sizes);
    if (failed(tiled) || tiled->tiledValues.size() != 1)
      return failure();
    rewriter.modifyOpInPlace(yield, [&] { yield->setOperand(0, tiled->tiledValues[0]); });
    rewriter.eraseOp(root);
    SmallVector<Operation *> slices(tiled->generatedSlices);
    while (!slices.empty())
      if (failed(fuse(slices.pop_back_val(), slices)))
        return failure();
    return success();
  }

  /// Folds what has become constant or unused.
  LogicalResult simplify() {
    MLIRContext *context = share.getContext();
    RewritePatternSet patterns(context);
    tensor::populateFoldTensorEmptyPatterns(patterns);
    linalg::populateSwapExtractSliceWithFillPatterns(patterns);
    tensor::ExtractSliceOp::getCanonicalizationPatterns(patterns, context);
    return applyPatternsGreedily(share.getBody(), std::move(patterns));
  }

  /// Moves slices of block arguments out of the group where all uses agree.
  void hoistSlices() {
    Block &body = share.getBody().front();
    for (BlockArgument argument : body.getArguments()) {
      tensor::ExtractSliceOp slice;
      bool same = !argument.use_empty();
      for (Operation *user : argument.getUsers()) {
        auto other = dyn_cast<tensor::ExtractSliceOp>(user);
        same &= other && (!slice || (other.getStaticOffsets() == slice.getStaticOffsets() &&
                                     other.getStaticSizes() == slice.getStaticSizes() &&
                                     other.getType() == slice.getType()));
        slice = other ? other : slice;
      }
      Value operand = share.getInputs()[argument.getArgNumber()];
      bool isWeight = isa_and_nonnull<nn::GetWeightOp>(operand.getDefiningOp());
      if (!same || !slice || (!soc::getContiguousOffset(slice) && !isWeight) ||
          !slice.getOffsets().empty() || !slice.getSizes().empty())
        continue;
      rewriter.setInsertionPoint(share);
      auto outside = cast<tensor::ExtractSliceOp>(rewriter.clone(*slice));
      outside.getSourceMutable().assign(operand);
      rewriter.modifyOpInPlace(share, [&] {
        share.getInputsMutable()[argument.getArgNumber()].assign(outside.getResult());
        argument.setType(outside.getType());
      });
      for (Operation *user : llvm::make_early_inc_range(argument.getUsers()))
        rewriter.replaceOp(user, argument);
    }
  }

private:
  /// Tiles the producer of a slice; its own slices follow.
  LogicalResult fuse(Operation *op, SmallVector<Operation *> &slices) {
    auto slice = dyn_cast<tensor::ExtractSliceOp>(op);
    if (!slice)
      return success();
    auto producer = dyn_cast<OpResult>(slice.getSource());
    if (!producer || isa<tensor::EmptyOp>(producer.getOwner()) ||
        producer.getOwner()->hasTrait<OpTrait::ConstantLike>())
      return success();
    // What is whole stays whole, and is not computed twice for that.
    if (slice.getType() == slice.getSourceType())
      return success();
    // A part of a padding is a branch on whether it meets the source.
    if (!isa<TilingInterface>(producer.getOwner()) || isa<tensor::PadOp>(producer.getOwner()))
      return failure();
    rewriter.setInsertionPoint(slice);
    FailureOr<TilingResult> tiled =
        tensor::replaceExtractSliceWithTiledProducer(rewriter, slice, producer);
    if (failed(tiled) || tiled->tiledValues.size() != 1)
      return failure();
    rewriter.replaceOp(slice, tiled->tiledValues[0]);
    llvm::append_range(slices, tiled->generatedSlices);
    return success();
  }

  RewriterBase &rewriter;
  soc::GroupOp share;
};

} // namespace

FailureOr<soc::GroupOp> partition::cutShare(RewriterBase &rewriter, soc::GroupOp group,
                                            int64_t begin, int64_t size) {
  std::optional<unsigned> dim = getShareDim(group);
  if (!dim || group.getOutputs().size() != 1 || hasEmptyTensor(group))
    return failure();
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPoint(group);
  auto type = cast<RankedTensorType>(group.getOutputs()[0].getType());
  SmallVector<int64_t> shape(type.getShape());
  if (begin < 0 || size <= 0 || size > shape[*dim] - begin)
    return failure();
  shape[*dim] = size;
  auto share = soc::GroupOp::create(rewriter, group.getLoc(), TypeRange{type.clone(shape)},
                                    StringAttr(), soc::VariantAttr(), ArrayAttr(), ArrayAttr(),
                                    ArrayAttr(), group.getInputs(), group.getScalars());
  IRMapping mapping;
  rewriter.cloneRegionBefore(group.getBody(), share.getBody(), share.getBody().end(), mapping);
  Cutter cutter(rewriter, share);
  if (failed(cutter.cut(*dim, begin, size)) || failed(cutter.simplify())) {
    rewriter.eraseOp(share);
    return failure();
  }
  cutter.hoistSlices();
  return share;
}

LogicalResult partition::verifyShares(soc::GroupOp group) {
  int64_t rows = getShareRows(group), at = 0;
  if (rows == 0)
    return group.emitOpError() << "has shares, but no rows to share";
  for (auto share : group.getShares()->getAsRange<soc::ShareAttr>()) {
    StringRef engine = share.getEngine().getValue();
    if (share.getBegin() != at)
      return group.emitOpError() << "expected the share on engine '" << engine
                                 << "' to begin at row " << at << ", got " << share.getBegin();
    if (share.getSize() <= 0 || share.getSize() > rows - at)
      return group.emitOpError() << "expected the share on engine '" << engine << "' to have 1 to "
                                 << rows - at << " rows, got " << share.getSize();
    at += share.getSize();
  }
  if (at != rows)
    return group.emitOpError() << "its shares cover " << at << " of " << rows << " rows";
  return success();
}

SmallVector<ReadRange> partition::getReadRanges(soc::GroupOp group, soc::GroupOp share) {
  SmallVector<ReadRange> ranges;
  for (auto [whole, part] : llvm::zip(group.getInputs(), share.getInputs())) {
    ReadRange range{0, cast<RankedTensorType>(whole.getType()).getNumElements()};
    auto slice = part.getDefiningOp<tensor::ExtractSliceOp>();
    if (part != whole && slice)
      if (std::optional<int64_t> offset = soc::getContiguousOffset(slice))
        range = {*offset, slice.getType().getNumElements()};
    ranges.push_back(range);
  }
  return ranges;
}

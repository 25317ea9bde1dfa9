// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Looks at all tiles of a small lattice, keeps those that fit, and prices them.
// Integers only, so that every machine chooses the same. The factors that no
// machine file gives are estimates; they order tiles of one group, the file's
// efficiencies say how near the best comes to the peak.

#include "passes/partition/WorkgroupTiles.h"

#include "dialects/nn/NN.h"
#include "passes/partition/GroupPanels.h"
#include "passes/partition/GroupWork.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <numeric>

using namespace mlir;
using namespace tercet;
using namespace tercet::partition;

namespace {

/// Variants of a group that are worth the solver's time.
constexpr size_t kMaxVariants = 4;
/// Rows of a product below which the sums of a column are shared out over
/// threads instead of the columns (as GroupWork's thin products).
constexpr int64_t kThinRows = 8;
/// What a workgroup costs before its first operation, on one compute unit.
constexpr uint64_t kWorkgroupPs = 200000;
/// How much faster than memory the caches are from which tiles read operands
/// again.
constexpr uint64_t kCacheSpeed = 4;

/// How much faster than lanes of f16 tensor cores multiply, and sums that a thread
/// of theirs has at most.
constexpr uint64_t kTensorSpeed = 4;
constexpr int64_t kTensorSums = 128;
/// Terms of a stage of their operands, of which two are in workgroup memory at
/// least; rows and columns of what a warp multiplies at once.
constexpr int64_t kTensorTerms = 32, kTensorPart = 16;

/// a * b / c, rounded up; saturates.
uint64_t scale(uint64_t a, uint64_t b, uint64_t c) {
  unsigned __int128 value = (static_cast<unsigned __int128>(a) * b + c - 1) / c;
  constexpr uint64_t most = std::numeric_limits<int64_t>::max();
  return value > most ? most : static_cast<uint64_t>(value);
}

bool isElementwise(Operation *op) {
  auto structured = dyn_cast_or_null<linalg::LinalgOp>(op);
  return isa_and_nonnull<nn::ActivationOp>(op) ||
         (structured && structured.getNumParallelLoops() == structured.getNumLoops());
}

class TileSearch {
public:
  TileSearch(soc::PerformanceAttr performance, const WorkgroupLimits &limits, soc::GroupOp group,
             int64_t rows, llvm::function_ref<bool(Operation *)> takesWhole)
      : performance(performance), limits(limits), group(group), takesWhole(takesWhole),
        type(cast<RankedTensorType>(group.getOutputs()[0].getType())), shape(type.getShape()),
        work(GroupWork::of(group, rows)), panel(groupPanelOf(soc::MachineAttr::of(group))) {
    Block &body = group.getBody().front();
    root = body.getTerminator()->getOperand(0).getDefiningOp();
    shareDim = getShareDim(group);
    if (rows && shareDim)
      shape[*shareDim] = rows;
    // The loops are those of the rows that are written, not of the cache.
    if (auto update = dyn_cast_or_null<nn::CacheUpdateOp>(root))
      llvm::copy(cast<RankedTensorType>(update.getRows().getType()).getShape(), shape.begin());
    for (Operation &op : body.without_terminator()) {
      if (isa<linalg::MatmulOp, linalg::BatchMatmulOp, nn::GroupMatmulOp>(op))
        product = &op;
      if (isa<nn::AttentionOp, nn::CachedAttentionOp>(op))
        attention = &op;
      noteWholeDims(op);
    }
    if (isa_and_nonnull<nn::EncodeGroupsOp>(root) && hasRows)
      wholeDims.insert(1);
  }

  /// Looks at every tile of the group's class; false if none fits.
  bool run() {
    // Of a part that is cut out tile-apply-variants makes a copy, which has loops.
    if (llvm::is_contained(shape, 0) ||
        !isa_and_nonnull<TilingInterface, tensor::ExtractSliceOp>(root) || isa<tensor::PadOp>(root))
      return false;
    if (attention && attention == root)
      searchAttention();
    else if (product && shape.size() >= 2 && (root == product || isElementwise(root)))
      searchProduct();
    else
      searchElements();
    return !found.empty();
  }

  /// The fastest ones first, and of equally fast ones those that read less.
  SmallVector<soc::VariantAttr> take() {
    llvm::stable_sort(found, [](const Tile &a, const Tile &b) {
      return std::tie(a.timePs, a.cacheBytes) < std::tie(b.timePs, b.cacheBytes);
    });
    Builder b(group.getContext());
    uint64_t weights = 0;
    for (auto [number, input] : llvm::enumerate(group.getInputs()))
      if (isWeightInGroups(group, number))
        weights += bytesInPanels(group, number, panel);
      else if (isa_and_nonnull<nn::GetWeightOp>(input.getDefiningOp()))
        weights += bytesOf(input.getType());
    SmallVector<int64_t> panels(group.getInputs().size(), 0);
    for (size_t input = 0; input < panels.size(); ++input)
      if (isWeightInGroups(group, input))
        panels[input] = panel;
    SmallVector<soc::VariantAttr> variants;
    for (const Tile &tile : ArrayRef(found).take_front(kMaxVariants))
      variants.push_back(soc::VariantAttr::get(
          group.getContext(), b.getStringAttr(name), TypeAttr::get(type.getElementType()),
          b.getDenseI64ArrayAttr(tile.sizes), b.getDenseI64ArrayAttr(panels), tile.timePs,
          limits.memoryBytes, weights, granularity()));
    return variants;
  }

  uint64_t getLeastBytes() const { return leastBytes; }

private:
  struct Tile {
    SmallVector<int64_t> sizes;
    uint64_t timePs, cacheBytes;
  };

  void noteWholeDims(Operation &op) {
    if (isa<nn::LayerNormOp, nn::RmsNormOp, nn::RopeOp, nn::GroupGatherOp>(op))
      wholeDims.insert(shape.size() - 1);
    if (auto softmax = dyn_cast<linalg::SoftmaxOp>(op))
      wholeDims.insert(softmax.getDimension());
    // Of rows that are rounded by themselves a tile is some blocks.
    if (isa<nn::EncodeGroupsOp>(op))
      for (size_t dim = &op == root ? 2 : 1; dim < shape.size(); ++dim)
        wholeDims.insert(dim);
    hasRows |= isa<nn::LayerNormOp, nn::RmsNormOp, linalg::SoftmaxOp>(op);
  }

  bool isForTensorCores() const {
    if (!limits.tensorCores || !isa<linalg::MatmulOp, linalg::BatchMatmulOp>(product))
      return false;
    auto elementOf = [&](unsigned operand) {
      return getElementTypeOrSelf(product->getOperand(operand).getType());
    };
    Type element = elementOf(0);
    return (element.isF16() || element.isBF16()) && elementOf(1) == element;
  }

  /// Of all tiles that fit the registers and the memory for two stages of the
  /// operands. What a tile costs beside multiplications is its traffic with
  /// workgroup memory: 128 bytes in the time of 1024 multiply-adds, where each warp
  /// reads its rows and columns and each stage is written once. Half is hidden.
  void searchTensorProduct() {
    name = "tensor-product";
    size_t m = shape.size() - 2, n = shape.size() - 1;
    SmallVector<int64_t> sizes(shape.size(), 1);
    int64_t width =
        cast<RankedTensorType>(product->getOperand(0).getType()).getElementTypeBitWidth() / 8;
    for (int64_t rows : {128, 256, 64, 32, 16})
      for (int64_t columns : {256, 128, 64, 32}) {
        int64_t stage = (rows + columns) * kTensorTerms * width;
        if (rows * columns > kTensorSums * limits.threads ||
            2 * stage > static_cast<int64_t>(limits.memoryBytes))
          continue;
        int64_t partRows = rows, partColumns = columns;
        for (int64_t warps = limits.threads / 32; warps > 1; warps /= 2) {
          int64_t &larger = partRows >= partColumns ? partRows : partColumns;
          if (larger > kTensorPart)
            larger /= 2;
        }
        uint64_t parts = rows / partRows * (columns / partColumns);
        uint64_t moved = width * (parts * (partRows + partColumns) + rows + columns);
        uint64_t multiplied = rows * columns * 128 / 1024;
        sizes[m] = rows;
        sizes[n] = columns;
        consider(sizes, (100 + 50 * moved / multiplied) / kTensorSpeed,
                 (std::min(rows, shape[m]) + std::min(columns, shape[n])) * depthOfProduct() *
                     width);
      }
  }

  /// Columns in multiples of what a thread loads at once, and as many elements
  /// as the threads can sum in registers.
  void searchProduct() {
    size_t m = shape.size() - 2, n = shape.size() - 1;
    bool thin = shape[m] < kThinRows;
    if (!thin && isForTensorCores())
      return searchTensorProduct();
    name = thin ? "thin-product" : "product";
    if (isa<nn::GroupMatmulOp>(product))
      name = thin ? "thin-group-product" : "group-product";
    // Products of integers have a sum of a group beside that of all groups.
    auto inGroups = dyn_cast<nn::GroupMatmulOp>(product);
    int64_t sumsOfResult = inGroups && inGroups.getLhsFormat() ? 2 : 1;
    SmallVector<int64_t> sizes(shape.size(), 1);
    for (int64_t columns : {128, 64, 32, 16, 8}) {
      // A tile begins at a panel.
      if (inGroups && columns % panel != 0)
        continue;
      sizes[n] = columns;
      if (thin) {
        sizes[m] = shape[m];
        considerProduct(sizes, /*percent=*/100);
        continue;
      }
      for (int64_t rows : {128, 64, 32, 16, 8}) {
        int64_t sums = rows * columns / limits.threads;
        if (columns < 32 || sums < 4 || sums * sumsOfResult > limits.accumulators)
          continue;
        sizes[m] = rows;
        // Of a thread's `sums` four are of one row: what it loads for each
        // multiplication is a part 1/4 + 4/sums, of which half is hidden.
        considerProduct(sizes, 100 + 50 / 4 + 50 * 4 / sums);
      }
    }
  }

  /// Queries of one head of one batch.
  void searchAttention() {
    name = "attention";
    for (int64_t queries : {32, 16, 8, 4, 1})
      consider({1, queries, 1, 0}, 100, 0);
  }

  void searchElements() {
    name = hasRows ? "rows" : "elements";
    int64_t whole = 1, terms = 1;
    for (int64_t dim : wholeDims)
      whole *= shape[dim];
    if (auto structured = dyn_cast<linalg::LinalgOp>(root))
      for (auto [range, kind] :
           llvm::zip(structured.getStaticLoopRanges(), structured.getIteratorTypesArray()))
        if (kind != utils::IteratorType::parallel && !ShapedType::isDynamic(range))
          terms *= std::max<int64_t>(1, range);
    int64_t unit = hasRows ? whole : limits.threads;
    // A thread makes a block; half as many where not all find room.
    if (isa<nn::EncodeGroupsOp>(root) && !hasRows)
      unit = whole * limits.threads / 2;
    for (int64_t units : {16, 8, 4, 2, 1})
      if (units == 1 || units * unit * std::min<int64_t>(terms, 64) <= 64 * 16 * limits.threads)
        consider(tileOfElements(units * unit), 100, 0);
  }

  /// Sizes from the innermost dimension out, about so many elements; a grid has
  /// three dimensions, the innermost of more can stay whole.
  SmallVector<int64_t> tileOfElements(int64_t budget) {
    SmallVector<int64_t> sizes(shape.size(), 0);
    int64_t inner = 1;
    unsigned tiled = 0;
    for (int64_t dim = shape.size() - 1; dim >= 0; --dim) {
      int64_t tile = std::clamp<int64_t>(budget / inner, 1, shape[dim]);
      if (wholeDims.contains(dim))
        tile = shape[dim];
      // Tiles of unequal size would be converted in workgroup memory first.
      else if (isa<nn::CacheUpdateOp>(root))
        while (shape[dim] % tile != 0)
          --tile;
      else if (dim + 1 == static_cast<int64_t>(shape.size()) && tile < shape[dim])
        tile = std::min<int64_t>(shape[dim], llvm::alignTo(tile, 32));
      inner *= tile;
      if (tile >= shape[dim])
        continue;
      int64_t parts = llvm::divideCeil(shape[dim], tile);
      sizes[dim] = dim + 1 == static_cast<int64_t>(shape.size())
                       ? tile
                       : llvm::divideCeil(shape[dim], parts);
      ++tiled;
    }
    for (int64_t dim = shape.size() - 1; dim >= 0 && tiled > 3; --dim)
      if (sizes[dim]) {
        sizes[dim] = 0;
        --tiled;
      }
    return sizes;
  }

  void considerProduct(ArrayRef<int64_t> sizes, uint64_t percent) {
    size_t m = shape.size() - 2, n = shape.size() - 1;
    uint64_t rows = std::min(sizes[m], shape[m]), columns = std::min(sizes[n], shape[n]);
    uint64_t depth = llvm::divideCeil(work.parts.empty() ? 0 : depthOfProduct(), 1);
    // Each tile reads its rows and its columns.
    uint64_t bytes = (rows + columns) * depth * 4;
    if (auto groups = dyn_cast<nn::GroupMatmulOp>(product))
      bytes = rows * bytesOfRow(groups.getLhs()) + columns * bytesOfRow(groups.getRhs());
    consider(sizes, percent, bytes);
  }

  static uint64_t bytesOfRow(Value matrix) {
    auto type = cast<RankedTensorType>(matrix.getType());
    return bytesOf(type) / std::max<int64_t>(1, type.getDimSize(0));
  }

  uint64_t depthOfProduct() const {
    if (auto groups = dyn_cast<nn::GroupMatmulOp>(product))
      return groups.getDepth();
    return cast<RankedTensorType>(product->getOperand(0).getType()).getShape().back();
  }

  /// `percent`: what operations of products cost; `tileBytes`: what a tile reads
  /// through the caches.
  void consider(ArrayRef<int64_t> tile, uint64_t percent, uint64_t tileBytes) {
    SmallVector<int64_t> sizes(tile);
    uint64_t tiles = 1, padded = 1, elements = 1;
    for (auto [dim, size] : llvm::enumerate(sizes)) {
      if (size >= shape[dim])
        size = 0; // A grid of one tile is no grid.
      int64_t whole = size ? size : shape[dim], count = llvm::divideCeil(shape[dim], whole);
      if (count > limits.gridSize)
        return;
      tiles *= count;
      padded *= count * whole;
      elements *= shape[dim];
    }
    if (llvm::any_of(found, [&](const Tile &other) { return other.sizes == sizes; }))
      return;
    uint64_t bytes = memoryBytes(sizes);
    leastBytes = std::min(leastBytes, bytes);
    if (bytes > limits.memoryBytes)
      return;
    uint64_t waves = llvm::divideCeil(tiles, limits.computeUnits);
    GroupWork tiled = work;
    for (GroupWork::Part &part : tiled.parts) {
      bool isProduct = part.workClass == "product" || part.workClass == "thin_product";
      part.operations = scale(part.operations, isProduct ? percent : 100, 100);
      part.operations = scale(part.operations, padded, elements);
      part.operations = scale(part.operations, waves * limits.computeUnits, tiles);
    }
    tiled.readBytes = std::max(tiled.readBytes, tiles * tileBytes / kCacheSpeed);
    // Few workgroups do not saturate the memory.
    if (tiles < limits.computeUnits)
      tiled.readBytes = scale(tiled.readBytes, limits.computeUnits, tiles);
    uint64_t time = tiled.timePs(performance, 1, 1) + waves * kWorkgroupPs;
    found.push_back({std::move(sizes), time, tiles * tileBytes});
  }

  /// What is kept between operations of a tile, at most. Elementwise operations
  /// become one with the elementwise operation that alone reads them.
  uint64_t memoryBytes(ArrayRef<int64_t> sizes) {
    uint64_t bytes = 0;
    for (Operation &op : group.getBody().front().without_terminator()) {
      auto result =
          op.getNumResults() == 1 ? dyn_cast<RankedTensorType>(op.getResult(0).getType()) : nullptr;
      if (!result || op.hasTrait<OpTrait::ConstantLike>() ||
          isa<tensor::EmptyOp, linalg::FillOp, nn::GetWeightOp, tensor::ExtractSliceOp>(op))
        continue;
      uint64_t width = llvm::divideCeil(result.getElementTypeBitWidth(), 8);
      uint64_t elements = tileElements(result, sizes);
      bool fuses = isElementwise(&op) && op.hasOneUse() && isElementwise(*op.user_begin());
      if (&op != root && !fuses)
        bytes += llvm::alignTo(elements * width, 64);
      if (takesWhole(&op))
        continue;
      if (isa<nn::LayerNormOp, nn::RmsNormOp, linalg::SoftmaxOp>(op))
        bytes +=
            4 * llvm::alignTo(elements / std::max<int64_t>(1, result.getShape().back()) * 4, 64);
      if (isa<nn::AttentionOp, nn::CachedAttentionOp>(op)) {
        // Scores twice, and what the rows sum.
        uint64_t keys = cast<RankedTensorType>(op.getOperand(1).getType()).getDimSize(1);
        uint64_t rows = elements / std::max<int64_t>(1, result.getShape().back());
        bytes += 2 * llvm::alignTo(rows * keys * 4, 64) + llvm::alignTo(elements * 4, 64) +
                 4 * llvm::alignTo(rows * 4, 64);
      }
    }
    return bytes;
  }

  uint64_t tileElements(RankedTensorType value, ArrayRef<int64_t> sizes) const {
    uint64_t elements = 1;
    if (auto encode = dyn_cast<nn::EncodeGroupsOp>(root);
        encode && value.getShape() == cast<ShapedType>(encode.getInput().getType()).getShape()) {
      elements = sizes[0] ? std::min(shape[0], sizes[0]) : shape[0];
      return elements * (sizes[1] ? sizes[1] * encode.getFormat().getBlock() : value.getDimSize(1));
    }
    for (int64_t dim = 0; dim < value.getRank(); ++dim) {
      int64_t at = static_cast<int64_t>(shape.size()) - value.getRank() + dim;
      bool cut = value.getShape() == type.getShape() && at >= 0 && sizes[at] > 0;
      elements *= cut ? std::min(value.getDimSize(dim), sizes[at]) : value.getDimSize(dim);
    }
    return elements;
  }

  /// Parts of a share are cut where a tile of any row may begin, and where a word
  /// does: narrow elements are fields of words, whose others another engine may be
  /// writing.
  uint64_t granularity() {
    if (!shareDim || wholeDims.contains(*shareDim) || group.getOutputs().size() != 1 ||
        isa<tensor::ExtractSliceOp>(root))
      return 0;
    uint64_t rows = StringRef(name).ends_with("product") ? kThinRows : 1;
    for (Type type :
         llvm::concat<const Type>(group.getInputs().getTypes(), group->getResultTypes()))
      if (Type element = getElementTypeOrSelf(type);
          element.isIntOrFloat() && element.getIntOrFloatBitWidth() < 32)
        rows = std::lcm<uint64_t>(rows, 4 / llvm::divideCeil(element.getIntOrFloatBitWidth(), 8));
    return rows;
  }

  soc::PerformanceAttr performance;
  const WorkgroupLimits &limits;
  soc::GroupOp group;
  llvm::function_ref<bool(Operation *)> takesWhole;
  RankedTensorType type;
  /// Of the part of the result that is computed.
  SmallVector<int64_t> shape;
  GroupWork work;
  Operation *root = nullptr, *product = nullptr, *attention = nullptr;
  std::optional<unsigned> shareDim;
  /// Dimensions that some operation of the group needs whole.
  llvm::SmallSetVector<int64_t, 4> wholeDims;
  bool hasRows = false;
  int64_t panel;
  std::string name;
  SmallVector<Tile> found;
  uint64_t leastBytes = std::numeric_limits<int64_t>::max();
};

} // namespace

SmallVector<soc::VariantAttr> partition::findWorkgroupVariants(
    soc::PerformanceAttr performance, const WorkgroupLimits &limits, soc::GroupOp group,
    int64_t rows, llvm::function_ref<bool(Operation *)> takesWhole, std::string &reason) {
  TileSearch search(performance, limits, group, rows, takesWhole);
  if (search.run())
    return search.take();
  uint64_t least = search.getLeastBytes();
  reason = least > limits.memoryBytes && least < std::numeric_limits<int64_t>::max()
               ? "even its smallest tile keeps " + std::to_string(least) + " bytes of the " +
                     std::to_string(limits.memoryBytes) + " of workgroup memory"
               : "its result cannot be cut into tiles for workgroups";
  return {};
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Chooses tiles from the shape of a group's root. A tile is small enough that
// what it works on stays in the caches, and there are several for each worker
// so that the last ones even out.

#include "targets/cpu/CpuVariants.h"

#include "dialects/nn/NN.h"
#include "passes/partition/GroupPanels.h"
#include "passes/partition/GroupWork.h"
#include "passes/partition/IntegerForm.h"
#include "targets/cpu/AttentionKernel.h"
#include "targets/cpu/GroupTiles.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace tercet;

namespace {

class Tiling {
public:
  Tiling(soc::CpuAttr cpu, soc::PerformanceAttr performance, soc::GroupOp group, int64_t rows,
         unsigned workers, unsigned cores, soc::PrecisionAttr precision)
      : cpu(cpu), performance(performance), group(group), rows(rows), workers(workers),
        cores(cores), precision(precision) {
    body = &group.getBody().front();
    root = body->getTerminator()->getOperand(0).getDefiningOp();
    type = cast<RankedTensorType>(group.getOutputs()[0].getType());
    shape.assign(type.getShape().begin(), type.getShape().end());
    shareDim = partition::getShareDim(group);
    if (rows && shareDim)
      shape[*shareDim] = rows;
    tiles.assign(shape.size(), 0);
    panels.assign(group.getInputs().size(), 0);
    for (Operation &op : body->without_terminator()) {
      if (isa<linalg::MatmulOp, linalg::BatchMatmulOp, nn::QuantizedMatmulOp, nn::GroupMatmulOp>(
              op))
        product = &op;
      if (isa<nn::AttentionOp, nn::CachedAttentionOp, nn::QuantizedAttentionOp>(op))
        attention = &op;
    }
    // The loops are those of the rows that are written, not of the cache.
    if (auto update = dyn_cast_or_null<nn::CacheUpdateOp>(root))
      llvm::copy(cast<RankedTensorType>(update.getRows().getType()).getShape(), shape.begin());
  }

  soc::VariantAttr choose() {
    StringRef name = chooseTiles();
    // A grid of one tile is no grid.
    for (auto [tile, size] : llvm::zip(tiles, shape))
      if (tile >= size)
        tile = 0;
    Builder builder(group.getContext());
    partition::GroupWork work = partition::GroupWork::of(group, rows, precision);
    if (isInteger()) {
      // Measured on one core of an x86-64 server of 512 bits, for 128 rows: norms
      // of i16, which sum in 64 bits, take 63 us where those of f32 take 10; a
      // table takes 130 us where one pass over its elements takes 45. Products
      // (1.22 ms) and attention (0.40) take what they take in f32 (1.32, 0.34).
      bool hasTable = llvm::any_of(body->getOperations(), llvm::IsaPred<nn::ActivationOp>);
      for (partition::GroupWork::Part &part : work.parts) {
        if (part.workClass == "rows")
          part.operations *= 5;
        else if (part.workClass == "elements" && hasTable)
          part.operations *= 3;
      }
    }
    Type computed = isInteger() ? precision.getComputeType() : type.getElementType();
    return soc::VariantAttr::get(group.getContext(), builder.getStringAttr(name),
                                 TypeAttr::get(computed), builder.getDenseI64ArrayAttr(tiles),
                                 builder.getDenseI64ArrayAttr(panels),
                                 work.timePs(performance, std::min(workers, cores), cores),
                                 scratchBytes(), residentBytes(), granularity(name));
  }

private:
  /// The integer form runs as what its operations decompose into, with the tiles
  /// of the group as it is written; nothing in it reads panels.
  bool isInteger() { return precision && !precision.isFloat(); }

  StringRef chooseTiles() {
    // Of nothing there are no tiles.
    if (numElements() == 0)
      return "whole";
    if (attention && attention == root)
      return tileAttention();
    for (size_t index = 0; index < panels.size(); ++index)
      if (partition::isWeightInGroups(group, index))
        panels[index] = partition::groupPanelOf(cpu);
    if (isa_and_nonnull<nn::GroupMatmulOp>(product) && shape.size() == 2 && isParallelRoot())
      return tileGroupProduct();
    if (product && shape.size() >= 2 && isParallelRoot())
      return tileProduct();
    if (isa_and_nonnull<TilingInterface>(root) && !isa<tensor::PadOp>(root))
      return tileRows();
    return "whole";
  }

  int64_t numElements() const {
    int64_t elements = 1;
    for (int64_t size : shape)
      elements *= size;
    return elements;
  }

  /// Weights in panels are padded to whole ones.
  uint64_t residentBytes() {
    uint64_t bytes = 0;
    for (auto [index, input] : llvm::enumerate(group.getInputs())) {
      if (!isa_and_nonnull<nn::GetWeightOp>(input.getDefiningOp()))
        continue;
      int64_t panel = panels[index];
      auto weight = cast<RankedTensorType>(input.getType());
      Type stored = isInteger() ? cast<TypeAttr>(precision.getInputs()[index]).getValue() : Type();
      uint64_t whole = partition::storedBytesOf(weight, stored);
      if (panel && partition::isWeightInGroups(group, index))
        whole = partition::bytesInPanels(group, index, panel);
      else if (panel && weight.getRank() == 2 && weight.getDimSize(1))
        whole = whole / weight.getDimSize(1) * llvm::alignTo(weight.getDimSize(1), panel);
      bytes += whole;
    }
    return bytes;
  }

  /// Parts of a share are cut where tiles may be cut: at rows of a register
  /// tile in products, anywhere along a dimension that is walked in tiles else.
  uint64_t granularity(StringRef name) {
    if (!shareDim || name == "whole" || wholeDims.contains(*shareDim) ||
        group.getOutputs().size() != 1)
      return 0;
    if (name == "packed-product" || name == "product" || name == "group-product")
      return *shareDim + 1 == shape.size() ? panelOfResult() : kProductRows;
    return 1;
  }

  /// Columns of the result that one panel of the right-hand side gives.
  uint64_t panelOfResult() const {
    for (int64_t panel : panels)
      if (panel)
        return panel;
    return lanes();
  }

  int64_t lanes() const {
    return std::max<int64_t>(1, cpu.getVectorBits() / type.getElementTypeBitWidth());
  }

  /// The root or everything up to the product is read at the index written.
  bool isParallelRoot() {
    auto linalgOp = dyn_cast_or_null<linalg::LinalgOp>(root);
    return root == product ||
           isa_and_nonnull<nn::ActivationOp, nn::RescaleOp, nn::LookupOp, nn::QuantizedAddOp>(
               root) ||
           (linalgOp && linalgOp.getNumParallelLoops() == linalgOp.getNumLoops());
  }

  /// Keys and values stream by: a tile is as many rows as go over a block of them
  /// at once, with all heads that share a key head unless workers would be idle.
  StringRef tileCachedAttention(nn::CachedAttentionOp cached) {
    int64_t queries = shape[1], heads = cached.getGroupSize();
    int64_t tile = std::min<int64_t>(queries, std::max<int64_t>(1, cpu::kAttentionRows / heads));
    auto count = [&] { return shape[0] * (shape[2] / heads) * llvm::divideCeil(queries, tile); };
    while (count() < 2 * workers && tile * heads >= 32 && tile > 1)
      tile = llvm::divideCeil(tile, 2);
    while (count() < workers && heads % 2 == 0 && heads >= 8)
      heads /= 2;
    // Tiles of one size, known when code is generated, rather than tall ones.
    int64_t equal = tile;
    while (queries % equal != 0 && 4 * (equal - 1) >= 3 * tile)
      --equal;
    tiles = {1, queries % equal == 0 ? equal : even(queries, tile), heads, 0};
    return "attention";
  }

  StringRef tileAttention() {
    if (auto cached = dyn_cast<nn::CachedAttentionOp>(attention);
        cached && cpu::hasAttentionKernel(cached))
      return tileCachedAttention(cached);
    int64_t queries = shape[1],
            keys = cast<ShapedType>(attention->getOperand(1).getType()).getDimSize(1);
    // Scores of a tile stay in half of the second-level cache.
    int64_t most = std::max<int64_t>(8, cpu.getL2Bytes() / 2 / (keys * 4 * 2));
    int64_t tile = std::min<int64_t>({queries, most, 128});
    // Enough tiles for the workers, as long as a tile repays turning the keys.
    while (shape[0] * shape[2] * llvm::divideCeil(queries, tile) < 2 * workers && tile >= 32)
      tile = llvm::divideCeil(tile, 2);
    // What is cached is converted once for all heads that read it.
    auto cached = dyn_cast<nn::CachedAttentionOp>(attention);
    tiles = {1, even(queries, tile), cached ? cached.getGroupSize() : 1, 0};
    return "attention";
  }

  /// The size nearest to `tile` from below that cuts `size` into equal parts,
  /// up to one row.
  static int64_t even(int64_t size, int64_t tile) {
    return llvm::divideCeil(size, llvm::divideCeil(size, tile));
  }

  StringRef tileProduct() {
    unsigned m = shape.size() - 2, n = shape.size() - 1;
    int64_t columns = shape[n];
    // Products of integers are summed in 32 bits.
    bool integers = isInteger() || isa<nn::QuantizedMatmulOp>(product);
    int64_t step = integers ? std::max<int64_t>(1, cpu.getVectorBits() / 32) : lanes();
    // A layout that another engine wanted.
    if (auto matmul = dyn_cast<nn::QuantizedMatmulOp>(product); matmul && matmul.isPacked())
      step = matmul.getPanel();
    BlockArgument constant = isInteger() ? BlockArgument() : constantRhs();
    if (constant) {
      step = panelFor(columns);
      panels[constant.getArgNumber()] = step;
    }
    // Tall tiles: a panel of the right-hand side, which comes from memory, is
    // used for all rows while it is in the second-level cache, where the rows
    // of the left-hand side stay as well. Measured on shapes of MiniLM: 128
    // rows take a tenth less time than 32.
    int64_t depth = std::max<int64_t>(1, depthOfProduct());
    int64_t rowsInCache = cpu.getL2Bytes() * 3 / 4 / (depth * 4);
    int64_t height = std::clamp<int64_t>(rowsInCache / 8 * 8, 16, 128);
    int64_t width = step * std::max<int64_t>(1, std::min<int64_t>(llvm::divideCeil(columns, step),
                                                                  (integers ? 128 : 192) / step));
    int64_t batches = 1;
    for (int64_t size : ArrayRef(shape).drop_back(2))
      batches *= size;
    auto tooFew = [&] {
      return batches * llvm::divideCeil(shape[m], height) * llvm::divideCeil(columns, width) <
             2 * workers;
    };
    while (tooFew() && width > step)
      width = std::max(step, width / 2 / step * step);
    while (tooFew() && height > 16)
      height /= 2;
    tiles.assign(shape.size(), 0);
    for (unsigned dim = 0; dim < m; ++dim)
      tiles[dim] = dim + 3 > m ? 1 : 0;
    tiles[m] = evenRows(shape[m], height);
    tiles[n] = width;
    return constant ? "packed-product" : "product";
  }

  StringRef tileGroupProduct() {
    tiles = cpu::tilesOfGroupProduct(cpu, cast<nn::GroupMatmulOp>(product), shape[0], shape[1],
                                     workers);
    return "group-product";
  }

  /// Terms of each sum.
  int64_t depthOfProduct() {
    if (auto integers = dyn_cast<nn::QuantizedMatmulOp>(product))
      return cast<ShapedType>(integers.getLhs().getType()).getDimSize(1);
    int64_t depth = 1;
    auto structured = cast<linalg::LinalgOp>(product);
    for (auto [range, kind] :
         llvm::zip(structured.getStaticLoopRanges(), structured.getIteratorTypesArray()))
      if (kind == utils::IteratorType::reduction && !ShapedType::isDynamic(range))
        depth *= range;
    return depth;
  }

  static int64_t evenRows(int64_t rows, int64_t height) {
    int64_t parts = llvm::divideCeil(rows, height);
    return llvm::alignTo(llvm::divideCeil(rows, parts), 8);
  }

  /// The right-hand side, if it is an argument of the group fed by a weight.
  BlockArgument constantRhs() {
    auto matmul = dyn_cast<linalg::MatmulOp>(product);
    if (!matmul || matmul.hasUserDefinedMaps())
      return {};
    auto argument = dyn_cast<BlockArgument>(matmul.getInputs()[1]);
    if (!argument || !argument.hasOneUse())
      return {};
    Operation *def = group.getInputs()[argument.getArgNumber()].getDefiningOp();
    return isa_and_nonnull<nn::GetWeightOp>(def) ? argument : BlockArgument();
  }

  /// Three registers wide with many registers, else two; fewer for narrow
  /// results. Of two that pad alike the wider.
  int64_t panelFor(int64_t columns) const {
    int64_t best = lanes(), cost = std::numeric_limits<int64_t>::max();
    for (int64_t registers : {3, 2, 4, 1}) {
      if (registers == 4 || (registers == 3 && cpu.getVectorRegisters() < 32))
        continue;
      int64_t panel = registers * lanes();
      int64_t padded = llvm::alignTo(columns, panel);
      // One register wide halves the rate.
      if (registers == 1)
        padded = padded * 3 / 2;
      if (padded < cost) {
        cost = padded;
        best = panel;
      }
    }
    return best;
  }

  /// Of a lookup by blocks a tile is whole blocks: the others of the group may
  /// not agree on how many.
  static bool needsWholeRows(Operation &op) {
    if (auto lookup = dyn_cast<nn::LookupOp>(op))
      return cast<ShapedType>(lookup.getTable().getType()).getRank() == 2;
    if (auto quantize = dyn_cast<nn::QuantizeOp>(op))
      return isa<quant::UniformQuantizedPerAxisType>(quantize.getTypeAttr().getValue());
    if (auto dequantize = dyn_cast<nn::DequantizeOp>(op))
      return isa<quant::UniformQuantizedPerAxisType>(dequantize.getTypeAttr().getValue());
    return isa<nn::LayerNormOp, nn::RmsNormOp, nn::RopeOp, nn::QuantizedLayerNormOp,
               nn::QuantizedRmsNormOp, nn::EncodeGroupsOp, nn::GroupGatherOp>(op) ||
           (isa<nn::CacheUpdateOp>(op) && cast<nn::CacheUpdateOp>(op).getFormat());
  }

  StringRef tileRows() {
    int64_t work = 1;
    if (auto linalgOp = dyn_cast<linalg::LinalgOp>(root))
      for (auto [range, kind] :
           llvm::zip(linalgOp.getStaticLoopRanges(), linalgOp.getIteratorTypesArray()))
        if (kind != utils::IteratorType::parallel && !ShapedType::isDynamic(range))
          work *= std::max<int64_t>(1, range);
    int64_t elements = numElements();
    int64_t budget = std::max<int64_t>(1, 8192 / work);
    // At least four tiles for each worker, if that leaves something to do.
    budget = std::max<int64_t>(std::min<int64_t>(budget, elements / (4 * workers)),
                               std::max<int64_t>(1, 512 / work));
    if (isa<nn::EncodeGroupsOp>(root))
      wholeDims.insert(shape.size() - 2);
    for (Operation &op : body->without_terminator()) {
      if (needsWholeRows(op))
        wholeDims.insert(shape.size() - 1);
      if (auto softmax = dyn_cast<linalg::SoftmaxOp>(op))
        wholeDims.insert(softmax.getDimension());
    }
    int64_t inner = 1;
    unsigned tiled = 0;
    for (int64_t dim = shape.size() - 1; dim >= 0; --dim) {
      bool whole = wholeDims.contains(dim);
      int64_t tile = whole
                         ? shape[dim]
                         : std::clamp<int64_t>(budget / inner, 1, std::max<int64_t>(1, shape[dim]));
      // The vector loop wants whole registers.
      if (dim == static_cast<int64_t>(shape.size()) - 1 && tile < shape[dim])
        tile = std::min<int64_t>(shape[dim], llvm::alignTo(tile, 64));
      inner *= tile;
      if (tile >= shape[dim])
        continue;
      // A grid has three dimensions; the innermost ones can stay whole.
      tiles[dim] = even(shape[dim], tile);
      if (dim == static_cast<int64_t>(shape.size()) - 1)
        tiles[dim] = tile;
      ++tiled;
    }
    for (int64_t dim = shape.size() - 1; dim >= 0 && tiled > 3; --dim)
      if (tiles[dim]) {
        tiles[dim] = 0;
        --tiled;
      }
    return wholeDims.empty() ? "elements" : "rows";
  }

  /// Elements of a value of rank r, cut like the result where the dimensions
  /// agree from the right.
  int64_t tileElements(RankedTensorType value) const {
    // Rows become blocks: only they are cut.
    if (isa_and_nonnull<nn::EncodeGroupsOp>(root) && value.getRank() > 0 && tiles[0] > 0 &&
        value.getDimSize(0) == shape[0])
      return std::min(shape[0], tiles[0]) *
             (value.getNumElements() / std::max<int64_t>(1, shape[0]));
    int64_t elements = 1;
    for (int64_t i = 0; i < value.getRank(); ++i) {
      int64_t at = static_cast<int64_t>(shape.size()) - value.getRank() + i;
      int64_t size = value.getDimSize(i);
      bool cut = value.getShape() == type.getShape() && at >= 0 && tiles[at] > 0;
      elements *= cut ? std::min(size, tiles[at]) : size;
    }
    return elements;
  }

  /// What one worker needs at most: twice the tiles of everything inside, and
  /// what the decompositions of aggregates add.
  uint64_t scratchBytes() {
    int64_t bytes = 4096;
    for (Operation &op : body->without_terminator()) {
      if (op.getNumResults() != 1 || op.hasTrait<OpTrait::ConstantLike>())
        continue;
      auto result = dyn_cast<RankedTensorType>(op.getResult(0).getType());
      if (!result)
        continue;
      // Integers are summed in i32, and those of norms in i64.
      int64_t width = isInteger() ? 8 : llvm::divideCeil(result.getElementTypeBitWidth(), 8);
      int64_t elements = tileElements(result);
      bytes += 2 * llvm::alignTo(elements * width, 64) + 128;
      auto cached = dyn_cast<nn::CachedAttentionOp>(op);
      if (cached && cpu::hasAttentionKernel(cached)) {
        // Within another root's tiles it may have any number of tokens.
        bool isRoot = attention == root;
        int64_t tokens = isRoot ? (tiles[1] ? tiles[1] : shape[1]) : ShapedType::kDynamic;
        if (isRoot && shape[1] % tokens != 0)
          tokens = ShapedType::kDynamic;
        int64_t heads = cached.getGroupSize();
        if (isRoot && tiles[2])
          heads = std::min(heads, tiles[2]);
        bytes +=
            128 + cpu::attentionWorkspaceBytes(cached, cpu::VectorUnit::of(cpu), tokens, heads);
      } else if (isa<nn::AttentionOp, nn::CachedAttentionOp, nn::QuantizedAttentionOp>(op)) {
        auto query = cast<RankedTensorType>(op.getOperand(0).getType());
        auto key = cast<RankedTensorType>(op.getOperand(1).getType());
        width = std::max<int64_t>(width, 4); // Scores of integers are as wide as those of floats.
        bool cut = tiles.size() == 4 && tiles[1] != 0;
        int64_t rows = cut ? tiles[1] : query.getDimSize(1);
        int64_t heads = tiles.size() == 4 && (tiles[2] != 0 || shape[2] == 1)
                            ? std::max<int64_t>(tiles[2], 1)
                            : query.getDimSize(2);
        int64_t batch =
            tiles.size() == 4 && (tiles[0] != 0 || shape[0] == 1) ? 1 : query.getDimSize(0);
        int64_t keys = key.getDimSize(1);
        if (isa<nn::CachedAttentionOp>(op)) // keys and values in f32, and the mask
          bytes += 4 * keys * (2 * heads * key.getDimSize(3) + rows) + 1024;
        bytes += batch * heads * width *
                     (4 * rows * keys + 2 * keys * key.getDimSize(3) +
                      4 * rows * key.getDimSize(3) + 8 * rows) +
                 1024;
      } else if (isa<nn::LayerNormOp, nn::RmsNormOp, linalg::SoftmaxOp>(op)) {
        bytes += 3 * elements * width + 1024;
      } else if (isa<nn::QuantizedMatmulOp, nn::QuantizedLayerNormOp, nn::QuantizedRmsNormOp,
                     nn::QuantizeOp, nn::DequantizeOp>(op)) {
        // Sums of 32 and 64 bits, and scales of columns.
        bytes += 8 * elements + 8 * result.getShape().back() + 1024;
      }
      if (auto matmul = dyn_cast<nn::QuantizedMatmulOp>(op); matmul && matmul.isPacked())
        bytes += 2 * partition::bytesOf(cast<RankedTensorType>(matmul.getRhs().getType())) + 128;
    }
    return llvm::alignTo(bytes, 64);
  }

  /// Rows of the taller register tiles.
  static constexpr uint64_t kProductRows = 8;

  soc::CpuAttr cpu;
  soc::PerformanceAttr performance;
  soc::GroupOp group;
  int64_t rows;
  /// Of the queue, and of what `performance` describes.
  unsigned workers, cores;
  /// Null for the group as it is written.
  soc::PrecisionAttr precision;
  Block *body;
  Operation *root;
  Operation *product = nullptr, *attention = nullptr;
  RankedTensorType type;
  /// Of the part of the result that is computed.
  SmallVector<int64_t> shape;
  std::optional<unsigned> shareDim;
  /// Dimensions that some operation of the group needs whole, be it the root or
  /// what was fused into it.
  llvm::SmallDenseSet<int64_t> wholeDims;
  SmallVector<int64_t> tiles, panels;
};

} // namespace

SmallVector<soc::PrecisionAttr> cpu::precisionsOf(soc::GroupOp group, std::string &reason) {
  ArrayAttr allowed = group.getPrecisionsAttr();
  if (!allowed)
    return {soc::PrecisionAttr()};
  SmallVector<soc::PrecisionAttr> precisions;
  for (auto precision : allowed.getAsRange<soc::PrecisionAttr>())
    if (precision.isFloat() || partition::findIntegerForm(group, precision.getScheme(), reason))
      precisions.push_back(precision);
  return precisions;
}

SmallVector<soc::VariantAttr> cpu::variantsOf(soc::CpuAttr cpu, soc::GroupOp group, int64_t rows,
                                              unsigned workers) {
  // Of a described machine the cores share what it has. Else each worker counts
  // as a core, whatever machine the compiler happens to run on.
  unsigned cores = cpu.getPerformance() ? cpu.getCores() : workers;
  soc::PerformanceAttr performance = performanceOf(cpu, cores);
  std::string reason;
  return llvm::map_to_vector(precisionsOf(group, reason), [&](soc::PrecisionAttr precision) {
    return Tiling(cpu, performance, group, rows, workers, cores, precision).choose();
  });
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tiles by exhaustive search. The lattice of aligned tiles is small (rows in
// fours, columns in panels), and of each tile the cost follows from packets
// and from the bytes of weights that come over the link, so the best one is
// found by looking at all of them. Integers only, so that the result is the
// same on every machine.

#include "targets/hexagon/HexagonVariants.h"

#include "dialects/nn/NN.h"
#include "passes/partition/GroupWork.h"
#include "targets/hexagon/HexagonArchitecture.h"
#include "targets/hexagon/HexagonWork.h"
#include "targets/hexagon/KeptWeights.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::hexagon;

namespace {

constexpr uint64_t kPsPerSecond = 1000000000000;
/// Operations of a packet at the peak: two instructions of 128 multiply-adds.
constexpr uint64_t kOperationsPerPacket = 512;
/// What the scratchpad is taken to have where the machine does not limit it.
constexpr uint64_t kUnlimitedBytes = 8 << 20;
/// What a tile takes beside its operations: the worker's loop, addresses, the
/// parts of values that are views.
constexpr uint64_t kTilePackets = 100;

/// a * b / c, rounded up; saturates.
uint64_t scale(uint64_t a, uint64_t b, uint64_t c) {
  unsigned __int128 value = (static_cast<unsigned __int128>(a) * b + c - 1) / c;
  constexpr uint64_t most = std::numeric_limits<int64_t>::max();
  return value > most ? most : static_cast<uint64_t>(value);
}

class TileSearch {
public:
  /// `kept` bytes of the scratchpad hold weights; those of this group if they
  /// are `resident`.
  TileSearch(soc::EngineAttr engine, soc::GroupOp group, int64_t rows, ArrayRef<KernelWork> works,
             uint64_t kept, bool resident)
      : engine(engine), group(group), works(works), machine(soc::MachineAttr::of(group)),
        resident(resident) {
    type = cast<RankedTensorType>(group.getOutputs()[0].getType());
    llvm::append_range(shape, type.getShape());
    whole = shape;
    if (std::optional<unsigned> dim = partition::getShareDim(group); rows && dim)
      shape[*dim] = rows;
    workers = machine ? machine.getWorkersOf(engine) : getThreads(engine);
    uint64_t bytes = getScratchpadBytes(engine, machine);
    budget = llvm::alignDown(((bytes ? bytes : kUnlimitedBytes) - kept) / workers, kVectorBytes);
    uint64_t peak = engine.getPerformance().getPeak(IntegerType::get(engine.getContext(), 8));
    packetsPerSecond = std::max<uint64_t>(1, (peak ? peak : kOperationsPerPacket * 1000000000) /
                                                 kOperationsPerPacket / workersOfPeak());
    for (const KernelWork &work : works) {
      hasProduct |= work.kind == KernelWork::Product;
      hasAttention |= work.kind == KernelWork::Attention;
      wholeLast |= work.kind == KernelWork::Norm;
    }
  }

  /// Looks at every tile of the lattice; false if none fits the scratchpad.
  bool run() {
    if (llvm::is_contained(shape, 0))
      return false;
    SmallVector<int64_t> tiles(shape.size(), 0);
    if (shape.empty()) {
      consider(tiles);
      return found;
    }
    if (hasAttention)
      searchAttention();
    else if (hasProduct && shape.size() == 2)
      searchProduct();
    else
      searchRows();
    return found;
  }

  SmallVector<int64_t> getTiles() const {
    SmallVector<int64_t> tiles(best);
    for (auto [tile, size] : llvm::zip(tiles, shape))
      if (tile >= size)
        tile = 0; // A grid of one tile is no grid.
    return tiles;
  }
  uint64_t getTimePs() const { return bestPs; }
  uint64_t getBudget() const { return budget; }
  uint64_t getLeastScratch() const { return leastScratch; }
  StringRef getName() const {
    return hasAttention ? "attention"
           : hasProduct ? "packed-product"
           : wholeLast  ? "rows"
                        : "elements";
  }

private:
  uint64_t workersOfPeak() const { return getThreads(engine); }

  /// Columns in panels of weights, or in registers where something else walks
  /// them in blocks of that size.
  void searchProduct() {
    bool byBlocks = llvm::any_of(works, [](const KernelWork &work) {
      return work.kind == KernelWork::Lookup && work.byColumns;
    });
    int64_t step = byBlocks ? kVectorBytes : kPanel;
    for (int64_t rows = 4;; rows += 4) {
      for (int64_t columns = wholeLast ? shape[1] : step;; columns += step) {
        consider({std::min(rows, shape[0]), std::min(columns, shape[1])});
        if (columns >= shape[1])
          break;
      }
      if (rows >= shape[0])
        break;
    }
  }

  /// Queries of one head of one batch.
  void searchAttention() {
    for (int64_t queries = 1; queries <= shape[1]; ++queries)
      if (queries % 4 == 0 || queries == shape[1] || queries == 1)
        consider({1, queries, 1, shape[3]});
  }

  /// One dimension is cut in tiles of any size, those outside of it singly; at
  /// most three, which a grid has.
  void searchRows() {
    int64_t rank = shape.size(), last = wholeLast && rank > 0 ? rank - 1 : rank;
    for (int64_t dim = 0; dim < last; ++dim) {
      SmallVector<int64_t> tiles(shape);
      unsigned cut = 1;
      for (int64_t outer = 0; outer < dim; ++outer) {
        tiles[outer] = 1;
        cut += shape[outer] > 1;
      }
      if (cut > 3)
        break;
      int64_t step = dim == rank - 1 ? kVectorBytes : 1;
      for (int64_t size = step;; size += step) {
        tiles[dim] = std::min(size, shape[dim]);
        consider(tiles);
        if (size >= shape[dim])
          break;
      }
    }
    if (last == 0)
      consider(SmallVector<int64_t>(shape));
  }

  /// The part of a value of that shape that belongs to a tile: cut like the
  /// result where the two have one shape.
  std::pair<int64_t, int64_t> partOf(ArrayRef<int64_t> other, ArrayRef<int64_t> tiles) const {
    ArrayRef<int64_t> part = other == ArrayRef(whole) ? tiles : other;
    if (part.empty())
      return {1, 1};
    int64_t rows = 1;
    for (int64_t size : part.drop_back())
      rows *= size;
    return {rows, part.back()};
  }

  void consider(ArrayRef<int64_t> tiles) {
    uint64_t own = 0, staging = 0, packets = kTilePackets, streamed = 0, firstBytes = 0;
    for (auto [index, work] : llvm::enumerate(works)) {
      auto [rows, columns] = partOf(work.shape, tiles);
      // A value inside of a tile, and one of its operands in another type.
      bool isRoot = index + 1 == works.size();
      uint64_t bytes = llvm::alignTo(rows * columns * work.resultBytes, kVectorBytes);
      own += isRoot ? 0 : bytes;
      staging = std::max<uint64_t>(staging, work.stagingBytes(rows, !resident));
      packets += work.packets(rows, columns);
      if (resident)
        continue;
      streamed += work.streamedBytes(columns);
      if (work.kind == KernelWork::Product && !firstBytes)
        firstBytes = work.streamedBytes(std::min<int64_t>(columns, 64));
    }
    auto [rows, columns] = partOf(whole, tiles);
    own += llvm::alignTo(rows * columns * 2, kVectorBytes);
    uint64_t scratch = llvm::alignTo(own, kVectorBytes) + llvm::alignTo(staging, kVectorBytes);
    leastScratch = std::min(leastScratch, scratch);
    if (scratch > budget)
      return;
    uint64_t count = 1;
    for (auto [tile, size] : llvm::zip(tiles, shape))
      count *= llvm::divideCeil(size, tile);
    uint64_t time = timeOf(count, packets, streamed, firstBytes);
    // Of equally fast ones the larger tile, which has less to start.
    uint64_t elements = rows * columns;
    if (found && (time > bestPs || (time == bestPs && elements <= bestElements)))
      return;
    found = true;
    best.assign(tiles.begin(), tiles.end());
    bestPs = time;
    bestElements = elements;
  }

  /// Workers take the tiles in waves. While one panel is used the next one is
  /// on its way, so that the longer of the two counts, after the first panel;
  /// an engine that copies with its core does one after the other.
  uint64_t timeOf(uint64_t tiles, uint64_t packets, uint64_t streamed, uint64_t first) {
    uint64_t active = std::min<uint64_t>(tiles, workers);
    uint64_t waves = llvm::divideCeil(tiles, workers);
    uint64_t computing = scale(packets, kPsPerSecond, packetsPerSecond);
    uint64_t tile = computing;
    if (streamed) {
      // The workers share the link.
      auto link = [&](uint64_t bytes) { return linkPs(bytes * active); };
      tile = hasDma(getArchitecture(engine)) ? std::max(computing, link(streamed)) + link(first)
                                             : computing + link(streamed);
    }
    uint64_t total = scale(waves, tile, 1);
    return std::max<uint64_t>({1, total, trafficPs()});
  }

  uint64_t linkPs(uint64_t bytes) {
    auto name = [&](unsigned memory) {
      return cast<StringAttr>(engine.getMemories()[memory]).getValue();
    };
    uint64_t link = machine ? machine.getTransferPs(name(1), name(0), bytes) : 0;
    return link ? link
                : scale(bytes, kPsPerSecond, engine.getPerformance().getBandwidthBytesPerSecond());
  }

  /// Activations are read and written where they are.
  uint64_t trafficPs() {
    uint64_t elements = 0;
    for (Value input : group.getInputs())
      if (!input.getDefiningOp<nn::GetWeightOp>())
        elements += cast<RankedTensorType>(input.getType()).getNumElements();
    for (Value output : group.getOutputs())
      elements += cast<RankedTensorType>(output.getType()).getNumElements();
    uint64_t all = 1, part = 1;
    for (auto [size, of] : llvm::zip(shape, whole)) {
      part *= size;
      all *= of;
    }
    // A byte each: most are i8, and caches hold what is i16 between kernels.
    return scale(scale(elements, part, std::max<uint64_t>(all, 1)), kPsPerSecond,
                 engine.getPerformance().getBandwidthBytesPerSecond());
  }

  soc::EngineAttr engine;
  soc::GroupOp group;
  ArrayRef<KernelWork> works;
  soc::MachineAttr machine;
  bool resident;
  RankedTensorType type;
  /// Of what is computed, and of the first result.
  SmallVector<int64_t> shape, whole;
  uint64_t workers, budget, packetsPerSecond;
  bool hasProduct = false, hasAttention = false, wholeLast = false;

  bool found = false;
  SmallVector<int64_t> best;
  uint64_t bestPs = 0, bestElements = 0;
  uint64_t leastScratch = std::numeric_limits<int64_t>::max();
};

/// Rows that every part of a share has a multiple of.
constexpr uint64_t kShareRows = 8;

std::optional<soc::VariantAttr> findVariant(soc::EngineAttr engine, soc::GroupOp group,
                                            int64_t rows, StringRef scheme, uint64_t kept,
                                            bool resident, std::string &reason) {
  std::optional<SmallVector<KernelWork>> works = findWork(group, scheme, reason);
  if (!works)
    return std::nullopt;
  TileSearch search(engine, group, rows, *works, kept, resident);
  if (!search.run()) {
    reason = "even its smallest tile takes " + std::to_string(search.getLeastScratch()) +
             " bytes of the " + std::to_string(search.getBudget()) +
             " that each thread has of the scratchpad";
    return std::nullopt;
  }
  Builder b(group.getContext());
  SmallVector<int64_t> panels(group.getInputs().size(), 0);
  uint64_t residentBytes = 0;
  for (const KernelWork &work : *works) {
    if (!work.weights)
      continue;
    auto weight = cast<RankedTensorType>(group.getInputs()[*work.weights].getType());
    if (weight.getRank() == 2) {
      residentBytes += resident && !panels[*work.weights] ? getPanelBytes(weight) : 0;
      panels[*work.weights] = kPanel;
    }
  }
  // Weights that stay are those that are packed.
  if (resident && !residentBytes)
    return std::nullopt;
  Type precision = getElementTypeOrSelf(group.getOutputs()[0].getType());
  if (!scheme.empty())
    precision = b.getIntegerType(scheme == "w8a8" ? 8 : 16);
  bool canShare = partition::getShareDim(group) && group.getOutputs().size() == 1;
  std::string name = search.getName().str() + (resident ? "-resident" : "");
  return soc::VariantAttr::get(group.getContext(), b.getStringAttr(name), TypeAttr::get(precision),
                               b.getDenseI64ArrayAttr(search.getTiles()),
                               b.getDenseI64ArrayAttr(panels), search.getTimePs(),
                               search.getBudget(), residentBytes, canShare ? kShareRows : 0);
}

} // namespace

SmallVector<soc::VariantAttr> hexagon::findVariants(soc::EngineAttr engine, soc::GroupOp group,
                                                    int64_t rows, std::string &reason) {
  SmallVector<StringRef> schemes;
  if (isInteger(group)) {
    schemes.push_back("");
  } else if (ArrayAttr precisions = group.getPrecisionsAttr()) {
    for (auto precision : precisions.getAsRange<soc::PrecisionAttr>())
      if (!precision.isFloat())
        schemes.push_back(precision.getScheme().getValue());
  }
  if (schemes.empty())
    reason = "it computes in integers, and the group may be computed in floating point only; try "
             "--quantize";
  SmallVector<soc::VariantAttr> variants;
  KeptWeights kept = schemes.empty() ? KeptWeights() : findKeptWeights(engine, group);
  for (StringRef scheme : schemes) {
    std::optional<soc::VariantAttr> streamed =
        findVariant(engine, group, rows, scheme, kept.bytes, /*resident=*/false, reason);
    std::optional<soc::VariantAttr> resident;
    std::string ignored;
    if (kept.offered)
      resident = findVariant(engine, group, rows, scheme, kept.bytes, /*resident=*/true, ignored);
    // What stays in the scratchpad pays if it saves the stream.
    if (resident && (!streamed || resident->getTimePs() < streamed->getTimePs()))
      variants.push_back(*resident);
    if (streamed)
      variants.push_back(*streamed);
  }
  return variants;
}

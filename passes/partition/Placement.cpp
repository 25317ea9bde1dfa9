// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Collects what engines offer for each group and who reads what of whom.

#include "passes/partition/Placement.h"

#include "passes/partition/FloatRewrite.h"
#include "passes/partition/GroupShares.h"
#include "passes/partition/GroupWork.h"

#include "llvm/ADT/SetVector.h"

#include <map>
#include <numeric>

using namespace mlir;
using namespace tercet;
using namespace tercet::partition;

/// Shares are so many parts of a group's rows.
static constexpr unsigned kShares = 8;

Placement::Placement(func::FuncOp func, soc::MachineAttr machine) : func(func), machine(machine) {
  for (Attribute attr : machine.getEngines())
    engines.push_back(cast<soc::EngineAttrInterface>(attr));
}

unsigned Placement::placeOf(unsigned first, unsigned second, unsigned eighths) const {
  if (first == second)
    return first;
  unsigned count = engines.size(), pair = 0;
  for (unsigned a = 0; a < first; ++a)
    pair += count - 1 - a;
  pair += second - first - 1;
  return count + pair * (kShares - 1) + eighths - 1;
}

unsigned Placement::placesOf(unsigned engines) {
  return engines + engines * (engines - (engines > 0)) / 2 * (kShares - 1);
}

LogicalResult Placement::collect() {
  func.walk([&](soc::GroupOp op) {
    indexOfGroup[op] = groups.size();
    groups.push_back({op, {}, {}, {}, {}, {}});
  });
  bool ok = true;
  for (PlacedGroup &group : groups)
    ok &= succeeded(collectGroup(group));
  if (!ok)
    return failure();
  collectReadings();
  addHandovers();
  for (PlacedGroup &group : groups) {
    if (!group.op.getShares() && !group.op.getEngine() && !group.op.getVariant())
      addShares(group);
    for (const PlacementLabel &label : group.labels)
      formats = std::max(formats, label.format + 1);
  }
  return success();
}

void Placement::collectReadings() {
  auto sourceOf = [&](Value root) -> std::optional<Source> {
    if (auto argument = dyn_cast<BlockArgument>(root))
      return argument.getOwner() == &func.getBody().front()
                 ? std::optional<Source>({kArgument, argument.getArgNumber()})
                 : std::nullopt;
    auto found = indexOfGroup.find(root.getDefiningOp());
    if (found == indexOfGroup.end())
      return std::nullopt;
    return Source{found->second, cast<OpResult>(root).getResultNumber()};
  };
  for (auto [index, group] : llvm::enumerate(groups))
    for (OpOperand &operand : group.op.getInputsMutable())
      for (const soc::SourceRange &range : soc::getSources(operand.get()))
        if (std::optional<Source> source = sourceOf(range.root))
          readings.push_back(
              {*source, static_cast<unsigned>(index), operand.getOperandNumber(), range});
  func.walk([&](func::ReturnOp op) {
    for (Value value : op.getOperands())
      if (isa<RankedTensorType>(value.getType()))
        for (const soc::SourceRange &range : soc::getSources(value))
          if (std::optional<Source> source = sourceOf(range.root);
              source && source->producer != kArgument && !llvm::is_contained(returned, *source))
            returned.push_back(*source);
  });
  for (const Reading &reading : readings)
    readersOf[reading.source].push_back(&reading);
  for (const Source &source : returned)
    readersOf[source];
}

LogicalResult Placement::collectGroup(PlacedGroup &group) {
  soc::GroupOp op = group.op;
  for (Type type : llvm::concat<const Type>(op.getInputs().getTypes(), op->getResultTypes()))
    if (!cast<RankedTensorType>(type).hasStaticShape())
      return op.emitOpError() << "expected operands and results of static shape, got " << type;
  group.elementsPerRow.assign(op.getInputs().size(), 0);
  for (unsigned operand = 0; operand < op.getInputs().size(); ++operand)
    group.dequantises.push_back(canDequantiseAtHead(op, operand));
  Block &body = op.getBody().front();
  for (Value value : body.getTerminator()->getOperands()) {
    std::optional<unsigned> &at = group.storedAt.emplace_back();
    if (Operation *def = value.getDefiningOp(); def && def->getNumResults() == 1)
      at = llvm::count_if(llvm::make_range(body.begin(), def->getIterator()),
                          [](Operation &earlier) { return earlier.getNumResults() == 1; });
  }
  if (op.getShares())
    return keepShares(group);
  if (op.getEngine() && !machine.lookupEngine(*op.getEngine()))
    return op.emitError() << "the group is pinned to engine '" << *op.getEngine()
                          << "', which machine '" << machine.getName().getValue()
                          << "' does not have";
  for (auto [index, engine] : llvm::enumerate(engines)) {
    unsigned number = index;
    std::string reason;
    if (!engine.isPresent(reason)) {
      group.refusals.push_back({number, "absent", reason});
    } else if (op.getEngine() && *op.getEngine() != engine.getEngineName()) {
      group.refusals.push_back(
          {number, "pinned", "it is pinned to engine '" + op.getEngine()->str() + "'"});
    } else if (!engine.supports(op, reason)) {
      group.refusals.push_back({number, "unsupported", reason});
    } else {
      addWhole(group, number, reason);
      if (group.labels.empty() || group.labels.back().parts[0].engine != number)
        group.refusals.push_back({number, "unsupported", reason});
    }
  }
  if (group.labels.empty()) {
    auto diag = op.emitError() << "no engine of machine '" << machine.getName().getValue()
                               << "' runs this operation";
    for (const Refusal &refusal : group.refusals)
      diag.attachNote(op.getLoc())
          << "engine '" << engines[refusal.engine].getEngineName() << "': " << refusal.detail;
    return diag;
  }
  return success();
}

void Placement::addWhole(PlacedGroup &group, unsigned engine, std::string &reason) {
  soc::GroupOp op = group.op;
  SmallVector<soc::VariantAttr> variants = engines[engine].variants(op, /*rows=*/0);
  if (op.getVariant())
    variants = {*op.getVariant()};
  int64_t rows = std::max<int64_t>(getShareRows(op), 1);
  llvm::SetVector<Attribute> offered;
  SmallVector<PlacementLabel> labels;
  for (soc::VariantAttr variant : variants) {
    offered.insert(variant.getPrecision());
    std::optional<soc::PrecisionAttr> precision = precisionOf(op, variant);
    if (precision)
      labels.push_back(
          {{{engine, 0, rows, variant}}, engine, formatOf(*precision), *precision, Type()});
  }
  if (ArrayAttr preferred = op.getPrecisionsAttr()) {
    auto rank = [&](const PlacementLabel &label) {
      return llvm::find(preferred, Attribute(label.precision)) - preferred.begin();
    };
    llvm::stable_sort(labels, [&](const PlacementLabel &a, const PlacementLabel &b) {
      return rank(a) < rank(b);
    });
    if (labels.empty()) {
      llvm::raw_string_ostream os(reason);
      os << "it computes the group in ";
      llvm::interleave(
          offered, os, [&](Attribute type) { os << cast<TypeAttr>(type).getValue(); }, ", ");
      os << ", and the group may be computed in ";
      llvm::interleave(
          preferred.getAsRange<soc::PrecisionAttr>(), os,
          [&](soc::PrecisionAttr precision) { os << precision.getScheme().getValue(); }, ", ");
      os << " only";
    }
  }
  llvm::append_range(group.labels, labels);
}

LogicalResult Placement::keepShares(PlacedGroup &group) {
  soc::GroupOp op = group.op;
  if (failed(verifyShares(op)))
    return failure();
  PlacementLabel label;
  std::optional<soc::PrecisionAttr> precision;
  for (auto share : op.getShares()->getAsRange<soc::ShareAttr>()) {
    auto engine = llvm::find_if(engines, [&](soc::EngineAttrInterface engine) {
      return engine.getEngineName() == share.getEngine().getValue();
    });
    if (engine == engines.end())
      return op.emitError() << "the group has a share on engine '" << share.getEngine().getValue()
                            << "', which machine '" << machine.getName().getValue()
                            << "' does not have";
    std::string reason;
    if (!engine->isPresent(reason) || !engine->supports(op, reason))
      return op.emitError() << "the group has a share on engine '" << share.getEngine().getValue()
                            << "', which does not run it: " << reason;
    std::optional<soc::PrecisionAttr> own = precisionOf(op, share.getVariant());
    if (!own || (precision && *own != *precision))
      return op.emitOpError() << "expected shares of one precision of the group, got "
                              << share.getVariant().getPrecision() << " on engine '"
                              << share.getEngine().getValue() << "'";
    precision = own;
    unsigned number = engine - engines.begin();
    label.parts.push_back({number, share.getBegin(), share.getSize(), share.getVariant(), 0});
  }
  auto byEngine = [](const PlacedPart &a, const PlacedPart &b) { return a.engine < b.engine; };
  auto [least, most] = std::minmax_element(label.parts.begin(), label.parts.end(), byEngine);
  // Any place will do: the group has no other label that it could be taken for.
  label.place = placeOf(least->engine, most->engine, 1);
  label.precision = precision.value_or(soc::PrecisionAttr());
  label.format = formatOf(label.precision);
  for (unsigned number = 0; number < engines.size(); ++number)
    if (llvm::none_of(label.parts, [&](const PlacedPart &p) { return p.engine == number; }))
      group.refusals.push_back({number, "pinned", "it is shared among other engines"});
  group.labels.push_back(std::move(label));
  findRowReads(group);
  return success();
}

bool Placement::findRowReads(PlacedGroup &group) {
  soc::GroupOp op = group.op;
  int64_t rows = getShareRows(op);
  if (rows < 2)
    return false;
  // One cut tells what all others read.
  int64_t probe = rows / 2;
  IRRewriter rewriter(op);
  FailureOr<soc::GroupOp> part = cutShare(rewriter, op, rows - probe, probe);
  if (failed(part))
    return false;
  for (auto [operand, range] : llvm::enumerate(getReadRanges(op, *part))) {
    int64_t perRow = range.elements / probe;
    if (perRow * probe == range.elements && perRow * (rows - probe) == range.offset &&
        range.elements !=
            cast<RankedTensorType>(op.getInputs()[operand].getType()).getNumElements())
      group.elementsPerRow[operand] = perRow;
  }
  SmallVector<Operation *> slices;
  for (auto [whole, view] : llvm::zip(op.getInputs(), part->getInputs()))
    if (whole != view)
      slices.push_back(view.getDefiningOp());
  rewriter.eraseOp(*part);
  for (Operation *slice : slices)
    if (slice->use_empty())
      rewriter.eraseOp(slice);
  return true;
}

void Placement::addShares(PlacedGroup &group) {
  soc::GroupOp op = group.op;
  int64_t rows = getShareRows(op);
  // The first label of each engine in each format says whether its part can be cut.
  SmallVector<const PlacementLabel *> offers;
  for (const PlacementLabel &label : group.labels)
    if (label.parts[0].variant.getGranularity() != 0 &&
        llvm::none_of(offers, [&](const PlacementLabel *other) {
          return other->place == label.place && other->format == label.format;
        }))
      offers.push_back(&label);
  if (offers.size() < 2 || rows < 2)
    return;
  bool isPair = false;
  for (unsigned a = 0; a < offers.size(); ++a)
    for (unsigned b = a + 1; b < offers.size(); ++b)
      isPair |= offers[a]->format == offers[b]->format;
  if (!isPair || !findRowReads(group))
    return;
  // Engines answer for a number of rows in all of their precisions at once.
  std::map<std::pair<unsigned, int64_t>, SmallVector<soc::VariantAttr>> answers;
  auto variantOf = [&](const PlacementLabel &label, int64_t size) {
    unsigned engine = label.parts[0].engine;
    auto [it, isNew] = answers.try_emplace({engine, size});
    if (isNew)
      it->second = engines[engine].variants(op, size);
    for (soc::VariantAttr variant : it->second)
      if (precisionOf(op, variant) == label.precision)
        return variant;
    return soc::VariantAttr();
  };
  int64_t elements = cast<RankedTensorType>(op.getOutputs()[0].getType()).getNumElements();
  auto partOf = [&](const PlacementLabel &label, int64_t begin, int64_t size) {
    PlacedPart part{label.parts[0].engine, begin, size, variantOf(label, size), 0};
    if (label.handover)
      part.handoverPs = handoverPs(part, elements / rows * size);
    return part;
  };
  SmallVector<PlacementLabel> shared;
  for (unsigned a = 0; a < offers.size(); ++a)
    for (unsigned b = 0; b < offers.size(); ++b) {
      // In the order of the engines.
      if (offers[a]->place >= offers[b]->place || offers[a]->format != offers[b]->format)
        continue;
      unsigned first = offers[a]->parts[0].engine, second = offers[b]->parts[0].engine;
      int64_t granularity = std::lcm<int64_t>(offers[a]->parts[0].variant.getGranularity(),
                                              offers[b]->parts[0].variant.getGranularity());
      int64_t before = 0;
      for (unsigned eighths = 1; eighths < kShares; ++eighths) {
        int64_t cut = (rows * eighths / kShares + granularity / 2) / granularity * granularity;
        if (cut <= before || cut >= rows)
          continue;
        before = cut;
        PlacementLabel label = *offers[a];
        label.parts = {partOf(*offers[a], 0, cut), partOf(*offers[b], cut, rows - cut)};
        label.place = placeOf(first, second, eighths);
        if (llvm::all_of(label.parts, [](const PlacedPart &part) { return part.variant; }))
          shared.push_back(std::move(label));
      }
    }
  llvm::append_range(group.labels, shared);
}

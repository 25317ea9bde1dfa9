// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Collects what engines offer for each group and who reads what of whom.

#include "passes/partition/Placement.h"

#include "passes/partition/GroupShares.h"
#include "passes/partition/GroupWork.h"

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

LogicalResult Placement::collect() {
  func.walk([&](soc::GroupOp op) {
    indexOfGroup[op] = groups.size();
    groups.push_back({op, {}, {}, {}});
  });
  bool ok = true;
  for (auto [index, group] : llvm::enumerate(groups)) {
    ok &= succeeded(collectGroup(group));
    for (OpOperand &operand : group.op->getOpOperands())
      for (const soc::SourceRange &range : soc::getSources(operand.get()))
        if (Operation *def = range.root.getDefiningOp(); def && indexOfGroup.contains(def))
          readings.push_back(
              {indexOfGroup[def], static_cast<unsigned>(index), operand.getOperandNumber(), range});
  }
  return success(ok);
}

LogicalResult Placement::collectGroup(PlacedGroup &group) {
  soc::GroupOp op = group.op;
  for (Type type : llvm::concat<const Type>(op->getOperandTypes(), op->getResultTypes()))
    if (!cast<RankedTensorType>(type).hasStaticShape())
      return op.emitOpError() << "expected operands and results of static shape, got " << type;
  int64_t rows = std::max<int64_t>(getShareRows(op), 1);
  group.elementsPerRow.assign(op.getInputs().size(), 0);
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
      SmallVector<soc::VariantAttr> variants = engine.variants(op, /*rows=*/0);
      if (op.getVariant())
        variants = {*op.getVariant()};
      for (soc::VariantAttr variant : variants)
        group.labels.push_back({{{number, 0, rows, variant}}, number});
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
  if (!op.getEngine() && !op.getVariant())
    addShares(group);
  return success();
}

LogicalResult Placement::keepShares(PlacedGroup &group) {
  soc::GroupOp op = group.op;
  if (failed(verifyShares(op)))
    return failure();
  PlacementLabel label;
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
    unsigned number = engine - engines.begin();
    label.parts.push_back({number, share.getBegin(), share.getSize(), share.getVariant()});
  }
  auto byEngine = [](const PlacedPart &a, const PlacedPart &b) { return a.engine < b.engine; };
  auto [least, most] = std::minmax_element(label.parts.begin(), label.parts.end(), byEngine);
  // Any place will do: the group has no other label that it could be taken for.
  label.place = placeOf(least->engine, most->engine, 1);
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
  // The first label of each engine says whether its part can be cut.
  SmallVector<const PlacementLabel *> offers;
  for (const PlacementLabel &label : group.labels)
    if (label.parts[0].variant.getGranularity() != 0 &&
        (offers.empty() || offers.back()->place != label.place))
      offers.push_back(&label);
  if (offers.size() < 2 || rows < 2)
    return;
  if (!findRowReads(group))
    return;
  SmallVector<PlacementLabel> shared;
  for (unsigned a = 0; a < offers.size(); ++a)
    for (unsigned b = a + 1; b < offers.size(); ++b) {
      unsigned first = offers[a]->parts[0].engine, second = offers[b]->parts[0].engine;
      int64_t granularity = std::lcm<int64_t>(offers[a]->parts[0].variant.getGranularity(),
                                              offers[b]->parts[0].variant.getGranularity());
      int64_t before = 0;
      for (unsigned eighths = 1; eighths < kShares; ++eighths) {
        int64_t cut = (rows * eighths / kShares + granularity / 2) / granularity * granularity;
        if (cut <= before || cut >= rows)
          continue;
        before = cut;
        shared.push_back({{{first, 0, cut, engines[first].variants(op, cut)[0]},
                           {second, cut, rows - cut, engines[second].variants(op, rows - cut)[0]}},
                          placeOf(first, second, eighths)});
      }
    }
  llvm::append_range(group.labels, shared);
}

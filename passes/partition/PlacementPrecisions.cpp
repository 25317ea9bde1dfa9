// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Precisions as a part of labels: in which type a label stores its results and
// wants its operands, and what it costs where two do not agree. Floating point
// becomes integers in a pass of a CPU, or in the producer itself where that is a
// CPU's and nobody wants anything else; readers dequantise and rescale themselves.

#include "passes/partition/FloatRewrite.h"
#include "passes/partition/MoveCost.h"
#include "passes/partition/Placement.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::partition;

/// A second, for what is never to be chosen.
static constexpr int64_t kNeverPs = 1000000000000;

/// Formats: 0 as it is written, one for each scheme, then handovers.
static constexpr unsigned kFirstHandover = 3;

static bool isInteger(soc::PrecisionAttr precision) { return precision && !precision.isFloat(); }

static Type quantisedAt(ArrayAttr types, unsigned index) {
  auto type = dyn_cast<quant::QuantizedType>(cast<TypeAttr>(types[index]).getValue());
  // What is i32 is a constant, and made when the program is.
  return type && type.getStorageTypeIntegralWidth() < 32 ? Type(type) : Type();
}

unsigned partition::formatOf(soc::PrecisionAttr precision) {
  if (!isInteger(precision))
    return 0;
  return precision.getScheme() == "w8a8" ? 1 : 2;
}

std::optional<soc::PrecisionAttr> partition::precisionOf(soc::GroupOp group,
                                                         soc::VariantAttr variant) {
  ArrayAttr allowed = group.getPrecisionsAttr();
  if (!allowed)
    return soc::PrecisionAttr();
  Type computed = variant.getPrecision().getValue();
  for (auto precision : allowed.getAsRange<soc::PrecisionAttr>())
    if (!precision.isFloat() && precision.getComputeType() == computed)
      return precision;
  // An integer that is not what the group says is another precision.
  if (isa<IntegerType>(computed) && getElementTypeOrSelf(group.getOutputs()[0]) != computed)
    return std::nullopt;
  for (auto precision : allowed.getAsRange<soc::PrecisionAttr>())
    if (precision.isFloat())
      return precision;
  return std::nullopt;
}

RankedTensorType Placement::typeOf(const Source &source) const {
  if (source.producer == kArgument) {
    func::FuncOp op = func;
    return cast<RankedTensorType>(op.getArgument(source.result).getType());
  }
  soc::GroupOp op = groups[source.producer].op;
  return cast<RankedTensorType>(op->getResult(source.result).getType());
}

Type Placement::storedBy(const PlacedGroup &group, const PlacementLabel &label,
                         unsigned result) const {
  if (label.handover)
    return label.handover;
  if (!isInteger(label.precision) || !group.storedAt[result])
    return {};
  return quantisedAt(label.precision.getResults(), *group.storedAt[result]);
}

bool Placement::storesIntegers(const Source &source, const PlacementLabel *label) const {
  return label && !label->handover && storedBy(groups[source.producer], *label, source.result);
}

Type Placement::wantedBy(const Reading &reading, const PlacementLabel &label) const {
  if (isInteger(label.precision))
    return quantisedAt(label.precision.getInputs(), reading.operand);
  bool onCpu = llvm::all_of(label.parts, [&](const PlacedPart &part) {
    return engines[part.engine].getEngineKind() == "cpu";
  });
  if (onCpu && groups[reading.consumer].dequantises[reading.operand])
    return {};
  return NoneType::get(machine.getContext());
}

std::optional<Placement::Conversion>
Placement::convert(const Source &source, const PlacementLabel *label, Type wanted) const {
  Type stored = label ? storedBy(groups[source.producer], *label, source.result) : Type();
  bool asWritten = !wanted || isa<NoneType>(wanted);
  if (stored ? stored == wanted : asWritten)
    return std::nullopt;
  if (label && label->handover)
    return Conversion{label->parts[0].engine, kNeverPs, 0};
  // Readers in integers rescale others themselves, and some in floating point
  // dequantise: of fewer bytes than they have been priced with.
  if (stored && !(wanted && asWritten))
    return std::nullopt;
  unsigned producer = label ? label->parts[0].engine : 0;
  if (label)
    for (const PlacedPart &part : llvm::reverse(label->parts))
      if (engines[part.engine].getEngineKind() == "cpu")
        producer = part.engine;
  Conversion conversion;
  conversion.engine = converterOf(engines, producer);
  RankedTensorType type = typeOf(source);
  conversion.passPs = convertPs(machine, engines[conversion.engine], type.getNumElements(),
                                bitsOf(source, stored), bitsOf(source, wanted));
  if (label)
    for (const Extent &part : writtenBy(source.producer, *label))
      if (part.engine != conversion.engine)
        conversion.fetchPs += moveCost(part.engine, conversion.engine,
                                       (std::min(part.end, type.getNumElements()) - part.begin) *
                                           llvm::divideCeil(bitsOf(source, stored), 8));
  return conversion;
}

void Placement::addHandovers() {
  // What each result is wanted in by readers that all want the same in some
  // precision; no type where one never does, or the user reads it.
  std::vector<SmallVector<Type>> common(groups.size());
  std::vector<bool> isRead(groups.size(), false);
  for (const Reading &reading : readings) {
    if (reading.source.producer == kArgument)
      continue;
    SmallVector<Type> wanted;
    for (const PlacementLabel &label : groups[reading.consumer].labels)
      if (Type type = wantedBy(reading, label);
          type && !isa<NoneType>(type) && !llvm::is_contained(wanted, type))
        wanted.push_back(type);
    SmallVector<Type> &types = common[reading.source.producer];
    if (isRead[reading.source.producer])
      llvm::erase_if(types, [&](Type type) { return !llvm::is_contained(wanted, type); });
    else
      types = wanted;
    isRead[reading.source.producer] = true;
  }
  for (const Source &source : returned)
    common[source.producer].clear();
  for (auto [index, group] : llvm::enumerate(groups)) {
    if (group.op.getShares() || !canQuantiseAtEnd(group.op))
      continue;
    int64_t elements = typeOf({static_cast<unsigned>(index), 0}).getNumElements();
    SmallVector<PlacementLabel> added;
    for (auto [number, type] : llvm::enumerate(common[index]))
      for (const PlacementLabel &label : group.labels) {
        if (label.format != 0 || !llvm::all_of(label.parts, [&](const PlacedPart &part) {
              return engines[part.engine].getEngineKind() == "cpu" && canQuantiseTiles(part.variant, type);
            }))
          continue;
        PlacementLabel handing = label;
        handing.format = kFirstHandover + number;
        handing.handover = type;
        for (PlacedPart &part : handing.parts)
          part.handoverPs = handoverPs(part, elements);
        added.push_back(std::move(handing));
      }
    llvm::append_range(group.labels, added);
  }
}

int64_t Placement::handoverPs(const PlacedPart &part, int64_t elements) const {
  // Memory sees fewer bytes than without; the operations are added.
  GroupWork work = GroupWork::ofConversion(machine.getContext(), elements, 0, 0);
  soc::EngineAttrInterface engine = engines[part.engine];
  uint64_t cores = engine.getEngineCores();
  soc::MachineAttr chip = machine;
  return work.timePs(engine.getEnginePerformance(),
                     std::min<uint64_t>(chip.getWorkersOf(engine), cores), cores);
}

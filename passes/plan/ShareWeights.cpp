// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Looks at recipes: rows that are sliced off before they are laid out in panels
// are whole panels of what is laid out whole, if the slice begins with a panel
// and ends with one or with the last row.

#include "passes/plan/Passes.h"

#include "dialects/nn/NN.h"
#include "dialects/soc/Soc.h"
#include "passes/plan/EntryPlanner.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

namespace tercet::plan {
#define GEN_PASS_DEF_SHAREWEIGHTSPASS
#include "passes/plan/Passes.h.inc"
} // namespace tercet::plan

using namespace mlir;
using namespace tercet;

namespace {

/// What a recipe is a part of: its indices from `first` on along dimension 0.
struct PartOf {
  Attribute whole;
  int64_t first;
};

/// Where a slice is whole but for one dimension, its offset there.
std::optional<int64_t> offsetAlong(nn::SliceAttr slice, int64_t dim) {
  ArrayRef<int64_t> whole = cast<ShapedType>(slice.getSource().getType()).getShape();
  for (auto [d, size] : llvm::enumerate(slice.getType().getShape()))
    if (int64_t(d) != dim && size != whole[d])
      return std::nullopt;
  return slice.getOffsets()[dim];
}

/// A slice along `dim` that is laid out in panels, or nullopt.
std::optional<int64_t> firstPanel(nn::SliceAttr slice, int64_t dim, int64_t panel) {
  std::optional<int64_t> first = offsetAlong(slice, dim);
  if (!first || *first % panel != 0)
    return std::nullopt;
  int64_t end = *first + slice.getType().getDimSize(dim);
  bool ends =
      end % panel == 0 || end == cast<ShapedType>(slice.getSource().getType()).getDimSize(dim);
  return ends ? std::optional(*first / panel) : std::nullopt;
}

RankedTensorType withFirstSize(RankedTensorType type, int64_t size) {
  SmallVector<int64_t> shape(type.getShape());
  shape[0] = size;
  return RankedTensorType::get(shape, type.getElementType(), type.getEncoding());
}

std::optional<PartOf> partOf(TypedAttr recipe) {
  if (auto slice = dyn_cast<nn::SliceAttr>(recipe)) {
    if (std::optional<int64_t> first = offsetAlong(slice, 0))
      return PartOf{slice.getSource(), *first};
    return std::nullopt;
  }
  auto sourceOf = [](TypedAttr source) { return dyn_cast<nn::SliceAttr>(source); };
  auto panels = [](nn::SliceAttr slice, int64_t dim, int64_t panel) {
    return llvm::divideCeil(cast<ShapedType>(slice.getSource().getType()).getDimSize(dim), panel);
  };
  if (auto pack = dyn_cast<nn::PackGroupsAttr>(recipe)) {
    nn::SliceAttr slice = sourceOf(pack.getSource());
    std::optional<int64_t> first = slice ? firstPanel(slice, 0, pack.getPanel()) : std::nullopt;
    if (first)
      return PartOf{nn::PackGroupsAttr::get(
                        pack.getContext(), slice.getSource(), pack.getFormat(), pack.getPanel(),
                        withFirstSize(pack.getType(), panels(slice, 0, pack.getPanel()))),
                    *first};
  }
  if (auto pack = dyn_cast<nn::PackAttr>(recipe)) {
    nn::SliceAttr slice = sourceOf(pack.getSource());
    std::optional<int64_t> first = slice ? firstPanel(slice, 1, pack.getPanel()) : std::nullopt;
    if (first)
      return PartOf{
          nn::PackAttr::get(pack.getContext(), slice.getSource(), pack.getPanel(),
                            withFirstSize(pack.getType(), panels(slice, 1, pack.getPanel()))),
          *first};
  }
  return std::nullopt;
}

class ShareWeightsPass : public plan::impl::ShareWeightsPassBase<ShareWeightsPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    std::map<StringRef, nn::WeightOp> byName;
    DenseMap<Attribute, nn::WeightOp> byRecipe;
    for (auto weight : module.getOps<nn::WeightOp>()) {
      byName[weight.getSymName()] = weight;
      byRecipe.try_emplace(weight.getRecipe(), weight);
    }
    module.walk([&](nn::GetWeightOp get) { gets[byName.at(get.getWeight())].push_back(get); });
    // A pool of weights goes to one engine with a driver at most, and what such an
    // engine keeps in a memory of its own it is given whole.
    llvm::MapVector<nn::WeightOp, std::pair<nn::WeightOp, int64_t>> shared;
    for (auto weight : module.getOps<nn::WeightOp>()) {
      std::optional<PartOf> part = partOf(weight.getRecipe());
      nn::WeightOp whole = part ? byRecipe.lookup(part->whole) : nn::WeightOp();
      if (!whole)
        continue;
      auto drivers = driversOf(weight), others = driversOf(whole);
      if (drivers && drivers->empty() && others && others->size() <= 1)
        shared[weight] = {whole, part->first};
    }
    for (auto [part, place] : shared)
      if (!shared.contains(place.first))
        share(part, place.first, place.second);
  }

  /// Engines with drivers that read the weight; nullopt: others than tasks do.
  std::optional<llvm::SmallSetVector<Attribute, 2>> driversOf(nn::WeightOp weight) {
    auto machine = soc::MachineAttr::of(getOperation());
    llvm::SmallSetVector<Attribute, 2> drivers;
    for (nn::GetWeightOp get : gets.lookup(weight))
      for (Operation *user : get->getUsers()) {
        auto task = dyn_cast<soc::TaskOp>(user);
        Attribute engine = task && machine ? machine.lookupEngine(task.getEngine()) : Attribute();
        if (!engine)
          return std::nullopt;
        if (plan::hasDriver(engine))
          drivers.insert(engine);
      }
    return drivers;
  }

  void share(nn::WeightOp part, nn::WeightOp whole, int64_t first) {
    for (nn::GetWeightOp get : gets.lookup(part)) {
      OpBuilder b(get);
      auto type = cast<RankedTensorType>(get.getType());
      auto all = nn::GetWeightOp::create(b, get.getLoc(), whole.getType(), whole.getSymName());
      SmallVector<OpFoldResult> offsets(type.getRank(), b.getIndexAttr(0)),
          strides(type.getRank(), b.getIndexAttr(1)), sizes;
      offsets[0] = b.getIndexAttr(first);
      for (int64_t size : type.getShape())
        sizes.push_back(b.getIndexAttr(size));
      get.replaceAllUsesWith(
          tensor::ExtractSliceOp::create(b, get.getLoc(), type, all, offsets, sizes, strides)
              .getResult());
      get.erase();
      ++numShared;
    }
    gets.erase(part);
    part.erase();
  }

  DenseMap<Operation *, SmallVector<nn::GetWeightOp>> gets;
};

} // namespace

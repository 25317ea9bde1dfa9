// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Groups become tasks; weights get the layouts that the chosen variants read.

#include "passes/partition/MultiplyAdds.h"
#include "passes/partition/Passes.h"

#include "dialects/nn/NN.h"
#include "dialects/soc/Soc.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/SymbolTable.h"

namespace tercet::partition {
#define GEN_PASS_DEF_APPLYPLACEMENTPASS
#include "passes/partition/Passes.h.inc"
} // namespace tercet::partition

using namespace mlir;
using namespace tercet;

/// What the group's task computes in, where precisions were considered at all.
static soc::ComputationAttr getComputation(soc::GroupOp group) {
  ArrayAttr applied = group.getPrecisionsAttr();
  if (!applied || applied.size() != 1)
    return {};
  auto precision = cast<soc::PrecisionAttr>(applied[0]);
  return soc::ComputationAttr::get(group.getContext(), precision.getScheme(),
                                   partition::countMultiplyAdds(group), precision.getSnrCentibel(),
                                   precision.getReason());
}

namespace {

struct ApplyPlacementPass : partition::impl::ApplyPlacementPassBase<ApplyPlacementPass> {
  void runOnOperation() override {
    SymbolTable symbolTable(getOperation());
    symbols = &symbolTable;
    packed.clear();
    SmallVector<soc::GroupOp> groups;
    getOperation().walk([&](soc::GroupOp group) { groups.push_back(group); });
    for (soc::GroupOp group : groups)
      if (failed(apply(group)))
        return signalPassFailure();
    dropUnusedWeights();
  }

  LogicalResult apply(soc::GroupOp group) {
    if (!group.getEngine() || !group.getVariant())
      return group.emitOpError() << "has no engine and variant yet; run partition-assign-engines";
    soc::VariantAttr variant = *group.getVariant();
    if (variant.getPanels().size() != static_cast<int64_t>(group.getInputs().size()))
      return group.emitOpError() << "variant '" << variant.getName().getValue()
                                 << "' has a layout for " << variant.getPanels().size() << " of "
                                 << group.getInputs().size() << " inputs";
    OpBuilder builder(group);
    SmallVector<Value> inputs(group.getInputs());
    Block &body = group.getBody().front();
    for (auto [index, panel] : llvm::enumerate(variant.getPanels().asArrayRef())) {
      if (panel == 0)
        continue;
      auto get = inputs[index].getDefiningOp<nn::GetWeightOp>();
      if (!get)
        return group.emitOpError() << "input " << index << " is wanted in panels but is no weight";
      BlockArgument argument = body.getArgument(index);
      if (isStoredInGroups(argument)) {
        if (failed(applyGroupPanel(group, builder, inputs, index, panel)))
          return failure();
        continue;
      }
      bool integers =
          !argument.use_empty() && llvm::all_of(argument.getUsers(), [](Operation *user) {
            return isa<nn::QuantizedMatmulOp>(user);
          });
      nn::WeightOp weight = packedWeight(get, panel, integers);
      inputs[index] =
          nn::GetWeightOp::create(builder, get.getLoc(), weight.getType(), weight.getSymName());
      argument.setType(weight.getType());
      for (Operation *user : llvm::make_early_inc_range(argument.getUsers())) {
        // A product of integers reads either layout.
        if (integers) {
          for (OpOperand &operand : user->getOpOperands())
            if (operand.get() == argument && operand.getOperandNumber() != 1)
              return group.emitOpError()
                     << "input " << index << " is wanted in panels but is no right-hand side";
          continue;
        }
        auto matmul = dyn_cast<linalg::MatmulOp>(user);
        if (!matmul || matmul.getInputs()[1] != argument || matmul.getInputs()[0] == argument)
          return group.emitOpError()
                 << "input " << index << " is wanted in panels but is no right-hand side";
        OpBuilder inside(matmul);
        auto product = nn::PackedMatmulOp::create(
            inside, matmul.getLoc(), TypeRange{matmul->getResult(0).getType()},
            matmul.getInputs()[0], argument, matmul.getDpsInits()[0]);
        matmul->getResult(0).replaceAllUsesWith(product.getResult());
        matmul.erase();
      }
    }
    auto task = soc::TaskOp::create(
        builder, group.getLoc(), group.getOutputs().getTypes(),
        soc::TokenType::get(builder.getContext()), builder.getStringAttr(*group.getEngine()),
        variant, IntegerAttr(), IntegerAttr(), group.getAlternativesAttr(), getComputation(group),
        inputs, group.getScalars(), ValueRange{});
    task.getBody().takeBody(group.getBody());
    group.replaceAllUsesWith(task.getOutputs());
    group.erase();
    return success();
  }

  /// Whether all that reads the argument can read it in panels and as it is.
  static bool isStoredInGroups(BlockArgument argument) {
    return !argument.use_empty() && llvm::all_of(argument.getUses(), [](OpOperand &use) {
      return (isa<nn::GroupMatmulOp>(use.getOwner()) && use.getOperandNumber() == 1) ||
             (isa<nn::GroupGatherOp>(use.getOwner()) && use.getOperandNumber() == 0);
    });
  }

  /// A right-hand side of nn.group_matmul or the data of nn.group_gather in panels.
  LogicalResult applyGroupPanel(soc::GroupOp group, OpBuilder &builder,
                                SmallVectorImpl<Value> &inputs, size_t index, int64_t panel) {
    auto get = inputs[index].getDefiningOp<nn::GetWeightOp>();
    BlockArgument argument = group.getBody().front().getArgument(index);
    Attribute format = argument.getUsers().begin()->getAttr("format");
    for (Operation *user : argument.getUsers())
      if (user->getAttr("format") != format)
        return group.emitOpError() << "input " << index << " is read in two formats of groups";
    nn::WeightOp weight = groupWeight(get, cast_or_null<nn::GroupsAttr>(format), panel);
    inputs[index] =
        nn::GetWeightOp::create(builder, get.getLoc(), weight.getType(), weight.getSymName());
    argument.setType(weight.getType());
    for (Operation *user : argument.getUsers())
      user->setAttr("panel", builder.getI64IntegerAttr(panel));
    return success();
  }

  /// The weight of `get`, blocks of a format or floats in [N, K], in panels.
  nn::WeightOp groupWeight(nn::GetWeightOp get, nn::GroupsAttr format, int64_t panel) {
    auto weight = symbols->lookup<nn::WeightOp>(get.getWeight());
    RankedTensorType type = weight.getType();
    auto source = cast<TypedAttr>(weight.getRecipe());
    int64_t rows = type.getDimSize(0), count = llvm::divideCeil(rows, panel);
    TypedAttr recipe;
    if (format) {
      auto packedType = RankedTensorType::get(
          {count, type.getDimSize(1), panel * format.getPackedBytes()}, type.getElementType());
      recipe = nn::PackGroupsAttr::get(get.getContext(), source, format, panel, packedType);
    } else {
      auto turned = RankedTensorType::get({type.getDimSize(1), rows}, type.getElementType());
      auto packedType =
          RankedTensorType::get({count, type.getDimSize(1), panel}, type.getElementType());
      recipe = nn::PackAttr::get(get.getContext(),
                                 nn::TransposeAttr::get(get.getContext(), source, {1, 0}, turned),
                                 panel, packedType);
    }
    return weightFor(weight, recipe);
  }

  /// The weight of `get` in panels, of four bytes together for sums of products
  /// of `integers`; one symbol for each recipe.
  nn::WeightOp packedWeight(nn::GetWeightOp get, int64_t panel, bool integers) {
    auto weight = symbols->lookup<nn::WeightOp>(get.getWeight());
    RankedTensorType type = weight.getType();
    int64_t rows = type.getDimSize(0);
    SmallVector<int64_t> shape{static_cast<int64_t>(llvm::divideCeil(type.getDimSize(1), panel))};
    if (integers)
      shape.append({static_cast<int64_t>(llvm::divideCeil(rows, 4)), panel, 4});
    else
      shape.append({rows, panel});
    auto packedType = RankedTensorType::get(shape, type.getElementType());
    auto source = cast<TypedAttr>(weight.getRecipe());
    TypedAttr recipe;
    if (integers)
      recipe = nn::PackDotAttr::get(get.getContext(), source, panel, packedType);
    else
      recipe = nn::PackAttr::get(get.getContext(), source, panel, packedType);
    return weightFor(weight, recipe);
  }

  nn::WeightOp weightFor(nn::WeightOp weight, TypedAttr recipe) {
    nn::WeightOp &result = packed[recipe];
    if (!result) {
      OpBuilder builder(weight.getContext());
      builder.setInsertionPointAfter(weight);
      result = nn::WeightOp::create(builder, weight.getLoc(), weight.getSymName(), recipe);
      symbols->insert(result, Block::iterator(result));
    }
    return result;
  }

  void dropUnusedWeights() {
    llvm::DenseSet<StringAttr> used;
    getOperation().walk([&](nn::GetWeightOp op) {
      if (op.use_empty())
        op.erase();
      else
        used.insert(op.getWeightAttr().getAttr());
    });
    for (nn::WeightOp weight : llvm::make_early_inc_range(getOperation().getOps<nn::WeightOp>()))
      if (!used.contains(weight.getSymNameAttr()))
        weight.erase();
  }

  SymbolTable *symbols = nullptr;
  DenseMap<Attribute, nn::WeightOp> packed;
};

} // namespace

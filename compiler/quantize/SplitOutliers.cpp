// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Channels are taken out of a weight by factors of 0, and out of a block by
// slices; both are recipes, so no weight is read here.

#include "compiler/quantize/SplitOutliers.h"

#include "dialects/nn/NN.h"
#include "dialects/soc/SourceNames.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/SymbolTable.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::quantize;
using tercet::partition::IntegerStep;
using tercet::partition::IntegerStepKind;

SmallVector<int64_t> quantize::findOutliers(ArrayRef<ValueStatistics::Channel> channels,
                                            double ratio) {
  SmallVector<double> ranges;
  for (const ValueStatistics::Channel &channel : channels)
    ranges.push_back(channel.getGreatest());
  llvm::sort(ranges, std::greater<>());
  SmallVector<int64_t> outliers;
  if (ranges.size() < 100)
    return outliers;
  double limit = ratio * ranges[ranges.size() / 100];
  for (auto [index, channel] : llvm::enumerate(channels))
    if (limit > 0 && channel.getGreatest() > limit)
      outliers.push_back(index);
  return outliers;
}

namespace {

RankedTensorType tensorOf(Value value) { return cast<RankedTensorType>(value.getType()); }

/// Two groups with the value between them.
struct Pair {
  const IntegerCandidate *first, *second;
  const IntegerStep *expand, *contract;
  /// What the second adds to its product: an operand of the group.
  unsigned residual;
};

class Splitter {
public:
  Splitter(ModuleOp module) : symbols(module) {}

  /// The two groups that compute the channels apart.
  SmallVector<soc::GroupOp, 2> split(const Pair &pair, ArrayRef<int64_t> channels) {
    soc::GroupOp first = pair.first->group, second = pair.second->group;
    this->channels = channels;
    unsigned weight = pair.expand->weight.getArgNumber();
    unsigned next = pair.contract->weight.getArgNumber();
    OpBuilder b(second);

    IRMapping operands;
    for (Value input : first.getInputs())
      operands.map(input, input);
    operands.map(first.getInputs()[weight],
                 derive(b, first.getInputs()[weight], ".outliers", slice(1)));
    if (pair.expand->bias) {
      Value bias = first.getInputs()[pair.expand->bias.getArgNumber()];
      operands.map(bias, derive(b, bias, ".outliers", slice(0)));
    }
    soc::GroupOp narrow = cloneNarrow(b, first, operands);
    Value rows = derive(b, second.getInputs()[next], ".outliers", slice(0));
    soc::GroupOp rest =
        addProduct(b, second, narrow.getOutputs()[0], rows, second.getInputs()[pair.residual]);

    b.setInsertionPoint(first);
    replace(b, first, weight, without(1));
    if (pair.expand->bias)
      replace(b, first, pair.expand->bias.getArgNumber(), without(0));
    b.setInsertionPoint(second);
    replace(b, second, next, without(0));
    second->setOperand(pair.residual, rest.getOutputs()[0]);
    return {narrow, rest};
  }

private:
  using Recipe = std::function<TypedAttr(TypedAttr)>;

  static RankedTensorType typeOf(TypedAttr recipe) {
    return cast<RankedTensorType>(recipe.getType());
  }

  /// The channels of a dimension one after another.
  Recipe slice(unsigned dim) {
    return [this, dim](TypedAttr source) -> TypedAttr {
      MLIRContext *context = source.getContext();
      SmallVector<int64_t> shape(typeOf(source).getShape());
      shape[dim] = 1;
      auto type = RankedTensorType::get(shape, typeOf(source).getElementType());
      SmallVector<Attribute> parts;
      for (int64_t channel : channels) {
        SmallVector<int64_t> offsets(shape.size(), 0);
        offsets[dim] = channel;
        parts.push_back(nn::SliceAttr::get(context, source, offsets, type));
      }
      if (parts.size() == 1)
        return cast<TypedAttr>(parts[0]);
      shape[dim] = static_cast<int64_t>(parts.size());
      return nn::ConcatAttr::get(context, ArrayAttr::get(context, parts), dim,
                                 RankedTensorType::get(shape, type.getElementType()));
    };
  }

  /// Zeros in the place of the channels of a dimension.
  Recipe without(unsigned dim) {
    return [this, dim](TypedAttr source) -> TypedAttr {
      MLIRContext *context = source.getContext();
      RankedTensorType type = typeOf(source);
      SmallVector<float> factors(type.getDimSize(dim), 1.0f);
      for (int64_t channel : channels)
        factors[channel] = 0.0f;
      auto vector = RankedTensorType::get({type.getDimSize(dim)}, Float32Type::get(context));
      auto scale = [&](TypedAttr rows) -> TypedAttr {
        return nn::ScaleRowsAttr::get(
            context, rows, DenseElementsAttr::get(vector, ArrayRef<float>(factors)), typeOf(rows));
      };
      if (dim == 0)
        return scale(source);
      auto turned =
          RankedTensorType::get({type.getDimSize(1), type.getDimSize(0)}, type.getElementType());
      SmallVector<int64_t> turn{1, 0};
      return nn::TransposeAttr::get(
          context, scale(nn::TransposeAttr::get(context, source, turn, turned)), turn, type);
    };
  }

  /// Another weight, made of that one.
  Value derive(OpBuilder &b, Value weight, StringRef suffix, const Recipe &recipe) {
    auto get = weight.getDefiningOp<nn::GetWeightOp>();
    auto original = symbols.lookup<nn::WeightOp>(get.getWeight());
    OpBuilder outside(b.getContext());
    auto made = nn::WeightOp::create(outside, original.getLoc(), (get.getWeight() + suffix).str(),
                                     recipe(cast<TypedAttr>(original.getRecipe())));
    symbols.insert(made, std::next(Block::iterator(original)));
    return nn::GetWeightOp::create(b, get.getLoc(), made.getType(), made.getSymName());
  }

  void replace(OpBuilder &b, soc::GroupOp group, unsigned operand, const Recipe &recipe) {
    auto get = group.getInputs()[operand].getDefiningOp<nn::GetWeightOp>();
    group->setOperand(operand, derive(b, get, ".rest", recipe));
    if (get.use_empty())
      get.erase();
  }

  /// A name that no pattern for the nodes themselves matches.
  static Location nameFor(soc::GroupOp group) {
    SmallVector<StringRef> names = soc::getSourceNames(group.getLoc());
    std::string name = "outliers of " + (names.empty() ? "a product" : names.front()).str();
    return NameLoc::get(StringAttr::get(group.getContext(), name));
  }

  static soc::GroupOp create(OpBuilder &b, Location loc, RankedTensorType type, ValueRange inputs) {
    auto group = soc::GroupOp::create(b, loc, TypeRange{type}, StringAttr(), soc::VariantAttr(),
                                      ArrayAttr(), ArrayAttr(), ArrayAttr(), inputs, ValueRange{});
    Block &block = group.getBody().emplaceBlock();
    for (Value input : inputs)
      block.addArgument(input.getType(), input.getLoc());
    return group;
  }

  /// The first group with the channels alone.
  soc::GroupOp cloneNarrow(OpBuilder &b, soc::GroupOp group, const IRMapping &operands) {
    RankedTensorType whole = tensorOf(group.getOutputs()[0]);
    auto narrowed = RankedTensorType::get({whole.getDimSize(0), int64_t(channels.size())},
                                          whole.getElementType());
    SmallVector<Value> inputs;
    for (Value input : group.getInputs())
      inputs.push_back(operands.lookup(input));
    soc::GroupOp narrow = create(b, nameFor(group), narrowed, inputs);
    Block &from = group.getBody().front(), &to = narrow.getBody().front();
    IRMapping values;
    values.map(from.getArguments(), to.getArguments());
    OpBuilder inside = OpBuilder::atBlockEnd(&to);
    for (Operation &op : from) {
      Operation *clone = inside.clone(op, values);
      for (Value result : clone->getResults())
        if (result.getType() == whole)
          result.setType(narrowed);
    }
    return narrow;
  }

  /// The channels times their rows of the weight, and the residual.
  soc::GroupOp addProduct(OpBuilder &b, soc::GroupOp group, Value values, Value rows,
                          Value residual) {
    RankedTensorType type = tensorOf(residual);
    Location loc = nameFor(group);
    soc::GroupOp rest = create(b, loc, type, {values, rows, residual});
    Block &block = rest.getBody().front();
    OpBuilder inside = OpBuilder::atBlockEnd(&block);
    Value zero = arith::ConstantOp::create(inside, loc, inside.getF32FloatAttr(0));
    Value empty = tensor::EmptyOp::create(inside, loc, type, ValueRange{});
    Value init = linalg::FillOp::create(inside, loc, zero, empty).getResult(0);
    Value product =
        linalg::MatmulOp::create(inside, loc, TypeRange{type},
                                 ValueRange{block.getArgument(0), block.getArgument(1)}, init)
            .getResult(0);
    AffineMap map = inside.getMultiDimIdentityMap(2);
    SmallVector<utils::IteratorType> loops(2, utils::IteratorType::parallel);
    Value sum =
        linalg::GenericOp::create(inside, loc, type, ValueRange{product, block.getArgument(2)},
                                  empty, ArrayRef<AffineMap>{map, map, map}, loops,
                                  [](OpBuilder &n, Location at, ValueRange x) {
                                    Value both = arith::AddFOp::create(n, at, x[0], x[1]);
                                    linalg::YieldOp::create(n, at, both);
                                  })
            .getResult(0);
    soc::YieldOp::create(inside, loc, sum);
    return rest;
  }

  SymbolTable symbols;
  ArrayRef<int64_t> channels;
};

/// The step that is a product, if the group has one.
const IntegerStep *findProduct(const IntegerCandidate &candidate) {
  auto product = llvm::find_if(candidate.steps, [](const IntegerStep &step) {
    return step.kind == IntegerStepKind::Product;
  });
  return product == candidate.steps.end() ? nullptr : product;
}

/// Whether it is a product of a matrix and tables of it, and nothing else.
bool isExpansion(const IntegerCandidate &candidate) {
  soc::GroupOp group = candidate.group;
  const IntegerStep *product = findProduct(candidate);
  return product == candidate.steps.begin() && product && candidate.steps.size() == 2 &&
         candidate.steps[1].kind == IntegerStepKind::Lookup &&
         isa<BlockArgument>(product->inputs[0]) && group.getOutputs().size() == 1 &&
         group.getOutputs()[0].hasOneUse() && tensorOf(group.getOutputs()[0]).getRank() == 2 &&
         group.getInputs().size() == (product->bias ? 3u : 2u) &&
         llvm::none_of(group.getBody().front(), [](Operation &op) {
           return op.hasTrait<OpTrait::ConstantLike>() &&
                  isa<ShapedType>(op.getResult(0).getType());
         });
}

/// The operand that the group adds to its product.
std::optional<unsigned> findResidual(const IntegerCandidate &candidate,
                                     const IntegerStep &product) {
  soc::GroupOp group = candidate.group;
  for (const IntegerStep &step : candidate.steps) {
    if (step.kind != IntegerStepKind::Add || !llvm::is_contained(step.inputs, product.getResult()))
      continue;
    for (Value input : step.inputs)
      if (auto argument = dyn_cast<BlockArgument>(input);
          argument && argument.hasOneUse() && argument.getType() == product.getResult().getType() &&
          !group.getInputs()[argument.getArgNumber()].getDefiningOp<nn::GetWeightOp>())
        return argument.getArgNumber();
  }
  return std::nullopt;
}

} // namespace

SmallVector<soc::GroupOp> quantize::splitOutliers(ModuleOp module,
                                                  ArrayRef<IntegerCandidate> candidates,
                                                  const ValueClasses &classes,
                                                  ArrayRef<ValueStatistics> statistics,
                                                  double ratio) {
  llvm::DenseMap<Operation *, const IntegerCandidate *> known;
  for (const IntegerCandidate &candidate : candidates)
    known[candidate.group] = &candidate;
  Splitter splitter(module);
  SmallVector<soc::GroupOp> groups;
  for (const IntegerCandidate &first : candidates) {
    if (first.scheme != "w8a8" || !isExpansion(first))
      continue;
    soc::GroupOp group = first.group;
    OpOperand &use = *group.getOutputs()[0].use_begin();
    const IntegerCandidate *second = known.lookup(use.getOwner());
    const IntegerStep *product = second ? findProduct(*second) : nullptr;
    if (!product || second->scheme != "w8a8")
      continue;
    soc::GroupOp reader = second->group;
    BlockArgument argument = reader.getBody().front().getArgument(use.getOperandNumber());
    std::optional<unsigned> residual = findResidual(*second, *product);
    if (product->inputs[0] != argument || !argument.hasOneUse() || !residual)
      continue;
    SmallVector<int64_t> channels =
        findOutliers(statistics[classes.lookup(group.getOutputs()[0])].getChannels(), ratio);
    if (!channels.empty())
      llvm::append_range(
          groups,
          splitter.split({&first, second, findProduct(first), product, *residual}, channels));
  }
  return groups;
}

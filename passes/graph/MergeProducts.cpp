// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of one left-hand side become one, in functions that keep state: a
// decoder reads each weight once for a token, and a pass over one large matrix
// is shorter than passes over three. What is joined is what is stored, so that
// weights stay in their groups.

#include "passes/graph/Matching.h"
#include "passes/graph/Passes.h"

#include "dialects/nn/NN.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringSet.h"

namespace tercet::graph {
#define GEN_PASS_DEF_MERGEPRODUCTSPASS
#include "passes/graph/Passes.h.inc"
} // namespace tercet::graph

using namespace mlir;
using namespace tercet;
using namespace tercet::graph;

namespace {

RankedTensorType typeOf(TypedAttr recipe) { return cast<RankedTensorType>(recipe.getType()); }

/// The sources of recipes of one kind, or none.
template <typename Recipe> SmallVector<TypedAttr> sourcesOf(ArrayRef<TypedAttr> recipes) {
  SmallVector<TypedAttr> sources;
  for (TypedAttr recipe : recipes) {
    auto one = dyn_cast<Recipe>(recipe);
    if (!one)
      return {};
    sources.push_back(one.getSource());
  }
  return sources;
}

/// Recipes of matrices one behind the other along an axis, as what they are
/// stored as; null if they are not stored alike.
TypedAttr joinRecipes(ArrayRef<TypedAttr> recipes, int64_t axis) {
  MLIRContext *context = recipes[0].getContext();
  SmallVector<int64_t> shape(typeOf(recipes[0]).getShape());
  Type element = typeOf(recipes[0]).getElementType();
  shape[axis] = 0;
  for (TypedAttr recipe : recipes) {
    if (typeOf(recipe).getElementType() != element)
      return {};
    shape[axis] += typeOf(recipe).getDimSize(axis);
  }
  auto type = RankedTensorType::get(shape, element);
  if (SmallVector<TypedAttr> sources = sourcesOf<nn::TransposeAttr>(recipes); !sources.empty()) {
    ArrayRef<int64_t> perm = cast<nn::TransposeAttr>(recipes[0]).getPerm();
    if (llvm::any_of(recipes, [&](TypedAttr recipe) {
          return cast<nn::TransposeAttr>(recipe).getPerm() != perm;
        }))
      return {};
    TypedAttr inner = joinRecipes(sources, perm[axis]);
    return inner ? nn::TransposeAttr::get(context, inner, perm, type) : TypedAttr();
  }
  if (SmallVector<TypedAttr> sources = sourcesOf<nn::CastAttr>(recipes); !sources.empty()) {
    TypedAttr inner = joinRecipes(sources, axis);
    return inner ? nn::CastAttr::get(context, inner, type) : TypedAttr();
  }
  if (SmallVector<TypedAttr> sources = sourcesOf<nn::DecodeAttr>(recipes); !sources.empty()) {
    nn::GroupsAttr format = cast<nn::DecodeAttr>(recipes[0]).getFormat();
    // Rows of blocks; a row is never parted.
    if (axis != 0 || llvm::any_of(recipes, [&](TypedAttr recipe) {
          return cast<nn::DecodeAttr>(recipe).getFormat() != format;
        }))
      return {};
    TypedAttr inner = joinRecipes(sources, 0);
    return inner ? nn::DecodeAttr::get(context, inner, format, type) : TypedAttr();
  }
  // Where only some are stored in groups or narrow, they are not alike.
  for (TypedAttr recipe : recipes) {
    TypedAttr stored = recipe;
    if (auto transpose = dyn_cast<nn::TransposeAttr>(stored))
      stored = transpose.getSource();
    if (isa<nn::DecodeAttr, nn::CastAttr>(stored) || isa<nn::TransposeAttr>(recipe))
      return {};
  }
  SmallVector<Attribute> parts(recipes.begin(), recipes.end());
  return nn::ConcatAttr::get(context, ArrayAttr::get(context, parts), axis, type);
}

/// A product with a weight, and the vector that is added to it.
struct Part {
  linalg::MatmulOp product;
  nn::WeightOp weight;
  /// Both null, or an elementwise sum and the weight that it adds.
  Operation *sum = nullptr;
  nn::WeightOp bias;

  Value result() { return sum ? sum->getResult(0) : product->getResult(0); }
};

class Merging {
public:
  explicit Merging(ModuleOp module) : symbols(module) {
    // What is read in another way than by products keeps its weight.
    module.walk([&](nn::GetWeightOp get) {
      for (OpOperand &use : get->getUses()) {
        bool isFactor = isa<linalg::MatmulOp>(use.getOwner()) && use.getOperandNumber() == 1;
        if (!isFactor)
          otherwise.insert(get.getWeight());
      }
    });
  }

  unsigned run(func::FuncOp function);

private:
  nn::WeightOp weightOf(Value value) {
    auto get = skipReshapes(value).getDefiningOp<nn::GetWeightOp>();
    return get ? symbols.lookup<nn::WeightOp>(get.getWeight()) : nn::WeightOp();
  }
  std::optional<Part> match(linalg::MatmulOp op);
  bool merge(MutableArrayRef<Part> parts);
  Value joined(OpBuilder &b, Location loc, nn::WeightOp first, TypedAttr recipe);

  SymbolTable symbols;
  llvm::StringSet<> otherwise;
  DenseMap<std::pair<Attribute, unsigned>, nn::WeightOp> byRecipe;
};

std::optional<Part> Merging::match(linalg::MatmulOp op) {
  std::optional<double> start = matchConstant(op.getDpsInits()[0]);
  if (op.hasUserDefinedMaps() || !op.hasPureTensorSemantics() || !start || *start != 0.0)
    return std::nullopt;
  auto get = op.getInputs()[1].getDefiningOp<nn::GetWeightOp>();
  if (!get || otherwise.contains(get.getWeight()) ||
      !cast<RankedTensorType>(op.getInputs()[0].getType()).getElementType().isF32())
    return std::nullopt;
  Part part{op, symbols.lookup<nn::WeightOp>(get.getWeight()), nullptr, {}};
  if (!op->hasOneUse())
    return part;
  Operation *user = *op->getUsers().begin();
  if (user->getNumResults() != 1)
    return part;
  std::optional<Elementwise> sum = matchElementwise<arith::AddFOp>(user->getResult(0));
  for (unsigned i = 0; sum && i < 2; ++i)
    if (sum->operands[i] == op->getResult(0) && sum->isAligned(i) &&
        isVectorBroadcast(*sum, 1 - i)) {
      nn::WeightOp bias = weightOf(sum->operands[1 - i]);
      if (bias && cast<RankedTensorType>(bias.getRecipe().getType()).getRank() == 1) {
        part.sum = user;
        part.bias = bias;
      }
    }
  return part;
}

/// The weight of a recipe, behind the first of those that it joins.
Value Merging::joined(OpBuilder &b, Location loc, nn::WeightOp first, TypedAttr recipe) {
  bool floats = first.getFloatActivations();
  nn::WeightOp &own = byRecipe[{recipe, unsigned(floats)}];
  if (!own) {
    OpBuilder atWeight(first->getContext());
    atWeight.setInsertionPointAfter(first);
    own = nn::WeightOp::create(atWeight, first.getLoc(), first.getSymName(), recipe, floats);
    symbols.insert(own, Block::iterator(own));
  }
  return nn::GetWeightOp::create(b, loc, recipe.getType(), own.getSymName());
}

bool Merging::merge(MutableArrayRef<Part> parts) {
  SmallVector<TypedAttr> matrices, vectors;
  SmallVector<Location> locs;
  for (Part &part : parts) {
    matrices.push_back(cast<TypedAttr>(part.weight.getRecipe()));
    locs.push_back(part.product.getLoc());
    if (part.bias) {
      vectors.push_back(cast<TypedAttr>(part.bias.getRecipe()));
    }
  }
  TypedAttr matrix = joinRecipes(matrices, 1),
            vector = vectors.empty() ? TypedAttr() : joinRecipes(vectors, 0);
  if (!matrix || (!vectors.empty() && !vector))
    return false;
  // Behind the left-hand side, in front of all that reads a part.
  OpBuilder b(parts[0].product);
  Location loc = FusedLoc::get(b.getContext(), locs);
  Value left = parts[0].product.getInputs()[0];
  int64_t rows = cast<RankedTensorType>(left.getType()).getDimSize(0);
  int64_t width = typeOf(matrix).getDimSize(1);
  auto type = RankedTensorType::get({rows, width}, b.getF32Type());
  Value empty = tensor::EmptyOp::create(b, loc, type.getShape(), type.getElementType());
  Value zero = arith::ConstantOp::create(b, loc, b.getF32FloatAttr(0));
  Value init = linalg::FillOp::create(b, loc, zero, empty).getResult(0);
  Value right = joined(b, loc, parts[0].weight, matrix);
  Value result = linalg::MatmulOp::create(b, loc, type, ValueRange{left, right}, ValueRange{init})
                     .getResult(0);
  if (vector) {
    AffineMap all = b.getMultiDimIdentityMap(2);
    result = linalg::GenericOp::create(
                 b, loc, type, ValueRange{result, joined(b, loc, parts[0].bias, vector)}, empty,
                 {all, all.getMinorSubMap(1), all},
                 {utils::IteratorType::parallel, utils::IteratorType::parallel},
                 [](OpBuilder &n, Location at, ValueRange x) {
                   Value sum = arith::AddFOp::create(n, at, x[0], x[1]);
                   linalg::YieldOp::create(n, at, sum);
                 })
                 .getResult(0);
  }
  int64_t begin = 0;
  for (Part &part : parts) {
    int64_t count = cast<RankedTensorType>(part.result().getType()).getDimSize(1);
    OpFoldResult one = b.getIndexAttr(1);
    Value slice = tensor::ExtractSliceOp::create(
        b, part.product.getLoc(), cast<RankedTensorType>(part.result().getType()), result,
        ArrayRef<OpFoldResult>{b.getIndexAttr(0), b.getIndexAttr(begin)},
        ArrayRef<OpFoldResult>{b.getIndexAttr(rows), b.getIndexAttr(count)},
        ArrayRef<OpFoldResult>{one, one});
    part.result().replaceAllUsesWith(slice);
    begin += count;
  }
  for (Part &part : parts) {
    if (part.sum)
      part.sum->erase();
    part.product->erase();
  }
  return true;
}

unsigned Merging::run(func::FuncOp function) {
  // In order: products of one left-hand side that are alike but for their columns.
  using Key = std::tuple<Value, Type, unsigned, unsigned>;
  llvm::MapVector<Key, SmallVector<Part, 3>> groups;
  function.walk([&](linalg::MatmulOp op) {
    if (std::optional<Part> part = match(op)) {
      Value left = op.getInputs()[0];
      groups[{skipReshapes(left), left.getType(), unsigned(part->bias != nullptr),
              unsigned(part->weight.getFloatActivations())}]
          .push_back(*part);
    }
  });
  unsigned merged = 0;
  // The longest runs of parts that are stored alike.
  for (auto &[key, parts] : groups)
    for (size_t begin = 0, end = 0; begin + 1 < parts.size(); begin = std::max(begin + 1, end)) {
      MutableArrayRef<Part> rest = MutableArrayRef<Part>(parts).drop_front(begin);
      for (size_t count = rest.size(); count > 1 && end <= begin; --count)
        if (merge(rest.take_front(count)))
          end = begin + count;
      merged += end > begin ? end - begin : 0;
    }
  return merged;
}

struct MergeProductsPass : graph::impl::MergeProductsPassBase<MergeProductsPass> {
  void runOnOperation() override {
    Merging merging(getOperation());
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      bool keepsState = false;
      for (unsigned i = 0; i < function.getNumArguments(); ++i)
        keepsState |= function.getArgAttr(i, "nn.state") != nullptr;
      if (keepsState)
        merged += merging.run(function);
    }
  }
};

} // namespace

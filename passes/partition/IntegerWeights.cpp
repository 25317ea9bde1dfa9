// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Composes recipes.

#include "passes/partition/IntegerWeights.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::partition;

static DenseElementsAttr vectorOf(MLIRContext *context, ArrayRef<double> values) {
  return DenseElementsAttr::get(
      RankedTensorType::get({static_cast<int64_t>(values.size())}, Float64Type::get(context)),
      values);
}

static RankedTensorType typeOf(TypedAttr recipe) {
  return cast<RankedTensorType>(recipe.getType());
}

TypedAttr IntegerWeights::recipeOf(nn::GetWeightOp get) {
  return cast<TypedAttr>(symbols.lookup<nn::WeightOp>(get.getWeight()).getRecipe());
}

TypedAttr IntegerWeights::matrixOf(ProductWeight product) {
  TypedAttr matrix = recipeOf(product.weight);
  SmallVector<double> rows = getRelativeScales(product.input);
  if (rows.empty())
    return matrix;
  return nn::ScaleRowsAttr::get(matrix.getContext(), matrix, vectorOf(matrix.getContext(), rows),
                                typeOf(matrix));
}

TypedAttr IntegerWeights::scaled(TypedAttr source, ArrayRef<double> factors, double &factor) {
  factor = factors[0];
  if (factors.size() == 1)
    return source;
  factor = 1.0;
  MLIRContext *context = source.getContext();
  return nn::ScaleRowsAttr::get(context, source, vectorOf(context, factors),
                                typeOf(source).clone(Float64Type::get(context)));
}

static TypedAttr columnScales(TypedAttr matrix) {
  MLIRContext *context = matrix.getContext();
  auto type = RankedTensorType::get({typeOf(matrix).getDimSize(1)}, Float64Type::get(context));
  return nn::ColumnScaleAttr::get(context, matrix, type);
}

static TypedAttr quantiseColumns(TypedAttr matrix) {
  MLIRContext *context = matrix.getContext();
  return nn::QuantizeColumnsAttr::get(context, matrix,
                                      typeOf(matrix).clone(IntegerType::get(context, 8)));
}

static FloatAttr numberOf(MLIRContext *context, double value) {
  return FloatAttr::get(Float64Type::get(context), value);
}

/// The integers of a matrix that a recipe only casts and transposes.
static TypedAttr findIntegers(TypedAttr recipe) {
  MLIRContext *context = recipe.getContext();
  if (auto cast = dyn_cast<nn::CastAttr>(recipe))
    return typeOf(cast.getSource()).getElementType().isInteger(8) ? cast.getSource() : TypedAttr();
  auto transpose = dyn_cast<nn::TransposeAttr>(recipe);
  TypedAttr source = transpose ? findIntegers(transpose.getSource()) : TypedAttr();
  if (!source)
    return {};
  return nn::TransposeAttr::get(context, source, transpose.getPerm(),
                                typeOf(recipe).clone(IntegerType::get(context, 8)));
}

/// The parts of a recipe [K, N] that is integers [N, K], each row times its
/// factor, and transposed; null for any other.
static std::pair<TypedAttr, DenseElementsAttr> findGivenColumns(TypedAttr recipe) {
  auto outer = dyn_cast<nn::TransposeAttr>(recipe);
  auto rows = outer ? dyn_cast<nn::ScaleRowsAttr>(outer.getSource()) : nn::ScaleRowsAttr();
  auto factors = rows ? dyn_cast<DenseElementsAttr>(rows.getFactors()) : DenseElementsAttr();
  if (!factors || typeOf(recipe).getRank() != 2 || !factors.getElementType().isF32())
    return {};
  TypedAttr integers = findIntegers(rows.getSource());
  if (!integers)
    return {};
  MLIRContext *context = recipe.getContext();
  auto type = typeOf(recipe).clone(IntegerType::get(context, 8));
  if (auto inner = dyn_cast<nn::TransposeAttr>(integers))
    return {inner.getSource(), factors};
  return {nn::TransposeAttr::get(context, integers, outer.getPerm(), type), factors};
}

std::optional<double> IntegerWeights::findGreatestScale(nn::GetWeightOp get) {
  DenseElementsAttr scales = findGivenColumns(recipeOf(get)).second;
  if (!scales || scales.empty())
    return std::nullopt;
  auto values = scales.getValues<float>();
  return *std::max_element(values.begin(), values.end());
}

IntegerWeights::Columns IntegerWeights::columnsOf(ProductWeight product) {
  if (areGiven) {
    auto [integers, scales] = findGivenColumns(recipeOf(product.weight));
    assert(integers && getRelativeScales(product.input).empty() && "lifted without a type");
    return {integers, cast<TypedAttr>(scales)};
  }
  TypedAttr matrix = matrixOf(product);
  return {quantiseColumns(matrix), columnScales(matrix)};
}

Value IntegerWeights::quantise(OpBuilder &b, ProductWeight product) {
  return get(b, product.weight.getLoc(), product.weight, product.weight.getWeight() + ".i8",
             columnsOf(product).integers);
}

Value IntegerWeights::multipliers(OpBuilder &b, ProductWeight product, ArrayRef<double> factors,
                                  int32_t shift) {
  double factor = 1.0;
  TypedAttr scales = scaled(columnsOf(product).scales, factors, factor);
  return get(b, product.weight.getLoc(), product.weight, product.weight.getWeight() + ".multiplier",
             nn::FixedPointAttr::get(b.getContext(), scales, numberOf(b.getContext(), factor),
                                     31 + shift, typeOf(scales).clone(b.getI32Type())));
}

/// The means of a product's left-hand side once its channels have one scale.
static TypedAttr meansOf(ProductWeight product) {
  if (!product.means)
    return {};
  SmallVector<double> means, rows = getRelativeScales(product.input);
  for (auto [channel, mean] : llvm::enumerate(product.means.getValues<float>()))
    means.push_back(rows.empty() ? mean : mean / rows[channel]);
  return vectorOf(product.means.getContext(), means);
}

Value IntegerWeights::bias(OpBuilder &b, ProductWeight product, nn::GetWeightOp bias) {
  auto [integers, scales] = columnsOf(product);
  nn::GetWeightOp named = bias ? bias : product.weight;
  return get(b, named.getLoc(), named, named.getWeight() + (bias ? ".i32" : ".bias"),
             nn::ColumnBiasAttr::get(b.getContext(), integers, scales,
                                     bias ? recipeOf(bias) : TypedAttr(), meansOf(product),
                                     numberOf(b.getContext(), getScale(product.input)),
                                     getZero(product.input), typeOf(scales).clone(b.getI32Type())));
}

Value IntegerWeights::fixedPoint(OpBuilder &b, nn::GetWeightOp vector, ArrayRef<double> factors,
                                 int32_t shift) {
  double factor = 1.0;
  TypedAttr source = scaled(recipeOf(vector), factors, factor);
  return get(b, vector.getLoc(), vector, vector.getWeight() + ".i32",
             nn::FixedPointAttr::get(b.getContext(), source, numberOf(b.getContext(), factor),
                                     shift, typeOf(source).clone(b.getI32Type())));
}

Value IntegerWeights::constant(OpBuilder &b, Location loc, StringRef name,
                               DenseElementsAttr values) {
  return get(b, loc, {}, name, cast<TypedAttr>(values));
}

Value IntegerWeights::get(OpBuilder &b, Location loc, nn::GetWeightOp source, const Twine &name,
                          TypedAttr recipe) {
  nn::WeightOp &weight = known[recipe];
  if (!weight) {
    auto module = cast<ModuleOp>(symbols.getOp());
    Block::iterator at = module.getBody()->begin();
    Location from = loc;
    if (source) {
      auto original = symbols.lookup<nn::WeightOp>(source.getWeight());
      at = std::next(Block::iterator(original));
      from = original.getLoc();
    }
    OpBuilder builder(b.getContext());
    weight = nn::WeightOp::create(builder, from, name.str(), recipe);
    symbols.insert(weight, at);
  }
  return nn::GetWeightOp::create(b, loc, weight.getType(), weight.getSymName());
}

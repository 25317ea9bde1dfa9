// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Recipes on the first dimension of what is stored.

#include "compiler/import/decoder/StoredRows.h"

using namespace mlir;
using namespace tercet::decoder;
using namespace tercet;

static RankedTensorType typeOf(TypedAttr recipe) {
  return cast<RankedTensorType>(recipe.getType());
}

static TypedAttr reshape(TypedAttr recipe, ArrayRef<int64_t> shape) {
  if (auto inner = dyn_cast<nn::ReshapeAttr>(recipe))
    recipe = inner.getSource();
  RankedTensorType type = typeOf(recipe);
  if (type.getShape() == shape)
    return recipe;
  return nn::ReshapeAttr::get(recipe.getContext(), recipe,
                              RankedTensorType::get(shape, type.getElementType()));
}

static TypedAttr slice(TypedAttr recipe, ArrayRef<int64_t> offsets, ArrayRef<int64_t> sizes) {
  return nn::SliceAttr::get(recipe.getContext(), recipe, offsets,
                            RankedTensorType::get(sizes, typeOf(recipe).getElementType()));
}

static TypedAttr concat(ArrayRef<TypedAttr> parts, int64_t axis) {
  SmallVector<int64_t> shape(typeOf(parts[0]).getShape());
  SmallVector<Attribute> sources;
  shape[axis] = 0;
  for (TypedAttr part : parts) {
    shape[axis] += typeOf(part).getDimSize(axis);
    sources.push_back(part);
  }
  MLIRContext *context = parts[0].getContext();
  return nn::ConcatAttr::get(context, ArrayAttr::get(context, sources), axis,
                             RankedTensorType::get(shape, typeOf(parts[0]).getElementType()));
}

static TypedAttr transpose(TypedAttr recipe, ArrayRef<int64_t> perm) {
  SmallVector<int64_t> shape;
  for (int64_t dim : perm)
    shape.push_back(typeOf(recipe).getDimSize(dim));
  return nn::TransposeAttr::get(recipe.getContext(), recipe, perm,
                                RankedTensorType::get(shape, typeOf(recipe).getElementType()));
}

StoredRows::StoredRows(TypedAttr floats) : stored(floats) {
  vector = typeOf(floats).getRank() == 1;
  if (vector)
    stored = reshape(floats, {typeOf(floats).getDimSize(0), 1});
  width = shapeOf(stored)[1];
}

StoredRows::StoredRows(TypedAttr blocks, nn::GroupsAttr format, int64_t columns)
    : stored(blocks), format(format), width(columns) {}

StoredRows StoredRows::with(TypedAttr recipe) const {
  StoredRows result = *this;
  result.stored = recipe;
  return result;
}

bool StoredRows::isLike(const StoredRows &other) const {
  return format == other.format && order == other.order && width == other.width &&
         vector == other.vector &&
         typeOf(stored).getElementType() == typeOf(other.stored).getElementType();
}

StoredRows StoredRows::slice(int64_t begin, int64_t count) const {
  SmallVector<int64_t> offsets(shapeOf(stored).size(), 0), sizes(shapeOf(stored));
  offsets[0] = begin;
  sizes[0] = count;
  return with(::slice(stored, offsets, sizes));
}

StoredRows StoredRows::sliceOfRuns(int64_t runs, int64_t begin, int64_t count) const {
  SmallVector<int64_t> shape(shapeOf(stored));
  int64_t row = ShapedType::getNumElements(shape) / shape[0];
  TypedAttr apart = reshape(stored, {runs, shape[0] / runs, row});
  shape[0] = runs * count;
  return with(reshape(::slice(apart, {0, begin, 0}, {runs, count, row}), shape));
}

StoredRows StoredRows::concat(ArrayRef<StoredRows> parts) {
  if (parts.size() == 1)
    return parts[0];
  SmallVector<TypedAttr> recipes;
  for (const StoredRows &part : parts)
    recipes.push_back(part.stored);
  return parts[0].with(::concat(recipes, 0));
}

StoredRows StoredRows::orderPairs(int64_t size, int64_t rotated, Pairs pairs) const {
  if (pairs == Pairs::Halves && rotated == size)
    return *this;
  SmallVector<int64_t> shape(shapeOf(stored));
  int64_t heads = shape[0] / size, row = ShapedType::getNumElements(shape) / shape[0];
  TypedAttr byHead;
  if (pairs == Pairs::Neighbours) {
    // Pairs that are not turned may be taken apart in the same way.
    byHead = transpose(reshape(stored, {heads, size / 2, 2, row}), {0, 2, 1, 3});
  } else {
    // Halves of the turned part, each followed by a half of the rest.
    int64_t turned = rotated / 2, rest = (size - rotated) / 2;
    TypedAttr all = reshape(stored, {heads, size, row});
    auto part = [&](int64_t begin, int64_t count) {
      return ::slice(all, {0, begin, 0}, {heads, count, row});
    };
    byHead = ::concat(
        {part(0, turned), part(rotated, rest), part(turned, turned), part(rotated + rest, rest)},
        1);
  }
  return with(reshape(byHead, shape));
}

StoredRows StoredRows::orderedBy(TypedAttr by) const {
  StoredRows result = *this;
  result.order = by;
  return result;
}

TypedAttr StoredRows::storedFloats() const {
  MLIRContext *context = stored.getContext();
  Type f32 = Float32Type::get(context);
  TypedAttr result = stored;
  auto type = RankedTensorType::get({rows(), width}, f32);
  if (format)
    result = nn::DecodeAttr::get(context, stored, format, type);
  else if (typeOf(stored).getElementType() != f32)
    result = nn::CastAttr::get(context, stored, type);
  return vector ? reshape(result, {rows()}) : result;
}

TypedAttr StoredRows::floats() const {
  TypedAttr result = storedFloats();
  if (!order)
    return result;
  // Where each column is in an order is the order of that order.
  MLIRContext *context = stored.getContext();
  TypedAttr places = nn::SortOrderAttr::get(context, order, typeOf(order));
  return nn::TakeAttr::get(context, result, places, typeOf(result));
}

TypedAttr StoredRows::transposed() const { return transpose(storedFloats(), {1, 0}); }

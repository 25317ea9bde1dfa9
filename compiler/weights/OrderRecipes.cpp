// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Recipes that put elements in another order by indices which are weights
// themselves. A row is moved at a time; only the indices are held.

#include "compiler/weights/WeightReader.h"

#include "dialects/nn/NN.h"

#include "mlir/IR/BuiltinTypes.h"

#include <numeric>

using namespace mlir;
using namespace tercet;

static llvm::Error recipeError(const Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), "weight recipe: " + text);
}

static RankedTensorType typeOf(TypedAttr recipe) {
  return cast<RankedTensorType>(recipe.getType());
}

llvm::Expected<std::vector<int64_t>> WeightReader::readIntegers(TypedAttr recipe) {
  std::optional<ElementKind> kind = getElementKind(typeOf(recipe).getElementType());
  if (!kind)
    return recipeError("a source without storage");
  std::vector<int64_t> all;
  if (llvm::Error error = streamRecipe(recipe, [&](ArrayRef<char> chunk) -> llvm::Error {
        size_t count = chunk.size() / getElementBytes(*kind), first = all.size();
        all.resize(first + count);
        convertElements(*kind, chunk.data(), ElementKind::I64,
                        reinterpret_cast<char *>(all.data() + first), count);
        return llvm::Error::success();
      }))
    return error;
  return all;
}

llvm::Error WeightReader::streamSortOrder(nn::SortOrderAttr recipe, Sink sink) {
  llvm::Expected<std::vector<int64_t>> keys = readIntegers(recipe.getSource());
  if (!keys)
    return keys.takeError();
  std::vector<int64_t> order(keys->size());
  std::iota(order.begin(), order.end(), 0);
  llvm::stable_sort(order, [&](int64_t l, int64_t r) { return (*keys)[l] < (*keys)[r]; });
  if (order.empty())
    return llvm::Error::success();
  return sink({reinterpret_cast<const char *>(order.data()), order.size() * sizeof(int64_t)});
}

llvm::Error WeightReader::streamTake(nn::TakeAttr recipe, Sink sink) {
  llvm::Expected<std::vector<int64_t>> indices = readIntegers(recipe.getIndices());
  if (!indices)
    return indices.takeError();
  RankedTensorType from = typeOf(recipe.getSource());
  std::optional<ElementKind> kind = getElementKind(from.getElementType());
  if (!kind)
    return recipeError("a source without storage");
  int64_t columns = from.getShape().back(), bytes = getElementBytes(*kind);
  for (int64_t index : *indices)
    if (index < 0 || index >= columns)
      return recipeError("the index " + Twine(index) + " is not one of the " + Twine(columns) +
                         " elements that are taken from");
  if (columns == 0 || indices->empty())
    return llvm::Error::success();
  std::vector<char> row(indices->size() * bytes);
  return streamRecords(recipe.getSource(), columns * bytes, [&](const char *record) {
    char *to = row.data();
    for (int64_t index : *indices) {
      std::memcpy(to, record + index * bytes, bytes);
      to += bytes;
    }
    return sink(row);
  });
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Recipes of integer weights. All arithmetic is in doubles, rounded half to
// even at the end, so that constants do not depend on how their source is
// stored. A source is read as often as a step needs it (scales first, then
// values) rather than held; only a value for each column or row is.

#include "compiler/weights/WeightReader.h"

#include "dialects/nn/NN.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;
using namespace tercet;

static llvm::Error recipeError(const Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), "weight recipe: " + text);
}

static ElementKind kindOf(TypedAttr recipe) {
  return *getElementKind(cast<RankedTensorType>(recipe.getType()).getElementType());
}

static int64_t sizeOf(TypedAttr recipe, unsigned dim) {
  return cast<RankedTensorType>(recipe.getType()).getDimSize(dim);
}

static int32_t clampToI32(double value) {
  return static_cast<int32_t>(std::clamp(value, -2147483648.0, 2147483647.0));
}

/// An element of a weight in units of its column's scale.
static double quantizeOne(double value, double scale) {
  return std::clamp(std::nearbyint(value / scale), -127.0, 127.0);
}

llvm::Error WeightReader::streamDoubles(
    TypedAttr recipe, llvm::function_ref<llvm::Error(MutableArrayRef<double>, int64_t)> consume) {
  auto type = dyn_cast<RankedTensorType>(recipe.getType());
  if (!type || !getTensorBytes(type))
    return recipeError("a source without storage");
  ElementKind kind = kindOf(recipe);
  bool checked = isFloatKind(kind);
  std::vector<double> values;
  int64_t first = 0;
  return streamRecipe(recipe, [&](ArrayRef<char> chunk) -> llvm::Error {
    int64_t count = chunk.size() / getElementBytes(kind);
    values.resize(count);
    convertElements(kind, chunk.data(), ElementKind::F64, reinterpret_cast<char *>(values.data()),
                    count);
    for (int64_t i = 0; checked && i < count; ++i)
      if (!std::isfinite(values[i]))
        return recipeError("element " + Twine(first + i) +
                           " of a weight that is wanted in integers is not finite");
    llvm::Error error = consume(values, first);
    first += count;
    return error;
  });
}

llvm::Expected<std::vector<double>> WeightReader::readDoubles(TypedAttr recipe) {
  std::vector<double> all;
  if (llvm::Error error =
          streamDoubles(recipe, [&](MutableArrayRef<double> values, int64_t) -> llvm::Error {
            all.insert(all.end(), values.begin(), values.end());
            return llvm::Error::success();
          }))
    return error;
  return all;
}

llvm::Expected<std::vector<double>> WeightReader::columnScales(TypedAttr matrix) {
  int64_t columns = sizeOf(matrix, 1);
  std::vector<double> scales(columns, 0.0);
  if (llvm::Error error =
          streamDoubles(matrix, [&](MutableArrayRef<double> values, int64_t first) -> llvm::Error {
            int64_t column = first % std::max<int64_t>(1, columns);
            for (double value : values) {
              scales[column] = std::max(scales[column], std::fabs(value));
              column = column + 1 == columns ? 0 : column + 1;
            }
            return llvm::Error::success();
          }))
    return error;
  double greatest = 0;
  for (double &scale : scales)
    greatest = std::max(greatest, scale /= 127);
  // A column of almost nothing would need a multiplier beyond all others.
  for (double &scale : scales)
    scale = greatest == 0 ? 1.0 : std::max(scale, std::ldexp(greatest, -12));
  return scales;
}

/// Hands doubles on as elements of `kind`.
static llvm::Error sinkDoubles(ArrayRef<double> values, ElementKind kind, std::vector<char> &buffer,
                               WeightReader::Sink sink) {
  buffer.resize(values.size() * getElementBytes(kind));
  convertElements(ElementKind::F64, reinterpret_cast<const char *>(values.data()), kind,
                  buffer.data(), values.size());
  return buffer.empty() ? llvm::Error::success() : sink(buffer);
}

template <class T>
static llvm::Error sinkIntegers(const std::vector<T> &values, WeightReader::Sink sink) {
  if (values.empty())
    return llvm::Error::success();
  return sink({reinterpret_cast<const char *>(values.data()), values.size() * sizeof(T)});
}

llvm::Error WeightReader::streamIntegerRecipe(TypedAttr recipe, Sink sink) {
  std::vector<char> buffer;
  if (auto scaled = dyn_cast<nn::ScaleRowsAttr>(recipe)) {
    llvm::Expected<std::vector<double>> factors = readDoubles(scaled.getFactors());
    if (!factors)
      return factors.takeError();
    int64_t count = cast<RankedTensorType>(recipe.getType()).getNumElements();
    int64_t inRow = std::max<int64_t>(1, count / std::max<int64_t>(1, factors->size()));
    return streamDoubles(scaled.getSource(),
                         [&](MutableArrayRef<double> values, int64_t first) -> llvm::Error {
                           for (auto [index, value] : llvm::enumerate(values))
                             value *= (*factors)[(first + int64_t(index)) / inRow];
                           return sinkDoubles(values, kindOf(recipe), buffer, sink);
                         });
  }
  if (auto scale = dyn_cast<nn::ColumnScaleAttr>(recipe)) {
    llvm::Expected<std::vector<double>> scales = columnScales(scale.getSource());
    if (!scales)
      return scales.takeError();
    return sinkDoubles(*scales, kindOf(recipe), buffer, sink);
  }
  if (auto quantize = dyn_cast<nn::QuantizeColumnsAttr>(recipe)) {
    llvm::Expected<std::vector<double>> scales = columnScales(quantize.getSource());
    if (!scales)
      return scales.takeError();
    std::vector<int8_t> quantised;
    return streamDoubles(
        quantize.getSource(), [&](MutableArrayRef<double> values, int64_t first) -> llvm::Error {
          quantised.clear();
          int64_t columns = scales->size(), column = first % std::max<int64_t>(1, columns);
          for (double value : values) {
            quantised.push_back(static_cast<int8_t>(quantizeOne(value, (*scales)[column])));
            column = column + 1 == columns ? 0 : column + 1;
          }
          return sinkIntegers(quantised, sink);
        });
  }
  if (auto fixed = dyn_cast<nn::FixedPointAttr>(recipe)) {
    double factor = fixed.getFactor().getValueAsDouble();
    std::vector<int32_t> whole;
    return streamDoubles(
        fixed.getSource(), [&](MutableArrayRef<double> values, int64_t) -> llvm::Error {
          whole.clear();
          for (double value : values)
            whole.push_back(
                clampToI32(std::nearbyint(std::ldexp(value * factor, int(fixed.getShift())))));
          return sinkIntegers(whole, sink);
        });
  }
  return streamColumnBias(cast<nn::ColumnBiasAttr>(recipe), sink);
}

llvm::Error WeightReader::addMeanErrors(nn::ColumnBiasAttr recipe, ArrayRef<double> scales,
                                        std::vector<double> &bias) {
  llvm::Expected<std::vector<double>> means = readDoubles(recipe.getMeans());
  if (!means)
    return means.takeError();
  int64_t columns = std::max<int64_t>(1, sizeOf(recipe, 0));
  return streamDoubles(cast<nn::QuantizeColumnsAttr>(recipe.getQuantised()).getSource(),
                       [&](MutableArrayRef<double> values, int64_t first) -> llvm::Error {
                         for (auto [index, value] : llvm::enumerate(values)) {
                           int64_t row = (first + int64_t(index)) / columns;
                           int64_t column = (first + int64_t(index)) % columns;
                           double stored = quantizeOne(value, scales[column]);
                           bias[column] += (*means)[row] * (value - scales[column] * stored);
                         }
                         return llvm::Error::success();
                       });
}

llvm::Error WeightReader::streamColumnBias(nn::ColumnBiasAttr recipe, Sink sink) {
  int64_t columns = sizeOf(recipe, 0);
  std::vector<int64_t> sums(columns, 0);
  if (recipe.getZero() != 0)
    if (llvm::Error error =
            streamDoubles(recipe.getQuantised(),
                          [&](MutableArrayRef<double> values, int64_t first) -> llvm::Error {
                            int64_t column = first % std::max<int64_t>(1, columns);
                            for (double value : values) {
                              sums[column] += static_cast<int64_t>(value);
                              column = column + 1 == columns ? 0 : column + 1;
                            }
                            return llvm::Error::success();
                          }))
      return error;
  llvm::Expected<std::vector<double>> scales = readDoubles(recipe.getScales());
  if (!scales)
    return scales.takeError();
  std::vector<double> bias(columns, 0.0);
  if (recipe.getBias()) {
    llvm::Expected<std::vector<double>> read = readDoubles(recipe.getBias());
    if (!read)
      return read.takeError();
    bias = std::move(*read);
  }
  if (recipe.getMeans())
    if (llvm::Error error = addMeanErrors(recipe, *scales, bias))
      return error;
  double scale = recipe.getScale().getValueAsDouble();
  std::vector<int32_t> folded;
  for (int64_t column = 0; column < columns; ++column) {
    double start = std::nearbyint(bias[column] / (scale * (*scales)[column])) -
                   double(recipe.getZero()) * double(sums[column]);
    if (!(std::fabs(start) <= 1073741824.0))
      return recipeError("the bias of column " + Twine(column) + " is " +
                         llvm::formatv("{0:f0}", start) +
                         " in units of its sums, which may not exceed 2^30; leave this product "
                         "in a wider precision");
    folded.push_back(static_cast<int32_t>(start));
  }
  return sinkIntegers(folded, sink);
}

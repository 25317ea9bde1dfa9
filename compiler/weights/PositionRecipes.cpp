// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Recipes of tables with something for every position. Elements are computed in
// doubles and rounded once; a table is never held, only a row of it.

#include "compiler/weights/Angles.h"
#include "compiler/weights/WeightReader.h"

#include "dialects/nn/NN.h"

#include "llvm/ADT/Twine.h"

using namespace mlir;
using namespace tercet;

static llvm::Error recipeError(const Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), "weight recipe: " + text);
}

/// Hands on rows of `columns` doubles that `fill` computes, in chunks.
static llvm::Error streamRows(int64_t rows, int64_t columns, ElementKind kind,
                              WeightReader::Sink sink,
                              llvm::function_ref<void(int64_t, MutableArrayRef<double>)> fill) {
  if (rows == 0 || columns == 0)
    return llvm::Error::success();
  int64_t most =
      std::max<int64_t>(1, WeightReader::kChunkBytes / (columns * getElementBytes(kind)));
  std::vector<double> values;
  std::vector<char> bytes;
  for (int64_t row = 0; row < rows; row += most) {
    int64_t count = std::min(most, rows - row);
    values.resize(count * columns);
    for (int64_t i = 0; i < count; ++i)
      fill(row + i, MutableArrayRef(values).slice(i * columns, columns));
    bytes.resize(values.size() * getElementBytes(kind));
    convertElements(ElementKind::F64, reinterpret_cast<const char *>(values.data()), kind,
                    bytes.data(), values.size());
    if (llvm::Error error = sink(bytes))
      return error;
  }
  return llvm::Error::success();
}

llvm::Error WeightReader::streamRopeTable(nn::RopeTableAttr table, Sink sink) {
  auto type = cast<RankedTensorType>(table.getType());
  int64_t half = type.getDimSize(2) / 2, turned = table.getRotary() / 2;
  std::vector<double> factors(turned, 1.0);
  if (table.getFactors()) {
    llvm::Expected<std::vector<double>> given = readDoubles(table.getFactors());
    if (!given)
      return given.takeError();
    factors = std::move(*given);
    for (auto [pair, factor] : llvm::enumerate(factors))
      if (!(factor > 0))
        return recipeError("expected factors of frequencies above 0, got one for pair " +
                           Twine(pair) + " that is not");
  }
  double theta = table.getTheta().getValueAsDouble();
  std::vector<double> frequencies;
  for (int64_t pair = 0; pair < turned; ++pair)
    frequencies.push_back(powerOf(theta, -2.0 * double(pair) / double(2 * turned)) / factors[pair]);
  for (auto [pair, frequency] : llvm::enumerate(frequencies))
    if (!(double(type.getDimSize(1)) * frequency < kMostAngle))
      return recipeError("expected angles below 2^30, got more for pair " + Twine(pair) +
                         "; its factor is too small");
  bool isCos = table.getKind() == nn::RopeTableKind::Cos;
  double attention = table.getAttention().getValueAsDouble();
  return streamRows(type.getDimSize(1), 2 * half, *getElementKind(type.getElementType()), sink,
                    [&](int64_t position, MutableArrayRef<double> row) {
                      for (int64_t pair = 0; pair < half; ++pair) {
                        double value = isCos ? 1 : 0;
                        if (pair < turned) {
                          double angle = double(position) * frequencies[pair];
                          value = (isCos ? cosineOf(angle) : sineOf(angle)) * attention;
                        }
                        row[pair] = row[half + pair] = value;
                      }
                    });
}

llvm::Error WeightReader::streamAlibi(nn::AlibiAttr mask, Sink sink) {
  llvm::Expected<std::vector<double>> slopes = readDoubles(mask.getSlopes());
  if (!slopes)
    return slopes.takeError();
  auto type = cast<RankedTensorType>(mask.getType());
  // A row for each head.
  return streamRows(type.getDimSize(1), type.getDimSize(3), *getElementKind(type.getElementType()),
                    sink, [&](int64_t head, MutableArrayRef<double> row) {
                      for (auto [position, value] : llvm::enumerate(row))
                        value = (*slopes)[head] * double(position);
                    });
}

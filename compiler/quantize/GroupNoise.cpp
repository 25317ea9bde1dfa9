// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rounding is that of nn.quantize and nn.dequantize; what integer kernels
// add to it (probabilities of 8 bits, fixed-point multipliers) is not in it.

#include "compiler/quantize/GroupNoise.h"

#include <cmath>

using namespace mlir;
using namespace tercet;
using namespace tercet::quantize;
using tercet::partition::Storage;

static float *floats(Tensor &tensor) { return reinterpret_cast<float *>(tensor.mutableData()); }

/// x becomes what it is after being stored so.
static void round(float &x, float scale, float zero, float low, float high) {
  float stored = std::nearbyint(x / scale) + zero;
  stored = std::isnan(stored) ? zero : std::min(std::max(stored, low), high);
  x = (stored - zero) * scale;
}

static void roundTo(Tensor &tensor, partition::QuantType type) {
  SmallVector<double> wide = partition::getScales(type);
  SmallVector<float> scales(wide.begin(), wide.end());
  float *data = floats(tensor);
  int64_t count = tensor.getNumElements(), channels = scales.size();
  float zero = partition::getZero(type);
  for (int64_t at = 0; at < count; at += channels)
    for (int64_t c = 0; c < channels; ++c)
      round(data[at + c], scales[c], zero, type.getStorageTypeMin(), type.getStorageTypeMax());
}

/// Symmetric, each column with the scale of its own greatest element, after
/// rows have been multiplied.
static void roundColumns(Tensor &tensor, ArrayRef<double> factors) {
  int64_t rows = tensor.getShape()[0], columns = tensor.getShape()[1];
  float *data = floats(tensor);
  std::vector<float> greatest(columns);
  auto factorOf = [&](int64_t row) { return factors.empty() ? 1.0f : float(factors[row]); };
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column)
      greatest[column] =
          std::max(greatest[column], std::abs(data[row * columns + column] * factorOf(row)));
  // As emit does: no column has a scale far below all others.
  float most = *llvm::max_element(greatest);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column) {
      float &x = data[row * columns + column];
      float scale = std::max(greatest[column], most * 0x1p-12f) / 127;
      x *= factorOf(row);
      if (scale > 0)
        round(x, scale, 0, -127, 127);
      x /= factorOf(row);
    }
}

GroupNoise::GroupNoise(const IntegerCandidate &candidate, soc::PrecisionAttr precision)
    : group(candidate.group) {
  for (auto [storage, type] :
       llvm::zip_equal(candidate.form.inputs, precision.getInputs().getAsValueRange<TypeAttr>()))
    inputs.push_back({storage, partition::asQuantType(type), {}});
  auto types = precision.getResults().getAsValueRange<TypeAttr>();
  auto type = types.begin();
  for (Operation &op : group.getBody().front())
    if (op.getNumResults() == 1)
      results[&op] = partition::asQuantType(*type++);
  for (const partition::IntegerStep &step : candidate.steps) {
    if (step.kind != partition::IntegerStepKind::Product)
      continue;
    Value lhs = step.inputs[0];
    auto argument = dyn_cast<BlockArgument>(lhs);
    partition::QuantType left =
        argument ? inputs[argument.getArgNumber()].type : results.lookup(lhs.getDefiningOp());
    if (left)
      inputs[step.weight.getArgNumber()].rows = partition::getRelativeScales(left);
  }
}

llvm::Error GroupNoise::add(Evaluator &evaluator, ArrayRef<Tensor> operands,
                            ArrayRef<Tensor> expected) {
  SmallVector<Tensor> rounded(operands);
  for (auto [index, tensor] : llvm::enumerate(rounded)) {
    const Input &input = inputs[index];
    // The rounding of a constant is that of the sums that it enters.
    if (!input.type || input.storage == Storage::Constant || tensor.getKind() != ElementKind::F32)
      continue;
    if (input.storage == Storage::Columns)
      roundColumns(tensor, input.rows);
    else
      roundTo(tensor, input.type);
  }
  auto observer = [&](Operation *op, MutableArrayRef<Tensor> values) {
    partition::QuantType type = results.lookup(op);
    if (type && values[0].getKind() == ElementKind::F32)
      roundTo(values[0], type);
  };
  llvm::Expected<Evaluator::Results> got = evaluator.evaluate(group, rounded, observer);
  if (!got)
    return got.takeError();
  if (expected.empty() || expected[0].getKind() != ElementKind::F32)
    return llvm::Error::success();
  for (auto [wanted, value] :
       llvm::zip_equal(expected[0].elements<float>(), (*got)[0].elements<float>())) {
    if (!std::isfinite(wanted))
      continue;
    signal += double(wanted) * wanted;
    noise += (double(wanted) - value) * (double(wanted) - value);
  }
  return llvm::Error::success();
}

int64_t GroupNoise::getCentibel() const {
  constexpr double kMost = 1500, kLeast = -1000;
  if (noise == 0)
    return int64_t(kMost);
  double ratio = signal > 0 ? 100 * std::log10(signal / noise) : kLeast;
  int64_t centibel = int64_t(std::nearbyint(std::clamp(ratio, kLeast, kMost)));
  // 0 would say that nothing was measured.
  return centibel == 0 ? 1 : centibel;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Errors are computed from the bins, each taken as its middle; a range of
// fewer than some hundred bins would be judged too roughly and is not tried.

#include "compiler/quantize/RangeChoice.h"

#include "llvm/ADT/StringSwitch.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

using namespace mlir;
using namespace tercet;
using namespace tercet::quantize;

namespace {
/// Both ends hold 0.
struct Ends {
  double low, high;
};
} // namespace

std::optional<RangeMethod> quantize::rangeMethodFromName(StringRef name) {
  return llvm::StringSwitch<std::optional<RangeMethod>>(name)
      .Case("minmax", RangeMethod::MinMax)
      .Case("percentile", RangeMethod::Percentile)
      .Case("mse", RangeMethod::LeastError)
      .Default(std::nullopt);
}

quant::UniformQuantizedType quantize::makeType(MLIRContext *context, unsigned bits, double scale,
                                               int64_t zero) {
  // A normal float: engines may flush others to zero.
  scale = std::max<double>(float(scale), std::numeric_limits<float>::min());
  int64_t half = int64_t(1) << (bits - 1);
  return quant::UniformQuantizedType::get(quant::QuantizationFlags::Signed,
                                          IntegerType::get(context, bits),
                                          Float32Type::get(context), scale, zero, -half, half - 1);
}

static quant::UniformQuantizedType typeOf(MLIRContext *context, Ends range, StorageKind storage) {
  if (storage == StorageKind::Asymmetric8) {
    double scale = float((range.high - range.low) / 255);
    if (scale <= 0)
      return makeType(context, 8, 1, 0);
    double zero = std::nearbyint(-128 - range.low / scale);
    return makeType(context, 8, scale, int64_t(std::clamp(zero, -128.0, 127.0)));
  }
  unsigned bits = storage == StorageKind::Symmetric8 ? 8 : 16;
  double greatest = std::max(-range.low, range.high);
  return makeType(context, bits, greatest > 0 ? greatest / ((1 << (bits - 1)) - 1) : 1, 0);
}

namespace {

/// Sums of squared errors of storing numbers in one type or another, or of what
/// a function makes of them.
class ErrorMeter {
public:
  ErrorMeter(ArrayRef<Part> parts, ScalarMap function) : function(function) {
    for (const Part &part : parts) {
      numbers.push_back({part.unit, {}});
      for (int i = -ValueHistogram::kBins; i < ValueHistogram::kBins; ++i)
        if (uint64_t count = part.histogram->getBin(i)) {
          double x = (i + 0.5) * part.histogram->getWidth();
          numbers.back().bins.push_back({x, apply(x), double(count)});
        }
    }
  }

  double errorOf(quant::UniformQuantizedType type) const {
    int64_t low = type.getStorageTypeMin(), high = type.getStorageTypeMax();
    double zero = type.getZeroPoint(), error = 0;
    std::vector<double> results;
    for (const Numbers &part : numbers) {
      double scale = type.getScale() * part.unit;
      // What is stored takes few values, a function of them may take long.
      results.clear();
      for (int64_t stored = low; function && stored <= high; ++stored)
        results.push_back(apply((stored - zero) * scale));
      for (const Bin &bin : part.bins) {
        double stored = std::clamp<double>(std::nearbyint(bin.x / scale) + zero, low, high);
        double got = function ? results[size_t(stored - low)] : (stored - zero) * scale;
        error += bin.count * (got - bin.result) * (got - bin.result);
      }
    }
    return error;
  }

private:
  struct Bin {
    double x, result, count;
  };
  struct Numbers {
    double unit;
    std::vector<Bin> bins;
  };
  double apply(double x) const { return function ? function(x) : x; }

  ScalarMap function;
  std::vector<Numbers> numbers;
};

} // namespace

static Ends chooseLeastError(MLIRContext *context, const ErrorMeter &meter, StorageKind storage,
                             Ends full) {
  constexpr int kSteps = 40;
  constexpr double kLeast = 0.2;
  auto shrunk = [&](double end, int step) {
    return end * (1 - (1 - kLeast) * step / (kSteps - 1));
  };
  Ends best = full;
  // Ends in turns: of an asymmetric range each by itself.
  bool isSymmetric = storage != StorageKind::Asymmetric8;
  for (int turn = 0; turn < (isSymmetric ? 1 : 4); ++turn) {
    double least = std::numeric_limits<double>::infinity();
    Ends next = best;
    for (int step = 0; step < kSteps; ++step) {
      Ends candidate = best;
      if (isSymmetric || turn % 2 == 0)
        candidate.low = shrunk(full.low, step);
      if (isSymmetric || turn % 2 == 1)
        candidate.high = shrunk(full.high, step);
      double error = meter.errorOf(typeOf(context, candidate, storage));
      if (error < least) {
        least = error;
        next = candidate;
      }
    }
    best = next;
  }
  return best;
}

quant::UniformQuantizedType quantize::chooseType(MLIRContext *context, double low, double high,
                                                 StorageKind storage) {
  return typeOf(context, {std::min(low, 0.0), std::max(high, 0.0)}, storage);
}

quant::UniformQuantizedType quantize::chooseType(MLIRContext *context, ArrayRef<Part> parts,
                                                 StorageKind storage, RangeMethod method,
                                                 ScalarMap function) {
  bool isPercentile = method == RangeMethod::Percentile && storage != StorageKind::Symmetric16;
  double outside = isPercentile ? 0.00005 : 0;
  Ends range{0, 0};
  for (const Part &part : parts) {
    if (part.histogram->isEmpty())
      continue;
    range.low = std::min(range.low, part.histogram->getQuantile(outside) / part.unit);
    range.high = std::max(range.high, part.histogram->getQuantile(1 - outside) / part.unit);
  }
  if (storage == StorageKind::Symmetric16)
    range = {range.low * kHeadroom16, range.high * kHeadroom16};
  else if (method == RangeMethod::LeastError)
    range = chooseLeastError(context, ErrorMeter(parts, function), storage, range);
  return typeOf(context, range, storage);
}

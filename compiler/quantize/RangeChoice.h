// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From what numbers a value takes to the type that it is stored as. Ranges of
// 8 bits may cut rare numbers off, those of 16 bits never do: there resolution
// is plenty and an outlier that is cut is the greater error.

#ifndef TERCET_COMPILER_QUANTIZE_RANGECHOICE_H
#define TERCET_COMPILER_QUANTIZE_RANGECHOICE_H

#include "compiler/quantize/ValueHistogram.h"

#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"

#include <optional>

namespace tercet::quantize {

enum class RangeMethod {
  /// From the least to the greatest number seen.
  MinMax,
  /// What holds 99.99 % of the numbers, as many cut off below as above.
  Percentile,
  /// What gives the least mean squared error.
  LeastError
};

/// minmax, percentile or mse.
std::optional<RangeMethod> rangeMethodFromName(llvm::StringRef name);

enum class StorageKind {
  /// i8 with any zero.
  Asymmetric8,
  /// i8 with zero 0.
  Symmetric8,
  /// i16 with zero 0.
  Symmetric16
};

/// A 16-bit range is this much wider than what was seen, for numbers that the
/// samples do not hold: less than half a bit of sixteen.
constexpr double kHeadroom16 = 1.3;

/// Numbers, in units of `unit`: the scale of what is stored is that of a whole
/// times its part's unit.
struct Part {
  const ValueHistogram *histogram;
  double unit = 1;
};

/// What a table makes of a number.
using ScalarMap = llvm::function_ref<double(double)>;

/// The type that stores numbers / unit of all parts best. Histograms of nothing,
/// or of zeros, give a scale of 1. With a function the least error is that of
/// what it makes of the numbers, instead of their own; where it makes no number
/// of one of them the whole range is kept.
mlir::quant::UniformQuantizedType chooseType(mlir::MLIRContext *context, llvm::ArrayRef<Part> parts,
                                             StorageKind storage, RangeMethod method,
                                             ScalarMap function = nullptr);

/// The one whose range is exactly this, widened to hold 0.
mlir::quant::UniformQuantizedType chooseType(mlir::MLIRContext *context, double low, double high,
                                             StorageKind storage);

/// !quant.uniform<iBITS:f32, scale:zero>, the scale rounded to f32 and never 0.
mlir::quant::UniformQuantizedType makeType(mlir::MLIRContext *context, unsigned bits, double scale,
                                           int64_t zero);

} // namespace tercet::quantize

#endif // TERCET_COMPILER_QUANTIZE_RANGECHOICE_H

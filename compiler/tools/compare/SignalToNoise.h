// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How far one tensor is from another, as the ratio of the power of the signal
// to that of the difference, in decibels.

#ifndef TERCET_COMPILER_TOOLS_COMPARE_SIGNALTONOISE_H
#define TERCET_COMPILER_TOOLS_COMPARE_SIGNALTONOISE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

#include <string>

namespace tercet::compare {

/// Infinite where all elements are equal (two NaNs are), minus infinity where
/// one of two elements is no number. Both have as many elements.
double signalToNoise(llvm::ArrayRef<double> reference, llvm::ArrayRef<double> value);

/// The same, with the value's elements in any order of the reference's
/// dimensions: a program may keep a tensor transposed.
struct Match {
  double decibels;
  /// The value's dimensions in terms of the reference's; empty: in order.
  llvm::SmallVector<unsigned> order;
};
/// The first order that reaches `enough`, else the one without a permutation.
Match matchInAnyOrder(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<double> reference,
                      llvm::ArrayRef<double> value, double enough);

/// "103.2 dB", or "exact".
std::string formatDecibels(double decibels);

} // namespace tercet::compare

#endif // TERCET_COMPILER_TOOLS_COMPARE_SIGNALTONOISE_H

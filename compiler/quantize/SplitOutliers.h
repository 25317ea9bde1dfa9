// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A few channels of what a feed-forward block computes inside may be many times
// as wide as all others: sharing a scale with them takes the resolution of the
// others, cutting them off destroys the result. They are taken out of both
// products, whose sums they leave, and computed in floats beside them: a few
// columns of the first weight, as many rows of the second. The function stays
// what it is but for the order of a sum.

#ifndef TERCET_COMPILER_QUANTIZE_SPLITOUTLIERS_H
#define TERCET_COMPILER_QUANTIZE_SPLITOUTLIERS_H

#include "compiler/quantize/TypeChoice.h"

namespace tercet::quantize {

/// The channels whose greatest magnitude is more than `ratio` times what 99 % of
/// the channels stay within, ascending: 1 % of them at most.
llvm::SmallVector<int64_t> findOutliers(llvm::ArrayRef<ValueStatistics::Channel> channels,
                                        double ratio);

/// Splits every pair of candidates of which the first is a product and a table
/// that the second's product alone reads, and adds to something else. Returns
/// the groups in floats that compute what was taken out; candidates and
/// statistics do not fit the function any more if there are any.
llvm::SmallVector<soc::GroupOp> splitOutliers(mlir::ModuleOp module,
                                              llvm::ArrayRef<IntegerCandidate> candidates,
                                              const ValueClasses &classes,
                                              llvm::ArrayRef<ValueStatistics> statistics,
                                              double ratio);

} // namespace tercet::quantize

#endif // TERCET_COMPILER_QUANTIZE_SPLITOUTLIERS_H

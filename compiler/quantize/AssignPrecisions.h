// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Post-training quantisation: which precisions each group may be computed in,
// with the types of all values, from what the user asks and from data. Runs
// after the graph stage; partition chooses among them by cost and applies one.

#ifndef TERCET_COMPILER_QUANTIZE_ASSIGNPRECISIONS_H
#define TERCET_COMPILER_QUANTIZE_ASSIGNPRECISIONS_H

#include "compiler/quantize/RangeChoice.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/Twine.h"

#include <functional>
#include <string>

namespace tercet::quantize {

struct QuantizeOptions {
  /// `[PATTERN=]SCHEME;...`; empty: nothing is quantised.
  std::string spec;
  /// Directory or list of samples; empty: none.
  std::string data;
  RangeMethod method = RangeMethod::LeastError;
  /// Below that ratio of signal to noise, in decibels, a scheme that the user
  /// only offers is not used.
  double minimumDecibels = 20;
  /// Channels that are that many times wider than 99 % of the others are computed
  /// in float where they can be split off; 0: none are.
  double outlierRatio = 1.5;
};

/// Called with a line on what takes long, every few seconds.
using Progress = std::function<void(const llvm::Twine &)>;

/// Writes `precisions` on the groups that entries of the spec match: what the
/// last of them asks for, and f32 behind it where that is an offer. Errors are
/// diagnostics, at the group that is to blame where one is. Weights are read from the files that
/// they name.
mlir::LogicalResult assignPrecisions(mlir::ModuleOp module, const QuantizeOptions &options,
                                     const Progress &progress = {});

} // namespace tercet::quantize

#endif // TERCET_COMPILER_QUANTIZE_ASSIGNPRECISIONS_H

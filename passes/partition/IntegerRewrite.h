// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rewriting of one float group into operations on integers.

#ifndef TERCET_PASSES_PARTITION_INTEGERREWRITE_H
#define TERCET_PASSES_PARTITION_INTEGERREWRITE_H

#include "passes/partition/ConversionGroups.h"

namespace tercet::partition {

/// A group that computes the same in integers as `group` does in the floats that
/// it is written in, inserted before it; `group` is left alone. The precision has
/// to fit the group. `operands` are the group's as they are stored: an integer
/// of another type than the precision has is converted at the head of the body.
/// Operands keep their places, new ones follow.
mlir::FailureOr<soc::GroupOp> rewriteInIntegers(soc::GroupOp group, soc::PrecisionAttr precision,
                                                llvm::ArrayRef<StoredValue> operands,
                                                IntegerWeights &weights);

} // namespace tercet::partition

#endif // TERCET_PASSES_PARTITION_INTEGERREWRITE_H

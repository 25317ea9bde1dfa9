// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The body of a float group as a list of steps, each of which is one operation
// in integers: a product with its bias, a norm, an attention, a sum, a table, a
// movement. What recognising and rewriting a group have in common.

#ifndef TERCET_PASSES_PARTITION_INTEGERBODY_H
#define TERCET_PASSES_PARTITION_INTEGERBODY_H

#include "dialects/soc/Soc.h"

#include <optional>
#include <string>

namespace tercet::partition {

enum class IntegerStepKind { Product, LayerNorm, RmsNorm, Attention, Add, Lookup, Move };

struct IntegerStep {
  IntegerStepKind kind;
  /// The operations that it stands for, in order. The last one has its result;
  /// those before it do not come to exist: a product before its bias, all but
  /// the last of a chain of functions.
  llvm::SmallVector<mlir::Operation *, 2> ops;
  /// Values of the body that it computes from, without constants. A movement's
  /// are the operands with the elements that it moves.
  llvm::SmallVector<mlir::Value, 4> inputs;
  /// The right-hand side of a product, or the scale of a norm.
  mlir::BlockArgument weight;
  /// Of a product or norm; null without one.
  mlir::BlockArgument bias;

  mlir::Value getResult() const { return ops.back()->getResult(0); }
};

struct IntegerBody {
  llvm::SmallVector<IntegerStep> steps;
};

/// The steps of a group, or nothing and the reason in words for the user.
std::optional<IntegerBody> findIntegerBody(soc::GroupOp group, std::string &reason);

} // namespace tercet::partition

#endif // TERCET_PASSES_PARTITION_INTEGERBODY_H

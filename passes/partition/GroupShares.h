// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Cutting a group into shares: a part of its result along the share dimension,
// computed from the parts of its operands that it needs. Operands of which a
// part is contiguous come as views, so that a share waits for and touches no
// more than it reads.

#ifndef TERCET_PASSES_PARTITION_GROUPSHARES_H
#define TERCET_PASSES_PARTITION_GROUPSHARES_H

#include "dialects/soc/Soc.h"

#include "mlir/IR/PatternMatch.h"

namespace tercet::partition {

/// What a share reads of an operand of its group: elements
/// [offset, offset + elements) in row-major order.
struct ReadRange {
  int64_t offset = 0;
  int64_t elements = 0;
};

/// A group that computes rows [begin, begin + size) of the result of `group`,
/// inserted before it; operands are views where that is possible. Nothing else
/// is changed. Failure, and nothing inserted, if the group cannot be cut there:
/// it has several results, an operation that cannot be tiled along the share
/// dimension, or a tensor without elements.
mlir::FailureOr<soc::GroupOp> cutShare(mlir::RewriterBase &rewriter, soc::GroupOp group,
                                       int64_t begin, int64_t size);

/// An error at the group if its shares do not cover the rows of its result
/// exactly and in order.
mlir::LogicalResult verifyShares(soc::GroupOp group);

/// What the share reads of each operand of the group that it was cut from.
llvm::SmallVector<ReadRange> getReadRanges(soc::GroupOp group, soc::GroupOp share);

} // namespace tercet::partition

#endif // TERCET_PASSES_PARTITION_GROUPSHARES_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A group as a list of operations in integers: what the engine's kernels would
// do, whether the group is written in floats (with a precision that it may be
// computed in) or in nn.quantized_* already. Packets are those that
// qemu-hexagon counts for code that this target generates; they are not cycles.

#ifndef TERCET_TARGETS_HEXAGON_HEXAGONWORK_H
#define TERCET_TARGETS_HEXAGON_HEXAGONWORK_H

#include "dialects/soc/Soc.h"

#include <optional>
#include <string>

namespace tercet::hexagon {

struct KernelWork {
  enum Kind { Product, Norm, Attention, Add, Lookup, Rescale, Move } kind = Move;
  llvm::SmallVector<int64_t> shape; // of its result
  int64_t resultBytes = 1;          // of an element
  int64_t operandBytes = 1;         // of an element of the first operand
  /// Terms of each sum of a product; keys of an attention.
  int64_t depth = 0;
  /// Elements of a head.
  int64_t headSize = 0;
  /// Of a norm.
  bool hasMean = false;
  /// Rows are gone through one by one: what is done depends on the column, or
  /// they do not lie behind one another.
  bool byColumns = false;
  /// Elements are moved singly.
  bool byElements = false;
  /// The operand of the group with a product's weights.
  std::optional<unsigned> weights;

  /// Packets of one thread for a tile of so many rows and columns of the result
  /// (HexagonPackets.h).
  uint64_t packets(int64_t rows, int64_t columns) const;
  /// Bytes of weights that a tile of so many columns streams into the scratchpad.
  uint64_t streamedBytes(int64_t columns) const;
  /// Groups of four terms of a panel that one buffer of the stream has room for.
  int64_t chunkQuads() const;
  /// Scratch for staging, as the kernels need it.
  int64_t stagingBytes(int64_t rows, bool streamed) const;
};

/// An operation in integers, on tensors or as kernels have it. Nothing if it is
/// not one that kernels are emitted for.
std::optional<KernelWork> describeWork(mlir::Operation *op);

/// The operations of a group. `scheme` is w8a8 or w8a16, empty for what is
/// written in integers. Nothing if the engine's kernels cannot do it, and why in
/// words for the user.
std::optional<llvm::SmallVector<KernelWork>> findWork(soc::GroupOp group, llvm::StringRef scheme,
                                                      std::string &reason);

/// Whether the body is written in integers.
bool isInteger(soc::GroupOp group);

} // namespace tercet::hexagon

#endif // TERCET_TARGETS_HEXAGON_HEXAGONWORK_H

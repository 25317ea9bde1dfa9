// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums of products of a chunk's codes with the bytes of several rows, by the
// widest instructions that the machine has for it. The sums are exact, so which
// instruction adds a row does not depend on how it is added in another kernel.

#ifndef TERCET_TARGETS_CPU_GROUPDOTS_H
#define TERCET_TARGETS_CPU_GROUPDOTS_H

#include "targets/cpu/ByteDot.h"

namespace tercet::cpu {

/// Codes of some columns, four elements of K in each lane of each vector, up to
/// `greatest`; those of the same vector in memory are `bits` apart.
struct GroupCodes {
  llvm::ArrayRef<mlir::Value> fours;
  int64_t greatest;
  int64_t bits;
};

/// Four bytes of `memory` as an element of `type`.
mlir::Value loadWord(mlir::OpBuilder &b, mlir::Location loc, mlir::Value memory,
                     mlir::OpFoldResult address, mlir::Type type);

/// Adds to `dots`, one vector for each row, the products of the codes and the
/// row's signed bytes, which start at `rows` in `memory`.
void addGroupDots(mlir::OpBuilder &b, mlir::Location loc, const ByteDot &dot,
                  const GroupCodes &codes, mlir::Value memory,
                  llvm::ArrayRef<mlir::OpFoldResult> rows, llvm::MutableArrayRef<mlir::Value> dots);

} // namespace tercet::cpu

#endif // TERCET_TARGETS_CPU_GROUPDOTS_H

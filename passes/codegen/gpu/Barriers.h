// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which operations of a tile have to wait for which: what the threads have read
// and written since the last barrier, against what the next operation does.
// Arguments are taken to be one memory, since the planner may give an output
// the place of an input.

#ifndef TERCET_PASSES_CODEGEN_GPU_BARRIERS_H
#define TERCET_PASSES_CODEGEN_GPU_BARRIERS_H

#include "mlir/IR/Operation.h"

namespace tercet::codegen {

class Hazards {
public:
  /// Whether the operation touches what is pending, in a way that order matters.
  bool conflictsWith(mlir::Operation *op) const;
  /// It has run, with no barrier behind it.
  void add(mlir::Operation *op);
  void clear() { pending.clear(); }
  /// What may be pending if either this or the other is.
  void merge(const Hazards &other) { llvm::append_range(pending, other.pending); }

  /// Whether the operation, or one in it, touches memory.
  static bool touchesMemory(mlir::Operation *op);

private:
  struct Access {
    bool workgroup = false, write = false;
    int64_t begin = 0, end = 0;
  };
  static llvm::SmallVector<Access> accessesOf(mlir::Operation *op);

  llvm::SmallVector<Access> pending;
};

} // namespace tercet::codegen

#endif // TERCET_PASSES_CODEGEN_GPU_BARRIERS_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the threads of a workgroup combine: over a subgroup where the device can
// and all threads take part, else in a tree through workgroup memory.

#ifndef TERCET_PASSES_CODEGEN_GPU_WORKGROUPREDUCE_H
#define TERCET_PASSES_CODEGEN_GPU_WORKGROUPREDUCE_H

#include "passes/codegen/gpu/TileBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

namespace tercet::codegen {

/// Workgroup memory behind all that the function has so far, for this emitter
/// alone; nothing if the profile's is too small. `unused` is memory whose
/// operations are about to go: its place is taken if there is nothing behind it.
std::optional<mlir::Value> allocateShared(TileBuilder &b, mlir::Type element, int64_t count,
                                          mlir::Value unused = {});

/// Bytes that there is room for.
int64_t freeSharedBytes(TileBuilder &b, mlir::Value unused = {});

/// How two values become one, and the value that changes none.
struct Combiner {
  mlir::arith::AtomicRMWKind kind;
  mlir::TypedAttr neutral;

  /// Of an operation on two scalars, for values of the type; nothing if order
  /// would matter or it is another one.
  static std::optional<Combiner> of(mlir::Operation *op, mlir::Type type);
  mlir::Value combine(TileBuilder &b, mlir::Value left, mlir::Value right) const;
};

/// Combines the values of `width` neighbouring threads, a power of two that
/// divides their number; all of them get the result. All threads of the workgroup
/// have to come here. `shared` has an element for each thread.
mlir::Value reduceThreads(TileBuilder &b, mlir::Value shared, mlir::Value value, int64_t width,
                          const Combiner &combiner);

} // namespace tercet::codegen

#endif // TERCET_PASSES_CODEGEN_GPU_WORKGROUPREDUCE_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The body of a linalg operation, vectorised along one loop of its nest. Every
// value of the body is uniform (one for all lanes), linear (the vector loop's
// index itself) or varying; uniform values stay scalar and can be computed
// outside of the vector loop.

#ifndef TERCET_TARGETS_CPU_NESTBODY_H
#define TERCET_TARGETS_CPU_NESTBODY_H

#include "passes/codegen/LoopNest.h"

#include "mlir/IR/IRMapping.h"

namespace tercet::cpu {

using codegen::Access;
using codegen::LoopNest;

class NestBody {
public:
  /// `vectorLoop` is -1 for a body that runs element by element.
  NestBody(mlir::Block &body, const LoopNest &nest, int64_t vectorLoop);

  /// Whether the body can run for several elements at once.
  bool isVectorisable() const { return vectorisable; }
  /// Whether it may also run for lanes beyond the end, under a mask.
  bool isMaskable() const { return maskable; }
  /// The number of operations that run once a lane, however many lanes.
  int64_t getPerLaneOps() const { return perLaneOps; }
  /// The number of operations that run once a vector.
  int64_t getVectorOps() const { return vectorOps; }

  /// Computes the uniform values at the given induction variables (that of the
  /// vector loop may be null).
  mlir::IRMapping emitUniform(mlir::OpBuilder &b, mlir::ValueRange ivs) const;

  /// Computes the body for `lanes` elements from `ivs` on; `outputs` are the
  /// values of the destinations before. Returns the values yielded.
  llvm::SmallVector<mlir::Value> emit(mlir::OpBuilder &b, int64_t lanes, mlir::Value mask,
                                      mlir::ValueRange ivs, const mlir::IRMapping &uniform,
                                      mlir::ValueRange outputs) const;

  /// Loads the elements of an operand from `ivs` on.
  mlir::Value load(mlir::OpBuilder &b, const Access &access, int64_t lanes, mlir::Value mask,
                   mlir::ValueRange ivs) const;
  void store(mlir::OpBuilder &b, const Access &access, mlir::Value value, int64_t lanes,
             mlir::Value mask, mlir::ValueRange ivs) const;

  /// Whether the body looks at the value of the destination before.
  bool readsOutput(unsigned output) const {
    return !body.getArgument(nest.inputs + output).use_empty();
  }
  unsigned getNumOutputs() const { return nest.accesses.size() - nest.inputs; }

  /// The operation that combines the destination's value with a new one, if
  /// that is all that happens to it and lanes can be combined in any order.
  mlir::Operation *getCombiner(unsigned output) const;

private:
  enum class Kind { Uniform, Linear, Varying };

  void classify();
  Kind kindOf(mlir::Value value) const;
  mlir::Value emitLoad(mlir::OpBuilder &b, mlir::memref::LoadOp op, int64_t lanes,
                       llvm::function_ref<mlir::Value(mlir::Value)> scalarOf,
                       llvm::function_ref<mlir::Value(mlir::Value)> vectorOf) const;

  mlir::Block &body;
  const LoopNest &nest;
  int64_t vectorLoop;
  bool vectorisable = true, maskable = true;
  int64_t perLaneOps = 0, vectorOps = 0;
  llvm::DenseMap<mlir::Value, Kind> kinds;
};

/// The widest element that the body computes with, in bits.
unsigned widestElement(mlir::Block &body);

/// The value in all lanes; unchanged for one lane or if it is a vector already.
mlir::Value splat(mlir::OpBuilder &b, mlir::Location loc, mlir::Value value, int64_t lanes);

} // namespace tercet::cpu

#endif // TERCET_TARGETS_CPU_NESTBODY_H

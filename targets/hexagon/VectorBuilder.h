// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the emitters of kernels write with: arithmetic on 32-bit integers that
// folds constants, addresses, loops and conditions, and the arithmetic of
// quantised values (M and R of docs/quantisation.md) on vector registers.
// Sizes, offsets and loop variables are i32 throughout, never index: that is
// the width of an address here.

#ifndef TERCET_TARGETS_HEXAGON_VECTORBUILDER_H
#define TERCET_TARGETS_HEXAGON_VECTORBUILDER_H

#include "dialects/hvx/HVX.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace tercet::hexagon {

using Values = llvm::SmallVector<mlir::Value>;

class VectorBuilder : public mlir::ImplicitLocOpBuilder {
public:
  using ImplicitLocOpBuilder::ImplicitLocOpBuilder;

  // ---- Scalars ----
  mlir::Value constant(int64_t value);
  mlir::Value constant64(int64_t value);
  /// The value, if it is known.
  static std::optional<int64_t> known(mlir::Value value);
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value add(mlir::Value a, int64_t b);
  mlir::Value sub(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, int64_t b);
  /// Of values that are never negative.
  mlir::Value div(mlir::Value a, int64_t powerOfTwo);
  mlir::Value rem(mlir::Value a, int64_t powerOfTwo);
  mlir::Value min(mlir::Value a, mlir::Value b);
  mlir::Value max(mlir::Value a, mlir::Value b);
  mlir::Value compare(mlir::arith::CmpIPredicate predicate, mlir::Value a, mlir::Value b);
  mlir::Value select(mlir::Value condition, mlir::Value yes, mlir::Value no);

  // ---- Memory ----
  /// The size of a dimension of a memref.
  mlir::Value sizeOf(mlir::Value memory, int64_t dim);
  mlir::Value addressOf(mlir::Value memory);
  mlir::Value at(mlir::Value address, mlir::Value bytes);
  mlir::Value at(mlir::Value address, int64_t bytes);
  mlir::Value loadScalar(mlir::Type type, mlir::Value address, unsigned alignment);
  void storeScalar(mlir::Value value, mlir::Value address, unsigned alignment);
  mlir::Value load(mlir::Value address, bool aligned = false);
  void store(mlir::Value value, mlir::Value address, bool aligned = false);
  /// The first `bytes` (1 to 128) of a register; a whole one if it is known
  /// that they are 128.
  mlir::Value loadPart(mlir::Value address, mlir::Value bytes);
  void storePart(mlir::Value value, mlir::Value address, mlir::Value bytes);

  // ---- Control ----
  /// A loop over [from, to); straight code if it is known to run at most once.
  Values loop(mlir::Value from, mlir::Value to, int64_t step, mlir::ValueRange carried,
              llvm::function_ref<Values(mlir::Value, mlir::ValueRange)> body);
  void loop(mlir::Value from, mlir::Value to, int64_t step,
            llvm::function_ref<void(mlir::Value)> body);
  /// Runs `body` if the condition holds, without asking if that is known.
  void when(mlir::Value condition, llvm::function_ref<void()> body);
  Values choose(mlir::Value condition, llvm::function_ref<Values()> yes,
                llvm::function_ref<Values()> no);
  Values repeatWhile(mlir::ValueRange carried,
                     llvm::function_ref<mlir::Value(mlir::ValueRange)> condition,
                     llvm::function_ref<Values(mlir::ValueRange)> body);

  // ---- Registers ----
  mlir::VectorType registerType() { return mlir::VectorType::get({32}, getI32Type()); }
  mlir::Value splat(int64_t word);
  mlir::Value splat(mlir::Value word);
  /// The first `count` bytes (1 to 128) of a register, zeros behind them.
  mlir::Value keepBytes(mlir::Value value, mlir::Value count);
  /// The sum of the words, in every word.
  mlir::Value sumWords(mlir::Value value);
  mlir::Value firstWord(mlir::Value value);
  mlir::Value low(mlir::Value pair) { return hvx::LoOp::create(*this, pair); }
  mlir::Value high(mlir::Value pair) { return hvx::HiOp::create(*this, pair); }

  // ---- Quantised arithmetic ----
  /// M: (a * b + 2^30) >> 31, saturated.
  mlir::Value multiplyHigh(mlir::Value a, mlir::Value b);
  /// R and a clamp to 16 bits, of the words for even and for odd lanes.
  mlir::Value roundToHalves(mlir::Value even, mlir::Value odd, mlir::Value shift);
  /// Half words of 128 lanes, plus zero, clamped to bytes.
  mlir::Value narrowToBytes(mlir::Value low, mlir::Value high, int64_t zero);
};

} // namespace tercet::hexagon

#endif // TERCET_TARGETS_HEXAGON_VECTORBUILDER_H

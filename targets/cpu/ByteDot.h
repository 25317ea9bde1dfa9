// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums of four products of bytes in each 32-bit lane, unsigned codes by signed
// ones, with the instruction that the machine has for it. All of them give the
// exact sum.

#ifndef TERCET_TARGETS_CPU_BYTEDOT_H
#define TERCET_TARGETS_CPU_BYTEDOT_H

#include "dialects/soc/Soc.h"

#include "mlir/IR/Builders.h"

#include <array>

namespace tercet::cpu {

class ByteDot {
public:
  static ByteDot of(soc::CpuAttr cpu);

  /// What is taken off codes of up to `greatest` before they are multiplied:
  /// sums are less by so much times the sum of the signed bytes.
  int64_t bias(int64_t greatest) const;

  /// Codes of up to `greatest`, four in each lane of a vector of i32, in the form
  /// that `add` takes; done once for many sums.
  llvm::SmallVector<mlir::Value> prepare(mlir::OpBuilder &b, mlir::Location loc, mlir::Value codes,
                                         int64_t greatest) const;

  /// sum + the products of prepared codes and the four signed bytes in `left`, an
  /// i32, which is the same for all lanes.
  mlir::Value add(mlir::OpBuilder &b, mlir::Location loc, llvm::ArrayRef<mlir::Value> prepared,
                  mlir::Value left, mlir::Value sum) const;

  /// Whether the machine has sums of eight products for two rows at once, of four
  /// columns. What addPair adds is what `add` does.
  bool hasPairs(int64_t lanes) const { return kind == Kind::NeonMixed && lanes == 4; }

  /// Two vectors of codes, which follow each other in K, in the form that `addPair`
  /// takes.
  std::array<mlir::Value, 2> preparePair(mlir::OpBuilder &b, mlir::Location loc, mlir::Value first,
                                         mlir::Value second) const;

  /// sums + the products of prepared codes and eight signed bytes of each of two
  /// rows, in one vector. The sums are of two columns by two rows each.
  std::array<mlir::Value, 2> addPair(mlir::OpBuilder &b, mlir::Location loc,
                                     std::array<mlir::Value, 2> prepared, mlir::Value left,
                                     std::array<mlir::Value, 2> sums) const;

  /// The sums of the first row and those of the second, a column in each lane.
  std::array<mlir::Value, 2> rowsOfPair(mlir::OpBuilder &b, mlir::Location loc,
                                        std::array<mlir::Value, 2> sums) const;

  /// For each byte of a vector of i32, which is below 16, the byte of the table.
  mlir::Value lookup(mlir::OpBuilder &b, mlir::Location loc, mlir::Value codes,
                     llvm::ArrayRef<uint8_t> table) const;

private:
  enum class Kind {
    Plain,    // by shifts and 32-bit products
    Avx2,     // pairs of bytes, pairs of 16 bits
    Vnni,     // unsigned by signed
    NeonDot,  // signed by signed
    NeonMixed // unsigned by signed
  };
  Kind kind = Kind::Plain;
  bool isX86 = false, isArm = false;
};

} // namespace tercet::cpu

#endif // TERCET_TARGETS_CPU_BYTEDOT_H

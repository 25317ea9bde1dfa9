// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One operand of a product on tensor cores. A block of it, some rows (of the
// right-hand side: columns) by some terms, is copied to workgroup memory by all
// threads while they compute on another, and read from there by a warp in the
// fragments that `mma.sync` m16n8k16 takes. Eight elements side by side, 16 bytes,
// are a chunk; chunks of neighbouring lines lie in other banks (the number of a
// chunk in its line is xored with the line's), so that neither the copies nor the
// eight lines of a matrix that are read at once wait for each other.
//
// Layouts of fragments and the rules for copies: NVIDIA, "PTX ISA", sections on
// mma.m16n8k16, ldmatrix and cp.async.

#ifndef TERCET_PASSES_CODEGEN_GPU_TENSOROPERAND_H
#define TERCET_PASSES_CODEGEN_GPU_TENSOROPERAND_H

#include "passes/codegen/gpu/Contraction.h"

namespace tercet::codegen {

/// Terms of one multiplication of matrices.
inline constexpr int64_t kTermsOfStep = 16;

class TensorOperand {
public:
  enum Side { kLeft, kRight };

  /// Nothing if no dimension of the operand lies side by side in memory, or the
  /// memory is no argument. `count` rows or columns make a block, `terms` of them a
  /// stage: powers of two.
  static std::optional<TensorOperand> of(TileBuilder &b, const Contraction &product, Side side,
                                         int64_t count, int64_t terms);

  /// Of a stage.
  int64_t elements() const { return count * terms; }

  /// Copies are of the block whose first row or column is ivs[loop]. What does
  /// not depend on the term is computed here.
  void setBlock(mlir::ValueRange ivs);
  /// Starts the copies of the terms from `term` on to `stage`, an element of
  /// `shared`. What is beyond the operand becomes zeros.
  void copy(mlir::Value shared, mlir::Value stage, mlir::Value term);

  /// This thread's warp has the rows or columns from `first` on, a multiple of
  /// its number of them.
  void setWarp(mlir::Value first);
  /// Four pairs of elements: of the left the rows of one multiplication, of the
  /// right the columns of two. `part` counts in 16 rows or columns from the
  /// warp's first on, `step` in kTermsOfStep.
  llvm::SmallVector<mlir::Value> load(mlir::Value shared, mlir::Value stage, int64_t part,
                                      int64_t step);

private:
  TensorOperand(TileBuilder &b, const Contraction &product, Side side, int64_t count,
                int64_t terms);

  /// What a thread copies at once: where it is in memory and of which term if
  /// the stage begins with the first; where it goes in the stage; how many of its
  /// elements there are, null for all of them.
  struct Piece {
    mlir::Value from, term, place, valid;
  };
  Piece pieceAt(mlir::Value line, mlir::Value element, mlir::Value place = {});
  void copyPiece(const Piece &piece, mlir::Value shared, mlir::Value stage, mlir::Value term);
  mlir::Value swizzle(mlir::Value line);
  mlir::Value placeOf(mlir::Value line, mlir::Value element);
  mlir::OpFoldResult outerSize() const;
  mlir::OpFoldResult termCount() const;
  bool hasWholeTerms() const;
  mlir::Value add(mlir::Value left, mlir::Value right);
  mlir::Value add(mlir::Value left, int64_t right);
  mlir::Value mul(mlir::Value left, int64_t right);

  TileBuilder &b;
  const Contraction &product;
  Side side;
  const Access &access;
  unsigned outer, sum;  // loops
  mlir::Value memory;   // flat
  int64_t count, terms; // rows or columns of a block, terms of a stage
  bool alongTerms;      // terms lie side by side, else rows or columns do
  int64_t lines, line;  // of a stage; elements of one
  int64_t width = 1;    // elements of a piece
  llvm::SmallVector<mlir::Value> ivs;
  llvm::SmallVector<Piece> pieces; // this thread's, if width > 1
  mlir::Value laneLine, laneChunk; // of the address that this lane gives
};

} // namespace tercet::codegen

#endif // TERCET_PASSES_CODEGEN_GPU_TENSOROPERAND_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A tensor that is known but for the position of a decoder's first token: masks,
// ranges, shapes. Its sizes are linear in the position; its elements are a
// number, or linear in indices and position, on each of a few polyhedra. What
// holds of such a tensor is decided for every position at once, never by samples.

#ifndef TERCET_COMPILER_IMPORT_ONNX_PAST_PIECEWISE_H
#define TERCET_COMPILER_IMPORT_ONNX_PAST_PIECEWISE_H

#include "compiler/import/onnx/Constant.h"

#include "mlir/Analysis/Presburger/IntegerRelation.h"

namespace tercet::onnx {

/// constant + perPosition * position.
struct Length {
  int64_t constant = 0, perPosition = 0;

  bool isKnown() const { return perPosition == 0; }
  bool is(int64_t value) const { return isKnown() && constant == value; }
  bool operator==(const Length &other) const {
    return constant == other.constant && perPosition == other.perPosition;
  }
  Length operator+(const Length &other) const {
    return {constant + other.constant, perPosition + other.perPosition};
  }
  Length operator-(const Length &other) const {
    return {constant - other.constant, perPosition - other.perPosition};
  }
  int64_t at(int64_t position) const { return constant + perPosition * position; }
};

/// A linear form: coefficients of the indices, one of the position, a constant.
/// Constraints of polyhedra have the same columns.
using Linear = llvm::SmallVector<int64_t, 8>;

struct Piecewise {
  using Region = mlir::presburger::IntegerPolyhedron;
  struct Piece {
    Region region;
    /// The element if it is an integer or bool.
    Linear integer;
    /// The element if it is a float.
    double real = 0;

    bool isConstant() const;
    int64_t constant() const { return integer.back(); }
  };

  DataType element = DataType::Undefined;
  llvm::SmallVector<Length> dims;
  /// Positions from 0 up to this one.
  int64_t lastPosition = 0;
  /// Disjoint, and together all indices at all positions.
  std::vector<Piece> pieces;

  int64_t rank() const { return static_cast<int64_t>(dims.size()); }
  unsigned columns() const { return dims.size() + 2; }
  unsigned positionColumn() const { return dims.size(); }
  Linear zero() const { return Linear(columns(), 0); }
  Linear unit(unsigned column) const;

  /// Indices within the sizes, positions up to the last.
  Region domain() const;

  /// The same number everywhere.
  static Piecewise splat(DataType element, llvm::ArrayRef<Length> dims, int64_t lastPosition,
                         Scalar value);
  /// A known tensor, if it is of a form that few pieces describe: the same
  /// everywhere, linear in its indices, short, or two numbers on both sides of a
  /// diagonal of its last two dimensions.
  static std::optional<Piecewise> fromConstant(const Constant &constant, int64_t lastPosition);
  static Piecewise list(llvm::ArrayRef<Length> lengths, int64_t lastPosition);

  /// The tensor of these sizes whose element is the one of this tensor at the
  /// indices that `at` gives, each in the columns of the result.
  Piecewise substitute(llvm::ArrayRef<Length> dims, llvm::ArrayRef<Linear> at) const;
  /// None if the sizes do not broadcast to these.
  std::optional<Piecewise> broadcast(llvm::ArrayRef<Length> to) const;

  /// The elements of a list or scalar of integers that are linear in the position alone.
  std::optional<llvm::SmallVector<Length>> lengths() const;
  /// The one number that all elements are.
  std::optional<Scalar> constant() const;
  /// The elements if none depends on the position, of few.
  ConstantRef known() const;
};

/// A part of the region that pieces share, and what the result is there.
struct Case {
  llvm::SmallVector<Linear, 2> inequalities, equalities;
  Linear integer;
  double real = 0;
};

constexpr size_t kMostPieces = 128;

/// The tensor of `element` whose pieces are those that `cases` makes of the
/// inputs' pieces where these meet. Inputs have the same sizes. None if `cases`
/// is false for one meeting, or there are more than kMostPieces.
std::optional<Piecewise> combine(llvm::ArrayRef<const Piecewise *> inputs, DataType element,
                                 llvm::function_ref<bool(llvm::ArrayRef<const Piecewise::Piece *>,
                                                         llvm::SmallVectorImpl<Case> &)>
                                     cases);

/// The sizes that these broadcast to as numpy does, or none.
std::optional<llvm::SmallVector<Length>>
broadcastLengths(llvm::ArrayRef<llvm::ArrayRef<Length>> shapes);

std::string describe(llvm::ArrayRef<Length> dims);

} // namespace tercet::onnx

#endif // TERCET_COMPILER_IMPORT_ONNX_PAST_PIECEWISE_H

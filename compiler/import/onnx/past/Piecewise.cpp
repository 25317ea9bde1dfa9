// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pieces are polyhedra of MLIR's Presburger library over the indices and, after
// them, the position; empty ones are dropped wherever pieces are made.

#include "compiler/import/onnx/past/Piecewise.h"

#include "llvm/ADT/STLExtras.h"

using namespace llvm;
using namespace tercet::onnx;
using mlir::presburger::PresburgerSpace;

bool Piecewise::Piece::isConstant() const {
  return all_of(ArrayRef<int64_t>(integer).drop_back(), [](int64_t c) { return c == 0; });
}

Linear Piecewise::unit(unsigned column) const {
  Linear form = zero();
  form[column] = 1;
  return form;
}

static Piecewise::Region universe(unsigned columns) {
  return Piecewise::Region(PresburgerSpace::getSetSpace(columns - 1));
}

Piecewise::Region Piecewise::domain() const {
  Region region = universe(columns());
  for (auto [i, length] : enumerate(dims)) {
    region.addInequality(unit(i));
    Linear below = zero();
    below[i] = -1;
    below[positionColumn()] = length.perPosition;
    below.back() = length.constant - 1;
    region.addInequality(below);
  }
  region.addInequality(unit(positionColumn()));
  Linear last = zero();
  last[positionColumn()] = -1;
  last.back() = lastPosition;
  region.addInequality(last);
  return region;
}

static Piecewise::Piece pieceOf(const Piecewise &tensor, Scalar value) {
  Piecewise::Piece piece{tensor.domain(), tensor.zero(), 0};
  if (isFloat(tensor.element))
    piece.real = value.d;
  else
    piece.integer.back() = value.i;
  return piece;
}

Piecewise Piecewise::splat(DataType element, ArrayRef<Length> dims, int64_t lastPosition,
                           Scalar value) {
  Piecewise result{element, SmallVector<Length>(dims), lastPosition, {}};
  result.pieces.push_back(pieceOf(result, value));
  return result;
}

Piecewise Piecewise::list(ArrayRef<Length> lengths, int64_t lastPosition) {
  Piecewise result{DataType::Int64, {Length{int64_t(lengths.size()), 0}}, lastPosition, {}};
  for (auto [i, length] : enumerate(lengths)) {
    Piece piece{result.domain(), result.zero(), 0};
    Linear here = result.unit(0);
    here.back() = -int64_t(i);
    piece.region.addEquality(here);
    piece.integer[result.positionColumn()] = length.perPosition;
    piece.integer.back() = length.constant;
    result.pieces.push_back(std::move(piece));
  }
  return result;
}

/// a + b . indices, if integers are this.
static std::optional<Linear> linearForm(const Constant &constant) {
  Linear form(constant.shape.size() + 2, 0);
  form.back() = constant.intAt(0);
  SmallVector<int64_t> strides = stridesOf(constant.shape), at(constant.shape.size());
  for (auto [i, stride] : enumerate(strides))
    if (constant.shape[i] > 1)
      form[i] = constant.intAt(stride) - form.back();
  int64_t index = 0;
  do {
    int64_t value = form.back();
    for (auto [i, place] : enumerate(at))
      value += form[i] * place;
    if (constant.intAt(index++) != value)
      return std::nullopt;
  } while (advance(at, constant.shape));
  return form;
}

/// How many columns after the diagonal of the last two dimensions the other
/// number begins in each row, if the elements are two numbers that it separates.
static std::optional<int64_t> diagonalOf(const Constant &constant) {
  ArrayRef<int64_t> shape = constant.shape;
  int64_t rows = shape[shape.size() - 2], columns = shape.back();
  auto bits = [&](int64_t row, int64_t column) { return constant.at(row * columns + column).i; };
  if (rows * columns != constant.size())
    return std::nullopt;
  // Where a row changes fixes the diagonal.
  std::optional<int64_t> diagonal;
  for (int64_t row = 0; row < rows && !diagonal; ++row)
    for (int64_t column = 1; column < columns && !diagonal; ++column)
      if (bits(row, column) != bits(row, column - 1))
        diagonal = column - row;
  if (!diagonal)
    return std::nullopt;
  int64_t row = std::max<int64_t>(0, 1 - *diagonal), low = bits(row, row + *diagonal - 1);
  int64_t high = bits(row, row + *diagonal);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c)
      if (bits(r, c) != (c - r < *diagonal ? low : high))
        return std::nullopt;
  return diagonal;
}

std::optional<Piecewise> Piecewise::fromConstant(const Constant &constant, int64_t lastPosition) {
  SmallVector<Length> dims;
  for (int64_t size : constant.shape)
    dims.push_back({size, 0});
  if (constant.size() == 0)
    return Piecewise{constant.element, dims, lastPosition, {}};
  if (constant.isSplat())
    return splat(constant.element, dims, lastPosition, constant.at(0));
  Piecewise result{constant.element, dims, lastPosition, {}};
  if (isInteger(constant.element))
    if (std::optional<Linear> form = linearForm(constant)) {
      result.pieces.push_back({result.domain(), *form, 0});
      return result;
    }
  if (constant.shape.size() >= 2)
    if (std::optional<int64_t> diagonal = diagonalOf(constant)) {
      int64_t columns = constant.shape.back(), row = std::max<int64_t>(0, 1 - *diagonal);
      for (bool isHigh : {false, true}) {
        int64_t column = row + *diagonal - (isHigh ? 0 : 1);
        Piece piece = pieceOf(result, constant.at(row * columns + column));
        Linear side = result.zero();
        side[constant.shape.size() - 1] = isHigh ? 1 : -1;
        side[constant.shape.size() - 2] = isHigh ? -1 : 1;
        side.back() = isHigh ? -*diagonal : *diagonal - 1;
        piece.region.addInequality(side);
        result.pieces.push_back(std::move(piece));
      }
      return result;
    }
  if (constant.size() > 64)
    return std::nullopt;
  SmallVector<int64_t> at(constant.shape.size());
  int64_t index = 0;
  do {
    Piece piece = pieceOf(result, constant.at(index++));
    for (auto [i, place] : enumerate(at)) {
      Linear here = result.unit(i);
      here.back() = -place;
      piece.region.addEquality(here);
    }
    result.pieces.push_back(std::move(piece));
  } while (advance(at, constant.shape));
  return result;
}

/// A form over old columns as one over new columns.
static Linear substituted(ArrayRef<int64_t> form, ArrayRef<Linear> at, unsigned columns) {
  Linear result(columns, 0);
  for (auto [i, old] : enumerate(at))
    for (unsigned column = 0; column < columns; ++column)
      result[column] += form[i] * old[column];
  result[columns - 2] += form[at.size()];
  result[columns - 1] += form[at.size() + 1];
  return result;
}

Piecewise Piecewise::substitute(ArrayRef<Length> to, ArrayRef<Linear> at) const {
  Piecewise result{element, SmallVector<Length>(to), lastPosition, {}};
  for (const Piece &piece : pieces) {
    Piece moved{result.domain(), substituted(piece.integer, at, result.columns()), piece.real};
    for (unsigned i = 0; i < piece.region.getNumInequalities(); ++i)
      moved.region.addInequality(
          substituted(piece.region.getInequality64(i), at, result.columns()));
    for (unsigned i = 0; i < piece.region.getNumEqualities(); ++i)
      moved.region.addEquality(substituted(piece.region.getEquality64(i), at, result.columns()));
    if (!moved.region.isIntegerEmpty())
      result.pieces.push_back(std::move(moved));
  }
  return result;
}

std::optional<Piecewise> Piecewise::broadcast(ArrayRef<Length> to) const {
  if (dims.size() > to.size())
    return std::nullopt;
  if (ArrayRef<Length>(dims) == to)
    return *this;
  size_t skip = to.size() - dims.size();
  SmallVector<Linear> at;
  for (auto [i, length] : enumerate(dims)) {
    Linear index(to.size() + 2, 0);
    if (length == to[skip + i])
      index[skip + i] = 1;
    else if (!length.is(1))
      return std::nullopt;
    at.push_back(index);
  }
  return substitute(to, at);
}

std::optional<SmallVector<Length>> Piecewise::lengths() const {
  if (rank() > 1 || isFloat(element) || (rank() == 1 && !dims[0].isKnown()))
    return std::nullopt;
  int64_t count = rank() == 1 ? dims[0].constant : 1;
  if (count > 64)
    return std::nullopt;
  SmallVector<Length> result;
  for (int64_t i = 0; i < count; ++i) {
    Linear here(2, 0);
    here.back() = i;
    SmallVector<Linear> at(rank(), here);
    Piecewise one = substitute({}, at);
    for (const Piece &piece : one.pieces) {
      Length length{piece.integer[1], piece.integer[0]};
      if (&piece != &one.pieces.front() && !(length == result.back()))
        return std::nullopt;
      if (&piece == &one.pieces.front())
        result.push_back(length);
    }
    if (one.pieces.empty())
      return std::nullopt;
  }
  return result;
}

std::optional<Scalar> Piecewise::constant() const {
  std::optional<Scalar> result;
  for (const Piece &piece : pieces) {
    Scalar value{0};
    if (isFloat(element))
      value.d = piece.real;
    else if (piece.isConstant())
      value.i = piece.constant();
    else
      return std::nullopt;
    if (result && result->i != value.i)
      return std::nullopt;
    result = value;
  }
  return result;
}

ConstantRef Piecewise::known() const {
  SmallVector<int64_t> shape;
  for (const Length &length : dims) {
    if (!length.isKnown() || length.constant < 0)
      return {};
    shape.push_back(length.constant);
  }
  if (is_contained(shape, 0))
    return makeConstant(element, shape, {});
  if (std::optional<Scalar> value = constant())
    return makeConstant(element, shape, {*value});
  if (isFloat(element) || rank() > 1)
    return {};
  std::optional<SmallVector<Length>> elements = lengths();
  if (!elements || any_of(*elements, [](const Length &length) { return !length.isKnown(); }))
    return {};
  std::vector<Scalar> values;
  for (const Length &length : *elements)
    values.push_back({length.constant});
  return makeConstant(element, shape, std::move(values));
}

std::optional<Piecewise> tercet::onnx::combine(
    ArrayRef<const Piecewise *> inputs, DataType element,
    function_ref<bool(ArrayRef<const Piecewise::Piece *>, SmallVectorImpl<Case> &)> cases) {
  Piecewise result{element, inputs[0]->dims, inputs[0]->lastPosition, {}};
  SmallVector<const Piecewise::Piece *> chosen;
  bool good = true;
  auto meet = [&](auto &self, const Piecewise::Region &region) -> void {
    if (!good || region.isIntegerEmpty())
      return;
    if (chosen.size() < inputs.size()) {
      for (const Piecewise::Piece &piece : inputs[chosen.size()]->pieces) {
        chosen.push_back(&piece);
        self(self, region.intersect(piece.region));
        chosen.pop_back();
      }
      return;
    }
    SmallVector<Case, 4> made;
    good = cases(chosen, made);
    for (Case &one : made) {
      Piecewise::Piece piece{region, std::move(one.integer), one.real};
      for (const Linear &form : one.inequalities)
        piece.region.addInequality(form);
      for (const Linear &form : one.equalities)
        piece.region.addEquality(form);
      bool splits = !one.inequalities.empty() || !one.equalities.empty();
      if (!splits || !piece.region.isIntegerEmpty())
        result.pieces.push_back(std::move(piece));
    }
    good &= result.pieces.size() <= kMostPieces;
  };
  meet(meet, result.domain());
  return good ? std::optional(std::move(result)) : std::nullopt;
}

std::optional<SmallVector<Length>>
tercet::onnx::broadcastLengths(ArrayRef<ArrayRef<Length>> shapes) {
  size_t rank = 0;
  for (ArrayRef<Length> shape : shapes)
    rank = std::max(rank, shape.size());
  SmallVector<Length> result(rank, Length{1, 0});
  for (ArrayRef<Length> shape : shapes)
    for (size_t i = 0; i < shape.size(); ++i) {
      Length &to = result[rank - shape.size() + i];
      if (shape[i].is(1))
        continue;
      if (!to.is(1) && !(to == shape[i]))
        return std::nullopt;
      to = shape[i];
    }
  return result;
}

std::string tercet::onnx::describe(ArrayRef<Length> dims) {
  std::string text = "[";
  for (auto [i, length] : enumerate(dims)) {
    text += i ? ", " : "";
    if (length.perPosition == 0)
      text += std::to_string(length.constant);
    else if (length.perPosition == 1)
      text += length.constant ? "past + " + std::to_string(length.constant) : "past";
    else
      text += std::to_string(length.perPosition) + " past + " + std::to_string(length.constant);
  }
  return text + "]";
}

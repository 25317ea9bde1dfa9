// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators about places: elements gathered and assigned by indices, ranges,
// triangles, running sums.

#include "compiler/import/onnx/past/Evaluate.h"

using namespace llvm;
using namespace tercet::onnx;

Evaluator::Result Evaluator::gather() {
  if (!has(1) || isFloat(in(1).element))
    return fail("indices are no integers");
  const Piecewise &data = in(0), &indices = in(1);
  int64_t rank = data.rank(), last = indices.rank();
  SmallVector<Length> to;
  if (node.op == "GatherND") {
    // Of one number only that number can be gathered.
    std::optional<Scalar> value = data.constant();
    if (!value || last < 1 || !indices.dims.back().isKnown() ||
        indices.dims.back().constant > rank || number("batch_dims", 0) != 0)
      return fail("elements of a tensor that is not the same everywhere are gathered");
    to.assign(indices.dims.begin(), indices.dims.end() - 1);
    to.append(data.dims.begin() + indices.dims.back().constant, data.dims.end());
    return Piecewise::splat(data.element, to, lastPosition, *value);
  }
  int64_t axis = number("axis", 0);
  axis += axis < 0 ? rank : 0;
  if (axis < 0 || axis >= rank)
    return fail("axis " + Twine(axis) + " for a rank of " + Twine(rank));
  to.append(data.dims.begin(), data.dims.begin() + axis);
  to.append(indices.dims.begin(), indices.dims.end());
  to.append(data.dims.begin() + axis + 1, data.dims.end());
  if (std::optional<Scalar> value = data.constant())
    return Piecewise::splat(data.element, to, lastPosition, *value);
  if (indices.pieces.size() != 1)
    return fail("indices have no one linear form");
  // The index as a form over the result's columns, from the end if it is negative.
  ArrayRef<int64_t> form = indices.pieces[0].integer;
  Linear index(to.size() + 2, 0);
  for (int64_t k = 0; k < last; ++k)
    index[axis + k] = form[k];
  index[to.size()] = form[last];
  index.back() = form[last + 1];
  if (indices.pieces[0].isConstant() && form.back() < 0) {
    index[to.size()] += data.dims[axis].perPosition;
    index.back() += data.dims[axis].constant;
  }
  SmallVector<Linear> at;
  for (int64_t k = 0; k < rank; ++k) {
    Linear own(to.size() + 2, 0);
    if (k != axis)
      own[k < axis ? k : k - 1 + last] = 1;
    at.push_back(k == axis ? index : own);
  }
  // What is out of range would have no element; a program never gets there.
  return data.substitute(to, at);
}

Evaluator::Result Evaluator::range() {
  auto begin = lengths(0), end = lengths(1), step = lengths(2);
  if (!begin || !end || !step)
    return std::nullopt;
  if (begin->size() != 1 || end->size() != 1 || step->size() != 1 || !(*step)[0].is(1))
    return fail("a range with steps other than 1");
  Length count = (*end)[0] - (*begin)[0];
  if (count.at(0) < 0 || count.at(lastPosition) < 0)
    return fail("a range that may be empty");
  Piecewise result{in(0).element, {count}, lastPosition, {}};
  Linear value = result.unit(0);
  value[1] = (*begin)[0].perPosition;
  value[2] = (*begin)[0].constant;
  result.pieces.push_back({result.domain(), value, 0});
  return result;
}

Evaluator::Result Evaluator::triangle() {
  int64_t rank = in(0).rank();
  Length diagonal;
  if (has(1)) {
    std::optional<SmallVector<Length>> list = lengths(1);
    if (!list || list->size() != 1)
      return fail("the diagonal is no length");
    diagonal = (*list)[0];
  }
  if (rank < 2)
    return fail("a triangle of a vector");
  bool upper = number("upper", 1) != 0;
  std::optional<Piecewise> result =
      combine(inputs.take_front(1), in(0).element,
              [&](ArrayRef<const Piecewise::Piece *> pieces, SmallVectorImpl<Case> &cases) {
                // column - row - diagonal, and what is at least 0 where that is less than 0;
                // of the lower triangle the other way round.
                Linear within = in(0).unit(rank - 1), outside = in(0).zero();
                within[rank - 2] = -1;
                within[rank] = -diagonal.perPosition;
                within.back() = -diagonal.constant;
                for (unsigned k = 0; k < within.size(); ++k) {
                  within[k] = upper ? within[k] : -within[k];
                  outside[k] = -within[k];
                }
                outside.back() -= 1;
                cases.push_back({{within}, {}, pieces[0]->integer, pieces[0]->real});
                cases.push_back({{outside}, {}, in(0).zero(), 0});
                return true;
              });
  return result ? result : fail("too many parts");
}

Evaluator::Result Evaluator::cumulate() {
  std::optional<SmallVector<Length>> axes = lengths(1);
  std::optional<Scalar> value = in(0).constant();
  if (!axes || axes->size() != 1 || !(*axes)[0].isKnown() || !value || isFloat(in(0).element) ||
      number("exclusive", 0) != 0 || number("reverse", 0) != 0)
    return fail("sums of what is not the same everywhere");
  int64_t axis = (*axes)[0].constant;
  axis += axis < 0 ? in(0).rank() : 0;
  if (axis < 0 || axis >= in(0).rank())
    return fail("axis " + Twine(axis) + " for a rank of " + Twine(in(0).rank()));
  Piecewise result{in(0).element, in(0).dims, lastPosition, {}};
  Linear sum = result.zero();
  sum[axis] = sum.back() = value->i;
  result.pieces.push_back({result.domain(), sum, 0});
  return result;
}

/// Only what replaces every element by one of the same indices.
Evaluator::Result Evaluator::scatter() {
  int64_t rank = in(0).rank();
  if (!has(1) || !has(2) || in(1).rank() != rank + 1 || !in(1).dims.back().is(rank) ||
      !(in(2).dims == in(0).dims))
    return fail("indices are not those of all elements");
  if (const NodeAttribute *found = attribute("reduction"); found && found->s != "none")
    return fail("attribute 'reduction'");
  for (int64_t k = 0; k <= rank; ++k)
    if (k < rank && !(in(1).dims[k] == in(0).dims[k]))
      return fail("indices are not those of all elements");
  for (int64_t k = 0; k < rank; ++k) {
    SmallVector<Linear> at;
    for (int64_t i = 0; i < rank; ++i)
      at.push_back(in(0).unit(i));
    Linear which = in(0).zero();
    which.back() = k;
    at.push_back(which);
    Piecewise index = in(1).substitute(in(0).dims, at);
    for (const Piecewise::Piece &piece : index.pieces) {
      Linear own = in(0).unit(k);
      // A dimension of size 1 has the one index 0.
      bool isOwn = piece.integer == own ||
                   (in(0).dims[k].is(1) && piece.isConstant() && piece.constant() == 0);
      if (!isOwn)
        return fail("indices are not those of all elements");
    }
  }
  return in(2);
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators that move elements about, and which operator is which. Arithmetic is
// in EvaluateArithmetic.cpp, what is about indices in EvaluatePlaces.cpp.

#include "compiler/import/onnx/past/Evaluate.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace llvm;
using namespace tercet::onnx;

const NodeAttribute *Evaluator::attribute(StringRef name) const {
  for (const NodeAttribute &attribute : node.attributes)
    if (attribute.name == name)
      return &attribute;
  return nullptr;
}

int64_t Evaluator::number(StringRef name, int64_t absent) const {
  const NodeAttribute *found = attribute(name);
  return found && found->kind == NodeAttribute::Int ? found->i : absent;
}

std::optional<SmallVector<Length>> Evaluator::lengths(unsigned input) {
  if (!has(input))
    return fail("input " + Twine(input) + " is left out");
  std::optional<SmallVector<Length>> list = in(input).lengths();
  if (!list)
    return fail("input " + Twine(input) + " is no list of lengths");
  return list;
}

std::optional<SmallVector<int64_t>> Evaluator::numbers(StringRef name, unsigned input) {
  SmallVector<int64_t> result;
  if (const NodeAttribute *found = attribute(name)) {
    result.assign(found->ints.begin(), found->ints.end());
    return result;
  }
  if (!has(input))
    return result;
  std::optional<SmallVector<Length>> list = lengths(input);
  if (!list)
    return std::nullopt;
  for (const Length &length : *list) {
    if (!length.isKnown())
      return fail("input " + Twine(input) + " depends on the position");
    result.push_back(length.constant);
  }
  return result;
}

std::optional<SmallVector<Piecewise, 1>> Evaluator::run(ArrayRef<const Piecewise *> values) {
  inputs = values;
  auto method =
      StringSwitch<Result (Evaluator::*)()>(node.op)
          .Cases({"Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "Mod"}, &Evaluator::elementwise)
          .Cases({"Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal"},
                 &Evaluator::elementwise)
          .Cases({"And", "Or", "Xor", "Not", "Where", "Neg", "Sqrt", "Identity"},
                 &Evaluator::elementwise)
          .Case("Cast", &Evaluator::cast)
          .Case("Reshape", &Evaluator::reshape)
          .Case("Unsqueeze", &Evaluator::unsqueeze)
          .Case("Squeeze", &Evaluator::squeeze)
          .Case("Transpose", &Evaluator::transpose)
          .Cases({"Expand", "ConstantOfShape"}, &Evaluator::expand)
          .Case("Slice", &Evaluator::slice)
          .Case("Concat", &Evaluator::concat)
          .Cases({"Gather", "GatherND"}, &Evaluator::gather)
          .Case("Range", &Evaluator::range)
          .Case("Trilu", &Evaluator::triangle)
          .Case("CumSum", &Evaluator::cumulate)
          .Case("ScatterND", &Evaluator::scatter)
          .Default(nullptr);
  if (!method || (!node.domain.empty() && node.domain != "ai.onnx"))
    return fail("the operator is not one of those by which masks and positions are computed");
  if (inputs.empty() || !inputs[0])
    return fail("input 0 is left out");
  Result result = (this->*method)();
  if (!result)
    return std::nullopt;
  SmallVector<Piecewise, 1> results;
  results.push_back(std::move(*result));
  return results;
}

/// The same elements in order under other sizes, which differ in sizes of 1.
Evaluator::Result Evaluator::withDims(ArrayRef<Length> to) {
  const Piecewise &data = in(0);
  SmallVector<unsigned> kept;
  for (auto [i, length] : enumerate(to))
    if (!length.is(1))
      kept.push_back(i);
  SmallVector<Linear> at;
  size_t next = 0;
  for (const Length &length : data.dims) {
    Linear index(to.size() + 2, 0);
    if (!length.is(1)) {
      if (next == kept.size() || !(to[kept[next]] == length))
        return fail("a reshape from " + describe(data.dims) + " to " + describe(to) +
                    " moves elements between dimensions");
      index[kept[next++]] = 1;
    }
    at.push_back(index);
  }
  if (next != kept.size())
    return fail("a reshape from " + describe(data.dims) + " to " + describe(to));
  return data.substitute(to, at);
}

Evaluator::Result Evaluator::reshape() {
  std::optional<SmallVector<Length>> shape = lengths(1);
  if (!shape)
    return std::nullopt;
  SmallVector<Length> rest;
  for (const Length &length : in(0).dims)
    if (!length.is(1))
      rest.push_back(length);
  std::optional<unsigned> open;
  for (auto [i, length] : enumerate(*shape)) {
    if (length.is(0) && !number("allowzero", 0)) {
      if (i >= in(0).dims.size())
        return fail("a size of 0 stands for none");
      length = in(0).dims[i];
    }
    if (length.is(-1)) {
      open = i;
      continue;
    }
    if (length.is(1))
      continue;
    auto found = find(rest, length);
    if (found == rest.end())
      return fail("a reshape from " + describe(in(0).dims) + " to " + describe(*shape));
    rest.erase(found);
  }
  if (open) {
    if (rest.size() > 1)
      return fail("a reshape from " + describe(in(0).dims) + " joins dimensions");
    (*shape)[*open] = rest.empty() ? Length{1, 0} : rest[0];
  }
  return withDims(*shape);
}

Evaluator::Result Evaluator::unsqueeze() {
  std::optional<SmallVector<int64_t>> axes = numbers("axes", 1);
  if (!axes)
    return std::nullopt;
  int64_t rank = in(0).rank() + axes->size();
  SmallVector<bool> isNew(rank, false);
  for (int64_t axis : *axes) {
    if (axis < -rank || axis >= rank || isNew[axis < 0 ? axis + rank : axis])
      return fail("axis " + Twine(axis) + " for a rank of " + Twine(rank));
    isNew[axis < 0 ? axis + rank : axis] = true;
  }
  SmallVector<Length> to;
  SmallVector<Linear> at;
  for (int64_t i = 0; i < rank; ++i) {
    if (!isNew[i]) {
      Linear index(rank + 2, 0);
      index[i] = 1;
      at.push_back(index);
      to.push_back(in(0).dims[at.size() - 1]);
    } else {
      to.push_back({1, 0});
    }
  }
  return in(0).substitute(to, at);
}

Evaluator::Result Evaluator::squeeze() {
  std::optional<SmallVector<int64_t>> axes = numbers("axes", 1);
  if (!axes)
    return std::nullopt;
  SmallVector<Length> to;
  for (auto [i, length] : enumerate(in(0).dims)) {
    int64_t axis = i, other = axis - in(0).rank();
    bool isGone =
        axes->empty() ? length.is(1) : is_contained(*axes, axis) || is_contained(*axes, other);
    if (isGone && !length.is(1))
      return fail("a size that is not 1 is dropped");
    if (!isGone)
      to.push_back(length);
  }
  return withDims(to);
}

Evaluator::Result Evaluator::transpose() {
  int64_t rank = in(0).rank();
  SmallVector<int64_t> perm;
  if (const NodeAttribute *found = attribute("perm"))
    perm.assign(found->ints.begin(), found->ints.end());
  else
    for (int64_t i = 0; i < rank; ++i)
      perm.push_back(rank - 1 - i);
  SmallVector<Length> to;
  SmallVector<Linear> at(rank, Linear(rank + 2, 0));
  SmallVector<bool> seen(rank, false);
  for (auto [i, from] : enumerate(perm)) {
    if (from < 0 || from >= rank || seen[from])
      return fail("'perm' is no permutation");
    seen[from] = true;
    to.push_back(in(0).dims[from]);
    at[from][i] = 1;
  }
  if (int64_t(perm.size()) != rank)
    return fail("'perm' is of another rank");
  return in(0).substitute(to, at);
}

Evaluator::Result Evaluator::expand() {
  if (node.op == "ConstantOfShape") {
    std::optional<SmallVector<Length>> shape = lengths(0);
    if (!shape)
      return std::nullopt;
    Scalar value{0};
    DataType element = DataType::Float;
    if (attribute("value")) {
      // The importer puts it behind the inputs.
      if (!has(1) || !in(1).constant())
        return fail("attribute 'value' has no one element");
      element = in(1).element;
      value = *in(1).constant();
    }
    return Piecewise::splat(element, *shape, lastPosition, value);
  }
  std::optional<SmallVector<Length>> shape = lengths(1);
  if (!shape)
    return std::nullopt;
  auto to = broadcastLengths({in(0).dims, *shape});
  std::optional<Piecewise> result = to ? in(0).broadcast(*to) : std::nullopt;
  if (!result)
    return fail(describe(in(0).dims) + " does not broadcast to " + describe(*shape));
  return result;
}

std::optional<Evaluator::Extent> Evaluator::extentOf(Length size, Length begin, Length end) {
  constexpr int64_t kFar = int64_t(1) << 30;
  // Linear in the position: what holds at both ends holds between them.
  auto always = [&](Length length) { return length.at(0) >= 0 && length.at(lastPosition) >= 0; };
  for (Length *bound : {&begin, &end})
    if (bound->isKnown() && bound->constant < 0)
      *bound = bound->constant < -kFar ? Length{} : size + *bound;
  if (!always(begin) && size.isKnown() && begin.isKnown())
    begin = {};
  if (begin.isKnown() && begin.constant > kFar)
    begin = size;
  if (!always(begin) || !always(end))
    return fail("a bound of the slice may be negative");
  if ((end.isKnown() && end.constant > kFar) || always(end - size)) {
    end = size;
  } else if (!always(size - end)) {
    // A table of the model that is too short for later positions bounds these.
    Length room = size - end;
    if (room.perPosition >= 0 || room.constant < 0)
      return fail("the slice's end may lie on both sides of the dimension's");
    limit = std::min(limit, room.constant / -room.perPosition + tokens);
  }
  Length count = end - begin;
  if (!always(count)) {
    if (!count.isKnown())
      return fail("the slice may be empty");
    count = {};
  }
  return Extent{begin, count};
}

std::optional<SmallVector<Evaluator::Extent>> Evaluator::extents(ArrayRef<Length> dims) {
  SmallVector<Extent> result;
  for (const Length &length : dims)
    result.push_back({{}, length});
  SmallVector<Length> begins, ends;
  SmallVector<int64_t> axes;
  int64_t rank = dims.size();
  if (const NodeAttribute *starts = attribute("starts")) {
    const NodeAttribute *stops = attribute("ends"), *which = attribute("axes");
    if (!stops || stops->ints.size() != starts->ints.size())
      return fail("'starts' and 'ends' are of different lengths");
    for (auto [begin, end] : zip(starts->ints, stops->ints)) {
      begins.push_back({begin, 0});
      ends.push_back({end, 0});
    }
    if (which)
      axes.assign(which->ints.begin(), which->ints.end());
  } else {
    auto first = lengths(1), last = lengths(2);
    auto which = has(3) ? numbers("axes", 3) : std::optional(SmallVector<int64_t>());
    auto steps = has(4) ? numbers("steps", 4) : std::optional(SmallVector<int64_t>());
    if (!first || !last || !which || !steps)
      return std::nullopt;
    if (any_of(*steps, [](int64_t step) { return step != 1; }))
      return fail("a slice with steps other than 1");
    begins = *first, ends = *last, axes = *which;
  }
  if (axes.empty())
    for (int64_t i = 0; i < int64_t(begins.size()); ++i)
      axes.push_back(i);
  if (begins.size() != ends.size() || axes.size() != begins.size())
    return fail("lists of different lengths");
  for (auto [axis, begin, end] : zip(axes, begins, ends)) {
    if (axis < -rank || axis >= rank)
      return fail("axis " + Twine(axis) + " for a rank of " + Twine(rank));
    Extent &extent = result[axis < 0 ? axis + rank : axis];
    std::optional<Extent> found = extentOf(extent.size, begin, end);
    if (!found)
      return std::nullopt;
    extent = *found;
  }
  return result;
}

Evaluator::Result Evaluator::slice() {
  std::optional<SmallVector<Extent>> taken = extents(in(0).dims);
  if (!taken)
    return std::nullopt;
  SmallVector<Length> to;
  SmallVector<Linear> at;
  for (auto [i, extent] : enumerate(*taken)) {
    to.push_back(extent.size);
    Linear index(taken->size() + 2, 0);
    index[i] = 1;
    index[taken->size()] = extent.begin.perPosition;
    index.back() = extent.begin.constant;
    at.push_back(index);
  }
  return in(0).substitute(to, at);
}

Evaluator::Result Evaluator::concat() {
  int64_t rank = in(0).rank(), axis = number("axis", 0);
  axis += axis < 0 ? rank : 0;
  if (axis < 0 || axis >= rank)
    return fail("axis " + Twine(axis) + " for a rank of " + Twine(rank));
  Piecewise result{in(0).element, in(0).dims, lastPosition, {}};
  Length &total = result.dims[axis];
  total = {};
  for (unsigned i = 0; i < inputs.size(); ++i) {
    SmallVector<Length> dims = has(i) ? in(i).dims : SmallVector<Length>();
    if (int64_t(dims.size()) != rank || in(i).element != result.element)
      return fail("parts of different types");
    total = total + dims[axis];
    dims[axis] = in(0).dims[axis];
    if (!(dims == in(0).dims))
      return fail("parts of different sizes");
  }
  Length before;
  for (unsigned i = 0; i < inputs.size(); ++i) {
    SmallVector<Linear> at;
    for (int64_t k = 0; k < rank; ++k)
      at.push_back(result.unit(k));
    at[axis][rank] = -before.perPosition;
    at[axis].back() = -before.constant;
    // The part's own bounds are among the constraints that move along.
    Piecewise moved = in(i).substitute(result.dims, at);
    std::move(moved.pieces.begin(), moved.pieces.end(), std::back_inserter(result.pieces));
    before = before + in(i).dims[axis];
  }
  if (result.pieces.size() > kMostPieces)
    return fail("too many parts");
  return result;
}

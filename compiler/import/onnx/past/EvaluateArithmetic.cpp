// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elementwise operators on pieces: numbers are computed with, linear forms are
// added and compared. A comparison parts the pieces that it is about.

#include "compiler/import/onnx/past/Evaluate.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"

#include <cmath>

using namespace llvm;
using namespace tercet::onnx;

using Piece = Piecewise::Piece;

static Linear difference(ArrayRef<int64_t> a, ArrayRef<int64_t> b, int64_t less = 0) {
  Linear result(a.size(), 0);
  for (size_t k = 0; k < a.size(); ++k)
    result[k] = a[k] - b[k];
  result.back() -= less;
  return result;
}

static Linear formOf(size_t columns, int64_t value) {
  Linear result(columns, 0);
  result.back() = value;
  return result;
}

Evaluator::Result Evaluator::elementwise() {
  SmallVector<ArrayRef<Length>> shapes;
  for (const Piecewise *input : inputs) {
    if (!input)
      return fail("an input is left out");
    shapes.push_back(input->dims);
  }
  auto dims = broadcastLengths(shapes);
  if (!dims)
    return fail("sizes do not broadcast to one another");
  std::vector<Piecewise> wide;
  for (const Piecewise *input : inputs)
    wide.push_back(*input->broadcast(*dims));
  SmallVector<const Piecewise *> pointers;
  for (const Piecewise &one : wide)
    pointers.push_back(&one);
  bool compares = StringSwitch<bool>(node.op)
                      .Cases({"Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal"}, true)
                      .Default(false);
  Result result = node.op == "Identity" ? Result(wide[0])
                  : node.op == "Where"  ? select(pointers)
                  : compares            ? compare(pointers)
                                        : arithmetic(pointers);
  if (!result)
    return fail("what it computes is no number and not linear in the position");
  return result;
}

Evaluator::Result Evaluator::compare(ArrayRef<const Piecewise *> wide) {
  if (wide.size() != 2 || wide[0]->element != wide[1]->element)
    return std::nullopt;
  bool reals = isFloat(wide[0]->element);
  StringRef op = node.op;
  auto holds = [&](auto a, auto b) {
    return op == "Less"          ? a < b
           : op == "LessOrEqual" ? a <= b
           : op == "Greater"     ? a > b
           : op == "Equal"       ? a == b
                                 : a >= b;
  };
  return combine(wide, DataType::Bool,
                 [&](ArrayRef<const Piece *> x, SmallVectorImpl<Case> &cases) {
                   size_t columns = x[0]->integer.size();
                   if (reals) {
                     cases.push_back({{}, {}, formOf(columns, holds(x[0]->real, x[1]->real)), 0});
                     return true;
                   }
                   const Linear &a = x[0]->integer, &b = x[1]->integer;
                   if (Linear apart = difference(a, b);
                       all_of(drop_end(apart), [](int64_t c) { return !c; })) {
                     cases.push_back({{}, {}, formOf(columns, holds(apart.back(), int64_t(0))), 0});
                     return true;
                   }
                   // a < b, a = b, a > b
                   cases.push_back({{difference(b, a, 1)}, {}, formOf(columns, holds(0, 1)), 0});
                   cases.push_back({{}, {difference(a, b)}, formOf(columns, holds(0, 0)), 0});
                   cases.push_back({{difference(a, b, 1)}, {}, formOf(columns, holds(1, 0)), 0});
                   return true;
                 });
}

Evaluator::Result Evaluator::select(ArrayRef<const Piecewise *> wide) {
  if (wide.size() != 3 || !isBool(wide[0]->element) || wide[1]->element != wide[2]->element)
    return std::nullopt;
  return combine(wide, wide[1]->element,
                 [&](ArrayRef<const Piece *> x, SmallVectorImpl<Case> &cases) {
                   if (!x[0]->isConstant())
                     return false;
                   const Piece *chosen = x[0]->constant() ? x[1] : x[2];
                   cases.push_back({{}, {}, chosen->integer, chosen->real});
                   return true;
                 });
}

/// None for an operator that is not one of floats.
static std::optional<double> computeReal(StringRef op, ArrayRef<const Piece *> x) {
  double a = x[0]->real;
  if (x.size() == 1)
    return op == "Neg"    ? std::optional(-a)
           : op == "Sqrt" ? std::optional(std::sqrt(a))
                          : std::nullopt;
  if (x.size() != 2)
    return std::nullopt;
  double b = x[1]->real;
  if (op == "Pow" && b == 2)
    return a * a;
  return op == "Add"   ? std::optional(a + b)
         : op == "Sub" ? std::optional(a - b)
         : op == "Mul" ? std::optional(a * b)
         : op == "Div" ? std::optional(a / b)
         : op == "Min" ? std::optional(std::min(a, b))
         : op == "Max" ? std::optional(std::max(a, b))
                       : std::nullopt;
}

/// Of numbers, where linear forms are of no use.
static std::optional<int64_t> computeInteger(StringRef op, int64_t a, int64_t b) {
  if (op == "And" || op == "Or" || op == "Xor")
    return op == "And" ? a && b : op == "Or" ? a || b : !a != !b;
  // What rounds in one way for positive numbers in all languages.
  if ((op == "Div" || op == "Mod") && a >= 0 && b > 0)
    return op == "Div" ? a / b : a % b;
  return std::nullopt;
}

Evaluator::Result Evaluator::arithmetic(ArrayRef<const Piecewise *> wide) {
  DataType element = wide[0]->element;
  for (const Piecewise *one : wide)
    if (one->element != element)
      return std::nullopt;
  StringRef op = node.op;
  return combine(wide, element, [&](ArrayRef<const Piece *> x, SmallVectorImpl<Case> &cases) {
    size_t columns = x[0]->integer.size();
    if (isFloat(element)) {
      std::optional<double> value = computeReal(op, x);
      if (!value)
        return false;
      cases.push_back({{}, {}, Linear(columns, 0), roundTo(element, *value)});
      return true;
    }
    const Linear &a = x[0]->integer;
    if (x.size() == 1) {
      if (op == "Not" && x[0]->isConstant())
        cases.push_back({{}, {}, formOf(columns, !x[0]->constant()), 0});
      else if (op == "Neg")
        cases.push_back({{}, {}, difference(Linear(columns, 0), a), 0});
      return !cases.empty();
    }
    if (x.size() != 2)
      return false;
    const Linear &b = x[1]->integer;
    bool isSum = op == "Add" || op == "Sub", isBound = op == "Min" || op == "Max";
    if (isSum && isInteger(element)) {
      cases.push_back(
          {{},
           {},
           op == "Sub" ? difference(a, b) : difference(a, difference(Linear(columns, 0), b)),
           0});
    } else if (op == "Mul" && (x[0]->isConstant() || x[1]->isConstant())) {
      Linear form = x[0]->isConstant() ? b : a;
      for (int64_t &coefficient : form)
        coefficient *= x[0]->isConstant() ? x[0]->constant() : x[1]->constant();
      cases.push_back({{}, {}, form, 0});
    } else if (isBound) {
      cases.push_back({{difference(b, a)}, {}, op == "Min" ? a : b, 0});
      cases.push_back({{difference(a, b, 1)}, {}, op == "Min" ? b : a, 0});
    } else if (x[0]->isConstant() && x[1]->isConstant()) {
      std::optional<int64_t> value = computeInteger(op, x[0]->constant(), x[1]->constant());
      if (!value)
        return false;
      cases.push_back({{}, {}, formOf(columns, *value), 0});
    }
    return !cases.empty();
  });
}

Evaluator::Result Evaluator::cast() {
  DataType from = in(0).element, to = static_cast<DataType>(number("to", 0));
  if (!isSupported(to))
    return fail("a cast to " + nameOf(to));
  Result result = combine(
      inputs.take_front(1), to, [&](ArrayRef<const Piece *> x, SmallVectorImpl<Case> &cases) {
        size_t columns = x[0]->integer.size();
        const Linear &form = x[0]->integer;
        if (isFloat(from) && isFloat(to)) {
          cases.push_back({{}, {}, form, roundTo(to, x[0]->real)});
        } else if (isFloat(from)) {
          if (!isBool(to) && std::abs(x[0]->real) > 1e9)
            return false;
          int64_t value = isBool(to) ? x[0]->real != 0 : int64_t(x[0]->real);
          cases.push_back({{}, {}, formOf(columns, value), 0});
        } else if (isFloat(to)) {
          if (!x[0]->isConstant())
            return false;
          cases.push_back({{}, {}, Linear(columns, 0), roundTo(to, double(x[0]->constant()))});
        } else if (!isBool(to)) {
          cases.push_back({{}, {}, form, 0});
        } else if (x[0]->isConstant()) {
          cases.push_back({{}, {}, formOf(columns, x[0]->constant() != 0), 0});
        } else {
          Linear negative = difference(Linear(columns, 0), form, 1);
          cases.push_back({{}, {form}, formOf(columns, 0), 0});
          cases.push_back({{difference(form, Linear(columns, 0), 1)}, {}, formOf(columns, 1), 0});
          cases.push_back({{negative}, {}, formOf(columns, 1), 0});
        }
        return true;
      });
  if (!result)
    return fail("what it computes is no number");
  return result;
}

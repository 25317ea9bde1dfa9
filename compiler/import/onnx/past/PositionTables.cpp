// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is computed from positions alone is computed here, once for each position
// that the caches have room for: cosines and sines of angles, embeddings of
// positions. The program takes the rows at its position. Tables are computed by
// the operators' own importers, a few rows at a time so that these know the results.

#include "compiler/import/onnx/past/PastImporter.h"

#include "compiler/import/onnx/NodeImporter.h"
#include "dialects/nn/NN.h"

#include "llvm/ADT/StringSwitch.h"

using namespace llvm;
using namespace mlir;
using namespace tercet;
using namespace tercet::onnx;
using mlir::utils::IteratorType;

namespace {

constexpr int64_t kMostElements = int64_t(1) << 24, kRowsAtOnce = 64;

enum class Kind { None, Unary, Binary, Unsqueeze, Squeeze, Transpose, Concat, Slice, MatMul };

Kind kindOf(const Node &node) {
  if (!node.domain.empty() && node.domain != "ai.onnx")
    return Kind::None;
  return llvm::StringSwitch<Kind>(node.op)
      .Cases({"Cast", "Cos", "Sin", "Neg", "Sqrt", "Reciprocal", "Identity"}, Kind::Unary)
      .Cases({"Add", "Sub", "Mul", "Div", "Pow"}, Kind::Binary)
      .Case("Unsqueeze", Kind::Unsqueeze)
      .Case("Squeeze", Kind::Squeeze)
      .Case("Transpose", Kind::Transpose)
      .Case("Concat", Kind::Concat)
      .Case("Slice", Kind::Slice)
      .Case("MatMul", Kind::MatMul)
      .Default(Kind::None);
}

bool isKnown(const Operand &operand) { return operand.constant || operand.weight; }

/// Rows of a table one behind the other, from tables of fewer rows.
Operand joined(TensorBuilder &tensors, ArrayRef<Operand> parts, int64_t axis) {
  SmallVector<int64_t> shape(parts[0].shape);
  shape[axis] = 0;
  for (const Operand &part : parts)
    shape[axis] += part.shape[axis];
  std::vector<Scalar> elements;
  int64_t outer = ShapedType::getNumElements(ArrayRef<int64_t>(shape).take_front(axis));
  for (int64_t row = 0; row < outer; ++row)
    for (const Operand &part : parts)
      for (int64_t i = 0, run = part.size() / outer; i < run; ++i)
        elements.push_back(part.constant->at(row * run + i));
  return tensors.ofConstant(makeConstant(parts[0].element, shape, std::move(elements)));
}

Operand rowsOf(TensorBuilder &tensors, Operand &data, int64_t axis, int64_t begin, int64_t count) {
  SmallVector<int64_t> offsets(data.rank(), 0), sizes(data.shape), strides(data.rank(), 1);
  offsets[axis] = begin;
  sizes[axis] = count;
  return tensors.slice(data, offsets, sizes, strides);
}

} // namespace

/// An input as a table: one already, or positions themselves.
std::optional<PositionTable> PastImporter::tableOf(Step &step, unsigned input) {
  const PastTensor *past = step.past(input);
  if (!past)
    return std::nullopt;
  if (past->table)
    return past->table;
  if (!past->function || past->function->pieces.size() != 1 || !isInteger(past->element) ||
      past->dims.empty())
    return std::nullopt;
  const Linear &form = past->function->pieces[0].integer;
  int64_t rank = past->dims.size(), perPosition = form[rank], first = form[rank + 1];
  PositionTable table;
  table.follows = perPosition == 1;
  Length along = table.follows ? Length{entry.tokens, 0} : Length{entry.tokens, 1};
  table.axis = -1;
  for (int64_t i = 0; i < rank; ++i) {
    bool isAxis = past->dims[i] == along && (form[i] == 1 || along.is(1));
    if (isAxis)
      table.axis = i;
    else if (!past->dims[i].is(1))
      return std::nullopt;
  }
  if (table.axis < 0 || perPosition < 0 || perPosition > 1 || first < 0)
    return std::nullopt;
  SmallVector<int64_t> shape(rank, 1);
  shape[table.axis] = tableRows();
  std::vector<Scalar> elements;
  for (int64_t i = 0; i < tableRows(); ++i)
    elements.push_back({first + i});
  table.data = step.tensors.ofConstant(makeConstant(past->element, shape, std::move(elements)));
  return table;
}

/// Rows of a constant table by the positions of tokens.
bool PastImporter::gatherRows(Step &step) {
  const PastTensor *indices = step.past(1);
  std::optional<PositionTable> places = tableOf(step, 1);
  if (!indices || !indices->function || !places || !places->follows)
    return step.fail("expected rows at the positions of tokens");
  int64_t first = places->data.constant->intAt(0), axis = 0;
  Operand data;
  if (const PastTensor *past = step.past(0)) {
    if (!past->table || past->table->follows)
      return step.fail("expected rows of a table for all tokens");
    data = past->table->data;
    axis = past->table->axis;
  } else if (Operand *operand = step.operand(0);
             operand && isKnown(*operand) && operand->rank() > 0) {
    data = *operand;
    limit = std::min(limit, data.shape[0] - first);
  } else {
    return step.fail("expected rows of a constant table");
  }
  Evaluator evaluator(step.node, step.opset, entry.tokens, lastPosition, limit);
  int64_t along = evaluator.number("axis", 0);
  if (along + (along < 0 ? data.rank() : 0) != axis || data.shape[axis] < first + tableRows())
    return step.fail("expected a table with a row for each of " + Twine(tableRows()) +
                     " positions, got " + describe(data));
  Operand rows = rowsOf(step.tensors, data, axis, first, tableRows());
  SmallVector<int64_t> shape(rows.shape.begin(), rows.shape.begin() + axis);
  llvm::append_range(shape, places->data.shape);
  shape.append(rows.shape.begin() + axis + 1, rows.shape.end());
  PositionTable table{step.tensors.reshape(rows, shape), axis + places->axis, true};
  setTable(step.node, std::move(table));
  return true;
}

/// A slice of a constant table whose bounds are lengths.
bool PastImporter::takeRows(Step &step) {
  Operand *data = step.operand(0);
  if (!data || !isKnown(*data))
    return step.fail("expected rows of a constant table");
  std::vector<std::optional<Piecewise>> known;
  SmallVector<const Piecewise *> pointers{nullptr};
  SmallVector<Length> dims;
  for (unsigned i = 1; i < step.inputs.size(); ++i)
    known.push_back(functionOf(step, i));
  for (const std::optional<Piecewise> &one : known)
    pointers.push_back(one ? &*one : nullptr);
  for (int64_t size : data->shape)
    dims.push_back({size, 0});
  Evaluator evaluator(step.node, step.opset, entry.tokens, lastPosition, limit);
  evaluator.setInputs(pointers);
  auto taken = evaluator.extents(dims);
  if (!taken)
    return step.fail(evaluator.getReason());
  PositionTable table;
  table.axis = -1;
  for (auto [i, extent] : llvm::enumerate(*taken)) {
    if (extent.begin.is(0) && extent.size == dims[i])
      continue;
    bool isAll = extent.begin.is(0) && extent.size == Length{entry.tokens, 1};
    bool isOwn = extent.begin == Length{0, 1} && extent.size.is(entry.tokens);
    if ((!isAll && !isOwn) || table.axis >= 0)
      return step.fail("expected rows up to the last token's, or those of the tokens that come in");
    table.axis = i;
    table.follows = isOwn;
  }
  if (table.axis < 0 || data->shape[table.axis] < tableRows())
    return step.fail("expected rows for " + Twine(tableRows()) + " positions");
  table.data = rowsOf(step.tensors, *data, table.axis, 0, tableRows());
  setTable(step.node, std::move(table));
  return true;
}

void PastImporter::setTable(const Node &node, PositionTable table) {
  PastTensor tensor;
  tensor.element = table.data.element;
  for (int64_t size : table.data.shape)
    tensor.dims.push_back({size, 0});
  tensor.dims[table.axis] = {entry.tokens, table.follows ? 0 : 1};
  tensor.table = std::move(table);
  set(node, std::move(tensor));
}

/// The dimension along which the result of a node has the rows of its tables, if
/// the node makes each row of those at the same place.
static std::optional<int64_t> axisOfResult(Evaluator &evaluator, Kind kind,
                                           ArrayRef<std::optional<PositionTable>> tables,
                                           ArrayRef<int64_t> ranks) {
  const PositionTable *first = nullptr;
  for (const std::optional<PositionTable> &table : tables)
    if (table && !first)
      first = &*table;
  int64_t axis = first->axis, rank = first->data.rank();
  switch (kind) {
  case Kind::None:
    return std::nullopt;
  case Kind::Unary:
    return axis;
  case Kind::Binary:
    return axis - rank + *llvm::max_element(ranks);
  case Kind::MatMul: {
    // An outer product.
    if (tables.size() != 2 || tables[0].has_value() == tables[1].has_value() || ranks[0] < 2 ||
        ranks[1] < 2 || axis != rank - (tables[0] ? 2 : 1))
      return std::nullopt;
    return axis - rank + *llvm::max_element(ranks);
  }
  case Kind::Unsqueeze:
  case Kind::Squeeze: {
    auto axes = evaluator.numbers("axes", 1);
    if (!axes || axes->empty() || !tables[0])
      return std::nullopt;
    int64_t total = rank + (kind == Kind::Unsqueeze ? int64_t(axes->size()) : 0);
    llvm::SmallDenseSet<int64_t> places;
    for (int64_t one : *axes)
      places.insert(one < 0 ? one + total : one);
    int64_t result = axis;
    if (kind == Kind::Squeeze) {
      for (int64_t one : places)
        result -= one < axis;
      return places.contains(axis) ? std::nullopt : std::optional(result);
    }
    result = 0;
    for (int64_t left = axis; left > 0 || places.contains(result); ++result)
      left -= !places.contains(result);
    return result;
  }
  case Kind::Transpose: {
    const NodeAttribute *perm = evaluator.attribute("perm");
    for (int64_t i = 0; i < rank; ++i)
      if ((perm && i < int64_t(perm->ints.size()) ? perm->ints[i] : rank - 1 - i) == axis)
        return i;
    return std::nullopt;
  }
  case Kind::Concat: {
    int64_t along = evaluator.number("axis", 0);
    along += along < 0 ? rank : 0;
    return along == axis || llvm::any_of(tables, [](auto &table) { return !table; })
               ? std::nullopt
               : std::optional(axis);
  }
  case Kind::Slice: {
    SmallVector<Length> dims;
    for (int64_t size : first->data.shape)
      dims.push_back({size, 0});
    auto extents = tables[0] ? evaluator.extents(dims) : std::nullopt;
    if (!extents || !((*extents)[axis].size == dims[axis]))
      return std::nullopt;
    return axis;
  }
  }
  llvm_unreachable("all kinds are handled");
}

bool PastImporter::importTable(Step &step) {
  StringRef op = step.node.op;
  if (op == "Gather" && step.past(1))
    return gatherRows(step);
  if (op == "Slice" && !step.past(0))
    return takeRows(step);
  SmallVector<std::optional<PositionTable>> tables;
  SmallVector<int64_t> ranks;
  std::vector<std::optional<Piecewise>> known;
  SmallVector<const Piecewise *> pointers;
  const PositionTable *first = nullptr;
  for (unsigned i = 0; i < step.inputs.size(); ++i) {
    tables.push_back(tableOf(step, i));
    if (step.past(i) && !tables.back())
      return step.fail("input " + Twine(i) + " is no table of positions");
    Operand *operand = step.operand(i);
    // What the program computes is no table.
    if (operand && !isKnown(*operand))
      return false;
    known.push_back(tables.back() ? std::nullopt : functionOf(step, i));
    ranks.push_back(tables.back() ? tables.back()->data.rank() : operand ? operand->rank() : 0);
  }
  for (const std::optional<Piecewise> &one : known)
    pointers.push_back(one ? &*one : nullptr);
  for (const std::optional<PositionTable> &table : tables)
    if (table && !first)
      first = &*table;
  Kind kind = kindOf(step.node);
  Evaluator evaluator(step.node, step.opset, entry.tokens, lastPosition, limit);
  evaluator.setInputs(pointers);
  std::optional<int64_t> axis = axisOfResult(evaluator, kind, tables, ranks);
  if (!axis)
    return false;
  bool allConstant = true;
  for (auto [i, table] : llvm::enumerate(tables)) {
    Operand *operand = step.operand(i);
    bool broadcasts = kind == Kind::Binary || kind == Kind::MatMul;
    if (table) {
      // Rows have to be at one place, of one kind.
      bool agrees = table->follows == first->follows &&
                    table->data.rank() - table->axis == first->data.rank() - first->axis;
      if (!agrees)
        return false;
      allConstant &= table->data.constant != nullptr;
    } else if (operand && broadcasts) {
      int64_t place = operand->rank() - (first->data.rank() - first->axis);
      if (place >= 0 && operand->shape[place] != 1)
        return false;
      if (kind == Kind::MatMul &&
          operand->shape[i == 0 ? operand->rank() - 1 : operand->rank() - 2] != 1)
        return false;
    }
  }
  if (kind == Kind::MatMul) {
    const Operand &data = first->data;
    if (data.shape[tables[0] ? data.rank() - 1 : data.rank() - 2] != 1 || !allConstant)
      return false;
  }
  return runOnTables(step, tables, *axis, allConstant);
}

bool PastImporter::runOnTables(Step &step, ArrayRef<std::optional<PositionTable>> tables,
                               int64_t axis, bool allConstant) {
  int64_t rows = tableRows(), at = allConstant ? std::min(rows, kRowsAtOnce) : rows;
  bool isProduct = step.node.op == "MatMul", follows = true;
  SmallVector<Operand> parts;
  for (int64_t begin = 0; begin < rows; begin += at) {
    std::vector<Operand> slices(tables.size());
    SmallVector<Operand *> operands;
    for (auto [i, table] : llvm::enumerate(tables)) {
      operands.push_back(step.operand(i));
      if (!table)
        continue;
      Operand data = table->data;
      follows = table->follows;
      slices[i] = rowsOf(step.tensors, data, table->axis, begin, std::min(at, rows - begin));
      operands.back() = &slices[i];
    }
    PastImporter::Results results(step.node.outputs.size());
    if (isProduct) {
      // Of single elements: a product of each with each.
      std::vector<Operand> known(2);
      for (unsigned i : {0u, 1u}) {
        ConstantRef constant = constantOf(*operands[i]);
        if (!constant || constant->element != DataType::Float)
          return false;
        known[i] = step.tensors.ofConstant(constant);
      }
      results[0] = step.tensors.elementwise({&known[0], &known[1]}, DataType::Float,
                                            [](OpBuilder &n, Location loc, ValueRange x) -> Value {
                                              return arith::MulFOp::create(n, loc, x[0], x[1]);
                                            });
    } else {
      std::string complaint = run(step.node, operands, results);
      if (!complaint.empty())
        return step.fail(complaint);
    }
    if (!results[0] || (allConstant ? !results[0]->constant : !results[0]->weight))
      return false;
    parts.push_back(*results[0]);
    if (parts[0].size() * ((rows + at - 1) / at) > kMostElements)
      return step.fail("a table of more than " + Twine(kMostElements) + " elements");
  }
  PositionTable table{parts.size() == 1 ? parts[0] : joined(step.tensors, parts, axis), axis,
                      follows};
  setTable(step.node, std::move(table));
  return true;
}

/// [tokens] of i64: the position and those after it.
Value PastImporter::positionsOfTokens(TensorBuilder &tensors) {
  if (tokenPositions)
    return tokenPositions;
  // In front of all that may use it.
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(entry.position.getParentBlock());
  Location loc = NameLoc::get(b.getStringAttr("positions"));
  auto type = RankedTensorType::get({entry.tokens}, b.getI64Type());
  Value none = tensor::EmptyOp::create(b, loc, type.getShape(), type.getElementType());
  tokenPositions =
      linalg::GenericOp::create(
          b, loc, type, ValueRange(), none, b.getMultiDimIdentityMap(1), IteratorType::parallel,
          [&](OpBuilder &n, Location nested, ValueRange) {
            Value place = arith::AddIOp::create(n, nested, linalg::IndexOp::create(n, nested, 0),
                                                entry.position);
            Value id = arith::IndexCastOp::create(n, nested, n.getI64Type(), place);
            linalg::YieldOp::create(n, nested, id);
          })
          .getResult(0);
  return tokenPositions;
}

Operand PastImporter::rowsAtPosition(TensorBuilder &tensors, const PositionTable &table) {
  int64_t rank = table.data.rank();
  SmallVector<int64_t> perm{table.axis}, back(rank), shape;
  for (int64_t i = 0; i < rank; ++i)
    if (i != table.axis)
      perm.push_back(i);
  for (auto [i, from] : llvm::enumerate(perm))
    back[from] = i;
  Operand data = table.data, turned = tensors.transpose(data, perm);
  for (int64_t size : turned.shape)
    shape.push_back(size);
  int64_t rows = shape.front(), width = turned.size() / rows;
  Operand flat = tensors.reshape(turned, {rows, width});
  if (flat.constant) {
    Operand weight;
    weight.element = flat.element;
    weight.shape = flat.shape;
    weight.weight = toAttribute(b.getContext(), *flat.constant);
    weight.weightName = "position_table";
    flat = weight;
  }
  Value from = tensors.materialize(flat), at = positionsOfTokens(tensors);
  Value init = tensors.empty(flat.element, {entry.tokens, width});
  Operand taken = tensors.ofValue(
      nn::GatherOp::create(b, tensors.loc, init.getType(), uint64_t(0), from, at, init),
      flat.element);
  shape.front() = entry.tokens;
  // Sizes of 1 in front of the rows are no reason to move any.
  if (llvm::all_of(ArrayRef<int64_t>(shape).slice(1, table.axis),
                   [](int64_t size) { return size == 1; })) {
    SmallVector<int64_t> whole(table.data.shape);
    whole[table.axis] = entry.tokens;
    return tensors.reshape(taken, whole);
  }
  Operand apart = tensors.reshape(taken, shape);
  return tensors.transpose(apart, back);
}

/// As a tensor of the program; none if its sizes follow the position.
std::optional<Operand> PastImporter::materialize(Step &step, const PastTensor &tensor) {
  if (tensor.table && tensor.table->follows)
    return rowsAtPosition(step.tensors, *tensor.table);
  if (!tensor.function || tensor.function->pieces.size() != 1 || !isInteger(tensor.element))
    return std::nullopt;
  SmallVector<int64_t> shape;
  for (const Length &length : tensor.dims) {
    if (!length.isKnown())
      return std::nullopt;
    shape.push_back(length.constant);
  }
  Linear form = tensor.function->pieces[0].integer;
  int64_t rank = shape.size();
  Value init = step.tensors.empty(tensor.element, shape);
  Type type = cast<RankedTensorType>(init.getType()).getElementType();
  Value value = step.tensors.generic(
      {}, init, {b.getMultiDimIdentityMap(rank)},
      SmallVector<IteratorType>(rank, IteratorType::parallel),
      [&](OpBuilder &n, Location at, ValueRange) -> Value {
        Value sum = arith::ConstantIndexOp::create(n, at, form[rank + 1]);
        auto add = [&](Value index, int64_t factor) {
          if (factor == 0)
            return;
          Value by = arith::ConstantIndexOp::create(n, at, factor);
          sum = arith::AddIOp::create(n, at, sum, arith::MulIOp::create(n, at, index, by));
        };
        for (int64_t i = 0; i < rank; ++i)
          if (form[i] != 0)
            add(linalg::IndexOp::create(n, at, i), form[i]);
        add(entry.position, form[rank]);
        return arith::IndexCastOp::create(n, at, type, sum);
      });
  return step.tensors.ofValue(value, tensor.element);
}

/// As any other node, on tensors of the program.
bool PastImporter::importOrdinary(Step &step) {
  std::vector<Operand> made(step.inputs.size());
  SmallVector<Operand *> operands;
  for (auto [i, input] : llvm::enumerate(step.inputs)) {
    operands.push_back(input.operand);
    if (!input.past)
      continue;
    std::optional<Operand> operand = materialize(step, *input.past);
    if (!operand)
      return step.fail("its input " + Twine(i) + " follows the number of past tokens");
    made[i] = *operand;
    operands.back() = &made[i];
  }
  Results results(step.node.outputs.size());
  std::string complaint = run(step.node, operands, results);
  if (!complaint.empty()) {
    step.reason = complaint;
    return false;
  }
  for (auto [name, result] : llvm::zip(step.node.outputs, results))
    if (!name.empty() && result)
      values[name] = *result;
  return true;
}

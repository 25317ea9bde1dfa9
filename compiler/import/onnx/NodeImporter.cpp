// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Access to a node's inputs and attributes, with the complaints about them.

#include "compiler/import/onnx/NodeImporter.h"

#include "compiler/import/onnx/ModelFile.h"

using namespace mlir;
using namespace tercet::onnx;

std::string tercet::onnx::describe(ArrayRef<int64_t> shape) {
  std::string text = "[";
  for (auto [i, size] : llvm::enumerate(shape))
    text += (i ? ", " : "") + std::to_string(size);
  return text + "]";
}

std::string tercet::onnx::describe(const Operand &operand) {
  return nameOf(operand.element) + describe(operand.shape);
}

bool tercet::onnx::isTooLarge(ArrayRef<int64_t> shape, DataType element) {
  constexpr uint64_t limit = uint64_t(1) << 40;
  uint64_t bytes = std::max(1u, bytesOf(element));
  // Sizes of 0 do not excuse the others: their products are computed too.
  for (int64_t size : shape) {
    if (size < 0 || static_cast<uint64_t>(size) > limit)
      return true;
    auto factor = static_cast<uint64_t>(std::max<int64_t>(size, 1));
    if (bytes > limit / factor)
      return true;
    bytes *= factor;
  }
  return shape.size() > 64;
}

LogicalResult NodeImporter::fail(const Twine &text) {
  if (reason.empty())
    reason = text.str();
  return failure();
}

std::optional<SmallVector<int64_t>> NodeImporter::knownInts(unsigned i, StringRef name) {
  Operand &operand = in(i);
  if (!operand.constant || isFloat(operand.element)) {
    (void)fail("expected input " + Twine(i) + " (" + name +
               ") to be integers known at compile time, got " + describe(operand) +
               (operand.constant ? ""
                                 : " that depends on the model's inputs; fix "
                                   "it with --dim, or make it an initializer"));
    return std::nullopt;
  }
  if (operand.size() > kMaxFoldedIntegers) {
    (void)fail("expected input " + Twine(i) + " (" + name + ") to be a short list, got " +
               describe(operand));
    return std::nullopt;
  }
  SmallVector<int64_t> values;
  for (int64_t k = 0, e = operand.size(); k < e; ++k)
    values.push_back(operand.constant->intAt(k));
  return values;
}

std::optional<Scalar> NodeImporter::knownScalar(unsigned i, StringRef name) {
  Operand &operand = in(i);
  if (operand.constant && operand.size() == 1)
    return operand.constant->at(0);
  (void)fail("expected input " + Twine(i) + " (" + name +
             ") to be one element known at compile time, got " + describe(operand));
  return std::nullopt;
}

const NodeAttribute *NodeImporter::attribute(StringRef name, NodeAttribute::Kind kind) {
  static const char *const kinds[] = {"nothing", "FLOAT",  "INT",  "STRING",  "TENSOR",
                                      "GRAPH",   "FLOATS", "INTS", "STRINGS", "another kind"};
  for (auto [i, attribute] : llvm::enumerate(node.attributes)) {
    if (attribute.name != name)
      continue;
    attributesRead[i] = true;
    if (attribute.isReference) {
      (void)fail("attribute '" + name + "' refers to a function's attribute outside of a function");
      return nullptr;
    }
    // An empty list may be written without a kind.
    if (attribute.kind == NodeAttribute::None && kind >= NodeAttribute::Floats)
      return &attribute;
    if (attribute.kind != kind) {
      (void)fail("expected attribute '" + name + "' of kind " + kinds[kind] + ", got " +
                 kinds[attribute.kind]);
      return nullptr;
    }
    return &attribute;
  }
  return nullptr;
}

std::optional<int64_t> NodeImporter::findInt(StringRef name) {
  const NodeAttribute *found = attribute(name, NodeAttribute::Int);
  return found ? std::optional<int64_t>(found->i) : std::nullopt;
}

double NodeImporter::getFloat(StringRef name, double absent) {
  const NodeAttribute *found = attribute(name, NodeAttribute::Float);
  return found ? found->f : absent;
}

std::string NodeImporter::getString(StringRef name, StringRef absent) {
  const NodeAttribute *found = attribute(name, NodeAttribute::String);
  return found ? found->s : absent.str();
}

std::optional<SmallVector<int64_t>> NodeImporter::findInts(StringRef name) {
  const NodeAttribute *found = attribute(name, NodeAttribute::Ints);
  if (!found)
    return std::nullopt;
  return SmallVector<int64_t>(found->ints.begin(), found->ints.end());
}

std::optional<Operand> NodeImporter::readTensor(const Tensor &tensor, StringRef name) {
  std::string complaint;
  std::optional<Operand> operand = file.readTensor(b.getContext(), tensor, name, complaint);
  if (!operand)
    (void)fail(complaint);
  return operand;
}

void NodeImporter::readElements(Operand &operand) {
  if (ConstantRef elements = operand.constant ? nullptr : file.readElements(operand))
    operand = ofConstant(elements);
}

StringRef NodeImporter::unknownAttribute() const {
  for (auto [read, attribute] : llvm::zip(attributesRead, node.attributes))
    if (!read)
      return attribute.name;
  return {};
}

bool NodeImporter::expectFloat(unsigned i) {
  if (isFloat(in(i).element))
    return true;
  (void)fail("expected floating-point input " + Twine(i) + ", got " + describe(in(i)));
  return false;
}

bool NodeImporter::expectNumber(unsigned i) {
  if (!isBool(in(i).element))
    return true;
  (void)fail("expected input " + Twine(i) + " of numbers, got " + describe(in(i)));
  return false;
}

bool NodeImporter::expectSameType(ArrayRef<unsigned> indices) {
  for (unsigned i : indices.drop_front())
    if (in(i).element != in(indices[0]).element) {
      (void)fail("expected inputs " + Twine(indices[0]) + " and " + Twine(i) +
                 " of one element type, got " + nameOf(in(indices[0]).element) + " and " +
                 nameOf(in(i).element));
      return false;
    }
  return true;
}

bool NodeImporter::expectBroadcast(ArrayRef<unsigned> indices) {
  SmallVector<ArrayRef<int64_t>> shapes;
  for (unsigned i : indices)
    shapes.push_back(in(i).shape);
  if (auto shape = broadcastShapes(shapes))
    return expectSize(*shape, in(indices.front()).element);
  std::string text;
  for (auto [i, shape] : llvm::enumerate(shapes))
    text += (i ? ", " : "") + describe(shape);
  (void)fail("expected shapes that broadcast to one another, got " + text);
  return false;
}

std::optional<int64_t> NodeImporter::normalizeAxis(int64_t axis, int64_t rank) {
  if (axis >= -rank && axis < rank)
    return axis < 0 ? axis + rank : axis;
  (void)fail("expected an axis within [" + Twine(-rank) + ", " + Twine(rank - 1) + "], got axis " +
             Twine(axis));
  return std::nullopt;
}

std::optional<SmallVector<int64_t>> NodeImporter::normalizeAxes(ArrayRef<int64_t> axes,
                                                                int64_t rank) {
  SmallVector<int64_t> result;
  for (int64_t axis : axes) {
    std::optional<int64_t> normal = normalizeAxis(axis, rank);
    if (!normal)
      return std::nullopt;
    result.push_back(*normal);
  }
  llvm::sort(result);
  if (std::adjacent_find(result.begin(), result.end()) != result.end()) {
    (void)fail("expected axes without repetition, got axes " + describe(axes));
    return std::nullopt;
  }
  return result;
}

bool NodeImporter::expectSize(ArrayRef<int64_t> shape, DataType element) {
  for (int64_t size : shape)
    if (size < 0) {
      (void)fail("expected sizes of 0 or more, got a result of shape " + describe(shape));
      return false;
    }
  if (!isTooLarge(shape, element))
    return true;
  (void)fail("the result's shape " + describe(shape) + " is too large (more than 1 TiB)");
  return false;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which nodes follow the position, and what is known of those that compute
// lengths, masks and positions.

#include "compiler/import/onnx/past/PastImporter.h"

#include "compiler/import/onnx/NodeImporter.h"

using namespace llvm;
using namespace tercet::onnx;

void PastImporter::addCache(StringRef name, int64_t heads, int64_t elements) {
  CacheView view;
  view.cache = caches.size();
  view.heads = heads;
  view.elements = elements;
  view.tokens = {0, 1};
  view.dims = {{}, {CacheView::Head}, {CacheView::Token}, {CacheView::Element}};
  PastTensor tensor;
  tensor.element = DataType::Float;
  tensor.dims = view.lengths();
  tensor.cache = view;
  tensors[name] = tensor;
  caches.push_back(name.str());
}

void PastImporter::addMask(StringRef name, DataType element) {
  Length all{entry.tokens, 1};
  Scalar one{1};
  PastTensor tensor{element, {{1, 0}, all}, std::nullopt, std::nullopt, nullptr, std::nullopt};
  tensor.function = Piecewise::splat(element, tensor.dims, lastPosition, one);
  tensors[name] = tensor;
}

void PastImporter::addPositions(StringRef name, DataType element) {
  PastTensor tensor{element,     {{1, 0}, {entry.tokens, 0}}, std::nullopt, std::nullopt, nullptr,
                    std::nullopt};
  Piecewise function{element, tensor.dims, lastPosition, {}};
  Linear position = function.unit(1);
  position[function.positionColumn()] = 1;
  function.pieces.push_back({function.domain(), position, 0});
  tensor.function = function;
  tensors[name] = tensor;
}

void PastImporter::set(const Node &node, PastTensor tensor) {
  tensors[node.outputs[0]] = std::move(tensor);
}

void PastImporter::setFunction(const Node &node, unsigned output, Piecewise function) {
  if (output >= node.outputs.size() || node.outputs[output].empty())
    return;
  const std::string &name = node.outputs[output];
  if (ConstantRef constant = function.known()) {
    values[name] = TensorBuilder(b, b.getUnknownLoc(), weights).ofConstant(constant);
    return;
  }
  PastTensor tensor;
  tensor.element = function.element;
  tensor.dims = function.dims;
  tensor.function = std::move(function);
  tensors[name] = std::move(tensor);
}

ConstantRef PastImporter::constantOf(Operand &operand) {
  // Masks of all positions by all positions are the largest.
  constexpr int64_t kMost = int64_t(1) << 24;
  return operand.constant
             ? operand.constant
             : file.readElements(operand, isBool(operand.element) || bytesOf(operand.element) == 1
                                              ? kMost
                                              : kMaxFoldedElements);
}

/// An input as a function of indices and position; none if it is something else.
std::optional<Piecewise> PastImporter::functionOf(Step &step, unsigned input) {
  if (const PastTensor *past = step.past(input))
    return past->function;
  Operand *operand = step.operand(input);
  ConstantRef constant = operand ? constantOf(*operand) : nullptr;
  return constant ? Piecewise::fromConstant(*constant, lastPosition) : std::nullopt;
}

bool PastImporter::importShape(Step &step) {
  ArrayRef<Length> dims = step.past(0)->dims;
  Evaluator evaluator(step.node, step.opset, entry.tokens, lastPosition, limit);
  int64_t rank = dims.size(), start = evaluator.number("start", 0),
          end = evaluator.number("end", rank);
  start = std::clamp<int64_t>(start < 0 ? start + rank : start, 0, rank);
  end = std::clamp<int64_t>(end < 0 ? end + rank : end, start, rank);
  setFunction(step.node, 0, Piecewise::list(dims.slice(start, end - start), lastPosition));
  return true;
}

/// A node all of whose inputs are known but for the position.
bool PastImporter::importFunction(Step &step) {
  std::vector<std::optional<Piecewise>> inputs;
  for (unsigned i = 0; i < step.inputs.size(); ++i) {
    inputs.push_back(functionOf(step, i));
    if (!inputs.back() && step.inputs[i])
      return step.fail("input " + Twine(i) + " is no mask, length or position");
  }
  Evaluator evaluator(step.node, step.opset, entry.tokens, lastPosition, limit);
  if (const NodeAttribute *value = evaluator.attribute("value");
      value && step.node.op == "ConstantOfShape" && !value->tensor.empty()) {
    std::string complaint;
    std::optional<Operand> operand =
        file.readTensor(b.getContext(), value->tensor[0], "value", complaint);
    if (!operand || !operand->constant)
      return step.fail("attribute 'value' is not known");
    inputs.push_back(Piecewise::fromConstant(*operand->constant, lastPosition));
  }
  SmallVector<const Piecewise *> pointers;
  for (const std::optional<Piecewise> &input : inputs)
    pointers.push_back(input ? &*input : nullptr);
  auto results = evaluator.run(pointers);
  if (!results)
    return step.fail(evaluator.getReason());
  for (auto [i, result] : enumerate(*results))
    setFunction(step.node, i, std::move(result));
  return true;
}

PastImporter::Outcome PastImporter::import(const Node &node, int64_t opset, mlir::Location loc,
                                           std::string &reason) {
  Step step{node, opset, TensorBuilder(b, loc, weights), {}, {}};
  bool follows = false, hasCache = false, hasScores = false;
  for (const std::string &name : node.inputs) {
    Input input;
    if (const PastTensor *past = find(name)) {
      input.past = past;
      follows = true;
      hasCache |= past->cache.has_value();
      hasScores |= past->scores != nullptr;
    } else if (!name.empty()) {
      std::optional<Operand> &operand = values[name];
      if (!operand)
        return Outcome::Done; // its cause has been reported
      input.operand = &*operand;
    }
    step.inputs.push_back(input);
  }
  if (!follows)
    return Outcome::Ordinary;
  bool done = false;
  if (node.outputs.empty()) {
    done = true;
  } else if (node.op == "Shape" && step.past(0)) {
    done = importShape(step);
  } else if (hasScores) {
    done = importScores(step);
  } else if (hasCache) {
    done = importCache(step);
  } else {
    // The reason of the first is the one that is reported.
    done = importFunction(step) || importTable(step) || importOrdinary(step);
  }
  if (done)
    return Outcome::Done;
  reason = step.reason;
  return Outcome::Failed;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Inputs have the names that all exporters of decoders use. A mask may only give
// lengths: no program pads, so that whatever else depends on one is refused.

#include "compiler/import/onnx/DecoderGraph.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

using namespace llvm;
using namespace tercet::onnx;

namespace {

constexpr unsigned kPastKey = 3, kLengths = 5, kTotal = 6, kCos = 7;

bool isAttention(const Node &node) {
  return node.op == "GroupQueryAttention" && node.domain == "com.microsoft";
}

StringRef inputOf(const Node &node, size_t i) {
  return i < node.inputs.size() ? StringRef(node.inputs[i]) : StringRef();
}

StringRef outputOf(const Node &node, size_t i) {
  return i < node.outputs.size() ? StringRef(node.outputs[i]) : StringRef();
}

/// Nodes of which the result may be what it is made of.
bool passesOn(const Node &node) { return node.op == "Identity" || node.op == "Cast"; }

/// Outputs of the graph, and what is passed on to one.
StringSet<> namesOfOutputs(const Graph &graph) {
  StringSet<> names;
  for (const ValueInfo &output : graph.outputs)
    names.insert(output.name);
  for (size_t before = 0; before != names.size();) {
    before = names.size();
    for (const Node &node : graph.nodes)
      if (passesOn(node) && names.contains(outputOf(node, 0)))
        names.insert(inputOf(node, 0));
  }
  return names;
}

/// A past of any length in front of new rows.
bool isPastShape(const ValueInfo &info) {
  return info.isTensor && info.hasShape && info.dims.size() == 4 && info.dims[1].value &&
         !info.dims[2].value && info.dims[3].value;
}

class Reader {
public:
  Reader(const Graph &graph, DecoderError error) : graph(graph), report(error) {
    for (const Tensor &tensor : graph.initializers)
      initializers[tensor.name] = &tensor;
    for (const ValueInfo &input : graph.inputs)
      if (!initializers.contains(input.name))
        inputs[input.name] = &input;
    for (const ValueInfo &output : graph.outputs)
      outputs.insert(output.name);
    leadsToOutput = namesOfOutputs(graph);
  }

  std::optional<DecoderGraph> read();

private:
  void error(const Twine &text, std::optional<unsigned> node = std::nullopt) {
    failed = true;
    report(text, node);
  }
  void readLayer(unsigned index);
  bool readPast(const std::string &past, unsigned index, DecoderGraph::Layer &layer);
  void readJoin(unsigned index);
  void readInputs();
  void readOutputs();
  void checkUses();
  void checkMask();
  void findHead();

  const Graph &graph;
  DecoderError report;
  DecoderGraph result;
  StringMap<const Tensor *> initializers;
  StringMap<const ValueInfo *> inputs;
  StringSet<> outputs, leadsToOutput, pasts, presents;
  bool failed = false;
};

} // namespace

bool tercet::onnx::joinsPast(const Graph &graph) {
  StringSet<> pasts, outputs = namesOfOutputs(graph);
  for (const ValueInfo &input : graph.inputs)
    if (isPastShape(input))
      pasts.insert(input.name);
  return any_of(graph.nodes, [&](const Node &node) {
    return node.op == "Concat" && pasts.contains(inputOf(node, 0)) &&
           outputs.contains(outputOf(node, 0));
  });
}

bool tercet::onnx::isDecoder(const Graph &graph) {
  StringSet<> names;
  for (const ValueInfo &input : graph.inputs)
    names.insert(input.name);
  return any_of(graph.nodes, [&](const Node &node) {
    StringRef past = inputOf(node, kPastKey);
    return isAttention(node) && !past.empty() && names.contains(past);
  });
}

bool Reader::readPast(const std::string &past, unsigned index, DecoderGraph::Layer &layer) {
  auto fail = [&](const Twine &text) {
    error(text, index);
    return false;
  };
  auto found = inputs.find(past);
  if (found == inputs.end())
    return fail("expected inputs of the graph as past_key and past_value, got '" + past + "'");
  if (!pasts.insert(past).second)
    return fail("'" + past + "' is the past of another node already");
  const ValueInfo &info = *found->second;
  bool isKnown = info.isTensor && info.hasShape && info.dims.size() == 4 && info.dims[1].value &&
                 info.dims[3].value && *info.dims[1].value >= 1 && *info.dims[3].value >= 1 &&
                 *info.dims[1].value <= 65536 && *info.dims[3].value <= 65536;
  if (!isKnown)
    return fail("expected input '" + past +
                "' in [batch, heads, past, size] with numbers of heads and of their elements, got "
                "another shape");
  layer.heads = *info.dims[1].value;
  layer.size = *info.dims[3].value;
  return true;
}

/// A past that a node joins with new rows, and the output that these become.
void Reader::readJoin(unsigned index) {
  const Node &node = graph.nodes[index];
  DecoderGraph::Layer layer;
  layer.pastKey = inputOf(node, 0).str();
  auto found = inputs.find(layer.pastKey);
  if (node.op != "Concat" || found == inputs.end() || !isPastShape(*found->second))
    return;
  if (found->second->element != DataType::Float)
    return error("expected a past of float, got " + nameOf(found->second->element), index);
  layer.presentKey = outputOf(node, 0).str();
  // As many steps as nodes: a cycle ends too.
  for (size_t step = 0; !outputs.contains(layer.presentKey); ++step) {
    auto same = find_if(graph.nodes, [&](const Node &other) {
      return passesOn(other) && inputOf(other, 0) == layer.presentKey &&
             leadsToOutput.contains(outputOf(other, 0));
    });
    if (same == graph.nodes.end() || step > graph.nodes.size())
      return error("expected past and new rows to be an output of the graph", index);
    layer.presentKey = same->outputs[0];
  }
  if (!readPast(layer.pastKey, index, layer))
    return;
  if (!presents.insert(layer.presentKey).second)
    return error("output '" + layer.presentKey + "' is that of another node already", index);
  result.layers.push_back(layer);
}

void Reader::readLayer(unsigned index) {
  const Node &node = graph.nodes[index];
  DecoderGraph::Layer layer;
  layer.pastKey = inputOf(node, kPastKey).str();
  layer.pastValue = inputOf(node, kPastKey + 1).str();
  layer.presentKey = outputOf(node, 1).str();
  layer.presentValue = outputOf(node, 2).str();
  for (const std::string &past : {layer.pastKey, layer.pastValue})
    if (!readPast(past, index, layer))
      return;
  layer.valueHeads = layer.heads;
  layer.valueSize = layer.size;
  for (const std::string &present : {layer.presentKey, layer.presentValue})
    if (present.empty() || !outputs.contains(present) || !presents.insert(present).second)
      return error("expected outputs of the graph as present_key and present_value, got '" +
                       present + "'",
                   index);
  if (auto cos = initializers.find(inputOf(node, kCos)); cos != initializers.end())
    if (!cos->second->dims.empty() && cos->second->dims[0] > 0)
      result.tableRows = result.tableRows ? std::min(result.tableRows, cos->second->dims[0])
                                          : cos->second->dims[0];
  result.layers.push_back(layer);
}

void Reader::readInputs() {
  for (const ValueInfo &info : graph.inputs) {
    StringRef name = info.name;
    if (initializers.contains(name) || pasts.contains(name))
      continue;
    bool isKnown = name == "input_ids" || name == "attention_mask" || name == "position_ids";
    if (!isKnown) {
      error("input '" + name +
            "': expected input_ids, attention_mask, position_ids and the past of each layer; such "
            "decoders are not supported");
      continue;
    }
    if (!info.isTensor || !info.hasShape || info.dims.size() != 2 ||
        (info.element != DataType::Int64 && info.element != DataType::Int32)) {
      error("input '" + name + "': expected int64 or int32 in [batch, length]");
      continue;
    }
    if (name == "input_ids") {
      result.tokens = name.str();
      result.tokenElement = info.element;
    } else if (name == "position_ids") {
      result.positions = name.str();
      result.positionElement = info.element;
    } else {
      result.mask = name.str();
      result.maskElement = info.element;
    }
  }
  if (result.tokens.empty())
    error("expected an input 'input_ids', got none; such decoders are not supported");
}

void Reader::readOutputs() {
  for (const ValueInfo &output : graph.outputs) {
    if (presents.contains(output.name))
      continue;
    if (!result.logits.empty())
      error("output '" + output.name + "': expected logits and the present of each layer, got '" +
            result.logits + "' besides; such decoders are not supported");
    result.logits = output.name;
  }
  if (result.logits.empty())
    error("expected an output of logits, got none");
}

/// States are only what attention makes of them.
void Reader::checkUses() {
  for (auto [index, node] : enumerate(graph.nodes))
    for (auto [i, input] : enumerate(node.inputs)) {
      bool isPast = isAttention(node) && (i == kPastKey || i == kPastKey + 1);
      if (pasts.contains(input) && !isPast)
        return error("uses the past '" + input +
                         "' in another way than attention does; try to "
                         "export the model with the model builder of "
                         "onnxruntime-genai",
                     index);
      if (presents.contains(input))
        return error("uses the present '" + input + "', which is a state of the program", index);
    }
}

/// What depends on the mask are lengths, and nothing but attention takes them.
void Reader::checkMask() {
  StringSet<> lengths;
  if (!result.mask.empty())
    lengths.insert(result.mask);
  // Files need not have nodes in order.
  for (size_t before = ~size_t(0); before != lengths.size();) {
    before = lengths.size();
    for (const Node &node : graph.nodes)
      if (!isAttention(node) &&
          any_of(node.inputs, [&](const std::string &name) { return lengths.contains(name); }))
        for (const std::string &output : node.outputs)
          if (!output.empty())
            lengths.insert(output);
  }
  for (auto [index, node] : enumerate(graph.nodes)) {
    bool isLength = false;
    for (auto [i, input] : enumerate(node.inputs)) {
      bool uses = lengths.contains(input);
      if (uses && isAttention(node) && i != kLengths && i != kTotal)
        return error("its input " + Twine(i) + " depends on '" + result.mask +
                         "'; expected only inputs 5 and 6 to, since no program pads",
                     index);
      isLength |= uses;
    }
    for (const std::string &output : node.outputs)
      if (isLength && !isAttention(node) && outputs.contains(output))
        return error("output '" + output + "' depends on '" + result.mask +
                         "' in another way than by lengths; try to export the model with the model "
                         "builder of onnxruntime-genai",
                     index);
  }
}

void Reader::findHead() {
  StringMap<unsigned> producers;
  for (auto [index, node] : enumerate(graph.nodes))
    for (const std::string &output : node.outputs)
      producers.try_emplace(output, index);
  StringRef name = result.logits;
  // As many steps as nodes: a cycle ends too.
  for (size_t step = 0; step < graph.nodes.size(); ++step) {
    auto found = producers.find(name);
    if (found == producers.end())
      return;
    const Node &node = graph.nodes[found->second];
    if (node.op == "MatMul" || node.op == "MatMulNBits") {
      result.head = found->second;
      return;
    }
    if ((node.op != "Cast" && node.op != "Identity") || node.inputs.empty())
      return;
    name = node.inputs[0];
  }
}

std::optional<DecoderGraph> Reader::read() {
  result.joins = !isDecoder(graph);
  for (auto [index, node] : enumerate(graph.nodes)) {
    if (failed)
      return std::nullopt;
    if (result.joins)
      readJoin(index);
    else if (isAttention(node))
      readLayer(index);
  }
  if (failed)
    return std::nullopt;
  readInputs();
  readOutputs();
  // The import of nodes sees to it where it is these that join the past.
  if (!result.joins)
    checkUses();
  if (!result.joins && !failed)
    checkMask();
  findHead();
  return failed ? std::nullopt : std::optional(result);
}

std::optional<DecoderGraph> tercet::onnx::readDecoder(const Graph &graph, DecoderError error) {
  return Reader(graph, error).read();
}

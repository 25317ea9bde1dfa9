// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a decoded ONNX graph to the module: names to operands, nodes in an order
// in which every input comes before its use, results. A node that cannot be
// imported leaves its results unknown; nodes that use those are checked as far
// as the operator's name goes, so that one fault is one error.
// One file above the usual length: every step needs the same table of values.

#include "compiler/import/onnx/GraphImporter.h"

#include "compiler/import/onnx/OperatorTable.h"

#include "dialects/nn/NN.h"

#include "mlir/IR/Verifier.h"

#include <queue>

using namespace mlir;
using namespace tercet;
using namespace tercet::onnx;

llvm::raw_ostream &tercet::operator<<(llvm::raw_ostream &os, const ImportError &error) {
  std::string text;
  llvm::raw_string_ostream line(text);
  if (!error.node.empty() || !error.op.empty())
    line << "node '" << error.node << "' (" << error.op << "): ";
  line << error.message;
  for (char c : text) {
    if (static_cast<unsigned char>(c) < 32 || c == 127)
      os << "\\x" << llvm::utohexstr(static_cast<unsigned char>(c), true, 2);
    else
      os << c;
  }
  return os;
}

std::string GraphImporter::nameOfNode(unsigned index) const {
  const Node &node = graph.nodes[index];
  return node.name.empty() ? node.op + "_" + std::to_string(index) : node.name;
}

bool GraphImporter::readOpsets() {
  for (const auto &[domain, version] : file.getModel().opsets) {
    StringRef key = domain == "ai.onnx" ? StringRef() : StringRef(domain);
    if (!opsets.try_emplace(key, version).second && opsets[key] != version)
      error("opset import of '" + key + "' appears twice with different versions");
  }
  bool usesDefault = opsets.count("");
  if (!usesDefault && opsets.empty())
    error("the model imports no opset");
  if (usesDefault && (opsets[""] < kOldestOpset || opsets[""] > kNewestOpset))
    error("expected an opset from " + Twine(kOldestOpset) + " to " + Twine(kNewestOpset) +
          ", got opset " + Twine(opsets[""]) + "; try the converter of the onnx package");
  return errors.empty();
}

/// Every name has one definition.
void GraphImporter::readNames() {
  llvm::StringMap<const char *> defined;
  auto define = [&](StringRef name, const char *what, StringRef node = {}, StringRef op = {}) {
    auto [entry, isNew] = defined.try_emplace(name, what);
    if (!isNew)
      error("'" + name + "' is defined as " + what + ", but is already " + entry->second, node, op);
  };
  for (const Tensor &tensor : graph.initializers) {
    define(tensor.name, "an initializer");
    initializers.insert(tensor.name);
  }
  llvm::StringSet<> inputs;
  for (const ValueInfo &input : graph.inputs) {
    if (!inputs.insert(input.name).second)
      error("input '" + input.name + "' appears twice");
    else if (!initializers.contains(input.name)) // before IR version 4 both are listed
      define(input.name, "an input");
  }
  llvm::StringSet<> outputs;
  for (const ValueInfo &output : graph.outputs)
    if (!outputs.insert(output.name).second)
      error("output '" + output.name + "' appears twice");
  for (unsigned i = 0; i < graph.nodes.size(); ++i)
    for (const std::string &output : graph.nodes[i].outputs)
      if (!output.empty())
        define(output, "a node's output", nameOfNode(i), graph.nodes[i].op);
}

void GraphImporter::readInitializers() {
  for (const std::string &name : graph.sparseInitializers) {
    error("initializer '" + name + "' is sparse, which is not supported");
    values[name] = std::nullopt;
  }
  // Weights in groups are never looked at, however few they are.
  llvm::StringSet<> packed;
  for (const Node &node : graph.nodes)
    for (size_t i = 0; i < node.inputs.size(); ++i)
      if ((node.op == "MatMulNBits" && (i == 1 || i == 3)) ||
          (node.op == "GatherBlockQuantized" && (i == 0 || i == 3)))
        packed.insert(node.inputs[i]);
  for (const Tensor &tensor : graph.initializers) {
    std::string complaint;
    values[tensor.name] =
        file.readTensor(&context, tensor, tensor.name, complaint, packed.contains(tensor.name));
    if (!complaint.empty())
      error(complaint);
  }
}

std::optional<Operand> GraphImporter::argumentType(const ValueInfo &info) {
  if (!info.isTensor) {
    error("input '" + info.name + "' is no tensor" + (info.hasType ? "" : ": it has no type"));
    return std::nullopt;
  }
  if (!isSupported(info.element)) {
    error("input '" + info.name + "': element type " + nameOf(info.element) + " is not supported");
    return std::nullopt;
  }
  if (!info.hasShape) {
    error("input '" + info.name + "' has no shape");
    return std::nullopt;
  }
  Operand operand;
  operand.element = info.element;
  bool good = true;
  for (size_t i = 0; i < info.dims.size(); ++i) {
    std::string complaint;
    std::optional<int64_t> size = dimensions.resolve(info, i, complaint);
    if (!size && !info.dims[i].value) {
      auto shape = options.inputShapes.find(info.name);
      if (shape != options.inputShapes.end() && i < shape->second.size())
        size = shape->second[i];
    }
    if (!size)
      error(complaint);
    good &= size.has_value();
    operand.shape.push_back(size.value_or(0));
  }
  if (!good)
    return std::nullopt;
  if (isTooLarge(operand.shape, info.element)) {
    error("input '" + info.name + "' of shape " + describe(operand.shape) + " is too large");
    return std::nullopt;
  }
  return operand;
}

void GraphImporter::createFunction() {
  SmallVector<Type> types;
  SmallVector<const ValueInfo *> infos;
  SmallVector<DataType> elements;
  for (const ValueInfo &info : graph.inputs) {
    if (values.count(info.name))
      continue;
    std::optional<Operand> operand = argumentType(info);
    values[info.name] = std::nullopt;
    if (!operand)
      continue;
    types.push_back(RankedTensorType::get(operand->shape, toMLIR(&context, operand->element)));
    infos.push_back(&info);
    elements.push_back(operand->element);
  }
  for (const std::string &name : dimensions.unusedBindings())
    error("--dim " + name +
          ": no dimension of an input has this name; known: " + dimensions.knownNames());
  builder.setInsertionPointToEnd(module->getBody());
  Location loc = UnknownLoc::get(&context);
  main = func::FuncOp::create(builder, loc, "main", builder.getFunctionType(types, {}));
  Block *entry = main.addEntryBlock();
  for (auto [i, info] : llvm::enumerate(infos)) {
    main.setArgAttr(i, "nn.name", builder.getStringAttr(info->name));
    if (isUnsigned(elements[i]) && !isBool(elements[i]))
      main.setArgAttr(i, "nn.unsigned", builder.getUnitAttr());
    Operand operand;
    operand.element = elements[i];
    ArrayRef<int64_t> shape = llvm::cast<RankedTensorType>(types[i]).getShape();
    operand.shape.assign(shape.begin(), shape.end());
    operand.value = entry->getArgument(i);
    entry->getArgument(i).setLoc(NameLoc::get(builder.getStringAttr(info->name)));
    // Nothing is known of a tensor without elements but that it has none.
    if (operand.size() == 0)
      operand.constant = makeConstant(operand.element, operand.shape, {});
    values[info->name] = operand;
  }
  builder.setInsertionPointToEnd(entry);
}

/// Kahn's algorithm, in the file's order wherever that is possible.
std::vector<unsigned> GraphImporter::orderNodes() {
  unsigned count = graph.nodes.size();
  llvm::StringMap<unsigned> producer;
  for (unsigned i = 0; i < count; ++i)
    for (const std::string &output : graph.nodes[i].outputs)
      if (!output.empty())
        producer.try_emplace(output, i);
  std::vector<unsigned> waiting(count, 0);
  std::vector<std::vector<unsigned>> users(count);
  for (unsigned i = 0; i < count; ++i)
    for (const std::string &input : graph.nodes[i].inputs) {
      if (input.empty() || values.count(input))
        continue;
      auto found = producer.find(input);
      if (found == producer.end()) {
        error("its input '" + input +
                  "' is defined nowhere: no initializer, input or node has "
                  "this name",
              nameOfNode(i), graph.nodes[i].op);
        values[input] = std::nullopt;
        continue;
      }
      ++waiting[i];
      users[found->second].push_back(i);
    }
  std::priority_queue<unsigned, std::vector<unsigned>, std::greater<>> ready;
  for (unsigned i = 0; i < count; ++i)
    if (waiting[i] == 0)
      ready.push(i);
  std::vector<unsigned> order;
  while (!ready.empty()) {
    unsigned index = ready.top();
    ready.pop();
    order.push_back(index);
    for (unsigned user : users[index])
      if (--waiting[user] == 0)
        ready.push(user);
  }
  bool isFirst = true;
  for (unsigned i = 0; i < count && order.size() < count; ++i) {
    if (waiting[i] == 0)
      continue;
    if (isFirst)
      error("the node is part of a cycle, or comes after one", nameOfNode(i), graph.nodes[i].op);
    isFirst = false;
    for (const std::string &output : graph.nodes[i].outputs)
      values[output] = std::nullopt;
  }
  return order;
}

const Operator *GraphImporter::operatorOf(const Node &node, const std::string &name) {
  auto fail = [&](const Twine &text) {
    error(text, name, node.op);
    return nullptr;
  };
  StringRef domain = node.domain == "ai.onnx" ? StringRef() : StringRef(node.domain);
  for (const auto &[functionDomain, functionName] : file.getModel().functions)
    if (functionName == node.op && functionDomain == node.domain)
      return fail("functions that the model defines itself are not supported "
                  "(domain '" +
                  domain + "'); try to inline them with the onnx package");
  const Operator *op = findOperator(domain, node.op);
  auto opset = opsets.find(domain);
  if (!op) {
    std::string set = opset == opsets.end() ? "which the model does not import"
                                            : "version " + std::to_string(opset->second);
    return fail("operator " + node.op + " of domain '" + (domain.empty() ? "ai.onnx" : domain) +
                "' (" + set + ") is not supported");
  }
  // ORT writes its SimplifiedLayerNormalization into the default domain.
  if (opset == opsets.end())
    return fail("the model imports no opset of the operator's domain '" +
                (domain.empty() ? "ai.onnx" : domain) + "'");
  if (opset->second < op->since)
    return fail("operator " + node.op + " exists from opset " + Twine(op->since) +
                " on, and the model is of opset " + Twine(opset->second));
  unsigned given = node.inputs.size();
  while (given > 0 && node.inputs[given - 1].empty())
    --given;
  if (given < op->minInputs || given > op->maxInputs)
    return fail("expected " +
                (op->maxInputs == kAnyNumber ? Twine(op->minInputs) + " or more"
                 : op->minInputs == op->maxInputs
                     ? Twine(op->minInputs) + ""
                     : Twine(op->minInputs) + " to " + Twine(op->maxInputs)) +
                " inputs, got " + Twine(given));
  return op;
}

std::string GraphImporter::runOperator(const Operator &op, const Node &node, Location loc,
                                       ArrayRef<Operand *> inputs,
                                       SmallVector<std::optional<Operand>> &results) {
  int64_t opset = opsets.find(op.domain)->second;
  NodeImporter importer(builder, loc, weights, file, node, opset, inputs);
  importer.decoder = entry ? &*entry : nullptr;
  LogicalResult result = op.import(importer);
  StringRef unknown = importer.unknownAttribute();
  if (succeeded(result) && !importer.failed() && !unknown.empty())
    (void)importer.fail("attribute '" + unknown + "' is not known for this operator");
  if (failed(result) || importer.failed()) {
    std::string types;
    for (Operand *input : inputs)
      types += (types.empty() ? "" : ", ") + (input ? describe(*input) : std::string("none"));
    return importer.getReason() + " (opset " + std::to_string(opset) + "; inputs " +
           (types.empty() ? "none" : types) + ")";
  }
  results.assign(importer.getResults().begin(), importer.getResults().end());
  return {};
}

void GraphImporter::importNode(unsigned index) {
  const Node &node = graph.nodes[index];
  std::string name = nameOfNode(index);
  for (const std::string &output : node.outputs)
    if (!output.empty())
      values[output] = std::nullopt;

  Location loc =
      NameLoc::get(builder.getStringAttr(name), NameLoc::get(builder.getStringAttr(node.op)));
  if (past) {
    std::string reason;
    switch (past->import(node, opsets.lookup(""), loc, reason)) {
    case PastImporter::Outcome::Done:
      return;
    case PastImporter::Outcome::Failed:
      return error(reason, name, node.op);
    case PastImporter::Outcome::Ordinary:
      break;
    }
  }
  const Operator *op = operatorOf(node, name);
  if (!op || node.outputs.empty())
    return;
  unsigned given = node.inputs.size();
  while (given > 0 && node.inputs[given - 1].empty())
    --given;
  SmallVector<Operand *> inputs;
  for (unsigned i = 0; i < given; ++i) {
    if (node.inputs[i].empty()) {
      if (i < op->minInputs)
        return error("expected input " + Twine(i) + ", which is left out", name, node.op);
      inputs.push_back(nullptr);
      continue;
    }
    std::optional<Operand> &operand = values[node.inputs[i]];
    if (!operand)
      return; // the cause has been reported
    inputs.push_back(&*operand);
  }
  std::optional<Operand> cut = entry ? cutToAnswered(index) : std::nullopt;
  if (cut)
    inputs[0] = &*cut;
  SmallVector<std::optional<Operand>> results;
  std::string complaint = runOperator(*op, node, loc, inputs, results);
  if (!complaint.empty())
    return error(complaint, name, node.op);
  for (auto [output, operand] : llvm::zip(node.outputs, results)) {
    if (output.empty())
      continue;
    if (!operand) {
      error("its output '" + output + "' is not supported", name, node.op);
      continue;
    }
    // A weight made from an initializer and a result of it are different names.
    values[output] = std::move(operand);
  }
}

void GraphImporter::returnResults() {
  if (graph.outputs.empty())
    return error("the graph has no outputs");
  SmallVector<Value> results;
  SmallVector<DictionaryAttr> attributes;
  for (const ValueInfo &info : graph.outputs) {
    auto found = values.find(info.name);
    if (found == values.end()) {
      error("output '" + info.name + "' is defined nowhere");
      continue;
    }
    if (!found->second)
      continue;
    Operand &operand = *found->second;
    if (info.isTensor && info.element != DataType::Undefined && info.element != operand.element)
      error("output '" + info.name + "': the model says element type " + nameOf(info.element) +
            ", but its nodes yield " + nameOf(operand.element));
    bool agrees = !info.hasShape || info.dims.size() == operand.shape.size();
    for (size_t i = 0; agrees && info.hasShape && i < info.dims.size(); ++i)
      agrees = !info.dims[i].value || *info.dims[i].value == operand.shape[i];
    if (!agrees)
      error("output '" + info.name + "': its nodes yield the shape " + describe(operand.shape) +
            ", which is not what the model says");
    // A graph may yield nothing by itself; that a size of 0 makes it do so is a
    // mistake.
    if (std::string zero = dimensions.findZero(); operand.size() == 0 && !zero.empty())
      error("output '" + info.name + "' of shape " + describe(operand.shape) +
            " has no elements; try another value than 0 for --dim " + zero);
    TensorBuilder tensors(builder, NameLoc::get(builder.getStringAttr(info.name)), weights);
    results.push_back(tensors.materialize(operand));
    NamedAttrList list;
    list.append("nn.name", builder.getStringAttr(info.name));
    if (isUnsigned(operand.element) && !isBool(operand.element))
      list.append("nn.unsigned", builder.getUnitAttr());
    attributes.push_back(list.getDictionary(&context));
  }
  if (!errors.empty())
    return;
  func::ReturnOp::create(builder, UnknownLoc::get(&context), results);
  main.setType(builder.getFunctionType(main.getArgumentTypes(), TypeRange(ValueRange(results))));
  main.setAllResultAttrs(attributes);
}

/// What nothing uses: nodes whose results are dropped, shape arithmetic that
/// was needed as a value by one of them, weights.
void GraphImporter::prune() {
  llvm::StringSet<> used;
  for (auto function : module->getOps<func::FuncOp>()) {
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(function.front())))
      if (isOpTriviallyDead(&op))
        op.erase();
    function.walk([&](nn::GetWeightOp get) { used.insert(get.getWeight()); });
  }
  for (auto weight : llvm::make_early_inc_range(module->getOps<nn::WeightOp>()))
    if (!used.contains(weight.getSymName()))
      weight.erase();
}

/// Whether sizes are given for the inputs of the graph itself.
bool GraphImporter::isPlain() const {
  return !options.dims.empty() || llvm::any_of(graph.inputs, [&](const ValueInfo &info) {
    return info.dims.size() == 4 && options.inputShapes.count(info.name);
  });
}

OwningOpRef<ModuleOp> GraphImporter::run() {
  if (!readOpsets())
    return {};
  readNames();
  if (!errors.empty())
    return {};
  readInitializers();
  if (isDecoder(graph) || (joinsPast(graph) && !isPlain())) {
    importDecoder();
  } else {
    if (options.decoder.isSet())
      error(
          "--context, --prefill, --verify, --kv-cache and --plan-context are for language models; "
          "the sizes of an ONNX model are given with --dim, unless it is a decoder whose past and "
          "present keys and values are inputs and outputs");
    createFunction();
    for (unsigned index : orderNodes())
      importNode(index);
    returnResults();
  }
  if (!errors.empty())
    return {};
  prune();
  // A fault of the importer, but better told than passed on.
  std::string complaint;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    if (complaint.empty()) {
      llvm::raw_string_ostream os(complaint);
      os << diagnostic.getLocation() << ": " << diagnostic;
    }
  });
  if (failed(verify(*module))) {
    error("internal: the imported module is not valid: " + complaint);
    return {};
  }
  return std::move(module);
}

OwningOpRef<ModuleOp> tercet::importOnnx(MLIRContext &context, StringRef path,
                                         const ImportOptions &options,
                                         SmallVectorImpl<ImportError> &errors) {
  context
      .loadDialect<nn::NNDialect, func::FuncDialect, linalg::LinalgDialect, tensor::TensorDialect,
                   arith::ArithDialect, math::MathDialect, affine::AffineDialect>();
  size_t before = errors.size();
  ModelFile file;
  std::string complaint = file.open(path);
  if (complaint.empty() && !file.getModel().graph)
    complaint = "the model has no graph";
  if (!complaint.empty()) {
    errors.push_back({"", "", complaint});
    return {};
  }
  SmallVector<ImportError> found;
  OwningOpRef<ModuleOp> module = GraphImporter(context, file, options, found).run();
  errors.append(found.begin(), found.end());
  return errors.size() == before ? std::move(module) : OwningOpRef<ModuleOp>();
}

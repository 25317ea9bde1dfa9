// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The functions of a decoder, in the form that decoder/GraphBuilder.h gives a
// described model: the graph is imported once for each length of a chunk, with
// a position for its past and states for its keys and values.

#include "compiler/import/onnx/GraphImporter.h"

#include "compiler/import/decoder/CacheForm.h"
#include "compiler/import/decoder/GraphBuilder.h"
#include "compiler/import/onnx/OperatorTable.h"
#include "dialects/nn/NN.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::onnx;
using mlir::utils::IteratorType;

void GraphImporter::importDecoder() {
  roles = readDecoder(graph, [&](const Twine &text, std::optional<unsigned> node) {
    error(text, node ? nameOfNode(*node) : "", node ? StringRef(graph.nodes[*node].op) : "");
  });
  if (!options.dims.empty())
    error("--dim " + options.dims.begin()->first() +
          ": a language model has no dimensions by name; try --context and --prefill");
  if (!errors.empty() || (roles->joins && !tryDecoder()))
    return;
  decoder::Description sizes;
  sizes.positions = roles->tableRows ? roles->tableRows : kDefaultContext;
  // Of layers that are not alike the one that a cache in groups has no room for.
  nn::GroupsAttr format = decoder::CacheForm::of(&context, options.decoder.cache).format;
  for (const DecoderGraph::Layer &layer : roles->layers)
    for (int64_t size : {layer.size, layer.valueSize})
      if (sizes.headSize == 0 || (format && size % format.getBlock() != 0))
        sizes.headSize = size;
  SmallVector<int64_t> lengths;
  decoder::chooseSizes(context, sizes, options.decoder, lengths, errors);
  if (!errors.empty())
    return;
  weights.reserve("decode");
  for (int64_t length : lengths)
    weights.reserve("prefill_" + std::to_string(length));
  for (int64_t length : options.decoder.verify)
    weights.reserve("verify_" + std::to_string(length));
  llvm::StringMap<std::optional<Operand>> constants = std::move(values);
  auto import = [&](int64_t tokens, const std::string &name, bool all) {
    // What one function could not, no other can.
    if (!errors.empty())
      return;
    values = constants;
    importEntry(name, tokens, all, sizes.context);
  };
  import(1, "decode", false);
  for (int64_t length : lengths)
    import(length, "prefill_" + std::to_string(length), false);
  for (int64_t length : options.decoder.verify)
    import(length, "verify_" + std::to_string(length), true);
}

/// Attention is found, and the rows that tables have, as a function is imported.
bool GraphImporter::tryDecoder() {
  constexpr int64_t kMost = int64_t(1) << 24, kUnbounded = int64_t(1) << 15;
  llvm::StringMap<std::optional<Operand>> constants = values;
  isTrial = true;
  importEntry("decode", 1, false, kMost);
  isTrial = false;
  values = std::move(constants);
  std::vector<DecoderGraph::Layer> joined = std::move(roles->layers);
  llvm::SmallDenseSet<unsigned> read;
  roles->layers.clear();
  for (auto [keys, values] : past->getLayers()) {
    if (!errors.empty())
      break;
    if (keys == values || !read.insert(keys).second || !read.insert(values).second)
      error("'" + joined[keys].pastKey + "' is read by attention more than once");
    DecoderGraph::Layer layer = joined[keys];
    layer.pastValue = joined[values].pastKey;
    layer.presentValue = joined[values].presentKey;
    layer.valueHeads = joined[values].heads;
    layer.valueSize = joined[values].size;
    roles->layers.push_back(layer);
  }
  for (auto [i, one] : llvm::enumerate(joined))
    if (errors.empty() && !read.contains(i))
      error("input '" + one.pastKey + "': expected attention to read it");
  if (!errors.empty()) {
    errors.front().message += "; the model cannot be made a program with states: try to export it "
                              "with the model builder of onnxruntime-genai, or give sizes of the "
                              "inputs with --dim to import it as it is";
    return false;
  }
  roles->tableRows = std::min(past->getLimit(), kUnbounded);
  past.reset();
  main.erase();
  return true;
}

void GraphImporter::importEntry(StringRef name, int64_t tokens, bool all, int64_t cacheSize) {
  entry.emplace();
  entry->tokens = tokens;
  entry->all = all;
  entry->context = cacheSize;
  entry->format = decoder::CacheForm::of(&context, options.decoder.cache).format;
  // Any length that is not the number of tokens itself.
  entry->probe = tokens + 5;
  createEntry(name);
  for (unsigned index : orderNodes())
    importNode(index);
  if (!isTrial)
    returnEntry();
  entry.reset();
}

void GraphImporter::createEntry(StringRef name) {
  auto form = decoder::CacheForm::of(&context, options.decoder.cache);
  auto ids = RankedTensorType::get({1, entry->tokens}, builder.getI64Type());
  SmallVector<Type> types{ids, builder.getIndexType()};
  for (const DecoderGraph::Layer &layer : roles->layers) {
    types.push_back(form.typeOf(entry->context, layer.heads, layer.size));
    if (!layer.pastValue.empty())
      types.push_back(form.typeOf(entry->context, layer.valueHeads, layer.valueSize));
  }
  builder.setInsertionPointToEnd(module->getBody());
  main = func::FuncOp::create(builder, UnknownLoc::get(&context), name,
                              builder.getFunctionType(types, {}));
  Block *block = main.addEntryBlock();
  auto setName = [&](unsigned number, StringRef text) {
    main.setArgAttr(number, "nn.name", builder.getStringAttr(text));
    block->getArgument(number).setLoc(NameLoc::get(builder.getStringAttr(text)));
  };
  setName(0, "tokens");
  setName(1, "position");
  main.setArgAttr(1, "nn.range", nn::RangeAttr::get(&context, 0, entry->context - entry->tokens));
  entry->position = block->getArgument(1);
  unsigned number = 2;
  for (auto [i, layer] : llvm::enumerate(roles->layers))
    for (unsigned kind : {0u, 1u}) {
      const std::string &past = kind == 0 ? layer.pastKey : layer.pastValue;
      if (past.empty())
        continue;
      setName(number, "cache." + std::to_string(i) + (kind == 0 ? ".key" : ".value"));
      main.setArgAttr(number, "nn.state", builder.getUnitAttr());
      entry->caches[past] = block->getArgument(number);
      // Only attention uses it, which asks the entry.
      Operand operand;
      operand.element = DataType::Float;
      operand.shape = {1, kind == 0 ? layer.heads : layer.valueHeads, entry->context,
                       kind == 0 ? layer.size : layer.valueSize};
      operand.value = block->getArgument(number++);
      values[past] = operand;
    }
  builder.setInsertionPointToEnd(block);
  TensorBuilder tensors(builder, NameLoc::get(builder.getStringAttr("tokens")), weights);
  Operand tokens = tensors.ofValue(block->getArgument(0), DataType::Int64);
  values[roles->tokens] = tensors.convert(tokens, roles->tokenElement);
  if (roles->joins)
    return trackPast();
  if (!roles->positions.empty()) {
    Operand positions = tensors.ofValue(positionsOfTokens(), DataType::Int64);
    Operand wanted = tensors.convert(positions, roles->positionElement);
    entry->positions = wanted.value;
    values[roles->positions] = wanted;
  }
  if (!roles->mask.empty())
    values[roles->mask] =
        tensors.ofConstant(makeConstant(roles->maskElement, {1, entry->probe}, {Scalar{1}}));
}

/// What follows the position is known to the past's importer alone.
void GraphImporter::trackPast() {
  auto run = [this](const Node &node, ArrayRef<Operand *> inputs,
                    SmallVector<std::optional<Operand>> &results) {
    auto name = builder.getStringAttr(node.name.empty() ? node.outputs[0] : node.name);
    Location loc = NameLoc::get(name, NameLoc::get(builder.getStringAttr(node.op)));
    const Operator *op = findOperator(node.domain == "ai.onnx" ? "" : node.domain, node.op);
    if (!op || !opsets.count(op->domain))
      return "operator " + node.op + " of domain '" + node.domain + "' is not supported";
    return runOperator(*op, node, loc, inputs, results);
  };
  past = std::make_unique<PastImporter>(builder, weights, file, *entry, values, run);
  if (isTrial)
    past->setTrial();
  for (const DecoderGraph::Layer &layer : roles->layers) {
    past->addCache(layer.pastKey, layer.heads, layer.size);
    if (!layer.pastValue.empty())
      past->addCache(layer.pastValue, layer.valueHeads, layer.valueSize);
  }
  if (!roles->positions.empty())
    past->addPositions(roles->positions, roles->positionElement);
  if (!roles->mask.empty())
    past->addMask(roles->mask, roles->maskElement);
  // They are defined, but no tensors.
  for (const std::string &name : {roles->positions, roles->mask})
    if (!name.empty())
      values[name] = std::nullopt;
}

/// [1, tokens] of i64: the position, and those after it.
Value GraphImporter::positionsOfTokens() {
  Location loc = NameLoc::get(builder.getStringAttr(roles->positions));
  auto type = RankedTensorType::get({1, entry->tokens}, builder.getI64Type());
  Value none = tensor::EmptyOp::create(builder, loc, type.getShape(), type.getElementType());
  return linalg::GenericOp::create(
             builder, loc, type, ValueRange(), none, builder.getMultiDimIdentityMap(2),
             ArrayRef<IteratorType>{IteratorType::parallel, IteratorType::parallel},
             [&](OpBuilder &n, Location nested, ValueRange) {
               Value place = arith::AddIOp::create(n, nested, linalg::IndexOp::create(n, nested, 1),
                                                   entry->position);
               Value id = arith::IndexCastOp::create(n, nested, n.getI64Type(), place);
               linalg::YieldOp::create(n, nested, id);
             })
      .getResult(0);
}

std::optional<Operand> GraphImporter::cutToAnswered(unsigned index) {
  if (entry->all || entry->tokens == 1 || roles->head != index)
    return std::nullopt;
  const std::string &name = graph.nodes[index].inputs[0];
  Operand input = *values[name];
  if (input.rank() != 3 || input.shape[0] != 1 || input.shape[1] != entry->tokens || !input.value)
    return std::nullopt;
  TensorBuilder tensors(builder, NameLoc::get(builder.getStringAttr(nameOfNode(index))), weights);
  return tensors.slice(input, {0, entry->tokens - 1, 0}, {1, 1, input.shape[2]}, {1, 1, 1});
}

void GraphImporter::returnEntry() {
  if (!errors.empty())
    return;
  auto found = values.find(roles->logits);
  if (found == values.end() || !found->second)
    return error("output '" + roles->logits + "' is defined nowhere");
  Operand logits = *found->second;
  int64_t answered = entry->all ? entry->tokens : 1;
  if (logits.rank() != 3 || logits.shape[0] != 1 || !isFloat(logits.element) ||
      (logits.shape[1] != entry->tokens && logits.shape[1] != answered))
    return error("output '" + roles->logits + "': expected floats in [batch, length, vocabulary]" +
                 (entry->all ? ", of every token since there is --verify," : "") + " got " +
                 describe(logits));
  TensorBuilder tensors(builder, NameLoc::get(builder.getStringAttr(roles->logits)), weights);
  Operand last = tensors.slice(logits, {0, logits.shape[1] - answered, 0},
                               {1, answered, logits.shape[2]}, {1, 1, 1});
  Operand floats = tensors.convert(last, DataType::Float);
  SmallVector<Value> results{tensors.materialize(floats)};
  SmallVector<DictionaryAttr> attributes;
  auto describeResult = [&](StringRef name, std::optional<int64_t> tied) {
    NamedAttrList list;
    list.append("nn.name", builder.getStringAttr(name));
    if (tied)
      list.append("nn.tied", builder.getI64IntegerAttr(*tied));
    attributes.push_back(list.getDictionary(&context));
  };
  describeResult("logits", std::nullopt);
  for (auto [i, layer] : llvm::enumerate(roles->layers))
    for (unsigned kind : {0u, 1u}) {
      unsigned number = 2 + 2 * i + kind;
      results.push_back(entry->caches[kind == 0 ? layer.pastKey : layer.pastValue]);
      describeResult(cast<StringAttr>(main.getArgAttr(number, "nn.name")).getValue(), number);
    }
  func::ReturnOp::create(builder, UnknownLoc::get(&context), results);
  main.setType(builder.getFunctionType(main.getArgumentTypes(), TypeRange(ValueRange(results))));
  main.setAllResultAttrs(attributes);
}

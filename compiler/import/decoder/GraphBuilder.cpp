// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows of tokens are kept as a matrix [tokens, width]; only around attention are
// they [1, tokens, heads, size]. Every operation is named after the tensor or
// the step of the block that it belongs to, the same in each function.

#include "compiler/import/decoder/GraphBuilder.h"

#include "compiler/import/QuotedName.h"
#include "compiler/import/decoder/CacheForm.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/ReshapeOpsUtils.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::decoder;
using mlir::utils::IteratorType;

namespace {

class FunctionBuilder {
public:
  /// With `all`, every token has logits, not the last one alone.
  FunctionBuilder(ModuleOp module, const Description &model, const ModelWeights &weights,
                  CacheType cache, int64_t tokens, bool all)
      : b(OpBuilder::atBlockEnd(module.getBody())), model(model), family(*model.architecture),
        weights(weights), tokens(tokens), answered(all ? tokens : 1),
        loc(UnknownLoc::get(b.getContext())), form(CacheForm::of(b.getContext(), cache)) {}

  void build(StringRef name);

private:
  using Body = llvm::function_ref<Value(OpBuilder &, Location, ValueRange)>;

  // Where the next operations come from.
  void at(ArrayRef<std::string> names, StringRef op);
  void at(const std::string &name, StringRef op) { at(ArrayRef<std::string>(name), op); }

  RankedTensorType typeOf(ArrayRef<int64_t> shape) {
    return RankedTensorType::get(shape, b.getF32Type());
  }
  Value empty(ArrayRef<int64_t> shape) {
    return tensor::EmptyOp::create(b, loc, shape, b.getF32Type());
  }
  Value weight(FlatSymbolRefAttr symbol, ArrayRef<int64_t> shape) {
    return nn::GetWeightOp::create(b, loc, typeOf(shape), symbol);
  }
  Value reshape(Value value, ArrayRef<int64_t> shape);
  Value rows(Value value, int64_t begin, int64_t count);
  Value columns(Value value, int64_t begin, int64_t count);
  /// Element by element; a vector is repeated for every row.
  Value elementwise(ValueRange inputs, Body body);
  Value add(Value left, Value right);
  Value multiply(Value left, Value right);
  Value scale(Value value, double factor);

  // Steps of the model.
  Value norm(Value input, const NormWeights &weights);
  Value linear(Value input, const Linear &weights);
  SmallVector<Value, 3> linears(Value input, ArrayRef<Linear> weights);
  Value embed(Value ids);
  Value turn(Value heads, const std::string &name);
  Value attention(Value input, const LayerWeights &layer, const std::string &block, size_t index);
  Value feedForward(Value input, const LayerWeights &layer, const std::string &block);
  Value block(Value input, const LayerWeights &layer, size_t index);
  void addResidual(Value &sum, Value part, const std::string &name);

  OpBuilder b;
  const Description &model;
  const Architecture &family;
  const ModelWeights &weights;
  /// Tokens that come in, and those of them that have logits.
  int64_t tokens, answered;
  Location loc;
  CacheForm form;
  Value position;
  /// Keys and values of each layer in turn, as they come in and as they go out.
  SmallVector<Value> caches, updated;
};

} // namespace

void FunctionBuilder::at(ArrayRef<std::string> names, StringRef op) {
  SmallVector<Location> locs;
  for (const std::string &name : names)
    locs.push_back(NameLoc::get(b.getStringAttr(name), NameLoc::get(b.getStringAttr(op))));
  loc = FusedLoc::get(b.getContext(), locs);
}

Value FunctionBuilder::reshape(Value value, ArrayRef<int64_t> shape) {
  auto from = cast<RankedTensorType>(value.getType());
  auto to = RankedTensorType::get(shape, from.getElementType());
  if (from == to)
    return value;
  bool expands = to.getRank() > from.getRank();
  auto groups = getReassociationIndicesForCollapse(expands ? shape : from.getShape(),
                                                   expands ? from.getShape() : shape);
  if (expands)
    return tensor::ExpandShapeOp::create(b, loc, to, value, *groups);
  return tensor::CollapseShapeOp::create(b, loc, to, value, *groups);
}

static Value slice(OpBuilder &b, Location loc, Value value, ArrayRef<int64_t> offsets,
                   ArrayRef<int64_t> sizes) {
  auto from = cast<RankedTensorType>(value.getType());
  if (from.getShape() == sizes)
    return value;
  SmallVector<OpFoldResult> at, extent, strides(offsets.size(), b.getIndexAttr(1));
  for (auto [offset, size] : llvm::zip_equal(offsets, sizes)) {
    at.push_back(b.getIndexAttr(offset));
    extent.push_back(b.getIndexAttr(size));
  }
  return tensor::ExtractSliceOp::create(b, loc, RankedTensorType::get(sizes, from.getElementType()),
                                        value, at, extent, strides);
}

Value FunctionBuilder::rows(Value value, int64_t begin, int64_t count) {
  return slice(b, loc, value, {begin, 0},
               {count, cast<RankedTensorType>(value.getType()).getDimSize(1)});
}

Value FunctionBuilder::columns(Value value, int64_t begin, int64_t count) {
  return slice(b, loc, value, {0, begin},
               {cast<RankedTensorType>(value.getType()).getDimSize(0), count});
}

Value FunctionBuilder::elementwise(ValueRange inputs, Body body) {
  auto type = cast<RankedTensorType>(inputs[0].getType());
  int64_t rank = type.getRank();
  AffineMap all = b.getMultiDimIdentityMap(rank);
  SmallVector<AffineMap> maps;
  for (Value input : inputs) {
    int64_t own = cast<RankedTensorType>(input.getType()).getRank();
    maps.push_back(own == rank ? all : all.getMinorSubMap(own));
  }
  maps.push_back(all);
  SmallVector<IteratorType> loops(rank, IteratorType::parallel);
  return linalg::GenericOp::create(b, loc, type, inputs, empty(type.getShape()), maps, loops,
                                   [&](OpBuilder &n, Location nested, ValueRange args) {
                                     Value result = body(n, nested, args.drop_back());
                                     linalg::YieldOp::create(n, nested, result);
                                   })
      .getResult(0);
}

Value FunctionBuilder::add(Value left, Value right) {
  return elementwise({left, right}, [](OpBuilder &n, Location nested, ValueRange x) -> Value {
    return arith::AddFOp::create(n, nested, x[0], x[1]);
  });
}

Value FunctionBuilder::multiply(Value left, Value right) {
  return elementwise({left, right}, [](OpBuilder &n, Location nested, ValueRange x) -> Value {
    return arith::MulFOp::create(n, nested, x[0], x[1]);
  });
}

Value FunctionBuilder::scale(Value value, double factor) {
  if (factor == 1)
    return value;
  return elementwise(value, [&](OpBuilder &n, Location nested, ValueRange x) -> Value {
    Value constant = arith::ConstantOp::create(n, nested, n.getF32FloatAttr(float(factor)));
    return arith::MulFOp::create(n, nested, x[0], constant);
  });
}

Value FunctionBuilder::norm(Value input, const NormWeights &norm) {
  bool isRms = family.norm == Norm::Rms;
  at(norm.name, isRms ? "RmsNorm" : "LayerNorm");
  auto type = cast<RankedTensorType>(input.getType());
  Value gain = weight(norm.scale, norm.size), init = empty(type.getShape());
  FloatAttr epsilon = b.getF64FloatAttr(model.epsilon);
  if (isRms)
    return nn::RmsNormOp::create(b, loc, type, input, gain, init, epsilon);
  Value bias = norm.bias ? weight(norm.bias, norm.size) : Value();
  return nn::LayerNormOp::create(b, loc, type, input, gain, bias, init, epsilon);
}

Value FunctionBuilder::linear(Value input, const Linear &linear) {
  auto type = cast<RankedTensorType>(input.getType());
  int64_t count = type.getDimSize(0);
  if (linear.order) {
    at(linear.names, "Gather");
    auto order = RankedTensorType::get({type.getDimSize(1)}, b.getI64Type());
    Value places = nn::GetWeightOp::create(b, loc, order, linear.order);
    input = nn::GatherOp::create(b, loc, type, uint64_t(1), input, places, empty(type.getShape()));
  }
  at(linear.names, "MatMul");
  int64_t width = linear.type.getDimSize(1);
  Value right = weight(linear.weight, linear.type.getShape());
  Value zero = arith::ConstantOp::create(b, loc, b.getF32FloatAttr(0));
  Value init = linalg::FillOp::create(b, loc, zero, empty({count, width})).getResult(0);
  Value product = linalg::MatmulOp::create(b, loc, typeOf({count, width}), ValueRange{input, right},
                                           ValueRange{init})
                      .getResult(0);
  return linear.bias ? add(product, weight(linear.bias, width)) : product;
}

/// The results of all tensors of the products, in order.
SmallVector<Value, 3> FunctionBuilder::linears(Value input, ArrayRef<Linear> products) {
  SmallVector<Value, 3> results;
  for (const Linear &product : products) {
    Value all = linear(input, product);
    int64_t begin = 0;
    for (int64_t part : product.parts) {
      results.push_back(columns(all, begin, part));
      begin += part;
    }
  }
  return results;
}

Value FunctionBuilder::embed(Value ids) {
  at("token_embd", "Gather");
  Value table = weight(weights.embedding, {model.vocabulary, model.width});
  Value init = empty({1, tokens, model.width});
  Value rows = nn::GatherOp::create(b, loc, init.getType(), uint64_t(0), table, ids, init);
  Value x = scale(reshape(rows, {tokens, model.width}), model.embeddingScale);
  if (model.position != Position::Learned)
    return x;
  at("position_embd", "Gather");
  auto type = RankedTensorType::get({tokens}, b.getI64Type());
  Value none = tensor::EmptyOp::create(b, loc, type.getShape(), type.getElementType());
  Value places =
      linalg::GenericOp::create(
          b, loc, type, ValueRange(), none, b.getMultiDimIdentityMap(1), IteratorType::parallel,
          [&](OpBuilder &n, Location nested, ValueRange) {
            Value place =
                arith::AddIOp::create(n, nested, linalg::IndexOp::create(n, nested, 0), position);
            Value id = arith::IndexCastOp::create(n, nested, n.getI64Type(), place);
            linalg::YieldOp::create(n, nested, id);
          })
          .getResult(0);
  Value positions = weight(weights.positions, {model.context, model.width});
  Value target = empty({tokens, model.width});
  Value added =
      nn::GatherOp::create(b, loc, target.getType(), uint64_t(0), positions, places, target);
  return add(x, added);
}

/// Rotary embedding of [1, tokens, heads, size].
Value FunctionBuilder::turn(Value heads, const std::string &name) {
  if (model.position != Position::Rotary)
    return heads;
  at(name, "Rope");
  auto type = cast<RankedTensorType>(heads.getType());
  SmallVector<int64_t> table{1, model.context, model.headSize};
  return nn::RopeOp::create(b, loc, type, heads, weight(weights.cos, table),
                            weight(weights.sin, table), empty(type.getShape()), position);
}

Value FunctionBuilder::attention(Value input, const LayerWeights &layer, const std::string &block,
                                 size_t index) {
  SmallVector<Value, 3> parts = linears(input, layer.projections);
  int64_t heads[] = {model.heads, model.keyHeads, model.keyHeads};
  for (auto [part, count] : llvm::zip_equal(parts, heads))
    part = reshape(part, {1, tokens, count, model.headSize});
  if (family.headNorms) {
    parts[0] = norm(parts[0], layer.queryNorm);
    parts[1] = norm(parts[1], layer.keyNorm);
  }
  Value query = turn(parts[0], block + "rope_q");
  Value stored[] = {turn(parts[1], block + "rope_k"), parts[2]};
  Value cached[2];
  for (int kind : {0, 1}) {
    at(block + (kind == 0 ? "cache_k" : "cache_v"), "CacheUpdate");
    Value before = caches[2 * index + kind];
    cached[kind] = nn::CacheUpdateOp::create(b, loc, before.getType(), form.format, stored[kind],
                                             position, before);
    updated.push_back(cached[kind]);
  }
  at(block + "attn", "Attention");
  Value mask;
  if (model.position == Position::Linear)
    mask = weight(weights.mask, {1, model.heads, 1, model.context});
  auto type = cast<RankedTensorType>(query.getType());
  // A window of all positions is none.
  IntegerAttr window;
  if (model.window && *model.window < model.context)
    window = b.getI64IntegerAttr(*model.window);
  Value result = nn::CachedAttentionOp::create(b, loc, type, form.format, query, cached[0],
                                               cached[1], mask, position, empty(type.getShape()),
                                               b.getF64FloatAttr(model.attentionScale), window)
                     .getResult();
  return linear(reshape(result, {tokens, model.heads * model.headSize}), layer.output);
}

Value FunctionBuilder::feedForward(Value input, const LayerWeights &layer,
                                   const std::string &block) {
  SmallVector<Value, 3> parts = linears(input, layer.inner);
  at(block + "ffn_act", "Activation");
  Value inner = nn::ActivationOp::create(b, loc, parts[0].getType(), family.activation, parts[0],
                                         empty({tokens, model.feedForward}));
  if (parts.size() == 2) {
    at(block + "ffn_mul", "Mul");
    inner = multiply(inner, parts[1]);
  }
  return linear(inner, layer.down);
}

void FunctionBuilder::addResidual(Value &sum, Value part, const std::string &name) {
  at(name, "Add");
  sum = add(sum, scale(part, model.residualScale));
}

Value FunctionBuilder::block(Value x, const LayerWeights &layer, size_t index) {
  std::string block = "blk." + std::to_string(index) + ".";
  Value input = x, normed = norm(input, layer.attentionNorm);
  Value attended = attention(normed, layer, block, index);
  if (!model.parallel) {
    addResidual(x, attended, block + "attn_residual");
    addResidual(x, feedForward(norm(x, layer.forwardNorm), layer, block), block + "ffn_residual");
    return x;
  }
  if (layer.forwardNorm.scale != layer.attentionNorm.scale)
    normed = norm(input, layer.forwardNorm);
  Value forward = feedForward(normed, layer, block);
  addResidual(x, attended, block + "attn_residual");
  addResidual(x, forward, block + "ffn_residual");
  return x;
}

void FunctionBuilder::build(StringRef name) {
  auto ids = RankedTensorType::get({1, tokens}, b.getI64Type());
  auto logits = typeOf({1, answered, model.vocabulary});
  RankedTensorType cache = form.typeOf(model.context, model.keyHeads, model.headSize);
  SmallVector<Type> inputs{ids, b.getIndexType()}, outputs{logits};
  inputs.append(2 * model.layers, cache);
  outputs.append(2 * model.layers, cache);
  auto func = func::FuncOp::create(b, loc, name, b.getFunctionType(inputs, outputs));
  Block *entry = func.addEntryBlock();
  auto setName = [&](unsigned number, StringRef text) {
    func.setArgAttr(number, "nn.name", b.getStringAttr(text));
    entry->getArgument(number).setLoc(NameLoc::get(b.getStringAttr(text)));
  };
  setName(0, "tokens");
  setName(1, "position");
  func.setArgAttr(1, "nn.range", nn::RangeAttr::get(b.getContext(), 0, model.context - tokens));
  func.setResultAttr(0, "nn.name", b.getStringAttr("logits"));
  for (int64_t i = 0; i < 2 * model.layers; ++i) {
    std::string state = "cache." + std::to_string(i / 2) + (i % 2 == 0 ? ".key" : ".value");
    setName(2 + i, state);
    func.setArgAttr(2 + i, "nn.state", b.getUnitAttr());
    func.setResultAttr(1 + i, "nn.name", b.getStringAttr(state));
    func.setResultAttr(1 + i, "nn.tied", b.getI64IntegerAttr(2 + i));
    caches.push_back(entry->getArgument(2 + i));
  }
  position = entry->getArgument(1);
  b.setInsertionPointToEnd(entry);

  Value x = embed(entry->getArgument(0));
  for (auto [index, layer] : llvm::enumerate(weights.layers))
    x = block(x, layer, index);
  at("output_norm", "Slice");
  x = norm(rows(x, tokens - answered, answered), weights.norm);
  x = linear(scale(x, model.logitScale), weights.head);
  SmallVector<Value> results{reshape(x, {1, answered, model.vocabulary})};
  results.append(updated);
  func::ReturnOp::create(b, UnknownLoc::get(b.getContext()), results);
}

void tercet::decoder::chooseSizes(MLIRContext &context, Description &model,
                                  const DecoderOptions &options, SmallVectorImpl<int64_t> &lengths,
                                  SmallVectorImpl<ImportError> &errors) {
  auto error = [&](const Twine &text) { errors.push_back({"", "", text.str()}); };
  int64_t usual = options.longest ? model.positions : std::min(model.positions, kDefaultContext);
  model.context = options.context.value_or(usual);
  if (model.context < 1 || model.context > model.positions)
    return error("--context: expected 1 to " + Twine(model.positions) +
                 ", the positions that the model was made for, got " + Twine(model.context));
  nn::GroupsAttr format = CacheForm::of(&context, options.cache).format;
  if (format && model.headSize % format.getBlock() != 0)
    return error("--kv-cache: expected heads of a multiple of " + Twine(format.getBlock()) +
                 " elements, which share a scale in a cache of " +
                 (options.cache == CacheType::Int8 ? "int8" : "int4") +
                 ", got a model with heads of " + Twine(model.headSize) + "; try --kv-cache f16");
  for (int64_t length : options.verify)
    if (length > model.context)
      return error("--verify: expected at most " + Twine(model.context) +
                   ", the positions of --context, got " + Twine(length));
  if (options.prefill) {
    for (int64_t length : *options.prefill)
      if (length > model.context)
        return error("--prefill: expected at most " + Twine(model.context) +
                     ", the positions of --context, got " + Twine(length));
    lengths.append(options.prefill->begin(), options.prefill->end());
    return;
  }
  for (int64_t length : kDefaultPrefill)
    if (length <= model.context)
      lengths.push_back(length);
}

OwningOpRef<ModuleOp> tercet::decoder::buildDecoder(MLIRContext &context, Description description,
                                                    TensorSource &source,
                                                    const ImportOptions &options,
                                                    SmallVectorImpl<ImportError> &errors) {
  context.loadDialect<nn::NNDialect, func::FuncDialect, linalg::LinalgDialect,
                      tensor::TensorDialect, arith::ArithDialect>();
  auto error = [&](const Twine &text) { errors.push_back({"", "", text.str()}); };
  if (!options.dims.empty())
    error("--dim " + options.dims.begin()->first() +
          ": a language model has no dimensions by name; try --context and --prefill");
  SmallVector<int64_t> lengths;
  chooseSizes(context, description, options.decoder, lengths, errors);
  if (!errors.empty())
    return {};
  Rotary &rotary = description.rotary;
  if (rotary.original > 0 && description.context <= rotary.original) {
    rotary.factors = rotary.shortFactors;
    rotary.factorsTensor = rotary.shortFactorsTensor;
  }
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
  ModelWeights weights = declareWeights(*module, description, source, errors);
  if (!errors.empty())
    return {};
  if (auto [name, count] = source.unused(); count > 0) {
    std::string more = count > 1 ? " and " + std::to_string(count - 1) + " more" : "";
    error("tensor " + quoted(name) + ": expected " + source.expected() + ", got this one" + more +
          " besides; such models are not supported");
    return {};
  }
  auto build = [&](int64_t tokens, const std::string &name, bool all) {
    FunctionBuilder(*module, description, weights, options.decoder.cache, tokens, all).build(name);
  };
  build(1, "decode", false);
  for (int64_t length : lengths)
    build(length, "prefill_" + std::to_string(length), false);
  for (int64_t length : options.decoder.verify)
    build(length, "verify_" + std::to_string(length), true);
  return module;
}

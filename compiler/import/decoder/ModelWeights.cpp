// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From roles to nn.weight symbols.

#include "compiler/import/decoder/ModelWeights.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::decoder;

namespace {

std::string shapeText(ArrayRef<int64_t> shape) {
  std::string text = "[";
  for (auto [i, size] : llvm::enumerate(shape))
    text += (i ? ", " : "") + std::to_string(size);
  return text + "]";
}

class WeightDeclarer {
public:
  WeightDeclarer(ModuleOp module, const Description &model, TensorSource &source,
                 SmallVectorImpl<ImportError> &errors)
      : module(module), model(model), family(*model.architecture), source(source), errors(errors) {}

  ModelWeights run();

private:
  /// Rows of one of several tensors that become one product.
  struct Part {
    std::string stem;
    int64_t rows;
    /// Heads whose pairs rotary embedding turns.
    bool turned = false;
  };

  struct Rows {
    StoredRows weight;
    std::optional<StoredRows> bias;
    bool isLike(const Rows &other) const {
      return weight.isLike(other.weight) && bias.has_value() == other.bias.has_value() &&
             (!bias || bias->isLike(*other.bias));
    }
  };

  void error(const Twine &message) { errors.push_back({"", "", message.str()}); }
  const SourceTensor *find(const Twine &role, ArrayRef<int64_t> shape, Presence presence);
  FlatSymbolRefAttr declare(TypedAttr recipe, StringRef name);
  StoredRows ordered(const StoredRows &rows, bool turned) const;
  NormWeights norm(const std::string &stem, int64_t size, Presence bias);
  bool isReordered(bool turned) const;
  SmallVector<Rows, 3> partsOf(ArrayRef<Part> parts, int64_t columns, Presence bias);
  SmallVector<Rows, 3> partsOfJoined(ArrayRef<Part> parts, const std::string &joined,
                                     int64_t columns, Presence bias);
  Linear product(ArrayRef<Rows> rows, const std::string &name);
  SmallVector<Linear, 3> linears(ArrayRef<Part> parts, const std::string &joined, bool isJoined,
                                 int64_t columns, Presence bias);
  Linear linear(const std::string &stem, int64_t rows, int64_t columns, Presence bias);
  LayerWeights layer(int64_t number);
  void positions(ModelWeights &weights);

  ModuleOp module;
  const Description &model;
  const Architecture &family;
  TensorSource &source;
  SmallVectorImpl<ImportError> &errors;
  llvm::DenseMap<Attribute, FlatSymbolRefAttr> symbols;
  llvm::StringMap<unsigned> names;
};

} // namespace

const SourceTensor *WeightDeclarer::find(const Twine &role, ArrayRef<int64_t> shape,
                                         Presence presence) {
  if (presence == Presence::Never)
    return nullptr;
  std::string complaint, name = role.str();
  const SourceTensor *tensor = source.find(name, complaint);
  if (!complaint.empty()) {
    error(complaint);
    return nullptr;
  }
  if (!tensor) {
    if (presence == Presence::Always)
      error("expected a tensor " + source.describe(name) + " of shape " + shapeText(shape) +
            ", got none; is the file complete?");
    return nullptr;
  }
  if (ArrayRef<int64_t>(tensor->shape) != shape) {
    error("tensor '" + tensor->name + "': expected shape " + shapeText(shape) +
          ", as follows from the metadata, got " + shapeText(tensor->shape));
    return nullptr;
  }
  return tensor;
}

FlatSymbolRefAttr WeightDeclarer::declare(TypedAttr recipe, StringRef name) {
  FlatSymbolRefAttr &symbol = symbols[recipe];
  if (symbol)
    return symbol;
  std::string base;
  for (char c : name)
    base += llvm::isAlnum(c) || c == '.' || c == '_' ? c : '_';
  std::string unique = base;
  while (!names.try_emplace(unique, 0).second)
    unique = base + "_" + std::to_string(++names[base]);
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  nn::WeightOp::create(builder, NameLoc::get(builder.getStringAttr(name)), unique, recipe);
  return symbol = FlatSymbolRefAttr::get(module.getContext(), unique);
}

/// Whether rows that rotary embedding turns lie in another order than it wants.
bool WeightDeclarer::isReordered(bool turned) const {
  return turned && model.position == Position::Rotary &&
         (model.pairs != Pairs::Halves || model.rotary.rotated != model.headSize);
}

StoredRows WeightDeclarer::ordered(const StoredRows &rows, bool turned) const {
  return isReordered(turned) ? rows.orderPairs(model.headSize, model.rotary.rotated, model.pairs)
                             : rows;
}

NormWeights WeightDeclarer::norm(const std::string &stem, int64_t size, Presence bias) {
  NormWeights result;
  result.size = size;
  result.name = stem;
  if (const SourceTensor *scale = find(stem + ".weight", {size}, Presence::Always))
    result.scale = declare(scale->rows.floats(), scale->name);
  if (const SourceTensor *shift = find(stem + ".bias", {size}, bias))
    result.bias = declare(shift->rows.floats(), shift->name);
  return result;
}

/// Rows of the tensors of the parts, biases with them; empty after an error.
SmallVector<WeightDeclarer::Rows, 3> WeightDeclarer::partsOf(ArrayRef<Part> parts, int64_t columns,
                                                             Presence bias) {
  SmallVector<Rows, 3> all;
  for (const Part &part : parts) {
    const SourceTensor *tensor =
        find(part.stem + ".weight", {part.rows, columns}, Presence::Always);
    const SourceTensor *shift = find(part.stem + ".bias", {part.rows}, bias);
    if (!tensor)
      return {};
    Rows rows{ordered(tensor->rows, part.turned), std::nullopt};
    if (shift)
      rows.bias = ordered(shift->rows, part.turned);
    all.push_back(rows);
  }
  return all;
}

/// The same where the file has the parts in one tensor.
SmallVector<WeightDeclarer::Rows, 3> WeightDeclarer::partsOfJoined(ArrayRef<Part> parts,
                                                                   const std::string &joined,
                                                                   int64_t columns, Presence bias) {
  SmallVector<Rows, 3> all;
  int64_t total = 0, begin = 0;
  for (const Part &part : parts)
    total += part.rows;
  const SourceTensor *tensor = find(joined + ".weight", {total, columns}, Presence::Always);
  const SourceTensor *shift = find(joined + ".bias", {total}, bias);
  if (!tensor)
    return {};
  bool asItIs = llvm::none_of(parts, [&](const Part &part) { return isReordered(part.turned); });
  if (asItIs)
    return {{tensor->rows, shift ? std::optional(shift->rows) : std::nullopt}};
  for (const Part &part : parts) {
    Rows rows{ordered(tensor->rows.slice(begin, part.rows), part.turned), std::nullopt};
    if (shift)
      rows.bias = ordered(shift->rows.slice(begin, part.rows), part.turned);
    begin += part.rows;
    all.push_back(rows);
  }
  return all;
}

Linear WeightDeclarer::product(ArrayRef<Rows> rows, const std::string &name) {
  SmallVector<StoredRows> weights, biases;
  for (const Rows &part : rows) {
    weights.push_back(part.weight);
    if (part.bias)
      biases.push_back(*part.bias);
  }
  Linear result;
  StoredRows all = StoredRows::concat(weights);
  TypedAttr recipe = all.transposed();
  result.type = cast<RankedTensorType>(recipe.getType());
  result.weight = declare(recipe, name + ".weight");
  if (all.getOrder())
    result.order = declare(all.getOrder(), name + ".order");
  if (!biases.empty())
    result.bias = declare(StoredRows::concat(biases).floats(), name + ".bias");
  return result;
}

/// Products of as many parts as are stored alike, one after another. With
/// `isJoined` the file has the parts in one tensor.
SmallVector<Linear, 3> WeightDeclarer::linears(ArrayRef<Part> parts, const std::string &joined,
                                               bool isJoined, int64_t columns, Presence bias) {
  SmallVector<Linear, 3> results;
  if (isJoined) {
    SmallVector<Rows, 3> rows = partsOfJoined(parts, joined, columns, bias);
    if (rows.empty())
      return {};
    Linear all = product(rows, joined);
    for (const Part &part : parts)
      all.parts.push_back(part.rows);
    all.names = {joined};
    return {all};
  }
  SmallVector<Rows, 3> rows = partsOf(parts, columns, bias);
  for (size_t begin = 0, end; begin < rows.size(); begin = end) {
    for (end = begin + 1; end < rows.size() && rows[begin].isLike(rows[end]);)
      ++end;
    // "attn_q_k" where only these two are alike.
    std::string name = end - begin == parts.size() ? joined : parts[begin].stem;
    for (size_t i = begin + 1; i < end && end - begin < parts.size(); ++i)
      name += "_" + StringRef(parts[i].stem).rsplit('_').second.str();
    Linear one = product(ArrayRef(rows).slice(begin, end - begin), name);
    for (const Part &part : parts.slice(begin, end - begin)) {
      one.parts.push_back(part.rows);
      one.names.push_back(part.stem);
    }
    results.push_back(one);
  }
  return results;
}

Linear WeightDeclarer::linear(const std::string &stem, int64_t rows, int64_t columns,
                              Presence bias) {
  SmallVector<Linear, 3> all = linears(Part{stem, rows}, stem, false, columns, bias);
  return all.empty() ? Linear() : all[0];
}

LayerWeights WeightDeclarer::layer(int64_t number) {
  std::string block = "blk." + std::to_string(number) + ".";
  LayerWeights layer;
  int64_t width = model.width, queries = model.heads * model.headSize,
          keys = model.keyHeads * model.headSize;
  std::string complaint;
  if (family.residual == Residual::ParallelNorm) {
    // Larger models of such a family have a norm of its own for attention.
    layer.forwardNorm = norm(block + "attn_norm", width, family.normBias);
    bool isOwn = source.find(block + "attn_norm_2.weight", complaint) != nullptr;
    layer.attentionNorm =
        isOwn ? norm(block + "attn_norm_2", width, family.normBias) : layer.forwardNorm;
  } else {
    layer.attentionNorm = norm(block + "attn_norm", width, family.normBias);
    layer.forwardNorm = norm(block + "ffn_norm", width, family.normBias);
  }
  Part projections[] = {
      {block + "attn_q", queries, true}, {block + "attn_k", keys, true}, {block + "attn_v", keys}};
  layer.projections =
      linears(projections, block + "attn_qkv", model.joinedQkv, width, family.qkvBias);
  if (family.headNorms) {
    layer.queryNorm = norm(block + "attn_q_norm", model.headSize, Presence::Never);
    layer.keyNorm = norm(block + "attn_k_norm", model.headSize, Presence::Never);
  }
  layer.output = linear(block + "attn_output", width, queries, family.outputBias);
  Part gateUp[] = {{block + "ffn_gate", model.feedForward}, {block + "ffn_up", model.feedForward}};
  bool isJoined = family.feedForward == FeedForward::GatedJoined;
  if (family.feedForward == FeedForward::Plain)
    layer.inner = {linear(block + "ffn_up", model.feedForward, width, family.feedForwardBias)};
  else
    for (Linear &part : linears(gateUp, block + (isJoined ? "ffn_up" : "ffn_gate_up"), isJoined,
                                width, family.feedForwardBias))
      layer.inner.push_back(part);
  layer.down = linear(block + "ffn_down", width, model.feedForward, family.feedForwardBias);
  return layer;
}

void WeightDeclarer::positions(ModelWeights &weights) {
  MLIRContext *context = module.getContext();
  Builder b(context);
  switch (model.position) {
  case Position::Rotary: {
    const Rotary &rotary = model.rotary;
    TypedAttr factors;
    if (!rotary.factorsTensor.empty()) {
      const SourceTensor *tensor =
          find(rotary.factorsTensor, {rotary.rotated / 2}, Presence::Always);
      if (!tensor)
        return;
      factors = tensor->rows.floats();
    } else if (!rotary.factors.empty()) {
      factors = DenseElementsAttr::get(
          RankedTensorType::get({int64_t(rotary.factors.size())}, b.getF64Type()),
          ArrayRef<double>(rotary.factors));
    }
    auto type = RankedTensorType::get({1, model.context, model.headSize}, b.getF32Type());
    auto table = [&](nn::RopeTableKind kind) {
      return nn::RopeTableAttr::get(context, kind, b.getF64FloatAttr(rotary.theta), rotary.rotated,
                                    factors, b.getF64FloatAttr(rotary.attention), type);
    };
    weights.cos = declare(table(nn::RopeTableKind::Cos), "rope.cos");
    weights.sin = declare(table(nn::RopeTableKind::Sin), "rope.sin");
    return;
  }
  case Position::Linear: {
    std::vector<double> slopes = linearSlopes(model.heads, model.maxBias);
    auto dense = DenseElementsAttr::get(RankedTensorType::get({model.heads}, b.getF64Type()),
                                        ArrayRef<double>(slopes));
    weights.mask =
        declare(nn::AlibiAttr::get(
                    context, dense,
                    RankedTensorType::get({1, model.heads, 1, model.context}, b.getF32Type())),
                "alibi");
    return;
  }
  case Position::Learned:
    if (const SourceTensor *tensor =
            find("position_embd.weight", {model.positions, model.width}, Presence::Always))
      weights.positions = declare(tensor->rows.slice(0, model.context).floats(), tensor->name);
    return;
  }
}

ModelWeights WeightDeclarer::run() {
  ModelWeights weights;
  const SourceTensor *embedding =
      find("token_embd.weight", {model.vocabulary, model.width}, Presence::Always);
  if (embedding)
    weights.embedding = declare(embedding->rows.floats(), embedding->name);
  positions(weights);
  for (int64_t i = 0; i < model.layers; ++i) {
    weights.layers.push_back(layer(i));
    // A model of another kind lacks the same in every layer.
    if (!errors.empty())
      return weights;
  }
  weights.norm = norm("output_norm", model.width, family.normBias);
  const SourceTensor *head =
      find("output.weight", {model.vocabulary, model.width}, Presence::Optional);
  if (!head)
    head = embedding;
  if (!head)
    return weights;
  weights.head = product(Rows{head->rows, std::nullopt}, "output");
  weights.head.names = {"output"};
  weights.head.parts = {model.vocabulary};
  return weights;
}

ModelWeights tercet::decoder::declareWeights(ModuleOp module, const Description &description,
                                             TensorSource &source,
                                             SmallVectorImpl<ImportError> &errors) {
  return WeightDeclarer(module, description, source, errors).run();
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ONNX Runtime's attention with a cache. In a decoder the cache is a state, and
// lengths are the position of the entry: the two inputs that the model computes
// from its mask are checked to be just these.

#include "compiler/import/onnx/DecoderEntry.h"
#include "compiler/import/onnx/OperatorTable.h"
#include "compiler/import/onnx/ops/Rotary.h"

#include "dialects/nn/NN.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::onnx;

namespace {

constexpr unsigned kPastKey = 3, kLengths = 5, kTotal = 6, kCos = 7, kSin = 8, kPositions = 9;

struct Heads {
  int64_t queries = 0, keys = 0, size = 0;
};

/// What of the operator would make another sum.
LogicalResult refuseForms(NodeImporter &node) {
  for (StringRef name : {"softcap", "k_scale", "v_scale"})
    if (double value = node.getFloat(name, 0); value != 0)
      return node.fail("attribute '" + name + "' is not supported");
  for (StringRef name : {"smooth_softmax", "qk_output", "kv_cache_bit_width"})
    if (node.getInt(name, 0) > 0)
      return node.fail("attribute '" + name + "' is not supported");
  for (StringRef name : {"k_quant_type", "v_quant_type"})
    if (std::string kind = node.getString(name, "NONE"); kind != "NONE")
      return node.fail("attribute '" + name + "' is not supported");
  static const char *const names[] = {"attention_bias", "head_sink", "k_scale", "v_scale"};
  for (auto [i, name] : llvm::enumerate(names))
    if (node.has(10 + i))
      return node.fail("input " + Twine(10 + i) + " (" + name + ") is not supported");
  if (node.usesOutput(3))
    return node.fail("the output for products of queries and keys is not supported");
  return success();
}

std::optional<Heads> readHeads(NodeImporter &node) {
  Heads heads{node.getInt("num_heads", 0), node.getInt("kv_num_heads", 0), 0};
  auto fail = [&](const Twine &text) {
    (void)node.fail(text);
    return std::nullopt;
  };
  if (heads.queries < 1 || heads.keys < 1 || heads.queries % heads.keys != 0 ||
      heads.queries > 65536)
    return fail("expected attribute 'num_heads' to be a multiple of 'kv_num_heads', got " +
                Twine(heads.queries) + " and " + Twine(heads.keys));
  if (node.has(1) != node.has(2))
    return fail("expected key and value, or neither where input 0 has them as well");
  Operand &query = node.in(0);
  bool isJoined = !node.has(1);
  int64_t count = heads.queries + (isJoined ? 2 * heads.keys : 0), tokens = node.decoder->tokens;
  if (query.element != DataType::Float || query.rank() != 3 || query.shape[0] != 1 ||
      query.shape[1] != tokens || query.shape[2] % count != 0 || query.shape[2] == 0)
    return fail("expected input 0 of float in [1, " + Twine(tokens) + ", " + Twine(count) +
                " heads], got " + describe(query));
  heads.size = query.shape[2] / count;
  for (unsigned i : {1u, 2u})
    if (!isJoined && (node.in(i).element != query.element ||
                      ArrayRef<int64_t>(node.in(i).shape) !=
                          ArrayRef<int64_t>{1, tokens, heads.keys * heads.size}))
      return fail("expected input " + Twine(i) + " of float in [1, " + Twine(tokens) + ", " +
                  Twine(heads.keys * heads.size) + "], got " + describe(node.in(i)));
  return heads;
}

/// Heads `from` to `from + count` of a projection, as [1, S, count, size].
Operand headsOf(NodeImporter &node, Operand &projection, int64_t from, int64_t count,
                int64_t size) {
  int64_t tokens = projection.shape[1];
  Operand part = node.slice(projection, {0, 0, from * size}, {1, tokens, count * size}, {1, 1, 1});
  return node.reshape(part, {1, tokens, count, size});
}

/// Lengths are what they are if no token is left out.
bool expectLengths(NodeImporter &node) {
  int64_t total = node.decoder->probe;
  auto isAll = [](Operand &operand, int64_t value) {
    return operand.constant && isInteger(operand.element) && operand.size() == 1 &&
           operand.constant->intAt(0) == value;
  };
  if (node.has(kLengths) && node.has(kTotal) && isAll(node.in(kLengths), total - 1) &&
      isAll(node.in(kTotal), total))
    return true;
  (void)node.fail(
      "expected inputs 5 (seqlens_k) and 6 (total_sequence_length) to be the sum of the "
      "attention mask less 1 and its length; try to export the model with the model "
      "builder of onnxruntime-genai");
  return false;
}

LogicalResult importGroupQueryAttention(NodeImporter &node) {
  bool isTurned = node.getInt("do_rotary", 0) != 0;
  RotaryTables tables{kCos, kSin, node.getInt("rotary_interleaved", 0) != 0};
  int64_t window = node.getInt("local_window_size", -1);
  double scale = node.getFloat("scale", 0);
  if (failed(refuseForms(node)))
    return failure();
  DecoderEntry *decoder = node.decoder;
  if (!decoder)
    return node.fail("is only supported in a decoder, whose inputs past_key and past_value and "
                     "outputs present_key and present_value are inputs and outputs of the graph; "
                     "try to export the model with them");
  std::optional<Heads> heads = readHeads(node);
  if (!heads || !expectLengths(node))
    return failure();
  auto [queries, keys, size] = *heads;
  if (window != -1 && window < 1)
    return node.fail("expected attribute 'local_window_size' to be -1 or at least 1, got " +
                     Twine(window));
  bool isJoined = !node.has(1);
  Operand q = headsOf(node, node.in(0), 0, queries, size);
  Operand k = headsOf(node, node.in(isJoined ? 0 : 1), isJoined ? queries : 0, keys, size);
  Operand v = headsOf(node, node.in(isJoined ? 0 : 2), isJoined ? queries + keys : 0, keys, size);
  if (isTurned) {
    if (!node.has(kCos) || !node.has(kSin))
      return node.fail("expected inputs 7 and 8 (cos_cache, sin_cache) with 'do_rotary'");
    if (!expectTables(node, tables, size))
      return failure();
    // Positions that the node is given are those that it counts itself.
    if (node.has(kPositions) && node.in(kPositions).value != decoder->positions)
      return node.fail("expected input 9 (position_ids) to be the model's input of that name");
    if (node.in(kCos).shape[0] < decoder->context)
      return node.fail("expected cosines for " + Twine(decoder->context) + " positions, got " +
                       describe(node.in(kCos)) + "; try --context " +
                       Twine(node.in(kCos).shape[0]));
    q = turnAt(node, q, tables, decoder->position, decoder->context, /*restore=*/false);
    k = turnAt(node, k, tables, decoder->position, decoder->context, /*restore=*/false);
  }
  Value cached[2];
  Operand *stored[2] = {&k, &v};
  for (auto [i, rows] : llvm::enumerate(stored)) {
    Value &cache = decoder->caches[node.node.inputs[kPastKey + i]];
    const Operand &past = node.in(kPastKey + i);
    if (past.shape[1] != keys || past.shape[3] != size)
      return node.fail("expected a past of " + Twine(keys) + " heads of " + Twine(size) +
                       " elements, got " + Twine(past.shape[1]) + " of " + Twine(past.shape[3]));
    cached[i] = cache =
        nn::CacheUpdateOp::create(node.b, node.loc, cache.getType(), decoder->format,
                                  node.materialize(*rows), decoder->position, cache)
            .getResult();
  }
  Value query = node.materialize(q), init = node.empty(DataType::Float, q.shape);
  IntegerAttr seen;
  if (window != -1 && window < decoder->context)
    seen = node.b.getI64IntegerAttr(window);
  Value attended =
      nn::CachedAttentionOp::create(
          node.b, node.loc, init.getType(), decoder->format, query, cached[0], cached[1], Value(),
          decoder->position, init,
          node.b.getF64FloatAttr(scale != 0 ? scale : 1 / std::sqrt(double(size))), seen)
          .getResult();
  Operand result = node.ofValue(attended, DataType::Float);
  for (unsigned i : {1u, 2u})
    if (i < node.node.outputs.size())
      (void)node.set(node.ofValue(cached[i - 1], DataType::Float), i);
  return node.set(node.reshape(result, {1, decoder->tokens, queries * size}));
}

const Operator operators[] = {
    {"com.microsoft", "GroupQueryAttention", 1, 1, 14, importGroupQueryAttention,
     "in decoders, with past and present as inputs and outputs of the graph; float; no softcap, no "
     "bias, no quantised cache"},
};

} // namespace

llvm::ArrayRef<Operator> tercet::onnx::attentionOperators() { return operators; }

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names are those of each family's own code.

#include "compiler/import/safetensors/TensorNames.h"

#include "llvm/ADT/StringExtras.h"

using namespace llvm;
using namespace tercet::safetensors;

namespace {

using Name = TensorNames::Name;

constexpr Name kLlamaOuter[] = {
    {"token_embd", "model.embed_tokens"}, {"output_norm", "model.norm"}, {"output", "lm_head"}};
constexpr Name kLlamaInner[] = {
    {"attn_norm", "input_layernorm"},    {"attn_q", "self_attn.q_proj"},
    {"attn_k", "self_attn.k_proj"},      {"attn_v", "self_attn.v_proj"},
    {"attn_q_norm", "self_attn.q_norm"}, {"attn_k_norm", "self_attn.k_norm"},
    {"attn_output", "self_attn.o_proj"}, {"ffn_norm", "post_attention_layernorm"},
    {"ffn_gate", "mlp.gate_proj"},       {"ffn_up", "mlp.up_proj"},
    {"ffn_down", "mlp.down_proj"}};
constexpr Name kPhiInner[] = {
    {"attn_norm", "input_layernorm"},    {"attn_qkv", "self_attn.qkv_proj"},
    {"attn_output", "self_attn.o_proj"}, {"ffn_norm", "post_attention_layernorm"},
    {"ffn_up", "mlp.gate_up_proj"},      {"ffn_down", "mlp.down_proj"}};
constexpr Name kBaichuanInner[] = {
    {"attn_norm", "input_layernorm"},    {"attn_qkv", "self_attn.W_pack"},
    {"attn_output", "self_attn.o_proj"}, {"ffn_norm", "post_attention_layernorm"},
    {"ffn_gate", "mlp.gate_proj"},       {"ffn_up", "mlp.up_proj"},
    {"ffn_down", "mlp.down_proj"}};
constexpr Name kStarcoder2Inner[] = {{"attn_norm", "input_layernorm"},
                                     {"attn_q", "self_attn.q_proj"},
                                     {"attn_k", "self_attn.k_proj"},
                                     {"attn_v", "self_attn.v_proj"},
                                     {"attn_output", "self_attn.o_proj"},
                                     {"ffn_norm", "post_attention_layernorm"},
                                     {"ffn_up", "mlp.c_fc"},
                                     {"ffn_down", "mlp.c_proj"}};
constexpr Name kChatglmOuter[] = {{"token_embd", "transformer.embedding.word_embeddings"},
                                  {"output_norm", "transformer.encoder.final_layernorm"},
                                  {"output", "transformer.output_layer"}};
constexpr Name kChatglmInner[] = {
    {"attn_norm", "input_layernorm"},        {"attn_qkv", "self_attention.query_key_value"},
    {"attn_output", "self_attention.dense"}, {"ffn_norm", "post_attention_layernorm"},
    {"ffn_up", "mlp.dense_h_to_4h"},         {"ffn_down", "mlp.dense_4h_to_h"}};
constexpr Name kFalconOuter[] = {{"token_embd", "transformer.word_embeddings"},
                                 {"output_norm", "transformer.ln_f"},
                                 {"output", "lm_head"}};
constexpr Name kFalconInner[] = {{"attn_norm", "input_layernorm"},
                                 {"attn_qkv", "self_attention.query_key_value"},
                                 {"attn_output", "self_attention.dense"},
                                 {"ffn_up", "mlp.dense_h_to_4h"},
                                 {"ffn_down", "mlp.dense_4h_to_h"}};
constexpr Name kFalconTwoNorms[] = {{"attn_norm", "ln_mlp"},
                                    {"attn_norm_2", "ln_attn"},
                                    {"attn_qkv", "self_attention.query_key_value"},
                                    {"attn_output", "self_attention.dense"},
                                    {"ffn_up", "mlp.dense_h_to_4h"},
                                    {"ffn_down", "mlp.dense_4h_to_h"}};
constexpr Name kNeoxOuter[] = {{"token_embd", "gpt_neox.embed_in"},
                               {"output_norm", "gpt_neox.final_layer_norm"},
                               {"output", "embed_out"}};
constexpr Name kNeoxInner[] = {
    {"attn_norm", "input_layernorm"},   {"attn_qkv", "attention.query_key_value"},
    {"attn_output", "attention.dense"}, {"ffn_norm", "post_attention_layernorm"},
    {"ffn_up", "mlp.dense_h_to_4h"},    {"ffn_down", "mlp.dense_4h_to_h"}};
constexpr Name kGptOuter[] = {{"token_embd", "transformer.wte"},
                              {"position_embd", "transformer.wpe"},
                              {"output_norm", "transformer.ln_f"},
                              {"output", "lm_head"}};
constexpr Name kGptInner[] = {{"attn_norm", "ln_1"},          {"attn_qkv", "attn.c_attn"},
                              {"attn_output", "attn.c_proj"}, {"ffn_norm", "ln_2"},
                              {"ffn_up", "mlp.c_fc"},         {"ffn_down", "mlp.c_proj"}};
constexpr Name kMptOuter[] = {{"token_embd", "transformer.wte"},
                              {"output_norm", "transformer.norm_f"},
                              {"output", "lm_head"}};
constexpr Name kMptInner[] = {{"attn_norm", "norm_1"},          {"attn_qkv", "attn.Wqkv"},
                              {"attn_output", "attn.out_proj"}, {"ffn_norm", "norm_2"},
                              {"ffn_up", "ffn.up_proj"},        {"ffn_down", "ffn.down_proj"}};

constexpr auto kApart = Projections::Apart;
constexpr auto kJoined = Projections::Joined;
constexpr auto kGrouped = Projections::Grouped;
constexpr const char kLlama[] = "model.layers.{}.";

// Falcon's second row is of its models with two norms.
const TensorNames kNames[] = {
    {"llama", kApart, false, "", kLlamaOuter, kLlama, kLlamaInner},
    {"mistral", kApart, false, "", kLlamaOuter, kLlama, kLlamaInner},
    {"qwen2", kApart, false, "", kLlamaOuter, kLlama, kLlamaInner},
    {"qwen3", kApart, false, "", kLlamaOuter, kLlama, kLlamaInner},
    {"minicpm", kApart, false, "", kLlamaOuter, kLlama, kLlamaInner},
    {"starcoder2", kApart, false, "", kLlamaOuter, kLlama, kStarcoder2Inner},
    {"phi3", kJoined, false, "", kLlamaOuter, kLlama, kPhiInner},
    {"baichuan", kJoined, false, "", kLlamaOuter, kLlama, kBaichuanInner},
    {"chatglm", kJoined, false, "", kChatglmOuter, "transformer.encoder.layers.{}.", kChatglmInner},
    {"falcon", kGrouped, false, "", kFalconOuter, "transformer.h.{}.", kFalconInner},
    {"falcon two norms", kGrouped, false, "", kFalconOuter, "transformer.h.{}.", kFalconTwoNorms},
    {"gpt_neox", kGrouped, false, "", kNeoxOuter, "gpt_neox.layers.{}.", kNeoxInner},
    {"gpt2", kJoined, true, "transformer.", kGptOuter, "transformer.h.{}.", kGptInner},
    {"gpt_bigcode", kJoined, false, "", kGptOuter, "transformer.h.{}.", kGptInner},
    {"mpt", kJoined, false, "", kMptOuter, "transformer.blocks.{}.", kMptInner},
};

} // namespace

std::string TensorNames::nameOf(StringRef role) const {
  auto [stem, kind] = role.rsplit('.');
  std::string prefix;
  ArrayRef<Name> names = outer;
  if (stem.consume_front("blk.")) {
    auto [number, rest] = stem.split('.');
    auto [before, after] = StringRef(layer).split("{}");
    prefix = (before + number + after).str();
    stem = rest;
    names = inner;
  }
  for (const Name &name : names)
    if (stem == name.role)
      return prefix + name.name + "." + kind.str();
  return "";
}

const TensorNames *tercet::safetensors::lookupTensorNames(StringRef modelType) {
  for (const TensorNames &row : kNames)
    if (modelType == row.modelType)
      return &row;
  return nullptr;
}

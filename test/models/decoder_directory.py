# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The models of decoders.py as directories of Hugging Face: config.json with each family's own keys, and safetensors with
# its own names and layouts of tensors, in one file or in shards.

import json
import math
import struct

import numpy as np

LLAMA = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head",
         "blk": "model.layers.", "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
         "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
         "attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm", "attn_output": "self_attn.o_proj",
         "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}
GPT = {"token_embd": "transformer.wte", "position_embd": "transformer.wpe", "output_norm": "transformer.ln_f",
       "output": "lm_head", "blk": "transformer.h.", "attn_norm": "ln_1", "ffn_norm": "ln_2", "attn_qkv": "attn.c_attn",
       "attn_output": "attn.c_proj", "ffn_up": "mlp.c_fc", "ffn_down": "mlp.c_proj"}
DENSE = {"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm", "ffn_up": "mlp.dense_h_to_4h",
         "ffn_down": "mlp.dense_4h_to_h", "attn_qkv": "self_attention.query_key_value",
         "attn_output": "self_attention.dense"}
NAMES = {
    "llama": LLAMA, "qwen2": LLAMA, "qwen3": LLAMA, "minicpm": LLAMA,
    "starcoder2": {**LLAMA, "ffn_up": "mlp.c_fc", "ffn_down": "mlp.c_proj"},
    "phi3": {**LLAMA, "attn_qkv": "self_attn.qkv_proj", "ffn_up": "mlp.gate_up_proj"},
    "baichuan": {**LLAMA, "attn_qkv": "self_attn.W_pack"},
    "chatglm": {**DENSE, "token_embd": "transformer.embedding.word_embeddings", "output": "transformer.output_layer",
                "output_norm": "transformer.encoder.final_layernorm", "blk": "transformer.encoder.layers."},
    "falcon": {**DENSE, "token_embd": "transformer.word_embeddings", "output_norm": "transformer.ln_f",
               "blk": "transformer.h."},
    "gptneox": {**DENSE, "token_embd": "gpt_neox.embed_in", "output_norm": "gpt_neox.final_layer_norm",
                "output": "embed_out", "blk": "gpt_neox.layers.", "attn_qkv": "attention.query_key_value",
                "attn_output": "attention.dense"},
    "gpt2": GPT, "starcoder": GPT,
    "mpt": {"token_embd": "transformer.wte", "output_norm": "transformer.norm_f", "blk": "transformer.blocks.",
            "attn_norm": "norm_1", "ffn_norm": "norm_2", "attn_qkv": "attn.Wqkv", "attn_output": "attn.out_proj",
            "ffn_up": "ffn.up_proj", "ffn_down": "ffn.down_proj"},
}
TYPES = {"gptneox": "gpt_neox", "starcoder": "gpt_bigcode"}


def config_of(c):
    """The keys of the family's own configuration."""
    # Mistral is a llama with a window, under a name of its own.
    family = "mistral" if c.name == "mistral" else c.family
    common = {"model_type": TYPES.get(family, family), "torch_dtype": "float32", "tie_word_embeddings": c.tied}
    if c.family in ("gpt2", "starcoder"):
        act = "gelu_new" if c.family == "gpt2" else "gelu_pytorch_tanh"
        return {**common, "n_layer": c.layers, "n_embd": c.width, "n_head": c.heads, "n_positions": c.positions,
                "n_inner": c.inner, "vocab_size": c.vocabulary, "layer_norm_epsilon": c.epsilon,
                "activation_function": act, "multi_query": True}
    if c.family == "mpt":
        return {**common, "n_layers": c.layers, "d_model": c.width, "n_heads": c.heads, "max_seq_len": c.positions,
                "expansion_ratio": c.inner / c.width, "vocab_size": c.vocabulary,
                "attn_config": {"alibi": True, "alibi_bias_max": c.max_bias, "clip_qkv": None, "qk_ln": False}}
    if c.family == "chatglm":
        return {**common, "num_layers": c.layers, "hidden_size": c.width, "num_attention_heads": c.heads,
                "kv_channels": c.head, "multi_query_attention": True, "multi_query_group_num": c.key_heads,
                "ffn_hidden_size": c.inner, "padded_vocab_size": c.vocabulary, "seq_length": c.positions,
                "layernorm_epsilon": c.epsilon, "post_layer_norm": True, "tie_word_embeddings": False}
    result = {**common, "num_hidden_layers": c.layers, "hidden_size": c.width, "num_attention_heads": c.heads,
              "intermediate_size": c.inner, "vocab_size": c.vocabulary, "max_position_embeddings": c.positions,
              "rope_theta": c.theta, "hidden_act": {"gelu_erf": "gelu", "gelu_tanh": "gelu_pytorch_tanh"}.get(
                  c.activation, c.activation)}
    result["rms_norm_eps" if c.norm == "rms" else "layer_norm_eps"] = c.epsilon
    if c.family not in ("falcon", "gptneox", "baichuan"):
        result["num_key_value_heads"] = c.key_heads
    if c.head * c.heads != c.width:
        result["head_dim"] = c.head
    if c.family == "baichuan" and c.position == "alibi":
        del result["max_position_embeddings"]
        result["model_max_length"] = c.positions
    if c.family == "falcon":
        result.update(multi_query=c.key_heads == 1, new_decoder_architecture=c.own_norm, num_kv_heads=c.key_heads,
                      parallel_attn=True, alibi=False, layer_norm_epsilon=result.pop("layer_norm_eps"),
                      ffn_hidden_size=result.pop("intermediate_size"))
    if c.family == "gptneox":
        result.update(rotary_pct=c.rotated / c.head, rotary_emb_base=c.theta,
                      use_parallel_residual=c.residual == "parallel2")
    if c.family == "starcoder2":
        result.update(norm_epsilon=result.pop("layer_norm_eps"))
    if c.family == "minicpm":
        result.update(scale_emb=c.scales[0], scale_depth=c.scales[1] * math.sqrt(c.layers),
                      dim_model_base=c.scales[2] * c.width)
    if c.window:
        result["sliding_window"] = c.window
    scaling = scaling_of(c)
    if scaling:
        result["rope_scaling"] = scaling
    return result


def scaling_of(c):
    half = c.rotated // 2
    if "llama3" in c.scaling:
        factor, low, high, original = c.scaling["llama3"]
        return {"rope_type": "llama3", "factor": factor, "low_freq_factor": low, "high_freq_factor": high,
                "original_max_position_embeddings": original}
    if "linear" in c.scaling:
        return {"type": "linear", "factor": c.scaling["linear"]}
    if "yarn" in c.scaling:
        factor, original = c.scaling["yarn"]
        return {"rope_type": "yarn", "factor": factor, "original_max_position_embeddings": original}
    if "longrope" in c.scaling:
        attention, original = c.scaling["longrope"]
        return {"type": "longrope", "attention_factor": attention, "original_max_position_embeddings": original,
                "long_factor": np.linspace(2.0, 5.0, half).tolist(), "short_factor": np.linspace(1.0, 4.0, half).tolist()}
    return None


def tensors_of(model):
    c, names = model.config, dict(NAMES[model.config.family])
    if c.own_norm:
        names.update(attn_norm="ln_mlp", attn_norm_2="ln_attn")
    result = {}
    joined = {}
    for name, values in model.floats.items():
        if name.startswith("rope_"):
            continue
        stem, kind = name.rsplit(".", 1)
        if stem.startswith("blk."):
            _, number, role = stem.split(".")
            prefix = names["blk"] + number + "."
            if c.family == "baichuan" and role in ("attn_q", "attn_k", "attn_v"):
                joined.setdefault(f"{prefix}{names['attn_qkv']}.{kind}", []).append(values)
                continue
            if role == "attn_qkv" and c.family in ("falcon", "gptneox"):
                values = grouped(c, values)
            if c.family == "gpt2" and values.ndim == 2:
                values = values.T
            full = f"{prefix}{names[role]}.{kind}"
        else:
            full = f"{names[stem]}.{kind}"
        result[full] = np.ascontiguousarray(values)
    result.update({name: np.concatenate(parts) for name, parts in joined.items()})
    return result


def grouped(c, values):
    """[queries | keys | values] to, for each key head: its queries, the key, the value."""
    rest = values.shape[1:]
    q, k, v = np.split(values, [c.heads * c.head, (c.heads + c.key_heads) * c.head])
    q = q.reshape(c.key_heads, -1, *rest)
    k, v = (y.reshape(c.key_heads, c.head, *rest) for y in (k, v))
    return np.concatenate([q, k, v], axis=1).reshape(-1, *rest)


def write_safetensors(path, tensors):
    header, data = {}, b""
    for name, (kind, shape, raw) in tensors.items():
        header[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def stored(values, kind):
    """Type, shape and bytes; values are exact in their type."""
    if kind == "BF16":
        return kind, values.shape, (values.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()
    return kind, values.shape, values.astype({"F16": "<f2", "F32": "<f4"}[kind]).tobytes()


def write(model, folder, kind="F32", shards=1):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config_of(model.config)))
    tensors = {name: stored(values, kind if values.ndim == 2 else "F32") for name, values in tensors_of(model).items()}
    if shards == 1:
        return write_safetensors(folder / "model.safetensors", tensors)
    places = {}
    for i in range(shards):
        name = f"model-{i + 1:05d}-of-{shards:05d}.safetensors"
        part = {key: tensors[key] for key in list(tensors)[i::shards]}
        places.update({key: name for key in part})
        write_safetensors(folder / name, part)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Trains the small language models of the tests and writes them as GGUF files (architecture llama, f16):
#
#   python3 -m venv train && train/bin/pip install -r test/models/train_lm_requirements.txt
#   cd test/models
#   ../../train/bin/python train_lm.py -o tiny_lm.gguf
#   ../../train/bin/python train_lm.py --draft --steps 500 --tokenizer tiny_lm.gguf -o tiny_lm_draft.gguf
#
# That takes 26 minutes of CPU time on two cores, and 2 for the draft model. The files that these commands wrote are
# committed; tiny_lm.py names their checksums. Seeds are fixed, but sums depend on the machine's vector length and number
# of cores, so another machine's files differ in their last bits, and their perplexity a little. Hidden matrices are
# trained with Muon (momentum made orthogonal by a Newton-Schulz iteration), the rest with Adam.

import argparse
import dataclasses
import functools
import json
import time

import gguf
import jax
import jax.numpy as jnp
import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

import corpus

SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
CHAT_TEMPLATE = ("{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + "
                 "'<|im_end|>' + '\\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}"
                 "{% endif %}")


@dataclasses.dataclass(frozen=True)
class Config:
    layers: int = 4
    hidden: int = 256
    heads: int = 8
    kv_heads: int = 2
    head: int = 32
    intermediate: int = 768
    vocabulary: int = 1024
    context: int = 256
    epsilon: float = 1e-5
    theta: float = 10000.0


DRAFT = Config(layers=1, hidden=128, heads=4, kv_heads=1, intermediate=384)


# ---- Text ------------------------------------------------------------------------------------------------------------

def train_tokenizer(texts, vocabulary):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=SPECIALS, show_progress=False,
                                  initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def load_tokenizer(path):
    fields = gguf.GGUFReader(path).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    merges = [tuple(m.split(" ")) for m in fields["tokenizer.ggml.merges"].contents()]
    tokenizer = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.add_special_tokens(SPECIALS)
    return tokenizer


def stream(tokenizer, chapters):
    """The ids of all chapters, each begun by the id of <|endoftext|>."""
    ids = []
    for encoding in tokenizer.encode_batch(list(chapters)):
        ids += [0] + encoding.ids
    return np.array(ids + [0], np.int32)


# ---- The model -------------------------------------------------------------------------------------------------------

def initial(config, seed):
    """Weights as [layers, out, in], products are x @ W^T, as in the file."""
    c, rng = config, np.random.default_rng(seed)

    def matrix(rows, columns, gain=1.0):
        return (rng.standard_normal((c.layers, rows, columns)) * gain / np.sqrt(columns)).astype(np.float32)

    out = 1 / np.sqrt(2 * c.layers)
    hidden = {
        "attn_q": matrix(c.heads * c.head, c.hidden), "attn_k": matrix(c.kv_heads * c.head, c.hidden),
        "attn_v": matrix(c.kv_heads * c.head, c.hidden), "attn_output": matrix(c.hidden, c.heads * c.head, out),
        "ffn_gate": matrix(c.intermediate, c.hidden), "ffn_up": matrix(c.intermediate, c.hidden),
        "ffn_down": matrix(c.hidden, c.intermediate, out),
    }
    other = {
        "token_embd": (rng.standard_normal((c.vocabulary, c.hidden)) * 0.05).astype(np.float32),
        "attn_norm": np.ones((c.layers, c.hidden), np.float32), "ffn_norm": np.ones((c.layers, c.hidden), np.float32),
        "output_norm": np.ones(c.hidden, np.float32),
    }
    return hidden, other


def normalise(x, gain, epsilon):
    return x * jax.lax.rsqrt(jnp.mean(x * x, axis=-1, keepdims=True) + epsilon) * gain


def rotate(x, cos, sin):
    """Pairs (2i, 2i + 1), as GGUF's llama architecture has them. x: [batch, sequence, heads, head]."""
    even, odd = x[..., 0::2], x[..., 1::2]
    return jnp.stack([even * cos - odd * sin, even * sin + odd * cos], axis=-1).reshape(x.shape)


def attend(c, q, k, v, part=64):
    """Causal attention, `part` queries at a time, so that keys after them cost nothing. As products of one batch
    dimension and without strides, which XLA multiplies several times faster on a CPU than the einsum that this is."""
    batch, length = q.shape[:2]
    group = c.heads // c.kv_heads
    q = q.reshape(batch, length, c.kv_heads, group, c.head).transpose(0, 2, 1, 3, 4)
    q = q.reshape(batch * c.kv_heads, length, group, c.head) / np.sqrt(c.head).astype(np.float32)
    k = k.transpose(0, 2, 3, 1).reshape(batch * c.kv_heads, c.head, length)
    v = v.transpose(0, 2, 1, 3).reshape(batch * c.kv_heads, length, c.head)
    rows = []
    for begin in range(0, length, part):
        end = min(begin + part, length)
        mask = np.where(np.arange(end)[None, :] <= np.arange(begin, end)[:, None], 0, -np.inf).astype(np.float32)
        scores = jnp.matmul(q[:, begin:end].reshape(len(q), -1, c.head), k[:, :, :end])
        scores = scores + np.repeat(mask, group, axis=0)
        rows.append(jnp.matmul(jax.nn.softmax(scores), v[:, :end]).reshape(len(q), end - begin, group, c.head))
    y = jnp.concatenate(rows, axis=1).reshape(batch, c.kv_heads, length, group, c.head)
    return y.transpose(0, 2, 1, 3, 4).reshape(batch, length, c.heads * c.head)


def loss(config, hidden, other, tokens):
    """Mean negative log-likelihood of tokens[:, 1:]."""
    c, inputs = config, tokens[:, :-1]
    batch, length = inputs.shape
    angles = np.outer(np.arange(length), c.theta ** (-np.arange(0, c.head, 2) / c.head)).astype(np.float32)
    cos, sin = np.cos(angles)[:, None, :], np.sin(angles)[:, None, :]
    x = other["token_embd"][inputs]
    for i in range(c.layers):
        w = {name: value[i] for name, value in hidden.items()}
        y = normalise(x, other["attn_norm"][i], c.epsilon)
        q = rotate((y @ w["attn_q"].T).reshape(batch, length, c.heads, c.head), cos, sin)
        k = rotate((y @ w["attn_k"].T).reshape(batch, length, c.kv_heads, c.head), cos, sin)
        v = (y @ w["attn_v"].T).reshape(batch, length, c.kv_heads, c.head)
        y = attend(c, q, k, v)
        x = x + y @ w["attn_output"].T
        y = normalise(x, other["ffn_norm"][i], c.epsilon)
        x = x + (jax.nn.silu(y @ w["ffn_gate"].T) * (y @ w["ffn_up"].T)) @ w["ffn_down"].T
    logits = normalise(x, other["output_norm"], c.epsilon) @ other["token_embd"].T
    logits = jax.nn.log_softmax(logits)
    return -jnp.mean(jnp.take_along_axis(logits, tokens[:, 1:, None], axis=-1))


# ---- Training --------------------------------------------------------------------------------------------------------

def orthogonalise(m):
    """Newton-Schulz iteration of fifth order towards U V^T of each matrix of m [layers, rows, columns]."""
    wide = m.shape[1] <= m.shape[2]
    x = m if wide else m.transpose(0, 2, 1)
    x = x / (jnp.linalg.norm(x, axis=(1, 2), keepdims=True) + 1e-7)
    for _ in range(5):
        a = x @ x.transpose(0, 2, 1)
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    x = x if wide else x.transpose(0, 2, 1)
    return x * max(1.0, m.shape[1] / m.shape[2]) ** 0.5


@functools.partial(jax.jit, static_argnums=0, donate_argnums=(1, 2))
def update(config, weights, state, tokens, rate, step):
    value, (hidden_grad, other_grad) = jax.value_and_grad(loss, argnums=(1, 2))(config, *weights, tokens)
    (hidden, other), (momentum, first, second) = weights, state
    for name, grad in hidden_grad.items():
        momentum[name] = 0.95 * momentum[name] + grad
        step_taken = orthogonalise(grad + 0.95 * momentum[name])
        hidden[name] = hidden[name] * (1 - rate * 0.02 * 0.05) - rate * 0.02 * step_taken
    for name, grad in other_grad.items():
        first[name] = 0.9 * first[name] + 0.1 * grad
        second[name] = 0.98 * second[name] + 0.02 * grad * grad
        scaled = first[name] / (1 - 0.9 ** step) / (jnp.sqrt(second[name] / (1 - 0.98 ** step)) + 1e-8)
        other[name] = other[name] - rate * 0.003 * scaled
    return value, (hidden, other), (momentum, first, second)


def train(config, ids, heldout, steps, batch, seed, seconds):
    weights = initial(config, seed)
    zeros = [{name: np.zeros_like(value) for name, value in part.items()} for part in (*weights, weights[1])]
    state = tuple(zeros)
    rng = np.random.default_rng(seed + 1)
    length, order = config.context, []
    begin = time.process_time()
    for step in range(1, steps + 1):
        while len(order) < batch:  # an epoch: all windows, from a random start
            starts = np.arange(rng.integers(length), len(ids) - length - 1, length)
            order += list(rng.permutation(starts))
        starts, order = order[:batch], order[batch:]
        tokens = np.stack([ids[s:s + length + 1] for s in starts])
        rate = min(1.0, step / 20) * min(1.0, (steps - step + 1) / (0.6 * steps))
        value, weights, state = update(config, weights, state, tokens, rate, step)
        if step % 25 == 0 or step == steps:
            print(f"step {step}: loss {float(value):.4f}, {time.process_time() - begin:.0f} s of CPU", flush=True)
        if seconds and time.process_time() - begin > seconds:
            raise SystemExit("over the budget of CPU time")
    count = (len(heldout) - 1) // length
    windows = np.stack([heldout[i * length:i * length + length + 1] for i in range(count)])
    measure = jax.jit(functools.partial(loss, config))
    total = np.mean([float(measure(*weights, windows[i:i + 1])) for i in range(count)])
    print(f"held out: loss {total:.4f}, perplexity {np.exp(total):.4f}")
    return jax.tree.map(np.asarray, weights)


# ---- The file --------------------------------------------------------------------------------------------------------

def write(path, name, config, tokenizer, weights):
    c, (hidden, other) = config, weights
    w = gguf.GGUFWriter(path, "llama")
    w.add_name(name)
    w.add_description("trained on the King James Bible by test/models/train_lm.py")
    w.add_license("Apache-2.0 WITH LLVM-exception")
    w.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    w.add_block_count(c.layers)
    w.add_context_length(c.context)
    w.add_embedding_length(c.hidden)
    w.add_feed_forward_length(c.intermediate)
    w.add_head_count(c.heads)
    w.add_head_count_kv(c.kv_heads)
    w.add_key_length(c.head)
    w.add_value_length(c.head)
    w.add_rope_dimension_count(c.head)
    w.add_rope_freq_base(c.theta)
    w.add_layer_norm_rms_eps(c.epsilon)
    w.add_vocab_size(c.vocabulary)
    ids = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    assert [i for _, i in ids] == list(range(c.vocabulary))
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("gpt-2")
    w.add_token_list([t for t, _ in ids])
    w.add_token_types([gguf.TokenType.CONTROL if t in SPECIALS else gguf.TokenType.NORMAL for t, _ in ids])
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    w.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in merges])
    w.add_bos_token_id(0)
    w.add_eos_token_id(0)
    w.add_eot_token_id(2)
    w.add_add_bos_token(True)
    w.add_chat_template(CHAT_TEMPLATE)
    w.add_tensor("token_embd.weight", other["token_embd"].astype(np.float16))
    w.add_tensor("output_norm.weight", other["output_norm"].astype(np.float32))
    for i in range(c.layers):
        for key in ("attn_norm", "ffn_norm"):
            w.add_tensor(f"blk.{i}.{key}.weight", np.ascontiguousarray(other[key][i]).astype(np.float32))
        for key, value in hidden.items():
            w.add_tensor(f"blk.{i}.{key}.weight", np.ascontiguousarray(value[i]).astype(np.float16))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def main():
    p = argparse.ArgumentParser(description="train a small language model and write it as GGUF")
    p.add_argument("-o", "--output", required=True)
    p.add_argument("--draft", action="store_true", help="the draft model for speculative decoding: 1 layer of 128")
    p.add_argument("--tokenizer", help="take the vocabulary from this GGUF file instead of training one")
    p.add_argument("--steps", type=int, default=900)
    p.add_argument("--batch", type=int, default=8)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--cpu-seconds", type=float, default=0, help="give up beyond that much CPU time")
    a = p.parse_args()
    config = DRAFT if a.draft else Config()
    training, heldout = corpus.split()
    tokenizer = load_tokenizer(a.tokenizer) if a.tokenizer else train_tokenizer(training, config.vocabulary)
    ids, held = stream(tokenizer, training), stream(tokenizer, heldout)
    print(f"{len(ids)} tokens to train on, {len(held)} held out, {sum(map(len, heldout)) / len(held):.2f} bytes a token")
    weights = train(config, ids, held, a.steps, a.batch, a.seed, a.cpu_seconds)
    write(a.output, "tiny-lm-draft" if a.draft else "tiny-lm", config, tokenizer, weights)


if __name__ == "__main__":
    main()

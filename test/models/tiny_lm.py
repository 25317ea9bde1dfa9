# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The trained language models of the tests and what they are measured against: a forward pass in numpy, f32 throughout,
# from the tensors of a GGUF file of architecture llama; greedy continuation; perplexity. Also a variant of the model that
# computes the same function but has channels of outliers, as large models do, which makes quantisation hard.
#
# train_lm.py wrote the files; text and recipe are named there.

import argparse
import hashlib
import pathlib

import gguf
import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

import corpus

FOLDER = pathlib.Path(__file__).resolve().parent
FILE = FOLDER / "tiny_lm.gguf"
DRAFT_FILE = FOLDER / "tiny_lm_draft.gguf"
SHA256 = {
    "tiny_lm.gguf": "9636eaa26f86c5fcfb8f30ce27bc4cfa563ce98669e0f9956bb8dc6eb30abfea",
    "tiny_lm_draft.gguf": "fd6d3c6aed4ef3b644334e182bc0332cc5decb626f5ac9400bf7955e9461bbb9",
}
# Of the held-out text, all windows, by `perplexity` below.
PERPLEXITY = {"tiny_lm.gguf": 15.4594, "tiny_lm_draft.gguf": 32.2656}


def check(path):
    """The path, if the file is the one that was committed."""
    got = hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()
    expected = SHA256[pathlib.Path(path).name]
    if got != expected:
        raise SystemExit(f"{path}: expected sha256 {expected}, got {got}")
    return path


class Model:
    """A llama of GGUF, weights as f32; keys and values, in rows of a head each, as what `cache` makes of them stands for:
    a type, or a function of a matrix of f32."""

    def __init__(self, path, cache=np.float32):
        reader = gguf.GGUFReader(path)
        self.fields = {name: field.contents() for name, field in reader.fields.items()
                       if not name.startswith("GGUF.")}
        self.weights = {t.name: gguf.dequantize(t.data, t.tensor_type).astype(np.float32).reshape(
            [int(n) for n in reversed(t.shape)]) for t in reader.tensors}
        get = self.fields.get
        self.layers, self.heads = get("llama.block_count"), get("llama.attention.head_count")
        self.kv_heads = get("llama.attention.head_count_kv", self.heads)
        self.hidden = get("llama.embedding_length")
        self.head = get("llama.attention.key_length", self.hidden // self.heads)
        self.context = get("llama.context_length")
        self.epsilon = get("llama.attention.layer_norm_rms_epsilon")
        self.theta = get("llama.rope.freq_base", 10000.0)
        self.cache = cache if not isinstance(cache, type) else lambda rows: rows.astype(cache).astype(np.float32)
        self.reset()

    def reset(self):
        self.keys = [np.zeros((0, self.kv_heads, self.head), np.float32) for _ in range(self.layers)]
        self.values = [k.copy() for k in self.keys]

    def _norm(self, x, name):
        scale = 1 / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + np.float32(self.epsilon))
        return x * scale * self.weights[name + ".weight"]

    def _rotate(self, x, begin):
        """Neighbouring elements are pairs, which is what the order of this architecture's rows is for."""
        angles = np.outer(np.arange(begin, begin + len(x)),
                          self.theta ** (-np.arange(0, self.head, 2) / self.head))[:, None, :]
        cos, sin = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
        even, odd = x[..., 0::2], x[..., 1::2]
        return np.stack([even * cos - odd * sin, even * sin + odd * cos], axis=-1).reshape(x.shape)

    def _attend(self, i, q, begin):
        k, v = self.keys[i], self.values[i]
        group = self.heads // self.kv_heads
        q = q.reshape(len(q), self.kv_heads, group, self.head)
        scores = np.einsum("sgrd,tgd->grst", q, k) / np.float32(np.sqrt(self.head))
        later = np.arange(len(k))[None, :] > begin + np.arange(len(q))[:, None]
        scores[:, :, later] = -np.inf
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        scores /= scores.sum(axis=-1, keepdims=True)
        return np.einsum("grst,tgd->sgrd", scores, v).reshape(len(q), -1)

    def append(self, tokens):
        """Logits [tokens, vocabulary] after each of these tokens, which come after those before."""
        w = {name.removesuffix(".weight"): value for name, value in self.weights.items()}
        begin, count = len(self.keys[0]), len(tokens)
        x = w["token_embd"][np.asarray(tokens)]
        for i in range(self.layers):
            p = f"blk.{i}."
            y = self._norm(x, p + "attn_norm")
            q = self._rotate((y @ w[p + "attn_q"].T).reshape(count, self.heads, self.head), begin)
            k = self._rotate((y @ w[p + "attn_k"].T).reshape(count, self.kv_heads, self.head), begin)
            v = (y @ w[p + "attn_v"].T).reshape(count, self.kv_heads, self.head)
            for store, rows in ((self.keys, k), (self.values, v)):
                kept = self.cache(rows.reshape(-1, self.head)).reshape(rows.shape)
                store[i] = np.concatenate([store[i], kept])
            x = x + self._attend(i, q, begin) @ w[p + "attn_output"].T
            y = self._norm(x, p + "ffn_norm")
            gate = y @ w[p + "ffn_gate"].T
            x = x + (gate / (1 + np.exp(-gate)) * (y @ w[p + "ffn_up"].T)) @ w[p + "ffn_down"].T
        return self._norm(x, "output_norm") @ w.get("output", w["token_embd"]).T

    def greedy(self, prompt, count):
        """(tokens, logits [prompt + count, vocabulary]) from an empty state."""
        self.reset()
        rows, tokens = [self.append(prompt)], []
        for _ in range(count):
            tokens.append(int(np.argmax(rows[-1][-1])))
            rows.append(self.append(tokens[-1:]))
        return tokens, np.concatenate(rows)

    def perplexity(self, tokens, context=None):
        """(perplexity, foretold tokens): windows as long as the context, each from an empty state; all tokens of a
        window but its first are foretold."""
        total = count = 0
        context = context or self.context
        for begin in range(0, len(tokens), context):
            window = tokens[begin:begin + context]
            if len(window) < 2:
                break
            self.reset()
            logits = self.append(window)[:-1].astype(np.float64)
            top = logits.max(axis=-1, keepdims=True)
            log = logits - top - np.log(np.exp(logits - top).sum(axis=-1, keepdims=True))
            total -= log[np.arange(len(window) - 1), window[1:]].sum()
            count += len(window) - 1
        return float(np.exp(total / count)), count


def tokenizer(path=FILE):
    """The vocabulary of a GGUF file as one of the package `tokenizers`."""
    fields = gguf.GGUFReader(path).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    merges = [tuple(m.split(" ")) for m in fields["tokenizer.ggml.merges"].contents()]
    kinds = fields["tokenizer.ggml.token_type"].contents()
    result = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, merges))
    result.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    result.decoder = decoders.ByteLevel()
    result.add_special_tokens([t for t, kind in zip(tokens, kinds) if kind == gguf.TokenType.CONTROL])
    return result


def heldout_tokens(characters=None):
    """Ids of the held-out text (its beginning), with the token before it that the file asks for."""
    return [0] + tokenizer().encode(corpus.heldout()[:characters]).ids


def _write_variant(source, target, file_type, tensors):
    """The file's metadata with other tensors: pairs of a name and an array of floats, or of blocks and their type."""
    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(target, "llama")
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name == "general.architecture":
            continue
        if name == "general.file_type":
            writer.add_file_type(file_type)
        elif field.types[0] == gguf.GGUFValueType.ARRAY:
            writer.add_array(name, field.contents())
        else:
            writer.add_key_value(name, field.contents(), field.types[0])
    for name, value, kind in tensors:
        writer.add_tensor(name, value, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_floats(source, target):
    """The same model with all weights in f32."""
    _write_variant(source, target, gguf.LlamaFileType.ALL_F32,
                   [(name, value, None) for name, value in Model(source).weights.items()])


def write_outliers(source, target, share=0.01, factor=30.0):
    """A file that computes the same but has outliers: that share of the channels of every norm is multiplied by
    `factor`, and the columns that meet them in the products after it are divided. As f32, so that nothing is rounded
    that was not."""
    weights = {name: value.copy() for name, value in Model(source).weights.items()}
    rng = np.random.default_rng(7)
    for i in range(gguf.GGUFReader(source).fields["llama.block_count"].contents()):
        for norm, products in (("attn_norm", ("attn_q", "attn_k", "attn_v")), ("ffn_norm", ("ffn_gate", "ffn_up"))):
            gain = weights[f"blk.{i}.{norm}.weight"]
            channels = rng.choice(len(gain), max(1, round(share * len(gain))), replace=False)
            gain[channels] *= np.float32(factor)
            for product in products:
                weights[f"blk.{i}.{product}.weight"][:, channels] /= np.float32(factor)
    _write_variant(source, target, gguf.LlamaFileType.ALL_F32, [(n, w, None) for n, w in weights.items()])


def _q4_k(matrix):
    """Blocks of Q4_K, which the package can read but not write: of each 32 elements the range from their least (at most
    0) to their greatest in 16 steps, both rounded to 6 bits below floats of the block of 256."""
    groups = matrix.reshape(-1, 8, 32).astype(np.float32)
    least = np.minimum(groups.min(axis=2), 0)
    step = (groups.max(axis=2) - least) / 15

    def in_block(values):
        unit = (values.max(axis=1, keepdims=True) / 63).astype(np.float16)
        wide = np.maximum(unit.astype(np.float32), 1e-30)
        return unit, np.clip(np.rint(values / wide), 0, 63).astype(np.uint8)

    (unit, scale), (low_unit, low) = in_block(step), in_block(-least)
    scaled = np.maximum(unit.astype(np.float32) * scale, 1e-30)[..., None]
    codes = np.rint((groups + (low_unit.astype(np.float32) * low)[..., None]) / scaled)
    codes = np.clip(codes, 0, 15).astype(np.uint8).reshape(-1, 4, 2, 32)
    bits = np.concatenate([scale[:, :4] | (scale[:, 4:] >> 4) << 6, low[:, :4] | (low[:, 4:] >> 4) << 6,
                           (scale[:, 4:] & 15) | (low[:, 4:] & 15) << 4], axis=1)
    blocks = np.concatenate([unit.view(np.uint8), low_unit.view(np.uint8), bits,
                             (codes[:, :, 0] | codes[:, :, 1] << 4).reshape(-1, 128)], axis=1)
    return blocks.reshape(len(matrix), -1)


def write_blocks(source, target, kind):
    """A file whose matrices are quantised to blocks of that kind, such as "Q4_0", by the package `gguf`; "Q4_K" by this
    file."""
    kind = gguf.GGMLQuantizationType[kind]
    quantize = _q4_k if kind == gguf.GGMLQuantizationType.Q4_K else lambda value: gguf.quantize(value, kind)
    tensors = []
    for name, value in Model(source).weights.items():
        matrix = value.ndim == 2
        tensors.append((name, quantize(value), kind) if matrix else (name, value, None))
    _write_variant(source, target, gguf.LlamaFileType.GUESSED, tensors)


def main():
    p = argparse.ArgumentParser(description="measure the tests' language models in numpy, or write a variant")
    p.add_argument("--model", type=pathlib.Path, default=FILE)
    p.add_argument("--perplexity", action="store_true", help="of the whole held-out text")
    p.add_argument("--prompt", help="go on greedily with this text")
    p.add_argument("--n", type=int, default=64)
    p.add_argument("--outliers", type=pathlib.Path, help="write the variant with outliers here")
    p.add_argument("--blocks", nargs=2, metavar=("TYPE", "FILE"), help="write a variant in blocks of a type, such as Q4_0")
    a = p.parse_args()
    if a.perplexity:
        value, count = Model(a.model).perplexity(heldout_tokens())
        print(f"perplexity: {value:.4f} over {count} tokens")
    if a.prompt is not None:
        t = tokenizer(a.model)
        print(t.decode(Model(a.model).greedy([0] + t.encode(a.prompt).ids, a.n)[0]))
    if a.outliers:
        write_outliers(a.model, a.outliers)
    if a.blocks:
        write_blocks(a.model, a.blocks[1], a.blocks[0])


if __name__ == "__main__":
    main()

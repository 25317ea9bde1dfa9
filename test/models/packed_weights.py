# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Weights as GPTQ, AWQ and compressed-tensors store them: words of 32 bits with codes, scales and zeros in tensors of
# their own, and the keys of config.json that say so. Packing puts codes into words one at a time, as the libraries'
# documents draw them; unpacking is written the other way round, with shifts of whole arrays, and is what tests compare
# the compiler with. Matrices are [N, K], as a linear layer has them.

import dataclasses

import numpy as np

AWQ_ORDER = (0, 2, 4, 6, 1, 3, 5, 7)  # nibble i of a word is column 8 * word + AWQ_ORDER[i]


@dataclasses.dataclass
class Packing:
    method: str                 # gptq, gptq_v2, awq, compressed
    bits: int = 4
    group: int = 32             # -1: a row
    symmetric: bool = False
    ordered: bool = False       # act-order: elements of a group lie anywhere
    scales: str = "F16"
    byte_zeros: bool = False    # compressed-tensors before zeros were packed
    head: bool = False          # the head too

    @property
    def name(self):
        parts = [self.method, str(self.bits), "row" if self.group < 0 else f"g{self.group}"]
        parts += [word for word, on in (("sym", self.symmetric), ("order", self.ordered), ("bytes", self.byte_zeros),
                                        ("head", self.head)) if on]
        return "-".join(parts + ([self.scales.lower()] if self.scales != "F16" else []))


@dataclasses.dataclass
class Quantised:
    codes: np.ndarray           # [N, K], 0 to 2^bits - 1
    scales: np.ndarray          # [N, G] of f32, exact in their stored type
    zeros: np.ndarray           # [N, G]
    group_of: np.ndarray        # [K]

    def floats(self):
        f32 = np.float32
        codes, zeros = self.codes.astype(f32), self.zeros[:, self.group_of].astype(f32)
        return self.scales[:, self.group_of] * (codes - zeros)


def quantise(values, packing, seed=3):
    """Each row on its own, so that rows may be moved afterwards."""
    n, k = values.shape
    size = k if packing.group < 0 else packing.group
    group_of = np.arange(k) // size
    if packing.ordered:
        group_of = group_of[np.random.default_rng(seed).permutation(k)]
    most, count = 2 ** packing.bits - 1, k // size
    scales, zeros = np.zeros((n, count), np.float32), np.zeros((n, count), np.int64)
    # GPTQ's zeros are stored less one, so 0 is none of them.
    least = 1 if packing.method == "gptq" else 0
    for g in range(count):
        part = values[:, group_of == g]
        if packing.symmetric:
            zeros[:, g] = (most + 1) // 2
            scales[:, g] = stored_scale(np.abs(part).max(1) / (most / 2), packing.scales)
        else:
            low, high = np.minimum(part.min(1), 0), np.maximum(part.max(1), 0)
            scales[:, g] = stored_scale((high - low) / most, packing.scales)
            zeros[:, g] = np.clip(np.round(-low / scales[:, g]), least, most)
    codes = np.clip(np.round(values / scales[:, group_of]) + zeros[:, group_of], 0, most).astype(np.int64)
    return Quantised(codes, scales, zeros, group_of)


def stored_scale(values, kind):
    values = values.astype(np.float32)
    if kind == "F16":
        return values.astype(np.float16).astype(np.float32)
    if kind == "BF16":
        return (values.view(np.uint32) & np.uint32(0xffff0000)).view(np.float32)
    return values


def words_of(rows, bits):
    """Codes of each row as a stream of bits, lowest first, in words: [rows, ceil(count * bits / 32)]."""
    result = []
    for row in rows:
        stream = 0
        for i, code in enumerate(row):
            stream |= int(code) << i * bits
        count = -(-len(row) * bits // 32)
        result.append([stream >> 32 * i & 0xffffffff for i in range(count)])
    return np.array(result, np.uint32)


def interleaved(rows):
    """AWQ's words of eight codes."""
    result = np.zeros((rows.shape[0], rows.shape[1] // 8), np.uint32)
    for word in range(result.shape[1]):
        for nibble, column in enumerate(AWQ_ORDER):
            result[:, word] |= rows[:, 8 * word + column].astype(np.uint32) << np.uint32(4 * nibble)
    return result


def floats(values, kind):
    if kind == "BF16":
        return kind, values.shape, (np.ascontiguousarray(values, "<f4").view("<u4") >> 16).astype("<u2").tobytes()
    return kind, values.shape, values.astype({"F16": "<f2", "F32": "<f4"}[kind]).tobytes()


def integers(values, kind="I32"):
    types = {"I32": "<i4", "I64": "<i8", "I8": "<i1"}
    raw = values.astype("<u4").tobytes() if kind == "I32" else values.astype(types[kind]).tobytes()
    return kind, values.shape, raw


def pack(quantised, packing):
    """Tensors by the ends of their names, each (type, shape, bytes)."""
    q, bits = quantised, packing.bits
    if packing.method == "awq":
        return {".qweight": integers(interleaved(q.codes.T)), ".qzeros": integers(interleaved(q.zeros.T)),
                ".scales": floats(q.scales.T, packing.scales)}
    if packing.method.startswith("gptq"):
        zeros = q.zeros.T - (1 if packing.method == "gptq" else 0)
        return {".qweight": integers(words_of(q.codes, bits).T), ".qzeros": integers(words_of(zeros, bits)),
                ".scales": floats(q.scales.T, packing.scales), ".g_idx": integers(q.group_of)}
    n, k = q.codes.shape
    result = {".weight_packed": integers(words_of(q.codes, bits)), ".weight_scale": floats(q.scales, packing.scales),
              ".weight_shape": integers(np.array([n, k]), "I64")}
    if packing.byte_zeros:
        result[".weight_zero_point"] = integers(q.zeros - 2 ** (bits - 1), "I8")
    elif not packing.symmetric:
        result[".weight_zero_point"] = integers(words_of(q.zeros.T, bits).T)
    if packing.ordered:
        result[".weight_g_idx"] = integers(q.group_of)
    return result


def array(tensor):
    kind, shape, raw = tensor
    if kind == "BF16":
        return (np.frombuffer(raw, "<u2").astype("<u4") << 16).view(np.float32).reshape(shape)
    types = {"F16": "<f2", "F32": "<f4", "I32": "<u4", "I64": "<i8", "I8": "<i1"}
    values = np.frombuffer(raw, types[kind]).reshape(shape)
    return values.astype(np.float32) if kind[0] == "F" else values


def codes_along(words, bits, axis):
    """What words hold along an axis, low bits first."""
    words = np.moveaxis(words, axis, -1)
    stream = np.unpackbits(np.ascontiguousarray(words).view(np.uint8), axis=-1, bitorder="little")
    codes = stream.reshape(*words.shape[:-1], -1, bits) @ (1 << np.arange(bits))
    return np.moveaxis(codes, -1, axis)


def unpack(tensors, packing):
    """The matrix in f32 that tensors of pack() stand for."""
    t = {name: array(tensor) for name, tensor in tensors.items()}
    bits = packing.bits
    if packing.method == "awq":
        def columns(words):
            nibbles = words[..., None] >> np.uint32(4) * np.arange(8, dtype=np.uint32) & 15
            return nibbles[..., np.argsort(AWQ_ORDER)].reshape(len(words), -1)

        codes, zeros, scales = columns(t[".qweight"]), columns(t[".qzeros"]), t[".scales"]
        size = len(codes) // len(scales)
        zeros, scales = np.repeat(zeros, size, axis=0), np.repeat(scales, size, axis=0)
        return (scales * (codes.astype(np.float32) - zeros.astype(np.float32))).T
    if packing.method.startswith("gptq"):
        codes = codes_along(t[".qweight"], bits, 0).astype(np.float32)
        zeros = codes_along(t[".qzeros"], bits, 1).astype(np.float32) + (packing.method == "gptq")
        at = t[".g_idx"]
        return (t[".scales"][at] * (codes - zeros[at])).T
    n, k = t[".weight_shape"]
    codes = codes_along(t[".weight_packed"], bits, 1)[:, :k].astype(np.float32)
    count = t[".weight_scale"].shape[1]
    zeros = np.full((n, count), 2.0 ** (bits - 1), np.float32)
    if packing.byte_zeros:
        zeros += t[".weight_zero_point"]
    elif ".weight_zero_point" in t:
        zeros = codes_along(t[".weight_zero_point"], bits, 0)[:n].astype(np.float32)
    at = t.get(".weight_g_idx", np.arange(k) // (k // count))
    return t[".weight_scale"][:, at] * (codes - zeros[:, at])


def config_of(packing):
    """quantization_config of config.json."""
    if packing.method == "awq":
        return {"quant_method": "awq", "bits": packing.bits, "group_size": packing.group, "zero_point": True,
                "version": "gemm", "backend": "autoawq", "modules_to_not_convert": None, "do_fuse": False}
    if packing.method.startswith("gptq"):
        return {"quant_method": "gptq", "bits": packing.bits, "group_size": packing.group, "sym": packing.symmetric,
                "desc_act": packing.ordered, "checkpoint_format": packing.method, "damp_percent": 0.01,
                "true_sequential": True, "lm_head": packing.head, "dataset": "wikitext2", "model_seqlen": 2048}
    weights = {"num_bits": packing.bits, "type": "int", "symmetric": packing.symmetric, "dynamic": False,
               "strategy": "channel" if packing.group < 0 else "group", "observer": "minmax",
               "group_size": None if packing.group < 0 else packing.group,
               "actorder": "group" if packing.ordered else None}
    return {"quant_method": "compressed-tensors", "format": "pack-quantized", "quantization_status": "compressed",
            "config_groups": {"group_0": {"targets": ["Linear"], "weights": weights, "input_activations": None,
                                          "output_activations": None}},
            "ignore": [] if packing.head else ["lm_head"], "kv_cache_scheme": None}

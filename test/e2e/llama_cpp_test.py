# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Tiny language models of every family (decoders.py) as GGUF files, beside llama.cpp on the same file: the directions of the
# logits of a prompt and of single tokens after it, caches in f32 and flash attention off on both sides. Optional: where the
# Python package llama_cpp cannot be imported every case is skipped, with the reason and how many.

import ctypes
import dataclasses
import sys

import numpy as np

import harness

import decoders

PROMPT, STEPS = 16, 3
# Of weights in blocks both sides round left-hand sides, each in its own way.
FLOATS, BLOCKS = 0.9999, 0.999
THREADS = 1

# llama.cpp tells Baichuan's 7B (rotary) and 13B (ALiBi) by their numbers of layers.
LAYERS = {"baichuan": 32, "baichuan-alibi": 40}
SKIPPED = 77


@ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
def log(level, text, user):
    if level >= 4:  # GGML_LOG_LEVEL_ERROR
        MESSAGES.append(text.decode(errors="replace").strip())


MESSAGES = []


class Peer:
    """llama.cpp by its C API."""

    def __init__(self, path, context):
        import llama_cpp as api
        self.api = api
        api.llama_log_set(log, ctypes.c_void_p(0))
        api.llama_backend_init()
        MESSAGES.clear()
        self.model = api.llama_model_load_from_file(str(path).encode(), api.llama_model_default_params())
        if not self.model:
            raise harness.CommandFailed("llama.cpp does not load the model: " + "; ".join(MESSAGES))
        parameters = api.llama_context_default_params()
        parameters.n_ctx = parameters.n_batch = parameters.n_ubatch = context
        parameters.n_threads = parameters.n_threads_batch = THREADS
        parameters.type_k = parameters.type_v = api.GGML_TYPE_F32
        if hasattr(parameters, "flash_attn_type"):
            parameters.flash_attn_type = api.LLAMA_FLASH_ATTN_TYPE_DISABLED
        else:
            parameters.flash_attn = False
        self.context = api.llama_init_from_model(self.model, parameters)
        if not self.context:
            raise harness.CommandFailed("llama.cpp makes no context: " + "; ".join(MESSAGES))

    def logits(self, tokens, position):
        """[tokens, vocabulary]"""
        api = self.api
        batch = api.llama_batch_init(len(tokens), 0, 1)
        batch.n_tokens = len(tokens)
        for i, token in enumerate(tokens):
            batch.token[i], batch.pos[i], batch.n_seq_id[i] = int(token), position + i, 1
            batch.seq_id[i][0], batch.logits[i] = 0, 1
        failed = api.llama_decode(self.context, batch)
        api.llama_batch_free(batch)
        if failed:
            raise harness.CommandFailed("llama_decode fails: " + "; ".join(MESSAGES))
        vocabulary = api.llama_vocab_n_tokens(api.llama_model_get_vocab(self.model))
        rows = api.llama_get_logits(self.context)
        return np.ctypeslib.as_array(rows, (len(tokens), vocabulary)).copy()

    def close(self):
        self.api.llama_free(self.context)
        self.api.llama_model_free(self.model)


def compare(test, config):
    folder = test.work / config.name
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "model.gguf"
    model = decoders.Model(config)
    model.write(path, numbers_only=True)
    tokens = np.random.default_rng(7).integers(0, config.vocabulary, PROMPT + STEPS)
    peer = Peer(path, config.positions)
    try:
        parts = [peer.logits(tokens[:PROMPT], 0)]
        parts += [peer.logits(tokens[i:i + 1], i) for i in range(PROMPT, len(tokens))]
    finally:
        peer.close()
    wanted = np.concatenate(parts)
    (folder / "tokens.txt").write_text(" ".join(map(str, tokens)))
    harness.execute([test.tool("tercet-generate"), str(path), "--tokens", str(folder / "tokens.txt"), "--n", "1",
                     "--logits-out", str(folder / "logits.npy"), "--cache", str(folder / "cache"), "--kv-cache", "f32",
                     "--prefill", str(PROMPT), "--quiet"])
    got = np.load(folder / "logits.npy")[:len(tokens)].astype(np.float64)
    if got.shape != wanted.shape or not np.isfinite(wanted).all():
        return f"logits of {got.shape}, llama.cpp's are {wanted.shape}"
    # llama.cpp has no sliding window for these families: what is before its end is the same.
    compared = config.window or len(tokens)
    got, wanted = got[:compared], wanted[:compared]
    cosines = [row @ want / (np.linalg.norm(row) * np.linalg.norm(want)) for row, want in zip(got, wanted)]
    bar = BLOCKS if model.has_blocks() else FLOATS
    print(f"     {config.name}: least cosine {min(cosines):.7f}, bar {bar}", flush=True)
    return None if min(cosines) >= bar else f"token {np.argmin(cosines)}: cosine {min(cosines):.6f}, less than {bar}"


def main():
    test = harness.Test(harness.parser(__doc__).parse_args())
    configs = [dataclasses.replace(config, layers=LAYERS.get(config.name, config.layers))
               for config in decoders.CONFIGS if test.wanted(config.name)]
    try:
        import llama_cpp  # noqa: F401
    except ImportError as error:
        print(f"0 passed, 0 failed, {len(configs)} skipped: the Python package llama_cpp cannot be imported ({error})")
        sys.exit(SKIPPED)
    for config in configs:
        try:
            test.check(config.name, compare(test, config))
        except harness.CommandFailed as error:
            test.check(config.name, str(error))
    test.finish()


sys.exit(main())

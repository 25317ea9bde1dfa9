# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Logits of a decoder's functions, shared by the tests of ONNX decoders: by the reference evaluator on what is imported, a
# prompt in two chunks, single tokens, and several at once with logits each.

import numpy as np

import harness

CHUNK, STEPS = 8, 3
TOKENS = 2 * CHUNK + STEPS
# Relative to the greatest logit; onnxruntime sums in f32.
EVALUATED, COMPILED, COSINE = 1e-5, 1e-4, 0.999


def expected(session, vocabulary):
    """Tokens, and what onnxruntime says of them a chunk at a time."""
    tokens = np.random.default_rng(7).integers(0, vocabulary, TOKENS)
    parts = [session.run(tokens[:CHUNK]), session.run(tokens[CHUNK:2 * CHUNK])]
    parts += [session.run(tokens[i:i + 1]) for i in range(2 * CHUNK, len(tokens))]
    return tokens, np.concatenate(parts)


def difference(got, wanted, tolerance):
    if got.shape != wanted.shape or not np.isfinite(got).all():
        return f"expected finite logits in {wanted.shape}, got {got.shape}"
    error = np.abs(got - wanted).max() / np.abs(wanted).max()
    return f"logits differ by {error:.2e} of the largest, more than {tolerance}" if error > tolerance else None


def evaluate(test, config, path, folder, tokens, wanted, rows):
    """Caches have `rows` rows, as many as the model has positions."""
    text = folder / "model.mlir"
    text.write_text(harness.execute([test.tool("tercet-import"), str(path), "--prefill", str(CHUNK), "--verify",
                                     str(STEPS), "--kv-cache", "f32"]).stdout)
    shape = (1, rows, config.key_heads, config.head)
    states = {f"cache.{i}.{kind}": np.full(shape, np.nan, np.float32) for i in range(config.layers)
              for kind in ("key", "value")}
    after = 2 * CHUNK
    runs = [(f"prefill_{CHUNK}", 0, CHUNK), (f"prefill_{CHUNK}", CHUNK, after)]
    runs += [("decode", after + i, after + i + 1) for i in range(STEPS)] + [(f"verify_{STEPS}", after, after + STEPS)]
    for entry, begin, end in runs:
        feeds = {"tokens": np.array([tokens[begin:end]], np.int64), "position": np.array(begin, np.int64), **states}
        command = [test.tool("tercet-reference"), str(text), "--entry", entry]
        for i, (name, value) in enumerate(feeds.items()):
            np.save(folder / f"in{i}.npy", value)
            command += ["--input", f"{name}={folder}/in{i}.npy"]
        outputs = ["logits", *states]
        for i, name in enumerate(outputs):
            command += ["--output", f"{name}={folder}/out{i}.npy"]
        harness.execute(command)
        results = {name: np.load(folder / f"out{i}.npy") for i, name in enumerate(outputs)}
        got = results.pop("logits").reshape(-1, config.vocabulary)
        states = results
        problem = difference(got, wanted[begin:end] if entry.startswith("verify") else wanted[end - 1:end], EVALUATED)
        if problem:
            return f"{entry} at {begin}: {problem}"
    return None


def compiled(test, path, folder, tokens, count, *flags):
    """Logits of the tokens and of `count` greedy steps, by tercet-generate."""
    (folder / "tokens.txt").write_text(" ".join(map(str, tokens)))
    harness.execute([test.tool("tercet-generate"), str(path), "--tokens", str(folder / "tokens.txt"), "--n", str(count),
                     "--logits-out", str(folder / "logits.npy"), "--cache", str(folder / "cache"), "--prefill",
                     str(CHUNK), *flags, "--quiet"])
    return np.load(folder / "logits.npy")

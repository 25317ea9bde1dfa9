# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Programs with state and scalars: a cache that is appended to at a position, attention over what it holds and rotary
# embedding at a position, compared with NumPy at the boundaries of cache, rows, heads and window; what was there before
# stays; values of a scalar outside of its range are refused.

import itertools

import numpy as np

import harness

CONTEXT = 24
SIZE = 8


def program(rows, heads, key_heads, element, window, bias):
    """Text of a module with an entry that appends rows to a cache and attends to it."""
    x, c = f"tensor<1x{rows}x{heads}x{SIZE}xf32>", f"tensor<1x{CONTEXT}x{key_heads}x{SIZE}x{element}>"
    r, t = f"tensor<1x{rows}x{key_heads}x{SIZE}xf32>", f"tensor<1x{CONTEXT}x{SIZE}xf32>"
    m = f"tensor<1x{heads}x1x{CONTEXT}xf32>"
    mask = f"mask(%m : {m}) " if bias else ""
    near = f" window {window}" if window else ""
    return f"""
func.func @step(%q: {x} {{nn.name = "q"}}, %k: {r} {{nn.name = "k"}}, %v: {r} {{nn.name = "v"}},
    %cos: {t} {{nn.name = "cos"}}, %sin: {t} {{nn.name = "sin"}}, %m: {m} {{nn.name = "m"}},
    %p: index {{nn.name = "position", nn.range = #nn.range<0, {CONTEXT - rows}>}},
    %keys: {c} {{nn.name = "keys", nn.state}}, %values: {c} {{nn.name = "values", nn.state}})
    -> ({x} {{nn.name = "y"}}, {c} {{nn.name = "keys", nn.tied = 7 : i64}}, {c} {{nn.name = "values", nn.tied = 8 : i64}}) {{
  %ex = tensor.empty() : {x}
  %er = tensor.empty() : {r}
  %qr = nn.rope ins(%q, %cos, %sin : {x}, {t}, {t}) at %p outs(%ex : {x})
  %kr = nn.rope ins(%k, %cos, %sin : {r}, {t}, {t}) at %p outs(%er : {r})
  %k1 = nn.cache_update ins(%kr : {r}) at %p outs(%keys : {c})
  %v1 = nn.cache_update ins(%v : {r}) at %p outs(%values : {c})
  %y = nn.cached_attention ins(%qr, %k1, %v1 : {x}, {c}, {c}) {mask}at %p outs(%ex : {x}) scale 3.500000e-01{near}
  return %y, %k1, %v1 : {x}, {c}, {c}
}}
"""


def rotated(x, cos, sin):
    """x in [rows, heads, size], tables in [rows, size]."""
    half = SIZE // 2
    turned = np.concatenate([-x[..., half:], x[..., :half]], axis=-1)
    return x * cos[:, None] + turned * sin[:, None]


def expected(feeds, position, kept, element, window, bias):
    """The output, and the caches as they are then."""
    rows, heads = feeds["q"].shape[1:3]
    here = slice(position, position + rows)
    cos, sin = feeds["cos"][0][here], feeds["sin"][0][here]
    keys, values = (part.copy() for part in kept)
    keys[here] = rotated(feeds["k"][0], cos, sin).astype(element)
    values[here] = feeds["v"][0].astype(element)
    queries = rotated(feeds["q"][0], cos, sin).astype(np.float64)
    share = heads // keys.shape[1]
    y = np.zeros_like(queries)
    for row, head in itertools.product(range(rows), range(heads)):
        first = max(0, position + row + 1 - window) if window else 0
        seen = slice(first, position + row + 1)
        scores = keys[seen, head // share].astype(np.float64) @ queries[row, head] * 0.35
        if bias:
            scores += feeds["m"][0, head, 0, seen]
        weights = np.exp(scores - scores.max())
        y[row, head] = weights @ values[seen, head // share].astype(np.float64) / weights.sum()
    return y[None].astype(np.float32), keys, values


class StateTest(harness.Test):
    def case(self, rows, heads, key_heads, element="f16", window=0, bias=False):
        name = f"rows{rows}-heads{heads}x{key_heads}-{element}-window{window}{'-bias' if bias else ''}"
        if not self.wanted(name):
            return
        text, output = self.work / f"{name}.mlir", self.work / name
        text.write_text(program(rows, heads, key_heads, element, window, bias))
        self.compile(text, output, None, "--name", "step", "--workers", "2")
        harness.execute([self.tool("tercet-check"), str(output)])
        random = np.random.default_rng(rows * 100 + heads)

        def draw(*shape):
            return random.standard_normal(shape).astype(np.float32)

        kind = {"f16": np.float16, "f32": np.float32}[element]
        for position in sorted({0, 1, 7, 15, CONTEXT - rows}):
            if position > CONTEXT - rows:
                continue
            feeds = {"q": draw(1, rows, heads, SIZE), "k": draw(1, rows, key_heads, SIZE),
                     "v": draw(1, rows, key_heads, SIZE), "cos": draw(1, CONTEXT, SIZE), "sin": draw(1, CONTEXT, SIZE),
                     "m": draw(1, heads, 1, CONTEXT)}
            empty = np.zeros((CONTEXT, key_heads, SIZE), kind)
            y, keys, values = expected(feeds, position, (empty, empty), kind, window, bias)
            got = self.run(output, feeds, ["y", "keys", "values"], "--entry", "step", "--scalar", f"position={position}")
            for what, value in (("y", y), ("keys", keys[None]), ("values", values[None])):
                self.check(f"{name} at {position}: {what}",
                           harness.difference(got[what], value, 2e-3 if what != "y" and element == "f16" else 1e-5))
        if rows == 1 and not bias:
            self.refusals(name, output, feeds)

    def refusals(self, name, output, feeds):
        """A position at which rows would not fit is a status that names the scalar and its range."""
        command = [self.tool("tercet-run"), str(output), "--entry", "step"]
        for key, value in feeds.items():
            np.save(self.work / f"{key}.npy", value)
            command += ["--input", f"{key}={self.work / key}.npy"]
        for value in (-1, CONTEXT):
            done = harness.execute(command + ["--scalar", f"position={value}"], expect=1)
            wanted = f"scalar 'position' must be in [0, {CONTEXT - 1}], got {value}"
            self.check(f"{name}: position {value}", None if wanted in done.stderr else done.stderr)


def main():
    test = StateTest(harness.parser(__doc__).parse_args())
    for rows, (heads, key_heads) in itertools.product((1, 2, 5, CONTEXT), ((4, 4), (6, 2), (3, 1))):
        test.case(rows, heads, key_heads)
    for rows in (1, 5):
        test.case(rows, 4, 2, element="f32")
        for window in (1, 3, CONTEXT):
            test.case(rows, 4, 2, window=window)
        test.case(rows, 6, 3, bias=True)
        test.case(rows, 6, 3, bias=True, window=4)
    test.finish()


if __name__ == "__main__":
    main()

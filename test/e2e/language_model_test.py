# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The trained language model, end to end: compiled by tercet-generate, against a forward pass in numpy (tiny_lm.py).
# Logits, greedy tokens and text, perplexity, the variant with outliers, caches and weights of fewer bits, speculative
# decoding, sessions; with --target the same text under qemu-user.

import re
import subprocess

import numpy as np

import group_formats
import harness

import corpus  # noqa: E402, from test/models
import tiny_lm  # noqa: E402

PROMPT = "And it came to pass"
COUNT = 64


class Generate:
    def __init__(self, test):
        self.test = test
        self.cache = test.work / "cache"

    def run(self, model, *arguments, expect=0, text=""):
        done = subprocess.run([self.test.tool("tercet-generate"), str(model), *map(str, arguments)], capture_output=True,
                              text=True, timeout=900, input=text)
        if done.returncode != expect:
            raise harness.CommandFailed(f"{harness.status_text(done.returncode)}: {done.stdout} {done.stderr}")
        return done.stdout, done.stderr

    def compiled(self, model, *arguments, **options):
        """From the model's file, which is compiled where it was not."""
        return self.run(model, "--cache", self.cache, *arguments, **options)

    def case(self, name, function):
        if not self.test.wanted(name):
            return
        try:
            problem = function()
        except harness.CommandFailed as error:
            problem = str(error)
        self.test.check(name, problem)


def greedy_ids(g, model, reference, name, tolerance, *flags):
    """Ids and logits after a prompt that is cut into several pieces."""
    prompt = tiny_lm.heldout_tokens(700)[:151]
    file, logits = g.test.work / "prompt.txt", g.test.work / "logits.npy"
    file.write_text("\n".join(map(str, prompt)) + "\n")

    def run():
        out, _ = g.compiled(model, "--tokens", file, "--n", COUNT, "--logits-out", logits, *flags)
        tokens, rows = reference.greedy(prompt, COUNT)
        got = [int(t) for t in out.split()]
        if got != tokens:
            return f"expected {tokens}, got {got}"
        found = np.load(logits)
        if found.shape != rows.shape or found.dtype != np.float32:
            return f"logits are {found.dtype}{list(found.shape)}, expected f32{list(rows.shape)}"
        worst = float(np.max(np.linalg.norm(found - rows, axis=-1) / np.linalg.norm(rows, axis=-1)))
        return None if worst <= tolerance else f"a row of logits is {worst:.2e} off, expected at most {tolerance:.0e}"
    g.case(f"{name}: ids and logits", run)

    def without_logits():
        # The prompt in the pieces that the entry points take, not row by row.
        out, err = g.compiled(model, "--tokens", file, "--n", COUNT, *flags)
        tokens, _ = reference.greedy(prompt, COUNT)
        return None if [int(t) for t in out.split()] == tokens else f"expected {tokens}, got {out}"
    g.case(f"{name}: ids, prompt in pieces", without_logits)


def perplexity(g, model, reference, name, bound, characters, *flags):
    """Relative difference to numpy's at most `bound`."""
    file = g.test.work / "heldout.txt"
    file.write_text(corpus.heldout()[:characters])

    def run():
        out, _ = g.compiled(model, "--perplexity", file, *flags)
        value, count = re.fullmatch(r"perplexity: ([\d.]+) over (\d+) tokens\n", out).groups()
        ids = tiny_lm.heldout_tokens(characters)
        if characters >= len(corpus.heldout()):  # a minute in numpy
            expected, tokens = tiny_lm.PERPLEXITY["tiny_lm.gguf"], len(ids) - -(-len(ids) // reference.context)
        else:
            expected, tokens = reference.perplexity(ids)
        if int(count) != tokens:
            return f"{count} tokens were foretold, expected {tokens}"
        change = float(value) / expected - 1
        return None if abs(change) <= bound else f"{value}, {change:+.3%} beside numpy's {expected:.4f}"
    g.case(f"{name}: perplexity", run)


def same_bits(g, model, name, *flags):
    """The logits of a row are the same bits, however many rows are computed at once: so drafts change no token."""
    ids, logits = g.test.work / "bits.txt", g.test.work / "bits.npy"
    ids.write_text("\n".join(map(str, tiny_lm.heldout_tokens(700)[:120])) + "\n")

    def run():
        found = {}
        for verify in ((), ("--verify", 2), ("--verify", 5), ("--verify", 8)):
            g.compiled(model, "--tokens", ids, "--n", 1, "--logits-out", logits, *verify, *flags)
            found[verify] = np.load(logits)
        for verify, rows in found.items():
            other = np.flatnonzero((rows.view(np.uint32) != found[()].view(np.uint32)).any(axis=-1))
            if len(other):
                return f"with {verify} {len(other)} rows of logits have other bits, the first is {other[0]}"
        return None
    g.case(f"{name}: bits of rows computed at once", run)


def in_groups(name):
    """What a cache of this format makes of rows."""
    return lambda rows: group_formats.decode_running(group_formats.encode_running(rows, name), name)


def small_caches(g, model, outliers, reference, characters):
    """Caches of 8 and 4 bits: what they cost beside the f32 model, and that all they are for goes on working."""
    for kind, name, bound, tolerance in (("int8", "q8_0", 0.002, 5e-3), ("int4", "q4_0", 0.03, 5e-2)):
        flags = ("--kv-cache", kind)
        greedy_ids(g, model, tiny_lm.Model(model, in_groups(name)), f"{kind} cache", tolerance, *flags)
        perplexity(g, model, reference, f"{kind} cache", bound, characters, *flags)
        perplexity(g, outliers, reference, f"{kind} cache, outliers", bound, characters // 3, *flags)
        same_bits(g, model, f"{kind} cache", *flags)

        def sessions(kind=kind, flags=flags):
            # Tokens, then rows of the cache, of no more bytes than 32 elements in a group take.
            file = g.test.work / f"session-{kind}"
            file.unlink(missing_ok=True)
            whole, _ = g.compiled(model, "--prompt", PROMPT, "--n", COUNT, *flags)
            g.compiled(model, "--prompt", PROMPT, "--n", 20, "--session", file, *flags)
            size, tokens = file.stat().st_size, np.frombuffer(file.read_bytes()[8:12], "<u4")[0]
            row = 2 * reference.layers * reference.kv_heads * reference.head // 32 * {"int8": 34, "int4": 18}[kind]
            if size != 32 + tokens * (8 + row):
                return f"a session of {tokens} tokens has {size} bytes, expected {32 + tokens * (8 + row)}"
            out, err = g.compiled(model, "--prompt", PROMPT, "--n", COUNT, "--session", file, *flags)
            run = int(re.search(r"prefill: (\d+) tokens", err).group(1))
            if run != 1:
                return f"{run} tokens of the prompt were run, expected the last one only"
            if out != whole:
                return f"expected {whole!r}, got {out!r}"
            _, err = g.compiled(model, "--prompt", PROMPT, "--n", 2, "--session", file, expect=1)
            return None if "another program" in err else f"a cache of f16 took it: {err!r}"
        g.case(f"{kind} cache: sessions", sessions)


def text(g, model, expected):
    def run():
        out, _ = g.compiled(model, "--prompt", PROMPT, "--n", COUNT)
        return None if out == expected + "\n" else f"expected {expected!r}, got {out!r}"
    g.case("text", run)

    def draft():
        out, err = g.compiled(model, "--prompt", PROMPT, "--n", COUNT, "--draft", tiny_lm.DRAFT_FILE)
        accepted, proposed = map(int, re.search(r"accepted: (\d+) of (\d+)", err).groups())
        if not 0 < accepted < proposed:
            return f"{accepted} of {proposed} accepted; a draft model that is worth its name has some, not all"
        return None if out == expected + "\n" else f"expected {expected!r}, got {out!r}"
    g.case("text with a draft model", draft)

    def session():
        file = g.test.work / "session"
        file.unlink(missing_ok=True)
        g.compiled(model, "--prompt", PROMPT, "--n", 20, "--session", file)
        out, err = g.compiled(model, "--prompt", PROMPT, "--n", COUNT, "--session", file)
        run = int(re.search(r"prefill: (\d+) tokens", err).group(1))
        if run != 1:
            return f"{run} tokens of the prompt were run, expected the last one only"
        return None if out == expected + "\n" else f"expected {expected!r}, got {out!r}"
    g.case("text of a session", session)

    def sampled():
        outs = [g.compiled(model, "--prompt", PROMPT, "--n", 40, "--temperature", 0.9, "--top-p", 0.95, "--top-k", 40,
                           "--min-p", 0.02, "--repetition-penalty", 1.1, "--seed", seed)[0] for seed in (1, 1, 2)]
        return None if outs[0] == outs[1] != outs[2] else f"seeds 1, 1, 2 gave {outs}"
    g.case("sampled text", sampled)

    def chat():
        out, err = g.compiled(model, "--chat", "--n", 12, text="Who art thou?\nAnd who is he?\n")
        return None if len(out) > 20 and "decode:" in err else f"got {out!r} {err!r}"
    g.case("chat", chat)

    def refused(part, *arguments):
        def run():
            _, err = g.compiled(model, *arguments, expect=1)
            return None if part in err and err.count("\n") == 1 else f"expected one line with '{part}', got {err!r}"
        return run
    g.case("refused: a prompt longer than the context", refused("longer than the context", "--prompt", "word " * 300))
    g.case("refused: more than the context holds", refused("do not fit into the context", "--prompt", "a", "--n", "9999"))


def main():
    p = harness.parser("the trained language model against numpy")
    p.add_argument("--characters", type=int, default=12000, help="of the held-out text, for perplexity")
    test = harness.Test(p.parse_args())
    g = Generate(test)
    model = tiny_lm.check(tiny_lm.FILE)
    tiny_lm.check(tiny_lm.DRAFT_FILE)
    tokenizer = tiny_lm.tokenizer()
    prompt = [0] + tokenizer.encode(PROMPT).ids
    reference = tiny_lm.Model(model)
    expected = tokenizer.decode(reference.greedy(prompt, COUNT)[0])
    if test.arguments.target:
        def cross():
            folder = test.work / "program"
            test.compile(model, folder)
            out, _ = g.run(folder, "--tokenizer", model, "--prompt", PROMPT, "--n", COUNT)
            return None if out == expected + "\n" else f"expected {expected!r}, got {out!r}"
        g.case("text", cross)
        for kind, name in (("int8", "q8_0"), ("int4", "q4_0")):
            def small(kind=kind, name=name):
                folder, count = test.work / f"program-{kind}", 16
                test.compile(model, folder, None, "--kv-cache", kind)
                tokens, _ = tiny_lm.Model(model, in_groups(name)).greedy(prompt, count)
                out, _ = g.run(folder, "--tokenizer", model, "--prompt", PROMPT, "--n", count)
                wanted = tokenizer.decode(tokens)
                return None if out == wanted + "\n" else f"expected {wanted!r}, got {out!r}"
            g.case(f"{kind} cache: text", small)
        test.finish()
    greedy_ids(g, model, reference, "f32 cache", 1e-3, "--kv-cache", "f32")
    greedy_ids(g, model, tiny_lm.Model(model, np.float16), "f16 cache", 1e-3)
    perplexity(g, model, reference, "f16", 0.001, test.arguments.characters)
    perplexity(g, model, reference, "f16, several tokens at once", 0.001, test.arguments.characters, "--verify", "3,8")
    outliers = test.work / "outliers.gguf"
    tiny_lm.write_outliers(model, outliers)
    perplexity(g, outliers, reference, "outliers", 0.001, test.arguments.characters // 3)
    # In blocks of the file's: beside the f32 model, so the bound is what quantisation may cost.
    for kind, bound in (("Q8_0", 0.002), ("Q4_0", 0.05), ("Q4_K", 0.05)):
        blocks = test.work / f"{kind}.gguf"
        tiny_lm.write_blocks(model, blocks, kind)
        perplexity(g, blocks, reference, kind, bound, test.arguments.characters, "--verify", 8)
        same_bits(g, blocks, kind)
    same_bits(g, model, "f16")
    small_caches(g, model, outliers, reference, test.arguments.characters)
    for scheme, bound in (("w8", 0.002), ("w4g32", 0.05)):
        perplexity(g, model, reference, f"--quantize {scheme}", bound, test.arguments.characters, "--quantize", scheme)
    text(g, model, expected)
    test.finish()


if __name__ == "__main__":
    main()

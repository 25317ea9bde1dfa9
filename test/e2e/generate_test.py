# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# tercet-generate over a model written by hand (runtime/examples/abi_decoder.c), whose logits depend on every token
# before them: tokens, logits, sampling, sessions, chat, speculative decoding and errors, against a few lines of Python.
# Variants of the model are made by changing its source.

import json
import re
import shutil
import subprocess

import numpy as np

import harness

CONTEXT, VOCABULARY = 40, 16
SOURCE = harness.ROOT / "runtime/examples/abi_decoder.c"
# Letters for the tokens that text can become; the last four are control tokens.
LETTERS = "abcdefghijkl"
TOKENS = list(LETTERS) + ["<s>", "</s>", "<u>", "<a>"]
CHAT = ("{{ bos_token }}{% for m in messages %}{{ '<u>' if m.role == 'user' else '<a>' }}{{ m.content }}"
        "{% if m.role == 'assistant' %}{{ eos_token }}{% endif %}{% endfor %}{% if add_generation_prompt %}<a>{% endif %}")


def logits(tokens, factor=40503):
    number = 1
    for token in tokens:
        number = (number * 31 + token * 7 + 3) % 65521
    v = np.arange(VOCABULARY, dtype=np.int64)
    return (((number * (v * v + 5) * factor) >> 3) % 1009).astype(np.float32) / np.float32(64)


def greedy(prompt, count, ends=()):
    tokens = list(prompt)
    for _ in range(count):
        token = int(np.argmax(logits(tokens)))
        if token in ends or len(tokens) > CONTEXT:
            break
        tokens.append(token)
    return tokens[len(prompt):]


class Generate:
    def __init__(self, test):
        self.test = test
        self.model = self.build("decoder")

    def build(self, name, *changes):
        """Folder of the model, its source changed."""
        folder = self.test.work / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        text = SOURCE.read_text()
        for before, after in changes:
            assert before in text, before
            text = text.replace(before, after)
        source = folder / "decoder.c"
        source.write_text(text)
        target = [f"--target={self.test.arguments.target}"] if self.test.arguments.target else []
        harness.execute([self.test.arguments.clang, *target, "-std=c11", "-O1", f"-I{harness.ROOT / 'runtime/include'}",
                         f"-I{SOURCE.parent}", "-c", str(source), "-o", str(folder / "decoder.o")])
        return folder

    def run(self, *arguments, model=None, text="", expect=0):
        done = subprocess.run([self.test.tool("tercet-generate"), str(model or self.model), *map(str, arguments)],
                              input=text.encode() if isinstance(text, str) else text, capture_output=True, timeout=300)
        if done.returncode != expect:
            raise harness.CommandFailed(f"{harness.status_text(done.returncode)}: {done.stdout!a} {done.stderr!a}")
        return done.stdout.decode(), done.stderr.decode()

    def tokens(self, prompt, *arguments, **options):
        file = self.test.work / "prompt.txt"
        file.write_text(" ".join(map(str, prompt)))
        out, err = self.run("--tokens", file, *arguments, **options)
        return [int(t) for t in out.split()], err

    def case(self, name, function):
        if not self.test.wanted(name):
            return
        try:
            problem = function()
        except harness.CommandFailed as error:
            problem = str(error)
        self.test.check(name, problem)

    def refused(self, name, part, *arguments, prompt=(1,), **options):
        def run():
            _, err = self.tokens(prompt, *arguments, expect=1, **options)
            lines = [line for line in err.split("\n") if line]
            return None if len(lines) == 1 and lines[0].startswith("tercet-generate: error: ") and part in err else \
                f"expected one line with '{part}', got {err!a}"
        self.case(f"refused: {name}", run)


def same(got, expected):
    return None if got == expected else f"expected {expected}, got {got}"


def counts(err):
    """{"prefill": tokens, "decode": tokens} from the figures."""
    return {name: int(count) for name, count in re.findall(r"(\w+): (\d+) tokens in [\d.]+ ms \([\d.]+ tokens/s\)", err)}


def plain(g):
    for length in (1, 2, 7, 8, 9, 19, 30):
        prompt = [(5 * i + length) % VOCABULARY for i in range(length)]
        g.case(f"{length} tokens", lambda: same(g.tokens(prompt, "--n", 10)[0], greedy(prompt, 10)))
    g.case("to the context's end", lambda: same(g.tokens([3] * 30)[0], greedy([3] * 30, CONTEXT - 30 + 1)))
    g.case("none", lambda: same(g.tokens([3], "--n", 0)[0], []))
    g.case("figures", lambda: same(counts(g.tokens([3] * 9, "--n", 5)[1]), {"prefill": 9, "decode": 4}))
    g.case("quiet", lambda: same(g.tokens([3] * 9, "--n", 5, "--quiet")[1], ""))
    g.case("threads", lambda: same(g.tokens([3] * 9, "--n", 5, "--threads", 2)[0], greedy([3] * 9, 5)))


def logits_file(g):
    def run():
        prompt, file = [4, 9, 2, 15, 0, 1, 7, 7, 3, 2, 1], g.test.work / "logits.npy"
        got, _ = g.tokens(prompt, "--n", 6, "--logits-out", file)
        rows = np.load(file)
        expected = np.stack([logits((prompt + got)[:i + 1]) for i in range(len(prompt) + 6)])
        return same(got, greedy(prompt, 6)) or harness.difference(rows, expected, 0)
    g.case("logits", run)
    g.case("no part of a file is left", lambda: same([p.name for p in g.test.work.glob("*.part")], []))


def sampling(g):
    def run():
        hot = ["--n", 20, "--temperature", 3]
        draws = [g.tokens([1, 2], *hot, "--seed", seed)[0] for seed in (5, 5, 6)]
        if draws[0] != draws[1]:
            return "the same seed gives other tokens"
        if draws[0] == draws[2]:
            return "another seed gives the same tokens"
        return same(g.tokens([1, 2], *hot, "--top-k", 1)[0], greedy([1, 2], 20))
    g.case("seeds", run)

    def penalty():
        tokens = [1, 2, 3]
        for _ in range(12):
            row = logits(tokens)
            row[sorted(set(tokens))] /= np.float32(50)
            tokens.append(int(np.argmax(row)))
        return same(g.tokens([1, 2, 3], "--n", 12, "--repetition-penalty", 50)[0], tokens[3:])
    g.case("repetition penalty", penalty)


def sessions(g):
    def run():
        file = g.test.work / "session"
        file.unlink(missing_ok=True)
        first, second = [1, 2, 3, 4, 5, 6, 7], [1, 2, 3, 4, 9, 9]
        got, err = g.tokens(first, "--n", 4, "--session", file)
        problem = same(got, greedy(first, 4)) or same(counts(err)["prefill"], 7)
        got, err = g.tokens(second, "--n", 4, "--session", file)
        problem = problem or same(got, greedy(second, 4)) or same(counts(err)["prefill"], 2)
        # The prompt and all but the last token of the answer are there.
        longer = second + got[:3] + [8]
        got, err = g.tokens(longer, "--n", 4, "--session", file)
        problem = problem or same(got, greedy(longer, 4)) or same(counts(err)["prefill"], 1)
        data = file.read_bytes()
        (g.test.work / "cut").write_bytes(data[:-1])
        (g.test.work / "foreign").write_bytes(b"x" * 200)
        return problem
    g.case("session", run)
    g.refused("a session that is cut off", "truncated or damaged", "--session", g.test.work / "cut")
    g.refused("a file that is no session", "not a saved session", "--session", g.test.work / "foreign")


def speculation(g):
    worse = g.build("worse", ("* 40503 >>", "* (position % 3 ? 40503 : 77) >>"),
                    ("int64_t before", "int64_t position = args->scalars[0] + s;\n    int64_t before"))
    alone = g.build("alone", ("\\0verify_3\\0", "\\0verify_x\\0"), ("ENTRIES = 3, BUFFERS", "ENTRIES = 3, BUFFERS"))
    prompt = [2, 7, 1, 8, 2, 8]
    for name, draft in (("the same model", g.model), ("a worse model", worse), ("another file of it", alone)):
        for count in (1, 2, 3, 11, 34):
            def run():
                got, err = g.tokens(prompt, "--n", count, "--draft", draft)
                accepted, proposed = map(int, re.search(r"accepted: (\d+) of (\d+)", err).groups()) if count > 1 else (1, 1)
                problem = same(got, greedy(prompt, count))
                if not problem and name == "the same model" and accepted != proposed:
                    problem = f"{accepted} of {proposed} accepted"
                if not problem and name == "a worse model" and count == 34 and not 0 < accepted < proposed:
                    problem = f"{accepted} of {proposed} accepted; expected some, not all"
                return problem
            g.case(f"draft: {name}, {count} tokens", run)


def text(g):
    folder = g.model
    model = {"type": "BPE", "vocab": {t: i for i, t in enumerate(LETTERS)}, "merges": []}
    added = [{"id": 12 + i, "content": t, "special": True} for i, t in enumerate(TOKENS[12:])]
    template = {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}],
                "special_tokens": {"<s>": {"ids": [12]}}}
    (folder / "tokenizer.json").write_text(json.dumps({"model": model, "added_tokens": added,
                                                       "post_processor": template}))
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": CHAT, "bos_token": "<s>",
                                                              "eos_token": "</s>"}))

    def spell(tokens):
        return "".join(TOKENS[t] for t in tokens if t < 12)

    def ids(string):
        return [LETTERS.index(c) for c in string]

    def prompts():
        for prompt in ("a", "bad", "face", "kill", "aaaaaaaaabbbbbbbb", ""):
            out, _ = g.run("--prompt", prompt, "--n", 12)
            problem = same(out, spell(greedy([12] + ids(prompt), 12, ends=[13])) + "\n")
            if problem:
                return f"'{prompt}': {problem}"
        return None
    g.case("text", prompts)

    def chat():
        out, err = g.run("--chat", "--n", 5, text="abc\n\nbe\na\n")
        tokens, answers, run = [12], "", 0
        for message in ("abc", "be", "a"):
            added = [14] + ids(message) + [15]
            before = len(tokens)
            tokens += added
            answer = greedy(tokens, 5, ends=[13])
            tokens += answer
            answers += spell(answer) + "\n"
            # The template ends an answer with </s>, which only the next message brings.
            tokens += [13]
            run += len(added)
        problem = same(out, answers)
        if not problem and counts(err)["prefill"] >= len(tokens):
            problem = f"{counts(err)['prefill']} tokens were run as prompts, of {len(tokens)} in all"
        return problem
    g.case("chat", chat)
    g.case("chat: nothing said", lambda: same(g.run("--chat", text="")[0], ""))

    def messages_are_text():
        try:
            g.run("--chat", text="a<s>\n", expect=1)
        except harness.CommandFailed as error:
            return str(error)
        return None
    g.case("a message's control token is text, for which there are no letters", messages_are_text)

    def perplexity():
        file = g.test.work / "text.txt"
        content = (LETTERS * 9)[:95]
        file.write_text(content)
        tokens = [12] + ids(content)
        total = count = 0
        for begin in range(0, len(tokens), CONTEXT):
            window = tokens[begin:begin + CONTEXT]
            for i in range(1, len(window)):
                row = logits(window[:i]).astype(np.float64)
                total -= row[window[i]] - np.log(np.exp(row).sum())
                count += 1
        out, _ = g.run("--perplexity", file)
        return same(out, f"perplexity: {np.exp(total / count):.4f} over {count} tokens\n")
    g.case("perplexity", perplexity)

    def error(part, *arguments, text=""):
        def run():
            _, err = g.run(*arguments, text=text, expect=1)
            return None if part in err and err.count("\n") == 1 else f"expected one line with '{part}', got {err!a}"
        return run
    g.case("refused: invalid UTF-8 in a chat", error("expected UTF-8, got byte 0xFF at offset 1", "--chat", text=b"a\xff\n"))
    (g.test.work / "latin.txt").write_bytes(b"abc\xe9d")
    g.case("refused: invalid UTF-8 in a file", error("0xE9 at offset 3", "--perplexity", g.test.work / "latin.txt"))
    g.case("refused: no token", error("no token for 'z'", "--prompt", "az"))
    (g.test.work / "empty.txt").write_text("")
    g.case("refused: nothing to foretell", error("at least 2 tokens", "--perplexity", g.test.work / "empty.txt"))
    g.case("refused: a long prompt", error("longer than the context of 40", "--prompt", "a" * 60))
    larger = {**model, "vocab": {chr(97 + i): i for i in range(26)}}
    (g.test.work / "larger.json").write_text(json.dumps({"model": larger}))
    g.case("refused: another model's tokenizer", error("do not belong together", "--prompt", "a", "--tokenizer",
                                                       g.test.work / "larger.json"))
    (g.test.work / "no-chat.json").write_text((folder / "tokenizer.json").read_text())
    g.case("refused: no chat template", error("no chat template", "--chat", "--tokenizer", g.test.work / "no-chat.json"))
    g.case("refused: no tokenizer", error("cannot read", "--prompt", "a", "--tokenizer", g.test.work / "absent.json"))


def errors(g):
    work = g.test.work
    g.refused("a long prompt", "the prompt of 41 tokens is longer than the context of 40", prompt=[1] * 41)
    g.refused("prompt and answer too long", "10 tokens and 40 more do not fit", "--n", 40, prompt=[1] * 10)
    g.refused("logits that do not fit", "39 tokens and 2 more do not fit", "--n", 2, "--logits-out", work / "x.npy",
              prompt=[1] * 39)
    g.refused("an empty prompt", "no tokens", prompt=[])
    g.refused("an id out of range", "token 1: expected an id below 16, got '16'", prompt=[1, 16])
    g.refused("a negative id", "got '-1'", prompt=[-1])
    g.refused("no id", "got 'one'", prompt=["one"])
    g.refused("exclusive", "exclude one another", "--prompt", "a")
    g.refused("an unknown option", "unknown option '--frobnicate'", "--frobnicate")
    g.refused("no number", "--n: expected a number of tokens, got 'many'", "--n", "many")
    g.refused("a temperature below 0", "--temperature: expected", "--temperature", -1)
    g.refused("top-k without temperature", "--temperature above 0", "--top-k", 3)
    g.refused("draft with temperature", "--draft is for greedy", "--draft", g.model, "--temperature", 1)
    g.refused("flags of the compiler", "is compiled already; --context", "--context", 10)
    g.refused("no such folder for logits", "cannot write", "--logits-out", work / "no" / "x.npy")
    g.refused("a name that is no .npy", "ends in .npy", "--logits-out", work / "x.bin")
    g.refused("an absent model", "absent", model=work / "absent.gguf")
    crash = g.build("crash", ("cache[s].token = tokens[s];",
                              "if (tokens[s] == 5) __builtin_trap();\n    cache[s].token = tokens[s];"))
    g.refused("a model that crashes", "ended by the signal", prompt=[1, 5], model=crash)
    wide = g.build("not-a-number", ("/ 64.0f;", "/ 64.0f + (v == 3 ? __builtin_nanf(\"\") : 0);"))
    g.refused("a logit that is no number", "logit of token 3 is not a number", model=wide)
    nameless = g.build("nameless", ("\\0tokens\\0", "\\0tokenz\\0"))
    g.refused("a model that is no decoder", "no decoder: expected an entry point with an input 'tokens'", model=nameless)


def main():
    p = harness.parser("tercet-generate over a model written by hand")
    p.add_argument("--clang", default="clang-22")
    test = harness.Test(p.parse_args())
    g = Generate(test)
    plain(g)
    logits_file(g)
    if not test.arguments.target:
        sampling(g)
        sessions(g)
        speculation(g)
        text(g)
        errors(g)
    test.finish()


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The tokenizers against the reference packages, `tokenizers` and `sentencepiece`: the same ids for every text, on small
# vocabularies of each kind that these packages train here; the same text back; and one clear error for invalid UTF-8
# and for files that are wrong.

import json
import pathlib
import subprocess

import harness
import vocabularies


def encode(program, vocabulary, texts, mode="token"):
    """(ids, decoded bytes) of each text (bytes or str), or the error's line."""
    data = b""
    for text in texts:
        text = text.encode() if isinstance(text, str) else text
        data += b"%d %s\n" % (len(text), mode.encode()) + text
    done = subprocess.run([program, str(vocabulary)], input=data, capture_output=True, timeout=300)
    if done.returncode:
        return done.stderr.decode(errors="replace")
    lines = done.stdout.decode().split("\n")
    return [lines[2 * i] if lines[2 * i].startswith("error") else
            ([int(x) for x in lines[2 * i].split()], bytes.fromhex(lines[2 * i + 1])) for i in range(len(texts))]


def compare(test, name, program, vocabulary, texts, reference, decode=None):
    """Ids of every text; with `decode`, also the text that the ids spell."""
    if not test.wanted(name):
        return
    got = encode(program, vocabulary, texts)
    if isinstance(got, str):
        test.check(name, got)
        return
    for text, result in zip(texts, got):
        expected = reference(text)
        if isinstance(result, str) or result[0] != expected:
            test.check(name, f"{text[:80]!a}: expected {expected[:40]}, got {result}")
            return
        back = decode(expected) if decode else None
        if decode and result[1].decode() != back:
            test.check(name, f"{text[:80]!a}: expected the text {back!a} back, got {result[1]!a}")
            return
    test.check(name, None if any(len(reference(t)) > 3 for t in texts) else "the texts are too simple")


def byte_level(test, program, texts):
    pre = {"gpt2": "gpt-2", "llama3": "llama-bpe", "qwen2": "qwen2", "starcoder": "starcoder"}
    for kind in pre:
        tokenizer = vocabularies.byte_level(kind)
        file = test.work / f"{kind}.json"
        tokenizer.save(str(file))
        compare(test, f"{kind}.json", program, file, texts, lambda t: tokenizer.encode(t).ids,
                lambda ids: tokenizer.decode(ids))
        # GGUF has no normaliser.
        tokenizer.normalizer = None
        file = test.work / f"{kind}.gguf"
        vocabularies.write_byte_level(file, tokenizer, pre[kind], begin=0 if kind == "llama3" else None)
        compare(test, f"{kind}.gguf", program, file, texts, lambda t: tokenizer.encode(t).ids)


def other_json(test, program, texts):
    cases = {kind: vocabularies.escaped_spaces(kind) for kind in ("prepend", "metaspace", "metaspace-split")}
    cases["unigram"] = vocabularies.unigram_json()
    for kind, tokenizer in cases.items():
        file = test.work / f"{kind}.json"
        tokenizer.save(str(file))
        compare(test, f"{kind}.json", program, file, texts, lambda t: tokenizer.encode(t).ids)


def sentencepiece(test, program, texts):
    for name, kind, options, extra in (
            ("bpe", "bpe", {}, False), ("bpe-no-prefix", "bpe", {"add_dummy_prefix": False}, False),
            ("bpe-unknown", "bpe", {"byte_fallback": False, "vocab_size": 600}, False),
            ("unigram", "unigram", {}, False),
            ("unigram-collapse", "unigram", {"remove_extra_whitespaces": True}, True)):
        processor = vocabularies.sentencepiece_model(kind, **options)
        file = test.work / f"sp-{name}.gguf"
        prefix = options.get("add_dummy_prefix", True)
        vocabularies.write_sentencepiece(file, processor, kind, extra, prefix)
        # SentencePiece reads no control tokens in texts and puts no space after one of the user's; it has no NUL.
        plain = [t for t in texts if "\x00" not in t and "<s>" not in t]

        def reference(text):
            ids = processor.encode(text)
            return [processor.bos_id()] + ids if kind == "bpe" else ids + [processor.eos_id()]

        compare(test, f"sp-{name}.gguf", program, file, plain, reference,
                processor.decode if name in ("bpe", "bpe-no-prefix") else None)


def control_text(test, program, work):
    """Texts from outside: the spelling of a control token is only text."""
    got = encode(program, work / "gpt2.json", ["<|im_end|>", "a<|endoftext|>b"], "plain")
    test.check("control text", None if all(2 not in ids and 0 not in ids and len(ids) > 3 for ids, _ in got)
               else f"control tokens from plain text: {got}")
    test.check("control text back", None if got[0][1] == b"<|im_end|>" else f"got {got[0][1]}")


def bad_input(test, program, work):
    for name, text, part in (("lone continuation", b"ab\x80c", "0x80 at offset 2"),
                             ("overlong", b"\xc0\xaf", "0xC0 at offset 0"),
                             ("surrogate", b"x\xed\xa0\x80", "0xED at offset 1"),
                             ("cut off", b"caf\xc3", "0xC3 at offset 3"),
                             ("too high", b"\xf4\x90\x80\x80", "0xF4 at offset 0")):
        got = encode(program, work / "gpt2.json", [text, "fine"])
        problem = None
        if not isinstance(got[0], str) or part not in got[0] or "expected UTF-8" not in got[0]:
            problem = f"expected an error with '{part}', got {got[0]}"
        elif isinstance(got[1], str):
            problem = "the next text failed too"
        test.check(f"invalid UTF-8: {name}", problem)
    good = json.loads((work / "gpt2.json").read_text())

    def changed(**parts):
        return json.dumps({**good, **parts})

    model = good["model"]
    for name, text, part in (
            ("not JSON", "{", "tokenizer.json"), ("no model", "{}", "expected an object with 'model'"),
            ("another model", changed(model={**model, "type": "WordPiece"}), "expected a model BPE or Unigram"),
            ("a merge of no tokens", changed(model={**model, "merges": [["q", "\u0950\u0950"]]}), "do not belong together"),
            ("half a merge", changed(model={**model, "merges": ["q"]}), "expected a merge of two tokens"),
            ("an id out of range", changed(model={**model, "vocab": {"a": -1}}), "for token 'a'"),
            ("another normalizer", changed(normalizer={"type": "Lowercase"}), "Lowercase"),
            ("another pre-tokenizer", changed(pre_tokenizer={"type": "BertPreTokenizer"}), "BertPreTokenizer"),
            ("a bad pattern", changed(pre_tokenizer={"type": "Split", "pattern": {"Regex": "(a"}, "behavior": "Isolated"}),
             "the pre-tokenizer's pattern '(a'"),
            ("another split", changed(pre_tokenizer={"type": "Split", "pattern": {"Regex": "a"}, "behavior":
                                                     "MergedWithNext"}), "MergedWithNext")):
        file = work / "bad.json"
        file.write_text(text)
        got = encode(program, file, ["a"])
        test.check(f"bad file: {name}", None if isinstance(got, str) and part in got and got.count("\n") == 1 else
                   f"expected one line with '{part}', got {got}")
    got = encode(program, work / "absent.json", ["a"])
    test.check("bad file: absent", None if isinstance(got, str) and "cannot read" in got else f"got {got}")
    gpt2 = {"model": "gpt2", "pre": "gpt-2", "tokens": ["a", "b", "ab"], "token_type": [1, 1, 1], "merges": ["a b"]}
    llama = {"model": "llama", "tokens": ["a", "b"], "token_type": [1, 1], "scores": [0.5, -1.0]}
    for name, fields, part in (
            ("unknown splits", {**gpt2, "pre": "somebody-else"}, "'tokenizer.ggml.pre': expected one of gpt-2"),
            ("no vocabulary", {"pre": "gpt-2"}, "'tokenizer.ggml.tokens': expected an array of strings, got no such key"),
            ("an unknown model", {**gpt2, "model": "rwkv"}, "expected gpt2, llama or t5, got 'rwkv'"),
            ("tokens that are numbers", {**gpt2, "tokens": [1, 2]}, "'tokenizer.ggml.tokens': expected an array of strings"),
            ("too few types", {**gpt2, "token_type": [1]}, "'tokenizer.ggml.token_type': expected an array of 3 integers"),
            ("a type that there is not", {**gpt2, "token_type": [1, 1, 9]}, "expected 1 to 6 for token 2, got 9"),
            ("no merges", {k: v for k, v in gpt2.items() if k != "merges"}, "'tokenizer.ggml.merges': expected"),
            ("half a merge", {**gpt2, "merges": ["ab"]}, "expected two tokens with a blank between, got 'ab'"),
            ("merges of another vocabulary", {**gpt2, "merges": ["b b"]}, "do not belong together"),
            ("an id outside", {**gpt2, "eos_token_id": 3}, "special token 3 is outside of the vocabulary of 3 tokens"),
            ("no scores", {k: v for k, v in llama.items() if k != "scores"}, "expected a score for each of 2 tokens"),
            ("too few scores", {**llama, "scores": [0.5]}, "'tokenizer.ggml.scores': expected an array of 2 floats"),
            ("a number for a truth value", {**llama, "add_space_prefix": 0}, "'tokenizer.ggml.add_space_prefix': expected a bool"),
            ("a character map", {**llama, "precompiled_charsmap": [1, 2]}, "precompiled_charsmap")):
        vocabularies.write_fields(work / "bad.gguf", **fields)
        got = encode(program, work / "bad.gguf", ["a"])
        test.check(f"bad file: {name}", None if isinstance(got, str) and part in got and got.count("\n") == 1 else
                   f"expected one line with '{part}', got {got}")


def main():
    p = harness.parser("the tokenizers against the reference packages")
    p.add_argument("--program", type=pathlib.Path, required=True, help="tercet-token-ids")
    p.add_argument("--count", type=int, default=400, help="random texts (default 400)")
    arguments = p.parse_args()
    test = harness.Test(arguments)
    program = str(arguments.program.resolve())
    texts = vocabularies.texts(1, arguments.count)
    byte_level(test, program, texts)
    other_json(test, program, texts)
    sentencepiece(test, program, texts)
    control_text(test, program, test.work)
    bad_input(test, program, test.work)
    test.finish()


if __name__ == "__main__":
    main()

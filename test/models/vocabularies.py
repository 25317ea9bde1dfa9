# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Small vocabularies of every kind that the tokenizers read, trained here with the reference packages (`tokenizers`,
# `sentencepiece`) on the held-out text and some text of other scripts, and written as tokenizer.json or GGUF. Each comes
# with a function text -> ids of the reference itself. Also the texts to compare on: edges by hand, and random ones.

import io
import json
import random

import gguf
import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import corpus

SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
OTHER_TEXT = """na\u00efve caf\u00e9 r\u00e9sum\u00e9 \u00c5ngstr\u00f6m Stra\u00dfe \u0130stanbul 1,234.5e-6 0xFF 2026-11-22 +49 (30) 1234
\u65e5\u672c\u8a9e\u306e\u6587\u7ae0\u3068\u4e2d\u6587\u3002 \u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440! \u0639\u0631\u0628\u0649 \u0939\u093f\u0928\u094d\u0926\u0940 \u0e44\u0e17\u0e22 \ud55c\uad6d\uc5b4 \u03b5\u03bb\u03bb\u03b7\u03bd\u03b9\u03ba\u03ac
def main():\n\tfor i in range(10):\n\t\tprint(f"{i:>4}")  # don't, can't; I'm, we'll, THEY'RE\n\n    return None\n"""
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
          r"\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace("{1,3}", "")


def training_text():
    return corpus.heldout()[:80000].splitlines(keepends=True) + OTHER_TEXT.splitlines(keepends=True) * 8


def texts(seed, count):
    """Texts to compare on."""
    fixed = ["", " ", "  ", "\n", "a", " a", "Hello, world!", "don't can't I'M THEY'LL we'Ve", "1234567890 12 345 6789",
             "x" * 300, " " * 40 + "y", "tab\tnew\nline\r\n\r\n  end  ", "a\u00a0b\u3000c\u2028d\u0085e\u180ef", "e\u0301 \u00e9 \u212b \ufb01",
             "\u200b\u200d\ufeff", "\U0001f642\U0001f468\u200d\U0001f469\u200d\U0001f467", "\u0378\ue000\U0010ffff", "\x00\x01\x7f", "\u2581 \u2581a",
             "...!?--- $3.50 = \u20ac2\u00bd \u2167 \u00b2", "<|endoftext|>", "a<|im_start|>user\nhi<|im_end|> b <|im_start", "<s></s> <unk>",
             OTHER_TEXT, corpus.heldout()[100000:102000], corpus.heldout()[150000:150400].upper()]
    rng = random.Random(seed)
    alphabet = list("abcdefg ETAOIN '.,!-\n\t\r 0123456789") + ["  ", "\u00e9", "\u0301", "\u65e5", "\u672c", "\u041f", "\u0440", "\U0001f642",
                                                        "\u00a0", "\u2581", "\u0939", "\u093f", "'s", "'LL", "the ", "LORD", "\u3000", "\ufb01"]
    return fixed + ["".join(rng.choices(alphabet, k=rng.randint(1, 60))) for _ in range(count)]


# ---- Byte-pair encodings, by `tokenizers` ----------------------------------------------------------------------------

def _train(tokenizer, size, **options):
    trainer = trainers.BpeTrainer(vocab_size=size, show_progress=False, special_tokens=SPECIALS, **options)
    tokenizer.train_from_iterator(training_text(), trainer)
    return tokenizer


def byte_level(kind):
    """As GPT-2, Llama 3, Qwen 2 or StarCoder have it; tokenizer of the reference."""
    t = Tokenizer(models.BPE(ignore_merges=kind == "llama3"))
    plain = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    gpt2 = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    t.pre_tokenizer = {
        "gpt2": gpt2,
        "llama3": pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(LLAMA3), "isolated"), plain]),
        "qwen2": pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(QWEN2), "isolated"), plain]),
        "starcoder": pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), gpt2]),
    }[kind]
    t.decoder = decoders.ByteLevel()
    _train(t, 1200, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    if kind == "qwen2":
        t.normalizer = normalizers.NFC()
        t.add_tokens([AddedToken("<tool_call>", normalized=False)])
    if kind == "llama3":
        t.post_processor = processors.Sequence([
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(single="<|endoftext|> $A", special_tokens=[("<|endoftext|>", 0)])])
    return t


def escaped_spaces(kind):
    """Merges with U+2581 for spaces and tokens for bytes, as older Llama ('prepend') and newer ones ('metaspace')."""
    t = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    if kind == "prepend":
        t.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    else:
        t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=kind == "metaspace-split")
    t.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(),
                                   decoders.Strip(" ", 1, 0)])
    trainer = trainers.BpeTrainer(vocab_size=900, show_progress=False, limit_alphabet=120, special_tokens=["<unk>", "<s>"]
                                  + [f"<0x{i:02X}>" for i in range(256)])
    # Sentences as pieces: with neither splits nor blanks a merge could span lines.
    t.train_from_iterator([word for line in training_text() for word in line.split(" ")], trainer)
    data = json.loads(t.to_str())
    data["added_tokens"] = [a for a in data["added_tokens"] if a["content"] in ("<unk>", "<s>")]
    t = Tokenizer.from_str(json.dumps(data))
    t.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return t


def unigram_json():
    t = Tokenizer(models.Unigram())
    t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=True)
    t.decoder = decoders.Metaspace()
    t.train_from_iterator(training_text(), trainers.UnigramTrainer(vocab_size=700, show_progress=False, unk_token="<unk>",
                                                                   special_tokens=["<unk>", "</s>"]))
    t.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return t


# ---- SentencePiece ---------------------------------------------------------------------------------------------------

def sentencepiece_model(kind, **options):
    model = io.BytesIO()
    options = {"byte_fallback": True, "normalization_rule_name": "identity", "remove_extra_whitespaces": False,
               "vocab_size": 900, **options}
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(line.rstrip("\n") for line in training_text()), model_writer=model, model_type=kind,
        character_coverage=0.99, minloglevel=2, user_defined_symbols=["<tool>"], **options)
    return sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())


def write_sentencepiece(path, processor, kind, remove_extra=False, space_prefix=True):
    p, w = processor, gguf.GGUFWriter(path, "llama")
    ids = range(p.get_piece_size())

    def token_type(i):
        return (gguf.TokenType.CONTROL if p.is_control(i) else gguf.TokenType.UNKNOWN if p.is_unknown(i)
                else gguf.TokenType.BYTE if p.is_byte(i) else gguf.TokenType.UNUSED if p.is_unused(i)
                else gguf.TokenType.USER_DEFINED if p.id_to_piece(i) == "<tool>" else gguf.TokenType.NORMAL)

    w.add_tokenizer_model({"bpe": "llama", "unigram": "t5"}[kind])
    w.add_token_list([p.id_to_piece(i) for i in ids])
    w.add_token_scores([p.get_score(i) for i in ids])
    w.add_token_types([token_type(i) for i in ids])
    w.add_bos_token_id(p.bos_id())
    w.add_eos_token_id(p.eos_id())
    w.add_unk_token_id(p.unk_id())
    w.add_add_bos_token(kind == "bpe")
    w.add_add_eos_token(kind == "unigram")
    w.add_add_space_prefix(space_prefix)
    w.add_remove_extra_whitespaces(remove_extra)
    _finish(w)


def write_byte_level(path, tokenizer, pre, begin=None):
    """GGUF of a byte-level encoding."""
    w = gguf.GGUFWriter(path, "llama")
    ids = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre(pre)
    w.add_token_list([t for t, _ in ids])
    w.add_token_types([gguf.TokenType.CONTROL if t in SPECIALS else gguf.TokenType.USER_DEFINED if t == "<tool_call>"
                       else gguf.TokenType.NORMAL for t, _ in ids])
    w.add_token_merges([" ".join(m) for m in json.loads(tokenizer.to_str())["model"]["merges"]])
    if begin is not None:
        w.add_bos_token_id(begin)
    w.add_eos_token_id(0)
    w.add_add_bos_token(begin is not None)
    _finish(w)


def write_fields(path, **fields):
    """GGUF with these fields of a tokenizer: lists, numbers and strings."""
    w = gguf.GGUFWriter(path, "llama")
    for name, value in fields.items():
        add = w.add_array if isinstance(value, list) else w.add_string if isinstance(value, str) else w.add_uint32
        add("tokenizer.ggml." + name, value)
    _finish(w)


def _finish(w):
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()

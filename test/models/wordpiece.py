# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# BERT's uncased WordPiece tokenizer in plain Python: clean, split off punctuation and CJK characters, lower case
# without accents, then the longest vocabulary entry first. It exists so that the demo and the tests need no tokenizer
# package; test/e2e/wordpiece_test.py holds ids that the `tokenizers` package gave for the same sentences. Unlike that
# package, text such as "[SEP]" stays text.

import unicodedata

# Blocks whose characters BERT treats as words of their own.
CJK = [(0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
       (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F)]
LONGEST_WORD = 100


def _is_punctuation(c):
    # ASCII symbols such as $ and ^ count as punctuation here although Unicode says otherwise.
    return 33 <= ord(c) <= 47 or 58 <= ord(c) <= 64 or 91 <= ord(c) <= 96 or 123 <= ord(c) <= 126 \
        or unicodedata.category(c).startswith("P")


def _clean(text):
    for c in text:
        if c in "\t\n\r" or c.isspace():
            yield " "
        elif c in "\0\ufffd" or unicodedata.category(c) in ("Cc", "Cf", "Co"):
            continue
        elif any(low <= ord(c) <= high for low, high in CJK):
            yield f" {c} "
        else:
            yield c


def words(text):
    """The words and punctuation marks of `text`, lower case, accents removed."""
    text = unicodedata.normalize("NFD", "".join(_clean(text)))
    text = "".join(c for c in text if unicodedata.category(c) != "Mn").lower()
    for chunk in text.split():
        word = ""
        for c in chunk:
            if _is_punctuation(c):
                if word:
                    yield word
                yield c
                word = ""
            else:
                word += c
        if word:
            yield word


class Tokenizer:
    def __init__(self, vocabulary_file):
        with open(vocabulary_file, encoding="utf-8") as lines:
            self.ids = {line.rstrip("\n"): i for i, line in enumerate(lines)}
        self.unknown, self.begin, self.end = (self.ids[t] for t in ("[UNK]", "[CLS]", "[SEP]"))

    def _pieces(self, word):
        if len(word) > LONGEST_WORD:
            return [self.unknown]
        pieces, start = [], 0
        while start < len(word):
            for end in range(len(word), start, -1):
                piece = self.ids.get(("##" if start else "") + word[start:end])
                if piece is not None:
                    break
            else:
                return [self.unknown]
            pieces.append(piece)
            start = end
        return pieces

    def encode(self, text, limit=None):
        """Ids with [CLS] and [SEP]; at most `limit` of them, the [SEP] kept."""
        ids = [piece for word in words(text) for piece in self._pieces(word)]
        if limit is not None:
            ids = ids[:limit - 2]
        return [self.begin, *ids, self.end]

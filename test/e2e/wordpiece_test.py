# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The demo's tokenizer against ids that the `tokenizers` package (0.23.3) gave for the same text with MiniLM's
# tokenizer.json: accents, CJK, invisible characters, over-long words, symbols outside the vocabulary.

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "models"))

import minilm  # noqa: E402
import wordpiece  # noqa: E402

EXPECTED = [
    ("Hello, world!",
     [101, 7592, 1010, 2088, 999, 102]),
    ("",
     [101, 102]),
    ("   ",
     [101, 102]),
    ("A cat sits on the mat.",
     [101, 1037, 4937, 7719, 2006, 1996, 13523, 1012, 102]),
    ("Compilers translate programs into machine code.",
     [101, 21624, 2015, 17637, 3454, 2046, 3698, 3642, 1012, 102]),
    ("na\xefve caf\xe9 r\xe9sum\xe9 \u2014 \xc5ngstr\xf6m",
     [101, 15743, 7668, 13746, 1517, 17076, 15687, 102]),
    ("UPPER lower MiXeD",
     [101, 3356, 2896, 3816, 102]),
    ("don't can't I'm",
     [101, 2123, 1005, 1056, 2064, 1005, 1056, 1045, 1005, 1049, 102]),
    ("$3.50 + 20% = ^_^ `x` ~y| <z>",
     [101, 1002, 1017, 1012, 2753, 1009, 2322, 1003, 1027, 1034, 1035, 1034, 1036, 1060, 1036, 1066, 1061, 1064,
      1026, 1062, 1028, 102]),
    ("unaffordably antidisestablishmentarianism",
     [101, 14477, 4246, 8551, 8231, 3424, 10521, 4355, 7875, 13602, 3672, 12199, 2964, 102]),
    ("\u65e5\u672c\u8a9e\u306e\u6587\u7ae0 \u3068\u4e2d\u6587\u3002",
     [101, 1864, 1876, 1950, 1671, 1861, 1932, 1666, 1746, 1861, 1636, 102]),
    ("\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440! \u0401\u043b\u043a\u0430",
     [101, 1194, 16856, 10325, 25529, 15290, 22919, 1010, 1191, 10325, 16856, 999, 1185, 29436, 28598, 102]),
    ("tab\tnew\nline\r\xa0nbsp\u3000wide",
     [101, 21628, 2047, 2240, 1050, 5910, 2361, 2898, 102]),
    ("zero\u200bwidth\u200djoin\ufeff bom",
     [101, 5717, 9148, 11927, 2232, 5558, 2378, 8945, 2213, 102]),
    ("emoji \U0001f642 and \U0001f468\u200d\U0001f469",
     [101, 7861, 29147, 2072, 100, 1998, 100, 102]),
    ("x" * 100,
     [101, 22038, 20348, 20348, 20348, 20348, 20348, 20348, 20348, 20348, 20348, 20348, 20348, 20348, 20348,
      20348, 20348, 20348, 20348, 20348, 20348, 20348, 20348, 20348, 20348, 20348, 20348, 20348, 20348, 20348,
      20348, 20348, 20348, 20348, 20348, 20348, 20348, 20348, 20348, 20348, 20348, 20348, 20348, 20348, 20348,
      20348, 20348, 20348, 20348, 20348, 20348, 102]),
    ("x" * 101,
     [101, 100, 102]),
    ("\ufb01ne ligature \u2167 \xbd \xb2",
     [101, 1984, 2638, 8018, 11244, 100, 1092, 1082, 102]),
    ("\u0130stanbul \u1e9e Stra\xdfe",
     [101, 9960, 1096, 2358, 27807, 102]),
    ("\ud55c\uad6d\uc5b4 \ubb38\uc7a5",
     [101, 1469, 30006, 30021, 29991, 30014, 30020, 29999, 30008, 1459, 30014, 30021, 30000, 30006, 30025, 102]),
    ("\u03b5\u03bb\u03bb\u03b7\u03bd\u03b9\u03ba\u03ac \u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2",
     [101, 1159, 29727, 29727, 24824, 16177, 18199, 29726, 14608, 1173, 18199, 29733, 29735, 29736, 15297, 102]),
    ("\u0639\u0631\u0628\u0649 \u0939\u093f\u0928\u094d\u0926\u0940 \u0e44\u0e17\u0e22",
     [101, 1288, 17149, 29816, 29837, 1339, 29877, 29863, 29861, 29878, 100, 102]),
    ("C++17 & LLVM/MLIR-22",
     [101, 1039, 1009, 1009, 2459, 1004, 2222, 2615, 2213, 1013, 19875, 4313, 1011, 2570, 102]),
    ("a\u0301e\u0308 combining",
     [101, 29347, 11566, 102]),
    ("\x00\x01ctl\ufffd",
     [101, 14931, 2140, 102]),
    ("1,234.5e-6 0xFF",
     [101, 1015, 1010, 22018, 1012, 1019, 2063, 1011, 1020, 1014, 2595, 4246, 102]),
    ("\u2026\u201cquoted\u201d \u2018single\u2019 \xabguillemets\xbb \u2013\u2014",
     [101, 1529, 1523, 9339, 1524, 1520, 2309, 1521, 1077, 26458, 6216, 11368, 2015, 1090, 1516, 1517, 102]),
    ("\u0378unassigned \ue000private",
     [101, 100, 2797, 102]),
    ("\U0001d49c\U0001d4d1 math \U00020000 \U0002a6a5",
     [101, 100, 8785, 100, 100, 102]),
]


def main():
    tokenizer = wordpiece.Tokenizer(minilm.package_folder() / "vocab.txt")
    failed = 0
    for text, ids in EXPECTED:
        got = tokenizer.encode(text)
        if got != ids:
            failed += 1
            print(f"{text!a}: expected {ids}, got {got}")
    limited = tokenizer.encode("a b c d e f", limit=5)
    if len(limited) != 5 or limited[-1] != tokenizer.end:
        failed += 1
        print(f"limit 5: got {limited}")
    print(f"{len(EXPECTED) + 1 - failed} passed, {failed} failed")
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()

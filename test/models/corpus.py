# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The text that the tests' language model is trained on: the King James Bible as Debian 12 packages it, a verse a line,
# without verse numbers, a blank line between chapters. Packages and text are pinned by version and sha256. Every 20th
# chapter is held out; those are committed (tiny_lm_heldout.txt), so that only training needs the packages.
#
# The text's translation is of 1611 and in the public domain; the program that unpacks it only runs here.

import hashlib
import pathlib
import re
import subprocess
import tempfile

PACKAGES = ["bible-kjv=4.38", "bible-kjv-text=4.38"]
RAW_SHA256 = "cd45f0c9cedab8e4439bd6486c8952c77cc8b0ecc5d1f6ae3513f2039f47229d"
HELDOUT_SHA256 = "a8279bf7cac00db3ee25c7328535e88075050a3ecf2c5ae09e8bffc7276e0bdc"
HELDOUT_FILE = pathlib.Path(__file__).with_name("tiny_lm_heldout.txt")
HELDOUT_EVERY = 20


def _unpack():
    """The whole text as the package's program prints it: lines 'Ge1:1 In the beginning ...'."""
    with tempfile.TemporaryDirectory(prefix="tercet-corpus-") as folder:
        subprocess.run(["apt-get", "download", *PACKAGES], cwd=folder, check=True, capture_output=True)
        for package in pathlib.Path(folder).glob("*.deb"):
            subprocess.run(["dpkg", "-x", str(package), folder], check=True)
        command = [f"{folder}/usr/bin/bible", "-p", f"{folder}/usr/lib", "-f", "gen1:1-rev22:21"]
        return subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL).stdout


def _check(what, data, expected):
    got = hashlib.sha256(data).hexdigest()
    if got != expected:
        raise SystemExit(f"{what}: expected sha256 {expected}, got {got}; use Debian 12 with {' '.join(PACKAGES)}")


def chapters():
    """All chapters in order, each a text of lines."""
    raw = _unpack()
    _check("the packages' text", raw, RAW_SHA256)
    result, last = [], None
    for line in raw.decode("ascii").splitlines():
        chapter, verse = re.fullmatch(r"(\w+?\d+):\d+ (.*)", line).groups()
        if chapter != last:
            result.append([])
            last = chapter
        result[-1].append(" ".join(verse.split()) + "\n")
    return ["".join(lines) for lines in result]


def split():
    """(training chapters, held-out chapters)."""
    every = chapters()
    held = every[HELDOUT_EVERY - 1::HELDOUT_EVERY]
    _check("the held-out text", "\n".join(held).encode(), HELDOUT_SHA256)
    return [c for i, c in enumerate(every) if i % HELDOUT_EVERY != HELDOUT_EVERY - 1], held


def heldout():
    """The held-out text, from the committed file."""
    data = HELDOUT_FILE.read_bytes()
    _check(str(HELDOUT_FILE), data, HELDOUT_SHA256)
    return data.decode("ascii")

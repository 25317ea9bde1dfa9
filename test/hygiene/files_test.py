# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Properties of every file: a licence line, a length that one can read, no work that is put off in a comment, nothing of
# the machine that it was written on.

import re

from tree import Report, files, read

LICENCE = "SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"
SOURCES = (".c", ".cpp", ".h", ".td", ".inc", ".py", ".cmake")
# What a leaf CMakeLists.txt says is a list of names.
LEAF_LINES = 40

# Spelled in parts, so that this file does not contain them.
PUT_OFF = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X")) + r")\b")
FOREIGN = {
    "a path of one machine": re.compile(r"(?<![\w.)}/-])/(?:work|tmp/wt|root|home/\w+)/" + r"(?=\w)"),
    "a registry's address": re.compile(r"(?i)\b(?:extra-)?index-" + r"url\b|\bartifac" + r"tory\b|\bPIP_" + r"INDEX|"
                                       r"https?://(?:10|127|192\.168)\.[\d.]+"),
}
# In libraries: errors go to the caller, never to a stream or out of the process.
LIBRARY = re.compile(r"\bllvm::errs\(\)|(?<![\w:.])exit\(|\breport_fatal_error\b|^static cl::opt|^cl::opt", re.MULTILINE)


def is_library(name):
    return (name.parts[0] in ("dialects", "passes", "targets", "compiler") and name.suffix in (".cpp", ".h")
            and not str(name).startswith("compiler/tools/"))


def main():
    report = Report()
    for name in files():
        text = read(name)
        if text is None or name.name == "LICENSE":
            continue
        lines = text.count("\n")
        head = "\n".join(text.split("\n")[:5])
        if name.name.endswith(SOURCES) or (name.name == "CMakeLists.txt" and lines > LEAF_LINES):
            report.check(LICENCE in head, f"{name}: expected the licence line at the top")
        if name.suffix in SOURCES or name.suffix in (".md", ".mlir", ".test"):
            report.check(lines <= 1000, f"{name}: {lines} lines; split it, 1000 is the limit")
        if name.suffix in SOURCES and lines > 500:
            comment = "\n".join(text.split("\n")[:40])
            report.check(re.search(r"(?i)\bone file\b", comment),
                         f"{name}: {lines} lines; above 500 split it, or say at the top why it is one file")
        report.check(not PUT_OFF.search(text), f"{name}: puts off work in a comment; do it or file an issue")
        for what, pattern in FOREIGN.items():
            found = pattern.search(text)
            report.check(not found, f"{name}: contains {what}: {found and found.group()}")
        if is_library(name):
            found = LIBRARY.search(text)
            report.check(not found, f"{name}: '{found and found.group()}' in a library")
        if name.suffix in (".md", ".py", ".cpp", ".h", ".td", ".c"):
            report.check("\t" not in text, f"{name}: contains tabs")
            report.check(not re.search(r"[ ]+$", text, re.MULTILINE), f"{name}: blanks at the end of a line")
    report.finish()


main()

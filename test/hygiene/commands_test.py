# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The documentation tells the truth: its commands run, its links lead somewhere, its table of operators is the importer's.
#
# A block of shell commands in README.md or docs/ is fenced as `sh`. A comment on the line before the fence says what
# the test does with it: `<!-- test -->` runs it, in order with the other blocks of the page, in a folder of its own that
# has the repository's files; `<!-- test: fails -->` expects it to end in an error; `<!-- no test: reason -->` leaves it
# alone. A block that calls a tool of Tercet must have one of the three. If a `text` block follows, marked
# `<!-- output -->`, its lines must occur in what was printed, in order; `...` stands for anything, and a number for any
# number, since sizes and predictions depend on the machine.

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys

from tree import ROOT, Report, files, read

FENCE = re.compile(r"^(?:<!-- (?P<mark>[^>]*) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
TOOL = re.compile(r"^\s*(?:tercet-\w+|\./dev)\b", re.MULTILINE)


def pages():
    return [name for name in files(".md") if name.name == "README.md" or name.parts[0] == "docs"]


NUMBER = r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"


def pattern(text):
    """A regular expression for the text with any other numbers in it."""
    return NUMBER.join(re.escape(part) for part in re.split(NUMBER, text))


def occurs(expected, output):
    """Whether the lines of `expected` are found in `output` one after another."""
    rest = output
    for line in expected.split("\n"):
        if not line.strip() or line.strip() == "...":
            continue
        found = re.search(r".*?".join(pattern(part.strip()) for part in line.split("...")), rest)
        if not found:
            return line
        rest = rest[found.end():]
    return None


def prepare(folder, provided):
    """A folder that looks like the repository, but in which everything new stays outside of it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for entry in ROOT.iterdir():
        if entry.name not in (".git", ".cache", "out") and not entry.name.startswith("build"):
            (folder / entry.name).symlink_to(entry)
    for name, path in provided:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(pathlib.Path(path).resolve())


def run_page(report, page, arguments):
    blocks = [(match, page_line(page, match)) for match in FENCE.finditer(read(page))]
    folder = arguments.work / str(page).replace("/", "-")
    output, ready, ran = "", False, 0
    environment = {**os.environ, "PATH": f"{arguments.tools.resolve()}{os.pathsep}{os.environ['PATH']}"}
    for match, line in blocks:
        mark, language, text = match["mark"] or "", match["language"], match["text"]
        if language == "text" and mark == "output":
            missing = occurs(text, output)
            report.check(missing is None, f"{page}:{line}: not in the output of the commands before: {missing}\n{output[-3000:]}")
        if language != "sh":
            report.check(not TOOL.search(text) or language in ("text", "cmake", "console", "yaml", "make"),
                         f"{page}:{line}: fence commands as sh")
            continue
        known = mark in ("test", "test: fails") or mark.startswith("no test: ")
        report.check(known or not TOOL.search(text),
                     f"{page}:{line}: commands without <!-- test --> or <!-- no test: reason --> before them")
        for command in re.findall(r"^\./dev (\w+)", text, re.MULTILINE):
            report.check(re.search(rf"^  {command}\b", arguments.dev_usage, re.MULTILINE),
                         f"{page}:{line}: ./dev has no command '{command}'")
        if not mark.startswith("test"):
            continue
        if not ready:
            prepare(folder, arguments.provide)
            ready = True
        result = subprocess.run(["bash", "-euo", "pipefail", "-c", text], cwd=folder, env=environment, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600, errors="replace")
        output = result.stdout
        ran += 1
        report.check((result.returncode != 0) == (mark == "test: fails"),
                     f"{page}:{line}: status {result.returncode} of\n{text}\n{output[-3000:]}")
    return ran


def page_line(page, match):
    return match.string[:match.start()].count("\n") + 1


def check_links(report, page):
    text = FENCE.sub("", read(page))
    for target in LINK.findall(text):
        if "://" in target or target.startswith("mailto:"):
            continue
        path = (ROOT / page).parent / target
        report.check(path.exists(), f"{page}: link to {target}, which is not there")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tools", type=pathlib.Path, required=True, help="folder of the built tools")
    parser.add_argument("--work", type=pathlib.Path, required=True, help="folder for what the commands write")
    parser.add_argument("--provide", action="append", default=[], type=lambda text: text.split("=", 1),
                        metavar="NAME=PATH", help="a file that commands find under that name")
    parser.add_argument("--only", help="just the pages whose path contains this")
    arguments = parser.parse_args()
    arguments.work = arguments.work.resolve()
    arguments.dev_usage = subprocess.run([str(ROOT / "dev"), "--help"], capture_output=True, text=True).stdout

    report = Report()
    ran = 0
    for page in pages():
        if arguments.only and arguments.only not in str(page):
            continue
        check_links(report, page)
        ran += run_page(report, page, arguments)
    if not arguments.only:
        report.check(ran >= 8, f"only {ran} blocks of commands were run; are the marks still right?")
        table = subprocess.run([str(arguments.tools / "tercet-import"), "--supported-operators"], capture_output=True,
                               text=True, check=True).stdout
        report.check(read("docs/operators.md").strip().endswith(table.strip()),
                     "docs/operators.md is not what the importer supports; write it again with\n"
                     "  tercet-import --supported-operators > docs/operators.md")
    report.finish()


main()

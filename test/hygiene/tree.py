# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# What the hygiene tests share: the files of the repository, and a report that
# names every violation before it fails.

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SKIPPED = {".git", ".venv", ".cache", "__pycache__", "out"}


def files(*suffixes):
    """Paths of the repository's files, relative to it; those that git ignores are left out."""
    try:
        listing = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                                 check=True, capture_output=True).stdout.decode()
        names = sorted({pathlib.PurePosixPath(name) for name in listing.split("\0") if name})
    except (OSError, subprocess.CalledProcessError):
        names = sorted(path.relative_to(ROOT) for path in ROOT.rglob("*")
                       if not any(part in SKIPPED or part.startswith("build") for part in path.relative_to(ROOT).parts))
    return [name for name in names
            if (ROOT / name).is_file() and (not suffixes or name.name.endswith(suffixes))]


def read(name):
    """The text of a file; None for one that is not text."""
    try:
        return (ROOT / name).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


class Report:
    def __init__(self):
        self.passed = 0
        self.failed = 0

    def check(self, ok, message):
        if ok:
            self.passed += 1
        else:
            self.failed += 1
            print(message, file=sys.stderr)
        return ok

    def finish(self):
        print(f"{self.passed} passed, {self.failed} failed")
        sys.exit(1 if self.failed else 0)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Any one folder of targets/ can be removed: nothing outside includes its headers or links it but tests that are there
# with it only, and a copy of the tree without the folder configures, names no file that is gone, and registers no test of
# it. What the copy would compile is what is compiled anyway, so nothing is built here.

import argparse
import json
import pathlib
import re
import shutil
import subprocess

from tree import ROOT, Report, files, read

TARGET = re.compile(r"^tercet_add_target\((\w+)", re.MULTILINE)
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def removable():
    """Folder -> name of its target in CMake."""
    found = {}
    for path in sorted((ROOT / "targets").glob("*/CMakeLists.txt")):
        name = TARGET.search(path.read_text())
        if name:
            found[path.parent.name] = f"Tercet{name[1]}Target"
    return found


def owns(folder, name):
    """Whether a file is a part of the target or of what tests it alone."""
    return str(name).startswith((f"targets/{folder}/", f"test/conformance/{folder}/", f"lit/targets/{folder}/"))


def is_guarded(name, target):
    """Whether a CMakeLists.txt on the way to a test asks for the target."""
    for parent in (ROOT / name).parents:
        lists = parent / "CMakeLists.txt"
        if lists.exists() and f"TARGET {target}" in lists.read_text():
            return True
        if parent == ROOT / "test":
            break
    return False


def check_text(report, folder, target):
    for name in files(".h", ".c", ".cpp", ".td", ".inc"):
        if owns(folder, name):
            continue
        for included in INCLUDE.findall(read(name)):
            if included.startswith(f"targets/{folder}/"):
                report.check(name.parts[0] == "test" and is_guarded(name, target),
                             f'{name}: includes "{included}", which may be gone; only tests that CMake adds '
                             f"if(TARGET {target}) may")
    for name in files("CMakeLists.txt", ".cmake"):
        text = re.sub(r"#.*", "", read(name))
        if not owns(folder, name) and re.search(rf"\b{target}\b", text):
            report.check(f"TARGET {target}" in text or (name.parts[0] == "test" and is_guarded(name, target)),
                         f"{name}: names {target} without if(TARGET {target})")


def check_copy(report, folder, work, options):
    copy, build = work / f"without-{folder}", work / f"without-{folder}-build"
    for path in (copy, build):
        shutil.rmtree(path, ignore_errors=True)
    for name in files():
        if not str(name).startswith(f"targets/{folder}/"):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)

    def run(*command):
        return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=600)

    done = run("cmake", "-S", str(copy), "-B", str(build), "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", *options)
    if not report.check(done.returncode == 0, f"without targets/{folder}: CMake fails\n{done.stdout[-1500:]}{done.stderr[-3000:]}"):
        return
    report.check(f"targets/{folder}" not in done.stderr, f"without targets/{folder}: CMake warns of it\n{done.stderr[-3000:]}")
    done = run("ninja", "-C", str(build), "-n", "all")
    report.check(done.returncode == 0, f"without targets/{folder}: the build cannot start\n{done.stdout[-1500:]}{done.stderr[-1500:]}")
    done = run("ctest", "--test-dir", str(build), "--show-only=json-v1")
    tests = json.loads(done.stdout)["tests"] if done.returncode == 0 else []
    report.check(len(tests) > 3, f"without targets/{folder}: hardly any test is registered\n{done.stderr[-1500:]}")
    for test in tests:
        gone = [word for word in test.get("command", ()) if f"targets/{folder}/" in word or f"conformance/{folder}/" in word]
        report.check(not gone, f"without targets/{folder}: test '{test['name']}' is registered and needs {gone}")
    shutil.rmtree(copy)
    shutil.rmtree(build)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=pathlib.Path, required=True, help="folder for the copies")
    parser.add_argument("--option", action="append", default=[], help="for CMake, as -D has it; may be given several times")
    arguments = parser.parse_args()
    report = Report()
    targets = removable()
    report.check(len(targets) >= 1, "found no target; is the pattern still right?")
    for folder, target in targets.items():
        check_text(report, folder, target)
        check_copy(report, folder, arguments.work.resolve(), [f"-D{option}" for option in arguments.option])
    report.finish()


main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Compiles the core for AArch64 at -Os and holds it to its budget: at most
# 12 KiB of .text, nothing imported but memcpy, memset and memmove, no static
# constructors, no writable data. The same for the queues, sessions and the drivers'
# part that is not of one chip, which have budgets of their own and may import
# the core besides. Also runs over a demo program's object, which must import
# nothing and have no relocations in its table.
import argparse
import pathlib
import subprocess
import sys
import tempfile

TEXT_BUDGET = {"core": 12 * 1024, "queues": 3328, "drivers": 10752, "session": 5120}
ALLOWED = {"memcpy", "memset", "memmove"}


def run(*command):
    return subprocess.run(command, check=True, capture_output=True,
                          text=True).stdout


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--clang", required=True)
    parser.add_argument("--runtime", required=True, type=pathlib.Path)
    options = parser.parse_args()
    clang = pathlib.Path(options.clang)
    suffix = clang.name.removeprefix("clang")

    def tool(name):
        return name + suffix

    errors = []
    flags = ["--target=aarch64-linux-gnu", "-std=c11", "-Os",
             "-ffunction-sections", "-fdata-sections", "-fno-pic",
             f"-I{options.runtime / 'include'}"]
    def measure(part, known):
        """Checks a part, which may use what others define; what it defines."""
        sources = sorted((options.runtime / part).glob("*.c"))
        if len(sources) < 2:
            errors.append(f"expected the sources of {part}, found {len(sources)}")
        objects = []
        for source in sources:
            target = pathlib.Path(folder) / (part + "_" + source.stem + ".o")
            run(options.clang, *flags, "-ffreestanding",
                "-mno-outline-atomics", "-c", str(source), "-o", str(target))
            objects.append(str(target))

        text = 0
        for line in run(tool("llvm-size"), "-A", *objects).splitlines():
            fields = line.split()
            if len(fields) != 3 or not fields[1].isdigit():
                continue
            name, size = fields[0], int(fields[1])
            if name == ".text" or name.startswith(".text."):
                text += size
            elif name.startswith((".init_array", ".ctors", ".fini_array")):
                errors.append(f"static constructor: section {name}")
            elif name.split(".")[1:2] in (["bss"], ["tbss"]) and size:
                errors.append(f"writable data: section {name}")
            elif name.startswith(".data") and size and \
                    not name.startswith(".data.rel.ro"):
                errors.append(f"writable data: section {name}")
        print(f"{part} .text: {text} bytes of {TEXT_BUDGET[part]}")
        if text > TEXT_BUDGET[part]:
            errors.append(f"{part}: .text is {text} bytes, budget {TEXT_BUDGET[part]}")

        undefined, defined = set(), set()
        for line in run(tool("llvm-nm"), *objects).splitlines():
            fields = line.split()
            if len(fields) == 2 and fields[0] == "U":
                undefined.add(fields[1])
            elif len(fields) == 3:
                defined.add(fields[2])
                if fields[1].isupper() and not fields[2].startswith("tercet_"):
                    errors.append(f"exports {fields[2]}: not tercet_*")
        imports = undefined - defined
        print(f"{part} imports:", ", ".join(sorted(imports)))
        if imports - known - ALLOWED:
            errors.append(f"{part} imports " + ", ".join(sorted(imports - known - ALLOWED)))
        return defined

    with tempfile.TemporaryDirectory() as folder:
        core = measure("core", set())
        measure("queues", core)
        measure("drivers", core)
        measure("session", core)

        demo = str(pathlib.Path(folder) / "abi_demo.o")
        run(options.clang, *flags, "-c",
            str(options.runtime / "examples" / "abi_demo.c"), "-o", demo)
        imports = run(tool("llvm-nm"), "-u", demo).split()
        if set(imports) - {"U"} - ALLOWED:
            errors.append(f"demo program imports {imports}")
        if ".rela.tercet.table" in run(tool("llvm-readelf"), "-S", demo):
            errors.append("the demo's table has relocations")

    for error in errors:
        print("error:", error)
    return 1 if errors else 0


sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Installs Tercet, moves the installation, and builds and runs projects with it: an application and a plug-in.

Usage: sdk_test.py --build BUILD --cmake CMAKE --c-compiler CC --cxx-compiler CXX

Natively and, where a cross C library and qemu-user are there, for AArch64 and RISC-V.
"""

import argparse
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
EMULATORS = {
    "aarch64": ["qemu-aarch64", "-cpu", "max"],
    "riscv64": ["qemu-riscv64", "-cpu", "rv64,v=true,vext_spec=v1.0,vlen=256"],
}


def run(*command, fails=False, **options):
    """Output of a command that must succeed, or must not."""
    result = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    if (result.returncode != 0) != fails:
        sys.exit(f"{'passed' if fails else 'failed'}: {' '.join(command)}\n{result.stdout}")
    return result.stdout


def expect(what, got, wanted):
    if got != wanted:
        sys.exit(f"{what}: expected {wanted!r}, got {got!r}")
    print(f"ok: {what}")


class Consumer:
    """A copy of the consumer project and its build."""

    def __init__(self, arguments, prefix, folder, flags=()):
        self.cmake = arguments.cmake
        self.source = os.path.join(folder, "source")
        self.build_folder = os.path.join(folder, "build")
        shutil.copytree(os.path.join(HERE, "consumer"), self.source)
        self.configure = [self.cmake, "-G", "Ninja", "-S", self.source, "-B", self.build_folder,
                          f"-DCMAKE_PREFIX_PATH={prefix}", f"-DCMAKE_C_COMPILER={arguments.c_compiler}",
                          f"-DCMAKE_CXX_COMPILER={arguments.cxx_compiler}", *flags]
        run(*self.configure)

    def build(self):
        return run(self.cmake, "--build", self.build_folder)

    def program(self, name="consumer"):
        return os.path.join(self.build_folder, name)

    def edit_model(self, old, new):
        path = os.path.join(self.source, "scale.mlir")
        with open(path) as file:
            text = file.read()
        assert old in text
        with open(path, "w") as file:
            file.write(text.replace(old, new))


def check_native(arguments, prefix, folder):
    consumer = Consumer(arguments, prefix, folder)
    consumer.build()
    expect("native program", run(consumer.program()), "10\n10\n")
    expect("C++ program", run(consumer.program("consumer_cxx")), "32\n")
    expect("second build does nothing", "no work to do" in consumer.build(), True)
    consumer.edit_model("dense<3.0>", "dense<5.0>")
    consumer.build()
    expect("a changed model is compiled again", run(consumer.program()), "12\n12\n")
    # A model that does not compile fails the build and leaves no object for a later one to link.
    consumer.edit_model("arith.mulf", "arith.nonsense")
    output = run(consumer.cmake, "--build", consumer.build_folder, fails=True)
    expect("a broken model fails the build", "scale.mlir" in output, True)

    raw = os.path.join(folder, "x.raw")
    with open(raw, "wb") as file:
        file.write(b"\0" * 128)
    output = run(os.path.join(prefix, "bin", "tercet-run"),
                 os.path.join(consumer.build_folder, "tercet", "scale_file"), "--input", f"x={raw}")
    expect("installed tercet-run", output, "y: f32[4,8] 0 1 2 3 4 5 6 7 ...\n")


def check_cross(arguments, prefix, folder, arch):
    triple = f"{arch}-linux-gnu"
    consumer = Consumer(arguments, prefix, folder, [
        "-DCMAKE_SYSTEM_NAME=Linux", f"-DCMAKE_SYSTEM_PROCESSOR={arch}", f"-DCMAKE_C_COMPILER_TARGET={triple}",
        "-DCMAKE_EXE_LINKER_FLAGS=-static -fuse-ld=lld"])
    consumer.build()
    with open(consumer.program(), "rb") as file:
        machine = file.read(20)[18]
    expect(f"{arch} machine", machine, {"aarch64": 183, "riscv64": 243}[arch])
    expect(f"{arch} program", run(*EMULATORS[arch], consumer.program()), "10\n10\n")


def check_plugin(arguments, prefix, folder):
    """An engine out of tree: its target is built against the package and loaded; nothing of the compiler changes."""
    source, build = os.path.join(HERE, "plugin"), os.path.join(folder, "build")
    run(arguments.cmake, "-G", "Ninja", "-S", source, "-B", build, f"-DCMAKE_PREFIX_PATH={prefix}",
        f"-DCMAKE_C_COMPILER={arguments.c_compiler}", f"-DCMAKE_CXX_COMPILER={arguments.cxx_compiler}")
    run(arguments.cmake, "--build", build)
    compiler, plugin = os.path.join(prefix, "bin", "tercet-compile"), os.path.join(build, "acme.so")
    machine, model = os.path.join(source, "acme.yaml"), os.path.join(source, "mlp.mlir")

    out = os.path.join(folder, "out")
    run(compiler, "--plugin", plugin, "--soc", machine, model, "-o", out, "--name", "mlp", "--quiet")
    with open(os.path.join(out, "mlp.report.json")) as file:
        report = json.load(file)
    engines = {kernel["engine"] for kernel in report["kernels"]}
    expect("products run on the plug-in's engine, what it does not support elsewhere", engines, {"cpu", "cluster"})
    raw = os.path.join(folder, "x.raw")
    with open(raw, "wb") as file:
        file.write(struct.pack("32f", *[i / 8 for i in range(32)]))
    outputs = [run(os.path.join(prefix, "bin", "tercet-run"), out, "--input", f"x={raw}")]
    run(compiler, model, "-o", folder + "/host", "--name", "mlp", "--quiet")
    outputs.append(run(os.path.join(prefix, "bin", "tercet-run"), folder + "/host", "--input", f"x={raw}"))
    expect("the same results as on the host alone", outputs[0], outputs[1])
    text = run(compiler, f"--plugin={plugin}", "--soc", machine, model, "--stop-after", "graph")
    graph = os.path.join(folder, "graph.mlir")
    with open(graph, "w") as file:
        file.write(text)
    text = run(os.path.join(prefix, "bin", "tercet-opt"), "--plugin", plugin, graph, "--partition-assign-engines")
    expect("tercet-opt loads it too", 'on "cluster"' in text, True)

    table = run(compiler, "--soc", machine, "--print-soc", "--verbose")
    expect("without it the engine is absent", "absent: its target 'acme'" in table, True)
    wrong = os.path.join(folder, "wrong.yaml")
    with open(machine) as file, open(wrong, "w") as target:
        target.write(file.read().replace("max_rows", "max_columns"))
    for what, words, flags in [
            ("no file", "does not exist", ["--plugin", "/nowhere.so"]),
            ("no plug-in", "is no plug-in of Tercet", ["--plugin", os.path.join(build, "acme_nothing.so")]),
            ("no shared object", "cannot be loaded", ["--plugin", model]),
            ("another version", "built for tercet-0.0.9-1/llvm-21.0", ["--plugin", os.path.join(build, "acme_old.so")]),
            ("a name twice", "which there is already", ["--plugin", plugin, "--plugin", plugin]),
            ("a property that it does not know", f"{wrong}:31:7: Acme's clusters have no property 'max_columns'",
             ["--plugin", plugin, "--soc", wrong])]:
        expect(f"refused: {what}", words in run(compiler, *flags, "--print-soc", fails=True), True)


def main():
    parser = argparse.ArgumentParser()
    for name in ("build", "cmake", "c-compiler", "cxx-compiler"):
        parser.add_argument(f"--{name}", required=True)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tercet-sdk-") as folder:
        installed, prefix = os.path.join(folder, "installed"), os.path.join(folder, "moved to", "tercet")
        run(arguments.cmake, "--install", arguments.build, "--prefix", installed)
        os.makedirs(os.path.dirname(prefix))
        os.rename(installed, prefix)
        check_native(arguments, prefix, os.path.join(folder, "native"))
        check_plugin(arguments, prefix, os.path.join(folder, "plugin"))
        for arch, emulator in EMULATORS.items():
            if not os.path.isdir(os.path.join(prefix, "lib", "tercet", f"{arch}-linux-gnu")):
                print(f"skipped: {arch}: no cross C library when Tercet was built")
            elif not shutil.which(emulator[0]):
                print(f"skipped: {arch}: no {emulator[0]}")
            else:
                check_cross(arguments, prefix, os.path.join(folder, arch), arch)


if __name__ == "__main__":
    main()

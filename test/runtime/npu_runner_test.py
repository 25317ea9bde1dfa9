#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The runner (compiler/emit/runner), linked with a program for a CPU and an NPU
# (runtime/examples/abi_npu.c): it starts what the NPU needs, in list order and
# with queues, its profile has what the NPU counted, and nothing is left when it
# ends, also when it ends in an error.
import argparse
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile


def emulators(emulator):
    """Processes of that emulator that this user has."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().split(b"\0")
                state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
            except OSError:
                continue
            if command[0].decode() == emulator and state != "Z":
                found.append(entry.name)
    return found


def check_profile(profile, order):
    assert profile["order"] == order, profile["order"]
    assert [e["name"] for e in profile["engines"]] == ["cpu", "npu"]
    before, npu, after = profile["commands"]
    assert [c["op"] for c in profile["commands"]] == ["dispatch", "submit", "dispatch"]
    assert (npu["kernel"], npu["engine"], npu["node"], npu["tiles"]) == ("twice", "npu", "/Mul", 8)
    # The NPU's own times, by the same clock.
    assert before["end_ns"] <= npu["start_ns"] < npu["end_ns"] <= after["start_ns"], profile
    # Eight tiles; three vector instructions at the least.
    assert 8 * 5 < npu["packets"] < 8 * 100, npu
    assert npu["packets"] / 2 <= npu["packets_of_one"] <= npu["packets"], npu
    assert 8 * 3 <= npu["vector_instructions"] < 8 * 10, npu
    assert "packets" not in before


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runner", required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        # A name of its own, so that other tests' processes are not mistaken for it.
        emulator = folder / "qemu-of-this-test"
        emulator.symlink_to(os.environ["TERCET_QEMU_HEXAGON"])
        x = [i * i - 1000 for i in range(256)]
        (folder / "x.bin").write_bytes(struct.pack("256i", *x))

        def run(*more, qemu=str(emulator)):
            command = [options.runner, "--input", f"x={folder / 'x.bin'}", "--output",
                       f"y={folder / 'y.bin'}", *more]
            result = subprocess.run(command, capture_output=True, text=True, timeout=60,
                                    env={**os.environ, "TERCET_QEMU_HEXAGON": qemu})
            assert not emulators(str(emulator)), "a process is left"
            return result

        for order, more in (("queues", []), ("list", ["--sequential"])):
            result = run(*more, "--repeat", "11", "--profile", str(folder / "p.json"))
            assert result.returncode == 0, result.stderr
            y = struct.unpack("256i", (folder / "y.bin").read_bytes())
            assert list(y) == [2 * (v + 1) + 1 for v in x], y
            check_profile(json.loads((folder / "p.json").read_text()), order)
        result = run("--entry", "none")
        assert result.returncode == 1 and "no entry point" in result.stderr
        result = run(qemu="/nonexistent/qemu")
        assert result.returncode == 1, result.stdout
        assert "'/nonexistent/qemu' is not there; install qemu-user" in result.stderr, result.stderr
    return 0


sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The runner (compiler/emit/runner), linked with a program of two engines
# (runtime/examples/abi_pair.c): results, what it says about threads, and the
# profile, whose names and meanings reports rely on.
import argparse
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

COMMANDS = [("double_big", "big", "/Mul", 40000), ("double_little", "little", "/Mul", 40000),
            ("fold_big", "big", "/Add", 60000), ("fold_little", "little", "/Add", 60000)]
# What has completed before a command starts: its queue's predecessor, its token.
BEFORE = {"queues": {2: (0, 1), 3: (0, 1)}, "list": {1: (0,), 2: (1,), 3: (2,)}}


def check_profile(profile, order, runs, workers):
    assert set(profile) == {"format", "entry", "order", "workers", "runs", "latency_ns", "engines",
                            "commands", "total_ns"}, profile.keys()
    assert profile["format"] == 1 and profile["entry"] == "main"
    assert profile["order"] == order, profile["order"]
    assert profile["runs"] == runs
    assert workers is None or profile["workers"] == workers, profile["workers"]
    latency = profile["latency_ns"]
    assert 0 < latency["min"] <= latency["median"]
    assert [e["name"] for e in profile["engines"]] == ["big", "little"]
    assert [e["queue"] for e in profile["engines"]] == ([0, 1] if order == "queues" else [0, 0])
    if order == "queues":
        assert sum(e["workers"] for e in profile["engines"]) == profile["workers"]
    commands = profile["commands"]
    assert len(commands) == len(COMMANDS)
    for index, (command, expected) in enumerate(zip(commands, COMMANDS)):
        assert set(command) == {"index", "op", "kernel", "engine", "node", "tiles", "start_ns",
                                "end_ns", "ns", "min_ns", "predicted_ps"}, command.keys()
        assert command["index"] == index and command["op"] == "dispatch"
        found = tuple(command[k] for k in ("kernel", "engine", "node", "predicted_ps"))
        assert found == expected, found
        assert command["tiles"] == 4
        assert 0 <= command["start_ns"] <= command["end_ns"], command
        assert command["min_ns"] <= command["ns"]
        for before in BEFORE[order].get(index, ()):
            assert commands[before]["end_ns"] <= command["start_ns"], (before, index, commands)
    if runs % 2:
        assert max(c["end_ns"] for c in commands) <= latency["median"]
    assert profile["total_ns"] == sum(c["ns"] for c in commands)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runner", required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        x = [float(i * i) for i in range(256)]
        (folder / "x.bin").write_bytes(struct.pack("256f", *x))

        def run(*more):
            command = [options.runner, "--input", f"x={folder / 'x.bin'}", "--output",
                       f"y={folder / 'y.bin'}", *more]
            return subprocess.run(command, capture_output=True, text=True, timeout=60)

        for order, runs, workers, more in (("queues", 51, None, []), ("list", 51, None, ["--sequential"]),
                                           ("queues", 20, 2, ["--threads", "1"]),
                                           ("queues", 1, 3, ["--threads", "2"]),
                                           ("list", 3, 1, ["--sequential", "--threads", "1"]),
                                           ("list", 3, None, ["--pin", "--sequential"])):
            result = run(*more, "--repeat", str(runs), "--profile", str(folder / "p.json"))
            assert result.returncode == 0, result.stderr
            y = struct.unpack("256f", (folder / "y.bin").read_bytes())
            assert list(y) == [2 * x[i] + 2 * x[255 - i] for i in range(256)]
            assert ("2 queues" in result.stdout) == (order == "queues"), result.stdout
            assert f"({runs} runs, " in result.stdout, result.stdout
            check_profile(json.loads((folder / "p.json").read_text()), order, runs, workers)

        result = run("--threads", "0")
        assert result.returncode == 1 and "--threads needs a number" in result.stderr
        result = run("--profile", str(folder / "none" / "p.json"))
        assert result.returncode == 1 and "cannot write" in result.stderr
        result = run("--parallel")
        assert result.returncode == 1 and "usage" in result.stderr
    return 0


sys.exit(main())

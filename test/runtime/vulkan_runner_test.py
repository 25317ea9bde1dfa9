#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The runner (compiler/emit/runner), linked with a program for a CPU and a GPU
# (vulkan/program.cpp): it attaches a driver over Vulkan, on the device that the
# environment names, its profile has the GPU's own times, and what is missing is
# said in one line.
import argparse
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile


def check_profile(profile, order):
    assert profile["order"] == order, profile["order"]
    assert [c["op"] for c in profile["commands"]] == ["submit", "submit", "dispatch"]
    add, step, after = profile["commands"]
    assert (add["kernel"], add["engine"], step["kernel"]) == ("add", "cpu1", "step"), profile
    # The GPU's own times, by the same clock.
    assert 0 <= add["start_ns"] <= add["end_ns"] <= step["end_ns"], profile
    assert step["start_ns"] <= step["end_ns"] <= after["end_ns"], profile


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runner", required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        a, b = list(range(1024)), [i * i for i in range(1024)]
        (folder / "a.bin").write_bytes(struct.pack("1024i", *a))
        (folder / "b.bin").write_bytes(struct.pack("1024i", *b))

        def run(*more, **environment):
            command = [options.runner, "--input", f"a={folder / 'a.bin'}", "--input", f"b={folder / 'b.bin'}",
                       "--output", f"c={folder / 'c.bin'}", "--scalar", "s0=7", "--scalar", "s1=0", "--scalar", "s2=1",
                       *more]
            return subprocess.run(command, capture_output=True, text=True, timeout=60,
                                  env={**os.environ, **environment})

        for order, more in (("queues", []), ("list", ["--sequential"])):
            result = run(*more, "--repeat", "5", "--profile", str(folder / "p.json"), TERCET_VULKAN_DEVICE="0")
            assert result.returncode == 0, result.stderr
            c = struct.unpack("1024i", (folder / "c.bin").read_bytes())
            assert list(c) == [(x + y) * 3 + 8 for x, y in zip(a, b)], c
            check_profile(json.loads((folder / "p.json").read_text()), order)
        for environment, text in (({"TERCET_VULKAN_DEVICE": "no such GPU"}, "no Vulkan device 'no such GPU'"),
                                  ({"TERCET_VULKAN_LIBRARY": "/nonexistent/vulkan"}, "no Vulkan loader")):
            result = run(**environment)
            assert result.returncode == 1, result.stdout
            assert result.stderr.startswith("tercet-run: error: ") and text in result.stderr, result.stderr
    return 0


sys.exit(main())

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Kernels for NVIDIA's GPUs against numpy (cuda_cases.py, gpu_groups.py), as one program for the CPU and a GPU of
# target cuda. By default on the stand-in for CUDA's library, which runs PTX on the CPU (--library); with --library
# libcuda.so.1 on a GPU, where there is one. --bundle DIR writes all that is needed to do so on a machine without the
# tools, without Python and without a network: the program as an executable, inputs, expected outputs, a comparer, and
# DIR/run.sh that runs them.

import os
import shutil
import stat
import sys

import numpy as np

import cuda_cases
import gpu_groups
import harness

MACHINE = """name: cuda-board
engines:
  - {{name: cpu, kind: cpu, target: cpu, memories: [dram], cpu: {cpu}}}
  - name: gpu
    kind: gpu
    target: cuda
    memories: [dram]
    properties: {{architecture: {architecture}, processors: 16, threads: 256, shared_kib: 96}}
    performance:
      {{launch_us: 5, synchronise_us: 20, bandwidth_gb_per_s: 100, peak_gops: {{f32: 5000, f16: 10000, i32: 2500}}}}
memories:
  - {{name: dram, bandwidth_gb_per_s: 100}}
"""

RUN = r"""#!/bin/sh
# Runs the cases on the machine's NVIDIA GPU and compares with numpy's results: one line for each that fails, then a
# count. Without a GPU it says so and ends with 77. Needs nothing but this folder and NVIDIA's driver.
here=$(dirname "$0")
work=${TMPDIR:-/tmp}/tercet-cuda.$$
mkdir -p "$work" || exit 1
trap 'rm -rf "$work"' EXIT
passed=0 failed=0
while read -r name tolerance inputs; do
  set --
  for input in $inputs; do set -- "$@" --input "$input=$here/$name.$input.npy"; done
  if "$here/ops" --entry "$name" "$@" --output "r=$work/r.npy" >"$work/log" 2>&1; then
    if "$here/compare" "$work/r.npy" "$here/$name.expected.npy" "$tolerance" >"$work/log" 2>&1; then
      passed=$((passed + 1)); continue
    fi
  elif [ $((passed + failed)) -eq 0 ] && grep -q -e "no CUDA driver" -e "ERROR_NO_DEVICE" -e "CUDA finds 0" "$work/log"; then
    echo "skipped: $(tail -1 "$work/log")"; exit 77
  fi
  failed=$((failed + 1)); echo "FAIL $name: $(tail -1 "$work/log")"
done <"$here/cases"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
"""


class Cuda:
    def __init__(self, test, cases):
        self.test = test
        self.cases = cases

    def compile(self):
        folder = self.test.work
        arguments = self.test.arguments
        (folder / "board.yaml").write_text(MACHINE.format(cpu=arguments.board_cpu, architecture=arguments.architecture))
        (folder / "ops.mlir").write_text("\n".join(case.text() for case in self.cases))
        self.test.compile(folder / "ops.mlir", folder / "out", None, "--soc", str(folder / "board.yaml"), "--start-from",
                          "partition", "--name", "ops", "--emit", "exe")

    def run(self):
        """The executable itself: tercet-run would link one for each case."""
        for case in self.cases:
            command = [str(self.test.work / "out" / "ops"), "--entry", case.name, "--output", f"r={self.test.work / 'r.npy'}"]
            for name, array in case.inputs.items():
                np.save(self.test.work / f"{name}.npy", array)
                command += ["--input", f"{name}={self.test.work / name}.npy"]
            try:
                harness.execute(command)
                got = np.load(self.test.work / "r.npy")
                self.test.check(case.name, harness.difference(got, case.expected, case.tolerance))
            except harness.CommandFailed as failure:
                self.test.check(case.name, str(failure))

    def bundle(self, folder):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        shutil.copy(self.test.work / "out" / "ops", folder / "ops")
        shutil.copy(self.test.tool("tercet-compare-arrays"), folder / "compare")
        lines = []
        for case in self.cases:
            for name, array in case.inputs.items():
                np.save(folder / f"{case.name}.{name}.npy", array)
            np.save(folder / f"{case.name}.expected.npy", case.expected)
            lines.append(f"{case.name} {case.tolerance} {' '.join(case.inputs)}\n")
        (folder / "cases").write_text("".join(lines))
        script = folder / "run.sh"
        script.write_text(RUN)
        script.chmod(script.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


def main():
    parser = harness.parser("kernels for NVIDIA's GPUs")
    parser.add_argument("--library", help="CUDA's library: the stand-in, or libcuda.so.1")
    parser.add_argument("--architecture", default="sm_87")
    parser.add_argument("--board-cpu", default="host", help="the CPU beside the GPU; or as in a machine file, {triple: ..., ...}")
    parser.add_argument("--every", type=int, default=1, help="only every Nth case")
    parser.add_argument("--bundle", help="folder to write what runs on a machine with a GPU; nothing is run here but that")
    test = harness.Test(parser.parse_args())
    arguments = test.arguments
    if arguments.library:
        os.environ["TERCET_LIBCUDA"] = arguments.library
    # One program opens the code of all cases each time that it is run; what cases add to others is tested on Vulkan.
    cases = list(cuda_cases.cases()) + list(gpu_groups.cases(seed=3, result="r"))[::4]
    cuda = Cuda(test, [case for case in cases if test.wanted(case.name)][::arguments.every])
    cuda.compile()
    if arguments.bundle:
        folder = harness.pathlib.Path(arguments.bundle)
        cuda.bundle(folder)
        done = harness.execute([str(folder / "run.sh")], expect=None)
        print(done.stdout, end="")
        sys.exit(done.returncode)  # 77: no GPU here
    else:
        cuda.run()
    test.finish()


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Kernels of the Vulkan target on a device (Mesa's lavapipe where there is no GPU) against numpy, in each profile. A program
# is written as the plan stage would: every case is an entry that copies its inputs to memory that the GPU shares, runs the
# kernel, and copies what it wrote. From there on all is as for any model: code generation, image, driver, runtime.

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "e2e"))
import harness
import kernels

SOC = """name: {name}
engines:
  - {{name: cpu, kind: cpu, target: cpu, cpu: host, memories: [dram]}}
  - name: gpu
    kind: gpu
    target: vulkan
    memories: [dram]
    properties: {{profile: {profile}, threads: 128, workgroup_kib: 16}}
    performance: {{launch_us: 1, synchronise_us: 1, bandwidth_gb_per_s: 1, peak_gops: {{f32: 1}}}}
memories:
  - {{name: dram, bandwidth_gb_per_s: 1}}
"""


def aligned(size):
    return (size + 63) // 64 * 64


class Program:
    """The text of a planned module. `shift` is where operands begin within their buffers, as views may."""

    def __init__(self, cases, shift):
        self.cases, self.shift = cases, shift

    def text(self):
        kernel_texts, entries, arena = [], [], 0
        for number, case in enumerate(self.cases):
            kernel_texts.append(self.kernel(number, case))
            entry, bytes_used = self.entry(number, case)
            entries.append(entry)
            arena = max(arena, bytes_used)
        pool = f'cmd.pool @arena arena in "dram" bytes {arena} alignment 64 lower_bound {arena} method "greedy-by-size"'
        return "module {\n" + "\n".join(kernel_texts + [pool] + entries) + "\n}\n"

    def kernel(self, number, case):
        arguments = [f"%{name}: memref<{shape}>" for name, _, shape in case.operands()]
        arguments += [f"%s{i}: index" for i in range(len(case.scalars))]
        alignment = 16 if self.shift == 0 else self.shift & -self.shift
        alignments = ", ".join([str(alignment)] * len(case.operands()))
        variant = f'#soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = {case.scratch}>'
        return (f"soc.kernel @k{number}({', '.join(arguments)}) attributes {{engine = \"gpu\", num_inputs = {len(case.inputs)} : i64, "
                f"variant = {variant}, scratch_bytes = {case.scratch} : i64, grid = array<i64: {', '.join(map(str, case.grid))}>, "
                f"alignments = array<i64: {alignments}>}} {{\n{case.body}\nsoc.return\n}}")

    def entry(self, number, case):
        lines, ends, names, offset = [], [], [], 0
        for index, (name, array, shape) in enumerate(case.operands()):
            is_input = name.startswith("i")
            kind, place = ("input", index) if is_input else ("output", index - len(case.inputs))
            lines.append(f'%{name} = cmd.{kind} {place} "{name}" : tensor<{shape}>')
            size = aligned(array.nbytes + self.shift)
            lines.append(f"%b{index} = cmd.buffer @arena[{offset} for {size}]")
            offset += size
            names.append(f"%b{index}")
        for i, (_, least, most) in enumerate(case.scalars):
            lines.append(f'%s{i} = cmd.scalar "s{i}" [{least} to {most}]')
        for index, (name, array, _) in enumerate(case.operands()):
            if name.startswith("i"):
                lines.append(f'%t{index} = cmd.copy %{name}[0] to %b{index}[{self.shift}] bytes {array.nbytes} on "cpu"')
                ends.append(f"%t{index}")
        scalars = f" scalars({', '.join(f'%s{i}' for i in range(len(case.scalars)))})" if case.scalars else ""
        waits = f" wait({', '.join(ends)})" if ends else ""
        lines.append(f"%d = cmd.dispatch @k{number} on \"gpu\"({', '.join(names)}) offsets [{', '.join([str(self.shift)] * len(names))}] "
                     f"bytes [{', '.join(str(a.nbytes) for _, a, _ in case.operands())}] grid [{', '.join(map(str, case.grid))}]"
                     f"{scalars}{waits} predicted_ps 1 start_ps 0")
        for index, (name, array, _) in enumerate(case.operands()):
            if name.startswith("o"):
                lines.append(f'%c{index} = cmd.copy %b{index}[{self.shift}] to %{name}[0] bytes {array.nbytes} on "cpu" wait(%d)')
        return f"cmd.entry @case{number} {{\n" + "\n".join(lines) + "\n}", offset


def run_cases(test, cases, profile, shift):
    folder = test.work / f"{profile}-{shift}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "board.yaml").write_text(SOC.format(name="board", profile=profile))
    (folder / "kernels.mlir").write_text(Program(cases, shift).text())
    test.compile(folder / "kernels.mlir", folder / "out", None, "--start-from", "codegen", "--soc", folder / "board.yaml",
                 "--name", "kernels")
    for number, case in enumerate(cases):
        test.check(f"{profile}, shift {shift}: {case.name}", problem_of(test, folder / "out", number, case))


def problem_of(test, program, number, case):
    feeds = {name: array for name, array, _ in case.operands() if name.startswith("i")}
    expected = {name: array for name, array, _ in case.operands() if name.startswith("o")}
    extra = ["--entry", f"case{number}"] + [f"--scalar=s{i}={value}" for i, (value, _, _) in enumerate(case.scalars)]
    try:
        got = test.run(program, feeds, list(expected), *extra)
    except harness.CommandFailed as error:
        return None if case.fault and case.fault in str(error) else str(error)
    if case.fault:
        return f"expected a fault: {case.fault}"
    problems = [harness.difference(got[name], value, case.tolerance) for name, value in expected.items()]
    return "; ".join(p for p in problems if p) or None


def main():
    parser = harness.parser("kernels of the Vulkan target")
    parser.add_argument("--profiles", default="vk11-base", help="profiles of the engine, with commas between")
    parser.add_argument("--shifts", default="0,4", help="bytes that operands begin behind a multiple of 64")
    test = harness.Test(parser.parse_args())
    selected = [case for case in kernels.cases() if test.wanted(case.name)]
    for profile in test.arguments.profiles.split(","):
        for shift in test.arguments.shifts.split(","):
            run_cases(test, selected, profile, int(shift))
    test.finish()


if __name__ == "__main__":
    main()

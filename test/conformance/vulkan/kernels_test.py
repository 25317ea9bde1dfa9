# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Kernels of the Vulkan target on a device (Mesa's lavapipe where there is no GPU) against numpy, in each profile. A program
# is written as the plan stage would: for every case it copies the inputs to memory that the GPU shares, runs the kernel, and
# copies what that wrote. From there on all is as for any model: code generation, image, driver, runtime.

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


def groups(cases):
    """Cases that can share a run: one that faults, or that has scalars, is by itself."""
    together = [n for n, case in enumerate(cases) if not case.fault and not case.scalars]
    alone = [[n] for n in range(len(cases)) if n not in together]
    return ([together] if together else []) + alone


class Program:
    """The text of a planned module, with an entry for each group of cases. `shift` is where operands begin within their
    buffers, as views may."""

    def __init__(self, cases, shift):
        self.cases, self.shift, self.groups = cases, shift, groups(cases)

    def text(self):
        kernel_texts = [self.kernel(number, case) for number, case in enumerate(self.cases)]
        entries, arena = [], 64
        for number, group in enumerate(self.groups):
            entry, used = self.entry(number, group)
            entries.append(entry)
            arena = max(arena, used)
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

    def entry(self, number, group):
        tensors, commands, offset, counts = [], [], 0, {"input": 0, "output": 0}
        for index in group:
            case = self.cases[index]
            copies, buffers, back = [], [], []
            for name, array, shape in case.operands():
                kind = "input" if name.startswith("i") else "output"
                tensor, buffer = f"%c{index}_{name}", f"%b{index}_{name}"
                tensors.append(f'{tensor} = cmd.{kind} {counts[kind]} "c{index}_{name}" : tensor<{shape}>')
                counts[kind] += 1
                size = aligned(array.nbytes + self.shift)
                tensors.append(f"{buffer} = cmd.buffer @arena[{offset} for {size}]")
                offset += size
                buffers.append(buffer)
                if kind == "input":
                    copies.append(f"%t{index}_{name}")
                    commands.append(f'{copies[-1]} = cmd.copy {tensor}[0] to {buffer}[{self.shift}] bytes {array.nbytes} on "cpu"')
                else:
                    back.append(f'%u{index}_{name} = cmd.copy {buffer}[{self.shift}] to {tensor}[0] bytes {array.nbytes} on "cpu" '
                                f"wait(%d{index})")
            for i, (_, least, most) in enumerate(case.scalars):
                tensors.append(f'%s{index}_{i} = cmd.scalar "s{i}" [{least} to {most}]')
            scalars = ", ".join(f"%s{index}_{i}" for i in range(len(case.scalars)))
            commands.append(f"%d{index} = cmd.dispatch @k{index} on \"gpu\"({', '.join(buffers)}) "
                            f"offsets [{', '.join([str(self.shift)] * len(buffers))}] "
                            f"bytes [{', '.join(str(a.nbytes) for _, a, _ in case.operands())}] "
                            f"grid [{', '.join(map(str, case.grid))}]" + (f" scalars({scalars})" if scalars else "")
                            + (f" wait({', '.join(copies)})" if copies else "") + " predicted_ps 1 start_ps 0")
            commands += back
        return f"cmd.entry @run{number} {{\n" + "\n".join(tensors + commands) + "\n}", offset


def run_cases(test, cases, profile, shift):
    folder = test.work / f"{profile}-{shift}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "board.yaml").write_text(SOC.format(name="board", profile=profile))
    program = Program(cases, shift)
    (folder / "kernels.mlir").write_text(program.text())
    test.compile(folder / "kernels.mlir", folder / "out", None, "--start-from", "codegen", "--soc", folder / "board.yaml",
                 "--name", "kernels")
    for number, group in enumerate(program.groups):
        for index, problem in problems_of(test, folder / "out", number, group, cases):
            test.check(f"{profile}, shift {shift}: {cases[index].name}", problem)


def problems_of(test, program, number, group, cases):
    arrays = {f"c{index}_{name}": array for index in group for name, array, _ in cases[index].operands()}
    feeds = {name: array for name, array in arrays.items() if "_i" in name}
    wanted = [name for name in arrays if "_o" in name]
    first = cases[group[0]]
    extra = ["--entry", f"run{number}"] + [f"--scalar=s{i}={value}" for i, (value, _, _) in enumerate(first.scalars)]
    try:
        got = test.run(program, feeds, wanted, *extra)
    except harness.CommandFailed as error:
        found = first.fault and first.fault in str(error)
        return [(index, None if found else str(error)) for index in group]
    if first.fault:
        return [(group[0], f"expected a fault: {first.fault}")]
    problems = []
    for index in group:
        differences = [harness.difference(got[name], arrays[name], cases[index].tolerance)
                       for name in wanted if name.startswith(f"c{index}_")]
        problems.append((index, "; ".join(d for d in differences if d) or None))
    return problems


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

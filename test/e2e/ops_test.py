# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Every one-node case of ops.py against onnxruntime. Cases of one operator set are compiled and run as one program; when
# that fails, the group is halved until the case at fault stands alone, so one bad operator costs a few compilations and
# hides no other.

import concurrent.futures
import os

import harness
import ops


def run_group(test, opset, members, results, label):
    """Returns [(case, problem or None)] of the members."""
    folder = test.work / label
    folder.mkdir(parents=True, exist_ok=True)
    model, feeds, expected = ops.merged(opset, members, results)
    path = folder / "group.onnx"
    path.write_bytes(model.SerializeToString())
    try:
        test.compile(path, folder / "out", None, "--name", "group")
        got = test.run(folder / "out", feeds, list(expected))
    except harness.CommandFailed as error:
        if len(members) == 1:
            return [(members[0], str(error))]
        half = len(members) // 2
        return (run_group(test, opset, members[:half], results, label + "a")
                + run_group(test, opset, members[half:], results, label + "b"))
    found = []
    for number, case in enumerate(members):
        problems = [harness.difference(got[name], value, case.tolerance)
                    for name, value in zip(case.output_names(f"c{number}_"), results[case.name])]
        found.append((case, "; ".join(p for p in problems if p) or None))
    return found


def main():
    parser = harness.parser("operators")
    parser.add_argument("--tier", default="A", help="letters of the tiers to run: A, B or AB (default A)")
    parser.add_argument("--group", type=int, default=40, help="cases in one program (default 40)")
    parser.add_argument("--every", type=int, default=1, help="only every Nth case, for slow targets")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    test = harness.Test(parser.parse_args())
    selected = [c for c in ops.cases(test.arguments.tier) if test.wanted(c.name)][::test.arguments.every]
    results = {case.name: ops.evaluate(case) for case in selected}
    with concurrent.futures.ThreadPoolExecutor(test.arguments.jobs) as pool:
        futures = [pool.submit(run_group, test, opset, members, results, f"{opset}-{i}")
                   for i, (opset, members) in enumerate(ops.groups(selected, test.arguments.group))]
        for future in futures:
            for case, problem in future.result():
                test.check(case.name, problem)
    test.finish()


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The small seeded encoders, decoders with past keys and values, and vision transformers, each with every binding of its
# dimensions, against onnxruntime's results; and the same weights as external data, which must give the same bits.

import harness
import small

TOLERANCE = 1e-4


def run_case(test, model, case, program):
    dims, feeds, expected = harness.load_case(case)
    test.compile(model, program, dims, "--name", "model", "--workers", "2")
    return test.run(program, feeds, list(expected), "--threads", "2"), expected


def main():
    test = harness.Test(harness.parser("small models").parse_args())
    models = test.work / "models"
    models.mkdir(exist_ok=True)
    small.write(models)
    results = {}
    for case in sorted(models.glob("*.npz")):
        name = case.stem
        if not test.wanted(name):
            continue
        try:
            got, expected = run_case(test, models / f"{name.split('.')[0]}.onnx", case, test.work / name)
        except harness.CommandFailed as error:
            test.check(name, str(error))
            continue
        results[name] = got
        for output, value in expected.items():
            test.check(f"{name} {output}", harness.difference(got[output], value, TOLERANCE))
    for model in sorted(models.glob("*.external.onnx")):
        case = sorted(models.glob(f"{model.name.split('.')[0]}.*.npz"))[0]
        if case.stem not in results:
            continue
        try:
            got, _ = run_case(test, model, case, test.work / f"{case.stem}.external")
            same = all((got[k] == v).all() for k, v in results[case.stem].items())
            test.check(model.name, None if same else "external data gives other results than embedded data")
        except harness.CommandFailed as error:
            test.check(model.name, str(error))
    test.finish()


if __name__ == "__main__":
    main()

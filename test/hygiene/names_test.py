# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# A newcomer can guess every path: `def FoldTransposesPass : Pass<"graph-fold-transposes">` is described, implemented in
# passes/graph/FoldTransposes.cpp and tested by lit/passes/graph/fold-transposes.mlir. Every dialect has a page.

import re

from tree import ROOT, Report, files, read

PASS = re.compile(r'^def (\w+) : Pass<"([\w-]+)"[^{]*\{(.*?)^\}', re.MULTILINE | re.DOTALL)


def check_pass(report, folder, class_name, argument, body):
    where = f"{folder}/Passes.td: {argument}"
    report.check(class_name.endswith("Pass"), f"{where}: class '{class_name}' does not end in Pass")
    report.check("let description" in body, f"{where}: has no description")
    report.check("let constructor" not in body, f"{where}: has a constructor; leave it to table generation")
    source = f"{folder}/{class_name.removesuffix('Pass')}.cpp"
    report.check((ROOT / source).exists(), f"{where}: expected its source in {source}")
    stage = folder.split("/")[-1]
    verifier = argument == f"verify-{stage}"
    report.check(argument.startswith(f"{stage}-") or verifier,
                 f"{where}: expected a name that starts with {stage}- or verify-{stage}")
    name = argument if verifier else argument.removeprefix(f"{stage}-")
    tests = [f"lit/{folder}/{name}.mlir"] + ([f"lit/{folder}/{name}-invalid.mlir"] if verifier else [])
    for test in tests:
        text = read(test) if (ROOT / test).exists() else None
        report.check(text is not None, f"{where}: expected a test {test}")
        report.check(text is None or argument in text or "-codegen" in text,
                     f"{test}: does not run {argument}")
    text = read(source) if (ROOT / source).exists() else ""
    # A pass that reports errors of its own has a test of them.
    if re.search(r"emit(Op)?Error\(", text) and not verifier:
        invalid = f"lit/{folder}/{name}-invalid.mlir"
        report.check((ROOT / invalid).exists() or name in NO_INVALID,
                     f"{where}: reports errors; expected a test {invalid}")


# Errors that another pass or verifier excludes before, so that no text can show them.
NO_INVALID = {"lower-aggregates"}


def main():
    report = Report()
    tables = [name for name in files("Passes.td")]
    report.check(len(tables) >= 6, "expected the Passes.td of five stages and a target")
    for table in tables:
        found = PASS.findall(read(table))
        report.check(found, f"{table}: no pass found")
        for class_name, argument, body in found:
            check_pass(report, str(table.parent), class_name, argument, body)

    for dialect in sorted(path.name for path in (ROOT / "dialects").iterdir() if path.is_dir()):
        report.check((ROOT / f"docs/dialects/{dialect}.md").exists(), f"expected a page docs/dialects/{dialect}.md")
        for test in ("roundtrip", "invalid"):
            path = f"lit/dialects/{dialect}/{test}.mlir"
            report.check((ROOT / path).exists(), f"expected a test {path}")
    for target in sorted(path.name for path in (ROOT / "targets").iterdir() if (path / "CMakeLists.txt").exists()):
        report.check((ROOT / f"docs/targets/{target}.md").exists(), f"expected a page docs/targets/{target}.md")
    for folder in ("compiler", "dialects", "passes", "targets", "runtime", "test", "lit", "docs"):
        report.check((ROOT / folder / "README.md").exists(), f"expected {folder}/README.md")

    # Decision records have numbers of their own and are listed.
    index = read("docs/decisions/README.md")
    records = sorted(path.name for path in (ROOT / "docs/decisions").glob("[0-9]*.md"))
    for number, record in enumerate(records, start=1):
        report.check(record.startswith(f"{number:04}-"), f"docs/decisions/{record}: expected number {number:04}")
        report.check(f"({record})" in index, f"docs/decisions/README.md: does not list {record}")

    # Examples in the descriptions of operations are those of the round trip.
    for dialect in ("nn", "soc", "cmd"):
        test = read(f"lit/dialects/{dialect}/roundtrip.mlir")
        prefix = {"nn": "NN", "soc": "Soc", "cmd": "Cmd"}[dialect]
        for mnemonic in re.findall(rf'^def {prefix}_\w+Op : \w+<"([\w.]+)"', read(f"dialects/{dialect}/{prefix}Ops.td"),
                                   re.MULTILINE):
            report.check(f"{dialect}.{mnemonic}" in test,
                         f"lit/dialects/{dialect}/roundtrip.mlir: no example of {dialect}.{mnemonic}")

    # Tests that lit would find but that run nothing.
    for test in files(".mlir", ".test"):
        if test.parts[0] == "lit" and "Inputs" not in test.parts:
            report.check("RUN:" in read(test), f"{test}: has no RUN line")
    report.finish()


main()

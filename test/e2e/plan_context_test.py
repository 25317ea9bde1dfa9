# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# tercet-compile --plan-context: the bytes that it prints for a context length are those that a compilation with that
# --context reports, the length that it names fits and the next one does not, and a budget that is none or holds nothing
# is an error.

import json
import re

import harness

import tiny_lm  # noqa: E402, from test/models


class PlanContextTest(harness.Test):
    def plan(self, budget, *flags, expect=0, model=tiny_lm.FILE):
        command = [self.tool("tercet-compile"), str(model), "--plan-context", budget, "--workers", "2", *flags]
        return harness.execute(command, expect=expect)

    def table(self, budget, *flags):
        """(names of pools, length -> bytes of pools and their sum, the longest length)."""
        head, *rows, last = self.plan(budget, *flags).stdout.splitlines()
        assert head.split()[0] == "context" and head.split()[-1] == "total", head
        lengths = {int(row.split()[0]): [int(n) for n in row.removesuffix("does not fit").split()[1:]] for row in rows}
        refused = {int(row.split()[0]) for row in rows if row.endswith("does not fit")}
        longest = int(re.fullmatch(r"longest context that fits into \d+ bytes: (\d+)(, all .*)?", last).group(1))
        return head.split()[1:-1], lengths, refused, longest

    def reported(self, context, *flags):
        """Bytes of each pool by a compilation's report."""
        folder = self.work / "program"
        self.compile(tiny_lm.FILE, folder, None, "--name", "m", "--workers", "2", "--context", str(context), *flags)
        pools = json.loads((folder / "m.report.json").read_text())["pools"]
        return {pool["name"]: pool["bytes"] for pool in pools if pool["kind"] != "io" and pool["bytes"]}

    def case(self, name, function):
        if not self.wanted(name):
            return
        try:
            problem = function()
        except harness.CommandFailed as error:
            problem = str(error)
        self.check(name, problem)

    def exact(self, *flags):
        def run():
            pools, lengths, _, whole = self.table("1GiB", *flags)
            if whole != max(lengths) or whole != 256:
                return f"the longest context is {whole}, expected all 256 positions"
            if not all(sum(row[:-1]) == row[-1] for row in lengths.values()):
                return "a sum is none"
            # A budget between two rungs: a length that is on no ladder.
            budget = (lengths[128][-1] + lengths[256][-1]) // 2
            pools, lengths, refused, longest = self.table(f"{budget}B", *flags)
            if refused != {n for n, row in lengths.items() if row[-1] > budget}:
                return f"{refused} are said not to fit"
            for length in (longest, 64):
                wanted = self.reported(length, *flags)
                if dict(zip(pools, lengths[length])) != wanted:
                    return f"context {length}: {dict(zip(pools, lengths[length]))}, the report says {wanted}"
            after = sum(self.reported(longest + 1, *flags).values())
            if not lengths[longest][-1] <= budget < after:
                return f"{longest} takes {lengths[longest][-1]} and one more {after} of {budget} bytes"
            return None
        return run

    def refused(self, part, *arguments, **options):
        def run():
            done = self.plan(*arguments, expect=1, **options)
            said = done.stderr
            return None if part in said and said.count("\n") == 1 and not done.stdout.startswith("longest") else said
        return run


def main():
    test = PlanContextTest(harness.parser(__doc__).parse_args())
    test.case("f16", test.exact())
    test.case("int8", test.exact("--kv-cache", "int8"))
    test.case("w4g32, int4, own chunks", test.exact("--kv-cache", "int4", "--quantize", "w4g32", "--prefill", "24"))
    test.case("smaller caches", lambda: smaller(test))
    wanted = "expected a number of bytes with a unit, such as 24GiB"
    for text in ("0", "1000", "-1GiB", "GiB", "junk", "1..5GiB", "1gib", "1GiBs", "0x10MiB", "", ".5GiB"):
        test.case(f"bad: '{text}'", test.refused(wanted, text))
    for text in ("0GiB", "0.0000001KB"):
        test.case(f"bad: '{text}'", test.refused(wanted, text))
    test.case("bad: too much", test.refused("more than 1024TiB", "1025TiB"))
    test.case("too little", test.refused("hold the model at no context length; expected at least ", "1MB"))
    test.case("with --context", test.refused("give it without --context", "1GiB", "--context", "12"))
    test.case("with -o", test.refused("give it without -o", "1GiB", "-o", str(test.work)))
    test.case("long chunks", test.refused("--prefill: expected at most 256, the positions of --context, got 300", "1GiB", "--prefill", "300"))
    other = test.work / "m.txt"
    other.write_bytes(b"")
    test.case("no language model", test.refused("--plan-context is for language models", "1GiB", model=other))
    test.finish()


def smaller(test):
    """A budget in which the caches matter: fewer bits, longer contexts."""
    _, lengths, _, _ = test.table("1GiB", "--prefill", "16")
    budget = f"{lengths[64][-1]}B"
    found = [test.table(budget, "--prefill", "16", "--kv-cache", kind)[3] for kind in ("f32", "f16", "int8", "int4")]
    return None if found[0] < found[1] == 64 and found == sorted(set(found)) else f"f32, f16, int8, int4: {found}"


if __name__ == "__main__":
    main()

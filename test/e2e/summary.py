# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Counts test cases in ctest's JUnit file and prints "N passed, N failed" as its last line. A ctest entry that runs many
# cases says so itself (lit's "Passed: N", or a line "N passed, N failed" as harness.py and pytest print it) and counts
# as that many; any other counts as one. A failed entry counts at least one failure whatever its output says.

import re
import sys
import xml.etree.ElementTree as ElementTree

SUMMARY = re.compile(r"^(\d+) passed, (\d+) failed$", re.M)
LIT = re.compile(r"^\s+(Passed|Expectedly Failed|Failed|Unexpectedly Passed|Unresolved|Timed Out)\s*:\s*(\d+)", re.M)


def count(output, ok):
    found = SUMMARY.findall(output)
    if found:
        passed, failed = map(int, found[-1])
    else:
        lit = {name: int(number) for name, number in LIT.findall(output)}
        passed = lit.get("Passed", 0) + lit.get("Expectedly Failed", 0)
        failed = sum(lit.values()) - passed
        if not lit:
            passed = int(ok)
    return passed, failed if ok else max(failed, 1)


def main():
    try:
        suite = ElementTree.parse(sys.argv[1]).getroot()
    except (OSError, ElementTree.ParseError) as error:
        print(f"summary.py: no results from ctest: {error}")
        print("0 passed, 1 failed")
        return 1
    passed = failed = 0
    skipped, slowest, broken = [], [], []
    for case in suite.iter("testcase"):
        name, status = case.get("name"), case.get("status")
        if status in ("disabled", "notrun") and case.find("failure") is None:
            skipped.append(name)
            continue
        ok = case.find("failure") is None and status != "fail"
        if not ok:
            broken.append(name)
        more, fewer = count(case.findtext("system-out") or "", ok)
        passed, failed = passed + more, failed + fewer
        slowest.append((float(case.get("time") or 0), name))
    slowest.sort(reverse=True)
    print("Slowest tests: " + ", ".join(f"{name} {seconds:.1f} s" for seconds, name in slowest[:5]))
    if skipped:
        print(f"Not run: {', '.join(skipped)}")
    if broken:
        print(f"Failed: {', '.join(broken)}")
    print(f"{passed} passed, {failed} failed")
    return int(failed > 0 or not passed)


if __name__ == "__main__":
    sys.exit(main())

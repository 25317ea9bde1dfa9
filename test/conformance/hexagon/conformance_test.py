# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Every kernel bit for bit against arithmetic.py, on code for v66 and v67, and
# what it cost in packets. Packets are not cycles: stalls and caches are not
# seen.

import argparse
import os
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import cases  # noqa: E402
import machine  # noqa: E402


def report(case, packets):
    unit, count, bar = case.work
    if unit == "MAC":
        rate = count / packets
        print(f"  {case.name}: {packets} packets, {rate:.1f} MAC/packet" + (f" (at least {bar})" if bar else ""))
        return bar is None or rate >= bar
    rate = packets / count
    print(f"  {case.name}: {packets} packets, {rate:.3f} packets/{unit}" + (f" (at most {bar})" if bar else ""))
    return bar is None or rate <= bar


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--emit", required=True)
    parser.add_argument("--clang", default="clang-22")
    parser.add_argument("--lld", default="ld.lld-22")
    parser.add_argument("--qemu", default="qemu-hexagon")
    parser.add_argument("--group", required=True)
    parser.add_argument("--architecture", action="append", default=[])
    parser.add_argument("--filter", default="")
    parser.add_argument("--keep")
    args = parser.parse_args()
    hexagon = machine.Machine(args.emit, args.clang, args.lld, args.qemu, HERE, args.keep)
    bad = 0
    for architecture in args.architecture or ["v66", "v67"]:
        rng = np.random.default_rng(7)
        chosen = [c for c in getattr(cases, args.group)(rng) if args.filter in c.name]
        results = hexagon.run(chosen, architecture)
        print(f"{args.group} {architecture}: {len(chosen)} kernels")
        for case, (packets, outputs) in zip(chosen, results):
            fast = report(case, packets)
            for got, expected in zip(outputs, case.expected):
                wrong = np.argwhere(got != expected)
                if len(wrong):
                    bad += 1
                    at = tuple(wrong[0])
                    print(f"FAILED {case.name} ({architecture}): {len(wrong)} of {got.size} differ, first at {at}: "
                          f"got {got[at]}, expected {expected[at]}")
            if not fast:
                bad += 1
                print(f"FAILED {case.name} ({architecture}): the bar is missed")
    hexagon.close()
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()

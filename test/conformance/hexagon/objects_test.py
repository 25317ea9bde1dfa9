# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Code for architectures that the emulator does not have: that it is there, in
# the instructions that it should be in, and calls nothing but what the NPU's
# runtime has. And what requantising costs, from the code of its loop.

import argparse
import os
import re
import subprocess
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import cases  # noqa: E402
import machine  # noqa: E402

RUNTIME = {"tercet_dma_start", "tercet_dma_wait", "memcpy", "memset", "memmove",
           "__hexagon_memcpy_likely_aligned_min32bytes_mult8bytes"}
# At most so many packets for each result of 8 bits.
REQUANTISE = 0.25


def check_object(hexagon, objdump, text, names, architecture):
    path, _ = hexagon.compile(text, architecture)
    features = f"--mattr=+hvx{architecture},+hvx-length128b"
    out = subprocess.run([objdump, "-d", "-t", f"--mcpu=hexagon{architecture}", features, path],
                         capture_output=True, text=True, check=True).stdout
    undefined = {line.split()[-1] for line in out.splitlines() if "*UND*" in line and len(line.split()) > 3}
    wrong = []
    if undefined - RUNTIME:
        wrong.append(f"{architecture}: undefined symbols {sorted(undefined - RUNTIME)}")
    functions = dict(re.findall(r"^[0-9a-f]+ <(\w+)>:\n((?:.+\n)+)", out, re.M))
    for name, expected in names:
        body = functions.get(name, "")
        for instruction in expected:
            if instruction not in body:
                wrong.append(f"{architecture}: no {instruction} in {name}")
        if "<unknown>" in body:
            wrong.append(f"{architecture}: instructions that the disassembler does not know in {name}")
    print(f"{architecture}: {len(functions)} kernels, undefined: {sorted(undefined)}")
    return wrong


def requantise_packets(hexagon, text, architecture):
    """Packets a result of the loop that narrows sums to bytes."""
    path, _ = hexagon.compile(text, architecture, "asm")
    with open(path) as f:
        lines = f.read().splitlines()
    start = {m.group(1): i for i, line in enumerate(lines) if (m := re.match(r"(\.LBB\d+_\d+):", line))}
    rates = []
    for i, line in enumerate(lines):
        if "endloop0" not in line:
            continue
        # The innermost loop is from the last label on.
        first = max(at for at in start.values() if at < i)
        body = lines[first:i + 1]
        text = "\n".join(body)
        results = 128 * len(re.findall(r"= vpack\(v\d+\.h,v\d+\.h\):sat", text))
        if results and "vmpyo" in text:
            rates.append(sum(1 for b in body if b.strip() == "{") / results)
    return rates


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--emit", required=True)
    parser.add_argument("--objdump", default="llvm-objdump-22")
    parser.add_argument("--keep")
    args = parser.parse_args()
    hexagon = machine.Machine(args.emit, None, None, None, HERE, args.keep)
    rng = np.random.default_rng(3)
    product = cases.matmul(rng, 64, 128, 1024, variant="resident")
    chosen = [product, cases.matmul(rng, 9, 70, 300, np.int16, np.int16),
              cases.attention(rng, "attention", (1, 8, 4, 32, 40, 2, 32), (1, 1, 1, 40), 0),
              cases.norm(rng, "layer_norm", cases.whole(rng, (4, 100), np.int16), np.int8, True),
              *[c for c in cases.elementwise(rng) if c.name.endswith("_rows")], *cases.moves(rng)]
    expected = [(chosen[0].name, ["vrmpy(", "vmpyo("]), (chosen[1].name, ["vrmpy(", ".ub,r"]),
                ("attention", ["vrmpy(", "vlut32("]), ("layer_norm", ["vrmpy(", "vmpye("]), ("lookup_rows", ["vlut32("])]
    wrong = []
    for architecture in ("v66", "v67", "v68", "v73", "v75"):
        wrong += check_object(hexagon, args.objdump, "".join(c.text() for c in chosen), expected, architecture)
    for architecture in ("v66", "v67", "v73"):
        rates = requantise_packets(hexagon, product.text(), architecture)
        print(f"{architecture}: requantising takes {', '.join(f'{r:.3f}' for r in rates)} packets/element "
              f"(at most {REQUANTISE})")
        if len(rates) != 1 or rates[0] > REQUANTISE:
            wrong.append(f"{architecture}: expected one loop that requantises, in {REQUANTISE} packets/element; got {rates}")
    hexagon.close()
    for line in wrong:
        print(f"FAILED {line}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()

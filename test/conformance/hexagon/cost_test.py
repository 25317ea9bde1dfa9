# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The cost model against packets that qemu-hexagon counts: for each class of kernels a sweep of shapes, of which every
# prediction has to lie within a factor of what was measured, and the root of the mean square of the relative errors
# below a bound. Packets depend on the code alone, so that a loaded machine changes nothing. With --fit it prints the
# constants that fit best, for targets/hexagon/HexagonPackets.cpp, beside what is left over.

import argparse
import math
import os
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import arithmetic  # noqa: E402
import cases  # noqa: E402
import machine  # noqa: E402
from cases import I8, I16, I32, whole  # noqa: E402
from machine import memref  # noqa: E402

# Class: the factor that no prediction may be off by, and the mean error.
BARS = {"product": (1.25, 0.08), "tiled": (1.35, 0.15), "norm": (1.2, 0.08), "attention": (1.2, 0.08), "add": (1.2, 0.08),
        "rescale": (1.3, 0.12), "lookup": (1.2, 0.08), "move": (1.3, 0.12), "chain": (1.5, 0.3)}


def products(rng):
    for m in (1, 2, 4, 6, 16, 64):
        for n in (32, 96, 128, 384):
            yield cases.matmul(rng, m, n, 384)
    for m, n, k in ((1, 128, 1024), (16, 128, 64), (16, 128, 1536), (64, 96, 1024), (3, 192, 384)):
        yield cases.matmul(rng, m, n, k)
    for m, n, k in ((16, 96, 384), (4, 128, 1536), (64, 128, 384)):
        for lhs, out in ((I8, I16), (I16, I8), (I16, I16)):
            yield cases.matmul(rng, m, n, k, lhs, out)
    for m, n, k in ((16, 128, 384), (64, 96, 384)):
        yield cases.matmul(rng, m, n, k, variant="resident")


def tiled(rng):
    for shape, tile in (((64, 384, 384), (16, 128)), ((128, 384, 384), (128, 96)), ((64, 256, 1536), (32, 256)),
                        ((48, 160, 200), (16, 64))):
        yield cases.matmul(rng, *shape, tile=tile)


def norms(rng):
    number = 0
    for rows in (1, 16):
        for columns in (96, 384, 1536):
            for kind, out, mean in ((I16, I8, True), (I8, I8, False), (I16, I16, True)):
                yield cases.norm(rng, f"cost_norm_{number}", whole(rng, (rows, columns), kind), out, mean)
                number += 1


def attentions(rng):
    sizes = [(1, s, 1, d, t) for s in (4, 32, 128) for t in (32, 128, 384) for d in (32, 64)] + [(1, 8, 3, 64, 197), (2, 16, 2, 32, 64)]
    for number, (b, s, h, d, t) in enumerate(sizes):
        yield cases.attention(rng, f"cost_attention_{number}", (b, s, h, d, t, h, d), (b, 1, 1, t), number)


def elementwise(rng, what):
    number = 0
    for shape in ((1, 384), (16, 384), (64, 384), (64, 100)):
        for kind in (I8, I16):
            for out in (I8, I16):
                x, y = whole(rng, shape, kind), whole(rng, shape, kind)
                into, name = memref(np.zeros(shape, out)), f"cost_{what}_{number}"
                number += 1
                if what == "add":
                    yield cases.unary(name, [x, y], arithmetic.add(x, y, 16384, 9000, -77, 15, 0, out),
                                      f"nn.quantized_add ins(%a0, %a1 : {memref(x)}, {memref(y)}) outs(%a2 : {into}) "
                                      "multipliers [16384, 9000] offset -77 shift 15 zero 0")
                if what == "rescale":
                    yield cases.unary(name, [x], arithmetic.rescale(x, 16384, -77, 15, 0, out),
                                      f"nn.rescale ins(%a0 : {memref(x)}) outs(%a1 : {into}) "
                                      "multiplier 16384 offset -77 shift 15 zero 0")
                    columns = rng.integers(1, 1 << 31, shape[-1], dtype=np.int64).astype(I32)
                    yield cases.unary(name + "_columns", [x, columns], arithmetic.rescale_columns(x, columns, 16, 0, out),
                                      f"nn.rescale ins(%a0 : {memref(x)}) columns(%a1 : {memref(columns)}) outs(%a2 : {into}) "
                                      "multiplier 0 offset 0 shift 16 zero 0")
                if what == "lookup" and kind == I8:
                    for blocks in (1,) if shape[1] % 128 else (1, shape[1] // 128):
                        table = whole(rng, (256,) if blocks == 1 else (blocks, 256), out)
                        yield cases.unary(f"{name}_{blocks}", [x, table], arithmetic.lookup(x, table),
                                          f"nn.lookup ins(%a0, %a1 : {memref(x)}, {memref(table)}) outs(%a2 : {into})")


def moves(rng):
    number = 0
    for kind in (I8, I16):
        for shape, order in (((16, 384), (0, 1)), ((64, 384), (0, 1)), ((64, 100), (1, 0)), ((16, 384), (1, 0)),
                             ((1, 64, 6, 64), (0, 2, 1, 3)), ((2, 16, 12, 32), (0, 2, 1, 3))):
            x = whole(rng, shape, kind)
            y = np.ascontiguousarray(x.transpose(order))
            body = (f"memref.copy %a0, %a1 : {memref(x)} to {memref(y)}" if order == (0, 1) else
                    f"linalg.transpose ins(%a0 : {memref(x)}) outs(%a1 : {memref(y)}) permutation = {list(order)}")
            yield cases.unary(f"cost_move_{number}", [x], y, body)
            number += 1


CLASSES = {"product": products, "tiled": tiled, "norm": norms, "attention": attentions, "add": lambda rng: elementwise(rng, "add"),
           "rescale": lambda rng: elementwise(rng, "rescale"), "lookup": lambda rng: elementwise(rng, "lookup"), "move": moves,
           "chain": cases.chains}


def fit(counts, measured):
    """Term -> packets for one, none below 0, that make the sum of squared relative errors least (Lawson and Hanson)."""
    names = sorted({name for count in counts for name in count})
    a = np.array([[count.get(name, 0) for name in names] for count in counts], float) / np.array(measured, float)[:, None]
    b, x, used = np.ones(len(measured)), np.zeros(len(names)), np.zeros(len(names), bool)
    for _ in range(20 * len(names)):
        gain = np.where(used, -np.inf, a.T @ (b - a @ x))
        if gain.max() <= 1e-9:
            break
        used[gain.argmax()] = True
        while True:
            best = np.zeros(len(names))
            best[used] = np.linalg.lstsq(a[:, used], b, rcond=None)[0]
            below = used & (best <= 0)
            if not below.any():
                x = best
                break
            x = x + np.min(x[below] / (x[below] - best[below])) * (best - x)
            used &= x > 1e-12
            x[~used] = 0
    return dict(zip(names, x)), a @ x


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--emit", required=True)
    parser.add_argument("--clang", default="clang-22")
    parser.add_argument("--lld", default="ld.lld-22")
    parser.add_argument("--qemu", default="qemu-hexagon")
    parser.add_argument("--only", choices=CLASSES)
    parser.add_argument("--fit", action="store_true", help="print the best constants of each class")
    parser.add_argument("--verbose", action="store_true", help="print every kernel")
    args = parser.parse_args()
    hexagon = machine.Machine(args.emit, args.clang, args.lld, args.qemu, HERE)
    bad = 0
    for name, make in CLASSES.items():
        if args.only not in (None, name):
            continue
        chosen = list(make(np.random.default_rng(11)))
        measured = [packets for packets, _ in hexagon.run(chosen, "v67")]
        predicted = [hexagon.predicted[case.name][0] for case in chosen]
        ratios = np.array(predicted) / measured
        factor, mean = BARS[name]
        error = math.sqrt(np.mean((ratios - 1) ** 2))
        print(f"{name}: {len(chosen)} kernels of {min(measured)} to {max(measured)} packets, predicted over measured "
              f"{ratios.min():.2f} to {ratios.max():.2f}, mean error {error:.1%}")
        for case, count, guess, ratio in zip(chosen, measured, predicted, ratios):
            far = not 1 / factor <= ratio <= factor
            if args.verbose or far:
                print(f"  {case.name}: {count} packets, predicted {guess}, {ratio:.2f}")
            if far:
                bad += 1
                print(f"FAILED {case.name}: off by more than a factor of {factor}")
        if not error <= mean:
            bad += 1
            print(f"FAILED {name}: mean error above {mean:.0%}")
        if args.fit:
            best, fitted = fit([hexagon.predicted[case.name][1] for case in chosen], measured)
            print(f"  fit: mean error {math.sqrt(np.mean((fitted - 1) ** 2)):.1%}, {fitted.min():.2f} to {fitted.max():.2f}")
            for term, packets in best.items():
                print(f"    {term} {packets * 1000:.0f}")
    hexagon.close()
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()

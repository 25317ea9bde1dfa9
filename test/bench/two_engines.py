# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Two engines beside the best one on the same cores: a feed-forward block whose products are shared by rows, compiled
# for host-split with one worker an engine, and for host with one worker. Both run in turns, and of the times the least
# is taken, since neighbours only make a run longer. Says too whether two cores are there to be used.

import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "test" / "models")]

import graph  # noqa: E402
import perceptron  # noqa: E402

# Work of two busy processes over that of one: 2 where both have a core, 1 where they share one.
QUIET = 1.7
ROWS, COLUMNS, INNER = 512, 1024, 1024
_BUSY = """
import time
end, count = time.perf_counter() + {seconds}, 0
while time.perf_counter() < end:
    count += sum(range(1000)) > 0
print(count)
"""


def parallelism(seconds=0.3):
    """What two processes get done at once, as a multiple of what one does alone before and after."""
    def work(processes):
        started = [subprocess.Popen([sys.executable, "-c", _BUSY.format(seconds=seconds)], stdout=subprocess.PIPE)
                   for _ in range(processes)]
        return sum(int(p.communicate()[0]) for p in started)
    before, both, after = work(1), work(2), work(1)
    return both / max(before, after, 1)


def block_seconds(tools, work, rounds=8):
    """Least seconds of the block on two engines, and on one."""
    work.mkdir(parents=True, exist_ok=True)
    model = work / "block.onnx"
    graph.save(perceptron.block(ROWS, COLUMNS, INNER), model)
    np.save(work / "x.npy", perceptron.feeds(ROWS, COLUMNS)["x"])
    commands = []
    for soc in ("host-split", "host"):
        subprocess.run([str(tools / "tercet-compile"), str(model), "--soc", soc, "--workers", "1", "--quiet", "--emit",
                        "exe", "-o", str(work / soc)], check=True)
        commands.append([str(tools / "tercet-run"), str(work / soc), "--input", f"x={work / 'x.npy'}", "--repeat", "10",
                         "--threads", "1"])
    least = [float("inf")] * 2
    for _ in range(rounds):
        for i, command in enumerate(commands):
            said = subprocess.run(command, check=True, capture_output=True, text=True)
            milliseconds = float(re.search(r"min ([0-9.]+) ms", said.stdout + said.stderr)[1])
            least[i] = min(least[i], milliseconds / 1e3)
    return least


def main():
    tools = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "bin")
    with tempfile.TemporaryDirectory() as work:
        print(f"two processes do {parallelism():.2f} times what one does")
        both, single = block_seconds(tools, pathlib.Path(work))
        print(f"two engines {both * 1e3:.2f} ms, one {single * 1e3:.2f} ms, ratio {both / single:.2f}")


if __name__ == "__main__":
    main()

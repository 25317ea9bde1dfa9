# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# tercet-check on compiled programs: it proves all of them, as object, library and executable; it refuses exactly those
# of many damaged ones that go wrong when they are replayed here, byte by byte, with tags; and poisoned runs show
# that the kernels keep to the ranges on which its proofs rest.

import random
import shutil

import numpy as np

import harness
import results_test
import small
from command_table import CommandTable, NONE, READ, WRITE

RESULTS = ("input_and_use", "views_of_one", "output_read_on", "splat_concat", "rank_0", "empty", "bool_chain",
           "softmax_chain", "many_readers")
ARENA, WEIGHTS, IO = 1, 2, 4
DISPATCH, COPY = 1, 2


def replay(table):
    """Why the program is wrong when its one queue is run in order; None if it is right. Memory holds the number of the
    buffer that a byte was written through."""
    memory = {}
    for i, pool in enumerate(table.pools):
        if pool["kind"] == ARENA:
            memory[i, 0] = np.full(int(pool["bytes"]), -1, np.int64)
    for number, buffer in enumerate(table.buffers):
        if table.pools[buffer["pool"]]["kind"] == IO:
            memory[int(buffer["pool"]), number] = np.full(int(buffer["bytes"]), -1, np.int64)
    entry, = table.entries
    inputs = table.tensors[entry["first_input"]:][:entry["input_count"]]["buffer"]
    outputs = table.tensors[entry["first_output"]:][:entry["output_count"]]["buffer"]
    for number in inputs:
        memory[int(table.buffers[number]["pool"]), int(number)][:] = number
    for index, command in enumerate(table.commands):
        reads, writes = [], []
        for operand in table.operands_of(command):
            number, at, size = int(operand["buffer"]), int(operand["offset"]), int(operand["bytes"])
            buffer = table.buffers[number]
            if at + size > buffer["bytes"]:
                return f"command {index}: operand beyond its buffer"
            kind = table.pools[buffer["pool"]]["kind"]
            if operand["access"] & WRITE and (kind == WEIGHTS or number in inputs):
                return f"command {index}: writes a constant or an input"
            if kind == WEIGHTS or not size:
                continue
            start = at + (0 if kind == IO else int(buffer["offset"]))
            span = ((int(buffer["pool"]), number if kind == IO else 0), start, start + size, number)
            if operand["access"] & READ:
                reads.append(span)
            if operand["access"] & WRITE:
                writes.append(span)
        sizes = table.operands_of(command)["bytes"]
        if command["opcode"] == COPY and sizes[0] != sizes[1]:
            return f"command {index}: copies {sizes[0]} bytes to {sizes[1]}"
        scratch = []
        if command["scratch_buffer"] != NONE:
            buffer = table.buffers[command["scratch_buffer"]]
            scratch.append(((int(buffer["pool"]), 0), int(buffer["offset"]),
                            int(buffer["offset"] + command["scratch_stride"] * table.limits[0]["max_workers"]), -1))
        for i, a in enumerate(writes + scratch):
            for j, b in enumerate(reads + writes + scratch):
                meet = a[0] == b[0] and a[1] < b[2] and b[1] < a[2]
                same = j >= len(reads) and j - len(reads) == i
                equal = j < len(reads) and a[:3] == b[:3] and a[3] >= 0
                if meet and not same and not equal or meet and equal and command["opcode"] == COPY:
                    return f"command {index}: operands overlap"
        for pool, begin, end, number in reads:
            if not (memory[pool][begin:end] == number).all():
                return f"command {index}: reads what it does not own"
        for pool, begin, end, number in writes + scratch:
            memory[pool][begin:end] = number
    for number in outputs:
        if not (memory[int(table.buffers[number]["pool"]), int(number)] == number).all():
            return "an output is not written whole"
    return None


def planned(table):
    """Whether every buffer is where it may be."""
    return all(b["offset"] % b["alignment"] == 0 and b["offset"] + b["bytes"] <= table.pools[b["pool"]]["bytes"]
               for b in table.buffers if table.pools[b["pool"]]["kind"] != IO)


def mutate(table, pick):
    """Changes one thing in place; says what."""
    used = [int(o["buffer"]) for c in table.commands for o in table.operands_of(c)]
    used += [int(c["scratch_buffer"]) for c in table.commands if c["scratch_buffer"] != NONE]
    movable = sorted({b for b in used if table.pools[table.buffers[b]["pool"]]["kind"] == ARENA})
    kind = pick.randrange(4)
    if kind == 0 and movable:
        buffer = table.buffers[pick.choice(movable)]
        room = int(table.pools[buffer["pool"]]["bytes"]) // 64
        buffer["offset"] = 64 * pick.randrange(room + 1)
        return "offset"
    if kind == 1 and len(movable) > 1:
        a, b = pick.sample(movable, 2)
        table.buffers[a]["offset"] = table.buffers[b]["offset"]
        return "equal offsets"
    if kind == 2 and len(table.commands) > 1:
        a, b = pick.sample(range(len(table.commands)), 2)
        table.commands[[a, b]] = table.commands[[b, a]]
        return "order"
    operand = table.operands[pick.randrange(len(table.operands))]
    operand["bytes"] = max(0, int(operand["bytes"]) + pick.choice((-64, -1, 1, 64)))
    return "size"


def split_queues(table):
    """The same program on two queues that take turns, each command behind a token of the one before it."""
    table.engines = np.concatenate([table.engines, table.engines])
    kernels = len(table.kernels)
    table.kernels = np.concatenate([table.kernels, table.kernels])
    table.kernels["engine"][kernels:] = 1
    for pool in table.pools:
        pool["engine_mask"] = 3
    for i, command in enumerate(table.commands):
        command["engine"] = i % 2
        if i % 2 and command["opcode"] == DISPATCH:
            command["target"] += kernels
        command["signal_token"] = i if i + 1 < len(table.commands) else NONE
        command["first_wait"], command["wait_count"] = max(0, i - 1), int(i > 0)
    table.waits = np.arange(len(table.commands) - 1, dtype="<u4")
    table.entries["token_count"] = len(table.commands) - 1


def conflict(table, a, b):
    """Whether two commands touch a byte that one of them writes."""
    def spans(command):
        for operand in table.operands_of(command):
            buffer = table.buffers[operand["buffer"]]
            io = table.pools[buffer["pool"]]["kind"] == IO
            start = int(operand["offset"]) + (0 if io else int(buffer["offset"]))
            space = (int(buffer["pool"]), int(operand["buffer"]) if io else 0)
            yield space, start, start + int(operand["bytes"]), int(operand["access"])
        if command["scratch_buffer"] != NONE:
            buffer = table.buffers[command["scratch_buffer"]]
            size = int(command["scratch_stride"]) * int(table.limits[0]["max_workers"])
            yield (int(buffer["pool"]), 0), int(buffer["offset"]), int(buffer["offset"]) + size, WRITE
    return any(x[0] == y[0] and max(x[1], y[1]) < min(x[2], y[2]) and (x[3] | y[3]) & WRITE
               for x in spans(table.commands[a]) for y in spans(table.commands[b]))


class Checks:
    def __init__(self, test):
        self.test, self.objcopy, self.poison = test, test.arguments.objcopy, test.arguments.poison
        self.mutants = test.arguments.mutants
        self.counts = {}

    def checker(self, path):
        return harness.execute([self.test.tool("tercet-check"), str(path)], expect=None)

    def expect(self, name, path, right, why=None):
        done = self.checker(path)
        ok = done.returncode == (0 if right else 1) and (": proved: entry" in done.stdout) == right
        ok = ok and (right or "tercet-check: error: " in done.stderr)
        return self.test.check(name, None if ok else f"expected {'a proof' if right else f'a refusal ({why})'}, got "
                               f"{harness.status_text(done.returncode)}: {(done.stdout + done.stderr)[-600:]}")

    def damaged(self, name, program):
        table = CommandTable.of_file(program)
        if not self.test.check(f"{name} replay", replay(table)):
            return
        pick = random.Random(name)
        for i in range(self.mutants):
            mutant = CommandTable.of_file(program)
            what = mutate(mutant, pick)
            wrong = (None if planned(mutant) else "a buffer exceeds its pool") or replay(mutant)
            path = self.test.work / "mutant.o"
            mutant.patch(program, path)
            self.expect(f"{name} mutant {i} ({what})", path, not wrong, wrong)
            self.counts[what, not wrong] = self.counts.get((what, not wrong), 0) + 1

    def queues(self, name, program):
        """Two queues with every token, then with each wait left out in turn."""
        table = CommandTable.of_file(program)
        if len(table.commands) < 3 or len(table.entries) != 1:
            return
        split_queues(table)
        path = self.test.work / "queues.o"
        waiting = random.Random(name).sample(range(1, len(table.commands)), min(self.mutants, len(table.commands) - 1))
        for left_out in [None] + waiting:
            if left_out is not None:
                table.commands[left_out]["wait_count"] = 0
            table.replace(program, path, self.objcopy)
            # Then only the two neighbours are without order: each queue still waits for the other one later.
            wrong = left_out is not None and conflict(table, left_out - 1, left_out)
            if left_out is not None:
                table.commands[left_out]["wait_count"] = 1
            self.expect(f"{name} queues, wait of {left_out} left out", path, not wrong, "a race")
            self.counts["wait left out", not wrong] = self.counts.get(("wait left out", not wrong), 0) + 1

    def poisoned(self, name, folder):
        library = next(folder.glob("*.so"))
        weights = [str(w) for w in folder.glob("*.weights")]
        command = [str(self.poison), str(library), "model", *weights]
        try:
            harness.execute(command)
            self.test.check(f"{name} poisoned", None)
        except harness.CommandFailed as error:
            self.test.check(f"{name} poisoned", str(error))

    def understated(self, name, folder):
        """The poisoned run sees declarations that are too small."""
        library = next(folder.glob("*.so"))
        table = CommandTable.of_file(library)
        for access in (READ, WRITE):
            for command in table.commands[table.commands["opcode"] == DISPATCH]:
                operands = [i for i in range(command["first_operand"], command["first_operand"] +
                                             command["operand_count"])
                            if table.operands[i]["access"] == access and table.operands[i]["bytes"] >= 8]
                if not operands:
                    continue
                mutant = CommandTable.of_file(library)
                mutant.operands[operands[0]]["bytes"] //= 2
                path = self.test.work / "understated.so"
                mutant.patch(library, path)
                weights = [str(w) for w in folder.glob("*.weights")]
                done = harness.execute([str(self.poison), str(path), "model", *weights], expect=None)
                self.test.check(f"{name} understated access {access}",
                                None if done.returncode == 1 and "FAIL" in done.stdout else "not seen")
                break


def forms(test, checks, model, dims):
    for kind in ("obj", "shared", "exe"):
        folder = test.work / f"form-{kind}"
        shutil.rmtree(folder, ignore_errors=True)
        test.compile(model, folder, dims, "--name", "model", "--emit", kind)
        checks.expect(f"folder of --emit {kind}", folder, True)
        for path in folder.iterdir():
            if path.suffix in (".o", ".so", ""):
                checks.expect(f"{path.name} of --emit {kind}", path, True)


def main():
    parser = harness.parser("tercet-check on compiled programs")
    parser.add_argument("--model", help="MiniLM's ONNX file")
    parser.add_argument("--objcopy", required=True, help="llvm-objcopy")
    parser.add_argument("--poison", required=True, help="the program of poison_run.cpp")
    parser.add_argument("--mutants", type=int, default=5, help="damaged programs of each sort for each model")
    arguments = parser.parse_args()
    test = harness.Test(arguments)
    checks = Checks(test)
    cases = []
    for name, *case in results_test.cases():
        if name in RESULTS:
            path = test.work / f"{name}.onnx"
            results_test.write(path, *case)
            cases.append((name, path, None))
    models = test.work / "models"
    models.mkdir(exist_ok=True)
    small.write(models)
    for case in sorted(models.glob("*.npz"))[::11]:
        dims, _, _ = harness.load_case(case)
        cases.append((case.stem, models / f"{case.stem.split('.')[0]}.onnx", dims))
    if arguments.model:
        cases.append(("minilm", arguments.model, {"batch": 1, "sequence": 16}))
    for name, model, dims in cases:
        if not test.wanted(name):
            continue
        folder = test.work / name
        shutil.rmtree(folder, ignore_errors=True)
        try:
            test.compile(model, folder, dims, "--name", "model", "--workers", "2", "--emit", "shared")
            if not checks.expect(name, folder, True):
                continue
            checks.damaged(name, folder / "model.o")
            checks.queues(name, folder / "model.o")
            checks.poisoned(name, folder)
            if name in ("output_read_on", "minilm"):
                checks.understated(name, folder)
        except harness.CommandFailed as error:
            test.check(name, str(error))
    if test.wanted("forms"):
        forms(test, checks, cases[0][1], cases[0][2])
    for (what, right), count in sorted(checks.counts.items()):
        print(f"{what}: {count} {'right' if right else 'wrong'}")
    test.finish()


if __name__ == "__main__":
    main()

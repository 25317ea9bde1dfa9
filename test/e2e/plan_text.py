# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Reads what `tercet-compile --stop-after plan` prints: pools, buffers, commands with the tokens that they wait for, and
# the proofs of the stages before. From that it derives, without the compiler's own code, which buffers share storage,
# which of them may be live together, the bytes that are live at once, and the arena of TFLite's greedy by size. Bytes
# are rounded up to the pool's alignment, as the planner's are.

import random
import re

ENTRY = re.compile(r'cmd\.entry @(\S+?)(?: partition <(\d+), lower_bound = (\d+), "([^"]*)">)?'
                   r'(?: schedule <(\d+), lower_bound = (\d+), "([^"]*)">)? \{')
POOL = re.compile(r'cmd\.pool @(\S+) (\w+) in "([^"]*)" bytes (\d+) alignment (\d+) lower_bound (\d+) method "([^"]*)"')
BUFFER = re.compile(r'(%\S+) = cmd\.buffer @(\S+)\[(\d+) for (\d+)\]')
DISPATCH = re.compile(r'(%\S+) = cmd\.dispatch @(\S+) on "([^"]*)"\(([^)]*)\) offsets \[([^\]]*)\] bytes \[([^\]]*)\]')
COPY = re.compile(r'(%\S+) = cmd\.copy (%\w+)\[(\d+)\] to (%\w+)\[(\d+)\] bytes (\d+) on "([^"]*)"')
SCRATCH = re.compile(r'scratch\((%\w+) stride (\d+)\)')
WAIT = re.compile(r'wait\(([^)]*)\)')


class Command:
    def __init__(self, token, engine, operands, scratch, waits):
        self.token, self.engine = token, engine
        self.operands = operands   # (buffer, offset, bytes), of arenas or not
        self.scratch = scratch     # a buffer, or None
        self.waits = waits         # tokens of earlier commands


class Storage:
    """Buffers of one arena that are one place in memory: a result computed in place, and what it overwrites."""

    def __init__(self):
        self.bytes, self.commands, self.engine = 0, set(), None


class Plan:
    """One planned entry. `partition` and `schedule` are (value, lower bound, method) or None."""

    def __init__(self, text):
        self.pools = {m[0]: {"kind": m[1], "bytes": int(m[3]), "alignment": int(m[4]), "lower_bound": int(m[5]),
                             "method": m[6]} for m in POOL.findall(text)}
        entry, = ENTRY.findall(text)
        proof = lambda value, bound, method: (int(value), int(bound), method) if value else None
        self.partition, self.schedule = proof(*entry[1:4]), proof(*entry[4:7])
        self.buffers = {m[0]: (m[1], int(m[2]), int(m[3])) for m in BUFFER.findall(text)}
        self.commands = [c for c in map(self._command, text.splitlines()) if c]
        if text.count(" = cmd.dispatch ") + text.count(" = cmd.copy ") != len(self.commands):
            raise ValueError("a command's text was not understood")
        self.engines = sorted({c.engine for c in self.commands})
        self._after = self._order()

    @staticmethod
    def _command(line):
        numbers = lambda text: [int(n) for n in text.split(",") if n.strip()]
        wait = WAIT.search(line)
        waits = [w.strip() for w in wait[1].split(",")] if wait else []
        if m := DISPATCH.search(line):
            names = [n.strip() for n in m[4].split(",")]
            scratch = SCRATCH.search(line)
            return Command(m[1], m[3], list(zip(names, numbers(m[5]), numbers(m[6]))), scratch and scratch[1], waits)
        if m := COPY.search(line):
            return Command(m[1], m[7], [(m[2], int(m[3]), int(m[6])), (m[4], int(m[5]), int(m[6]))], None, waits)
        return None

    def _order(self):
        """For each command, as bits, those that have ended before it starts: by its queue and by tokens."""
        at, last, before = {}, {}, []
        for index, command in enumerate(self.commands):
            known = 0
            for earlier in [last.get(command.engine)] + [at[w] for w in command.waits]:
                if earlier is not None:
                    known |= before[earlier] | 1 << earlier
            before.append(known)
            at[command.token] = last[command.engine] = index
        return before

    def arenas(self):
        return [name for name, pool in self.pools.items() if pool["kind"] == "arena"]

    def storages(self, pool):
        """The arena's storages in the order of their first commands."""
        root = {name: name for name, (where, _, _) in self.buffers.items() if where == pool}

        def find(name):
            while root[name] != name:
                name = root[name]
            return name

        # Operands of one command overlap only if its result is computed in place.
        for command in self.commands:
            spans = [(self.buffers[name][1] + offset, size, name) for name, offset, size in command.operands
                     if name in root]
            for i, (begin, size, name) in enumerate(spans):
                for other_begin, other_size, other in spans[:i]:
                    if begin < other_begin + other_size and other_begin < begin + size:
                        root[find(name)] = find(other)
        found = {}
        for index, command in enumerate(self.commands):
            for name in [name for name, _, _ in command.operands] + [command.scratch]:
                if name not in root:
                    continue
                storage = found.setdefault(find(name), Storage())
                alignment = self.pools[pool]["alignment"]
                storage.bytes = max(storage.bytes, -(-self.buffers[name][2] // alignment) * alignment)
                storage.commands.add(index)
                storage.engine = storage.engine or command.engine
        return list(found.values())

    def is_before(self, a, b):
        """Whether all uses of storage `a` have ended before any of `b` starts, in every run."""
        ends = sum(1 << c for c in a.commands)
        return all(ends & ~self._after[c] == 0 for c in b.commands)

    def interleaving(self, pick):
        """A random order that queues and tokens allow, as a list of command indices."""
        queues = {e: [i for i, c in enumerate(self.commands) if c.engine == e] for e in self.engines}
        done, order = 0, []
        while any(queues.values()):
            ready = [e for e, q in queues.items() if q and self._after[q[0]] & ~done == 0]
            index = queues[pick.choice(ready)].pop(0)
            done |= 1 << index
            order.append(index)
        return order


def live_bytes(storages, order):
    """The most bytes that are live at once if the commands run in that order, one at a time."""
    place = {command: i for i, command in enumerate(order)}
    change = [0] * (len(order) + 1)
    for storage in storages:
        places = [place[c] for c in storage.commands]
        change[min(places)] += storage.bytes
        change[max(places) + 1] -= storage.bytes
    most = now = 0
    for step in change:
        now += step
        most = max(most, now)
    return most


def greedy_by_size(plan, storages):
    """The arena of TFLite's planner: the largest first, each in the smallest gap that it fits, else behind the last."""
    placed = []
    for storage in sorted(storages, key=lambda s: (-s.bytes, min(s.commands))):
        meets = sorted((offset, other.bytes) for offset, other in placed
                       if not plan.is_before(storage, other) and not plan.is_before(other, storage))
        end, best = 0, None
        for offset, size in meets:
            gap = offset - end
            if gap >= storage.bytes and (best is None or gap < best[0]):
                best = gap, end
            end = max(end, offset + size)
        placed.append((best[1] if best else end, storage))
    return max((offset + storage.bytes for offset, storage in placed), default=0)


def separate_arenas(plan, storages):
    """The sum of greedy arenas if each engine had one of its own, for what its commands make."""
    return sum(greedy_by_size(plan, [s for s in storages if s.engine == engine]) for engine in plan.engines)


def most_live(plan, storages, seed=0, tries=20):
    """A valid lower bound on any plan: the most bytes live in some interleavings; exact on one queue."""
    if len(plan.engines) == 1:
        return live_bytes(storages, range(len(plan.commands)))
    pick = random.Random(seed)
    return max(live_bytes(storages, plan.interleaving(pick)) for _ in range(tries))


def lifetimes_csv(storages):
    """tercet-plan's input, for one queue."""
    lines = ["id,lower,upper,size"]
    for number, storage in enumerate(storages):
        lines.append(f"{number},{min(storage.commands)},{max(storage.commands) + 1},{storage.bytes}")
    return "\n".join(lines) + "\n"

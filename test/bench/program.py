# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# A compiled program called from Python through the runtime's C API, so that it and onnxruntime can be timed in one
# process. It loads what `tercet-compile --emit shared` writes: a library that exports the program and the runtime
# (runtime/include/tercet/runtime.h and posix.h, whose structs are repeated here). A call costs one ctypes call; inputs
# and outputs are bound once.

import ctypes as c
import pathlib

import numpy as np

NONE = 0xFFFFFFFF
GUARD = 4096
ARENA, STATE = 1, 3
INPUT, OUTPUT = 0, 1
ELEMENTS = {0x0108: np.int8, 0x0110: np.int16, 0x0120: np.int32, 0x0140: np.int64, 0x0208: np.uint8, 0x0210: np.uint16,
            0x0220: np.uint32, 0x0240: np.uint64, 0x0310: np.float16, 0x0320: np.float32, 0x0340: np.float64,
            0x0708: np.bool_}


class _Error(c.Structure):
    _fields_ = [("status", c.c_int), ("record", c.c_uint32), ("index", c.c_uint32), ("text", c.c_char * 192)]


class _Options(c.Structure):
    _fields_ = [("weights", c.c_void_p), ("weights_bytes", c.c_uint64), ("workers", c.c_uint32),
                ("parallel_for", c.c_void_p), ("parallel_user", c.c_void_p), ("cpu", c.c_void_p)]


class _WorkersOptions(c.Structure):
    _fields_ = [("count", c.c_uint32), ("spin_ns", c.c_uint32), ("stack_bytes", c.c_uint64), ("pin", c.c_int)]


class _QueuesOptions(c.Structure):
    _fields_ = [("count", c.c_uint32), ("workers", c.POINTER(c.c_uint32)), ("spin_ns", c.c_uint32),
                ("stack_bytes", c.c_uint64), ("pin", c.c_int)]


class _Pool(c.Structure):
    _fields_ = [("name", c.c_char_p), ("kind", c.c_int), ("bytes", c.c_uint64), ("alignment", c.c_uint32),
                ("bound", c.c_int)]


class _Tensor(c.Structure):
    _fields_ = [("name", c.c_char_p), ("element", c.c_int), ("rank", c.c_uint32), ("dims", c.POINTER(c.c_uint64)),
                ("bytes", c.c_uint64), ("alignment", c.c_uint32), ("flags", c.c_uint32), ("tied", c.c_uint32),
                ("bindable", c.c_int), ("data", c.c_void_p)]


class _Entry(c.Structure):
    _fields_ = [("name", c.c_char_p), ("inputs", c.c_uint32), ("outputs", c.c_uint32), ("scalars", c.c_uint32),
                ("commands", c.c_uint32)]


def aligned(size, alignment=64):
    """`size` zero bytes at an aligned address."""
    raw = np.zeros(size + alignment, np.uint8)
    start = -raw.ctypes.data % alignment
    return raw[start:start + size]


class Program:
    """An entry of the program in `folder`, the first one unless it is named; `threads` workers, for each engine where
    there are several. Feeds and results are arrays by name."""

    def __init__(self, folder, name, threads=1, entry=None):
        folder = pathlib.Path(folder)
        libraries = sorted(folder.glob("*.so"))
        if not libraries:
            raise FileNotFoundError(f"{folder}: no shared library; compile with --emit shared")
        self._library = c.CDLL(str(libraries[0].resolve()))
        self._error = _Error()
        self._keep = []
        program = c.addressof(c.c_char.in_dll(self._library, f"tercet_{name}"))
        options = _Options(workers=threads)
        self._workers = c.c_void_p()
        # Every thread that the runtime will not use would spin beside onnxruntime; so as many as asked for, no more.
        self._call("tercet_workers_start", c.byref(_WorkersOptions(count=threads)), c.byref(self._workers))
        options.parallel_for = c.cast(self._library.tercet_workers_run, c.c_void_p)
        options.parallel_user = self._workers
        for file in sorted(folder.glob("*.weights")):
            data, size = c.c_void_p(), c.c_uint64()
            self._call("tercet_weights_map", str(file).encode(), c.byref(data), c.byref(size))
            options.weights, options.weights_bytes = data, size
        size = c.c_uint64()
        self._call("tercet_context_bytes", c.c_void_p(program), c.byref(size), c.byref(self._error))
        memory = aligned(size.value)
        self._context = c.c_void_p()
        self._call("tercet_context_open", c.c_void_p(memory.ctypes.data), size, c.c_void_p(program), c.byref(options),
                   c.byref(self._context), c.byref(self._error))
        self._keep += [options, memory]
        self._queues = c.c_void_p()
        self._attach_queues(threads)
        self._library.tercet_pool_count.restype = c.c_uint32
        self._bind_pools()
        self._run = self._library.tercet_entry_run
        self._parts = {}
        self.select(entry)

    def _call(self, function, *arguments):
        status = getattr(self._library, function)(*arguments)
        if status:
            self._library.tercet_status_string.restype = c.c_char_p
            text = self._error.text or self._library.tercet_status_string(status)
            raise RuntimeError(f"{function}: {text.decode()} (status {status})")

    def _attach_queues(self, threads):
        """A thread for each further engine that has commands; without them a run walks the list in order."""
        self._library.tercet_queues_count.restype = c.c_uint32
        count = self._library.tercet_queues_count(self._context)
        if count < 2:
            return
        workers = (c.c_uint32 * count)(*[threads] * count)
        self._call("tercet_queues_start", c.byref(_QueuesOptions(count=count, workers=workers)), c.byref(self._queues))
        size = c.c_uint64()
        self._call("tercet_queues_bytes", self._context, c.byref(size))
        memory = aligned(size.value)
        self._keep.append(memory)
        self._library.tercet_queues_port.restype = c.c_void_p
        port = c.c_void_p(self._library.tercet_queues_port(self._queues))
        self._call("tercet_queues_attach", self._context, c.c_void_p(memory.ctypes.data), size, port)

    def select(self, entry):
        """Makes the entry of that name, or the first one, the one that is fed and run."""
        if entry not in self._parts:
            number = c.c_uint32(0)
            if entry is not None:
                self._call("tercet_entry_find", self._context, entry.encode(), c.byref(number))
            info = _Entry()
            self._call("tercet_entry_query", self._context, number, c.byref(info))
            self._parts[entry] = (number.value, self._bind(number.value, INPUT, info.inputs),
                                  self._bind(number.value, OUTPUT, info.outputs))
        self._entry, self.inputs, self.outputs = self._parts[entry]

    def set(self, scalar, value):
        """Sets a scalar of the selected entry for the runs to come."""
        index = c.c_uint32()
        self._call("tercet_scalar_find", self._context, self._entry, scalar.encode(), c.byref(index))
        self._call("tercet_scalar_set", self._context, self._entry, index, c.c_int64(value))

    def _bind_pools(self):
        self.pools = {}
        # Memory of each arena, with bytes behind it that nothing may touch.
        self.arenas = {}
        for index in range(self._library.tercet_pool_count(self._context)):
            pool = _Pool()
            self._call("tercet_pool_query", self._context, index, c.byref(pool))
            self.pools[pool.name.decode()] = pool.bytes
            if pool.kind in (ARENA, STATE):
                memory = aligned(pool.bytes + GUARD, max(64, pool.alignment))
                self._keep.append(memory)
                if pool.kind == ARENA:
                    self.arenas[pool.name.decode()] = memory
                self._call("tercet_pool_bind", self._context, index, c.c_void_p(memory.ctypes.data),
                           c.c_uint64(pool.bytes))

    def _bind(self, entry, direction, count):
        arrays = {}
        for index in range(count):
            tensor = _Tensor()
            self._call("tercet_tensor_query", self._context, entry, direction, index, c.byref(tensor))
            shape = [tensor.dims[i] for i in range(tensor.rank)]
            if tensor.bindable and not (direction == OUTPUT and tensor.tied != NONE):
                memory = aligned(tensor.bytes, max(64, tensor.alignment))
                bind = "tercet_input_bind" if direction == INPUT else "tercet_output_bind"
                self._call(bind, self._context, entry, index, c.c_void_p(memory.ctypes.data), c.c_uint64(tensor.bytes))
            else:
                memory = np.ctypeslib.as_array((c.c_uint8 * tensor.bytes).from_address(tensor.data))
            arrays[tensor.name.decode()] = memory.view(ELEMENTS[tensor.element]).reshape(shape)
        return arrays

    def feed(self, feeds):
        for name, value in feeds.items():
            self.inputs[name][...] = value

    def run(self):
        """One inference on what was fed; the results are in `outputs`, which the next run overwrites."""
        status = self._run(self._context, self._entry)
        if status:
            raise RuntimeError(f"tercet_entry_run: status {status}")
        return self.outputs

    def close(self):
        self._call("tercet_context_close", self._context)
        self._library.tercet_queues_stop(self._queues)
        self._library.tercet_workers_stop(self._workers)

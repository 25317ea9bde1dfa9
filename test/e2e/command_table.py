# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The table of a compiled program as arrays that a test may change, read and written by the layouts in
# runtime/include/tercet/abi.h. It is found in a file by its magic number.

import subprocess

import numpy as np

NONE = 0xFFFFFFFF
READ, WRITE = 1, 2
MAGIC = b"TRCT"
HEADER = np.dtype([("magic", "<u4"), ("major", "<u2"), ("minor", "<u2"), ("features", "<u8"), ("total_bytes", "<u8"),
                   ("record_count", "<u4"), ("minor_min", "<u2"), ("reserved", "<u2")])
RECORD = np.dtype([("kind", "<u4"), ("count", "<u4"), ("stride", "<u4"), ("bytes", "<u4")])


def layout(text):
    """Fields from "name name:8 name:4x3": four bytes each unless said otherwise."""
    fields = []
    for field in text.split():
        name, _, size = field.partition(":")
        size, _, times = (size or "4").partition("x")
        fields.append((name, f"<u{size}", int(times)) if times else (name, f"<u{size}"))
    return np.dtype(fields)


KINDS = {
    2: ("engines", layout("name kind isa vector_bits_min features:8 image_offset:8 image_bytes:8 format reserved")),
    3: ("pools", layout("name kind bytes:8 alignment flags engine_mask:8")),
    4: ("buffers", layout("pool flags alignment reserved offset:8 bytes:8")),
    6: ("tensors", layout("name element rank first_dim buffer flags tied reserved bytes:8")),
    8: ("entries", layout("name flags first_input input_count first_output output_count first_scalar scalar_count "
                          "first_command command_count token_count reserved")),
    9: ("operands", layout("buffer access offset:8 bytes:8")),
    11: ("waits", np.dtype("<u4")),
    13: ("commands", layout("opcode engine target profile_slot grid:4x3 grain first_operand operand_count first_scalar "
                            "scalar_count scratch_stride:8 scratch_buffer signal_token first_wait wait_count flags "
                            "reserved")),
    14: ("kernels", layout("name engine stack_bytes:8 scratch_bytes:8")),
    17: ("limits", layout("max_workers reserved stack_bytes:8")),
}


class CommandTable:
    def __init__(self, data):
        self.header = np.frombuffer(data, HEADER, 1)[0].copy()
        self.others = []
        for name, kind in KINDS.values():
            setattr(self, name, np.zeros(0, kind))
        at = HEADER.itemsize
        for _ in range(self.header["record_count"]):
            record = np.frombuffer(data, RECORD, 1, at)[0]
            payload = data[at + RECORD.itemsize:at + RECORD.itemsize + int(record["bytes"])]
            if int(record["kind"]) in KINDS:
                name, kind = KINDS[int(record["kind"])]
                assert kind.itemsize == record["stride"], name
                setattr(self, name, np.frombuffer(payload, kind, int(record["count"])).copy())
            else:
                self.others.append((record.copy(), payload))
            at += RECORD.itemsize + len(payload)

    @staticmethod
    def find(data):
        at = data.find(MAGIC)
        while at >= 0:
            header = np.frombuffer(data, HEADER, 1, at)[0] if at + HEADER.itemsize <= len(data) else None
            if header is not None and header["major"] == 1 and 0 < header["record_count"] <= 17 and \
                    at + int(header["total_bytes"]) <= len(data):
                return at, int(header["total_bytes"])
            at = data.find(MAGIC, at + 1)
        raise ValueError("no table in this file")

    @classmethod
    def of_file(cls, path):
        data = open(path, "rb").read()
        at, size = cls.find(data)
        return cls(data[at:at + size])

    def operands_of(self, command):
        return self.operands[command["first_operand"]:command["first_operand"] + command["operand_count"]]

    def to_bytes(self):
        records = list(self.others)
        for number, (name, kind) in KINDS.items():
            elements = getattr(self, name)
            if not len(elements):
                continue
            payload = elements.tobytes()
            payload += bytes(-len(payload) % 8)
            record = np.zeros(1, RECORD)[0]
            record["kind"], record["count"], record["stride"] = number, len(elements), kind.itemsize
            record["bytes"] = len(payload)
            records.append((record, payload))
        # In the order of the kinds, as the compiler writes them.
        body = b"".join(record.tobytes() + payload for record, payload in sorted(records, key=lambda r: r[0]["kind"]))
        self.header["total_bytes"] = HEADER.itemsize + len(body)
        self.header["record_count"] = len(records)
        return self.header.tobytes() + body

    def patch(self, source, target):
        """A copy of the file with this table, of unchanged size, in it."""
        data = bytearray(open(source, "rb").read())
        at, size = self.find(data)
        table = self.to_bytes()
        assert len(table) == size
        data[at:at + size] = table
        open(target, "wb").write(data)

    def replace(self, source, target, objcopy):
        """A copy of the object with this table, of any size, as its section."""
        section = f"{target}.table"
        open(section, "wb").write(self.to_bytes())
        subprocess.run([objcopy, "--update-section", f".tercet.table={section}", str(source), str(target)], check=True)

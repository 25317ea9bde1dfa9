# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Hostile files whose fault lies below the graph: cut or corrupt protobuf, tensors whose bytes do not match their shape,
# and external data that is missing, too short, or outside the model's folder.

import struct

import numpy as np
from onnx import TensorProto

import hostile_case

CORRUPT = "truncat|corrupt|malformed|invalid|parse|protobuf|not an? (valid )?onnx"


def _varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def cases():
    yield from _wire()
    yield from _tensors()
    yield from _external()


def _wire():
    good = hostile_case.tiny().SerializeToString()
    yield hostile_case.Case("empty_file", b"", "empty")
    for name, keep in (("third", len(good) // 3), ("half", len(good) // 2), ("last_byte", len(good) - 1)):
        yield hostile_case.Case(f"truncated_{name}", good[:keep], CORRUPT)
    yield hostile_case.Case("text", b"This is not a model.\n" * 20, CORRUPT)
    yield hostile_case.Case("zeros", bytes(4096), CORRUPT)
    yield hostile_case.Case("wire_type_7", good + b"\x0f\x01", CORRUPT)
    yield hostile_case.Case("varint_endless", good + b"\x08" + b"\xff" * 20, CORRUPT)
    yield hostile_case.Case("length_beyond_file", good + b"\x3a" + _varint(2**31 - 1) + b"x", CORRUPT)
    yield hostile_case.Case("length_of_64_bits", good + b"\x3a" + _varint(2**64 - 1) + b"x", CORRUPT)
    yield hostile_case.Case("group_unclosed", good + b"\x0b", CORRUPT)
    nested = b""
    for _ in range(3000):   # graph > node > attribute > graph > ..., deeper than any parser's stack should go
        for field in (6, 5, 1):
            nested = _varint(field << 3 | 2) + _varint(len(nested)) + nested
    model = b"\x08\x08" + b"\x3a" + _varint(len(nested)) + nested
    yield hostile_case.Case("nested_3000_deep", model, CORRUPT + "|deep|nest|opset|graph")
    name = hostile_case.one("Frobnicate", [[2, 3]]).SerializeToString().replace(b"bad/node", b"bad\xff\xfeode")
    yield hostile_case.Case("name_not_utf8", name, "Frobnicate|utf-?8|" + CORRUPT)
    flipped = bytearray(good)
    for i in range(0, len(flipped), 7):
        flipped[i] ^= 0x55
    yield hostile_case.Case("bits_flipped", bytes(flipped), "")


def _tensors():
    def broken(name, expected, change):
        proto = hostile_case.tiny()
        change(proto.graph.initializer[0])
        return hostile_case.Case(name, proto.SerializeToString(), expected)

    def dims(*values):
        def change(tensor):
            del tensor.dims[:]
            tensor.dims.extend(values)
        return change

    yield broken("weight_dims_huge", "'?w'?", dims(2**40, 2**40))
    yield broken("weight_dims_wrap", "'?w'?", dims(2**62, 4, 2**62))
    yield broken("weight_dim_negative", "'?w'?", dims(-4, -3))
    yield broken("weight_dim_minus_one", "'?w'?", dims(-1, 3))
    yield broken("weight_dims_more", "'?w'?", dims(4, 4))
    yield broken("weight_dims_fewer", "'?w'?", dims(4, 2))

    def raw(length):
        def change(tensor):
            tensor.raw_data = bytes(length)
        return change

    yield broken("raw_data_short", "'?w'?", raw(47))
    yield broken("raw_data_long", "'?w'?", raw(52))
    yield broken("raw_data_empty", "'?w'?", lambda tensor: tensor.ClearField("raw_data"))

    def floats(tensor):
        tensor.ClearField("raw_data")
        tensor.float_data.extend([1.0] * 11)
    yield broken("float_data_short", "'?w'?", floats)

    def both(tensor):
        tensor.float_data.extend([1.0] * 12)
    yield broken("raw_and_float_data", "'?w'?", both)

    def wrong_field(tensor):
        tensor.ClearField("raw_data")
        tensor.int64_data.extend([1] * 12)
    yield broken("data_in_wrong_field", "'?w'?", wrong_field)


def _external():
    payload = np.arange(12, dtype=np.float32).tobytes()

    def case(name, expected, location, offset=None, length=None, files=None):
        proto = hostile_case.tiny()
        tensor = proto.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("location", location), ("offset", offset), ("length", length)):
            if value is not None:
                entry = tensor.external_data.add()
                entry.key, entry.value = key, str(value)
        return hostile_case.Case(f"external_{name}", proto.SerializeToString(), expected, files=files or {})

    data = {"external.data": payload + struct.pack("<4f", 1, 2, 3, 4)}
    yield case("offset_past_end", "external\\.data", "external.data", 4096, 48, data)
    yield case("cut_off", "external\\.data", "external.data", 32, 48, data)
    yield case("offset_huge", "external\\.data|offset", "external.data", 2**64 - 8, 48, data)
    yield case("offset_negative", "offset", "external.data", -4, 48, data)
    yield case("offset_not_a_number", "offset", "external.data", "twelve", 48, data)
    yield case("length_short", "length|'?w'?", "external.data", 0, 40, data)
    yield case("length_long", "length|'?w'?", "external.data", 0, 64, data)
    yield case("length_not_a_number", "length", "external.data", 0, "all", data)
    yield case("file_missing", "not_there\\.data", "not_there.data", 0, 48)
    yield case("no_location", "location|'?w'?", None, 0, 48)
    yield case("empty_location", "location|'?w'?", "", 0, 48)
    yield case("path_escape", "\\.\\./", "../external.data", 0, 48)
    yield case("path_escape_inside", "\\.\\./", "sub/../../external.data", 0, 48)
    yield case("path_absolute", "/etc/passwd", "/etc/passwd", 0, 48)
    yield case("path_of_folder", "'?w'?|folder|directory|regular", ".", 0, 48)
    yield case("path_of_device", "/dev/zero", "/dev/zero", 0, 48)
    yield case("path_with_zero_byte", "location|'?w'?", "external.data\0.png", 0, 48, data)

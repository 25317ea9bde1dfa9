# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Text to GGUF, for tests that look at what is imported: the lines of a file that begin with "gguf". Data of tensors is
# bytes that count up; one that is not to be there is cut off with "end".
#
#   gguf KEY u32|f32|bool|string VALUE...     several values are an array
#   gguf tensor NAME TYPE ROWSxCOLUMNS        NAME may have {} for the layers 0 and 1
#   gguf end BYTES                            so many bytes of the data are left out
#
# A line of a second file replaces the line of the first that has the same key or name; "-" for a value or type removes it.

import struct
import sys

KINDS = {"u32": (4, "<I", int), "f32": (6, "<f", float), "bool": (7, "<B", int)}
TYPES = {"F32": (0, 1, 4), "F16": (1, 1, 2), "Q4_0": (2, 32, 18), "Q8_0": (8, 32, 34), "Q6_K": (14, 256, 210),
         "IQ2_XXS": (16, 256, 66), "BF16": (30, 1, 2), "I8": (24, 1, 1)}


def text(value):
    return struct.pack("<Q", len(value.encode())) + value.encode()


def value(kind, words):
    if kind == "string":
        parts, number = [text(word) for word in words], 8
    else:
        number, code, convert = KINDS[kind]
        parts = [struct.pack(code, convert(word)) for word in words]
    if len(parts) == 1:
        return struct.pack("<I", number) + parts[0]
    return struct.pack("<IIQ", 9, number, len(parts)) + b"".join(parts)


def main():
    *sources, target = sys.argv[1:]
    pairs, tensors, missing = {}, {}, 0
    for source in sources:
        for line in open(source):
            if not line.startswith("gguf "):
                continue
            words = line.split()[1:]
            if words[0] == "end":
                missing = int(words[1])
            elif words[0] == "tensor":
                for name in [words[1].format(i) for i in (0, 1)]:
                    tensors[name] = words[2:]
            else:
                pairs[words[0]] = words[1:]
    pairs = {key: words for key, words in pairs.items() if words != ["-"]}
    tensors = {name: words for name, words in tensors.items() if words != ["-"]}
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(pairs))
    for key, (kind, *words) in pairs.items():
        head += text(key) + value(kind, words)
    offset = 0
    for name, (kind, shape) in tensors.items():
        number, elements, size = TYPES[kind]
        dims = [int(dim) for dim in shape.split("x")]
        head += text(name) + struct.pack("<I", len(dims)) + struct.pack(f"<{len(dims)}Q", *reversed(dims))
        head += struct.pack("<IQ", number, offset)
        count = 1
        for dim in dims:
            count *= dim
        offset += (count // elements * size + 31) // 32 * 32
    head += bytes(-len(head) % 32)
    data = bytes(i % 251 for i in range(offset - missing))
    open(target, "wb").write(head + data)


main()

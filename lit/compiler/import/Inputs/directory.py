# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Text to a model's directory, for tests that look at what is imported.
#
#   config KEY JSON                a key of config.json
#   tensor NAME TYPE ROWSxCOLUMNS  {} in the name stands for the layers 0 and 1
#   shards N                       the tensors are dealt out to so many files
#   index TENSOR FILE              what the index says instead
#
# A line of a second file replaces the line of the first that has the same key or name; "-" as the last word removes it.

import json
import os
import struct
import sys

BYTES = {"F32": 4, "F16": 2, "BF16": 2, "I8": 1, "I32": 4}


def write(path, tensors):
    header, data = {}, 0
    for name, (kind, shape) in tensors.items():
        dims = [int(dim) for dim in shape.split("x")]
        size = BYTES[kind]
        for dim in dims:
            size *= dim
        header[name] = {"dtype": kind, "shape": dims, "data_offsets": [data, data + size]}
        data += size
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + bytes(i % 251 for i in range(data)))


def main():
    *sources, folder = sys.argv[1:]
    config, tensors, shards, index = {}, {}, 1, {}
    for source in sources:
        for line in open(source):
            kind, _, rest = line.strip().partition(" ")
            if kind == "config":
                key, value = rest.split(" ", 1)
                config[key] = None if value == "-" else json.loads(value)
            elif kind == "tensor":
                name, *words = rest.split()
                for full in [name.format(i) for i in (0, 1)]:
                    tensors[full] = words
            elif kind == "shards":
                shards = int(rest)
            elif kind == "index":
                name, file = rest.split()
                index[name] = file
    tensors = {name: words for name, words in tensors.items() if words != ["-"]}
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump({key: value for key, value in config.items() if value is not None}, file)
    if shards == 1:
        return write(os.path.join(folder, "model.safetensors"), tensors)
    places = {}
    for i in range(shards):
        name = f"model-{i + 1:05d}-of-{shards:05d}.safetensors"
        part = {key: tensors[key] for key in list(tensors)[i::shards]}
        places.update({key: name for key in part})
        write(os.path.join(folder, name), part)
    with open(os.path.join(folder, "model.safetensors.index.json"), "w") as file:
        json.dump({"weight_map": {**places, **index}}, file)


main()

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Seeded decoders as ONNX files that join past and new keys and values themselves, node for node as Optimum exports them:
# those of gpt2.py and llama.py, and what newer versions of Transformers have. Every size but those of the model is open.
#
#   python past_decoders.py NAME -o FILE.onnx     writes one model

import argparse
import dataclasses
import pathlib
import sys

from onnx import TensorProto

import gpt2
import llama


@dataclasses.dataclass
class Config:
    """A model, with what onnx_decoders.Session asks."""
    name: str
    module: object
    settings: dict = dataclasses.field(default_factory=dict)
    options: dict = dataclasses.field(default_factory=dict)
    seed: int = 3
    rows: int = 64               # positions that the model has tables for; 4096 where it computes them
    past: int = TensorProto.FLOAT

    @property
    def model(self):
        return self.module.Config(**self.settings)

    @property
    def layers(self):
        return self.model.layers

    @property
    def key_heads(self):
        return getattr(self.model, "kv_heads", self.model.heads)

    @property
    def head(self):
        return self.model.hidden // self.model.heads

    @property
    def vocabulary(self):
        return self.model.vocabulary

    @property
    def positions_input(self):
        return self.options.get("positions", "input") == "input"

    def build(self):
        return self.module.build(self.model, self.seed, **self.options)


CONFIGS = [
    Config("gpt2", gpt2),
    Config("gpt2-opset11", gpt2, options={"opset": 11}),
    # No input for positions, attention as PyTorch decomposes scaled_dot_product_attention.
    Config("gpt2-sdpa", gpt2, options={"opset": 18, "style": "sdpa", "positions": "counted"}),
    Config("gpt2-sums", gpt2, options={"opset": 18, "style": "sdpa", "positions": "summed"}),
    Config("gpt2-bmm", gpt2, options={"opset": 14, "style": "bmm"}),
    Config("llama-tables", llama),
    Config("llama-angles", llama, options={"style": "trilu", "opset": 18}, rows=4096),
    Config("llama-sdpa", llama, options={"style": "sdpa", "opset": 18}, rows=4096),
    Config("qwen2", llama, {"bias": True, "heads": 8, "theta": 1e6}, {"style": "sdpa", "opset": 18}, rows=4096),
    Config("one-head", llama, {"kv_heads": 1}, {"style": "sdpa", "opset": 18}, rows=4096),
    Config("mistral", llama, {"window": 5}, {"style": "sdpa", "opset": 18}, rows=4096),
]


def lookup(name):
    return next(config for config in CONFIGS if config.name == name)


def build(config):
    return config.build()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=[config.name for config in CONFIGS])
    parser.add_argument("-o", dest="output", required=True, type=pathlib.Path)
    arguments = parser.parse_args()
    arguments.output.write_bytes(build(lookup(arguments.name)).SerializeToString())


if __name__ == "__main__":
    sys.exit(main())

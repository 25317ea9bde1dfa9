# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# What a case of ops.py is: one operator at one operator set, its attributes and its inputs with their values. An input
# named in `constant` becomes an initializer of the model, the others are its inputs; None leaves an optional one out.

import dataclasses

import numpy as np

RANDOM = np.random.RandomState


@dataclasses.dataclass
class Case:
    op: str
    opset: int
    label: str
    inputs: list                 # arrays; None where an optional input is left out
    constant: set = dataclasses.field(default_factory=set)   # indices of inputs that are initializers
    outputs: int = 1
    attributes: dict = dataclasses.field(default_factory=dict)
    tier: str = "A"              # B: vision and audio operators beyond what a transformer's export holds
    tolerance: float = 2e-5
    left_out: set = dataclasses.field(default_factory=set)   # indices of outputs that are not wanted

    @property
    def name(self):
        return f"{self.op}-{self.opset}-{self.label}"

    def input_name(self, index):
        return f"x{index}"

    def output_names(self, prefix=""):
        """Of those that are wanted."""
        return [f"{prefix}y{i}" for i in range(self.outputs) if i not in self.left_out]

    def feeds(self):
        return {self.input_name(i): v for i, v in enumerate(self.inputs) if v is not None and i not in self.constant}

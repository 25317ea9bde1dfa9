# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Writes the small seeded models: NAME.onnx, and for each way of binding its dimensions NAME.CASE.npz with the inputs
# (`in.NAME`), onnxruntime's outputs (`out.NAME`) and the bound dimensions (`dim.NAME`). One file holds one model, so a
# test needs nothing but the folder. NAME.external.onnx keeps its weights in NAME.data, at aligned offsets.

import argparse
import pathlib

import numpy as np
import onnx

import bert
import gpt2
import graph
import llama
import vit

SMALL_BERT = bert.Config(hidden=64, heads=4, layers=1, intermediate=160, vocabulary=150, positions=48)
ONE_LAYER = bert.Config(layers=1, vocabulary=64, positions=160)
PAST = "past_sequence + sequence"


def bert_feeds(config, seed, batch, sequence):
    """Random tokens; every row but the first ends in padding."""
    random = np.random.RandomState(seed)
    mask = np.ones((batch, sequence), np.int64)
    for row in range(1, batch):
        mask[row, 1 + random.randint(sequence):] = 0
    return {"input_ids": random.randint(0, config.vocabulary, (batch, sequence)), "attention_mask": mask,
            "token_type_ids": random.randint(0, config.types, (batch, sequence))}


def models():
    """Yields (name, model, [(case, dims, feeds)])."""
    def encoder(name, layers, opset, shapes, attention="eager"):
        config = bert.Config(**{**vars(SMALL_BERT), "layers": layers})
        model = bert.build(config, bert.random_weights(config, seed=layers), opset, attention)
        return name, model, [(f"b{b}s{s}", {"batch": b, "sequence": s}, bert_feeds(config, s, b, s))
                             for b, s in shapes]

    def decoder(name, module, shapes, **how):
        config = module.Config()
        cases = [(f"b{b}s{s}p{p}", {"batch": b, "sequence": s, "past_sequence": p, PAST: p + s},
                  module.feeds(config, s, b, s, p)) for b, s, p in shapes]
        return name, module.build(config, seed=7, **how), cases

    def vision(name, shapes, batches, opset=14):
        config = vit.Config(height=shapes[0], width=shapes[1])
        return name, vit.build(config, 11, opset), [(f"b{b}", {"batch": b}, vit.feeds(config, b, b)) for b in batches]

    yield encoder("encoder_1", 1, 14, [(1, 16), (1, 13), (2, 1), (3, 17)])
    yield encoder("encoder_2", 2, 14, [(1, 16), (2, 13)])
    yield encoder("encoder_2_opset11", 2, 11, [(2, 7)])
    yield encoder("encoder_2_opset17", 2, 17, [(1, 16), (1, 33)])
    yield encoder("encoder_2_opset22", 2, 22, [(1, 31)], "sdpa")
    yield decoder("gpt2", gpt2, [(1, 8, 0), (1, 1, 15), (2, 5, 12)])
    yield decoder("gpt2_opset11", gpt2, [(1, 7, 9)], opset=11)
    yield decoder("gpt2_opset18", gpt2, [(1, 1, 31)], opset=18)
    yield decoder("llama", llama, [(1, 8, 0), (1, 1, 15), (2, 5, 12)])
    yield decoder("llama_trilu", llama, [(1, 8, 0), (1, 1, 16), (1, 3, 14)], style="trilu", opset=18)
    yield vision("vit", (64, 64), [1, 2])
    yield vision("vit_odd_opset11", (32, 48), [1], 11)
    yield vision("vit_opset17", (64, 64), [1], 17)
    yield ("one_layer", bert.build(ONE_LAYER, bert.random_weights(ONE_LAYER, 3)),
           [(f"b1s{s}", {"batch": 1, "sequence": s}, bert_feeds(ONE_LAYER, s, 1, s)) for s in (128, 33)])


def expected(path, feeds):
    """onnxruntime's outputs, unoptimised so that the reference is the graph as written."""
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return dict(zip([o.name for o in session.get_outputs()], session.run(None, feeds)))


def save_case(path, dims, feeds, outputs):
    for name, value in outputs.items():
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise ValueError(f"{path}: output {name} is not finite")
    arrays = {f"dim.{k}": np.int64(v) for k, v in dims.items()}
    arrays.update({f"in.{k}": v for k, v in feeds.items()})
    arrays.update({f"out.{k}": v for k, v in outputs.items()})
    np.savez(path, **arrays)


def save_external(model, path):
    """The same model with every weight of 64 bytes or more in one file beside it."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    data = path.with_suffix("").with_suffix(".data")
    data.unlink(missing_ok=True)
    onnx.save_model(copy, str(path), save_as_external_data=True, all_tensors_to_one_file=True, location=data.name,
                    size_threshold=64)


def write(folder, only=None):
    names = []
    for name, model, cases in models():
        if only and name not in only:
            continue
        path = folder / f"{name}.onnx"
        graph.save(model, path)
        for case, dims, feeds in cases:
            save_case(folder / f"{name}.{case}.npz", dims, feeds, expected(path, feeds))
        names.append(name)
        if name in ("encoder_1", "vit"):
            save_external(model, folder / f"{name}.external.onnx")
    return names


def main():
    parser = argparse.ArgumentParser(description="Write the small seeded models and onnxruntime's results.")
    parser.add_argument("-o", "--output", type=pathlib.Path, required=True, help="folder to write to")
    parser.add_argument("--only", action="append", help="write just this model (may be repeated)")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    print(f"{len(write(arguments.output, arguments.only))} models in {arguments.output}")


if __name__ == "__main__":
    main()

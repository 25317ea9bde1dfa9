# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The real graphs on which the bars of partition, schedule and memory plan are measured: transformers of 2, 8 and 32
# layers and branchy convolutional networks, with seeded weights. Shapes are those of the originals (197 patches, a
# prompt of 128 tokens); what is small is the width, and smaller the more layers there are, so that a file stays below
# 8 MiB.

import onnx

import bert
import branchy
import gpt2
import llama
import small
import vit

PAST = "past_sequence + sequence"
LAYERS = (2, 8, 32)
WIDTH = {2: 192, 8: 128, 32: 64}


def graphs(layers=LAYERS):
    """Yields (name, whether it is a transformer, model, dims, feeds)."""
    for count in layers:
        width = WIDTH[count]
        shape = {"hidden": width, "heads": width // 32, "layers": count}
        config = vit.Config(**shape, intermediate=4 * width, height=224, width=224)
        yield f"vit_{count}", True, vit.build(config, 5), {"batch": 1}, vit.feeds(config, 1, 1)

        config = bert.Config(**shape, intermediate=4 * width, vocabulary=150, positions=128)
        feeds = small.bert_feeds(config, 1, 1, 128)
        yield (f"bert_{count}", True, bert.build(config, bert.random_weights(config, 5)), {"batch": 1, "sequence": 128},
               feeds)
        for name, module, more in (("gpt2", gpt2, {}), ("llama", llama, {"kv_heads": width // 64,
                                                                        "intermediate": 8 * width // 3})):
            config = module.Config(**shape, positions=160, **more)
            model = module.build(config, 5)
            for case, sequence, past in (("prefill", 128, 0), ("decode", 1, 127)):
                dims = {"batch": 1, "sequence": sequence, "past_sequence": past, PAST: past + sequence}
                yield f"{name}_{count}_{case}", True, model, dims, module.feeds(config, 1, 1, sequence, past)
    for name, config in (("inception", branchy.Config(size=64)), ("nasnet", branchy.Config(size=64, blocks=4)),
                         ("unet", branchy.Config(size=64, blocks=3))):
        yield name, False, getattr(branchy, name)(config, 5), {"batch": 1}, branchy.feeds(config, 1, 1)


def minilm(path):
    """all-MiniLM-L6-v2 as minilm.py writes it, on 128 tokens."""
    return ("minilm", True, onnx.load(path), {"batch": 1, "sequence": 128},
            small.bert_feeds(bert.Config(), 1, 1, 128))

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The last part of `./dev demo`: text from the small trained language model, as tercet-generate streams it, with the rates
# of prefill and decode; then its perplexity on a piece of text that it was not trained on, beside numpy's.

import argparse
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "models"))

import corpus  # noqa: E402
import tiny_lm  # noqa: E402
from demo import heading  # noqa: E402

PROMPT = "And it came to pass"
CHARACTERS = 6000


def main():
    parser = argparse.ArgumentParser(description="Generate text with the small language model of the tests.")
    parser.add_argument("--tools", type=pathlib.Path, required=True, help="folder of tercet-generate")
    parser.add_argument("--output", type=pathlib.Path, required=True, help="folder for the compiled program")
    arguments = parser.parse_args()
    heading("A language model of 3 million parameters goes on")
    command = [str(arguments.tools.resolve() / "tercet-generate"), str(tiny_lm.check(tiny_lm.FILE)), "--cache",
               str(arguments.output.resolve() / "language")]
    print(PROMPT, end="", flush=True)
    subprocess.run([*command, "--prompt", PROMPT, "--n", "100", "--temperature", "0.7",
                    "--top-p", "0.95", "--seed", "1"], check=True)
    text = arguments.output.resolve() / "heldout.txt"
    text.write_text(corpus.heldout()[:CHARACTERS])
    done = subprocess.run([*command, "--perplexity", str(text), "--quiet"], check=True, capture_output=True, text=True)
    value = float(re.search(r"perplexity: ([\d.]+)", done.stdout).group(1))
    expected, tokens = tiny_lm.Model(tiny_lm.FILE).perplexity(tiny_lm.heldout_tokens(CHARACTERS))
    print(f"\nPerplexity of text that it has not seen, {tokens} tokens: {value:.4f}, in numpy {expected:.4f}.")


if __name__ == "__main__":
    main()

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pre-tokenizers by name. Patterns are those that the models' own tokenizers
// publish, in an order that matters: an alternative that comes first wins.

#include "compiler/tokenizer/Vocabulary.h"

#include "llvm/ADT/StringSwitch.h"

using namespace tercet::tokenizer;

const char *const tercet::tokenizer::kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

// Contractions of either case; letters with at most one mark before them; line
// ends stay with the punctuation before them.
#define WORDS R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|)"
#define MARKS R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"

const std::vector<SplitRule> *tercet::tokenizer::findSplits(llvm::StringRef name) {
  static const std::vector<SplitRule> gpt2 = {{kGpt2Pattern}};
  // Digits in groups of up to three.
  static const std::vector<SplitRule> llama3 = {{WORDS R"(\p{N}{1,3})" MARKS}};
  static const std::vector<SplitRule> qwen2 = {{WORDS R"(\p{N})" MARKS}};
  // Digits one by one, before all else.
  static const std::vector<SplitRule> digits = {{R"(\p{N})"}, {kGpt2Pattern}};
  return llvm::StringSwitch<const std::vector<SplitRule> *>(name)
      .Cases({"gpt-2", "gpt2", "mpt", "olmo", "phi-2", "jais"}, &gpt2)
      .Cases({"llama-bpe", "llama3", "llama-v3", "dbrx", "smaug-bpe"}, &llama3)
      .Cases({"qwen2", "stablelm2", "deepseek-r1-qwen"}, &qwen2)
      .Cases({"starcoder", "refact", "command-r", "smollm", "codeshell"}, &digits)
      .Default(nullptr);
}

std::string tercet::tokenizer::listSplits() {
  return "gpt-2, mpt, olmo, phi-2, jais, llama-bpe, dbrx, smaug-bpe, qwen2, stablelm2, "
         "deepseek-r1-qwen, starcoder, refact, command-r, smollm, codeshell";
}

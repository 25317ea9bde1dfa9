// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The vocabulary in a GGUF file's metadata, tokenizer.ggml.*.

#ifndef TERCET_COMPILER_TOKENIZER_GGUFVOCABULARY_H
#define TERCET_COMPILER_TOKENIZER_GGUFVOCABULARY_H

#include "compiler/tokenizer/Vocabulary.h"

namespace tercet::gguf {
class Metadata;
}

namespace tercet::tokenizer {

/// An error names the key, what was expected and what the file has. Models that
/// are known: gpt2, llama, t5 without a character map.
llvm::Expected<Vocabulary> readGgufVocabulary(const gguf::Metadata &metadata);

} // namespace tercet::tokenizer

#endif // TERCET_COMPILER_TOKENIZER_GGUFVOCABULARY_H

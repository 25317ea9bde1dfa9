// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The vocabulary in a tokenizer.json, as Hugging Face's `tokenizers` writes it.

#ifndef TERCET_COMPILER_TOKENIZER_JSONVOCABULARY_H
#define TERCET_COMPILER_TOKENIZER_JSONVOCABULARY_H

#include "compiler/tokenizer/Vocabulary.h"

namespace tercet::tokenizer {

/// Takes the file's text. Models BPE and Unigram, and the steps of preparation
/// that language models use; any other step is an error that names it, because
/// without it the ids would be others. `config` is the text of
/// tokenizer_config.json beside it (chat template, begin and end of text), or
/// empty.
llvm::Expected<Vocabulary> readJsonVocabulary(llvm::StringRef text, llvm::StringRef config = "");

} // namespace tercet::tokenizer

#endif // TERCET_COMPILER_TOKENIZER_JSONVOCABULARY_H

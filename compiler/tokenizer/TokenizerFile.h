// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A tokenizer from a file: by its contents, whatever it is called.

#ifndef TERCET_COMPILER_TOKENIZER_TOKENIZERFILE_H
#define TERCET_COMPILER_TOKENIZER_TOKENIZERFILE_H

#include "compiler/tokenizer/Tokenizer.h"

namespace tercet::tokenizer {

/// `path` is a GGUF file (of a model in parts, the first), a tokenizer.json, or
/// a folder with one, or an ONNX file beside one. The file's chat template, or that of
/// tokenizer_config.json or chat_template.jinja beside tokenizer.json, comes along.
llvm::Expected<std::unique_ptr<Tokenizer>> openTokenizer(llvm::StringRef path);

} // namespace tercet::tokenizer

#endif // TERCET_COMPILER_TOKENIZER_TOKENIZERFILE_H

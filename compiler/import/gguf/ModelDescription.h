// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The description of a language model from a GGUF file's metadata. Every key
// below the architecture's name must be one that is understood here, with a
// value that is: a model is not taken for a plainer one.

#ifndef TERCET_COMPILER_IMPORT_GGUF_MODELDESCRIPTION_H
#define TERCET_COMPILER_IMPORT_GGUF_MODELDESCRIPTION_H

#include "compiler/import/decoder/Architecture.h"
#include "compiler/import/gguf/Model.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace tercet::gguf {

/// Calls `error` with each complaint; the description is of use without one.
decoder::Description describeModel(const Model &model,
                                   llvm::function_ref<void(const llvm::Twine &)> error);

} // namespace tercet::gguf

#endif // TERCET_COMPILER_IMPORT_GGUF_MODELDESCRIPTION_H

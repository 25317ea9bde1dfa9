// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A GGUF file is mapped for as long as its vocabulary is read; nothing of it is
// kept.

#include "compiler/tokenizer/TokenizerFile.h"
#include "compiler/import/gguf/Model.h"
#include "compiler/tokenizer/GgufVocabulary.h"
#include "compiler/tokenizer/JsonVocabulary.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace tercet;
using namespace tercet::tokenizer;
namespace path = llvm::sys::path;

static llvm::Error failure(llvm::StringRef file, const llvm::Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), file + ": " + text);
}

/// Text of a file beside another; empty if there is none.
static std::string readBeside(llvm::StringRef file, llvm::StringRef name) {
  llvm::SmallString<256> beside(path::parent_path(file));
  path::append(beside, name);
  auto buffer = llvm::MemoryBuffer::getFile(beside);
  return buffer ? (*buffer)->getBuffer().str() : "";
}

static llvm::Expected<Vocabulary> readFile(llvm::StringRef file, llvm::StringRef text) {
  if (!text.starts_with("GGUF")) {
    llvm::Expected<Vocabulary> vocabulary =
        readJsonVocabulary(text, readBeside(file, "tokenizer_config.json"));
    if (vocabulary && vocabulary->chatTemplate.empty())
      vocabulary->chatTemplate = readBeside(file, "chat_template.jinja");
    return vocabulary;
  }
  llvm::Expected<std::unique_ptr<gguf::Model>> model = gguf::Model::open(file);
  if (!model)
    return model.takeError();
  return readGgufVocabulary((*model)->getMetadata());
}

llvm::Expected<std::unique_ptr<Tokenizer>> tercet::tokenizer::openTokenizer(llvm::StringRef given) {
  llvm::SmallString<256> file(given);
  if (path::extension(file) == ".onnx")
    path::remove_filename(file);
  if (file.empty() || llvm::sys::fs::is_directory(file))
    path::append(file, "tokenizer.json");
  auto buffer = llvm::MemoryBuffer::getFile(file, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer)
    return failure(file, "cannot read: " + buffer.getError().message());
  llvm::Expected<Vocabulary> vocabulary = readFile(file, (*buffer)->getBuffer());
  if (!vocabulary)
    return failure(file, llvm::toString(vocabulary.takeError()));
  llvm::Expected<std::unique_ptr<Tokenizer>> tokenizer = Tokenizer::create(std::move(*vocabulary));
  if (!tokenizer)
    return failure(file, llvm::toString(tokenizer.takeError()));
  return tokenizer;
}

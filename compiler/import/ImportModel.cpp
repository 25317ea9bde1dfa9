// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Chooses the importer by the file's extension.

#include "compiler/import/Import.h"

#include "llvm/Support/Path.h"

using namespace mlir;
using namespace tercet;

bool tercet::isImportable(StringRef path) {
  StringRef extension = llvm::sys::path::extension(path);
  return extension == ".onnx" || extension == ".gguf";
}

OwningOpRef<ModuleOp> tercet::importModel(MLIRContext &context, StringRef path,
                                          const ImportOptions &options,
                                          SmallVectorImpl<ImportError> &errors) {
  if (llvm::sys::path::extension(path) == ".gguf")
    return importGguf(context, path, options, errors);
  const DecoderOptions &decoder = options.decoder;
  if (decoder.context || decoder.prefill || decoder.cache != CacheType::F16) {
    errors.push_back({"", "",
                      "--context, --prefill and --kv-cache are for language models in GGUF; "
                      "the sizes of an ONNX model are given with --dim"});
    return {};
  }
  return importOnnx(context, path, options, errors);
}

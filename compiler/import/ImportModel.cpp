// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Chooses the importer: a directory with config.json is a language model, a file
// is what its extension says.

#include "compiler/import/Import.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace tercet;

static bool isModelDirectory(StringRef path) {
  llvm::SmallString<256> config(path);
  llvm::sys::path::append(config, "config.json");
  return llvm::sys::fs::is_directory(path) && llvm::sys::fs::exists(config);
}

bool tercet::isImportable(StringRef path) {
  if (llvm::sys::fs::is_directory(path))
    return isModelDirectory(path);
  StringRef extension = llvm::sys::path::extension(path);
  return extension == ".onnx" || extension == ".gguf";
}

OwningOpRef<ModuleOp> tercet::importModel(MLIRContext &context, StringRef path,
                                          const ImportOptions &options,
                                          SmallVectorImpl<ImportError> &errors) {
  if (isModelDirectory(path))
    return importDirectory(context, path, options, errors);
  if (llvm::sys::path::extension(path) == ".gguf")
    return importGguf(context, path, options, errors);
  return importOnnx(context, path, options, errors);
}

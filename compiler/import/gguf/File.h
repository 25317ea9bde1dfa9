// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One GGUF file, decoded in place: metadata and the table of tensors, each with
// the bytes of the file that hold it. Everything that the file says about
// itself is checked here, so that what is returned can be used without another
// look: lengths and counts, types, shapes, alignment, that tensors lie inside
// of the file and apart from each other, that no name appears twice. The data
// of tensors is not touched.

#ifndef TERCET_COMPILER_IMPORT_GGUF_FILE_H
#define TERCET_COMPILER_IMPORT_GGUF_FILE_H

#include "compiler/import/gguf/Metadata.h"
#include "compiler/import/gguf/TensorType.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"

namespace tercet::gguf {

struct Tensor {
  llvm::StringRef name;
  const TensorType *type = nullptr;
  /// Outermost dimension first, the reverse of the file: rows before columns.
  llvm::SmallVector<int64_t, 4> shape;
  /// From the start of the file.
  uint64_t offset = 0, bytes = 0;
};

struct File {
  uint32_t version = 0;
  Metadata metadata;
  std::vector<Tensor> tensors;
};

/// Decodes the bytes of a file, which must outlive the result.
llvm::Expected<File> readFile(llvm::StringRef bytes);

} // namespace tercet::gguf

#endif // TERCET_COMPILER_IMPORT_GGUF_FILE_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One safetensors file, decoded in place: a header in JSON that names tensors
// and the bytes after it that hold them. As with GGUF, everything that the
// header says is checked here.

#ifndef TERCET_COMPILER_IMPORT_SAFETENSORS_FILE_H
#define TERCET_COMPILER_IMPORT_SAFETENSORS_FILE_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"

#include <string>
#include <vector>

namespace tercet::safetensors {

struct Tensor {
  std::string name;
  /// "F16", "BF16", "I64", ...
  std::string type;
  llvm::SmallVector<int64_t, 4> shape;
  /// From the start of the file.
  uint64_t offset = 0, bytes = 0;
};

/// Decodes the bytes of a file; tensors are in the order of their names.
llvm::Expected<std::vector<Tensor>> readFile(llvm::StringRef bytes);

/// Parses JSON from elsewhere: nested at most 16 deep, and no name of the
/// outermost object twice. `what` begins the error.
llvm::Expected<llvm::json::Value> parseJson(llvm::StringRef text, const llvm::Twine &what);

} // namespace tercet::safetensors

#endif // TERCET_COMPILER_IMPORT_SAFETENSORS_FILE_H

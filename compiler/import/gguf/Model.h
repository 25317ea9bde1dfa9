// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A model in GGUF: one file, or parts NAME-00001-of-0000N.gguf of which the
// first has the metadata. Files stay mapped as long as the model lives.

#ifndef TERCET_COMPILER_IMPORT_GGUF_MODEL_H
#define TERCET_COMPILER_IMPORT_GGUF_MODEL_H

#include "compiler/import/gguf/File.h"

#include "llvm/Support/MemoryBuffer.h"

#include <memory>

namespace tercet::gguf {

/// A tensor and the file that it lies in.
struct PlacedTensor {
  const Tensor *tensor = nullptr;
  llvm::StringRef path;
};

class Model {
public:
  /// Reads the file at `path`, and the other parts where it is the first of
  /// several. The errors name the part where that is not `path` itself.
  static llvm::Expected<std::unique_ptr<Model>> open(llvm::StringRef path);

  const Metadata &getMetadata() const { return parts.front().file.metadata; }
  /// The tensors of all parts, in order.
  const std::vector<PlacedTensor> &getTensors() const { return tensors; }
  /// The tensor, with a null pointer where there is none of this name.
  PlacedTensor lookup(llvm::StringRef name) const;
  /// The file's bytes that a tensor is made of.
  llvm::StringRef getBytes(const PlacedTensor &tensor) const;

private:
  struct Part {
    std::string path;
    std::unique_ptr<llvm::MemoryBuffer> buffer;
    File file;
  };

  llvm::Error addPart(const std::string &path);

  /// Reserved before the first is added, since tensors point into it.
  std::vector<Part> parts;
  std::vector<PlacedTensor> tensors;
  llvm::StringMap<size_t> index;
};

} // namespace tercet::gguf

#endif // TERCET_COMPILER_IMPORT_GGUF_MODEL_H

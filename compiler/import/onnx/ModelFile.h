// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The files of a model, mapped: the ONNX file and those that hold external
// data. Turns a tensor of the model into an operand, after checking that the
// bytes that it names exist and are as many as its type needs.

#ifndef TERCET_COMPILER_IMPORT_ONNX_MODELFILE_H
#define TERCET_COMPILER_IMPORT_ONNX_MODELFILE_H

#include "compiler/import/onnx/Model.h"
#include "compiler/import/onnx/TensorBuilder.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MemoryBuffer.h"

namespace tercet::onnx {

class ModelFile {
public:
  /// Maps the file and decodes it. Returns the complaint, empty if none.
  std::string open(llvm::StringRef path);

  const Model &getModel() const { return model; }

  /// None and a complaint if the tensor is malformed or cannot be imported. With
  /// `asWeight` its elements are not to be known where they need not be.
  std::optional<Operand> readTensor(mlir::MLIRContext *context, const Tensor &tensor,
                                    llvm::StringRef name, std::string &complaint,
                                    bool asWeight = false);
  /// The elements of a weight that is a region of the model's files; null for
  /// any other operand, and for more elements than are worth knowing.
  ConstantRef readElements(const Operand &operand, int64_t most = kMaxFoldedElements);

private:
  std::string map(llvm::StringRef path, llvm::StringRef &data);
  std::string findExternal(const Tensor &tensor, uint64_t bytes, Region &region);
  std::string locate(const Tensor &tensor, uint64_t bytes, Region &region);

  std::string path;
  Model model;
  llvm::StringMap<std::unique_ptr<llvm::MemoryBuffer>> buffers;
};

} // namespace tercet::onnx

#endif // TERCET_COMPILER_IMPORT_ONNX_MODELFILE_H

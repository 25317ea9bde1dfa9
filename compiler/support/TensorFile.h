// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tensors of the reference evaluator from and to .npy files, for tools whose
// flags bind files to names.

#ifndef TERCET_COMPILER_SUPPORT_TENSORFILE_H
#define TERCET_COMPILER_SUPPORT_TENSORFILE_H

#include "compiler/reference/Tensor.h"

#include "llvm/ADT/StringMap.h"

namespace tercet {

/// NumPy's type code of an element, empty if it has none.
llvm::StringRef getNpyType(ElementKind kind);

/// Splits each NAME=FILE; every name at most once.
llvm::Expected<llvm::StringMap<std::string>> parseBindings(llvm::ArrayRef<std::string> options);

/// `nn.name` of an argument or result, its number if it has none.
std::string getTensorName(mlir::DictionaryAttr attributes, unsigned index);

/// The file's tensor, which must be of this type.
llvm::Expected<Tensor> readTensor(llvm::StringRef name, const std::string &path,
                                  mlir::RankedTensorType type);

} // namespace tercet

#endif // TERCET_COMPILER_SUPPORT_TENSORFILE_H

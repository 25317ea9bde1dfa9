// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Decodes the bytes of an ONNX file.

#ifndef TERCET_COMPILER_IMPORT_ONNX_MODELREADER_H
#define TERCET_COMPILER_IMPORT_ONNX_MODELREADER_H

#include "compiler/import/onnx/Model.h"

namespace tercet::onnx {

/// Decodes `data`, the contents of the file at `path`; both must outlive the
/// model. Returns the complaint, empty if there is none.
std::string readModel(llvm::StringRef data, llvm::StringRef path, Model &model);

} // namespace tercet::onnx

#endif // TERCET_COMPILER_IMPORT_ONNX_MODELREADER_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The operators that can be imported: one table for the import itself, for
// --check-only (which is the import without its result) and for the
// documentation.

#ifndef TERCET_COMPILER_IMPORT_ONNX_OPERATORTABLE_H
#define TERCET_COMPILER_IMPORT_ONNX_OPERATORTABLE_H

#include "compiler/import/onnx/NodeImporter.h"

namespace tercet::onnx {

/// Operator sets of the default domain that are understood.
constexpr int64_t kOldestOpset = 7, kNewestOpset = 22;

struct Operator {
  llvm::StringRef domain; ///< empty for ai.onnx
  llvm::StringRef name;
  int64_t since; ///< the operator set that introduced it
  unsigned minInputs, maxInputs;
  mlir::LogicalResult (*import)(NodeImporter &);
  llvm::StringRef notes; ///< what of it is refused
};

constexpr unsigned kAnyNumber = ~0u;

/// Null if there is none of that name.
const Operator *findOperator(llvm::StringRef domain, llvm::StringRef name);
llvm::ArrayRef<Operator> allOperators();

// One list a file of ops/.
llvm::ArrayRef<Operator> unaryOperators();
llvm::ArrayRef<Operator> binaryOperators();
llvm::ArrayRef<Operator> shapeOperators();
llvm::ArrayRef<Operator> indexOperators();
llvm::ArrayRef<Operator> generatorOperators();
llvm::ArrayRef<Operator> reductionOperators();
llvm::ArrayRef<Operator> productOperators();
llvm::ArrayRef<Operator> normalizationOperators();
llvm::ArrayRef<Operator> convolutionOperators();
llvm::ArrayRef<Operator> quantizationOperators();
llvm::ArrayRef<Operator> groupedProductOperators();
llvm::ArrayRef<Operator> positionOperators();
llvm::ArrayRef<Operator> attentionOperators();

} // namespace tercet::onnx

#endif // TERCET_COMPILER_IMPORT_ONNX_OPERATORTABLE_H

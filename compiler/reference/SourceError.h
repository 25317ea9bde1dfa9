// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Errors that name the source node of an operation, as a user knows it.

#ifndef TERCET_COMPILER_REFERENCE_SOURCEERROR_H
#define TERCET_COMPILER_REFERENCE_SOURCEERROR_H

#include "mlir/IR/Operation.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

#include <string>

namespace tercet {

/// "node 'a' and 'b'" from named locations, else "file:line:column", else "".
std::string describeSource(mlir::Location location);

llvm::Error sourceError(mlir::Location location, llvm::StringRef operation, llvm::StringRef text);

/// An error at the operation; the parts are printed one after another.
template <class... Parts> llvm::Error errorAt(mlir::Operation *op, Parts &&...parts) {
  std::string text;
  llvm::raw_string_ostream os(text);
  (os << ... << parts);
  return sourceError(op->getLoc(), op->getName().getStringRef(), text);
}

} // namespace tercet

#endif // TERCET_COMPILER_REFERENCE_SOURCEERROR_H

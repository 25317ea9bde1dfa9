// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Errors as users see them: one line each, with the model's file and the source
// node instead of a place in some intermediate text.

#ifndef TERCET_COMPILER_PIPELINE_DIAGNOSTICS_H
#define TERCET_COMPILER_PIPELINE_DIAGNOSTICS_H

#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

#include <string>

namespace tercet {

/// `node 'encoder/MatMul_3' (MatMul)`, from the names in a location; for
/// locations in text `line 3, column 5`; empty if the location says nothing.
std::string describeLocation(mlir::Location loc);

/// The text with line breaks and other control characters made visible.
std::string oneLine(llvm::StringRef text);

/// While it lives, errors of passes are printed as
/// `<tool>: error: <file>: node '…' (…): …`, warnings and remarks likewise.
class UserDiagnostics {
public:
  UserDiagnostics(mlir::MLIRContext *context, std::string file, llvm::raw_ostream &os,
                  std::string tool = "tercet-compile");

  /// Prints an error that no pass has found.
  void error(const llvm::Twine &text);
  void error(llvm::Error error);

  unsigned errorCount() const { return errors; }

private:
  void print(mlir::Diagnostic &diagnostic);

  std::string file, tool;
  llvm::raw_ostream &os;
  unsigned errors = 0;
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace tercet

#endif // TERCET_COMPILER_PIPELINE_DIAGNOSTICS_H

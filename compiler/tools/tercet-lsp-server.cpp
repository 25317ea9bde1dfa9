// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The language server of MLIR's text with Tercet's dialects, for editors.

#include "compiler/support/RegisterAll.h"

#include "mlir/IR/Dialect.h"
#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  tercet::registerAllDialects(registry);
  return mlir::failed(mlir::MlirLspServerMain(argc, argv, registry));
}

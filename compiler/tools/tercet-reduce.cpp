// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shrinks a module that shows a fault, by a script that says whether it still
// does, with Tercet's dialects and passes.

#include "compiler/support/RegisterAll.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Reducer/Passes.h"
#include "mlir/Tools/mlir-reduce/MlirReduceMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  tercet::registerAllDialects(registry);
  tercet::registerAllPasses();
  mlir::registerReducerPasses();
  mlir::MLIRContext context(registry);
  return mlir::failed(mlir::mlirReduceMain(argc, argv, context));
}

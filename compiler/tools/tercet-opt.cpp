// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// mlir-opt with Tercet's dialects, passes and stages.

#include "compiler/support/RegisterAll.h"

#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  tercet::registerAllDialects(registry);
  tercet::registerAllPasses();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "Tercet's optimiser driver\n", registry));
}

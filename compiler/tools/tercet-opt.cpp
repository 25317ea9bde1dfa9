// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// mlir-opt with Tercet's dialects, passes and stages, and with those of
// plug-ins: `--plugin FILE` or `--plugin=FILE`, before anything is registered,
// hence not a flag of mlir-opt's own.

#include "compiler/support/RegisterAll.h"
#include "targets/Targets.h"

#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/raw_ostream.h"

/// Loads the plug-ins that the arguments name and leaves the other arguments.
static llvm::Error loadPlugins(std::vector<char *> &arguments) {
  std::vector<char *> others;
  for (size_t i = 0; i < arguments.size(); ++i) {
    llvm::StringRef argument = arguments[i];
    bool isFlag = argument == "--plugin";
    if (!isFlag && !argument.consume_front("--plugin=")) {
      others.push_back(arguments[i]);
      continue;
    }
    if (isFlag && ++i == arguments.size())
      return llvm::createStringError("--plugin needs a file");
    if (llvm::Error error = tercet::loadPlugin(isFlag ? llvm::StringRef(arguments[i]) : argument))
      return error;
  }
  arguments = std::move(others);
  return llvm::Error::success();
}

int main(int argc, char **argv) {
  std::vector<char *> arguments(argv, argv + argc);
  if (llvm::Error error = loadPlugins(arguments)) {
    llvm::errs() << "tercet-opt: error: " << llvm::toString(std::move(error)) << "\n";
    return 1;
  }
  mlir::DialectRegistry registry;
  tercet::registerAllDialects(registry);
  tercet::registerAllPasses();
  argc = arguments.size();
  arguments.push_back(nullptr);
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, arguments.data(),
                        "Tercet's optimiser driver; --plugin FILE loads further targets\n",
                        registry));
}

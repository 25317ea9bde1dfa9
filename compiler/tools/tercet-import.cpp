// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The import stage alone: prints the module that a model becomes, for tests and
// for looking at. tercet-compile is the program for users.

#include "compiler/import/Import.h"
#include "compiler/support/RegisterAll.h"

#include "mlir/IR/AsmState.h"
#include "llvm/Support/raw_ostream.h"

static int usage() {
  llvm::errs() << "usage: tercet-import MODEL.onnx [--dim NAME=VALUE]... "
                  "[--check-only] [--locations]\n"
                  "       tercet-import MODEL.gguf|FOLDER [--context N] [--prefill N,N,...] "
                  "[--verify N,N,...] "
                  "[--kv-cache f16|f32|int8|int4] [--check-only] [--locations]\n"
                  "       tercet-import --supported-operators\n";
  return 1;
}

/// Null for a flag that takes no value.
static std::string (*parserOf(llvm::StringRef flag))(llvm::StringRef, tercet::ImportOptions &) {
  using Options = tercet::ImportOptions;
  if (flag == "--dim")
    return tercet::parseDimension;
  if (flag == "--context")
    return [](llvm::StringRef text, Options &o) { return tercet::parseContext(text, o.decoder); };
  if (flag == "--prefill")
    return [](llvm::StringRef text, Options &o) { return tercet::parsePrefill(text, o.decoder); };
  if (flag == "--verify")
    return [](llvm::StringRef text, Options &o) { return tercet::parseVerify(text, o.decoder); };
  if (flag == "--kv-cache")
    return [](llvm::StringRef text, Options &o) { return tercet::parseCache(text, o.decoder); };
  return nullptr;
}

int main(int argc, char **argv) {
  tercet::ImportOptions options;
  llvm::StringRef path;
  bool checkOnly = false, locations = false;
  for (int i = 1; i < argc; ++i) {
    llvm::StringRef argument = argv[i];
    if (argument == "--supported-operators") {
      tercet::printSupportedOnnxOperators(llvm::outs());
      return 0;
    }
    if (argument == "--check-only") {
      checkOnly = true;
    } else if (argument == "--locations") {
      locations = true;
    } else if (auto parse = parserOf(argument); parse && i + 1 < argc) {
      std::string complaint = parse(argv[++i], options);
      if (!complaint.empty()) {
        llvm::errs() << "tercet-import: error: " << complaint << "\n";
        return 1;
      }
    } else if (path.empty() && !argument.starts_with("--")) {
      path = argument;
    } else {
      return usage();
    }
  }
  if (path.empty())
    return usage();

  mlir::DialectRegistry registry;
  tercet::registerAllDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  llvm::SmallVector<tercet::ImportError> errors;
  auto module = tercet::importModel(context, path, options, errors);
  for (const tercet::ImportError &error : errors)
    llvm::errs() << "tercet-import: error: " << path << ": " << error << "\n";
  if (!module)
    return 1;
  if (!checkOnly) {
    mlir::OpPrintingFlags flags;
    flags.enableDebugInfo(locations);
    module->print(llvm::outs(), flags);
    llvm::outs() << "\n";
  }
  return 0;
}

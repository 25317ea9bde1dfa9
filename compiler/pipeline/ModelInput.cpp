// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Chooses the importer by the file's extension.

#include "compiler/pipeline/ModelInput.h"

#include "mlir/Conversion/TosaToArith/TosaToArith.h"
#include "mlir/Conversion/TosaToLinalg/TosaToLinalg.h"
#include "mlir/Conversion/TosaToTensor/TosaToTensor.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tosa/IR/TosaOps.h"
#include "mlir/Dialect/Tosa/Transforms/Passes.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace tercet;

static OwningOpRef<ModuleOp> readText(MLIRContext &context, StringRef path) {
  ParserConfig config(&context);
  auto module = parseSourceFile<ModuleOp>(path, config);
  if (!module)
    return nullptr;
  bool hasTosa = false;
  module->walk([&](Operation *op) { hasTosa |= isa<tosa::TosaDialect>(op->getDialect()); });
  if (!hasTosa)
    return module;
  PassManager pm(&context);
  OpPassManager &funcs = pm.nest<func::FuncOp>();
  funcs.addPass(tosa::createTosaInferShapesPass());
  funcs.addPass(tosa::createTosaMakeBroadcastablePass());
  funcs.addPass(tosa::createTosaToLinalgNamed());
  funcs.addPass(createCanonicalizerPass());
  funcs.addPass(tosa::createTosaLayerwiseConstantFoldPass());
  funcs.addPass(tosa::createTosaMakeBroadcastablePass());
  funcs.addPass(tosa::createTosaToLinalg());
  funcs.addPass(createTosaToArithPass());
  funcs.addPass(createTosaToTensorPass());
  funcs.addPass(createCanonicalizerPass());
  if (failed(pm.run(*module)))
    return nullptr;
  return module;
}

OwningOpRef<ModuleOp> tercet::readModel(MLIRContext &context, const CompileOptions &options,
                                        UserDiagnostics &diagnostics) {
  StringRef path = options.model, extension = llvm::sys::path::extension(path);
  if (!llvm::sys::fs::exists(path)) {
    diagnostics.error("no such file");
    return nullptr;
  }
  if (llvm::sys::fs::is_directory(path) && !isImportable(path)) {
    diagnostics.error("is a directory without config.json; try the model file in it");
    return nullptr;
  }
  if (extension == ".mlir" || extension == ".mlirbc")
    return readText(context, path);
  if (isImportable(path)) {
    SmallVector<ImportError> errors;
    OwningOpRef<ModuleOp> module = importModel(context, path, options.import, errors);
    for (const ImportError &error : errors) {
      std::string text;
      llvm::raw_string_ostream(text) << error;
      diagnostics.error(text);
    }
    return errors.empty() ? std::move(module) : nullptr;
  }
  diagnostics.error("unknown kind of model '" + extension + "'; expected .onnx, .gguf or .mlir");
  return nullptr;
}

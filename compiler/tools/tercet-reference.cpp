// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs an imported module on the reference evaluator: inputs and outputs are
// .npy files, named by the `nn.name` of the entry's arguments and results or,
// where those have none, by their position.

#include "compiler/reference/Evaluator.h"
#include "compiler/reference/SourceError.h"
#include "compiler/support/Npy.h"
#include "compiler/support/RegisterAll.h"
#include "compiler/support/TensorFile.h"
#include "compiler/weights/WeightReader.h"

#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/ToolOutputFile.h"

#include <chrono>

using namespace mlir;
using namespace tercet;
namespace cl = llvm::cl;

namespace {

template <class... Parts> llvm::Error failure(Parts &&...parts) {
  std::string text;
  llvm::raw_string_ostream os(text);
  (os << ... << parts);
  return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
}

} // namespace

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  // Without it --help would list the flags of all of LLVM.
  cl::OptionCategory category("Options");
  cl::opt<std::string> file(cl::Positional, cl::cat(category), cl::desc("FILE.mlir"), cl::Required);
  cl::opt<std::string> entry("entry", cl::cat(category), cl::desc("the function to run"),
                             cl::init("main"));
  cl::list<std::string> inputs("input", cl::cat(category), cl::desc("NAME=FILE.npy"),
                               cl::ZeroOrMore);
  cl::list<std::string> outputs("output", cl::cat(category), cl::desc("NAME=FILE.npy"),
                                cl::ZeroOrMore);
  cl::opt<std::string> baseDir("base-dir", cl::cat(category),
                               cl::desc("where relative paths of weights start"));
  cl::opt<bool> time("time", cl::cat(category),
                     cl::desc("print how long the run took and its slowest operations"));
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(argc, argv, "Tercet's reference evaluator\n");

  auto fail = [&](llvm::Error error) {
    llvm::errs() << "tercet-reference: error: " << file << ": " << llvm::toString(std::move(error))
                 << "\n";
    return 1;
  };
  DialectRegistry registry;
  registerAllDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(file, &context);
  if (!module)
    return 1;
  auto function = module->lookupSymbol<func::FuncOp>(entry);
  if (!function)
    return fail(failure("no function '", entry, "'; name one with --entry"));

  auto inputFiles = parseBindings(inputs);
  if (!inputFiles)
    return fail(inputFiles.takeError());
  auto outputFiles = parseBindings(outputs);
  if (!outputFiles)
    return fail(outputFiles.takeError());

  llvm::SmallVector<Tensor> arguments;
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
    std::string name = getTensorName(function.getArgAttrDict(i), i);
    RankedTensorType holder = getHolderType(type);
    auto path = inputFiles->find(name);
    if (path == inputFiles->end())
      return fail(failure("no value for input '", name, "'; give --input ", name, "=FILE.npy"));
    if (!holder || !holder.hasStaticShape() || !getTensorBytes(holder))
      return fail(failure("input '", name, "' of type ", type, " is not supported"));
    llvm::Expected<Tensor> value = readTensor(name, path->second, holder);
    if (!value)
      return fail(value.takeError());
    arguments.push_back(std::move(*value));
    inputFiles->erase(path);
  }
  if (!inputFiles->empty())
    return fail(failure("'", inputFiles->begin()->getKey(), "' is no input of '", entry, "'"));

  using Clock = std::chrono::steady_clock;
  WeightReader weights(baseDir);
  Evaluator evaluator(*module, weights);
  auto start = Clock::now(), last = start;
  std::map<std::string, double> seconds;
  Evaluator::Observer observer;
  if (time)
    observer = [&](Operation *op, ArrayRef<Tensor>) {
      auto now = Clock::now();
      seconds[op->getName().getStringRef().str()] +=
          std::chrono::duration<double>(now - last).count();
      last = now;
    };
  llvm::Expected<Evaluator::Results> results = evaluator.run(function, arguments, observer);
  if (!results)
    return fail(results.takeError());
  if (time) {
    double total = std::chrono::duration<double>(Clock::now() - start).count();
    llvm::outs() << llvm::format("%9.3f s in all\n", total);
    for (auto &[name, spent] : seconds)
      llvm::outs() << llvm::format("%9.3f s ", spent) << name << "\n";
  }
  for (auto [i, result] : llvm::enumerate(*results)) {
    auto path = outputFiles->find(getTensorName(function.getResultAttrDict(i), i));
    if (path == outputFiles->end())
      continue;
    llvm::StringRef type = getNpyType(result.getKind());
    if (type.empty())
      return fail(
          failure("output '", path->getKey(), "': .npy has no type for ", result.getType()));
    if (llvm::Error error = writeNpy(path->second, type, result.getShape(), result.bytes()))
      return fail(std::move(error));
    outputFiles->erase(path);
  }
  if (!outputFiles->empty())
    return fail(failure("'", outputFiles->begin()->getKey(), "' is no output of '", entry, "'"));
  return 0;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs the stages one after another. Each is a pass manager of its own, so that
// its time and memory can be told and the module can be had after it.

#include "compiler/pipeline/Compile.h"

#include "compiler/emit/Faults.h"
#include "compiler/pipeline/Budget.h"
#include "compiler/pipeline/Diagnostics.h"
#include "compiler/pipeline/FoldConstants.h"
#include "compiler/pipeline/Machine.h"
#include "compiler/pipeline/ModelInput.h"
#include "compiler/pipeline/Summary.h"
#include "compiler/quantize/QuantizeSpec.h"
#include "compiler/support/RegisterAll.h"
#include "compiler/weights/WeightReader.h"
#include "dialects/cmd/Cmd.h"
#include "dialects/nn/NN.h"
#include "targets/Targets.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <chrono>

using namespace mlir;
using namespace tercet;

namespace {

class Compilation {
public:
  Compilation(const CompileOptions &options, raw_ostream &out, raw_ostream &err)
      : options(options), out(out), err(err), registry(makeRegistry()),
        context(registry, MLIRContext::Threading::DISABLED),
        diagnostics(&context, options.model, err) {
    context.loadAllAvailableDialects();
  }

  CompileStatus run();

  /// Called with the module instead of printing it, when a stage is the last.
  std::function<void(ModuleOp)> onStop;

private:
  static DialectRegistry makeRegistry() {
    DialectRegistry registry;
    registerAllDialects(registry);
    return registry;
  }

  bool runStage(Stage stage);
  bool runPasses(Stage stage, ModuleOp on, llvm::function_ref<void(OpPassManager &)> build);
  bool lower();
  bool parseWeightSchemes(SmallVectorImpl<std::string> &entries);
  bool quantize();
  bool checkBudgets();
  bool emitFiles();
  bool writeDepfile();
  void begin(Stage stage);
  void end(Stage stage);
  CompileStatus failed() const {
    return internal ? CompileStatus::InternalError : CompileStatus::UserError;
  }

  const CompileOptions &options;
  raw_ostream &out, &err;
  DialectRegistry registry;
  MLIRContext context;
  UserDiagnostics diagnostics;
  OwningOpRef<ModuleOp> module, lowered;
  std::vector<StageStatistics> statistics;
  std::chrono::steady_clock::time_point started;
  bool internal = false;
  /// --quantize is for weights alone, which the graph stage rounds.
  bool weightsAlone = false;
};

/// A directory's name has dots that begin no extension, and may end in a slash.
static std::string programName(const CompileOptions &options) {
  if (!options.name.empty())
    return options.name;
  StringRef path = options.model;
  if (!llvm::sys::fs::is_directory(path))
    return emit::makeModelName(llvm::sys::path::stem(path));
  return emit::makeModelName(llvm::sys::path::filename(path.rtrim('/')));
}

void Compilation::begin(Stage stage) {
  started = std::chrono::steady_clock::now();
  if (options.verbose)
    err << "tercet-compile: " << nameOf(stage) << " ...\n";
}

void Compilation::end(Stage stage) {
  double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  statistics.push_back({nameOf(stage).str(), seconds, peakResidentBytes()});
}

bool Compilation::runPasses(Stage stage, ModuleOp on,
                            llvm::function_ref<void(OpPassManager &)> build) {
  PassManager pm(&context, ModuleOp::getOperationName());
  build(pm);
  if (succeeded(pm.run(on)))
    return true;
  if (diagnostics.errorCount() == 0) {
    diagnostics.error("stage '" + nameOf(stage) +
                      "' failed without saying why; this is a fault "
                      "of Tercet: try --stop-after to find the stage's input and report it");
    internal = true;
  }
  return false;
}

bool Compilation::lower() {
  // Commands refer to kernels by name only, so the lowered kernels can live in
  // a module of their own: those of the object in the outer one, and those of
  // each engine with an image in a nested one, since data layouts differ.
  lowered = ModuleOp::create(module->getLoc());
  auto machine = soc::MachineAttr::of(*module);
  lowered->getOperation()->setAttr(soc::SocDialect::kMachineAttrName, machine);
  OpBuilder builder = OpBuilder::atBlockEnd(lowered->getBody());
  llvm::MapVector<Attribute, ModuleOp> images;
  for (auto kernel : module->getOps<soc::KernelOp>()) {
    auto engine =
        dyn_cast_or_null<soc::EngineAttrInterface>(machine.lookupEngine(kernel.getEngine()));
    if (!engine || engine.getObjectCpu()) {
      builder.clone(*kernel);
      continue;
    }
    ModuleOp &image = images[engine];
    if (!image) {
      image = ModuleOp::create(module->getLoc(), engine.getEngineName());
      image->setAttr(soc::SocDialect::kMachineAttrName, machine);
    }
    OpBuilder::atBlockEnd(image.getBody()).clone(*kernel);
  }
  bool ok = runPasses(Stage::Codegen, *lowered, [&](OpPassManager &pm) {
    llvm::SmallPtrSet<Attribute, 4> seen;
    for (Attribute attr : machine.getEngines())
      if (auto engine = cast<soc::EngineAttrInterface>(attr);
          engine.getObjectCpu() && seen.insert(attr).second)
        engine.buildCodegenPipeline(pm);
  });
  for (auto &[engine, image] : images) {
    auto attr = cast<soc::EngineAttrInterface>(engine);
    ok = ok && runPasses(Stage::Codegen, image,
                         [&](OpPassManager &pm) { attr.buildCodegenPipeline(pm); });
    builder.insert(image);
  }
  return ok;
}

/// Whether something persists between runs, as the caches of a language model do.
static bool keepsState(ModuleOp module) {
  for (auto func : module.getOps<func::FuncOp>())
    for (unsigned number = 0; number < func.getNumArguments(); ++number)
      if (func.getArgAttr(number, "nn.state"))
        return true;
  return false;
}

bool Compilation::parseWeightSchemes(SmallVectorImpl<std::string> &entries) {
  if (options.quantization.spec.empty())
    return true;
  llvm::Expected<quantize::QuantizeSpec> spec =
      quantize::QuantizeSpec::parse(options.quantization.spec);
  if (!spec) {
    // Reported where precisions are assigned.
    llvm::consumeError(spec.takeError());
    return true;
  }
  // Floats alone, of a language model, are a matter of its weights as well.
  // Precisions are assigned to programs of one entry point.
  bool isFloat = !spec->needsRanges() && keepsState(*module);
  if (!spec->hasWeightSchemes() && !isFloat)
    return true;
  for (const quantize::QuantizeSpec::Entry &entry : spec->getEntries())
    entries.push_back(entry.text.str());
  weightsAlone = true;
  return true;
}

bool Compilation::quantize() {
  auto progress = [&](const Twine &line) {
    if (!options.quiet)
      err << "tercet-compile: " << line << "\n";
  };
  return succeeded(quantize::assignPrecisions(*module, options.quantization, progress));
}

bool Compilation::checkBudgets() {
  // Text brings its machine along.
  bool ownMachine = options.startFrom && *options.startFrom > Stage::Import;
  auto bytesWithWorkers = [&](unsigned workers, StringRef pool) {
    std::optional<int64_t> bytes;
    if (ownMachine)
      return bytes;
    CompileOptions changed = options;
    changed.workers = workers;
    changed.budgets.clear();
    changed.stopAfter = Stage::Plan;
    changed.verbose = false;
    Compilation trial(changed, llvm::nulls(), llvm::nulls());
    trial.onStop = [&](ModuleOp planned) {
      for (auto op : planned.getOps<cmd::PoolOp>())
        if (op.getSymName() == pool)
          bytes = op.getBytes();
    };
    trial.run();
    return bytes;
  };
  std::vector<std::string> problems = tercet::checkBudgets(*module, options, bytesWithWorkers);
  for (const std::string &problem : problems)
    diagnostics.error(problem);
  return problems.empty();
}

bool Compilation::emitFiles() {
  WeightReader reader;
  emit::EmitOptions emitOptions;
  emitOptions.outputDirectory = options.outputDirectory;
  emitOptions.name = programName(options);
  emitOptions.modelPath = options.model;
  emitOptions.kind = options.kind;
  emitOptions.weights = options.weights;
  emitOptions.linker = options.linker;
  emitOptions.readWeight = [&](nn::WeightOp weight, emit::ChunkSink sink) {
    return reader.stream(cast<TypedAttr>(weight.getRecipe()), sink);
  };
  const Target *target = lookupObjectTarget();
  if (!target) {
    diagnostics.error("this build of Tercet has no target that writes object files; it was "
                      "configured without targets/cpu");
    return false;
  }
  emitOptions.emitObject = [target](const ObjectJob &job, llvm::raw_pwrite_stream &os,
                                    llvm::StringMap<uint64_t> &stackBytes) {
    return target->emitObject(job, os, stackBytes);
  };
  emitOptions.emitImage = [](const ImageJob &job) -> llvm::Expected<EngineImage> {
    soc::EngineAttr engine = job.engine;
    const Target *owner = lookupTarget(engine.getTarget().getValue());
    if (!owner)
      return llvm::createStringError("its target '%s' is not part of this build of Tercet",
                                     engine.getTarget().str().c_str());
    return owner->emitImage(job);
  };
  if (!options.quiet)
    emitOptions.onImage = [&](StringRef engine, uint64_t bytes, size_t kernels) {
      err << "image[" << engine << "] " << bytes << " bytes, " << formatCount(kernels, "kernel")
          << "\n";
    };
  if (llvm::Error error = emit::emitArtifact(*module, *lowered, emitOptions)) {
    internal = error.isA<emit::InternalFault>();
    diagnostics.error(std::move(error));
    return false;
  }
  return true;
}

bool Compilation::runStage(Stage stage) {
  begin(stage);
  bool ok = true;
  switch (stage) {
  case Stage::Import:
    module = readModel(context, options, diagnostics);
    ok = bool(module);
    // Text of a later stage has been through this.
    if (ok && !options.startFrom)
      foldConstants(*module);
    break;
  case Stage::Codegen:
    ok = lower();
    break;
  case Stage::Emit:
    ok = emitFiles();
    break;
  default:
    SmallVector<std::string> weights;
    if (stage == Stage::Graph && !parseWeightSchemes(weights))
      return false;
    ok = runPasses(stage, *module, [&](OpPassManager &pm) {
      buildStage(stage, pm, options.requirements, weights);
    });
  }
  if (ok && stage == Stage::Graph && !options.quantization.spec.empty() && !weightsAlone)
    ok = quantize();
  if (ok && stage == Stage::Plan)
    ok = checkBudgets();
  end(stage);
  return ok;
}

bool Compilation::writeDepfile() {
  if (options.depfile.empty())
    return true;
  std::error_code code;
  llvm::raw_fd_ostream os(options.depfile, code, llvm::sys::fs::OF_Text);
  if (code) {
    diagnostics.error("cannot write '" + options.depfile + "': " + code.message());
    return false;
  }
  auto escaped = [](StringRef path) {
    std::string text;
    for (char c : path) {
      if (c == ' ' || c == '#')
        text += '\\';
      text += c;
    }
    return text;
  };
  SmallString<128> target(options.outputDirectory);
  llvm::sys::path::append(target, programName(options) + ".o");
  // The model, and the files that its weights lie in.
  SetVector<StringRef> files;
  SmallString<128> model(options.model);
  if (llvm::sys::fs::is_directory(model))
    llvm::sys::path::append(model, "config.json");
  files.insert(model);
  AttrTypeWalker walker;
  walker.addWalk([&](nn::FileAttr file) { files.insert(file.getPath().getValue()); });
  for (auto weight : module->getOps<nn::WeightOp>())
    walker.walk(weight.getRecipe());
  os << escaped(target) << ":";
  for (StringRef file : files)
    os << " \\\n  " << escaped(file);
  os << "\n";
  return true;
}

CompileStatus Compilation::run() {
  llvm::Expected<soc::MachineAttr> machine = buildMachine(&context, options);
  if (!machine) {
    // Not the model's fault: these errors name their own file.
    llvm::handleAllErrors(machine.takeError(), [&](const llvm::ErrorInfoBase &error) {
      err << "tercet-compile: error: " << oneLine(error.message()) << "\n";
    });
    return CompileStatus::UserError;
  }
  // Text is read, whatever the stage to start from.
  if (!runStage(Stage::Import))
    return failed();
  bool hasMachine = module->getOperation()->hasAttr(soc::SocDialect::kMachineAttrName);
  if (!hasMachine || !options.startFrom)
    module->getOperation()->setAttr(soc::SocDialect::kMachineAttrName, *machine);

  // Whoever wrote the text has to have kept what the stage before promises.
  if (options.startFrom && *options.startFrom > Stage::Import) {
    Stage before = static_cast<Stage>(static_cast<int>(*options.startFrom) - 1);
    if (!runPasses(before, *module, [&](OpPassManager &pm) { buildVerification(before, pm); }))
      return failed();
  }

  for (Stage stage : allStages()) {
    bool skipped = stage == Stage::Import || (options.startFrom && stage < *options.startFrom);
    if (!skipped && !runStage(stage))
      return failed();
    if (options.checkOnly && stage == Stage::Partition) {
      if (!options.quiet)
        err << "tercet-compile: " << options.model << ": every node is supported\n";
      return CompileStatus::Ok;
    }
    if (options.stopAfter == stage) {
      ModuleOp result = stage == Stage::Codegen ? *lowered : *module;
      if (onStop) {
        onStop(result);
        return CompileStatus::Ok;
      }
      result->print(out, OpPrintingFlags().enableDebugInfo(true, false).useLocalScope());
      out << "\n";
      return CompileStatus::Ok;
    }
  }
  if (!writeDepfile())
    return failed();
  if (!options.quiet)
    printSummary(*module, err);
  if (options.stats)
    printStatistics(statistics, err);
  return CompileStatus::Ok;
}

} // namespace

CompileStatus tercet::compile(const CompileOptions &options, raw_ostream &out, raw_ostream &err) {
  return Compilation(options, out, err).run();
}

CompileStatus tercet::compileUpTo(const CompileOptions &options, raw_ostream &err,
                                  llvm::function_ref<void(ModuleOp)> use) {
  Compilation compilation(options, llvm::nulls(), err);
  compilation.onStop = use;
  return compilation.run();
}

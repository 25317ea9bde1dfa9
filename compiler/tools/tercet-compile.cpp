// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The compiler's command line. It only reads options; compile() does the work.

#include "compiler/import/Import.h"
#include "compiler/machine/MachineTable.h"
#include "compiler/pipeline/Compile.h"
#include "compiler/pipeline/Diagnostics.h"
#include "compiler/pipeline/Machine.h"
#include "compiler/pipeline/PlanContext.h"
#include "compiler/support/RegisterAll.h"
#include "targets/Targets.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/Option/ArgList.h"
#include "llvm/Option/OptTable.h"
#include "llvm/Support/InitLLVM.h"

#include <cmath>
#include <csignal>

using namespace tercet;
namespace opt = llvm::opt;
using namespace llvm::opt;

namespace {

#define TERCET_FLAGS "compiler/tools/CompileFlags.inc"
#include "compiler/tools/FlagTable.inc"

constexpr const char kExamples[] =
    "Writes NAME.o (code, command table), NAME.h (sizes, shapes, entry points),\n"
    "NAME.weights where weights are large, NAME.report.json, and NAME.report.html to look at.\n\n"
    "Examples:\n"
    "  tercet-compile model.onnx --dim batch=1 --dim sequence=128 -o out/\n"
    "  tercet-compile model.onnx --target aarch64-linux-gnu --cpu cortex-a76 -o out/\n"
    "  tercet-compile model.onnx --soc devkit --quantize w8a8 --calibrate samples/ -o out/\n"
    "  tercet-compile model.gguf --plan-context 24GiB    the longest context that fits\n"
    "  tercet-compile model.onnx --check-only         what would not compile, and why\n"
    "  tercet-compile model.onnx --stop-after graph   the module after a stage, as text\n\n"
    "Exit status: 0 done, 1 an error in what was given, 2 a fault of the compiler.\n";

/// The stage of a flag, absent without the flag.
std::string readStage(const opt::ArgList &args, FlagId flag, llvm::StringRef name,
                      std::optional<Stage> &result) {
  const opt::Arg *arg = args.getLastArg(flag);
  if (!arg)
    return "";
  result = stageFromName(arg->getValue());
  if (result)
    return "";
  std::string names;
  for (Stage known : allStages())
    names += (names.empty() ? "" : ", ") + nameOf(known).str();
  return (name + ": no stage '" + arg->getValue() + "'; stages are " + names).str();
}

std::string readArtifactOptions(const opt::ArgList &args, CompileOptions &options) {
  llvm::StringRef kind = args.getLastArgValue(OPT_emit, "obj");
  if (kind == "shared")
    options.kind = emit::ArtifactKind::Shared;
  else if (kind == "exe")
    options.kind = emit::ArtifactKind::Executable;
  else if (kind != "obj")
    return "--emit: expected obj, shared or exe, got '" + kind.str() + "'";
  llvm::StringRef weights = args.getLastArgValue(OPT_weights);
  if (weights == "embed")
    options.weights = emit::WeightsPlace::Embed;
  else if (weights == "file")
    options.weights = emit::WeightsPlace::File;
  else if (args.hasArg(OPT_weights))
    return "--weights: expected embed or file, got '" + weights.str() + "'";
  for (llvm::StringRef text : args.getAllArgValues(OPT_memory_budget)) {
    auto [pool, bytes] = text.rsplit('=');
    MemoryBudget budget{pool.str(), 0};
    if (pool.empty() || bytes.getAsInteger(10, budget.bytes))
      return "--memory-budget: expected POOL=BYTES, got '" + text.str() + "'";
    options.budgets.push_back(budget);
  }
  return "";
}

std::string readDecoderOptions(const opt::ArgList &args, DecoderOptions &options) {
  std::string complaint;
  if (const opt::Arg *context = args.getLastArg(OPT_context))
    complaint = parseContext(context->getValue(), options);
  if (const opt::Arg *prefill = args.getLastArg(OPT_prefill); prefill && complaint.empty())
    complaint = parsePrefill(prefill->getValue(), options);
  if (const opt::Arg *verify = args.getLastArg(OPT_verify); verify && complaint.empty())
    complaint = parseVerify(verify->getValue(), options);
  if (const opt::Arg *cache = args.getLastArg(OPT_kv_cache); cache && complaint.empty())
    complaint = parseCache(cache->getValue(), options);
  return complaint;
}

std::string readQuantizeOptions(const opt::ArgList &args, quantize::QuantizeOptions &options) {
  options.spec = args.getLastArgValue(OPT_quantize);
  options.data = args.getLastArgValue(OPT_calibrate);
  if (const opt::Arg *method = args.getLastArg(OPT_calibration)) {
    std::optional<quantize::RangeMethod> known = quantize::rangeMethodFromName(method->getValue());
    if (!known)
      return std::string("--calibration: expected minmax, percentile or mse, got '") +
             method->getValue() + "'";
    options.method = *known;
  }
  if (const opt::Arg *bound = args.getLastArg(OPT_min_snr))
    if (llvm::StringRef(bound->getValue()).getAsDouble(options.minimumDecibels) ||
        !std::isfinite(options.minimumDecibels))
      return std::string("--min-snr: expected decibels, got '") + bound->getValue() + "'";
  if (const opt::Arg *ratio = args.getLastArg(OPT_outliers))
    if (llvm::StringRef(ratio->getValue()).getAsDouble(options.outlierRatio) ||
        !(options.outlierRatio == 0 || options.outlierRatio >= 1))
      return std::string("--outliers: expected 0 or a ratio of at least 1, got '") +
             ratio->getValue() + "'";
  if (args.hasArg(OPT_quantize) && options.spec.empty())
    return "--quantize: expected [PATTERN=]SCHEME;..., got nothing";
  if (options.spec.empty() && (args.hasArg(OPT_calibrate) || args.hasArg(OPT_calibration) ||
                               args.hasArg(OPT_min_snr) || args.hasArg(OPT_outliers)))
    return "--calibrate, --calibration, --min-snr and --outliers are for --quantize; try "
           "--quantize w8a8";
  return "";
}

/// --plan-context, which chooses lengths itself and writes nothing.
std::string readContextBudget(const opt::ArgList &args, CompileOptions &options) {
  const opt::Arg *budget = args.getLastArg(OPT_plan_context);
  if (!budget)
    return "";
  std::string complaint = parseByteBudget(budget->getValue(), options.contextBudget);
  if (!complaint.empty())
    return "--plan-context: " + complaint;
  for (auto [flag, name] : {std::pair<FlagId, llvm::StringRef>{OPT_context, "--context"},
                            {OPT_check_only, "--check-only"},
                            {OPT_stop_after, "--stop-after"},
                            {OPT_start_from, "--start-from"},
                            {OPT_memory_budget, "--memory-budget"},
                            {OPT_output, "-o"}})
    if (args.hasArg(flag))
      return "--plan-context: tries context lengths itself and writes nothing; give it without " +
             name.str();
  return "";
}

/// Reads all flags. Returns what is wrong with them, empty if nothing is.
std::string readOptions(const opt::ArgList &args, CompileOptions &options) {
  std::vector<std::string> models = args.getAllArgValues(OPT_INPUT);
  if (const opt::Arg *unknown = args.getLastArg(OPT_UNKNOWN))
    return "unknown flag '" + unknown->getAsString(args) + "'; see --help";
  if (models.size() > 1)
    return "expected one model, got '" + models[0] + "' and '" + models[1] + "'";
  if (!models.empty())
    options.model = models[0];
  options.outputDirectory = args.getLastArgValue(OPT_output);
  options.name = args.getLastArgValue(OPT_name);
  options.soc = args.getLastArgValue(OPT_soc);
  options.target = args.getLastArgValue(OPT_target);
  options.cpu = args.getLastArgValue(OPT_cpu);
  options.linker = args.getLastArgValue(OPT_linker);
  options.depfile = args.getLastArgValue(OPT_depfile);
  options.checkOnly = args.hasArg(OPT_check_only);
  options.requirements.pins = args.getAllArgValues(OPT_pin);
  options.requirements.engines = args.getAllArgValues(OPT_require_engine);
  options.requirements.forbidFallback = args.hasArg(OPT_forbid_fallback);
  options.stats = args.hasArg(OPT_stats);
  options.quiet = args.hasArg(OPT_quiet);
  options.verbose = args.hasArg(OPT_verbose);
  if (args.hasArg(OPT_soc) && (args.hasArg(OPT_target) || args.hasArg(OPT_cpu)))
    return "--soc and --target or --cpu were given; a machine names its CPUs itself, so give one "
           "or the other";
  if (const opt::Arg *workers = args.getLastArg(OPT_workers))
    if (llvm::StringRef(workers->getValue()).getAsInteger(10, options.workers) ||
        options.workers == 0 || options.workers > 1024)
      return std::string("--workers: expected 1 to 1024, got '") + workers->getValue() + "'";
  if (const opt::Arg *inferences = args.getLastArg(OPT_pipeline))
    if (llvm::StringRef(inferences->getValue()).getAsInteger(10, options.requirements.inferences) ||
        options.requirements.inferences == 0 || options.requirements.inferences > 64)
      return std::string("--pipeline: expected 1 to 64, got '") + inferences->getValue() + "'";
  for (const std::string &text : args.getAllArgValues(OPT_dim)) {
    std::string complaint = parseDimension(text, options.import);
    if (!complaint.empty())
      return options.model.empty() ? complaint : oneLine(options.model) + ": " + complaint;
  }
  std::string complaint = readDecoderOptions(args, options.import.decoder);
  if (complaint.empty())
    complaint = readArtifactOptions(args, options);
  if (complaint.empty())
    complaint = readQuantizeOptions(args, options.quantization);
  if (complaint.empty())
    complaint = readContextBudget(args, options);
  if (complaint.empty())
    complaint = readStage(args, OPT_stop_after, "--stop-after", options.stopAfter);
  if (complaint.empty())
    complaint = readStage(args, OPT_start_from, "--start-from", options.startFrom);
  // What codegen prints are the kernels alone, without the commands.
  if (complaint.empty() && options.startFrom == Stage::Emit)
    complaint = "--start-from: emit cannot start from text; start from codegen";
  if (complaint.empty() && !options.quantization.spec.empty() && options.startFrom &&
      *options.startFrom > Stage::Graph)
    complaint = "--quantize: precisions are decided in the graph stage, which --start-from skips";
  return complaint;
}

int printMachine(const CompileOptions &options) {
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  llvm::Expected<soc::MachineAttr> machine = buildMachine(&context, options);
  if (!machine) {
    llvm::handleAllErrors(machine.takeError(), [](const llvm::ErrorInfoBase &error) {
      llvm::errs() << "tercet-compile: error: " << oneLine(error.message()) << "\n";
    });
    return 1;
  }
  if (options.verbose)
    printMachineTable(*machine, llvm::outs());
  else
    llvm::outs() << *machine << "\n";
  return 0;
}

} // namespace

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  // A file that may not grow is an error of writing, reported as such.
  std::signal(SIGXFSZ, SIG_IGN);
  FlagTable table;
  unsigned missingIndex = 0, missingCount = 0;
  opt::InputArgList args =
      table.ParseArgs(llvm::ArrayRef<const char *>(argv + 1, argc - 1), missingIndex, missingCount);
  auto complain = [](const llvm::Twine &text) {
    llvm::errs() << "tercet-compile: error: " << text << "\n";
    return static_cast<int>(CompileStatus::UserError);
  };
  if (args.hasArg(OPT_help)) {
    table.printHelp(llvm::outs(), "tercet-compile MODEL -o DIR [flags]",
                    "from a neural network to native code");
    llvm::outs() << "\n" << kExamples;
    return 0;
  }
  if (missingCount)
    return complain(llvm::Twine(args.getArgString(missingIndex)) + " needs a value; see --help");
  CompileOptions options;
  std::string complaint = readOptions(args, options);
  if (!complaint.empty())
    return complain(complaint);
  // Before anything is made that asks the targets.
  for (const std::string &plugin : args.getAllArgValues(OPT_plugin))
    if (llvm::Error error = loadPlugin(plugin))
      return complain(oneLine(llvm::toString(std::move(error))));
  if (args.hasArg(OPT_list_operators)) {
    printSupportedOnnxOperators(llvm::outs());
    return 0;
  }
  if (args.hasArg(OPT_list_socs)) {
    printMachineNames(llvm::outs());
    return 0;
  }
  if (args.hasArg(OPT_print_soc))
    return printMachine(options);
  if (options.model.empty())
    return complain("no model given; see --help");
  if (options.contextBudget)
    return static_cast<int>(planContext(options, llvm::outs(), llvm::errs()));
  if (options.outputDirectory.empty() && !options.stopAfter && !options.checkOnly)
    return complain("no output directory given; try -o DIR");
  return static_cast<int>(compile(options, llvm::outs(), llvm::errs()));
}

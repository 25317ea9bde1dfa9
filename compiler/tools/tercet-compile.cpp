// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The compiler's command line. It only reads options; compile() does the work.

#include "compiler/import/Import.h"
#include "compiler/pipeline/Compile.h"
#include "compiler/pipeline/Diagnostics.h"
#include "compiler/pipeline/Machine.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"

#include "compiler/support/RegisterAll.h"

using namespace tercet;
namespace cl = llvm::cl;

namespace {

constexpr const char kOverview[] =
    "tercet-compile: from a neural network to native code\n\n"
    "  Writes NAME.o (code, command table), NAME.h (sizes, shapes, entry points),\n"
    "  NAME.weights where weights are large, and NAME.report.json.\n\n"
    "EXAMPLES:\n"
    "  tercet-compile model.onnx --dim batch=1 --dim sequence=128 -o out/\n"
    "  tercet-compile model.onnx --target aarch64-linux-gnu --cpu cortex-a76 -o out/\n"
    "  tercet-compile model.onnx --check-only            what would not compile, and why\n"
    "  tercet-compile model.onnx --stop-after graph      the module after a stage, as text\n";

/// The options of one run. Values, not globals: they live in main.
struct CommandLine {
  cl::OptionCategory category{"Options"};
  cl::opt<std::string> model{cl::Positional, cl::desc("MODEL"), cl::cat(category)};
  cl::opt<std::string> output{"o", cl::desc("Directory of the artifact"), cl::value_desc("DIR"),
                              cl::cat(category)};
  cl::opt<std::string> name{"name", cl::desc("Name of the program (default: from the file's name)"),
                            cl::value_desc("NAME"), cl::cat(category)};
  cl::list<std::string> dims{"dim", cl::desc("Size of a symbolic dimension"),
                             cl::value_desc("NAME=VALUE"), cl::cat(category)};
  cl::opt<std::string> soc{"soc", cl::desc("Machine to compile for (default: host)"),
                           cl::value_desc("NAME"), cl::cat(category)};
  cl::opt<std::string> target{"target", cl::desc("Triple of a machine with one CPU"),
                              cl::value_desc("TRIPLE"), cl::cat(category)};
  cl::opt<std::string> cpu{"cpu", cl::desc("CPU of that machine, as LLVM names it, or host"),
                           cl::value_desc("CPU"), cl::cat(category)};
  cl::opt<unsigned> workers{"workers",
                            cl::desc("Most threads that will ever run the program (default: the "
                                     "machine's cores); the arena has room for so many"),
                            cl::value_desc("MAX"), cl::init(0), cl::cat(category)};
  cl::list<std::string> budgets{"memory-budget", cl::desc("Most bytes that a pool may have"),
                                cl::value_desc("POOL=BYTES"), cl::cat(category)};
  cl::opt<std::string> weights{"weights",
                               cl::desc("Where weights go: embed or file (default: file above 16 MiB)"),
                               cl::value_desc("embed|file"), cl::cat(category)};
  cl::opt<std::string> emit{"emit", cl::desc("What to write: obj, shared or exe (default: obj)"),
                            cl::value_desc("obj|shared|exe"), cl::init("obj"), cl::cat(category)};
  cl::opt<std::string> linker{"linker", cl::desc("Linker for --emit shared and exe (default: ld.lld)"),
                              cl::value_desc("PATH"), cl::cat(category)};
  cl::opt<std::string> depfile{"depfile", cl::desc("Write the files read, for make and Ninja"),
                               cl::value_desc("FILE"), cl::cat(category)};
  cl::opt<bool> checkOnly{"check-only", cl::desc("Report every node that cannot be compiled, write nothing"),
                          cl::cat(category)};
  cl::opt<std::string> stopAfter{"stop-after", cl::desc("Print the module after this stage (import, graph, "
                                                        "partition, schedule, tile, plan, codegen)"),
                                 cl::value_desc("STAGE"), cl::cat(category)};
  cl::opt<std::string> startFrom{"start-from", cl::desc("Read text that --stop-after printed; start with this stage"),
                                 cl::value_desc("STAGE"), cl::cat(category)};
  cl::opt<bool> listSocs{"list-socs", cl::desc("List the machines that --soc knows"), cl::cat(category)};
  cl::opt<bool> printSoc{"print-soc", cl::desc("Print the machine as an attribute"), cl::cat(category)};
  cl::opt<bool> listOperators{"list-operators", cl::desc("List the ONNX operators that are supported"),
                              cl::cat(category)};
  cl::opt<bool> stats{"stats", cl::desc("Print time and memory of each stage"), cl::cat(category)};
  cl::opt<bool> quiet{"quiet", cl::desc("Print errors only"), cl::cat(category)};
  cl::opt<bool> verbose{"verbose", cl::desc("Say what is being done"), cl::cat(category)};
};

/// What is wrong with the command line; empty if nothing is.
std::string readOptions(const CommandLine &line, CompileOptions &options) {
  options.model = line.model;
  options.outputDirectory = line.output;
  options.name = line.name;
  options.soc = line.soc;
  options.target = line.target;
  options.cpu = line.cpu;
  options.workers = line.workers;
  options.linker = line.linker;
  options.depfile = line.depfile;
  options.checkOnly = line.checkOnly;
  options.stats = line.stats;
  options.quiet = line.quiet;
  options.verbose = line.verbose;
  if (line.workers.getNumOccurrences() && (line.workers == 0 || line.workers > 1024))
    return "--workers: expected 1 to 1024, got " + std::to_string(line.workers);
  if (!options.soc.empty() && (!options.target.empty() || !options.cpu.empty()))
    return "--soc and --target or --cpu were given; a machine names its CPUs itself, so give one "
           "or the other";
  for (const std::string &text : line.dims) {
    std::string complaint = parseDimension(text, options.import);
    if (!complaint.empty())
      return "--dim: " + complaint;
  }
  for (llvm::StringRef text : line.budgets) {
    auto [pool, bytes] = text.rsplit('=');
    MemoryBudget budget{pool.str(), 0};
    if (pool.empty() || bytes.getAsInteger(10, budget.bytes))
      return "--memory-budget: expected POOL=BYTES, got '" + text.str() + "'";
    options.budgets.push_back(budget);
  }
  if (line.emit == "shared")
    options.kind = emit::ArtifactKind::Shared;
  else if (line.emit == "exe")
    options.kind = emit::ArtifactKind::Executable;
  else if (line.emit != "obj")
    return "--emit: expected obj, shared or exe, got '" + line.emit + "'";
  if (line.weights == "embed")
    options.weights = emit::WeightsPlace::Embed;
  else if (line.weights == "file")
    options.weights = emit::WeightsPlace::File;
  else if (!line.weights.empty())
    return "--weights: expected embed or file, got '" + line.weights + "'";
  auto stage = [](const std::string &name, const char *flag, std::optional<Stage> &result) {
    if (name.empty())
      return std::string();
    result = stageFromName(name);
    if (result)
      return std::string();
    std::string names;
    for (Stage known : allStages())
      names += (names.empty() ? "" : ", ") + nameOf(known).str();
    return std::string(flag) + ": no stage '" + name + "'; stages are " + names;
  };
  std::string complaint = stage(line.stopAfter, "--stop-after", options.stopAfter);
  if (complaint.empty())
    complaint = stage(line.startFrom, "--start-from", options.startFrom);
  if (!complaint.empty())
    return complaint;
  if (options.model.empty())
    return "no model given; see --help";
  if (options.outputDirectory.empty() && !options.stopAfter && !options.checkOnly)
    return "no output directory given; try -o DIR";
  return "";
}

int printMachine(const CompileOptions &options) {
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  llvm::Expected<soc::MachineAttr> machine = buildMachine(&context, options);
  if (!machine) {
    llvm::errs() << "tercet-compile: error: " << oneLine(llvm::toString(machine.takeError())) << "\n";
    return 1;
  }
  llvm::outs() << *machine << "\n";
  return 0;
}

} // namespace

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  // The shared LLVM has registered options of its own, some by our names.
  cl::ResetCommandLineParser();
  CommandLine line;
  cl::HideUnrelatedOptions(line.category);
  if (!cl::ParseCommandLineOptions(argc, argv, kOverview, &llvm::errs()))
    return 1;
  CompileOptions options;
  std::string complaint = readOptions(line, options);
  if (line.listOperators) {
    printSupportedOnnxOperators(llvm::outs());
    return 0;
  }
  if (line.listSocs) {
    for (llvm::StringRef name : machineNames())
      llvm::outs() << name << "\n";
    return 0;
  }
  if (line.printSoc)
    return printMachine(options);
  if (!complaint.empty()) {
    llvm::errs() << "tercet-compile: error: " << complaint << "\n";
    return 1;
  }
  return static_cast<int>(compile(options, llvm::outs(), llvm::errs()));
}

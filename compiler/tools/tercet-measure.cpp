// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fits a machine file's figures to the engines that are present: CPUs of this
// machine's kind, and GPUs that a driver opens.

#include "compiler/machine/MachineWriter.h"
#include "compiler/pipeline/Diagnostics.h"
#include "compiler/pipeline/Machine.h"
#include "compiler/support/RegisterAll.h"
#include "compiler/tools/measure/Figures.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/Path.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

using namespace tercet;
using namespace tercet::measure;
namespace fs = llvm::sys::fs;

namespace {

const char kUsage[] =
    "usage: tercet-measure -o FILE.yaml [--soc NAME|FILE] [--quick]\n"
    "\n"
    "Times small programs on the CPUs and GPUs of a machine (default: host) that are here, and\n"
    "writes its machine file with the figures that were measured, for --soc of tercet-compile. "
    "The\n"
    "machine should be idle. Other engines keep what their file says. --quick takes some seconds,\n"
    "and is less exact.\n";

llvm::Error failure(const llvm::Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
}

/// Whether programs for the CPU run in this process's machine.
bool runsHere(soc::CpuAttr cpu) {
  llvm::Triple host(llvm::sys::getProcessTriple());
  return llvm::Triple(cpu.getTriple().getValue()).getArch() == host.getArch();
}

class Measurement {
public:
  Measurement(const Timing &timing, soc::MachineAttr machine)
      : timing(timing), machine(machine), engines(machine.getEngines().getValue()) {}

  llvm::Expected<soc::MachineAttr> run();
  std::map<std::string, std::string> comments;

private:
  llvm::Error measureCpus();
  llvm::Error setTokens();
  void measureDevices();

  const Timing &timing;
  soc::MachineAttr machine;
  llvm::SmallVector<mlir::Attribute> engines;
  std::vector<MeasuredCpu> cpus;
};

llvm::Error Measurement::measureCpus() {
  for (mlir::Attribute &engine : engines) {
    auto cpu = mlir::dyn_cast<soc::CpuAttr>(engine);
    if (!cpu || !runsHere(cpu))
      continue;
    llvm::Expected<MeasuredCpu> measured = measureCpu(timing, machine, cpu);
    if (!measured)
      return measured.takeError();
    comments[cpu.getName().str()] = measured->comment;
    engine = measured->engine;
    cpus.push_back(*measured);
  }
  if (cpus.empty())
    return failure("machine '" + machine.getName().getValue() +
                   "' has no engine of target cpu that can run here, on " +
                   llvm::sys::getProcessTriple());
  return llvm::Error::success();
}

/// What the first two CPUs need to wait for each other is what all do.
llvm::Error Measurement::setTokens() {
  if (cpus.size() < 2)
    return llvm::Error::success();
  llvm::Expected<std::optional<uint64_t>> token =
      measureTokens(timing, machine, cpus[0].engine, cpus[1].engine);
  if (!token)
    return token.takeError();
  for (MeasuredCpu &cpu : cpus) {
    if (!*token)
      continue;
    soc::CpuAttr before = cpu.engine;
    soc::PerformanceAttr old = before.getPerformance();
    cpu.engine = withFigures(
        before,
        soc::PerformanceAttr::get(before.getContext(), old.getLaunchPs(), **token,
                                  old.getBandwidthBytesPerSecond(), old.getCacheBytesPerSecond(),
                                  old.getOperationsPerSecond(), old.getEfficiencyPercent()));
    llvm::replace(engines, mlir::Attribute(before), mlir::Attribute(cpu.engine));
  }
  return llvm::Error::success();
}

/// Those that are not here keep what their file says.
void Measurement::measureDevices() {
  for (mlir::Attribute &engine : engines) {
    auto device = mlir::dyn_cast<soc::EngineAttr>(engine);
    if (!device || device.getKind().getValue() != "gpu")
      continue;
    llvm::StringRef name = device.getName().getValue();
    llvm::Expected<MeasuredDevice> measured = measureDevice(timing, machine, device, cpus.front());
    if (measured) {
      comments[name.str()] = measured->comment;
      engine = measured->engine;
      continue;
    }
    llvm::errs() << "tercet-measure: warning: engine " << name << " keeps the figures of its file: "
                 << oneLine(llvm::toString(measured.takeError())) << "\n";
  }
}

llvm::Expected<soc::MachineAttr> Measurement::run() {
  if (llvm::Error error = measureCpus())
    return std::move(error);
  if (llvm::Error error = setTokens())
    return std::move(error);
  measureDevices();
  mlir::Builder b(machine.getContext());
  return soc::MachineAttr::get(machine.getContext(), machine.getName(), machine.getWorkers(),
                               b.getArrayAttr(engines), machine.getMemories(), machine.getLinks());
}

struct Arguments {
  std::string output, soc;
  bool quick = false, help = false;
};

std::string readArguments(int argc, char **argv, Arguments &arguments) {
  for (int i = 1; i < argc; ++i) {
    llvm::StringRef argument = argv[i];
    if (argument == "--quick") {
      arguments.quick = true;
    } else if (argument == "--help" || argument == "-h") {
      arguments.help = true;
    } else if (argument == "-o" || argument == "--soc") {
      if (++i == argc)
        return argument.str() + " needs a value; see --help";
      (argument == "-o" ? arguments.output : arguments.soc) = argv[i];
    } else if (argument.consume_front("--soc=")) {
      arguments.soc = argument.str();
    } else {
      return "unknown argument '" + argument.str() + "'; see --help";
    }
  }
  if (arguments.output.empty() && !arguments.help)
    return "no file to write given; try -o FILE.yaml";
  return "";
}

llvm::Error measureMachine(const Arguments &arguments, llvm::StringRef tools) {
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  CompileOptions options;
  options.soc = arguments.soc;
  llvm::Expected<soc::MachineAttr> machine = buildMachine(&context, options);
  if (!machine)
    return machine.takeError();
  llvm::SmallString<128> folder;
  if (std::error_code code = fs::createUniqueDirectory("tercet-measure", folder))
    return failure("cannot make a temporary folder: " + code.message());
  Timing timing(arguments.quick, tools.str(), folder.str().str());
  Measurement measurement(timing, *machine);
  llvm::Expected<soc::MachineAttr> measured = measurement.run();
  fs::remove_directories(folder);
  if (!measured)
    return measured.takeError();
  std::error_code code;
  llvm::raw_fd_ostream os(arguments.output, code);
  if (code)
    return failure("cannot write '" + arguments.output + "': " + code.message());
  os << "# Written by tercet-measure; docs/machines.md describes the fields.\n\n";
  writeMachine(*measured, ("as measured: " + measured->getName().getValue()).str(),
               measurement.comments, os);
  os.close();
  return os.has_error() ? failure("cannot write '" + arguments.output + "'")
                        : llvm::Error::success();
}

} // namespace

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  Arguments arguments;
  std::string complaint = readArguments(argc, argv, arguments);
  if (!complaint.empty()) {
    llvm::errs() << "tercet-measure: error: " << complaint << "\n";
    return 1;
  }
  if (arguments.help) {
    llvm::outs() << kUsage;
    return 0;
  }
  static int anchor;
  std::string self = fs::getMainExecutable(argv[0], &anchor);
  if (llvm::Error error = measureMachine(arguments, llvm::sys::path::parent_path(self))) {
    llvm::handleAllErrors(std::move(error), [](const llvm::ErrorInfoBase &info) {
      llvm::errs() << "tercet-measure: error: " << oneLine(info.message()) << "\n";
    });
    return 1;
  }
  return 0;
}

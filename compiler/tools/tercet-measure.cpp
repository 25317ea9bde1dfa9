// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fits a machine file's figures to the CPU engines that are present: compiles
// small programs for one engine at a time, runs them with tercet-run, and
// divides. What an operation is, the compiler's own cost model says: compiled
// for a machine of one operation a picosecond, a command's predicted time is
// its number of operations.

#include "compiler/machine/MachineWriter.h"
#include "compiler/pipeline/Compile.h"
#include "compiler/pipeline/Diagnostics.h"
#include "compiler/pipeline/Machine.h"
#include "compiler/support/RegisterAll.h"
#include "compiler/tools/measure/Workloads.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

using namespace tercet;
using namespace tercet::measure;
namespace fs = llvm::sys::fs;

namespace {

const char kUsage[] =
    "usage: tercet-measure -o FILE.yaml [--soc NAME|FILE] [--quick]\n"
    "\n"
    "Times small programs on the CPU engines of a machine (default: host) and writes its machine\n"
    "file with the figures that were measured, for --soc of tercet-compile. The machine should be\n"
    "idle. Engines of other kinds keep what their file says. --quick takes some seconds, and is\n"
    "less exact.\n";

llvm::Error failure(const llvm::Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
}

constexpr unsigned kRuns = 3;

/// Sums over the commands of a program.
struct Sample {
  uint64_t nanoseconds = 0, predictedPs = 0, commands = 0;
  /// Of the whole run, with what commands wait for.
  uint64_t latencyNs = 0;
};

/// From `latency: median 0.123 ms, min 0.120 ms (...)`.
uint64_t readLatency(llvm::StringRef log) {
  auto [whole, rest] = log.split("latency: ").second.split(", min ").second.split('.');
  uint64_t milliseconds = 0, thousandths = 0;
  if (whole.getAsInteger(10, milliseconds) || rest.take_front(3).getAsInteger(10, thousandths))
    return 0;
  return milliseconds * 1000000 + thousandths * 1000;
}

class Measurement {
public:
  Measurement(soc::MachineAttr machine, bool quick, std::string tools, std::string folder)
      : machine(machine), quick(quick), tools(std::move(tools)), folder(std::move(folder)) {}

  llvm::Expected<soc::MachineAttr> run();
  std::map<std::string, std::string> comments;

private:
  llvm::Expected<soc::CpuAttr> measureEngine(soc::CpuAttr cpu);
  llvm::Expected<std::optional<uint64_t>> measureTokens(llvm::ArrayRef<soc::CpuAttr> cpus);
  llvm::Expected<Sample> time(const Workload &workload, soc::MachineAttr on, bool isGraph);
  llvm::Error write(llvm::StringRef path, llvm::StringRef bytes);
  llvm::Expected<Sample> readProfile(llvm::StringRef path);

  soc::MachineAttr machine;
  bool quick;
  std::string tools, folder;
};

llvm::Error Measurement::write(llvm::StringRef path, llvm::StringRef bytes) {
  std::error_code code;
  llvm::raw_fd_ostream os(path, code);
  if (!code)
    os << bytes;
  return code ? failure("cannot write '" + path + "': " + code.message()) : llvm::Error::success();
}

llvm::Expected<Sample> Measurement::readProfile(llvm::StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return failure("cannot read '" + path + "': " + buffer.getError().message());
  llvm::Expected<llvm::json::Value> json = llvm::json::parse((*buffer)->getBuffer());
  if (!json)
    return json.takeError();
  const llvm::json::Object *object = json->getAsObject();
  const llvm::json::Array *commands = object ? object->getArray("commands") : nullptr;
  if (!commands)
    return failure("'" + path + "' is no profile");
  Sample sample;
  for (const llvm::json::Value &value : *commands)
    if (const llvm::json::Object *command = value.getAsObject()) {
      sample.nanoseconds += command->getInteger("ns").value_or(0);
      sample.predictedPs += command->getInteger("predicted_ps").value_or(0);
      ++sample.commands;
    }
  return sample;
}

llvm::Expected<Sample> Measurement::time(const Workload &workload, soc::MachineAttr on,
                                         bool isGraph) {
  std::string model = folder + "/model.mlir", soc = folder + "/soc.yaml", out = folder + "/out";
  std::string text;
  llvm::raw_string_ostream os(text);
  writeMachine(on, "", {}, os);
  if (llvm::Error error = write(model, workload.text))
    return error;
  if (llvm::Error error = write(soc, text))
    return error;
  CompileOptions options;
  options.model = model;
  options.outputDirectory = out;
  options.soc = soc;
  options.quiet = true;
  options.weights = emit::WeightsPlace::Embed;
  if (isGraph)
    options.startFrom = Stage::Partition;
  std::string complaints;
  llvm::raw_string_ostream errors(complaints);
  if (compile(options, errors, errors) != CompileStatus::Ok)
    return failure("cannot compile the program for '" + workload.what + "': " + complaints);

  std::string profile = folder + "/profile.json";
  std::vector<std::string> command = {tools + "/tercet-run",
                                      out,
                                      "--profile",
                                      profile,
                                      "--repeat",
                                      quick ? "15" : "60",
                                      "--threads",
                                      std::to_string(on.getWorkers())};
  for (auto [index, bytes] : llvm::enumerate(workload.inputBytes)) {
    std::string input = folder + "/x" + std::to_string(index) + ".raw";
    if (llvm::Error error = write(input, std::string(bytes, '\0')))
      return error;
    command.insert(command.end(), {"--input", "x" + std::to_string(index) + "=" + input});
  }
  llvm::SmallVector<llvm::StringRef> arguments(command.begin(), command.end());
  std::string log = folder + "/log", error;
  std::optional<llvm::StringRef> redirects[] = {llvm::StringRef(), log, log};
  // The least of several runs: what else the machine does only adds to it.
  std::optional<Sample> best;
  for (unsigned i = 0; i < kRuns; ++i) {
    int status =
        llvm::sys::ExecuteAndWait(command[0], arguments, std::nullopt, redirects, 0, 0, &error);
    if (status) {
      auto output = llvm::MemoryBuffer::getFile(log);
      return failure("cannot run the program for '" + workload.what + "': " +
                     (error.empty() && output ? (*output)->getBuffer().trim().str() : error));
    }
    llvm::Expected<Sample> sample = readProfile(profile);
    if (!sample)
      return sample.takeError();
    if (auto output = llvm::MemoryBuffer::getFile(log))
      sample->latencyNs = readLatency((*output)->getBuffer());
    if (!best || sample->latencyNs < best->latencyNs)
      best = *sample;
  }
  return *best;
}

/// The CPU alone, one operation a picosecond and nothing else to wait for.
soc::MachineAttr makeCalibration(soc::MachineAttr machine, soc::CpuAttr cpu) {
  mlir::Builder b(cpu.getContext());
  auto one = b.getI64IntegerAttr(1000000000000);
  auto figures = soc::PerformanceAttr::get(
      cpu.getContext(), 0, 0, UINT64_C(1000000000000000000), 0,
      b.getDictionaryAttr({b.getNamedAttr("f32", one)}),
      b.getDictionaryAttr({b.getNamedAttr("product", b.getI64IntegerAttr(100)),
                           b.getNamedAttr("thin_product", b.getI64IntegerAttr(100)),
                           b.getNamedAttr("attention", b.getI64IntegerAttr(100)),
                           b.getNamedAttr("rows", b.getI64IntegerAttr(100)),
                           b.getNamedAttr("elements", b.getI64IntegerAttr(100))}));
  auto own = soc::CpuAttr::get(cpu.getContext(), cpu.getName(), cpu.getMemory(), cpu.getTriple(),
                               cpu.getCpu(), cpu.getFeatures(), cpu.getCores(), cpu.getVectorBits(),
                               cpu.getVectorRegisters(), cpu.getMegahertz(), cpu.getL1Bytes(),
                               cpu.getL2Bytes(), cpu.getL3Bytes(), figures);
  return soc::MachineAttr::get(cpu.getContext(), b.getStringAttr("calibration"), cpu.getCores(),
                               b.getArrayAttr({own}),
                               b.getArrayAttr({machine.lookupMemory(cpu.getMemory())}), {});
}

llvm::Expected<soc::CpuAttr> Measurement::measureEngine(soc::CpuAttr cpu) {
  soc::MachineAttr calibration = makeCalibration(machine, cpu);
  std::map<std::string, Sample> byClass;
  uint64_t bandwidth = 0, launch = 0, bestProduct = 0;
  for (const Workload &workload : makeWorkloads(quick)) {
    llvm::errs() << "tercet-measure: engine " << cpu.getName().getValue() << ": " << workload.what
                 << " ...\n";
    llvm::Expected<Sample> sample = time(workload, calibration, /*isGraph=*/false);
    if (!sample)
      return sample.takeError();
    // What a launch costs is charged by itself.
    uint64_t overhead = sample->commands * launch / 1000;
    uint64_t ns =
        std::max<uint64_t>(sample->nanoseconds - std::min(overhead, sample->nanoseconds / 2), 1);
    if (workload.what == "memory") {
      bandwidth = std::max(bandwidth, workload.movedBytes * 1000000000 / ns);
    } else if (workload.what == "launch") {
      launch = ns * 1000;
    } else {
      byClass[workload.what].nanoseconds += ns;
      byClass[workload.what].predictedPs += sample->predictedPs;
      if (workload.what == "product")
        bestProduct = std::max(bestProduct, sample->predictedPs * 1000 / ns);
    }
  }
  // Operations are predicted picoseconds; thousands a nanosecond keep digits.
  auto engine = mlir::cast<soc::EngineAttrInterface>(mlir::Attribute(cpu));
  soc::PerformanceAttr base = engine.getEnginePerformance();
  mlir::Builder b(cpu.getContext());
  uint64_t theory = base.getPeak(b.getF32Type()), best = bestProduct * 1000000;
  uint64_t peak = std::max(theory, best);
  mlir::NamedAttrList peaks(base.getOperationsPerSecond()), efficiency;
  peaks.set("f32", b.getI64IntegerAttr(peak));
  std::string &comment = comments[cpu.getName().str()];
  comment = "Measured by tercet-measure, in Gop/s of f32:";
  for (const auto &[name, sample] : byClass) {
    uint64_t rate = sample.predictedPs * 1000 / sample.nanoseconds * 1000000;
    // Rounded to the nearest; a class is never free and never above the peak.
    uint64_t percent = (rate / 1000 * 100 + peak / 2000) / (peak / 1000);
    efficiency.set(name, b.getI64IntegerAttr(std::clamp<uint64_t>(percent, 1, 100)));
    comment += llvm::formatv(" {0} {1}.{2}", name, rate / 1000000000, rate / 100000000 % 10);
  }
  comment += "\n";
  comment += best > theory ? "The peak is the best product's: the clock is above what is stated."
                           : "The peak is what clock and registers give.";
  auto figures = soc::PerformanceAttr::get(
      cpu.getContext(), launch, base.getSynchronisePs(), std::max<uint64_t>(bandwidth, 1),
      base.getCacheBytesPerSecond(), peaks.getDictionary(cpu.getContext()),
      efficiency.getDictionary(cpu.getContext()));
  return soc::CpuAttr::get(cpu.getContext(), cpu.getName(), cpu.getMemory(), cpu.getTriple(),
                           cpu.getCpu(), cpu.getFeatures(), cpu.getCores(), cpu.getVectorBits(),
                           cpu.getVectorRegisters(), cpu.getMegahertz(), cpu.getL1Bytes(),
                           cpu.getL2Bytes(), cpu.getL3Bytes(), figures);
}

/// What it costs to wait for another engine; absent with fewer than two of
/// them. Twice the same chain, alternating and on one engine: the difference a
/// step is the token.
llvm::Expected<std::optional<uint64_t>>
Measurement::measureTokens(llvm::ArrayRef<soc::CpuAttr> cpus) {
  if (cpus.size() < 2)
    return std::nullopt;
  constexpr unsigned steps = 256;
  mlir::Builder b(machine.getContext());
  llvm::SmallVector<mlir::Attribute> pair(cpus.begin(), cpus.begin() + 2);
  auto both =
      soc::MachineAttr::get(machine.getContext(), b.getStringAttr("tokens"), 1,
                            b.getArrayAttr(pair), machine.getMemories(), machine.getLinks());
  std::string first = pair[0] ? cpus[0].getName().str() : "", second = cpus[1].getName().str();
  llvm::Expected<Sample> crossing = time(makeTokenChain(first, second, steps), both, true);
  if (!crossing)
    return crossing.takeError();
  llvm::Expected<Sample> staying = time(makeTokenChain(first, first, steps), both, true);
  if (!staying)
    return staying.takeError();
  uint64_t difference =
      crossing->latencyNs > staying->latencyNs ? crossing->latencyNs - staying->latencyNs : 0;
  // Nothing to see on a machine whose cores take turns.
  if (difference == 0)
    return std::nullopt;
  return difference * 1000 / (steps - 1);
}

llvm::Expected<soc::MachineAttr> Measurement::run() {
  llvm::Triple host(llvm::sys::getProcessTriple());
  llvm::SmallVector<soc::CpuAttr> measured;
  llvm::SmallVector<mlir::Attribute> engines(machine.getEngines().getValue());
  for (mlir::Attribute &attr : engines) {
    auto cpu = mlir::dyn_cast<soc::CpuAttr>(attr);
    if (!cpu || llvm::Triple(cpu.getTriple().getValue()).getArch() != host.getArch())
      continue;
    llvm::Expected<soc::CpuAttr> result = measureEngine(cpu);
    if (!result)
      return result.takeError();
    attr = *result;
    measured.push_back(*result);
  }
  if (measured.empty())
    return failure("machine '" + machine.getName().getValue() +
                   "' has no engine of target cpu that can run here, on " + host.str());
  llvm::Expected<std::optional<uint64_t>> token = measureTokens(measured);
  if (!token)
    return token.takeError();
  for (mlir::Attribute &attr : engines) {
    auto cpu = mlir::dyn_cast<soc::CpuAttr>(attr);
    if (!cpu || !*token || !llvm::is_contained(measured, cpu))
      continue;
    soc::PerformanceAttr old = cpu.getPerformance();
    auto figures = soc::PerformanceAttr::get(
        cpu.getContext(), old.getLaunchPs(), **token, old.getBandwidthBytesPerSecond(),
        old.getCacheBytesPerSecond(), old.getOperationsPerSecond(), old.getEfficiencyPercent());
    attr = soc::CpuAttr::get(cpu.getContext(), cpu.getName(), cpu.getMemory(), cpu.getTriple(),
                             cpu.getCpu(), cpu.getFeatures(), cpu.getCores(), cpu.getVectorBits(),
                             cpu.getVectorRegisters(), cpu.getMegahertz(), cpu.getL1Bytes(),
                             cpu.getL2Bytes(), cpu.getL3Bytes(), figures);
  }
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
  Measurement measurement(*machine, arguments.quick, tools.str(), folder.str().str());
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

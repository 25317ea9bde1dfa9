// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a run's commands took is in the profile that tercet-run writes, what the
// whole took in the line that it prints.

#include "compiler/tools/measure/Timing.h"

#include "compiler/machine/MachineWriter.h"
#include "compiler/pipeline/Compile.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"

using namespace tercet;
using namespace tercet::measure;

static constexpr unsigned kRuns = 3;

static llvm::Error failure(const llvm::Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
}

/// From `latency: median 0.123 ms, min 0.120 ms (...)`.
static uint64_t readLatency(llvm::StringRef log) {
  auto [whole, rest] = log.split("latency: ").second.split(", min ").second.split('.');
  uint64_t milliseconds = 0, thousandths = 0;
  if (whole.getAsInteger(10, milliseconds) || rest.take_front(3).getAsInteger(10, thousandths))
    return 0;
  return milliseconds * 1000000 + thousandths * 1000;
}

llvm::Error Timing::write(llvm::StringRef path, llvm::StringRef bytes) const {
  std::error_code code;
  llvm::raw_fd_ostream os(path, code);
  if (!code)
    os << bytes;
  return code ? failure("cannot write '" + path + "': " + code.message()) : llvm::Error::success();
}

llvm::Expected<Sample> Timing::readProfile(llvm::StringRef path, llvm::StringRef engine) const {
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
    if (const llvm::json::Object *command = value.getAsObject();
        command && (engine.empty() || command->getString("engine") == engine)) {
      sample.nanoseconds += command->getInteger("ns").value_or(0);
      sample.predictedPs += command->getInteger("predicted_ps").value_or(0);
      ++sample.commands;
    }
  return sample;
}

llvm::Error Timing::compileFor(const Workload &workload, soc::MachineAttr on,
                               llvm::StringRef engine) const {
  std::string model = folder + "/model.mlir", soc = folder + "/soc.yaml";
  std::string text;
  llvm::raw_string_ostream os(text);
  writeMachine(on, "", {}, os);
  if (llvm::Error error = write(model, workload.text))
    return error;
  if (llvm::Error error = write(soc, text))
    return error;
  CompileOptions options;
  options.model = model;
  options.outputDirectory = folder + "/out";
  options.soc = soc;
  options.quiet = true;
  options.weights = emit::WeightsPlace::Embed;
  if (workload.isGraph)
    options.startFrom = Stage::Partition;
  else if (!engine.empty())
    options.requirements.pins.push_back(("*=" + engine).str());
  std::string complaints;
  llvm::raw_string_ostream errors(complaints);
  if (compile(options, errors, errors) != CompileStatus::Ok)
    return failure("cannot compile the program for '" + workload.what + "': " + complaints);
  return llvm::Error::success();
}

llvm::Expected<Sample> Timing::time(const Workload &workload, soc::MachineAttr on,
                                    llvm::StringRef engine) const {
  if (llvm::Error error = compileFor(workload, on, engine))
    return std::move(error);
  std::string profile = folder + "/profile.json";
  std::vector<std::string> command = {tools + "/tercet-run",
                                      folder + "/out",
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
    // What is written there does not shorten the file.
    llvm::sys::fs::remove(log);
    int status =
        llvm::sys::ExecuteAndWait(command[0], arguments, std::nullopt, redirects, 0, 0, &error);
    if (status) {
      auto output = llvm::MemoryBuffer::getFile(log);
      return failure("cannot run the program for '" + workload.what + "': " +
                     (error.empty() && output ? (*output)->getBuffer().trim().str() : error));
    }
    llvm::Expected<Sample> sample = readProfile(profile, engine);
    if (!sample)
      return sample.takeError();
    if (auto output = llvm::MemoryBuffer::getFile(log))
      sample->latencyNs = readLatency((*output)->getBuffer());
    if (!best || sample->latencyNs < best->latencyNs)
      best = *sample;
  }
  return *best;
}

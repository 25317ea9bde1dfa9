// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading and comparing what was measured. A command of 0 predicted picoseconds
// has no ratio; it counts in the sums.

#include "compiler/report/Profile.h"

#include "compiler/report/JsonFile.h"
#include "compiler/report/Quantities.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Format.h"

#include <map>

using namespace tercet;
using namespace tercet::report;
namespace json = llvm::json;

namespace tercet::report {

static bool fromJSON(const json::Value &value, Sample &out, json::Path at) {
  json::ObjectMapper map(value, at);
  return map && map.map("index", out.index) && map.map("op", out.op) &&
         map.map("engine", out.engine) && map.map("kernel", out.kernel) &&
         map.map("node", out.node) && map.map("start_ns", out.startNs) &&
         map.map("end_ns", out.endNs) && map.map("ns", out.ns) &&
         map.mapOptional("packets", out.packets) &&
         map.mapOptional("vector_instructions", out.vectorInstructions);
}

static bool fromJSON(const json::Value &value, Profile &out, json::Path at) {
  json::ObjectMapper map(value, at);
  if (!map || !map.map("entry", out.entry) || !map.mapOptional("runs", out.runs) ||
      !map.map("commands", out.samples))
    return false;
  const json::Value *latency = value.getAsObject()->get("latency_ns");
  if (!latency)
    return true;
  json::ObjectMapper inner(*latency, at.field("latency_ns"));
  return inner && inner.map("median", out.latencyNs);
}

} // namespace tercet::report

static const Entry *findEntry(const Report &report, llvm::StringRef name) {
  auto it = llvm::find_if(report.entries, [&](const Entry &entry) { return entry.name == name; });
  return it == report.entries.end() ? nullptr : &*it;
}

llvm::Expected<Profile> tercet::report::parseProfile(llvm::StringRef text, llvm::StringRef name,
                                                     const Report &report) {
  llvm::Expected<json::Value> value =
      parseJson(text, name, "a profile of tercet-run --profile", kProfileFormat);
  if (!value)
    return value.takeError();
  Profile profile;
  json::Path::Root root("profile");
  if (!fromJSON(*value, profile, root))
    return llvm::createStringError(name + ": " + llvm::toString(root.getError()));
  auto mismatch = [&](const llvm::Twine &why) {
    return llvm::createStringError(name + ": not a profile of '" + report.name + "': " + why +
                                   "; measure the program that the report is of");
  };
  const Entry *entry = findEntry(report, profile.entry);
  if (!entry)
    return mismatch("it has no entry '" + profile.entry + "'");
  if (entry->commands.size() != profile.samples.size())
    return mismatch("entry '" + entry->name + "' has " +
                    formatCount(entry->commands.size(), "command") + ", the profile " +
                    llvm::Twine(profile.samples.size()));
  for (auto [index, pair] : llvm::enumerate(llvm::zip(entry->commands, profile.samples))) {
    auto &[command, sample] = pair;
    llvm::StringRef kernel = command.kernel ? report.getKernelName(command) : "";
    if (sample.index != static_cast<int64_t>(index) || sample.engine != command.engine ||
        (!sample.kernel.empty() && sample.kernel != kernel))
      return mismatch("command " + llvm::Twine(index) + " runs '" + report.getKernelName(command) +
                      "' on '" + command.engine + "', in the profile command " +
                      llvm::Twine(sample.index) + " runs '" + sample.kernel + "' on '" +
                      sample.engine + "'");
  }
  profile.json = std::move(*value);
  return profile;
}

llvm::Expected<Profile> tercet::report::readProfile(llvm::StringRef file, const Report &report) {
  llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> buffer = readTextFile(file);
  if (!buffer)
    return buffer.takeError();
  return parseProfile((*buffer)->getBuffer(), file, report);
}

/// How many times the one is of the other, whichever is larger.
static double getFactor(uint64_t predicted, uint64_t measured) {
  if (predicted == 0 || measured == 0)
    return 0;
  return predicted > measured ? double(predicted) / measured : double(measured) / predicted;
}

std::vector<ClassError> tercet::report::getClassErrors(const Report &report,
                                                       const Profile &profile) {
  std::map<std::pair<std::string, std::string>, ClassError> classes;
  const Entry *entry = findEntry(report, profile.entry);
  if (!entry)
    return {};
  for (auto [command, sample] : llvm::zip(entry->commands, profile.samples)) {
    if (!command.kernel)
      continue;
    llvm::StringRef kernelClass = getKernelClass(report.getKernelName(command));
    ClassError &error = classes[{(kernelClass + "\n" + command.variant).str(), command.engine}];
    error.kernelClass = kernelClass.str();
    error.variant = command.variant;
    error.engine = command.engine;
    ++error.commands;
    uint64_t measured = sample.ns * 1000;
    error.predictedPs += command.predictedPs;
    error.measuredPs += measured;
    if (error.worst < 0 || getFactor(command.predictedPs, measured) >
                               getFactor(error.worstPredictedPs, error.worstMeasuredPs)) {
      error.worst = sample.index;
      error.worstPredictedPs = command.predictedPs;
      error.worstMeasuredPs = measured;
    }
  }
  std::vector<ClassError> result;
  for (auto &[key, error] : classes)
    result.push_back(std::move(error));
  llvm::stable_sort(
      result, [](const ClassError &a, const ClassError &b) { return a.measuredPs > b.measuredPs; });
  return result;
}

static void printRatio(uint64_t measured, uint64_t predicted, llvm::raw_ostream &os) {
  if (predicted == 0)
    os << "       -";
  else
    os << llvm::format("%8.2f", double(measured) / predicted);
}

void tercet::report::printClassErrors(const Report &report, const Profile &profile,
                                      llvm::raw_ostream &os) {
  std::vector<ClassError> classes = getClassErrors(report, profile);
  os << "measured against predicted, entry '" << profile.entry << "', median of "
     << formatCount(profile.runs, "run");
  if (profile.latencyNs)
    os << ", latency " << formatPs(profile.latencyNs * 1000);
  os << "\n  kernel class                     engine     commands   predicted    measured   ratio"
        "   worst  at command\n";
  ClassError all;
  for (const ClassError &error : classes) {
    std::string name =
        error.kernelClass + (error.variant.empty() || error.variant == error.kernelClass
                                 ? ""
                                 : " (" + error.variant + ")");
    os << "  " << llvm::left_justify(name, 32) << ' ' << llvm::left_justify(error.engine, 10)
       << llvm::format("%9lld ", static_cast<long long>(error.commands))
       << llvm::right_justify(formatPs(error.predictedPs), 11) << ' '
       << llvm::right_justify(formatPs(error.measuredPs), 11);
    printRatio(error.measuredPs, error.predictedPs, os);
    printRatio(error.worstMeasuredPs, error.worstPredictedPs, os);
    os << "  " << error.worst << "\n";
    all.commands += error.commands;
    all.predictedPs += error.predictedPs;
    all.measuredPs += error.measuredPs;
  }
  os << "  " << llvm::left_justify("all", 43) << llvm::format("%9lld ", (long long)all.commands)
     << llvm::right_justify(formatPs(all.predictedPs), 11) << ' '
     << llvm::right_justify(formatPs(all.measuredPs), 11);
  printRatio(all.measuredPs, all.predictedPs, os);
  os << "\n";
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finding, parsing and checking a report. Indices are checked here once, so
// that everything behind can follow them.

#include "compiler/report/ReportFile.h"

#include "compiler/report/JsonFile.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace tercet::report;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;
namespace json = llvm::json;

namespace tercet::report {

static bool fromJSON(const json::Value &value, Alternative &out, json::Path at) {
  json::ObjectMapper map(value, at);
  return map && map.map("engine", out.engine) && map.map("reason", out.reason) &&
         map.mapOptional("cost_ps", out.costPs) && map.mapOptional("detail", out.detail);
}

static bool fromJSON(const json::Value &value, Rows &out, json::Path at) {
  json::ObjectMapper map(value, at);
  return map && map.map("begin", out.begin) && map.map("end", out.end);
}

static bool fromJSON(const json::Value &value, Command &out, json::Path at) {
  json::ObjectMapper map(value, at);
  return map && map.map("index", out.index) && map.map("op", out.op) &&
         map.map("engine", out.engine) && map.mapOptional("variant", out.variant) &&
         map.map("kernel", out.kernel) && map.map("nodes", out.nodes) &&
         map.mapOptional("predicted_ps", out.predictedPs) && map.map("start_ps", out.startPs) &&
         map.map("end_ps", out.endPs) && map.map("rows", out.rows) &&
         map.mapOptional("alternatives", out.alternatives) &&
         map.mapOptional("precision", out.precision) &&
         map.mapOptional("precision_reason", out.precisionReason) &&
         map.map("multiply_adds", out.multiplyAdds) && map.map("snr_db", out.snrDb);
}

static bool fromJSON(const json::Value &value, Engine &out, json::Path at) {
  json::ObjectMapper map(value, at);
  return map && map.map("name", out.name) && map.mapOptional("kind", out.kind) &&
         map.mapOptional("cpu", out.cpu) && map.mapOptional("present", out.isPresent) &&
         map.mapOptional("absent_reason", out.absentReason);
}

static bool fromJSON(const json::Value &value, SeparateArena &out, json::Path at) {
  json::ObjectMapper map(value, at);
  return map && map.map("engine", out.engine) && map.map("bytes", out.bytes);
}

static bool fromJSON(const json::Value &value, Peak &out, json::Path at) {
  json::ObjectMapper map(value, at);
  return map && map.map("entry", out.entry) && map.map("bytes", out.bytes) &&
         map.map("allocations", out.allocations);
}

static bool fromJSON(const json::Value &value, Pool &out, json::Path at) {
  json::ObjectMapper map(value, at);
  return map && map.map("name", out.name) && map.map("kind", out.kind) &&
         map.map("bytes", out.bytes) && map.mapOptional("memory", out.memory) &&
         map.mapOptional("method", out.method) && map.map("lower_bound", out.lowerBound) &&
         map.map("greedy_by_size_bytes", out.greedyBySizeBytes) &&
         map.mapOptional("separate_arenas", out.separateArenas) && map.map("peak", out.peak);
}

static bool fromJSON(const json::Value &value, Allocation &out, json::Path at) {
  json::ObjectMapper map(value, at);
  return map && map.map("pool", out.pool) && map.map("entry", out.entry) &&
         map.map("offset", out.offset) && map.map("bytes", out.bytes) &&
         map.map("nodes", out.nodes) && map.map("first", out.first) && map.map("last", out.last) &&
         map.mapOptional("role", out.role);
}

static bool mapProof(json::ObjectMapper &map, llvm::StringLiteral value, Proof &out) {
  return map.map(value, out.value) && map.map("lower_bound_ps", out.lowerBound) &&
         map.mapOptional("method", out.method);
}

static bool fromJSON(const json::Value &value, Entry &out, json::Path at) {
  json::ObjectMapper map(value, at);
  if (!map || !map.map("name", out.name) || !map.map("commands", out.commands))
    return false;
  const json::Object &object = *value.getAsObject();
  if (const json::Value *partition = object.get("partition")) {
    json::ObjectMapper inner(*partition, at.field("partition"));
    if (!inner || !mapProof(inner, "value_ps", out.partition.emplace()))
      return false;
  }
  if (const json::Value *schedule = object.get("schedule")) {
    json::ObjectMapper inner(*schedule, at.field("schedule"));
    if (!inner || !mapProof(inner, "makespan_ps", out.schedule.emplace()))
      return false;
  }
  return true;
}

static bool fromJSON(const json::Value &value, Kernel &out, json::Path at) {
  json::ObjectMapper map(value, at);
  return map && map.map("name", out.name) && map.map("engine", out.engine) &&
         map.mapOptional("variant", out.variant);
}

static bool fromJSON(const json::Value &value, Weights &out, json::Path at) {
  json::ObjectMapper map(value, at);
  if (const json::Object *object = value.getAsObject())
    if (const json::Array *tensors = object->getArray("tensors"))
      out.count = tensors->size();
  return map && map.map("place", out.place) && map.map("bytes", out.bytes) &&
         map.mapOptional("digest", out.digest);
}

static bool fromJSON(const json::Value &value, Report &out, json::Path at) {
  json::ObjectMapper map(value, at);
  if (!map || !map.map("name", out.name) || !map.mapOptional("model", out.model) ||
      !map.map("pools", out.pools) || !map.map("entries", out.entries) ||
      !map.map("kernels", out.kernels) || !map.mapOptional("allocations", out.allocations) ||
      !map.mapOptional("weights", out.weights))
    return false;
  const json::Value *machine = value.getAsObject()->get("machine");
  if (!machine) {
    at.field("machine").report("missing value");
    return false;
  }
  json::ObjectMapper inner(*machine, at.field("machine"));
  return inner && inner.map("name", out.machine) && inner.mapOptional("workers", out.workers) &&
         inner.map("engines", out.engines);
}

} // namespace tercet::report

std::string Command::getTitle() const { return nodes.empty() ? op : llvm::join(nodes, " + "); }

uint64_t Entry::getPredictedPs() const {
  uint64_t end = 0, sum = 0;
  for (const Command &command : commands) {
    end = std::max(end, command.endPs.value_or(0));
    sum += command.predictedPs;
  }
  return end ? end : sum;
}

llvm::StringRef Report::getKernelName(const Command &command) const {
  return command.kernel ? llvm::StringRef(kernels[*command.kernel].name) : command.op;
}

/// What an index in the report leads to nothing with; empty if all are right.
static std::string findBadIndex(const Report &report) {
  auto isIn = [](int64_t index, size_t count) {
    return index >= 0 && static_cast<size_t>(index) < count;
  };
  for (const Entry &entry : report.entries)
    for (const Command &command : entry.commands)
      if (command.kernel && !isIn(*command.kernel, report.kernels.size()))
        return ("command " + llvm::Twine(command.index) + " of entry '" + entry.name +
                "' runs kernel " + llvm::Twine(*command.kernel) + " of " +
                llvm::Twine(report.kernels.size()))
            .str();
  for (const Pool &pool : report.pools)
    if (pool.peak)
      for (int64_t index : pool.peak->allocations)
        if (!isIn(index, report.allocations.size()))
          return ("pool '" + pool.name + "' has allocation " + llvm::Twine(index) + " of " +
                  llvm::Twine(report.allocations.size()) + " at its peak")
              .str();
  return "";
}

llvm::Expected<Report> tercet::report::parseReport(llvm::StringRef text, llvm::StringRef name) {
  llvm::Expected<json::Value> value = parseJson(text, name, "a report", kReportFormat);
  if (!value)
    return value.takeError();
  Report report;
  json::Path::Root root("report");
  if (!fromJSON(*value, report, root))
    return llvm::createStringError(name + ": " + llvm::toString(root.getError()));
  std::string problem = findBadIndex(report);
  if (!problem.empty())
    return llvm::createStringError(name + ": " + problem);
  report.json = std::move(*value);
  return report;
}

llvm::Expected<Report> tercet::report::readReport(llvm::StringRef where) {
  std::string file = where.str();
  if (fs::is_directory(where)) {
    std::vector<std::string> found;
    std::error_code code;
    for (fs::directory_iterator it(where, code), end; !code && it != end; it.increment(code))
      if (llvm::StringRef(it->path()).ends_with(".report.json"))
        found.push_back(it->path());
    if (code)
      return llvm::createStringError("cannot read '" + where + "': " + code.message());
    llvm::sort(found);
    if (found.empty())
      return llvm::createStringError(
          "'" + where + "' has no report; expected NAME.report.json as tercet-compile writes it");
    if (found.size() > 1) {
      std::vector<llvm::StringRef> names;
      for (const std::string &name : found)
        names.push_back(path::filename(name));
      return llvm::createStringError("'" + where +
                                     "' has several reports, name one: " + llvm::join(names, ", "));
    }
    file = found.front();
  }
  llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> buffer = readTextFile(file);
  if (!buffer)
    return buffer.takeError();
  return parseReport((*buffer)->getBuffer(), file);
}

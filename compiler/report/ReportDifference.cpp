// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matching by name and printing both ways.

#include "compiler/report/ReportDifference.h"

#include "compiler/report/Quantities.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"

#include <map>

using namespace tercet;
using namespace tercet::report;
namespace json = llvm::json;

// --- comparing ---------------------------------------------------------------

/// Iterates in the order of insertion.
template <typename Key, typename Value>
using Ordered = llvm::MapVector<Key, Value, std::map<Key, unsigned>>;

using NodeKey = std::pair<std::string, std::string>;

static Ordered<NodeKey, NodeCommands> collectNodes(const Report &report) {
  Ordered<NodeKey, NodeCommands> nodes;
  auto append = [](std::string &list, const std::string &text) {
    list += (list.empty() ? "" : " + ") + text;
  };
  for (const Entry &entry : report.entries)
    for (const Command &command : entry.commands) {
      NodeCommands &group = nodes[{entry.name, command.getTitle()}];
      group.entry = entry.name;
      group.nodes = command.getTitle();
      std::string place = command.engine;
      if (command.rows)
        place += " rows " + std::to_string(command.rows->begin) + " to " +
                 std::to_string(command.rows->end);
      append(group.placement, place);
      std::string kernel = getKernelClass(report.getKernelName(command)).str();
      append(group.kernels,
             command.variant.empty() ? kernel : kernel + " (" + command.variant + ")");
      if (group.commands++ == 0)
        for (const Alternative &alternative : command.alternatives)
          if (alternative.reason != "chosen" && alternative.reason != "share") {
            group.reasons += (group.reasons.empty() ? "" : "; ") + alternative.engine + ": " +
                             alternative.reason;
            if (!alternative.detail.empty())
              group.reasons += ", " + alternative.detail;
            if (alternative.costPs)
              group.reasons += " (" + formatPs(alternative.costPs) + ")";
          }
      group.predictedPs += command.predictedPs;
    }
  return nodes;
}

static void compareNodes(const Report &before, const Report &after, Difference &result) {
  auto old = collectNodes(before), now = collectNodes(after);
  for (auto &[key, group] : old) {
    auto it = now.find(key);
    if (it == now.end())
      result.removed.push_back(group);
    else if (it->second.placement != group.placement)
      result.moved.push_back({group, it->second});
    else if (it->second.kernels != group.kernels || it->second.predictedPs != group.predictedPs)
      result.changed.push_back({group, it->second});
  }
  for (auto &[key, group] : now)
    if (!old.contains(key))
      result.added.push_back(group);
}

template <typename T>
static void compareMaps(const Ordered<std::string, T> &before, const Ordered<std::string, T> &after,
                        std::vector<Changed<T>> &result) {
  for (auto &[what, value] : before) {
    auto it = after.find(what);
    if (it == after.end())
      result.push_back({what, value, std::nullopt});
    else if (it->second != value)
      result.push_back({what, value, it->second});
  }
  for (auto &[what, value] : after)
    if (!before.contains(what))
      result.push_back({what, std::nullopt, value});
}

using Texts = Ordered<std::string, std::string>;
using Numbers = Ordered<std::string, uint64_t>;

static Texts getIdentity(const Report &report) {
  Texts texts;
  texts["name"] = report.name;
  texts["model"] = report.model;
  texts["machine"] = report.machine;
  texts["workers"] = std::to_string(report.workers);
  std::vector<std::string> engines;
  for (const Engine &engine : report.engines)
    engines.push_back(engine.name + (engine.cpu.empty() ? "" : " (" + engine.cpu + ")") +
                      (engine.isPresent ? "" : " left out"));
  texts["engines"] = llvm::join(engines, ", ");
  texts["weights"] = formatCount(report.weights.count, "tensor") + " of " +
                     std::to_string(report.weights.bytes) + " bytes, " + report.weights.place +
                     (report.weights.digest.empty()
                          ? ""
                          : ", " + llvm::StringRef(report.weights.digest).take_front(19).str());
  return texts;
}

static Numbers getPools(const Report &report) {
  Numbers pools;
  for (const Pool &pool : report.pools)
    pools[pool.name] = pool.bytes;
  return pools;
}

static Numbers getLatencies(const Report &report) {
  Numbers entries;
  for (const Entry &entry : report.entries)
    entries[entry.name] = entry.getPredictedPs();
  return entries;
}

static Numbers getKernelUses(const Report &report) {
  Numbers uses;
  for (const Entry &entry : report.entries)
    for (const Command &command : entry.commands)
      ++uses[command.engine + " " + getKernelClass(report.getKernelName(command)).str() +
             (command.variant.empty() ? "" : " (" + command.variant + ")")];
  return uses;
}

static std::string toText(const json::Value *value) {
  if (!value)
    return "absent";
  std::string text;
  llvm::raw_string_ostream os(text);
  os << *value;
  return text.size() > 60 ? text.substr(0, 57) + "..." : text;
}

/// Counts the values that differ, and names the first.
static void compareValues(const json::Value *before, const json::Value *after,
                          const std::string &at, Difference &result) {
  if (before && after) {
    const json::Object *a = before->getAsObject(), *b = after->getAsObject();
    if (a && b) {
      // Ordered, since objects are not.
      std::map<llvm::StringRef, std::pair<const json::Value *, const json::Value *>> members;
      for (auto &[key, value] : *a)
        members[key].first = &value;
      for (auto &[key, value] : *b)
        members[key].second = &value;
      for (auto &[key, pair] : members)
        compareValues(pair.first, pair.second, at + (at.empty() ? "" : ".") + key.str(), result);
      return;
    }
    const json::Array *x = before->getAsArray(), *y = after->getAsArray();
    if (x && y) {
      for (size_t i = 0, count = std::max(x->size(), y->size()); i < count; ++i)
        compareValues(i < x->size() ? &(*x)[i] : nullptr, i < y->size() ? &(*y)[i] : nullptr,
                      at + "[" + std::to_string(i) + "]", result);
      return;
    }
    if (*before == *after)
      return;
  }
  if (result.values++ == 0)
    result.firstValue = at + ": " + toText(before) + " before, " + toText(after) + " after";
}

Difference tercet::report::compareReports(const Report &before, const Report &after) {
  Difference result;
  compareMaps(getIdentity(before), getIdentity(after), result.identity);
  compareMaps(getPools(before), getPools(after), result.pools);
  compareMaps(getLatencies(before), getLatencies(after), result.latencies);
  compareNodes(before, after, result);
  compareMaps(getKernelUses(before), getKernelUses(after), result.kernels);
  compareValues(&before.json, &after.json, "", result);
  return result;
}

// --- printing ----------------------------------------------------------------

static constexpr size_t kShown = 20;

/// Prints the first few with `print`, and how many are not shown.
template <typename T, typename Print>
static void printSome(const std::vector<T> &list, llvm::raw_ostream &os, Print print) {
  for (const T &element : llvm::ArrayRef(list).take_front(kShown))
    print(element);
  if (list.size() > kShown)
    os << "  and " << list.size() - kShown << " more; --json has all\n";
}

static std::string formatChange(uint64_t before, uint64_t after) {
  if (before == 0)
    return "";
  double part = 100.0 * (double(after) - double(before)) / double(before);
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format(" (%+.1f %%)", part);
  return text;
}

template <typename Format>
static void printNumbers(llvm::StringRef title, const std::vector<Changed<uint64_t>> &changes,
                         Format format, llvm::raw_ostream &os) {
  if (changes.empty())
    return;
  os << title << "\n";
  printSome(changes, os, [&](const Changed<uint64_t> &change) {
    os << "  " << change.what << ": " << (change.before ? format(*change.before) : "absent")
       << " -> " << (change.after ? format(*change.after) : "absent");
    if (change.before && change.after)
      os << formatChange(*change.before, *change.after);
    os << "\n";
  });
}

void tercet::report::printText(const Difference &difference, llvm::raw_ostream &os) {
  if (difference.isEqual()) {
    os << "nothing changed\n";
    return;
  }
  for (const Changed<std::string> &change : difference.identity)
    os << change.what << ": " << change.before.value_or("absent") << " -> "
       << change.after.value_or("absent") << "\n";
  printNumbers("predicted latency", difference.latencies, formatPs, os);
  printNumbers(
      "memory", difference.pools,
      [](uint64_t bytes) {
        return formatBytes(bytes) + (bytes < 1024 ? "" : " = " + std::to_string(bytes));
      },
      os);
  if (!difference.moved.empty()) {
    os << "placement, " << formatCount(difference.moved.size(), "node") << "\n";
    printSome(difference.moved, os, [&](const Difference::Pair &pair) {
      os << "  " << pair.after.nodes << ": " << pair.before.placement << " -> "
         << pair.after.placement << ", " << formatPs(pair.before.predictedPs) << " -> "
         << formatPs(pair.after.predictedPs) << "\n";
      if (!pair.after.reasons.empty())
        os << "    now not on " << pair.after.reasons << "\n";
    });
  }
  auto printGroups = [&](llvm::StringRef title, const std::vector<NodeCommands> &groups) {
    if (groups.empty())
      return;
    uint64_t commands = 0;
    for (const NodeCommands &group : groups)
      commands += group.commands;
    os << formatCount(commands, "command") << " " << title << "\n";
    printSome(groups, os, [&](const NodeCommands &group) {
      os << "  " << group.nodes << ": " << group.placement << ", " << group.kernels << ", "
         << formatPs(group.predictedPs) << "\n";
    });
  };
  printGroups("removed", difference.removed);
  printGroups("added", difference.added);
  if (!difference.changed.empty()) {
    os << "other kernel or prediction, " << formatCount(difference.changed.size(), "node") << "\n";
    printSome(difference.changed, os, [&](const Difference::Pair &pair) {
      os << "  " << pair.after.nodes << ": ";
      if (pair.before.kernels != pair.after.kernels)
        os << pair.before.kernels << " -> " << pair.after.kernels << ", ";
      os << formatPs(pair.before.predictedPs) << " -> " << formatPs(pair.after.predictedPs)
         << formatChange(pair.before.predictedPs, pair.after.predictedPs) << "\n";
    });
  }
  printNumbers(
      "commands by kernel", difference.kernels,
      [](uint64_t count) { return std::to_string(count); }, os);
  os << formatCount(difference.values, "value") << " of the reports "
     << (difference.values == 1 ? "differs" : "differ") << ", first " << difference.firstValue
     << "\n";
}

static void writeGroup(json::OStream &os, const NodeCommands &group) {
  os.object([&] {
    os.attribute("entry", group.entry);
    os.attribute("nodes", group.nodes);
    os.attribute("placement", group.placement);
    os.attribute("kernels", group.kernels);
    os.attribute("commands", group.commands);
    os.attribute("predicted_ps", group.predictedPs);
    os.attribute("reasons", group.reasons);
  });
}

void tercet::report::printJson(const Difference &difference, llvm::raw_ostream &out) {
  json::OStream os(out, /*IndentSize=*/1);
  auto writeChanges = [&](llvm::StringRef key, const auto &changes) {
    os.attributeArray(key, [&] {
      for (const auto &change : changes)
        os.object([&] {
          os.attribute("what", change.what);
          os.attribute("before", change.before ? json::Value(*change.before) : nullptr);
          os.attribute("after", change.after ? json::Value(*change.after) : nullptr);
        });
    });
  };
  auto writeGroups = [&](llvm::StringRef key, const std::vector<NodeCommands> &groups) {
    os.attributeArray(key, [&] {
      for (const NodeCommands &group : groups)
        writeGroup(os, group);
    });
  };
  auto writePairs = [&](llvm::StringRef key, const std::vector<Difference::Pair> &pairs) {
    os.attributeArray(key, [&] {
      for (const Difference::Pair &pair : pairs)
        os.object([&] {
          os.attributeBegin("before");
          writeGroup(os, pair.before);
          os.attributeEnd();
          os.attributeBegin("after");
          writeGroup(os, pair.after);
          os.attributeEnd();
        });
    });
  };
  os.object([&] {
    os.attribute("format", kDifferenceFormat);
    os.attribute("equal", difference.isEqual());
    writeChanges("identity", difference.identity);
    writeChanges("latency_ps", difference.latencies);
    writeChanges("pool_bytes", difference.pools);
    writePairs("moved", difference.moved);
    writeGroups("removed", difference.removed);
    writeGroups("added", difference.added);
    writePairs("changed", difference.changed);
    writeChanges("kernels", difference.kernels);
    os.attribute("values", difference.values);
    if (difference.values)
      os.attribute("first_value", difference.firstValue);
  });
  os.flush();
  out << "\n";
}

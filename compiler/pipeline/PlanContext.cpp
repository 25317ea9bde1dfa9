// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A compilation up to the plan takes seconds for a large model, so that as few
// lengths as possible are tried: memory is nearly a straight line in the length,
// and where that meets the budget is where to look next.

#include "compiler/pipeline/PlanContext.h"

#include "compiler/pipeline/Diagnostics.h"
#include "dialects/cmd/Cmd.h"
#include "dialects/nn/NN.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Path.h"

#include <map>

using namespace mlir;
using namespace tercet;

std::string tercet::parseByteBudget(StringRef text, uint64_t &bytes) {
  std::string complaint = "expected a number of bytes with a unit, such as 24GiB (units are B, KB, "
                          "MB, GB, TB, KiB, MiB, GiB and TiB), got '" +
                          oneLine(text) + "'";
  StringRef number = text.take_while([](char c) { return llvm::isDigit(c) || c == '.'; });
  StringRef unit = text.drop_front(number.size());
  std::optional<uint64_t> factor;
  uint64_t decimal = 1, binary = 1;
  for (StringRef prefix : {"", "K", "M", "G", "T"}) {
    if (unit == (prefix + "B").str())
      factor = decimal;
    else if (!prefix.empty() && unit == (prefix + "iB").str())
      factor = binary;
    decimal *= 1000;
    binary *= 1024;
  }
  // Exact: digits before the point times the unit, and those after it.
  auto [whole, fraction] = number.split('.');
  uint64_t units = 0, part = 0, scale = 1;
  if (!factor || whole.getAsInteger(10, units) || fraction.size() > 6 ||
      (number.contains('.') && fraction.getAsInteger(10, part)))
    return complaint;
  for (size_t i = 0; i < fraction.size(); ++i)
    scale *= 10;
  constexpr uint64_t kMost = uint64_t(1) << 50;
  if (units > kMost / *factor)
    return complaint + ", which is more than 1024TiB";
  bytes = units * *factor + part * *factor / scale;
  return bytes ? "" : complaint + "; a budget must be greater than 0";
}

namespace {

/// Bytes of each pool, in the order of the plan; by memory where pools of one name
/// lie in several.
using PoolBytes = std::vector<std::pair<std::string, uint64_t>>;

uint64_t sumOf(const PoolBytes &pools) {
  uint64_t sum = 0;
  for (const auto &[name, bytes] : pools)
    sum += bytes;
  return sum;
}

class ContextPlanner {
public:
  ContextPlanner(const CompileOptions &options, raw_ostream &out, raw_ostream &err)
      : options(options), out(out), err(err) {}

  CompileStatus run() {
    if (!findPositions())
      return status;
    // Chunks are no longer than the positions, or the import would have failed.
    std::vector<int64_t> ladder;
    for (int64_t length = positions; length >= least() && ladder.size() < kRungs; length /= 2)
      ladder.insert(ladder.begin(), length);
    for (int64_t length : ladder)
      if (!plan(length) || !printRow(length))
        return status;
    std::optional<int64_t> longest = search(ladder);
    if (status != CompileStatus::Ok)
      return status;
    if (!longest) {
      const PoolBytes &pools = planned.begin()->second;
      std::string text;
      for (const auto &[name, bytes] : pools)
        text += (text.empty() ? "" : ", ") + name + " " + std::to_string(bytes);
      error("--plan-context: " + std::to_string(options.contextBudget) +
            " bytes hold the model at no context length; expected at least " +
            std::to_string(sumOf(pools)) + " bytes, for a context of " +
            std::to_string(planned.begin()->first) + " (" + text +
            "); try --quantize, --kv-cache int8 or fewer --workers");
      return CompileStatus::UserError;
    }
    if (!llvm::is_contained(ladder, *longest))
      printRow(*longest);
    out << "longest context that fits into " << options.contextBudget << " bytes: " << *longest
        << (*longest == positions ? ", all that the model was made for" : "") << "\n";
    return CompileStatus::Ok;
  }

private:
  static constexpr size_t kRungs = 8;

  void error(const std::string &text) {
    err << "tercet-compile: error: " << oneLine(options.model) << ": " << text << "\n";
  }

  /// The shortest context that has room for all chunks that were asked for.
  int64_t least() const {
    const DecoderOptions &decoder = options.import.decoder;
    int64_t length = 1;
    if (decoder.prefill)
      for (int64_t chunk : *decoder.prefill)
        length = std::max(length, chunk);
    for (int64_t chunk : decoder.verify)
      length = std::max(length, chunk);
    return length;
  }

  CompileOptions optionsUpTo(Stage stage) const {
    CompileOptions changed = options;
    changed.contextBudget = 0;
    changed.stopAfter = stage;
    changed.quiet = true;
    changed.verbose = changed.stats = changed.checkOnly = false;
    return changed;
  }

  bool findPositions() {
    // Of an ONNX file only the import knows.
    llvm::StringRef extension = llvm::sys::path::extension(options.model);
    if (!llvm::sys::fs::is_directory(options.model) && extension != ".gguf" &&
        extension != ".onnx") {
      error("--plan-context is for language models, whose memory grows with --context; expected a "
            "GGUF file, a directory with config.json or an ONNX decoder");
      status = CompileStatus::UserError;
      return false;
    }
    CompileOptions changed = optionsUpTo(Stage::Import);
    changed.import.decoder.longest = true;
    status = compileUpTo(changed, err, [&](ModuleOp module) {
      auto decode = module.lookupSymbol<func::FuncOp>("decode");
      for (unsigned i = 0, end = decode ? decode.getNumArguments() : 0; i < end; ++i)
        if (auto range = decode.getArgAttrOfType<nn::RangeAttr>(i, "nn.range"))
          positions = range.getMax() + 1;
    });
    return status == CompileStatus::Ok;
  }

  /// The pools of a context length; null after an error.
  const PoolBytes *plan(int64_t length) {
    if (auto it = planned.find(length); it != planned.end())
      return &it->second;
    CompileOptions changed = optionsUpTo(Stage::Plan);
    changed.import.decoder.context = length;
    PoolBytes pools;
    status = compileUpTo(changed, err, [&](ModuleOp module) {
      for (auto pool : module.getOps<cmd::PoolOp>())
        if (pool.getBytes())
          pools.push_back({pool.getSymName().str(), pool.getBytes()});
    });
    if (status != CompileStatus::Ok)
      return nullptr;
    return &planned.emplace(length, std::move(pools)).first->second;
  }

  bool fits(int64_t length) { return sumOf(planned.at(length)) <= options.contextBudget; }

  bool printRow(int64_t length) {
    const PoolBytes &pools = planned.at(length);
    if (!hasHeader) {
      out << llvm::right_justify("context", 8);
      for (const auto &[name, bytes] : pools) {
        columns.push_back({name, std::max<unsigned>(name.size(), 14) + 2});
        out << llvm::right_justify(name, columns.back().second);
      }
      out << llvm::right_justify("total", 16) << "\n";
      hasHeader = true;
    }
    out << llvm::format_decimal(length, 8);
    for (const auto &[name, width] : columns) {
      uint64_t bytes = 0;
      for (const auto &[pool, count] : pools)
        if (pool == name)
          bytes += count;
      out << llvm::format_decimal(bytes, width);
    }
    out << llvm::format_decimal(sumOf(pools), 16) << (fits(length) ? "" : "  does not fit") << "\n";
    return true;
  }

  /// The longest context that fits, absent if none does; the ladder is planned.
  std::optional<int64_t> search(ArrayRef<int64_t> ladder) {
    if (fits(ladder.back()))
      return ladder.back();
    int64_t high = ladder.back(), low = 0;
    for (int64_t length : ladder)
      if (fits(length))
        low = length;
      else
        high = std::min(high, length > low ? length : high);
    if (!low) {
      low = least();
      if (!plan(low) || !fits(low))
        return std::nullopt;
    }
    while (high - low > 1) {
      // Where a straight line through both meets the budget; the middle now and
      // then, since arenas are no straight line.
      uint64_t below = sumOf(planned.at(low)), above = sumOf(planned.at(high));
      int64_t next = low + (high - low) / 2;
      if (above > below && planned.size() % 4 != 0)
        next = low + int64_t(double(options.contextBudget - below) / double(above - below) *
                             double(high - low));
      next = std::clamp(next, low + 1, high - 1);
      if (!plan(next))
        return std::nullopt;
      (fits(next) ? low : high) = next;
    }
    return low;
  }

  const CompileOptions &options;
  raw_ostream &out, &err;
  CompileStatus status = CompileStatus::Ok;
  int64_t positions = 0;
  std::map<int64_t, PoolBytes> planned;
  bool hasHeader = false;
  std::vector<std::pair<std::string, unsigned>> columns;
};

} // namespace

CompileStatus tercet::planContext(const CompileOptions &options, raw_ostream &out,
                                  raw_ostream &err) {
  return ContextPlanner(options, out, err).run();
}

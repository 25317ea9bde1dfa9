// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Binding symbolic dimensions.

#include "compiler/import/onnx/Dimensions.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace llvm;
using namespace tercet;
using namespace tercet::onnx;

std::string tercet::parseDimension(StringRef text, ImportOptions &options) {
  auto [name, value] = text.rsplit('=');
  name = name.trim();
  value = value.trim();
  int64_t size;
  if (name.empty() || !text.contains('='))
    return "--dim " + text.str() + ": expected NAME=VALUE";
  if (value.getAsInteger(10, size) || size < 0)
    return "--dim " + text.str() + ": expected a size of 0 or more for '" + name.str() +
           "', got '" + value.str() + "'";
  auto [entry, isNew] = options.dims.try_emplace(name, size);
  if (!isNew && entry->second != size)
    return "--dim " + text.str() + ": '" + name.str() + "' has been given another size";
  return {};
}

/// Sums of products of names and numbers, separated by spaces; without those
/// a '-' or '*' may be a part of a name.
std::optional<int64_t> Dimensions::evaluate(StringRef text, std::string &missing) {
  SmallVector<StringRef> words;
  SplitString(text, words);
  auto atom = [&](StringRef word) -> std::optional<int64_t> {
    int64_t number;
    if (!word.getAsInteger(10, number))
      return number;
    known.insert(word.str());
    auto found = options.dims.find(word);
    if (found != options.dims.end())
      return found->second;
    missing = missing.empty() ? word.str() : missing;
    return std::nullopt;
  };
  if (words.size() % 2 == 0)
    return std::nullopt;
  for (size_t i = 1; i < words.size(); i += 2)
    if (words[i] != "+" && words[i] != "-" && words[i] != "*")
      return std::nullopt;
  int64_t sum = 0, sign = 1;
  bool good = true;
  for (size_t i = 0; i < words.size();) {
    std::optional<int64_t> first = atom(words[i]);
    int64_t product = first.value_or(0);
    good &= first.has_value();
    for (++i; i < words.size() && words[i] == "*"; i += 2) {
      std::optional<int64_t> factor = atom(words[i + 1]);
      good &= factor && !MulOverflow(product, *factor, product);
    }
    good &= !AddOverflow(sum, sign * product, sum);
    if (i < words.size())
      sign = words[i++] == "-" ? -1 : 1;
  }
  return good ? std::optional<int64_t>(sum) : std::nullopt;
}

std::optional<int64_t> Dimensions::resolve(const ValueInfo &info, size_t index,
                                           std::string &complaint) {
  const Dimension &dim = info.dims[index];
  if (dim.value) {
    if (*dim.value >= 0)
      return *dim.value;
    complaint = "dimension " + std::to_string(index) + " of '" + info.name + "' has the size " +
                std::to_string(*dim.value);
    return std::nullopt;
  }
  std::string name = dim.param.empty() ? info.name + ":" + std::to_string(index) : dim.param;
  auto found = options.dims.find(name);
  known.insert(name);
  if (found != options.dims.end()) {
    std::string ignored;
    if (!dim.param.empty()) // its parts are names as well
      (void)evaluate(dim.param, ignored);
    return found->second;
  }
  std::string missing;
  if (!dim.param.empty())
    if (std::optional<int64_t> size = evaluate(dim.param, missing)) {
      if (*size >= 0)
        return size;
      complaint =
          "dimension '" + dim.param + "' of '" + info.name + "' comes to " + std::to_string(*size);
      return std::nullopt;
    }
  if (missing.empty())
    missing = name;
  complaint = "dimension " + std::to_string(index) + " of input '" + info.name + "' (" +
              (dim.param.empty() ? "unnamed" : "'" + dim.param + "'") +
              ") has no size; try --dim " +
              (StringRef(missing).contains(' ') ? "'" + missing + "=VALUE'" : missing + "=VALUE");
  return std::nullopt;
}

std::vector<std::string> Dimensions::unusedBindings() const {
  std::vector<std::string> unused;
  for (const auto &entry : options.dims)
    if (!known.count(entry.first().str()))
      unused.push_back(entry.first().str());
  llvm::sort(unused);
  return unused;
}

std::string Dimensions::findZero() const {
  std::string found;
  for (const auto &entry : options.dims)
    if (entry.second == 0 && (found.empty() || entry.first() < found))
      found = entry.first().str();
  return found;
}

std::string Dimensions::knownNames() const {
  return known.empty() ? "none" : llvm::join(known, ", ");
}

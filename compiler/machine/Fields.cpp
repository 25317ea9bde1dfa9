// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading of single fields. Decimals never become floating-point numbers.

#include "compiler/machine/Fields.h"

#include "llvm/ADT/StringExtras.h"

using namespace tercet;
using llvm::StringRef;
using llvm::Twine;

Fields::Fields(const YamlNode &map, std::string what, YamlProblems &problems)
    : map(map), what(std::move(what)), problems(problems) {
  if (map.kind != YamlNode::Kind::Map)
    problems.add(map.place, "expected the fields of " + this->what + ", got " + map.describe());
}

const YamlNode *Fields::get(StringRef key, bool required) {
  known.push_back(key.str());
  const YamlNode *node = map.find(key);
  if (!node && required && map.kind == YamlNode::Kind::Map)
    problems.add(map.place, "expected field '" + key + "' of " + what);
  return node;
}

std::string Fields::getText(StringRef key, bool required) {
  const YamlNode *node = get(key, required);
  if (!node)
    return "";
  if (node->kind == YamlNode::Kind::Scalar && !node->text.empty() &&
      llvm::all_of(node->text, [](unsigned char c) { return c >= 0x20 && c != 0x7f; }))
    return node->text;
  problems.add(node->place,
               "field '" + key + "': expected a line of text, got " +
                   (node->kind == YamlNode::Kind::Scalar ? "other characters" : node->describe()));
  return "";
}

bool tercet::checkName(const YamlNode &node, StringRef field, YamlProblems &problems) {
  StringRef text = node.text;
  if (node.kind == YamlNode::Kind::Scalar && !text.empty() && llvm::isAlpha(text.front()) &&
      text.size() <= 64 && llvm::all_of(text, [](char c) {
        return llvm::isAlnum(c) || c == '.' || c == '_' || c == '-';
      }))
    return true;
  problems.add(node.place, "field '" + field +
                               "': expected a name of letters, digits, '.', '_' and '-', a letter "
                               "first, got " +
                               node.describe());
  return false;
}

std::string Fields::getName(StringRef key, bool required) {
  const YamlNode *node = get(key, required);
  return node && checkName(*node, key, problems) ? node->text : "";
}

/// The range's end in the file's unit.
static std::string format(uint64_t value, const NumberRange &range) {
  std::string text = llvm::utostr(value / range.scale);
  uint64_t rest = value % range.scale;
  if (!rest)
    return text;
  std::string digits = llvm::utostr(rest + range.scale).substr(1);
  while (digits.back() == '0')
    digits.pop_back();
  return text + "." + digits;
}

std::optional<uint64_t> tercet::readNumber(const YamlNode &node, StringRef field, NumberRange range,
                                           YamlProblems &problems) {
  auto complain = [&](const Twine &expected) {
    problems.add(node.place,
                 "field '" + field + "': expected " + expected + ", got " + node.describe());
    return std::nullopt;
  };
  std::string kind = range.digits ? "a number" : "a whole number";
  std::string within =
      kind +
      (range.least == 1 && range.scale > 1 ? " above 0" : " from " + format(range.least, range)) +
      (range.least == 1 && range.scale > 1 ? " and up to " : " to ") + format(range.most, range);
  if (node.kind != YamlNode::Kind::Scalar || node.isQuoted)
    return complain(within);
  auto [whole, fraction] = StringRef(node.text).split('.');
  bool hasPoint = StringRef(node.text).contains('.');
  auto isDigits = [](StringRef text) { return !text.empty() && llvm::all_of(text, llvm::isDigit); };
  if (!isDigits(whole) || (hasPoint && !isDigits(fraction)))
    return complain(within);
  fraction = fraction.rtrim('0');
  if (fraction.size() > range.digits)
    return complain(within + (range.digits ? ", with at most " + Twine(range.digits) +
                                                 " digits behind the point"
                                           : Twine()));
  uint64_t value = 0, part = 0;
  if (whole.getAsInteger(10, value))
    return complain(within); // above 2^64
  if (!fraction.empty() && fraction.getAsInteger(10, part))
    return complain(within);
  unsigned __int128 result = static_cast<unsigned __int128>(value) * range.scale;
  uint64_t unit = range.scale;
  for (size_t i = 0; i < fraction.size(); ++i)
    unit /= 10;
  result += static_cast<unsigned __int128>(part) * unit;
  if (result < range.least || result > range.most)
    return complain(within);
  return static_cast<uint64_t>(result);
}

std::optional<uint64_t> Fields::getNumber(StringRef key, NumberRange range, bool required) {
  const YamlNode *node = get(key, required);
  return node ? readNumber(*node, key, range, problems) : std::nullopt;
}

const YamlNode *Fields::getMap(StringRef key, bool required) {
  const YamlNode *node = get(key, required);
  if (!node || node->kind == YamlNode::Kind::Map)
    return node;
  problems.add(node->place, "field '" + key + "': expected fields, got " + node->describe());
  return nullptr;
}

llvm::ArrayRef<YamlNode> Fields::getList(StringRef key, bool required) {
  const YamlNode *node = get(key, required);
  if (!node)
    return {};
  if (node->kind == YamlNode::Kind::List)
    return node->items;
  problems.add(node->place, "field '" + key + "': expected a list, got " + node->describe());
  return {};
}

void Fields::finish() {
  for (size_t i = 0; i < map.keys.size(); ++i)
    if (!llvm::is_contained(known, map.keys[i]))
      problems.add(map.keyPlaces[i], "unknown field '" + map.keys[i] + "'; the fields of " + what +
                                         " are " + llvm::join(known, ", "));
}

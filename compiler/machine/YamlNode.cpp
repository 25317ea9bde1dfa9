// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Copies the parser's nodes, which can be walked only once, into a tree.

#include "compiler/machine/YamlNode.h"

#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/YAMLParser.h"

using namespace tercet;
namespace yaml = llvm::yaml;
using llvm::StringRef;
using llvm::Twine;

constexpr size_t kMaxBytes = 1 << 20;
/// A machine has a depth of five.
constexpr unsigned kMaxDepth = 12;

const YamlNode *YamlNode::find(StringRef key) const {
  for (size_t i = 0; i < keys.size(); ++i)
    if (keys[i] == key)
      return &items[i];
  return nullptr;
}

Place YamlNode::locate(StringRef path) const {
  const YamlNode *node = this;
  while (!path.empty()) {
    auto [key, rest] = path.split('.');
    const YamlNode *next = node->find(key);
    if (!next)
      break;
    node = next;
    path = rest;
  }
  return node->place;
}

std::string YamlNode::describe() const {
  switch (kind) {
  case Kind::Null:
    return "nothing";
  case Kind::Scalar:
    return "'" + (text.size() > 60 ? text.substr(0, 60) + "..." : text) + "'";
  case Kind::List:
    return "a list";
  case Kind::Map:
    return "fields";
  }
  return "";
}

void YamlProblems::add(Place place, const Twine &text) { problems.insert({place, text.str()}); }

llvm::Error YamlProblems::take() {
  llvm::Error all = llvm::Error::success();
  for (const auto &[place, text] : problems) {
    std::string where = file;
    if (place.line)
      where += ":" + std::to_string(place.line) + ":" + std::to_string(place.column);
    all = llvm::joinErrors(std::move(all), llvm::createStringError(llvm::inconvertibleErrorCode(),
                                                                   where + ": " + text));
  }
  problems.clear();
  return all;
}

namespace {

class Converter {
public:
  Converter(llvm::SourceMgr &sources, YamlProblems &problems)
      : sources(sources), problems(problems) {}

  /// False if there is no point in going on.
  bool convert(yaml::Node *node, YamlNode &result, unsigned depth);

private:
  Place placeOf(const yaml::Node *node) const {
    llvm::SMLoc loc = node->getSourceRange().Start;
    if (!loc.isValid())
      return {};
    auto [line, column] = sources.getLineAndColumn(loc);
    return {line, column};
  }
  bool convertMap(yaml::MappingNode *map, YamlNode &result, unsigned depth);

  llvm::SourceMgr &sources;
  YamlProblems &problems;
};

bool Converter::convertMap(yaml::MappingNode *map, YamlNode &result, unsigned depth) {
  result.kind = YamlNode::Kind::Map;
  for (yaml::KeyValueNode &entry : *map) {
    auto *key = llvm::dyn_cast_or_null<yaml::ScalarNode>(entry.getKey());
    if (!key) {
      if (entry.getKey())
        problems.add(placeOf(entry.getKey()), "expected the name of a field");
      return false;
    }
    llvm::SmallString<32> storage;
    std::string name = key->getValue(storage).str();
    Place place = placeOf(key);
    YamlNode value;
    value.place = place;
    if (!convert(entry.getValue(), value, depth + 1))
      return false;
    for (size_t i = 0; i < result.keys.size(); ++i)
      if (result.keys[i] == name)
        problems.add(place, "field '" + name + "' is given twice; first in line " +
                                Twine(result.keyPlaces[i].line));
    result.keys.push_back(name);
    result.keyPlaces.push_back(place);
    result.items.push_back(std::move(value));
  }
  if (!result.keyPlaces.empty())
    result.place = result.keyPlaces.front();
  return true;
}

bool Converter::convert(yaml::Node *node, YamlNode &result, unsigned depth) {
  if (!node)
    return false;
  if (node->getType() != yaml::Node::NK_Null)
    result.place = placeOf(node);
  if (depth > kMaxDepth) {
    problems.add(result.place,
                 "expected lists and fields nested no deeper than " + Twine(kMaxDepth));
    return false;
  }
  switch (node->getType()) {
  case yaml::Node::NK_Null:
    return true;
  case yaml::Node::NK_Scalar: {
    llvm::SmallString<64> storage;
    auto *scalar = llvm::cast<yaml::ScalarNode>(node);
    result.kind = YamlNode::Kind::Scalar;
    result.text = scalar->getValue(storage).str();
    StringRef raw = scalar->getRawValue();
    result.isQuoted = raw.starts_with("\"") || raw.starts_with("'");
    return true;
  }
  case yaml::Node::NK_BlockScalar:
    result.kind = YamlNode::Kind::Scalar;
    result.text = llvm::cast<yaml::BlockScalarNode>(node)->getValue().str();
    result.isQuoted = true;
    return true;
  case yaml::Node::NK_Sequence:
    result.kind = YamlNode::Kind::List;
    for (yaml::Node &item : *llvm::cast<yaml::SequenceNode>(node)) {
      result.items.emplace_back();
      result.items.back().place = result.place;
      if (!convert(&item, result.items.back(), depth + 1))
        return false;
    }
    return true;
  case yaml::Node::NK_Mapping:
    return convertMap(llvm::cast<yaml::MappingNode>(node), result, depth);
  default:
    problems.add(result.place, "expected a value; aliases are not supported");
    return false;
  }
}

} // namespace

std::optional<YamlNode> tercet::parseYaml(StringRef text, YamlProblems &problems) {
  if (text.size() > kMaxBytes) {
    problems.add({}, "the file has " + Twine(text.size()) + " bytes; machine files have at most " +
                         Twine(kMaxBytes));
    return std::nullopt;
  }
  if (text.trim().empty()) {
    problems.add({1, 1}, "the file is empty");
    return std::nullopt;
  }
  llvm::SourceMgr sources;
  struct Syntax {
    YamlProblems &problems;
    bool failed = false;
  } syntax{problems};
  // Only the first complaint: those after it are consequences.
  sources.setDiagHandler(
      [](const llvm::SMDiagnostic &diagnostic, void *context) {
        auto *syntax = static_cast<Syntax *>(context);
        if (!syntax->failed)
          syntax->problems.add({static_cast<unsigned>(std::max(diagnostic.getLineNo(), 1)),
                                static_cast<unsigned>(diagnostic.getColumnNo() + 1)},
                               "not YAML: " + diagnostic.getMessage());
        syntax->failed = true;
      },
      &syntax);
  yaml::Stream stream(text, sources, /*ShowColors=*/false);
  yaml::document_iterator document = stream.begin();
  YamlNode root;
  bool complete = document != stream.end() &&
                  Converter(sources, problems).convert(document->getRoot(), root, 0);
  if (syntax.failed || stream.failed()) {
    if (problems.empty())
      problems.add({1, 1}, "not YAML");
    return std::nullopt;
  }
  if (!complete) {
    if (problems.empty())
      problems.add({1, 1}, "the file is empty");
    return std::nullopt;
  }
  ++document;
  if (syntax.failed)
    return std::nullopt;
  if (document != stream.end()) {
    problems.add({}, "expected one document, got several");
    return std::nullopt;
  }
  return root;
}

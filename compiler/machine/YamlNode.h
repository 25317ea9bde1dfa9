// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A YAML file as a tree whose every node knows its place, and the complaints
// about it. LLVM's YAMLParser does the parsing; YAMLTraits on top of it would
// stop at the first wrong field, and a user wants to see them all.

#ifndef TERCET_COMPILER_MACHINE_YAMLNODE_H
#define TERCET_COMPILER_MACHINE_YAMLNODE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tercet {

/// A place in a file, from 1; 0: the file as a whole.
struct Place {
  unsigned line = 0, column = 0;
  bool operator<(const Place &other) const {
    return std::tie(line, column) < std::tie(other.line, other.column);
  }
};

struct YamlNode {
  enum class Kind { Null, Scalar, List, Map };

  Kind kind = Kind::Null;
  Place place;
  /// Of a scalar.
  std::string text;
  bool isQuoted = false;
  /// Of a list, or the values of a map.
  std::vector<YamlNode> items;
  /// Of a map, beside `items`.
  std::vector<std::string> keys;
  std::vector<Place> keyPlaces;

  /// The value of a key of a map, or null.
  const YamlNode *find(llvm::StringRef key) const;
  /// Where `path`, keys with dots between, leads to; the last place on the way
  /// where it leads nowhere.
  Place locate(llvm::StringRef path) const;
  /// `a list`, `a map`, `nothing`, `'text'`.
  std::string describe() const;
};

/// Complaints about one file.
class YamlProblems {
public:
  explicit YamlProblems(llvm::StringRef file) : file(file.str()) {}
  void add(Place place, const llvm::Twine &text);
  bool empty() const { return problems.empty(); }
  size_t count() const { return problems.size(); }
  /// One error for each complaint, `FILE:LINE:COLUMN: text`, in order of place;
  /// success without any.
  llvm::Error take();

private:
  std::string file;
  std::multimap<Place, std::string> problems;
};

/// The one document of a file's text; nothing after a complaint about syntax.
/// Refused are duplicate keys, aliases, further documents, nesting without end
/// and texts above a mebibyte.
std::optional<YamlNode> parseYaml(llvm::StringRef text, YamlProblems &problems);

} // namespace tercet

#endif // TERCET_COMPILER_MACHINE_YAMLNODE_H

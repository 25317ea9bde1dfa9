// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Takes the fields of a YAML map one by one. What is missing, of the wrong type
// or out of range is reported where it stands, and in the end whatever nobody
// asked for. Numbers are read exactly: 25.6 GB/s is 25600000000 bytes a second.

#ifndef TERCET_COMPILER_MACHINE_FIELDS_H
#define TERCET_COMPILER_MACHINE_FIELDS_H

#include "compiler/machine/YamlNode.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>

namespace tercet {

/// Which numbers a field takes. The value in the file, with up to `digits`
/// digits behind the point, is multiplied by `scale`, a multiple of 10^digits;
/// the result has to be `least` to `most`.
struct NumberRange {
  uint64_t scale = 1;
  unsigned digits = 0;
  uint64_t least = 1, most = UINT64_C(1) << 62;
};

class Fields {
public:
  /// `what` names the map in complaints: "an engine".
  Fields(const YamlNode &map, std::string what, YamlProblems &problems);

  /// The value of a field; null if it is absent, which is a complaint if it is
  /// required.
  const YamlNode *get(llvm::StringRef key, bool required = false);
  /// A scalar that is not empty; empty if it is absent or wrong.
  std::string getText(llvm::StringRef key, bool required = false);
  /// The same for a name: a letter, then letters, digits, `.`, `_` and `-`.
  std::string getName(llvm::StringRef key, bool required = true);
  std::optional<uint64_t> getNumber(llvm::StringRef key, NumberRange range, bool required = false);
  /// The fields of a nested map, or null.
  const YamlNode *getMap(llvm::StringRef key, bool required = false);
  /// The items of a nested list; empty if it is absent or wrong.
  llvm::ArrayRef<YamlNode> getList(llvm::StringRef key, bool required = false);
  /// Complains about fields that were not asked for. Call it last.
  void finish();

  Place getPlace() const { return map.place; }

private:
  const YamlNode &map;
  std::string what;
  YamlProblems &problems;
  llvm::SmallVector<std::string> known;
};

/// Whether a scalar is a name; complains if not.
bool checkName(const YamlNode &node, llvm::StringRef field, YamlProblems &problems);

/// A number of a scalar; absent after a complaint.
std::optional<uint64_t> readNumber(const YamlNode &node, llvm::StringRef field, NumberRange range,
                                   YamlProblems &problems);

} // namespace tercet

#endif // TERCET_COMPILER_MACHINE_FIELDS_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `PATTERN=ENGINE` of --pin and --require-engine: groups by the names of their
// source nodes, with the wildcards of a shell.

#ifndef TERCET_PASSES_PARTITION_NODEPATTERN_H
#define TERCET_PASSES_PARTITION_NODEPATTERN_H

#include "dialects/soc/Soc.h"

#include "llvm/Support/Error.h"
#include "llvm/Support/GlobPattern.h"

namespace tercet::partition {

struct NodePattern {
  /// As written.
  std::string text;
  llvm::GlobPattern nodes;
  std::string engine;

  /// An error that says what is wrong with the text; the last '=' separates.
  /// The text has to outlive the pattern, which refers to it.
  static llvm::Expected<NodePattern> parse(llvm::StringRef text);
  /// Whether one of the group's source nodes has a name that matches.
  bool matches(soc::GroupOp group) const;
};

} // namespace tercet::partition

#endif // TERCET_PASSES_PARTITION_NODEPATTERN_H

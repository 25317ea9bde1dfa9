// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads patterns and matches them with locations.

#include "passes/partition/NodePattern.h"

#include "dialects/soc/SourceNames.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::partition;

llvm::Expected<NodePattern> NodePattern::parse(StringRef text) {
  auto [nodes, engine] = text.rsplit('=');
  if (nodes.empty() || engine.empty() || nodes.size() == text.size())
    return llvm::createStringError("expected PATTERN=ENGINE, got '" + text + "'");
  NodePattern pattern{text.str(), {}, engine.str()};
  llvm::Expected<llvm::GlobPattern> glob = llvm::GlobPattern::create(nodes, /*MaxSubPatterns=*/64);
  if (!glob)
    return llvm::createStringError("'" + nodes +
                                   "' is no pattern: " + llvm::toString(glob.takeError()));
  pattern.nodes = std::move(*glob);
  return pattern;
}

bool NodePattern::matches(soc::GroupOp group) const {
  return llvm::any_of(soc::getSourceNames(group.getLoc()),
                      [&](StringRef name) { return nodes.match(name); });
}

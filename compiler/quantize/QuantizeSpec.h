// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the user asks of precisions: `[PATTERN=]SCHEME;...`, later entries win.
// An entry with a pattern is a demand: the nodes that it matches get that
// scheme and no other. One without is an offer: nodes may be in that scheme or
// stay as they are, whichever costs less.

#ifndef TERCET_COMPILER_QUANTIZE_QUANTIZESPEC_H
#define TERCET_COMPILER_QUANTIZE_QUANTIZESPEC_H

#include "dialects/soc/Soc.h"

#include "llvm/Support/Error.h"
#include "llvm/Support/GlobPattern.h"

#include <memory>
#include <vector>

namespace tercet::quantize {

class QuantizeSpec {
public:
  struct Entry {
    /// As written.
    llvm::StringRef text;
    /// Absent: all nodes.
    std::optional<llvm::GlobPattern> nodes;
    /// f32, w8a8 or w8a16, or of weights alone f16, w8, w4g32, w4g128, w2g64 or mxfp4.
    llvm::StringRef scheme;

    bool isDemand() const { return nodes.has_value(); }
    /// Whether one of the group's source nodes has a name that matches.
    bool matches(soc::GroupOp group) const;
  };

  /// An error that says what is wrong with the text.
  static llvm::Expected<QuantizeSpec> parse(llvm::StringRef text);

  llvm::ArrayRef<Entry> getEntries() const { return entries; }
  /// The last entry that matches, or null.
  const Entry *lookup(soc::GroupOp group) const;
  /// Whether any entry asks for integers, and so for ranges.
  bool needsRanges() const;
  /// Whether any entry is for weights alone; then none asks for integers.
  bool hasWeightSchemes() const;

private:
  /// Entries refer to it.
  std::unique_ptr<std::string> text;
  std::vector<Entry> entries;
};

} // namespace tercet::quantize

#endif // TERCET_COMPILER_QUANTIZE_QUANTIZESPEC_H

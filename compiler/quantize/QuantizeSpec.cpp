// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A scheme never holds '=', names of nodes may: the last one separates.

#include "compiler/quantize/QuantizeSpec.h"

#include "dialects/soc/SourceNames.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::quantize;

bool QuantizeSpec::Entry::matches(soc::GroupOp group) const {
  return !nodes || llvm::any_of(soc::getSourceNames(group.getLoc()),
                                [&](StringRef name) { return nodes->match(name); });
}

static bool isWeightScheme(StringRef scheme) {
  return llvm::is_contained({"f16", "w8", "w4g32", "w4g128", "w2g64", "mxfp4"}, scheme);
}

static llvm::Error checkScheme(StringRef scheme) {
  if (llvm::is_contained({"f32", "w8a8", "w8a16"}, scheme) || isWeightScheme(scheme))
    return llvm::Error::success();
  if (scheme == "w4a16")
    return llvm::createStringError("scheme '" + scheme +
                                   "' is not there yet; schemes are w8a8, w8a16, f32 and, for "
                                   "weights alone, f16, w8, w4g32, w4g128, w2g64 and mxfp4");
  return llvm::createStringError("expected a scheme of w8a8, w8a16 or f32, or for weights alone of "
                                 "f16, w8, w4g32, w4g128, w2g64 or mxfp4, got '" +
                                 scheme + "'");
}

llvm::Expected<QuantizeSpec> QuantizeSpec::parse(StringRef text) {
  QuantizeSpec spec;
  spec.text = std::make_unique<std::string>(text);
  SmallVector<StringRef> parts;
  StringRef(*spec.text).split(parts, ';');
  for (StringRef part : parts) {
    part = part.trim();
    if (part.empty()) {
      // A separator at the end separates nothing.
      if (parts.size() > 1 && part.data() == StringRef(*spec.text).end())
        continue;
      return llvm::createStringError("expected [PATTERN=]SCHEME;..., got '" + text + "'");
    }
    size_t at = part.rfind('=');
    Entry entry{part, std::nullopt, at == StringRef::npos ? part : part.drop_front(at + 1).trim()};
    if (at != StringRef::npos) {
      StringRef pattern = part.take_front(at).trim();
      if (pattern.empty())
        return llvm::createStringError("expected PATTERN=SCHEME, got '" + part + "'");
      llvm::Expected<llvm::GlobPattern> glob =
          llvm::GlobPattern::create(pattern, /*MaxSubPatterns=*/64);
      if (!glob)
        return llvm::createStringError("'" + pattern +
                                       "' is no pattern: " + llvm::toString(glob.takeError()));
      entry.nodes = std::move(*glob);
    }
    if (llvm::Error error = checkScheme(entry.scheme))
      return error;
    spec.entries.push_back(std::move(entry));
  }
  if (spec.hasWeightSchemes() && spec.needsRanges())
    return llvm::createStringError("'" + text +
                                   "' mixes schemes of weights alone with those of weights and "
                                   "activations, which one program cannot have yet");
  return spec;
}

const QuantizeSpec::Entry *QuantizeSpec::lookup(soc::GroupOp group) const {
  for (const Entry &entry : llvm::reverse(entries))
    if (entry.matches(group))
      return &entry;
  return nullptr;
}

bool QuantizeSpec::needsRanges() const {
  return llvm::any_of(entries, [](const Entry &entry) {
    return entry.scheme != "f32" && !isWeightScheme(entry.scheme);
  });
}

bool QuantizeSpec::hasWeightSchemes() const {
  return llvm::any_of(entries, [](const Entry &entry) { return isWeightScheme(entry.scheme); });
}

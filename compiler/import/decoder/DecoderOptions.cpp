// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What --context, --prefill, --verify and --kv-cache say. Only what holds for every model
// is checked here; the rest when the model is known.

#include "compiler/import/Import.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace llvm;
using namespace tercet;

static constexpr int64_t kMaxPositions = int64_t(1) << 24;

std::string tercet::parseContext(StringRef text, DecoderOptions &options) {
  int64_t value;
  if (text.getAsInteger(10, value) || value < 1 || value > kMaxPositions)
    return "--context: expected 1 to " + std::to_string(kMaxPositions) + " positions, got '" +
           text.str() + "'";
  options.context = value;
  return "";
}

/// Lengths with commas between them, into `lengths`.
static std::string parseLengths(StringRef flag, StringRef text, const char *hint,
                                SmallVectorImpl<int64_t> &lengths) {
  SmallVector<StringRef> parts;
  text.split(parts, ',');
  for (StringRef part : parts) {
    int64_t value;
    if (part.getAsInteger(10, value) || value < 2 || value > kMaxPositions)
      return (flag + ": expected lengths of chunks from 2 to " + Twine(kMaxPositions) +
              ", such as " + hint + ", got '" + text + "'; single tokens are what decode takes")
          .str();
    if (is_contained(lengths, value))
      return (flag + ": expected each length once, got '" + text + "'").str();
    lengths.push_back(value);
  }
  return "";
}

std::string tercet::parsePrefill(StringRef text, DecoderOptions &options) {
  options.prefill.emplace();
  if (text == "none")
    return "";
  return parseLengths("--prefill", text, "128,16", *options.prefill);
}

std::string tercet::parseVerify(StringRef text, DecoderOptions &options) {
  options.verify.clear();
  return parseLengths("--verify", text, "5", options.verify);
}

std::string tercet::parseCache(StringRef text, DecoderOptions &options) {
  std::optional<CacheType> cache = StringSwitch<std::optional<CacheType>>(text)
                                       .Case("f16", CacheType::F16)
                                       .Case("f32", CacheType::F32)
                                       .Case("int8", CacheType::Int8)
                                       .Case("int4", CacheType::Int4)
                                       .Default(std::nullopt);
  if (!cache)
    return "--kv-cache: expected f16, f32, int8 or int4, got '" + text.str() + "'";
  options.cache = *cache;
  return "";
}

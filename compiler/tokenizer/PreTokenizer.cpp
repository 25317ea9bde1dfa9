// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ICU works on UTF-16, so a text is converted once and its pieces are converted
// back. The matcher's own stack has no limit here: a text of one long run of
// white space is legal, and memory for it is proportional to its length.

#include "compiler/tokenizer/PreTokenizer.h"

#include "llvm/ADT/Twine.h"

#include <unicode/normalizer2.h>
#include <unicode/regex.h>
#include <unicode/unistr.h>

using namespace tercet::tokenizer;

namespace {
struct CompiledRule {
  std::unique_ptr<icu::RegexPattern> pattern;
  bool matchesOnly;
};
} // namespace

struct PreTokenizer::Impl {
  std::vector<CompiledRule> rules;
};

PreTokenizer::PreTokenizer(std::unique_ptr<Impl> impl) : impl(std::move(impl)) {}
PreTokenizer::PreTokenizer(PreTokenizer &&) = default;
PreTokenizer &PreTokenizer::operator=(PreTokenizer &&) = default;
PreTokenizer::~PreTokenizer() = default;

static llvm::Error failure(const llvm::Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
}

static icu::UnicodeString toUtf16(llvm::StringRef text) {
  return icu::UnicodeString::fromUTF8(icu::StringPiece(text.data(), int32_t(text.size())));
}

llvm::Expected<PreTokenizer> PreTokenizer::create(llvm::ArrayRef<SplitRule> rules) {
  auto impl = std::make_unique<Impl>();
  for (const SplitRule &rule : rules) {
    UErrorCode code = U_ZERO_ERROR;
    UParseError where;
    std::unique_ptr<icu::RegexPattern> pattern(
        icu::RegexPattern::compile(toUtf16(rule.pattern), 0, where, code));
    if (U_FAILURE(code))
      return failure("the pre-tokenizer's pattern '" + rule.pattern +
                     "' is not understood at character " + llvm::Twine(where.offset) + " (" +
                     u_errorName(code) + ")");
    impl->rules.push_back({std::move(pattern), rule.matchesOnly});
  }
  return PreTokenizer(std::move(impl));
}

namespace {
/// A piece, in units of UTF-16.
struct Span {
  int32_t begin, end;
};
} // namespace

/// Cuts pieces; nothing outside of a piece is looked at, and empty matches cut
/// nothing.
static llvm::Expected<std::vector<Span>>
applyRule(const CompiledRule &rule, const icu::UnicodeString &text, llvm::ArrayRef<Span> pieces) {
  UErrorCode code = U_ZERO_ERROR;
  std::unique_ptr<icu::RegexMatcher> matcher(rule.pattern->matcher(text, code));
  if (U_SUCCESS(code))
    matcher->setStackLimit(0, code);
  std::vector<Span> result;
  for (Span piece : pieces) {
    if (U_FAILURE(code))
      break;
    matcher->region(piece.begin, piece.end, code);
    int32_t last = piece.begin;
    while (U_SUCCESS(code) && matcher->find(code) && U_SUCCESS(code)) {
      int32_t begin = matcher->start(code), end = matcher->end(code);
      if (begin == end)
        continue;
      if (begin > last && !rule.matchesOnly)
        result.push_back({last, begin});
      result.push_back({begin, end});
      last = end;
    }
    if (last < piece.end && !rule.matchesOnly)
      result.push_back({last, piece.end});
  }
  if (U_FAILURE(code))
    return failure(llvm::Twine("splitting the text failed (") + u_errorName(code) + ")");
  return result;
}

llvm::Expected<std::vector<std::string>> PreTokenizer::split(llvm::StringRef text) const {
  if (text.size() > size_t(INT32_MAX))
    return failure("expected a text below 2 GiB, got " + llvm::Twine(text.size()) + " bytes");
  if (impl->rules.empty())
    return std::vector<std::string>{text.str()};
  icu::UnicodeString whole = toUtf16(text);
  std::vector<Span> pieces = {{0, whole.length()}};
  for (const CompiledRule &rule : impl->rules) {
    llvm::Expected<std::vector<Span>> next = applyRule(rule, whole, pieces);
    if (!next)
      return next.takeError();
    pieces = std::move(*next);
  }
  std::vector<std::string> result;
  for (Span piece : pieces)
    whole.tempSubStringBetween(piece.begin, piece.end).toUTF8String(result.emplace_back());
  return result;
}

llvm::Expected<std::string> tercet::tokenizer::compose(llvm::StringRef text) {
  UErrorCode code = U_ZERO_ERROR;
  const icu::Normalizer2 *form = icu::Normalizer2::getNFCInstance(code);
  icu::UnicodeString result;
  if (U_SUCCESS(code))
    result = form->normalize(toUtf16(text), code);
  if (U_FAILURE(code))
    return failure(llvm::Twine("putting the text into normal form C failed (") + u_errorName(code) +
                   ")");
  std::string bytes;
  result.toUTF8String(bytes);
  return bytes;
}

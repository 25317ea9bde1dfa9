// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One pass. Text before a tag is kept back until the tag is known, because the
// tag may take white space off it.

#include "compiler/generate/TemplateLexer.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"

using namespace tercet::generate;
using Word = TemplateWord;

llvm::Error tercet::generate::templateError(unsigned line, const llvm::Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                 "chat template, line " + llvm::Twine(line) + ": " + text);
}

namespace {
constexpr llvm::StringLiteral kSpace = " \t\n\v\f\r";

class Lexer {
public:
  explicit Lexer(llvm::StringRef text) : rest(text) {
    // The last line's end is no text.
    if (!rest.consume_back("\r\n"))
      rest.consume_back("\n");
  }

  llvm::Expected<std::vector<Word>> read() {
    while (!rest.empty()) {
      size_t at = findTag();
      addText(rest.take_front(at));
      advance(at);
      if (rest.empty())
        break;
      if (llvm::Error error = rest.starts_with("{#") ? readComment() : readTag())
        return error;
    }
    add(Word::End, "");
    return std::move(words);
  }

private:
  /// Of the next {{, {% or {#; the end if there is none.
  size_t findTag() const {
    for (size_t at = rest.find('{'); at != llvm::StringRef::npos; at = rest.find('{', at + 1))
      if (at + 1 < rest.size() && llvm::StringRef("{%#").contains(rest[at + 1]))
        return at;
    return rest.size();
  }

  void add(Word::Kind kind, llvm::StringRef text) { words.push_back({kind, text.str(), line}); }

  void advance(size_t count) {
    line += unsigned(rest.take_front(count).count('\n'));
    rest = rest.drop_front(count);
  }

  /// What the tag before and the tag after leave of a text.
  void addText(llvm::StringRef text) {
    if (stripNext)
      text = text.ltrim(kSpace);
    else if (trimLineEnd && !text.consume_front("\r\n"))
      text.consume_front("\n");
    llvm::StringRef tag = rest.drop_front(std::min(rest.size(), findTag()));
    bool output = tag.starts_with("{{");
    char control = tag.size() > 2 ? tag[2] : ' ';
    if (control == '-') {
      text = text.rtrim(kSpace);
    } else if (!output && !tag.empty() && control != '+') {
      llvm::StringRef blanks = text.rtrim(" \t");
      if (blanks.ends_with("\n") || (blanks.empty() && (words.empty() || trimLineEnd)))
        text = blanks;
    }
    stripNext = trimLineEnd = false;
    if (!text.empty())
      add(Word::Text, text);
  }

  /// After a tag's end, whose minus was read or not.
  void endTag(bool minus, bool output) {
    stripNext = minus;
    trimLineEnd = !output;
  }

  llvm::Error readComment() {
    size_t end = rest.find("#}");
    if (end == llvm::StringRef::npos)
      return templateError(line, "a comment has no end");
    bool minus = rest[end - 1] == '-';
    advance(end + 2);
    endTag(minus, false);
    return llvm::Error::success();
  }

  llvm::Error readTag() {
    bool output = rest[1] == '{';
    llvm::StringRef close = output ? "}}" : "%}";
    add(output ? Word::OutputBegin : Word::BlockBegin, rest.take_front(2));
    advance(2);
    if (rest.starts_with("-") || rest.starts_with("+"))
      advance(1);
    unsigned depth = 0; // of braces, so that a dictionary's do not end the tag
    while (true) {
      advance(rest.size() - rest.ltrim(kSpace).size());
      if (rest.empty())
        return templateError(line, "a tag has no end");
      bool minus = rest.starts_with("-") && rest.drop_front().starts_with(close);
      if (depth == 0 && (minus || rest.starts_with(close))) {
        advance(minus ? 3 : 2);
        add(output ? Word::OutputEnd : Word::BlockEnd, close);
        endTag(minus, output);
        return llvm::Error::success();
      }
      if (rest[0] == '{')
        ++depth;
      else if (rest[0] == '}' && depth)
        --depth;
      if (llvm::Error error = readWord())
        return error;
    }
  }

  llvm::Error readWord() {
    char first = rest[0];
    if (llvm::isAlpha(first) || first == '_') {
      llvm::StringRef name = rest.take_while([](char c) { return llvm::isAlnum(c) || c == '_'; });
      add(Word::Name, name);
      advance(name.size());
      return llvm::Error::success();
    }
    if (llvm::isDigit(first)) {
      llvm::StringRef number = rest.take_while(llvm::isDigit);
      add(Word::Integer, number);
      advance(number.size());
      return llvm::Error::success();
    }
    if (first == '\'' || first == '"')
      return readString(first);
    for (llvm::StringRef symbol : {"==", "!=", "<=", ">=", "//", "**"})
      if (rest.starts_with(symbol)) {
        add(Word::Operator, symbol);
        advance(symbol.size());
        return llvm::Error::success();
      }
    if (!llvm::StringRef("+-*/%~<>=()[]{}.,:|").contains(first))
      return templateError(line, "the character '" + llvm::Twine(first) + "' is not expected");
    add(Word::Operator, rest.take_front(1));
    advance(1);
    return llvm::Error::success();
  }

  llvm::Error readString(char quote) {
    std::string text;
    size_t at = 1;
    for (; at < rest.size() && rest[at] != quote; ++at) {
      if (rest[at] != '\\' || at + 1 == rest.size()) {
        text += rest[at];
        continue;
      }
      switch (char escaped = rest[++at]) {
      case 'n':
        text += '\n';
        break;
      case 't':
        text += '\t';
        break;
      case 'r':
        text += '\r';
        break;
      case '\\':
      case '\'':
      case '"':
        text += escaped;
        break;
      default:
        return templateError(line, "the escape '\\" + llvm::Twine(escaped) + "' is not supported");
      }
    }
    if (at >= rest.size())
      return templateError(line, "a string has no end");
    add(Word::String, text);
    advance(at + 1);
    return llvm::Error::success();
  }

  llvm::StringRef rest;
  unsigned line = 1;
  std::vector<Word> words;
  bool stripNext = false, trimLineEnd = false;
};
} // namespace

llvm::Expected<std::vector<Word>> tercet::generate::readTemplateWords(llvm::StringRef text) {
  return Lexer(text).read();
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A tokeniser and a parser by recursive descent. Registers need no declaration
// here: their names are enough.
#include "text.h"
#include <algorithm>
#include <cctype>
#include <cstdlib>

namespace tercet_test::ptx {

bool Instruction::has(const std::string &modifier) const {
  return std::find(parts.begin() + 1, parts.end(), modifier) != parts.end();
}

uint64_t sizeOfType(const std::string &name) {
  static const std::map<std::string, uint64_t> sizes = {
      {"b8", 1},   {"u8", 1},  {"s8", 1},   {"b16", 2},   {"u16", 2},   {"s16", 2},   {"f16", 2},
      {"bf16", 2}, {"b32", 4}, {"u32", 4},  {"s32", 4},   {"f32", 4},   {"b64", 8},   {"u64", 8},
      {"s64", 8},  {"f64", 8}, {"pred", 1}, {"f16x2", 4}, {"b128", 16}, {"bf16x2", 4}};
  auto found = sizes.find(name[0] == '.' ? name.substr(1) : name);
  return found == sizes.end() ? 0 : found->second;
}

namespace {

struct Token {
  std::string text; // empty: the end
  int line;
};

bool isWordCharacter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$' || c == '%' ||
         c == '.';
}

std::vector<Token> tokenise(const std::string &text) {
  std::vector<Token> tokens;
  int line = 1;
  for (size_t at = 0; at < text.size();) {
    char c = text[at];
    if (c == '\n')
      ++line;
    if (std::isspace(static_cast<unsigned char>(c))) {
      ++at;
    } else if (text.compare(at, 2, "//") == 0) {
      at = std::min(text.find('\n', at), text.size());
    } else if (c == '"') {
      size_t end = text.find('"', at + 1);
      if (end == std::string::npos)
        throw Error(line, "a string without an end");
      tokens.push_back({text.substr(at, end + 1 - at), line});
      at = end + 1;
    } else if (isWordCharacter(c)) {
      size_t end = at;
      while (end < text.size() && (isWordCharacter(text[end]) || text.compare(end, 2, "::") == 0))
        end += text[end] == ':' ? 2 : 1;
      tokens.push_back({text.substr(at, end - at), line});
      at = end;
    } else {
      tokens.push_back({std::string(1, c), line});
      ++at;
    }
  }
  tokens.push_back({"", line});
  return tokens;
}

class Parser {
public:
  explicit Parser(const std::string &text) : tokens(tokenise(text)) {}

  Module run() {
    Module module;
    while (!peek().empty())
      parseTop(module);
    if (!module.version || !module.target)
      fail("no .version or no .target");
    return module;
  }

private:
  const std::string &peek() const { return tokens[at].text; }
  std::string next() {
    std::string text = peek();
    if (at + 1 < tokens.size())
      ++at;
    return text;
  }
  bool accept(const char *text) {
    if (peek() != text)
      return false;
    next();
    return true;
  }
  void expect(const char *text) {
    if (!accept(text))
      fail(std::string("expected '") + text + "', got '" + peek() + "'");
  }
  [[noreturn]] void fail(const std::string &text) const { throw Error(tokens[at].line, text); }

  void parseTop(Module &module) {
    std::string word = next();
    if (word == ".version") {
      double version = std::strtod(next().c_str(), nullptr);
      module.version = int(version * 10 + 0.5);
    } else if (word == ".target") {
      std::string name = next();
      if (name.compare(0, 3, "sm_") != 0)
        fail("unknown target '" + name + "'");
      module.target = std::atoi(name.c_str() + 3);
      while (accept(","))
        next();
    } else if (word == ".address_size") {
      if (next() != "64")
        fail("expected addresses of 64 bits");
    } else if (word == ".visible" || word == ".weak" || word == ".extern") {
    } else if (word == ".entry") {
      module.entries.push_back(parseEntry());
    } else if (word == ".shared" || word == ".global" || word == ".const") {
      module.variables.push_back(parseVariable(word.substr(1)));
    } else {
      fail("unknown directive '" + word + "'");
    }
  }

  uint64_t parseNumber() {
    bool negative = accept("-");
    std::string word = next();
    if (word.empty() || !std::isdigit(static_cast<unsigned char>(word[0])))
      fail("expected a number, got '" + word + "'");
    char *end = nullptr;
    uint64_t value;
    if (word.compare(0, 2, "0f") == 0 || word.compare(0, 2, "0F") == 0 ||
        word.compare(0, 2, "0d") == 0 || word.compare(0, 2, "0D") == 0)
      value = std::strtoull(word.c_str() + 2, &end, 16);
    else
      value = std::strtoull(word.c_str(), &end, 0);
    if (*end && std::string(end) != "U")
      fail("unknown number '" + word + "'");
    return negative ? 0 - value : value;
  }

  Variable parseVariable(const std::string &space) {
    Variable variable;
    variable.space = space;
    if (accept(".align"))
      variable.alignment = parseNumber();
    uint64_t element = sizeOfType(next());
    if (!element)
      fail("unknown type of a variable");
    variable.name = next();
    variable.bytes = element;
    if (accept("[")) {
      if (peek() != "]")
        variable.bytes *= parseNumber();
      else
        variable.bytes = 0;
      expect("]");
    }
    if (accept("=")) {
      bool list = accept("{");
      do {
        uint64_t value = parseNumber();
        for (uint64_t i = 0; i < element; ++i)
          variable.data.push_back(static_cast<unsigned char>(value >> (8 * i)));
      } while (list && accept(","));
      if (list)
        expect("}");
    }
    expect(";");
    return variable;
  }

  void parseParameters(Entry &entry) {
    uint64_t offset = 0;
    if (!accept("(") || accept(")"))
      return;
    do {
      expect(".param");
      uint64_t alignment = 0;
      if (accept(".align"))
        alignment = parseNumber();
      Parameter parameter;
      parameter.bytes = sizeOfType(next());
      while (peek()[0] == '.') // of what it points to
        if (next() == ".align")
          parseNumber();
      parameter.name = next();
      if (accept("[")) {
        parameter.bytes *= parseNumber();
        expect("]");
      }
      if (!parameter.bytes)
        fail("unknown type of a parameter");
      alignment = alignment ? alignment : parameter.bytes;
      parameter.offset = offset = (offset + alignment - 1) / alignment * alignment;
      offset += parameter.bytes;
      entry.parameters.push_back(parameter);
    } while (accept(","));
    expect(")");
  }

  Entry parseEntry() {
    Entry entry;
    entry.name = next();
    parseParameters(entry);
    while (peek()[0] == '.') {
      std::string word = next();
      if (word == ".maxntid" || word == ".reqntid") {
        entry.maxThreads = 1;
        do
          entry.maxThreads *= static_cast<uint32_t>(parseNumber());
        while (accept(","));
      } else if (word == ".minnctapersm" || word == ".maxnreg") {
        parseNumber();
      } else {
        fail("unknown directive '" + word + "'");
      }
    }
    expect("{");
    for (int depth = 1; depth;) {
      if (accept("{"))
        ++depth;
      else if (accept("}"))
        --depth;
      else if (peek().empty())
        fail("an entry without an end");
      else
        parseStatement(entry);
    }
    return entry;
  }

  void parseStatement(Entry &entry) {
    Instruction instruction;
    instruction.line = tokens[at].line;
    if (peek() == ".reg" || peek() == ".pragma") {
      while (!accept(";")) {
        if (peek().empty())
          fail("a directive without an end");
        next();
      }
      return;
    }
    if (peek() == ".shared" || peek() == ".local") {
      entry.variables.push_back(parseVariable(next().substr(1)));
      return;
    }
    if (accept("@")) {
      instruction.guardNegated = accept("!");
      instruction.guard = next();
    }
    std::string word = next();
    if (instruction.guard.empty() && accept(":")) {
      entry.labels[word] = entry.code.size();
      return;
    }
    if (!std::isalpha(static_cast<unsigned char>(word[0])))
      fail("expected an instruction, got '" + word + "'");
    for (size_t from = 0; from < word.size();) {
      size_t end = std::min(word.find('.', from), word.size());
      instruction.parts.push_back(word.substr(from, end - from));
      from = end + 1;
    }
    if (!accept(";")) {
      do
        instruction.operands.push_back(parseOperand());
      while (accept(","));
      expect(";");
    }
    entry.code.push_back(instruction);
  }

  Operand parseOperand() {
    Operand operand = parseOne();
    if (!accept("|"))
      return operand;
    Operand pair;
    pair.kind = Operand::Pair;
    pair.parts = {operand, parseOne()};
    return pair;
  }

  Operand parseOne() {
    Operand operand;
    operand.negated = accept("!");
    if (accept("[")) {
      operand.kind = Operand::Address;
      operand.parts.push_back(parseOne());
      if (accept("+"))
        operand.value = parseNumber();
      expect("]");
    } else if (accept("{")) {
      operand.kind = Operand::Vector;
      do
        operand.parts.push_back(parseOne());
      while (accept(","));
      expect("}");
    } else if (accept("_")) {
      operand.kind = Operand::Sink;
    } else if (peek() == "-" || std::isdigit(static_cast<unsigned char>(peek()[0]))) {
      operand.kind = Operand::Immediate;
      operand.value = parseNumber();
    } else if (accept("WARP_SZ")) {
      operand.kind = Operand::Immediate;
      operand.value = 32;
    } else {
      operand.text = next();
      bool special = operand.text.find('.') != std::string::npos || operand.text == "%laneid" ||
                     operand.text == "%warpid";
      if (operand.text.empty() || !(isWordCharacter(operand.text[0])))
        fail("expected an operand, got '" + operand.text + "'");
      operand.kind = operand.text[0] != '%' ? Operand::Symbol
                     : special              ? Operand::Special
                                            : Operand::Register;
    }
    return operand;
  }

  std::vector<Token> tokens;
  size_t at = 0;
};

} // namespace

Module parse(const std::string &text) { return Parser(text).run(); }

} // namespace tercet_test::ptx

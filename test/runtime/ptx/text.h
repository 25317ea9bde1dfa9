// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// PTX as text, read into entries with instructions. It knows the syntax that
// LLVM's back end writes for kernels without calls; anything else is an error
// with its line, as in NVIDIA's assembler, so that nothing is skipped in silence.
#ifndef TERCET_TEST_PTX_TEXT_H
#define TERCET_TEST_PTX_TEXT_H

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace tercet_test::ptx {

struct Error : std::runtime_error {
  Error(int line, const std::string &text)
      : std::runtime_error("line " + std::to_string(line) + ": " + text) {}
};

struct Operand {
  enum Kind { Register, Immediate, Special, Symbol, Address, Vector, Pair, Sink };
  Kind kind = Sink;
  std::string text;   // of a register, special register or symbol
  uint64_t value = 0; // of an immediate; the offset of an address
  bool negated = false;
  std::vector<Operand> parts; // elements of a vector or pair; base of an address
};

struct Instruction {
  int line = 0;
  std::string guard; // a predicate; empty: always
  bool guardNegated = false;
  std::vector<std::string> parts; // "ld", "global", "v4", "b32"
  std::vector<Operand> operands;

  bool has(const std::string &modifier) const;
};

struct Variable {
  std::string space, name; // "shared", "local", "global", "const"
  uint64_t bytes = 0, alignment = 1;
  std::vector<unsigned char> data; // of a global one
};

struct Parameter {
  std::string name;
  uint64_t bytes = 0, offset = 0;
};

struct Entry {
  std::string name;
  std::vector<Parameter> parameters;
  std::vector<Variable> variables;
  std::vector<Instruction> code;
  std::map<std::string, size_t> labels; // the instruction after each
  uint32_t maxThreads = 1024;           // of .maxntid or .reqntid
};

struct Module {
  int version = 0; // 74: PTX ISA 7.4
  int target = 0;  // 87: sm_87
  std::vector<Variable> variables;
  std::vector<Entry> entries;
};

/// Throws Error.
Module parse(const std::string &text);

/// Bytes of "b32", ".f64", ...; 0 if it is no type.
uint64_t sizeOfType(const std::string &name);

} // namespace tercet_test::ptx
#endif // TERCET_TEST_PTX_TEXT_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Types of PTX, and its arithmetic on registers, which are 64 bits here whatever
// their type: an instruction reads and writes as many bits as its type has.
#ifndef TERCET_TEST_PTX_VALUES_H
#define TERCET_TEST_PTX_VALUES_H

#include <cstdint>
#include <string>
#include <vector>

namespace tercet_test::ptx {

struct Type {
  char kind = 0; // u, s, b, f, h (f16), g (bf16), p (predicate); 0: none
  int bits = 0;  // of one lane
  int lanes = 1; // 2 of f16x2 and bf16x2

  bool isFloat() const { return kind == 'f' || kind == 'h' || kind == 'g'; }
  static Type of(const std::string &name); // kind 0 if it is none
};

/// What an arithmetic instruction says beside its operands.
struct Arithmetic {
  Type type, from;        // `from` of a conversion
  std::string comparison; // of setp and set
  std::string mode;       // lo, hi, wide; wrap, clamp; l, r
  std::string rounding;   // rn, rz, rni, ...
  bool saturate = false, flush = false, propagateNaN = false;
  uint64_t immediate = 0; // the table of lop3
};

using Function = uint64_t (*)(const Arithmetic &, uint64_t, uint64_t, uint64_t);

/// The function of "add", "cvt", "setp", ...; null if there is none.
Function findArithmetic(const std::string &name);

/// The result of an instruction, lane by lane.
uint64_t evaluate(Function function, const Arithmetic &what, uint64_t a, uint64_t b, uint64_t c);

/// The number that the bits of a float are.
double valueOf(const Type &type, uint64_t bits);

uint64_t maskOf(int bits);
int64_t toSigned(int bits, uint64_t value);

} // namespace tercet_test::ptx
#endif // TERCET_TEST_PTX_VALUES_H

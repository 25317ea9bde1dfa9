// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Floating point is computed in double and rounded once: exact for every
// operation but a fused multiply-add of f32 and f64, which has its own function.
// The approximate instructions of a GPU are the exact ones here.
#include "values.h"
#include <cmath>
#include <cstring>
#include <map>

namespace tercet_test::ptx {

Type Type::of(const std::string &name) {
  static const std::map<std::string, Type> types = {
      {"pred", {'p', 1, 1}},   {"b8", {'b', 8, 1}},   {"u8", {'u', 8, 1}},
      {"s8", {'s', 8, 1}},     {"b16", {'b', 16, 1}}, {"u16", {'u', 16, 1}},
      {"s16", {'s', 16, 1}},   {"b32", {'b', 32, 1}}, {"u32", {'u', 32, 1}},
      {"s32", {'s', 32, 1}},   {"b64", {'b', 64, 1}}, {"u64", {'u', 64, 1}},
      {"s64", {'s', 64, 1}},   {"f16", {'h', 16, 1}}, {"bf16", {'g', 16, 1}},
      {"f32", {'f', 32, 1}},   {"f64", {'f', 64, 1}}, {"f16x2", {'h', 16, 2}},
      {"bf16x2", {'g', 16, 2}}};
  auto found = types.find(name);
  return found == types.end() ? Type() : found->second;
}

uint64_t maskOf(int bits) { return bits >= 64 ? ~uint64_t(0) : (uint64_t(1) << bits) - 1; }

int64_t toSigned(int bits, uint64_t value) {
  return bits >= 64 ? int64_t(value) : int64_t(value << (64 - bits)) >> (64 - bits);
}

namespace {

float floatOf(uint64_t bits) {
  uint32_t word = uint32_t(bits);
  float value;
  std::memcpy(&value, &word, sizeof value);
  return value;
}

uint64_t bitsOf(float value) {
  uint32_t word;
  std::memcpy(&word, &value, sizeof word);
  return word;
}

// A float of `exponent` and `fraction` bits, as a double.
double unpack(uint64_t bits, int exponent, int fraction) {
  int bias = (1 << (exponent - 1)) - 1;
  int e = int(bits >> fraction & maskOf(exponent));
  double m = double(bits & maskOf(fraction)), sign = bits >> (exponent + fraction) & 1 ? -1 : 1;
  if (e == int(maskOf(exponent)))
    return m != 0 ? std::nan("") : sign * INFINITY;
  return sign * (e ? std::ldexp(m + std::ldexp(1, fraction), e - bias - fraction)
                   : std::ldexp(m, 1 - bias - fraction));
}

uint64_t pack(double value, int exponent, int fraction, bool toZero) {
  int bias = (1 << (exponent - 1)) - 1;
  uint64_t sign = std::signbit(value) ? uint64_t(1) << (exponent + fraction) : 0;
  uint64_t infinity = maskOf(exponent) << fraction;
  if (std::isnan(value))
    return maskOf(exponent + fraction);
  value = std::fabs(value);
  if (std::isinf(value))
    return sign | infinity;
  int e = 0;
  std::frexp(value, &e);
  int unit = std::max(e - 1, 1 - bias) - fraction; // of the last place
  double scaled = std::ldexp(value, -unit);
  scaled = toZero ? std::trunc(scaled) : std::nearbyint(scaled);
  uint64_t whole = uint64_t(scaled); // a carry goes into the exponent
  uint64_t result = value == 0         ? 0
                    : e - 1 < 1 - bias ? whole
                                       : (uint64_t(e - 1 + bias) << fraction) +
                                             (whole - (uint64_t(1) << fraction));
  return sign | (result >= infinity ? (toZero ? infinity - 1 : infinity) : result);
}

double load(const Type &type, uint64_t bits) {
  if (type.kind == 'h')
    return unpack(bits, 5, 10);
  if (type.kind == 'g')
    return unpack(bits, 8, 7);
  if (type.bits == 32)
    return double(floatOf(bits));
  double value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

uint64_t store(const Arithmetic &what, double value) {
  const Type &type = what.type;
  bool toZero = what.rounding == "rz";
  if (what.saturate)
    value = value > 0 ? std::min(value, 1.0) : 0;
  if (type.kind == 'h')
    return pack(value, 5, 10, toZero);
  if (type.kind == 'g')
    return pack(value, 8, 7, toZero);
  if (type.bits == 32) {
    uint64_t bits = toZero ? pack(value, 8, 23, true) : bitsOf(float(value));
    return what.flush && !(bits & 0x7F800000) ? bits & 0x80000000 : bits;
  }
  uint64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

double read(const Arithmetic &what, uint64_t bits) {
  double value = load(what.type, bits);
  return what.flush && what.type.bits == 32 && std::fabs(value) < 0x1p-126
             ? std::copysign(0.0, value)
             : value;
}

double roundToInteger(const std::string &rounding, double value) {
  if (rounding == "rzi")
    return std::trunc(value);
  if (rounding == "rmi")
    return std::floor(value);
  if (rounding == "rpi")
    return std::ceil(value);
  return std::nearbyint(value);
}

using A = const Arithmetic &;
using U = uint64_t;

int64_t integer(A w, U v) {
  return w.type.kind == 's' ? toSigned(w.type.bits, v) : int64_t(v & maskOf(w.type.bits));
}

U multiply(A w, U a, U b) {
  if (w.type.isFloat())
    return store(w, read(w, a) * read(w, b));
  __int128 product =
      w.type.kind == 's'
          ? __int128(integer(w, a)) * integer(w, b)
          : __int128((unsigned __int128)(a & maskOf(w.type.bits)) * (b & maskOf(w.type.bits)));
  return U(w.mode == "hi" ? product >> w.type.bits : product);
}

U fused(A w, U a, U b, U c) {
  if (w.type.kind == 'f' && w.type.bits == 32 && !w.saturate) {
    Arithmetic exact = w;
    float result = std::fma(float(read(w, a)), float(read(w, b)), float(read(w, c)));
    return store(exact, double(result));
  }
  return store(w, std::fma(read(w, a), read(w, b), read(w, c)));
}

U pick(A w, U a, U b, bool greatest) {
  if (!w.type.isFloat()) {
    bool less = w.type.kind == 's' ? integer(w, a) < integer(w, b)
                                   : (a & maskOf(w.type.bits)) < (b & maskOf(w.type.bits));
    return less == greatest ? b : a;
  }
  double x = read(w, a), y = read(w, b);
  if (std::isnan(x) || std::isnan(y))
    return store(w, w.propagateNaN || (std::isnan(x) && std::isnan(y)) ? std::nan("")
                    : std::isnan(x)                                    ? y
                                                                       : x);
  if (x == 0 && y == 0) // of zeros the sign counts
    return store(w, std::signbit(x) == greatest ? y : x);
  return store(w, (x < y) == greatest ? y : x);
}

bool compare(A w, U a, U b) {
  const std::string &c = w.comparison;
  if (w.type.isFloat()) {
    double x = read(w, a), y = read(w, b);
    bool unordered = std::isnan(x) || std::isnan(y);
    if (c == "num" || c == "nan")
      return unordered == (c == "nan");
    if (unordered)
      return c.size() == 3; // equ, ltu, ...
    std::string order = c.substr(0, 2);
    return order == "eq"   ? x == y
           : order == "ne" ? x != y
           : order == "lt" ? x < y
           : order == "le" ? x <= y
           : order == "gt" ? x > y
                           : x >= y;
  }
  bool isSigned = w.type.kind == 's';
  U x = a & maskOf(w.type.bits), y = b & maskOf(w.type.bits);
  bool less = isSigned ? integer(w, a) < integer(w, b) : x < y;
  return c == "eq"                ? x == y
         : c == "ne"              ? x != y
         : c == "lt" || c == "lo" ? less
         : c == "le" || c == "ls" ? less || x == y
         : c == "gt" || c == "hi" ? !less && x != y
                                  : !less;
}

U convert(A w, U a, U, U) {
  const Type &to = w.type, &from = w.from;
  if (from.isFloat()) {
    Arithmetic source = w;
    source.type = from;
    double value = read(source, a);
    if (to.isFloat())
      return store(w, w.rounding.size() == 3 ? roundToInteger(w.rounding, value) : value);
    value = roundToInteger(w.rounding, value);
    // Out of range: the nearest; NaN: 0.
    double low = to.kind == 's' ? -std::ldexp(1, to.bits - 1) : 0;
    double high = std::ldexp(1, to.kind == 's' ? to.bits - 1 : to.bits);
    if (std::isnan(value))
      return 0;
    if (value < low)
      return to.kind == 's' ? U(1) << (to.bits - 1) : 0;
    if (value >= high)
      return maskOf(to.kind == 's' ? to.bits - 1 : to.bits);
    return to.kind == 's' ? U(int64_t(value)) : U(value);
  }
  bool isSigned = from.kind == 's';
  int64_t value = isSigned ? toSigned(from.bits, a) : int64_t(a & maskOf(from.bits));
  if (!to.isFloat()) {
    // A register may be wider than the type that is converted to.
    if (!w.saturate)
      return to.kind == 's' ? U(toSigned(to.bits, U(value))) : U(value) & maskOf(to.bits);
    __int128 wide = isSigned ? __int128(value) : __int128(U(value));
    __int128 low = to.kind == 's' ? -(__int128(1) << (to.bits - 1)) : 0;
    __int128 high = (__int128(1) << (to.kind == 's' ? to.bits - 1 : to.bits)) - 1;
    return U(wide < low ? low : wide > high ? high : wide);
  }
  if (to.bits == 32 && to.kind == 'f') // once, from all 64 bits
    return bitsOf(isSigned ? float(value) : float(U(value)));
  return store(w, isSigned ? double(value) : double(U(value)));
}

U permute(A, U a, U b, U selector) {
  U bytes = (a & maskOf(32)) | b << 32, result = 0;
  for (int i = 0; i < 4; ++i) {
    U choice = selector >> (4 * i) & 15, byte = bytes >> (8 * (choice & 7)) & 255;
    result |= (choice & 8 ? (byte & 128 ? 255 : 0) : byte) << (8 * i);
  }
  return result;
}

U funnel(A w, U a, U b, U c) {
  U wide = (a & maskOf(32)) | b << 32,
    by = w.mode[1] == 'c' ? std::min<U>(c & maskOf(32), 32) : c & 31;
  return w.mode[0] == 'l' ? wide << by >> 32 : wide >> by;
}

U dot(A w, U a, U b, U c) { // `from` is b's type
  int64_t sum = int64_t(c);
  for (int i = 0; i < 32; i += 8)
    sum += (w.type.kind == 's' ? toSigned(8, a >> i & 255) : int64_t(a >> i & 255)) *
           (w.from.kind == 's' ? toSigned(8, b >> i & 255) : int64_t(b >> i & 255));
  return U(sum);
}

U lookup(A w, U a, U b, U c) {
  U result = 0;
  for (int i = 0; i < 32; ++i)
    result |= (w.immediate >> ((a >> i & 1) << 2 | (b >> i & 1) << 1 | (c >> i & 1)) & 1) << i;
  return result;
}

int leading(A w, U a) {
  a &= maskOf(w.type.bits);
  return a ? __builtin_clzll(a) - (64 - w.type.bits) : w.type.bits;
}

template <double (*F)(double)> U unary(A w, U a, U, U) { return store(w, F(read(w, a))); }
double reciprocal(double x) { return 1 / x; }
double reciprocalRoot(double x) { return 1 / std::sqrt(x); }
double root(double x) { return std::sqrt(x); }
double power(double x) { return std::exp2(x); }
double logarithm(double x) { return std::log2(x); }
double sine(double x) { return std::sin(x); }
double cosine(double x) { return std::cos(x); }
double tangent(double x) { return std::tanh(x); }

} // namespace

double valueOf(const Type &type, uint64_t bits) { return load(type, bits); }

Function findArithmetic(const std::string &name) {
  static const std::map<std::string, Function> functions = {
      {"add", [](A w, U a, U b,
                 U) { return w.type.isFloat() ? store(w, read(w, a) + read(w, b)) : a + b; }},
      {"sub", [](A w, U a, U b,
                 U) { return w.type.isFloat() ? store(w, read(w, a) - read(w, b)) : a - b; }},
      {"mul", [](A w, U a, U b, U) { return multiply(w, a, b); }},
      {"mad", [](A w, U a, U b,
                 U c) { return w.type.isFloat() ? fused(w, a, b, c) : multiply(w, a, b) + c; }},
      {"fma", fused},
      {"div",
       [](A w, U a, U b, U) -> U {
         if (w.type.isFloat())
           return store(w, read(w, a) / read(w, b));
         if (!(b & maskOf(w.type.bits)))
           return ~U(0);
         if (w.type.kind == 's')
           return integer(w, b) == -1 ? 0 - a : U(integer(w, a) / integer(w, b));
         return (a & maskOf(w.type.bits)) / (b & maskOf(w.type.bits));
       }},
      {"rem",
       [](A w, U a, U b, U) -> U {
         if (!(b & maskOf(w.type.bits)))
           return a;
         if (w.type.kind == 's')
           return integer(w, b) == -1 ? 0 : U(integer(w, a) % integer(w, b));
         return (a & maskOf(w.type.bits)) % (b & maskOf(w.type.bits));
       }},
      {"min", [](A w, U a, U b, U) { return pick(w, a, b, false); }},
      {"max", [](A w, U a, U b, U) { return pick(w, a, b, true); }},
      {"abs",
       [](A w, U a, U, U) -> U {
         if (w.type.isFloat())
           return a & maskOf(w.type.bits - 1);
         return U(std::llabs(integer(w, a)));
       }},
      {"neg",
       [](A w, U a, U, U) -> U {
         return w.type.isFloat() ? a ^ U(1) << (w.type.bits - 1) : 0 - a;
       }},
      {"copysign",
       [](A w, U a, U b, U) -> U {
         U sign = U(1) << (w.type.bits - 1);
         return (a & sign) | (b & (sign - 1));
       }},
      {"and", [](A, U a, U b, U) { return a & b; }},
      {"or", [](A, U a, U b, U) { return a | b; }},
      {"xor", [](A, U a, U b, U) { return a ^ b; }},
      {"not", [](A, U a, U, U) { return ~a; }},
      {"shl",
       [](A w, U a, U b, U) -> U {
         return (b & maskOf(32)) >= U(w.type.bits) ? 0 : a << (b & 63);
       }},
      {"shr",
       [](A w, U a, U b, U) -> U {
         U by = b & maskOf(32);
         if (w.type.kind == 's')
           return U(integer(w, a) >> std::min<U>(by, 63));
         return by >= U(w.type.bits) ? 0 : (a & maskOf(w.type.bits)) >> by;
       }},
      {"popc",
       [](A w, U a, U, U) -> U { return U(__builtin_popcountll(a & maskOf(w.type.bits))); }},
      {"clz", [](A w, U a, U, U) -> U { return U(leading(w, a)); }},
      {"bfind",
       [](A w, U a, U, U) -> U {
         if (w.type.kind == 's' && integer(w, a) < 0)
           a = ~a;
         return U(w.type.bits - 1 - leading(w, a)) & maskOf(32);
       }},
      {"brev",
       [](A w, U a, U, U) -> U {
         U result = 0;
         for (int i = 0; i < w.type.bits; ++i)
           result |= (a >> i & 1) << (w.type.bits - 1 - i);
         return result;
       }},
      {"bfe",
       [](A w, U a, U b, U c) -> U {
         int from = int(b & 255), length = int(c & 255);
         if (!length || from >= w.type.bits)
           return 0;
         length = std::min(length, w.type.bits - from);
         U field = (a & maskOf(w.type.bits)) >> from & maskOf(length);
         return w.type.kind == 's' ? U(toSigned(length, field)) : field;
       }},
      {"prmt", permute},
      {"shf", funnel},
      {"lop3", lookup},
      {"dp4a", dot},
      {"selp", [](A, U a, U b, U c) { return c & 1 ? a : b; }},
      {"setp", [](A w, U a, U b, U) -> U { return compare(w, a, b); }},
      {"cvt", convert},
      {"rcp", unary<reciprocal>},
      {"sqrt", unary<root>},
      {"rsqrt", unary<reciprocalRoot>},
      {"ex2", unary<power>},
      {"lg2", unary<logarithm>},
      {"sin", unary<sine>},
      {"cos", unary<cosine>},
      {"tanh", unary<tangent>},
  };
  auto found = functions.find(name);
  return found == functions.end() ? nullptr : found->second;
}

uint64_t evaluate(Function function, const Arithmetic &what, uint64_t a, uint64_t b, uint64_t c) {
  if (what.type.lanes == 1 && what.from.lanes == 1)
    return function(what, a, b, c);
  Arithmetic lane = what;
  lane.type.lanes = lane.from.lanes = 1;
  if (what.from.kind == 'f') // a conversion of two
    return (function(lane, b, 0, 0) & 0xFFFF) | function(lane, a, 0, 0) << 16;
  uint64_t low = function(lane, a & 0xFFFF, b & 0xFFFF, c & 0xFFFF);
  uint64_t high = function(lane, a >> 16 & 0xFFFF, b >> 16 & 0xFFFF, c >> 16 & 0xFFFF);
  return (low & 0xFFFF) | (high & 0xFFFF) << 16;
}

} // namespace tercet_test::ptx

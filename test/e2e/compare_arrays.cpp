// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   tercet-compare-arrays GOT.npy EXPECTED.npy TOLERANCE
//
// Compares as harness.py's difference() does, for machines without Python: types
// and shapes are equal, whole numbers exactly, floats within
// TOLERANCE * (1 + |expected|). Says where the first difference is; exit status 1.

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

namespace {

struct Array {
  std::string header; // of NumPy: type, order, shape
  std::string data;
  char kind = 0; // f or i
  size_t bytes = 0;
};

[[noreturn]] void fail(const std::string &text) {
  std::fprintf(stderr, "%s\n", text.c_str());
  std::exit(1);
}

/// The value of a key of the header.
std::string field(const std::string &header, const std::string &key, const char *end) {
  size_t at = header.find("'" + key + "':");
  if (at == std::string::npos)
    fail("no " + key + " in a header");
  at = header.find_first_not_of(" ", at + key.size() + 3);
  return header.substr(at, header.find(end, at) - at);
}

Array read(const char *path) {
  std::ifstream file(path, std::ios::binary);
  std::string all((std::istreambuf_iterator<char>(file)), {});
  if (all.size() < 12 || all.compare(0, 6, "\x93NUMPY") != 0)
    fail(std::string(path) + ": no .npy file");
  uint32_t length = 0;
  size_t start = all[6] == 1 ? 10 : 12;
  std::memcpy(&length, all.data() + 8, start - 8);
  if (length > all.size() - start)
    fail(std::string(path) + ": a header that is cut off");
  Array array;
  std::string header = all.substr(start, length);
  std::string type = field(header, "descr", ",");
  array.header = type + " " + field(header, "shape", ")");
  array.kind = type.size() > 2 ? type[2] : 0;
  array.bytes = size_t(std::atoi(type.c_str() + 3));
  array.data = all.substr(start + length);
  if ((array.kind != 'f' && array.kind != 'i') || !array.bytes || array.data.size() % array.bytes)
    fail(std::string(path) + ": an array of " + type);
  return array;
}

double half(uint16_t bits) {
  int exponent = bits >> 10 & 31;
  double fraction = bits & 1023, sign = bits & 0x8000 ? -1 : 1;
  if (exponent == 31)
    return fraction != 0 ? NAN : sign * INFINITY;
  return sign * (exponent ? std::ldexp(1024 + fraction, exponent - 25) : std::ldexp(fraction, -24));
}

template <typename T> double load(const Array &array, size_t i) {
  T value;
  std::memcpy(&value, array.data.data() + i * sizeof value, sizeof value);
  return double(value);
}

double element(const Array &array, size_t i) {
  if (array.bytes == 8)
    return load<double>(array, i);
  if (array.bytes == 4)
    return load<float>(array, i);
  uint16_t bits;
  std::memcpy(&bits, array.data.data() + 2 * i, sizeof bits);
  return half(bits);
}

bool isSame(const Array &got, const Array &expected, size_t i, double tolerance) {
  if (std::memcmp(got.data.data() + i * got.bytes, expected.data.data() + i * got.bytes,
                  got.bytes) == 0)
    return true;
  if (got.kind != 'f')
    return false;
  double x = element(got, i), y = element(expected, i);
  return x == y || (std::isnan(x) && std::isnan(y)) ||
         std::fabs(x - y) <= tolerance * (1 + std::fabs(y));
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 4)
    fail("usage: GOT.npy EXPECTED.npy TOLERANCE");
  Array got = read(argv[1]), expected = read(argv[2]);
  if (got.header != expected.header || got.data.size() != expected.data.size())
    fail("got " + got.header + "), expected " + expected.header + ")");
  size_t count = got.data.size() / got.bytes, wrong = 0, first = 0;
  for (size_t i = count; i--;)
    if (!isSame(got, expected, i, std::atof(argv[3]))) {
      ++wrong;
      first = i;
    }
  if (!wrong)
    return 0;
  std::string text = std::to_string(wrong) + " of " + std::to_string(count) +
                     " elements differ, first number " + std::to_string(first);
  if (got.kind == 'f')
    text += ": " + std::to_string(element(got, first)) + " instead of " +
            std::to_string(element(expected, first));
  fail(text);
}

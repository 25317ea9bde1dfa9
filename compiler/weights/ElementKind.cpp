// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Conversion between any two storage kinds, as one loop for each pair.

#include "compiler/weights/ElementKind.h"

#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <limits>
#include <type_traits>

using namespace mlir;
using namespace tercet;

std::optional<ElementKind> tercet::getElementKind(Type type) {
  if (isa<Float32Type>(type))
    return ElementKind::F32;
  if (isa<Float64Type>(type))
    return ElementKind::F64;
  if (isa<Float16Type>(type))
    return ElementKind::F16;
  if (isa<BFloat16Type>(type))
    return ElementKind::BF16;
  if (isa<IndexType>(type))
    return ElementKind::I64;
  auto integer = dyn_cast<IntegerType>(type);
  if (!integer)
    return std::nullopt;
  bool isUnsigned = integer.isUnsigned();
  switch (integer.getWidth()) {
  case 1:
    return ElementKind::Bool;
  case 8:
    return isUnsigned ? ElementKind::U8 : ElementKind::I8;
  case 16:
    return isUnsigned ? ElementKind::U16 : ElementKind::I16;
  case 32:
    return isUnsigned ? ElementKind::U32 : ElementKind::I32;
  case 64:
    return isUnsigned ? ElementKind::U64 : ElementKind::I64;
  default:
    return std::nullopt;
  }
}

unsigned tercet::getElementBytes(ElementKind kind) {
  switch (kind) {
  case ElementKind::Bool:
  case ElementKind::I8:
  case ElementKind::U8:
    return 1;
  case ElementKind::F16:
  case ElementKind::BF16:
  case ElementKind::I16:
  case ElementKind::U16:
    return 2;
  case ElementKind::F32:
  case ElementKind::I32:
  case ElementKind::U32:
    return 4;
  case ElementKind::F64:
  case ElementKind::I64:
  case ElementKind::U64:
    return 8;
  }
  llvm_unreachable("unknown element kind");
}

bool tercet::isFloatKind(ElementKind kind) { return kind <= ElementKind::BF16; }

std::optional<int64_t> tercet::getTensorBytes(ShapedType type) {
  std::optional<ElementKind> kind = getElementKind(type.getElementType());
  if (!kind || !type.hasStaticShape())
    return std::nullopt;
  int64_t bytes = getElementBytes(*kind);
  for (int64_t size : type.getShape())
    if (llvm::MulOverflow(bytes, size, bytes))
      return std::nullopt;
  return bytes;
}

namespace {

struct Bool {
  uint8_t byte;
};

template <class T>
constexpr bool isSmallFloat = std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>;

/// The value as an arithmetic type that holds it exactly.
template <class T> auto widen(T value) {
  if constexpr (isSmallFloat<T>)
    return toFloat(value);
  else if constexpr (std::is_same_v<T, Bool>)
    return uint8_t(value.byte != 0);
  else
    return value;
}

template <class To, class From> To narrow(From value) {
  if constexpr (isSmallFloat<To>) {
    float single;
    if constexpr (std::is_same_v<From, float>)
      single = value;
    else if constexpr (std::is_integral_v<From> && sizeof(From) == 8) {
      // A wide integer may not fit a double: shifted down until it does, with
      // what is lost kept sticky in the last bit, far below the precision at stake.
      using Unsigned = std::make_unsigned_t<From>;
      bool negative = value < From(0);
      Unsigned magnitude = negative ? Unsigned(0) - Unsigned(value) : Unsigned(value);
      int shift = 0;
      while (magnitude >> 52)
        magnitude = (magnitude >> 1) | (magnitude & 1), ++shift;
      double wide = std::ldexp(double(magnitude), shift);
      single = toFloatOdd(negative ? -wide : wide);
    } else
      single = toFloatOdd(double(value));
    if constexpr (std::is_same_v<To, Half>)
      return toHalf(single);
    else
      return toBFloat16(single);
  } else if constexpr (std::is_same_v<To, Bool>) {
    return Bool{uint8_t(value != From(0))};
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    if (value != value)
      return 0;
    // Both bounds are powers of two or zero, hence exact; the upper is exclusive.
    constexpr double low = double(std::numeric_limits<To>::min());
    constexpr double high = 2.0 * double(To(1) << (std::numeric_limits<To>::digits - 1));
    double wide = double(value);
    if (wide < low)
      return std::numeric_limits<To>::min();
    if (wide >= high)
      return std::numeric_limits<To>::max();
    return To(wide);
  } else {
    return static_cast<To>(value);
  }
}

template <class From, class To>
void convertLoop(const char *source, char *destination, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    From from;
    std::memcpy(&from, source + i * sizeof(From), sizeof(From));
    To to = narrow<To>(widen(from));
    std::memcpy(destination + i * sizeof(To), &to, sizeof(To));
  }
}

/// Calls `callback` with a value of the storage type of `kind`.
template <class Callback> void dispatch(ElementKind kind, Callback callback) {
  switch (kind) {
  case ElementKind::F32:
    return callback(float());
  case ElementKind::F64:
    return callback(double());
  case ElementKind::F16:
    return callback(Half());
  case ElementKind::BF16:
    return callback(BFloat16());
  case ElementKind::Bool:
    return callback(Bool());
  case ElementKind::I8:
    return callback(int8_t());
  case ElementKind::I16:
    return callback(int16_t());
  case ElementKind::I32:
    return callback(int32_t());
  case ElementKind::I64:
    return callback(int64_t());
  case ElementKind::U8:
    return callback(uint8_t());
  case ElementKind::U16:
    return callback(uint16_t());
  case ElementKind::U32:
    return callback(uint32_t());
  case ElementKind::U64:
    return callback(uint64_t());
  }
}

} // namespace

void tercet::convertElements(ElementKind from, const char *source, ElementKind to,
                             char *destination, int64_t count) {
  if (from == to && from != ElementKind::Bool) {
    std::memcpy(destination, source, count * getElementBytes(from));
    return;
  }
  dispatch(from, [&](auto fromValue) {
    dispatch(to, [&](auto toValue) {
      convertLoop<decltype(fromValue), decltype(toValue)>(source, destination, count);
    });
  });
}

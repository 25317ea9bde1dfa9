// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What each instruction does. Additions, products, quotients and roots are
// rounded in the operands' type; the functions of an f32 are computed in f64
// and rounded once. Integers wrap to their width; a float converted to an
// integer truncates, saturates, and takes NaN to 0; shifts by the width or more
// give what shifting bit by bit would.

#include "compiler/reference/Program.h"
#include "compiler/reference/SourceError.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "llvm/ADT/bit.h"

#include <cmath>

using namespace mlir;
using namespace tercet;

//===----------------------------------------------------------------------===//
// Instructions
//===----------------------------------------------------------------------===//

namespace {

int64_t wrapTo(int64_t value, unsigned bits) {
  return bits >= 64 ? value : int64_t(uint64_t(value) << (64 - bits)) >> (64 - bits);
}
uint64_t lowBits(int64_t value, unsigned bits) {
  return bits >= 64 ? uint64_t(value) : uint64_t(value) & ((uint64_t(1) << bits) - 1);
}

template <class T, class U> const T *lanesOf(const U &lanes);
template <> const float *lanesOf<float, Lanes>(const Lanes &lanes) { return lanes.f32; }
template <> const double *lanesOf<double, Lanes>(const Lanes &lanes) { return lanes.f64; }
template <class T> T *lanesOf(Lanes &lanes) {
  return const_cast<T *>(lanesOf<T, Lanes>(static_cast<const Lanes &>(lanes)));
}

/// The outcomes of a comparison, as bits: less 1, equal 2, greater 4, unordered 8.
/// Indexed by arith::CmpFPredicate.
constexpr uint8_t kFloatOutcomes[] = {0, 2, 4, 6, 1, 3, 5, 7, 10, 12, 14, 9, 11, 13, 8, 15};
/// Indexed by arith::CmpIPredicate: eq, ne, slt, sle, sgt, sge, ult, ule, ugt, uge.
constexpr uint8_t kIntOutcomes[] = {2, 5, 1, 3, 4, 6, 1, 3, 4, 6};

template <class T> T maximum(T a, T b) {
  if (a != a || b != b)
    return a + b; // NaN
  if (a == b)
    return std::signbit(a) ? b : a;
  return a > b ? a : b;
}
template <class T> T minimum(T a, T b) {
  if (a != a || b != b)
    return a + b;
  if (a == b)
    return std::signbit(a) ? a : b;
  return a < b ? a : b;
}

template <class T> T power(T base, int64_t exponent) {
  // As repeated multiplication; negative exponents are the inverse.
  bool inverse = exponent < 0;
  uint64_t count = inverse ? uint64_t(0) - uint64_t(exponent) : uint64_t(exponent);
  T result = 1;
  for (; count; count >>= 1, base *= base)
    if (count & 1)
      result *= base;
  return inverse ? T(1) / result : result;
}

/// Instructions whose operands are floats of type T.
template <class T>
void executeFloat(const Instruction &in, Lanes &dst, const Lanes &la, const Lanes &lb,
                  const Lanes &lc, int n) {
  const T *a = lanesOf<T>(la), *b = lanesOf<T>(lb), *c = lanesOf<T>(lc);
  T *out = lanesOf<T>(dst);
  auto each = [&](auto function) {
    for (int i = 0; i < n; ++i)
      out[i] = function(i);
  };
  /// A function computed in f64, whatever T is.
  auto wide = [&](auto function) {
    for (int i = 0; i < n; ++i)
      out[i] = T(function(double(a[i])));
  };
  auto classify = [&](auto function) {
    for (int i = 0; i < n; ++i)
      dst.i64[i] = function(double(a[i])) ? -1 : 0;
  };
  switch (in.opcode) {
  case Opcode::AddF:
    return each([&](int i) { return a[i] + b[i]; });
  case Opcode::SubF:
    return each([&](int i) { return a[i] - b[i]; });
  case Opcode::MulF:
    return each([&](int i) { return a[i] * b[i]; });
  case Opcode::DivF:
    return each([&](int i) { return a[i] / b[i]; });
  case Opcode::RemF:
    return each([&](int i) { return std::fmod(a[i], b[i]); });
  case Opcode::MaximumF:
    return each([&](int i) { return maximum(a[i], b[i]); });
  case Opcode::MinimumF:
    return each([&](int i) { return minimum(a[i], b[i]); });
  case Opcode::MaxNumF:
    return each([&](int i) {
      return a[i] != a[i] ? b[i] : b[i] != b[i] ? a[i] : maximum(a[i], b[i]);
    });
  case Opcode::MinNumF:
    return each([&](int i) {
      return a[i] != a[i] ? b[i] : b[i] != b[i] ? a[i] : minimum(a[i], b[i]);
    });
  case Opcode::PowF:
    return each([&](int i) { return T(std::pow(double(a[i]), double(b[i]))); });
  case Opcode::Atan2:
    return each([&](int i) { return T(std::atan2(double(a[i]), double(b[i]))); });
  case Opcode::CopySign:
    return each([&](int i) { return std::copysign(a[i], b[i]); });
  case Opcode::Fma:
    return each([&](int i) { return std::fma(a[i], b[i], c[i]); });
  case Opcode::ClampF:
    return each([&](int i) { return minimum(maximum(a[i], b[i]), c[i]); });
  case Opcode::FPowI:
    return each([&](int i) { return T(power(double(a[i]), lb.i64[i])); });
  case Opcode::NegF:
    return each([&](int i) { return -a[i]; });
  case Opcode::AbsF:
    return each([&](int i) { return std::fabs(a[i]); });
  case Opcode::Sqrt:
    return each([&](int i) { return std::sqrt(a[i]); });
  case Opcode::Floor:
    return each([&](int i) { return std::floor(a[i]); });
  case Opcode::Ceil:
    return each([&](int i) { return std::ceil(a[i]); });
  case Opcode::Trunc:
    return each([&](int i) { return std::trunc(a[i]); });
  case Opcode::Round:
    return each([&](int i) { return std::round(a[i]); });
  case Opcode::RoundEven:
    return each([&](int i) { return std::rint(a[i]); });
  case Opcode::Exp:
    return wide([](double x) { return std::exp(x); });
  case Opcode::Exp2:
    return wide([](double x) { return std::exp2(x); });
  case Opcode::ExpM1:
    return wide([](double x) { return std::expm1(x); });
  case Opcode::Log:
    return wide([](double x) { return std::log(x); });
  case Opcode::Log2:
    return wide([](double x) { return std::log2(x); });
  case Opcode::Log10:
    return wide([](double x) { return std::log10(x); });
  case Opcode::Log1p:
    return wide([](double x) { return std::log1p(x); });
  case Opcode::Rsqrt:
    return wide([](double x) { return 1.0 / std::sqrt(x); });
  case Opcode::Cbrt:
    return wide([](double x) { return std::cbrt(x); });
  case Opcode::Sin:
    return wide([](double x) { return std::sin(x); });
  case Opcode::Cos:
    return wide([](double x) { return std::cos(x); });
  case Opcode::Tan:
    return wide([](double x) { return std::tan(x); });
  case Opcode::Asin:
    return wide([](double x) { return std::asin(x); });
  case Opcode::Acos:
    return wide([](double x) { return std::acos(x); });
  case Opcode::Atan:
    return wide([](double x) { return std::atan(x); });
  case Opcode::Sinh:
    return wide([](double x) { return std::sinh(x); });
  case Opcode::Cosh:
    return wide([](double x) { return std::cosh(x); });
  case Opcode::Tanh:
    return wide([](double x) { return std::tanh(x); });
  case Opcode::Asinh:
    return wide([](double x) { return std::asinh(x); });
  case Opcode::Acosh:
    return wide([](double x) { return std::acosh(x); });
  case Opcode::Atanh:
    return wide([](double x) { return std::atanh(x); });
  case Opcode::Erf:
    return wide([](double x) { return std::erf(x); });
  case Opcode::Erfc:
    return wide([](double x) { return std::erfc(x); });
  case Opcode::IsFinite:
    return classify([](double x) { return std::isfinite(x); });
  case Opcode::IsInf:
    return classify([](double x) { return std::isinf(x); });
  case Opcode::IsNaN:
    return classify([](double x) { return std::isnan(x); });
  case Opcode::IsNormal:
    for (int i = 0; i < n; ++i)
      dst.i64[i] = std::isnormal(a[i]) ? -1 : 0;
    return;
  case Opcode::CmpF: {
    unsigned accepted = kFloatOutcomes[in.aux];
    for (int i = 0; i < n; ++i) {
      T x = a[i], y = b[i];
      unsigned outcome = x < y ? 1 : x == y ? 2 : x > y ? 4 : 8;
      dst.i64[i] = outcome & accepted ? -1 : 0;
    }
    return;
  }
  case Opcode::FPToSI:
  case Opcode::FPToUI: {
    bool isSigned = in.opcode == Opcode::FPToSI;
    double low = isSigned ? -std::ldexp(1.0, in.bits - 1) : 0.0;
    double high = std::ldexp(1.0, in.bits - isSigned);
    for (int i = 0; i < n; ++i) {
      double x = std::trunc(double(a[i]));
      int64_t value;
      if (x != x)
        value = 0;
      else if (x < low)
        value = isSigned ? int64_t(uint64_t(1) << (in.bits - 1)) : 0;
      else if (x >= high)
        value = isSigned ? int64_t((uint64_t(1) << (in.bits - 1)) - 1) : -1;
      else
        value = isSigned ? int64_t(x) : int64_t(uint64_t(x));
      dst.i64[i] = wrapTo(value, in.bits);
    }
    return;
  }
  case Opcode::SIToFP:
  case Opcode::UIToFP:
    for (int i = 0; i < n; ++i) {
      uint64_t bits = lowBits(la.i64[i], in.bits);
      // A float of 24 bits in between must not hide what 16 bits round on.
      if (in.aux)
        out[i] = T(toFloatOdd(in.opcode == Opcode::SIToFP ? double(la.i64[i]) : double(bits)));
      else
        out[i] = in.opcode == Opcode::SIToFP ? T(la.i64[i]) : T(bits);
    }
    return;
  case Opcode::BitsOfFloat:
    for (int i = 0; i < n; ++i) {
      if constexpr (sizeof(T) == 8)
        std::memcpy(&dst.i64[i], &a[i], 8);
      else
        dst.i64[i] = in.aux == 0   ? int64_t(int32_t(floatBits(a[i])))
                     : in.aux == 1 ? int64_t(int16_t(toHalf(a[i]).bits))
                                   : int64_t(int16_t(toBFloat16(a[i]).bits));
    }
    return;
  case Opcode::FloatOfBits:
    for (int i = 0; i < n; ++i) {
      if constexpr (sizeof(T) == 8)
        std::memcpy(&out[i], &la.i64[i], 8);
      else
        out[i] = in.aux == 0   ? floatFromBits(uint32_t(la.i64[i]))
                 : in.aux == 1 ? toFloat(Half{uint16_t(la.i64[i])})
                               : toFloat(BFloat16{uint16_t(la.i64[i])});
    }
    return;
  default:
    llvm_unreachable("not an instruction on floats");
  }
}

/// Instructions on integers; false on division by zero.
bool executeInt(const Instruction &in, Lanes &dst, const Lanes &la, const Lanes &lb, int n) {
  const int64_t *a = la.i64, *b = lb.i64;
  int64_t *out = dst.i64;
  unsigned bits = in.bits;
  auto each = [&](auto function) {
    for (int i = 0; i < n; ++i)
      out[i] = wrapTo(int64_t(function(i)), bits);
    return true;
  };
  auto low = [bits](int64_t value) { return lowBits(value, bits); };
  switch (in.opcode) {
  case Opcode::AddI:
    return each([&](int i) { return uint64_t(a[i]) + uint64_t(b[i]); });
  case Opcode::SubI:
    return each([&](int i) { return uint64_t(a[i]) - uint64_t(b[i]); });
  case Opcode::MulI:
    return each([&](int i) { return uint64_t(a[i]) * uint64_t(b[i]); });
  case Opcode::AndI:
    return each([&](int i) { return a[i] & b[i]; });
  case Opcode::OrI:
    return each([&](int i) { return a[i] | b[i]; });
  case Opcode::XorI:
    return each([&](int i) { return a[i] ^ b[i]; });
  case Opcode::ShlI:
    return each([&](int i) { return low(b[i]) >= bits ? 0 : uint64_t(a[i]) << low(b[i]); });
  case Opcode::ShrSI:
    return each([&](int i) { return a[i] >> std::min<uint64_t>(low(b[i]), 63); });
  case Opcode::ShrUI:
    return each([&](int i) { return low(b[i]) >= bits ? 0 : low(a[i]) >> low(b[i]); });
  case Opcode::MaxSI:
    return each([&](int i) { return std::max(a[i], b[i]); });
  case Opcode::MinSI:
    return each([&](int i) { return std::min(a[i], b[i]); });
  case Opcode::MaxUI:
    return each([&](int i) { return std::max(low(a[i]), low(b[i])); });
  case Opcode::MinUI:
    return each([&](int i) { return std::min(low(a[i]), low(b[i])); });
  case Opcode::AbsI:
    return each([&](int i) { return a[i] < 0 ? uint64_t(0) - uint64_t(a[i]) : uint64_t(a[i]); });
  case Opcode::CtPop:
    return each([&](int i) { return llvm::popcount(low(a[i])); });
  case Opcode::CountLeadingZeros:
    return each([&](int i) { return llvm::countl_zero(low(a[i])) - int(64 - bits); });
  case Opcode::CountTrailingZeros:
    return each([&](int i) { return std::min<int>(llvm::countr_zero(low(a[i])), bits); });
  case Opcode::Wrap:
    return each([&](int i) { return a[i]; });
  case Opcode::ZeroExtend: // `bits` is the width that is left behind.
    for (int i = 0; i < n; ++i)
      out[i] = int64_t(low(a[i]));
    return true;
  case Opcode::IPowI:
    return each([&](int i) -> int64_t {
      if (b[i] >= 0)
        return int64_t(power(uint64_t(a[i]), b[i]));
      return a[i] == 1 ? 1 : a[i] == -1 ? (b[i] & 1 ? -1 : 1) : 0;
    });
  case Opcode::CmpI: {
    unsigned accepted = kIntOutcomes[in.aux];
    bool isUnsigned = in.aux >= 6;
    for (int i = 0; i < n; ++i) {
      bool less = isUnsigned ? low(a[i]) < low(b[i]) : a[i] < b[i];
      out[i] = (less ? 1 : a[i] == b[i] ? 2 : 4) & accepted ? -1 : 0;
    }
    return true;
  }
  default:
    break;
  }
  // Division: the quotient of the most negative number and -1 wraps.
  for (int i = 0; i < n; ++i)
    if (b[i] == 0)
      return false;
  auto quotient = [&](int i) { return b[i] == -1 ? int64_t(0 - uint64_t(a[i])) : a[i] / b[i]; };
  auto remainder = [&](int i) { return b[i] == -1 ? 0 : a[i] % b[i]; };
  switch (in.opcode) {
  case Opcode::DivSI:
    return each(quotient);
  case Opcode::RemSI:
    return each(remainder);
  case Opcode::DivUI:
    return each([&](int i) { return low(a[i]) / low(b[i]); });
  case Opcode::RemUI:
    return each([&](int i) { return low(a[i]) % low(b[i]); });
  case Opcode::CeilDivUI:
    return each([&](int i) { return low(a[i]) / low(b[i]) + (low(a[i]) % low(b[i]) != 0); });
  case Opcode::CeilDivSI:
    return each(
        [&](int i) { return quotient(i) + (remainder(i) != 0 && (a[i] < 0) == (b[i] < 0)); });
  case Opcode::FloorDivSI:
    return each(
        [&](int i) { return quotient(i) - (remainder(i) != 0 && (a[i] < 0) != (b[i] < 0)); });
  default:
    llvm_unreachable("not an instruction on integers");
  }
}

} // namespace

bool Frame::execute(const Instruction &in, Lanes &dst, const Lanes &a, const Lanes &b,
                    const Lanes &c, int n) {
  auto convert = [&](auto *out, const auto *from, auto function) {
    for (int i = 0; i < n; ++i)
      out[i] = function(from[i]);
    return true;
  };
  switch (in.opcode) {
  case Opcode::RoundToHalf:
    return convert(dst.f32, a.f32, [](float x) { return toFloat(toHalf(x)); });
  case Opcode::RoundToBFloat16:
    return convert(dst.f32, a.f32, [](float x) { return toFloat(toBFloat16(x)); });
  case Opcode::F32ToF64:
    return convert(dst.f64, a.f32, [](float x) { return double(x); });
  case Opcode::F64ToF32:
    return convert(dst.f32, a.f64, [](double x) { return float(x); });
  case Opcode::F64ToF32Odd:
    return convert(dst.f32, a.f64, [](double x) { return toFloatOdd(x); });
  case Opcode::Select:
    for (int i = 0; i < n; ++i) {
      if (in.kind == RegisterKind::F32)
        dst.f32[i] = a.i64[i] ? b.f32[i] : c.f32[i];
      else if (in.kind == RegisterKind::F64)
        dst.f64[i] = a.i64[i] ? b.f64[i] : c.f64[i];
      else
        dst.i64[i] = a.i64[i] ? b.i64[i] : c.i64[i];
    }
    return true;
  default:
    break;
  }
  if (in.kind == RegisterKind::F32)
    executeFloat<float>(in, dst, a, b, c, n);
  else if (in.kind == RegisterKind::F64)
    executeFloat<double>(in, dst, a, b, c, n);
  else
    return executeInt(in, dst, a, b, n);
  return true;
}

//===----------------------------------------------------------------------===//
// Programs
//===----------------------------------------------------------------------===//

Frame::Frame(const Program &program, Lookup lookup)
    : program(program), registers(program.numRegisters) {
  for (const auto &[index, value] : program.constants)
    splatLanes(value.getKind(), value.data(), registers[index]);
  for (const auto &[index, value] : program.captures) {
    const Tensor &tensor = lookup(value);
    splatLanes(tensor.getKind(), tensor.data(), registers[index]);
  }
  for (const Program::Extraction &extraction : program.extractions)
    tensors.push_back(lookup(extraction.tensor));
}

llvm::Error Frame::extract(const Program::Extraction &extraction, const Tensor &tensor, Lanes &dst,
                           int n) {
  int64_t offsets[kLanes] = {};
  for (auto [index, size] : llvm::zip_equal(extraction.indices, tensor.getShape())) {
    const int64_t *at = registers[index].i64;
    for (int i = 0; i < n; ++i) {
      if (at[i] < 0 || at[i] >= size)
        return errorAt(extraction.op, "index ", at[i], " is outside of ", tensor.getType());
      offsets[i] = offsets[i] * size + at[i];
    }
  }
  // Neighbouring lanes usually read neighbouring elements: load whole runs.
  ElementKind kind = tensor.getKind();
  int64_t bytes = tensor.getElementBytes();
  bool isRun = true;
  for (int i = 1; i < n && isRun; ++i)
    isRun = offsets[i] == offsets[i - 1] + 1;
  if (isRun) {
    loadLanes(kind, tensor.data() + offsets[0] * bytes, 1, n, dst);
    return llvm::Error::success();
  }
  Lanes one;
  for (int i = 0; i < n; ++i) {
    loadLanes(kind, tensor.data() + offsets[i] * bytes, 1, 1, one);
    copyLane(kind, one, dst, i);
  }
  return llvm::Error::success();
}

llvm::Error Frame::run(int n) {
  for (const Instruction &in : program.code) {
    if (in.opcode == Opcode::Extract) {
      if (llvm::Error error =
              extract(program.extractions[in.aux], tensors[in.aux], registers[in.dst], n))
        return error;
    } else if (in.opcode == Opcode::Assert) {
      for (int i = 0; i < n; ++i)
        if (!registers[in.a].i64[i]) {
          auto assertion = cast<cf::AssertOp>(program.assertions[in.aux]);
          return errorAt(assertion, assertion.getMsg());
        }
    } else if (!execute(in, registers[in.dst], registers[in.a], registers[in.b], registers[in.c],
                        n)) {
      return errorAt(program.owner, "integer division by zero");
    }
  }
  return llvm::Error::success();
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Codes of a block are taken apart into one byte each, plane by plane, in loops
// over runs; everything else is per group. Rounding to blocks follows ggml's
// reference functions (quantize_row_*_ref of ggml-quants.c, MIT licence), of
// which there are three kinds: around a zero, from a minimum, by a code book.

#include "compiler/weights/GroupBlocks.h"
#include "dialects/nn/GroupFormats.h"

#include "compiler/weights/ElementKind.h"

#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;
using namespace tercet;
using nn::CodeKind;
using nn::GroupShiftKind;
using nn::ScaleKind;
using nn::SubscaleKind;

static llvm::Error blockError(const Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), "weight recipe: " + text);
}

/// Of an unsigned float with 4 bits of exponent and 3 of mantissa; as ggml reads
/// it the one value that is no number is 0 if it is halved.
static float toFloatUE4M3(uint8_t byte, bool halved) {
  if ((byte & 0x7f) == 0x7f)
    return halved ? 0.0f : std::nanf("");
  int exponent = (byte >> 3) & 15, mantissa = byte & 7;
  float value =
      exponent == 0 ? std::ldexp(float(mantissa), -9) : std::ldexp(8.0f + mantissa, exponent - 10);
  return halved ? value / 2 : value;
}

static float readScale(ScaleKind kind, const char *at) {
  auto byte = static_cast<uint8_t>(*at);
  Half half;
  BFloat16 brain;
  float single;
  switch (kind) {
  case ScaleKind::None:
    return 1.0f;
  case ScaleKind::F16:
    std::memcpy(&half, at, 2);
    return toFloat(half);
  case ScaleKind::BF16:
    std::memcpy(&brain, at, 2);
    return toFloat(brain);
  case ScaleKind::F32:
    std::memcpy(&single, at, 4);
    return single;
  case ScaleKind::E8M0:
    return byte == 255 ? std::nanf("") : std::ldexp(1.0f, int(byte) - 127);
  case ScaleKind::HalfE8M0:
    return std::ldexp(1.0f, int(byte) - 128);
  case ScaleKind::UE4M3:
  case ScaleKind::HalfUE4M3:
    return toFloatUE4M3(byte, kind == ScaleKind::HalfUE4M3);
  }
  llvm_unreachable("an unknown kind of scale");
}

static void writeScale(ScaleKind kind, float value, char *at) {
  if (kind == ScaleKind::F16) {
    Half half = toHalf(value);
    std::memcpy(at, &half, 2);
  } else if (kind == ScaleKind::BF16) {
    BFloat16 brain = toBFloat16(value);
    std::memcpy(at, &brain, 2);
  } else if (kind == ScaleKind::F32) {
    std::memcpy(at, &value, 4);
  } else {
    llvm_unreachable("a kind of scale that no float is rounded to");
  }
}

static bool holdsFloats(ScaleKind kind) {
  return kind == ScaleKind::F16 || kind == ScaleKind::BF16 || kind == ScaleKind::F32;
}

GroupBlocks::GroupBlocks(nn::GroupsAttr format)
    : format(format), elements(format.getBlock()), bytes(format.getBytes()),
      group(format.getGroup()), groups(format.getGroups()), bits(format.getBits()),
      scaleKind(format.getScale()), subscaleKind(format.getSubscale()),
      shiftKind(format.getShift()) {}

//===----------------------------------------------------------------------===//
// Codes
//===----------------------------------------------------------------------===//

void GroupBlocks::unpackCodes(const char *block, uint8_t *codes) const {
  std::memset(codes, 0, elements);
  int64_t shift = 0;
  for (nn::PlaneAttr plane : format.getPlanes()) {
    int64_t width = plane.getBits(), run = plane.getRun();
    auto *from = reinterpret_cast<const uint8_t *>(block) + plane.getAt();
    unsigned mask = (1u << width) - 1;
    if (8 % width == 0) {
      int64_t perByte = 8 / width;
      // A stream may end within a byte.
      for (int64_t first = 0; first < elements; first += run) {
        int64_t byte = first / (run * perByte) * run, bit = first / run % perByte * width;
        for (int64_t l = 0; l < run; ++l)
          codes[first + l] |= static_cast<uint8_t>(((from[byte + l] >> bit) & mask) << shift);
      }
    } else {
      for (int64_t element = 0; element < elements; ++element) {
        int64_t bit = element * width;
        unsigned word = from[bit / 8];
        if (bit % 8 + width > 8)
          word |= unsigned(from[bit / 8 + 1]) << 8;
        codes[element] |= static_cast<uint8_t>(((word >> bit % 8) & mask) << shift);
      }
    }
    shift += width;
  }
}

void GroupBlocks::storeCodes(const uint8_t *codes, char *block) const {
  int64_t shift = 0;
  for (nn::PlaneAttr plane : format.getPlanes()) {
    int64_t width = plane.getBits(), run = plane.getRun();
    auto *to = reinterpret_cast<uint8_t *>(block) + plane.getAt();
    unsigned mask = (1u << width) - 1;
    for (int64_t element = 0; element < elements; ++element) {
      unsigned code = (codes[element] >> shift) & mask;
      int64_t bit = element * width;
      if (run != 1)
        bit = 8 * (element / (run * (8 / width)) * run + element % run) +
              element / run % (8 / width) * width;
      to[bit / 8] |= static_cast<uint8_t>(code << bit % 8);
      if (bit % 8 + width > 8)
        to[bit / 8 + 1] |= static_cast<uint8_t>(code >> (8 - bit % 8));
    }
    shift += width;
  }
}

float GroupBlocks::valueOf(uint8_t code) const {
  int value = code;
  if (format.getCodebook())
    value = format.getCodebook()[code];
  else if (format.getCodes() == CodeKind::Signed && code >> (bits - 1))
    value -= 1 << bits;
  return static_cast<float>(value - format.getZero());
}

//===----------------------------------------------------------------------===//
// Scales
//===----------------------------------------------------------------------===//

void GroupBlocks::unpackSubscales(const char *block, int16_t *subscales) const {
  auto *s = reinterpret_cast<const uint8_t *>(block) + std::max<int64_t>(0, format.getSubscaleAt());
  switch (subscaleKind) {
  case SubscaleKind::None:
    return;
  case SubscaleKind::Nibbles:
    for (int64_t g = 0; g < groups; ++g) {
      subscales[g] = s[g] & 15;
      subscales[groups + g] = s[g] >> 4;
    }
    return;
  case SubscaleKind::I8:
    for (int64_t g = 0; g < groups; ++g)
      subscales[g] = static_cast<int8_t>(s[g]);
    return;
  case SubscaleKind::SixWithMinima:
    // The first four of each have bytes of their own, whose upper bits are those
    // of the last four; their lower bits share bytes.
    for (int64_t g = 0; g < 4; ++g) {
      subscales[g] = s[g] & 63;
      subscales[8 + g] = s[4 + g] & 63;
      subscales[4 + g] = static_cast<int16_t>((s[8 + g] & 15) | (s[g] >> 6) << 4);
      subscales[12 + g] = static_cast<int16_t>((s[8 + g] >> 4) | (s[4 + g] >> 6) << 4);
    }
    return;
  case SubscaleKind::Six:
    for (int64_t g = 0; g < 16; ++g) {
      int low = (s[g % 8] >> (g / 8 * 4)) & 15, high = (s[8 + g % 4] >> (g / 4 * 2)) & 3;
      subscales[g] = static_cast<int16_t>((low | high << 4) - 32);
    }
    return;
  case SubscaleKind::SplitSix:
    for (int64_t g = 0; g < 8; ++g) {
      int low = (s[2 + g / 2] >> (g % 2 * 4)) & 15, high = ((s[0] | s[1] << 8) >> (2 * g)) & 3;
      subscales[g] = static_cast<int16_t>((low | high << 4) - 32);
    }
    return;
  }
}

GroupBlocks::Scaling GroupBlocks::scalingOf(const char *block, const int16_t *subscales,
                                            int64_t g) const {
  bool subscaled = subscaleKind != SubscaleKind::None;
  int64_t size = bytesOf(scaleKind), index = subscaled ? 0 : g;
  Scaling result = {1.0f, 0.0f, 0.0f};
  if (scaleKind != ScaleKind::None)
    result.scale = readScale(scaleKind, block + format.getScaleAt() + index * size);
  if (subscaled)
    result.scale *= subscales[g];
  switch (shiftKind) {
  case GroupShiftKind::None:
    break;
  case GroupShiftKind::Zero:
    result.zero = static_cast<uint8_t>(block[format.getShiftAt() + g]);
    break;
  case GroupShiftKind::FloatZero:
    result.zero = readScale(scaleKind, block + format.getShiftAt() + g * size);
    break;
  case GroupShiftKind::Minimum:
    result.minimum = readScale(scaleKind, block + format.getShiftAt() + g * size);
    break;
  case GroupShiftKind::Subminimum:
    result.minimum = -(readScale(scaleKind, block + format.getShiftAt()) * subscales[groups + g]);
    break;
  }
  return result;
}

void GroupBlocks::decode(const char *block, float *values) const {
  SmallVector<uint8_t, 256> codes(elements);
  SmallVector<int16_t, 64> subscales(2 * groups);
  float table[256];
  for (int64_t code = 0; code < int64_t(1) << bits; ++code)
    table[code] = valueOf(static_cast<uint8_t>(code));
  unpackCodes(block, codes.data());
  unpackSubscales(block, subscales.data());
  bool shifted = format.getShift() == GroupShiftKind::Minimum ||
                 format.getShift() == GroupShiftKind::Subminimum;
  for (int64_t g = 0; g < groups; ++g) {
    Scaling scaling = scalingOf(block, subscales.data(), g);
    for (int64_t element = g * group; element < (g + 1) * group; ++element)
      values[element] = scaling.scale * (table[codes[element]] - scaling.zero);
    // A loop of its own: the sum is rounded after the product.
    if (shifted)
      for (int64_t element = g * group; element < (g + 1) * group; ++element)
        values[element] += scaling.minimum;
  }
}

//===----------------------------------------------------------------------===//
// From floats
//===----------------------------------------------------------------------===//

llvm::Error GroupBlocks::checkEncodable() const {
  bool simple = subscaleKind == SubscaleKind::None && format.getSumAt() < 0;
  bool byCodebook =
      format.getCodebook() && scaleKind == ScaleKind::HalfE8M0 && shiftKind == GroupShiftKind::None;
  bool aroundZero =
      !format.getCodebook() && holdsFloats(scaleKind) && shiftKind == GroupShiftKind::None &&
      (format.getCodes() == CodeKind::Signed ? format.getZero() == 0
                                             : format.getZero() == int64_t(1) << (bits - 1));
  bool fromMinimum = !format.getCodebook() && holdsFloats(scaleKind) &&
                     shiftKind == GroupShiftKind::Minimum && format.getZero() == 0 &&
                     format.getCodes() == CodeKind::Unsigned;
  if (simple && bits > 1 && (byCodebook || aroundZero || fromMinimum))
    return llvm::Error::success();
  std::string text;
  llvm::raw_string_ostream(text) << format;
  return blockError("floats cannot be rounded to " + text +
                    "; formats that can be made have a scale of f16, bf16 or f32 and codes around "
                    "a zero in the middle or from a minimum, or a code book and scales half_e8m0");
}

void GroupBlocks::encodeAroundZero(const float *values, char *block, int64_t g,
                                   uint8_t *codes) const {
  char *at = block + format.getScaleAt() + g * bytesOf(scaleKind);
  float extreme = 0.0f;
  for (int64_t i = 0; i < group; ++i)
    if (std::fabs(values[i]) > std::fabs(extreme))
      extreme = values[i];
  if (format.getCodes() == CodeKind::Signed) {
    float scale = std::fabs(extreme) / static_cast<float>((1 << (bits - 1)) - 1);
    float inverse = scale != 0.0f ? 1.0f / scale : 0.0f;
    for (int64_t i = 0; i < group; ++i)
      codes[i] = static_cast<uint8_t>(int(std::round(values[i] * inverse))) &
                 static_cast<uint8_t>((1 << bits) - 1);
    writeScale(scaleKind, scale, at);
    return;
  }
  // The element that is farthest from zero gets the code 0, which has no
  // counterpart on the other side.
  auto zero = static_cast<float>(format.getZero());
  float scale = extreme / -zero, inverse = scale != 0.0f ? 1.0f / scale : 0.0f;
  for (int64_t i = 0; i < group; ++i) {
    float scaled = values[i] * inverse;
    codes[i] = static_cast<uint8_t>(std::min(int(scaled + (zero + 0.5f)), (1 << bits) - 1));
  }
  writeScale(scaleKind, scale, at);
}

void GroupBlocks::encodeFromMinimum(const float *values, char *block, int64_t g,
                                    uint8_t *codes) const {
  auto [least, greatest] = std::minmax_element(values, values + group);
  int most = (1 << bits) - 1;
  float scale = (*greatest - *least) / static_cast<float>(most);
  float inverse = scale != 0.0f ? 1.0f / scale : 0.0f;
  for (int64_t i = 0; i < group; ++i) {
    float scaled = (values[i] - *least) * inverse;
    codes[i] = static_cast<uint8_t>(std::min(int(scaled + 0.5f), most));
  }
  writeScale(scaleKind, scale, block + format.getScaleAt() + g * bytesOf(scaleKind));
  writeScale(scaleKind, *least, block + format.getShiftAt() + g * bytesOf(scaleKind));
}

void GroupBlocks::encodeByCodebook(const float *values, char *block, int64_t g,
                                   uint8_t *codes) const {
  // The greatest power of two of the code book is 4 before it is doubled.
  float greatest = 0.0f;
  for (int64_t i = 0; i < group; ++i)
    greatest = std::max(greatest, std::fabs(values[i]));
  int exponent = greatest > 0.0f ? std::ilogb(greatest) - 2 + 127 : 0;
  auto stored = static_cast<uint8_t>(std::clamp(exponent, 0, 254));
  block[format.getScaleAt() + g] = static_cast<char>(stored);
  float scale = readScale(scaleKind, block + format.getScaleAt() + g);
  for (int64_t i = 0; i < group; ++i) {
    // Of two that are as near the first.
    float best = std::numeric_limits<float>::infinity();
    for (int64_t code = 0; code < int64_t(1) << bits; ++code) {
      float error = std::fabs(valueOf(static_cast<uint8_t>(code)) * scale - values[i]);
      if (error < best) {
        best = error;
        codes[i] = static_cast<uint8_t>(code);
      }
    }
  }
}

void GroupBlocks::encode(const float *values, char *block) const {
  SmallVector<uint8_t, 256> codes(elements);
  std::memset(block, 0, bytes);
  for (int64_t g = 0; g < groups; ++g) {
    const float *from = values + g * group;
    uint8_t *to = codes.data() + g * group;
    if (format.getCodebook())
      encodeByCodebook(from, block, g, to);
    else if (shiftKind == GroupShiftKind::Minimum)
      encodeFromMinimum(from, block, g, to);
    else
      encodeAroundZero(from, block, g, to);
  }
  storeCodes(codes.data(), block);
}

llvm::Error GroupBlocks::join(const float *codes, const float *scales, const float *shifts,
                              char *block) const {
  std::memset(block, 0, bytes);
  SmallVector<uint8_t, 256> stored(elements);
  int64_t least = format.getCodes() == CodeKind::Signed ? -(int64_t(1) << (bits - 1)) : 0;
  for (int64_t element = 0; element < elements; ++element) {
    float code = codes[element];
    if (code != std::floor(code) || !(code >= least) || !(code < least + (int64_t(1) << bits)))
      return blockError("the code " + llvm::formatv("{0}", code).str() + " does not fit " +
                        Twine(bits) + " bits of the format");
    stored[element] = static_cast<uint8_t>(int64_t(code) & ((int64_t(1) << bits) - 1));
  }
  auto storeFloat = [&](float value, int64_t at, StringRef name) -> llvm::Error {
    if (!holdsFloats(scaleKind))
      return blockError("no " + name + " is joined to scales of one byte");
    writeScale(scaleKind, value, block + at);
    float held = readScale(scaleKind, block + at);
    if (held != value && value == value)
      return blockError("the " + name + " " + llvm::formatv("{0}", value).str() +
                        " is rounded by the format; choose one with wider scales");
    return llvm::Error::success();
  };
  for (int64_t g = 0; g < groups; ++g) {
    if (llvm::Error error =
            storeFloat(scales[g], format.getScaleAt() + g * bytesOf(scaleKind), "scale"))
      return error;
    if (shiftKind == GroupShiftKind::None)
      continue;
    if (shiftKind == GroupShiftKind::Zero) {
      if (shifts[g] != std::floor(shifts[g]) || !(shifts[g] >= 0) || !(shifts[g] <= 255))
        return blockError("the zero " + llvm::formatv("{0}", shifts[g]).str() +
                          " is no unsigned byte");
      block[format.getShiftAt() + g] = static_cast<char>(static_cast<uint8_t>(shifts[g]));
    } else if (llvm::Error error =
                   storeFloat(shifts[g], format.getShiftAt() + g * bytesOf(scaleKind), "shift")) {
      return error;
    }
  }
  storeCodes(stored.data(), block);
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Panels
//===----------------------------------------------------------------------===//

void GroupBlocks::pack(const char *block, int64_t row, int64_t panel, char *packed) const {
  bool subscaled = subscaleKind != SubscaleKind::None;
  int64_t scaleBytes = bytesOf(scaleKind), scales = subscaled ? 1 : groups;
  auto place = [&](int64_t from, int64_t count, int64_t size) {
    for (int64_t i = 0; i < count; ++i)
      std::memcpy(packed + (i * panel + row) * size, block + from + i * size, size);
    packed += count * panel * size;
  };
  place(format.getScaleAt(), scales, scaleBytes);
  if (shiftKind == GroupShiftKind::Zero)
    place(format.getShiftAt(), groups, 1);
  else if (shiftKind != GroupShiftKind::None)
    place(format.getShiftAt(), scales, scaleBytes);
  if (subscaled) {
    SmallVector<int16_t, 64> subscales(2 * groups);
    unpackSubscales(block, subscales.data());
    int64_t count = groups * (format.hasSubminima() ? 2 : 1);
    for (int64_t i = 0; i < count; ++i)
      packed[i * panel + row] = static_cast<char>(subscales[i]);
    packed += count * panel;
  }

  SmallVector<uint8_t, 256> codes(elements);
  unpackCodes(block, codes.data());
  if (format.getCodes() == CodeKind::Signed)
    for (uint8_t &code : codes)
      code ^= static_cast<uint8_t>(1 << (bits - 1));
  auto *to = reinterpret_cast<uint8_t *>(packed) + 4 * row;
  for (int64_t first = 0; first < elements; first += 32) {
    int64_t shift = 0;
    for (int64_t width : {8, 4, 2, 1}) {
      // Only all eight bits are a plane of eight.
      if (!(bits & width))
        continue;
      uint8_t mask = static_cast<uint8_t>((1 << width) - 1);
      for (int64_t v = 0; v < width; ++v, to += 4 * panel)
        for (int64_t i = 0; i < 4; ++i) {
          unsigned byte = 0;
          for (int64_t c = 0; c < 8 / width; ++c)
            byte |= unsigned((codes[first + 4 * (c * width + v) + i] >> shift) & mask)
                    << (c * width);
          to[i] = static_cast<uint8_t>(byte);
        }
      shift += width;
    }
  }
}

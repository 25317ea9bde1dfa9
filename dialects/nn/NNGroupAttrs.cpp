// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What follows from a description of groups, and the verifiers of it and of the
// recipes that use it. A format that verifies has every bit of a code once, and
// nothing outside of its block; that two fields do not share bits is checked
// too, since such a description is always a mistake.

#include "dialects/nn/GroupFormats.h"
#include "dialects/nn/NN.h"

#include "llvm/ADT/BitVector.h"

using namespace mlir;
using namespace tercet::nn;

using EmitError = function_ref<InFlightDiagnostic()>;

/// Blocks are read whole; formats have up to 256 elements in them.
static constexpr int64_t kGreatestBlock = 65536;

static bool hasSubminima(SubscaleKind kind) {
  return kind == SubscaleKind::Nibbles || kind == SubscaleKind::SixWithMinima;
}

/// Bytes that the subscales of a block take in the file, and for how many groups
/// they are, 0 for any number.
static std::pair<int64_t, int64_t> sizeOf(SubscaleKind kind, int64_t groups) {
  switch (kind) {
  case SubscaleKind::None:
    return {0, 0};
  case SubscaleKind::Nibbles:
  case SubscaleKind::I8:
    return {groups, 0};
  case SubscaleKind::SixWithMinima:
    return {12, 8};
  case SubscaleKind::Six:
    return {12, 16};
  case SubscaleKind::SplitSix:
    return {6, 8};
  }
  llvm_unreachable("a kind of subscale without a size");
}

static int64_t bytesOfShifts(GroupShiftKind shift, ScaleKind scale, int64_t groups) {
  switch (shift) {
  case GroupShiftKind::None:
    return 0;
  case GroupShiftKind::Zero:
    return groups;
  case GroupShiftKind::Minimum:
  case GroupShiftKind::FloatZero:
    return groups * bytesOf(scale);
  case GroupShiftKind::Subminimum:
    return bytesOf(scale);
  }
  llvm_unreachable("a kind of shift without a size");
}

//===----------------------------------------------------------------------===//
// Description
//===----------------------------------------------------------------------===//

LogicalResult PlaneAttr::verify(EmitError emitError, int64_t bits, int64_t run, int64_t at) {
  if (bits < 1 || bits > 8)
    return emitError() << "expected 1 to 8 bits, got " << bits;
  if (run < 1 || run > kGreatestBlock)
    return emitError() << "expected a run from 1 to " << kGreatestBlock << ", got " << run;
  if (run != 1 && 8 % bits != 0)
    return emitError() << "expected a run of 1 for bits that do not divide 8, got " << run;
  if (at < 0)
    return emitError() << "expected a byte of the block, got " << at;
  return success();
}

namespace {
/// The bits of a block that fields have taken.
struct TakenBits {
  llvm::BitVector bits;

  bool take(int64_t from, int64_t count) {
    if (from < 0 || from + count > bits.size())
      return false;
    for (int64_t bit = from; bit < from + count; ++bit) {
      if (bits.test(bit))
        return false;
      bits.set(bit);
    }
    return true;
  }
};
} // namespace

LogicalResult GroupsAttr::verify(EmitError emitError, int64_t block, int64_t bytes, int64_t group,
                                 ArrayRef<PlaneAttr> planes, CodeKind codes, int64_t zero,
                                 DenseI8ArrayAttr codebook, ScaleKind scale, int64_t scaleAt,
                                 SubscaleKind subscale, int64_t subscaleAt, GroupShiftKind shift,
                                 int64_t shiftAt, int64_t sumAt) {
  if (block < 1 || block > kGreatestBlock || bytes < 1 || bytes > 8 * kGreatestBlock)
    return emitError() << "expected blocks of up to " << kGreatestBlock << " elements, got "
                       << block << " in " << bytes << " bytes";
  if (group < 1 || block % group != 0)
    return emitError() << "expected groups that divide a block of " << block << ", got " << group;
  int64_t groups = block / group, bits = 0;
  TakenBits taken{llvm::BitVector(8 * bytes)};
  auto takeBytes = [&](StringRef name, int64_t at, int64_t count) -> LogicalResult {
    if (at < 0 || !taken.take(8 * at, 8 * count))
      return emitError() << "expected " << count << " bytes for the " << name
                         << " in the block and of its own, got byte " << at << " of " << bytes;
    return success();
  };
  for (PlaneAttr plane : planes) {
    bits += plane.getBits();
    int64_t run = plane.getRun(), perByte = run == 1 ? 1 : 8 / plane.getBits();
    if (block % (run * perByte) != 0)
      return emitError() << "expected runs that fill a block of " << block << ", got " << plane;
    for (int64_t element = 0; element < block; ++element) {
      int64_t first = 8 * plane.getAt() + element * plane.getBits();
      if (run != 1) {
        int64_t byte = element / (run * perByte) * run + element % run;
        first = 8 * (plane.getAt() + byte) + element / run % perByte * plane.getBits();
      }
      if (!taken.take(first, plane.getBits()))
        return emitError() << "bits of element " << element << " in " << plane
                           << " lie outside of the block or are another's";
    }
  }
  if (bits < 1 || bits > 8)
    return emitError() << "expected planes with 1 to 8 bits in all, got " << bits;
  if (codebook && (codes == CodeKind::Signed || codebook.size() != int64_t(1) << bits))
    return emitError() << "expected a code book of " << (int64_t(1) << bits)
                       << " for unsigned codes, got " << codebook;
  if (zero < -256 || zero > 255)
    return emitError() << "expected a zero from -256 to 255, got " << zero;

  if (scale == ScaleKind::None && (subscale != SubscaleKind::None || shift != GroupShiftKind::None))
    return emitError() << "subscales and shifts need a scale";
  bool subscaled = subscale != SubscaleKind::None;
  if (scale != ScaleKind::None &&
      failed(takeBytes("scales", scaleAt, bytesOf(scale) * (subscaled ? 1 : groups))))
    return failure();
  if (subscaled) {
    auto [size, expected] = sizeOf(subscale, groups);
    if (expected && groups != expected)
      return emitError() << "expected " << expected << " groups in a block for subscales "
                         << stringifySubscaleKind(subscale) << ", got " << groups;
    if (failed(takeBytes("subscales", subscaleAt, size)))
      return failure();
  }
  if ((shift == GroupShiftKind::Subminimum) != ::hasSubminima(subscale))
    return emitError() << "expected a shift by subminima just where the subscales have them, got "
                       << stringifyGroupShiftKind(shift) << " and "
                       << stringifySubscaleKind(subscale);
  if ((shift == GroupShiftKind::Minimum || shift == GroupShiftKind::FloatZero) &&
      (subscaled || bytesOf(scale) == 1))
    return emitError() << "expected scales of f16, bf16 or f32 for each group beside "
                       << stringifyGroupShiftKind(shift);
  if (shift != GroupShiftKind::None &&
      failed(takeBytes("shifts", shiftAt, bytesOfShifts(shift, scale, groups))))
    return failure();
  if (sumAt >= 0 && failed(takeBytes("sums", sumAt, 4 * groups)))
    return failure();
  return success();
}

int64_t GroupsAttr::getBits() const {
  int64_t bits = 0;
  for (PlaneAttr plane : getPlanes())
    bits += plane.getBits();
  return bits;
}

int64_t GroupsAttr::getBlocks(int64_t elements) const {
  return ShapedType::isDynamic(elements) ? elements : llvm::divideCeil(elements, getBlock());
}

std::pair<int64_t, int64_t> GroupsAttr::getRange() const {
  int64_t bits = getBits(), least = 0, greatest = (int64_t(1) << bits) - 1;
  if (getCodes() == CodeKind::Signed) {
    least = -(int64_t(1) << (bits - 1));
    greatest = -least - 1;
  } else if (getCodebook()) {
    least = *llvm::min_element(getCodebook().asArrayRef());
    greatest = *llvm::max_element(getCodebook().asArrayRef());
  }
  return {least - getZero(), greatest - getZero()};
}

bool GroupsAttr::hasSubminima() const { return ::hasSubminima(getSubscale()); }

bool GroupsAttr::isPackable() const {
  return getScale() != ScaleKind::None && getSumAt() < 0 && getBlock() % 32 == 0 &&
         getGroup() % 16 == 0;
}

int64_t GroupsAttr::getPackedBytes() const {
  bool subscaled = getSubscale() != SubscaleKind::None;
  int64_t scales = bytesOf(getScale()) * (subscaled ? 1 : getGroups());
  int64_t subscales = subscaled ? getGroups() * (hasSubminima() ? 2 : 1) : 0;
  return scales + bytesOfShifts(getShift(), getScale(), getGroups()) + subscales +
         getBlock() * getBits() / 8;
}

//===----------------------------------------------------------------------===//
// Recipes
//===----------------------------------------------------------------------===//

static RankedTensorType sourceType(EmitError emitError, TypedAttr source) {
  auto type = dyn_cast<RankedTensorType>(source.getType());
  if (type && type.hasStaticShape())
    return type;
  emitError() << "expected a source of static tensor type, got " << source.getType();
  return {};
}

static LogicalResult expectType(EmitError emitError, RankedTensorType type, Type element,
                                ArrayRef<int64_t> shape) {
  if (type.getElementType() == element && type.getShape() == shape)
    return success();
  return emitError() << "expected type " << RankedTensorType::get(shape, element) << ", got "
                     << type;
}

/// The type of blocks of a format, or null and an error.
static RankedTensorType blocksType(EmitError emitError, TypedAttr source, GroupsAttr format) {
  RankedTensorType from = sourceType(emitError, source);
  if (!from)
    return {};
  if (from.getRank() == 3 && from.getElementType().isSignlessInteger(8) &&
      from.getDimSize(2) == format.getBytes())
    return from;
  emitError() << "expected blocks of " << format.getBytes() << " bytes in [N, B, "
              << format.getBytes() << "] of i8, got " << from;
  return {};
}

LogicalResult DecodeAttr::verify(EmitError emitError, TypedAttr source, GroupsAttr format,
                                 RankedTensorType type) {
  RankedTensorType from = blocksType(emitError, source, format);
  if (!from)
    return failure();
  if (type.getRank() != 2 || !type.getElementType().isF32() ||
      type.getDimSize(0) != from.getDimSize(0) ||
      format.getBlocks(type.getDimSize(1)) != from.getDimSize(1))
    return emitError() << "blocks of " << format.getBlock() << " elements in " << from
                       << " do not decode to " << type;
  return success();
}

LogicalResult EncodeAttr::verify(EmitError emitError, TypedAttr source, GroupsAttr format,
                                 RankedTensorType type) {
  RankedTensorType from = sourceType(emitError, source);
  if (!from)
    return failure();
  if (from.getRank() != 2 || !isa<FloatType>(from.getElementType()))
    return emitError() << "expected a matrix of floats, got " << from;
  return expectType(emitError, type, IntegerType::get(type.getContext(), 8),
                    {from.getDimSize(0), format.getBlocks(from.getDimSize(1)), format.getBytes()});
}

LogicalResult JoinGroupsAttr::verify(EmitError emitError, TypedAttr codes, TypedAttr scales,
                                     TypedAttr shifts, GroupsAttr format, RankedTensorType type) {
  RankedTensorType from = sourceType(emitError, codes);
  if (!from)
    return failure();
  if (from.getRank() != 2 ||
      !(isa<FloatType>(from.getElementType()) || from.getElementType().isSignlessInteger(8)))
    return emitError() << "expected codes in a matrix of i8 or floats, got " << from;
  if (format.getSubscale() != SubscaleKind::None || format.getScale() == ScaleKind::None)
    return emitError() << "expected a format with a scale for each group, got " << format;
  if (bool(shifts) != (format.getShift() != GroupShiftKind::None))
    return emitError() << "expected shifts just where the format has them";
  int64_t groups = llvm::divideCeil(from.getDimSize(1), format.getGroup());
  for (TypedAttr each : {scales, shifts}) {
    RankedTensorType of = each ? sourceType(emitError, each) : RankedTensorType();
    if (each && !of)
      return failure();
    if (each && (!isa<FloatType>(of.getElementType()) ||
                 of.getShape() != ArrayRef<int64_t>({from.getDimSize(0), groups})))
      return emitError() << "expected floats in [" << from.getDimSize(0) << ", " << groups
                         << "], one for each group of " << from << ", got " << of;
  }
  return expectType(emitError, type, IntegerType::get(type.getContext(), 8),
                    {from.getDimSize(0), format.getBlocks(from.getDimSize(1)), format.getBytes()});
}

LogicalResult PackGroupsAttr::verify(EmitError emitError, TypedAttr source, GroupsAttr format,
                                     int64_t panel, RankedTensorType type) {
  RankedTensorType from = blocksType(emitError, source, format);
  if (!from)
    return failure();
  if (panel < 1 || panel > kGreatestBlock)
    return emitError() << "expected a positive panel, got " << panel;
  if (!format.isPackable())
    return emitError() << "expected blocks of a multiple of 32 elements in groups of a multiple "
                          "of 16 with a scale, got "
                       << format;
  return expectType(emitError, type, from.getElementType(),
                    {int64_t(llvm::divideCeil(from.getDimSize(0), panel)), from.getDimSize(1),
                     panel * format.getPackedBytes()});
}

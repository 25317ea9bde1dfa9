// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Recipes that turn codes and scales into blocks. A block is made to hold a
// multiple of 32 elements and whole groups, as kernels want it; where the rows
// do not allow that it is a group, and products run on decoded floats.

#include "compiler/import/CodedMatrix.h"

#include "dialects/nn/GroupFormats.h"

#include <numeric>

using namespace mlir;
using namespace tercet;

static constexpr int64_t kUnpackedBlock = 1024;

static RankedTensorType typeOf(TypedAttr recipe) {
  return cast<RankedTensorType>(recipe.getType());
}

static TypedAttr reshape(TypedAttr recipe, ArrayRef<int64_t> shape) {
  if (typeOf(recipe).getShape() == shape)
    return recipe;
  return nn::ReshapeAttr::get(recipe.getContext(), recipe,
                              RankedTensorType::get(shape, typeOf(recipe).getElementType()));
}

/// Each of the last dimension so many times.
static TypedAttr repeated(TypedAttr recipe, int64_t times) {
  RankedTensorType type = typeOf(recipe);
  int64_t rows = type.getDimSize(0), groups = type.getDimSize(1);
  if (times == 1)
    return recipe;
  SmallVector<Attribute> copies(times, reshape(recipe, {rows * groups, 1}));
  MLIRContext *context = recipe.getContext();
  return reshape(
      nn::ConcatAttr::get(context, ArrayAttr::get(context, copies), 1,
                          RankedTensorType::get({rows * groups, times}, type.getElementType())),
      {rows, groups * times});
}

TypedAttr tercet::unpackCodes(TypedAttr bytes, int64_t rows, int64_t columns, int64_t bits,
                              int64_t offset) {
  // At least as many codes as fill whole bytes; long blocks are faster to read.
  MLIRContext *context = bytes.getContext();
  int64_t block = 8 / std::gcd<int64_t>(8, bits);
  while (block < kUnpackedBlock && columns % (2 * block) == 0)
    block *= 2;
  int64_t size = block * bits / 8;
  auto format =
      nn::GroupsAttr::get(context, block, size, block, nn::PlaneAttr::get(context, bits, 1, 0),
                          nn::CodeKind::Unsigned, -offset, {}, nn::ScaleKind::None, -1,
                          nn::SubscaleKind::None, -1, nn::GroupShiftKind::None, -1, -1);
  TypedAttr blocks = reshape(bytes, {rows, int64_t(llvm::divideCeil(columns, block)), size});
  return nn::DecodeAttr::get(context, blocks, format,
                             RankedTensorType::get({rows, columns}, Float32Type::get(context)));
}

TypedAttr tercet::narrowCodes(TypedAttr codes, int64_t bits) {
  MLIRContext *context = codes.getContext();
  if (bits > 7)
    return codes;
  return nn::CastAttr::get(
      context, codes,
      RankedTensorType::get(typeOf(codes).getShape(), IntegerType::get(context, 8)));
}

TypedAttr tercet::firstColumns(TypedAttr matrix, int64_t columns) {
  RankedTensorType type = typeOf(matrix);
  if (type.getDimSize(1) == columns)
    return matrix;
  return nn::SliceAttr::get(
      matrix.getContext(), matrix, {0, 0},
      RankedTensorType::get({type.getDimSize(0), columns}, type.getElementType()));
}

GroupedRows tercet::joinBlocks(const CodedMatrix &matrix) {
  MLIRContext *context = matrix.codes.getContext();
  // A long group is several with one scale.
  int64_t bits = matrix.bits, part = matrix.group;
  for (int64_t size : {128, 64, 32})
    if (part > 256 && matrix.group % size == 0)
      part = size;
  int64_t block = std::lcm<int64_t>(part, 32);
  if (matrix.columns % block != 0 || block > kLongestBlock)
    block = part;
  int64_t inBlock = block / part;
  Type scale = typeOf(matrix.scales).getElementType();
  auto kind = scale.isF16()    ? nn::ScaleKind::F16
              : scale.isBF16() ? nn::ScaleKind::BF16
                               : nn::ScaleKind::F32;
  int64_t scaleBytes = nn::bytesOf(kind) * inBlock, codesAt = scaleBytes;
  auto shift = nn::GroupShiftKind::None;
  if (matrix.zeros) {
    shift = matrix.floatZeros ? nn::GroupShiftKind::FloatZero : nn::GroupShiftKind::Zero;
    codesAt += matrix.floatZeros ? scaleBytes : inBlock;
  }
  auto format =
      nn::GroupsAttr::get(context, block, codesAt + int64_t(llvm::divideCeil(block * bits, 8)),
                          part, nn::PlaneAttr::get(context, bits, 1, codesAt),
                          nn::CodeKind::Unsigned, matrix.zeros ? 0 : matrix.zero, {}, kind, 0,
                          nn::SubscaleKind::None, -1, shift, matrix.zeros ? scaleBytes : -1, -1);
  int64_t times = matrix.group / part;
  TypedAttr zeros = matrix.zeros ? repeated(matrix.zeros, times) : TypedAttr();
  TypedAttr blocks = nn::JoinGroupsAttr::get(
      context, matrix.codes, repeated(matrix.scales, times), zeros, format,
      RankedTensorType::get({matrix.rows, format.getBlocks(matrix.columns), format.getBytes()},
                            IntegerType::get(context, 8)));
  return {blocks, format};
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Verifiers of weight recipes: each step's type must follow from its source's.

#include "dialects/nn/NN.h"

#include "mlir/Dialect/Utils/IndexingUtils.h"

using namespace mlir;
using namespace tercet::nn;

using EmitError = function_ref<InFlightDiagnostic()>;

/// The type that a recipe yields, or null and an error if it is no ranked
/// tensor of static shape.
static RankedTensorType sourceType(EmitError emitError, TypedAttr source) {
  auto type = dyn_cast<RankedTensorType>(source.getType());
  if (!type || !type.hasStaticShape()) {
    emitError() << "expected a source of static tensor type, got " << source.getType();
    return {};
  }
  return type;
}

static LogicalResult verifySameElementType(EmitError emitError, RankedTensorType source,
                                           RankedTensorType type) {
  if (source.getElementType() != type.getElementType())
    return emitError() << "expected element type " << source.getElementType()
                       << " as in the source, got " << type.getElementType();
  return success();
}

LogicalResult FileAttr::verify(EmitError emitError, StringAttr path, uint64_t offset,
                               uint64_t bytes, StringAttr digest, RankedTensorType type) {
  if (!type || !type.hasStaticShape())
    return emitError() << "expected a static tensor type";
  if (offset + bytes < offset)
    return emitError() << "offset and bytes overflow 64 bits";
  if (!type.getElementType().isIntOrFloat())
    return emitError() << "expected integer or float elements, got " << type.getElementType();
  uint64_t expected = type.getNumElements() * llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  if (bytes != expected)
    return emitError() << "expected " << expected << " bytes for " << type << ", got " << bytes;
  return success();
}

LogicalResult TransposeAttr::verify(EmitError emitError, TypedAttr source, ArrayRef<int64_t> perm,
                                    RankedTensorType type) {
  RankedTensorType from = sourceType(emitError, source);
  if (!from || failed(verifySameElementType(emitError, from, type)))
    return failure();
  if (!isPermutationVector(perm) || static_cast<int64_t>(perm.size()) != from.getRank())
    return emitError() << "expected a permutation of " << from.getRank() << " dimensions";
  if (type.getShape() != ArrayRef<int64_t>(applyPermutation(from.getShape(), perm)))
    return emitError() << "type " << type << " is not the transpose of " << from;
  return success();
}

LogicalResult ReshapeAttr::verify(EmitError emitError, TypedAttr source, RankedTensorType type) {
  RankedTensorType from = sourceType(emitError, source);
  if (!from || failed(verifySameElementType(emitError, from, type)))
    return failure();
  if (from.getNumElements() != type.getNumElements())
    return emitError() << "cannot reshape " << from << " to " << type;
  return success();
}

LogicalResult CastAttr::verify(EmitError emitError, TypedAttr source, RankedTensorType type) {
  RankedTensorType from = sourceType(emitError, source);
  if (!from)
    return failure();
  if (from.getShape() != type.getShape())
    return emitError() << "expected shape of " << from << ", got " << type;
  return success();
}

LogicalResult SliceAttr::verify(EmitError emitError, TypedAttr source, ArrayRef<int64_t> offsets,
                                RankedTensorType type) {
  RankedTensorType from = sourceType(emitError, source);
  if (!from || failed(verifySameElementType(emitError, from, type)))
    return failure();
  if (static_cast<int64_t>(offsets.size()) != from.getRank() || type.getRank() != from.getRank())
    return emitError() << "expected " << from.getRank() << " offsets and dimensions";
  for (auto [offset, size, bound] : llvm::zip(offsets, type.getShape(), from.getShape()))
    if (offset < 0 || offset > bound - size)
      return emitError() << "slice [" << offset << ", " << offset + size
                         << ") exceeds a dimension of " << bound;
  return success();
}

LogicalResult ConcatAttr::verify(EmitError emitError, ArrayAttr sources, int64_t axis,
                                 RankedTensorType type) {
  if (axis < 0 || axis >= type.getRank())
    return emitError() << "axis " << axis << " is outside of " << type;
  int64_t along = 0;
  for (Attribute attr : sources) {
    auto source = dyn_cast<TypedAttr>(attr);
    if (!source)
      return emitError() << "expected typed sources, got " << attr;
    RankedTensorType from = sourceType(emitError, source);
    if (!from || failed(verifySameElementType(emitError, from, type)))
      return failure();
    for (int64_t dim = 0; dim < type.getRank(); ++dim)
      if (from.getRank() != type.getRank() ||
          (dim != axis && from.getDimSize(dim) != type.getDimSize(dim)))
        return emitError() << "source " << from << " does not match " << type;
    along += from.getDimSize(axis);
  }
  if (along != type.getDimSize(axis))
    return emitError() << "sources add up to " << along << " along axis " << axis << ", expected "
                       << type.getDimSize(axis);
  return success();
}

LogicalResult PackAttr::verify(EmitError emitError, TypedAttr source, int64_t panel,
                               RankedTensorType type) {
  RankedTensorType from = sourceType(emitError, source);
  if (!from || failed(verifySameElementType(emitError, from, type)))
    return failure();
  if (from.getRank() != 2 || panel <= 0)
    return emitError() << "expected a matrix and a positive panel";
  SmallVector<int64_t> expected = {
      static_cast<int64_t>(llvm::divideCeil(from.getDimSize(1), panel)), from.getDimSize(0), panel};
  if (type.getShape() != ArrayRef<int64_t>(expected))
    return emitError() << "panels of " << panel << " do not turn " << from << " into " << type;
  return success();
}

//===----------------------------------------------------------------------===//
// Integer weights
//===----------------------------------------------------------------------===//

/// The type of a source of floats, of rank `rank` unless that is 0.
static RankedTensorType floatSource(EmitError emitError, TypedAttr source, int64_t rank) {
  RankedTensorType from = sourceType(emitError, source);
  if (!from)
    return {};
  if (isa<FloatType>(from.getElementType()) && (rank == 0 || from.getRank() == rank))
    return from;
  emitError() << "expected a source of floats" << (rank == 2 ? " in a matrix" : "") << ", got "
              << from;
  return {};
}

static LogicalResult expectType(EmitError emitError, RankedTensorType type, Type element,
                                ArrayRef<int64_t> shape) {
  if (type.getElementType() == element && type.getShape() == shape)
    return success();
  return emitError() << "expected type " << RankedTensorType::get(shape, element) << ", got "
                     << type;
}

LogicalResult SortOrderAttr::verify(EmitError emitError, TypedAttr source, RankedTensorType type) {
  RankedTensorType from = sourceType(emitError, source);
  if (!from)
    return failure();
  if (from.getRank() != 1 || !from.getElementType().isSignlessInteger())
    return emitError() << "expected a vector of integers, got " << from;
  if (!type.getElementType().isSignlessInteger(64) || type.getShape() != from.getShape())
    return emitError() << "expected i64 in the shape of " << from << ", got " << type;
  return success();
}

LogicalResult TakeAttr::verify(EmitError emitError, TypedAttr source, TypedAttr indices,
                               RankedTensorType type) {
  RankedTensorType from = sourceType(emitError, source), at = sourceType(emitError, indices);
  if (!from || !at || failed(verifySameElementType(emitError, from, type)))
    return failure();
  if (at.getRank() != 1 || !at.getElementType().isSignlessInteger())
    return emitError() << "expected indices in a vector of integers, got " << at;
  if (from.getRank() == 0 || type.getRank() != from.getRank() ||
      type.getShape().drop_back() != from.getShape().drop_back() ||
      type.getShape().back() != at.getDimSize(0))
    return emitError() << "taking " << at.getDimSize(0) << " elements of the last dimension of "
                       << from << " does not give " << type;
  return success();
}

LogicalResult ScaleRowsAttr::verify(EmitError emitError, TypedAttr source, TypedAttr factors,
                                    RankedTensorType type) {
  RankedTensorType from = floatSource(emitError, source, 0);
  RankedTensorType by = from ? floatSource(emitError, factors, 0) : RankedTensorType();
  if (!by)
    return failure();
  if (from.getRank() < 1 || by.getRank() != 1 || by.getDimSize(0) != from.getDimSize(0))
    return emitError() << "expected a factor for each index of the first dimension of " << from
                       << ", got " << by;
  if (!isa<FloatType>(type.getElementType()))
    return emitError() << "expected floats, got " << type;
  return expectType(emitError, type, type.getElementType(), from.getShape());
}

LogicalResult ColumnScaleAttr::verify(EmitError emitError, TypedAttr source,
                                      RankedTensorType type) {
  RankedTensorType from = floatSource(emitError, source, 2);
  if (!from)
    return failure();
  if (!isa<FloatType>(type.getElementType()))
    return emitError() << "expected floats, got " << type;
  return expectType(emitError, type, type.getElementType(), {from.getDimSize(1)});
}

LogicalResult QuantizeColumnsAttr::verify(EmitError emitError, TypedAttr source,
                                          RankedTensorType type) {
  RankedTensorType from = floatSource(emitError, source, 2);
  if (!from)
    return failure();
  return expectType(emitError, type, IntegerType::get(type.getContext(), 8), from.getShape());
}

LogicalResult FixedPointAttr::verify(EmitError emitError, TypedAttr source, FloatAttr factor,
                                     int64_t shift, RankedTensorType type) {
  RankedTensorType from = floatSource(emitError, source, 0);
  if (!from)
    return failure();
  if (!factor.getType().isF64() || !factor.getValue().isFinite())
    return emitError() << "expected a finite factor of f64, got " << factor;
  if (shift < -126 || shift > 126)
    return emitError() << "expected a shift from -126 to 126, got " << shift;
  return expectType(emitError, type, IntegerType::get(type.getContext(), 32), from.getShape());
}

LogicalResult ColumnBiasAttr::verify(EmitError emitError, TypedAttr quantised, TypedAttr scales,
                                     TypedAttr bias, TypedAttr means, FloatAttr scale, int64_t zero,
                                     RankedTensorType type) {
  RankedTensorType matrix = sourceType(emitError, quantised);
  if (!matrix)
    return failure();
  if (matrix.getRank() != 2 || !matrix.getElementType().isSignlessInteger(8))
    return emitError() << "expected a quantised matrix of i8, got " << matrix;
  for (TypedAttr vector : {scales, bias}) {
    RankedTensorType from = vector ? floatSource(emitError, vector, 0) : RankedTensorType();
    if (vector && !from)
      return failure();
    if (vector && from.getShape() != matrix.getShape().take_back())
      return emitError() << "expected a value for each column of " << matrix << ", got " << from;
  }
  if (means) {
    RankedTensorType from = floatSource(emitError, means, 0);
    if (!from)
      return failure();
    if (from.getShape() != matrix.getShape().take_front() || !isa<QuantizeColumnsAttr>(quantised))
      return emitError() << "expected a mean for each row of an #nn.quantize_columns, got " << from
                         << " and " << quantised;
  }
  if (!scale.getType().isF64() || !scale.getValue().isFinite() || !(scale.getValueAsDouble() > 0))
    return emitError() << "expected a positive scale of f64, got " << scale;
  if (zero < -128 || zero > 127)
    return emitError() << "expected a zero from -128 to 127, got " << zero;
  return expectType(emitError, type, IntegerType::get(type.getContext(), 32),
                    matrix.getShape().take_back());
}

LogicalResult PackDotAttr::verify(EmitError emitError, TypedAttr source, int64_t panel,
                                  RankedTensorType type) {
  RankedTensorType from = sourceType(emitError, source);
  if (!from)
    return failure();
  if (from.getRank() != 2 || !from.getElementType().isSignlessInteger(8) || panel <= 0)
    return emitError() << "expected a matrix of i8 and a positive panel, got " << from << " and "
                       << panel;
  return expectType(emitError, type, from.getElementType(),
                    {int64_t(llvm::divideCeil(from.getDimSize(1), panel)),
                     int64_t(llvm::divideCeil(from.getDimSize(0), 4)), panel, 4});
}

LogicalResult RangeAttr::verify(EmitError emitError, int64_t min, int64_t max) {
  return min <= max
             ? success()
             : emitError() << "expected a range that is not empty, got " << min << " to " << max;
}

LogicalResult RopeTableAttr::verify(EmitError emitError, RopeTableKind kind, FloatAttr theta,
                                    int64_t rotary, TypedAttr factors, FloatAttr attention,
                                    RankedTensorType type) {
  if (type.getRank() != 3 || !type.hasStaticShape() || type.getDimSize(0) != 1 ||
      !isa<FloatType>(type.getElementType()) || type.getDimSize(2) % 2 != 0)
    return emitError() << "expected floats in [1, positions, even size], got " << type;
  if (rotary < 2 || rotary % 2 != 0 || rotary > type.getDimSize(2))
    return emitError() << "expected an even number of rotated dimensions from 2 to "
                       << type.getDimSize(2) << ", got " << rotary;
  for (FloatAttr value : {theta, attention})
    if (!value.getType().isF64() || !value.getValue().isFinite() || !(value.getValueAsDouble() > 0))
      return emitError() << "expected a positive f64, got " << value;
  if (!factors)
    return success();
  RankedTensorType from = floatSource(emitError, factors, 0);
  if (!from)
    return failure();
  return from.getShape() == ArrayRef<int64_t>{rotary / 2}
             ? success()
             : emitError() << "expected a factor for each of " << rotary / 2 << " pairs, got "
                           << from;
}

LogicalResult AlibiAttr::verify(EmitError emitError, TypedAttr slopes, RankedTensorType type) {
  RankedTensorType from = floatSource(emitError, slopes, 0);
  if (!from)
    return failure();
  if (from.getRank() != 1 || type.getRank() != 4 || !isa<FloatType>(type.getElementType()) ||
      type.getDimSize(0) != 1 || type.getDimSize(1) != from.getDimSize(0) ||
      type.getDimSize(2) != 1 || !type.hasStaticShape())
    return emitError() << "expected floats in [1, heads, 1, positions] for " << from << ", got "
                       << type;
  return success();
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the operations on matrices in groups mean, in linalg: the order in which
// a product adds is part of it, and kernels that take it whole keep it, so that
// a row of the result does not depend on how many rows there are.

#include "dialects/nn/GroupFormats.h"
#include "dialects/nn/StoredGroups.h"
#include "dialects/nn/StructuredOps.h"

using namespace mlir;
using namespace tercet::nn;
using utils::IteratorType;

namespace {

using Element = function_ref<Value(StoredGroups &, Value, Value)>;

/// A tensor of the sizes in `shape` whose elements follow from their position.
Value computed(OpBuilder &b, Location loc, ArrayRef<OpFoldResult> shape, Type element,
               function_ref<Value(OpBuilder &, Location, ArrayRef<Value>)> body) {
  Value empty = tensor::EmptyOp::create(b, loc, shape, element);
  AffineMap all = b.getMultiDimIdentityMap(shape.size());
  SmallVector<IteratorType> loops(shape.size(), IteratorType::parallel);
  return generic(b, loc, {}, empty, {all}, loops, [&](OpBuilder &n, Location at, ValueRange) {
    SmallVector<Value> position;
    for (size_t dim = 0; dim < shape.size(); ++dim)
      position.push_back(linalg::IndexOp::create(n, at, dim));
    return body(n, at, position);
  });
}

Value timesIndex(OpBuilder &b, Location loc, Value value, int64_t by) {
  return arith::MulIOp::create(b, loc, value, arith::ConstantIndexOp::create(b, loc, by));
}

AffineMap mapOf(OpBuilder &b, unsigned loops, ArrayRef<unsigned> dims) {
  SmallVector<AffineExpr> exprs;
  for (unsigned dim : dims)
    exprs.push_back(b.getAffineDimExpr(dim));
  return AffineMap::get(loops, 0, exprs, b.getContext());
}

} // namespace

//===----------------------------------------------------------------------===//
// Quantisation of rows
//===----------------------------------------------------------------------===//

FailureOr<SmallVector<Value>> EncodeGroupsOp::decomposeOperation(OpBuilder &b) {
  Location loc = getLoc();
  GroupsAttr format = getFormat();
  int64_t group = format.getGroup(), groups = format.getGroups();
  Type i32 = b.getI32Type(), f32 = b.getF32Type();
  auto input = cast<RankedTensorType>(getInput().getType());
  if (input.isDynamicDim(1))
    return emitOpError() << "the number of columns must be static";
  OpFoldResult rows = tensor::getMixedSize(b, loc, getInput(), 0);
  OpFoldResult columns = b.getIndexAttr(input.getDimSize(1));
  OpFoldResult allGroups = b.getIndexAttr(input.getDimSize(1) / group);
  SmallVector<ReassociationIndices> split{{0}, {1, 2}};
  auto inGroups = [&](Value value, Type element) -> Value {
    auto type =
        RankedTensorType::get({input.getDimSize(0), input.getDimSize(1) / group, group}, element);
    return tensor::ExpandShapeOp::create(b, loc, type, value, split,
                                         {rows, allGroups, b.getIndexAttr(group)});
  };
  SmallVector<IteratorType> reduce{IteratorType::parallel, IteratorType::parallel,
                                   IteratorType::reduction};
  SmallVector<AffineMap> reduction{b.getMultiDimIdentityMap(3), mapOf(b, 3, {0, 1})};

  // The greatest magnitude, as bits: what is no number is greater than all.
  auto greatestWord = [&](function_ref<Value(const IntegerArithmetic &, Value)> word,
                          double start) {
    return generic(b, loc, inGroups(getInput(), f32), filled(b, loc, {rows, allGroups}, i32, start),
                   reduction, reduce, [&](OpBuilder &n, Location at, ValueRange args) -> Value {
                     IntegerArithmetic a{n, at};
                     Value bits = arith::BitcastOp::create(n, at, i32, args[0]);
                     return a.max(word(a, bits), args[1]);
                   });
  };
  Value greatest = greatestWord(
      [](const IntegerArithmetic &a, Value word) { return a.bitAnd(word, a.c(INT32_MAX)); }, 0.0);
  // Of negative numbers words are negative.
  bool centred = format.getCodes() == CodeKind::Unsigned;
  int64_t middle = centred ? format.getZero() : 0;
  Value top;
  if (centred)
    top = greatestWord([](const IntegerArithmetic &, Value word) { return word; }, INT32_MIN);
  // What of a group gets the outermost code.
  auto farthest = [&](OpBuilder &n, Location at, Value row, Value number) -> Value {
    Value word = tensor::ExtractOp::create(n, at, greatest, ValueRange{row, number});
    Value magnitude = arith::BitcastOp::create(n, at, f32, word);
    if (!centred)
      return magnitude;
    Value highest = tensor::ExtractOp::create(n, at, top, ValueRange{row, number});
    Value isTop = arith::CmpIOp::create(n, at, arith::CmpIPredicate::eq, word, highest);
    Value negative = arith::NegFOp::create(n, at, magnitude);
    return arith::SelectOp::create(n, at, isTop, magnitude, negative);
  };
  double outermost = centred ? -double(middle) : 127.0;
  Value codes = computed(
      b, loc, {rows, columns}, i32,
      [&](OpBuilder &n, Location at, ArrayRef<Value> position) -> Value {
        auto constantOf = [&](double value) { return constant(n, at, f32, value); };
        Value number = arith::DivUIOp::create(n, at, position[1],
                                              arith::ConstantIndexOp::create(n, at, group));
        Value most = farthest(n, at, position[0], number);
        Value x = tensor::ExtractOp::create(n, at, getInput(), position);
        Value inverse = arith::DivFOp::create(n, at, constantOf(outermost), most);
        Value scaled = math::RoundEvenOp::create(n, at, arith::MulFOp::create(n, at, x, inverse));
        // False for what is no number, and for all of a group of zeros.
        Value isNumber = arith::CmpFOp::create(n, at, arith::CmpFPredicate::OLE,
                                               math::AbsFOp::create(n, at, scaled),
                                               constantOf(std::abs(outermost)));
        Value kept = arith::SelectOp::create(n, at, isNumber, scaled, constantOf(0.0));
        Value code = arith::FPToSIOp::create(n, at, i32, kept);
        if (!centred)
          return code;
        IntegerArithmetic a{n, at};
        return a.add(a.min(code, a.c(middle - 1)), a.c(middle));
      });
  Value sums = generic(b, loc, inGroups(codes, i32), filled(b, loc, {rows, allGroups}, i32, 0.0),
                       reduction, reduce, [&](OpBuilder &n, Location at, ValueRange args) -> Value {
                         IntegerArithmetic a{n, at};
                         return a.sub(args[1], args[0]);
                       });

  AffineMap all = b.getMultiDimIdentityMap(3);
  SmallVector<IteratorType> parallel(3, IteratorType::parallel);
  Value result = generic(
      b, loc, {}, getInit(), {all}, parallel, [&](OpBuilder &n, Location at, ValueRange) -> Value {
        IntegerArithmetic a{n, at};
        Value row = linalg::IndexOp::create(n, at, 0), block = linalg::IndexOp::create(n, at, 1);
        Value byte = linalg::IndexOp::create(n, at, 2);
        Value zero = arith::ConstantIndexOp::create(n, at, 0);
        auto isIn = [&](int64_t from, int64_t size) -> Value {
          Value moved =
              arith::SubIOp::create(n, at, byte, arith::ConstantIndexOp::create(n, at, from));
          return arith::CmpIOp::create(n, at, arith::CmpIPredicate::ult, moved,
                                       arith::ConstantIndexOp::create(n, at, size));
        };
        auto moved = [&](int64_t from, Value isInside) -> Value {
          Value by =
              arith::SubIOp::create(n, at, byte, arith::ConstantIndexOp::create(n, at, from));
          return arith::SelectOp::create(n, at, isInside, by, zero);
        };
        auto constantIndex = [&](int64_t value) -> Value {
          return arith::ConstantIndexOp::create(n, at, value);
        };
        // The byte of a word of each group; positions outside read the first.
        auto inWord = [&](int64_t from, int64_t size, function_ref<Value(Value)> word) -> Value {
          Value own = moved(from, isIn(from, size * groups)), bytes = constantIndex(size);
          Value number = arith::AddIOp::create(n, at, timesIndex(n, at, block, groups),
                                               arith::DivUIOp::create(n, at, own, bytes));
          Value bit = timesIndex(n, at, arith::RemUIOp::create(n, at, own, bytes), 8);
          return a.shr(word(number), arith::IndexCastOp::create(n, at, i32, bit));
        };
        int64_t scaleBytes = bytesOf(format.getScale()), scaleAt = format.getScaleAt();
        Value scale = inWord(scaleAt, scaleBytes, [&](Value number) -> Value {
          Value value = arith::DivFOp::create(n, at, farthest(n, at, row, number),
                                              constant(n, at, f32, outermost));
          if (scaleBytes == 4)
            return arith::BitcastOp::create(n, at, i32, value);
          Value half = arith::TruncFOp::create(n, at, n.getF16Type(), value);
          return arith::ExtUIOp::create(n, at, i32,
                                        arith::BitcastOp::create(n, at, n.getI16Type(), half));
        });
        Value stored =
            arith::SelectOp::create(n, at, isIn(scaleAt, scaleBytes * groups), scale, a.c(0));
        if (format.getSumAt() >= 0) {
          Value sum = inWord(format.getSumAt(), 4, [&](Value number) -> Value {
            return tensor::ExtractOp::create(n, at, sums, ValueRange{row, number});
          });
          stored = arith::SelectOp::create(n, at, isIn(format.getSumAt(), 4 * groups), sum, stored);
        }
        // The codes of a byte lie `run` elements apart.
        PlaneAttr plane = format.getPlanes().front();
        int64_t bits = plane.getBits(), run = plane.getRun(), codesAt = plane.getAt();
        Value isCode = isIn(codesAt, format.getBlock() * bits / 8), own = moved(codesAt, isCode);
        Value first = arith::AddIOp::create(
            n, at,
            timesIndex(n, at, arith::DivUIOp::create(n, at, own, constantIndex(run)),
                       8 / bits * run),
            arith::RemUIOp::create(n, at, own, constantIndex(run)));
        first = arith::AddIOp::create(n, at, timesIndex(n, at, block, format.getBlock()), first);
        Value code;
        for (int64_t c = 0; c < 8 / bits; ++c) {
          Value column = arith::AddIOp::create(n, at, first, constantIndex(c * run));
          Value part = tensor::ExtractOp::create(n, at, codes, ValueRange{row, column});
          part = a.shl(part, a.c(c * bits));
          code = code ? arith::OrIOp::create(n, at, code, part).getResult() : part;
        }
        Value all = arith::SelectOp::create(n, at, isCode, code, stored);
        return arith::TruncIOp::create(n, at, n.getI8Type(), all);
      });
  return SmallVector<Value>{result};
}

//===----------------------------------------------------------------------===//
// Product
//===----------------------------------------------------------------------===//

/// The right-hand side as floats in [N, K].
static Value decodedRhs(GroupMatmulOp op, OpBuilder &b, ArrayRef<OpFoldResult> shape) {
  Location loc = op.getLoc();
  return computed(
      b, loc, shape, b.getF32Type(),
      [&](OpBuilder &n, Location at, ArrayRef<Value> position) -> Value {
        int64_t panel = op.getPanel() ? op.getPanelColumns() : 0;
        if (std::optional<GroupsAttr> format = op.getFormat())
          return StoredGroups(n, at, op.getRhs(), *format, panel).value(position[0], position[1]);
        SmallVector<Value> where(position);
        if (panel) {
          Value width = arith::ConstantIndexOp::create(n, at, panel);
          where = {arith::DivUIOp::create(n, at, position[0], width), position[1],
                   arith::RemUIOp::create(n, at, position[0], width)};
        }
        Value value = tensor::ExtractOp::create(n, at, op.getRhs(), where);
        if (value.getType().isF32())
          return value;
        if (value.getType().isF64())
          return arith::TruncFOp::create(n, at, n.getF32Type(), value);
        return arith::ExtFOp::create(n, at, n.getF32Type(), value);
      });
}

FailureOr<SmallVector<Value>> GroupMatmulOp::decomposeOperation(OpBuilder &b) {
  Location loc = getLoc();
  Type i32 = b.getI32Type(), f32 = b.getF32Type();
  int64_t depth = getDepth();
  if (ShapedType::isDynamic(depth))
    return emitOpError() << "the depth must be static";
  OpFoldResult rows = tensor::getMixedSize(b, loc, getInit(), 0);
  OpFoldResult columns = tensor::getMixedSize(b, loc, getInit(), 1);
  if (!getLhsFormat()) {
    Value rhs = decodedRhs(*this, b, {columns, b.getIndexAttr(depth)});
    SmallVector<IteratorType> loops{IteratorType::parallel, IteratorType::parallel,
                                    IteratorType::reduction};
    return SmallVector<Value>{
        generic(b, loc, {getLhs(), rhs}, getInit(),
                {mapOf(b, 3, {0, 2}), mapOf(b, 3, {1, 2}), mapOf(b, 3, {0, 1})}, loops,
                [](OpBuilder &n, Location at, ValueRange args) -> Value {
                  return math::FmaOp::create(n, at, args[0], args[1], args[2]);
                })};
  }

  GroupsAttr ours = *getFormat(), theirs = *getLhsFormat();
  int64_t group = std::min(ours.getGroup(), theirs.getGroup());
  OpFoldResult groups = b.getIndexAttr(depth / group), inGroup = b.getIndexAttr(group);
  int64_t panel = getPanel() ? getPanelColumns() : 0;
  // What belongs to an element of a side, or to the first one of each group.
  auto take = [&](bool isLhs, ArrayRef<OpFoldResult> shape, Type type, Element element) {
    return computed(b, loc, shape, type,
                    [&](OpBuilder &n, Location at, ArrayRef<Value> position) -> Value {
                      Value column = timesIndex(n, at, position[1], group);
                      if (position.size() == 3)
                        column = arith::AddIOp::create(n, at, column, position[2]);
                      StoredGroups side(n, at, isLhs ? getLhs() : getRhs(), isLhs ? theirs : ours,
                                        isLhs ? 0 : panel);
                      return element(side, position[0], column);
                    });
  };
  auto code = [](StoredGroups &side, Value row, Value column) { return side.code(row, column); };
  auto scale = [](StoredGroups &side, Value row, Value column) { return side.scale(row, column); };
  auto least = [](StoredGroups &side, Value row, Value column) {
    return side.minimum(row, column);
  };
  Value left = take(true, {rows, groups, inGroup}, i32, code);
  Value right = take(false, {columns, groups, inGroup}, i32, code);
  Value leftScale = take(true, {rows, groups}, f32, scale);
  Value rightScale = take(false, {columns, groups}, f32, scale);

  // Loops are m, n, group and, of sums of products, element.
  SmallVector<IteratorType> loops(4, IteratorType::parallel);
  loops[3] = IteratorType::reduction;
  Value dots = generic(b, loc, {left, right}, filled(b, loc, {rows, columns, groups}, i32, 0.0),
                       {mapOf(b, 4, {0, 2, 3}), mapOf(b, 4, {1, 2, 3}), mapOf(b, 4, {0, 1, 2})},
                       loops, [](OpBuilder &n, Location at, ValueRange args) -> Value {
                         IntegerArithmetic a{n, at};
                         return a.add(args[2], a.mul(args[0], args[1]));
                       });
  SmallVector<Value> inputs{dots, leftScale, rightScale};
  SmallVector<AffineMap> maps{mapOf(b, 3, {0, 1, 2}), mapOf(b, 3, {0, 2}), mapOf(b, 3, {1, 2})};
  GroupShiftKind shift = ours.getShift();
  bool shifted = shift != GroupShiftKind::None && shift != GroupShiftKind::Zero;
  if (shifted) {
    Value sums = generic(b, loc, {left}, filled(b, loc, {rows, groups}, i32, 0.0),
                         {b.getMultiDimIdentityMap(3), mapOf(b, 3, {0, 1})},
                         {IteratorType::parallel, IteratorType::parallel, IteratorType::reduction},
                         [](OpBuilder &n, Location at, ValueRange args) -> Value {
                           return arith::AddIOp::create(n, at, args[0], args[1]);
                         });
    inputs.append({sums, take(false, {columns, groups}, f32, least)});
    maps.append({mapOf(b, 3, {0, 2}), mapOf(b, 3, {1, 2})});
  }
  maps.push_back(mapOf(b, 3, {0, 1}));
  loops = {IteratorType::parallel, IteratorType::parallel, IteratorType::reduction};
  Value result = generic(b, loc, inputs, getInit(), maps, loops,
                         [&](OpBuilder &n, Location at, ValueRange args) -> Value {
                           auto toFloat = [&](Value value) -> Value {
                             return arith::SIToFPOp::create(n, at, f32, value);
                           };
                           Value by = arith::MulFOp::create(n, at, args[1], args[2]);
                           Value total =
                               math::FmaOp::create(n, at, toFloat(args[0]), by, args.back());
                           if (!shifted)
                             return total;
                           Value sum = arith::MulFOp::create(n, at, args[1], toFloat(args[3]));
                           return math::FmaOp::create(n, at, sum, args[4], total);
                         });
  return SmallVector<Value>{result};
}

//===----------------------------------------------------------------------===//
// Gather
//===----------------------------------------------------------------------===//

FailureOr<SmallVector<Value>> GroupGatherOp::decomposeOperation(OpBuilder &b) {
  Location loc = getLoc();
  int64_t rank = cast<RankedTensorType>(getInit().getType()).getRank();
  int64_t panel = getPanel() ? int64_t(*getPanel()) : 0;
  AffineMap all = b.getMultiDimIdentityMap(rank);
  SmallVector<AffineExpr> indexDims;
  for (int64_t dim = 0; dim + 1 < rank; ++dim)
    indexDims.push_back(b.getAffineDimExpr(dim));
  AffineMap indexMap = AffineMap::get(rank, 0, indexDims, b.getContext());
  SmallVector<IteratorType> loops(rank, IteratorType::parallel);
  return SmallVector<Value>{generic(
      b, loc, getIndices(), getInit(), {indexMap, all}, loops,
      [&](OpBuilder &n, Location at, ValueRange args) -> Value {
        Value given = arith::IndexCastOp::create(n, at, n.getIndexType(), args[0]);
        Value row = checkedIndex(n, at, given, arith::ConstantIndexOp::create(n, at, getRows()));
        Value column = linalg::IndexOp::create(n, at, rank - 1);
        if (std::optional<GroupsAttr> format = getFormat())
          return StoredGroups(n, at, getData(), *format, panel).value(row, column);
        SmallVector<Value> where{row, column};
        if (panel) {
          Value width = arith::ConstantIndexOp::create(n, at, panel);
          where = {arith::DivUIOp::create(n, at, row, width), column,
                   arith::RemUIOp::create(n, at, row, width)};
        }
        Value value = tensor::ExtractOp::create(n, at, getData(), where);
        if (value.getType().isF32())
          return value;
        return arith::ExtFOp::create(n, at, n.getF32Type(), value);
      })};
}

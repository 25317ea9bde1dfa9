// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix products. Loops from outside in: column blocks (a register tile
// wide), blocks of k such that their part of the right-hand side stays in the
// first cache, row blocks, and k itself, in which every accumulator is a
// register. Narrow integers take two steps of k at once where the machine adds
// pairs of products.

#include "targets/cpu/MicroKernel.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tercet::codegen;
using namespace tercet::cpu;

namespace {

/// A vector's worth of columns: `lanes` from `offset`, the last of which, under
/// a mask, may lie beyond the end.
struct Segment {
  int64_t offset, lanes;
  Value mask;
};

class ProductEmitter {
public:
  ProductEmitter(Location loc, const Product &product, const VectorUnit &unit)
      : loc(loc), p(product), unit(unit),
        lanes(unit.lanes(product.element.getIntOrFloatBitWidth())) {}

  void emit(OpBuilder &b) {
    if (p.panel == 0) {
      emitColumns(b, p.n, p.rhs.offset, p.init.offset);
      return;
    }
    // Whole panels, then the one that is partly filled.
    auto panelAt = [&](OpBuilder &nested, Value column, OpFoldResult width) {
      Value number = column;
      if (p.panel != 1)
        number = arith::DivUIOp::create(nested, loc, column,
                                        arith::ConstantIndexOp::create(nested, loc, p.panel));
      OpFoldResult rhs =
          addIndex(nested, loc, p.rhs.offset, mulIndex(nested, loc, number, p.panelStride));
      emitColumns(nested, width, rhs, addIndex(nested, loc, p.init.offset, column));
    };
    OpFoldResult whole = roundDown(b, loc, p.n, p.panel);
    buildLoop(b, loc, b.getIndexAttr(0), whole, p.panel, [&](OpBuilder &nested, Value column) {
      panelAt(nested, column, nested.getIndexAttr(p.panel));
    });
    std::optional<int64_t> from = getConstantIntValue(whole), to = getConstantIntValue(p.n);
    if (from && to) {
      if (*from < *to)
        panelAt(b, indexValue(b, loc, whole), b.getIndexAttr(*to - *from));
      return;
    }
    Value first = indexValue(b, loc, whole);
    Value rest = arith::SubIOp::create(b, loc, indexValue(b, loc, p.n), first);
    panelAt(b, first, rest);
  }

private:
  using Values = SmallVector<Value>;

  /// Columns [0, width) of the right-hand side and destination at these
  /// offsets.
  void emitColumns(OpBuilder &b, OpFoldResult width, OpFoldResult rhs, OpFoldResult init) {
    auto block = [&](OpBuilder &nested, OpFoldResult column, ArrayRef<Segment> segments) {
      emitRows(nested, segments, addIndex(nested, loc, rhs, column),
               addIndex(nested, loc, init, column));
    };
    if (std::optional<int64_t> size = getConstantIntValue(width)) {
      emitStaticColumns(b, *size, block);
      return;
    }
    int64_t most = unit.tileVectors() * lanes;
    SmallVector<int64_t> widths{most, lanes};
    // Few widths: every one is a micro-kernel more.
    if (!unit.masks && lanes >= 4)
      widths.push_back(lanes / 2);
    if (!unit.masks && lanes > 1)
      widths.push_back(1);
    OpFoldResult end =
        buildChunks(b, loc, width, widths, [&](OpBuilder &nested, Value column, int64_t count) {
          SmallVector<Segment> segments;
          int64_t each = std::min(count, lanes);
          for (int64_t at = 0; at < count; at += each)
            segments.push_back({at, each, Value()});
          block(nested, column, segments);
        });
    if (!unit.masks)
      return;
    Value first = indexValue(b, loc, end), last = indexValue(b, loc, width);
    Value some = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, first, last);
    scf::IfOp::create(b, loc, some, [&](OpBuilder &nested, Location at) {
      Value count = arith::SubIOp::create(nested, at, last, first);
      block(nested, first, {{0, lanes, maskOf(nested, count)}});
      scf::YieldOp::create(nested, at);
    });
  }

  /// Register tiles of about equal width.
  void emitStaticColumns(OpBuilder &b, int64_t size,
                         function_ref<void(OpBuilder &, OpFoldResult, ArrayRef<Segment>)> block) {
    int64_t vectors = llvm::divideCeil(size, lanes), most = unit.tileVectors();
    int64_t rest = size % lanes;
    int64_t full = vectors - (rest != 0);
    // As many tiles of the full width as there are, in a loop.
    int64_t wide = full / most;
    if (wide > 0 && rest == 0 && full % most == 1 && most > 2)
      --wide; // 3 + 1 is slower than 2 + 2
    auto fullSegments = [&](int64_t count) {
      SmallVector<Segment> segments;
      for (int64_t i = 0; i < count; ++i)
        segments.push_back({i * lanes, lanes, Value()});
      return segments;
    };
    buildLoop(b, loc, b.getIndexAttr(0), b.getIndexAttr(wide * most * lanes), most * lanes,
              [&](OpBuilder &nested, Value column) { block(nested, column, fullSegments(most)); });
    int64_t done = wide * most;
    while (done < full) {
      int64_t left = full - done, now = std::min(left, most);
      if (left > most && left < 2 * most)
        now = llvm::divideCeil(left, 2);
      SmallVector<Segment> segments = fullSegments(now);
      int64_t at = done;
      done += now;
      // The rest joins the last tile if there is room for it.
      if (done == full && rest && now < most) {
        addRest(b, segments, now * lanes, rest);
        rest = 0;
      }
      block(b, b.getIndexAttr(at * lanes), segments);
    }
    if (rest) {
      SmallVector<Segment> segments;
      addRest(b, segments, 0, rest);
      block(b, b.getIndexAttr(full * lanes), segments);
    }
  }

  void addRest(OpBuilder &b, SmallVectorImpl<Segment> &segments, int64_t offset, int64_t rest) {
    if (unit.masks) {
      int64_t narrow = llvm::isPowerOf2_64(rest) && rest > 2 ? rest : lanes;
      segments.push_back(
          {offset, narrow, narrow == rest ? Value() : maskOf(b, b.getIndexAttr(rest))});
      return;
    }
    for (int64_t narrow = lanes / 2; rest > 0; narrow /= 2)
      if (rest >= narrow) {
        segments.push_back({offset, narrow, Value()});
        offset += narrow;
        rest -= narrow;
      }
  }

  Value maskOf(OpBuilder &b, OpFoldResult count) {
    return vector::CreateMaskOp::create(b, loc, VectorType::get({lanes}, b.getI1Type()), count);
  }

  void emitRows(OpBuilder &b, ArrayRef<Segment> segments, OpFoldResult rhs, OpFoldResult init) {
    int64_t most = unit.tileRows(segments.size());
    SmallVector<int64_t> heights;
    std::optional<int64_t> rows = getConstantIntValue(p.m);
    if (rows) {
      // Blocks of equal height, but for one row.
      int64_t blocks = llvm::divideCeil(*rows, most), each = *rows / blocks;
      if (*rows % blocks)
        heights.push_back(each + 1);
      heights.push_back(each);
    } else {
      // Few heights, for the same reason.
      heights.push_back(most);
      if (most > 4)
        heights.push_back(most > 8 ? 4 : most / 2);
      if (most > 1)
        heights.push_back(1);
    }
    auto pass = [&](OpBuilder &outer, OpFoldResult k, OpFoldResult count, Value start) {
      auto tile = [&](OpBuilder &nested, Value row, int64_t height) {
        // What runs at borders only need not be fast, but short.
        bool border = !rows && height != most;
        emitTile(nested, segments, rhs, init, row, height, k, count, start, border ? 1 : 4);
      };
      if (!rows) {
        buildChunks(outer, loc, p.m, heights, tile);
        return;
      }
      // So many blocks of the first height that the second divides the rest.
      int64_t blocks = llvm::divideCeil(*rows, most), taller = *rows % blocks;
      int64_t split = heights.size() == 2 ? taller * heights[0] : 0;
      buildLoop(outer, loc, outer.getIndexAttr(0), outer.getIndexAttr(split), heights.front(),
                [&](OpBuilder &nested, Value row) { tile(nested, row, heights.front()); });
      buildLoop(outer, loc, outer.getIndexAttr(split), p.m, heights.back(),
                [&](OpBuilder &nested, Value row) { tile(nested, row, heights.back()); });
    };

    int64_t width = 0;
    for (const Segment &segment : segments)
      width += segment.lanes;
    int64_t block = unit.l1Bytes * 3 / 4 / (width * p.element.getIntOrFloatBitWidth() / 8) / 8 * 8;
    std::optional<int64_t> depth = getConstantIntValue(p.k);
    if (!depth || (rows && *rows <= 2 * most) || *depth <= block * 3 / 2) {
      pass(b, b.getIndexAttr(0), p.k, p.start);
      return;
    }
    block = llvm::divideCeil(llvm::divideCeil(*depth, llvm::divideCeil(*depth, block)), 8) * 8;
    pass(b, b.getIndexAttr(0), b.getIndexAttr(block), p.start);
    int64_t whole = *depth / block * block;
    buildLoop(
        b, loc, b.getIndexAttr(block), b.getIndexAttr(whole), block,
        [&](OpBuilder &nested, Value k) { pass(nested, k, nested.getIndexAttr(block), Value()); });
    if (whole < *depth)
      pass(b, b.getIndexAttr(whole), b.getIndexAttr(*depth - whole), Value());
  }

  Type vectorOf(const Segment &segment, Type element) {
    return VectorType::get({segment.lanes}, element);
  }

  Value loadSegment(OpBuilder &b, const Segment &segment, Value memory, Type element,
                    OpFoldResult address) {
    auto type = VectorType::get({segment.lanes}, element);
    Value at = indexValue(b, loc, addIndex(b, loc, address, b.getIndexAttr(segment.offset)));
    if (!segment.mask)
      return vector::LoadOp::create(b, loc, type, memory, ValueRange{at});
    Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
    return vector::MaskedLoadOp::create(b, loc, type, memory, ValueRange{at}, segment.mask, zero);
  }

  /// In the element type of the destination.
  Value extend(OpBuilder &b, Value value, bool isUnsigned) {
    Type type = p.element;
    if (auto vector = dyn_cast<VectorType>(value.getType()))
      type = vector.clone(p.element);
    if (value.getType() == type)
      return value;
    if (isa<FloatType>(p.element))
      return arith::ExtFOp::create(b, loc, type, value);
    if (isUnsigned)
      return arith::ExtUIOp::create(b, loc, type, value);
    return arith::ExtSIOp::create(b, loc, type, value);
  }

  Value add(OpBuilder &b, Value left, Value right) {
    if (isa<FloatType>(p.element))
      return arith::AddFOp::create(b, loc, left, right);
    return arith::AddIOp::create(b, loc, left, right);
  }

  Value multiplyAdd(OpBuilder &b, Value left, Value right, Value sum) {
    if (isa<FloatType>(p.element))
      return math::FmaOp::create(b, loc, left, right, sum);
    return add(b, sum, arith::MulIOp::create(b, loc, left, right));
  }

  /// Whether two steps of k can be one: of integers of up to 16 bits that lie
  /// side by side in the rows of the left-hand side.
  bool hasPairs() const {
    auto narrow = [](Type type) { return type.isInteger(8) || type.isInteger(16); };
    return unit.pairs && p.element.isInteger(32) && narrow(p.lhsElement) && narrow(p.rhsElement) &&
           !(p.lhsElement.isInteger(16) && p.lhsUnsigned) &&
           !(p.rhsElement.isInteger(16) && p.rhsUnsigned) &&
           getConstantIntValue(p.lhs.columnStride) == 1;
  }

  Value toI16(OpBuilder &b, Value vector, bool isUnsigned) {
    auto type = cast<VectorType>(vector.getType());
    if (type.getElementType().isInteger(16))
      return vector;
    Type wide = type.clone(b.getI16Type());
    if (isUnsigned)
      return arith::ExtUIOp::create(b, loc, wide, vector);
    return arith::ExtSIOp::create(b, loc, wide, vector);
  }

  /// Two neighbours of a row of the left-hand side, `width` times, as i16.
  Value loadPair(OpBuilder &b, OpFoldResult address, int64_t width) {
    int64_t bits = p.lhsElement.getIntOrFloatBitWidth();
    Value pair = vector::LoadOp::create(b, loc, VectorType::get({2}, p.lhsElement), p.lhs.memory,
                                        ValueRange{indexValue(b, loc, address)});
    Type both = b.getIntegerType(2 * bits);
    Value scalar = vector::ExtractOp::create(
        b, loc, vector::BitCastOp::create(b, loc, VectorType::get({1}, both), pair), 0);
    Value all = vector::BroadcastOp::create(b, loc, VectorType::get({width}, both), scalar);
    Value elements =
        vector::BitCastOp::create(b, loc, VectorType::get({2 * width}, p.lhsElement), all);
    return toI16(b, elements, p.lhsUnsigned);
  }

  /// left[2 i] * right[2 i] + left[2 i + 1] * right[2 i + 1] + sum[i].
  Value addPairs(OpBuilder &b, Value left, Value right, Value sum) {
    auto type = cast<VectorType>(left.getType()).clone(p.element);
    Value products = arith::MulIOp::create(b, loc, arith::ExtSIOp::create(b, loc, type, left),
                                           arith::ExtSIOp::create(b, loc, type, right));
    SmallVector<int64_t> even, odd;
    for (int64_t lane = 0; lane < type.getNumElements(); lane += 2) {
      even.push_back(lane);
      odd.push_back(lane + 1);
    }
    Value pairs = add(b, vector::ShuffleOp::create(b, loc, products, products, even),
                      vector::ShuffleOp::create(b, loc, products, products, odd));
    return add(b, sum, pairs);
  }

  /// One register tile over k in [k0, k0 + count).
  void emitTile(OpBuilder &b, ArrayRef<Segment> segments, OpFoldResult rhs, OpFoldResult init,
                Value row, int64_t height, OpFoldResult k0, OpFoldResult count, Value start,
                int64_t unroll) {
    int64_t width = segments.size();
    // With few accumulators, several sets over different k hide the latency.
    int64_t sets = std::min<int64_t>(4, llvm::divideCeil(8, height * width));
    // But where sizes are known at run time only, as those of a cache, a row is
    // to give the same bits whatever other rows there are.
    if (p.ordered || !getConstantIntValue(p.k) || !getConstantIntValue(p.n))
      sets = 1;
    std::optional<int64_t> depth = getConstantIntValue(count);
    if (depth && *depth < 2 * sets)
      sets = 1;

    auto initAt = [&](OpBuilder &nested, int64_t r) {
      OpFoldResult at = addIndex(nested, loc, init, mulIndex(nested, loc, row, p.init.rowStride));
      return addIndex(nested, loc, at,
                      mulIndex(nested, loc, nested.getIndexAttr(r), p.init.rowStride));
    };
    Values accumulators;
    for (int64_t set = 0; set < sets; ++set)
      for (int64_t r = 0; r < height; ++r)
        for (const Segment &segment : segments) {
          auto type = cast<VectorType>(vectorOf(segment, p.element));
          if (set > 0)
            accumulators.push_back(arith::ConstantOp::create(b, loc, b.getZeroAttr(type)));
          else if (start)
            accumulators.push_back(vector::BroadcastOp::create(b, loc, type, start));
          else
            accumulators.push_back(loadSegment(b, segment, p.init.memory, p.element, initAt(b, r)));
        }

    OpFoldResult lhsBase = addIndex(b, loc, p.lhs.offset, mulIndex(b, loc, row, p.lhs.rowStride));
    lhsBase = addIndex(b, loc, lhsBase, mulIndex(b, loc, k0, p.lhs.columnStride));
    OpFoldResult rhsBase = addIndex(b, loc, rhs, mulIndex(b, loc, k0, p.rhs.rowStride));

    // Panels lie one behind the other, and weights in the order of their use,
    // so what follows in memory is what is needed next. It comes from far away:
    // every step asks for one line of it, each tile of rows where the one
    // before has stopped.
    bool ahead = p.panel != 0 && depth && height > 1;
    int64_t line = 64 * 8 / p.rhsElement.getIntOrFloatBitWidth();
    Value aheadBase;
    if (ahead) {
      OpFoldResult tilesBefore = mulIndex(
          b, loc,
          arith::DivUIOp::create(b, loc, row, arith::ConstantIndexOp::create(b, loc, height))
              .getResult(),
          b.getIndexAttr(*depth * line));
      OpFoldResult next = addIndex(b, loc, rhsBase, mulIndex(b, loc, count, p.rhs.rowStride));
      aheadBase = indexValue(b, loc, addIndex(b, loc, next, tilesBefore));
    }

    auto step = [&](OpBuilder &nested, Value k, int64_t further, int64_t set, Values &values) {
      if (ahead) {
        OpFoldResult lines = addIndex(nested, loc, k, nested.getIndexAttr(further));
        OpFoldResult at = addIndex(nested, loc, OpFoldResult(aheadBase),
                                   mulIndex(nested, loc, lines, nested.getIndexAttr(line)));
        memref::PrefetchOp::create(nested, loc, p.rhs.memory,
                                   ValueRange{indexValue(nested, loc, at)},
                                   /*isWrite=*/false, /*localityHint=*/2,
                                   /*isDataCache=*/true);
      }
      OpFoldResult at = addIndex(nested, loc, k, nested.getIndexAttr(further));
      OpFoldResult rhsRow =
          addIndex(nested, loc, rhsBase, mulIndex(nested, loc, k, p.rhs.rowStride));
      rhsRow = addIndex(nested, loc, rhsRow,
                        mulIndex(nested, loc, nested.getIndexAttr(further), p.rhs.rowStride));
      Values columns;
      for (const Segment &segment : segments)
        columns.push_back(extend(nested,
                                 loadSegment(nested, segment, p.rhs.memory, p.rhsElement, rhsRow),
                                 p.rhsUnsigned));
      OpFoldResult lhsColumn =
          addIndex(nested, loc, lhsBase, mulIndex(nested, loc, at, p.lhs.columnStride));
      for (int64_t r = 0; r < height; ++r) {
        OpFoldResult address = addIndex(
            nested, loc, lhsColumn, mulIndex(nested, loc, nested.getIndexAttr(r), p.lhs.rowStride));
        Value element = extend(nested,
                               memref::LoadOp::create(nested, loc, p.lhs.memory,
                                                      ValueRange{indexValue(nested, loc, address)}),
                               p.lhsUnsigned);
        for (int64_t column = 0; column < width; ++column) {
          Value &accumulator = values[(set * height + r) * width + column];
          auto type = cast<VectorType>(accumulator.getType());
          Value broadcast = vector::BroadcastOp::create(nested, loc, type, element);
          accumulator = multiplyAdd(nested, broadcast, columns[column], accumulator);
        }
      }
    };

    // The rows k + further and the one behind it.
    auto pairStep = [&](OpBuilder &nested, Value k, int64_t further, int64_t set, Values &values) {
      OpFoldResult at = addIndex(nested, loc, k, nested.getIndexAttr(further));
      OpFoldResult first =
          addIndex(nested, loc, rhsBase, mulIndex(nested, loc, at, p.rhs.rowStride));
      OpFoldResult second = addIndex(nested, loc, first, p.rhs.rowStride);
      Values columns;
      for (const Segment &segment : segments) {
        SmallVector<int64_t> turns;
        for (int64_t lane = 0; lane < segment.lanes; ++lane)
          turns.append({lane, lane + segment.lanes});
        Value rows = vector::ShuffleOp::create(
            nested, loc, loadSegment(nested, segment, p.rhs.memory, p.rhsElement, first),
            loadSegment(nested, segment, p.rhs.memory, p.rhsElement, second), turns);
        columns.push_back(toI16(nested, rows, p.rhsUnsigned));
      }
      OpFoldResult lhsColumn = addIndex(nested, loc, lhsBase, at);
      for (int64_t r = 0; r < height; ++r) {
        OpFoldResult address = addIndex(
            nested, loc, lhsColumn, mulIndex(nested, loc, nested.getIndexAttr(r), p.lhs.rowStride));
        for (int64_t column = 0; column < width; ++column) {
          Value &accumulator = values[(set * height + r) * width + column];
          accumulator = addPairs(nested, loadPair(nested, address, segments[column].lanes),
                                 columns[column], accumulator);
        }
      }
    };

    unroll = std::max(sets, unroll);
    bool pairs = hasPairs();
    if (pairs)
      unroll *= 2;
    OpFoldResult bulk = roundDown(b, loc, count, unroll);
    accumulators = buildLoop(b, loc, b.getIndexAttr(0), bulk, unroll, accumulators,
                             [&](OpBuilder &nested, Value k, ValueRange before) {
                               Values values(before);
                               for (int64_t i = 0; i < unroll; i += 1 + pairs) {
                                 int64_t set = i / (1 + pairs) % sets;
                                 if (pairs)
                                   pairStep(nested, k, i, set, values);
                                 else
                                   step(nested, k, i, set, values);
                               }
                               return values;
                             });
    if (unroll > 1)
      accumulators = buildLoop(b, loc, bulk, count, 1, accumulators,
                               [&](OpBuilder &nested, Value k, ValueRange before) {
                                 Values values(before);
                                 step(nested, k, 0, 0, values);
                                 return values;
                               });

    int64_t tile = height * width;
    for (int64_t r = 0; r < height; ++r)
      for (auto [column, segment] : llvm::enumerate(segments)) {
        int64_t number = r * width + column;
        Value total = accumulators[number];
        for (int64_t set = 1; set < sets; ++set)
          total = add(b, total, accumulators[set * tile + number]);
        Value at =
            indexValue(b, loc, addIndex(b, loc, initAt(b, r), b.getIndexAttr(segment.offset)));
        if (segment.mask)
          vector::MaskedStoreOp::create(b, loc, p.init.memory, ValueRange{at}, segment.mask, total);
        else
          vector::StoreOp::create(b, loc, total, p.init.memory, ValueRange{at});
      }
  }

  Location loc;
  const Product &p;
  VectorUnit unit;
  int64_t lanes;
};

} // namespace

void tercet::cpu::emitProduct(OpBuilder &b, Location loc, const Product &product,
                              const VectorUnit &unit) {
  ProductEmitter(loc, product, unit).emit(b);
}

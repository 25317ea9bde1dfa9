// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loops from outside in: blocks of rows, panels, and K, in which every sum is a
// register. With a left-hand side in groups the products of a group are exact
// integers, so that their order is free, and the machine's sums of four products
// can be used; only the sum of each group is added in f32. What of the weights
// has to be computed is done once for all rows.

#include "targets/cpu/GroupKernel.h"

#include "passes/codegen/PackedGroups.h"
#include "targets/cpu/GroupDots.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::codegen;
using namespace tercet::cpu;

namespace {

/// Elements of K that are taken from a block of codes at once.
constexpr int64_t kUnit = 32;

constexpr int64_t kLineBytes = 64;

/// How far ahead weights are asked for. With four panels at once a half of this
/// was as good on an Ice Lake server, and none at all a tenth slower.
constexpr int64_t kPrefetchBytes = 1024;

class GroupProductEmitter {
public:
  GroupProductEmitter(OpBuilder &b, Location loc, const GroupProduct &product,
                      const VectorUnit &unit, const ByteDot &dot)
      : loc(loc), p(product), unit(unit), dot(dot) {
    lanes = std::min(unit.lanes(32), p.panel);
    while (p.panel % lanes != 0)
      lanes /= 2;
    vectors = p.panel / lanes;
    if (p.format)
      packed.emplace(
          p.format, p.panel, lanes,
          [this](OpBuilder &b, Location at, OpFoldResult address, int64_t bytes) -> Value {
            return vector::LoadOp::create(b, at, VectorType::get({bytes}, b.getI8Type()), p.rhs,
                                          ValueRange{indexValue(b, at, address)});
          },
          [this](OpBuilder &b, Location at, Value words, ArrayRef<uint8_t> table) {
            return this->dot.lookup(b, at, words, table);
          });
    floats = VectorType::get({lanes}, b.getF32Type());
    integers = VectorType::get({lanes}, b.getI32Type());
  }

  /// Rows of the left-hand side stay in the first-level cache while the panels of
  /// a tile, which are asked for ahead, pass by from the second.
  void emit(OpBuilder &b) {
    int64_t most = tallest();
    std::optional<int64_t> rows = getConstantIntValue(p.m);
    auto tile = [&](OpBuilder &nested, Value row, int64_t height) {
      emitRows(nested, row, height);
    };
    if (!rows) {
      SmallVector<int64_t> heights{most};
      if (most > 4)
        heights.push_back(4);
      heights.push_back(1);
      buildChunks(b, loc, p.m, heights, tile);
      return;
    }
    // Blocks of equal height, but for one row.
    int64_t blocks = llvm::divideCeil(*rows, most);
    int64_t each = *rows / blocks, taller = *rows % blocks, split = taller * (each + 1);
    buildLoop(b, loc, b.getIndexAttr(0), b.getIndexAttr(split), each + 1,
              [&](OpBuilder &nested, Value row) { tile(nested, row, each + 1); });
    buildLoop(b, loc, b.getIndexAttr(split), p.m, each,
              [&](OpBuilder &nested, Value row) { tile(nested, row, each); });
  }

private:
  using Values = SmallVector<Value>;

  /// A vector of columns: those from `first` on of a panel at this offset.
  struct Columns {
    OpFoldResult panel;
    int64_t number, first;
  };

  static OpFoldResult rowOf(OpBuilder &b, const Columns &columns) {
    return b.getIndexAttr(columns.first);
  }

  /// All panels for some rows.
  void emitRows(OpBuilder &b, Value row, int64_t height) {
    int64_t panelsAtOnce = streams(height);
    OpFoldResult bulk = roundDown(b, loc, p.n, panelsAtOnce * p.panel);
    OpFoldResult whole = roundDown(b, loc, p.n, p.panel);
    buildLoop(b, loc, b.getIndexAttr(0), bulk, panelsAtOnce * p.panel,
              [&](OpBuilder &nested, Value column) {
                emitPanels(nested, row, height, column, panelsAtOnce, Value());
              });
    if (panelsAtOnce > 1)
      buildLoop(b, loc, bulk, whole, p.panel, [&](OpBuilder &nested, Value column) {
        emitPanels(nested, row, height, column, 1, Value());
      });
    std::optional<int64_t> from = getConstantIntValue(whole), to = getConstantIntValue(p.n);
    if (from && to) {
      if (*from < *to)
        emitPanels(b, row, height, indexValue(b, loc, whole), 1,
                   indexValue(b, loc, b.getIndexAttr(*to - *from)));
      return;
    }
    Value first = indexValue(b, loc, whole), last = indexValue(b, loc, p.n);
    Value some = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, first, last);
    scf::IfOp::create(b, loc, some, [&](OpBuilder &nested, Location at) {
      emitPanels(nested, row, height, first, 1, arith::SubIOp::create(nested, at, last, first));
      scf::YieldOp::create(nested, at);
    });
  }

  /// Panels side by side for few rows, for which memory sets the pace: several
  /// runs of addresses come faster from it than one (measured on a server of
  /// x86-64: 10 GB/s of one run, 13 of four, on one core).
  static int64_t streams(int64_t height) { return height <= 2 ? 4 : height <= 4 ? 2 : 1; }

  /// `count` panels from this column on; `width` columns of the only one exist,
  /// all if null.
  void emitPanels(OpBuilder &b, Value row, int64_t height, Value column, int64_t count,
                  Value width) {
    Value number =
        arith::DivUIOp::create(b, loc, column, arith::ConstantIndexOp::create(b, loc, p.panel));
    OpFoldResult panel = addIndex(b, loc, p.rhsOffset, mulIndex(b, loc, number, p.panelStride));
    SmallVector<Columns> columns;
    for (int64_t i = 0; i < count; ++i)
      for (int64_t v = 0; v < vectors; ++v)
        columns.push_back(
            {addIndex(b, loc, panel, mulIndex(b, loc, b.getIndexAttr(i), p.panelStride)),
             i * vectors + v, v * lanes});
    emitTile(b, columns, addIndex(b, loc, p.init.offset, column), row, height, width);
  }

  /// A sum in f32 and one of integers for each row, and a few for codes, scales
  /// and masks, fit the registers.
  int64_t tallest() const {
    return std::clamp<int64_t>((unit.registers - 8) / (2 * vectors), unit.registers >= 32 ? 2 : 4,
                               12);
  }

  void emitTile(OpBuilder &b, ArrayRef<Columns> columns, OpFoldResult init, Value row,
                int64_t height, Value width) {
    Values sums;
    int64_t count = columns.size();
    for (int64_t r = 0; r < height; ++r)
      for (int64_t v = 0; v < count; ++v)
        sums.push_back(p.start ? vector::BroadcastOp::create(b, loc, floats, p.start).getResult()
                               : loadResult(b, init, row, r, v, width));
    OpFoldResult lhs = addIndex(b, loc, p.lhs.offset, mulIndex(b, loc, row, p.lhs.rowStride));
    if (!p.format)
      sums = overFloats(b, columns, lhs, height, sums);
    else
      sums = overBlocks(b, columns, lhs, height, sums);
    for (int64_t r = 0; r < height; ++r)
      for (int64_t v = 0; v < count; ++v)
        storeResult(b, sums[r * count + v], init, row, r, v, width);
  }

  //===--------------------------------------------------------------------===//
  // Result
  //===--------------------------------------------------------------------===//

  Value resultAt(OpBuilder &b, OpFoldResult init, Value row, int64_t r, int64_t v) {
    OpFoldResult number = addIndex(b, loc, row, b.getIndexAttr(r));
    OpFoldResult at = addIndex(b, loc, init, mulIndex(b, loc, number, p.init.rowStride));
    return indexValue(b, loc, addIndex(b, loc, at, b.getIndexAttr(v * lanes)));
  }

  Value maskOf(OpBuilder &b, Value width, int64_t v) {
    Value left = width;
    if (v) {
      Value before = arith::ConstantIndexOp::create(b, loc, v * lanes);
      left = arith::SubIOp::create(b, loc, width, arith::MinUIOp::create(b, loc, width, before));
    }
    return vector::CreateMaskOp::create(b, loc, VectorType::get({lanes}, b.getI1Type()), left);
  }

  Value loadResult(OpBuilder &b, OpFoldResult init, Value row, int64_t r, int64_t v, Value width) {
    Value at = resultAt(b, init, row, r, v);
    if (!width)
      return vector::LoadOp::create(b, loc, floats, p.init.memory, ValueRange{at});
    Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(floats));
    return vector::MaskedLoadOp::create(b, loc, floats, p.init.memory, ValueRange{at},
                                        maskOf(b, width, v), zero);
  }

  void storeResult(OpBuilder &b, Value sum, OpFoldResult init, Value row, int64_t r, int64_t v,
                   Value width) {
    Value at = resultAt(b, init, row, r, v);
    if (!width)
      vector::StoreOp::create(b, loc, sum, p.init.memory, ValueRange{at});
    else
      vector::MaskedStoreOp::create(b, loc, p.init.memory, ValueRange{at}, maskOf(b, width, v),
                                    sum);
  }

  //===--------------------------------------------------------------------===//
  // Weights in floats
  //===--------------------------------------------------------------------===//

  Values overFloats(OpBuilder &b, ArrayRef<Columns> columns, OpFoldResult lhs, int64_t height,
                    Values sums) {
    auto step = [&](OpBuilder &nested, OpFoldResult k, Values &values) {
      OpFoldResult at = mulIndex(nested, loc, k, nested.getIndexAttr(p.panel));
      for (const Columns &each : columns) {
        OpFoldResult from = addIndex(nested, loc, addIndex(nested, loc, each.panel, at),
                                     nested.getIndexAttr(each.first));
        Value loaded = vector::LoadOp::create(nested, loc, VectorType::get({lanes}, p.rhsElement),
                                              p.rhs, ValueRange{indexValue(nested, loc, from)});
        if (!p.rhsElement.isF32())
          loaded = arith::ExtFOp::create(nested, loc, floats, loaded);
        addProducts(nested, lhs, k, height, columns.size(), each.number, loaded, values);
      }
    };
    constexpr int64_t kUnroll = 8;
    int64_t bulk = p.depth / kUnroll * kUnroll;
    sums = buildLoop(b, loc, b.getIndexAttr(0), b.getIndexAttr(bulk), kUnroll, sums,
                     [&](OpBuilder &nested, Value k, ValueRange before) {
                       Values values(before);
                       for (int64_t i = 0; i < kUnroll; ++i)
                         step(nested, addIndex(nested, loc, k, nested.getIndexAttr(i)), values);
                       return values;
                     });
    for (int64_t k = bulk; k < p.depth; ++k)
      step(b, b.getIndexAttr(k), sums);
    return sums;
  }

  /// One element of K: a float of each row times the weights of some columns.
  void addProducts(OpBuilder &b, OpFoldResult lhs, OpFoldResult k, int64_t height, int64_t count,
                   int64_t number, Value weights, Values &sums) {
    for (int64_t r = 0; r < height; ++r) {
      OpFoldResult at = addIndex(b, loc, lhs, mulIndex(b, loc, b.getIndexAttr(r), p.lhs.rowStride));
      at = addIndex(b, loc, at, mulIndex(b, loc, k, p.lhs.columnStride));
      Value element =
          memref::LoadOp::create(b, loc, p.lhs.memory, ValueRange{indexValue(b, loc, at)});
      Value factor = vector::BroadcastOp::create(b, loc, floats, element);
      Value &sum = sums[r * count + number];
      sum = math::FmaOp::create(b, loc, factor, weights, sum);
    }
  }

  //===--------------------------------------------------------------------===//
  // Weights in groups
  //===--------------------------------------------------------------------===//

  Values overBlocks(OpBuilder &b, ArrayRef<Columns> columns, OpFoldResult lhs, int64_t height,
                    Values sums) {
    int64_t block = p.format.getBlock(), units = block / kUnit;
    return buildLoop(
        b, loc, b.getIndexAttr(0), b.getIndexAttr(p.depth / block), 1, sums,
        [&](OpBuilder &nested, Value number, ValueRange before) {
          OpFoldResult at =
              mulIndex(nested, loc, number, nested.getIndexAttr(packed->getBlockBytes()));
          SmallVector<PackedGroups::Block> blocks;
          for (const Columns &each : columns)
            blocks.push_back(packed->loadBlock(nested, loc, addIndex(nested, loc, each.panel, at),
                                               rowOf(nested, each)));
          OpFoldResult firstUnit = mulIndex(nested, loc, number, nested.getIndexAttr(units));
          return buildLoop(nested, loc, nested.getIndexAttr(0), nested.getIndexAttr(units), 1,
                           before, [&](OpBuilder &inner, Value unitNumber, ValueRange values) {
                             Values results(values);
                             OpFoldResult own = getAsOpFoldResult(unitNumber);
                             OpFoldResult k = addIndex(inner, loc, firstUnit, own);
                             for (auto [block, each] : llvm::zip(blocks, columns)) {
                               if (each.first == 0)
                                 prefetchAhead(inner, block.address, own);
                               emitUnit(inner, block, each, columns.size(), own, k, lhs, height,
                                        results);
                             }
                             return results;
                           });
        });
  }

  /// Asks for what will be read some time from now: blocks follow each other,
  /// and panels too. Machines fetch ahead by themselves, but not across pages,
  /// and the sums of a unit that wait for its codes keep later loads from being
  /// issued.
  void prefetchAhead(OpBuilder &b, OpFoldResult block, OpFoldResult unitNumber) {
    int64_t bytes = packed->getBlockBytes() / (p.format.getBlock() / kUnit);
    OpFoldResult at = addIndex(b, loc, block, mulIndex(b, loc, unitNumber, b.getIndexAttr(bytes)));
    for (int64_t line = 0; line < bytes; line += kLineBytes)
      memref::PrefetchOp::create(
          b, loc, p.rhs,
          ValueRange{
              indexValue(b, loc, addIndex(b, loc, at, b.getIndexAttr(kPrefetchBytes + line)))},
          /*isWrite=*/false, /*localityHint=*/3, /*isDataCache=*/true);
  }

  /// Elements [32 k, 32 k + 32), which are unit `number` of the block, for one of
  /// `count` vectors of columns.
  void emitUnit(OpBuilder &b, const PackedGroups::Block &block, const Columns &columns,
                int64_t count, OpFoldResult number, OpFoldResult k, OpFoldResult lhs,
                int64_t height, Values &sums) {
    OpFoldResult first = rowOf(b, columns);
    Values codes = packed->loadCodes(b, loc, block, number, first);
    // Groups of the weights may be parts of a unit, or several units.
    int64_t group = p.format.getGroup(), chunk = std::min(group, kUnit);
    for (int64_t c = 0; c < kUnit / chunk; ++c) {
      OpFoldResult groupNumber =
          group >= kUnit ? quotient(b, number, group / kUnit)
                         : addIndex(b, loc, mulIndex(b, loc, number, b.getIndexAttr(kUnit / group)),
                                    b.getIndexAttr(c));
      Part part;
      part.scale = packed->scaleOf(b, loc, block, groupNumber, first);
      part.minimum = packed->minimumOf(b, loc, block, groupNumber, part.scale, first);
      part.zero = packed->zeroOf(b, loc, block, groupNumber, first);
      int64_t quads = chunk / 4;
      part.codes.assign(codes.begin() + c * quads, codes.begin() + (c + 1) * quads);
      OpFoldResult chunkNumber =
          addIndex(b, loc, mulIndex(b, loc, k, b.getIndexAttr(kUnit / chunk)), b.getIndexAttr(c));
      for (int64_t r = 0; r < height; ++r)
        part.sums.push_back(sums[r * count + columns.number]);
      if (p.lhsFormat)
        emitIntegers(b, part, chunkNumber, lhs);
      else
        emitDecoded(b, part, chunkNumber, lhs);
      for (int64_t r = 0; r < height; ++r)
        sums[r * count + columns.number] = part.sums[r];
    }
  }

  /// Some elements of a group for one vector of columns: codes in fours, what the
  /// group is scaled and moved with (null where the format has no such thing), and
  /// the sum of each row.
  struct Part {
    Values codes, sums;
    Value scale, minimum, zero;
  };

  OpFoldResult quotient(OpBuilder &b, OpFoldResult value, int64_t by) {
    if (std::optional<int64_t> constant = getConstantIntValue(value))
      return b.getIndexAttr(*constant / by);
    if (by == 1)
      return value;
    return arith::DivUIOp::create(b, loc, indexValue(b, loc, value),
                                  arith::ConstantIndexOp::create(b, loc, by))
        .getResult();
  }

  Value constantOf(OpBuilder &b, VectorType type, int64_t value) {
    return arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(type, b.getI32IntegerAttr(int32_t(value))));
  }

  /// Chunks of the left-hand side have a block each, or are parts of one.
  OpFoldResult leftBlock(OpBuilder &b, OpFoldResult lhs, int64_t row, OpFoldResult number) {
    OpFoldResult at = addIndex(b, loc, lhs, mulIndex(b, loc, b.getIndexAttr(row), p.lhs.rowStride));
    return addIndex(b, loc, at, mulIndex(b, loc, number, b.getIndexAttr(p.lhsFormat.getBytes())));
  }

  void emitIntegers(OpBuilder &b, Part &part, OpFoldResult number, OpFoldResult lhs) {
    nn::GroupsAttr left = p.lhsFormat;
    int64_t greatest = packed->getGreatest();
    int64_t zero = packed->getZero() - dot.bias(greatest);
    SmallVector<OpFoldResult> blocks;
    Values dots, sumsOfLeft;
    for (size_t r = 0; r < part.sums.size(); ++r) {
      blocks.push_back(leftBlock(b, lhs, r, number));
      Value sum;
      if (zero != 0 || part.zero || part.minimum)
        sum = loadField(b, blocks[r], left.getSumAt(), b.getI32Type());
      sumsOfLeft.push_back(sum);
      dots.push_back(startOfDots(b, zero, sum, part.zero));
    }
    int64_t codesAt = left.getPlanes().front().getAt();
    SmallVector<OpFoldResult> rows = llvm::map_to_vector(blocks, [&](OpFoldResult block) {
      return addIndex(b, loc, block, b.getIndexAttr(codesAt));
    });
    addGroupDots(b, loc, dot, {part.codes, greatest, p.format.getBits()}, p.lhs.memory, rows, dots);
    for (auto [r, total] : llvm::enumerate(part.sums)) {
      Value scale = loadField(b, blocks[r], left.getScaleAt(), b.getF32Type());
      Value by = arith::MulFOp::create(b, loc, vector::BroadcastOp::create(b, loc, floats, scale),
                                       part.scale);
      total =
          math::FmaOp::create(b, loc, arith::SIToFPOp::create(b, loc, floats, dots[r]), by, total);
      if (!part.minimum)
        continue;
      Value plus = arith::SubIOp::create(
          b, loc, arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(0)), sumsOfLeft[r]);
      Value moved = arith::MulFOp::create(b, loc, scale,
                                          arith::SIToFPOp::create(b, loc, b.getF32Type(), plus));
      total = math::FmaOp::create(b, loc, vector::BroadcastOp::create(b, loc, floats, moved),
                                  part.minimum, total);
    }
  }

  Value loadField(OpBuilder &b, OpFoldResult block, int64_t at, Type type) {
    return loadWord(b, loc, p.lhs.memory, addIndex(b, loc, block, b.getIndexAttr(at)), type);
  }

  /// Minus the sum of the left-hand codes, times the zero of the weights.
  Value startOfDots(OpBuilder &b, int64_t zero, Value sum, Value groupZero) {
    if (!sum || (zero == 0 && !groupZero))
      return constantOf(b, integers, 0);
    Value all = vector::BroadcastOp::create(b, loc, integers, sum);
    Value by = zero != 0 || !groupZero ? constantOf(b, integers, zero) : groupZero;
    if (zero != 0 && groupZero)
      by = arith::AddIOp::create(b, loc, by, groupZero);
    return arith::MulIOp::create(b, loc, all, by);
  }

  void emitDecoded(OpBuilder &b, Part &part, OpFoldResult number, OpFoldResult lhs) {
    int64_t elements = 4 * part.codes.size();
    OpFoldResult k0 = mulIndex(b, loc, number, b.getIndexAttr(elements));
    for (int64_t e = 0; e < elements; ++e) {
      Value code = part.codes[e / 4];
      if (e % 4)
        code = arith::ShRUIOp::create(b, loc, code, constantOf(b, integers, 8 * (e % 4)));
      if (e % 4 != 3)
        code = arith::AndIOp::create(b, loc, code, constantOf(b, integers, 255));
      if (packed->getZero() != 0)
        code = arith::SubIOp::create(b, loc, code, constantOf(b, integers, packed->getZero()));
      if (part.zero)
        code = arith::SubIOp::create(b, loc, code, part.zero);
      Value value = arith::SIToFPOp::create(b, loc, floats, code);
      value = arith::MulFOp::create(b, loc, part.scale, value);
      if (part.minimum)
        value = arith::AddFOp::create(b, loc, value, part.minimum);
      OpFoldResult k = addIndex(b, loc, k0, b.getIndexAttr(e));
      addProducts(b, lhs, k, part.sums.size(), 1, 0, value, part.sums);
    }
  }

  Location loc;
  const GroupProduct &p;
  VectorUnit unit;
  const ByteDot &dot;
  std::optional<PackedGroups> packed;
  int64_t lanes = 1, vectors = 1;
  VectorType floats, integers;
};

} // namespace

bool cpu::hasGroupKernel(nn::GroupMatmulOp op) {
  if (!op.getPanel() || op.getPanelColumns() % 4 != 0 || ShapedType::isDynamic(op.getDepth()))
    return false;
  std::optional<nn::GroupsAttr> format = op.getFormat(), left = op.getLhsFormat();
  if (!format)
    return !left;
  bool table = !format->getCodebook() || format->getBits() == 4;
  // Decoding a float zero would need one more operation for each weight.
  bool shifts = left || format->getShift() != nn::GroupShiftKind::FloatZero;
  if (!table || !shifts || op.getDepth() % format->getBlock() != 0)
    return false;
  int64_t chunk = std::min<int64_t>(32, format->getGroup());
  if (format->getGroup() % chunk != 0 || 32 % chunk != 0)
    return false;
  return !left || (left->getBlock() == chunk && left->getGroup() == chunk && left->getSumAt() >= 0);
}

void cpu::emitGroupProduct(OpBuilder &b, Location loc, const GroupProduct &product,
                           const VectorUnit &unit, const ByteDot &dot) {
  GroupProductEmitter(b, loc, product, unit, dot).emit(b);
}

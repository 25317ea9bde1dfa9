// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// nn.quantized_attention. For each key head, keys and values are put into
// panels as the weights of a product are; then for each query head that reads
// it, four queries at a time: scores as a product, weights of the softmax row
// by row in 16 and 8 bits, the product with the values, and the division by a
// reciprocal. Weights of the softmax are 8 bits exactly: with q = max - 1 - t,
// at least 0, they are (EXP2[255 - q % 256] >> 8) >> (q / 256), which is a
// table of bytes; the greatest score and the one below it both have 255.

#include "targets/hexagon/DotProduct.h"
#include "targets/hexagon/Emitters.h"
#include "targets/hexagon/Reciprocal.h"
#include "targets/hexagon/RowLoops.h"

#include <cmath>

using namespace mlir;
using namespace tercet;
using namespace tercet::hexagon;

namespace {

constexpr int64_t kBytes = hvx::kRegisterBytes;
constexpr int64_t kPanel = 32;
constexpr int64_t kTile = 4;

int64_t sizeAt(Value memory, int64_t dim) {
  return cast<MemRefType>(memory.getType()).getDimSize(dim);
}

/// Sizes, and where each part of staging begins.
struct AttentionLayout {
  int64_t depth, width, keys, depthQuads, keyQuads, keyPanels, widthPanels, rowBytes;
  int64_t packedKeys, packedValues, queries, scores, halves, weights, sums, end;

  explicit AttentionLayout(nn::QuantizedAttentionOp op) {
    depth = sizeAt(op.getQuery(), 3);
    width = sizeAt(op.getValue(), 3);
    keys = sizeAt(op.getKey(), 1);
    depthQuads = llvm::divideCeil(depth, 4);
    keyQuads = llvm::divideCeil(keys, 4);
    keyPanels = llvm::divideCeil(keys, kPanel);
    widthPanels = llvm::divideCeil(width, kPanel);
    // Bytes of a row of weights; scores are whole blocks of 128 too.
    rowBytes = llvm::alignTo(keys, kBytes);
    int64_t at = 0;
    auto place = [&](int64_t &part, int64_t bytes) {
      part = at;
      at += bytes;
    };
    place(packedKeys, keyPanels * depthQuads * kBytes);
    place(packedValues, widthPanels * keyQuads * kBytes);
    place(queries, kTile * kBytes);
    place(scores, kTile * rowBytes * 4);
    place(halves, rowBytes * 2);
    place(weights, kTile * rowBytes);
    place(sums, kTile * widthPanels * kBytes);
    end = at;
  }
};

class AttentionEmitter {
public:
  AttentionEmitter(VectorBuilder &b, nn::QuantizedAttentionOp op, Value staging)
      : b(b), op(op), layout(op) {
    packedKeys = b.at(staging, layout.packedKeys);
    packedValues = b.at(staging, layout.packedValues);
    queries = b.at(staging, layout.queries);
    scores = b.at(staging, layout.scores);
    halves = b.at(staging, layout.halves);
    weights = b.at(staging, layout.weights);
    sums = b.at(staging, layout.sums);
    query = b.addressOf(op.getQuery());
    key = b.addressOf(op.getKey());
    value = b.addressOf(op.getValue());
    init = b.addressOf(op.getInit());
    if (op.getMask())
      mask = b.addressOf(op.getMask());
  }

  void emit() {
    Value groups = b.sizeOf(op.getKey(), 2);
    int64_t each = op.getGroupSize();
    b.loop(b.constant(0), b.sizeOf(op.getInit(), 0), 1, [&](Value batch) {
      b.loop(b.constant(0), groups, 1, [&](Value group) {
        packKeys(placeOf(op.getKey(), key, {batch, Value(), group}));
        packValues(placeOf(op.getValue(), value, {batch, Value(), group}));
        b.loop(b.constant(0), b.constant(each), 1, [&](Value member) {
          Value head = b.add(b.mul(group, each), member);
          Value count = b.sizeOf(op.getInit(), 1);
          b.loop(b.constant(0), roundUp(count), kTile,
                 [&](Value first) { tile(batch, head, first, count); });
        });
      });
    });
  }

private:
  Value roundUp(Value count) { return b.mul(b.div(b.add(count, kTile - 1), kTile), kTile); }

  /// The address of the element at these positions, 0 where there is none.
  Value placeOf(Value memory, Value base, ArrayRef<Value> positions) {
    Value offset = b.constant(0);
    for (auto [dim, position] : llvm::enumerate(positions))
      if (position)
        offset = b.add(offset, b.mul(position, strideOf(memory, dim) * elementBytes(memory)));
    return b.at(base, offset);
  }

  Value flipSigns(Value bytes) { return arith::XOrIOp::create(b, bytes, b.splat(0x80808080)); }

  /// Registers as rows of a matrix of units, of which `valid` bytes count:
  /// turns `log2` bits of the row's number into the place within a register.
  Values interleave(Values rows, int64_t unit, int64_t valid, int64_t log2) {
    for (int64_t pass = 0; pass < log2; ++pass) {
      Values next;
      int64_t half = rows.size() / 2;
      for (int64_t row = 0; row < half; ++row) {
        Value both = hvx::VshuffvddOp::create(b, rows[row + half], rows[row], b.constant(-unit));
        next.push_back(b.low(both));
        if (2 * valid > kBytes)
          next.push_back(b.high(both));
      }
      rows = next;
      valid = std::min(kBytes, 2 * valid);
    }
    return rows;
  }

  //===--------------------------------------------------------------------===//
  // Panels
  //===--------------------------------------------------------------------===//

  /// Calls `body` with the first of every `each` keys and their rows of `bytes`;
  /// the last key in place of those beyond.
  void eachRows(Value base, int64_t stride, int64_t bytes, int64_t each,
                function_ref<void(Value, Values)> body) {
    int64_t parts = llvm::divideCeil(layout.keys, each);
    // Rows that are this far from the end may be read by whole registers.
    int64_t inside = parts;
    auto mayRead = [&](int64_t row) {
      return row < layout.keys && (layout.keys - 1 - row) * stride + bytes >= kBytes;
    };
    while (inside > 0 && !mayRead(inside * each - 1))
      --inside;
    auto loadRows = [&](Value part, bool whole) {
      Values rows;
      for (int64_t row = 0; row < each; ++row) {
        Value number = b.add(b.mul(part, each), row);
        if (!whole)
          number = b.min(number, b.constant(layout.keys - 1));
        rows.push_back(
            b.loadPart(b.at(base, b.mul(number, stride)), b.constant(whole ? kBytes : bytes)));
      }
      body(part, rows);
    };
    b.loop(b.constant(0), b.constant(inside), 1, [&](Value part) { loadRows(part, true); });
    b.loop(b.constant(inside), b.constant(parts), 1, [&](Value part) { loadRows(part, false); });
  }

  /// Keys as columns: words of 32 keys side by side.
  void packKeys(Value from) {
    int64_t words = llvm::PowerOf2Ceil(layout.depthQuads);
    eachRows(from, strideOf(op.getKey(), 1), layout.depth, kPanel, [&](Value panel, Values rows) {
      Values columns = interleave(rows, 4, 4 * words, 5);
      Value to = b.at(packedKeys, b.mul(panel, layout.depthQuads * kBytes));
      for (int64_t quad = 0; quad < layout.depthQuads; ++quad)
        b.store(flipSigns(columns[quad]), b.at(to, quad * kBytes), /*aligned=*/true);
    });
  }

  /// Values are columns already: bytes of four keys side by side.
  void packValues(Value from) {
    int64_t bytes = std::max<int64_t>(kPanel, llvm::PowerOf2Ceil(layout.width));
    eachRows(from, strideOf(op.getValue(), 1), layout.width, 4, [&](Value quad, Values rows) {
      Values panels = interleave(rows, 1, bytes, 2);
      Value to = b.at(packedValues, b.mul(quad, kBytes));
      for (int64_t panel = 0; panel < layout.widthPanels; ++panel)
        b.store(flipSigns(panels[panel]), b.at(to, panel * layout.keyQuads * kBytes),
                /*aligned=*/true);
    });
  }

  //===--------------------------------------------------------------------===//
  // Four queries
  //===--------------------------------------------------------------------===//

  void tile(Value batch, Value head, Value first, Value count) {
    Values places;
    for (int64_t row = 0; row < kTile; ++row)
      // The last query in place of those beyond.
      places.push_back(b.min(b.add(first, row), b.add(count, -1)));
    for (int64_t row = 0; row < kTile; ++row)
      stageQuery(placeOf(op.getQuery(), query, {batch, places[row], head}), row);
    products(layout.keyPanels, {queries, kBytes, false},
             {packedKeys, b.constant(layout.depthQuads * kBytes)}, layout.depthQuads,
             {scores, 4 * layout.rowBytes});
    Values totals;
    for (int64_t row = 0; row < kTile; ++row)
      totals.push_back(softmax(maskAt(batch, head, places[row]), row));
    products(layout.widthPanels, {weights, layout.rowBytes, true},
             {packedValues, b.constant(layout.keyQuads * kBytes)}, layout.keyQuads,
             {sums, layout.widthPanels * kBytes});
    for (int64_t row = 0; row < kTile; ++row)
      b.when(b.compare(arith::CmpIPredicate::slt, b.add(first, row), count), [&] {
        divide(totals[row], row, placeOf(op.getInit(), init, {batch, places[row], head}));
      });
  }

  /// Sums start at what the panels' bytes, 128 more than they stand for, are to
  /// be corrected by.
  void startSums(Value bytesSum, Value to, int64_t panels) {
    Value start =
        arith::SubIOp::create(b, b.splat(0), hvx::VaslwOp::create(b, bytesSum, b.constant(7)));
    b.loop(b.constant(0), b.constant(panels), 1,
           [&](Value panel) { b.store(start, b.at(to, b.mul(panel, kBytes)), true); });
  }

  void stageQuery(Value from, int64_t row) {
    Value bytes = b.loadPart(from, b.constant(layout.depth));
    bytes = b.keepBytes(bytes, b.constant(layout.depth));
    b.store(bytes, b.at(queries, row * kBytes), true);
    Value ones = hvx::LvsplatbOp::create(b, b.constant(1));
    Value total = b.sumWords(hvx::VrmpybvAccOp::create(b, b.splat(0), bytes, ones));
    startSums(total, b.at(scores, row * 4 * layout.rowBytes), layout.keyPanels);
  }

  void products(int64_t panels, DotRows rows, DotPanels columns, int64_t quads, DotSums to) {
    auto panelsFrom = [&](int64_t from, int64_t end, int64_t each) {
      b.loop(b.constant(from), b.constant(end), each, [&](Value panel) {
        DotPanels some{b.at(columns.address, b.mul(panel, columns.stride)), columns.stride};
        emitDotTile(b, kTile, each, rows, nullptr, some, b.constant(quads),
                    {b.at(to.address, b.mul(panel, kBytes)), to.rowStride});
      });
    };
    panelsFrom(0, panels / 2 * 2, 2);
    panelsFrom(panels / 2 * 2, panels, 1);
  }

  //===--------------------------------------------------------------------===//
  // Softmax
  //===--------------------------------------------------------------------===//

  /// The row of the mask for a query; null without one.
  Value maskAt(Value batch, Value head, Value place) {
    if (!mask)
      return Value();
    Values positions{batch, head, place};
    for (int64_t dim = 0; dim < 3; ++dim)
      if (sizeAt(op.getMask(), dim) == 1)
        positions[dim] = Value();
    return placeOf(op.getMask(), mask, positions);
  }

  Values eachPart(Values carried, function_ref<Values(Value, Value, ValueRange)> body) {
    int64_t whole = layout.keys / kBytes * kBytes;
    carried =
        b.loop(b.constant(0), b.constant(whole), kBytes, carried,
               [&](Value at, ValueRange before) { return body(at, b.constant(kBytes), before); });
    if (whole < layout.keys)
      carried = body(b.constant(whole), b.constant(layout.keys - whole), carried);
    return carried;
  }

  /// Words of entries 0 to 127 (or those from 128 on), in the order in which
  /// the instruction looks them up.
  Value tableOf(int64_t first) {
    SmallVector<int32_t> words(32, 0);
    for (int64_t byte = 0; byte < kBytes; ++byte) {
      int64_t entry = first + byte / 2 + byte % 2 * 64;
      int64_t power = std::llrint(std::exp2((255 - entry) / 256.0) * 32768.0) >> 8;
      words[byte / 4] |= static_cast<int32_t>(static_cast<uint32_t>(power) << byte % 4 * 8);
    }
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(b.registerType(), ArrayRef<int32_t>(words)));
  }

  /// Writes a row of weights; returns their sum (i32).
  Value softmax(Value maskRow, int64_t row) {
    Value from = b.at(scores, row * 4 * layout.rowBytes);
    Value least = hvx::LvsplathOp::create(b, b.constant(-32768));
    Value multiplier = b.splat(static_cast<int32_t>(op.getScoreMultiplier()));
    Value shift = b.constant(op.getScoreShift());
    // Scores, and the greatest.
    Value greatest = eachPart({least}, [&](Value at, Value count, ValueRange before) -> Values {
      Value words = b.at(from, b.mul(at, 4)), to = b.at(halves, b.mul(at, 2));
      Values masks;
      if (maskRow)
        masks = loadElements(b, b.at(maskRow, b.mul(at, 2)), count, 2);
      Value most = before[0];
      for (int64_t half = 0; half < 2; ++half) {
        int64_t left = *VectorBuilder::known(count) * 2 - half * kBytes;
        Value result = least;
        if (left > 0) {
          Value place = b.at(words, half * 2 * kBytes);
          Value even = b.multiplyHigh(b.load(place, true), multiplier);
          Value odd = b.multiplyHigh(b.load(b.at(place, kBytes), true), multiplier);
          result = hvx::VdealhOp::create(b, b.roundToHalves(even, odd, shift));
          if (maskRow)
            result = hvx::VaddhsatOp::create(b, result, masks[half]);
          if (left < kBytes)
            result = hvx::VmuxOp::create(b, hvx::PredScalar2v2Op::create(b, b.constant(left)),
                                         result, least);
        }
        b.store(result, b.at(to, half * kBytes), true);
        most = hvx::VmaxhOp::create(b, most, result);
      }
      return {most};
    })[0];
    for (int64_t bytes = 2; bytes < kBytes; bytes *= 2)
      greatest =
          hvx::VmaxhOp::create(b, greatest, hvx::VrorOp::create(b, greatest, b.constant(bytes)));
    Value below = hvx::VsubhsatOp::create(b, greatest, hvx::LvsplathOp::create(b, b.constant(1)));

    Value table[] = {tableOf(0), tableOf(128)};
    Value ones = hvx::LvsplatbOp::create(b, b.constant(1));
    Value fifteen = hvx::LvsplatbOp::create(b, b.constant(15));
    Value to = b.at(weights, row * layout.rowBytes);
    Value total = eachPart({b.splat(0)}, [&](Value at, Value count, ValueRange before) -> Values {
      Value place = b.at(halves, b.mul(at, 2));
      Values distances;
      for (int64_t half = 0; half < 2; ++half) {
        Value distance =
            hvx::VsubhsatOp::create(b, below, b.load(b.at(place, half * kBytes), true));
        distances.push_back(hvx::VmaxhOp::create(b, distance, b.splat(0)));
      }
      Value indices = hvx::VpackebOp::create(b, distances[1], distances[0]);
      Value amounts =
          hvx::VminubOp::create(b, hvx::VpackobOp::create(b, distances[1], distances[0]), fifteen);
      Value powers = hvx::VlutvvbOp::create(b, indices, table[0], b.constant(0));
      for (int64_t part = 1; part < 8; ++part)
        powers = hvx::VlutvvbOraccOp::create(b, powers, indices, table[part / 4], b.constant(part));
      Value widePowers = hvx::VunpackubOp::create(b, powers);
      Value wideAmounts = hvx::VunpackubOp::create(b, amounts);
      Value low = hvx::VlsrhvOp::create(b, b.low(widePowers), b.low(wideAmounts));
      Value high = hvx::VlsrhvOp::create(b, b.high(widePowers), b.high(wideAmounts));
      Value result = b.keepBytes(hvx::VpackebOp::create(b, high, low), count);
      b.store(result, b.at(to, at), true);
      return {hvx::VrmpyubvAccOp::create(b, before[0], result, ones)};
    })[0];
    total = b.sumWords(total);
    startSums(total, b.at(sums, row * layout.widthPanels * kBytes), layout.widthPanels);
    return b.firstWord(total);
  }

  /// Sums of weighted values by the sum of the weights, requantised.
  void divide(Value total, int64_t row, Value to) {
    Type i32 = b.getI32Type();
    Value zeros = LLVM::CountLeadingZerosOp::create(b, i32, total, /*is_zero_poison=*/true);
    // Total times a power of two in [2^30, 2^31).
    Value divisor = arith::ShLIOp::create(b, total, b.add(zeros, -1));
    Value reciprocal = b.splat(emitReciprocal(b, divisor));
    Value exponent = b.sub(b.constant(31), zeros);
    Value shift = b.min(b.constant(31), b.add(exponent, static_cast<int32_t>(op.getShift())));
    Value multiplier = b.splat(static_cast<int32_t>(op.getMultiplier()));
    Value from = b.at(sums, row * layout.widthPanels * kBytes);
    Values words;
    for (int64_t panel = 0; panel < layout.widthPanels; ++panel) {
      Value word = b.multiplyHigh(b.load(b.at(from, panel * kBytes), true), reciprocal);
      words.push_back(b.multiplyHigh(word, multiplier));
    }
    while (words.size() < 4)
      words.push_back(words.back());
    Values results;
    for (int64_t half = 0; half < 2; ++half)
      results.push_back(
          hvx::VdealhOp::create(b, b.roundToHalves(words[2 * half], words[2 * half + 1], shift)));
    storeHalves(b, results, static_cast<int32_t>(op.getZero()), to, b.constant(layout.width),
                elementBytes(op.getInit()));
  }

  VectorBuilder &b;
  nn::QuantizedAttentionOp op;
  AttentionLayout layout;
  Value packedKeys, packedValues, queries, scores, halves, weights, sums;
  Value query, key, value, init, mask;
};

} // namespace

int64_t hexagon::stagingOf(nn::QuantizedAttentionOp op) { return AttentionLayout(op).end; }

void hexagon::emitAttention(VectorBuilder &b, nn::QuantizedAttentionOp op, Value staging) {
  AttentionEmitter(b, op, staging).emit();
}

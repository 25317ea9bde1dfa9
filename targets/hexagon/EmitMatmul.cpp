// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// nn.quantized_matmul. The rows of the left-hand side are copied once into
// staging: aligned, padded with zeros, 16-bit ones split into planes of high
// and low bytes; their sums are taken on the way, since the weights' bytes are
// unsigned, 128 more than the weight, and 128 times the sum of a row has to be
// taken off again. Then for each block of 128 columns: sums start at bias
// minus correction, weights come in chunks of two panels by a part of K (through
// DMA into one of two buffers while the other is in use, or in place), and at
// the end whole registers of 128 results are narrowed and stored.

#include "targets/hexagon/DotProduct.h"
#include "targets/hexagon/Emitters.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::hexagon;

namespace {

constexpr int64_t kBytes = hvx::kRegisterBytes;
constexpr int64_t kPanel = 32;
constexpr int64_t kBlockPanels = 4;
/// Rows that are staged together.
constexpr int64_t kRowGroup = 4;
/// Bytes of one panel in a chunk of weights, at most.
constexpr int64_t kChunkBytes = 16384;

/// Sizes, and where each part of staging begins.
struct MatmulLayout {
  int64_t depth, quads, chunkQuads, chunks, rowStride, planes;
  int64_t rows, rowSums, sums, weights, end;

  MatmulLayout(nn::QuantizedMatmulOp op, bool streamed) {
    auto lhs = cast<MemRefType>(op.getLhs().getType());
    int64_t greatestRows = greatestSize(op.getLhs(), 0);
    depth = lhs.getDimSize(1);
    quads = llvm::divideCeil(depth, 4);
    chunks = llvm::divideCeil(quads * kBytes, kChunkBytes);
    // In eights, but for the last.
    chunkQuads = chunks == 1 ? quads : llvm::alignTo(llvm::divideCeil(quads, chunks), 8);
    chunks = llvm::divideCeil(quads, chunkQuads);
    planes = lhs.getElementTypeBitWidth() / 8;
    rowStride = llvm::alignTo(depth, kBytes);
    rows = 0;
    rowSums = rows + greatestRows * rowStride * planes;
    sums = rowSums + llvm::alignTo(greatestRows * 4, kBytes);
    weights = sums + greatestRows * kBlockPanels * kBytes;
    end = weights + (streamed ? 2 * 2 * chunkQuads * kBytes : 0);
  }
};

class MatmulEmitter {
public:
  MatmulEmitter(VectorBuilder &b, nn::QuantizedMatmulOp op, Value staging, bool streamed)
      : b(b), op(op), layout(op, streamed), streamed(streamed) {
    outBytes = cast<MemRefType>(op.getInit().getType()).getElementTypeBitWidth() / 8;
    rows = b.sizeOf(op.getInit(), 0);
    columns = b.sizeOf(op.getInit(), 1);
    lhs = b.addressOf(op.getLhs());
    rhs = b.addressOf(op.getRhs());
    bias = b.addressOf(op.getBias());
    multiplier = b.addressOf(op.getMultiplier());
    init = b.addressOf(op.getInit());
    panels = b.div(b.add(columns, kPanel - 1), kPanel);
    stagedRows = b.at(staging, layout.rows);
    rowSums = b.at(staging, layout.rowSums);
    sums = b.at(staging, layout.sums);
    weights = b.at(staging, layout.weights);
    panelBytes = layout.quads * kBytes;
  }

  void emit() {
    Values stream = startStream();
    stageRows();
    Value whole = b.mul(b.div(columns, kBlockPanels * kPanel), kBlockPanels * kPanel);
    stream = b.loop(b.constant(0), whole, kBlockPanels * kPanel, stream,
                    [&](Value column, ValueRange before) {
                      return block(column, b.constant(kBlockPanels * kPanel), Values(before));
                    });
    Value rest = b.sub(columns, whole);
    b.choose(
        b.compare(arith::CmpIPredicate::sgt, rest, b.constant(0)),
        [&] {
          block(whole, rest, stream);
          return Values{};
        },
        [] { return Values{}; });
  }

private:
  //===--------------------------------------------------------------------===//
  // Rows
  //===--------------------------------------------------------------------===//

  /// Four rows at a time; the last one in place of those beyond, so that there
  /// are four of each.
  void stageRows() {
    int64_t bytes = layout.planes;
    b.loop(b.constant(0), rows, kRowGroup, [&](Value first) {
      Values from, to;
      for (int64_t row = 0; row < kRowGroup; ++row) {
        Value number = b.min(b.add(first, row), b.add(rows, -1));
        from.push_back(b.at(lhs, b.mul(number, strideOf(op.getLhs(), 0) * bytes)));
        to.push_back(b.at(stagedRows, b.mul(number, layout.rowStride * bytes)));
      }
      int64_t whole = layout.depth / kBytes * kBytes, rest = layout.depth - whole;
      Values totals(kRowGroup * bytes, b.splat(0));
      auto part = [&](Value k, int64_t count, ValueRange before) {
        Values after;
        for (int64_t row = 0; row < kRowGroup; ++row)
          after.append(
              stageRegister(from[row], to[row], k, count, before.slice(row * bytes, bytes)));
        return after;
      };
      totals = b.loop(b.constant(0), b.constant(whole), kBytes, totals,
                      [&](Value k, ValueRange before) { return part(k, kBytes, before); });
      if (rest)
        totals = part(b.constant(whole), rest, totals);
      Values sums;
      for (int64_t row = 0; row < kRowGroup; ++row) {
        Value total = totals[row * bytes];
        if (bytes == 2) {
          Value high = hvx::VaslwOp::create(b, totals[row * bytes + 1], b.constant(8));
          total = arith::AddIOp::create(b, total, high);
        }
        sums.push_back(total);
      }
      // More than four words, but what follows is written later.
      b.store(hvx::VaslwOp::create(b, sumEach(sums), b.constant(7)),
              b.at(rowSums, b.mul(first, 4)));
    });
  }

  /// The sum of the words of each of four registers, in the first four words.
  Value sumEach(Values totals) {
    // Halving the words of two registers makes one of both.
    auto halve = [&](Value first, Value second) -> Value {
      Value dealt = hvx::VdealvddOp::create(b, second, first, b.constant(-4));
      return arith::AddIOp::create(b, b.low(dealt), b.high(dealt));
    };
    Value sums = halve(halve(totals[0], totals[1]), halve(totals[2], totals[3]));
    for (int64_t words = kPanel / kRowGroup; words > 1; words /= 2)
      sums = halve(sums, sums);
    return sums;
  }

  /// Copies `count` elements from element `k` on; returns the sums of low (or
  /// all) and high bytes.
  Values stageRegister(Value from, Value to, Value k, int64_t count, ValueRange totals) {
    Value ones = hvx::LvsplatbOp::create(b, b.constant(1));
    if (layout.planes == 1) {
      Value bytes = b.loadPart(b.at(from, k), b.constant(count));
      bytes = b.keepBytes(bytes, b.constant(count));
      b.store(bytes, b.at(to, k), /*aligned=*/true);
      return {hvx::VrmpybvAccOp::create(b, totals[0], bytes, ones)};
    }
    Value source = b.at(from, b.mul(k, 2));
    auto part = [&](int64_t begin) -> Value {
      int64_t size = std::min(kBytes, 2 * count - begin);
      if (size <= 0)
        return b.splat(0);
      Value bytes = b.loadPart(b.at(source, begin), b.constant(size));
      return b.keepBytes(bytes, b.constant(size));
    };
    Value first = part(0), second = part(kBytes);
    Value low = hvx::VpackebOp::create(b, second, first);
    Value high = hvx::VpackobOp::create(b, second, first);
    b.store(low, b.at(to, k), /*aligned=*/true);
    b.store(high, b.at(b.at(to, layout.rowStride), k), /*aligned=*/true);
    return {hvx::VrmpyubvAccOp::create(b, totals[0], low, ones),
            hvx::VrmpybvAccOp::create(b, totals[1], high, ones)};
  }

  //===--------------------------------------------------------------------===//
  // Weights
  //===--------------------------------------------------------------------===//

  Value quadsOf(Value chunk) {
    if (layout.chunks == 1)
      return b.constant(layout.quads);
    return b.min(b.constant(layout.chunkQuads),
                 b.sub(b.constant(layout.quads), b.mul(chunk, layout.chunkQuads)));
  }

  /// Of the panels from `panel` on.
  Value weightsAt(Value panel, Value chunk) {
    return b.at(rhs, b.add(b.mul(panel, panelBytes), b.mul(chunk, layout.chunkQuads * kBytes)));
  }

  Value startCopy(Value panel, Value chunk, Value buffer) {
    Value count = b.min(b.constant(2), b.sub(panels, panel));
    return hvx::DmaStartOp::create(b, buffer, weightsAt(panel, chunk),
                                   b.mul(quadsOf(chunk), kBytes), count,
                                   b.constant(layout.chunkQuads * kBytes), b.constant(panelBytes));
  }

  /// What is carried from chunk to chunk: the ticket of the copy into the first
  /// buffer, and both buffers.
  Values startStream() {
    if (!streamed)
      return {};
    Value second = b.at(weights, 2 * layout.chunkQuads * kBytes);
    return {startCopy(b.constant(0), b.constant(0), weights), weights, second};
  }

  /// One chunk of one or two panels: waits for it, has the next one fetched,
  /// and adds its products to the sums from `sum` on.
  Values chunkOf(Value panel, int64_t count, Value chunk, Value sum, Values stream) {
    DotPanels dots;
    if (streamed) {
      hvx::DmaWaitOp::create(b, stream[0]);
      Value next = b.add(chunk, 1);
      Value wraps = b.compare(arith::CmpIPredicate::sge, next, b.constant(layout.chunks));
      Value nextPanel = b.select(wraps, b.add(panel, count), panel);
      Value nextChunk = b.select(wraps, b.constant(0), next);
      Value more = b.compare(arith::CmpIPredicate::slt, nextPanel, panels);
      Value ticket = b.choose(
          more, [&] { return Values{startCopy(nextPanel, nextChunk, stream[2])}; },
          [&] { return Values{b.constant(0)}; })[0];
      dots = {stream[1], b.constant(layout.chunkQuads * kBytes)};
      stream = {ticket, stream[2], stream[1]};
    } else {
      dots = {weightsAt(panel, chunk), b.constant(panelBytes)};
    }
    Value first = b.mul(chunk, 4 * layout.chunkQuads);
    bool wide = layout.planes == 2;
    DotRows low{b.at(stagedRows, first), layout.rowStride * layout.planes, wide};
    DotRows high{b.at(low.address, layout.rowStride), low.stride, false};
    emitDotRows(b, rows, count, low, wide ? &high : nullptr, dots, quadsOf(chunk),
                {sum, kBlockPanels * kBytes});
    return stream;
  }

  //===--------------------------------------------------------------------===//
  // Blocks of columns
  //===--------------------------------------------------------------------===//

  /// At most 128 columns from `column` on.
  Values block(Value column, Value width, Values stream) {
    Value first = b.div(column, kPanel);
    Value count = b.div(b.add(width, kPanel - 1), kPanel);
    startSums(column, width, count);
    // By two panels, then the one that is left.
    Value even = b.mul(b.div(count, 2), 2);
    auto panelsFrom = [&](Value from, Value to, int64_t each) {
      stream = b.loop(from, to, each, stream, [&](Value panel, ValueRange before) {
        return b.loop(b.constant(0), b.constant(layout.chunks), 1, before,
                      [&](Value chunk, ValueRange inner) {
                        return chunkOf(b.add(first, panel), each, chunk,
                                       b.at(sums, b.mul(panel, kBytes)), Values(inner));
                      });
      });
    };
    panelsFrom(b.constant(0), even, 2);
    panelsFrom(even, count, 1);
    if (VectorBuilder::known(width) == kBlockPanels * kPanel)
      requantise(column);
    else
      requantisePart(column, width, count);
    return stream;
  }

  /// The word of each of 32 columns from `column` on; of a block that is not
  /// whole only those that there are.
  Value columnWords(Value address, Value column, Value rest) {
    return b.loadPart(b.at(address, b.mul(column, 4)), b.min(b.mul(rest, 4), b.constant(kBytes)));
  }

  /// Bias minus what the panels' bytes are to be corrected by.
  void startSums(Value column, Value width, Value count) {
    // A whole block has its words in registers; else panel by panel.
    bool whole = VectorBuilder::known(width) == kBlockPanels * kPanel;
    int64_t each = whole ? kBlockPanels : 1;
    b.loop(b.constant(0), whole ? b.constant(1) : count, 1, [&](Value panel) {
      Values words;
      for (int64_t next = 0; next < each; ++next) {
        Value offset = b.mul(b.add(panel, next), kPanel);
        words.push_back(columnWords(bias, b.add(column, offset), b.sub(width, offset)));
      }
      Value to = b.at(sums, b.mul(panel, kBytes));
      b.loop(b.constant(0), rows, 1, [&](Value row) {
        Value correction = b.splat(b.loadScalar(b.getI32Type(), b.at(rowSums, b.mul(row, 4)), 4));
        Value place = b.at(to, b.mul(row, kBlockPanels * kBytes));
        for (int64_t next = 0; next < each; ++next)
          b.store(arith::SubIOp::create(b, words[next], correction), b.at(place, next * kBytes),
                  /*aligned=*/true);
      });
    });
  }

  /// Half words of the columns of two panels, in their order.
  Value halves(Value even, Value odd) {
    Value shift = b.constant(op.getShift());
    return hvx::VdealhOp::create(b, b.roundToHalves(even, odd, shift));
  }

  void requantise(Value column) {
    Values multipliers;
    for (int64_t panel = 0; panel < kBlockPanels; ++panel)
      multipliers.push_back(b.load(b.at(multiplier, b.mul(b.add(column, panel * kPanel), 4))));
    b.loop(b.constant(0), rows, 1, [&](Value row) {
      Value from = b.at(sums, b.mul(row, kBlockPanels * kBytes));
      Value to = outAt(row, column);
      Values words;
      for (int64_t panel = 0; panel < kBlockPanels; ++panel)
        words.push_back(
            b.multiplyHigh(b.load(b.at(from, panel * kBytes), true), multipliers[panel]));
      if (outBytes == 2) {
        b.store(halves(words[0], words[1]), to);
        b.store(halves(words[2], words[3]), b.at(to, kBytes));
        return;
      }
      // Bytes of panels 0 and 2, then of 1 and 3, alternate; dealing puts them
      // in order.
      Value shift = b.constant(op.getShift());
      Value low = b.roundToHalves(words[0], words[2], shift);
      Value high = b.roundToHalves(words[1], words[3], shift);
      b.store(hvx::VdealbOp::create(b, b.narrowToBytes(low, high, op.getZero())), to);
    });
  }

  /// The last columns, 64 at a time.
  void requantisePart(Value column, Value width, Value count) {
    b.loop(b.constant(0), count, 2, [&](Value panel) {
      Value offset = b.mul(panel, kPanel);
      Value rest = b.min(b.sub(width, offset), b.constant(2 * kPanel));
      Value at = b.add(column, offset);
      Value evenMultiplier = columnWords(multiplier, at, rest);
      // Where there is no second panel the first one serves in its place.
      Value second = b.compare(arith::CmpIPredicate::sgt, rest, b.constant(kPanel));
      Value back = b.select(second, b.constant(kPanel), b.constant(0));
      Value oddMultiplier = columnWords(multiplier, b.add(at, back), b.sub(rest, back));
      Value from = b.at(sums, b.mul(panel, kBytes));
      b.loop(b.constant(0), rows, 1, [&](Value row) {
        Value source = b.at(from, b.mul(row, kBlockPanels * kBytes));
        Value even = b.multiplyHigh(b.load(source, true), evenMultiplier);
        Value odd = b.multiplyHigh(b.load(b.at(source, b.mul(back, 4)), true), oddMultiplier);
        Value result = halves(even, odd);
        if (outBytes == 1)
          result = b.narrowToBytes(result, result, op.getZero());
        b.storePart(result, outAt(row, at), b.mul(rest, outBytes));
      });
    });
  }

  Value outAt(Value row, Value column) {
    Value offset = b.add(b.mul(row, strideOf(op.getInit(), 0) * outBytes), b.mul(column, outBytes));
    return b.at(init, offset);
  }

  VectorBuilder &b;
  nn::QuantizedMatmulOp op;
  MatmulLayout layout;
  bool streamed;
  int64_t outBytes, panelBytes;
  Value rows, columns, panels, lhs, rhs, bias, multiplier, init;
  Value stagedRows, rowSums, sums, weights;
};

} // namespace

int64_t hexagon::stagingOf(nn::QuantizedMatmulOp op, bool streamed) {
  return MatmulLayout(op, streamed).end;
}

void hexagon::emitMatmul(VectorBuilder &b, nn::QuantizedMatmulOp op, Value staging, bool streamed) {
  MatmulEmitter(b, op, staging, streamed).emit();
}

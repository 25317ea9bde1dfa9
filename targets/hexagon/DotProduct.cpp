// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A tile of four rows by two panels keeps eight sums in registers. Of four
// slots in a packet two multiply, and of the other two one loads a vector and
// one eight bytes of a row, which serve two steps: nothing else is in the loop
// (250 products a packet of 256 measured on long rows).

#include "targets/hexagon/DotProduct.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::hexagon;

namespace {

/// Steps of four bytes in an unrolled iteration.
constexpr int64_t kUnroll = 8;
constexpr int64_t kTileRows = 4;

class DotTile {
public:
  DotTile(VectorBuilder &b, int64_t rows, int64_t panels, const DotPanels &rhs, Value quads)
      : b(b), rows(rows), panels(panels), quads(quads) {
    for (int64_t panel = 0; panel < panels; ++panel)
      panelAddresses.push_back(b.at(rhs.address, b.mul(rhs.stride, panel)));
  }

  Values run(const DotRows &lhs, Values sums) {
    Values addresses;
    for (int64_t row = 0; row < rows; ++row)
      addresses.push_back(b.at(lhs.address, row * lhs.stride));
    Value bulk = b.mul(b.div(quads, kUnroll), kUnroll);
    sums = b.loop(b.constant(0), bulk, kUnroll, sums, [&](Value quad, ValueRange before) {
      Values values(before);
      for (int64_t pair = 0; pair < kUnroll / 2; ++pair)
        twoSteps(lhs, addresses, quad, 2 * pair, values);
      return values;
    });
    return b.loop(bulk, quads, 1, sums, [&](Value quad, ValueRange before) {
      Values values(before);
      oneStep(lhs, addresses, quad, values);
      return values;
    });
  }

private:
  void twoSteps(const DotRows &lhs, ValueRange addresses, Value quad, int64_t ahead,
                Values &values) {
    Values eight, bytes;
    for (Value address : addresses)
      eight.push_back(
          b.loadScalar(b.getI64Type(), b.at(b.at(address, b.mul(quad, 4)), 4 * ahead), 8));
    for (Value both : eight)
      bytes.push_back(arith::TruncIOp::create(b, b.getI32Type(), both));
    step(lhs, bytes, quad, ahead, values);
    for (auto [word, both] : llvm::zip(bytes, eight))
      word = arith::TruncIOp::create(b, b.getI32Type(),
                                     arith::ShRUIOp::create(b, both, b.constant64(32)).getResult());
    step(lhs, bytes, quad, ahead + 1, values);
  }

  void oneStep(const DotRows &lhs, ValueRange addresses, Value quad, Values &values) {
    Values bytes;
    for (Value address : addresses)
      bytes.push_back(b.loadScalar(b.getI32Type(), b.at(address, b.mul(quad, 4)), 4));
    step(lhs, bytes, quad, 0, values);
  }

  void step(const DotRows &lhs, ValueRange bytes, Value quad, int64_t ahead, Values &values) {
    Values weights;
    for (Value address : panelAddresses)
      weights.push_back(
          b.load(b.at(b.at(address, b.mul(quad, hvx::kRegisterBytes)), ahead * hvx::kRegisterBytes),
                 /*aligned=*/true));
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t panel = 0; panel < panels; ++panel) {
        Value &sum = values[row * panels + panel];
        if (lhs.isUnsigned)
          sum = hvx::VrmpyubAccOp::create(b, sum, weights[panel], bytes[row]);
        else
          sum = hvx::VrmpybusAccOp::create(b, sum, weights[panel], bytes[row]);
      }
  }

  VectorBuilder &b;
  int64_t rows, panels;
  Value quads;
  Values panelAddresses;
};

} // namespace

void hexagon::emitDotTile(VectorBuilder &b, int64_t rows, int64_t panels, const DotRows &lhs,
                          const DotRows *highRows, const DotPanels &rhs, Value quads,
                          const DotSums &sums) {
  auto sumAt = [&](int64_t index) {
    return b.at(sums.address,
                index / panels * sums.rowStride + index % panels * hvx::kRegisterBytes);
  };
  DotTile tile(b, rows, panels, rhs, quads);
  Values values;
  for (int64_t index = 0; index < rows * panels; ++index)
    values.push_back(highRows ? b.splat(0) : b.load(sumAt(index), /*aligned=*/true));
  if (highRows) {
    // 256 times what the high bytes give.
    values = tile.run(*highRows, values);
    for (auto [index, value] : llvm::enumerate(values)) {
      value = hvx::VaslwOp::create(b, value, b.constant(8));
      value = arith::AddIOp::create(b, value, b.load(sumAt(index), /*aligned=*/true));
    }
  }
  values = tile.run(lhs, values);
  for (auto [index, value] : llvm::enumerate(values))
    b.store(value, sumAt(index), /*aligned=*/true);
}

void hexagon::emitDotRows(VectorBuilder &b, Value rows, int64_t panels, const DotRows &lhs,
                          const DotRows *highRows, const DotPanels &rhs, Value quads,
                          const DotSums &sums) {
  auto tileAt = [&](Value row, int64_t count) {
    DotRows low = lhs;
    low.address = b.at(lhs.address, b.mul(row, lhs.stride));
    DotRows high;
    if (highRows) {
      high = *highRows;
      high.address = b.at(high.address, b.mul(row, high.stride));
    }
    emitDotTile(b, count, panels, low, highRows ? &high : nullptr, rhs, quads,
                {b.at(sums.address, b.mul(row, sums.rowStride)), sums.rowStride});
  };
  Value bulk = b.mul(b.div(rows, kTileRows), kTileRows);
  b.loop(b.constant(0), bulk, kTileRows, [&](Value row) { tileAt(row, kTileRows); });
  if (std::optional<int64_t> count = VectorBuilder::known(rows)) {
    if (*count % kTileRows)
      tileAt(bulk, *count % kTileRows);
    return;
  }
  b.loop(bulk, rows, 1, [&](Value row) { tileAt(row, 1); });
}

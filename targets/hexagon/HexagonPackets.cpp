// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One function for each shape of loop nest. Constants are thousandths of a
// packet; docs/targets/hexagon.md has what is left over of the fit.

#include "targets/hexagon/HexagonPackets.h"

#include "dialects/hvx/HVX.h"

#include "llvm/Support/MathExtras.h"

using namespace tercet;
using namespace tercet::hexagon;

namespace {

constexpr int64_t kVector = hvx::kRegisterBytes;
constexpr int64_t kPanel = 32, kBlockPanels = 4;
/// Rows and queries that are worked on at once.
constexpr int64_t kRowsAtOnce = 4;

int64_t divide(int64_t a, int64_t b) { return llvm::divideCeil(a, b); }

class Terms {
public:
  Terms(const KernelWork &work, int64_t rows, int64_t columns)
      : work(work), rows(rows), columns(columns) {}

  llvm::SmallVector<PacketTerm> find() {
    switch (work.kind) {
    case KernelWork::Product:
      addProduct();
      break;
    case KernelWork::Attention:
      addAttention();
      break;
    case KernelWork::Norm:
      addNorm();
      break;
    case KernelWork::Add:
      add("add.parts", parts(), 13100);
      add("add.wide_parts", parts() * (work.operandBytes - 1), 2800);
      add("add.start", 1, 9000);
      break;
    case KernelWork::Rescale:
      addRescale();
      break;
    case KernelWork::Lookup:
      addLookup();
      break;
    case KernelWork::Move:
      addMove();
      break;
    }
    return terms;
  }

private:
  void add(llvm::StringRef name, int64_t count, uint64_t thousandths) {
    if (count > 0)
      terms.push_back({name, static_cast<uint64_t>(count), thousandths});
  }

  /// Registers of 128 elements that a loop over the tile takes: rows that lie
  /// behind one another are one row.
  int64_t parts() const {
    bool joined = !work.byColumns && columns == work.shape.back();
    return joined ? divide(rows * columns, kVector) : rows * divide(columns, kVector);
  }

  /// Of a packet's four slots two multiply 128 bytes each, and one loads a
  /// register of weights, which serves as many rows as there are. A single row
  /// is held up by the loads, three take as long as they multiply.
  void addProduct() {
    int64_t bytes = work.operandBytes;
    int64_t panels = divide(columns, kPanel), quads = divide(work.depth, 4);
    int64_t blocks = columns / (kPanel * kBlockPanels);
    int64_t rest = columns - blocks * kPanel * kBlockPanels;
    int64_t restPairs = divide(rest, 2 * kPanel);
    int64_t chunks = divide(quads, work.chunkQuads());
    int64_t whole = rows / kRowsAtOnce, left = rows % kRowsAtOnce;
    int64_t halves = 4 * whole + (left == 3 ? 3 : left ? 2 : 0);
    int64_t rowTiles = whole + (left > 0);
    int64_t pairs = 2 * blocks + restPairs;
    add("product.steps", divide(halves * panels * quads * bytes, 2), 996);
    add("product.tiles", rowTiles * pairs * chunks * bytes, 600);
    add("product.sums", rows * panels * chunks * bytes, 2000);
    add("product.staged", rows * divide(work.depth * bytes, kVector) * bytes, 2000);
    add("product.rows", rowTiles, 18400);
    add("product.starts", rows * panels, 5600);
    add("product.blocks", rows * blocks, 3700);
    add("product.rest_blocks", rows * restPairs, 13100);
    add("product.pairs", pairs * chunks, 33200);
    add("product.start", 1, 7500);
  }

  /// Keys and values are packed for every head; of a query the softmax takes
  /// more than both products.
  void addAttention() {
    int64_t heads = std::max<int64_t>(1, rows / work.shape[1]);
    int64_t tiles = heads * divide(rows / heads, kRowsAtOnce);
    int64_t keys = work.depth, width = columns;
    int64_t keyPanels = divide(keys, kPanel), keyQuads = divide(keys, 4);
    int64_t widthPanels = divide(width, kPanel), widthQuads = divide(work.headSize, 4);
    add("attention.score_steps", tiles * 2 * keyPanels * widthQuads, 630);
    add("attention.value_steps", tiles * 2 * widthPanels * keyQuads, 1980);
    add("attention.tiles", tiles, 158000);
    add("attention.panels", tiles * keyPanels, 11000);
    add("attention.softmax", tiles * kRowsAtOnce * divide(keys, kVector), 31400);
    add("attention.queries", rows, 35000);
    add("attention.packed", heads * keyQuads * widthPanels, 2700);
    add("attention.quads", heads * keyQuads, 17700);
    add("attention.heads", heads, 41500);
  }

  void addNorm() {
    int64_t perRow = divide(columns, kVector);
    add("norm.parts", rows * perRow, 37100);
    add("norm.mean_parts", work.hasMean ? rows * perRow : 0, 4600);
    add("norm.wide_parts", rows * perRow * (work.operandBytes - 1), 14200);
    add("norm.rest", columns % kVector ? rows : 0, 9200);
    add("norm.rows", rows, 80600);
    add("norm.staged", perRow, 14200);
    add("norm.mean_staged", work.hasMean ? perRow : 0, 15800);
    add("norm.start", 1, 900);
  }

  void addRescale() {
    if (work.byColumns) {
      add("rescale.column_parts", parts(), 24300);
    } else {
      add("rescale.parts", parts(), 10000);
      add("rescale.wide_parts", parts() * (work.operandBytes - 1), 1500);
    }
    add("rescale.start", 1, 7500);
  }

  /// Eight lookups of 32 entries for each byte of the result.
  void addLookup() {
    add("lookup.parts", parts(), 10800);
    add("lookup.wide_parts", parts() * (work.resultBytes - 1), 10200);
    add("lookup.tables", work.byColumns ? divide(columns, kVector) : 1, 11000);
    add("lookup.start", 1, 4000);
  }

  void addMove() {
    if (work.byElements) {
      add("move.elements", rows * columns, 1080);
    } else if (columns == work.shape.back() && !work.byColumns) {
      add("move.parts", divide(rows * columns * work.resultBytes, kVector), 3000);
    } else {
      add("move.row_parts", rows * (columns * work.resultBytes / kVector), 2000);
      add("move.rests", columns * work.resultBytes % kVector ? rows : 0, 10000);
    }
    add("move.start", 1, 7000);
  }

  const KernelWork &work;
  int64_t rows, columns;
  llvm::SmallVector<PacketTerm> terms;
};

} // namespace

llvm::SmallVector<PacketTerm> hexagon::getPacketTerms(const KernelWork &work, int64_t rows,
                                                      int64_t columns) {
  return Terms(work, rows, columns).find();
}

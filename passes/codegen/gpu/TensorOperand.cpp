// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Copies of 16, 8 or 4 bytes where the operand's alignment allows it are
// asynchronous (cp.async, which fills with zeros what it is not given); elements
// that lie at odd addresses are loaded and stored one by one.

#include "passes/codegen/gpu/TensorOperand.h"

#include "passes/codegen/LoopBuilder.h"
#include "passes/codegen/gpu/FlatAddress.h"
#include "passes/codegen/gpu/VectorAccess.h"

#include "mlir/Dialect/NVGPU/IR/NVGPUDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tercet::codegen;

namespace {

constexpr int64_t kChunk = 8;
constexpr int64_t kWarpThreads = 32;
/// Rows, or bytes in units of two, of one matrix that ldmatrix reads.
constexpr int64_t kMatrix = 8;

/// Addresses are within memory that is there: nothing wraps.
constexpr auto kNoWrap = arith::IntegerOverflowFlags::nsw | arith::IntegerOverflowFlags::nuw;

} // namespace

Value TensorOperand::add(Value left, Value right) {
  return arith::AddIOp::create(b, left, right, kNoWrap);
}
Value TensorOperand::add(Value left, int64_t right) {
  return right == 0 ? left : add(left, b.index(right));
}
Value TensorOperand::mul(Value left, int64_t right) {
  return right == 1 ? left : arith::MulIOp::create(b, left, b.index(right), kNoWrap).getResult();
}

TensorOperand::TensorOperand(TileBuilder &b, const Contraction &product, Side side, int64_t count,
                             int64_t terms)
    : b(b), product(product), side(side),
      access(side == kLeft ? product.leftAccess() : product.rightAccess()),
      outer(side == kLeft ? *product.rows : *product.columns), sum(product.sums[0]), count(count),
      terms(terms) {}

OpFoldResult TensorOperand::outerSize() const { return product.nest.loops[outer].size; }
OpFoldResult TensorOperand::termCount() const { return product.nest.loops[sum].size; }
bool TensorOperand::hasWholeTerms() const { return isMultipleOf(termCount(), terms); }

std::optional<TensorOperand> TensorOperand::of(TileBuilder &b, const Contraction &product,
                                               Side side, int64_t count, int64_t terms) {
  TensorOperand operand(b, product, side, count, terms);
  const Access &access = operand.access;
  operand.alongTerms = access.isUnit(operand.sum);
  if (!operand.alongTerms && !access.isUnit(operand.outer))
    return std::nullopt;
  FailureOr<FlatAddress> flat = flatAddressOf(b, b.getLoc(), access.memory);
  if (failed(flat) || flat->isWorkgroup)
    return std::nullopt;
  operand.memory = flat->memory;
  operand.lines = operand.alongTerms ? count : terms;
  operand.line = operand.alongTerms ? terms : count;
  // As many elements as every line, and every step along another loop, begins at
  // a multiple of.
  unsigned unit = operand.alongTerms ? operand.sum : operand.outer;
  for (int64_t width : {int64_t(8), int64_t(4), int64_t(2)}) {
    bool fits = flat->alignment() % (2 * width) == 0 && isMultipleOf(access.offset, width);
    for (auto [loop, stride] : llvm::enumerate(access.strides))
      fits &=
          loop == unit || product.nest.loops[loop].staticSize() == 1 || isMultipleOf(stride, width);
    if (fits) {
      operand.width = width;
      break;
    }
  }
  return operand;
}

/// What the number of a chunk is xored with: so that eight lines that follow each
/// other, read at the same chunk, are in all 32 banks once.
Value TensorOperand::swizzle(Value at) {
  int64_t chunks = line / kChunk;
  if (chunks >= kMatrix)
    return arith::AndIOp::create(b, at, b.index(kMatrix - 1));
  if (chunks == 1)
    return b.index(0);
  Value group = arith::ShRUIOp::create(b, at, b.index(llvm::Log2_64(kMatrix / chunks)));
  return arith::AndIOp::create(b, group, b.index(chunks - 1));
}

/// The element of a stage; `width` of them from there on are one chunk's.
Value TensorOperand::placeOf(Value at, Value element) {
  Value chunk = arith::ShRUIOp::create(b, element, b.index(llvm::Log2_64(kChunk)));
  Value moved = arith::XOrIOp::create(b, chunk, swizzle(at));
  Value place = add(mul(at, line), mul(moved, kChunk));
  if (width == kChunk)
    return place;
  return add(place, arith::AndIOp::create(b, element, b.index(kChunk - 1)));
}

TensorOperand::Piece TensorOperand::pieceAt(Value at, Value element, Value place) {
  Piece piece;
  piece.term = alongTerms ? element : at;
  piece.place = place ? place : placeOf(at, element);
  // Within the rows or columns that there are; beyond them the first is named, and
  // nothing copied of it.
  Value first = ivs[outer], mine = alongTerms ? at : element;
  if (!isMultipleOf(outerSize(), count)) {
    Value left = arith::SubIOp::create(b, indexValue(b, b.getLoc(), outerSize()), first);
    Value inside = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, mine, left);
    Value most = b.index(width);
    if (!alongTerms && width > 1)
      most = arith::MinUIOp::create(b, most, arith::SubIOp::create(b, left, mine));
    piece.valid = arith::SelectOp::create(b, inside, most, b.index(0));
    mine = arith::SelectOp::create(b, inside, mine, b.index(0));
  }
  SmallVector<Value> there(ivs);
  there[outer] = add(first, mine);
  there[sum] = piece.term;
  piece.from = access.address(b, b.getLoc(), there);
  return piece;
}

/// Pieces are counted line by line, and neighbouring threads have neighbours.
void TensorOperand::setBlock(ValueRange block) {
  ivs.assign(block.begin(), block.end());
  ivs[sum] = Value();
  pieces.clear();
  if (width == 1)
    return;
  int64_t all = elements() / width, perLine = line / width;
  Value at, element, place;
  for (int64_t number = 0; number < all; number += b.threads) {
    int64_t further = number / perLine;
    // A round of the threads that is whole lines goes on at the same elements.
    if (number != 0 && b.threads % perLine == 0) {
      bool isSwizzledAlike = further % kMatrix == 0;
      pieces.push_back(pieceAt(add(at, further), element,
                               isSwizzledAlike ? add(place, further * line) : Value()));
      continue;
    }
    Value mine = add(b.thread(), number);
    at = arith::DivUIOp::create(b, mine, b.index(perLine));
    element = mul(arith::RemUIOp::create(b, mine, b.index(perLine)), width);
    pieces.push_back(pieceAt(at, element));
    place = pieces.back().place;
  }
}

void TensorOperand::copyPiece(const Piece &piece, Value shared, Value stage, Value term) {
  Value valid = piece.valid, from = piece.from;
  OpFoldResult further = mulIndex(b, b.getLoc(), term, access.strides[sum]);
  from = indexValue(b, b.getLoc(), addIndex(b, b.getLoc(), from, further));
  if (!hasWholeTerms()) {
    Value at = add(term, piece.term);
    Value all = indexValue(b, b.getLoc(), termCount());
    Value inside = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, at, all);
    Value most = valid ? valid : b.index(width);
    if (alongTerms)
      most = arith::MinUIOp::create(b, most, arith::SubIOp::create(b, all, at));
    valid = arith::SelectOp::create(b, inside, most, b.index(0));
  }
  Value place = add(stage, piece.place);
  if (width > 1) {
    nvgpu::DeviceAsyncCopyOp::create(b, shared, ValueRange{place}, memory, ValueRange{from},
                                     b.getIndexAttr(width), valid,
                                     width == kChunk ? b.getUnitAttr() : UnitAttr());
    return;
  }
  // Beyond the operand an element that there is, and zero in its place.
  Value inside;
  if (valid) {
    inside = arith::CmpIOp::create(b, arith::CmpIPredicate::ne, valid, b.index(0));
    from = arith::SelectOp::create(b, inside, from, access.address(b, b.getLoc(), ivs));
  }
  Value value = memref::LoadOp::create(b, memory, from);
  if (valid)
    value = arith::SelectOp::create(b, inside, value,
                                    arith::ConstantOp::create(b, b.getZeroAttr(access.element)));
  memref::StoreOp::create(b, value, shared, place);
}

void TensorOperand::copy(Value shared, Value stage, Value term) {
  OpBuilder::InsertionGuard guard(b);
  if (width == 1) {
    b.forEach(b.getIndexAttr(elements()), [&](Value number) {
      Value at = arith::DivUIOp::create(b, number, b.index(line));
      Value element = arith::RemUIOp::create(b, number, b.index(line));
      copyPiece(pieceAt(at, element), shared, stage, term);
    });
    return;
  }
  int64_t all = elements() / width;
  if (all < b.threads) {
    Value mine = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, b.thread(), b.index(all));
    auto branch = scf::IfOp::create(b, mine, /*withElseRegion=*/false);
    b.setInsertionPointToStart(branch.thenBlock());
  }
  for (const Piece &piece : pieces)
    copyPiece(piece, shared, stage, term);
}

void TensorOperand::setWarp(Value first) {
  Value lane = arith::RemUIOp::create(b, b.thread(), b.index(kWarpThreads));
  Value inMatrix = arith::RemUIOp::create(b, lane, b.index(kMatrix));
  Value matrix = arith::DivUIOp::create(b, lane, b.index(kMatrix));
  Value low = arith::AndIOp::create(b, matrix, b.index(1));
  Value high = arith::ShRUIOp::create(b, matrix, b.index(1));
  // Of the four matrices the second is, on the left, eight rows further; on the
  // right eight terms further.
  Value outerHalf = side == kLeft ? low : high, termHalf = side == kLeft ? high : low;
  if (alongTerms) {
    Value at = add(add(first, mul(outerHalf, kMatrix)), inMatrix);
    laneLine = mul(at, line);
    laneChunk = arith::XOrIOp::create(b, termHalf, swizzle(inMatrix));
  } else {
    Value at = add(mul(termHalf, kMatrix), inMatrix);
    laneLine = mul(at, line);
    Value chunk = add(arith::DivUIOp::create(b, first, b.index(kChunk)), outerHalf);
    laneChunk = arith::XOrIOp::create(b, chunk, swizzle(inMatrix));
  }
}

SmallVector<Value> TensorOperand::load(Value shared, Value stage, int64_t part, int64_t step) {
  // Two chunks further on in the line, or that many lines; a line's swizzle is
  // the same 16 lines further.
  int64_t chunk = 2 * (alongTerms ? step : part);
  int64_t further = kTermsOfStep * line * (alongTerms ? part : step);
  Value moved = laneChunk;
  if (chunk != 0)
    moved = arith::XOrIOp::create(b, laneChunk, b.index(chunk));
  Value at = add(add(stage, add(laneLine, mul(moved, kChunk))), further);
  auto type = VectorType::get({4, 2}, access.element);
  Value fragment = nvgpu::LdMatrixOp::create(b, type, shared, ValueRange{at},
                                             /*transpose=*/!alongTerms, /*numTiles=*/4u);
  SmallVector<Value> pairs;
  for (int64_t i = 0; i < 4; ++i)
    pairs.push_back(vector::ExtractOp::create(b, fragment, i));
  return pairs;
}

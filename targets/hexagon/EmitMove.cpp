// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What moves storage or fills it: memref.copy, linalg.fill, linalg.transpose.
// Rows that stay rows go through registers; others element by element.

#include "targets/hexagon/Emitters.h"
#include "targets/hexagon/RowLoops.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::hexagon;

namespace {

void copyRows(VectorBuilder &b, Value from, Value to) {
  int64_t bytes = elementBytes(from);
  forEachRow(b, {from, to}, [&](Values addresses, Value count) {
    Value size = b.mul(count, bytes);
    Value whole = b.mul(b.div(size, hvx::kRegisterBytes), hvx::kRegisterBytes);
    b.loop(b.constant(0), whole, hvx::kRegisterBytes, [&](Value byte) {
      b.store(b.load(b.at(addresses[0], byte)), b.at(addresses[1], byte));
    });
    Value rest = b.sub(size, whole);
    b.when(b.compare(arith::CmpIPredicate::sgt, rest, b.constant(0)), [&] {
      b.storePart(b.loadPart(b.at(addresses[0], whole), rest), b.at(addresses[1], whole), rest);
    });
  });
}

/// Elements one by one; `place` maps a dimension of `to` to the one of `from`.
void copyElements(VectorBuilder &b, Value from, Value to, ArrayRef<int64_t> place) {
  int64_t rank = place.size(), bytes = elementBytes(from);
  Type element = b.getIntegerType(8 * bytes);
  auto nest = [&](auto &self, int64_t dim, Value source, Value destination) -> void {
    if (dim == rank) {
      b.storeScalar(b.loadScalar(element, source, bytes), destination, bytes);
      return;
    }
    b.loop(b.constant(0), b.sizeOf(to, dim), 1, [&](Value position) {
      self(self, dim + 1, b.at(source, b.mul(position, strideOf(from, place[dim]) * bytes)),
           b.at(destination, b.mul(position, strideOf(to, dim) * bytes)));
    });
  };
  nest(nest, 0, b.addressOf(from), b.addressOf(to));
}

void emitCopy(VectorBuilder &b, Value from, Value to) {
  int64_t rank = cast<MemRefType>(to.getType()).getRank();
  if (rank == 0 || (strideOf(from, rank - 1) == 1 && strideOf(to, rank - 1) == 1))
    return copyRows(b, from, to);
  copyElements(b, from, to, llvm::to_vector(llvm::seq<int64_t>(0, rank)));
}

/// The input seen with the dimensions of the result.
void emitTranspose(VectorBuilder &b, linalg::TransposeOp op) {
  ArrayRef<int64_t> permutation = op.getPermutation();
  int64_t last = permutation.size() - 1;
  if (last < 0 || permutation[last] != last || strideOf(op.getInput(), last) != 1 ||
      strideOf(op.getInit(), last) != 1)
    return copyElements(b, op.getInput(), op.getInit(), permutation);
  auto map = AffineMap::getPermutationMap(permutation, b.getContext());
  Value view = memref::TransposeOp::create(b, op.getInput(), AffineMapAttr::get(map));
  copyRows(b, view, op.getInit());
}

void emitFill(VectorBuilder &b, linalg::FillOp op) {
  Value value = op.getInputs()[0], memory = op.getOutputs()[0];
  int64_t bytes = elementBytes(memory);
  if (isa<FloatType>(value.getType()))
    value = arith::BitcastOp::create(b, b.getIntegerType(8 * bytes), value);
  Value word = value;
  if (bytes < 4)
    word = arith::ExtUIOp::create(b, b.getI32Type(), value);
  Value filled = bytes == 1   ? hvx::LvsplatbOp::create(b, word).getResult()
                 : bytes == 2 ? hvx::LvsplathOp::create(b, word).getResult()
                              : b.splat(word);
  forEachRow(b, {memory}, [&](Values addresses, Value count) {
    Value size = b.mul(count, bytes);
    Value whole = b.mul(b.div(size, hvx::kRegisterBytes), hvx::kRegisterBytes);
    b.loop(b.constant(0), whole, hvx::kRegisterBytes,
           [&](Value byte) { b.store(filled, b.at(addresses[0], byte)); });
    Value rest = b.sub(size, whole);
    b.when(b.compare(arith::CmpIPredicate::sgt, rest, b.constant(0)),
           [&] { b.storePart(filled, b.at(addresses[0], whole), rest); });
  });
}

} // namespace

void hexagon::emitMove(VectorBuilder &b, Operation *op) {
  llvm::TypeSwitch<Operation *>(op)
      .Case<memref::CopyOp>([&](auto copy) { emitCopy(b, copy.getSource(), copy.getTarget()); })
      .Case<linalg::TransposeOp>([&](auto transpose) { emitTranspose(b, transpose); })
      .Case<linalg::FillOp>([&](auto fill) { emitFill(b, fill); });
}

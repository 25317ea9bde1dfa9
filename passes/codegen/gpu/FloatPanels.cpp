// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Four terms at a time, and those that are left one by one.

#include "passes/codegen/gpu/FloatPanels.h"

#include "passes/codegen/gpu/VectorAccess.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::codegen;

static constexpr int64_t kTerms = 4;

static Access accessOf(TileBuilder &b, Value memref) {
  FlatView view = flatten(b, b.getLoc(), memref);
  Access access;
  access.memory = view.memory;
  access.element = cast<MemRefType>(memref.getType()).getElementType();
  access.offset = view.offset;
  access.strides = view.strides;
  return access;
}

FloatPanels::FloatPanels(TileBuilder &b, nn::GroupMatmulOp op)
    : PanelSums(llvm::divideCeil(op.getDepth(), kTerms), op.getPanelColumns()), b(b),
      depth(op.getDepth()), lhs(accessOf(b, op.getLhs())), rhs(accessOf(b, op.getRhs())) {}

SmallVector<Value> FloatPanels::accumulate(ArrayRef<Value> rows, Value four, ArrayRef<Value> sums,
                                           Value part, int64_t parts) {
  Value fours = b.index(panel / kLanes);
  Value number = arith::DivUIOp::create(b, four, fours);
  Value first = arith::MulIOp::create(b, arith::RemUIOp::create(b, four, fours), b.index(kLanes));
  Values carried(sums);
  auto run = [&](Value from, int64_t to, int64_t count) {
    auto loop = scf::ForOp::create(b, from, b.index(to), b.index(count * parts), carried);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Values inside(loop.getRegionIterArgs());
    add(rows, number, first, loop.getInductionVar(), count, inside);
    scf::YieldOp::create(b, inside);
    carried = Values(loop.getResults());
  };
  int64_t whole = depth / kTerms * kTerms;
  Value own = part ? part : b.index(0);
  if (whole != 0)
    run(arith::MulIOp::create(b, own, b.index(kTerms)), whole, kTerms);
  if (whole != depth)
    run(arith::AddIOp::create(b, b.index(whole), own), depth, 1);
  return carried;
}

void FloatPanels::add(ArrayRef<Value> rows, Value number, Value first, Value k, int64_t count,
                      Values &sums) {
  Type f32 = b.getF32Type();
  auto term = [&](int64_t offset) -> Value {
    return offset ? arith::AddIOp::create(b, k, b.index(offset)).getResult() : k;
  };
  Values weights;
  for (int64_t offset = 0; offset < count; ++offset)
    weights.push_back(
        toFloat(b, loadLanes(b, rhs, ValueRange{number, term(offset), first}, /*loop=*/2), f32));
  for (auto [row, sum] : llvm::zip_equal(rows, sums)) {
    bool together = count == kLanes && lhs.isUnit(1);
    Value four = together ? loadLanes(b, lhs, ValueRange{row, k}, /*loop=*/1) : Value();
    for (int64_t offset = 0; offset < count; ++offset) {
      Value left = together ? vector::ExtractOp::create(b, four, offset).getResult()
                            : loadElement(b, lhs, ValueRange{row, term(offset)});
      sum = fma(b, splat(b, left), weights[offset], sum);
    }
  }
}

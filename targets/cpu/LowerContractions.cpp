// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finds matrix products by their strides: among the loops of a body that
// computes c + a * b, one that b and c walk with unit stride and a does not
// (n), one that only a and c move along (m), and a reduction (k). All other
// loops go around the product. So batched, strided and transposed products
// and direct convolutions are all the same case.

#include "targets/cpu/FillSearch.h"
#include "passes/codegen/LoopNest.h"
#include "targets/cpu/MicroKernel.h"
#include "targets/cpu/Passes.h"

#include "dialects/nn/NN.h"

namespace tercet::cpu {
#define GEN_PASS_DEF_LOWERCONTRACTIONSPASS
#include "targets/cpu/Passes.h.inc"
} // namespace tercet::cpu

using namespace mlir;
using namespace tercet;
using namespace tercet::codegen;
using namespace tercet::cpu;

namespace {

/// An operand of a product: a block argument, extended or not.
struct Factor {
  Value argument;
  bool isUnsigned = false;
};

Factor factorOf(Value value) {
  Operation *op = value.getDefiningOp();
  if (isa_and_nonnull<arith::ExtFOp, arith::ExtSIOp, arith::ExtUIOp>(op))
    return {op->getOperand(0), isa<arith::ExtUIOp>(op)};
  return {value};
}

/// Whether the body is c + a * b, of f32 or of i32; a and b may be narrower
/// than c. Says which of them are unsigned.
bool isProductBody(Block &body, bool isUnsigned[2]) {
  if (body.getNumArguments() != 3)
    return false;
  Operation *sum = body.getTerminator()->getOperand(0).getDefiningOp();
  if (!isa_and_nonnull<arith::AddFOp, arith::AddIOp>(sum))
    return false;
  Value c = body.getArgument(2), l = sum->getOperand(0), r = sum->getOperand(1);
  Value other = l == c ? r : r == c ? l : Value();
  Operation *product = other ? other.getDefiningOp() : nullptr;
  if (!isa_and_nonnull<arith::MulFOp, arith::MulIOp>(product) || !c.hasOneUse())
    return false;
  Factor left = factorOf(product->getOperand(0)), right = factorOf(product->getOperand(1));
  if (left.argument == body.getArgument(1))
    std::swap(left, right);
  isUnsigned[0] = left.isUnsigned;
  isUnsigned[1] = right.isUnsigned;
  return left.argument == body.getArgument(0) && right.argument == body.getArgument(1) &&
         (c.getType().isF32() || c.getType().isInteger(32));
}

struct LowerContractionsPass : cpu::impl::LowerContractionsPassBase<LowerContractionsPass> {
  void runOnOperation() override {
    soc::KernelOp kernel = getOperation();
    if (!isCpuKernel(kernel))
      return;
    FailureOr<soc::CpuAttr> engine = lookupCpu(kernel);
    if (failed(engine))
      return signalPassFailure();
    VectorUnit unit = VectorUnit::of(*engine);
    SmallVector<Operation *> ops;
    kernel.walk([&](Operation *op) {
      if (isa<nn::PackedMatmulOp, linalg::LinalgOp>(op))
        ops.push_back(op);
    });
    for (Operation *op : ops) {
      if (erased.contains(op))
        continue;
      if (auto packed = dyn_cast<nn::PackedMatmulOp>(op)) {
        if (failed(lowerPacked(packed, unit)))
          return signalPassFailure();
      } else {
        lowerLinalg(cast<linalg::LinalgOp>(op), unit);
      }
    }
    erased.clear();
  }

  /// The value that the destination starts with, if a fill gave it one; the
  /// fill is erased.
  Value foldFill(Operation *op, Value destination) {
    linalg::FillOp fill = findFill(op, destination);
    if (!fill)
      return {};
    Value value = fill.getInputs()[0];
    if (value.getType() != getElementTypeOrSelf(destination.getType()))
      return {};
    erased.insert(fill);
    fill.erase();
    ++foldedFills;
    return value;
  }

  LogicalResult lowerPacked(nn::PackedMatmulOp op, const VectorUnit &unit) {
    if (!isa<MemRefType>(op.getInit().getType()))
      return op.emitOpError() << "expected memrefs; bufferise first";
    Type element = getElementTypeOrSelf(op.getInit().getType());
    if (!element.isF32())
      return op.emitOpError() << "expected a destination of f32, got " << element;
    OpBuilder b(op);
    Location loc = op.getLoc();
    FlatView lhs = flatten(b, loc, op.getLhs()), rhs = flatten(b, loc, op.getRhs()),
             init = flatten(b, loc, op.getInit());
    if (getConstantIntValue(rhs.strides[2]) != 1 || getConstantIntValue(init.strides[1]) != 1)
      return op.emitOpError() << "expected rows of unit stride in " << op.getRhs().getType()
                              << " and " << op.getInit().getType();
    Product product;
    product.lhs = {lhs.memory, lhs.offset, lhs.strides[0], lhs.strides[1]};
    product.rhs = {rhs.memory, rhs.offset, rhs.strides[1], rhs.strides[2]};
    product.init = {init.memory, init.offset, init.strides[0], init.strides[1]};
    product.m = firstStatic(init.sizes[0], lhs.sizes[0]);
    product.n = init.sizes[1];
    product.k = firstStatic(lhs.sizes[1], rhs.sizes[1]);
    product.lhsElement = getElementTypeOrSelf(op.getLhs().getType());
    product.rhsElement = getElementTypeOrSelf(op.getRhs().getType());
    product.element = element;
    product.panel = op.getPanel();
    product.panelStride = rhs.strides[0];
    product.start = foldFill(op, op.getInit());
    emitProduct(b, loc, product, unit);
    op.erase();
    ++lowered;
    return success();
  }

  static OpFoldResult firstStatic(OpFoldResult left, OpFoldResult right) {
    return getConstantIntValue(left) ? left : right;
  }

  void lowerLinalg(linalg::LinalgOp op, const VectorUnit &unit) {
    bool isUnsigned[2];
    if (!op.hasPureBufferSemantics() || op.getNumDpsInputs() != 2 || op.getNumDpsInits() != 1 ||
        op->getNumRegions() != 1 || !isProductBody(op->getRegion(0).front(), isUnsigned))
      return;
    OpBuilder b(op);
    FailureOr<LoopNest> nest = LoopNest::of(b, op);
    if (failed(nest))
      return;
    nest->simplify(/*keepDims=*/false);
    if (nest->accesses[0].isScalar() || nest->accesses[1].isScalar())
      return;
    for (bool swapped : {false, true})
      if (emitAsProduct(b, op, *nest, swapped, isUnsigned, unit)) {
        op->erase();
        ++lowered;
        return;
      }
  }

  /// Size for comparisons; a dynamic loop counts as long.
  static int64_t sizeOf(const Loop &loop) { return loop.staticSize().value_or(1 << 20); }

  bool emitAsProduct(OpBuilder &b, linalg::LinalgOp op, LoopNest &nest, bool swapped,
                     const bool isUnsigned[2], const VectorUnit &unit) {
    const Access &lhs = nest.accesses[swapped], &rhs = nest.accesses[!swapped],
                 &init = nest.accesses[2];
    int64_t m = -1, n = -1, k = -1;
    for (int64_t loop = 0, count = nest.loops.size(); loop < count; ++loop) {
      auto longer = [&](int64_t other) {
        return other < 0 || sizeOf(nest.loops[loop]) >= sizeOf(nest.loops[other]);
      };
      if (nest.loops[loop].reduction) {
        if (init.moves(loop))
          return false;
        if (longer(k))
          k = loop;
      } else if (rhs.isUnit(loop) && init.isUnit(loop) && !lhs.moves(loop)) {
        n = loop;
      } else if (lhs.moves(loop) && !rhs.moves(loop) && longer(m)) {
        m = loop;
      }
    }
    if (n < 0 || sizeOf(nest.loops[n]) < 4)
      return false;
    Location loc = op.getLoc();
    SmallVector<int64_t> around;
    unsigned reductions = 0;
    for (int64_t loop = 0, count = nest.loops.size(); loop < count; ++loop) {
      reductions += nest.loops[loop].reduction;
      if (loop != m && loop != n && loop != k)
        around.push_back(loop);
    }
    // Reductions innermost, so that the destination stays in the cache.
    llvm::stable_sort(around, [&](int64_t l, int64_t r) {
      return nest.loops[l].reduction < nest.loops[r].reduction;
    });
    Product product;
    // With several reductions the first must not overwrite what others added.
    if (reductions <= 1)
      product.start = foldFill(op, op.getDpsInits()[0]);
    product.lhsElement = lhs.element;
    product.rhsElement = rhs.element;
    product.element = init.element;
    product.lhsUnsigned = isUnsigned[swapped];
    product.rhsUnsigned = isUnsigned[!swapped];
    OpFoldResult one = b.getIndexAttr(1), zero = b.getIndexAttr(0);
    product.m = m < 0 ? one : nest.loops[m].size;
    product.n = nest.loops[n].size;
    product.k = k < 0 ? one : nest.loops[k].size;
    SmallVector<Value> ivs(nest.loops.size());
    auto matrixOf = [&](OpBuilder &nested, const Access &access, int64_t row, int64_t column) {
      return Matrix{access.memory, access.address(nested, loc, ivs),
                    row < 0 ? zero : access.strides[row],
                    column < 0 ? zero : access.strides[column]};
    };
    std::function<void(OpBuilder &, unsigned)> nested = [&](OpBuilder &inner, unsigned depth) {
      if (depth == around.size()) {
        product.lhs = matrixOf(inner, lhs, m, k);
        product.rhs = matrixOf(inner, rhs, k, n);
        product.init = matrixOf(inner, init, m, n);
        emitProduct(inner, loc, product, unit);
        return;
      }
      int64_t loop = around[depth];
      buildLoop(inner, loc, zero, nest.loops[loop].size, 1, [&](OpBuilder &deeper, Value iv) {
        ivs[loop] = iv;
        nested(deeper, depth + 1);
      });
    };
    nested(b, 0);
    return true;
  }

  llvm::SmallPtrSet<Operation *, 8> erased;
};

} // namespace

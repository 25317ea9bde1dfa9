// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Emulation of narrow floats. Without it the back end would call functions of
// the compiler's run-time library (__truncsfbf2, __extendhfsf2), which a
// freestanding program does not have.

#include "targets/cpu/NarrowFloats.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;
using namespace tercet;

namespace {

Type withElement(Type type, Type element) {
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.clone(element);
  return element;
}

/// Integer arithmetic on i32, scalar or vector.
struct Words {
  ImplicitLocOpBuilder &b;

  Value constant(Value like, int64_t value) {
    Type type = like.getType();
    auto attr = b.getIntegerAttr(getElementTypeOrSelf(type), static_cast<int32_t>(value));
    if (auto vector = dyn_cast<VectorType>(type))
      return arith::ConstantOp::create(b, DenseElementsAttr::get(vector, attr));
    return arith::ConstantOp::create(b, attr);
  }
  Value band(Value x, int64_t mask) { return arith::AndIOp::create(b, x, constant(x, mask)); }
  Value bor(Value l, Value r) { return arith::OrIOp::create(b, l, r); }
  Value add(Value l, Value r) { return arith::AddIOp::create(b, l, r); }
  Value add(Value l, int64_t r) { return add(l, constant(l, r)); }
  Value shl(Value x, int64_t by) { return arith::ShLIOp::create(b, x, constant(x, by)); }
  Value shr(Value x, int64_t by) { return arith::ShRUIOp::create(b, x, constant(x, by)); }
  Value atLeast(Value x, int64_t bound) {
    return arith::CmpIOp::create(b, arith::CmpIPredicate::uge, x, constant(x, bound));
  }
  Value select(Value c, Value l, Value r) { return arith::SelectOp::create(b, c, l, r); }
  Value asF32(Value x) {
    return arith::BitcastOp::create(b, withElement(x.getType(), b.getF32Type()), x);
  }
  Value asI32(Value x) {
    return arith::BitcastOp::create(b, withElement(x.getType(), b.getI32Type()), x);
  }
};

struct ExpandHalfExtension : OpRewritePattern<arith::ExtFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::ExtFOp op, PatternRewriter &rewriter) const override {
    Type type = op.getIn().getType();
    if (!getElementTypeOrSelf(type).isF16() || !getElementTypeOrSelf(op.getType()).isF32())
      return rewriter.notifyMatchFailure(op, "not from f16 to f32");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Words w{b};
    Value bits = arith::BitcastOp::create(b, withElement(type, b.getI16Type()), op.getIn());
    Value word = arith::ExtUIOp::create(b, withElement(type, b.getI32Type()), bits);
    Value sign = w.shl(w.band(word, 0x8000), 16);
    Value magnitude = w.shl(w.band(word, 0x7fff), 13);
    // A multiplication by 2^112 moves the exponent, of subnormals too.
    Value scaled = w.asI32(
        arith::MulFOp::create(b, w.asF32(magnitude), w.asF32(w.constant(word, 0x77800000))));
    Value special = w.bor(scaled, w.constant(word, 0x7f800000));
    Value result = w.select(w.atLeast(magnitude, 0x0f800000), special, scaled);
    rewriter.replaceOp(op, w.asF32(w.bor(result, sign)));
    return success();
  }
};

struct ExpandHalfTruncation : OpRewritePattern<arith::TruncFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::TruncFOp op, PatternRewriter &rewriter) const override {
    Type type = op.getIn().getType();
    if (!getElementTypeOrSelf(type).isF32() || !getElementTypeOrSelf(op.getType()).isF16())
      return rewriter.notifyMatchFailure(op, "not from f32 to f16");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Words w{b};
    Value word = w.asI32(op.getIn());
    Value sign = w.shr(w.band(word, 0x80000000), 16);
    Value magnitude = w.band(word, 0x7fffffff);
    // Normal: rebias and round to nearest even.
    Value odd = w.band(w.shr(magnitude, 13), 1);
    Value normal = w.shr(w.add(w.add(magnitude, 0xc8000fff), odd), 13);
    // Subnormal: adding 0.5 aligns and rounds.
    Value half =
        arith::AddFOp::create(b, w.asF32(magnitude), w.asF32(w.constant(word, 0x3f000000)));
    Value subnormal = w.add(w.asI32(half), -0x3f000000);
    Value special = w.select(w.atLeast(magnitude, 0x7f800001), w.constant(word, 0x7e00),
                             w.constant(word, 0x7c00));
    Value result = w.select(w.atLeast(magnitude, 0x38800000), normal, subnormal);
    result = w.bor(w.select(w.atLeast(magnitude, 0x47800000), special, result), sign);
    Value bits = arith::TruncIOp::create(b, withElement(type, b.getI16Type()), result);
    rewriter.replaceOpWithNewOp<arith::BitcastOp>(op, op.getType(), bits);
    return success();
  }
};

/// Operations on floats that have a meaning for their bits only.
bool isTransparent(Operation *op) {
  return isa<arith::ExtFOp, arith::TruncFOp, arith::ConstantOp, arith::SelectOp, arith::BitcastOp>(
      op);
}

void computeInF32(Operation *op, function_ref<bool(Type)> narrow) {
  ImplicitLocOpBuilder b(op->getLoc(), op);
  auto widen = [&](Type type) {
    return narrow(getElementTypeOrSelf(type)) ? withElement(type, b.getF32Type()) : type;
  };
  OperationState state(op->getLoc(), op->getName());
  for (Value operand : op->getOperands()) {
    Type wide = widen(operand.getType());
    state.operands.push_back(
        wide == operand.getType() ? operand : arith::ExtFOp::create(b, wide, operand).getResult());
  }
  for (Type type : op->getResultTypes())
    state.types.push_back(widen(type));
  state.attributes = op->getDiscardableAttrDictionary();
  state.propertiesAttr = op->getPropertiesAsAttribute();
  Operation *wide = b.create(state);
  for (auto [from, to] : llvm::zip(op->getResults(), wide->getResults())) {
    Value value = to;
    if (value.getType() != from.getType())
      value = arith::TruncFOp::create(b, from.getType(), value);
    from.replaceAllUsesWith(value);
  }
  op->erase();
}

/// The greater or lesser number by a comparison. As an intrinsic of widened
/// halves it would be one of halves after LLVM's simplifications, which is a call
/// of fmaxf.
template <typename Op, arith::CmpFPredicate predicate> struct CompareHalves : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    auto isHalf = [](Value value) {
      auto extension = value.getDefiningOp<arith::ExtFOp>();
      return getElementTypeOrSelf(extension ? extension.getIn().getType() : value.getType())
          .isF16();
    };
    if (!isHalf(op.getLhs()) && !isHalf(op.getRhs()))
      return rewriter.notifyMatchFailure(op, "has no operand that is a half");
    Location loc = op.getLoc();
    Value left = op.getLhs(), right = op.getRhs();
    Value first = arith::CmpFOp::create(rewriter, loc, predicate, left, right);
    Value isNan = arith::CmpFOp::create(rewriter, loc, arith::CmpFPredicate::UNO, right, right);
    Value chosen = arith::OrIOp::create(rewriter, loc, first, isNan);
    rewriter.replaceOpWithNewOp<arith::SelectOp>(op, chosen, left, right);
    return success();
  }
};

} // namespace

LogicalResult cpu::emulateNarrowFloats(soc::KernelOp kernel, soc::CpuAttr cpu) {
  bool halves = cpu.getTriple().getValue().starts_with("riscv");
  auto narrow = [&](Type type) { return type.isBF16() || (halves && type.isF16()); };
  SmallVector<Operation *> ops;
  kernel.walk([&](Operation *op) {
    if (!isa_and_nonnull<arith::ArithDialect, math::MathDialect>(op->getDialect()) ||
        isTransparent(op))
      return;
    auto has = [&](TypeRange types) {
      return llvm::any_of(types, [&](Type type) { return narrow(getElementTypeOrSelf(type)); });
    };
    if (has(op->getOperandTypes()) || has(op->getResultTypes()))
      ops.push_back(op);
  });
  for (Operation *op : ops)
    computeInF32(op, narrow);
  RewritePatternSet patterns(kernel.getContext());
  arith::populateExpandBFloat16Patterns(patterns);
  patterns.add<CompareHalves<arith::MaxNumFOp, arith::CmpFPredicate::OGT>,
               CompareHalves<arith::MinNumFOp, arith::CmpFPredicate::OLT>>(kernel.getContext());
  if (halves)
    patterns.add<ExpandHalfExtension, ExpandHalfTruncation>(kernel.getContext());
  return applyPatternsGreedily(kernel, std::move(patterns));
}

void cpu::accessBits(LLVM::LLVMFuncOp function) {
  auto bitsOf = [](Type type) {
    Type element = getElementTypeOrSelf(type);
    return element.isBF16() ? withElement(type, IntegerType::get(type.getContext(), 16)) : Type();
  };
  function.walk([&](Operation *op) {
    if (!isa<LLVM::LoadOp, LLVM::StoreOp, LLVM::MaskedLoadOp, LLVM::MaskedStoreOp>(op))
      return;
    OpBuilder b(op);
    for (OpOperand &operand : op->getOpOperands())
      if (Type bits = bitsOf(operand.get().getType()))
        operand.set(LLVM::BitcastOp::create(b, op->getLoc(), bits, operand.get()));
    b.setInsertionPointAfter(op);
    for (Value result : op->getResults()) {
      Type type = result.getType(), bits = bitsOf(type);
      if (!bits)
        continue;
      result.setType(bits);
      auto floats = LLVM::BitcastOp::create(b, op->getLoc(), type, result);
      result.replaceAllUsesExcept(floats, floats);
    }
  });
}

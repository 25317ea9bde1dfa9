// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Arithmetic on types that a device of Vulkan 1.1 need not have. Invariants: an
// integer of fewer than 32 bits is held as i32, sign-extended from its width, so
// that comparisons of both kinds mean the same; a half or bfloat16 is held as an
// f32 that is one, so that results are rounded where they were.

#include "targets/vulkan/Passes.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/Transforms/Patterns.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Transforms/DialectConversion.h"

namespace tercet::vulkan {
#define GEN_PASS_DEF_LOWERNARROWTYPESPASS
#include "targets/vulkan/Passes.h.inc"
} // namespace tercet::vulkan

using namespace mlir;
using namespace tercet;

namespace {

bool isNarrowInteger(Type type) {
  return type.isSignlessInteger() && type.getIntOrFloatBitWidth() > 1 &&
         type.getIntOrFloatBitWidth() < 32;
}

/// Of those, whether the device computes on halves decides over f16.
bool isHalf(Type type) { return type.isF16() || type.isBF16(); }

Value constant(ImplicitLocOpBuilder &b, Value like, int64_t value) {
  Type type = like.getType();
  auto attr = b.getIntegerAttr(getElementTypeOrSelf(type), static_cast<int32_t>(value));
  if (auto vector = dyn_cast<VectorType>(type))
    return arith::ConstantOp::create(b, DenseElementsAttr::get(vector, attr));
  return arith::ConstantOp::create(b, attr);
}

/// The low `bits` of words, sign-extended or not.
Value signExtend(ImplicitLocOpBuilder &b, Value word, unsigned bits) {
  Value by = constant(b, word, 32 - bits);
  return arith::ShRSIOp::create(b, arith::ShLIOp::create(b, word, by), by);
}
Value zeroExtend(ImplicitLocOpBuilder &b, Value word, unsigned bits) {
  return arith::AndIOp::create(b, word, constant(b, word, (int64_t(1) << bits) - 1));
}

/// Has a function of scalars computed for every element.
Value forElements(ImplicitLocOpBuilder &b, Value value, Type element,
                  function_ref<Value(Value)> function) {
  auto type = dyn_cast<VectorType>(value.getType());
  if (!type)
    return function(value);
  SmallVector<Value> elements;
  for (int64_t lane = 0; lane < type.getNumElements(); ++lane)
    elements.push_back(function(vector::ExtractOp::create(b, value, lane)));
  return vector::FromElementsOp::create(b, cast<VectorType>(type.clone(element)), elements);
}

Value halfFromBits(ImplicitLocOpBuilder &b, Value word) {
  auto pair = VectorType::get({2}, b.getF32Type());
  Value both = spirv::GLUnpackHalf2x16Op::create(b, pair, word);
  return spirv::CompositeExtractOp::create(b, both, ArrayRef<int32_t>{0});
}

Value bitsOfHalf(ImplicitLocOpBuilder &b, Value value) {
  auto pair = VectorType::get({2}, b.getF32Type());
  Value zero = arith::ConstantOp::create(b, b.getF32FloatAttr(0));
  Value both = spirv::CompositeConstructOp::create(b, pair, ValueRange{value, zero});
  return spirv::GLPackHalf2x16Op::create(b, b.getI32Type(), both);
}

Value brainFromBits(ImplicitLocOpBuilder &b, Value word) {
  Value high = arith::ShLIOp::create(b, word, constant(b, word, 16));
  return arith::BitcastOp::create(b, b.getF32Type(), high);
}

/// To nearest, ties to even; what is not a number stays that.
Value bitsOfBrain(ImplicitLocOpBuilder &b, Value value) {
  Value word = arith::BitcastOp::create(b, b.getI32Type(), value);
  Value by = constant(b, word, 16);
  Value odd = arith::AndIOp::create(b, arith::ShRUIOp::create(b, word, by), constant(b, word, 1));
  Value biased = arith::AddIOp::create(b, word, constant(b, word, 0x7fff));
  Value rounded = arith::ShRUIOp::create(b, arith::AddIOp::create(b, biased, odd), by);
  Value magnitude = arith::AndIOp::create(b, word, constant(b, word, 0x7fffffff));
  Value isNan =
      arith::CmpIOp::create(b, arith::CmpIPredicate::ugt, magnitude, constant(b, word, 0x7f800000));
  return arith::SelectOp::create(b, isNan, constant(b, word, 0x7fc0), rounded);
}

Value fromBits(ImplicitLocOpBuilder &b, Type element, Value word) {
  return element.isF16() ? halfFromBits(b, word) : brainFromBits(b, word);
}
/// Of a value that fromBits made, what it was made from; null for any other.
Value wordOf(Type element, Value value) {
  if (element.isBF16()) {
    auto cast = value.getDefiningOp<arith::BitcastOp>();
    auto high = cast ? cast.getIn().getDefiningOp<arith::ShLIOp>() : arith::ShLIOp();
    return high && getConstantIntValue(high.getRhs()) == 16 ? high.getLhs() : Value();
  }
  auto half = value.getDefiningOp<spirv::CompositeExtractOp>();
  auto both = half ? half.getComposite().getDefiningOp<spirv::GLUnpackHalf2x16Op>()
                   : spirv::GLUnpackHalf2x16Op();
  bool low = both && cast<IntegerAttr>(half.getIndices()[0]).getInt() == 0;
  return low ? both.getOperand() : Value();
}

/// In the low 16 bits; what is above them says nothing.
Value bitsOf(ImplicitLocOpBuilder &b, Type element, Value value) {
  if (Value word = wordOf(element, value))
    return word;
  return element.isF16() ? bitsOfHalf(b, value) : bitsOfBrain(b, value);
}

Value roundTo(ImplicitLocOpBuilder &b, Type element, Value value) {
  return forElements(b, value, b.getF32Type(),
                     [&](Value lane) { return fromBits(b, element, bitsOf(b, element, lane)); });
}

/// Results of such operations are operands, or need no rounding for another reason.
bool isExact(Operation *op) {
  return isa<arith::NegFOp, arith::MaximumFOp, arith::MinimumFOp, arith::MaxNumFOp,
             arith::MinNumFOp, arith::SelectOp, math::AbsFOp, math::CopySignOp, math::FloorOp,
             math::CeilOp, math::RoundOp, math::RoundEvenOp, math::TruncOp>(op);
}

bool isUnsigned(Operation *op) {
  return isa<arith::DivUIOp, arith::RemUIOp, arith::ShRUIOp, arith::UIToFPOp, arith::IndexCastUIOp,
             arith::ExtUIOp, arith::CeilDivUIOp>(op);
}

unsigned bitsOf(Type type) { return getElementTypeOrSelf(type).getIntOrFloatBitWidth(); }

struct NarrowTypes : TypeConverter {
  explicit NarrowTypes(bool keepsF16) : keepsF16(keepsF16) {
    addConversion([](Type type) { return type; });
    addConversion([](IntegerType type) -> std::optional<Type> {
      return isNarrowInteger(type) ? IntegerType::get(type.getContext(), 32) : type;
    });
    addConversion([this](FloatType type) -> std::optional<Type> {
      return isNarrowFloat(type) ? Float32Type::get(type.getContext()) : Type(type);
    });
    addConversion([this](VectorType type) -> std::optional<Type> {
      return type.clone(convertType(type.getElementType()));
    });
  }
  bool isNarrowFloat(Type type) const { return isHalf(type) && !(keepsF16 && type.isF16()); }
  const bool keepsF16;
};

/// Any operation on values: the same on wider types, between what its types ask
/// for.
struct WidenOperation : ConversionPattern {
  WidenOperation(const NarrowTypes &converter, MLIRContext *context)
      : ConversionPattern(converter, MatchAnyOpTypeTag(), /*benefit=*/1, context),
        types(converter) {}

  LogicalResult matchAndRewrite(Operation *op, ArrayRef<Value> operands,
                                ConversionPatternRewriter &rewriter) const override {
    if (op->getNumRegions() != 0 || !isMemoryEffectFree(op) || op->getNumResults() != 1)
      return rewriter.notifyMatchFailure(op, "is not an operation on values");
    ImplicitLocOpBuilder b(op->getLoc(), rewriter);
    Type from = op->getNumOperands() ? getElementTypeOrSelf(op->getOperand(0).getType()) : Type();
    Type to = op->getResult(0).getType(), element = getElementTypeOrSelf(to);

    if (isa<arith::ExtFOp>(op) && isNarrowFloat(from) && element.isF32()) {
      rewriter.replaceOp(op, operands[0]);
      return success();
    }
    if (isa<arith::TruncFOp>(op) && from.isF32() && isNarrowFloat(element)) {
      rewriter.replaceOp(op, roundTo(b, element, operands[0]));
      return success();
    }
    if (isa<arith::ExtSIOp>(op) && bitsOf(to) <= 32 && isNarrowInteger(from)) {
      rewriter.replaceOp(op, operands[0]);
      return success();
    }
    if (isa<arith::ExtUIOp>(op) && bitsOf(to) <= 32 && isNarrowInteger(from)) {
      rewriter.replaceOp(op, zeroExtend(b, operands[0], bitsOf(from)));
      return success();
    }
    if (isa<arith::TruncIOp>(op) && isNarrowInteger(element) &&
        getElementTypeOrSelf(operands[0].getType()).isInteger(32)) {
      rewriter.replaceOp(op, signExtend(b, operands[0], bitsOf(to)));
      return success();
    }
    if (isa<arith::BitcastOp>(op) && isNarrowInteger(from) && isHalf(element)) {
      Value wide = forElements(b, operands[0], b.getF32Type(),
                               [&](Value word) { return fromBits(b, element, word); });
      if (!isNarrowFloat(element))
        wide = arith::TruncFOp::create(b, to, wide);
      rewriter.replaceOp(op, wide);
      return success();
    }
    if (isa<arith::BitcastOp>(op) && isHalf(from) && isNarrowInteger(element)) {
      Value wide = operands[0];
      if (!isNarrowFloat(from)) {
        Type f32 = b.getF32Type();
        if (auto vector = dyn_cast<VectorType>(wide.getType()))
          f32 = vector.clone(f32);
        wide = arith::ExtFOp::create(b, f32, wide);
      }
      Value words =
          forElements(b, wide, b.getI32Type(), [&](Value value) { return bitsOf(b, from, value); });
      rewriter.replaceOp(op, signExtend(b, words, 16));
      return success();
    }
    if (auto constant = dyn_cast<arith::ConstantOp>(op))
      return convertConstant(constant, rewriter);
    if (isa<arith::BitcastOp, vector::BitCastOp, arith::AddUIExtendedOp, arith::MulSIExtendedOp,
            arith::MulUIExtendedOp>(op))
      return rewriter.notifyMatchFailure(op, "has no form on wider types");
    return convertSame(b, op, operands, rewriter);
  }

private:
  bool isNarrowFloat(Type type) const { return types.isNarrowFloat(type); }

  LogicalResult convertConstant(arith::ConstantOp op, ConversionPatternRewriter &rewriter) const {
    Type type = getTypeConverter()->convertType(op.getType()), element = getElementTypeOrSelf(type);
    auto widenOne = [&](Attribute value) -> Attribute {
      if (auto number = dyn_cast<IntegerAttr>(value))
        return rewriter.getIntegerAttr(element, number.getValue().sext(32));
      APFloat number = cast<FloatAttr>(value).getValue();
      bool loses;
      number.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven, &loses);
      return rewriter.getFloatAttr(element, number);
    };
    TypedAttr value;
    if (auto dense = dyn_cast<DenseElementsAttr>(op.getValue())) {
      SmallVector<Attribute> elements;
      for (Attribute one : dense.getValues<Attribute>())
        elements.push_back(widenOne(one));
      value = DenseElementsAttr::get(cast<ShapedType>(type), elements);
    } else {
      value = cast<TypedAttr>(widenOne(op.getValue()));
    }
    rewriter.replaceOpWithNewOp<arith::ConstantOp>(op, value);
    return success();
  }

  LogicalResult convertSame(ImplicitLocOpBuilder &b, Operation *op, ArrayRef<Value> operands,
                            ConversionPatternRewriter &rewriter) const {
    OperationState state(op->getLoc(), op->getName());
    for (auto [operand, original] : llvm::zip_equal(operands, op->getOperandTypes())) {
      bool mask = isUnsigned(op) && isNarrowInteger(getElementTypeOrSelf(original));
      state.operands.push_back(mask ? zeroExtend(b, operand, bitsOf(original)) : operand);
    }
    Type type = op->getResult(0).getType(), element = getElementTypeOrSelf(type);
    state.types.push_back(getTypeConverter()->convertType(type));
    state.attributes = op->getDiscardableAttrDictionary();
    state.propertiesAttr = op->getPropertiesAsAttribute();
    Value result = rewriter.create(state)->getResult(0);
    bool computes = isa<arith::ArithDialect, math::MathDialect>(op->getDialect());
    if (computes && isNarrowInteger(element) && !isa<arith::SelectOp>(op))
      result = signExtend(b, result, bitsOf(type));
    if (computes && isNarrowFloat(element) && !isExact(op))
      result = roundTo(b, element, result);
    rewriter.replaceOp(op, result);
    return success();
  }

  const NarrowTypes &types;
};

struct LowerNarrowTypesPass : vulkan::impl::LowerNarrowTypesPassBase<LowerNarrowTypesPass> {
  using LowerNarrowTypesPassBase::LowerNarrowTypesPassBase;
  void runOnOperation() override {
    llvm::Expected<codegen::GpuProfile> parsed = codegen::GpuProfile::parse(profile);
    if (!parsed) {
      getOperation().emitOpError() << llvm::toString(parsed.takeError());
      return signalPassFailure();
    }
    NarrowTypes converter(parsed->float16);
    ConversionTarget target(getContext());
    target.markUnknownOpDynamicallyLegal([&](Operation *op) { return converter.isLegal(op); });
    target.addLegalOp<gpu::GPUFuncOp>();
    RewritePatternSet patterns(&getContext());
    patterns.add<WidenOperation>(converter, &getContext());
    scf::populateSCFStructuralTypeConversionsAndLegality(converter, patterns, target);
    if (failed(applyPartialConversion(getOperation(), target, std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Instructions become calls of their intrinsics. Parts of registers are read
// and written in whole aligned blocks, of which only those are touched that
// hold one of the bytes: no access leaves the memory that it is for.

#include "targets/hexagon/ConvertInstructions.h"

#include "dialects/hvx/HVX.h"

#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;
using namespace tercet;

namespace {

constexpr int64_t kBytes = hvx::kRegisterBytes;
constexpr llvm::StringLiteral kDmaStart = "tercet_dma_start", kDmaWait = "tercet_dma_wait";

struct ConvertInstruction : OpInterfaceConversionPattern<hvx::InstructionOpInterface> {
  using OpInterfaceConversionPattern::OpInterfaceConversionPattern;

  LogicalResult matchAndRewrite(hvx::InstructionOpInterface op, ArrayRef<Value> operands,
                                ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<LLVM::CallIntrinsicOp>(
        op, op->getResultTypes()[0], rewriter.getStringAttr(op.getIntrinsic()), operands);
    return success();
  }
};

struct ConvertAddress : ConvertOpToLLVMPattern<hvx::AddressOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;

  LogicalResult matchAndRewrite(hvx::AddressOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    MemRefDescriptor descriptor(adaptor.getMemory());
    rewriter.replaceOp(op, descriptor.bufferPtr(rewriter, op.getLoc(), *getTypeConverter(),
                                                cast<MemRefType>(op.getMemory().getType())));
    return success();
  }
};

struct ConvertLoad : ConvertOpToLLVMPattern<hvx::LoadOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;

  LogicalResult matchAndRewrite(hvx::LoadOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<LLVM::LoadOp>(op, op.getType(), adaptor.getAddress(),
                                              op.getAligned() ? kBytes : 1);
    return success();
  }
};

struct ConvertStore : ConvertOpToLLVMPattern<hvx::StoreOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;

  LogicalResult matchAndRewrite(hvx::StoreOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<LLVM::StoreOp>(op, adaptor.getValue(), adaptor.getAddress(),
                                               op.getAligned() ? kBytes : 1);
    return success();
  }
};

/// The blocks of 128 bytes that hold the first and the last of some bytes.
struct Blocks {
  Value address, bytes, first, last;
  Type pointer;

  Blocks(ImplicitLocOpBuilder &b, Value base, Value count) : pointer(base.getType()) {
    Type i32 = b.getI32Type();
    address = LLVM::PtrToIntOp::create(b, i32, base);
    bytes = count;
    Value end = LLVM::AddOp::create(b, address, count);
    Value lastByte = LLVM::SubOp::create(b, end, constant(b, 1));
    first = LLVM::AndOp::create(b, address, constant(b, -kBytes));
    last = LLVM::AndOp::create(b, lastByte, constant(b, -kBytes));
  }

  Value end(ImplicitLocOpBuilder &b) const { return LLVM::AddOp::create(b, address, bytes); }
  Value at(ImplicitLocOpBuilder &b, Value block) const {
    return LLVM::IntToPtrOp::create(b, pointer, block);
  }
  static Value constant(ImplicitLocOpBuilder &b, int64_t value) {
    return LLVM::ConstantOp::create(b, b.getI32IntegerAttr(static_cast<int32_t>(value)));
  }
};

Value call(ImplicitLocOpBuilder &b, Type type, StringRef name, ValueRange operands) {
  return LLVM::CallIntrinsicOp::create(
             b, type, b.getStringAttr("llvm.hexagon.V6." + name + ".128B"), operands)
      ->getResult(0);
}

struct ConvertLoadPart : ConvertOpToLLVMPattern<hvx::LoadPartOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;

  LogicalResult matchAndRewrite(hvx::LoadPartOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Blocks blocks(b, adaptor.getAddress(), adaptor.getBytes());
    Value low = LLVM::LoadOp::create(b, op.getType(), blocks.at(b, blocks.first), kBytes);
    Value high = LLVM::LoadOp::create(b, op.getType(), blocks.at(b, blocks.last), kBytes);
    rewriter.replaceOp(op, call(b, op.getType(), "valignb", {high, low, blocks.address}));
    return success();
  }
};

struct ConvertStorePart : ConvertOpToLLVMPattern<hvx::StorePartOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;

  LogicalResult matchAndRewrite(hvx::StorePartOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Value value = adaptor.getValue();
    Blocks blocks(b, adaptor.getAddress(), adaptor.getBytes());
    Type predicate = VectorType::get({kBytes}, b.getI1Type());
    Value rotated = call(b, value.getType(), "vlalignb", {value, value, blocks.address});
    // In one block: both bounds hold in it. In two: one bound holds in each. An
    // end of 0 is none, and so is a start.
    Value zero = Blocks::constant(b, 0);
    Value same = LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::eq, blocks.first, blocks.last);
    Value end = blocks.end(b);
    Value firstEnd = LLVM::SelectOp::create(b, same, end, zero);
    Value lastStart = LLVM::SelectOp::create(b, same, blocks.address, zero);
    auto store = [&](Value block, Value from, Value to) {
      Value before = call(b, predicate, "pred.scalar2", from);
      Value until = call(b, predicate, "pred.scalar2v2", to);
      Value mask = call(b, predicate, "pred.and.n", {until, before});
      LLVM::CallIntrinsicOp::create(b, b.getStringAttr("llvm.hexagon.V6.vS32b.qpred.ai.128B"),
                                    ValueRange{mask, blocks.at(b, block), rotated});
    };
    store(blocks.first, blocks.address, firstEnd);
    store(blocks.last, lastStart, end);
    rewriter.eraseOp(op);
    return success();
  }
};

struct ConvertDmaStart : ConvertOpToLLVMPattern<hvx::DmaStartOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;

  LogicalResult matchAndRewrite(hvx::DmaStartOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<LLVM::CallOp>(op, TypeRange{rewriter.getI32Type()}, kDmaStart,
                                              adaptor.getOperands());
    return success();
  }
};

struct ConvertDmaWait : ConvertOpToLLVMPattern<hvx::DmaWaitOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;

  LogicalResult matchAndRewrite(hvx::DmaWaitOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<LLVM::CallOp>(op, TypeRange{}, kDmaWait, adaptor.getOperands());
    return success();
  }
};

} // namespace

void hexagon::populateInstructionPatterns(LLVMTypeConverter &converter,
                                          RewritePatternSet &patterns) {
  patterns.add<ConvertInstruction>(converter, patterns.getContext());
  patterns.add<ConvertAddress, ConvertLoad, ConvertStore, ConvertLoadPart, ConvertStorePart,
               ConvertDmaStart, ConvertDmaWait>(converter);
}

void hexagon::declareRuntime(ModuleOp module) {
  OpBuilder b = OpBuilder::atBlockBegin(module.getBody());
  MLIRContext *context = b.getContext();
  Type i32 = b.getI32Type(), pointer = LLVM::LLVMPointerType::get(context);
  if (!module.lookupSymbol(kDmaStart))
    LLVM::LLVMFuncOp::create(
        b, module.getLoc(), kDmaStart,
        LLVM::LLVMFunctionType::get(i32, {pointer, pointer, i32, i32, i32, i32}));
  if (!module.lookupSymbol(kDmaWait))
    LLVM::LLVMFuncOp::create(b, module.getLoc(), kDmaWait,
                             LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context), {i32}));
}

void hexagon::eraseUnusedDeclarations(ModuleOp module) {
  for (StringRef name : {kDmaStart, kDmaWait}) {
    auto function = module.lookupSymbol<LLVM::LLVMFuncOp>(name);
    if (function && function.isExternal() && SymbolTable::symbolKnownUseEmpty(function, module))
      function.erase();
  }
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The last step within MLIR. Kernels get the calling convention of abi.h as C
// lays it out with addresses of 32 bits; no argument is taken to be aligned
// beyond its elements, but the worker's scratch is to a vector register. Then
// views become addresses and everything becomes the LLVM dialect.

#include "passes/tile/KernelGrid.h"
#include "targets/hexagon/Passes.h"

#include "mlir/Conversion/AffineToStandard/AffineToStandard.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/DLTI/DLTI.h"
#include "mlir/Dialect/MemRef/Transforms/Transforms.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "targets/hexagon/ConvertInstructions.h"

namespace tercet::hexagon {
#define GEN_PASS_DEF_CONVERTTOLLVMPASS
#include "targets/hexagon/Passes.h.inc"
} // namespace tercet::hexagon

using namespace mlir;
using namespace tercet;

namespace {

// Offsets of the fields of tercet_kernel_args with addresses of 32 bits.
enum : int64_t { kBuffers = 0, kScratch = 8, kScratchStride = 16 };

constexpr llvm::StringLiteral kTriple = "hexagon-unknown-linux-musl";
constexpr llvm::StringLiteral kDataLayout =
    "e-m:e-p:32:32:32-a:0-n16:32-i64:64:64-i32:32:32-i16:16:16-i1:8:8-f32:32:32-f64:64:64-"
    "v32:32:32-v64:64:64-v512:512:512-v1024:1024:1024-v2048:2048:2048";

class KernelConversion {
public:
  KernelConversion(soc::KernelOp kernel, LLVMTypeConverter &converter)
      : kernel(kernel), b(kernel.getLoc(), kernel), converter(converter) {}

  FailureOr<LLVM::LLVMFuncOp> run() {
    FailureOr<tile::KernelGrid> grid = tile::KernelGrid::of(kernel);
    if (failed(grid))
      return failure();
    if (!kernel.getBody().hasOneBlock())
      return kernel.emitOpError() << "expected a body of one block", failure();
    pointer = LLVM::LLVMPointerType::get(b.getContext());
    Type i32 = b.getI32Type();
    auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()),
                                            {pointer, i32, i32, i32, i32});
    auto function = LLVM::LLVMFuncOp::create(b, kernel.getSymName(), type);
    function.setVisibility_(LLVM::Visibility::Hidden);
    function.setDsoLocal(true);
    function.setArgAttr(0, LLVM::LLVMDialect::getNoAliasAttrName(), b.getUnitAttr());
    function.setArgAttr(0, LLVM::LLVMDialect::getReadonlyAttrName(), b.getUnitAttr());
    entry = function.addEntryBlock(b);
    b.setInsertionPointToStart(entry);

    replaceArguments();
    Block &body = kernel.getBody().front();
    entry->getOperations().splice(entry->end(), body.getOperations());
    Operation *end = entry->getTerminator();
    b.setInsertionPoint(end);
    LLVM::ReturnOp::create(b, ValueRange{});
    end->erase();
    if (grid->forall)
      inlineGrid(grid->forall);
    replaceScratch(function);
    kernel.erase();
    return function;
  }

private:
  Value field(Type type, int64_t offset, unsigned alignment) {
    Value address = LLVM::GEPOp::create(b, pointer, b.getI8Type(), entry->getArgument(0),
                                        ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(offset)});
    return LLVM::LoadOp::create(b, type, address, alignment, /*isVolatile=*/false,
                                /*isNonTemporal=*/false, /*isInvariant=*/true);
  }

  Value memrefAt(MemRefType type, Value address) {
    Value descriptor = MemRefDescriptor::fromStaticShape(b, b.getLoc(), converter, type, address);
    return UnrealizedConversionCastOp::create(b, b.getLoc(), type, descriptor).getResult(0);
  }

  void replaceArguments() {
    Value buffers;
    for (BlockArgument argument : kernel.getBody().getArguments()) {
      if (argument.use_empty())
        continue;
      if (!buffers)
        buffers = field(pointer, kBuffers, 4);
      Value slot = LLVM::GEPOp::create(
          b, pointer, b.getI8Type(), buffers,
          ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(4 * argument.getArgNumber())});
      Value address = LLVM::LoadOp::create(b, pointer, slot, 4, false, false,
                                           /*isInvariant=*/true);
      argument.replaceAllUsesWith(memrefAt(cast<MemRefType>(argument.getType()), address));
    }
  }

  void inlineGrid(scf::ForallOp forall) {
    b.setInsertionPoint(forall);
    int64_t rank = forall.getRank();
    for (int64_t dim = 0; dim < rank; ++dim) {
      // The last dimension is x.
      Value id = entry->getArgument(1 + (rank - 1 - dim));
      Value index = arith::IndexCastOp::create(b, b.getIndexType(), id);
      auto constant = [&](OpFoldResult value) -> Value {
        return arith::ConstantIndexOp::create(b, *getConstantIntValue(value));
      };
      index = arith::MulIOp::create(b, index, constant(forall.getMixedStep()[dim]),
                                    arith::IntegerOverflowFlags::nsw);
      index = arith::AddIOp::create(b, index, constant(forall.getMixedLowerBound()[dim]),
                                    arith::IntegerOverflowFlags::nsw);
      forall.getInductionVar(dim).replaceAllUsesWith(index);
    }
    Block *body = forall.getBody();
    body->getTerminator()->erase();
    entry->getOperations().splice(forall->getIterator(), body->getOperations());
    forall.erase();
  }

  void replaceScratch(LLVM::LLVMFuncOp function) {
    SmallVector<soc::ScratchOp> ops;
    function.walk([&](soc::ScratchOp op) { ops.push_back(op); });
    if (ops.empty())
      return;
    b.setInsertionPointToStart(entry);
    // The stride has 64 bits; those above 32 are zero.
    Value base = field(pointer, kScratch, 4), stride = field(b.getI32Type(), kScratchStride, 8);
    Value distance = LLVM::MulOp::create(b, entry->getArgument(4), stride);
    base = LLVM::GEPOp::create(b, pointer, b.getI8Type(), base, ArrayRef<LLVM::GEPArg>{distance});
    for (soc::ScratchOp op : ops) {
      Value address =
          LLVM::GEPOp::create(b, pointer, b.getI8Type(), base,
                              ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(op.getOffset())});
      op.getResult().replaceAllUsesWith(memrefAt(cast<MemRefType>(op.getType()), address));
      op.erase();
    }
  }

  soc::KernelOp kernel;
  ImplicitLocOpBuilder b;
  LLVMTypeConverter &converter;
  Type pointer;
  Block *entry = nullptr;
};

struct ConvertToLLVMPass : hexagon::impl::ConvertToLLVMPassBase<ConvertToLLVMPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    MLIRContext *context = &getContext();
    LowerToLLVMOptions options(context);
    options.overrideIndexBitwidth(32);
    options.dataLayout = llvm::DataLayout(kDataLayout);
    LLVMTypeConverter converter(context, options);

    SmallVector<soc::KernelOp> kernels(module.getOps<soc::KernelOp>());
    if (kernels.empty())
      return;
    SmallVector<LLVM::LLVMFuncOp> functions;
    bool failedAny = false;
    for (soc::KernelOp kernel : kernels) {
      FailureOr<LLVM::LLVMFuncOp> function = KernelConversion(kernel, converter).run();
      failedAny |= failed(function);
      if (succeeded(function))
        functions.push_back(*function);
    }
    if (failedAny)
      return signalPassFailure();
    setLayout(module);
    hexagon::declareRuntime(module);
    for (LLVM::LLVMFuncOp function : functions)
      if (failed(prepare(function)) || failed(convert(function, converter)))
        failedAny = true;
    if (failedAny)
      return signalPassFailure();
    hexagon::eraseUnusedDeclarations(module);
  }

  static void setLayout(ModuleOp module) {
    Builder b(module.getContext());
    module->setAttr(LLVM::LLVMDialect::getTargetTripleAttrName(), b.getStringAttr(kTriple));
    module->setAttr(LLVM::LLVMDialect::getDataLayoutAttrName(), b.getStringAttr(kDataLayout));
  }

  LogicalResult prepare(LLVM::LLVMFuncOp function) {
    RewritePatternSet patterns(&getContext());
    memref::populateExpandStridedMetadataPatterns(patterns);
    memref::populateResolveRankedShapedTypeResultDimsPatterns(patterns);
    if (failed(applyPatternsGreedily(function, std::move(patterns))))
      return failure();
    RewritePatternSet arithmetic(&getContext());
    populateAffineToStdConversionPatterns(arithmetic);
    populateSCFToControlFlowConversionPatterns(arithmetic);
    arith::populateArithExpandOpsPatterns(arithmetic);
    ConversionTarget target(getContext());
    target.addIllegalDialect<affine::AffineDialect, scf::SCFDialect>();
    target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
    return applyPartialConversion(function, target, std::move(arithmetic));
  }

  LogicalResult convert(LLVM::LLVMFuncOp function, LLVMTypeConverter &converter) {
    RewritePatternSet patterns(&getContext());
    arith::populateArithToLLVMConversionPatterns(converter, patterns);
    cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
    populateFinalizeMemRefToLLVMConversionPatterns(converter, patterns);
    hexagon::populateInstructionPatterns(converter, patterns);
    LLVMConversionTarget target(getContext());
    target.addLegalOp<LLVM::LLVMFuncOp, UnrealizedConversionCastOp>();
    return applyFullConversion(function, target, std::move(patterns));
  }
};

} // namespace

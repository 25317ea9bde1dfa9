// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The last step within MLIR: views become addresses, then everything becomes
// the LLVM dialect.

#include "targets/cpu/NarrowFloats.h"
#include "targets/cpu/Passes.h"

#include "mlir/Conversion/AffineToStandard/AffineToStandard.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/IndexToLLVM/IndexToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Transforms.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/Transforms/LoweringPatterns.h"
#include "mlir/Dialect/Vector/Transforms/VectorRewritePatterns.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace tercet::cpu {
#define GEN_PASS_DEF_CONVERTTOLLVMPASS
#include "targets/cpu/Passes.h.inc"
} // namespace tercet::cpu

using namespace mlir;
using namespace tercet;

namespace {

struct ConvertToLLVMPass : cpu::impl::ConvertToLLVMPassBase<ConvertToLLVMPass> {
  void runOnOperation() override {
    LLVM::LLVMFuncOp function = getOperation();
    if (function.isExternal())
      return;
    if (failed(prepare(function)) || failed(convert(function)))
      return signalPassFailure();
    cpu::accessBits(function);
  }

  LogicalResult prepare(LLVM::LLVMFuncOp function) {
    RewritePatternSet patterns(&getContext());
    memref::populateExpandStridedMetadataPatterns(patterns);
    memref::populateResolveRankedShapedTypeResultDimsPatterns(patterns);
    vector::populateVectorMaskMaterializationPatterns(patterns, /*force32BitVectorIndices=*/true);
    vector::populateVectorMaskOpLoweringPatterns(patterns);
    // Masks of dynamic tails become comparisons with the lanes' numbers.
    vector::populateVectorMaskMaterializationPatterns(patterns, /*force32BitVectorIndices=*/true);
    vector::populateVectorStepLoweringPatterns(patterns);
    vector::populateVectorToFromElementsToShuffleTreePatterns(patterns);
    if (failed(applyPatternsGreedily(function, std::move(patterns))))
      return failure();
    RewritePatternSet affinePatterns(&getContext());
    populateAffineToStdConversionPatterns(affinePatterns);
    arith::populateArithExpandOpsPatterns(affinePatterns);
    ConversionTarget target(getContext());
    target.addIllegalDialect<affine::AffineDialect>();
    target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
    return applyPartialConversion(function, target, std::move(affinePatterns));
  }

  LogicalResult convert(LLVM::LLVMFuncOp function) {
    MLIRContext *context = &getContext();
    RewritePatternSet loops(context);
    populateSCFToControlFlowConversionPatterns(loops);
    ConversionTarget flat(*context);
    flat.addIllegalDialect<scf::SCFDialect>();
    flat.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
    if (failed(applyPartialConversion(function, flat, std::move(loops))))
      return failure();

    LLVMTypeConverter converter(context);
    RewritePatternSet patterns(context);
    arith::populateArithToLLVMConversionPatterns(converter, patterns);
    cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
    index::populateIndexToLLVMConversionPatterns(converter, patterns);
    populateMathToLLVMConversionPatterns(converter, patterns);
    populateFinalizeMemRefToLLVMConversionPatterns(converter, patterns);
    populateVectorToLLVMConversionPatterns(converter, patterns);
    ub::populateUBToLLVMConversionPatterns(converter, patterns);
    LLVMConversionTarget target(*context);
    target.addLegalOp<LLVM::LLVMFuncOp, UnrealizedConversionCastOp>();
    return applyFullConversion(function, target, std::move(patterns));
  }
};

} // namespace

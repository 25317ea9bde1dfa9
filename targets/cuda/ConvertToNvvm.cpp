// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The calling convention is made here, the rest by upstream's pattern sets. A
// memory is seen through a descriptor whose size nobody asks for: addresses are
// plain arithmetic once the patterns have run, and the back end finds by itself
// that arguments point to global memory.

#include "passes/codegen/gpu/ByteDot.h"
#include "targets/cuda/Passes.h"

#include "mlir/Conversion/AffineToStandard/AffineToStandard.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/GPUCommon/GPUCommonPass.h"
#include "mlir/Conversion/GPUToNVVM/GPUToNVVMPass.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/NVGPUToNVVM/NVGPUToNVVM.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/GPU/Transforms/Passes.h"
#include "mlir/Dialect/NVGPU/IR/NVGPUDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Transforms/DialectConversion.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace tercet::cuda {
#define GEN_PASS_DEF_CONVERTTONVVMPASS
#include "targets/cuda/Passes.h.inc"
} // namespace tercet::cuda

using namespace mlir;
using namespace tercet;

namespace {

/// Static shared memory that a block may have on every architecture. What is more
/// is dynamic: the driver asks for it.
constexpr int64_t kStaticSharedBytes = 48 << 10;
/// On any architecture at most.
constexpr int64_t kMostSharedBytes = 227 << 10;
/// All banks once, which tiles of tensor cores count from.
constexpr uint64_t kSharedAlignment = 128;
constexpr unsigned kSharedSpace = 3, kWarpThreads = 32;

/// Makes of a gpu.func a function whose arguments are addresses. The body is of
/// the gpu, memref and other dialects still.
class FunctionConversion {
public:
  FunctionConversion(gpu::GPUModuleOp module, gpu::GPUFuncOp source, LLVMTypeConverter &converter)
      : module(module), source(source), converter(converter), b(source.getLoc(), module) {}

  FailureOr<LLVM::LLVMFuncOp> run() {
    if (failed(check()))
      return failure();
    pointer = LLVM::LLVMPointerType::get(b.getContext());
    // Without the workgroup's memory, which is behind them.
    ArrayRef<BlockArgument> arguments =
        source.getArguments().take_front(source.getFunctionType().getNumInputs());
    bool hasControl =
        !arguments.empty() && cast<MemRefType>(arguments.back().getType()).hasStaticShape();
    unsigned count = arguments.size() + (hasControl ? 0 : 1);
    auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()),
                                            SmallVector<Type>(count, pointer));
    function = LLVM::LLVMFuncOp::create(b, source.getName(), type);
    function->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(), b.getUnitAttr());
    function->setAttr(NVVM::NVVMDialect::getReqntidAttrName(), source.getKnownBlockSizeAttr());
    Block *entry = function.addEntryBlock(b);
    b.setInsertionPointToStart(entry);
    // The control block begins with a word, and scalars are of 8 bytes.
    function.setArgAttr(count - 1, LLVM::LLVMDialect::getAlignAttrName(), b.getI64IntegerAttr(8));
    for (BlockArgument argument : arguments)
      replaceArgument(argument, entry->getArgument(argument.getArgNumber()));
    for (auto [number, memory] : llvm::enumerate(source.getWorkgroupAttributions()))
      replaceWorkgroup(memory, number);
    Block &body = source.getBody().front();
    Operation *end = body.getTerminator();
    entry->getOperations().splice(entry->end(), body.getOperations());
    b.setInsertionPoint(end);
    LLVM::ReturnOp::create(b, ValueRange{});
    end->erase();
    return function;
  }

private:
  LogicalResult check() {
    DenseI32ArrayAttr block = source.getKnownBlockSizeAttr();
    if (!block || block[1] != 1 || block[2] != 1)
      return source.emitOpError() << "expected known_block_size in one dimension";
    if (!source.getBody().hasOneBlock() || !source.getPrivateAttributions().empty())
      return source.emitOpError() << "expected a body of one block without private memory";
    for (Type argument : source.getArgumentTypes()) {
      auto type = dyn_cast<MemRefType>(argument);
      if (!type || type.getRank() != 1 || !type.getLayout().isIdentity() ||
          type.getElementType().isIndex())
        return source.emitOpError()
               << "expected arguments that are flat memory of a known element, got " << argument;
    }
    int64_t bytes = 0, count = source.getWorkgroupAttributions().size();
    for (BlockArgument memory : source.getWorkgroupAttributions()) {
      auto type = cast<MemRefType>(memory.getType());
      if (!type.hasStaticShape() || !type.getElementType().isIntOrFloat())
        return source.emitOpError() << "expected workgroup memory of static shape, got " << type;
      bytes += llvm::alignTo(bytesOf(type), kSharedAlignment);
    }
    if (bytes > kMostSharedBytes)
      return source.emitOpError() << "expected at most " << kMostSharedBytes
                                  << " bytes of workgroup memory, got " << bytes
                                  << "; try smaller tiles";
    if (bytes > kStaticSharedBytes && count > 1)
      return source.emitOpError() << "expected more than " << kStaticSharedBytes
                                  << " bytes of workgroup memory in one piece, got " << count;
    return success();
  }

  static int64_t bytesOf(MemRefType type) {
    return type.getNumElements() *
           llvm::divideCeil(type.getElementType().getIntOrFloatBitWidth(), 8);
  }

  Value descriptorAt(MemRefType type, Value address) {
    auto descriptor = MemRefDescriptor::poison(b, b.getLoc(), converter.convertType(type));
    descriptor.setAllocatedPtr(b, b.getLoc(), address);
    descriptor.setAlignedPtr(b, b.getLoc(), address);
    descriptor.setConstantOffset(b, b.getLoc(), 0);
    descriptor.setConstantStride(b, b.getLoc(), 0, 1);
    if (type.hasStaticShape())
      descriptor.setConstantSize(b, b.getLoc(), 0, type.getNumElements());
    return UnrealizedConversionCastOp::create(b, type, Value(descriptor)).getResult(0);
  }

  void replaceArgument(BlockArgument argument, Value address) {
    // What is assumed once is known everywhere.
    int64_t alignment = 0;
    for (Operation *user : llvm::make_early_inc_range(argument.getUsers()))
      if (auto assume = dyn_cast<memref::AssumeAlignmentOp>(user)) {
        alignment = std::max<int64_t>(alignment, assume.getAlignment());
        assume.getResult().replaceAllUsesWith(argument);
        assume.erase();
      }
    if (alignment > 0)
      function.setArgAttr(argument.getArgNumber(), LLVM::LLVMDialect::getAlignAttrName(),
                          b.getI64IntegerAttr(alignment));
    if (!argument.use_empty())
      argument.replaceAllUsesWith(descriptorAt(cast<MemRefType>(argument.getType()), address));
  }

  void replaceWorkgroup(BlockArgument memory, unsigned number) {
    if (memory.use_empty())
      return;
    auto type = cast<MemRefType>(memory.getType());
    std::string name = (source.getName() + "_shared" + Twine(number)).str();
    // Dynamic memory is declared without a size.
    bool isDynamic = bytesOf(type) > kStaticSharedBytes;
    auto array = LLVM::LLVMArrayType::get(b.getI8Type(), isDynamic ? 0 : bytesOf(type));
    if (isDynamic)
      function->setAttr(cuda::kDynamicSharedAttr, b.getI64IntegerAttr(bytesOf(type)));
    LLVM::GlobalOp global;
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPoint(function);
      global = LLVM::GlobalOp::create(
          b, array, /*isConstant=*/false,
          isDynamic ? LLVM::Linkage::External : LLVM::Linkage::Internal, name, Attribute(),
          kSharedAlignment, kSharedSpace, /*dsoLocal=*/!isDynamic);
    }
    memory.replaceAllUsesWith(descriptorAt(type, LLVM::AddressOfOp::create(b, global)));
  }

  gpu::GPUModuleOp module;
  gpu::GPUFuncOp source;
  LLVMTypeConverter &converter;
  ImplicitLocOpBuilder b;
  Type pointer;
  LLVM::LLVMFuncOp function;
};

struct ConvertToNvvmPass : cuda::impl::ConvertToNvvmPassBase<ConvertToNvvmPass> {
  void runOnOperation() override {
    LowerToLLVMOptions options(&getContext());
    options.overrideIndexBitwidth(32);
    LLVMTypeConverter converter(&getContext(), options);
    configureGpuToNVVMTypeConverter(converter);
    // Copies are waited for by their number: nothing becomes of the tokens.
    converter.addConversion([](nvgpu::DeviceAsyncTokenType type) -> Type {
      return IntegerType::get(type.getContext(), 32);
    });

    SmallVector<LLVM::LLVMFuncOp> functions;
    SmallVector<gpu::GPUModuleOp> modules(getOperation().getOps<gpu::GPUModuleOp>());
    bool failedAny = false;
    for (gpu::GPUModuleOp module : modules) {
      SmallVector<gpu::GPUFuncOp> sources(module.getOps<gpu::GPUFuncOp>());
      if (sources.size() != 1) {
        module.emitOpError() << "expected one function, got " << sources.size();
        failedAny = true;
        continue;
      }
      FailureOr<LLVM::LLVMFuncOp> function =
          FunctionConversion(module, sources[0], converter).run();
      failedAny |= failed(function);
      if (failed(function))
        continue;
      module.erase();
      functions.push_back(*function);
    }
    for (LLVM::LLVMFuncOp function : functions)
      failedAny |= failed(prepare(function)) || failed(convert(function, converter));
    if (failedAny)
      signalPassFailure();
  }

  /// Threads are in one dimension, 32 of them a warp.
  static void replaceSubgroups(LLVM::LLVMFuncOp function) {
    auto block =
        function->getAttrOfType<DenseI32ArrayAttr>(NVVM::NVVMDialect::getReqntidAttrName());
    function.walk([&](Operation *op) {
      OpBuilder b(op);
      Location loc = op->getLoc();
      if (isa<gpu::NumSubgroupsOp>(op)) {
        int64_t warps = llvm::divideCeil(block[0], kWarpThreads);
        op->getResult(0).replaceAllUsesWith(arith::ConstantIndexOp::create(b, loc, warps));
        op->erase();
      } else if (isa<gpu::SubgroupIdOp>(op)) {
        Value thread = gpu::ThreadIdOp::create(b, loc, gpu::Dimension::x);
        Value size = arith::ConstantIndexOp::create(b, loc, kWarpThreads);
        op->getResult(0).replaceAllUsesWith(arith::DivUIOp::create(b, loc, thread, size));
        op->erase();
      }
    });
  }

  static void replaceByteDots(LLVM::LLVMFuncOp function) {
    function.walk([](vector::ReductionOp op) {
      std::optional<codegen::ByteDot> dot = codegen::ByteDot::of(op);
      if (!dot)
        return;
      OpBuilder b(op);
      auto bytes = NVVM::DotAccumulateType::SIGNED;
      op.replaceAllUsesWith(NVVM::DotAccumulate4WayOp::create(b, op.getLoc(), b.getI32Type(),
                                                              dot->left, bytes, dot->right, bytes,
                                                              dot->sum)
                                .getResult());
      op.erase();
    });
  }

  LogicalResult prepare(LLVM::LLVMFuncOp function) {
    replaceSubgroups(function);
    replaceByteDots(function);
    RewritePatternSet subgroups(&getContext());
    populateGpuBreakDownSubgroupReducePatterns(subgroups, /*maxShuffleBitwidth=*/32,
                                               PatternBenefit(2));
    populateGpuLowerSubgroupReduceToShufflePatterns(subgroups, kWarpThreads,
                                                    /*shuffleBitwidth=*/32);
    populateGpuLowerClusteredSubgroupReduceToShufflePatterns(subgroups, kWarpThreads,
                                                             /*shuffleBitwidth=*/32);
    if (failed(applyPatternsGreedily(function, std::move(subgroups))))
      return failure();
    RewritePatternSet patterns(&getContext());
    populateAffineToStdConversionPatterns(patterns);
    populateSCFToControlFlowConversionPatterns(patterns);
    arith::populateCeilFloorDivExpandOpsPatterns(patterns);
    ConversionTarget target(getContext());
    target.addIllegalDialect<affine::AffineDialect, scf::SCFDialect>();
    target.addIllegalOp<arith::CeilDivSIOp, arith::CeilDivUIOp, arith::FloorDivSIOp>();
    target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
    return applyPartialConversion(function, target, std::move(patterns));
  }

  LogicalResult convert(LLVM::LLVMFuncOp function, LLVMTypeConverter &converter) {
    RewritePatternSet patterns(&getContext());
    // The last word is upstream's calls of a library that is not there.
    populateMathToLLVMConversionPatterns(converter, patterns, /*approximateLog1p=*/false,
                                         PatternBenefit(10));
    arith::populateArithToLLVMConversionPatterns(converter, patterns);
    cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
    populateFinalizeMemRefToLLVMConversionPatterns(converter, patterns);
    populateVectorToLLVMConversionPatterns(converter, patterns);
    ub::populateUBToLLVMConversionPatterns(converter, patterns);
    populateGpuToNVVMConversionPatterns(converter, patterns, PatternBenefit(0));
    populateNVGPUToNVVMConversionPatterns(converter, patterns);
    // Upstream's target would have calls of a library for what has instructions.
    LLVMConversionTarget target(getContext());
    target.addLegalOp<UnrealizedConversionCastOp>();
    target.addLegalDialect<NVVM::NVVMDialect>();
    if (failed(applyFullConversion(function, target, std::move(patterns))))
      return failure();
    // Between arguments and descriptors.
    SmallVector<UnrealizedConversionCastOp> casts, left;
    function.walk([&](UnrealizedConversionCastOp cast) { casts.push_back(cast); });
    reconcileUnrealizedCasts(casts, &left);
    if (left.empty())
      return success();
    return left.front().emitOpError()
           << "expected types that a GPU has, got " << left.front().getResultTypes();
  }
};

} // namespace

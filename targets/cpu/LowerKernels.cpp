// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The calling convention of kernels: tercet_kernel_args and the tile's
// coordinates in (runtime/include/tercet/abi.h), nothing out. No argument is
// marked noalias and none is assumed to be aligned beyond its elements: the
// planner may give two arguments the same place, and any place in a buffer.

#include "passes/tile/KernelGrid.h"
#include "targets/cpu/Passes.h"
#include "targets/cpu/VectorUnit.h"

#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace tercet::cpu {
#define GEN_PASS_DEF_LOWERKERNELSPASS
#include "targets/cpu/Passes.h.inc"
} // namespace tercet::cpu

using namespace mlir;
using namespace tercet;

namespace {

// Offsets of the fields of tercet_kernel_args; frozen by the ABI.
enum : int64_t { kBuffers = 0, kScalars = 8, kScratch = 16, kScratchStride = 24, kFault = 32 };
// Values of tercet_fault.
enum : int64_t { kFaultIndex = 1 };

class KernelLowering {
public:
  explicit KernelLowering(soc::KernelOp kernel)
      : kernel(kernel), b(kernel.getLoc(), kernel), converter(kernel.getContext()) {}

  LogicalResult lower() {
    FailureOr<tile::KernelGrid> grid = tile::KernelGrid::of(kernel);
    if (failed(grid))
      return failure();
    if (!kernel.getBody().hasOneBlock())
      return kernel.emitOpError() << "expected a body of one block";
    pointer = LLVM::LLVMPointerType::get(b.getContext());
    Type i32 = b.getI32Type();
    auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()),
                                            {pointer, i32, i32, i32, i32});
    auto function = LLVM::LLVMFuncOp::create(b, kernel.getSymName(), type);
    function.setVisibility_(LLVM::Visibility::Hidden);
    function.setDsoLocal(true);
    function.setArgAttr(0, LLVM::LLVMDialect::getNoAliasAttrName(), b.getUnitAttr());
    function.setArgAttr(0, LLVM::LLVMDialect::getReadonlyAttrName(), b.getUnitAttr());
    function.setNoUnwind(true);
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
    replaceAsserts(function);
    kernel.erase();
    return success();
  }

private:
  Value field(Type type, int64_t offset) {
    Value address = LLVM::GEPOp::create(b, pointer, b.getI8Type(), entry->getArgument(0),
                                        ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(offset)});
    return LLVM::LoadOp::create(b, type, address, /*alignment=*/8,
                                /*isVolatile=*/false,
                                /*isNonTemporal=*/false, /*isInvariant=*/true);
  }

  /// A memref of static shape at an address.
  Value memrefAt(MemRefType type, Value address) {
    Value descriptor = MemRefDescriptor::fromStaticShape(b, b.getLoc(), converter, type, address);
    return UnrealizedConversionCastOp::create(b, b.getLoc(), type, descriptor).getResult(0);
  }

  void replaceArguments() {
    Value buffers, scalars;
    unsigned memories = kernel.getNumBuffers();
    for (BlockArgument argument : kernel.getBody().getArguments()) {
      if (argument.use_empty())
        continue;
      if (argument.getType().isIndex()) {
        if (!scalars)
          scalars = field(pointer, kScalars);
        Value slot = LLVM::GEPOp::create(
            b, pointer, b.getI64Type(), scalars,
            ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(argument.getArgNumber() - memories)});
        Value value = LLVM::LoadOp::create(b, b.getI64Type(), slot, 8, false, false,
                                           /*isInvariant=*/true);
        argument.replaceAllUsesWith(arith::IndexCastOp::create(b, b.getIndexType(), value));
        continue;
      }
      if (!buffers)
        buffers = field(pointer, kBuffers);
      Value slot = LLVM::GEPOp::create(
          b, pointer, pointer, buffers,
          ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(argument.getArgNumber())});
      Value address = LLVM::LoadOp::create(b, pointer, slot, 8, false, false,
                                           /*isInvariant=*/true);
      argument.replaceAllUsesWith(memrefAt(cast<MemRefType>(argument.getType()), address));
    }
  }

  void inlineGrid(scf::ForallOp forall) {
    b.setInsertionPoint(forall);
    int64_t rank = forall.getRank();
    for (int64_t dim = 0; dim < rank; ++dim) {
      Value id = entry->getArgument(1 + (rank - 1 - dim));
      Value wide = LLVM::ZExtOp::create(b, b.getI64Type(), id);
      Value index = arith::IndexCastOp::create(b, b.getIndexType(), wide);
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
    Value base = field(pointer, kScratch), stride = field(b.getI64Type(), kScratchStride);
    Value worker = LLVM::ZExtOp::create(b, b.getI64Type(), entry->getArgument(4));
    Value distance = LLVM::MulOp::create(b, worker, stride);
    base = LLVM::GEPOp::create(b, pointer, b.getI8Type(), base, ArrayRef<LLVM::GEPArg>{distance});
    for (soc::ScratchOp op : ops) {
      Value address =
          LLVM::GEPOp::create(b, pointer, b.getI8Type(), base,
                              ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(op.getOffset())});
      op.getResult().replaceAllUsesWith(memrefAt(cast<MemRefType>(op.getType()), address));
      op.erase();
    }
  }

  void replaceAsserts(LLVM::LLVMFuncOp function) {
    SmallVector<cf::AssertOp> ops;
    function.walk([&](cf::AssertOp op) { ops.push_back(op); });
    if (ops.empty())
      return;
    b.setInsertionPointToStart(entry);
    Value fault = field(pointer, kFault);
    for (cf::AssertOp op : ops) {
      b.setInsertionPoint(op);
      scf::IfOp::create(
          b, op.getArg(), [](OpBuilder &then, Location loc) { scf::YieldOp::create(then, loc); },
          [&](OpBuilder &otherwise, Location loc) {
            Value code = LLVM::ConstantOp::create(otherwise, loc, otherwise.getI32Type(),
                                                  otherwise.getI32IntegerAttr(kFaultIndex));
            LLVM::StoreOp::create(otherwise, loc, code, fault, 4, false, false, false,
                                  LLVM::AtomicOrdering::monotonic);
            scf::YieldOp::create(otherwise, loc);
          });
      op.erase();
    }
  }

  soc::KernelOp kernel;
  ImplicitLocOpBuilder b;
  LLVMTypeConverter converter;
  Type pointer;
  Block *entry = nullptr;
};

struct LowerKernelsPass : cpu::impl::LowerKernelsPassBase<LowerKernelsPass> {
  void runOnOperation() override {
    SmallVector<soc::KernelOp> kernels(getOperation().getOps<soc::KernelOp>());
    bool failedAny = false;
    for (soc::KernelOp kernel : kernels)
      if (cpu::isCpuKernel(kernel))
        failedAny |= failed(KernelLowering(kernel).lower());
    if (failedAny)
      signalPassFailure();
  }
};

} // namespace

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The calling convention that GPU functions of all targets begin with: memories
// as flat arguments, scalars and faults through the control block. Shapes come
// back by casts, so that operations inside see what they saw before.

#include "passes/codegen/gpu/Contraction.h"
#include "passes/codegen/gpu/Passes.h"

#include "dialects/nn/NN.h"
#include "passes/tile/KernelGrid.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace tercet::codegen {
#define GEN_PASS_DEF_LOWERKERNELSPASS
#include "passes/codegen/gpu/Passes.h.inc"
} // namespace tercet::codegen

using namespace mlir;
using namespace tercet;
using namespace tercet::codegen;

namespace {

// Words of tercet_vulkan_control, which is the control block of every GPU.
enum : int64_t { kFaultWord = 0, kScalarsWord = 2, kWordsPerScalar = 2 };
// Values of tercet_fault.
enum : int64_t { kFaultIndex = 1 };

/// Rows of tiles that the processors walk along together.
constexpr int64_t kRowsOfBand = 8;

/// The most results that an operation of the kernel has, as far as they are
/// known; 0 if one may have any number.
int64_t mostResults(soc::KernelOp kernel) {
  int64_t most = 1;
  bool known = true;
  kernel.walk([&](Operation *op) {
    if (!isa<linalg::LinalgOp, memref::CopyOp, nn::AttentionOp, nn::CachedAttentionOp,
             nn::GroupMatmulOp, nn::EncodeGroupsOp>(op))
      return;
    for (Value operand : op->getOperands())
      if (auto type = dyn_cast<MemRefType>(operand.getType())) {
        known &= type.hasStaticShape();
        if (known)
          most = std::max(most, type.getNumElements());
      }
  });
  return known ? most : 0;
}

/// A power of two, so that trees over threads are even.
int64_t threadsOf(soc::KernelOp kernel, const GpuProfile &profile) {
  int64_t most = mostResults(kernel);
  return most == 0 ? profile.threads : std::min<int64_t>(profile.threads, llvm::PowerOf2Ceil(most));
}

class KernelLowering {
public:
  KernelLowering(soc::KernelOp kernel, const GpuProfile &profile)
      : kernel(kernel), b(kernel.getLoc(), kernel), profile(profile) {}

  LogicalResult lower() {
    FailureOr<tile::KernelGrid> grid = tile::KernelGrid::of(kernel);
    if (failed(grid))
      return failure();
    if (!kernel.getBody().hasOneBlock())
      return kernel.emitOpError() << "expected a body of one block";
    int64_t scratch = llvm::alignTo(kernel.getScratchBytes().value_or(0), 16);
    if (scratch > profile.workgroupBytes)
      return kernel.emitOpError() << "expected scratch of at most " << profile.workgroupBytes
                                  << " bytes, which a workgroup shares, got " << scratch
                                  << "; try smaller tiles";

    createFunction(*grid, scratch);
    replaceArguments();
    Block &body = kernel.getBody().front();
    Block &entry = function.front();
    entry.getOperations().splice(entry.end(), body.getOperations());
    Operation *end = entry.getTerminator();
    b.setInsertionPoint(end);
    gpu::ReturnOp::create(b);
    end->erase();
    if (grid->forall)
      inlineGrid(grid->forall, grid->counts);
    replaceScratch();
    replaceAsserts();
    kernel.erase();
    return success();
  }

private:
  bool needsControl() {
    bool faults =
        kernel.walk([](cf::AssertOp) { return WalkResult::interrupt(); }).wasInterrupted();
    return faults || kernel.getNumScalars() != 0;
  }

  void createFunction(const tile::KernelGrid &grid, int64_t scratch) {
    SmallVector<Type> types;
    for (Type type : kernel.getArgumentTypes().take_front(kernel.getNumBuffers()))
      types.push_back(
          MemRefType::get({ShapedType::kDynamic}, cast<MemRefType>(type).getElementType()));
    // Of known size, unlike the others, which tells them apart.
    bool control = needsControl();
    if (control)
      types.push_back(MemRefType::get({kScalarsWord + kWordsPerScalar * kernel.getNumScalars()},
                                      b.getI32Type()));
    SmallVector<Type> shared;
    if (scratch > 0) {
      auto space = gpu::AddressSpaceAttr::get(b.getContext(), gpu::AddressSpace::Workgroup);
      shared.push_back(
          MemRefType::get({scratch}, b.getI8Type(), MemRefLayoutAttrInterface(), space));
    }
    auto module = gpu::GPUModuleOp::create(b, kernel.getSymName());
    b.setInsertionPointToStart(module.getBody());
    function = gpu::GPUFuncOp::create(b, kernel.getSymName(), b.getFunctionType(types, {}), shared);
    function->setAttr(gpu::GPUDialect::getKernelFuncAttrName(), b.getUnitAttr());
    function.setKnownBlockSize(
        ArrayRef<int32_t>{static_cast<int32_t>(threadsOf(kernel, profile)), 1, 1});
    SmallVector<int32_t> counts(grid.counts.begin(), grid.counts.end());
    function.setKnownGridSize(counts);
    b.setInsertionPointToStart(&function.front());
    if (control)
      this->control = function.getArgument(types.size() - 1);
  }

  void replaceArguments() {
    std::optional<ArrayRef<int64_t>> alignments = kernel.getAlignments();
    for (BlockArgument argument : kernel.getBody().getArguments()) {
      unsigned number = argument.getArgNumber();
      if (argument.use_empty())
        continue;
      if (argument.getType().isIndex()) {
        int64_t word = kScalarsWord + kWordsPerScalar * (number - kernel.getNumBuffers());
        Value value = memref::LoadOp::create(b, control, index(word));
        argument.replaceAllUsesWith(arith::IndexCastOp::create(b, b.getIndexType(), value));
        continue;
      }
      Value flat = function.getArgument(number);
      if (alignments)
        flat = memref::AssumeAlignmentOp::create(b, flat,
                                                 static_cast<uint32_t>((*alignments)[number]));
      auto type = cast<MemRefType>(argument.getType());
      auto [strides, offset] = type.getStridesAndOffset();
      argument.replaceAllUsesWith(
          memref::ReinterpretCastOp::create(b, type, flat, /*offset=*/0, type.getShape(), strides));
    }
  }

  /// Tiles of products in an order in which those that run at the same time share
  /// rows and columns: kRowsOfBand rows of tiles, column by column, then the next.
  void walkInBands(MutableArrayRef<Value> ids, ArrayRef<int64_t> counts) {
    int64_t rows = counts[1], columns = counts[0];
    if (rows == 1 || columns == 1)
      return;
    Value &row = ids[ids.size() - 2], &column = ids[ids.size() - 1];
    Value number = arith::AddIOp::create(b, arith::MulIOp::create(b, row, index(columns)), column);
    Value ofBand = index(kRowsOfBand * columns);
    Value band = arith::DivUIOp::create(b, number, ofBand);
    Value within = arith::RemUIOp::create(b, number, ofBand);
    Value first = arith::MulIOp::create(b, band, index(kRowsOfBand));
    Value height = index(std::min(rows, kRowsOfBand));
    if (rows > kRowsOfBand && rows % kRowsOfBand != 0)
      height = arith::MinUIOp::create(b, arith::SubIOp::create(b, index(rows), first), height);
    row = arith::AddIOp::create(b, first, arith::RemUIOp::create(b, within, height));
    column = arith::DivUIOp::create(b, within, height);
  }

  void inlineGrid(scf::ForallOp forall, ArrayRef<int64_t> counts) {
    b.setInsertionPoint(forall);
    int64_t rank = forall.getRank();
    bool isProduct =
        forall
            .walk([](linalg::LinalgOp op) {
              return isMultiplyAdd(op) ? WalkResult::interrupt() : WalkResult::advance();
            })
            .wasInterrupted();
    SmallVector<Value> ids;
    // The last dimension is x.
    auto makeId = [&](int64_t dim) {
      return gpu::BlockIdOp::create(b, static_cast<gpu::Dimension>(rank - 1 - dim));
    };
    if (profile.mma && isProduct && rank >= 2) {
      for (int64_t dim = 0; dim < rank; ++dim)
        ids.push_back(makeId(dim));
      walkInBands(ids, counts);
    }
    for (int64_t dim = 0; dim < rank; ++dim) {
      Value id = ids.empty() ? makeId(dim).getResult() : ids[dim];
      Value step = index(*getConstantIntValue(forall.getMixedStep()[dim]));
      Value from = index(*getConstantIntValue(forall.getMixedLowerBound()[dim]));
      Value value = arith::AddIOp::create(b, arith::MulIOp::create(b, id, step), from);
      forall.getInductionVar(dim).replaceAllUsesWith(value);
    }
    Block *body = forall.getBody();
    body->getTerminator()->erase();
    forall->getBlock()->getOperations().splice(forall->getIterator(), body->getOperations());
    forall.erase();
  }

  void replaceScratch() {
    function.walk([&](soc::ScratchOp op) {
      b.setInsertionPoint(op);
      Value shared = function.getWorkgroupAttributions().front();
      auto type = cast<MemRefType>(op.getType());
      auto there = MemRefType::get(type.getShape(), type.getElementType(), type.getLayout(),
                                   cast<MemRefType>(shared.getType()).getMemorySpace());
      Value view = memref::ViewOp::create(b, there, shared, index(op.getOffset()), ValueRange{});
      op.getResult().replaceAllUsesWith(memref::MemorySpaceCastOp::create(b, type, view));
      op.erase();
    });
  }

  void replaceAsserts() {
    function.walk([&](cf::AssertOp op) {
      b.setInsertionPoint(op);
      Value yes = arith::ConstantIntOp::create(b, 1, 1);
      Value wrong = arith::XOrIOp::create(b, op.getArg(), yes);
      auto branch = scf::IfOp::create(b, wrong, /*withElseRegion=*/false);
      b.setInsertionPointToStart(branch.thenBlock());
      Value code = arith::ConstantIntOp::create(b, kFaultIndex, 32);
      memref::AtomicRMWOp::create(b, arith::AtomicRMWKind::maxu, code, control,
                                  ValueRange{index(kFaultWord)});
      op.erase();
    });
  }

  Value index(int64_t value) { return arith::ConstantIndexOp::create(b, value); }

  soc::KernelOp kernel;
  ImplicitLocOpBuilder b;
  const GpuProfile &profile;
  gpu::GPUFuncOp function;
  Value control;
};

struct LowerKernelsPass : codegen::impl::LowerKernelsPassBase<LowerKernelsPass> {
  using LowerKernelsPassBase::LowerKernelsPassBase;
  void runOnOperation() override {
    llvm::Expected<GpuProfile> parsed = GpuProfile::parse(profile);
    if (!parsed) {
      getOperation().emitError() << llvm::toString(parsed.takeError());
      return signalPassFailure();
    }
    SmallVector<soc::KernelOp> kernels(getOperation().getOps<soc::KernelOp>());
    bool failedAny = false;
    for (soc::KernelOp kernel : kernels)
      failedAny |= failed(KernelLowering(kernel, *parsed).lower());
    if (failedAny)
      signalPassFailure();
  }
};

} // namespace

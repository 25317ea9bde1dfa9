// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Distribution over threads.

#include "passes/codegen/gpu/TileBuilder.h"

#include "passes/codegen/LoopBuilder.h"

using namespace mlir;
using namespace tercet::codegen;

TileBuilder::TileBuilder(gpu::GPUFuncOp function, const GpuProfile &profile)
    : ImplicitLocOpBuilder(function.getLoc(), OpBuilder::atBlockBegin(&function.front())),
      profile(profile), threads((*function.getKnownBlockSize())[0]) {
  threadId = gpu::ThreadIdOp::create(*this, gpu::Dimension::x);
}

Value TileBuilder::index(int64_t value) { return arith::ConstantIndexOp::create(*this, value); }

void TileBuilder::forEach(OpFoldResult count, llvm::function_ref<void(Value)> body) {
  OpBuilder::InsertionGuard guard(*this);
  std::optional<int64_t> known = getConstantIntValue(count);
  if (known && *known <= threads) {
    if (*known < threads) {
      Value mine = arith::CmpIOp::create(*this, arith::CmpIPredicate::ult, threadId, index(*known));
      auto branch = scf::IfOp::create(*this, mine, /*withElseRegion=*/false);
      setInsertionPointToStart(branch.thenBlock());
    }
    body(threadId);
    return;
  }
  auto loop =
      scf::ForOp::create(*this, threadId, indexValue(*this, getLoc(), count), index(threads));
  setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVar());
}

void TileBuilder::onOneThread(llvm::function_ref<void()> body) {
  forEach(getIndexAttr(1), [&](Value) { body(); });
}

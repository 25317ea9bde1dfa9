// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What emitters write the code of a tile with. A tile is run by one workgroup,
// whose threads have numbers from 0 on. All of them run all of the code, so
// what is built outside of forEach or onOneThread has to be the same for all,
// and a barrier may stand only there.

#ifndef TERCET_PASSES_CODEGEN_GPU_TILEBUILDER_H
#define TERCET_PASSES_CODEGEN_GPU_TILEBUILDER_H

#include "passes/codegen/gpu/GpuProfile.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace tercet::codegen {

class TileBuilder : public mlir::ImplicitLocOpBuilder {
public:
  /// The function has known_block_size [threads, 1, 1].
  TileBuilder(mlir::gpu::GPUFuncOp function, const GpuProfile &profile);

  const GpuProfile &profile;
  const int64_t threads;

  /// This thread's number.
  mlir::Value thread() const { return threadId; }

  /// Spreads `body(i)`, for i in [0, count), over the threads: neighbours get
  /// neighbours.
  void forEach(mlir::OpFoldResult count, llvm::function_ref<void(mlir::Value)> body);
  void onOneThread(llvm::function_ref<void()> body);

  /// Waits for all threads, and for what they have written.
  void barrier() { mlir::gpu::BarrierOp::create(*this); }

  mlir::Value index(int64_t value);

private:
  mlir::Value threadId;
};

} // namespace tercet::codegen

#endif // TERCET_PASSES_CODEGEN_GPU_TILEBUILDER_H

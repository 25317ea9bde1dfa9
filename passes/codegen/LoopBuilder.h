// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Index arithmetic that folds constants as it goes, and loops over a range in
// chunks of falling width.

#ifndef TERCET_PASSES_CODEGEN_LOOPBUILDER_H
#define TERCET_PASSES_CODEGEN_LOOPBUILDER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

namespace tercet::codegen {

mlir::OpFoldResult addIndex(mlir::OpBuilder &b, mlir::Location loc, mlir::OpFoldResult left,
                            mlir::OpFoldResult right);
mlir::OpFoldResult mulIndex(mlir::OpBuilder &b, mlir::Location loc, mlir::OpFoldResult left,
                            mlir::OpFoldResult right);
mlir::OpFoldResult minIndex(mlir::OpBuilder &b, mlir::Location loc, mlir::OpFoldResult left,
                            mlir::OpFoldResult right);
/// The greatest multiple of `by` that is not above `value`.
mlir::OpFoldResult roundDown(mlir::OpBuilder &b, mlir::Location loc, mlir::OpFoldResult value,
                             int64_t by);
mlir::Value indexValue(mlir::OpBuilder &b, mlir::Location loc, mlir::OpFoldResult value);

/// Calls `body` for every multiple of `step` in [from, to), in a loop unless
/// there is statically at most one. `to - from` must be a multiple of `step`.
void buildLoop(mlir::OpBuilder &b, mlir::Location loc, mlir::OpFoldResult from,
               mlir::OpFoldResult to, int64_t step,
               llvm::function_ref<void(mlir::OpBuilder &, mlir::Value)> body);

/// The same with values carried from one iteration to the next.
llvm::SmallVector<mlir::Value>
buildLoop(mlir::OpBuilder &b, mlir::Location loc, mlir::OpFoldResult from, mlir::OpFoldResult to,
          int64_t step, mlir::ValueRange carried,
          llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::OpBuilder &, mlir::Value,
                                                            mlir::ValueRange)>
              body);

/// Calls `body(position, width)` so that the chunks cover [0, size): as many
/// as fit of the first width, then of the next. The widths must fall and end
/// in 1, unless the size is static and they happen to cover it. Returns where
/// the chunks end.
mlir::OpFoldResult
buildChunks(mlir::OpBuilder &b, mlir::Location loc, mlir::OpFoldResult size,
            llvm::ArrayRef<int64_t> widths,
            llvm::function_ref<void(mlir::OpBuilder &, mlir::Value, int64_t)> body);

} // namespace tercet::codegen

#endif // TERCET_PASSES_CODEGEN_LOOPBUILDER_H

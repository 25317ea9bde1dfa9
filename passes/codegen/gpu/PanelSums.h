// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The sums of one thread of a product whose right-hand side lies in panels: for
// some rows four columns side by side, along all of K or a part of it.

#ifndef TERCET_PASSES_CODEGEN_GPU_PANELSUMS_H
#define TERCET_PASSES_CODEGEN_GPU_PANELSUMS_H

#include "passes/codegen/gpu/TileBuilder.h"

namespace tercet::codegen {

class PanelSums {
public:
  virtual ~PanelSums() = default;

  /// Steps along K that can be shared out over threads.
  int64_t getUnits() const { return units; }
  /// Columns of a panel, a multiple of four.
  int64_t getPanel() const { return panel; }

  /// Adds all products to `sums`, vectors of the columns from 4 * `four` on:
  /// sums[i] is of row rows[i]. Of `parts` threads that share a sum this is number
  /// `part`, and takes every parts-th unit; of one, `part` is null.
  virtual llvm::SmallVector<mlir::Value> accumulate(llvm::ArrayRef<mlir::Value> rows,
                                                    mlir::Value four,
                                                    llvm::ArrayRef<mlir::Value> sums,
                                                    mlir::Value part, int64_t parts) = 0;

protected:
  PanelSums(int64_t units, int64_t panel) : units(units), panel(panel) {}
  const int64_t units, panel;
};

} // namespace tercet::codegen

#endif // TERCET_PASSES_CODEGEN_GPU_PANELSUMS_H

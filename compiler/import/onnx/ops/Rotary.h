// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rotary embedding with the tables that ONNX Runtime's operators have: cosines
// and sines in [positions, R / 2], of which the first R dimensions of a head are
// turned, partners in halves or side by side.

#ifndef TERCET_COMPILER_IMPORT_ONNX_OPS_ROTARY_H
#define TERCET_COMPILER_IMPORT_ONNX_OPS_ROTARY_H

#include "compiler/import/onnx/NodeImporter.h"

namespace tercet::onnx {

/// The inputs of a node that are the tables, and how heads are turned.
struct RotaryTables {
  unsigned cos = 0, sin = 0;
  bool interleaved = false;
};

/// Whether the tables fit heads of `size`; else an error.
bool expectTables(NodeImporter &node, const RotaryTables &tables, int64_t size);

/// Turns heads in [B, S, H, D] of float by rows of the tables from a position
/// on. The tables have `context` rows at least, which are used. Of interleaved
/// heads the turned dimensions come out with the even ones first, which is the
/// same to scores if queries and keys are both turned; with `restore` as they were.
Operand turnAt(NodeImporter &node, Operand heads, const RotaryTables &tables, mlir::Value position,
               int64_t context, bool restore);

/// Turns heads in [B, S, H, D] by rows `ids` of the tables, [B, S] of integers.
Operand turnByRows(NodeImporter &node, Operand heads, const RotaryTables &tables, Operand ids);

} // namespace tercet::onnx

#endif // TERCET_COMPILER_IMPORT_ONNX_OPS_ROTARY_H

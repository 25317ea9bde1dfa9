// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// NAME.report.json: what was decided, for people and tools. Nothing in it
// depends on when or where the compiler ran.
//
// An object with, in this order:
//   format       1; raised when a member changes its meaning, not when one is added
//   name, model  as in EmitOptions; of the model its file name only
//   machine      {name, workers, engines: [{name, triple, cpu, features}]}
//   pools        [{name, kind, memory, bytes, alignment, lower_bound, method, gap}]
//   buffers      [{pool, offset, bytes, nodes, first, last}]: nodes are source nodes (or the
//                tensor's or weight's name); first and last command that uses it, -1: none
//   entries      [{name, inputs, outputs, commands}], tensors as [{name, type, bytes, buffer}],
//                commands as [{index, op, kernel, engine, variant, grid, nodes, predicted_ps,
//                read_bytes, written_bytes, operands: [{buffer, offset, bytes, access}], waits}]
//   kernels      [{name, symbol, engine, variant, scratch_bytes, stack_bytes, uses}]
//   weights      {place, bytes, digest, tensors: [{name, type, offset, bytes}]}
//   statistics   counters of the earlier stages
// Indices of commands, buffers and kernels are those of the table.

#ifndef TERCET_COMPILER_EMIT_REPORT_H
#define TERCET_COMPILER_EMIT_REPORT_H

#include "compiler/emit/Emit.h"
#include "compiler/emit/Program.h"

namespace tercet::emit {

void writeReport(const Program &program, const EmitOptions &options, llvm::raw_ostream &os);

} // namespace tercet::emit

#endif // TERCET_COMPILER_EMIT_REPORT_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// NAME.report.json: what was decided, for people and tools. docs/report.md
// describes its members; a member that is added does not change the format,
// one that changes its meaning does (report::kReportFormat). Nothing in it
// depends on when or where the compiler ran.

#ifndef TERCET_COMPILER_EMIT_REPORT_H
#define TERCET_COMPILER_EMIT_REPORT_H

#include "compiler/emit/Emit.h"
#include "compiler/emit/Program.h"

namespace tercet::emit {

/// `program` was built from `planned`.
void writeReport(mlir::ModuleOp planned, const Program &program, const EmitOptions &options,
                 llvm::raw_ostream &os);

} // namespace tercet::emit

#endif // TERCET_COMPILER_EMIT_REPORT_H

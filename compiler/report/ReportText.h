// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A report for the terminal.

#ifndef TERCET_COMPILER_REPORT_REPORTTEXT_H
#define TERCET_COMPILER_REPORT_REPORTTEXT_H

#include "compiler/report/ReportFile.h"

#include "llvm/Support/raw_ostream.h"

namespace tercet::report {

/// Sections: engines, placement by engine and reason, schedule, memory of each
/// pool with what is live at the peak, the slowest commands.
void printReport(const Report &report, llvm::raw_ostream &os);

} // namespace tercet::report

#endif // TERCET_COMPILER_REPORT_REPORTTEXT_H

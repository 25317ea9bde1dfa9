// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The files of page/, which the build puts into the program.

#ifndef TERCET_COMPILER_REPORT_PAGEPARTS_H
#define TERCET_COMPILER_REPORT_PAGEPARTS_H

#include "llvm/ADT/StringRef.h"

namespace tercet::report {

/// The frame has the places {{title}}, {{style}}, {{report}}, {{profile}} and
/// {{script}}, each once and in this order.
llvm::StringRef getPageFrame();
llvm::StringRef getPageStyle();
llvm::StringRef getPageScript();

} // namespace tercet::report

#endif // TERCET_COMPILER_REPORT_PAGEPARTS_H

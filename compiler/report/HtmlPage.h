// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A report as one page that needs nothing else: no network, no other file.

#ifndef TERCET_COMPILER_REPORT_HTMLPAGE_H
#define TERCET_COMPILER_REPORT_HTMLPAGE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"

namespace tercet::report {

/// JSON text for the inside of a <script> element: what HTML or JavaScript
/// could take for an end, or for a comment, is written as \u escapes, which
/// mean the same to a JSON parser. Blanks outside of strings are dropped.
std::string escapeForScript(llvm::StringRef json);

/// Text for the inside of an element or attribute.
std::string escapeForHtml(llvm::StringRef text);

/// Writes the page of a report. `report` and `profile` are JSON texts that
/// parse; the profile may be empty. `title` is the page's title.
void writeHtmlPage(llvm::StringRef title, llvm::StringRef report, llvm::StringRef profile,
                   llvm::raw_ostream &os);

} // namespace tercet::report

#endif // TERCET_COMPILER_REPORT_HTMLPAGE_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// JSON files that carry the version of their schema as "format", with errors of
// one line.

#ifndef TERCET_COMPILER_REPORT_JSONFILE_H
#define TERCET_COMPILER_REPORT_JSONFILE_H

#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

namespace tercet::report {

/// The file's text; an error names it.
llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> readTextFile(llvm::StringRef file);

/// Parses an object whose "format" is `format`. `name` is the file and `what`
/// says what it should be ("a report"), both for errors.
llvm::Expected<llvm::json::Value> parseJson(llvm::StringRef text, llvm::StringRef name,
                                            llvm::StringRef what, int64_t format);

} // namespace tercet::report

#endif // TERCET_COMPILER_REPORT_JSONFILE_H

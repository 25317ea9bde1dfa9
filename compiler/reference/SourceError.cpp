// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Turns locations into text: names first, files and lines where there is no name.

#include "compiler/reference/SourceError.h"

#include "mlir/IR/Location.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace tercet;

std::string tercet::describeSource(Location location) {
  llvm::SetVector<StringRef> names;
  FileLineColLoc file;
  location->walk([&](Location part) {
    if (auto name = dyn_cast<NameLoc>(part))
      names.insert(name.getName().getValue());
    else if (auto line = dyn_cast<FileLineColLoc>(part); line && !file)
      file = line;
    return WalkResult::advance();
  });
  std::string text;
  llvm::raw_string_ostream os(text);
  if (!names.empty()) {
    os << (names.size() == 1 ? "node " : "nodes ");
    llvm::interleaveComma(names, os, [&](StringRef name) { os << "'" << name << "'"; });
  } else if (file) {
    os << file.getFilename().getValue() << ":" << file.getLine() << ":" << file.getColumn();
  }
  return text;
}

llvm::Error tercet::sourceError(Location location, StringRef operation, StringRef text) {
  std::string where = describeSource(location);
  return llvm::createStringError(llvm::inconvertibleErrorCode(), Twine(where) +
                                                                     (where.empty() ? "(" : " (") +
                                                                     operation + "): " + text);
}

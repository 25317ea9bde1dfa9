// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Turns MLIR's diagnostics into lines for users. Notes follow on the same
// line, so that every problem is one line for tools that read them.

#include "compiler/pipeline/Diagnostics.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace tercet;

namespace {

void collectNodes(Location loc, SmallVectorImpl<std::pair<StringRef, StringRef>> &nodes,
                  std::string &place) {
  if (auto name = dyn_cast<NameLoc>(loc)) {
    StringRef op;
    if (auto child = dyn_cast<NameLoc>(name.getChildLoc()))
      op = child.getName();
    nodes.push_back({name.getName(), op});
  } else if (auto fused = dyn_cast<FusedLoc>(loc)) {
    for (Location part : fused.getLocations())
      collectNodes(part, nodes, place);
  } else if (auto file = dyn_cast<FileLineColLoc>(loc)) {
    if (place.empty())
      place = ("line " + Twine(file.getLine()) + ", column " + Twine(file.getColumn())).str();
  } else if (auto call = dyn_cast<CallSiteLoc>(loc)) {
    collectNodes(call.getCallee(), nodes, place);
  }
}

} // namespace

std::string tercet::oneLine(StringRef text) {
  std::string result;
  for (char c : text) {
    if (c == '\n')
      result += "; ";
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      result += ("\\x" + llvm::utohexstr(static_cast<unsigned char>(c), /*LowerCase=*/true, 2));
    else
      result += c;
  }
  return result;
}

std::string tercet::describeLocation(Location loc) {
  SmallVector<std::pair<StringRef, StringRef>> nodes;
  std::string place;
  collectNodes(loc, nodes, place);
  if (nodes.empty())
    return place;
  // The last node is the one whose result the operation computes.
  auto [name, op] = nodes.back();
  std::string text = "node '" + oneLine(name) + "'";
  if (!op.empty())
    text += " (" + oneLine(op) + ")";
  if (nodes.size() > 1)
    text += " and " + std::to_string(nodes.size() - 1) + " fused with it";
  return text;
}

UserDiagnostics::UserDiagnostics(MLIRContext *context, std::string file, raw_ostream &os,
                                 std::string tool)
    : file(std::move(file)), tool(std::move(tool)), os(os),
      handler(context, [this](Diagnostic &diagnostic) {
        print(diagnostic);
        return success();
      }) {}

void UserDiagnostics::error(const Twine &text) {
  ++errors;
  os << tool << ": error: " << oneLine(file) << ": " << oneLine(text.str()) << "\n";
}

void UserDiagnostics::error(llvm::Error problem) {
  llvm::handleAllErrors(std::move(problem),
                        [&](const llvm::ErrorInfoBase &info) { error(info.message()); });
}

void UserDiagnostics::print(Diagnostic &diagnostic) {
  StringRef severity;
  switch (diagnostic.getSeverity()) {
  case DiagnosticSeverity::Error:
    severity = "error";
    ++errors;
    break;
  case DiagnosticSeverity::Warning:
    severity = "warning";
    break;
  case DiagnosticSeverity::Remark:
    severity = "remark";
    break;
  case DiagnosticSeverity::Note:
    severity = "note";
    break;
  }
  os << tool << ": " << severity << ": " << oneLine(file) << ": ";
  std::string where = describeLocation(diagnostic.getLocation());
  if (!where.empty())
    os << where << ": ";
  os << oneLine(diagnostic.str());
  for (Diagnostic &note : diagnostic.getNotes()) {
    std::string text = note.str();
    // Whole operations are for compiler engineers, who use tercet-opt.
    if (StringRef(text).starts_with("see current operation"))
      continue;
    os << "; ";
    std::string at = describeLocation(note.getLocation());
    if (!at.empty() && at != where)
      os << at << ": ";
    os << oneLine(text);
  }
  os << "\n";
}

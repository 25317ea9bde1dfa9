// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads ELF through llvm::object.

#include "compiler/emit/ObjectFile.h"

#include "compiler/emit/Faults.h"
#include "compiler/emit/ObjectModule.h"

#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/FileSystem.h"

using namespace tercet;
using namespace tercet::emit;

/// `what`, then the symbols.
static llvm::Error symbolFault(llvm::StringRef what, llvm::ArrayRef<std::string> symbols) {
  return fault("emit: the object " + what + " " + llvm::join(symbols, ", "));
}

static llvm::Error checkSymbols(const llvm::object::ELFObjectFileBase &object,
                                llvm::StringRef name) {
  using llvm::object::SymbolRef;
  std::string prefix = ("tercet_" + name).str();
  std::vector<std::string> missing, foreign;
  for (const llvm::object::ELFSymbolRef symbol : object.symbols()) {
    llvm::Expected<uint32_t> flags = symbol.getFlags();
    if (!flags)
      return flags.takeError();
    llvm::Expected<llvm::StringRef> text = symbol.getName();
    if (!text)
      return text.takeError();
    if (*flags & SymbolRef::SF_FormatSpecific || text->empty())
      continue;
    if (*flags & SymbolRef::SF_Undefined) {
      if (!text->starts_with("tercet_") && *text != "memcpy" && *text != "memset" &&
          *text != "memmove")
        missing.push_back(text->str());
    } else if (*flags & SymbolRef::SF_Global && !text->starts_with(prefix)) {
      foreign.push_back(text->str());
    }
  }
  if (!missing.empty())
    return symbolFault("needs symbols that no program may need:", missing);
  if (!foreign.empty())
    return symbolFault("defines symbols that are not the program's own:", foreign);
  return llvm::Error::success();
}

llvm::Expected<ObjectLayout> emit::inspectObject(llvm::StringRef path, llvm::StringRef name) {
  // Mapped, never copied: of large weights no page is touched here.
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer)
    return failure("cannot read back '" + path + "': " + buffer.getError().message());
  auto binary = llvm::object::ObjectFile::createELFObjectFile(**buffer);
  if (!binary)
    return fault("emit: the object is no ELF file: " + llvm::toString(binary.takeError()));
  auto &object = llvm::cast<llvm::object::ELFObjectFileBase>(**binary);
  if (llvm::Error error = checkSymbols(object, name))
    return error;
  ObjectLayout layout;
  for (llvm::object::ELFSectionRef section : object.sections()) {
    llvm::Expected<llvm::StringRef> text = section.getName();
    if (!text)
      return text.takeError();
    SectionPlace place = {section.getOffset(), section.getSize()};
    if (*text == kTableSection)
      layout.table = place;
    else if (*text == kWeightsSection)
      layout.weights = place;
  }
  return layout;
}

llvm::Error emit::overwrite(llvm::StringRef path, uint64_t offset, llvm::StringRef bytes) {
  std::error_code code;
  llvm::raw_fd_ostream stream(path, code, llvm::sys::fs::CD_OpenExisting,
                              llvm::sys::fs::FA_Write, llvm::sys::fs::OF_None);
  if (code)
    return failure("cannot write '" + path + "': " + code.message());
  stream.seek(offset);
  stream << bytes;
  stream.flush();
  code = stream.error();
  stream.clear_error();
  if (code)
    return failure("cannot write '" + path + "': " + code.message());
  return llvm::Error::success();
}

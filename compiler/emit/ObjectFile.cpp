// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads ELF through llvm::object.

#include "compiler/emit/ObjectFile.h"

#include "compiler/emit/Faults.h"
#include "compiler/emit/ObjectModule.h"

#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"

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

template <typename ELFT>
static llvm::Expected<ObjectLayout> readLayout(const llvm::object::ELFObjectFile<ELFT> &object) {
  const llvm::object::ELFFile<ELFT> &file = object.getELFFile();
  auto sections = file.sections();
  if (!sections)
    return sections.takeError();
  ObjectLayout layout;
  for (const typename ELFT::Shdr &section : *sections) {
    llvm::Expected<llvm::StringRef> name = file.getSectionName(section);
    if (!name)
      return name.takeError();
    if (*name == kTableSection) {
      layout.table = {section.sh_offset, section.sh_size};
    } else if (*name == kEmptyWeightsSection) {
      typename ELFT::Shdr header = section;
      // Names are offsets into a table of strings: the tail of one is a name too.
      header.sh_name = section.sh_name + kEmptyWeightsSection.size() - kWeightsSection.size();
      header.sh_type = llvm::ELF::SHT_PROGBITS;
      header.sh_flags = llvm::ELF::SHF_ALLOC;
      header.sh_offset = llvm::alignTo(file.getBufSize(), section.sh_addralign);
      layout.weights = {header.sh_offset, section.sh_size};
      layout.headerOffset = reinterpret_cast<const uint8_t *>(&section) - file.base();
      layout.header.assign(reinterpret_cast<const char *>(&header), sizeof header);
    }
  }
  return layout;
}

llvm::Expected<ObjectLayout> emit::inspectObject(llvm::StringRef path, llvm::StringRef name) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer)
    return failure("cannot read back '" + path + "': " + buffer.getError().message());
  auto binary = llvm::object::ObjectFile::createELFObjectFile(**buffer);
  if (!binary)
    return fault("emit: the object is no ELF file: " + llvm::toString(binary.takeError()));
  if (llvm::Error error = checkSymbols(llvm::cast<llvm::object::ELFObjectFileBase>(**binary), name))
    return error;
  if (auto *object = llvm::dyn_cast<llvm::object::ELF64LEObjectFile>(binary->get()))
    return readLayout(*object);
  if (auto *object = llvm::dyn_cast<llvm::object::ELF32LEObjectFile>(binary->get()))
    return readLayout(*object);
  return fault("emit: the object is big-endian");
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A linker puts the tables of several programs one behind the other, each
// aligned to 16 bytes; the size in each header leads to the next.

#include "compiler/check/ObjectTable.h"

#include "runtime/include/tercet/abi.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/BinaryFormat/Magic.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/MathExtras.h"

#include <cstring>
#include <map>

using namespace tercet;
using namespace tercet::check;
using llvm::StringRef;
using llvm::object::SectionRef;
using llvm::object::SymbolRef;

/// Names of the tables of a section by their offset in it.
static std::map<uint64_t, std::string> findNames(const llvm::object::ObjectFile &object,
                                                 const SectionRef &section) {
  std::map<uint64_t, std::string> names;
  for (const SymbolRef &symbol : object.symbols()) {
    llvm::Expected<StringRef> name = symbol.getName();
    // A damaged file can promise any number of symbols; names are not worth it.
    if (!name) {
      llvm::consumeError(name.takeError());
      break;
    }
    if (!name->consume_front("tercet_") || !name->consume_back("_table"))
      continue;
    auto in = symbol.getSection();
    llvm::Expected<uint64_t> address = symbol.getAddress();
    if (in && address && *in != object.section_end() && **in == section)
      names[*address - section.getAddress()] = name->str();
    if (!in)
      llvm::consumeError(in.takeError());
    if (!address)
      llvm::consumeError(address.takeError());
  }
  return names;
}

static llvm::Error addTables(const llvm::object::ObjectFile &object, const SectionRef &section,
                             std::vector<TableOfProgram> &tables) {
  auto failure = [](const llvm::Twine &text) {
    return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
  };
  llvm::Expected<StringRef> contents = section.getContents();
  if (!contents)
    return contents.takeError();
  std::map<uint64_t, std::string> names = findNames(object, section);
  StringRef left = *contents;
  while (left.size() >= sizeof(tercet_table_header)) {
    tercet_table_header header;
    std::memcpy(&header, left.data(), sizeof header);
    uint64_t offset = contents->size() - left.size();
    // What is no table ends the section; the check says what is wrong with it.
    bool hasSize = header.magic == TERCET_MAGIC_TABLE && header.total_bytes >= sizeof header &&
                   header.total_bytes <= left.size();
    uint64_t bytes = hasSize ? header.total_bytes : left.size();
    tables.push_back({names[offset], left.take_front(bytes)});
    left = left.drop_front(std::min<uint64_t>(left.size(), llvm::alignTo(bytes, 16)));
  }
  if (left.find_first_not_of('\0') != StringRef::npos)
    return failure("section .tercet.table ends in the middle of a table");
  return llvm::Error::success();
}

llvm::Expected<std::vector<TableOfProgram>> check::findTables(llvm::MemoryBufferRef file) {
  std::vector<TableOfProgram> tables;
  switch (llvm::identify_magic(file.getBuffer())) {
  case llvm::file_magic::elf_relocatable:
  case llvm::file_magic::elf_shared_object:
  case llvm::file_magic::elf_executable:
    break;
  default:
    return tables;
  }
  auto object = llvm::object::ObjectFile::createELFObjectFile(file);
  if (!object)
    return object.takeError();
  for (const SectionRef &section : (*object)->sections()) {
    llvm::Expected<StringRef> name = section.getName();
    if (!name)
      return name.takeError();
    if (*name == ".tercet.table") {
      if (llvm::Error error = addTables(**object, section, tables))
        return error;
    } else if (*name == ".rela.tercet.table" || *name == ".rel.tercet.table") {
      if (section.getSize())
        return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                       "section .tercet.table has relocations, so that its bytes "
                                       "are not those that a program gets");
    }
  }
  return tables;
}

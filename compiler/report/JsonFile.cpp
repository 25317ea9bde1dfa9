// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading, and the checks that all such files share.

#include "compiler/report/JsonFile.h"

using namespace tercet;
namespace json = llvm::json;

llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> report::readTextFile(llvm::StringRef file) {
  auto buffer = llvm::MemoryBuffer::getFile(file, /*IsText=*/true);
  if (!buffer)
    return llvm::createStringError("cannot read '" + file + "': " + buffer.getError().message());
  return std::move(*buffer);
}

llvm::Expected<json::Value> report::parseJson(llvm::StringRef text, llvm::StringRef name,
                                              llvm::StringRef what, int64_t format) {
  llvm::Expected<json::Value> value = json::parse(text);
  if (!value) {
    std::string reason;
    llvm::handleAllErrors(value.takeError(),
                          [&](const llvm::ErrorInfoBase &error) { reason = error.message(); });
    return llvm::createStringError(name + ": not JSON, " + reason);
  }
  const json::Object *object = value->getAsObject();
  if (!object || !object->get("format"))
    return llvm::createStringError(name + ": not " + what + ", it has no member 'format'");
  std::optional<int64_t> found = object->getInteger("format");
  if (found != format) {
    std::string shown;
    llvm::raw_string_ostream(shown) << *object->get("format");
    return llvm::createStringError(name + ": " + what + " of format " + shown +
                                   ", this tool reads format " + llvm::Twine(format) +
                                   "; use the tool of the compiler that wrote it");
  }
  return value;
}

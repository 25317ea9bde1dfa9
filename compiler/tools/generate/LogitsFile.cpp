// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Version 1.0 of the format: magic, length of the header, a header that ends at
// a multiple of 64, then the elements, little-endian as every host here is.

#include "compiler/tools/generate/LogitsFile.h"

#include "compiler/emit/Faults.h"

#include "llvm/Support/FileSystem.h"

using namespace tercet;
using namespace tercet::generate;
using emit::failure;

llvm::Expected<std::unique_ptr<LogitsFile>> LogitsFile::create(const std::string &path, size_t rows,
                                                               size_t columns) {
  std::unique_ptr<LogitsFile> file(new LogitsFile());
  file->path = path;
  file->temporary = path + ".part";
  file->missing = rows;
  std::error_code code;
  file->stream = std::make_unique<llvm::raw_fd_ostream>(file->temporary, code);
  if (code) {
    file->temporary.clear();
    return failure("cannot write '" + path + "': " + code.message());
  }
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" +
                       std::to_string(rows) + ", " + std::to_string(columns) + "), }";
  while ((10 + header.size() + 1) % 64)
    header += ' ';
  header += '\n';
  *file->stream << llvm::StringRef("\x93NUMPY\x01\x00", 8) << char(header.size() & 0xFF)
                << char(header.size() >> 8) << header;
  return file;
}

LogitsFile::~LogitsFile() {
  if (temporary.empty())
    return;
  if (stream)
    stream->clear_error();
  llvm::sys::fs::remove(temporary);
}

void LogitsFile::addRow(llvm::ArrayRef<float> row) {
  stream->write(reinterpret_cast<const char *>(row.data()), row.size() * sizeof(float));
  --missing;
}

llvm::Error LogitsFile::finish() {
  if (missing)
    return emit::fault("rows of the logits are missing");
  stream->close();
  std::error_code code = stream->error();
  if (!code)
    code = llvm::sys::fs::rename(temporary, path);
  if (code)
    return failure("cannot write '" + path + "': " + code.message());
  temporary.clear();
  return llvm::Error::success();
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A matrix of float32 in NumPy's format, written row by row. The file gets its
// name only when it is whole.

#ifndef TERCET_COMPILER_TOOLS_GENERATE_LOGITSFILE_H
#define TERCET_COMPILER_TOOLS_GENERATE_LOGITSFILE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

#include <memory>
#include <string>

namespace tercet::generate {

class LogitsFile {
public:
  static llvm::Expected<std::unique_ptr<LogitsFile>> create(const std::string &path, size_t rows,
                                                            size_t columns);
  ~LogitsFile();
  void addRow(llvm::ArrayRef<float> row);
  llvm::Error finish();

private:
  LogitsFile() = default;
  std::string path, temporary;
  std::unique_ptr<llvm::raw_fd_ostream> stream;
  size_t missing = 0;
};

} // namespace tercet::generate

#endif // TERCET_COMPILER_TOOLS_GENERATE_LOGITSFILE_H

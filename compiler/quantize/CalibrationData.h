// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The samples that ranges are measured on: which .npy file belongs to which
// input of which sample. Files are found and named first, so that what is
// missing is said before anything runs, and read one sample at a time.

#ifndef TERCET_COMPILER_QUANTIZE_CALIBRATIONDATA_H
#define TERCET_COMPILER_QUANTIZE_CALIBRATIONDATA_H

#include "compiler/reference/Tensor.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringMap.h"

namespace tercet::quantize {

class CalibrationData {
public:
  /// `path` is a directory that has a folder for each sample with NAME.npy for
  /// each input, or the files of one sample, or NAME-NUMBER.npy for each input
  /// and sample; or it is a text file with a sample on every line, as
  /// NAME=FILE.npy for each input, relative to its own folder. Every sample has
  /// to have a file for every input of `entry`, and none else.
  static llvm::Expected<CalibrationData> find(llvm::StringRef path, mlir::func::FuncOp entry);

  size_t size() const { return samples.size(); }
  /// What a sample is called in messages.
  llvm::StringRef getName(size_t index) const { return samples[index].name; }
  /// The inputs of a sample, which must have the types of the entry's arguments.
  llvm::Expected<llvm::SmallVector<Tensor>> read(size_t index) const;

private:
  struct Sample {
    std::string name;
    llvm::StringMap<std::string> files;
  };

  llvm::Error findFolders(llvm::StringRef path, llvm::ArrayRef<std::string> folders);
  llvm::Error findNumbered(llvm::StringRef path, llvm::ArrayRef<std::string> files);
  llvm::Error readList(llvm::StringRef path);
  llvm::Error check(llvm::StringRef path) const;
  std::string describeInputs() const;

  llvm::SmallVector<std::string> inputs;
  llvm::SmallVector<mlir::Type> types;
  std::vector<Sample> samples;
};

} // namespace tercet::quantize

#endif // TERCET_COMPILER_QUANTIZE_CALIBRATIONDATA_H

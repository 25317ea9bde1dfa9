// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights of a directory that are stored as codes in words of 32 bits with
// scales and zeros in tensors of their own (GPTQ, AWQ, compressed-tensors).
// Their tensors are checked against one another and against config.json; the
// result is a recipe that puts them together as blocks of #nn.groups, without a
// value being rounded or a weight being unpacked before the artifact is written.

#ifndef TERCET_COMPILER_IMPORT_SAFETENSORS_PACKEDTENSORS_H
#define TERCET_COMPILER_IMPORT_SAFETENSORS_PACKEDTENSORS_H

#include "compiler/import/CodedMatrix.h"
#include "compiler/import/decoder/StoredRows.h"
#include "compiler/import/safetensors/ModelDirectory.h"
#include "compiler/import/safetensors/QuantizationConfig.h"

#include <map>

namespace tercet::safetensors {

class PackedTensors {
public:
  PackedTensors(mlir::MLIRContext &context, const ModelDirectory &model,
                const QuantizationConfig &config)
      : context(context), model(model), config(config) {}

  /// The tensor that holds the codes of a module, null if there is none.
  const Tensor *lookup(llvm::StringRef module) const;

  /// Rows of a module that has such a tensor; none with a complaint. Names of
  /// tensors that were read are appended to `used`.
  std::optional<decoder::StoredRows> read(llvm::StringRef module, std::string &complaint,
                                          std::vector<std::string> &used);

private:
  /// A tensor of the module that is being read.
  struct Part {
    PlacedTensor placed;
    std::string name;
    explicit operator bool() const { return placed.tensor != nullptr; }
  };
  bool fail(const llvm::Twine &text);
  Part find(llvm::StringRef suffix, bool wanted);
  bool expect(const Part &part, llvm::ArrayRef<llvm::StringRef> types,
              llvm::ArrayRef<int64_t> shape);
  /// The size of groups; false if rows are not made of them.
  bool chooseGroups(CodedMatrix &module);
  mlir::TypedAttr file(const Part &part, llvm::ArrayRef<int64_t> shape, mlir::Type element);
  mlir::TypedAttr readScales(const Part &part, llvm::ArrayRef<int64_t> shape, bool transposed);
  /// If all stored zeros are one, it; else none. One above `most` is refused.
  std::optional<int64_t> readZeros(const Part &part, int64_t most);

  bool readGptq(CodedMatrix &result);
  bool readAwq(CodedMatrix &result);
  bool readCompressed(CodedMatrix &result);
  bool readCompressedZeros(CodedMatrix &result);
  /// The order of elements in which groups are runs, if it is another one.
  bool readOrder(const Part &part, const CodedMatrix &module, mlir::TypedAttr &order);
  decoder::StoredRows join(const CodedMatrix &module, mlir::TypedAttr order);

  mlir::MLIRContext &context;
  const ModelDirectory &model;
  const QuantizationConfig &config;
  // Of the module that is being read.
  std::string stem;
  std::string *complaint = nullptr;
  std::vector<std::string> *used = nullptr;
  /// Orders that several modules have are one weight.
  std::map<std::vector<int32_t>, mlir::TypedAttr> orders;
};

} // namespace tercet::safetensors

#endif // TERCET_COMPILER_IMPORT_SAFETENSORS_PACKEDTENSORS_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What an ONNX file says, as plain data: the messages of onnx.proto without
// what the importer never looks at. Tensor data is not here but named by its
// position in the file.

#ifndef TERCET_COMPILER_IMPORT_ONNX_MODEL_H
#define TERCET_COMPILER_IMPORT_ONNX_MODEL_H

#include "compiler/import/onnx/DataType.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tercet::onnx {

/// Bytes of a file; `path` is owned by the ModelFile.
struct Region {
  llvm::StringRef path;
  uint64_t offset = 0;
  llvm::StringRef bytes;
};

struct Tensor {
  std::string name;
  DataType dataType = DataType::Undefined;
  llvm::SmallVector<int64_t> dims;
  std::optional<Region> raw;    ///< raw_data
  std::optional<Region> packed; ///< float_data or double_data in one piece
  std::string pieces;           ///< the same in several pieces, gathered
  bool isDouble = false;        ///< which of the two it was
  std::vector<int64_t> ints;    ///< int32_data, int64_data or uint64_data
  bool hasStrings = false;
  bool external = false;
  bool segmented = false;
  std::vector<std::pair<std::string, std::string>> externalData;
};

struct NodeAttribute {
  /// Numbers as in onnx.proto's AttributeProto.AttributeType.
  enum Kind { None, Float, Int, String, TensorKind, GraphKind, Floats, Ints, Strings, Other };
  std::string name;
  Kind kind = None;
  float f = 0;
  int64_t i = 0;
  std::string s;
  std::vector<float> floats;
  std::vector<int64_t> ints;
  std::vector<std::string> strings;
  std::vector<Tensor> tensor; ///< none or one
  bool isReference = false;
};

struct Node {
  std::string name;
  std::string op;
  std::string domain;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::vector<NodeAttribute> attributes;
};

struct Dimension {
  std::optional<int64_t> value;
  std::string param;
};

struct ValueInfo {
  std::string name;
  bool isTensor = false;
  bool hasType = false;
  bool hasShape = false;
  DataType element = DataType::Undefined;
  std::vector<Dimension> dims;
};

struct Graph {
  std::vector<Node> nodes;
  std::vector<Tensor> initializers;
  std::vector<ValueInfo> inputs;
  std::vector<ValueInfo> outputs;
  std::vector<std::string> sparseInitializers; ///< names only
};

struct Model {
  int64_t irVersion = 0;
  std::vector<std::pair<std::string, int64_t>> opsets;
  std::vector<std::pair<std::string, std::string>> functions; ///< domain, name
  std::optional<Graph> graph;
};

} // namespace tercet::onnx

#endif // TERCET_COMPILER_IMPORT_ONNX_MODEL_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the inputs and outputs of a decoder's graph are: tokens, mask, positions,
// logits, and for each layer past and present keys and values. Such a graph is
// recognised by its GroupQueryAttention, or by nodes that join past and new rows
// to what the graph yields; of the former everything that a program with states
// would compute differently is refused here.

#ifndef TERCET_COMPILER_IMPORT_ONNX_DECODERGRAPH_H
#define TERCET_COMPILER_IMPORT_ONNX_DECODERGRAPH_H

#include "compiler/import/onnx/Model.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/Twine.h"

namespace tercet::onnx {

struct DecoderGraph {
  struct Layer {
    std::string pastKey, pastValue, presentKey, presentValue;
    int64_t heads = 0, size = 0, valueHeads = 0, valueSize = 0;
  };
  /// Names of inputs; those of the mask and of positions are empty if there are none.
  std::string tokens, mask, positions;
  std::string logits;
  DataType tokenElement = DataType::Int64, positionElement = DataType::Int64;
  DataType maskElement = DataType::Int64;
  /// Where attention has no operator of its own a layer is what one node joins: a
  /// key or a value. Which belong together is known when attention has been imported.
  std::vector<Layer> layers;
  bool joins = false;
  /// Rows of the smallest table of angles, 0 if there is none.
  int64_t tableRows = 0;
  /// The product that makes the logits, if nothing but conversions comes after it.
  std::optional<unsigned> head;
};

/// Calls with a message and the number of the node that it is about, if it is.
using DecoderError = llvm::function_ref<void(const llvm::Twine &, std::optional<unsigned>)>;

/// Whether a node of the graph has an input of the graph as its past.
bool isDecoder(const Graph &graph);

/// Whether a node joins an input of the graph, in [batch, heads, past, size], and
/// new rows to an output of the graph.
bool joinsPast(const Graph &graph);

/// None if there are errors.
std::optional<DecoderGraph> readDecoder(const Graph &graph, DecoderError error);

} // namespace tercet::onnx

#endif // TERCET_COMPILER_IMPORT_ONNX_DECODERGRAPH_H

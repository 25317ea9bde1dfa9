// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// onnx.proto by field number. Written by hand because protobuf's own parser
// hides where in the file the data of a tensor lies, copies it, and its
// recursion follows whatever the file nests. Here the depth is that of this
// file's functions: the graphs of control flow are not descended into, since
// the importer refuses them anyway.

#include "compiler/import/onnx/ModelReader.h"

#include "compiler/import/onnx/WireReader.h"

#include "llvm/ADT/STLFunctionalExtras.h"

using namespace llvm;
using namespace tercet::onnx;

namespace {

class ModelReader {
public:
  ModelReader(StringRef data, StringRef path) : file(data), path(path) {}
  bool read(Model &model);

  std::string where; ///< the message in which something was wrong

private:
  using Field = function_ref<bool(WireReader &)>;

  /// Calls `field` for every field of a message; it returns false where the
  /// payload is malformed.
  bool message(const char *name, StringRef data, Field field) {
    WireReader reader(data);
    while (reader.next())
      if (!field(reader))
        reader.fail();
    if (reader.failed() && where.empty())
      where = std::string(name) + " at byte " + std::to_string(data.data() - file.data());
    return !reader.failed();
  }

  static bool string(WireReader &r, std::string &to) {
    if (r.getKind() != WireReader::Bytes)
      return false;
    to = r.getBytes().str();
    return true;
  }
  static bool number(WireReader &r, int64_t &to) {
    if (r.getKind() != WireReader::Varint)
      return false;
    to = static_cast<int64_t>(r.getNumber());
    return true;
  }
  static bool integers(WireReader &r, std::vector<int64_t> &to);
  static bool floats(WireReader &r, std::vector<float> &to);
  bool fixed(WireReader &r, WireReader::Kind kind, Tensor &to);
  Region region(StringRef bytes) const {
    return {path, static_cast<uint64_t>(bytes.data() - file.data()), bytes};
  }

  bool graph(StringRef data, Graph &graph);
  bool node(StringRef data, Node &node);
  bool attribute(StringRef data, NodeAttribute &attribute);
  bool tensor(StringRef data, Tensor &tensor);
  bool valueInfo(StringRef data, ValueInfo &info);
  bool type(StringRef data, ValueInfo &info);
  bool pair(const char *name, StringRef data, std::string &first, Field second);

  StringRef file, path;
};

} // namespace

/// A repeated integer, packed or not: writers may choose.
bool ModelReader::integers(WireReader &r, std::vector<int64_t> &to) {
  if (r.getKind() == WireReader::Varint) {
    to.push_back(static_cast<int64_t>(r.getNumber()));
    return true;
  }
  if (r.getKind() != WireReader::Bytes)
    return false;
  StringRef bytes = r.getBytes();
  uint64_t value;
  while (!bytes.empty()) {
    if (!WireReader::takeVarint(bytes, value))
      return false;
    to.push_back(static_cast<int64_t>(value));
  }
  return true;
}

bool ModelReader::floats(WireReader &r, std::vector<float> &to) {
  if (r.getKind() != WireReader::Fixed32 && r.getKind() != WireReader::Bytes)
    return false;
  StringRef bytes = r.getBytes();
  if (bytes.size() % 4)
    return false;
  for (; !bytes.empty(); bytes = bytes.drop_front(4))
    to.push_back(support::endian::read<float, endianness::little>(bytes.data()));
  return true;
}

/// float_data and double_data: one packed piece stays where it is.
bool ModelReader::fixed(WireReader &r, WireReader::Kind kind, Tensor &to) {
  unsigned size = kind == WireReader::Fixed32 ? 4 : 8;
  if ((r.getKind() != kind && r.getKind() != WireReader::Bytes) || r.getBytes().size() % size)
    return false;
  if ((to.packed || !to.pieces.empty()) && to.isDouble != (size == 8))
    return false;
  to.isDouble = size == 8;
  if (r.getKind() == WireReader::Bytes && !to.packed && to.pieces.empty()) {
    to.packed = region(r.getBytes());
    return true;
  }
  if (to.packed) {
    to.pieces = to.packed->bytes.str();
    to.packed.reset();
  }
  to.pieces.append(r.getBytes().data(), r.getBytes().size());
  return true;
}

bool ModelReader::pair(const char *name, StringRef data, std::string &first, Field second) {
  return message(name, data, [&](WireReader &r) {
    if (r.getField() == 1)
      return string(r, first);
    return r.getField() != 2 || second(r);
  });
}

bool ModelReader::read(Model &model) {
  return message("model", file, [&](WireReader &r) {
    bool isBytes = r.getKind() == WireReader::Bytes;
    switch (r.getField()) {
    case 1:
      return number(r, model.irVersion);
    case 7:
      if (!isBytes || model.graph)
        return false;
      return graph(r.getBytes(), model.graph.emplace());
    case 8: {
      auto &opset = model.opsets.emplace_back();
      return isBytes && pair("opset import", r.getBytes(), opset.first,
                             [&](WireReader &inner) { return number(inner, opset.second); });
    }
    case 25: {
      auto &function = model.functions.emplace_back();
      return isBytes && message("function", r.getBytes(), [&](WireReader &inner) {
               if (inner.getField() == 1)
                 return string(inner, function.second);
               return inner.getField() != 10 || string(inner, function.first);
             });
    }
    default:
      return true;
    }
  });
}

bool ModelReader::graph(StringRef data, Graph &graph) {
  return message("graph", data, [&](WireReader &r) {
    if (r.getKind() != WireReader::Bytes)
      return r.getField() > 15;
    switch (r.getField()) {
    case 1:
      return node(r.getBytes(), graph.nodes.emplace_back());
    case 5:
      return tensor(r.getBytes(), graph.initializers.emplace_back());
    case 11:
      return valueInfo(r.getBytes(), graph.inputs.emplace_back());
    case 12:
      return valueInfo(r.getBytes(), graph.outputs.emplace_back());
    case 15: {
      Tensor values;
      bool good = message("sparse tensor", r.getBytes(), [&](WireReader &inner) {
        return inner.getField() != 1 ||
               (inner.getKind() == WireReader::Bytes && tensor(inner.getBytes(), values));
      });
      graph.sparseInitializers.push_back(values.name);
      return good;
    }
    default:
      return true;
    }
  });
}

bool ModelReader::node(StringRef data, Node &node) {
  return message("node", data, [&](WireReader &r) {
    switch (r.getField()) {
    case 1:
      return string(r, node.inputs.emplace_back());
    case 2:
      return string(r, node.outputs.emplace_back());
    case 3:
      return string(r, node.name);
    case 4:
      return string(r, node.op);
    case 5:
      return r.getKind() == WireReader::Bytes &&
             attribute(r.getBytes(), node.attributes.emplace_back());
    case 7:
      return string(r, node.domain);
    default:
      return true;
    }
  });
}

bool ModelReader::attribute(StringRef data, NodeAttribute &attribute) {
  int64_t kind = 0;
  NodeAttribute::Kind seen = NodeAttribute::None;
  bool good = message("attribute", data, [&](WireReader &r) {
    switch (r.getField()) {
    case 1:
      return string(r, attribute.name);
    case 2:
      seen = NodeAttribute::Float;
      if (r.getKind() != WireReader::Fixed32)
        return false;
      attribute.f = support::endian::read<float, endianness::little>(r.getBytes().data());
      return true;
    case 3:
      seen = NodeAttribute::Int;
      return number(r, attribute.i);
    case 4:
      seen = NodeAttribute::String;
      return string(r, attribute.s);
    case 5:
      seen = NodeAttribute::TensorKind;
      return r.getKind() == WireReader::Bytes && attribute.tensor.empty() &&
             tensor(r.getBytes(), attribute.tensor.emplace_back());
    case 6:
      seen = NodeAttribute::GraphKind;
      return r.getKind() == WireReader::Bytes;
    case 7:
      seen = NodeAttribute::Floats;
      return floats(r, attribute.floats);
    case 8:
      seen = NodeAttribute::Ints;
      return integers(r, attribute.ints);
    case 9:
      seen = NodeAttribute::Strings;
      return string(r, attribute.strings.emplace_back());
    case 20:
      return number(r, kind);
    case 21:
      attribute.isReference = true;
      return true;
    default:
      return true;
    }
  });
  // Files of the first versions do not state the kind.
  if (kind == 0)
    attribute.kind = seen;
  else
    attribute.kind =
        kind < NodeAttribute::Other ? static_cast<NodeAttribute::Kind>(kind) : NodeAttribute::Other;
  return good && kind >= 0;
}

bool ModelReader::tensor(StringRef data, Tensor &tensor) {
  return message("tensor", data, [&](WireReader &r) {
    int64_t value = 0;
    switch (r.getField()) {
    case 1: {
      std::vector<int64_t> dims;
      if (!integers(r, dims))
        return false;
      tensor.dims.append(dims.begin(), dims.end());
      return true;
    }
    case 2:
      if (!number(r, value))
        return false;
      tensor.dataType = static_cast<DataType>(static_cast<int32_t>(value));
      return true;
    case 3:
      tensor.segmented = true;
      return true;
    case 4:
      return fixed(r, WireReader::Fixed32, tensor);
    case 5:
    case 7:
    case 11:
      return integers(r, tensor.ints);
    case 6:
      tensor.hasStrings = true;
      return true;
    case 8:
      return string(r, tensor.name);
    case 9:
      if (r.getKind() != WireReader::Bytes)
        return false;
      tensor.raw = region(r.getBytes());
      return true;
    case 10:
      return fixed(r, WireReader::Fixed64, tensor);
    case 13: {
      auto &entry = tensor.externalData.emplace_back();
      return r.getKind() == WireReader::Bytes &&
             pair("external data", r.getBytes(), entry.first,
                  [&](WireReader &inner) { return string(inner, entry.second); });
    }
    case 14:
      if (!number(r, value))
        return false;
      tensor.external = value == 1;
      return value == 0 || value == 1;
    default:
      return true;
    }
  });
}

bool ModelReader::valueInfo(StringRef data, ValueInfo &info) {
  return message("value", data, [&](WireReader &r) {
    if (r.getField() == 1)
      return string(r, info.name);
    if (r.getField() != 2)
      return true;
    info.hasType = true;
    return r.getKind() == WireReader::Bytes && type(r.getBytes(), info);
  });
}

bool ModelReader::type(StringRef data, ValueInfo &info) {
  auto dimension = [&](WireReader &r) {
    if (r.getField() != 1)
      return true;
    Dimension &dim = info.dims.emplace_back();
    return r.getKind() == WireReader::Bytes &&
           message("dimension", r.getBytes(), [&](WireReader &inner) {
             if (inner.getField() == 1)
               return number(inner, dim.value.emplace());
             return inner.getField() != 2 || string(inner, dim.param);
           });
  };
  return message("type", data, [&](WireReader &r) {
    if (r.getField() != 1)
      return true;
    info.isTensor = true;
    return r.getKind() == WireReader::Bytes &&
           message("tensor type", r.getBytes(), [&](WireReader &inner) {
             int64_t element = 0;
             switch (inner.getField()) {
             case 1:
               if (!number(inner, element))
                 return false;
               info.element = static_cast<DataType>(static_cast<int32_t>(element));
               return true;
             case 2:
               if (info.hasShape || inner.getKind() != WireReader::Bytes)
                 return false;
               info.hasShape = true;
               return message("shape", inner.getBytes(), dimension);
             default:
               return true;
             }
           });
  });
}

std::string tercet::onnx::readModel(StringRef data, StringRef path, Model &model) {
  if (data.empty())
    return "the file is empty";
  ModelReader reader(data, path);
  if (!reader.read(model))
    return "not a valid ONNX file: truncated or corrupt, malformed " + reader.where;
  return {};
}

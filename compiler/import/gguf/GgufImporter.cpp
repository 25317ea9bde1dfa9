// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a GGUF model to a module: tensors become regions of the file, floats or
// blocks, and the description says what is built from them. A tensor for which
// the description has no use is an error, since the model is another one then.

#include "compiler/import/QuotedName.h"
#include "compiler/import/decoder/GraphBuilder.h"
#include "compiler/import/gguf/ModelDescription.h"
#include "compiler/weights/MappedFile.h"
#include "dialects/nn/GroupFormats.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::gguf;

namespace {

class GgufTensors : public decoder::TensorSource {
public:
  GgufTensors(MLIRContext &context, const Model &model, StringRef architecture)
      : context(context), model(model), architecture(architecture) {}

  const decoder::SourceTensor *find(StringRef role, std::string &complaint) override;
  std::string describe(StringRef role) const override { return quoted(role); }

  std::pair<StringRef, size_t> unused() const override;
  std::string expected() const override {
    return "the tensors that architecture '" + architecture.str() + "' has with this metadata";
  }

private:
  MLIRContext &context;
  const Model &model;
  StringRef architecture;
  llvm::StringMap<decoder::SourceTensor> found;
};

} // namespace

const decoder::SourceTensor *GgufTensors::find(StringRef role, std::string &complaint) {
  auto known = found.find(role);
  if (known != found.end())
    return &known->second;
  PlacedTensor placed = model.lookup(role);
  if (!placed.tensor)
    return nullptr;
  const Tensor &tensor = *placed.tensor;
  decoder::SourceTensor source;
  source.name = tensor.name.str();
  source.shape = tensor.shape;
  Builder b(&context);
  StringRef bytes = model.getBytes(placed);
  auto region = [&](ArrayRef<int64_t> shape, Type element) {
    return nn::FileAttr::get(&context, b.getStringAttr(placed.path), tensor.offset, tensor.bytes,
                             b.getStringAttr(computeDigest({bytes.data(), bytes.size()})),
                             RankedTensorType::get(shape, element));
  };
  StringRef type = tensor.type->name;
  Type element = llvm::StringSwitch<Type>(type)
                     .Case("F32", b.getF32Type())
                     .Case("F16", b.getF16Type())
                     .Case("BF16", b.getBF16Type())
                     .Default({});
  nn::GroupsAttr format = element ? nn::GroupsAttr() : nn::groupFormat(&context, type.lower());
  if (!element && !format) {
    complaint = "tensor " + quoted(tensor.name) + ": expected F32, F16, BF16 or a type of blocks " +
                "that can be decoded, got " + type.str() +
                "; try to convert the model to Q8_0, Q4_K or F16";
    return nullptr;
  }
  if (tensor.shape.size() > 2 || (format && tensor.shape.size() != 2)) {
    complaint = "tensor " + quoted(tensor.name) +
                ": expected a vector of floats or a matrix, got " +
                std::to_string(tensor.shape.size()) + " dimensions of " + type.str();
    return nullptr;
  }
  if (element)
    source.rows = decoder::StoredRows(region(tensor.shape, element));
  else
    source.rows = decoder::StoredRows(
        region({tensor.shape[0], tensor.shape[1] / tensor.type->elements, tensor.type->bytes},
               b.getI8Type()),
        format, tensor.shape[1]);
  return &(found[role] = std::move(source));
}

std::pair<StringRef, size_t> GgufTensors::unused() const {
  StringRef first;
  size_t count = 0;
  for (const PlacedTensor &placed : model.getTensors()) {
    StringRef name = placed.tensor->name;
    // Frequencies that follow from the metadata; old files have them.
    if (found.contains(name) || name.ends_with(".attn_rot_embd.weight") ||
        name.starts_with("rope_factors_"))
      continue;
    if (count++ == 0)
      first = name;
  }
  return {first, count};
}

OwningOpRef<ModuleOp> tercet::importGguf(MLIRContext &context, StringRef path,
                                         const ImportOptions &options,
                                         SmallVectorImpl<ImportError> &errors) {
  context.loadDialect<nn::NNDialect>();
  auto error = [&](const Twine &text) { errors.push_back({"", "", text.str()}); };
  llvm::Expected<std::unique_ptr<Model>> model = Model::open(path);
  if (!model) {
    error(llvm::toString(model.takeError()));
    return {};
  }
  size_t before = errors.size();
  decoder::Description description = describeModel(**model, error);
  if (errors.size() != before)
    return {};
  GgufTensors tensors(context, **model, description.architecture->name);
  return decoder::buildDecoder(context, description, tensors, options, errors);
}

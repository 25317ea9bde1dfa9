// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a directory of Hugging Face to a module. Tensors are floats, or codes in
// words as PackedTensors.h reads them; roles of which several lie in one tensor
// of the file are cut out of it.

#include "compiler/import/QuotedName.h"
#include "compiler/import/decoder/GraphBuilder.h"
#include "compiler/import/safetensors/ConfigDescription.h"
#include "compiler/import/safetensors/ModelDirectory.h"
#include "compiler/import/safetensors/PackedTensors.h"
#include "compiler/import/safetensors/TensorNames.h"
#include "compiler/weights/MappedFile.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::safetensors;

namespace {

class DirectoryTensors : public decoder::TensorSource {
public:
  DirectoryTensors(MLIRContext &context, const ModelDirectory &model, const TensorNames &names,
                   const ModelConfig &config)
      : context(context), model(model), names(names), config(config) {
    if (config.quantization)
      packed.emplace(context, model, *config.quantization);
  }

  const decoder::SourceTensor *find(StringRef role, std::string &complaint) override;
  std::string describe(StringRef role) const override {
    std::string name = nameOf(role);
    return quoted(name.empty() ? role : StringRef(name));
  }

  std::pair<StringRef, size_t> unused() const override;
  std::string expected() const override {
    return std::string("the tensors that a model of type '") +
           config.description.architecture->modelType + "' has with this config.json";
  }

private:
  std::string nameOf(StringRef role) const;
  bool has(StringRef name) const {
    return model.lookup(name).tensor || (packed && packed->lookup(name.rsplit('.').first));
  }
  /// A tensor of floats, as it is in the file.
  bool readFloats(const PlacedTensor &placed, StringRef role, decoder::SourceTensor &source,
                  std::string &complaint);
  /// A weight in groups.
  bool readPacked(StringRef name, decoder::SourceTensor &source, std::string &complaint);
  /// Whether nothing needs the tensor though the graph has no use for it.
  bool isHarmless(StringRef name) const;
  /// Rows of a role within a tensor that several share.
  decoder::StoredRows part(const decoder::StoredRows &rows, StringRef role) const;

  MLIRContext &context;
  const ModelDirectory &model;
  const TensorNames &names;
  const ModelConfig &config;
  llvm::StringMap<decoder::SourceTensor> found;
  llvm::StringSet<> used;
  std::optional<PackedTensors> packed;
};

/// "q" of "blk.0.attn_q.weight" where it is a part of a tensor, else empty.
StringRef projectionOf(StringRef role) {
  StringRef stem = role.rsplit('.').first;
  for (StringRef part : {"q", "k", "v"})
    if (stem.ends_with(("attn_" + part).str()))
      return part;
  return "";
}

} // namespace

std::string DirectoryTensors::nameOf(StringRef role) const {
  bool isPart = names.projections == Projections::Grouped && !projectionOf(role).empty();
  std::string joined = role.str();
  if (isPart) {
    auto [stem, kind] = role.rsplit('.');
    joined = (stem.drop_back(1) + "qkv." + kind).str();
  }
  std::string name = names.nameOf(joined);
  if (!name.empty() && *names.optionalPrefix && !has(name)) {
    StringRef shorter = name;
    if (shorter.consume_front(names.optionalPrefix) && has(shorter))
      return shorter.str();
  }
  return name;
}

decoder::StoredRows DirectoryTensors::part(const decoder::StoredRows &rows, StringRef role) const {
  const decoder::Description &d = config.description;
  int64_t queries = d.heads / d.keyHeads * d.headSize;
  StringRef kind = projectionOf(role);
  if (kind == "q")
    return rows.sliceOfRuns(d.keyHeads, 0, queries);
  return rows.sliceOfRuns(d.keyHeads, queries + (kind == "k" ? 0 : d.headSize), d.headSize);
}

bool DirectoryTensors::readFloats(const PlacedTensor &placed, StringRef role,
                                  decoder::SourceTensor &source, std::string &complaint) {
  const Tensor &tensor = *placed.tensor;
  Builder b(&context);
  Type element = llvm::StringSwitch<Type>(tensor.type)
                     .Case("F32", b.getF32Type())
                     .Case("F16", b.getF16Type())
                     .Case("BF16", b.getBF16Type())
                     .Default({});
  if (!element || tensor.shape.empty() || tensor.shape.size() > 2) {
    complaint = "tensor " + quoted(tensor.name) +
                ": expected a vector or a matrix of F32, F16 or BF16, got " +
                std::to_string(tensor.shape.size()) + " dimensions of " + tensor.type;
    return false;
  }
  TypedAttr recipe =
      nn::FileAttr::get(&context, b.getStringAttr(placed.path), tensor.offset, tensor.bytes,
                        b.getStringAttr(computeDigest({placed.bytes.data(), placed.bytes.size()})),
                        RankedTensorType::get(tensor.shape, element));
  source.name = tensor.name;
  source.shape = tensor.shape;
  if (names.transposed && tensor.shape.size() == 2 && role.starts_with("blk.")) {
    std::swap(source.shape[0], source.shape[1]);
    recipe = nn::TransposeAttr::get(&context, recipe, {1, 0},
                                    RankedTensorType::get(source.shape, element));
  }
  source.rows = decoder::StoredRows(recipe);
  used.insert(tensor.name);
  return true;
}

bool DirectoryTensors::readPacked(StringRef name, decoder::SourceTensor &source,
                                  std::string &complaint) {
  StringRef module = name.rsplit('.').first;
  std::vector<std::string> read;
  std::optional<decoder::StoredRows> rows = packed->read(module, complaint, read);
  if (!rows)
    return false;
  used.insert_range(read);
  source.name = packed->lookup(module)->name;
  source.shape = {rows->rows(), rows->columns()};
  source.rows = *rows;
  return true;
}

const decoder::SourceTensor *DirectoryTensors::find(StringRef role, std::string &complaint) {
  auto known = found.find(role);
  if (known != found.end())
    return &known->second;
  if (role == "output.weight" && config.tied.value_or(false))
    return nullptr;
  std::string name = nameOf(role);
  PlacedTensor placed = name.empty() ? PlacedTensor() : model.lookup(name);
  bool isWeight = role.ends_with(".weight"), isHead = role == "output.weight";
  bool isPacked =
      packed && isWeight && !name.empty() && packed->lookup(StringRef(name).rsplit('.').first);
  if (!placed.tensor && !isPacked) {
    if (isHead && config.tied && !*config.tied)
      complaint = "expected a tensor " + quoted(name) +
                  ", since 'tie_word_embeddings' of config.json is false, got none";
    return nullptr;
  }
  decoder::SourceTensor source;
  if (isPacked ? !readPacked(name, source, complaint)
               : !readFloats(placed, role, source, complaint))
    return nullptr;
  // Matrices of layers but for embeddings are what such a configuration is about.
  bool isMatrix = isWeight && role.starts_with("blk.") && source.shape.size() == 2;
  StringRef module = StringRef(name).rsplit('.').first;
  if (packed && !isPacked && isMatrix && config.quantization->covers(module)) {
    complaint = "tensor " + quoted(name) + ": expected weights as " +
                config.quantization->getName() +
                " stores them, since quantization_config of config.json does not exclude " +
                quoted(module) + ", got floats";
    return nullptr;
  }
  if (names.projections == Projections::Grouped && !projectionOf(role).empty()) {
    const decoder::Description &d = config.description;
    int64_t rows = (d.heads + 2 * d.keyHeads) * d.headSize;
    if (source.shape[0] != rows) {
      complaint = "tensor " + quoted(source.name) + ": expected " + std::to_string(rows) +
                  " rows, as follows from config.json, got " + std::to_string(source.shape[0]);
      return nullptr;
    }
    source.rows = part(source.rows, role);
    source.shape[0] = source.rows.rows();
  }
  return &(found[role] = std::move(source));
}

bool DirectoryTensors::isHarmless(StringRef name) const {
  // What the families' code computes itself, or has twice.
  if (name.ends_with(".inv_freq") || name.ends_with(".masked_bias") ||
      name.ends_with("attn.bias") || name.ends_with("attention.bias") ||
      (config.tied.value_or(false) && name == nameOf("output.weight")))
    return true;
  // GPTQ's first libraries gave every module a bias.
  auto isZero = [](char byte) { return byte == 0; };
  return packed && name.ends_with(".bias") && packed->lookup(name.rsplit('.').first) &&
         llvm::all_of(model.lookup(name).bytes, isZero);
}

std::pair<StringRef, size_t> DirectoryTensors::unused() const {
  StringRef first;
  size_t count = 0;
  for (StringRef name : model.getNames()) {
    if (used.contains(name) || isHarmless(name))
      continue;
    if (count++ == 0)
      first = name;
  }
  return {first, count};
}

OwningOpRef<ModuleOp> tercet::importDirectory(MLIRContext &context, StringRef path,
                                              const ImportOptions &options,
                                              SmallVectorImpl<ImportError> &errors) {
  context.loadDialect<nn::NNDialect>();
  auto error = [&](const Twine &text) { errors.push_back({"", "", text.str()}); };
  llvm::Expected<std::unique_ptr<ModelDirectory>> model = ModelDirectory::open(path);
  if (!model) {
    error(llvm::toString(model.takeError()));
    return {};
  }
  size_t before = errors.size();
  ModelConfig config = readConfig((*model)->getConfig(), error);
  if (errors.size() != before)
    return {};
  const TensorNames *names =
      lookupTensorNames(config.twoNorms ? StringRef("falcon two norms")
                                        : StringRef(config.description.architecture->modelType));
  config.description.joinedQkv = names->projections == Projections::Joined;
  DirectoryTensors tensors(context, **model, *names, config);
  return decoder::buildDecoder(context, config.description, tensors, options, errors);
}

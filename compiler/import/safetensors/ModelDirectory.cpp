// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finding the files of a model's directory. The index is data from elsewhere,
// so a name in it that leads out of the directory is refused.

#include "compiler/import/safetensors/ModelDirectory.h"

#include "compiler/import/QuotedName.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <set>

using namespace llvm;
using namespace tercet;
using namespace tercet::safetensors;

static constexpr const char kSingle[] = "model.safetensors";
static constexpr const char kIndex[] = "model.safetensors.index.json";

static Error refuse(const Twine &text) { return createStringError(inconvertibleErrorCode(), text); }

Expected<std::unique_ptr<MemoryBuffer>> ModelDirectory::map(StringRef name, std::string &path) {
  SmallString<256> full(directory);
  sys::path::append(full, name);
  path = full.str().str();
  sys::fs::file_status status;
  if (std::error_code error = sys::fs::status(full, status))
    return refuse(name + ": cannot be read: " + error.message());
  if (!sys::fs::is_regular_file(status))
    return refuse(name + ": cannot be read: expected a regular file");
  auto buffer = MemoryBuffer::getFile(full, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return refuse(name + ": cannot be read: " + buffer.getError().message());
  return std::move(*buffer);
}

Error ModelDirectory::addShard(StringRef name) {
  auto shard = std::make_unique<Shard>();
  Expected<std::unique_ptr<MemoryBuffer>> buffer = map(name, shard->path);
  if (!buffer)
    return buffer.takeError();
  shard->buffer = std::move(*buffer);
  Expected<std::vector<Tensor>> tensors = readFile(shard->buffer->getBuffer());
  if (!tensors)
    return refuse(name + ": " + toString(tensors.takeError()));
  shard->tensors = std::move(*tensors);
  for (const Tensor &tensor : shard->tensors)
    if (!index.try_emplace(tensor.name, shard.get(), &tensor).second)
      return refuse(name + ": tensor " + quoted(tensor.name) + " appears in another file too");
  shards.push_back(std::move(shard));
  return Error::success();
}

Error ModelDirectory::readIndex() {
  std::string path;
  Expected<std::unique_ptr<MemoryBuffer>> buffer = map(kIndex, path);
  if (!buffer)
    return buffer.takeError();
  Expected<json::Value> value = parseJson((*buffer)->getBuffer(), kIndex);
  if (!value)
    return value.takeError();
  const json::Object *object = value->getAsObject();
  const json::Object *map = object ? object->getObject("weight_map") : nullptr;
  if (!map)
    return refuse(Twine(kIndex) + ": expected an object 'weight_map'");
  std::set<std::string> names;
  for (const auto &[tensor, file] : *map) {
    std::optional<StringRef> name = file.getAsString();
    if (!name || !name->ends_with(".safetensors") || name->contains('/') || name->contains('\0'))
      return refuse(Twine(kIndex) + ": expected the name of a .safetensors file of the directory " +
                    "for tensor " + quoted(tensor) + ", got " +
                    (name ? quoted(*name) : "something else"));
    names.insert(name->str());
  }
  for (const std::string &name : names)
    if (Error error = addShard(name))
      return error;
  for (const auto &[tensor, file] : *map) {
    auto found = index.find(StringRef(tensor));
    StringRef wanted = *file.getAsString();
    if (found == index.end() || sys::path::filename(found->second.first->path) != wanted)
      return refuse(Twine(kIndex) + ": tensor " + quoted(tensor) + " is not in " + quoted(wanted) +
                    ", where it is expected");
  }
  return Error::success();
}

Error ModelDirectory::readConfig() {
  std::string path;
  Expected<std::unique_ptr<MemoryBuffer>> buffer = map("config.json", path);
  if (!buffer)
    return buffer.takeError();
  Expected<json::Value> value = parseJson((*buffer)->getBuffer(), "config.json");
  if (!value)
    return value.takeError();
  if (!value->getAsObject())
    return refuse("config.json: expected an object");
  config = std::move(*value);
  return Error::success();
}

Expected<std::unique_ptr<ModelDirectory>> ModelDirectory::open(StringRef path) {
  auto model = std::make_unique<ModelDirectory>();
  model->directory = path.str();
  if (Error error = model->readConfig())
    return error;
  SmallString<256> single(path), index(path);
  sys::path::append(single, kSingle);
  sys::path::append(index, kIndex);
  bool isSharded = sys::fs::exists(index);
  if (isSharded && sys::fs::exists(single))
    return refuse(Twine("expected ") + kSingle + " or " + kIndex + ", got both");
  if (Error error = isSharded ? model->readIndex() : model->addShard(kSingle))
    return error;
  return std::move(model);
}

PlacedTensor ModelDirectory::lookup(StringRef name) const {
  auto found = index.find(name);
  if (found == index.end())
    return {};
  auto [shard, tensor] = found->second;
  return {tensor, shard->path, shard->buffer->getBuffer().substr(tensor->offset, tensor->bytes)};
}

std::vector<StringRef> ModelDirectory::getNames() const {
  std::vector<StringRef> names;
  for (const auto &entry : index)
    names.push_back(entry.first());
  llvm::sort(names);
  return names;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A model as a directory of Hugging Face: config.json, and model.safetensors or
// the shards that model.safetensors.index.json names. Only files of the
// directory itself are read. They stay mapped as long as this object lives.

#ifndef TERCET_COMPILER_IMPORT_SAFETENSORS_MODELDIRECTORY_H
#define TERCET_COMPILER_IMPORT_SAFETENSORS_MODELDIRECTORY_H

#include "compiler/import/safetensors/File.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MemoryBuffer.h"

#include <memory>

namespace tercet::safetensors {

struct PlacedTensor {
  const Tensor *tensor = nullptr;
  llvm::StringRef path, bytes;
};

class ModelDirectory {
public:
  static llvm::Expected<std::unique_ptr<ModelDirectory>> open(llvm::StringRef path);

  const llvm::json::Object &getConfig() const { return *config->getAsObject(); }
  PlacedTensor lookup(llvm::StringRef name) const;
  /// In the order of their names.
  std::vector<llvm::StringRef> getNames() const;

private:
  struct Shard {
    std::string path;
    std::unique_ptr<llvm::MemoryBuffer> buffer;
    std::vector<Tensor> tensors;
  };

  llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> map(llvm::StringRef name, std::string &path);
  llvm::Error readConfig();
  llvm::Error readIndex();
  llvm::Error addShard(llvm::StringRef name);

  std::string directory;
  std::optional<llvm::json::Value> config;
  std::vector<std::unique_ptr<Shard>> shards;
  llvm::StringMap<std::pair<const Shard *, const Tensor *>> index;
};

} // namespace tercet::safetensors

#endif // TERCET_COMPILER_IMPORT_SAFETENSORS_MODELDIRECTORY_H

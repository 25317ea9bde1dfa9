// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The description of a language model from config.json. Such files have much
// that does not concern the graph; what does is read or, where it is not
// supported, refused.

#ifndef TERCET_COMPILER_IMPORT_SAFETENSORS_CONFIGDESCRIPTION_H
#define TERCET_COMPILER_IMPORT_SAFETENSORS_CONFIGDESCRIPTION_H

#include "compiler/import/decoder/Architecture.h"
#include "compiler/import/safetensors/QuantizationConfig.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/JSON.h"

namespace tercet::safetensors {

struct ModelConfig {
  decoder::Description description;
  /// Absent: a head of its own is used if there is one.
  std::optional<bool> tied;
  /// Falcon with a norm for each branch.
  bool twoNorms = false;
  /// How weights are stored that are in groups.
  std::optional<QuantizationConfig> quantization;
};

/// Calls `error` with each complaint.
ModelConfig readConfig(const llvm::json::Object &config,
                       llvm::function_ref<void(const llvm::Twine &)> error);

} // namespace tercet::safetensors

#endif // TERCET_COMPILER_IMPORT_SAFETENSORS_CONFIGDESCRIPTION_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What quantization_config of config.json says about weights that are stored in
// groups: GPTQ, AWQ, compressed-tensors. Keys that concern how a checkpoint was
// made are passed over; those that would change what its tensors mean are read
// or refused.

#ifndef TERCET_COMPILER_IMPORT_SAFETENSORS_QUANTIZATIONCONFIG_H
#define TERCET_COMPILER_IMPORT_SAFETENSORS_QUANTIZATIONCONFIG_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/JSON.h"

#include <optional>
#include <string>
#include <vector>

namespace tercet::safetensors {

enum class QuantizationMethod { Gptq, Awq, CompressedTensors };

struct QuantizationConfig {
  QuantizationMethod method = QuantizationMethod::Gptq;
  int64_t bits = 0;
  /// Elements along K that share a scale; 0 for a whole row.
  int64_t group = 0;
  /// Stored zeros are less by it.
  int64_t zeroOffset = 0;
  /// There are no zeros beside the scales (compressed-tensors).
  bool symmetric = false;
  /// Elements of a group may lie anywhere in a row.
  bool ordered = false;
  /// Modules that are not: a part of the name (AWQ), or a name or an expression
  /// after "re:" (compressed-tensors).
  std::vector<std::string> excluded;
  /// If there are any, the only modules of a layer that are: ends of names.
  std::vector<std::string> only;

  /// "gptq".
  const char *getName() const;
  /// Whether weights of a module are expected in groups.
  bool covers(llvm::StringRef module) const;
};

/// None with complaints, or where the configuration has no such key.
std::optional<QuantizationConfig>
readQuantization(const llvm::json::Object &config,
                 llvm::function_ref<void(const llvm::Twine &)> error);

} // namespace tercet::safetensors

#endif // TERCET_COMPILER_IMPORT_SAFETENSORS_QUANTIZATIONCONFIG_H

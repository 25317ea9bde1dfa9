// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a shared object defines to be loaded with --plugin: one C symbol,
//
//   extern "C" const tercet::PluginInfo *tercetPlugin();
//
// which gives the version that it was built for and a function that adds its
// targets. Everything behind that function is C++ of the compiler, whose
// classes may differ from version to version, so only an equal version is
// loaded. A plug-in links nothing: the tools export what it needs.

#ifndef TERCET_TARGETS_PLUGIN_H
#define TERCET_TARGETS_PLUGIN_H

#include "targets/PluginVersion.h"
#include "targets/Target.h"

#include <vector>

namespace tercet {

/// Takes the targets of a plug-in.
class PluginRegistry {
public:
  void addTarget(std::unique_ptr<Target> target) { targets.push_back(std::move(target)); }
  std::vector<std::unique_ptr<Target>> takeTargets() { return std::move(targets); }

private:
  std::vector<std::unique_ptr<Target>> targets;
};

/// Static data of a plug-in. Its first two members stay what they are in every
/// version, so that a plug-in of another one can be named.
struct PluginInfo {
  /// TERCET_PLUGIN_VERSION when it was compiled.
  const char *version;
  const char *name;
  void (*registerTargets)(PluginRegistry &registry);
};

/// Name and type of the symbol.
inline constexpr const char *kPluginSymbol = "tercetPlugin";
using PluginEntry = const PluginInfo *(*)();

} // namespace tercet

#endif // TERCET_TARGETS_PLUGIN_H

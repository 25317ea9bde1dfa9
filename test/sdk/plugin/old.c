// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A plug-in of another version, which has to be refused by name before anything
// of its is called.

struct PluginInfo {
  const char *version, *name;
  void (*registerTargets)(void *registry);
};

const struct PluginInfo *tercetPlugin(void) {
  static const struct PluginInfo info = {"tercet-0.0.9-1/llvm-21.0", "Acme", 0};
  return &info;
}

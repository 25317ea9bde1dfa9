// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The list of targets, and loading of plug-ins.

#include "targets/Targets.h"

#include "targets/BuiltInTargets.h"
#include "targets/Plugin.h"

#include "mlir/IR/DialectRegistry.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/DynamicLibrary.h"
#include "llvm/Support/FileSystem.h"

using namespace mlir;
using namespace tercet;

static std::vector<std::unique_ptr<Target>> &targets() {
  static std::vector<std::unique_ptr<Target>> list = createBuiltInTargets();
  return list;
}

llvm::ArrayRef<std::unique_ptr<Target>> tercet::allTargets() { return targets(); }

const Target *tercet::lookupTarget(StringRef name) {
  for (const auto &target : targets())
    if (target->getName() == name)
      return target.get();
  return nullptr;
}

const Target *tercet::lookupObjectTarget() {
  for (const auto &target : targets())
    if (target->emitsObjects())
      return target.get();
  return nullptr;
}

std::string tercet::listTargets() {
  std::string names;
  for (const auto &target : targets())
    names += (names.empty() ? "" : ", ") + target->getName().str();
  return names.empty() ? "none" : names;
}

void tercet::registerTargetDialects(DialectRegistry &registry) {
  for (const auto &target : targets())
    target->registerDialects(registry);
  registry.addExtension(+[](MLIRContext *, soc::SocDialect *dialect) {
    for (const auto &target : targets())
      if (std::unique_ptr<soc::EngineModel> model = target->createModel())
        dialect->registerEngineModel(target->getName(), std::move(model));
  });
}

void tercet::registerTargetPasses() {
  for (const auto &target : targets())
    target->registerPasses();
}

static llvm::Error failure(StringRef path, const Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), "plug-in '" + path + "' " + text);
}

llvm::Error tercet::loadPlugin(StringRef path) {
  if (!llvm::sys::fs::exists(path))
    return failure(path, "does not exist");
  // A bare name would be looked for in the system's folders.
  SmallString<128> absolute(path);
  llvm::sys::fs::make_absolute(absolute);
  std::string reason;
  llvm::sys::DynamicLibrary library =
      llvm::sys::DynamicLibrary::getPermanentLibrary(absolute.c_str(), &reason);
  if (!library.isValid())
    return failure(path, "cannot be loaded: " + reason);
  auto entry = reinterpret_cast<PluginEntry>(library.getAddressOfSymbol(kPluginSymbol));
  const PluginInfo *info = entry ? entry() : nullptr;
  if (!info || !info->version || !info->name)
    return failure(path, "is no plug-in of Tercet: it does not define '" + Twine(kPluginSymbol) +
                             "' as targets/Plugin.h says");
  if (StringRef(info->version) != TERCET_PLUGIN_VERSION)
    return failure(path, "('" + Twine(info->name) + "') was built for " + info->version +
                             ", this is " TERCET_PLUGIN_VERSION
                             "; build it again with the package of this Tercet");
  PluginRegistry registry;
  info->registerTargets(registry);
  std::vector<std::unique_ptr<Target>> added = registry.takeTargets();
  llvm::StringSet<> names;
  for (const auto &target : added)
    if (!names.insert(target->getName()).second || lookupTarget(target->getName()))
      return failure(path, "('" + Twine(info->name) + "') has a target '" + target->getName() +
                               "', which there is already");
  for (std::unique_ptr<Target> &target : added)
    targets().push_back(std::move(target));
  return llvm::Error::success();
}

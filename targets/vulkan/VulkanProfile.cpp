// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads and checks the properties of engines. What a device has at least is in
// the Vulkan specification, table "Required Limits".

#include "targets/vulkan/VulkanProfile.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::vulkan;

static constexpr llvm::StringLiteral kBase = "vk11-base", kProfile = "profile";

/// From the one that devices have most to the one that they have least.
static constexpr std::pair<Extension, llvm::StringLiteral> kExtensions[] = {
    {Extension::Float16, "f16"}, {Extension::Dot, "dot"}, {Extension::Subgroup, "subgroup"}};

namespace {

/// A property that is a number.
struct Number {
  llvm::StringLiteral name;
  int64_t least, most, absent;
};

constexpr Number kWorkgroupKib = {"workgroup_kib", 16, 1024, 16};
constexpr Number kThreads = {"threads", 128, 1024, 128};
constexpr Number kComputeUnits = {"compute_units", 1, 1024, 4};
constexpr Number kAccumulators = {"accumulators", 16, 64, 16};
constexpr Number kNumbers[] = {kWorkgroupKib, kThreads, kComputeUnits, kAccumulators};

llvm::Error error(const Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
}

int64_t getNumber(soc::EngineAttr engine, const Number &number) {
  auto value = engine.getProperties().getAs<IntegerAttr>(number.name);
  return value ? value.getInt() : number.absent;
}

} // namespace

llvm::Expected<Profile> Profile::parse(StringRef text) {
  SmallVector<StringRef> parts;
  text.split(parts, '+');
  std::string known;
  for (const auto &[extension, name] : kExtensions)
    known += (known.empty() ? "+" : ", +") + name.str();
  if (parts[0] != kBase)
    return error("profile: expected " + kBase + ", and after it any of " + known + "; got '" +
                 text + "'");
  unsigned extensions = 0;
  for (StringRef part : ArrayRef(parts).drop_front()) {
    if (part == "coopmat")
      return error("profile: +coopmat is not offered before kernels with cooperative matrices "
                   "have run on a device; try the profile without it");
    auto found =
        llvm::find_if(kExtensions, [&](const auto &known) { return known.second == part; });
    if (found == std::end(kExtensions))
      return error("profile: expected any of " + known + " after " + kBase + ", got '+" + part +
                   "'");
    unsigned bit = static_cast<unsigned>(found->first);
    if (extensions & bit)
      return error("profile: '+" + part + "' is there twice");
    extensions |= bit;
  }
  return Profile(extensions);
}

Profile Profile::of(soc::EngineAttr engine) {
  auto text = engine.getProperties().getAs<StringAttr>(kProfile);
  if (!text)
    return Profile();
  llvm::Expected<Profile> profile = parse(text);
  if (profile)
    return *profile;
  // Text of a machine that nobody checked.
  llvm::consumeError(profile.takeError());
  return Profile();
}

std::string Profile::str() const {
  std::string text = kBase.str();
  for (const auto &[extension, name] : kExtensions)
    if (has(extension))
      text += "+" + name.str();
  return text;
}

std::vector<Profile> Profile::getAlternatives() const {
  std::vector<Profile> alternatives{*this};
  unsigned left = extensions;
  for (const auto &[extension, name] : llvm::reverse(kExtensions)) {
    if (!(left & static_cast<unsigned>(extension)))
      continue;
    left &= ~static_cast<unsigned>(extension);
    alternatives.push_back(Profile(left));
  }
  return alternatives;
}

Limits Limits::of(soc::EngineAttr engine) {
  Limits limits;
  limits.workgroupBytes = getNumber(engine, kWorkgroupKib) * 1024;
  limits.threads = getNumber(engine, kThreads);
  limits.computeUnits = getNumber(engine, kComputeUnits);
  limits.accumulators = getNumber(engine, kAccumulators);
  return limits;
}

codegen::GpuProfile vulkan::gpuProfileOf(Profile profile, const Limits &limits) {
  codegen::GpuProfile gpu;
  gpu.threads = limits.threads;
  gpu.workgroupBytes = limits.workgroupBytes;
  gpu.float16 = gpu.storage16 = profile.has(Extension::Float16);
  gpu.dot = profile.has(Extension::Dot);
  gpu.subgroupArithmetic = profile.has(Extension::Subgroup);
  return gpu;
}

llvm::Error vulkan::checkProperties(soc::EngineAttr engine) {
  if (engine.getKind() != "gpu")
    return error("target 'vulkan' makes engines of kind gpu, got '" + engine.getKind().getValue() +
                 "'");
  for (NamedAttribute property : engine.getProperties()) {
    StringRef name = property.getName().getValue();
    auto number = llvm::find_if(kNumbers, [&](const Number &known) { return known.name == name; });
    if (number != std::end(kNumbers)) {
      auto value = dyn_cast<IntegerAttr>(property.getValue());
      if (!value || value.getInt() < number->least || value.getInt() > number->most)
        return error(name + ": expected " + Twine(number->least) + " to " + Twine(number->most) +
                     ", got " + llvm::formatv("{0}", property.getValue()).str());
      continue;
    }
    if (name != kProfile)
      return error("engines of target 'vulkan' have no property '" + name +
                   "'; there are profile, " +
                   "workgroup_kib, threads, compute_units and accumulators");
    auto text = dyn_cast<StringAttr>(property.getValue());
    if (!text)
      return error("profile: expected text such as " + kBase + "+f16, got " +
                   llvm::formatv("{0}", property.getValue()).str());
    if (llvm::Expected<Profile> profile = Profile::parse(text); !profile)
      return profile.takeError();
  }
  int64_t threads = getNumber(engine, kThreads);
  if (!llvm::isPowerOf2_64(threads))
    return error("threads: expected a power of two, got " + Twine(threads));
  return llvm::Error::success();
}

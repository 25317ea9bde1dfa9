// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the kernels of a Vulkan engine may use of a device. A profile is a
// property of the engine in the machine file; it begins with what every device
// of Vulkan 1.1 has, and adds to that. Kernels are made for the profile and for
// what is left of it without one extension after another, so that a device with
// fewer features runs the same program.

#ifndef TERCET_TARGETS_VULKAN_VULKANPROFILE_H
#define TERCET_TARGETS_VULKAN_VULKANPROFILE_H

#include "dialects/soc/Soc.h"
#include "passes/codegen/gpu/GpuProfile.h"

#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace tercet::vulkan {

/// Name of the target in machine files, and of #soc.engine's `target`.
inline constexpr llvm::StringLiteral kTargetName = "vulkan";

/// What an operand may have: maxStorageBufferRange that every device has, less
/// what its range begins before it (runtime/include/tercet/vulkan_image.h).
inline constexpr uint64_t kMaxOperandBytes = (uint64_t(1) << 27) - 256;
/// A binding is left for the control block.
inline constexpr size_t kMaxOperands = 31;
/// maxComputeWorkGroupCount that every device has, in each dimension.
inline constexpr int64_t kMaxGridSize = 65535;

/// Beyond vk11-base: SPIR-V 1.3, floats and integers of 32 bits, storage in words
/// of 32 bits.
enum class Extension : unsigned {
  Float16 = 1,  // f16: halves in storage and in registers
  Dot = 2,      // dot: products of four bytes in a word
  Subgroup = 4, // subgroup: reductions over a subgroup
};

class Profile {
public:
  Profile() = default;
  explicit Profile(unsigned extensions) : extensions(extensions) {}

  /// Reads text such as vk11-base+f16+subgroup; what is wrong otherwise.
  static llvm::Expected<Profile> parse(llvm::StringRef text);
  /// Of an engine that checkProperties has accepted; vk11-base if it has none.
  static Profile of(soc::EngineAttr engine);

  bool has(Extension extension) const { return extensions & static_cast<unsigned>(extension); }
  std::string str() const;

  /// The profiles that a kernel is made for, from that with the most needs to
  /// vk11-base. Those that make the same code of a kernel are one alternative.
  std::vector<Profile> getAlternatives() const;

  bool operator==(const Profile &other) const { return extensions == other.extensions; }

private:
  unsigned extensions = 0;
};

/// Figures of a device that tiles depend on.
struct Limits {
  uint64_t workgroupBytes; // of workgroup memory
  uint32_t threads;        // of a workgroup at most
  uint32_t computeUnits;   // that run workgroups side by side
  uint32_t accumulators;   // f32 that a thread sums without spilling

  static Limits of(soc::EngineAttr engine);
};

/// What code generation has to know of them.
codegen::GpuProfile gpuProfileOf(Profile profile, const Limits &limits);

/// An error if the engine is not described as the target expects, saying what
/// is wrong and what there is.
llvm::Error checkProperties(soc::EngineAttr engine);

} // namespace tercet::vulkan

#endif // TERCET_TARGETS_VULKAN_VULKANPROFILE_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From an engine's kernels in the SPIR-V dialect to the image that a driver
// loads (runtime/include/tercet/vulkan_image.h).

#ifndef TERCET_TARGETS_VULKAN_VULKANIMAGE_H
#define TERCET_TARGETS_VULKAN_VULKANIMAGE_H

#include "targets/Target.h"

namespace tercet::vulkan {

/// See Target::emitImage.
llvm::Expected<EngineImage> emitImage(const ImageJob &job);

} // namespace tercet::vulkan

#endif // TERCET_TARGETS_VULKAN_VULKANIMAGE_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the passes ask a Vulkan engine.

#ifndef TERCET_TARGETS_VULKAN_VULKANENGINE_H
#define TERCET_TARGETS_VULKAN_VULKANENGINE_H

#include "dialects/soc/EngineModel.h"

#include <memory>

namespace tercet::vulkan {

/// Answers for engines of target vulkan.
std::unique_ptr<soc::EngineModel> createEngineModel();

} // namespace tercet::vulkan

#endif // TERCET_TARGETS_VULKAN_VULKANENGINE_H

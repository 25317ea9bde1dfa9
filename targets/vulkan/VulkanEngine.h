// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The model of Vulkan engines.

#ifndef TERCET_TARGETS_VULKAN_VULKANENGINE_H
#define TERCET_TARGETS_VULKAN_VULKANENGINE_H

#include "dialects/soc/EngineModel.h"

#include <memory>

namespace tercet::vulkan {

std::unique_ptr<soc::EngineModel> createEngineModel();

} // namespace tercet::vulkan

#endif // TERCET_TARGETS_VULKAN_VULKANENGINE_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Vulkan's loader, found at run time: the functions that the driver calls, by
// the object that they are asked of. Vulkan's own headers are needed to compile,
// nothing to link. Where the headers are missing the driver is left out
// (TERCET_HAVE_VULKAN is 0).
#ifndef TERCET_DRIVERS_VULKAN_LIBRARY_H
#define TERCET_DRIVERS_VULKAN_LIBRARY_H

#ifdef __has_include
#if __has_include(<vulkan/vulkan_core.h>)
#define TERCET_HAVE_VULKAN 1
#endif
#endif
#ifndef TERCET_HAVE_VULKAN
#define TERCET_HAVE_VULKAN 0
#endif

#include "tercet/runtime.h"

#if TERCET_HAVE_VULKAN
#define VK_NO_PROTOTYPES
#include <vulkan/vulkan_core.h>

#define VULKAN_GLOBAL_FUNCTIONS(X)                                                                 \
  X(CreateInstance)                                                                                \
  X(EnumerateInstanceVersion)                                                                      \
  X(EnumerateInstanceExtensionProperties)                                                          \
  X(EnumerateInstanceLayerProperties)

#define VULKAN_INSTANCE_FUNCTIONS(X)                                                               \
  X(DestroyInstance)                                                                               \
  X(EnumeratePhysicalDevices)                                                                      \
  X(GetPhysicalDeviceProperties2)                                                                  \
  X(GetPhysicalDeviceFeatures2)                                                                    \
  X(GetPhysicalDeviceMemoryProperties)                                                             \
  X(GetPhysicalDeviceQueueFamilyProperties)                                                        \
  X(EnumerateDeviceExtensionProperties)                                                            \
  X(CreateDevice)                                                                                  \
  X(GetDeviceProcAddr)

#define VULKAN_DEVICE_FUNCTIONS(X)                                                                 \
  X(DestroyDevice)                                                                                 \
  X(DeviceWaitIdle)                                                                                \
  X(GetDeviceQueue)                                                                                \
  X(QueueSubmit)                                                                                   \
  X(AllocateMemory)                                                                                \
  X(FreeMemory)                                                                                    \
  X(MapMemory)                                                                                     \
  X(FlushMappedMemoryRanges)                                                                       \
  X(InvalidateMappedMemoryRanges)                                                                  \
  X(BindBufferMemory)                                                                              \
  X(CreateBuffer)                                                                                  \
  X(DestroyBuffer)                                                                                 \
  X(GetBufferMemoryRequirements)                                                                   \
  X(CreateShaderModule)                                                                            \
  X(DestroyShaderModule)                                                                           \
  X(CreatePipelineCache)                                                                           \
  X(DestroyPipelineCache)                                                                          \
  X(GetPipelineCacheData)                                                                          \
  X(CreateComputePipelines)                                                                        \
  X(DestroyPipeline)                                                                               \
  X(CreatePipelineLayout)                                                                          \
  X(DestroyPipelineLayout)                                                                         \
  X(CreateDescriptorSetLayout)                                                                     \
  X(DestroyDescriptorSetLayout)                                                                    \
  X(CreateDescriptorPool)                                                                          \
  X(DestroyDescriptorPool)                                                                         \
  X(ResetDescriptorPool)                                                                           \
  X(AllocateDescriptorSets)                                                                        \
  X(UpdateDescriptorSets)                                                                          \
  X(CreateCommandPool)                                                                             \
  X(DestroyCommandPool)                                                                            \
  X(AllocateCommandBuffers)                                                                        \
  X(FreeCommandBuffers)                                                                            \
  X(BeginCommandBuffer)                                                                            \
  X(EndCommandBuffer)                                                                              \
  X(CmdBindPipeline)                                                                               \
  X(CmdBindDescriptorSets)                                                                         \
  X(CmdPushConstants)                                                                              \
  X(CmdDispatch)                                                                                   \
  X(CmdPipelineBarrier)                                                                            \
  X(CmdCopyBuffer)                                                                                 \
  X(CmdFillBuffer)                                                                                 \
  X(CmdResetQueryPool)                                                                             \
  X(CmdWriteTimestamp)                                                                             \
  X(CreateQueryPool)                                                                               \
  X(DestroyQueryPool)                                                                              \
  X(GetQueryPoolResults)                                                                           \
  X(CreateSemaphore)                                                                               \
  X(DestroySemaphore)                                                                              \
  X(CreateFence)                                                                                   \
  X(DestroyFence)                                                                                  \
  X(ResetFences)                                                                                   \
  X(WaitForFences)

// NULL where the device has no such thing; core or an extension's.
#define VULKAN_OPTIONAL_FUNCTIONS(X)                                                               \
  X(WaitSemaphores, "vkWaitSemaphores", "vkWaitSemaphoresKHR")                                     \
  X(GetCalibratedTimestampsEXT, "vkGetCalibratedTimestampsEXT", "vkGetCalibratedTimestampsKHR")    \
  X(GetMemoryHostPointerPropertiesEXT, "vkGetMemoryHostPointerPropertiesEXT", "")

#define VULKAN_MEMBER(name) PFN_vk##name name;
#define VULKAN_OPTIONAL_MEMBER(name, core, extension) PFN_vk##name name;

typedef struct vulkan_library {
  void *handle;
  PFN_vkGetInstanceProcAddr GetInstanceProcAddr;
  VULKAN_GLOBAL_FUNCTIONS(VULKAN_MEMBER)
} vulkan_library;

typedef struct vulkan_instance_functions {
  VULKAN_INSTANCE_FUNCTIONS(VULKAN_MEMBER)
  // Of VK_EXT_debug_utils and VK_EXT_calibrated_timestamps, or NULL.
  PFN_vkCreateDebugUtilsMessengerEXT CreateDebugUtilsMessengerEXT;
  PFN_vkDestroyDebugUtilsMessengerEXT DestroyDebugUtilsMessengerEXT;
  PFN_vkGetPhysicalDeviceCalibrateableTimeDomainsEXT GetPhysicalDeviceCalibrateableTimeDomainsEXT;
} vulkan_instance_functions;

typedef struct vulkan_device_functions {
  VULKAN_DEVICE_FUNCTIONS(VULKAN_MEMBER)
  VULKAN_OPTIONAL_FUNCTIONS(VULKAN_OPTIONAL_MEMBER)
} vulkan_device_functions;

// Loads it; `name` as in tercet_vulkan_options. Errors: ENGINE_ABSENT, which
// names the library, or the function that it lacks.
tercet_status vulkan_library_load(const char *name, vulkan_library *library, tercet_error *error);
void vulkan_library_unload(vulkan_library *library);

// Errors: ENGINE_ABSENT, which names the function.
tercet_status vulkan_library_instance(const vulkan_library *library, VkInstance instance,
                                      vulkan_instance_functions *functions, tercet_error *error);
tercet_status vulkan_library_device(const vulkan_instance_functions *instance, VkDevice device,
                                    vulkan_device_functions *functions, tercet_error *error);

// For a call that did not return VK_SUCCESS: LOST, MEMORY, or `otherwise`. What
// the device has lost it is asked for no more.
tercet_status vulkan_fail_result(tercet_error *error, tercet_status otherwise, const char *call,
                                 int result);

#endif // TERCET_HAVE_VULKAN
#endif // TERCET_DRIVERS_VULKAN_LIBRARY_H

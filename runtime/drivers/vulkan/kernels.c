// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Chooses alternatives and makes their pipelines. What a device lacks is said of
// the last alternative, which has the least needs.
#include "kernels.h"

#if TERCET_HAVE_VULKAN
#include "../failure.h"
#include <stdlib.h>
#include <string.h>

// The size of subgroups that has to be asked for; 0: none.
static uint32_t asked_subgroup(const vulkan_device *device,
                               const tercet_vulkan_alternative *alternative) {
  uint32_t size = device->subgroup_min;
  if (alternative->subgroup_min <= size)
    return 0;
  while (size < alternative->subgroup_min)
    size *= 2;
  return size;
}

// What the device lacks for an alternative: 1 with a text, or 0.
static int lacks(const vulkan_device *device, const tercet_vulkan_kernel *kernel,
                 const tercet_vulkan_alternative *alternative, char *text, size_t bytes) {
  const VkPhysicalDeviceLimits *limits = &device->properties.limits;
  uint32_t missing = alternative->features & ~device->features;
  if (missing) {
    snprintf(text, bytes, "%s", vulkan_feature_name((uint32_t)__builtin_ctz(missing)));
    return 1;
  }
  uint32_t threads = 1, buffers = kernel->operand_count + kernel->control;
  const struct {
    const char *name;
    uint32_t needed, limit;
  } needs[] = {
      {"maxComputeWorkGroupSize[0]", alternative->local_size[0],
       limits->maxComputeWorkGroupSize[0]},
      {"maxComputeWorkGroupSize[1]", alternative->local_size[1],
       limits->maxComputeWorkGroupSize[1]},
      {"maxComputeWorkGroupSize[2]", alternative->local_size[2],
       limits->maxComputeWorkGroupSize[2]},
      {"maxComputeWorkGroupInvocations",
       threads * alternative->local_size[0] * alternative->local_size[1] *
           alternative->local_size[2],
       limits->maxComputeWorkGroupInvocations},
      {"maxComputeSharedMemorySize", alternative->workgroup_bytes,
       limits->maxComputeSharedMemorySize},
      {"maxPerStageDescriptorStorageBuffers", buffers, limits->maxPerStageDescriptorStorageBuffers},
      {"maxPushConstantsSize", kernel->operand_count * 4, limits->maxPushConstantsSize}};
  for (size_t i = 0; i < sizeof needs / sizeof *needs; ++i)
    if (needs[i].needed > needs[i].limit) {
      snprintf(text, bytes, "%s of at least %u (it has %u)", needs[i].name, needs[i].needed,
               needs[i].limit);
      return 1;
    }
  uint32_t subgroup = device->subgroup_required ? device->subgroup_max : device->subgroup_min;
  if (alternative->subgroup_min > subgroup) {
    snprintf(text, bytes, "subgroups of at least %u (it has %u)", alternative->subgroup_min,
             subgroup);
    return 1;
  }
  uint32_t asked = asked_subgroup(device, alternative);
  uint32_t row = asked ? asked : device->subgroup_size;
  if (alternative->features >> TERCET_VULKAN_FULL_SUBGROUPS_BIT & 1 &&
      alternative->local_size[0] % row) {
    snprintf(text, bytes, "subgroups that divide %u threads (it has %u)",
             alternative->local_size[0], row);
    return 1;
  }
  return 0;
}

static tercet_status make_layout(const vulkan_device *device, vulkan_kernel *kernel,
                                 tercet_error *error) {
  VkDescriptorSetLayoutBinding bindings[TERCET_VULKAN_OPERANDS_MAX + 1];
  uint32_t count = kernel->operand_count + kernel->control;
  for (uint32_t i = 0; i < count; ++i)
    bindings[i] = (VkDescriptorSetLayoutBinding){
        .binding = i,
        .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
        .descriptorCount = 1,
        .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
    };
  VkDescriptorSetLayoutCreateInfo set = {.sType =
                                             VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
                                         .bindingCount = count,
                                         .pBindings = bindings};
  VkResult result =
      device->f.CreateDescriptorSetLayout(device->handle, &set, NULL, &kernel->bindings);
  if (result)
    return vulkan_fail_result(error, TERCET_ERROR_ENGINE_IMAGE, "vkCreateDescriptorSetLayout",
                              result);
  VkPushConstantRange range = {.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
                               .size = kernel->operand_count * 4};
  VkPipelineLayoutCreateInfo layout = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                       .setLayoutCount = 1,
                                       .pSetLayouts = &kernel->bindings,
                                       .pushConstantRangeCount = range.size ? 1 : 0,
                                       .pPushConstantRanges = &range};
  result = device->f.CreatePipelineLayout(device->handle, &layout, NULL, &kernel->layout);
  return result ? vulkan_fail_result(error, TERCET_ERROR_ENGINE_IMAGE, "vkCreatePipelineLayout",
                                     result)
                : TERCET_OK;
}

static tercet_status make_pipeline(const vulkan_device *device, const vulkan_image *image,
                                   const tercet_vulkan_alternative *alternative,
                                   VkPipelineCache cache, vulkan_kernel *kernel,
                                   tercet_error *error) {
  VkShaderModuleCreateInfo code = {
      .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
      .codeSize = alternative->code_bytes,
      .pCode = (const uint32_t *)(const void *)(image->bytes + alternative->code)};
  VkShaderModule module;
  VkResult result = device->f.CreateShaderModule(device->handle, &code, NULL, &module);
  if (result)
    return vulkan_fail_result(error, TERCET_ERROR_ENGINE_IMAGE, "vkCreateShaderModule", result);
  VkPipelineShaderStageRequiredSubgroupSizeCreateInfo subgroup = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO,
      .requiredSubgroupSize = asked_subgroup(device, alternative)};
  int full = alternative->features >> TERCET_VULKAN_FULL_SUBGROUPS_BIT & 1;
  VkComputePipelineCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
      .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                .pNext = subgroup.requiredSubgroupSize ? &subgroup : NULL,
                .flags = full ? VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT : 0,
                .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                .module = module,
                .pName = "main"},
      .layout = kernel->layout};
  result =
      device->f.CreateComputePipelines(device->handle, cache, 1, &info, NULL, &kernel->pipeline);
  device->f.DestroyShaderModule(device->handle, module, NULL);
  return result ? vulkan_fail_result(error, TERCET_ERROR_ENGINE_IMAGE, "vkCreateComputePipelines",
                                     result)
                : TERCET_OK;
}

static tercet_status make_kernel(const vulkan_device *device, const vulkan_image *image,
                                 uint32_t index, VkPipelineCache cache, vulkan_kernel *kernel,
                                 tercet_error *error) {
  const tercet_vulkan_kernel *record = &image->kernels[index];
  const tercet_vulkan_alternative *first = &image->alternatives[record->first_alternative];
  char text[96] = "";
  kernel->name = vulkan_image_name(image, index);
  kernel->operands = image->operands + record->first_operand;
  kernel->operand_count = record->operand_count;
  kernel->scalar_count = record->scalar_count;
  kernel->control = record->control;
  for (uint32_t a = 0; a < record->alternative_count; ++a) {
    if (lacks(device, record, &first[a], text, sizeof text))
      continue;
    tercet_status status = make_layout(device, kernel, error);
    return status ? status : make_pipeline(device, image, &first[a], cache, kernel, error);
  }
  return driver_fail(error, TERCET_ERROR_ENGINE_IMAGE,
                     "kernel '%.40s' needs %.60s, which '%.48s' does not have", kernel->name, text,
                     device->properties.deviceName);
}

tercet_status vulkan_kernels_make(const vulkan_device *device, const vulkan_image *image,
                                  const tercet_vulkan_options *options, vulkan_kernels *kernels,
                                  tercet_error *error) {
  kernels->all = (vulkan_kernel *)calloc(image->kernel_count + 1u, sizeof *kernels->all);
  if (!kernels->all)
    return driver_fail(error, TERCET_ERROR_ENGINE_MEMORY, "out of memory");
  kernels->count = image->kernel_count;
  VkPipelineCache cache = vulkan_cache_open(device, options, &kernels->cache);
  tercet_status status = TERCET_OK;
  for (uint32_t k = 0; k < kernels->count && !status; ++k)
    status = make_kernel(device, image, k, cache, &kernels->all[k], error);
  vulkan_cache_close(device, options, cache);
  if (status)
    vulkan_kernels_clear(device, kernels);
  return status;
}

void vulkan_kernels_clear(const vulkan_device *device, vulkan_kernels *kernels) {
  for (uint32_t k = 0; device && k < kernels->count; ++k) {
    const vulkan_kernel *kernel = &kernels->all[k];
    if (kernel->pipeline)
      device->f.DestroyPipeline(device->handle, kernel->pipeline, NULL);
    if (kernel->layout)
      device->f.DestroyPipelineLayout(device->handle, kernel->layout, NULL);
    if (kernel->bindings)
      device->f.DestroyDescriptorSetLayout(device->handle, kernel->bindings, NULL);
  }
  free(kernels->all);
  kernels->all = NULL;
  kernels->count = 0;
}

#endif // TERCET_HAVE_VULKAN

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The instance, with the validation layer and its messages where they are asked
// for.
#include "device.h"

#if TERCET_HAVE_VULKAN
#include "../failure.h"
#include <stdlib.h>
#include <string.h>

#define NEWEST VK_API_VERSION_1_3

static VkBool32 VKAPI_PTR tell(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                               VkDebugUtilsMessageTypeFlagsEXT types,
                               const VkDebugUtilsMessengerCallbackDataEXT *data, void *user) {
  const tercet_vulkan_options *options = (const tercet_vulkan_options *)user;
  (void)severity, (void)types;
  options->message(options->message_user, data->pMessage);
  return VK_FALSE;
}

static int has_layer(const vulkan_library *library, const char *name) {
  uint32_t count = 0;
  int found = 0;
  if (library->EnumerateInstanceLayerProperties(&count, NULL) || !count)
    return 0;
  VkLayerProperties *layers = (VkLayerProperties *)calloc(count, sizeof *layers);
  if (layers && library->EnumerateInstanceLayerProperties(&count, layers) >= 0)
    for (uint32_t i = 0; i < count; ++i)
      found |= strcmp(layers[i].layerName, name) == 0;
  free(layers);
  return found;
}

// Of the loader, the drivers, or that layer.
static int has_extension(const vulkan_library *library, const char *layer, const char *name) {
  uint32_t count = 0;
  int found = 0;
  if (library->EnumerateInstanceExtensionProperties(layer, &count, NULL) || !count)
    return 0;
  VkExtensionProperties *all = (VkExtensionProperties *)calloc(count, sizeof *all);
  if (all && library->EnumerateInstanceExtensionProperties(layer, &count, all) >= 0)
    for (uint32_t i = 0; i < count; ++i)
      found |= strcmp(all[i].extensionName, name) == 0;
  free(all);
  return found;
}

tercet_status vulkan_instance_open(const tercet_vulkan_options *options, vulkan_instance *instance,
                                   tercet_error *error) {
  static const char *const layer = "VK_LAYER_KHRONOS_validation";
  static const char *const utils = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
  memset(instance, 0, sizeof *instance);
  vulkan_library *library = &instance->library;
  tercet_status status = vulkan_library_load(options->library, library, error);
  if (status)
    return status;
  uint32_t version = VK_API_VERSION_1_0;
  library->EnumerateInstanceVersion(&version);
  instance->version = version < NEWEST ? version : NEWEST;
  int validate = options->validate;
  if (version < VK_API_VERSION_1_1)
    status = driver_fail(error, TERCET_ERROR_ENGINE_ABSENT,
                         "the Vulkan loader is of version 1.0; 1.1 or later is needed");
  else if (validate && !has_layer(library, layer))
    status = driver_fail(error, TERCET_ERROR_ENGINE_ABSENT,
                         "%s is not installed; install vulkan-validationlayers or do not validate",
                         layer);
  int messages = options->message && (has_extension(library, NULL, utils) ||
                                      (validate && has_extension(library, layer, utils)));
  VkDebugUtilsMessengerCreateInfoEXT messenger = {
      .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
      .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                         VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
      .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
      .pfnUserCallback = tell,
      .pUserData = (void *)(uintptr_t)options};
  VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                   .pApplicationName = "tercet",
                                   .pEngineName = "tercet",
                                   .apiVersion = instance->version};
  VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                               .pNext = messages ? &messenger : NULL,
                               .pApplicationInfo = &application,
                               .enabledLayerCount = validate ? 1 : 0,
                               .ppEnabledLayerNames = &layer,
                               .enabledExtensionCount = messages ? 1 : 0,
                               .ppEnabledExtensionNames = &utils};
  if (!status) {
    VkResult result = library->CreateInstance(&info, NULL, &instance->handle);
    if (result == VK_ERROR_INCOMPATIBLE_DRIVER)
      status = driver_fail(error, TERCET_ERROR_ENGINE_ABSENT,
                           "no Vulkan driver is installed (VK_ERROR_INCOMPATIBLE_DRIVER); Mesa's "
                           "lavapipe is in mesa-vulkan-drivers");
    else if (result)
      status = vulkan_fail_result(error, TERCET_ERROR_ENGINE_ABSENT, "vkCreateInstance", result);
  }
  if (!status)
    status = vulkan_library_instance(library, instance->handle, &instance->f, error);
  if (!status && messages && instance->f.CreateDebugUtilsMessengerEXT)
    instance->f.CreateDebugUtilsMessengerEXT(instance->handle, &messenger, NULL,
                                             &instance->messenger);
  if (status)
    vulkan_instance_close(instance);
  return status;
}

void vulkan_instance_close(vulkan_instance *instance) {
  if (instance->messenger)
    instance->f.DestroyDebugUtilsMessengerEXT(instance->handle, instance->messenger, NULL);
  if (instance->handle && instance->f.DestroyInstance)
    instance->f.DestroyInstance(instance->handle, NULL);
  vulkan_library_unload(&instance->library);
  memset(instance, 0, sizeof *instance);
}

#endif // TERCET_HAVE_VULKAN

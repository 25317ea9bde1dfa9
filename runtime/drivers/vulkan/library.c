// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finds Vulkan's functions by name; one that is missing is named. Also the words
// for what they return.
#include "library.h"

#if TERCET_HAVE_VULKAN
#include "../failure.h"
#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

typedef struct function {
  const char *name;
  size_t offset;
} function;

#define GLOBAL(name) {"vk" #name, offsetof(vulkan_library, name)},
#define INSTANCE(name) {"vk" #name, offsetof(vulkan_instance_functions, name)},
#define DEVICE(name) {"vk" #name, offsetof(vulkan_device_functions, name)},
static const function globals[] = {VULKAN_GLOBAL_FUNCTIONS(GLOBAL)};
static const function of_instance[] = {VULKAN_INSTANCE_FUNCTIONS(INSTANCE)};
static const function of_device[] = {VULKAN_DEVICE_FUNCTIONS(DEVICE)};

// Keeps a function where the table has it; 0 if it is NULL.
static int keep(void *table, const function *f, PFN_vkVoidFunction found) {
  memcpy((char *)table + f->offset, &found, sizeof found);
  return found != NULL;
}

static tercet_status lacks(tercet_error *error, const char *name) {
  return driver_fail(error, TERCET_ERROR_ENGINE_ABSENT,
                     "this Vulkan lacks %s; Vulkan 1.1 or later is needed", name);
}

tercet_status vulkan_library_load(const char *name, vulkan_library *library, tercet_error *error) {
  memset(library, 0, sizeof *library);
  library->handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!library->handle)
    return driver_fail(error, TERCET_ERROR_ENGINE_ABSENT, "no Vulkan loader: %s", dlerror());
  void *entry = dlsym(library->handle, "vkGetInstanceProcAddr");
  memcpy(&library->GetInstanceProcAddr, &entry, sizeof entry);
  const char *missing = entry ? NULL : "vkGetInstanceProcAddr";
  for (size_t i = 0; i < sizeof globals / sizeof *globals && !missing; ++i)
    if (!keep(library, &globals[i], library->GetInstanceProcAddr(NULL, globals[i].name)))
      missing = globals[i].name;
  if (!missing)
    return TERCET_OK;
  vulkan_library_unload(library);
  return lacks(error, missing);
}

void vulkan_library_unload(vulkan_library *library) {
  if (library->handle)
    dlclose(library->handle);
  memset(library, 0, sizeof *library);
}

tercet_status vulkan_library_instance(const vulkan_library *library, VkInstance instance,
                                      vulkan_instance_functions *functions, tercet_error *error) {
  for (size_t i = 0; i < sizeof of_instance / sizeof *of_instance; ++i)
    if (!keep(functions, &of_instance[i],
              library->GetInstanceProcAddr(instance, of_instance[i].name)))
      return lacks(error, of_instance[i].name);
#define OPTIONAL(name)                                                                             \
  functions->name = (PFN_vk##name)library->GetInstanceProcAddr(instance, "vk" #name);
  OPTIONAL(CreateDebugUtilsMessengerEXT)
  OPTIONAL(DestroyDebugUtilsMessengerEXT)
  OPTIONAL(GetPhysicalDeviceCalibrateableTimeDomainsEXT)
#undef OPTIONAL
  return TERCET_OK;
}

tercet_status vulkan_library_device(const vulkan_instance_functions *instance, VkDevice device,
                                    vulkan_device_functions *functions, tercet_error *error) {
  for (size_t i = 0; i < sizeof of_device / sizeof *of_device; ++i)
    if (!keep(functions, &of_device[i], instance->GetDeviceProcAddr(device, of_device[i].name)))
      return lacks(error, of_device[i].name);
#define OPTIONAL(member, core, extension)                                                          \
  functions->member = (PFN_vk##member)instance->GetDeviceProcAddr(device, core);                   \
  if (!functions->member && *(extension))                                                          \
    functions->member = (PFN_vk##member)instance->GetDeviceProcAddr(device, extension);
  VULKAN_OPTIONAL_FUNCTIONS(OPTIONAL)
#undef OPTIONAL
  return TERCET_OK;
}

static const char *result_name(int result) {
  switch (result) {
  case VK_TIMEOUT:
    return "VK_TIMEOUT";
  case VK_ERROR_OUT_OF_HOST_MEMORY:
    return "VK_ERROR_OUT_OF_HOST_MEMORY";
  case VK_ERROR_OUT_OF_DEVICE_MEMORY:
    return "VK_ERROR_OUT_OF_DEVICE_MEMORY";
  case VK_ERROR_INITIALIZATION_FAILED:
    return "VK_ERROR_INITIALIZATION_FAILED";
  case VK_ERROR_DEVICE_LOST:
    return "VK_ERROR_DEVICE_LOST";
  case VK_ERROR_MEMORY_MAP_FAILED:
    return "VK_ERROR_MEMORY_MAP_FAILED";
  case VK_ERROR_LAYER_NOT_PRESENT:
    return "VK_ERROR_LAYER_NOT_PRESENT";
  case VK_ERROR_EXTENSION_NOT_PRESENT:
    return "VK_ERROR_EXTENSION_NOT_PRESENT";
  case VK_ERROR_FEATURE_NOT_PRESENT:
    return "VK_ERROR_FEATURE_NOT_PRESENT";
  case VK_ERROR_INCOMPATIBLE_DRIVER:
    return "VK_ERROR_INCOMPATIBLE_DRIVER";
  case VK_ERROR_TOO_MANY_OBJECTS:
    return "VK_ERROR_TOO_MANY_OBJECTS";
  case VK_ERROR_INVALID_EXTERNAL_HANDLE:
    return "VK_ERROR_INVALID_EXTERNAL_HANDLE";
  default:
    return "an error";
  }
}

tercet_status vulkan_fail_result(tercet_error *error, tercet_status otherwise, const char *call,
                                 int result) {
  tercet_status status = result == VK_ERROR_DEVICE_LOST ? TERCET_ERROR_ENGINE_LOST
                         : result == VK_ERROR_OUT_OF_HOST_MEMORY ||
                                 result == VK_ERROR_OUT_OF_DEVICE_MEMORY ||
                                 result == VK_ERROR_TOO_MANY_OBJECTS
                             ? TERCET_ERROR_ENGINE_MEMORY
                             : otherwise;
  return driver_fail(error, status, "%s returned %s (%d)", call, result_name(result), result);
}

#endif // TERCET_HAVE_VULKAN

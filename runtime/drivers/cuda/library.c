// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finds the library's functions by name; one that is missing is named.
#include "library.h"
#include "../failure.h"
#include <dlfcn.h>
#include <string.h>

#define FUNCTION(field, symbol, parameters) {#symbol, offsetof(cuda_library, field)},
static const struct function {
  const char *name;
  size_t offset;
} functions[] = {CUDA_FUNCTIONS(FUNCTION)};

tercet_status cuda_library_load(const char *name, cuda_library *library, tercet_error *error) {
  memset(library, 0, sizeof *library);
  library->handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!library->handle)
    return driver_fail(error, TERCET_ERROR_ENGINE_ABSENT,
                       "no CUDA driver: %.120s; is NVIDIA's driver installed?", dlerror());
  for (size_t i = 0; i < sizeof functions / sizeof *functions; ++i) {
    void *function = dlsym(library->handle, functions[i].name);
    if (!function) {
      cuda_library_unload(library);
      return driver_fail(error, TERCET_ERROR_ENGINE_ABSENT,
                         "'%.80s' lacks %s; a driver for CUDA 11.4 or later is needed", name,
                         functions[i].name);
    }
    memcpy((char *)library + functions[i].offset, &function, sizeof function);
  }
  return TERCET_OK;
}

void cuda_library_unload(cuda_library *library) {
  if (library->handle)
    dlclose(library->handle);
  library->handle = NULL;
}

const char *cuda_library_explain(const cuda_library *library, cuda_result result, char *text,
                                 size_t bytes) {
  const char *name = NULL, *reason = NULL;
  if (library->error_name(result, &name) || !name)
    name = "error";
  if (library->error_text(result, &reason) || !reason)
    reason = "unknown";
  snprintf(text, bytes, "%s (%d): %s", name, (int)result, reason);
  return text;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finds the library's functions by name; one that is missing is named.
#include "fastrpc_library.h"
#include "../failure.h"
#include <dlfcn.h>
#include <string.h>

#define FUNCTION(name) {#name, offsetof(fastrpc_library, name)}
static const struct function {
  const char *name;
  size_t offset;
} functions[] = {FUNCTION(remote_session_control),
                 FUNCTION(remote_handle64_open),
                 FUNCTION(remote_handle64_close),
                 FUNCTION(remote_handle64_control),
                 FUNCTION(remote_handle64_invoke),
                 FUNCTION(rpcmem_alloc),
                 FUNCTION(rpcmem_free),
                 FUNCTION(rpcmem_to_fd),
                 FUNCTION(fastrpc_mmap),
                 FUNCTION(fastrpc_munmap),
                 FUNCTION(dspqueue_create),
                 FUNCTION(dspqueue_export),
                 FUNCTION(dspqueue_close),
                 FUNCTION(dspqueue_write),
                 FUNCTION(dspqueue_read)};

tercet_status fastrpc_library_load(const char *name, fastrpc_library *library,
                                   tercet_error *error) {
  memset(library, 0, sizeof *library);
  library->handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!library->handle)
    return driver_fail(error, TERCET_ERROR_ENGINE_ABSENT, "no FastRPC: %s", dlerror());
  for (size_t i = 0; i < sizeof functions / sizeof *functions; ++i) {
    void *function = dlsym(library->handle, functions[i].name);
    if (!function) {
      fastrpc_library_unload(library);
      return driver_fail(error, TERCET_ERROR_ENGINE_ABSENT,
                         "'%s' lacks %s; a chip from Snapdragon 888 on is needed", name,
                         functions[i].name);
    }
    memcpy((char *)library + functions[i].offset, &function, sizeof function);
  }
  return TERCET_OK;
}

void fastrpc_library_unload(fastrpc_library *library) {
  if (library->handle)
    dlclose(library->handle);
  library->handle = NULL;
}

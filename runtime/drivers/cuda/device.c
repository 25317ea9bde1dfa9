// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shared memory is mapped here and registered with CUDA, not allocated by it:
// what CUDA allocates is gone with its context, and a driver's shared memory has
// to outlive any failure. Kernels are looked at before they run: whether the
// device has room for their blocks and their shared memory.
#include "device.h"
#include "../failure.h"
#include "tercet/posix.h"
#include <stdlib.h>
#include <string.h>

tercet_status cuda_gpu_fail(const cuda_gpu *gpu, tercet_status status, const char *call,
                            cuda_result result, tercet_error *error) {
  char text[TERCET_ERROR_TEXT_BYTES];
  return driver_fail(error, status, "%s: %.150s", call,
                     cuda_library_explain(&gpu->library, result, text, sizeof text));
}

// ---- The device -------------------------------------------------------------

static int attribute(const cuda_gpu *gpu, cuda_device_attribute which) {
  int value = 0;
  return gpu->library.device_attribute(&value, which, gpu->device) ? 0 : value;
}

tercet_status cuda_gpu_find(cuda_gpu *gpu, const char *library, uint32_t device,
                            tercet_error *error) {
  tercet_status status = cuda_library_load(library, &gpu->library, error);
  if (status)
    return status;
  const cuda_library *cuda = &gpu->library;
  tercet_cuda_device_info *info = &gpu->info;
  *info = (tercet_cuda_device_info){.name = ""};
  int count = 0, version = 0;
  const char *call = "cuInit";
  cuda_result result = cuda->init(0);
  if (!result)
    call = "cuDeviceGetCount", result = cuda->device_count(&count);
  if (!result && device >= (uint32_t)count)
    return driver_fail(error, TERCET_ERROR_ENGINE_ABSENT,
                       "no GPU number %u: CUDA finds %d; CUDA_VISIBLE_DEVICES may hide some",
                       device, count);
  if (!result)
    call = "cuDeviceGet", result = cuda->device_get(&gpu->device, (int)device);
  if (!result)
    call = "cuDeviceGetName",
    result = cuda->device_name(info->name, (int)sizeof info->name, gpu->device);
  size_t bytes = 0;
  if (!result)
    call = "cuDeviceTotalMem", result = cuda->device_bytes(&bytes, gpu->device);
  if (!result)
    call = "cuDriverGetVersion", result = cuda->driver_version(&version);
  if (result)
    return cuda_gpu_fail(gpu, TERCET_ERROR_ENGINE_ABSENT, call, result, error);
  info->bytes = bytes;
  info->driver = (uint32_t)version;
  info->architecture =
      (uint32_t)(attribute(gpu, CUDA_DEVICE_MAJOR) * 10 + attribute(gpu, CUDA_DEVICE_MINOR));
  info->integrated = attribute(gpu, CUDA_DEVICE_INTEGRATED) != 0;
  info->processors = (uint32_t)attribute(gpu, CUDA_DEVICE_PROCESSORS);
  gpu->shared_limit = attribute(gpu, CUDA_DEVICE_SHARED_OF_BLOCK);
  for (int i = 0; i < 3; ++i) {
    gpu->grid_limit[i] = attribute(gpu, (cuda_device_attribute)(CUDA_DEVICE_GRID_X + i));
    gpu->block_limit[i] = attribute(gpu, (cuda_device_attribute)(CUDA_DEVICE_BLOCK_X + i));
  }
  if (!attribute(gpu, CUDA_DEVICE_HOST_REGISTER))
    return driver_fail(error, TERCET_ERROR_ENGINE_ABSENT,
                       "'%.60s' cannot map memory of the process (cuMemHostRegister); a Jetson "
                       "Xavier or a later one can",
                       info->name);
  return TERCET_OK;
}

// ---- Memory -----------------------------------------------------------------

// Gives a memory its place in the context.
static tercet_status map_memory(cuda_gpu *gpu, cuda_memory *m, tercet_error *error) {
  const cuda_library *cuda = &gpu->library;
  cuda_result result;
  const char *call = "cuMemAlloc";
  if (m->address) {
    call = "cuMemHostRegister";
    result = cuda->host_register(m->address, m->bytes, CUDA_REGISTER_MAPPED);
    if (result == CUDA_ALREADY_REGISTERED) // by a context that has failed
      result = CUDA_OK;
    if (!result)
      call = "cuMemHostGetDevicePointer",
      result = cuda->host_device_address(&m->device, m->address, 0);
  } else {
    result = cuda->memory_alloc(&m->device, m->bytes);
    if (!result)
      call = "cuMemsetD8Async", result = cuda->memory_set(m->device, 0, m->bytes, gpu->stream);
  }
  if (!result && m->device % m->alignment == 0)
    return TERCET_OK;
  if (!result)
    return driver_fail(error, TERCET_ERROR_ENGINE_MEMORY,
                       "%llu bytes are at 0x%llx on the GPU, not aligned to %u",
                       (unsigned long long)m->bytes, (unsigned long long)m->device, m->alignment);
  char text[TERCET_ERROR_TEXT_BYTES];
  return driver_fail(error, TERCET_ERROR_ENGINE_MEMORY, "no %llu bytes for the GPU: %s: %.120s",
                     (unsigned long long)m->bytes, call,
                     cuda_library_explain(cuda, result, text, sizeof text));
}

// A name for a memory of at least so many bytes, in whole pages.
static tercet_status name_memory(cuda_gpu *gpu, uint64_t bytes, uint32_t alignment, uint32_t *id,
                                 tercet_error *error) {
  *id = 0;
  while (*id < CUDA_MEMORIES && gpu->memories[*id].used)
    ++*id;
  if (*id == CUDA_MEMORIES || bytes > SIZE_MAX / 2)
    return driver_fail(error, TERCET_ERROR_ENGINE_MEMORY, "no %llu bytes for the GPU",
                       (unsigned long long)bytes);
  cuda_memory *m = &gpu->memories[*id];
  *m = (cuda_memory){.alignment = alignment ? alignment : 1, .used = 1};
  m->bytes = (bytes + TERCET_DRIVER_PAGE - 1) & ~(uint64_t)(TERCET_DRIVER_PAGE - 1);
  if (!m->bytes)
    m->bytes = TERCET_DRIVER_PAGE;
  return TERCET_OK;
}

tercet_status cuda_gpu_alloc(cuda_gpu *gpu, tercet_memory_kind kind, uint64_t bytes,
                             uint32_t alignment, uint32_t *id, tercet_error *error) {
  tercet_status status = name_memory(gpu, bytes, alignment, id, error);
  if (status)
    return status;
  cuda_memory *m = &gpu->memories[*id];
  if (kind == TERCET_MEMORY_SHARED && tercet_pages_map(m->bytes, &m->address))
    status = driver_fail(error, TERCET_ERROR_ENGINE_MEMORY, "no %llu bytes of memory",
                         (unsigned long long)bytes);
  if (!status)
    status = map_memory(gpu, m, error);
  if (status)
    cuda_gpu_free(gpu, *id);
  return status;
}

tercet_status cuda_gpu_import(cuda_gpu *gpu, void *address, uint64_t bytes, uint32_t *id,
                              tercet_error *error) {
  tercet_status status = name_memory(gpu, bytes, TERCET_DRIVER_PAGE, id, error);
  if (status)
    return status;
  cuda_memory *m = &gpu->memories[*id];
  m->address = address;
  m->imported = 1;
  status = map_memory(gpu, m, error);
  if (status)
    cuda_gpu_free(gpu, *id);
  return status;
}

void cuda_gpu_free(cuda_gpu *gpu, uint32_t id) {
  cuda_memory *m = &gpu->memories[id];
  if (m->device && m->address)
    gpu->library.host_unregister(m->address);
  else if (m->device)
    gpu->library.memory_free(m->device);
  if (m->address && !m->imported)
    tercet_pages_unmap(m->address, m->bytes);
  *m = (cuda_memory){0};
}

// ---- The context ------------------------------------------------------------

void cuda_gpu_end(cuda_gpu *gpu) {
  const cuda_library *cuda = &gpu->library;
  if (!gpu->context)
    return;
  // Failures are those of the context that goes: nothing to be done about them.
  int entered = !cuda->context_push(gpu->context);
  for (uint32_t i = 0; i < CUDA_MEMORIES; ++i) {
    cuda_memory *m = &gpu->memories[i];
    if (entered && m->device && m->address)
      cuda->host_unregister(m->address);
    m->device = 0;
  }
  if (entered)
    cuda_gpu_leave(gpu);
  cuda->context_destroy(gpu->context);
  gpu->context = NULL;
  gpu->stream = NULL;
  gpu->module = NULL;
}

tercet_status cuda_gpu_enter(cuda_gpu *gpu, tercet_error *error) {
  const cuda_library *cuda = &gpu->library;
  cuda_result result;
  if (gpu->context) {
    result = cuda->context_push(gpu->context);
    return result ? cuda_gpu_fail(gpu, TERCET_ERROR_ENGINE_LOST, "cuCtxPushCurrent", result, error)
                  : TERCET_OK;
  }
  result = cuda->context_create(&gpu->context, CUDA_CONTEXT_MAPS_HOST, gpu->device);
  if (result) {
    gpu->context = NULL;
    return cuda_gpu_fail(gpu, TERCET_ERROR_ENGINE_ABSENT, "cuCtxCreate", result, error);
  }
  tercet_status status = TERCET_OK;
  result = cuda->stream_create(&gpu->stream, CUDA_STREAM_OWN);
  if (result)
    status = cuda_gpu_fail(gpu, TERCET_ERROR_ENGINE_ABSENT, "cuStreamCreate", result, error);
  for (uint32_t i = 0; i < CUDA_MEMORIES && !status; ++i)
    if (gpu->memories[i].used)
      status = map_memory(gpu, &gpu->memories[i], error);
  if (status) {
    cuda_gpu_leave(gpu);
    cuda_gpu_end(gpu);
  }
  return status;
}

void cuda_gpu_leave(cuda_gpu *gpu) {
  cuda_context popped;
  gpu->library.context_pop(&popped);
}

void cuda_gpu_close(cuda_gpu *gpu) {
  if (!gpu->library.handle)
    return;
  cuda_gpu_end(gpu);
  for (uint32_t i = 0; i < CUDA_MEMORIES; ++i)
    cuda_gpu_free(gpu, i);
  free(gpu->functions);
  gpu->functions = NULL;
  cuda_library_unload(&gpu->library);
}

// ---- Code -------------------------------------------------------------------

static tercet_status find_kernel(cuda_gpu *gpu, uint32_t number, tercet_error *error) {
  const cuda_library *cuda = &gpu->library;
  const tercet_cuda_kernel *kernel = &gpu->image.kernels[number];
  const char *name = cuda_image_name(&gpu->image, kernel);
  cuda_function function;
  cuda_result result = cuda->module_function(&function, gpu->module, name);
  if (result)
    return driver_fail(error, TERCET_ERROR_ENGINE_IMAGE,
                       "the GPU's code has no kernel '%.80s' (error %d)", name, (int)result);
  int threads = 0, shared = 0;
  result = cuda->function_attribute(&threads, CUDA_FUNCTION_THREADS_OF_BLOCK, function);
  if (!result)
    result = cuda->function_attribute(&shared, CUDA_FUNCTION_STATIC_SHARED, function);
  if (!result && kernel->shared_bytes)
    result =
        kernel->shared_bytes > (uint32_t)gpu->shared_limit
            ? CUDA_INVALID_VALUE
            : cuda->function_set(function, CUDA_FUNCTION_DYNAMIC_SHARED, (int)kernel->shared_bytes);
  uint64_t wanted = (uint64_t)kernel->block[0] * kernel->block[1] * kernel->block[2];
  int fits = wanted <= (uint64_t)threads &&
             (uint64_t)shared + kernel->shared_bytes <= (uint64_t)gpu->shared_limit;
  for (int i = 0; i < 3; ++i)
    fits &= kernel->block[i] <= (uint32_t)gpu->block_limit[i];
  if (result || !fits)
    return driver_fail(error, TERCET_ERROR_ENGINE_IMAGE,
                       "kernel '%.50s' wants %llu threads and %llu bytes of shared memory a block; "
                       "'%.40s' has %d and %d for it",
                       name, (unsigned long long)wanted,
                       (unsigned long long)shared + kernel->shared_bytes, gpu->info.name, threads,
                       gpu->shared_limit);
  gpu->functions[number] = function;
  return TERCET_OK;
}

// The compiler's log in one line, as far as it fits.
static void first_line(const char *log, char *line, size_t bytes) {
  log += strspn(log, " \r\n\t");
  size_t length = strcspn(log, "\r\n");
  snprintf(line, bytes, "%.*s", (int)(length < bytes ? length : bytes - 1), log);
}

tercet_status cuda_gpu_load(cuda_gpu *gpu, tercet_error *error) {
  const tercet_cuda_code *code = cuda_image_code(&gpu->image, gpu->info.architecture);
  gpu->log[0] = 0;
  if (!code)
    return driver_fail(error, TERCET_ERROR_ENGINE_IMAGE,
                       "the GPU's image has no code for '%.60s' (sm_%u); its first is for sm_%u",
                       gpu->info.name, gpu->info.architecture, gpu->image.codes[0].architecture);
  cuda_jit_option options[4] = {CUDA_JIT_ERROR_LOG, CUDA_JIT_ERROR_LOG_BYTES, CUDA_JIT_INFO_LOG,
                                CUDA_JIT_INFO_LOG_BYTES};
  char remarks[1024] = "";
  void *values[4] = {gpu->log, (void *)(uintptr_t)sizeof gpu->log, remarks,
                     (void *)(uintptr_t)sizeof remarks};
  cuda_result result =
      gpu->library.module_load(&gpu->module, gpu->image.bytes + code->offset, 4, options, values);
  gpu->log[sizeof gpu->log - 1] = 0;
  if (result) {
    char line[110], text[TERCET_ERROR_TEXT_BYTES];
    gpu->module = NULL;
    first_line(gpu->log, line, sizeof line);
    return driver_fail(error, TERCET_ERROR_ENGINE_IMAGE, "code for sm_%u: %.*s%s%s",
                       code->architecture, *line ? 60 : 150,
                       cuda_library_explain(&gpu->library, result, text, sizeof text),
                       *line ? "; " : "", line);
  }
  uint32_t count = gpu->image.header->kernel_count;
  free(gpu->functions);
  gpu->functions = (cuda_function *)calloc(count ? count : 1, sizeof(cuda_function));
  if (!gpu->functions)
    return driver_fail(error, TERCET_ERROR_SYSTEM_MEMORY, "no memory for %u kernels", count);
  tercet_status status = TERCET_OK;
  for (uint32_t i = 0; i < count && !status; ++i)
    status = find_kernel(gpu, i, error);
  return status;
}

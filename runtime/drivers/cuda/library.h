// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The part of the CUDA driver API that the driver uses, declared by hand so that
// neither its headers nor its library are needed to build, and found at run time.
// Names, numbers and layouts are those of NVIDIA's "CUDA Driver API" reference;
// where a function has versions, the symbol names the one that is meant, which
// every library since CUDA 11.4 has.
#ifndef TERCET_DRIVERS_CUDA_LIBRARY_H
#define TERCET_DRIVERS_CUDA_LIBRARY_H

#include "tercet/runtime.h"

typedef int cuda_device;
typedef uint64_t cuda_address; // on the device
typedef struct cuda_context_tag *cuda_context;
typedef struct cuda_module_tag *cuda_module;
typedef struct cuda_function_tag *cuda_function;
typedef struct cuda_stream_tag *cuda_stream;
typedef struct cuda_event_tag *cuda_event;
typedef struct cuda_graph_tag *cuda_graph;
typedef struct cuda_graph_exec_tag *cuda_graph_exec;

// Results that the driver tells apart.
typedef enum cuda_result {
  CUDA_OK = 0,
  CUDA_INVALID_VALUE = 1,
  CUDA_OUT_OF_MEMORY = 2,
  CUDA_NO_DEVICE = 100,
  CUDA_NOT_FOUND = 500,
  CUDA_NOT_READY = 600,
  CUDA_ILLEGAL_ADDRESS = 700,
  CUDA_OUT_OF_RESOURCES = 701,
  CUDA_ALREADY_REGISTERED = 712
} cuda_result;

typedef enum cuda_device_attribute {
  CUDA_DEVICE_THREADS_OF_BLOCK = 1,
  CUDA_DEVICE_BLOCK_X = 2, // y and z follow
  CUDA_DEVICE_GRID_X = 5,  // y and z follow
  CUDA_DEVICE_PROCESSORS = 16,
  CUDA_DEVICE_INTEGRATED = 18,
  CUDA_DEVICE_MAJOR = 75,
  CUDA_DEVICE_MINOR = 76,
  CUDA_DEVICE_SHARED_OF_BLOCK = 97, // the most that a kernel may ask for
  CUDA_DEVICE_HOST_REGISTER = 99
} cuda_device_attribute;

typedef enum cuda_function_attribute {
  CUDA_FUNCTION_THREADS_OF_BLOCK = 0,
  CUDA_FUNCTION_STATIC_SHARED = 1,
  CUDA_FUNCTION_DYNAMIC_SHARED = 8 // may be set
} cuda_function_attribute;

typedef enum cuda_jit_option {
  CUDA_JIT_INFO_LOG = 3,
  CUDA_JIT_INFO_LOG_BYTES = 4,
  CUDA_JIT_ERROR_LOG = 5,
  CUDA_JIT_ERROR_LOG_BYTES = 6
} cuda_jit_option;

#define CUDA_CONTEXT_MAPS_HOST 8u
#define CUDA_REGISTER_MAPPED 3u  // portable, and for the device
#define CUDA_STREAM_OWN 1u       // does not wait for the default stream
#define CUDA_CAPTURE_OF_THREAD 1 // other threads of the process may do as they like

// Of the list that a launch takes in place of an array of parameters.
#define CUDA_LAUNCH_PARAMETERS ((void *)1)
#define CUDA_LAUNCH_PARAMETER_BYTES ((void *)2)
#define CUDA_LAUNCH_END ((void *)0)

// X(field, symbol, parameters)
#define CUDA_FUNCTIONS(X)                                                                          \
  X(init, cuInit, (unsigned flags))                                                                \
  X(driver_version, cuDriverGetVersion, (int *version))                                            \
  X(error_name, cuGetErrorName, (cuda_result result, const char **text))                           \
  X(error_text, cuGetErrorString, (cuda_result result, const char **text))                         \
  X(device_count, cuDeviceGetCount, (int *count))                                                  \
  X(device_get, cuDeviceGet, (cuda_device * device, int number))                                   \
  X(device_name, cuDeviceGetName, (char *text, int bytes, cuda_device device))                     \
  X(device_bytes, cuDeviceTotalMem_v2, (size_t *bytes, cuda_device device))                        \
  X(device_attribute, cuDeviceGetAttribute,                                                        \
    (int *value, cuda_device_attribute attribute, cuda_device device))                             \
  X(context_create, cuCtxCreate_v2, (cuda_context * context, unsigned flags, cuda_device device))  \
  X(context_destroy, cuCtxDestroy_v2, (cuda_context context))                                      \
  X(context_push, cuCtxPushCurrent_v2, (cuda_context context))                                     \
  X(context_pop, cuCtxPopCurrent_v2, (cuda_context * context))                                     \
  X(host_register, cuMemHostRegister_v2, (void *address, size_t bytes, unsigned flags))            \
  X(host_unregister, cuMemHostUnregister, (void *address))                                         \
  X(host_device_address, cuMemHostGetDevicePointer_v2,                                             \
    (cuda_address * result, void *address, unsigned flags))                                        \
  X(memory_alloc, cuMemAlloc_v2, (cuda_address * address, size_t bytes))                           \
  X(memory_free, cuMemFree_v2, (cuda_address address))                                             \
  X(memory_set, cuMemsetD8Async,                                                                   \
    (cuda_address address, unsigned char value, size_t bytes, cuda_stream stream))                 \
  X(memory_copy, cuMemcpyAsync,                                                                    \
    (cuda_address to, cuda_address from, size_t bytes, cuda_stream stream))                        \
  X(module_load, cuModuleLoadDataEx,                                                               \
    (cuda_module * module, const void *image, unsigned count, cuda_jit_option *options,            \
     void **values))                                                                               \
  X(module_unload, cuModuleUnload, (cuda_module module))                                           \
  X(module_function, cuModuleGetFunction,                                                          \
    (cuda_function * function, cuda_module module, const char *name))                              \
  X(function_attribute, cuFuncGetAttribute,                                                        \
    (int *value, cuda_function_attribute attribute, cuda_function function))                       \
  X(function_set, cuFuncSetAttribute,                                                              \
    (cuda_function function, cuda_function_attribute attribute, int value))                        \
  X(stream_create, cuStreamCreate, (cuda_stream * stream, unsigned flags))                         \
  X(stream_destroy, cuStreamDestroy_v2, (cuda_stream stream))                                      \
  X(event_create, cuEventCreate, (cuda_event * event, unsigned flags))                             \
  X(event_destroy, cuEventDestroy_v2, (cuda_event event))                                          \
  X(event_record, cuEventRecord, (cuda_event event, cuda_stream stream))                           \
  X(event_query, cuEventQuery, (cuda_event event))                                                 \
  X(event_elapsed, cuEventElapsedTime, (float *ms, cuda_event start, cuda_event end))              \
  X(capture_begin, cuStreamBeginCapture_v2, (cuda_stream stream, int mode))                        \
  X(capture_end, cuStreamEndCapture, (cuda_stream stream, cuda_graph * graph))                     \
  X(graph_instantiate, cuGraphInstantiateWithFlags,                                                \
    (cuda_graph_exec * exec, cuda_graph graph, unsigned long long flags))                          \
  X(graph_destroy, cuGraphDestroy, (cuda_graph graph))                                             \
  X(graph_launch, cuGraphLaunch, (cuda_graph_exec exec, cuda_stream stream))                       \
  X(launch, cuLaunchKernel,                                                                        \
    (cuda_function function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,  \
     unsigned block_y, unsigned block_z, unsigned shared_bytes, cuda_stream stream,                \
     void **parameters, void **extra))

typedef struct cuda_library {
  void *handle; // NULL: not loaded
#define CUDA_FIELD(field, symbol, parameters) cuda_result(*field) parameters;
  CUDA_FUNCTIONS(CUDA_FIELD)
#undef CUDA_FIELD
} cuda_library;

// Errors: ENGINE_ABSENT, with the library's or the missing function's name.
tercet_status cuda_library_load(const char *name, cuda_library *library, tercet_error *error);

void cuda_library_unload(cuda_library *library);

// The name of a result and what the library says of it, as
// "CUDA_ERROR_NO_DEVICE (100): no CUDA-capable device is detected".
const char *cuda_library_explain(const cuda_library *library, cuda_result result, char *text,
                                 size_t bytes);

#endif // TERCET_DRIVERS_CUDA_LIBRARY_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A stand-in for libcuda.so.1: the functions that the CUDA driver calls, with the
// checks that the real ones make, a thread in place of the GPU, and a machine for
// PTX (ptx/) that runs the image's kernels. Its addresses are not the CPU's, so
// that whoever mixes them is found out. A failed kernel leaves a context in which
// every call fails, as CUDA does. The control block is for the test. It is one file,
// because all of its functions work on the same few tables.
#include "fake_cuda.h"
#include "ptx/machine.h"
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <deque>
#include <mutex>
#include <set>
#include <thread>

extern "C" {
#include "../../runtime/drivers/cuda/library.h"

__attribute__((visibility("default"))) fake_cuda fake_control = {
    nullptr, 0, 0, 0, 1, 87, 1, uint64_t(1) << 30, 0, 0, 0, 0, 0, 0, 0, 0, 0};
}

using namespace tercet_test;
using Clock = std::chrono::steady_clock;

namespace {

enum : int { InvalidContext = 201, InvalidPtx = 218, NoBinary = 209, InvalidHandle = 400 };
constexpr uint64_t DeviceBias = uint64_t(1) << 46;
constexpr uint64_t PageBytes = 4096;

cuda_result failure(int code) { return static_cast<cuda_result>(code); }

struct Range {
  unsigned char *address;
  uint64_t bytes;
  cuda_context owner;
};

std::mutex mutex; // of everything
std::vector<Range> registered, allocated;
std::vector<cuda_context> contexts;
thread_local std::vector<cuda_context> current;
thread_local bool isDeviceThread = false;

bool fails(const char *name) {
  return fake_control.failing && std::strcmp(fake_control.failing, name) == 0;
}

// Where the device's memory is for the CPU; null: nowhere.
unsigned char *locate(uint64_t address, uint64_t bytes) {
  std::lock_guard<std::mutex> lock(mutex);
  for (const std::vector<Range> *ranges : {&registered, &allocated})
    for (const Range &range : *ranges) {
      uint64_t start = reinterpret_cast<uint64_t>(range.address) + DeviceBias;
      if (address >= start && address - start <= range.bytes &&
          bytes <= range.bytes - (address - start))
        return range.address + (address - start);
    }
  return nullptr;
}

} // namespace

struct cuda_event_tag {
  bool recorded = false, done = true;
  Clock::time_point time;
};

struct cuda_function_tag {
  const ptx::Kernel *kernel;
  int dynamicShared = 48 << 10;
};

struct cuda_module_tag {
  explicit cuda_module_tag(const char *text) : program(text) {}
  ptx::Program program;
  std::vector<std::unique_ptr<cuda_function_tag>> functions;
};

struct cuda_stream_tag {
  cuda_context context;
};

struct cuda_graph_tag {
  std::vector<std::function<int()>> jobs;
};

struct cuda_graph_exec_tag {
  std::vector<std::function<int()>> jobs;
};

struct cuda_context_tag {
  std::deque<std::function<int()>> jobs; // each gives a result
  std::condition_variable changed;
  std::thread thread;
  std::atomic<bool> stopping{false};
  int sticky = 0;
  std::vector<std::unique_ptr<cuda_event_tag>> events;
  std::vector<std::unique_ptr<cuda_module_tag>> modules;
  std::vector<std::unique_ptr<cuda_stream_tag>> streams;
  std::vector<std::unique_ptr<cuda_graph_exec_tag>> graphs;
  std::unique_ptr<cuda_graph_tag> captured; // while the stream is captured

  void serve() {
    isDeviceThread = true;
    std::unique_lock<std::mutex> lock(mutex);
    while (!stopping) {
      if (jobs.empty()) {
        changed.wait(lock);
        continue;
      }
      std::function<int()> job = jobs.front();
      lock.unlock();
      int result = job();
      lock.lock();
      if (result && !sticky)
        sticky = result;
      if (sticky)
        jobs.clear();
      else if (!jobs.empty())
        jobs.pop_front();
    }
  }

  cuda_result push(std::function<int()> job) {
    std::lock_guard<std::mutex> lock(mutex);
    if (captured) {
      captured->jobs.push_back(std::move(job));
      return CUDA_OK;
    }
    jobs.push_back(std::move(job));
    changed.notify_all();
    return CUDA_OK;
  }
};

namespace {

// The context of a call that needs one; its failure otherwise.
cuda_result enter(const char *name, cuda_context *context) {
  if (fails(name))
    return failure(fake_control.result);
  std::lock_guard<std::mutex> lock(mutex);
  if (current.empty() ||
      std::find(contexts.begin(), contexts.end(), current.back()) == contexts.end()) {
    ++fake_control.bad_calls;
    return failure(InvalidContext);
  }
  *context = current.back();
  return failure((*context)->sticky);
}

cuda_result bad(int code) {
  ++fake_control.bad_calls;
  return failure(code);
}

template <typename T> bool owns(const std::vector<std::unique_ptr<T>> &all, const T *one) {
  return std::any_of(all.begin(), all.end(), [&](const auto &each) { return each.get() == one; });
}

} // namespace

#define CONTEXT(name)                                                                              \
  cuda_context context = nullptr;                                                                  \
  if (cuda_result result = enter(name, &context))                                                  \
  return result

extern "C" {
#pragma GCC visibility push(default)

// ---- The device -------------------------------------------------------------

cuda_result cuInit(unsigned) { return failure(fails("cuInit") ? fake_control.result : 0); }

cuda_result cuDriverGetVersion(int *version) {
  *version = 12040;
  return failure(fails("cuDriverGetVersion") ? fake_control.result : 0);
}

cuda_result cuGetErrorName(cuda_result result, const char **text) {
  *text = result == CUDA_NO_DEVICE         ? "CUDA_ERROR_NO_DEVICE"
          : result == CUDA_OUT_OF_MEMORY   ? "CUDA_ERROR_OUT_OF_MEMORY"
          : result == CUDA_ILLEGAL_ADDRESS ? "CUDA_ERROR_ILLEGAL_ADDRESS"
                                           : nullptr;
  return *text ? CUDA_OK : CUDA_INVALID_VALUE;
}

cuda_result cuGetErrorString(cuda_result, const char **text) {
  *text = "so says the stand-in";
  return CUDA_OK;
}

cuda_result cuDeviceGetCount(int *count) {
  *count = fake_control.devices;
  return failure(fails("cuDeviceGetCount") ? fake_control.result : 0);
}

cuda_result cuDeviceGet(cuda_device *device, int number) {
  *device = number + 7; // a handle, not a number
  return failure(fails("cuDeviceGet") ? fake_control.result : 0);
}

cuda_result cuDeviceGetName(char *text, int bytes, cuda_device) {
  std::snprintf(text, size_t(bytes), "a stand-in");
  return failure(fails("cuDeviceGetName") ? fake_control.result : 0);
}

cuda_result cuDeviceTotalMem_v2(size_t *bytes, cuda_device) {
  *bytes = fake_control.memory_bytes;
  return failure(fails("cuDeviceTotalMem") ? fake_control.result : 0);
}

cuda_result cuDeviceGetAttribute(int *value, cuda_device_attribute attribute, cuda_device device) {
  static const std::map<int, int> values = {{CUDA_DEVICE_THREADS_OF_BLOCK, 1024},
                                            {2, 1024},
                                            {3, 1024},
                                            {4, 64},
                                            {5, 0x7FFFFFFF},
                                            {6, 65535},
                                            {7, 65535},
                                            {CUDA_DEVICE_PROCESSORS, 4},
                                            {CUDA_DEVICE_INTEGRATED, 1},
                                            {CUDA_DEVICE_SHARED_OF_BLOCK, 163 << 10}};
  if (device < 7)
    return bad(101);
  *value = attribute == CUDA_DEVICE_MAJOR           ? fake_control.architecture / 10
           : attribute == CUDA_DEVICE_MINOR         ? fake_control.architecture % 10
           : attribute == CUDA_DEVICE_HOST_REGISTER ? fake_control.registers_memory
                                                    : values.at(attribute);
  return CUDA_OK;
}

// ---- Contexts ---------------------------------------------------------------

cuda_result cuCtxCreate_v2(cuda_context *context, unsigned flags, cuda_device) {
  if (fails("cuCtxCreate"))
    return failure(fake_control.result);
  if (flags != CUDA_CONTEXT_MAPS_HOST)
    return bad(CUDA_INVALID_VALUE);
  *context = new cuda_context_tag;
  (*context)->thread = std::thread([c = *context] { c->serve(); });
  std::lock_guard<std::mutex> lock(mutex);
  contexts.push_back(*context);
  current.push_back(*context);
  ++fake_control.contexts;
  return CUDA_OK;
}

cuda_result cuCtxDestroy_v2(cuda_context context) {
  {
    std::lock_guard<std::mutex> lock(mutex);
    auto found = std::find(contexts.begin(), contexts.end(), context);
    if (found == contexts.end())
      return bad(InvalidContext);
    contexts.erase(found);
    context->stopping = true;
    context->changed.notify_all();
  }
  context->thread.join();
  std::lock_guard<std::mutex> lock(mutex);
  for (std::vector<Range> *ranges : {&registered, &allocated})
    for (size_t i = ranges->size(); i--;)
      if ((*ranges)[i].owner == context) {
        if (ranges == &allocated)
          std::free((*ranges)[i].address);
        --(ranges == &allocated ? fake_control.allocations : fake_control.registrations);
        ranges->erase(ranges->begin() + long(i));
      }
  fake_control.modules -= int(context->modules.size());
  --fake_control.contexts;
  delete context;
  return CUDA_OK;
}

cuda_result cuCtxPushCurrent_v2(cuda_context context) {
  if (fails("cuCtxPushCurrent"))
    return failure(fake_control.result);
  current.push_back(context);
  return CUDA_OK;
}

cuda_result cuCtxPopCurrent_v2(cuda_context *context) {
  if (current.empty())
    return bad(InvalidContext);
  *context = current.back();
  current.pop_back();
  return CUDA_OK;
}

// ---- Memory -----------------------------------------------------------------

cuda_result cuMemHostRegister_v2(void *address, size_t bytes, unsigned flags) {
  CONTEXT("cuMemHostRegister");
  if (reinterpret_cast<uint64_t>(address) % PageBytes || bytes % PageBytes ||
      flags != CUDA_REGISTER_MAPPED)
    return bad(CUDA_INVALID_VALUE);
  std::lock_guard<std::mutex> lock(mutex);
  for (const Range &range : registered)
    if (range.address == address)
      return CUDA_ALREADY_REGISTERED;
  registered.push_back({static_cast<unsigned char *>(address), bytes, context});
  ++fake_control.registrations;
  return CUDA_OK;
}

cuda_result cuMemHostUnregister(void *address) {
  CONTEXT("cuMemHostUnregister");
  std::lock_guard<std::mutex> lock(mutex);
  for (size_t i = 0; i < registered.size(); ++i)
    if (registered[i].address == address) {
      registered.erase(registered.begin() + long(i));
      --fake_control.registrations;
      return CUDA_OK;
    }
  return bad(713);
}

cuda_result cuMemHostGetDevicePointer_v2(cuda_address *result, void *address, unsigned) {
  CONTEXT("cuMemHostGetDevicePointer");
  *result = reinterpret_cast<uint64_t>(address) + DeviceBias;
  return locate(*result, 1) ? CUDA_OK : bad(CUDA_INVALID_VALUE);
}

cuda_result cuMemAlloc_v2(cuda_address *result, size_t bytes) {
  CONTEXT("cuMemAlloc");
  std::lock_guard<std::mutex> lock(mutex);
  auto *address = static_cast<unsigned char *>(std::aligned_alloc(PageBytes, bytes));
  if (!address)
    return CUDA_OUT_OF_MEMORY;
  std::memset(address, 0xCD, bytes);
  allocated.push_back({address, bytes, context});
  ++fake_control.allocations;
  *result = reinterpret_cast<uint64_t>(address) + DeviceBias;
  return CUDA_OK;
}

cuda_result cuMemFree_v2(cuda_address address) {
  CONTEXT("cuMemFree");
  std::lock_guard<std::mutex> lock(mutex);
  for (size_t i = 0; i < allocated.size(); ++i)
    if (reinterpret_cast<uint64_t>(allocated[i].address) + DeviceBias == address) {
      std::free(allocated[i].address);
      allocated.erase(allocated.begin() + long(i));
      --fake_control.allocations;
      return CUDA_OK;
    }
  return bad(CUDA_INVALID_VALUE);
}

cuda_result cuMemsetD8Async(cuda_address address, unsigned char value, size_t bytes,
                            cuda_stream stream) {
  CONTEXT("cuMemsetD8Async");
  if (!owns(context->streams, stream))
    return bad(InvalidHandle);
  return context->push([=]() -> int {
    unsigned char *at = locate(address, bytes);
    if (at)
      std::memset(at, value, bytes);
    return at ? 0 : CUDA_ILLEGAL_ADDRESS;
  });
}

cuda_result cuMemcpyAsync(cuda_address to, cuda_address from, size_t bytes, cuda_stream stream) {
  CONTEXT("cuMemcpyAsync");
  if (!owns(context->streams, stream))
    return bad(InvalidHandle);
  ++fake_control.copies;
  return context->push([=]() -> int {
    unsigned char *target = locate(to, bytes), *source = locate(from, bytes);
    if (!target || !source)
      return CUDA_ILLEGAL_ADDRESS;
    std::memmove(target, source, bytes);
    return 0;
  });
}

// ---- Code -------------------------------------------------------------------

cuda_result cuModuleLoadDataEx(cuda_module *module, const void *image, unsigned count,
                               cuda_jit_option *options, void **values) {
  CONTEXT("cuModuleLoadDataEx");
  char *log = nullptr;
  size_t bytes = 0;
  for (unsigned i = 0; i < count; ++i) {
    if (options[i] == CUDA_JIT_ERROR_LOG)
      log = static_cast<char *>(values[i]);
    if (options[i] == CUDA_JIT_ERROR_LOG_BYTES)
      bytes = reinterpret_cast<size_t>(values[i]);
  }
  if (std::memcmp(image,
                  "\x7F"
                  "ELF",
                  4) == 0)
    return failure(NoBinary);
  try {
    auto loaded = std::make_unique<cuda_module_tag>(static_cast<const char *>(image));
    if (loaded->program.module().target > fake_control.architecture)
      throw ptx::Error(0, "the target is newer than the device");
    std::lock_guard<std::mutex> lock(mutex);
    *module = loaded.get();
    context->modules.push_back(std::move(loaded));
    ++fake_control.modules;
    return CUDA_OK;
  } catch (const ptx::Error &error) {
    if (log)
      std::snprintf(log, bytes, "ptxas application ptx input, %s", error.what());
    return failure(InvalidPtx);
  }
}

cuda_result cuModuleUnload(cuda_module) { return bad(InvalidHandle); } // contexts do that

cuda_result cuModuleGetFunction(cuda_function *function, cuda_module module, const char *name) {
  CONTEXT("cuModuleGetFunction");
  if (!owns(context->modules, module))
    return bad(InvalidHandle);
  const ptx::Kernel *kernel = module->program.find(name);
  if (!kernel)
    return CUDA_NOT_FOUND;
  module->functions.push_back(std::make_unique<cuda_function_tag>());
  *function = module->functions.back().get();
  (*function)->kernel = kernel;
  return CUDA_OK;
}

cuda_result cuFuncGetAttribute(int *value, cuda_function_attribute attribute,
                               cuda_function function) {
  CONTEXT("cuFuncGetAttribute");
  *value = attribute == CUDA_FUNCTION_THREADS_OF_BLOCK
               ? int(ptx::entryOf(*function->kernel).maxThreads)
               : int(ptx::sharedBytesOf(*function->kernel));
  return CUDA_OK;
}

cuda_result cuFuncSetAttribute(cuda_function function, cuda_function_attribute attribute,
                               int value) {
  CONTEXT("cuFuncSetAttribute");
  if (attribute != CUDA_FUNCTION_DYNAMIC_SHARED)
    return bad(CUDA_INVALID_VALUE);
  function->dynamicShared = value;
  return CUDA_OK;
}

// ---- Streams and events -----------------------------------------------------

cuda_result cuStreamCreate(cuda_stream *stream, unsigned flags) {
  CONTEXT("cuStreamCreate");
  if (flags != CUDA_STREAM_OWN)
    return bad(CUDA_INVALID_VALUE);
  context->streams.push_back(std::make_unique<cuda_stream_tag>());
  *stream = context->streams.back().get();
  (*stream)->context = context;
  return CUDA_OK;
}

cuda_result cuStreamDestroy_v2(cuda_stream) { return bad(InvalidHandle); } // contexts do that

cuda_result cuEventCreate(cuda_event *event, unsigned flags) {
  CONTEXT("cuEventCreate");
  if (flags)
    return bad(CUDA_INVALID_VALUE);
  std::lock_guard<std::mutex> lock(mutex);
  context->events.push_back(std::make_unique<cuda_event_tag>());
  *event = context->events.back().get();
  return CUDA_OK;
}

cuda_result cuEventDestroy_v2(cuda_event) { return bad(InvalidHandle); } // contexts do that

cuda_result cuEventRecord(cuda_event event, cuda_stream stream) {
  CONTEXT("cuEventRecord");
  if (!owns(context->events, event) || !owns(context->streams, stream) || context->captured)
    return bad(InvalidHandle);
  {
    std::lock_guard<std::mutex> lock(mutex);
    event->recorded = true;
    event->done = false;
  }
  return context->push([=]() -> int {
    std::lock_guard<std::mutex> lock(mutex);
    event->done = true;
    event->time = Clock::now();
    return 0;
  });
}

cuda_result cuEventQuery(cuda_event event) {
  CONTEXT("cuEventQuery");
  std::lock_guard<std::mutex> lock(mutex);
  return event->done ? CUDA_OK : CUDA_NOT_READY;
}

cuda_result cuEventElapsedTime(float *ms, cuda_event start, cuda_event end) {
  CONTEXT("cuEventElapsedTime");
  std::lock_guard<std::mutex> lock(mutex);
  if (!start->recorded || !end->recorded || !start->done || !end->done)
    return bad(InvalidHandle);
  *ms = std::chrono::duration<float, std::milli>(end->time - start->time).count();
  return CUDA_OK;
}

// ---- Launches ---------------------------------------------------------------

cuda_result cuLaunchKernel(cuda_function function, unsigned grid_x, unsigned grid_y,
                           unsigned grid_z, unsigned block_x, unsigned block_y, unsigned block_z,
                           unsigned shared_bytes, cuda_stream stream, void **parameters,
                           void **extra) {
  CONTEXT("cuLaunchKernel");
  const ptx::Entry &entry = ptx::entryOf(*function->kernel);
  if (!owns(context->streams, stream) || parameters || extra[0] != CUDA_LAUNCH_PARAMETERS ||
      extra[2] != CUDA_LAUNCH_PARAMETER_BYTES || extra[4] != CUDA_LAUNCH_END)
    return bad(CUDA_INVALID_VALUE);
  const auto *bytes = static_cast<const unsigned char *>(extra[1]);
  size_t count = *static_cast<const size_t *>(extra[3]);
  const ptx::Parameter *last = entry.parameters.empty() ? nullptr : &entry.parameters.back();
  if (count != (last ? last->offset + last->bytes : 0) || !grid_x || !grid_y || !grid_z ||
      grid_y > 65535 || grid_z > 65535 || int(shared_bytes) > function->dynamicShared)
    return CUDA_INVALID_VALUE;
  if (block_x * block_y * block_z > entry.maxThreads)
    return CUDA_OUT_OF_RESOURCES;
  ++fake_control.launches;
  const ptx::Program *program = nullptr;
  for (const auto &module : context->modules)
    if (owns(module->functions, function))
      program = &module->program;
  if (!program)
    return bad(InvalidHandle);
  std::vector<unsigned char> values(bytes, bytes + count);
  return context->push([=]() -> int {
    while (fake_control.hangs && !context->stopping)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (fake_control.dies)
      return fake_control.dies;
    ptx::Launch launch;
    launch.grid = {grid_x, grid_y, grid_z};
    launch.block = {block_x, block_y, block_z};
    launch.dynamicShared = shared_bytes;
    launch.parameters = values.data();
    launch.stop = &context->stopping;
    launch.locate = [&](uint64_t address, uint64_t length) -> unsigned char * {
      return program->owns(address, length) ? reinterpret_cast<unsigned char *>(address)
                                            : locate(address, length);
    };
    try {
      ptx::run(*function->kernel, launch);
      return 0;
    } catch (const ptx::Fault &fault) {
      if (!context->stopping)
        std::fprintf(stderr, "fake_cuda: %s\n", fault.what());
      return fault.kind;
    }
  });
}

// ---- Graphs -----------------------------------------------------------------

cuda_result cuStreamBeginCapture_v2(cuda_stream stream, int mode) {
  CONTEXT("cuStreamBeginCapture");
  if (!owns(context->streams, stream) || mode != CUDA_CAPTURE_OF_THREAD || context->captured)
    return bad(InvalidHandle);
  context->captured = std::make_unique<cuda_graph_tag>();
  return CUDA_OK;
}

cuda_result cuStreamEndCapture(cuda_stream stream, cuda_graph *graph) {
  CONTEXT("cuStreamEndCapture");
  if (!owns(context->streams, stream) || !context->captured)
    return bad(InvalidHandle);
  *graph = context->captured.release();
  ++fake_control.graphs;
  return CUDA_OK;
}

cuda_result cuGraphInstantiateWithFlags(cuda_graph_exec *exec, cuda_graph graph,
                                        unsigned long long) {
  CONTEXT("cuGraphInstantiate");
  context->graphs.push_back(std::make_unique<cuda_graph_exec_tag>());
  *exec = context->graphs.back().get();
  (*exec)->jobs = graph->jobs;
  return CUDA_OK;
}

cuda_result cuGraphDestroy(cuda_graph graph) {
  delete graph;
  --fake_control.graphs;
  return CUDA_OK;
}

cuda_result cuGraphLaunch(cuda_graph_exec exec, cuda_stream stream) {
  CONTEXT("cuGraphLaunch");
  if (!owns(context->streams, stream) || !owns(context->graphs, exec))
    return bad(InvalidHandle);
  ++fake_control.graph_launches;
  for (const std::function<int()> &job : exec->jobs)
    context->push(job);
  return CUDA_OK;
}

#pragma GCC visibility pop
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Programs with a CPU and an NPU for tests: kernels of test/runtime/npu, slots
// of an arena that both reach, weights, and local memory for scratch. Also what
// opens one with a driver, in list order or with queues.
#ifndef TERCET_TEST_NPU_PROGRAM_H
#define TERCET_TEST_NPU_PROGRAM_H

#include "queue_program.h"
#include "tercet/driver.h"
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <memory>
#include <sys/wait.h>
#include <thread>

namespace tercet_test {

constexpr uint32_t READ = TERCET_ACCESS_READ, WRITE = TERCET_ACCESS_WRITE;

// As in npu/kernels.c.
enum Kernel : uint32_t { Add, Slow, Fault, Hang, Trap, Gather, Move, Divide, Block, Kernels };

inline std::vector<unsigned char> readFile(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

class NpuProgram : public QueueProgram {
public:
  static constexpr uint32_t Cpu = 0, Npu = 1, NpuSlot = 4096, Slots = 8;
  static constexpr uint32_t Arena = 0, Local = 1, Weights = 2; // pools
  static constexpr uint32_t Scratch = Slots, WeightsBuffer = Slots + 1;
  static constexpr uint32_t LocalBytes = 65536;

  explicit NpuProgram(std::vector<unsigned char> bytes, uint32_t workers = 2)
      : QueueProgram(2, Slots, /*maxWorkers=*/8), image(std::move(bytes)), values(4096) {
    makeNpu(Npu, image.data(), image.size(), workers);
    pools[Arena].bytes = uint64_t(Slots) * NpuSlot;
    for (uint32_t s = 0; s < Slots; ++s) {
      buffers[s].offset = uint64_t(s) * NpuSlot;
      buffers[s].bytes = NpuSlot;
    }
    pools.push_back({name("tcm"), TERCET_POOL_ARENA, LocalBytes, 128, 0, 1u << Npu});
    pools.push_back({name("weights"), TERCET_POOL_WEIGHTS, 4096, 64, 0, 3});
    buffers.push_back({Local, 0, 128, 0, 0, LocalBytes});
    buffers.push_back({Weights, 0, 64, 0, 0, 4096});
    weights.push_back({Weights, TERCET_WEIGHTS_EMBEDDED, 0, 4096, 0, 0, {}});
    for (int32_t i = 0; i < 1024; ++i)
      static_cast<int32_t *>(values.get())[i] = i * 7;
    program.embedded_weights = values.get();
    program.weights_bytes = 4096;
    for (const char *text :
         {"add", "slow", "fault", "hang", "trap", "gather", "move", "divide", "block"})
      npuKernel(Npu, text);
  }

  // Gives the last entry scalars of its own, each from -2^40 to 2^40.
  void scalarsOfEntry(uint32_t count) {
    entries.back().first_scalar = uint32_t(scalars.size());
    entries.back().scalar_count = count;
    for (uint32_t i = 0; i < count; ++i)
      scalars.push_back(
          {name("s" + std::to_string(i)), TERCET_NONE, -(int64_t(1) << 40), int64_t(1) << 40, 0});
  }

  // Lets a command of the last entry take these scalars of it.
  void take(uint32_t command, std::vector<uint32_t> which) {
    tercet_command_record &c = commands[entries.back().first_command + command];
    c.first_scalar = uint32_t(scalar_refs.size());
    c.scalar_count = uint32_t(which.size());
    for (uint32_t i : which)
      scalar_refs.push_back(entries.back().first_scalar + i);
  }

  // Weights of that size, which only the NPU addresses.
  void keepWeights(uint64_t bytes) {
    kept = std::make_unique<Memory>(bytes);
    for (uint64_t i = 0; i < bytes / 4; ++i)
      static_cast<int32_t *>(kept->get())[i] = int32_t(i * 7);
    pools[Weights].bytes = bytes;
    pools[Weights].engine_mask = 1u << Npu;
    buffers[WeightsBuffer].bytes = bytes;
    weights.back().bytes = bytes;
    program.embedded_weights = kept->get();
    program.weights_bytes = bytes;
  }

  void scratch(uint32_t command, uint64_t stride) {
    tercet_command_record &c = commands[entries.back().first_command + command];
    c.scratch_buffer = Scratch;
    c.scratch_stride = stride;
  }

  std::vector<unsigned char> image;

private:
  Memory values;
  std::unique_ptr<Memory> kept;
};

// Looks for what a test must not leave behind: processes, descriptors, shared
// memory with a name.
class NothingIsLeft {
public:
  NothingIsLeft() {
    std::thread([] {}).join(); // after which a sanitizer has its own
    descriptors = count("/proc/self/fd");
    shared = count("/dev/shm");
    threads = count("/proc/self/task");
  }
  void check() const {
    EXPECT_EQ(count("/proc/self/fd"), descriptors);
    EXPECT_EQ(count("/dev/shm"), shared);
    EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "a child is left";
    EXPECT_EQ(errno, ECHILD);
    // One that has been joined may be listed a moment longer.
    for (int i = 0; i < 200 && count("/proc/self/task") > threads; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_LE(count("/proc/self/task"), threads);
  }

  static long count(const char *folder) {
    std::error_code none;
    std::filesystem::directory_iterator entries(folder, none);
    return none ? 0 : std::distance(begin(entries), end(entries));
  }

private:
  long descriptors = 0, shared = 0, threads = 0;
};

// A context of such a program.
class NpuContext {
public:
  explicit NpuContext(QueueProgram &source) : memory(size(source.build())), program(source) {
    tercet_options options = {};
    options.features = TERCET_BIT(TERCET_FEATURE_SUBMIT_BIT);
    status = tercet_context_open(memory.get(), size(*source.built()), source.built(), &options,
                                 &context, &error);
  }
  ~NpuContext() {
    tercet_drivers_detach(context);
    tercet_context_close(context);
  }
  NpuContext(const NpuContext &) = delete;
  NpuContext &operator=(const NpuContext &) = delete;

  tercet_status attach(const tercet_driver &driver, uint64_t timeout_ns = 0) {
    uint64_t bytes = 0;
    tercet_drivers_bytes(context, &bytes);
    drivers = std::make_unique<Memory>(bytes);
    tercet_driver_binding binding = {NpuProgram::Npu, driver, timeout_ns};
    return status = tercet_drivers_attach(context, drivers->get(), bytes, &binding, 1);
  }

  tercet_status attachQueues(const tercet_queue_port *port) {
    uint64_t bytes = 0;
    tercet_queues_bytes(context, &bytes);
    queues = std::make_unique<Memory>(bytes);
    return tercet_queues_attach(context, queues->get(), bytes, port);
  }

  template <typename T> T *slot(uint32_t index) {
    tercet_operand_info info = {};
    // Any operand in the arena tells where that is.
    for (uint32_t e = 0; e < tercet_entry_count(context); ++e)
      for (uint32_t c = 0; c < program.entries[e].command_count; ++c)
        for (uint32_t o = 0; !tercet_operand_query(context, e, c, o, &info); ++o)
          if (program.buffers[info.buffer].pool == 0)
            return reinterpret_cast<T *>(static_cast<unsigned char *>(info.data) - info.offset -
                                         program.buffers[info.buffer].offset +
                                         program.buffers[index].offset);
    std::abort();
  }

  tercet_status run(uint32_t entry = 0) { return tercet_entry_run(context, entry); }
  std::string text() const { return tercet_context_error(context)->text; }

  Memory memory;
  QueueProgram &program;
  tercet_status status = TERCET_OK;
  tercet_error error = {};
  tercet_context *context = nullptr;

private:
  static uint64_t size(const tercet_program &program) {
    uint64_t bytes = 0;
    tercet_context_bytes(&program, &bytes, nullptr);
    return bytes;
  }
  std::unique_ptr<Memory> drivers, queues;
};

} // namespace tercet_test
#endif // TERCET_TEST_NPU_PROGRAM_H

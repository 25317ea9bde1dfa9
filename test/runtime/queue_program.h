// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Builds programs with several engines for the tests of queues: commands are
// added in list order, with kernels of the test's, operands that are ranges of
// one arena, and tokens by the command that they wait for. Also what is needed
// to open one with threads of the POSIX port.
#ifndef TERCET_TEST_QUEUE_PROGRAM_H
#define TERCET_TEST_QUEUE_PROGRAM_H

#include "tercet/posix.h"
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace tercet_test {

// Zeroed memory aligned to 64.
class Memory {
public:
  explicit Memory(size_t bytes) {
    if (posix_memalign(&data, 64, bytes ? bytes : 1))
      std::abort();
    std::memset(data, 0, bytes);
  }
  ~Memory() { std::free(data); }
  Memory(const Memory &) = delete;
  Memory &operator=(const Memory &) = delete;
  void *get() const { return data; }

private:
  void *data = nullptr;
};

struct Operand {
  uint32_t slot; // buffer: SlotBytes bytes of the arena
  uint32_t access;
};

class QueueProgram {
public:
  static constexpr uint32_t SlotBytes = 64;

  QueueProgram(uint32_t engineCount, uint32_t slotCount, uint32_t maxWorkers = 4)
      : slots(slotCount) {
    strings.push_back('\0');
    for (uint32_t e = 0; e < engineCount; ++e) {
      tercet_engine_record engine = {};
      engine.name = name("cpu" + std::to_string(e));
      engine.kind = TERCET_ENGINE_CPU;
      engines.push_back(engine);
    }
    uint64_t all = (uint64_t(1) << engineCount) - 1;
    pools.push_back({name("arena"), TERCET_POOL_ARENA, uint64_t(slots) * SlotBytes, 64, 0, all});
    for (uint32_t s = 0; s < slots; ++s)
      buffers.push_back({0, 0, 64, 0, uint64_t(s) * SlotBytes, SlotBytes});
    limits.max_workers = maxWorkers;
  }

  void beginEntry(const char *text) {
    tercet_entry_record entry = {};
    entry.name = name(text);
    entry.first_command = uint32_t(commands.size());
    entry.first_scalar = entry.scalar_count = 0;
    entries.push_back(entry);
  }

  // Adds a DISPATCH to the last entry and returns its index within it. `after`
  // are commands of the entry whose tokens it waits for.
  uint32_t dispatch(uint32_t engine, tercet_kernel_fn kernel, std::vector<Operand> operands,
                    std::vector<uint32_t> after = {}, uint32_t tiles = 1) {
    tercet_command_record c = empty(TERCET_COMMAND_DISPATCH, engine, operands, after);
    c.target = uint32_t(kernels.size());
    c.grid[0] = tiles;
    c.grid[1] = c.grid[2] = 1;
    c.grain = 1;
    kernels.push_back(kernel);
    kernel_records.push_back({name("k" + std::to_string(kernels.size())), engine, 4096, 0});
    return add(c);
  }

  uint32_t copy(uint32_t engine, uint32_t from, uint32_t to, std::vector<uint32_t> after = {}) {
    return add(empty(TERCET_COMMAND_COPY, engine,
                     {{from, TERCET_ACCESS_READ}, {to, TERCET_ACCESS_WRITE}}, after));
  }

  uint32_t wait(uint32_t engine, std::vector<uint32_t> after) {
    return add(empty(TERCET_COMMAND_WAIT, engine, {}, after));
  }

  // Numbers the tokens and lays the table out.
  const tercet_program &build() {
    waits.clear();
    for (tercet_entry_record &entry : entries) {
      for (uint32_t i = 0; i < entry.command_count; ++i)
        commands[entry.first_command + i].signal_token = TERCET_NONE;
      for (uint32_t i = 0; i < entry.command_count; ++i)
        for (uint32_t before : waits_for[entry.first_command + i])
          commands[entry.first_command + before].signal_token = 0;
      entry.token_count = 0;
      for (uint32_t i = 0; i < entry.command_count; ++i) {
        tercet_command_record &c = commands[entry.first_command + i];
        if (c.signal_token != TERCET_NONE)
          c.signal_token = entry.token_count++;
      }
      for (uint32_t i = 0; i < entry.command_count; ++i) {
        tercet_command_record &c = commands[entry.first_command + i];
        c.first_wait = uint32_t(waits.size());
        for (uint32_t before : waits_for[entry.first_command + i])
          waits.push_back(commands[entry.first_command + before].signal_token);
        c.wait_count = uint32_t(waits.size()) - c.first_wait;
      }
    }
    bytes.assign(sizeof(tercet_table_header), 0);
    records = 0;
    record(TERCET_RECORD_STRINGS, strings.data(), strings.size(), 1);
    record(TERCET_RECORD_ENGINES, engines.data(), engines.size(), sizeof engines[0]);
    record(TERCET_RECORD_POOLS, pools.data(), pools.size(), sizeof pools[0]);
    record(TERCET_RECORD_BUFFERS, buffers.data(), buffers.size(), sizeof buffers[0]);
    record(TERCET_RECORD_DIMS, dims.data(), dims.size(), sizeof(uint64_t));
    record(TERCET_RECORD_TENSORS, tensors.data(), tensors.size(), sizeof(tercet_tensor_record));
    record(TERCET_RECORD_ENTRIES, entries.data(), entries.size(), sizeof entries[0]);
    record(TERCET_RECORD_OPERANDS, operand_records.data(), operand_records.size(),
           sizeof(tercet_operand_record));
    record(TERCET_RECORD_WAITS, waits.data(), waits.size(), 4);
    record(TERCET_RECORD_COMMANDS, commands.data(), commands.size(), sizeof commands[0]);
    record(TERCET_RECORD_KERNELS, kernel_records.data(), kernel_records.size(),
           sizeof(tercet_kernel_record));
    record(TERCET_RECORD_PROFILE, profile.data(), profile.size(), sizeof profile[0]);
    record(TERCET_RECORD_SCALARS, scalars.data(), scalars.size(), sizeof(tercet_scalar_record));
    record(TERCET_RECORD_SCALAR_REFS, scalar_refs.data(), scalar_refs.size(), 4);
    record(TERCET_RECORD_WEIGHTS, weights.data(), weights.size(), sizeof(tercet_weights_record));
    record(TERCET_RECORD_LIMITS, &limits, 1, sizeof limits);
    tercet_table_header header = {};
    header.magic = TERCET_MAGIC_TABLE;
    header.major = TERCET_ABI_MAJOR;
    header.minor = TERCET_ABI_MINOR;
    header.features_required = features;
    header.total_bytes = bytes.size();
    header.record_count = records;
    std::memcpy(bytes.data(), &header, sizeof header);
    table.resize((bytes.size() + 15) / 16);
    std::memcpy(table.data(), bytes.data(), bytes.size());
    program.features_required = features;
    program.magic = TERCET_MAGIC_PROGRAM;
    program.major = TERCET_ABI_MAJOR;
    program.minor = TERCET_ABI_MINOR;
    program.table = table.data();
    program.table_bytes = bytes.size();
    program.kernels = kernels.data();
    program.kernel_count = uint32_t(kernels.size());
    return program;
  }

  // Adds a SUBMIT of that kernel, an element of kernel_records, to the last entry.
  uint32_t submit(uint32_t kernel, std::vector<Operand> operands, std::vector<uint32_t> after = {},
                  uint32_t tiles = 1) {
    tercet_command_record c =
        empty(TERCET_COMMAND_SUBMIT, kernel_records[kernel].engine, operands, after);
    c.target = kernel;
    c.grid[0] = tiles;
    c.grid[1] = c.grid[2] = 1;
    return add(c);
  }

  // A kernel of an engine that is no CPU, and what has it.
  uint32_t npuKernel(uint32_t engine, const std::string &text) {
    kernels.push_back(nullptr);
    kernel_records.push_back({name(text), engine, 4096, 0});
    return uint32_t(kernels.size()) - 1;
  }

  // Makes an engine one with a driver, whose image that is.
  void makeNpu(uint32_t engine, const void *image, uint64_t size, uint32_t workers) {
    engines[engine].kind = TERCET_ENGINE_NPU;
    engines[engine].isa = TERCET_ISA_HEXAGON;
    engines[engine].image_format = TERCET_IMAGE_ELF;
    engines[engine].image_bytes = size;
    engines[engine].workers = workers;
    program.images = image;
    program.images_bytes = size;
    features = TERCET_BIT(TERCET_FEATURE_SUBMIT_BIT);
  }

  const tercet_program *built() const { return &program; }
  uint64_t arenaBytes() const { return uint64_t(slots) * SlotBytes; }

  std::vector<tercet_engine_record> engines;
  std::vector<tercet_command_record> commands;
  std::vector<tercet_entry_record> entries;
  std::vector<tercet_tensor_record> tensors; // of entries, if a test gives them any
  std::vector<uint64_t> dims;
  std::vector<tercet_pool_record> pools;
  std::vector<tercet_buffer_record> buffers;
  std::vector<tercet_operand_record> operand_records;
  std::vector<tercet_kernel_record> kernel_records;
  std::vector<tercet_scalar_record> scalars;
  std::vector<uint32_t> scalar_refs;
  std::vector<tercet_weights_record> weights;
  std::vector<tercet_kernel_fn> kernels;
  uint64_t features = 0;
  tercet_program program = {};

  uint32_t name(const std::string &text) {
    uint32_t at = uint32_t(strings.size());
    strings.insert(strings.end(), text.c_str(), text.c_str() + text.size() + 1);
    return at;
  }

private:
  struct alignas(16) Line {
    unsigned char data[16];
  };

  tercet_command_record empty(tercet_opcode opcode, uint32_t engine,
                              const std::vector<Operand> &operands,
                              const std::vector<uint32_t> &after) {
    tercet_command_record c = {};
    c.opcode = opcode;
    c.engine = engine;
    c.target = c.scratch_buffer = c.signal_token = TERCET_NONE;
    c.profile_slot = uint32_t(profile.size());
    profile.push_back({name("node" + std::to_string(profile.size())), 0, 1000});
    c.first_operand = uint32_t(operand_records.size());
    c.operand_count = uint32_t(operands.size());
    for (const Operand &o : operands)
      operand_records.push_back({o.slot, o.access, 0, buffers[o.slot].bytes});
    waits_for.push_back(after);
    return c;
  }

  uint32_t add(const tercet_command_record &c) {
    commands.push_back(c);
    return entries.back().command_count++;
  }

  void record(uint32_t kind, const void *data, size_t count, size_t stride) {
    size_t size = count * stride, padded = (size + 7) / 8 * 8;
    tercet_record_header header = {kind, uint32_t(count), uint32_t(stride), uint32_t(padded)};
    auto *raw = reinterpret_cast<unsigned char *>(&header);
    bytes.insert(bytes.end(), raw, raw + sizeof header);
    auto *from = static_cast<const unsigned char *>(data);
    bytes.insert(bytes.end(), from, from + size);
    bytes.insert(bytes.end(), padded - size, 0);
    ++records;
  }

  uint32_t slots, records = 0;
  std::vector<char> strings;
  std::vector<uint32_t> waits;
  std::vector<std::vector<uint32_t>> waits_for; // per command, within its entry
  std::vector<tercet_profile_record> profile;
  tercet_limits_record limits = {1, 0, 4096};
  std::vector<unsigned char> bytes;
  std::vector<Line> table;
};

// A context of such a program with all its memory; attach() makes it
// concurrent.
class QueueRun {
public:
  explicit QueueRun(QueueProgram &source, uint32_t workers = 1)
      : arena(source.arenaBytes()), memory(size(source.build())) {
    tercet_options options = {};
    options.workers = workers;
    const tercet_program *program = source.built();
    status = tercet_context_open(memory.get(), size(*program), program, &options, &context, &error);
    if (!status)
      status = tercet_pool_bind(context, 0, arena.get(), source.arenaBytes());
  }
  ~QueueRun() {
    tercet_context_close(context);
    delete queue_memory;
  }
  QueueRun(const QueueRun &) = delete;
  QueueRun &operator=(const QueueRun &) = delete;

  tercet_status attach(const tercet_queue_port *port) {
    uint64_t bytes = 0;
    if (tercet_status failed = tercet_queues_bytes(context, &bytes))
      return failed;
    delete queue_memory;
    queue_memory = new Memory(bytes);
    return tercet_queues_attach(context, queue_memory->get(), bytes, port);
  }

  template <typename T> T *slot(uint32_t index) {
    return reinterpret_cast<T *>(static_cast<unsigned char *>(arena.get()) +
                                 size_t(index) * QueueProgram::SlotBytes);
  }

  Memory arena;
  Memory memory;
  tercet_status status = TERCET_OK;
  tercet_error error = {};
  tercet_context *context = nullptr;

private:
  static uint64_t size(const tercet_program &program) {
    uint64_t bytes = 0;
    tercet_context_bytes(&program, &bytes, nullptr);
    return bytes;
  }
  Memory *queue_memory = nullptr;
};

// Threads of the port: `workers` for each of `count` queues.
class Queues {
public:
  explicit Queues(std::vector<uint32_t> workers, uint32_t spin_ns = 0, int pin = 0) {
    tercet_queues_options options = {};
    options.count = uint32_t(workers.size());
    options.workers = workers.data();
    options.spin_ns = spin_ns;
    options.pin = pin;
    status = tercet_queues_start(&options, &queues);
  }
  ~Queues() { tercet_queues_stop(queues); }
  Queues(const Queues &) = delete;
  Queues &operator=(const Queues &) = delete;
  const tercet_queue_port *port() const { return tercet_queues_port(queues); }
  void placeCaller() const { tercet_queues_place_caller(queues); }

  tercet_status status;

private:
  tercet_queues *queues = nullptr;
};

} // namespace tercet_test
#endif // TERCET_TEST_QUEUE_PROGRAM_H

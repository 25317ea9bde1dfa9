// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Do the kernels keep to what their commands declare? Calls every kernel of a
// program (a shared library for this machine) by hand, with all memory poisoned
// but the declared operands: once with NaNs, once with another pattern, with
// the tiles in another order and on other workers. Nothing outside of the
// declared writes and the scratch may change, and the results of both runs must
// be equal, so that they depend on the declared reads alone and fill the
// declared writes. Weights are write-protected: a write there is a crash.
//
// usage: poison_run LIBRARY NAME [WEIGHTS]; ends with "N passed, N failed".

#include "runtime/include/tercet/abi.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <map>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace {
using Bytes = std::vector<unsigned char>;
constexpr size_t kGuard = 4096;
constexpr unsigned char kPoison[2] = {0xFF, 0x5A};

[[noreturn]] void fail(const std::string &text) {
  std::fprintf(stderr, "poison_run: error: %s\n", text.c_str());
  std::exit(1);
}

/// Pages, with a guard on both sides of `data`.
struct Memory {
  unsigned char *block = nullptr, *data = nullptr;
  size_t bytes = 0, all = 0;

  explicit Memory(size_t bytes = 0) : bytes(bytes) {
    all = (bytes + 2 * kGuard + 4095) / 4096 * 4096;
    void *pages = mmap(nullptr, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
      fail("out of memory");
    block = static_cast<unsigned char *>(pages);
    data = block + kGuard;
  }
};

struct Span {
  uint32_t space;
  uint64_t begin, bytes;
};

class Program {
public:
  Program(const tercet_program *program, const std::string &weightsFile);
  void run(const tercet_entry_record &entry);
  unsigned passed = 0, failed = 0;

private:
  template <typename T> const T *get(uint32_t kind, uint32_t i) const {
    auto it = records.find(kind);
    if (it == records.end() || i >= it->second.count)
      fail("index out of range; is the table right?");
    return reinterpret_cast<const T *>(it->second.data + size_t(i) * it->second.stride);
  }
  const tercet_command_record &command(uint32_t i) const {
    return *get<tercet_command_record>(TERCET_RECORD_COMMANDS, i);
  }
  const tercet_buffer_record &buffer(uint32_t i) const {
    return *get<tercet_buffer_record>(TERCET_RECORD_BUFFERS, i);
  }
  const tercet_pool_record &pool(uint32_t i) const {
    return *get<tercet_pool_record>(TERCET_RECORD_POOLS, i);
  }
  uint32_t count(uint32_t kind) const {
    auto it = records.find(kind);
    return it == records.end() ? 0 : it->second.count;
  }
  bool isWeights(uint32_t space) const {
    return space < count(TERCET_RECORD_POOLS) && pool(space).kind == TERCET_POOL_WEIGHTS;
  }
  Span span(uint32_t buffer, uint64_t offset, uint64_t bytes) const;
  std::string nodeOf(const tercet_command_record &c) const;
  void fillInputs(const tercet_entry_record &entry);
  void copy(const tercet_command_record &c);
  void dispatch(uint32_t index, const tercet_command_record &c);
  void check(uint32_t index, const tercet_command_record &c, const char *wrong) {
    ++(wrong ? failed : passed);
    if (wrong)
      std::printf("FAIL command %u, node '%s': %s\n", index, nodeOf(c).c_str(), wrong);
  }

  struct Record {
    const unsigned char *data;
    uint32_t count, stride;
  };
  const tercet_program *program;
  std::map<uint32_t, Record> records;
  /// By space: the contents so far, and what kernels get to see in each pass.
  std::map<uint32_t, Bytes> contents;
  std::map<uint32_t, Memory> memories[2];
};
} // namespace

Program::Program(const tercet_program *program, const std::string &weightsFile) : program(program) {
  auto *cursor = static_cast<const unsigned char *>(program->table);
  tercet_table_header header;
  std::memcpy(&header, cursor, sizeof header);
  cursor += sizeof header;
  for (uint32_t i = 0; i < header.record_count; ++i) {
    tercet_record_header record;
    std::memcpy(&record, cursor, sizeof record);
    records[record.kind & ~TERCET_RECORD_REQUIRED] = {cursor + sizeof record, record.count,
                                                      record.stride};
    cursor += sizeof record + record.bytes;
  }
  for (uint32_t p = 0; p < count(TERCET_RECORD_POOLS); ++p)
    if (pool(p).kind != TERCET_POOL_IO) {
      contents[p] = Bytes(pool(p).bytes);
      for (auto &memory : memories)
        memory[p] = Memory(pool(p).bytes);
    }
  for (uint32_t b = 0; b < count(TERCET_RECORD_BUFFERS); ++b)
    if (pool(buffer(b).pool).kind == TERCET_POOL_IO) {
      uint32_t space = count(TERCET_RECORD_POOLS) + b;
      contents[space] = Bytes(buffer(b).bytes);
      for (auto &memory : memories)
        memory[space] = Memory(buffer(b).bytes);
    }
  Bytes file;
  if (FILE *f = weightsFile.empty() ? nullptr : std::fopen(weightsFile.c_str(), "rb")) {
    struct stat info;
    fstat(fileno(f), &info);
    file.resize(info.st_size);
    if (std::fread(file.data(), 1, file.size(), f) != file.size())
      fail("cannot read the weights");
    std::fclose(f);
  }
  for (uint32_t w = 0; w < count(TERCET_RECORD_WEIGHTS); ++w) {
    auto *weights = get<tercet_weights_record>(TERCET_RECORD_WEIGHTS, w);
    bool isEmbedded = weights->place == TERCET_WEIGHTS_EMBEDDED;
    if (!isEmbedded && file.size() < weights->offset + weights->bytes)
      fail("the program needs its weights");
    const unsigned char *from =
        isEmbedded ? static_cast<const unsigned char *>(program->embedded_weights) : file.data();
    std::memcpy(contents[weights->pool].data(), from + weights->offset, weights->bytes);
    for (int pass = 0; pass < 2; ++pass) {
      Memory &pages = memories[pass][weights->pool];
      std::memset(pages.block, kPoison[pass], pages.all);
    }
  }
}

Span Program::span(uint32_t b, uint64_t offset, uint64_t bytes) const {
  if (pool(buffer(b).pool).kind == TERCET_POOL_IO)
    return {count(TERCET_RECORD_POOLS) + b, offset, bytes};
  return {buffer(b).pool, buffer(b).offset + offset, bytes};
}

std::string Program::nodeOf(const tercet_command_record &c) const {
  if (c.profile_slot == TERCET_NONE)
    return "";
  return reinterpret_cast<const char *>(records.at(TERCET_RECORD_STRINGS).data) +
         get<tercet_profile_record>(TERCET_RECORD_PROFILE, c.profile_slot)->name;
}

/// Small numbers, which are right as indices and masks too.
void Program::fillInputs(const tercet_entry_record &entry) {
  uint32_t state = 1;
  for (uint32_t i = 0; i < entry.input_count; ++i) {
    auto *tensor = get<tercet_tensor_record>(TERCET_RECORD_TENSORS, entry.first_input + i);
    Span place = span(tensor->buffer, 0, tensor->bytes);
    unsigned char *data = contents[place.space].data() + place.begin;
    uint32_t bits = TERCET_ELEMENT_BITS(tensor->element);
    for (uint64_t e = 0; bits >= 8 && e < tensor->bytes / (bits / 8); ++e) {
      state = state * 1664525 + 1013904223;
      float value = float(state >> 8) / (1 << 23) - 1;
      double wide = value;
      if (tensor->element == TERCET_ELEMENT_F32)
        std::memcpy(data + 4 * e, &value, 4);
      else if (tensor->element == TERCET_ELEMENT_F64)
        std::memcpy(data + 8 * e, &wide, 8);
      else if (tensor->element == TERCET_ELEMENT_F16) // 1 to 2
        data[2 * e] = state >> 24, data[2 * e + 1] = 0x3C | (state >> 16 & 3);
      else
        data[e * (bits / 8)] = state >> 31;
    }
  }
}

void Program::copy(const tercet_command_record &c) {
  auto *from = get<tercet_operand_record>(TERCET_RECORD_OPERANDS, c.first_operand);
  auto *to = get<tercet_operand_record>(TERCET_RECORD_OPERANDS, c.first_operand + 1);
  Span source = span(from->buffer, from->offset, from->bytes);
  Span target = span(to->buffer, to->offset, to->bytes);
  tercet_copy_record record = {from->bytes, {1, 1}, {0, 0}, {0, 0}};
  if (c.target != TERCET_NONE)
    record = *get<tercet_copy_record>(TERCET_RECORD_COPIES, c.target);
  for (uint64_t i = 0; i < record.count[0]; ++i)
    for (uint64_t j = 0; j < record.count[1]; ++j)
      std::memcpy(contents[target.space].data() + target.begin + i * record.destination_stride[0] +
                      j * record.destination_stride[1],
                  contents[source.space].data() + source.begin + i * record.source_stride[0] +
                      j * record.source_stride[1],
                  record.run_bytes);
}

void Program::dispatch(uint32_t index, const tercet_command_record &c) {
  uint32_t workers = get<tercet_limits_record>(TERCET_RECORD_LIMITS, 0)->max_workers;
  std::vector<Span> places, reads, writes;
  for (uint32_t i = 0; i < c.operand_count; ++i) {
    auto *operand = get<tercet_operand_record>(TERCET_RECORD_OPERANDS, c.first_operand + i);
    Span place = span(operand->buffer, operand->offset, operand->bytes);
    places.push_back(place);
    if (operand->access & TERCET_ACCESS_READ)
      reads.push_back(place);
    if (operand->access & TERCET_ACCESS_WRITE)
      writes.push_back(place);
  }
  std::vector<int64_t> scalars;
  for (uint32_t i = 0; i < c.scalar_count; ++i)
    scalars.push_back(
        get<tercet_scalar_record>(TERCET_RECORD_SCALARS,
                                  *get<uint32_t>(TERCET_RECORD_SCALAR_REFS, c.first_scalar + i))
            ->min);
  Bytes results[2];
  const char *wrong = nullptr;
  for (int pass = 0; pass < 2; ++pass) {
    std::map<uint32_t, Memory> &memory = memories[pass];
    std::vector<void *> addresses;
    for (const Span &place : places)
      addresses.push_back(memory[place.space].data + place.begin);
    for (auto &[space, pages] : memory) {
      if (isWeights(space))
        mprotect(pages.block, pages.all, PROT_READ | PROT_WRITE);
      else
        std::memset(pages.block, kPoison[pass], pages.all);
    }
    for (const Span &read : reads)
      std::memcpy(memory[read.space].data + read.begin, contents[read.space].data() + read.begin,
                  read.bytes);
    // What is allowed to be there afterwards.
    std::map<uint32_t, Bytes> expected;
    for (auto &[space, pages] : memory) {
      if (isWeights(space))
        mprotect(pages.block, pages.all, PROT_READ);
      else
        expected[space] = Bytes(pages.block, pages.block + pages.all);
    }
    uint32_t fault = 0;
    tercet_kernel_args arguments = {addresses.data(), scalars.data(), nullptr, c.scratch_stride,
                                    &fault};
    Span scratch = {0, 0, 0};
    if (c.scratch_buffer != TERCET_NONE) {
      scratch = span(c.scratch_buffer, 0, c.scratch_stride * workers);
      arguments.scratch = memory[scratch.space].data + scratch.begin;
    }
    uint64_t tiles = uint64_t(c.grid[0]) * c.grid[1] * c.grid[2];
    for (uint64_t t = 0; t < tiles; ++t) {
      uint64_t tile = pass ? tiles - 1 - t : t;
      program->kernels[c.target](&arguments, tile % c.grid[0], tile / c.grid[0] % c.grid[1],
                                 tile / c.grid[0] / c.grid[1], (tile + pass) % workers);
    }
    for (const Span &write : writes) {
      const unsigned char *data = memory[write.space].data + write.begin;
      results[pass].insert(results[pass].end(), data, data + write.bytes);
      std::memcpy(expected[write.space].data() + kGuard + write.begin, data, write.bytes);
    }
    if (scratch.bytes)
      std::memcpy(expected[scratch.space].data() + kGuard + scratch.begin, arguments.scratch,
                  scratch.bytes);
    for (auto &[space, bytes] : expected)
      if (std::memcmp(bytes.data(), memory[space].block, bytes.size()))
        wrong = "changes bytes that it does not declare";
    for (const Span &read : reads)
      if (isWeights(read.space)) {
        Memory &pages = memory[read.space];
        mprotect(pages.block, pages.all, PROT_READ | PROT_WRITE);
        std::memset(pages.data + read.begin, kPoison[pass], read.bytes);
      }
  }
  if (!wrong && results[0] != results[1])
    wrong = "its result depends on bytes that it does not declare to read, or does not fill those "
            "that it declares to write";
  check(index, c, wrong);
  size_t at = 0;
  for (const Span &write : writes) {
    std::memcpy(contents[write.space].data() + write.begin, results[0].data() + at, write.bytes);
    at += write.bytes;
  }
}

void Program::run(const tercet_entry_record &entry) {
  fillInputs(entry);
  for (uint32_t i = 0; i < entry.command_count; ++i) {
    const tercet_command_record &c = command(entry.first_command + i);
    if (c.opcode == TERCET_COMMAND_COPY)
      copy(c);
    else if (c.opcode == TERCET_COMMAND_DISPATCH)
      dispatch(i, c);
  }
}

int main(int argc, char **argv) {
  if (argc < 3)
    fail("usage: poison_run LIBRARY NAME [WEIGHTS]");
  void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (!library)
    fail(dlerror());
  std::string symbol = std::string("tercet_") + argv[2];
  auto *descriptor = static_cast<const tercet_program *>(dlsym(library, symbol.c_str()));
  if (!descriptor || descriptor->magic != TERCET_MAGIC_PROGRAM)
    fail("no program '" + symbol + "'");
  Program program(descriptor, argc > 3 ? argv[3] : "");
  const auto *table = static_cast<const unsigned char *>(descriptor->table);
  tercet_table_header header;
  std::memcpy(&header, table, sizeof header);
  const unsigned char *cursor = table + sizeof header;
  for (uint32_t i = 0; i < header.record_count; ++i) {
    tercet_record_header record;
    std::memcpy(&record, cursor, sizeof record);
    cursor += sizeof record;
    if ((record.kind & ~TERCET_RECORD_REQUIRED) == TERCET_RECORD_ENTRIES)
      for (uint32_t e = 0; e < record.count; ++e)
        program.run(
            *reinterpret_cast<const tercet_entry_record *>(cursor + size_t(e) * record.stride));
    cursor += record.bytes;
  }
  std::printf("%u passed, %u failed\n", program.passed, program.failed);
  return program.failed != 0;
}

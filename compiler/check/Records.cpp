// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rules of abi.h, record by record. Sums and products of the table's numbers
// are compared without ever being formed where they could overflow.

#include "compiler/check/Records.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace tercet;
using namespace tercet::check;
using llvm::Twine;

namespace {
constexpr size_t kMaxEngines = 64, kMaxPools = 64;
constexpr uint32_t kMaxRank = 16;
// Above this an address space of 64 bits cannot hold a pool.
constexpr uint64_t kMaxBytes = uint64_t(1) << 62;

bool isWithin(uint64_t offset, uint64_t bytes, uint64_t end) {
  return offset <= end && bytes <= end - offset;
}

// ---- References -------------------------------------------------------------

class References {
public:
  References(const Table &table, Findings &findings) : table(table), findings(findings) {}

  void index(const char *record, size_t i, const char *field, uint64_t value, size_t end,
             const char *target) {
    if (value >= end)
      findings.add(Twine(record) + "[" + Twine(i) + "]: " + field + " is " + Twine(value) + ", " +
                   target + " has " + Twine(end) + " elements");
  }
  void optional(const char *record, size_t i, const char *field, uint32_t value, size_t end,
                const char *target) {
    if (value != TERCET_NONE)
      index(record, i, field, value, end, target);
  }
  void range(const char *record, size_t i, const char *field, uint64_t first, uint64_t count,
             size_t end, const char *target) {
    if (first + count > end)
      findings.add(Twine(record) + "[" + Twine(i) + "]: " + field + " are " + Twine(count) +
                   " from " + Twine(first) + " on, " + target + " has " + Twine(end) + " elements");
  }
  template <typename T> void names(const char *record, const std::vector<T> &elements) {
    for (auto [i, element] : llvm::enumerate(elements))
      index(record, i, "name", element.name, table.strings.size(), "STRINGS");
  }
  void all();
  void commands();

private:
  const Table &table;
  Findings &findings;
};
} // namespace

void References::commands() {
  for (auto [i, command] : llvm::enumerate(table.commands)) {
    index("COMMANDS", i, "engine", command.engine, table.engines.size(), "ENGINES");
    optional("COMMANDS", i, "profile_slot", command.profile_slot, table.profile.size(), "PROFILE");
    optional("COMMANDS", i, "scratch_buffer", command.scratch_buffer, table.buffers.size(),
             "BUFFERS");
    range("COMMANDS", i, "operands", command.first_operand, command.operand_count,
          table.operands.size(), "OPERANDS");
    range("COMMANDS", i, "scalars", command.first_scalar, command.scalar_count,
          table.scalarRefs.size(), "SCALAR_REFS");
    range("COMMANDS", i, "waits", command.first_wait, command.wait_count, table.waits.size(),
          "WAITS");
  }
}

void References::all() {
  names("ENGINES", table.engines);
  names("POOLS", table.pools);
  names("TENSORS", table.tensors);
  names("SCALARS", table.scalars);
  names("ENTRIES", table.entries);
  names("KERNELS", table.kernels);
  names("PROFILE", table.profile);
  for (auto [i, buffer] : llvm::enumerate(table.buffers))
    index("BUFFERS", i, "pool", buffer.pool, table.pools.size(), "POOLS");
  for (auto [i, weights] : llvm::enumerate(table.weights))
    index("WEIGHTS", i, "pool", weights.pool, table.pools.size(), "POOLS");
  for (auto [i, tensor] : llvm::enumerate(table.tensors)) {
    index("TENSORS", i, "buffer", tensor.buffer, table.buffers.size(), "BUFFERS");
    range("TENSORS", i, "dims", tensor.first_dim, tensor.rank, table.dims.size(), "DIMS");
  }
  for (auto [i, operand] : llvm::enumerate(table.operands))
    index("OPERANDS", i, "buffer", operand.buffer, table.buffers.size(), "BUFFERS");
  for (auto [i, kernel] : llvm::enumerate(table.kernels))
    index("KERNELS", i, "engine", kernel.engine, table.engines.size(), "ENGINES");
  for (auto [i, scalar] : llvm::enumerate(table.scalarRefs))
    index("SCALAR_REFS", i, "scalar", scalar, table.scalars.size(), "SCALARS");
  for (auto [i, scalar] : llvm::enumerate(table.scalars))
    optional("SCALARS", i, "addend", scalar.addend, table.scalars.size(), "SCALARS");
  for (auto [i, entry] : llvm::enumerate(table.entries)) {
    range("ENTRIES", i, "inputs", entry.first_input, entry.input_count, table.tensors.size(),
          "TENSORS");
    range("ENTRIES", i, "outputs", entry.first_output, entry.output_count, table.tensors.size(),
          "TENSORS");
    range("ENTRIES", i, "scalars", entry.first_scalar, entry.scalar_count, table.scalars.size(),
          "SCALARS");
    range("ENTRIES", i, "commands", entry.first_command, entry.command_count, table.commands.size(),
          "COMMANDS");
  }
  commands();
}

bool check::checkReferences(const Table &table, Findings &findings) {
  uint64_t before = findings.getCount();
  References(table, findings).all();
  return findings.getCount() == before;
}

// ---- Contents ---------------------------------------------------------------

namespace {
class Contents {
public:
  Contents(const Table &table, Findings &findings)
      : table(table), findings(findings), bindings(table.pools.size()),
        weightsOf(table.pools.size()) {}
  void all();

private:
  void problem(const char *record, size_t i, const Twine &text) {
    findings.add(Twine(record) + "[" + Twine(i) + "]: " + text);
  }
  void buffer(size_t i, const tercet_buffer_record &buffer);
  void pool(size_t i, const tercet_pool_record &pool);
  void weights(size_t i, const tercet_weights_record &weights);
  void tensor(size_t i, const tercet_tensor_record &tensor);
  void operand(size_t i, const tercet_operand_record &operand);
  void copy(size_t i, const tercet_copy_record &copy);
  void machine();

  const Table &table;
  Findings &findings;
  std::vector<uint64_t> bindings; // buffers seen of each IO pool
  std::vector<unsigned> weightsOf;
};
} // namespace

void Contents::buffer(size_t i, const tercet_buffer_record &buffer) {
  const tercet_pool_record &pool = table.pools[buffer.pool];
  std::string where = " of pool '" + table.name(pool.name) + "'";
  if (!llvm::isPowerOf2_32(buffer.alignment) || buffer.alignment > pool.alignment)
    problem("BUFFERS", i,
            "alignment " + Twine(buffer.alignment) +
                ", expected a power of two that is not above the " + Twine(pool.alignment) + where);
  if (buffer.bytes > kMaxBytes)
    problem("BUFFERS", i, Twine(buffer.bytes) + " bytes are more than an address space holds");
  if (pool.kind == TERCET_POOL_IO) {
    uint64_t rank = bindings[buffer.pool]++;
    if (buffer.offset != rank)
      problem("BUFFERS", i,
              "binding index " + Twine(buffer.offset) + ", but it is buffer " + Twine(rank) +
                  where);
    return;
  }
  if (buffer.alignment && buffer.offset % buffer.alignment)
    problem("BUFFERS", i,
            "offset " + Twine(buffer.offset) + " is no multiple of its alignment " +
                Twine(buffer.alignment));
  if (!isWithin(buffer.offset, buffer.bytes, pool.bytes))
    problem("BUFFERS", i,
            Twine(buffer.bytes) + " bytes at offset " + Twine(buffer.offset) + " exceed the " +
                Twine(pool.bytes) + " bytes" + where);
}

void Contents::pool(size_t i, const tercet_pool_record &pool) {
  if (!llvm::isPowerOf2_32(pool.alignment))
    problem("POOLS", i, "alignment " + Twine(pool.alignment) + " is no power of two");
  if (pool.bytes > kMaxBytes)
    problem("POOLS", i, Twine(pool.bytes) + " bytes are more than an address space holds");
  switch (pool.kind) {
  case TERCET_POOL_ARENA:
  case TERCET_POOL_STATE:
    return;
  case TERCET_POOL_WEIGHTS:
    if (weightsOf[i] != 1)
      problem("POOLS", i,
              "a pool of weights with " + Twine(weightsOf[i]) + " WEIGHTS records, expected one");
    return;
  case TERCET_POOL_IO:
    if (pool.bytes != bindings[i])
      problem("POOLS", i,
              Twine(pool.bytes) + " bindings, but it has " + Twine(bindings[i]) + " buffers");
    return;
  default:
    problem("POOLS", i, "unknown kind " + Twine(pool.kind));
  }
}

void Contents::weights(size_t i, const tercet_weights_record &weights) {
  const tercet_pool_record &pool = table.pools[weights.pool];
  ++weightsOf[weights.pool];
  if (pool.kind != TERCET_POOL_WEIGHTS)
    problem("WEIGHTS", i, "pool '" + table.name(pool.name) + "' is not one of weights");
  if (weights.bytes != pool.bytes)
    problem("WEIGHTS", i,
            Twine(weights.bytes) + " bytes for a pool of " + Twine(pool.bytes) + " bytes");
  if (pool.alignment && weights.offset % pool.alignment)
    problem("WEIGHTS", i,
            "offset " + Twine(weights.offset) + " is no multiple of the pool's alignment " +
                Twine(pool.alignment));
  if (!isWithin(weights.offset, weights.bytes, kMaxBytes))
    problem("WEIGHTS", i, "offset " + Twine(weights.offset) + " is beyond any file");
  if (weights.place != TERCET_WEIGHTS_EMBEDDED && weights.place != TERCET_WEIGHTS_FILE)
    problem("WEIGHTS", i, "unknown place " + Twine(weights.place));
}

void Contents::tensor(size_t i, const tercet_tensor_record &tensor) {
  if (tensor.rank > kMaxRank)
    return problem("TENSORS", i, "rank " + Twine(tensor.rank) + " is above " + Twine(kMaxRank));
  uint64_t bits = TERCET_ELEMENT_BITS(tensor.element);
  bool isKnown = bits != 0;
  for (uint32_t d = 0; d < tensor.rank; ++d) {
    bool overflows = false;
    bits = llvm::SaturatingMultiply(bits, table.dims[tensor.first_dim + d], &overflows);
    isKnown &= !overflows;
  }
  if (!isKnown || bits / 8 + (bits % 8 != 0) != tensor.bytes)
    problem("TENSORS", i,
            "'" + table.name(tensor.name) + "' has " + Twine(tensor.bytes) +
                " bytes, which its shape and element type do not give");
  const tercet_buffer_record &buffer = table.buffers[tensor.buffer];
  uint32_t kind = table.pools[buffer.pool].kind;
  if (kind == TERCET_POOL_WEIGHTS)
    problem("TENSORS", i, "'" + table.name(tensor.name) + "' lies among the weights");
  else if (tensor.bytes > buffer.bytes || (kind == TERCET_POOL_IO && tensor.bytes != buffer.bytes))
    problem("TENSORS", i,
            "'" + table.name(tensor.name) + "' has " + Twine(tensor.bytes) + " bytes, " +
                table.describeBuffer(tensor.buffer) + " has " + Twine(buffer.bytes));
  if (kind == TERCET_POOL_ARENA && tensor.flags & TERCET_TENSOR_STATE)
    problem("TENSORS", i,
            "'" + table.name(tensor.name) +
                "' persists between runs, but lies in an arena, which keeps nothing");
}

void Contents::operand(size_t i, const tercet_operand_record &operand) {
  const tercet_buffer_record &buffer = table.buffers[operand.buffer];
  if (!isWithin(operand.offset, operand.bytes, buffer.bytes))
    problem("OPERANDS", i,
            Twine(operand.bytes) + " bytes at offset " + Twine(operand.offset) + " exceed the " +
                Twine(buffer.bytes) + " bytes of " + table.describeBuffer(operand.buffer));
  constexpr uint32_t known = TERCET_ACCESS_READ | TERCET_ACCESS_WRITE;
  if (!operand.access || operand.access & ~known)
    problem("OPERANDS", i, "unknown access " + Twine(operand.access));
  if (operand.access & TERCET_ACCESS_WRITE && table.poolKind(operand.buffer) == TERCET_POOL_WEIGHTS)
    problem("OPERANDS", i, "writes weights: " + table.describeBuffer(operand.buffer));
}

void Contents::copy(size_t i, const tercet_copy_record &copy) {
  const uint64_t numbers[] = {copy.run_bytes,
                              copy.count[0],
                              copy.count[1],
                              copy.source_stride[0],
                              copy.source_stride[1],
                              copy.destination_stride[0],
                              copy.destination_stride[1]};
  for (uint64_t number : numbers)
    if (number >> 31)
      return problem("COPIES", i, Twine(number) + ", expected numbers below 2^31");
  if (!copy.run_bytes || !copy.count[0] || !copy.count[1])
    return problem("COPIES", i, "copies nothing: a count is 0");
  const uint64_t *to = copy.destination_stride;
  uint64_t inner = (copy.count[1] - 1) * to[1] + copy.run_bytes;
  if ((copy.count[1] > 1 && to[1] < copy.run_bytes) || (copy.count[0] > 1 && to[0] < inner))
    problem("COPIES", i, "writes bytes of the destination twice");
}

void Contents::machine() {
  if (table.engines.size() > kMaxEngines)
    findings.add("ENGINES: " + Twine(table.engines.size()) + ", expected at most " +
                 Twine(kMaxEngines));
  if (table.pools.size() > kMaxPools)
    findings.add("POOLS: " + Twine(table.pools.size()) + ", expected at most " + Twine(kMaxPools));
  for (auto [i, engine] : llvm::enumerate(table.engines))
    if (engine.image_bytes &&
        (engine.image_offset % 64 || !isWithin(engine.image_offset, engine.image_bytes, kMaxBytes)))
      problem("ENGINES", i,
              "image at " + Twine(engine.image_offset) + ", expected a multiple of 64");
  for (auto [i, engine] : llvm::enumerate(table.engines))
    if (table.limits.size() == 1 && engine.workers > table.limits[0].max_workers)
      problem("ENGINES", i,
              Twine(engine.workers) + " workers, LIMITS allows " +
                  Twine(table.limits[0].max_workers));
  if (table.limits.size() != 1 || !table.limits[0].max_workers)
    return findings.add("LIMITS: expected one element with max_workers of at least 1");
  for (auto [i, kernel] : llvm::enumerate(table.kernels))
    if (table.engines[kernel.engine].kind == TERCET_ENGINE_CPU &&
        kernel.stack_bytes > table.limits[0].stack_bytes)
      problem("KERNELS", i,
              "needs a stack of " + Twine(kernel.stack_bytes) + " bytes, LIMITS promises " +
                  Twine(table.limits[0].stack_bytes));
}

void Contents::all() {
  machine();
  for (auto [i, element] : llvm::enumerate(table.buffers))
    buffer(i, element);
  for (auto [i, element] : llvm::enumerate(table.weights))
    weights(i, element);
  for (auto [i, element] : llvm::enumerate(table.pools))
    pool(i, element);
  for (auto [i, element] : llvm::enumerate(table.tensors))
    tensor(i, element);
  for (auto [i, element] : llvm::enumerate(table.operands))
    operand(i, element);
  for (auto [i, element] : llvm::enumerate(table.copies))
    copy(i, element);
  for (auto [i, scalar] : llvm::enumerate(table.scalars))
    if (scalar.min > scalar.max)
      problem("SCALARS", i, "'" + table.name(scalar.name) + "' has no value: min is above max");
}

void check::checkRecords(const Table &table, Findings &findings) {
  Contents(table, findings).all();
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A block is run thread by thread: each as far as it gets, which is its end, a
// barrier, or something that its warp does together. Blocks run one after the
// other. What is copied asynchronously is NaNs until it is waited for.
#include "machine.h"
#include "kernel.h"
#include "matrix.h"
#include <algorithm>
#include <cstring>

namespace tercet_test::ptx {

namespace {

constexpr uint32_t WarpThreads = WarpLanes;

/// To shared memory, from an offset on.
struct PendingCopy {
  uint64_t offset;
  std::array<unsigned char, 16> bytes;
  uint32_t count;
};

struct Thread {
  enum State { Running, AtBarrier, AtWarp, Done };
  State state = Running;
  std::array<uint32_t, 3> id = {0, 0, 0};
  uint32_t index = 0;
  size_t at = 0; // the next step
  std::vector<uint64_t> registers;
  std::vector<unsigned char> local;
  /// Groups of copies, the oldest first; the last one is not complete.
  std::vector<std::vector<PendingCopy>> copies = {{}};
};

class Block {
public:
  Block(const Kernel &kernel, const Launch &launch) : kernel(kernel), launch(launch) {}

  void run(std::array<uint32_t, 3> blockNumber) {
    number = blockNumber;
    shared.assign(kernel.sharedBytes + launch.dynamicShared, 0xFF);
    uint32_t count = launch.block[0] * launch.block[1] * launch.block[2];
    threads.assign(count, {});
    for (uint32_t i = 0; i < count; ++i) {
      threads[i].index = i;
      threads[i].id = {i % launch.block[0], i / launch.block[0] % launch.block[1],
                       i / launch.block[0] / launch.block[1]};
      threads[i].registers.assign(kernel.registers, 0xDEADBEEFDEADBEEFu);
      threads[i].local.assign(kernel.localBytes, 0xFF);
    }
    for (;;) {
      for (uint32_t first = 0; first < count; first += WarpThreads)
        runWarp(first, std::min(count, first + WarpThreads));
      auto done = std::count_if(threads.begin(), threads.end(),
                                [](const Thread &t) { return t.state == Thread::Done; });
      if (uint32_t(done) == count)
        return;
      if (done)
        throw Fault(Fault::LaunchFailed,
                    "kernel '" + kernel.entry.name + "': a barrier that some threads never reach");
      for (Thread &thread : threads)
        thread.state = Thread::Running;
    }
  }

private:
  [[noreturn]] void fail(const Step &step, Fault::Kind kind, const std::string &text) const {
    throw Fault(kind, "kernel '" + kernel.entry.name + "', line " + std::to_string(step.line) +
                          " (" + step.name + "): " + text);
  }

  // ---- Values ---------------------------------------------------------------

  uint64_t read(const Thread &t, const Source &s) const {
    switch (s.kind) {
    case Source::Register: {
      uint64_t value = t.registers[s.index];
      return s.negated ? ~value & 1 : value;
    }
    case Source::Thread:
      return t.id[s.index];
    case Source::BlockSize:
      return launch.block[s.index];
    case Source::BlockNumber:
      return number[s.index];
    case Source::GridSize:
      return launch.grid[s.index];
    case Source::Lane:
      return t.index % WarpThreads;
    case Source::Warp:
      return t.index / WarpThreads;
    default:
      return s.value;
    }
  }

  static void write(Thread &t, int64_t result, uint64_t value) {
    if (result >= 0)
      t.registers[size_t(result)] = value;
  }

  // ---- Memory ---------------------------------------------------------------

  // Where an access goes, or a fault.
  unsigned char *memory(Thread &t, const Step &step, uint64_t address, uint64_t bytes) {
    return memory(t, step, step.space, address, bytes);
  }

  unsigned char *memory(Thread &t, const Step &step, Space space, uint64_t address,
                        uint64_t bytes) {
    if (address % bytes)
      fail(step, Fault::MisalignedAddress,
           "an address that is no multiple of " + std::to_string(bytes));
    auto within = [&](std::vector<unsigned char> &all, uint64_t offset) -> unsigned char * {
      return offset <= all.size() && bytes <= all.size() - offset ? all.data() + offset : nullptr;
    };
    unsigned char *found = nullptr;
    if (space == Space::Shared)
      found = within(shared, address);
    else if (space == Space::Local)
      found = within(t.local, address);
    else if (space == Space::Generic) {
      found = within(shared, address - reinterpret_cast<uint64_t>(shared.data()));
      if (!found)
        found = within(t.local, address - reinterpret_cast<uint64_t>(t.local.data()));
    }
    if (!found && (space == Space::Generic || space == Space::Global))
      found = launch.locate(address, bytes);
    if (!found)
      fail(step, Fault::IllegalAddress, "an address outside of all memory");
    return found;
  }

  void load(Thread &t, const Step &step) {
    uint64_t address = read(t, step.sources[0]) + step.sources[1].value;
    uint64_t bytes = uint64_t(step.what.type.bits * step.what.type.lanes) / 8;
    const unsigned char *from = step.space == Space::Parameter
                                    ? launch.parameters + address
                                    : memory(t, step, address, bytes * step.results.size());
    for (size_t i = 0; i < step.results.size(); ++i) {
      uint64_t value = 0;
      std::memcpy(&value, from + i * bytes, bytes);
      if (step.what.type.kind == 's')
        value = uint64_t(toSigned(step.what.type.bits, value));
      write(t, step.results[i], value);
    }
  }

  void store(Thread &t, const Step &step) {
    uint64_t address = read(t, step.sources[0]) + step.sources[1].value;
    uint64_t bytes = uint64_t(step.what.type.bits * step.what.type.lanes) / 8;
    size_t count = step.sources.size() - 2;
    unsigned char *to = memory(t, step, address, bytes * count);
    for (size_t i = 0; i < count; ++i) {
      uint64_t value = read(t, step.sources[2 + i]);
      std::memcpy(to + i * bytes, &value, bytes);
    }
  }

  void atomic(Thread &t, const Step &step) {
    uint64_t bytes = uint64_t(step.what.type.bits) / 8;
    unsigned char *at = memory(t, step, read(t, step.sources[0]) + step.sources[1].value, bytes);
    uint64_t old = 0, value = read(t, step.sources[2]), result;
    std::memcpy(&old, at, bytes);
    if (step.operation == "exch") {
      result = value;
    } else if (step.operation == "cas") {
      result = (old ^ value) & maskOf(step.what.type.bits) ? old : read(t, step.sources.at(3));
    } else if (Function function = findArithmetic(step.operation)) {
      result = evaluate(function, step.what, old, value, 0);
    } else {
      fail(step, Fault::IllegalInstruction, "unknown operation '" + step.operation + "'");
    }
    std::memcpy(at, &result, bytes);
    write(t, step.results[0], old);
  }

  // What is not copied of `count` bytes becomes zeros; of no bytes, the address
  // does not matter.
  void copy(Thread &t, const Step &step) {
    uint64_t to = read(t, step.sources[0]) + step.sources[1].value;
    uint64_t from = read(t, step.sources[2]) + step.sources[3].value;
    uint64_t bytes = step.sources.size() > 4 ? read(t, step.sources[4]) & maskOf(32) : step.count;
    if (bytes > step.count)
      fail(step, Fault::LaunchFailed, "a copy of more bytes than there is room for");
    PendingCopy pending = {to, {}, step.count};
    unsigned char *place = memory(t, step, Space::Shared, to, step.count);
    std::memset(place, 0xFF, step.count);
    if (from % step.count)
      fail(step, Fault::MisalignedAddress,
           "an address that is no multiple of " + std::to_string(step.count));
    for (uint64_t i = 0; i < bytes; ++i)
      pending.bytes[i] = *memory(t, step, Space::Global, from + i, 1);
    t.copies.back().push_back(pending);
  }

  void awaitCopies(Thread &t, const Step &step) {
    while (t.copies.size() > step.count + 1u) {
      for (const PendingCopy &pending : t.copies.front())
        std::memcpy(shared.data() + pending.offset, pending.bytes.data(), pending.count);
      t.copies.erase(t.copies.begin());
    }
  }

  // ---- Steps ----------------------------------------------------------------

  void move(Thread &t, const Step &step) {
    int bits = step.what.type.bits * step.what.type.lanes;
    if (step.sources.size() > 1) { // packs
      int part = bits / int(step.sources.size());
      uint64_t value = 0;
      for (size_t i = 0; i < step.sources.size(); ++i)
        value |= (read(t, step.sources[i]) & maskOf(part)) << (int(i) * part);
      return write(t, step.results[0], value);
    }
    uint64_t value = read(t, step.sources[0]);
    int part = bits / int(step.results.size());
    for (size_t i = 0; i < step.results.size(); ++i)
      write(t, step.results[i], value >> (int(i) * part) & maskOf(part));
  }

  void compute(Thread &t, const Step &step) {
    uint64_t values[3] = {0, 0, 0};
    for (size_t i = 0; i < step.sources.size(); ++i)
      values[i] = read(t, step.sources[i]);
    uint64_t value = evaluate(step.function, step.what, values[0], values[1], values[2]);
    if (step.kind == Step::Compute) // a signed result may be read by a wider type
      return write(t, step.results[0], value & maskOf(step.resultBits));
    uint64_t opposite = !value;
    if (!step.operation.empty()) {
      auto combine = [&](uint64_t x) -> uint64_t {
        return step.operation == "and"  ? x & values[2] & 1
               : step.operation == "or" ? (x | values[2]) & 1
                                        : (x ^ values[2]) & 1;
      };
      value = combine(value);
      opposite = combine(opposite);
    }
    write(t, step.results[0], value);
    if (step.results.size() > 1)
      write(t, step.results[1], opposite);
  }

  uint64_t windowOf(const Thread &t, Space space) const {
    return space == Space::Shared  ? reinterpret_cast<uint64_t>(shared.data())
           : space == Space::Local ? reinterpret_cast<uint64_t>(t.local.data())
                                   : 0;
  }

  void runThread(Thread &t) {
    uint64_t count = 0;
    while (t.state == Thread::Running) {
      if (t.at >= kernel.steps.size()) {
        t.state = Thread::Done;
        return;
      }
      if (++count % 1024 == 0 && launch.stop && *launch.stop)
        throw Fault(Fault::LaunchFailed, "stopped");
      const Step &step = kernel.steps[t.at++];
      if (step.guard.kind == Source::Register && !(read(t, step.guard) & 1))
        continue;
      switch (step.kind) {
      case Step::Compute:
      case Step::Compare:
        compute(t, step);
        break;
      case Step::Move:
        move(t, step);
        break;
      case Step::Load:
        load(t, step);
        break;
      case Step::Store:
        store(t, step);
        break;
      case Step::Atomic:
        atomic(t, step);
        break;
      case Step::ToGeneric:
        write(t, step.results[0], read(t, step.sources[0]) + windowOf(t, step.space));
        break;
      case Step::FromGeneric:
        write(t, step.results[0], read(t, step.sources[0]) - windowOf(t, step.space));
        break;
      case Step::Branch:
        t.at = step.target;
        break;
      case Step::Barrier:
        t.state = Thread::AtBarrier;
        break;
      case Step::Shuffle:
      case Step::Vote:
      case Step::Reduce:
      case Step::Active:
      case Step::WarpBarrier:
      case Step::LoadMatrices:
      case Step::Multiply:
        t.state = Thread::AtWarp;
        break;
      case Step::Copy:
        copy(t, step);
        break;
      case Step::CommitCopies:
        t.copies.emplace_back();
        break;
      case Step::AwaitCopies:
        awaitCopies(t, step);
        break;
      case Step::Exit:
        t.state = Thread::Done;
        break;
      case Step::Trap:
        fail(step, Fault::LaunchFailed, "a trap");
      case Step::Nothing:
        break;
      }
    }
  }

  // ---- Warps ----------------------------------------------------------------

  void runWarp(uint32_t first, uint32_t end) {
    for (;;) {
      for (uint32_t i = first; i < end; ++i)
        runThread(threads[i]);
      bool exchanged = false;
      for (uint32_t i = first; i < end && !exchanged; ++i)
        if (threads[i].state == Thread::AtWarp)
          exchanged = exchange(first, end, threads[i].at);
      if (exchanged)
        continue;
      for (uint32_t i = first; i < end; ++i)
        if (threads[i].state == Thread::AtWarp)
          fail(kernel.steps[threads[i].at - 1], Fault::LaunchFailed,
               "an exchange that some threads of its mask never reach");
      return;
    }
  }

  // Eight lanes after the other name the rows of a matrix.
  void loadMatrices(uint32_t first, const Step &step) {
    for (size_t number = 0; number < step.results.size(); ++number) {
      std::array<std::array<uint16_t, 8>, 8> matrix;
      for (uint32_t row = 0; row < 8; ++row) {
        Thread &t = threads[first + 8 * uint32_t(number) + row];
        uint64_t address = read(t, step.sources[0]) + step.sources[1].value;
        std::memcpy(matrix[row].data(), memory(t, step, address, 16), 16);
      }
      for (uint32_t lane = 0; lane < WarpThreads; ++lane)
        write(threads[first + lane], step.results[number], pairOf(matrix, lane, step.transposed));
    }
  }

  template <size_t Count>
  WarpRegisters<Count> registersOf(uint32_t first, const Step &step, size_t from) const {
    WarpRegisters<Count> registers;
    for (uint32_t lane = 0; lane < WarpThreads; ++lane)
      for (size_t i = 0; i < Count; ++i)
        registers[lane][i] = uint32_t(read(threads[first + lane], step.sources[from + i]));
    return registers;
  }

  void multiplyMatrices(uint32_t first, const Step &step) {
    WarpRegisters<4> sums =
        multiply(step.what.type, registersOf<4>(first, step, 0), registersOf<2>(first, step, 4),
                 registersOf<4>(first, step, 6));
    for (uint32_t lane = 0; lane < WarpThreads; ++lane)
      for (size_t i = 0; i < 4; ++i)
        write(threads[first + lane], step.results[i], sums[lane][i]);
  }

  // Lets the threads of a warp that wait there go on, if all of their mask do.
  bool exchange(uint32_t first, uint32_t end, size_t at) {
    const Step &step = kernel.steps[at - 1];
    uint32_t here = 0, there = 0;
    for (uint32_t i = first; i < end; ++i) {
      there |= 1u << (i - first);
      if (threads[i].state == Thread::AtWarp && threads[i].at == at)
        here |= 1u << (i - first);
    }
    uint32_t mask = here;
    if (step.kind == Step::LoadMatrices || step.kind == Step::Multiply) {
      if (here != there)
        return false;
      if (there != ~0u)
        fail(step, Fault::LaunchFailed, "a warp of less than 32 threads");
      step.kind == Step::Multiply ? multiplyMatrices(first, step) : loadMatrices(first, step);
      for (uint32_t i = first; i < end; ++i)
        threads[i].state = Thread::Running;
      return true;
    }
    if (step.kind != Step::Active) {
      mask = 0;
      for (uint32_t i = first; i < end; ++i)
        if (here >> (i - first) & 1)
          mask |= uint32_t(read(threads[i], step.sources.back()));
      mask &= there;
      if (mask & ~here)
        return false;
    }
    std::array<uint64_t, WarpThreads> values = {}, results = {}, flags = {};
    for (uint32_t lane = 0; lane < end - first; ++lane)
      if (mask >> lane & 1 && !step.sources.empty())
        values[lane] = read(threads[first + lane], step.sources[0]);
    for (uint32_t lane = 0; lane < end - first; ++lane)
      if (mask >> lane & 1)
        results[lane] = exchanged(step, threads[first + lane], lane, mask, values, flags[lane]);
    for (uint32_t lane = 0; lane < end - first; ++lane) {
      if (!(mask >> lane & 1))
        continue;
      Thread &t = threads[first + lane];
      if (!step.results.empty())
        write(t, step.results[0], results[lane]);
      if (step.results.size() > 1)
        write(t, step.results[1], flags[lane]);
      t.state = Thread::Running;
    }
    return true;
  }

  uint64_t exchanged(const Step &step, const Thread &t, uint32_t lane, uint32_t mask,
                     const std::array<uint64_t, WarpThreads> &values, uint64_t &flag) {
    if (step.kind == Step::Active || step.kind == Step::WarpBarrier)
      return mask;
    if (step.kind == Step::Vote) {
      uint32_t ballot = 0;
      for (uint32_t i = 0; i < WarpThreads; ++i)
        ballot |= uint32_t(mask >> i & values[i] & 1) << i;
      return step.operation == "ballot" ? ballot
             : step.operation == "any"  ? ballot != 0
             : step.operation == "all"  ? ballot == mask
                                        : ballot == mask || ballot == 0;
    }
    if (step.kind == Step::Reduce) {
      Function function = findArithmetic(step.operation);
      if (!function)
        fail(step, Fault::IllegalInstruction, "unknown operation '" + step.operation + "'");
      bool isFirst = true;
      uint64_t value = 0;
      for (uint32_t i = 0; i < WarpThreads; ++i)
        if (mask >> i & 1) {
          value = isFirst ? values[i] : evaluate(function, step.what, value, values[i], 0);
          isFirst = false;
        }
      return value & maskOf(32);
    }
    uint32_t by = uint32_t(read(t, step.sources[1])), c = uint32_t(read(t, step.sources[2]));
    uint32_t segment = c >> 8 & 31, bound = c & 31;
    int64_t highest = int64_t((lane & segment) | (bound & ~segment));
    int64_t lowest = int64_t(lane & segment), from;
    if (step.operation == "up") {
      from = int64_t(lane) - int64_t(by & 31);
      flag = from >= highest; // the bound is the lowest then
    } else if (step.operation == "down") {
      from = int64_t(lane) + int64_t(by & 31);
      flag = from <= highest;
    } else if (step.operation == "bfly") {
      from = int64_t(lane ^ (by & 31));
      flag = from <= highest;
    } else {
      from = lowest | int64_t(by & 31 & ~segment);
      flag = from <= highest;
    }
    if (!flag)
      from = int64_t(lane);
    if (!(mask >> from & 1))
      fail(step, Fault::LaunchFailed, "a value of a thread that takes no part");
    return values[size_t(from)] & maskOf(32);
  }

  const Kernel &kernel;
  const Launch &launch;
  std::array<uint32_t, 3> number = {0, 0, 0};
  std::vector<unsigned char> shared;
  std::vector<Thread> threads;
};

} // namespace

void run(const Kernel &kernel, const Launch &launch) {
  Block block(kernel, launch);
  for (uint32_t z = 0; z < launch.grid[2]; ++z)
    for (uint32_t y = 0; y < launch.grid[1]; ++y)
      for (uint32_t x = 0; x < launch.grid[0]; ++x)
        block.run({x, y, z});
}

} // namespace tercet_test::ptx

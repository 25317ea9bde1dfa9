// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Prints what concurrent queues cost and win on this machine: a token between
// two queues (a chain of empty kernels that changes the queue with every
// command, less the same chain in list order), with spinning and with sleeping
// threads; the start and end of a run; and two equal halves of work on two
// queues beside one after the other. Least and median of many rounds, for the
// machine may be shared.
#include "queue_program.h"
#include <algorithm>
#include <cstdio>
#include <thread>

using namespace tercet_test;

namespace {

constexpr uint32_t READ_WRITE = TERCET_ACCESS_READ | TERCET_ACCESS_WRITE;

void nothing(const tercet_kernel_args *, uint32_t, uint32_t, uint32_t, uint32_t) {}

// Some 100 us of arithmetic that touches no memory.
void work(const tercet_kernel_args *args, uint32_t, uint32_t, uint32_t, uint32_t) {
  uint64_t x = *static_cast<uint64_t *>(args->buffers[0]);
  for (int i = 0; i < 50000; ++i) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
  }
  *static_cast<uint64_t *>(args->buffers[0]) = x + 1;
}

struct Time {
  double least, median;
};

// Nanoseconds of a run.
Time measure(tercet_context *context, int rounds, bool pause = false) {
  std::vector<uint64_t> times;
  for (int i = 0; i < rounds; ++i) {
    if (pause)
      std::this_thread::sleep_for(std::chrono::microseconds(500));
    uint64_t start = tercet_port_clock_read();
    if (tercet_entry_run(context, 0))
      std::abort();
    times.push_back(tercet_port_clock_read() - start);
  }
  std::sort(times.begin(), times.end());
  return {double(times[0]), double(times[times.size() / 2])};
}

void print(const char *what, Time time, Time base, double count) {
  std::printf("%-44s %8.0f ns least, %8.0f ns median\n", what, (time.least - base.least) / count,
              (time.median - base.median) / count);
}

} // namespace

int main() {
  constexpr uint32_t kChain = 1000;
  QueueProgram chain(2, 1), ends(2, 1), halves(2, 2);
  chain.beginEntry("chain");
  for (uint32_t i = 0; i < kChain; ++i)
    chain.dispatch(i % 2, nothing, {}, i ? std::vector<uint32_t>{i - 1} : std::vector<uint32_t>{});
  ends.beginEntry("ends");
  ends.dispatch(0, nothing, {});
  ends.dispatch(1, nothing, {});
  halves.beginEntry("halves");
  halves.dispatch(0, work, {{0, READ_WRITE}});
  halves.dispatch(1, work, {{1, READ_WRITE}});

  const Time none = {0, 0};
  QueueRun chain_list(chain), ends_list(ends), halves_list(halves);
  Time list = measure(chain_list.context, 1000);
  print("a command in list order", list, none, kChain);
  struct {
    const char *name;
    uint32_t spin_ns;
    int pin;
  } variants[] = {{"floating", 0, 0}, {"pinned", 0, 1}, {"sleeping", 1, 1}};
  // Each on a thread that has not been placed yet.
  for (const auto &variant : variants)
    std::thread([&] {
      Queues queues({1, 1}, variant.spin_ns, variant.pin);
      if (variant.pin)
        queues.placeCaller();
      QueueRun chain_run(chain), ends_run(ends), halves_run(halves);
      chain_run.attach(queues.port());
      ends_run.attach(queues.port());
      halves_run.attach(queues.port());
      std::printf("%s threads\n", variant.name);
      print("  a token to another queue", measure(chain_run.context, 1000), list, kChain);
      print("  start and end of a run", measure(ends_run.context, 2000), none, 1);
      print("  the same after 500 us of rest", measure(ends_run.context, 500, true), none, 1);
      Time together = measure(halves_run.context, 1000), apart = measure(halves_list.context, 1000);
      std::printf("  two halves of work: %.1f us, one after the other %.1f us: %.2f times as fast "
                  "(medians)\n",
                  together.median / 1000, apart.median / 1000, apart.median / together.median);
    }).join();
  return 0;
}

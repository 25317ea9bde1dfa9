// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Thousands of runs of random programs with several queues. Tokens are added
// only where two commands touch the same memory and nothing else orders them,
// so that every single token counts; the results must be those of the walk in
// list order. Built a second time with the thread sanitizer, which then finds
// any signal that is not a release and any wait that is not an acquire.
#include "queue_program.h"
#include <gtest/gtest.h>
#include <random>

using namespace tercet_test;

namespace {

constexpr uint32_t READ = TERCET_ACCESS_READ, WRITE = TERCET_ACCESS_WRITE;
constexpr uint32_t kWords = QueueProgram::SlotBytes / 8;

// out = out * 3 + a * 5 + b rotated, + K, word by word; tile x of two does its
// half. Spends a little time that depends on K, so that queues drift.
template <uint64_t K>
void mix(const tercet_kernel_args *args, uint32_t x, uint32_t, uint32_t, uint32_t) {
  auto *a = static_cast<const uint64_t *>(args->buffers[0]);
  auto *b = static_cast<const uint64_t *>(args->buffers[1]);
  auto *out = static_cast<uint64_t *>(args->buffers[2]);
  for (uint32_t i = x * kWords / 2; i < (x + 1) * kWords / 2; ++i)
    for (uint64_t turn = 0; turn <= K * K; ++turn)
      out[i] = out[i] * 3 + a[i] * 5 + (b[i] << 7 | b[i] >> 57) + K;
}
const tercet_kernel_fn kernels[] = {mix<0>, mix<1>, mix<2>, mix<3>, mix<7>, mix<20>};

struct Planned {
  uint32_t engine;
  uint32_t slots[3]; // two reads, one read and written
  // Per engine: number of its commands that have completed when this one has.
  std::vector<uint32_t> clock;
  uint32_t place; // within its queue
};

bool conflict(const Planned &a, const Planned &b) {
  for (uint32_t slot : a.slots)
    if (slot == b.slots[2])
      return true;
  for (uint32_t slot : b.slots)
    if (slot == a.slots[2])
      return true;
  return false;
}

void fillRandom(QueueProgram &program, uint32_t engines, uint32_t slots, uint32_t length,
                std::mt19937 &random) {
  auto below = [&](uint32_t n) { return uint32_t(random() % n); };
  std::vector<Planned> plan;
  std::vector<std::vector<uint32_t>> last(engines, std::vector<uint32_t>(engines, 0));
  program.beginEntry("main");
  for (uint32_t i = 0; i < length; ++i) {
    Planned p = {below(engines), {below(slots), below(slots), below(slots)}, {}, 0};
    p.clock = last[p.engine];
    std::vector<uint32_t> after;
    auto wait = [&](uint32_t k) {
      after.push_back(k);
      for (uint32_t e = 0; e < engines; ++e)
        p.clock[e] = std::max(p.clock[e], plan[k].clock[e]);
    };
    for (uint32_t k = i; k-- > 0;)
      if (plan[k].engine != p.engine && conflict(plan[k], p) &&
          plan[k].place >= p.clock[plan[k].engine])
        wait(k);
    if (i && below(8) == 0) // needless, perhaps of its own queue
      wait(below(i));
    p.place = p.clock[p.engine]++;
    last[p.engine] = p.clock;
    plan.push_back(p);
    program.dispatch(p.engine, kernels[below(std::size(kernels))],
                     {{p.slots[0], READ}, {p.slots[1], READ}, {p.slots[2], READ | WRITE}}, after,
                     2);
  }
}

void fillArena(QueueRun &run, uint32_t slots) {
  for (uint32_t s = 0; s < slots; ++s)
    for (uint32_t i = 0; i < kWords; ++i)
      run.slot<uint64_t>(s)[i] = s * 1000003u + i;
}

void stress(std::vector<uint32_t> workers, uint32_t spin_ns, int programs, uint32_t seed) {
  std::mt19937 random(seed);
  uint32_t engines = uint32_t(workers.size());
  Queues queues(workers, spin_ns);
  ASSERT_EQ(queues.status, TERCET_OK);
  for (int p = 0; p < programs; ++p) {
    uint32_t slots = 3 + uint32_t(random() % 12), length = 5 + uint32_t(random() % 60);
    QueueProgram program(engines, slots);
    fillRandom(program, engines, slots, length, random);
    QueueRun expected(program), run(program);
    ASSERT_EQ(expected.status, TERCET_OK) << expected.error.text;
    fillArena(expected, slots);
    fillArena(run, slots);
    ASSERT_EQ(run.attach(queues.port()), TERCET_OK);
    for (int repeat = 0; repeat < 20; ++repeat) {
      ASSERT_EQ(tercet_entry_run(expected.context, 0), TERCET_OK);
      ASSERT_EQ(tercet_entry_run(run.context, 0), TERCET_OK);
      ASSERT_EQ(std::memcmp(expected.arena.get(), run.arena.get(), program.arenaBytes()), 0)
          << "program " << p << ", run " << repeat;
    }
  }
}

TEST(QueuesStress, TwoQueues) { stress({1, 1}, 0, 60, 1); }
TEST(QueuesStress, TwoQueuesThatSleep) { stress({1, 1}, 1, 30, 2); }
TEST(QueuesStress, ThreeQueues) { stress({1, 1, 1}, 0, 40, 3); }
TEST(QueuesStress, ThreeQueuesThatSleep) { stress({1, 1, 1}, 1, 30, 4); }
TEST(QueuesStress, MoreWorkersThanCores) { stress({2, 1, 2}, 0, 20, 5); }

} // namespace

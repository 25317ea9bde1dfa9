// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A driver for tests: its engine is a thread, its kernels are C++ functions, and
// each of its calls can be made to fail.
#ifndef TERCET_TEST_FAKE_DRIVER_H
#define TERCET_TEST_FAKE_DRIVER_H

#include "npu_program.h"
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <functional>
#include <mutex>
#include <thread>

namespace tercet_test {

// A driver: kernels are functions of the first operand's int64_t.
class Fake {
public:
  using Body = std::function<uint32_t(int64_t *)>; // returns a fault

  Fake() { driver = {&table, this}; }
  ~Fake() { stop(); }

  tercet_driver driver;
  std::vector<Body> kernels;
  std::vector<std::string> calls; // but submit, wait and sync
  tercet_driver_setup setup = {};
  uint32_t depth = 4; // submissions in hand
  uint32_t copy_fault = 0;
  std::string failing; // call that fails
  tercet_status failure = TERCET_ERROR_ENGINE_LOST;
  std::atomic<uint64_t> syncs{0}, most_in_hand{0}, last_bytes{0}, copies{0};

private:
  struct Job {
    tercet_driver_submission submission;
    std::vector<tercet_driver_operand> operands;
    int64_t scalar = 0;
  };

  static Fake &of(void *self) { return *static_cast<Fake *>(self); }

  tercet_status call(const char *name, tercet_error *error) {
    if (failing != name)
      return TERCET_OK;
    std::snprintf(error->text, sizeof error->text, "%s fails", name);
    return failure;
  }

  static tercet_status open(void *self, const tercet_driver_setup *setup, tercet_error *error) {
    of(self).calls.push_back("open");
    of(self).setup = *setup;
    return of(self).call("open", error);
  }
  static tercet_status alloc(void *self, tercet_memory_kind kind, uint64_t bytes, uint32_t,
                             tercet_driver_memory *memory, tercet_error *error) {
    Fake &fake = of(self);
    fake.calls.push_back(kind == TERCET_MEMORY_LOCAL ? "alloc local" : "alloc shared");
    if (tercet_status status = fake.call("alloc", error))
      return status;
    fake.memories.push_back(std::make_unique<Memory>(bytes));
    memory->id = uint32_t(fake.memories.size()) - 1;
    memory->address = kind == TERCET_MEMORY_LOCAL ? nullptr : fake.memories.back()->get();
    return TERCET_OK;
  }
  static void free(void *self, uint32_t) { of(self).calls.push_back("free"); }
  static tercet_status load(void *self, tercet_error *error) {
    Fake &fake = of(self);
    fake.calls.push_back("load");
    fake.stop();
    if (tercet_status status = fake.call("load", error))
      return status;
    fake.submitted = fake.done = fake.waited = 0;
    fake.thread = std::thread([&fake] { fake.serve(); });
    return TERCET_OK;
  }
  static tercet_status sync(void *self, uint32_t, uint64_t, uint64_t, tercet_sync_direction,
                            tercet_error *error) {
    ++of(self).syncs;
    return of(self).call("sync", error);
  }
  static tercet_status submit(void *self, const tercet_driver_submission *submission,
                              uint64_t *ticket, tercet_error *error) {
    Fake &fake = of(self);
    if (tercet_status status = fake.call("submit", error))
      return status;
    std::lock_guard<std::mutex> lock(fake.mutex);
    if (fake.submitted - fake.waited == fake.depth)
      return TERCET_ERROR_ENGINE_FULL;
    Job job = {*submission,
               {submission->operands, submission->operands + submission->operand_count},
               submission->scalar_count ? submission->scalars[0] : 0};
    fake.jobs.push_back(job);
    *ticket = ++fake.submitted;
    fake.most_in_hand = std::max<uint64_t>(fake.most_in_hand, fake.submitted - fake.waited);
    fake.changed.notify_all();
    return TERCET_OK;
  }
  static tercet_status wait(void *self, uint64_t ticket, uint64_t, tercet_driver_completion *done,
                            tercet_error *error) {
    Fake &fake = of(self);
    if (tercet_status status = fake.call("wait", error)) {
      fake.stop();
      return status;
    }
    std::unique_lock<std::mutex> lock(fake.mutex);
    EXPECT_EQ(ticket, fake.waited + 1); // in their order, each once
    fake.changed.wait(lock, [&] { return fake.done >= ticket; });
    fake.waited = ticket;
    done->fault = fake.faults[size_t(ticket) - 1];
    done->packets = 10 * ticket;
    done->packets_of_one = ticket;
    done->start = 100 * ticket;
    done->end = 100 * ticket + 50;
    return TERCET_OK;
  }
  static void close(void *self) {
    of(self).calls.push_back("close");
    of(self).stop();
    of(self).memories.clear();
  }

  void serve() {
    for (;;) {
      std::unique_lock<std::mutex> lock(mutex);
      changed.wait(lock, [&] { return stopping || !jobs.empty(); });
      if (stopping)
        return;
      Job job = jobs.front();
      jobs.erase(jobs.begin());
      lock.unlock();
      uint32_t fault = 0;
      if (job.submission.kernel == TERCET_DRIVER_COPY) {
        auto at = [&](const tercet_driver_operand &operand) {
          return static_cast<unsigned char *>(memories[operand.memory]->get()) + operand.offset;
        };
        std::memcpy(at(job.operands[1]), at(job.operands[0]), size_t(job.scalar));
        ++copies;
        fault = copy_fault;
      } else if (!job.operands.empty()) {
        auto *base = static_cast<unsigned char *>(memories[job.operands[0].memory]->get());
        last_bytes = job.operands[0].bytes;
        fault = kernels[job.submission.kernel](
            reinterpret_cast<int64_t *>(base + job.operands[0].offset));
      }
      lock.lock();
      faults.resize(size_t(done) + 1);
      faults[size_t(done)] = fault;
      ++done;
      changed.notify_all();
    }
  }

  void stop() {
    {
      std::lock_guard<std::mutex> lock(mutex);
      stopping = true;
      changed.notify_all();
    }
    if (thread.joinable())
      thread.join();
    stopping = false;
    jobs.clear();
    faults.clear();
  }

  static constexpr tercet_driver_table table = {
      TERCET_DRIVER_VERSION, 0, open, alloc, free, load, sync, submit, wait, close};
  std::vector<std::unique_ptr<Memory>> memories;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Job> jobs;
  std::vector<uint32_t> faults;
  uint64_t submitted = 0, done = 0, waited = 0;
  bool stopping = false;
  std::thread thread;
};

} // namespace tercet_test
#endif // TERCET_TEST_FAKE_DRIVER_H

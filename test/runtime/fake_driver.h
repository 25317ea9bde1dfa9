// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A driver for tests: its engine is a thread, its kernels are C++ functions, and
// each of its calls can be made to fail. One that records takes segments and
// imports memory.
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

  explicit Fake(bool records = false) { driver = {records ? &recording : &table, this}; }
  ~Fake() { stop(); }

  // A submission of a segment, as it was recorded.
  struct Recorded {
    tercet_driver_place place;
    tercet_driver_submission submission;
    std::vector<tercet_driver_operand> operands;
    const uint32_t *scalarRefs;
  };

  tercet_driver driver;
  std::vector<Body> kernels;
  std::vector<std::string> calls; // but submit, wait and sync
  tercet_driver_setup setup = {};
  uint32_t depth = 4; // submissions in hand
  uint32_t copy_fault = 0;
  std::string failing; // call that fails
  tercet_status failure = TERCET_ERROR_ENGINE_LOST;
  std::atomic<uint64_t> syncs{0}, most_in_hand{0}, last_bytes{0}, copies{0};
  std::vector<std::vector<Recorded>> segments;
  uint64_t submits = 0, resubmits = 0, imports = 0;
  uint32_t measured = 0;                              // by the last resubmit
  bool import_refuses = false;                        // constants
  std::function<void(int64_t *, int64_t)> scalarBody; // if set, in place of kernel 0

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
  static tercet_status alloc(void *self, tercet_memory_kind kind, uint64_t bytes,
                             uint32_t alignment, tercet_driver_memory *memory,
                             tercet_error *error) {
    Fake &fake = of(self);
    fake.calls.push_back(kind == TERCET_MEMORY_LOCAL ? "alloc local" : "alloc shared");
    if (tercet_status status = fake.call("alloc", error))
      return status;
    fake.memories.push_back(std::make_unique<Memory>(bytes + alignment));
    uintptr_t at = reinterpret_cast<uintptr_t>(fake.memories.back()->get());
    at = (at + alignment - 1) & ~uintptr_t(alignment - 1);
    fake.bases.push_back(reinterpret_cast<unsigned char *>(at));
    memory->id = uint32_t(fake.bases.size()) - 1;
    memory->address = kind == TERCET_MEMORY_LOCAL ? nullptr : fake.bases.back();
    return TERCET_OK;
  }
  static tercet_status import(void *self, void *address, uint64_t bytes, uint32_t access,
                              tercet_driver_memory *memory, tercet_error *error) {
    Fake &fake = of(self);
    bool constants = access == TERCET_ACCESS_READ;
    fake.calls.push_back(constants ? "import constants" : "import");
    if (tercet_status status = fake.call("import", error))
      return status;
    if (constants && fake.import_refuses)
      return TERCET_ERROR_ENGINE_REFUSED;
    if (!constants) {
      EXPECT_EQ(reinterpret_cast<uintptr_t>(address) % TERCET_DRIVER_PAGE, 0u);
      EXPECT_EQ(bytes % TERCET_DRIVER_PAGE, 0u);
    }
    ++fake.imports;
    fake.bases.push_back(static_cast<unsigned char *>(address));
    *memory = {uint32_t(fake.bases.size()) - 1, address};
    return TERCET_OK;
  }
  static tercet_status record(void *self, const tercet_driver_place *place,
                              const tercet_driver_submission *submission,
                              const uint32_t *scalar_refs, tercet_error *error) {
    Fake &fake = of(self);
    if (tercet_status status = fake.call("record", error))
      return status;
    if (place->index == 0) {
      EXPECT_EQ(place->segment, fake.segments.size());
      fake.segments.emplace_back();
    }
    EXPECT_EQ(place->segment + 1, fake.segments.size());
    EXPECT_EQ(place->index, fake.segments.back().size());
    EXPECT_EQ(submission->scalars, nullptr);
    fake.segments.back().push_back(
        {*place,
         *submission,
         {submission->operands, submission->operands + submission->operand_count},
         scalar_refs});
    return TERCET_OK;
  }
  static tercet_status resubmit(void *self, uint32_t segment, const int64_t *values,
                                uint32_t measure, uint64_t *ticket, tercet_error *error) {
    Fake &fake = of(self);
    if (tercet_status status = fake.call("resubmit", error))
      return status;
    std::lock_guard<std::mutex> lock(fake.mutex);
    if (fake.submitted - fake.waited >= fake.depth)
      return TERCET_ERROR_ENGINE_FULL;
    const auto &recorded = fake.segments.at(segment);
    EXPECT_EQ(recorded.size(), recorded[0].place.count);
    ++fake.resubmits;
    fake.measured = measure;
    *ticket = fake.submitted + 1;
    for (const Recorded &r : recorded) {
      fake.jobs.push_back(
          {r.submission, r.operands, r.submission.scalar_count ? values[r.scalarRefs[0]] : 0});
      ++fake.submitted;
    }
    fake.changed.notify_all();
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
    fake.segments.clear();
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
    ++fake.submits;
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
    of(self).bases.clear();
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
          return bases[operand.memory] + operand.offset;
        };
        std::memcpy(at(job.operands[1]), at(job.operands[0]), size_t(job.scalar));
        ++copies;
        fault = copy_fault;
      } else if (!job.operands.empty()) {
        auto *at =
            reinterpret_cast<int64_t *>(bases[job.operands[0].memory] + job.operands[0].offset);
        last_bytes = job.operands[0].bytes;
        if (scalarBody && job.submission.kernel == 0)
          scalarBody(at, job.scalar);
        else
          fault = kernels[job.submission.kernel](at);
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

  static constexpr tercet_driver_table table = {2,      0,    open,  alloc,   free,    load,   sync,
                                                submit, wait, close, nullptr, nullptr, nullptr};
  static constexpr tercet_driver_table recording = {
      3, 0, open, alloc, free, load, sync, submit, wait, close, record, resubmit, import};
  std::vector<std::unique_ptr<Memory>> memories;
  std::vector<unsigned char *> bases; // by id
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

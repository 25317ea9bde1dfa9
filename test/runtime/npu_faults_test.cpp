// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Everything that can go wrong with an NPU in a process of its own, injected:
// each is a status and a message, the application goes on, a later call opens
// the engine again, and nothing is left behind: no process, thread, descriptor
// or shared memory. A deadlock is a time-out of the test.
#include "npu_mailbox.h"
#include <algorithm>
#include <chrono>
#include <csignal>
#include <sched.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

using namespace tercet_test;

namespace {

using namespace std::chrono;

// Entries: 0 adds, 1 is one kernel of the test's choice and then an addition, 2
// is slow.
class Faults : public testing::TestWithParam<bool> {
protected:
  void TearDown() override { nothing_is_left.check(); }

  static void fill(NpuProgram &program, Kernel kernel) {
    program.beginEntry("good");
    program.submit(Add, {{0, READ}, {1, READ}, {2, WRITE}}, {}, 4);
    program.beginEntry("bad");
    program.scalarsOfEntry(1);
    uint32_t bad = program.submit(kernel, {});
    program.take(bad, {0});
    uint32_t more = program.submit(Add, {{0, READ}, {1, READ}, {2, WRITE}}, {bad}, 4);
    program.dispatch(NpuProgram::Cpu, nothing, {}, {more});
    program.beginEntry("slow");
    program.scalarsOfEntry(2);
    uint32_t slow = program.submit(Slow, {{3, READ | WRITE}});
    program.take(slow, {0, 1});
    program.dispatch(NpuProgram::Cpu, nothing, {}, {slow});
  }

  static void nothing(const tercet_kernel_args *, uint32_t, uint32_t, uint32_t, uint32_t) {}

  // The engine computes.
  static void expectGood(NpuContext &context) {
    int32_t *a = context.slot<int32_t>(0), *b = context.slot<int32_t>(1);
    for (int i = 0; i < 1024; ++i) {
      a[i] = i;
      b[i] = 1000 * i;
      context.slot<int32_t>(2)[i] = -1;
    }
    ASSERT_EQ(context.run(0), TERCET_OK) << context.text();
    for (int i = 0; i < 1024; ++i)
      ASSERT_EQ(context.slot<int32_t>(2)[i], 1001 * i);
  }

  // It is lost, which a run says at once, until it is opened again.
  static void expectReopens(NpuContext &context) {
    tercet_driver_info info;
    ASSERT_EQ(tercet_drivers_query(context.context, NpuProgram::Npu, &info), TERCET_OK);
    EXPECT_EQ(info.ready, 0);
    context.slot<int64_t>(7)[0] = 4711;
    EXPECT_EQ(context.run(0), TERCET_ERROR_ENGINE_LOST);
    ASSERT_EQ(tercet_drivers_reopen(context.context, NpuProgram::Npu), TERCET_OK) << context.text();
    EXPECT_EQ(context.slot<int64_t>(7)[0], 4711); // memory outlives the engine
    expectGood(context);
  }

  static bool mentions(const NpuContext &context, const std::string &what) {
    return context.text().find(what) != std::string::npos;
  }

  NothingIsLeft nothing_is_left;
};

INSTANTIATE_TEST_SUITE_P(, Faults, testing::Bool(),
                         [](const auto &info) { return info.param ? "Queues" : "List"; });

TEST_P(Faults, ProcessIsKilledInARun) {
  NpuProgram program(readFile(imagePath("kernels-v67")));
  fill(program, Hang);
  Opened opened(program, GetParam());
  for (int repeat = 0; repeat < 3; ++repeat) {
    expectGood(opened.context);
    int process = tercet_mailbox_process(&opened.mailbox.driver);
    ASSERT_GT(process, 0);
    std::thread killer([=] {
      std::this_thread::sleep_for(milliseconds(50));
      kill(process, SIGKILL);
    });
    auto start = steady_clock::now();
    EXPECT_EQ(opened.context.run(1), TERCET_ERROR_ENGINE_LOST);
    // Noticed at once, not by the timeout of 10 s.
    EXPECT_LT(steady_clock::now() - start, seconds(5));
    killer.join();
    EXPECT_TRUE(mentions(opened.context, "ended by signal 9")) << opened.context.text();
    EXPECT_TRUE(mentions(opened.context, "entry 'bad', command 0")) << opened.context.text();
    EXPECT_EQ(tercet_context_error(opened.context.context)->index, 0u);
    EXPECT_EQ(tercet_mailbox_process(&opened.mailbox.driver), 0);
    EXPECT_EQ(kill(process, 0), -1) << "a process is left";
    expectReopens(opened.context);
  }
}

TEST_P(Faults, ProcessIsKilledBetweenRuns) {
  NpuProgram program(readFile(imagePath("kernels-v67")));
  fill(program, Hang);
  Opened opened(program, GetParam());
  expectGood(opened.context);
  kill(tercet_mailbox_process(&opened.mailbox.driver), SIGKILL);
  EXPECT_EQ(opened.context.run(0), TERCET_ERROR_ENGINE_LOST);
  EXPECT_TRUE(mentions(opened.context, "ended by signal 9")) << opened.context.text();
  expectReopens(opened.context);
}

TEST_P(Faults, AKernelNeverEnds) {
  NpuProgram program(readFile(imagePath("kernels-v67")));
  fill(program, Hang);
  Mailbox mailbox;
  NpuContext context(program);
  Queues queues({1, 1});
  ASSERT_EQ(context.attach(mailbox.driver, 400000000), TERCET_OK) << context.text();
  if (GetParam())
    context.attachQueues(queues.port());
  int process = tercet_mailbox_process(&mailbox.driver);
  auto start = steady_clock::now();
  EXPECT_EQ(context.run(1), TERCET_ERROR_ENGINE_TIMEOUT);
  EXPECT_GE(steady_clock::now() - start, milliseconds(400));
  EXPECT_LT(steady_clock::now() - start, seconds(5));
  EXPECT_TRUE(mentions(context, "within 400 ms")) << context.text();
  EXPECT_EQ(kill(process, 0), -1) << "a process is left";
  expectReopens(context);
}

// The timeout is of one submission, not of the run.
TEST_P(Faults, ManySubmissionsMayTakeLonger) {
  NpuProgram program(readFile(imagePath("kernels-v67")));
  program.beginEntry("slow");
  program.scalarsOfEntry(2);
  for (uint32_t i = 0; i < 40; ++i) {
    program.submit(Slow, {{3, READ | WRITE}});
    program.take(i, {0, 1});
  }
  Mailbox mailbox;
  NpuContext context(program);
  Queues queues({1, 1});
  ASSERT_EQ(context.attach(mailbox.driver, 1000000000), TERCET_OK) << context.text();
  if (GetParam())
    context.attachQueues(queues.port());
  // Longer and longer, until the run is above the timeout: each submission is
  // then some fortieth of that, on a machine of any speed.
  auto elapsed = steady_clock::duration::zero();
  for (int64_t rounds = 600000; elapsed <= seconds(1); rounds += rounds / 2) {
    tercet_scalar_set(context.context, 0, 1, rounds);
    auto start = steady_clock::now();
    ASSERT_EQ(context.run(0), TERCET_OK) << context.text();
    elapsed = steady_clock::now() - start;
  }
}

TEST_P(Faults, AKernelCrashes) {
  NpuProgram program(readFile(imagePath("kernels-v67")));
  fill(program, Trap);
  Opened opened(program, GetParam());
  EXPECT_EQ(opened.context.run(1), TERCET_ERROR_ENGINE_LOST);
  EXPECT_TRUE(mentions(opened.context, "signal 11")) << opened.context.text();
  expectReopens(opened.context);
}

// The engine goes on; nothing has to be opened again.
TEST_P(Faults, AKernelReportsAFault) {
  NpuProgram program(readFile(imagePath("kernels-v67")));
  fill(program, Fault);
  Opened opened(program, GetParam());
  const std::pair<int64_t, tercet_status> cases[] = {{1, TERCET_ERROR_INDEX_OUT_OF_RANGE},
                                                     {2, TERCET_ERROR_DIVISION_BY_ZERO},
                                                     {99, TERCET_ERROR_KERNEL_FAULT},
                                                     {0, TERCET_OK}};
  for (int repeat = 0; repeat < 10; ++repeat)
    for (auto [number, status] : cases) {
      tercet_scalar_set(opened.context.context, 1, 0, number);
      EXPECT_EQ(opened.context.run(1), status) << opened.context.text();
      if (status) {
        EXPECT_TRUE(mentions(opened.context,
                             "command 0, node 'node1', fault " + std::to_string(number) + ":"))
            << opened.context.text();
      }
      expectGood(opened.context);
    }
}

// ---- Opening ----------------------------------------------------------------

// What attach returns for that image, and its message.
tercet_status attachImage(std::vector<unsigned char> image, std::string *text,
                          tercet_mailbox_options options = {}) {
  NpuProgram program(std::move(image));
  program.beginEntry("main");
  program.submit(Add, {{0, READ}, {1, READ}, {2, WRITE}});
  Mailbox mailbox(options);
  NpuContext context(program);
  EXPECT_EQ(context.status, TERCET_OK) << context.error.text;
  tercet_status status = context.attach(mailbox.driver);
  *text = context.text();
  EXPECT_EQ(tercet_mailbox_process(&mailbox.driver) != 0, !status);
  return status;
}

struct BadImage {
  const char *mention;
  std::vector<unsigned char> image;
  tercet_status status = TERCET_ERROR_ENGINE_IMAGE;
};

TEST_F(Faults, ImageIsRefused) {
  std::vector<unsigned char> good = readFile(imagePath("kernels-v67"));
  auto changed = [&](size_t at, unsigned char value) {
    std::vector<unsigned char> bytes = good;
    bytes[at] = value;
    return bytes;
  };
  std::vector<unsigned char> no_record = good;
  const std::string magic = TERCET_NPU_IMAGE_MAGIC;
  auto record = std::search(no_record.begin(), no_record.end(), magic.begin(), magic.end());
  ASSERT_NE(record, no_record.end());
  auto version = size_t(record - no_record.begin()) + 16;
  *record = 'X';
  const BadImage images[] = {
      {"not a 32-bit little-endian ELF", changed(0, 0)},
      {"not a 32-bit little-endian ELF", changed(4, 2)},
      {"not a 32-bit little-endian ELF", {good.begin(), good.begin() + 51}},
      {"another machine", changed(18, 62)},
      {"no executable", changed(16, 3)},
      {"without the record", no_record},
      {"without the record", {good.begin(), good.begin() + 400}},
      {"of version 9, this driver of 1", changed(version, 9)},
      {"for Hexagon v73, this engine runs up to v67", readFile(imagePath("kernels-v73"))},
      {"no digest", readFile(imagePath("kernels-no-digest"))},
      {"has 8 kernels, the program's table names 9", readFile(imagePath("kernels-fewer"))},
      {"refused to start, reason 3", readFile(imagePath("start-refuses"))},
      {"ended with status 7", readFile(imagePath("start-quits")), TERCET_ERROR_ENGINE_LOST}};
  for (const BadImage &bad : images) {
    std::string text;
    EXPECT_EQ(attachImage(bad.image, &text), bad.status) << bad.mention;
    EXPECT_NE(text.find(bad.mention), std::string::npos)
        << "expected: " << bad.mention << "\ngot: " << text;
  }
}

// Every single changed byte of the parts that are read: a status, no crash.
TEST_F(Faults, HostileImagesAreReadSafely) {
  std::vector<unsigned char> good = readFile(imagePath("start-quits"));
  std::string text;
  tercet_mailbox_options nowhere = {};
  nowhere.qemu = "/nonexistent/qemu";
  int refused = 0;
  for (size_t at = 0; at < 52 + 32 * 6; ++at)
    for (int value : {0x00, 0x7F, 0xFF}) {
      std::vector<unsigned char> bytes = good;
      bytes[at] = static_cast<unsigned char>(value);
      tercet_status status = attachImage(bytes, &text, nowhere);
      EXPECT_TRUE(status == TERCET_ERROR_ENGINE_IMAGE || status == TERCET_ERROR_ENGINE_ABSENT);
      refused += status == TERCET_ERROR_ENGINE_IMAGE;
    }
  EXPECT_GT(refused, 30);
}

TEST_F(Faults, ImageHasTheDigestOfAnother) {
  std::string other = imagePath("kernels-other-digest"), same = imagePath("kernels-v66"), text;
  tercet_mailbox_options options = {};
  options.image = other.c_str();
  EXPECT_EQ(attachImage(readFile(imagePath("kernels-v67")), &text, options),
            TERCET_ERROR_ENGINE_IMAGE);
  EXPECT_NE(text.find("digest of another image"), std::string::npos) << text;
  options.image = same.c_str(); // of the same kernels
  EXPECT_EQ(attachImage(readFile(imagePath("kernels-v67")), &text, options), TERCET_OK) << text;
  options.image = "/nonexistent/image";
  EXPECT_EQ(attachImage(readFile(imagePath("kernels-v67")), &text, options),
            TERCET_ERROR_ENGINE_IMAGE);
}

TEST_F(Faults, ImageNeverAnswers) {
  std::string text;
  tercet_mailbox_options options = {};
  options.start_timeout_ns = 200000000;
  EXPECT_EQ(attachImage(readFile(imagePath("start-stuck")), &text, options),
            TERCET_ERROR_ENGINE_TIMEOUT);
  EXPECT_NE(text.find("not answered within 200 ms"), std::string::npos) << text;
}

TEST_F(Faults, WindowIsTooSmall) {
  std::vector<unsigned char> image = readFile(imagePath("kernels-v67"));
  std::string text;
  tercet_mailbox_options options = {};
  options.window_bytes = 65536; // 9 pages are asked for, and the ring is in it too
  EXPECT_EQ(attachImage(image, &text, options), TERCET_OK) << text;
  options.window_bytes = 65535;
  EXPECT_EQ(attachImage(image, &text, options), TERCET_ERROR_ENGINE_MEMORY);
  EXPECT_EQ(text, "engine 'cpu1' needs a window of 65536 bytes, at most 65535 are allowed");
  options = {};
  options.local_bytes = 65535;
  EXPECT_EQ(attachImage(image, &text, options), TERCET_ERROR_ENGINE_MEMORY);
  EXPECT_NE(text.find("needs 65536 bytes of local memory"), std::string::npos) << text;
  NpuProgram large(image);
  large.pools[NpuProgram::Arena].bytes = uint64_t(3) << 30;
  large.beginEntry("main");
  Mailbox mailbox;
  NpuContext context(large);
  EXPECT_EQ(context.attach(mailbox.driver), TERCET_ERROR_ENGINE_MEMORY);
}

TEST_F(Faults, EmulatorIsAbsent) {
  std::vector<unsigned char> image = readFile(imagePath("kernels-v67"));
  std::string text;
  tercet_mailbox_options options = {};
  options.qemu = "no-such-qemu-hexagon";
  EXPECT_EQ(attachImage(image, &text, options), TERCET_ERROR_ENGINE_ABSENT);
  EXPECT_NE(text.find("'no-such-qemu-hexagon' is not there; install qemu-user"), std::string::npos)
      << text;
  std::string folder = testing::TempDir(), broken = folder + "/tercet-no-emulator";
  std::ofstream(broken) << "no program\n";
  options.qemu = broken.c_str();
  EXPECT_EQ(attachImage(image, &text, options), TERCET_ERROR_ENGINE_ABSENT);
  ASSERT_EQ(chmod(broken.c_str(), 0755), 0); // executable, but nothing that exec takes
  EXPECT_EQ(attachImage(image, &text, options), TERCET_ERROR_ENGINE_ABSENT);
  EXPECT_NE(text.find("cannot run"), std::string::npos) << text;
  unlink(broken.c_str());
  // The environment names it where options do not.
  const char *kept = getenv("TERCET_QEMU_HEXAGON");
  std::string before = kept ? kept : "";
  setenv("TERCET_QEMU_HEXAGON", "/nonexistent/qemu", 1);
  EXPECT_EQ(attachImage(image, &text), TERCET_ERROR_ENGINE_ABSENT);
  EXPECT_NE(text.find("'/nonexistent/qemu'"), std::string::npos) << text;
  if (kept)
    setenv("TERCET_QEMU_HEXAGON", before.c_str(), 1);
  else
    unsetenv("TERCET_QEMU_HEXAGON");
  EXPECT_EQ(attachImage(image, &text), TERCET_OK) << text;
}

// After a refusal the same context takes a driver that works.
TEST_F(Faults, AttachingCanBeTriedAgain) {
  NpuProgram program(readFile(imagePath("kernels-v67")));
  fill(program, Hang);
  tercet_mailbox_options options = {};
  options.qemu = "/nonexistent/qemu";
  // Outlive the context, which gives back what they lent.
  Mailbox broken(options), good;
  NpuContext context(program);
  EXPECT_EQ(context.attach(broken.driver), TERCET_ERROR_ENGINE_ABSENT);
  tercet_pool_info info;
  ASSERT_EQ(tercet_pool_query(context.context, NpuProgram::Arena, &info), TERCET_OK);
  EXPECT_EQ(info.bound, 0);
  ASSERT_EQ(context.attach(good.driver), TERCET_OK) << context.text();
  expectGood(context);
}

// ---- Nothing is left --------------------------------------------------------

bool isGone(int process) {
  for (int i = 0; i < 500; ++i) {
    // A zombie of init's has no more use for its memory either.
    std::ifstream status("/proc/" + std::to_string(process) + "/stat");
    std::string id, name, state;
    if (!(status >> id >> name >> state) || state == "Z")
      return true;
    std::this_thread::sleep_for(milliseconds(10));
  }
  return false;
}

// The application is killed while a kernel never ends: so is the emulator.
TEST_F(Faults, TheApplicationIsKilled) {
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
  GTEST_SKIP() << "the thread sanitizer allows no threads after a fork";
#endif
#endif
  int report[2];
  ASSERT_EQ(pipe(report), 0);
  pid_t application = fork();
  if (application == 0) {
    NpuProgram program(readFile(imagePath("kernels-v67")));
    fill(program, Hang);
    Mailbox mailbox;
    NpuContext context(program);
    int process = context.attach(mailbox.driver) ? 0 : tercet_mailbox_process(&mailbox.driver);
    if (write(report[1], &process, sizeof process) == sizeof process)
      context.run(1);
    _exit(1);
  }
  int process = 0;
  EXPECT_EQ(read(report[0], &process, sizeof process), ssize_t(sizeof process));
  EXPECT_GT(process, 0);
  EXPECT_EQ(kill(process, 0), 0);
  kill(application, SIGKILL);
  waitpid(application, nullptr, 0);
  EXPECT_TRUE(isGone(process));
  close(report[0]);
  close(report[1]);
}

// The thread that attached has ended: the engine goes on.
TEST_F(Faults, TheOpeningThreadEnds) {
  NpuProgram program(readFile(imagePath("kernels-v67")));
  fill(program, Hang);
  Mailbox mailbox;
  NpuContext context(program);
  std::thread([&] {
    ASSERT_EQ(context.attach(mailbox.driver), TERCET_OK) << context.text();
  }).join();
  std::this_thread::sleep_for(milliseconds(100));
  expectGood(context);
}

// A thread that is tied to a core, as those of queues are, does not tie the
// emulator to it.
TEST_F(Faults, RunsOnTheCoresOfItsMaker) {
  cpu_set_t all, one, its;
  ASSERT_EQ(sched_getaffinity(0, sizeof all, &all), 0);
  if (CPU_COUNT(&all) < 2)
    GTEST_SKIP() << "needs two cores";
  NpuProgram program(readFile(imagePath("kernels-v67")));
  fill(program, Hang);
  Mailbox mailbox;
  CPU_ZERO(&one);
  for (int core = 0; !CPU_COUNT(&one); ++core)
    if (CPU_ISSET(core, &all))
      CPU_SET(core, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  NpuContext context(program);
  EXPECT_EQ(context.attach(mailbox.driver), TERCET_OK) << context.text();
  ASSERT_EQ(sched_setaffinity(0, sizeof all, &all), 0);
  ASSERT_EQ(sched_getaffinity(tercet_mailbox_process(&mailbox.driver), sizeof its, &its), 0);
  EXPECT_TRUE(CPU_EQUAL(&its, &all));
}

TEST_F(Faults, ManyTimesOpened) {
  NpuProgram program(readFile(imagePath("kernels-v67")));
  fill(program, Hang);
  Mailbox mailbox;
  for (int repeat = 0; repeat < 10; ++repeat) {
    NpuContext context(program);
    ASSERT_EQ(context.attach(mailbox.driver), TERCET_OK) << context.text();
    expectGood(context);
    for (int again = 0; again < 3; ++again) {
      ASSERT_EQ(tercet_drivers_reopen(context.context, NpuProgram::Npu), TERCET_OK);
      expectGood(context);
    }
    ASSERT_EQ(tercet_drivers_detach(context.context), TERCET_OK);
    EXPECT_EQ(tercet_mailbox_process(&mailbox.driver), 0);
    EXPECT_EQ(context.run(0), TERCET_ERROR_NOT_BOUND);
    nothing_is_left.check();
  }
}

} // namespace

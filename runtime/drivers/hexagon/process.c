// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The supervising thread forks, so that the kernel's "signal on the parent's
// death" is about a thread that lives as long as the process is wanted: it
// comes when the application is gone, and not when some thread that happened to
// open a driver has ended. Between fork and exec only calls that are safe there.
#ifdef __linux__
#define _GNU_SOURCE
#include "process.h"
#include "../failure.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#define CLOSE_ON_EXEC 4u // CLOSE_RANGE_CLOEXEC

#define WORDS_BYTES 160
#define PATH_BYTES 4096
#define STACK_BYTES (128u << 10)

struct hexagon_process {
  hexagon_process_options options;
  char path[PATH_BYTES];
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  pid_t pid;       // 0 before the fork
  int start_error; // errno of the start; -1 while it is not known
  int reaped;
  int status;              // of waitpid; -1: not known
  char words[WORDS_BYTES]; // the last line it said
  _Atomic int ended;
};

// ---- The child --------------------------------------------------------------

static _Noreturn void give_up(int report) {
  int number = errno;
  ssize_t written = write(report, &number, sizeof number);
  (void)written;
  _exit(127);
}

static _Noreturn void become(struct hexagon_process *process, pid_t parent, int errors,
                             int report) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent)
    _exit(127);
  if (process->options.cores)
    sched_setaffinity(0, process->options.cores_bytes, (const cpu_set_t *)process->options.cores);
  setpgid(0, 0); // the terminal's signals are for the application to act on
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  struct rlimit no_core = {0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  // Out of the way of the numbers that are given out below.
  int first = fcntl(process->options.descriptors[0], F_DUPFD, 16);
  int second = fcntl(process->options.descriptors[1], F_DUPFD, 16);
  errors = fcntl(errors, F_DUPFD, 16);
  report = fcntl(report, F_DUPFD_CLOEXEC, 16);
  int nothing = open("/dev/null", O_RDWR);
  if (first < 0 || second < 0 || errors < 0 || nothing < 0 || dup2(nothing, 0) < 0 ||
      dup2(nothing, 1) < 0 || dup2(errors, 2) < 0 || dup2(first, 3) < 0 || dup2(second, 4) < 0)
    give_up(report);
  if (syscall(SYS_close_range, 5u, ~0u, CLOSE_ON_EXEC))
    for (int descriptor = 5; descriptor < 4096; ++descriptor)
      fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  char *const arguments[] = {process->path, (char *)(uintptr_t)process->options.argument, NULL};
  execv(process->path, arguments);
  give_up(report);
}

// ---- The supervisor ---------------------------------------------------------

static void tell_start(struct hexagon_process *process, int number) {
  pthread_mutex_lock(&process->mutex);
  process->start_error = number;
  pthread_cond_signal(&process->changed);
  pthread_mutex_unlock(&process->mutex);
}

// Nonzero once the child has been reaped.
static int try_reap(struct hexagon_process *process) {
  pthread_mutex_lock(&process->mutex);
  if (!process->reaped) {
    int status = -1;
    pid_t result = waitpid(process->pid, &status, WNOHANG);
    if (result == process->pid || (result < 0 && errno != EINTR)) {
      process->reaped = 1; // ECHILD: somebody else has taken the status
      process->status = result < 0 ? -1 : status;
    }
  }
  int reaped = process->reaped;
  pthread_mutex_unlock(&process->mutex);
  return reaped;
}

// Keeps the last line of what the child says.
static void keep_words(struct hexagon_process *process, const char *text, ssize_t bytes) {
  pthread_mutex_lock(&process->mutex);
  size_t length = strlen(process->words);
  for (ssize_t i = 0; i < bytes; ++i) {
    if (text[i] == '\n' && i + 1 < bytes)
      length = 0;
    else if ((unsigned char)text[i] >= 32 && length + 1 < WORDS_BYTES)
      process->words[length++] = text[i];
    process->words[length] = 0;
  }
  pthread_mutex_unlock(&process->mutex);
}

// Until the child has ended. Its standard error ends with it; should something
// else hold that open, the end is noticed a little later.
static void supervise(struct hexagon_process *process, int errors) {
  int open_errors = 1;
  for (;;) {
    struct pollfd input = {errors, POLLIN, 0};
    if (open_errors && poll(&input, 1, 250) > 0) {
      char text[512];
      ssize_t bytes = read(errors, text, sizeof text);
      if (bytes > 0) {
        keep_words(process, text, bytes);
        continue;
      }
      open_errors = 0;
    }
    if (try_reap(process))
      return;
    if (!open_errors) {
      struct timespec pause = {0, 500000};
      nanosleep(&pause, NULL);
    }
  }
}

static void *run(void *argument) {
  struct hexagon_process *process = (struct hexagon_process *)argument;
  int errors[2] = {-1, -1}, report[2] = {-1, -1};
  pid_t parent = getpid();
  if (pipe2(errors, O_CLOEXEC) || pipe2(report, O_CLOEXEC)) {
    tell_start(process, errno);
    goto close_all;
  }
  // In between nobody asks for the id.
  process->pid = fork();
  if (process->pid == 0)
    become(process, parent, errors[1], report[1]);
  int number = process->pid < 0 ? errno : 0;
  close(errors[1]);
  close(report[1]);
  errors[1] = report[1] = -1;
  if (!number) {
    ssize_t bytes;
    do
      bytes = read(report[0], &number, sizeof number); // ends at exec
    while (bytes < 0 && errno == EINTR);
    tell_start(process, bytes == (ssize_t)sizeof number ? number : 0);
    supervise(process, errors[0]);
  } else {
    tell_start(process, number);
  }
close_all:
  for (int i = 0; i < 2; ++i) {
    if (errors[i] >= 0)
      close(errors[i]);
    if (report[i] >= 0)
      close(report[i]);
  }
  atomic_store(&process->ended, 1);
  process->options.ended(process->options.user);
  return NULL;
}

// ---- Calls ------------------------------------------------------------------

static int find_program(const char *name, char path[PATH_BYTES]) {
  if (strchr(name, '/'))
    return snprintf(path, PATH_BYTES, "%s", name) < PATH_BYTES && access(path, X_OK) == 0;
  const char *from = getenv("PATH");
  while (from && *from) {
    size_t length = strcspn(from, ":");
    int bytes = snprintf(path, PATH_BYTES, "%.*s/%s", (int)length, from, name);
    if (length && bytes < PATH_BYTES && access(path, X_OK) == 0)
      return 1;
    from += length;
    from += *from == ':';
  }
  return 0;
}

static int start_thread(struct hexagon_process *process) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, STACK_BYTES);
  // Signals of the application are not for this thread.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int number = pthread_create(&process->thread, &attributes, run, process);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  return number;
}

tercet_status hexagon_process_start(const hexagon_process_options *options, hexagon_process **out,
                                    tercet_error *error) {
  *out = NULL;
  struct hexagon_process *process = (struct hexagon_process *)calloc(1, sizeof *process);
  if (!process)
    return driver_fail(error, TERCET_ERROR_SYSTEM_MEMORY, "no memory for a process");
  process->options = *options;
  process->start_error = -1;
  process->status = -1;
  if (!find_program(options->program, process->path)) {
    free(process);
    return driver_fail(error, TERCET_ERROR_ENGINE_ABSENT,
                       "'%s' is not there; install qemu-user, or let TERCET_QEMU_HEXAGON name it",
                       options->program);
  }
  pthread_mutex_init(&process->mutex, NULL);
  pthread_cond_init(&process->changed, NULL);
  int number = start_thread(process);
  if (number) {
    pthread_mutex_destroy(&process->mutex);
    pthread_cond_destroy(&process->changed);
    free(process);
    return driver_fail(error, TERCET_ERROR_THREAD_START, "no thread for a process: %s",
                       strerror(number));
  }
  pthread_mutex_lock(&process->mutex);
  while (process->start_error < 0)
    pthread_cond_wait(&process->changed, &process->mutex);
  number = process->start_error;
  pthread_mutex_unlock(&process->mutex);
  if (number) {
    driver_fail(error, TERCET_ERROR_ENGINE_ABSENT, "cannot run '%s': %s", process->path,
                strerror(number));
    hexagon_process_end(process);
    return TERCET_ERROR_ENGINE_ABSENT;
  }
  *out = process;
  return TERCET_OK;
}

int hexagon_process_has_ended(const hexagon_process *process) {
  return atomic_load(&process->ended);
}

void hexagon_process_describe(hexagon_process *process, char *text, size_t bytes) {
  pthread_mutex_lock(&process->mutex);
  int used;
  if (!process->reaped)
    used = snprintf(text, bytes, "the NPU's process runs");
  else if (process->status == -1)
    used = snprintf(text, bytes, "the NPU's process ended");
  else if (WIFSIGNALED(process->status))
    used = snprintf(text, bytes, "the NPU's process was ended by signal %d (%s)",
                    WTERMSIG(process->status), strsignal(WTERMSIG(process->status)));
  else
    used = snprintf(text, bytes, "the NPU's process ended with status %d",
                    WEXITSTATUS(process->status));
  if (used > 0 && (size_t)used < bytes && process->words[0])
    snprintf(text + used, bytes - (size_t)used, ": %s", process->words);
  pthread_mutex_unlock(&process->mutex);
}

int hexagon_process_id(const hexagon_process *process) {
  return atomic_load(&process->ended) ? 0 : (int)process->pid;
}

void hexagon_process_end(hexagon_process *process) {
  if (!process)
    return;
  pthread_mutex_lock(&process->mutex);
  if (process->pid > 0 && !process->reaped)
    kill(process->pid, SIGKILL);
  pthread_mutex_unlock(&process->mutex);
  pthread_join(process->thread, NULL);
  pthread_cond_destroy(&process->changed);
  pthread_mutex_destroy(&process->mutex);
  free(process);
}

#else
typedef int hexagon_process_is_for_linux;
#endif

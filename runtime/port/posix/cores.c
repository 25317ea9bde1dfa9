// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which cores to use. On a chip with two kinds of core a statically
// partitioned loop ends with its slowest share, so workers belong on the fast
// kind; of two hardware threads of one core only one is worth a worker. Queues
// use all cores, each queue its own. Linux says what there is in sysfs;
// elsewhere all processors online are taken.
#ifdef __linux__
#define _GNU_SOURCE
#include <sched.h>
#endif
#include "tercet/posix.h"
#include "workers.h"
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef __linux__

// First number in /sys/devices/system/cpu/cpu<cpu>/<file>, or -1.
static long read_number(size_t cpu, const char *file) {
  static const char prefix[] = "/sys/devices/system/cpu/cpu";
  char path[128];
  size_t end = 0;
  for (const char *p = prefix; *p; ++p)
    path[end++] = *p;
  for (size_t scale = 1000; scale; scale /= 10)
    if (cpu >= scale || scale == 1)
      path[end++] = (char)('0' + cpu / scale % 10);
  path[end++] = '/';
  while (*file && end < sizeof path - 1)
    path[end++] = *file++;
  path[end] = 0;
  int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    return -1;
  char text[32];
  ssize_t got = read(descriptor, text, sizeof text - 1);
  close(descriptor);
  if (got <= 0)
    return -1;
  text[got] = 0;
  char *rest = text;
  long value = strtol(text, &rest, 10);
  return rest == text ? -1 : value;
}

// How fast a core is, in whatever unit this system has; 0 if it does not say.
static long read_speed(size_t cpu) {
  long capacity = read_number(cpu, "cpu_capacity");
  if (capacity > 0)
    return capacity;
  long frequency = read_number(cpu, "cpufreq/cpuinfo_max_freq");
  return frequency > 0 ? frequency : 0;
}

// Whether the processor is another hardware thread of a core that is in the set.
static int is_sibling(size_t cpu, const cpu_set_t *cores) {
  // The list starts with the core's lowest thread.
  long first = read_number(cpu, "topology/thread_siblings_list");
  return first >= 0 && (size_t)first < cpu && CPU_ISSET((size_t)first, cores);
}

// The fast cores among those that this process may run on. Within a fifth of
// the fastest counts as fast: turbo bins differ between equal cores.
static int find_cores(cpu_set_t *cores) {
  cpu_set_t allowed;
  CPU_ZERO(cores);
  if (sched_getaffinity(0, sizeof allowed, &allowed))
    return 0;
  long best = 0;
  for (size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &allowed)) {
      long speed = read_speed(cpu);
      best = speed > best ? speed : best;
    }
  int count = 0;
  for (size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed) || read_speed(cpu) < best - best / 5)
      continue;
    if (is_sibling(cpu, cores))
      continue;
    CPU_SET(cpu, cores);
    ++count;
  }
  return count;
}

uint32_t tercet_cores_count(void) {
  cpu_set_t cores;
  int count = find_cores(&cores);
  return count > 0 ? (uint32_t)count : 1;
}

void tercet_cores_place(pthread_t thread, uint32_t index, int pin) {
  cpu_set_t cores, allowed;
  int count = find_cores(&cores);
  if (count <= 0 || sched_getaffinity(0, sizeof allowed, &allowed))
    return;
  if (pin) {
    uint32_t rank = index % (uint32_t)count;
    for (size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu)
      if (CPU_ISSET(cpu, &cores) && rank-- == 0) {
        CPU_ZERO(&cores);
        CPU_SET(cpu, &cores);
        break;
      }
    pthread_setaffinity_np(thread, sizeof cores, &cores);
  } else if (index < (uint32_t)count && CPU_COUNT(&allowed) > count) {
    pthread_setaffinity_np(thread, sizeof cores, &cores);
  }
}

uint32_t tercet_cores_order(uint32_t *cpus, uint32_t capacity, int *mixed) {
  cpu_set_t allowed, cores;
  *mixed = 0;
  CPU_ZERO(&cores);
  if (sched_getaffinity(0, sizeof allowed, &allowed))
    return 0;
  uint32_t count = 0, siblings = 0;
  long speeds[CPU_SETSIZE];
  for (size_t cpu = 0; cpu < CPU_SETSIZE && count < capacity; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed))
      continue;
    int sibling = is_sibling(cpu, &cores);
    long speed = read_speed(cpu);
    if (sibling)
      ++siblings;
    else
      CPU_SET(cpu, &cores);
    // Cores come before siblings, and keep their order among equals.
    uint32_t at = count++;
    for (; at && !sibling && (at > count - 1 - siblings || speeds[at - 1] < speed); --at) {
      cpus[at] = cpus[at - 1];
      speeds[at] = speeds[at - 1];
    }
    cpus[at] = (uint32_t)cpu;
    speeds[at] = speed;
  }
  uint32_t kinds_end = count - siblings;
  *mixed = kinds_end && speeds[kinds_end - 1] < speeds[0] - speeds[0] / 5;
  return count;
}

void tercet_cores_tie(pthread_t thread, const uint32_t *cpus, uint32_t count) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  for (uint32_t i = 0; i < count; ++i)
    CPU_SET(cpus[i], &cores);
  if (count)
    pthread_setaffinity_np(thread, sizeof cores, &cores);
}

#else

uint32_t tercet_cores_count(void) {
  long count = sysconf(_SC_NPROCESSORS_ONLN);
  return count > 0 ? (uint32_t)count : 1;
}

void tercet_cores_place(pthread_t thread, uint32_t index, int pin) {
  (void)thread, (void)index, (void)pin;
}

uint32_t tercet_cores_order(uint32_t *cpus, uint32_t capacity, int *mixed) {
  (void)cpus, (void)capacity;
  *mixed = 0;
  return 0;
}

void tercet_cores_tie(pthread_t thread, const uint32_t *cpus, uint32_t count) {
  (void)thread, (void)cpus, (void)count;
}

#endif

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Latency of whole runs, and of each command by the clock of the port. The
// timeline is that of one run, so that its commands fit together; the figures
// beside it are statistics of all runs.
#include "profile.h"
#include "tercet/driver.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char *text) {
  fprintf(stderr, "tercet-run: error: %s\n", text);
  return 1;
}

static int run_once(tercet_context *context, uint32_t entry) {
  tercet_status status = tercet_entry_run(context, entry);
  if (!status)
    return 0;
  fprintf(stderr, "tercet-run: error: %s: %s\n", tercet_status_string(status),
          tercet_context_error(context)->text);
  return 1;
}

static int compare(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

// Sorts.
static uint64_t median(uint64_t *values, uint32_t count) {
  qsort(values, count, sizeof *values, compare);
  return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

int profile_latency(tercet_context *context, uint32_t entry, uint32_t count,
                    const thread_plan *plan) {
  uint64_t *times = calloc(count, sizeof *times);
  if (!times)
    return fail("out of memory");
  int failed = 0;
  for (uint32_t i = 0; i < count && !failed; ++i) {
    uint64_t start = tercet_port_clock_read();
    failed = run_once(context, entry);
    times[i] = tercet_port_clock_read() - start;
  }
  if (!failed) {
    uint64_t middle = median(times, count);
    printf("latency: median %.3f ms, min %.3f ms (%u runs, ", (double)middle / 1e6,
           (double)times[0] / 1e6, count);
    if (plan->queues > 1)
      printf("%u queues, ", plan->queues);
    printf("%u workers)\n", plan->workers);
  }
  free(times);
  return failed;
}

static void write_text(FILE *file, const char *text) {
  fputc('"', file);
  for (; *text; ++text) {
    unsigned char c = (unsigned char)*text;
    if (c == '"' || c == '\\')
      fprintf(file, "\\%c", c);
    else if (c < 0x20)
      fprintf(file, "\\u%04x", c);
    else
      fputc(c, file);
  }
  fputc('"', file);
}

static const char *opcode_name(tercet_opcode opcode) {
  switch (opcode) {
  case TERCET_COMMAND_DISPATCH:
    return "dispatch";
  case TERCET_COMMAND_COPY:
    return "copy";
  case TERCET_COMMAND_SIGNAL:
    return "signal";
  case TERCET_COMMAND_WAIT:
    return "wait";
  default:
    return "submit";
  }
}

// Measured runs of an entry.
typedef struct profile {
  const tercet_context *context;
  const thread_plan *plan;
  tercet_entry_info info;
  uint32_t entry, count;
  tercet_profile_sample *runs;    // `count` of them
  tercet_profile_sample *samples; // [run * command_count + command]
  tercet_engine_sample *counts;   // of the last run, by command
  uint64_t *sorted;               // room for one value a run
} profile;

// The run whose latency is in the middle.
static uint32_t find_median_run(const profile *p) {
  for (uint32_t i = 0; i < p->count; ++i)
    p->sorted[i] = p->runs[i].end - p->runs[i].start;
  qsort(p->sorted, p->count, sizeof *p->sorted, compare);
  uint64_t middle = p->sorted[(p->count - 1) / 2];
  uint32_t run = 0;
  while (p->runs[run].end - p->runs[run].start != middle)
    ++run;
  return run;
}

static void write_engines(FILE *file, const profile *p) {
  tercet_engine_info engine;
  const char *separator = "";
  fputs(",\n \"engines\": [", file);
  for (uint32_t e = 0; !tercet_engine_query(p->context, e, &engine); ++e) {
    if (engine.queue == TERCET_NONE)
      continue;
    uint32_t queue = p->plan->queues > 1 ? engine.queue : 0;
    fprintf(file, "%s\n  {\"name\": ", separator);
    write_text(file, engine.name);
    fprintf(file, ", \"queue\": %u, \"workers\": %u}", queue, p->plan->of_queue[queue]);
    separator = ",";
  }
  fputs("\n ]", file);
}

// Returns the median time.
static uint64_t write_command(FILE *file, const profile *p, uint32_t c, uint32_t run) {
  tercet_command_info command;
  tercet_command_query(p->context, p->entry, c, &command);
  uint32_t commands = p->info.command_count;
  for (uint32_t i = 0; i < p->count; ++i) {
    const tercet_profile_sample *sample = &p->samples[(size_t)i * commands + c];
    p->sorted[i] = sample->end - sample->start;
  }
  uint64_t ns = median(p->sorted, p->count);
  const tercet_profile_sample *shown = &p->samples[(size_t)run * commands + c];
  fprintf(file, "%s\n  {\"index\": %u, \"op\": \"%s\", \"kernel\": ", c ? "," : "", c,
          opcode_name(command.opcode));
  write_text(file, command.kernel);
  fprintf(file, ", \"engine\": ");
  write_text(file, command.engine);
  fprintf(file, ", \"node\": ");
  write_text(file, command.node);
  fprintf(file,
          ", \"tiles\": %u, \"start_ns\": %" PRIu64 ", \"end_ns\": %" PRIu64 ", \"ns\": %" PRIu64
          ", \"min_ns\": %" PRIu64 ", \"predicted_ps\": %" PRIu64,
          command.tiles, shown->start - p->runs[run].start, shown->end - p->runs[run].start, ns,
          p->sorted[0], command.predicted_ps);
  if (p->counts[c].packets)
    fprintf(file,
            ", \"packets\": %" PRIu64 ", \"packets_of_one\": %" PRIu64
            ", \"vector_instructions\": %" PRIu64,
            p->counts[c].packets, p->counts[c].packets_of_one, p->counts[c].vector_instructions);
  fputc('}', file);
  return ns;
}

static void write_profile(FILE *file, const profile *p) {
  uint64_t total = 0;
  uint32_t run = find_median_run(p);
  uint64_t least = p->sorted[0], middle = median(p->sorted, p->count);
  fprintf(file, "{\n \"format\": 1,\n \"entry\": ");
  write_text(file, p->info.name);
  fprintf(file,
          ",\n \"order\": \"%s\",\n \"workers\": %u,\n \"runs\": %u,\n \"latency_ns\": "
          "{\"min\": %" PRIu64 ", \"median\": %" PRIu64 "}",
          p->plan->queues > 1 ? "queues" : "list", p->plan->workers, p->count, least, middle);
  write_engines(file, p);
  fprintf(file, ",\n \"commands\": [");
  for (uint32_t c = 0; c < p->info.command_count; ++c)
    total += write_command(file, p, c, run);
  fprintf(file, "\n ],\n \"total_ns\": %" PRIu64 "\n}\n", total);
}

static int measure(tercet_context *context, const profile *p) {
  int failed = 0;
  tercet_drivers_samples_set(context, p->counts, p->info.command_count); // if it has drivers
  for (uint32_t i = 0; i < p->count && !failed; ++i) {
    tercet_profile_set(context, p->samples + (size_t)i * p->info.command_count,
                       p->info.command_count, NULL, NULL);
    p->runs[i].start = tercet_port_clock_read();
    failed = run_once(context, p->entry);
    p->runs[i].end = tercet_port_clock_read();
  }
  tercet_profile_set(context, NULL, 0, NULL, NULL);
  tercet_drivers_samples_set(context, NULL, 0);
  return failed;
}

int profile_commands(tercet_context *context, uint32_t entry, uint32_t count, const char *path,
                     const thread_plan *plan) {
  profile p = {.context = context, .plan = plan, .entry = entry};
  tercet_entry_query(context, entry, &p.info);
  p.count = count < 1000 ? count : 1000;
  p.runs = calloc(p.count, sizeof *p.runs);
  p.samples = calloc((size_t)p.info.command_count * p.count + 1, sizeof *p.samples);
  p.sorted = calloc(p.count, sizeof *p.sorted);
  p.counts = calloc((size_t)p.info.command_count + 1, sizeof *p.counts);
  if (!p.runs || !p.samples || !p.sorted || !p.counts)
    return fail("out of memory");
  int failed = measure(context, &p);
  FILE *file = failed ? NULL : fopen(path, "w");
  if (file)
    write_profile(file, &p);
  if (!failed && (!file || ferror(file) | fclose(file))) {
    fprintf(stderr, "tercet-run: error: cannot write '%s': %s\n", path, strerror(errno));
    failed = 1;
  }
  free(p.runs);
  free(p.samples);
  free(p.sorted);
  free(p.counts);
  return failed;
}

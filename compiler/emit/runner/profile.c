// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Latency of whole runs, and of each command by the clock of the port.
#include "profile.h"
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

static uint64_t median(uint64_t *values, uint32_t count) {
  qsort(values, count, sizeof *values, compare);
  return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

int profile_latency(tercet_context *context, uint32_t entry, uint32_t count) {
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
    printf("latency: median %.3f ms, min %.3f ms (%u runs, %u workers)\n", (double)middle / 1e6,
           (double)times[0] / 1e6, count, tercet_context_workers(context));
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

// times[command * count + run]
static void write_profile(FILE *file, const tercet_context *context, uint32_t entry,
                          const tercet_entry_info *info, uint64_t *times, uint32_t count) {
  uint64_t total = 0;
  fprintf(file, "{\n \"format\": 1,\n \"entry\": ");
  write_text(file, info->name);
  fprintf(file, ",\n \"workers\": %u,\n \"runs\": %u,\n \"commands\": [",
          tercet_context_workers(context), count);
  for (uint32_t c = 0; c < info->command_count; ++c) {
    tercet_command_info command;
    tercet_command_query(context, entry, c, &command);
    uint64_t ns = median(times + (size_t)c * count, count);
    total += ns;
    fprintf(file, "%s\n  {\"index\": %u, \"op\": \"%s\", \"kernel\": ", c ? "," : "", c,
            opcode_name(command.opcode));
    write_text(file, command.kernel);
    fprintf(file, ", \"engine\": ");
    write_text(file, command.engine);
    fprintf(file, ", \"node\": ");
    write_text(file, command.node);
    fprintf(file, ", \"tiles\": %u, \"ns\": %" PRIu64 ", \"predicted_ps\": %" PRIu64 "}",
            command.tiles, ns, command.predicted_ps);
  }
  fprintf(file, "\n ],\n \"total_ns\": %" PRIu64 "\n}\n", total);
}

int profile_commands(tercet_context *context, uint32_t entry, uint32_t count, const char *path) {
  tercet_entry_info info;
  tercet_entry_query(context, entry, &info);
  uint32_t commands = info.command_count;
  if (count > 1000)
    count = 1000;
  tercet_profile_sample *samples = calloc((size_t)commands + 1, sizeof *samples);
  uint64_t *times = calloc((size_t)commands * count + 1, sizeof *times);
  if (!samples || !times)
    return fail("out of memory");
  tercet_profile_set(context, samples, commands, NULL, NULL);
  int failed = 0;
  for (uint32_t i = 0; i < count && !failed; ++i) {
    failed = run_once(context, entry);
    for (uint32_t c = 0; c < commands; ++c)
      times[(size_t)c * count + i] = samples[c].end - samples[c].start;
  }
  tercet_profile_set(context, NULL, 0, NULL, NULL);
  FILE *file = failed ? NULL : fopen(path, "w");
  if (file)
    write_profile(file, context, entry, &info, times, count);
  if (!failed && (!file || ferror(file) | fclose(file))) {
    fprintf(stderr, "tercet-run: error: cannot write '%s': %s\n", path, strerror(errno));
    failed = 1;
  }
  free(samples);
  free(times);
  return failed;
}

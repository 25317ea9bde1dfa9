// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The program that tercet-run and --emit exe link a compiled model into: binds
// inputs from files, runs an entry point, writes outputs, measures. It is built
// for every triple and knows the model through one symbol, which the linker
// makes an alias of tercet_NAME. All memory is freed by the end of the process.
#include "engines.h"
#include "profile.h"
#include "program.h"
#include "record.h"
#include "serve.h"
#include "tensor_file.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct binding {
  const char *name; // not NUL-terminated
  size_t length;
  const char *path;
  int used;
} binding;

typedef struct arguments {
  const char *entry, *weights, *profile, *record;
  binding *inputs, *outputs, *scalars; // of scalars, `path` is the value
  uint32_t input_count, output_count, scalar_count;
  uint32_t repeat;
  thread_options threads;
} arguments;

static const char usage[] =
    "usage: [--entry NAME] --input NAME=FILE ... [--output NAME=FILE ...] "
    "[--scalar NAME=VALUE ...] [--weights FILE] [--repeat N] [--threads N] [--sequential] [--pin] "
    "[--profile FILE] [--record FILE]\n"
    "files are .npy, or the plain bytes under any other ending";

static int parse_number(const char *text, uint32_t *number) {
  char *end;
  unsigned long value = strtoul(text, &end, 10);
  *number = (uint32_t)value;
  return !*text || *end || text[0] == '-' || value == 0 || value > 1000000;
}

static int parse(int argc, char **argv, arguments *args) {
  args->inputs = calloc((size_t)argc + 1, sizeof(binding));
  args->outputs = calloc((size_t)argc + 1, sizeof(binding));
  args->scalars = calloc((size_t)argc + 1, sizeof(binding));
  if (!args->inputs || !args->outputs || !args->scalars)
    return fail("out of memory");
  for (int i = 1; i < argc; ++i) {
    const char *option = argv[i];
    if (strcmp(option, "--help") == 0)
      return puts(usage), -1;
    if (strcmp(option, "--sequential") == 0) {
      args->threads.sequential = 1;
      continue;
    }
    if (strcmp(option, "--pin") == 0) {
      args->threads.pin = 1;
      continue;
    }
    if (i + 1 == argc || strncmp(option, "--", 2) != 0)
      return fail(usage);
    const char *value = argv[++i];
    int input = strcmp(option, "--input") == 0;
    int output = strcmp(option, "--output") == 0;
    if (input || output || strcmp(option, "--scalar") == 0) {
      // Names may hold '=': the file is behind the last one.
      const char *equals = strrchr(value, '=');
      if (!equals || equals == value || !equals[1])
        return fail("--input and --output need NAME=FILE, --scalar NAME=VALUE");
      binding *bound = input    ? &args->inputs[args->input_count++]
                       : output ? &args->outputs[args->output_count++]
                                : &args->scalars[args->scalar_count++];
      bound->name = value;
      bound->length = (size_t)(equals - value);
      bound->path = equals + 1;
    } else if (strcmp(option, "--entry") == 0) {
      args->entry = value;
    } else if (strcmp(option, "--weights") == 0) {
      args->weights = value;
    } else if (strcmp(option, "--profile") == 0) {
      args->profile = value;
    } else if (strcmp(option, "--record") == 0) {
      args->record = value;
    } else if (strcmp(option, "--repeat") == 0) {
      if (parse_number(value, &args->repeat))
        return fail("--repeat needs a number of at least 1");
    } else if (strcmp(option, "--threads") == 0) {
      if (parse_number(value, &args->threads.threads))
        return fail("--threads needs a number of at least 1");
    } else {
      return fail(usage);
    }
  }
  return 0;
}

static binding *find_binding(binding *bindings, uint32_t count, const char *name) {
  for (uint32_t i = 0; i < count; ++i)
    if (strlen(name) == bindings[i].length &&
        memcmp(name, bindings[i].name, bindings[i].length) == 0)
      return &bindings[i];
  return NULL;
}

// Lists what the entry has on one side, for an error that has just been said.
static int list_tensors(const tercet_context *context, uint32_t entry, tercet_direction side) {
  tercet_tensor_info info;
  for (uint32_t i = 0; !tercet_tensor_query(context, entry, side, i, &info); ++i) {
    char type[200];
    tensor_describe(&info, type, sizeof type);
    fprintf(stderr, "  %s %s: %s\n", side == TERCET_INPUT ? "input" : "output", info.name, type);
  }
  return 1;
}

static int check_names(const tercet_context *context, uint32_t entry, tercet_direction side,
                       const binding *bindings, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) {
    if (bindings[i].used)
      continue;
    fprintf(stderr, "tercet-run: error: no %s '%.*s'; expected\n",
            side == TERCET_INPUT ? "input" : "output", (int)bindings[i].length, bindings[i].name);
    return list_tensors(context, entry, side);
  }
  return 0;
}

static int bind_inputs(tercet_context *context, uint32_t entry, arguments *args) {
  tercet_tensor_info info;
  char text[512];
  for (uint32_t i = 0; !tercet_tensor_query(context, entry, TERCET_INPUT, i, &info); ++i) {
    binding *bound = find_binding(args->inputs, args->input_count, info.name);
    void *data = info.data;
    if (!bound && !(info.flags & TERCET_TENSOR_STATE)) {
      fprintf(stderr, "tercet-run: error: input '%s' is missing; expected\n", info.name);
      return list_tensors(context, entry, TERCET_INPUT);
    }
    if (info.bindable) {
      data = allocate(info.bytes, info.alignment);
      if (!data)
        return fail("out of memory");
      tercet_status status = tercet_input_bind(context, entry, i, data, info.bytes);
      if (status)
        return fail_status(status, tercet_context_error(context));
    }
    if (!bound)
      continue;
    bound->used = 1;
    if (tensor_file_read(bound->path, &info, data, text))
      return fail(text);
  }
  return check_names(context, entry, TERCET_INPUT, args->inputs, args->input_count);
}

static int bind_outputs(tercet_context *context, uint32_t entry, arguments *args) {
  tercet_tensor_info info;
  for (uint32_t i = 0; !tercet_tensor_query(context, entry, TERCET_OUTPUT, i, &info); ++i) {
    binding *bound = find_binding(args->outputs, args->output_count, info.name);
    if (bound)
      bound->used = 1;
    if (!info.bindable || info.data)
      continue;
    void *data = allocate(info.bytes, info.alignment);
    if (!data)
      return fail("out of memory");
    tercet_status status = tercet_output_bind(context, entry, i, data, info.bytes);
    if (status)
      return fail_status(status, tercet_context_error(context));
  }
  return check_names(context, entry, TERCET_OUTPUT, args->outputs, args->output_count);
}

static int set_scalars(tercet_context *context, uint32_t entry, const arguments *args) {
  for (uint32_t i = 0; i < args->scalar_count; ++i) {
    const binding *bound = &args->scalars[i];
    char name[256], *end;
    snprintf(name, sizeof name, "%.*s", (int)bound->length, bound->name);
    uint32_t index;
    long long value = strtoll(bound->path, &end, 10);
    if (*end)
      return fail("--scalar needs NAME=VALUE with an integer");
    tercet_status status = tercet_scalar_find(context, entry, name, &index);
    if (!status)
      status = tercet_scalar_set(context, entry, index, value);
    if (status)
      return fail_status(status, tercet_context_error(context));
  }
  return 0;
}

static int write_outputs(const tercet_context *context, uint32_t entry, arguments *args) {
  tercet_tensor_info info;
  char text[512];
  for (uint32_t i = 0; !tercet_tensor_query(context, entry, TERCET_OUTPUT, i, &info); ++i) {
    binding *bound = find_binding(args->outputs, args->output_count, info.name);
    if (bound && tensor_file_write(bound->path, &info, info.data, text))
      return fail(text);
    if (args->output_count)
      continue;
    char values[200];
    tensor_describe(&info, text, sizeof text);
    tensor_preview(&info, info.data, values, sizeof values);
    printf("%s: %s%s\n", info.name, text, values);
  }
  return 0;
}

static int run_entry(tercet_context *context, arguments *args, const thread_plan *plan) {
  uint32_t entry;
  if (tercet_entry_find(context, args->entry, &entry)) {
    fprintf(stderr, "tercet-run: error: no entry point '%s'; there are\n", args->entry);
    tercet_entry_info info;
    for (uint32_t i = 0; !tercet_entry_query(context, i, &info); ++i)
      fprintf(stderr, "  %s\n", info.name);
    return 1;
  }
  if (bind_inputs(context, entry, args) || bind_outputs(context, entry, args) ||
      set_scalars(context, entry, args))
    return 1;
  if (args->record) {
    if (record_run(context, entry, args->record))
      return 1;
  } else {
    tercet_status run = tercet_entry_run(context, entry);
    if (run)
      return fail_status(run, tercet_context_error(context));
  }
  // The outputs of the first run: later ones start from another state.
  if (write_outputs(context, entry, args))
    return 1;
  if (args->repeat && profile_latency(context, entry, args->repeat, plan))
    return 1;
  if (args->profile &&
      profile_commands(context, entry, args->repeat ? args->repeat : 1, args->profile, plan))
    return 1;
  return fflush(stdout) ? fail("cannot write to standard output") : 0;
}

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "--serve") == 0)
    return serve(argc - 2, argv + 2);
  arguments args = {0};
  int status = parse(argc, argv, &args);
  if (status)
    return status < 0 ? 0 : status;
  tercet_context *context = NULL;
  thread_plan plan = {0};
  if (open_program(args.weights, &args.threads, &context, &plan))
    return 1;
  status = run_entry(context, &args, &plan);
  engines_stop(context);
  return status;
}

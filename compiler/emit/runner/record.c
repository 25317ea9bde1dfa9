// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An observer sees each command when it has ended, before anything that comes
// after it.
#include "record.h"
#include "program.h"
#include <stdio.h>
#include <string.h>

// The operand's bytes for the file; NULL: it was not written, or is not there for
// the CPU.
static const void *written(const tercet_context *context, const tercet_command_info *command,
                           uint32_t index, uint64_t *bytes) {
  tercet_operand_info operand;
  if (tercet_operand_query(context, command->entry, command->command, index, &operand) ||
      !(operand.access & TERCET_ACCESS_WRITE))
    return NULL;
  *bytes = operand.bytes;
  return operand.data;
}

static int observe(void *user, const tercet_context *context, const tercet_command_info *command) {
  FILE *file = user;
  uint64_t bytes;
  record_command head = {command->command, (uint32_t)strlen(command->node), 0, 0};
  for (uint32_t i = 0; i < command->operand_count; ++i)
    head.operands += written(context, command, i, &bytes) != NULL;
  fwrite(&head, sizeof head, 1, file);
  fwrite(command->node, 1, head.name_bytes, file);
  for (uint32_t i = 0; i < command->operand_count; ++i) {
    const void *data = written(context, command, i, &bytes);
    if (!data)
      continue;
    fwrite(&bytes, sizeof bytes, 1, file);
    fwrite(data, 1, bytes, file);
  }
  return ferror(file);
}

int record_run(tercet_context *context, uint32_t entry, const char *path) {
  FILE *file = fopen(path, "wb");
  if (!file)
    return fail_named(TERCET_ERROR_FILE_OPEN, path);
  tercet_status status = tercet_observer_set(context, observe, file);
  if (!status)
    status = tercet_entry_run(context, entry);
  int incomplete = ferror(file);
  if (fclose(file) || incomplete)
    return fail_named(TERCET_ERROR_FILE_OPEN, path);
  return status ? fail_status(status, tercet_context_error(context)) : 0;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A view of a table: for every known record kind, where its elements are, how
// many and how far apart. Parsing establishes that all elements are inside the
// table and that strides are long enough; tercet_table_validate that their
// contents obey abi.h. Invariant: after both, the inline accessors may be used
// with any index below `count` without further checks.
#ifndef TERCET_CORE_TABLE_H
#define TERCET_CORE_TABLE_H

#include "tercet/runtime.h"

// The features that a program may require of this runtime.
#define TERCET_FEATURES_KNOWN TERCET_BIT(TERCET_FEATURE_SUBMIT_BIT)

#define TERCET_RECORD_END (TERCET_RECORD_LIMITS + 1)

typedef struct tercet_records {
  const unsigned char *data;
  uint32_t count;
  uint32_t stride;
} tercet_records;

typedef struct tercet_table {
  tercet_records records[TERCET_RECORD_END];
} tercet_table;

// Checks magic, versions and features of descriptor and table, which may require
// no others than `features`, and fills the view. `error` may be NULL.
tercet_status tercet_table_parse(const tercet_program *program, uint64_t features,
                                 tercet_table *table, tercet_error *error);

// Checks the contents of all records. validate.c and validate_commands.c.
tercet_status tercet_table_validate(const tercet_program *program, const tercet_table *table,
                                    tercet_error *error);
tercet_status tercet_table_validate_entries(const tercet_program *program,
                                            const tercet_table *table, tercet_error *error);

// Checks CPU engines against a machine. features.c.
tercet_status tercet_table_check_machine(const tercet_table *table, const tercet_cpu_info *cpu,
                                         tercet_error *error);

static inline const void *tercet_table_at(const tercet_table *table, uint32_t kind,
                                          uint32_t index) {
  const tercet_records *records = &table->records[kind];
  return records->data + (size_t)index * records->stride;
}

static inline uint32_t tercet_table_count(const tercet_table *table, uint32_t kind) {
  return table->records[kind].count;
}

static inline const char *tercet_table_name(const tercet_table *table, uint32_t name) {
  return (const char *)table->records[TERCET_RECORD_STRINGS].data + name;
}

#define TERCET_TABLE_ACCESSOR(function, type, kind)                                                \
  static inline const type *function(const tercet_table *table, uint32_t index) {                  \
    return (const type *)tercet_table_at(table, kind, index);                                      \
  }
TERCET_TABLE_ACCESSOR(tercet_table_engine, tercet_engine_record, TERCET_RECORD_ENGINES)
TERCET_TABLE_ACCESSOR(tercet_table_pool, tercet_pool_record, TERCET_RECORD_POOLS)
TERCET_TABLE_ACCESSOR(tercet_table_buffer, tercet_buffer_record, TERCET_RECORD_BUFFERS)
TERCET_TABLE_ACCESSOR(tercet_table_dim, uint64_t, TERCET_RECORD_DIMS)
TERCET_TABLE_ACCESSOR(tercet_table_tensor, tercet_tensor_record, TERCET_RECORD_TENSORS)
TERCET_TABLE_ACCESSOR(tercet_table_scalar, tercet_scalar_record, TERCET_RECORD_SCALARS)
TERCET_TABLE_ACCESSOR(tercet_table_entry, tercet_entry_record, TERCET_RECORD_ENTRIES)
TERCET_TABLE_ACCESSOR(tercet_table_operand, tercet_operand_record, TERCET_RECORD_OPERANDS)
TERCET_TABLE_ACCESSOR(tercet_table_scalar_ref, uint32_t, TERCET_RECORD_SCALAR_REFS)
TERCET_TABLE_ACCESSOR(tercet_table_wait, uint32_t, TERCET_RECORD_WAITS)
TERCET_TABLE_ACCESSOR(tercet_table_copy, tercet_copy_record, TERCET_RECORD_COPIES)
TERCET_TABLE_ACCESSOR(tercet_table_command, tercet_command_record, TERCET_RECORD_COMMANDS)
TERCET_TABLE_ACCESSOR(tercet_table_kernel, tercet_kernel_record, TERCET_RECORD_KERNELS)
TERCET_TABLE_ACCESSOR(tercet_table_profile, tercet_profile_record, TERCET_RECORD_PROFILE)
TERCET_TABLE_ACCESSOR(tercet_table_weights, tercet_weights_record, TERCET_RECORD_WEIGHTS)
TERCET_TABLE_ACCESSOR(tercet_table_limits, tercet_limits_record, TERCET_RECORD_LIMITS)
#undef TERCET_TABLE_ACCESSOR

// Most workers that a command of the engine can use; at least 1.
static inline uint32_t tercet_table_workers(const tercet_table *table, uint32_t engine) {
  uint32_t limit = tercet_table_limits(table, 0)->max_workers;
  uint32_t workers = tercet_table_engine(table, engine)->workers;
  return workers && workers < limit ? workers : limit;
}

#endif // TERCET_CORE_TABLE_H

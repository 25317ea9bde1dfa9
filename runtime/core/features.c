// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Checks a program's CPU engines against the machine, so that code for a
// feature that is not there is never called, and names what is missing.
#include "message.h"
#include "table.h"

typedef struct feature_name {
  uint8_t isa;
  uint8_t bit;
  char name[18];
} feature_name;

#define X86_NAME(id, bit, name) {TERCET_ISA_X86_64, (bit), name},
#define AARCH64_NAME(id, bit, name) {TERCET_ISA_AARCH64, (bit), name},
#define RISCV_NAME(id, bit, name) {TERCET_ISA_RISCV64, (bit), name},
static const feature_name names[] = {TERCET_X86_FEATURES(X86_NAME)
                                         TERCET_AARCH64_FEATURES(AARCH64_NAME)
                                             TERCET_RISCV_FEATURES(RISCV_NAME)};

static const char *const isa_names[] = {
    "none", "x86-64", "AArch64", "RISC-V 64", "Arm 32", "RISC-V 32", "Hexagon"};

static const char *isa_name(uint32_t isa) {
  return isa < sizeof isa_names / sizeof *isa_names ? isa_names[isa]
                                                    : "unknown";
}

static void append_feature(tercet_error *error, uint32_t isa, uint32_t bit) {
  if (isa == TERCET_ISA_RISCV32)
    isa = TERCET_ISA_RISCV64;
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i)
    if (names[i].isa == isa && names[i].bit == bit) {
      tercet_error_append(error, names[i].name);
      return;
    }
  tercet_error_append(error, "number ");
  tercet_error_append_number(error, bit);
}

static tercet_status fail(tercet_error *error, tercet_status status,
                          uint32_t index, const char *engine,
                          const char *text) {
  tercet_error_set(error, status, "engine '");
  tercet_error_append(error, engine);
  tercet_error_append(error, "' ");
  tercet_error_append(error, text);
  if (error) {
    error->record = TERCET_RECORD_ENGINES;
    error->index = index;
  }
  return status;
}

tercet_status tercet_table_check_machine(const tercet_table *table,
                                         const tercet_cpu_info *cpu,
                                         tercet_error *error) {
  uint32_t count = tercet_table_count(table, TERCET_RECORD_ENGINES);
  for (uint32_t i = 0; i < count; ++i) {
    const tercet_engine_record *engine = tercet_table_engine(table, i);
    if (engine->kind != TERCET_ENGINE_CPU || engine->isa == TERCET_ISA_NONE)
      continue;
    const char *name = tercet_table_name(table, engine->name);
    if (engine->isa != (uint32_t)cpu->isa) {
      fail(error, TERCET_ERROR_WRONG_ISA, i, name, "has code for ");
      tercet_error_append(error, isa_name(engine->isa));
      tercet_error_append(error, ", this machine is ");
      tercet_error_append(error, isa_name((uint32_t)cpu->isa));
      return TERCET_ERROR_WRONG_ISA;
    }
    uint64_t missing = engine->cpu_features & ~cpu->features;
    if (missing) {
      fail(error, TERCET_ERROR_MISSING_CPU_FEATURE, i, name,
           "needs CPU feature");
      for (uint32_t bit = 0; bit < 64; ++bit)
        if (missing >> bit & 1) {
          tercet_error_append(error, " ");
          append_feature(error, engine->isa, bit);
        }
      tercet_error_append(error, ", which this machine lacks");
      return TERCET_ERROR_MISSING_CPU_FEATURE;
    }
    if (engine->vector_bits_min > cpu->vector_bits) {
      fail(error, TERCET_ERROR_VECTOR_TOO_SHORT, i, name, "needs vectors of ");
      tercet_error_append_number(error, engine->vector_bits_min);
      tercet_error_append(error, " bits, this machine has ");
      tercet_error_append_number(error, cpu->vector_bits);
      return TERCET_ERROR_VECTOR_TOO_SHORT;
    }
  }
  return TERCET_OK;
}

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
static const feature_name names[] = {TERCET_X86_FEATURES(X86_NAME) TERCET_AARCH64_FEATURES(
    AARCH64_NAME) TERCET_RISCV_FEATURES(RISCV_NAME)};

static const char isa_names[][10] = {"none",   "x86-64",    "AArch64", "RISC-V 64",
                                     "Arm 32", "RISC-V 32", "Hexagon"};

TERCET_NOINLINE static const char *isa_name(uint32_t isa) {
  return isa < sizeof isa_names / sizeof *isa_names ? isa_names[isa] : "unknown";
}

static void append_feature(tercet_error *error, uint32_t isa, uint32_t bit) {
  if (isa == TERCET_ISA_RISCV32)
    isa = TERCET_ISA_RISCV64;
  const char *name = "unknown";
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i)
    if (names[i].isa == isa && names[i].bit == bit)
      name = names[i].name;
  tercet_error_append(error, " ");
  tercet_error_append(error, name);
}

static tercet_status check_engine(const tercet_engine_record *engine, const char *name,
                                  const tercet_cpu_info *cpu, tercet_error *error) {
  if (engine->kind != TERCET_ENGINE_CPU || engine->isa == TERCET_ISA_NONE)
    return TERCET_OK;
  if (engine->isa != (uint32_t)cpu->isa) {
    tercet_error_format(error, TERCET_ERROR_WRONG_ISA,
                        "engine '@a' has code for @b, this machine is ", name,
                        isa_name(engine->isa), 0, 0, 0);
    tercet_error_append(error, isa_name((uint32_t)cpu->isa));
    return TERCET_ERROR_WRONG_ISA;
  }
  uint64_t missing = engine->cpu_features & ~cpu->features;
  if (missing) {
    tercet_error_format(error, TERCET_ERROR_MISSING_CPU_FEATURE,
                        "engine '@a' needs CPU features that this machine "
                        "lacks:",
                        name, NULL, 0, 0, 0);
    for (uint32_t bit = 0; bit < 64; ++bit)
      if (missing >> bit & 1)
        append_feature(error, engine->isa, bit);
    return TERCET_ERROR_MISSING_CPU_FEATURE;
  }
  if (engine->vector_bits_min > cpu->vector_bits)
    return tercet_error_format(error, TERCET_ERROR_VECTOR_TOO_SHORT,
                               "engine '@a' needs vectors of @x bits, this machine has @y", name,
                               NULL, engine->vector_bits_min, cpu->vector_bits, 0);
  return TERCET_OK;
}

tercet_status tercet_table_check_machine(const tercet_table *table, const tercet_cpu_info *cpu,
                                         tercet_error *error) {
  uint32_t count = tercet_table_count(table, TERCET_RECORD_ENGINES);
  for (uint32_t i = 0; i < count; ++i) {
    const tercet_engine_record *engine = tercet_table_engine(table, i);
    tercet_status status = check_engine(engine, tercet_table_name(table, engine->name), cpu, error);
    if (status)
      return status;
  }
  return TERCET_OK;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the processor can do and the system lets it do: CPUID and XGETBV on
// x86-64, the auxiliary vector on AArch64 and RISC-V (there with hwprobe,
// which knows the Z extensions). Where the system cannot be asked, what the
// compiler was told. Constants are spelled out: older headers lack them.
#ifdef __linux__
#define _GNU_SOURCE
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif
#include "tercet/port.h"

typedef struct feature_bit {
  uint8_t from; // bit in the source word
  uint8_t to;   // tercet bit
} feature_bit;

static uint64_t translate(uint64_t word, const feature_bit *bits, size_t count) {
  uint64_t features = 0;
  for (size_t i = 0; i < count; ++i)
    if (word >> bits[i].from & 1)
      features |= TERCET_BIT(bits[i].to);
  return features;
}
#define TRANSLATE(word, bits) translate((word), (bits), sizeof(bits) / sizeof *(bits))

#if defined(__x86_64__)
#include <cpuid.h>
#define B(from, name) {from, TERCET_X86_##name##_BIT}

static const feature_bit leaf1_ecx[] = {B(0, SSE3),    B(9, SSSE3),  B(19, SSE4_1),
                                        B(20, SSE4_2), B(22, MOVBE), B(23, POPCNT)};
static const feature_bit leaf1_ecx_avx[] = {B(12, FMA), B(28, AVX), B(29, F16C)};
static const feature_bit leaf7_ebx[] = {B(3, BMI), B(8, BMI2)};
static const feature_bit leaf7_ebx_avx[] = {B(5, AVX2)};
static const feature_bit leaf7_ebx_512[] = {B(16, AVX512F),  B(17, AVX512DQ), B(21, AVX512IFMA),
                                            B(28, AVX512CD), B(30, AVX512BW), B(31, AVX512VL)};
static const feature_bit leaf7_ecx[] = {B(8, GFNI)};
static const feature_bit leaf7_ecx_512[] = {B(1, AVX512VBMI), B(6, AVX512VBMI2), B(11, AVX512VNNI),
                                            B(12, AVX512BITALG), B(14, AVX512VPOPCNTDQ)};
static const feature_bit leaf7_edx_512[] = {B(23, AVX512FP16)};
static const feature_bit leaf7_edx_amx[] = {B(22, AMX_BF16), B(24, AMX_TILE), B(25, AMX_INT8)};
static const feature_bit leaf71_eax_avx[] = {B(4, AVXVNNI), B(23, AVXIFMA)};
static const feature_bit leaf71_eax_512[] = {B(5, AVX512BF16)};
static const feature_bit leaf71_eax_amx[] = {B(21, AMX_FP16)};
static const feature_bit leaf71_edx_avx[] = {B(4, AVXVNNIINT8), B(5, AVXNECONVERT),
                                             B(10, AVXVNNIINT16)};
#undef B

static uint64_t read_xcr0(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}

static int request_amx(void) {
#ifdef __linux__
  // ARCH_REQ_XCOMP_PERM for tile data: the kernel wants to be asked.
  return syscall(SYS_arch_prctl, 0x1023, 18) == 0;
#else
  return 0;
#endif
}

static void query(tercet_cpu_info *info) {
  uint32_t a, b, c, d;
  info->isa = TERCET_ISA_X86_64;
  if (!__get_cpuid(1, &a, &b, &c, &d))
    return;
  uint64_t f = TRANSLATE(c, leaf1_ecx);
  uint64_t states = c >> 27 & 1 ? read_xcr0() : 0; // OSXSAVE
  int avx = (states & 0x6) == 0x6;
  int avx512 = avx && (states & 0xE0) == 0xE0;
  int amx = (states & 0x60000) == 0x60000 && request_amx();
  if (avx)
    f |= TRANSLATE(c, leaf1_ecx_avx);
  if (__get_cpuid(0x80000001u, &a, &b, &c, &d) && c >> 5 & 1)
    f |= TERCET_BIT(TERCET_X86_LZCNT_BIT);
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
    uint32_t subleaves = a;
    f |= TRANSLATE(b, leaf7_ebx) | TRANSLATE(c, leaf7_ecx);
    if (avx)
      f |= TRANSLATE(b, leaf7_ebx_avx);
    if (avx512)
      f |= TRANSLATE(b, leaf7_ebx_512) | TRANSLATE(c, leaf7_ecx_512) | TRANSLATE(d, leaf7_edx_512);
    if (amx)
      f |= TRANSLATE(d, leaf7_edx_amx);
    if (subleaves >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d)) {
      if (avx)
        f |= TRANSLATE(a, leaf71_eax_avx) | TRANSLATE(d, leaf71_edx_avx);
      if (avx512)
        f |= TRANSLATE(a, leaf71_eax_512);
      if (amx)
        f |= TRANSLATE(a, leaf71_eax_amx);
    }
  }
  info->features = f;
}

#elif defined(__aarch64__) && defined(__linux__)
#define B(from, name) {from, TERCET_AARCH64_##name##_BIT}
static const feature_bit hwcap[] = {
    B(0, FP_ARMV8), B(1, NEON),     B(7, CRC),        B(8, LSE),   B(10, FULLFP16),
    B(12, RDM),     B(13, JSCONV),  B(14, COMPLXNUM), B(15, RCPC), B(20, DOTPROD),
    B(22, SVE),     B(23, FP16FML), B(27, FLAGM)};
static const feature_bit hwcap2[] = {
    B(1, SVE2),        B(8, FRINT3264), B(9, SVE_I8MM), B(10, F32MM), B(11, F64MM),
    B(12, SVE_BF16),   B(13, I8MM),     B(14, BF16),    B(23, SME),   B(24, SME_I16I64),
    B(25, SME_F64F64), B(36, SVE2P1),   B(37, SME2),    B(43, MOPS)};
#undef B

static void query(tercet_cpu_info *info) {
  info->isa = TERCET_ISA_AARCH64;
  info->features =
      TRANSLATE(getauxval(AT_HWCAP), hwcap) | TRANSLATE(getauxval(26 /* AT_HWCAP2 */), hwcap2);
  info->vector_bits = 128;
  if (info->features >> TERCET_AARCH64_SVE_BIT & 1) {
    int length = prctl(51 /* PR_SVE_GET_VL */, 0, 0, 0, 0);
    if (length > 0)
      info->vector_bits = ((uint32_t)length & 0xFFFF) * 8;
  }
}

#elif defined(__riscv) && __riscv_xlen == 64 && defined(__linux__)
#define B(from, name) {from, TERCET_RISCV_##name##_BIT}
static const feature_bit letters[] = {B(0, A), B(2, C), B(3, D), B(5, F), B(12, M), B(21, V)};
static const feature_bit probe[] = {B(3, ZBA),     B(4, ZBB),      B(5, ZBS),  B(7, ZBC),
                                    B(17, ZVBB),   B(19, ZVKB),    B(27, ZFH), B(28, ZFHMIN),
                                    B(30, ZVFH),   B(31, ZVFHMIN), B(32, ZFA), B(35, ZICOND),
                                    B(37, ZVE32X), B(41, ZVE64D),  B(44, ZCB)};
#undef B

static void query(tercet_cpu_info *info) {
#include "../../core/cpu_macros.inc"
  info->features |= TRANSLATE(getauxval(AT_HWCAP), letters);
  // riscv_hwprobe, key IMA_EXT_0; kernels before 6.4 do not have it.
  struct {
    int64_t key;
    uint64_t value;
  } pair = {4, 0};
  if (syscall(258, &pair, 1, 0, NULL, 0) == 0 && pair.key == 4)
    info->features |= TRANSLATE(pair.value, probe);
  if (info->features >> TERCET_RISCV_V_BIT & 1) {
    info->features |= TERCET_BIT(TERCET_RISCV_ZVE32X_BIT) | TERCET_BIT(TERCET_RISCV_ZVE64D_BIT);
    uint64_t bytes;
    __asm__ volatile(".option push\n.option arch, +zicsr\n"
                     "csrr %0, 0xC22\n" // vlenb
                     ".option pop"
                     : "=r"(bytes));
    info->vector_bits = (uint32_t)bytes * 8;
  }
}

#else
static void query(tercet_cpu_info *info) {
#include "../../core/cpu_macros.inc"
}
#endif

__attribute__((weak)) void tercet_port_cpu_query(tercet_cpu_info *info) {
  info->isa = TERCET_ISA_NONE;
  info->vector_bits = 0;
  info->features = 0;
  query(info);
}

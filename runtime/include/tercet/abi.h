// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The binary interface between a compiled program and the runtime: the one
// file that the compiler and the runtime share. It fixes every byte of the
// command table, the program descriptor, the kernel calling convention and the
// weights trailer. It stays one file, although it is long, because it is one
// contract. Invariants: no dependency but <stdint.h> and <stddef.h>; valid C11
// and C++; nothing that version 1.0 defines ever changes meaning, size or
// value (docs/runtime/abi.md, "Evolution"). A program that follows it by hand
// is runtime/examples/abi_demo.c.
//
// What the compiler emits for a model NAME into NAME.o
//   tercet_NAME          const tercet_program, the only symbol that an
//                        application names; read-only (relocated) data
//   tercet_NAME_table    the table: section ".tercet.table", 16-byte aligned,
//                        no relocations, read-only
//   tercet_NAME_kernels  array of kernel pointers; read-only (relocated) data
//   tercet_NAME_weights  embedded weights, 64-byte aligned; absent when the
//                        weights are in NAME.weights
//   tercet_NAME_images   code of other engines (SPIR-V, ELF), 64-byte aligned;
//                        absent without other engines
//   tercet_NAME_kernel_* the kernels of the CPU engine, hidden visibility
// All but tercet_NAME may be local symbols; tools find the table by its
// section.
//
// Conventions: all numbers are little-endian; sizes and offsets are in bytes;
// a "name" is a byte offset into the STRINGS record, 0 being the empty string;
// an absent index is TERCET_NONE; reserved fields are written 0 and ignored by
// readers; "first/count" pairs select a half-open range of another record.
#ifndef TERCET_ABI_H
#define TERCET_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#define TERCET_ABI_ASSERT(condition, text) static_assert(condition, text)
#else
#define TERCET_ABI_ASSERT(condition, text) _Static_assert(condition, text)
#endif

// ---- Versions ---------------------------------------------------------------

// A runtime runs a table iff the majors are equal, the table's `minor_min` is
// not above the runtime's minor, and it knows all bits of `features_required`.
#define TERCET_ABI_MAJOR 1
#define TERCET_ABI_MINOR 2 // 1.1: tercet_engine_record.workers; 1.2: SUBMIT

#define TERCET_MAGIC_PROGRAM 0x50435254u // "TRCP"
#define TERCET_MAGIC_TABLE 0x54435254u   // "TRCT"
#define TERCET_MAGIC_WEIGHTS 0x57435254u // "TRCW"

// Absent index. Never a valid index: counts are below 2^32 - 1.
#define TERCET_NONE 0xFFFFFFFFu

// Program features (`features_required`): abilities of the runtime without
// which the program cannot run at all. An unknown bit is refused at open.
typedef enum tercet_program_feature {
  // Has SUBMIT commands, hence needs a driver for every engine that they name.
  // Bit assigned in 1.0, which refuses it; since 1.2 run by runtimes with
  // drivers. Such programs write minor 2 and minor_min 2.
  TERCET_FEATURE_SUBMIT_BIT = 0,
  // Needs its engines' queues to run concurrently (it would be wrong, not only
  // slow, to run the command list in order). No compiler sets it yet, and the
  // core refuses it: queues are attached after a program is open.
  TERCET_FEATURE_CONCURRENT_QUEUES_BIT = 1
} tercet_program_feature;

// ---- Kernels ----------------------------------------------------------------

// What a kernel gets. FROZEN: code generated for x86-64, AArch64 and RV64
// loads these fields at byte offsets 0, 8, 16, 24 and 32. A later minor may
// append fields (a kernel that reads them raises `minor_min`).
//
// The runtime owns everything here; it is valid during the call only. All
// workers of a dispatch see the same struct. Kernels write nothing in it.
typedef struct tercet_kernel_args {
  // buffers[i] is the address of the command's i-th operand: pool base +
  // buffer offset + operand offset. Aligned to what the plan gives: the gcd of
  // the buffer's alignment and the operand's offset.
  void *const *buffers;
  // scalars[i] is the value of the command's i-th scalar reference, checked
  // against its declared range before the run. NULL when it has none.
  const int64_t *scalars;
  // Base of the dispatch's scratch; worker w owns the scratch_stride bytes at
  // scratch + w * scratch_stride. NULL when the command has no scratch.
  // Contents are undefined at the start of every call.
  unsigned char *scratch;
  uint64_t scratch_stride;
  // Where a kernel reports a data error: a relaxed 32-bit atomic store of a
  // nonzero tercet_fault; then it goes on memory-safely (clamp, skip). The run
  // stops after this command with a status. Never NULL.
  uint32_t *fault;
} tercet_kernel_args;

// Kernel of a CPU engine, C calling convention of the target. Computes tile
// (x, y, z) of the command's grid as `worker`, 0 <= worker <
// LIMITS.max_workers. The runtime calls each tile exactly once, in any order,
// and never two tiles at once with the same `worker`. No barrier, no call out
// of the program but memcpy, memset, memmove; no writable static data; returns
// normally.
typedef void (*tercet_kernel_fn)(const tercet_kernel_args *args, uint32_t x, uint32_t y, uint32_t z,
                                 uint32_t worker);

typedef enum tercet_fault {
  TERCET_FAULT_NONE = 0,
  TERCET_FAULT_INDEX_OUT_OF_RANGE = 1, // gather/scatter index, token id
  TERCET_FAULT_DIVISION_BY_ZERO = 2    // integer division or remainder
  // Other nonzero values: a fault that the runtime reports by its number.
} tercet_fault;

// ---- The program descriptor -------------------------------------------------

// The descriptor that an application names. Static and read-only; nothing in
// it is freed. Offsets on 64-bit targets are given; 32-bit targets follow C.
typedef struct tercet_program {
  uint32_t magic;                  // 0   TERCET_MAGIC_PROGRAM
  uint16_t major;                  // 4   as in the table's header
  uint16_t minor;                  // 6
  uint64_t features_required;      // 8   as in the table's header
  const void *table;               // 16  16-byte aligned
  uint64_t table_bytes;            // 24  at least the header's total_bytes
  const tercet_kernel_fn *kernels; // 32  one per KERNELS record, same order;
                                   //     NULL entry: not a CPU kernel
  uint32_t kernel_count;           // 40  equal to the count of KERNELS
  uint32_t reserved;               // 44
  const void *embedded_weights;    // 48  64-byte aligned, or NULL
  uint64_t weights_bytes;          // 56  of embedded_weights; 0 when NULL
  const void *images;              // 64  64-byte aligned, or NULL
  uint64_t images_bytes;           // 72
} tercet_program;                  // 80 bytes; later minors append

// ---- The table --------------------------------------------------------------

// Table = header, then record_count records back to back; total_bytes is the
// end of the last one. The table is 16-byte aligned, so that every payload is
// 8-byte aligned.
typedef struct tercet_table_header {
  uint32_t magic;             // 0   TERCET_MAGIC_TABLE
  uint16_t major;             // 4   version that wrote the table
  uint16_t minor;             // 6
  uint64_t features_required; // 8   tercet_program_feature bits
  uint64_t total_bytes;       // 16  header + records, a multiple of 8
  uint32_t record_count;      // 24
  uint16_t minor_min;         // 28  lowest minor of a runtime that can run it
  uint16_t reserved;          // 30
} tercet_table_header;        // 32 bytes, forever

// Header of a record; `bytes` of payload follow. bytes is count * stride
// rounded up to a multiple of 8, the padding is 0. A reader steps by `stride`
// and reads the prefix that it knows: later minors may lengthen strides of
// struct kinds (a multiple of 8), never those of array kinds (marked [array]).
// A known kind occurs at most once; an absent one has count 0. An unknown kind
// is skipped, unless TERCET_RECORD_REQUIRED is set in it: then the table is
// refused. Known kinds may carry the flag too; it is masked off.
typedef struct tercet_record_header {
  uint32_t kind;   // 0   tercet_record_kind, with or without the flag
  uint32_t count;  // 4
  uint32_t stride; // 8
  uint32_t bytes;  // 12
} tercet_record_header;

#define TERCET_RECORD_REQUIRED 0x80000000u

typedef enum tercet_record_kind {
  TERCET_RECORD_STRINGS = 1,      // [array] bytes, stride 1
  TERCET_RECORD_ENGINES = 2,      // tercet_engine_record
  TERCET_RECORD_POOLS = 3,        // tercet_pool_record
  TERCET_RECORD_BUFFERS = 4,      // tercet_buffer_record
  TERCET_RECORD_DIMS = 5,         // [array] uint64_t, stride 8
  TERCET_RECORD_TENSORS = 6,      // tercet_tensor_record
  TERCET_RECORD_SCALARS = 7,      // tercet_scalar_record
  TERCET_RECORD_ENTRIES = 8,      // tercet_entry_record
  TERCET_RECORD_OPERANDS = 9,     // tercet_operand_record
  TERCET_RECORD_SCALAR_REFS = 10, // [array] uint32_t, stride 4: SCALARS index
  TERCET_RECORD_WAITS = 11,       // [array] uint32_t, stride 4: token ids
  TERCET_RECORD_COPIES = 12,      // tercet_copy_record
  TERCET_RECORD_COMMANDS = 13,    // tercet_command_record
  TERCET_RECORD_KERNELS = 14,     // tercet_kernel_record
  TERCET_RECORD_PROFILE = 15,     // tercet_profile_record
  TERCET_RECORD_WEIGHTS = 16,     // tercet_weights_record
  TERCET_RECORD_LIMITS = 17       // tercet_limits_record, exactly one
} tercet_record_kind;
// Kinds 0x40000000 to 0x7FFFFFFF are for private use by vendors' tools.

// STRINGS: NUL-terminated UTF-8 strings back to back. The first byte is NUL
// (the empty string) and the last byte is NUL.

// ---- Engines ----------------------------------------------------------------

typedef enum tercet_engine_kind {
  TERCET_ENGINE_CPU = 1,
  TERCET_ENGINE_GPU = 2,
  TERCET_ENGINE_NPU = 3,
  TERCET_ENGINE_DMA = 4
} tercet_engine_kind;

// Instruction set of a CPU engine: which space `cpu_features` is in.
typedef enum tercet_isa {
  TERCET_ISA_NONE = 0, // not a CPU, or portable code
  TERCET_ISA_X86_64 = 1,
  TERCET_ISA_AARCH64 = 2,
  TERCET_ISA_RISCV64 = 3,
  TERCET_ISA_ARM32 = 4,
  TERCET_ISA_RISCV32 = 5,
  TERCET_ISA_HEXAGON = 6
} tercet_isa;

typedef enum tercet_image_format {
  TERCET_IMAGE_NONE = 0,
  TERCET_IMAGE_SPIRV = 1,
  TERCET_IMAGE_ELF = 2,
  TERCET_IMAGE_VENDOR = 3, // understood by the engine's driver only
  TERCET_IMAGE_CUDA = 4    // cuda_image.h
} tercet_image_format;

// A processor with its own queue. At most 64 engines (masks are 64 bits). A
// CPU engine's requirements are checked when the program is opened.
typedef struct tercet_engine_record {
  uint32_t name;            // 0   as in the machine description: "cpu", ...
  uint32_t kind;            // 4   tercet_engine_kind
  uint32_t isa;             // 8   tercet_isa
  uint32_t vector_bits_min; // 12  least SVE / RVV vector length; 0: any
  uint64_t cpu_features;    // 16  required: bits of the isa's list below
  uint64_t image_offset;    // 24  into tercet_program.images, 64-byte aligned
  uint64_t image_bytes;     // 32  0: no image
  uint32_t image_format;    // 40  tercet_image_format
  uint32_t workers;         // 44  most workers of its queue, at least 1 and at
                            //     most LIMITS.max_workers; 0: max_workers.
                            //     Since 1.1; 1.0 wrote 0
} tercet_engine_record;     // 48 bytes

// CPU features: X(identifier, bit, LLVM's name of the feature). A set bit is a
// requirement. The lists name what code generation can use; bits that a
// runtime does not know count as missing.
#define TERCET_X86_FEATURES(X)                                                                     \
  X(SSE3, 0, "sse3")                                                                               \
  X(SSSE3, 1, "ssse3")                                                                             \
  X(SSE4_1, 2, "sse4.1")                                                                           \
  X(SSE4_2, 3, "sse4.2")                                                                           \
  X(POPCNT, 4, "popcnt")                                                                           \
  X(MOVBE, 5, "movbe")                                                                             \
  X(LZCNT, 6, "lzcnt")                                                                             \
  X(BMI, 7, "bmi")                                                                                 \
  X(BMI2, 8, "bmi2")                                                                               \
  X(AVX, 9, "avx")                                                                                 \
  X(F16C, 10, "f16c")                                                                              \
  X(FMA, 11, "fma")                                                                                \
  X(AVX2, 12, "avx2")                                                                              \
  X(AVXVNNI, 13, "avxvnni")                                                                        \
  X(AVXVNNIINT8, 14, "avxvnniint8")                                                                \
  X(AVXVNNIINT16, 15, "avxvnniint16")                                                              \
  X(AVXNECONVERT, 16, "avxneconvert")                                                              \
  X(AVXIFMA, 17, "avxifma")                                                                        \
  X(GFNI, 18, "gfni")                                                                              \
  X(AVX512F, 20, "avx512f")                                                                        \
  X(AVX512CD, 21, "avx512cd")                                                                      \
  X(AVX512BW, 22, "avx512bw")                                                                      \
  X(AVX512DQ, 23, "avx512dq")                                                                      \
  X(AVX512VL, 24, "avx512vl")                                                                      \
  X(AVX512IFMA, 25, "avx512ifma")                                                                  \
  X(AVX512VBMI, 26, "avx512vbmi")                                                                  \
  X(AVX512VBMI2, 27, "avx512vbmi2")                                                                \
  X(AVX512VNNI, 28, "avx512vnni")                                                                  \
  X(AVX512BITALG, 29, "avx512bitalg")                                                              \
  X(AVX512VPOPCNTDQ, 30, "avx512vpopcntdq")                                                        \
  X(AVX512BF16, 31, "avx512bf16")                                                                  \
  X(AVX512FP16, 32, "avx512fp16")                                                                  \
  X(AMX_TILE, 36, "amx-tile")                                                                      \
  X(AMX_INT8, 37, "amx-int8")                                                                      \
  X(AMX_BF16, 38, "amx-bf16")                                                                      \
  X(AMX_FP16, 39, "amx-fp16")

#define TERCET_AARCH64_FEATURES(X)                                                                 \
  X(FP_ARMV8, 0, "fp-armv8")                                                                       \
  X(NEON, 1, "neon")                                                                               \
  X(CRC, 2, "crc")                                                                                 \
  X(LSE, 3, "lse")                                                                                 \
  X(RDM, 4, "rdm")                                                                                 \
  X(FULLFP16, 5, "fullfp16")                                                                       \
  X(DOTPROD, 6, "dotprod")                                                                         \
  X(FP16FML, 7, "fp16fml")                                                                         \
  X(COMPLXNUM, 8, "complxnum")                                                                     \
  X(JSCONV, 9, "jsconv")                                                                           \
  X(RCPC, 10, "rcpc")                                                                              \
  X(I8MM, 11, "i8mm")                                                                              \
  X(BF16, 12, "bf16")                                                                              \
  X(SVE, 13, "sve")                                                                                \
  X(SVE2, 14, "sve2")                                                                              \
  X(SVE_I8MM, 15, "sve-i8mm")                                                                      \
  X(SVE_BF16, 16, "sve-bf16")                                                                      \
  X(F32MM, 17, "f32mm")                                                                            \
  X(F64MM, 18, "f64mm")                                                                            \
  X(SVE2P1, 19, "sve2p1")                                                                          \
  X(SME, 20, "sme")                                                                                \
  X(SME2, 21, "sme2")                                                                              \
  X(SME_I16I64, 22, "sme-i16i64")                                                                  \
  X(SME_F64F64, 23, "sme-f64f64")                                                                  \
  X(MOPS, 24, "mops")                                                                              \
  X(FLAGM, 25, "flagm")                                                                            \
  X(FRINT3264, 26, "fptoint")

#define TERCET_RISCV_FEATURES(X)                                                                   \
  X(M, 0, "m")                                                                                     \
  X(A, 1, "a")                                                                                     \
  X(F, 2, "f")                                                                                     \
  X(D, 3, "d")                                                                                     \
  X(C, 4, "c")                                                                                     \
  X(V, 5, "v")                                                                                     \
  X(ZBA, 6, "zba")                                                                                 \
  X(ZBB, 7, "zbb")                                                                                 \
  X(ZBC, 8, "zbc")                                                                                 \
  X(ZBS, 9, "zbs")                                                                                 \
  X(ZICOND, 10, "zicond")                                                                          \
  X(ZFHMIN, 11, "zfhmin")                                                                          \
  X(ZFH, 12, "zfh")                                                                                \
  X(ZFBFMIN, 13, "zfbfmin")                                                                        \
  X(ZFA, 14, "zfa")                                                                                \
  X(ZVFHMIN, 15, "zvfhmin")                                                                        \
  X(ZVFH, 16, "zvfh")                                                                              \
  X(ZVFBFMIN, 17, "zvfbfmin")                                                                      \
  X(ZVFBFWMA, 18, "zvfbfwma")                                                                      \
  X(ZVBB, 19, "zvbb")                                                                              \
  X(ZVKB, 20, "zvkb")                                                                              \
  X(ZCB, 21, "zcb")                                                                                \
  X(ZICBOP, 22, "zicbop")                                                                          \
  X(ZVE32X, 23, "zve32x")                                                                          \
  X(ZVE64D, 24, "zve64d")

#define TERCET_ABI_X86_BIT(id, bit, name) TERCET_X86_##id##_BIT = (bit),
#define TERCET_ABI_AARCH64_BIT(id, bit, name) TERCET_AARCH64_##id##_BIT = (bit),
#define TERCET_ABI_RISCV_BIT(id, bit, name) TERCET_RISCV_##id##_BIT = (bit),
// Bit numbers, TERCET_X86_AVX2_BIT and so on.
typedef enum tercet_cpu_feature_bit {
  TERCET_X86_FEATURES(TERCET_ABI_X86_BIT) TERCET_AARCH64_FEATURES(TERCET_ABI_AARCH64_BIT)
      TERCET_RISCV_FEATURES(TERCET_ABI_RISCV_BIT) TERCET_CPU_FEATURE_BIT_END = 64
} tercet_cpu_feature_bit;

#define TERCET_BIT(number) ((uint64_t)1 << (number))

// ---- Memory -----------------------------------------------------------------

typedef enum tercet_pool_kind {
  // Temporaries and scratch; undefined between runs. One that no CPU addresses
  // is an engine's local memory (TCM): its driver provides it.
  TERCET_POOL_ARENA = 1,
  TERCET_POOL_WEIGHTS = 2, // constants; read-only, from .o or NAME.weights
  TERCET_POOL_STATE = 3,   // persists between runs; zero at the start
  TERCET_POOL_IO = 4       // bound tensor by tensor by the application
} tercet_pool_kind;

// A memory with one arena. The application provides ARENA and STATE pools in
// one piece each, but for those that an engine with a driver addresses, which
// the driver provides; WEIGHTS pools come from a WEIGHTS record. In an IO pool each
// buffer is bound alone, `bytes` is the number of its buffers, and `alignment`
// is the greatest alignment of its buffers. At most 64 pools.
typedef struct tercet_pool_record {
  uint32_t name;        // 0
  uint32_t kind;        // 4   tercet_pool_kind
  uint64_t bytes;       // 8
  uint32_t alignment;   // 16  of the base address; a power of two
  uint32_t flags;       // 20  reserved, 0
  uint64_t engine_mask; // 24  bit e: engine e can address it
} tercet_pool_record;   // 32 bytes

// A range of a pool. Buffers may overlap where the plan proves that they are
// not live together. ARENA, STATE, WEIGHTS: offset + bytes <= pool bytes and
// offset is a multiple of alignment. IO: `offset` is the binding index, which
// is the buffer's rank among the buffers of its pool (0, 1, 2, ... in order).
typedef struct tercet_buffer_record {
  uint32_t pool;        // 0
  uint32_t flags;       // 4   reserved, 0
  uint32_t alignment;   // 8   a power of two, not above the pool's
  uint32_t reserved;    // 12
  uint64_t offset;      // 16
  uint64_t bytes;       // 24
} tercet_buffer_record; // 32 bytes

// A declared access of a command: bytes [offset, offset + bytes) of a buffer,
// within the buffer. Memory is named, never pointed to. A kernel touches
// nothing outside the declared ranges and its scratch.
typedef struct tercet_operand_record {
  uint32_t buffer;       // 0
  uint32_t access;       // 4   tercet_access bits, at least one
  uint64_t offset;       // 8
  uint64_t bytes;        // 16
} tercet_operand_record; // 24 bytes

typedef enum tercet_access {
  TERCET_ACCESS_READ = 1,
  TERCET_ACCESS_WRITE = 2 // never of a WEIGHTS buffer
} tercet_access;

// ---- Entry points -----------------------------------------------------------

// Element type: the low 8 bits are the width in bits, so that a reader can
// size types that it does not know. Widths below 8 are packed, first element
// in the low bits. Values not listed are for later minors.
typedef enum tercet_element {
  TERCET_ELEMENT_OPAQUE = 0x0008, // bytes with a layout of the program's own
  TERCET_ELEMENT_I2 = 0x0102,
  TERCET_ELEMENT_I4 = 0x0104,
  TERCET_ELEMENT_I8 = 0x0108,
  TERCET_ELEMENT_I16 = 0x0110,
  TERCET_ELEMENT_I32 = 0x0120,
  TERCET_ELEMENT_I64 = 0x0140,
  TERCET_ELEMENT_U2 = 0x0202,
  TERCET_ELEMENT_U4 = 0x0204,
  TERCET_ELEMENT_U8 = 0x0208,
  TERCET_ELEMENT_U16 = 0x0210,
  TERCET_ELEMENT_U32 = 0x0220,
  TERCET_ELEMENT_U64 = 0x0240,
  TERCET_ELEMENT_F16 = 0x0310,
  TERCET_ELEMENT_F32 = 0x0320,
  TERCET_ELEMENT_F64 = 0x0340,
  TERCET_ELEMENT_BF16 = 0x0410,
  TERCET_ELEMENT_F8E4M3FN = 0x0508,
  TERCET_ELEMENT_F8E5M2 = 0x0608,
  TERCET_ELEMENT_BOOL = 0x0708, // a byte, 0 or 1
  TERCET_ELEMENT_F4E2M1 = 0x0804,
  TERCET_ELEMENT_F8E8M0 = 0x0908
} tercet_element;
#define TERCET_ELEMENT_BITS(element) ((uint32_t)(element) & 0xFFu)

typedef enum tercet_tensor_flag {
  // Persists between runs. As an input: the value before; as an output: the
  // value after, in the same buffer as input `tied`.
  TERCET_TENSOR_STATE = 1
} tercet_tensor_flag;

// An input or output: dense, row-major (last dimension contiguous), at offset
// 0 of its buffer. A tensor in an IO pool is bound by the application and fills
// its buffer exactly (equal bytes); one in an ARENA or STATE pool lives there
// and needs no binding (several entry points may name one STATE buffer).
typedef struct tercet_tensor_record {
  uint32_t name;        // 0
  uint32_t element;     // 4   tercet_element
  uint32_t rank;        // 8   0: a scalar of one element; at most 16
  uint32_t first_dim;   // 12  into DIMS
  uint32_t buffer;      // 16
  uint32_t flags;       // 20  tercet_tensor_flag bits
  uint32_t tied;        // 24  output: index of the tied input within its
                        //     entry's inputs, else TERCET_NONE
  uint32_t reserved;    // 28
  uint64_t bytes;       // 32  ceil(elements * bits / 8) <= buffer's bytes
} tercet_tensor_record; // 40 bytes

// A bounded dynamic quantity, set by the application between runs. Starts at
// `min`. When `addend` names another scalar, their sum is bounded too:
// value + value(addend) <= sum_max (position + length <= context).
typedef struct tercet_scalar_record {
  uint32_t name;        // 0
  uint32_t addend;      // 4   SCALARS index or TERCET_NONE
  int64_t min;          // 8
  int64_t max;          // 16  inclusive
  int64_t sum_max;      // 24  0 without addend
} tercet_scalar_record; // 32 bytes

// A function of the program. Inputs, outputs, scalars and commands are ranges
// of TENSORS, SCALARS and COMMANDS; entries may share TENSORS and SCALARS;
// their command ranges are disjoint and ascend. An entry has a name of its own.
typedef struct tercet_entry_record {
  uint32_t name;          // 0
  uint32_t flags;         // 4   reserved, 0
  uint32_t first_input;   // 8   into TENSORS
  uint32_t input_count;   // 12
  uint32_t first_output;  // 16  into TENSORS
  uint32_t output_count;  // 20
  uint32_t first_scalar;  // 24  into SCALARS
  uint32_t scalar_count;  // 28
  uint32_t first_command; // 32  into COMMANDS
  uint32_t command_count; // 36
  uint32_t token_count;   // 40
  uint32_t reserved;      // 44
} tercet_entry_record;    // 48 bytes

// ---- Commands ---------------------------------------------------------------

typedef enum tercet_opcode {
  // Run kernel `target` over the grid: the engine must be a CPU.
  TERCET_COMMAND_DISPATCH = 1,
  // Copy operand 0 (READ) to operand 1 (WRITE); exactly two operands. `target`
  // is a COPIES index, or TERCET_NONE: contiguous, of equal `bytes`. The two
  // ranges must not overlap in memory.
  TERCET_COMMAND_COPY = 2,
  // Nothing but its waits and its signal (either may be absent).
  TERCET_COMMAND_SIGNAL = 3,
  TERCET_COMMAND_WAIT = 4,
  // Since 1.2. Hand kernel `target` over the grid to the driver of the engine,
  // which must not be a CPU. All fields are those of DISPATCH, with these
  // differences: the kernel is in the engine's image, where its number is its
  // rank among the KERNELS elements of that engine, and its element of
  // tercet_program.kernels is NULL; no operand is in an IO pool; scratch is for
  // the engine's own workers (below). Needs TERCET_FEATURE_SUBMIT_BIT.
  TERCET_COMMAND_SUBMIT = 5
} tercet_opcode;

// The queue of engine e is the subsequence of an entry's commands with that
// engine. A command starts after its predecessor in its queue has completed
// and all tokens in its waits are signalled; it signals when it has completed,
// with release/acquire order for all memory that its engine shares. The runtime
// may walk all queues concurrently, or the whole list in order on one thread.
//
// Tokens are numbered per entry in the order of the command list: the k-th
// command that signals signals token k. A command waits only for tokens of
// earlier commands. So the list order is always a valid sequential execution,
// no plan can deadlock, and both are checked with one counter. Tokens start
// unsignalled in every run.
typedef struct tercet_command_record {
  uint32_t opcode;         // 0   tercet_opcode
  uint32_t engine;         // 4   ENGINES index
  uint32_t target;         // 8   KERNELS or COPIES index, by opcode
  uint32_t profile_slot;   // 12  PROFILE index or TERCET_NONE
  uint32_t grid[3];        // 16  tiles in x, y, z; each >= 1 for DISPATCH and
                           //     SUBMIT, and x * y * z < 2^32; else 0. Linear
                           //     order: x fastest
  uint32_t grain;          // 28  0: worker w of n gets one contiguous n-th of
                           //     the linear grid (same tiles, same worker,
                           //     every run); k: workers fetch k tiles at a time
  uint32_t first_operand;  // 32  into OPERANDS
  uint32_t operand_count;  // 36
  uint32_t first_scalar;   // 40  into SCALAR_REFS
  uint32_t scalar_count;   // 44
  uint64_t scratch_stride; // 48  bytes a worker, a multiple of 64 if nonzero
  uint32_t scratch_buffer; // 56  BUFFERS index (ARENA, of at least
                           //     scratch_stride * LIMITS.max_workers bytes;
                           //     of SUBMIT: in a pool that the engine
                           //     addresses, scratch_stride * the engine's
                           //     workers) or TERCET_NONE
  uint32_t signal_token;   // 60  token id or TERCET_NONE
  uint32_t first_wait;     // 64  into WAITS
  uint32_t wait_count;     // 68
  uint32_t flags;          // 72  reserved, 0
  uint32_t reserved;       // 76
} tercet_command_record;   // 80 bytes

// A strided copy: for i < count[0], j < count[1]: move run_bytes from source
// operand + i * source_stride[0] + j * source_stride[1] to the destination
// likewise. All numbers are below 2^31, counts and run_bytes at least 1. The
// hull of each side, (count[0]-1)*stride[0] + (count[1]-1)*stride[1] +
// run_bytes, is at most its operand's bytes. The destination is nested, so that
// no byte is written twice: where count[1] > 1, stride[1] >= run_bytes; where
// count[0] > 1, stride[0] >= (count[1]-1)*stride[1] + run_bytes. (Source
// strides are free: 0 broadcasts.)
typedef struct tercet_copy_record {
  uint64_t run_bytes;             // 0
  uint32_t count[2];              // 8   outer, inner
  uint64_t source_stride[2];      // 16
  uint64_t destination_stride[2]; // 32
} tercet_copy_record;             // 48 bytes

typedef struct tercet_kernel_record {
  uint32_t name;          // 0
  uint32_t engine;        // 4   ENGINES index
  uint64_t stack_bytes;   // 8   worst case, from the kernel's entry
  uint64_t scratch_bytes; // 16  worst case a worker
} tercet_kernel_record;   // 24 bytes

// What a command computes, for people: the source node's name (or names,
// joined by " + "), and the cost model's prediction.
typedef struct tercet_profile_record {
  uint32_t name;         // 0
  uint32_t reserved;     // 4
  uint64_t predicted_ps; // 8   picoseconds; 0: not predicted
} tercet_profile_record; // 16 bytes

// ---- Weights ----------------------------------------------------------------

typedef enum tercet_weights_place {
  TERCET_WEIGHTS_EMBEDDED = 1, // in tercet_program.embedded_weights
  TERCET_WEIGHTS_FILE = 2      // in NAME.weights
} tercet_weights_place;

typedef enum tercet_digest_kind {
  TERCET_DIGEST_NONE = 0,
  TERCET_DIGEST_SHA256 = 1,
  TERCET_DIGEST_BLAKE3 = 2
} tercet_digest_kind;

// Where the contents of a WEIGHTS pool are: [offset, offset + bytes) of the
// embedded weights or of the file; exactly one record per WEIGHTS pool.
typedef struct tercet_weights_record {
  uint32_t pool;         // 0
  uint32_t place;        // 4   tercet_weights_place
  uint64_t offset;       // 8   a multiple of the pool's alignment
  uint64_t bytes;        // 16  equal to the pool's bytes
  uint32_t digest_kind;  // 24  tercet_digest_kind
  uint32_t reserved;     // 28
  uint8_t digest[32];    // 32  of the whole embedded blob or file payload
} tercet_weights_record; // 64 bytes

// NAME.weights is the payload, 0-padded to a multiple of 64 bytes, then this
// trailer: the data starts at offset 0, hence page-aligned when mapped. The
// runtime compares the trailer's digest with the table's, which proves in O(1)
// that the file belongs to the program; hashing the payload is for tools.
typedef struct tercet_weights_trailer {
  uint32_t magic;         // 0   TERCET_MAGIC_WEIGHTS
  uint16_t major;         // 4
  uint16_t minor;         // 6
  uint64_t payload_bytes; // 8   padded: the trailer's own offset
  uint32_t digest_kind;   // 16
  uint32_t reserved[3];   // 20
  uint8_t digest[32];     // 32  of the padded payload
} tercet_weights_trailer; // 64 bytes, forever

// ---- Limits -----------------------------------------------------------------

typedef struct tercet_limits_record {
  uint32_t max_workers; // 0   >= 1, of any engine: scratch is sized for it
  uint32_t reserved;    // 4
  uint64_t stack_bytes; // 8   greatest stack_bytes of all CPU kernels
} tercet_limits_record; // 16 bytes

// ---- Layout checks ----------------------------------------------------------

TERCET_ABI_ASSERT(sizeof(tercet_table_header) == 32, "tercet_table_header");
TERCET_ABI_ASSERT(sizeof(tercet_record_header) == 16, "tercet_record_header");
TERCET_ABI_ASSERT(sizeof(tercet_engine_record) == 48, "tercet_engine_record");
TERCET_ABI_ASSERT(sizeof(tercet_pool_record) == 32, "tercet_pool_record");
TERCET_ABI_ASSERT(sizeof(tercet_buffer_record) == 32, "tercet_buffer_record");
TERCET_ABI_ASSERT(sizeof(tercet_operand_record) == 24, "tercet_operand_record");
TERCET_ABI_ASSERT(sizeof(tercet_tensor_record) == 40, "tercet_tensor_record");
TERCET_ABI_ASSERT(sizeof(tercet_scalar_record) == 32, "tercet_scalar_record");
TERCET_ABI_ASSERT(sizeof(tercet_entry_record) == 48, "tercet_entry_record");
TERCET_ABI_ASSERT(sizeof(tercet_command_record) == 80, "tercet_command_record");
TERCET_ABI_ASSERT(offsetof(tercet_command_record, scratch_stride) == 48, "tercet_command_record");
TERCET_ABI_ASSERT(sizeof(tercet_copy_record) == 48, "tercet_copy_record");
TERCET_ABI_ASSERT(sizeof(tercet_kernel_record) == 24, "tercet_kernel_record");
TERCET_ABI_ASSERT(sizeof(tercet_profile_record) == 16, "tercet_profile_record");
TERCET_ABI_ASSERT(sizeof(tercet_weights_record) == 64, "tercet_weights_record");
TERCET_ABI_ASSERT(sizeof(tercet_weights_trailer) == 64, "tercet_weights_trailer");
TERCET_ABI_ASSERT(sizeof(tercet_limits_record) == 16, "tercet_limits_record");
#if UINTPTR_MAX == UINT64_MAX
TERCET_ABI_ASSERT(sizeof(tercet_program) == 80, "tercet_program");
TERCET_ABI_ASSERT(sizeof(tercet_kernel_args) == 40, "tercet_kernel_args");
TERCET_ABI_ASSERT(offsetof(tercet_kernel_args, scratch_stride) == 24, "tercet_kernel_args");
#endif

#ifdef __cplusplus
}
#endif
#endif // TERCET_ABI_H

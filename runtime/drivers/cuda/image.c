// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// CUDA takes code without its length: PTX as a string, a cubin as an ELF file
// that says itself how long it is. So the string has to end within the image, and
// the file's header, sections and segments have to lie in it. Invariant: nothing
// outside [bytes, bytes + size) is read, whatever the image says.
#include "image.h"
#include "../failure.h"
#include <string.h>

#define MACHINE_CUDA 190u
#define ALIGNMENT_MAX 256u
#define THREADS_MAX 1024u

// Whether count elements of that size at that offset lie within the image.
static int lies_within(uint64_t size, uint64_t offset, uint64_t count, uint64_t element) {
  return offset % 4 == 0 && offset <= size && count <= (size - offset) / element;
}

static uint64_t read_word(const unsigned char *at, unsigned bytes) {
  uint64_t value = 0;
  while (bytes--)
    value = value << 8 | at[bytes];
  return value;
}

// Fields of an ELF64 header, of a section's and of a segment's, by offset.
enum { E_MACHINE = 18, E_PHOFF = 32, E_SHOFF = 40, E_PHENTSIZE = 54, E_PHNUM = 56 };
enum { E_SHENTSIZE = 58, E_SHNUM = 60, ELF_BYTES = 64 };
enum { S_TYPE = 4, S_OFFSET = 24, S_SIZE = 32, S_BYTES = 64, TYPE_EMPTY = 8 };
enum { P_OFFSET = 8, P_FILESZ = 32, P_BYTES = 56 };

static const char *check_cubin(const unsigned char *bytes, uint64_t size) {
  static const unsigned char start[6] = {0x7F, 'E', 'L', 'F', 2, 1}; // 64 bits, little-endian
  if (size < ELF_BYTES || memcmp(bytes, start, sizeof start) != 0 ||
      read_word(bytes + E_MACHINE, 2) != MACHINE_CUDA)
    return "a cubin that is no ELF file of CUDA";
  uint64_t sections = read_word(bytes + E_SHOFF, 8), section_count = read_word(bytes + E_SHNUM, 2);
  uint64_t segments = read_word(bytes + E_PHOFF, 8), segment_count = read_word(bytes + E_PHNUM, 2);
  if (!section_count || read_word(bytes + E_SHENTSIZE, 2) != S_BYTES ||
      (segment_count && read_word(bytes + E_PHENTSIZE, 2) != P_BYTES) ||
      !lies_within(size, sections, section_count, S_BYTES) ||
      !lies_within(size, segments, segment_count, P_BYTES))
    return "a cubin whose tables are not in it";
  for (uint64_t i = 0; i < section_count; ++i) {
    const unsigned char *at = bytes + sections + i * S_BYTES;
    uint64_t offset = read_word(at + S_OFFSET, 8), length = read_word(at + S_SIZE, 8);
    if (read_word(at + S_TYPE, 4) != TYPE_EMPTY && (offset > size || length > size - offset))
      return "a cubin with a section that is not in it";
  }
  for (uint64_t i = 0; i < segment_count; ++i) {
    const unsigned char *at = bytes + segments + i * P_BYTES;
    uint64_t offset = read_word(at + P_OFFSET, 8), length = read_word(at + P_FILESZ, 8);
    if (offset > size || length > size - offset)
      return "a cubin with a segment that is not in it";
  }
  return NULL;
}

static const char *check_code(const tercet_cuda_code *code, const unsigned char *bytes,
                              uint64_t size) {
  if (code->offset % 8 || !code->bytes || !lies_within(size, code->offset, code->bytes, 1))
    return "code outside of it";
  const unsigned char *start = bytes + code->offset;
  if (code->format == TERCET_CUDA_CUBIN)
    return check_cubin(start, code->bytes);
  if (code->format != TERCET_CUDA_PTX)
    return "code of an unknown format";
  return memchr(start, 0, code->bytes) == start + code->bytes - 1 ? NULL : "PTX without an end";
}

static const char *check_kernel(const cuda_image *image, const tercet_cuda_kernel *kernel) {
  uint64_t size = image->header->bytes, threads = 1;
  if (kernel->name >= size || !memchr(image->bytes + kernel->name, 0, size - kernel->name) ||
      !image->bytes[kernel->name])
    return "a kernel without a name";
  for (unsigned i = 0; i < 3; ++i) {
    if (!kernel->block[i] || kernel->block[i] > THREADS_MAX)
      return "a block that no device has";
    threads *= kernel->block[i];
  }
  if (threads > THREADS_MAX)
    return "a block that no device has";
  if (kernel->operand_count > TERCET_CUDA_OPERANDS_MAX ||
      kernel->first_operand > image->header->operand_count ||
      kernel->operand_count > image->header->operand_count - kernel->first_operand)
    return "a kernel with operands that it does not list";
  for (uint32_t i = 0; i < kernel->operand_count; ++i) {
    uint32_t alignment = image->operands[kernel->first_operand + i].alignment;
    if (!alignment || alignment > ALIGNMENT_MAX || (alignment & (alignment - 1)))
      return "an operand without an alignment";
  }
  return NULL;
}

static const char *check(cuda_image *image, uint64_t size) {
  const tercet_cuda_image *header = image->header;
  if (header->bytes < sizeof *header || header->bytes > size)
    return "longer than what is there";
  size = header->bytes;
  if (!lies_within(size, header->kernels, header->kernel_count, sizeof *image->kernels) ||
      !lies_within(size, header->operands, header->operand_count, sizeof *image->operands) ||
      !lies_within(size, header->codes, header->code_count, sizeof *image->codes))
    return "with tables outside of it";
  image->kernels = (const tercet_cuda_kernel *)(const void *)(image->bytes + header->kernels);
  image->operands = (const tercet_cuda_operand *)(const void *)(image->bytes + header->operands);
  image->codes = (const tercet_cuda_code *)(const void *)(image->bytes + header->codes);
  if (!header->code_count)
    return "without code";
  const char *wrong = NULL;
  for (uint32_t i = 0; i < header->code_count && !wrong; ++i)
    wrong = check_code(&image->codes[i], image->bytes, size);
  for (uint32_t i = 0; i < header->kernel_count && !wrong; ++i)
    wrong = check_kernel(image, &image->kernels[i]);
  return wrong;
}

tercet_status cuda_image_check(const void *bytes, uint64_t size, uint32_t kernel_count,
                               cuda_image *image, tercet_error *error) {
  *image = (cuda_image){.bytes = (const unsigned char *)bytes,
                        .header = (const tercet_cuda_image *)bytes};
  if (!bytes || size < sizeof *image->header || (uintptr_t)bytes % 8 ||
      image->header->magic != TERCET_CUDA_IMAGE_MAGIC)
    return driver_fail(error, TERCET_ERROR_ENGINE_IMAGE, "the GPU's image is no image for CUDA");
  if (image->header->version != TERCET_CUDA_IMAGE_VERSION)
    return driver_fail(error, TERCET_ERROR_ENGINE_IMAGE,
                       "the GPU's image is of version %u, this driver of %u",
                       image->header->version, TERCET_CUDA_IMAGE_VERSION);
  const char *wrong = check(image, size);
  if (wrong)
    return driver_fail(error, TERCET_ERROR_ENGINE_IMAGE, "the GPU's image is corrupt: %s", wrong);
  if (image->header->kernel_count != kernel_count)
    return driver_fail(error, TERCET_ERROR_ENGINE_IMAGE,
                       "the GPU's image has %u kernels, the program's table names %u",
                       image->header->kernel_count, kernel_count);
  return TERCET_OK;
}

const tercet_cuda_code *cuda_image_code(const cuda_image *image, uint32_t architecture) {
  for (uint32_t i = 0; i < image->header->code_count; ++i) {
    const tercet_cuda_code *code = &image->codes[i];
    if (code->architecture <= architecture &&
        (code->format == TERCET_CUDA_PTX || code->architecture / 10 == architecture / 10))
      return code;
  }
  return NULL;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads just enough of an ELF file: its header, its loaded segments, and in them
// the record that the NPU's runtime puts into every image, which names the
// digest. Invariant: nothing outside [bytes, bytes + size) is read, whatever the
// file says.
#include "image.h"
#include "../failure.h"
#include "tercet/npu_window.h"
#include <string.h>

#define MACHINE_HEXAGON 164u

// Fields of an ELF32 header and of a program header, by offset.
enum { E_TYPE = 16, E_MACHINE = 18, E_PHOFF = 28, E_FLAGS = 36, E_PHENTSIZE = 42, E_PHNUM = 44 };
enum { P_TYPE = 0, P_OFFSET = 4, P_VADDR = 8, P_FILESZ = 16, P_BYTES = 32 };
enum { ELF_BYTES = 52, TYPE_EXEC = 2, SEGMENT_LOAD = 1 };

typedef struct file {
  const unsigned char *bytes;
  uint64_t size;
} file;

static uint32_t read_16(const unsigned char *at) { return at[0] | (uint32_t)at[1] << 8; }
static uint32_t read_32(const unsigned char *at) { return read_16(at) | read_16(at + 2) << 16; }

// Segment i if it is loaded and inside the file, else NULL; its bytes.
static const unsigned char *segment(const file *f, uint32_t i, uint32_t *address, uint32_t *bytes) {
  uint64_t at = read_32(f->bytes + E_PHOFF) + (uint64_t)i * read_16(f->bytes + E_PHENTSIZE);
  if (at + P_BYTES > f->size || read_32(f->bytes + at + P_TYPE) != SEGMENT_LOAD)
    return NULL;
  uint64_t offset = read_32(f->bytes + at + P_OFFSET);
  *address = read_32(f->bytes + at + P_VADDR);
  *bytes = read_32(f->bytes + at + P_FILESZ);
  return offset + *bytes <= f->size ? f->bytes + offset : NULL;
}

// The file's bytes of [address, address + length), or NULL.
static const unsigned char *locate(const file *f, uint32_t address, uint32_t length) {
  for (uint32_t i = 0; i < read_16(f->bytes + E_PHNUM); ++i) {
    uint32_t start, bytes;
    const unsigned char *data = segment(f, i, &start, &bytes);
    if (data && address >= start && (uint64_t)address - start + length <= bytes)
      return data + (address - start);
  }
  return NULL;
}

static int find_record(const file *f, tercet_npu_image_record *record) {
  for (uint32_t i = 0; i < read_16(f->bytes + E_PHNUM); ++i) {
    uint32_t start, bytes;
    const unsigned char *data = segment(f, i, &start, &bytes);
    for (uint32_t at = 0; data && at + sizeof *record <= bytes; ++at) {
      if ((start + at) % 8 || memcmp(data + at, TERCET_NPU_IMAGE_MAGIC, sizeof record->magic) != 0)
        continue;
      memcpy(record, data + at, sizeof *record);
      return 1;
    }
  }
  return 0;
}

// What is wrong with the ELF header, or NULL.
static const char *check_header(const file *f) {
  static const unsigned char start[6] = {0x7F, 'E', 'L', 'F', 1, 1}; // 32 bits, little-endian
  if (f->size < ELF_BYTES || memcmp(f->bytes, start, sizeof start) != 0)
    return "not a 32-bit little-endian ELF file";
  if (read_16(f->bytes + E_MACHINE) != MACHINE_HEXAGON)
    return "for another machine than Hexagon";
  if (read_16(f->bytes + E_TYPE) != TYPE_EXEC)
    return "no executable";
  if (read_16(f->bytes + E_PHENTSIZE) < P_BYTES)
    return "its segment table is broken";
  return NULL;
}

tercet_status hexagon_image_check(const void *bytes, uint64_t size, uint32_t newest,
                                  uint32_t kernel_count, hexagon_image *image,
                                  tercet_error *error) {
  file f = {(const unsigned char *)bytes, size};
  const char *wrong = bytes ? check_header(&f) : "absent";
  tercet_npu_image_record record;
  if (!wrong && !find_record(&f, &record))
    wrong = "without the record of Tercet's NPU runtime; link it with libtercet_npu.a";
  if (wrong)
    return driver_fail(error, TERCET_ERROR_ENGINE_IMAGE, "the NPU's image is %s", wrong);
  if (record.version != TERCET_NPU_VERSION)
    return driver_fail(error, TERCET_ERROR_ENGINE_IMAGE,
                       "the NPU's image is of version %u, this driver of %u", record.version,
                       TERCET_NPU_VERSION);
  uint32_t flags = read_32(f.bytes + E_FLAGS);
  image->architecture = (flags >> 4 & 15) * 10 + (flags & 15);
  if (record.architecture > image->architecture)
    image->architecture = record.architecture;
  if (image->architecture > newest)
    return driver_fail(error, TERCET_ERROR_ENGINE_IMAGE,
                       "the NPU's image is for Hexagon v%u, this engine runs up to v%u",
                       image->architecture, newest);
  const unsigned char *count = locate(&f, record.kernel_count, 4);
  const unsigned char *digest = locate(&f, record.digest, sizeof image->digest);
  static const uint8_t none[sizeof image->digest];
  if (!count || !digest || memcmp(digest, none, sizeof none) == 0)
    return driver_fail(error, TERCET_ERROR_ENGINE_IMAGE, "the NPU's image has no digest");
  image->kernel_count = read_32(count);
  memcpy(image->digest, digest, sizeof image->digest);
  if (image->kernel_count != kernel_count)
    return driver_fail(error, TERCET_ERROR_ENGINE_IMAGE,
                       "the NPU's image has %u kernels, the program's table names %u",
                       image->kernel_count, kernel_count);
  return TERCET_OK;
}

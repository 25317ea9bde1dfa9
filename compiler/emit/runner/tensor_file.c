// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading and writing of .npy. The header is a Python dictionary of three
// known keys, so it is searched, not parsed.
#include "tensor_file.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES 512

typedef struct element_type {
  tercet_element element;
  const char *name;      // for people
  const char *npy;       // as written
  const char *npy_other; // read as well; "" if none
} element_type;

static const element_type element_types[] = {
    {TERCET_ELEMENT_I8, "i8", "|i1", "<i1"},
    {TERCET_ELEMENT_I16, "i16", "<i2", ""},
    {TERCET_ELEMENT_I32, "i32", "<i4", ""},
    {TERCET_ELEMENT_I64, "i64", "<i8", ""},
    {TERCET_ELEMENT_U8, "u8", "|u1", "<u1"},
    {TERCET_ELEMENT_U16, "u16", "<u2", ""},
    {TERCET_ELEMENT_U32, "u32", "<u4", ""},
    {TERCET_ELEMENT_U64, "u64", "<u8", ""},
    {TERCET_ELEMENT_F16, "f16", "<f2", ""},
    {TERCET_ELEMENT_F32, "f32", "<f4", ""},
    {TERCET_ELEMENT_F64, "f64", "<f8", ""},
    {TERCET_ELEMENT_BOOL, "bool", "|b1", ""},
    // NumPy has no such types: the bits, as an unsigned number or as a void.
    {TERCET_ELEMENT_BF16, "bf16", "<u2", "|V2"},
    {TERCET_ELEMENT_F8E4M3FN, "f8E4M3FN", "|u1", "|V1"},
    {TERCET_ELEMENT_F8E5M2, "f8E5M2", "|u1", "|V1"}};

static const element_type *find_type(tercet_element element) {
  for (size_t i = 0; i < sizeof element_types / sizeof *element_types; ++i)
    if (element_types[i].element == element)
      return &element_types[i];
  return NULL;
}

void tensor_describe(const tercet_tensor_info *info, char *text, size_t bytes) {
  const element_type *type = find_type(info->element);
  size_t used = (size_t)snprintf(text, bytes, "%s[", type ? type->name : "?");
  for (uint32_t d = 0; d < info->rank && used < bytes; ++d)
    used += (size_t)snprintf(text + used, bytes - used, "%s%" PRIu64, d ? "," : "", info->dims[d]);
  if (used < bytes)
    snprintf(text + used, bytes - used, "]");
}

static int is_npy(const char *path) {
  size_t length = strlen(path);
  return length > 4 && strcmp(path + length - 4, ".npy") == 0;
}

static int mismatch(const char *path, const tercet_tensor_info *info, char *text, const char *got) {
  char expected[200];
  tensor_describe(info, expected, sizeof expected);
  snprintf(text, TEXT_BYTES, "'%s': expected %s in %s, got %.200s", info->name, expected, path,
           got);
  return 1;
}

static int system_failure(const char *path, char *text, const char *what) {
  snprintf(text, TEXT_BYTES, "cannot %s '%s': %s", what, path,
           errno ? strerror(errno) : "too short");
  return 1;
}

// The text behind 'key': in the header, or NULL.
static const char *value_of(const char *header, const char *key) {
  const char *found = strstr(header, key);
  if (!found)
    return NULL;
  found += strlen(key);
  while (*found == ' ' || *found == ':')
    ++found;
  return found;
}

static int check_header(const char *path, const tercet_tensor_info *info, const char *header,
                        char *text) {
  const element_type *type = find_type(info->element);
  const char *descr = value_of(header, "'descr'");
  const char *order = value_of(header, "'fortran_order'");
  const char *shape = value_of(header, "'shape'");
  if (!type || !descr || !order || !shape || *shape != '(' || *descr != '\'')
    return mismatch(path, info, text, "a header that is not understood");
  char dtype[16] = "";
  sscanf(descr, "'%15[^']'", dtype);
  char got[160];
  size_t end = strcspn(shape, ")");
  snprintf(got, sizeof got, "dtype '%s' and shape %.*s)", dtype, (int)(end < 100 ? end : 100),
           shape);
  if (strcmp(dtype, type->npy) != 0 && (!*type->npy_other || strcmp(dtype, type->npy_other) != 0))
    return mismatch(path, info, text, got);
  const char *next = shape + 1;
  uint32_t rank = 0;
  for (;;) {
    char *after;
    while (*next == ' ' || *next == ',')
      ++next;
    if (*next < '0' || *next > '9')
      break;
    uint64_t size = strtoull(next, &after, 10);
    if (rank >= info->rank || size != info->dims[rank])
      return mismatch(path, info, text, got);
    ++rank;
    next = after;
  }
  if (rank != info->rank || *next != ')')
    return mismatch(path, info, text, got);
  if (rank > 1 && strncmp(order, "False", 5) != 0)
    return mismatch(path, info, text, "Fortran order (use ascontiguousarray)");
  return 0;
}

// Leaves the file at the first element.
static int read_header(FILE *file, const char *path, const tercet_tensor_info *info, char *text) {
  unsigned char start[12];
  size_t length;
  if (fread(start, 1, 10, file) != 10 || memcmp(start, "\x93NUMPY", 6) != 0 || start[6] < 1 ||
      start[6] > 3)
    return mismatch(path, info, text, "no .npy file");
  length = (size_t)start[8] | (size_t)start[9] << 8;
  if (start[6] > 1) {
    if (fread(start + 10, 1, 2, file) != 2)
      return mismatch(path, info, text, "a truncated file");
    length |= (size_t)start[10] << 16 | (size_t)start[11] << 24;
  }
  if (length > 65536)
    return mismatch(path, info, text, "a header that is too long");
  char *header = calloc(length + 1, 1);
  int failed = !header || fread(header, 1, length, file) != length;
  failed = failed ? mismatch(path, info, text, "a truncated file")
                  : check_header(path, info, header, text);
  free(header);
  return failed;
}

int tensor_file_read(const char *path, const tercet_tensor_info *info, void *data, char *text) {
  errno = 0;
  FILE *file = fopen(path, "rb");
  if (!file)
    return system_failure(path, text, "read");
  int failed = is_npy(path) && read_header(file, path, info, text);
  if (!failed && fread(data, 1, info->bytes, file) != info->bytes)
    failed = mismatch(path, info, text, "too few bytes");
  if (!failed && fgetc(file) != EOF)
    failed = mismatch(path, info, text, "too many bytes");
  fclose(file);
  return failed;
}

int tensor_file_write(const char *path, const tercet_tensor_info *info, const void *data,
                      char *text) {
  const element_type *type = find_type(info->element);
  errno = 0;
  FILE *file = fopen(path, "wb");
  if (!file)
    return system_failure(path, text, "write");
  if (is_npy(path) && type) {
    char header[640];
    int used = snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                        type->npy);
    for (uint32_t d = 0; d < info->rank; ++d)
      used += snprintf(header + used, sizeof header - (size_t)used, "%" PRIu64 ",%s", info->dims[d],
                       d + 1 < info->rank ? " " : "");
    used += snprintf(header + used, sizeof header - (size_t)used, "), }");
    // The data start at a multiple of 64; the header ends with a new line.
    while ((used + 11) % 64)
      header[used++] = ' ';
    header[used++] = '\n';
    unsigned char start[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
    start[8] = (unsigned char)(used & 0xFF);
    start[9] = (unsigned char)(used >> 8);
    fwrite(start, 1, sizeof start, file);
    fwrite(header, 1, (size_t)used, file);
  }
  fwrite(data, 1, info->bytes, file);
  int failed = ferror(file);
  if ((fclose(file) | failed) != 0)
    return system_failure(path, text, "write");
  return 0;
}

static double half_to_double(uint16_t bits) {
  uint32_t exponent = bits >> 10 & 31, fraction = bits & 1023;
  double value = exponent ? 1.0 + fraction / 1024.0 : fraction / 1024.0;
  int shift = exponent ? (int)exponent - 15 : -14;
  for (; shift > 0; --shift)
    value *= 2;
  for (; shift < 0; ++shift)
    value /= 2;
  return bits & 0x8000 ? -value : value;
}

static double element_value(tercet_element element, const unsigned char *at) {
  union {
    int8_t i8;
    int16_t i16;
    int32_t i32;
    int64_t i64;
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    float f32;
    double f64;
  } value = {0};
  memcpy(&value, at, TERCET_ELEMENT_BITS(element) / 8);
  switch (element) {
  case TERCET_ELEMENT_I8:
    return value.i8;
  case TERCET_ELEMENT_I16:
    return value.i16;
  case TERCET_ELEMENT_I32:
    return value.i32;
  case TERCET_ELEMENT_I64:
    return (double)value.i64;
  case TERCET_ELEMENT_U16:
    return value.u16;
  case TERCET_ELEMENT_U32:
    return value.u32;
  case TERCET_ELEMENT_U64:
    return (double)value.u64;
  case TERCET_ELEMENT_F16:
    return half_to_double(value.u16);
  case TERCET_ELEMENT_BF16:
    value.u32 = (uint32_t)value.u16 << 16;
    return value.f32;
  case TERCET_ELEMENT_F32:
    return value.f32;
  case TERCET_ELEMENT_F64:
    return value.f64;
  default: // BOOL, U8 and the bits of 8-bit floats
    return value.u8;
  }
}

void tensor_preview(const tercet_tensor_info *info, const void *data, char *text, size_t bytes) {
  uint64_t width = TERCET_ELEMENT_BITS(info->element) / 8, count = 0;
  size_t used = 0;
  text[0] = 0;
  if (!width)
    return;
  count = info->bytes / width;
  for (uint64_t i = 0; i < count && i < 8 && used < bytes; ++i)
    used += (size_t)snprintf(text + used, bytes - used, " %.6g",
                             element_value(info->element, (const unsigned char *)data + i * width));
  if (count > 8 && used < bytes)
    snprintf(text + used, bytes - used, " ...");
}

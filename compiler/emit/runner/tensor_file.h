// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tensors in files: NumPy's .npy (format 1 to 3, little-endian, C order), or
// the plain bytes in a file with any other ending.
#ifndef TERCET_RUNNER_TENSOR_FILE_H
#define TERCET_RUNNER_TENSOR_FILE_H

#include "tercet/runtime.h"

// Reads the file into data[0, info->bytes), which the caller owns. Element type
// and shape must be the tensor's. Returns 0, or 1 with a line in text[0, 512)
// that says what was expected and what the file holds.
int tensor_file_read(const char *path, const tercet_tensor_info *info, void *data, char *text);

// Writes the tensor; returns and reports as tensor_file_read does.
int tensor_file_write(const char *path, const tercet_tensor_info *info, const void *data,
                      char *text);

// "f32[1,128]" in text[0, bytes).
void tensor_describe(const tercet_tensor_info *info, char *text, size_t bytes);

// The first elements as numbers, " 1 2 3 ...", in text[0, bytes).
void tensor_preview(const tercet_tensor_info *info, const void *data, char *text, size_t bytes);

#endif // TERCET_RUNNER_TENSOR_FILE_H

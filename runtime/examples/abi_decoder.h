// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the compiler writes as decoder.h for the program in abi_decoder.c.
#ifndef TERCET_MODEL_DECODER_H
#define TERCET_MODEL_DECODER_H

#include "tercet/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

extern const tercet_program tercet_decoder;

#define TERCET_DECODER_CONTEXT 40
#define TERCET_DECODER_VOCABULARY 16
#define TERCET_DECODER_PREFILL 8
#define TERCET_DECODER_VERIFY 3
#define TERCET_DECODER_STATE_BYTES 640

#ifdef __cplusplus
}
#endif
#endif // TERCET_MODEL_DECODER_H

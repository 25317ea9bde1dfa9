// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// NAME.h: the program's symbol and every size as a constant, so that an
// application can declare all memory statically. C11 and C++.

#ifndef TERCET_COMPILER_EMIT_HEADER_H
#define TERCET_COMPILER_EMIT_HEADER_H

#include "compiler/emit/Program.h"

#include "llvm/Support/raw_ostream.h"

namespace tercet::emit {

void writeHeader(const Program &program, llvm::raw_ostream &os);

} // namespace tercet::emit

#endif // TERCET_COMPILER_EMIT_HEADER_H

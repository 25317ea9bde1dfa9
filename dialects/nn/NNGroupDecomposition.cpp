// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the operations on matrices in groups mean, in linalg.

#include "dialects/nn/StructuredOps.h"

using namespace mlir;
using namespace tercet::nn;

// TODO before use: written in the slice that follows the declarations.
#define TERCET_NOT_DECOMPOSED(OP)                                                                  \
  FailureOr<SmallVector<Value>> OP::decomposeOperation(OpBuilder &) {                              \
    return emitOpError() << "cannot be decomposed";                                                \
  }

TERCET_NOT_DECOMPOSED(EncodeGroupsOp)
TERCET_NOT_DECOMPOSED(GroupMatmulOp)
TERCET_NOT_DECOMPOSED(GroupGatherOp)

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Float groups beside integer ones: they read integers and write integers
// without a pass over memory of its own, where their tiles allow it.

#ifndef TERCET_PASSES_PARTITION_FLOATREWRITE_H
#define TERCET_PASSES_PARTITION_FLOATREWRITE_H

#include "passes/partition/ConversionGroups.h"

namespace tercet::partition {

/// Whether all that reads an operand reads it tile by tile, as tiles of the
/// first result need it.
bool canDequantiseAtHead(soc::GroupOp group, unsigned operand);

/// Whether the group's only result, of f32, is computed by what can be fused
/// into the tiles of a reader.
bool canQuantiseAtEnd(soc::GroupOp group);
/// Whether its tiles can be: those of some columns cannot have scales of all.
bool canQuantiseTiles(soc::VariantAttr variant, mlir::Type type);

/// The group with operands as they are stored, dequantised at the head of its
/// body, and its result quantised at the end if `result` says as what. The body
/// of `group` moves into it.
soc::GroupOp rewriteFloats(soc::GroupOp group, llvm::ArrayRef<StoredValue> operands,
                           QuantType result);

} // namespace tercet::partition

#endif // TERCET_PASSES_PARTITION_FLOATREWRITE_H

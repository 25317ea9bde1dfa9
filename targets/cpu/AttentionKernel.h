// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The kernel of nn.cached_attention: keys and values stream by in blocks of
// fixed size, decoded where they are used, and a softmax that corrects itself
// (Milakov and Gimelshein, 2018) leaves no scores of all positions behind. A
// row's result has the same bits whatever rows are computed with it: blocks start
// at multiples of their size, every sum has one order, and what a row does not
// see adds nothing.

#ifndef TERCET_TARGETS_CPU_ATTENTIONKERNEL_H
#define TERCET_TARGETS_CPU_ATTENTIONKERNEL_H

#include "dialects/nn/NN.h"
#include "targets/cpu/VectorUnit.h"

namespace tercet::cpu {

/// Whether there is a kernel for the operation, whose operands are tensors or
/// memrefs: a query of f32, heads of known number and size, and a cache of
/// floats of 16 or 32 bits or of a format whose codes are single bytes or parts
/// of one.
bool hasAttentionKernel(nn::CachedAttentionOp op);

/// Most rows (tokens times the heads that share a key head) for which keys and
/// values are decoded once; tiles had better not be taller.
constexpr int64_t kAttentionRows = 64;

/// Scratch that the kernel needs for tiles of `tokens` tokens (dynamic: of any
/// number) and `heads` query heads of a key head: one block of keys and values, and
/// the rows that go over them.
uint64_t attentionWorkspaceBytes(nn::CachedAttentionOp op, const VectorUnit &unit, int64_t tokens,
                                 int64_t heads);

/// What the attentions of a bufferised kernel need, one after another.
uint64_t workspaceBytes(soc::KernelOp kernel, soc::CpuAttr cpu);

/// Emits the kernel of an operation on memrefs before it, with its workspace at
/// this byte of the worker's scratch. Elements of a row lie one behind the other.
void emitAttention(mlir::OpBuilder &b, nn::CachedAttentionOp op, const VectorUnit &unit,
                   int64_t workspaceAt);

} // namespace tercet::cpu

#endif // TERCET_TARGETS_CPU_ATTENTIONKERNEL_H

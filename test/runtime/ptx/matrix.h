// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a warp does together on matrices: which lane has which element is as in
// the sections on mma.m16n8k16 and ldmatrix of NVIDIA's "PTX ISA". Products are
// exact here, and their sum is rounded once; a GPU cuts off more.
#ifndef TERCET_TEST_PTX_MATRIX_H
#define TERCET_TEST_PTX_MATRIX_H

#include "values.h"
#include <array>

namespace tercet_test::ptx {

constexpr uint32_t WarpLanes = 32;

/// Registers of all lanes, the first register's first.
template <size_t Count> using WarpRegisters = std::array<std::array<uint32_t, Count>, WarpLanes>;

/// d = a * b + c of 16 x 16, 16 x 8 and 16 x 8 elements; `element` is f16 or bf16.
WarpRegisters<4> multiply(const Type &element, const WarpRegisters<4> &a, const WarpRegisters<2> &b,
                          const WarpRegisters<4> &c);

/// The lane's pair of one matrix of 8 x 8 elements of 16 bits, by rows.
uint32_t pairOf(const std::array<std::array<uint16_t, 8>, 8> &matrix, uint32_t lane,
                bool transposed);

} // namespace tercet_test::ptx
#endif // TERCET_TEST_PTX_MATRIX_H

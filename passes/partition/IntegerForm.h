// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which groups have a form in integers (nn.quantized_* and their kin), and what
// that asks of how each of their values is stored. The one analysis that
// calibration (which scales?), engines (can I run it?) and
// partition-apply-precision (rewrite it) share, so that none promises what
// another cannot do. Changes nothing.

#ifndef TERCET_PASSES_PARTITION_INTEGERFORM_H
#define TERCET_PASSES_PARTITION_INTEGERFORM_H

#include "dialects/soc/Soc.h"

#include <optional>
#include <string>

namespace tercet::partition {

/// What integer arithmetic asks of how a value is stored. In #soc.precision a
/// value of None has the type `none`, all others a !quant.uniform.
enum class Storage {
  None,      ///< keeps its type, or does not come to exist (a product before its bias)
  Narrow,    ///< i8 with any zero: what a product or a table reads
  Symmetric, ///< i8 with zero 0: what attention reads
  Wide,      ///< i16 with zero 0
  Any,       ///< i8, or i16 with zero 0, whichever its other users ask for; i16 where nobody asks
  Score,     ///< i16 in units of ln 2 / 256: what is added to attention's scores
  Columns,   ///< a weight: i8 with a scale for each column, zero 0; its type has one scale, the
             ///< greatest of all columns once rows have been multiplied by the left-hand side's
             ///< scales (getRelativeScales)
  Constant,  ///< a constant that becomes i32: a bias, the scale of a norm. Its type is i32 with
             ///< zero 0 and the greatest absolute value divided by 2^31 as scale
};

/// How many scales a value may have. Those of channels belong to the last
/// dimension, have one zero and are of i8.
enum class Scales {
  One,      ///< one for the tensor
  Blocks,   ///< one for each block of 128 channels, if there are whole ones only
  Channels, ///< one for each channel
};

struct IntegerForm {
  /// For each operand of the group.
  llvm::SmallVector<Storage> inputs;
  /// For each operation of its body with one result, in order.
  llvm::SmallVector<Storage> results;
  /// The most scales that each of them may have.
  llvm::SmallVector<Scales> inputScales, resultScales;
};

/// The integer form of a group in a scheme (w8a8, w8a16), or nothing and the
/// reason in words for the user.
std::optional<IntegerForm> findIntegerForm(soc::GroupOp group, llvm::StringRef scheme,
                                           std::string &reason);

/// Whether the types that an integer precision gives are what the group's form
/// asks for, and every factor between their scales is one that the arithmetic
/// can represent. If not, `reason` says in words for the user what is wrong.
bool fitsIntegerForm(soc::GroupOp group, soc::PrecisionAttr precision, std::string &reason);

} // namespace tercet::partition

#endif // TERCET_PASSES_PARTITION_INTEGERFORM_H

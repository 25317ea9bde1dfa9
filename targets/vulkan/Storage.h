// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How elements lie in the words of storage buffers and workgroup memory, which
// every Vulkan device can load and store. A narrow element is a field of a word;
// storing one changes the word by two atomic operations, since its neighbours
// may be another thread's.

#ifndef TERCET_TARGETS_VULKAN_STORAGE_H
#define TERCET_TARGETS_VULKAN_STORAGE_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace tercet::vulkan {

/// Bits that an element takes in memory: 8, 16, 32 or 64; 0 if it is of a type
/// that has no such form.
unsigned storageBits(mlir::Type element);

/// One word, or `lanes` of them, of a memory of words.
class WordMemory {
public:
  virtual ~WordMemory();
  /// `type` is i32 or f32.
  virtual mlir::Value load(mlir::ImplicitLocOpBuilder &b, mlir::Type type, mlir::Value word) = 0;
  virtual void store(mlir::ImplicitLocOpBuilder &b, mlir::Value value, mlir::Value word) = 0;
  /// word &= keep, word |= bits
  virtual void change(mlir::ImplicitLocOpBuilder &b, mlir::Value keep, mlir::Value bits,
                      mlir::Value word) = 0;
};

/// Loads element `index`, counted from the start of the memory.
mlir::Value loadElement(mlir::ImplicitLocOpBuilder &b, WordMemory &memory, mlir::Type element,
                        mlir::Value index);
void storeElement(mlir::ImplicitLocOpBuilder &b, WordMemory &memory, mlir::Value value,
                  mlir::Value index);

/// The elements that lie in consecutive words, given as i32; and back.
llvm::SmallVector<mlir::Value> unpack(mlir::ImplicitLocOpBuilder &b, mlir::Type element,
                                      mlir::ValueRange words);
llvm::SmallVector<mlir::Value> pack(mlir::ImplicitLocOpBuilder &b, mlir::ValueRange elements);

} // namespace tercet::vulkan

#endif // TERCET_TARGETS_VULKAN_STORAGE_H

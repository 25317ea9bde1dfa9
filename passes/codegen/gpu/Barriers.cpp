// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Accesses of operations on memory, from their effects.

#include "passes/codegen/gpu/Barriers.h"

#include "passes/codegen/gpu/FlatAddress.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace tercet::codegen;

SmallVector<Hazards::Access> Hazards::accessesOf(Operation *op) {
  SmallVector<Access> accesses;
  auto addAll = [&] {
    accesses.push_back({false, true});
    accesses.push_back({true, true, 0, INT64_MAX});
  };
  op->walk([&](Operation *inner) {
    // Atomic accesses are ordered by themselves; only faults are raised so.
    if (isMemoryEffectFree(inner) || isa<memref::AtomicRMWOp>(inner))
      return;
    auto effects = dyn_cast<MemoryEffectOpInterface>(inner);
    if (!effects) {
      if (!inner->hasTrait<OpTrait::HasRecursiveMemoryEffects>())
        addAll();
      return;
    }
    SmallVector<MemoryEffects::EffectInstance> instances;
    effects.getEffects(instances);
    for (const MemoryEffects::EffectInstance &effect : instances) {
      Value value = effect.getValue();
      if (!value || !isa<BaseMemRefType>(value.getType())) {
        addAll();
        continue;
      }
      MemoryRange range = rangeOf(value);
      if (!range.root) {
        addAll();
        continue;
      }
      bool write = !isa<MemoryEffects::Read>(effect.getEffect());
      accesses.push_back({range.isWorkgroup, write, range.begin, range.end});
    }
  });
  return accesses;
}

bool Hazards::touchesMemory(Operation *op) { return !accessesOf(op).empty(); }

bool Hazards::conflictsWith(Operation *op) const {
  for (const Access &next : accessesOf(op))
    for (const Access &before : pending) {
      if (next.workgroup != before.workgroup || (!next.write && !before.write))
        continue;
      if (!next.workgroup || (next.begin < before.end && before.begin < next.end))
        return true;
    }
  return false;
}

void Hazards::add(Operation *op) { llvm::append_range(pending, accessesOf(op)); }

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which loop of a nest to vectorise. The estimate counts instructions for one
// element, in hundredths: exactness does not matter, the order of the
// candidates does.

#include "targets/cpu/NestEmitter.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace tercet::codegen;
using namespace tercet::cpu;

static int64_t lanesFor(int64_t trip, int64_t widest, bool masks) {
  if (trip >= widest)
    return widest;
  if (masks && !llvm::isPowerOf2_64(trip))
    return llvm::PowerOf2Ceil(trip);
  return llvm::bit_floor(static_cast<uint64_t>(trip));
}

NestPlan tercet::cpu::choosePlan(Block &body, const LoopNest &nest, const VectorUnit &unit) {
  constexpr int64_t kScale = 100, kDynamicTrip = 64;
  NestPlan best;
  NestBody scalar(body, nest, -1);
  int64_t scalarOps = std::distance(body.begin(), body.end()) + nest.accesses.size();
  int64_t bestCost = scalarOps * kScale;
  int64_t widest = unit.lanes(widestElement(body));
  for (int64_t loop = 0, count = nest.loops.size(); loop < count; ++loop) {
    NestBody candidate(body, nest, loop);
    if (!candidate.isVectorisable())
      continue;
    bool reduction = nest.loops[loop].reduction;
    bool possible = true;
    for (auto [number, access] : llvm::enumerate(nest.outputs())) {
      if (reduction)
        possible &= candidate.getCombiner(number) && access.stride(loop) == 0;
      else
        possible &= access.moves(loop);
    }
    if (!possible)
      continue;
    int64_t trip = nest.loops[loop].staticSize().value_or(kDynamicTrip);
    bool masks = unit.masks && candidate.isMaskable();
    int64_t lanes = lanesFor(std::max<int64_t>(trip, 1), widest, masks);
    if (lanes < 2)
      continue;
    int64_t whole = trip / lanes, rest = trip % lanes;
    int64_t steps = whole + (rest == 0 ? 0 : masks ? 1 : (rest + 1) / 2);
    int64_t cost = steps * (candidate.getVectorOps() + candidate.getPerLaneOps() * lanes * 2);
    if (reduction)
      cost += (llvm::Log2_64(lanes) + 4) * 2;
    cost = cost * kScale / std::max<int64_t>(trip, 1);
    // Ties go to the inner loop, and to a parallel one.
    if (cost < bestCost || (cost == bestCost && best.vectorLoop >= 0 &&
                            !(reduction && !nest.loops[best.vectorLoop].reduction))) {
      bestCost = cost;
      best = {loop, lanes};
    }
  }
  return best;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a Hexagon NPU can run, and how: the model of #soc.engine.

#ifndef TERCET_TARGETS_HEXAGON_HEXAGONENGINE_H
#define TERCET_TARGETS_HEXAGON_HEXAGONENGINE_H

#include "dialects/soc/EngineModel.h"

namespace tercet::hexagon {

std::unique_ptr<soc::EngineModel> createEngineModel();

} // namespace tercet::hexagon

#endif // TERCET_TARGETS_HEXAGON_HEXAGONENGINE_H

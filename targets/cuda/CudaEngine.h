// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What an NVIDIA GPU can run, and how: the model of #soc.engine.

#ifndef TERCET_TARGETS_CUDA_CUDAENGINE_H
#define TERCET_TARGETS_CUDA_CUDAENGINE_H

#include "dialects/soc/EngineModel.h"

namespace tercet::cuda {

std::unique_ptr<soc::EngineModel> createEngineModel();

} // namespace tercet::cuda

#endif // TERCET_TARGETS_CUDA_CUDAENGINE_H

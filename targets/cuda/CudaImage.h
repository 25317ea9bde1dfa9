// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The image of an NVIDIA GPU (runtime/include/tercet/cuda_image.h).

#ifndef TERCET_TARGETS_CUDA_CUDAIMAGE_H
#define TERCET_TARGETS_CUDA_CUDAIMAGE_H

#include "targets/Target.h"

namespace tercet::cuda {

llvm::Expected<EngineImage> emitImage(const ImageJob &job);

} // namespace tercet::cuda

#endif // TERCET_TARGETS_CUDA_CUDAIMAGE_H

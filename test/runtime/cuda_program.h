// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Images of an NVIDIA GPU and programs with one, for tests: the kernels of
// ptx/kernels.ptx, the slots, weights and local memory of npu_program.h.
#ifndef TERCET_TEST_CUDA_PROGRAM_H
#define TERCET_TEST_CUDA_PROGRAM_H

#include "npu_program.h"
#include "tercet/cuda.h"
#include "tercet/cuda_image.h"

namespace tercet_test {

// Numbers in the image; those up to 8 are `add` again.
enum CudaKernel : uint32_t { CudaAdd, CudaScale, CudaSum, CudaFault, CudaOutside };

inline std::string cudaKernels() {
  // Another place, for a machine that has only been given the test.
  const char *named = std::getenv("TERCET_CUDA_KERNELS");
  std::vector<unsigned char> bytes = readFile(named ? named : CUDA_KERNELS);
  return {bytes.begin(), bytes.end()};
}

// The parts of an image, which a test may spoil before they are written.
struct CudaImage {
  struct Kernel {
    std::string name;
    std::vector<tercet_cuda_operand> operands;
    uint32_t scalars = 0, shared = 0;
    uint32_t block[3] = {256, 1, 1};
  };
  struct Code {
    uint32_t format, architecture;
    std::string bytes;
  };

  CudaImage() {
    tercet_cuda_operand in = {16, READ}, out = {16, WRITE};
    kernels = {{"add", {in, in, out}},
               {"scale", {in, out}, 2},
               {"sum", {in, out}, 0, 32},
               {"fault", {}, 0},
               {"outside", {}, 0}};
    while (kernels.size() < Kernels)
      kernels.push_back(kernels[0]);
    codes = {{TERCET_CUDA_PTX, 87, cudaKernels() + '\0'}};
  }

  std::vector<unsigned char> write() const {
    tercet_cuda_image header = {};
    std::vector<tercet_cuda_kernel> records;
    std::vector<tercet_cuda_operand> operands;
    std::vector<tercet_cuda_code> code_records;
    std::string data;
    for (const Kernel &kernel : kernels)
      operands.insert(operands.end(), kernel.operands.begin(), kernel.operands.end());
    header.magic = TERCET_CUDA_IMAGE_MAGIC;
    header.version = TERCET_CUDA_IMAGE_VERSION;
    header.kernel_count = uint32_t(kernels.size());
    header.kernels = sizeof header;
    header.operand_count = uint32_t(operands.size());
    header.operands = header.kernels + uint32_t(kernels.size() * sizeof(tercet_cuda_kernel));
    header.code_count = uint32_t(codes.size());
    header.codes = header.operands + uint32_t(operands.size() * sizeof(tercet_cuda_operand));
    uint32_t start = header.codes + uint32_t(codes.size() * sizeof(tercet_cuda_code));
    for (const Code &code : codes) {
      data.resize(data.size() + (8 - (start + data.size()) % 8) % 8);
      code_records.push_back({code.format, code.architecture, start + uint32_t(data.size()),
                              uint32_t(code.bytes.size())});
      data += code.bytes;
    }
    uint32_t first = 0;
    for (const Kernel &kernel : kernels) {
      records.push_back({start + uint32_t(data.size()),
                         {kernel.block[0], kernel.block[1], kernel.block[2]},
                         kernel.shared,
                         first,
                         uint32_t(kernel.operands.size()),
                         kernel.scalars});
      first += uint32_t(kernel.operands.size());
      data += kernel.name + '\0';
    }
    header.bytes = start + uint32_t(data.size());
    std::vector<unsigned char> image;
    auto append = [&](const void *bytes, size_t count) {
      auto *from = static_cast<const unsigned char *>(bytes);
      image.insert(image.end(), from, from + count);
    };
    append(&header, sizeof header);
    append(records.data(), records.size() * sizeof(tercet_cuda_kernel));
    append(operands.data(), operands.size() * sizeof(tercet_cuda_operand));
    append(code_records.data(), code_records.size() * sizeof(tercet_cuda_code));
    append(data.data(), data.size());
    return image;
  }

  std::vector<Kernel> kernels;
  std::vector<Code> codes;
};

class CudaProgram : public NpuProgram {
public:
  explicit CudaProgram(const CudaImage &source = {}) : NpuProgram(source.write(), 1) {
    engines[Npu].kind = TERCET_ENGINE_GPU;
    engines[Npu].isa = TERCET_ISA_NONE;
    engines[Npu].image_format = TERCET_IMAGE_CUDA;
  }
};

} // namespace tercet_test
#endif // TERCET_TEST_CUDA_PROGRAM_H

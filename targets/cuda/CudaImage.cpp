// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One PTX module with all kernels, for the engine's architecture and those after
// it. An input that is not the place of an output aliases nothing that is written,
// so that the back end may read it through the cache for constants.

#include "targets/cuda/CudaImage.h"

#include "runtime/include/tercet/cuda_image.h"
#include "targets/cuda/CudaDevice.h"
#include "targets/cuda/EmitPtx.h"
#include "targets/cuda/Passes.h"

#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/Endian.h"

using namespace mlir;
using namespace tercet;

namespace {

std::array<uint8_t, 32> digestOf(const std::string &ptx) {
  llvm::BLAKE3 hash;
  hash.update(ptx);
  return hash.final<32>();
}

/// The words of an image, in the order of its file.
class Writer {
public:
  void word(uint32_t value) {
    char bytes[4];
    llvm::support::endian::write32le(bytes, value);
    data.append(bytes, sizeof bytes);
  }
  void set(size_t offset, uint32_t value) {
    llvm::support::endian::write32le(data.data() + offset, value);
  }
  void align(size_t alignment) { data.resize(llvm::alignTo(data.size(), alignment), '\0'); }
  uint32_t size() const { return data.size(); }

  std::string data;
};

struct Operands {
  std::vector<tercet_cuda_operand> records;
  uint32_t scalars = 0;
};

Operands operandsOf(soc::KernelOp planned) {
  Operands operands;
  std::optional<ArrayRef<int64_t>> alignments = planned.getAlignments();
  unsigned inputs = planned.getNumInputs();
  for (unsigned i = 0; i < planned.getNumBuffers(); ++i) {
    bool isPlaceOfOutput = llvm::is_contained(planned.getInPlace(), int64_t(i));
    uint32_t access = i < inputs ? TERCET_ACCESS_READ : TERCET_ACCESS_WRITE;
    if (isPlaceOfOutput || (i >= inputs && planned.getUpdates()))
      access = TERCET_ACCESS_READ | TERCET_ACCESS_WRITE;
    uint32_t alignment = alignments ? std::min<int64_t>((*alignments)[i], 256) : 1;
    operands.records.push_back({alignment, access});
  }
  operands.scalars = planned.getNumScalars();
  return operands;
}

/// Of inputs only: what is written may be exchanged with other threads, of which
/// `noalias` would say that there are none.
void stateAliasing(LLVM::LLVMFuncOp function, soc::KernelOp planned) {
  Builder b(function.getContext());
  for (unsigned i = 0; i < planned.getNumInputs(); ++i) {
    if (llvm::is_contained(planned.getInPlace(), int64_t(i)) ||
        planned.getUpdates() == std::optional<uint64_t>(i))
      continue;
    function.setArgAttr(i, LLVM::LLVMDialect::getNoAliasAttrName(), b.getUnitAttr());
    function.setArgAttr(i, LLVM::LLVMDialect::getReadonlyAttrName(), b.getUnitAttr());
  }
}

} // namespace

llvm::Expected<EngineImage> cuda::emitImage(const ImageJob &job) {
  unsigned architecture = Device::of(job.engine).architecture;
  ModuleOp module = job.module;
  std::vector<LLVM::LLVMFuncOp> functions;
  for (auto [name, planned] : llvm::zip_equal(job.kernels, job.planned)) {
    auto function = module.lookupSymbol<LLVM::LLVMFuncOp>(name);
    if (!function || !function->hasAttr(NVVM::NVVMDialect::getReqntidAttrName()))
      return llvm::createStringError("no kernel '%s' in the module", name.c_str());
    stateAliasing(function, planned);
    functions.push_back(function);
  }
  llvm::Expected<std::string> ptx = emitPtx(module, architecture);
  if (!ptx)
    return ptx.takeError();
  ptx->push_back('\0');

  Writer out;
  uint32_t count = functions.size();
  std::vector<Operands> operands;
  size_t operandCount = 0;
  for (soc::KernelOp planned : job.planned) {
    operands.push_back(operandsOf(planned));
    operandCount += operands.back().records.size();
  }
  out.data.resize(sizeof(tercet_cuda_image), '\0');
  uint32_t kernels = out.size();
  uint32_t firstOperand = 0;
  for (auto [function, of] : llvm::zip_equal(functions, operands)) {
    auto block =
        function->getAttrOfType<DenseI32ArrayAttr>(NVVM::NVVMDialect::getReqntidAttrName());
    out.word(0); // its name, below
    for (int32_t size : block.asArrayRef())
      out.word(size);
    auto shared = function->getAttrOfType<IntegerAttr>(kDynamicSharedAttr);
    out.word(shared ? shared.getInt() : 0);
    out.word(firstOperand);
    out.word(of.records.size());
    out.word(of.scalars);
    firstOperand += of.records.size();
  }
  uint32_t operandsAt = out.size();
  for (const Operands &of : operands)
    for (const tercet_cuda_operand &operand : of.records) {
      out.word(operand.alignment);
      out.word(operand.access);
    }
  uint32_t codes = out.size();
  for (uint32_t value :
       {uint32_t(TERCET_CUDA_PTX), uint32_t(architecture), 0u, uint32_t(ptx->size())})
    out.word(value);
  out.align(8);
  out.set(codes + 8, out.size());
  out.data += *ptx;
  for (auto [number, name] : llvm::enumerate(job.kernels)) {
    out.set(kernels + number * sizeof(tercet_cuda_kernel), out.size());
    out.data += name + '\0';
  }
  out.align(4);

  const uint32_t header[] = {TERCET_CUDA_IMAGE_MAGIC,
                             TERCET_CUDA_IMAGE_VERSION,
                             out.size(),
                             count,
                             kernels,
                             1,
                             codes,
                             uint32_t(operandCount),
                             operandsAt,
                             0};
  for (auto [i, value] : llvm::enumerate(header))
    out.set(4 * i, value);
  std::array<uint8_t, 32> digest = digestOf(*ptx);
  std::copy(digest.begin(), digest.end(), out.data.begin() + offsetof(tercet_cuda_image, digest));

  EngineImage image;
  image.bytes = std::move(out.data);
  image.isa = TERCET_ISA_NONE;
  image.format = TERCET_IMAGE_CUDA;
  return image;
}

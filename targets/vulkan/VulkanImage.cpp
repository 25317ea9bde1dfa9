// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each module is read back from its binary, and what that binds is compared
// with what its record says, so that no disagreement leaves the compiler.

#include "targets/vulkan/VulkanImage.h"

#include "runtime/include/tercet/vulkan_image.h"
#include "targets/vulkan/Passes.h"
#include "targets/vulkan/VerifyAbi.h"

#include "mlir/Target/SPIRV/Deserialization.h"
#include "mlir/Target/SPIRV/Serialization.h"
#include "llvm/Support/BLAKE3.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::vulkan;

namespace {

/// An alternative of a kernel: code and what the record says of it.
struct Alternative {
  SmallVector<uint32_t, 0> code;
  ModuleInterface interface;
};

llvm::Error failure(const Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
}

llvm::Expected<Alternative> serialize(spirv::ModuleOp module, soc::KernelOp kernel) {
  Alternative alternative;
  spirv::SerializationOptions options;
  options.emitSymbolName = false;
  if (failed(spirv::serialize(module, alternative.code, options)))
    return failure("kernel '" + kernel.getSymName() + "' has no binary form");
  OwningOpRef<spirv::ModuleOp> back = spirv::deserialize(alternative.code, module.getContext());
  if (!back)
    return failure("the binary of kernel '" + kernel.getSymName() + "' cannot be read back");
  std::string problem;
  if (findAbiProblem(*back, alternative.interface, problem))
    return failure("the binary of kernel '" + kernel.getSymName() + "': " + problem);
  uint32_t operands = kernel.getNumBuffers();
  if (alternative.interface.bindings > operands + 1 || alternative.interface.pushWords > operands)
    return failure("the binary of kernel '" + kernel.getSymName() +
                   "' binds more than its operands and a control block");
  return alternative;
}

/// The parts of an image, one after another.
class ImageWriter {
public:
  explicit ImageWriter(const ImageJob &job) : job(job) {}

  llvm::Error add(soc::KernelOp kernel);
  std::string finish();

private:
  /// Appends and returns the offset within what is behind the records.
  uint32_t append(StringRef bytes) {
    uint32_t offset = payload.size();
    payload += bytes;
    payload.resize(llvm::alignTo(payload.size(), 4), '\0');
    return offset;
  }
  template <typename Record> static StringRef bytesOf(const std::vector<Record> &records) {
    return {reinterpret_cast<const char *>(records.data()), records.size() * sizeof(Record)};
  }

  const ImageJob &job;
  std::vector<tercet_vulkan_kernel> kernels;
  std::vector<tercet_vulkan_alternative> alternatives;
  std::vector<tercet_vulkan_operand> operands;
  std::string payload;
};

} // namespace

llvm::Error ImageWriter::add(soc::KernelOp kernel) {
  tercet_vulkan_kernel record = {};
  record.name = append((kernel.getSymName() + StringRef("\0", 1)).str());
  record.first_alternative = alternatives.size();
  record.first_operand = operands.size();
  record.operand_count = kernel.getNumBuffers();
  record.scalar_count = kernel.getNumScalars();
  uint32_t inputs = kernel.getNumInputs();
  std::optional<ArrayRef<int64_t>> alignments = kernel.getAlignments();
  for (uint32_t operand = 0; operand < record.operand_count; ++operand) {
    uint32_t alignment = alignments ? std::clamp<int64_t>((*alignments)[operand], 4, 16) : 4;
    uint32_t access = operand < inputs ? TERCET_ACCESS_READ : TERCET_ACCESS_WRITE;
    if (operand == inputs && kernel.getUpdates())
      access |= TERCET_ACCESS_READ;
    operands.push_back({alignment, access});
  }
  std::string name = kernel.getSymName().str();
  ModuleOp lowered = job.module;
  for (auto module : lowered.getOps<spirv::ModuleOp>()) {
    // Alternatives have a number behind a dot, which no kernel's name has.
    if (StringRef(*module.getName()).split('.').first != name)
      continue;
    llvm::Expected<Alternative> made = serialize(module, kernel);
    if (!made)
      return made.takeError();
    tercet_vulkan_alternative alternative = {};
    alternative.features = made->interface.features;
    alternative.code_bytes = made->code.size() * 4;
    alternative.code =
        append({reinterpret_cast<const char *>(made->code.data()), alternative.code_bytes});
    llvm::copy(made->interface.localSize, alternative.local_size);
    alternative.workgroup_bytes = made->interface.workgroupBytes;
    record.control |= made->interface.bindings > record.operand_count;
    alternatives.push_back(alternative);
  }
  record.alternative_count = alternatives.size() - record.first_alternative;
  if (record.alternative_count == 0)
    return failure("code generation left no module for kernel '" + name + "'");
  if (record.scalar_count != 0)
    record.control = 1;
  kernels.push_back(record);
  return llvm::Error::success();
}

std::string ImageWriter::finish() {
  tercet_vulkan_image header = {};
  header.magic = TERCET_VULKAN_IMAGE_MAGIC;
  header.version = TERCET_VULKAN_IMAGE_VERSION;
  header.kernel_count = kernels.size();
  header.kernels = sizeof header;
  header.alternative_count = alternatives.size();
  header.alternatives = header.kernels + bytesOf(kernels).size();
  header.operand_count = operands.size();
  header.operands = header.alternatives + bytesOf(alternatives).size();
  uint32_t start = header.operands + bytesOf(operands).size();
  header.bytes = start + payload.size();
  for (tercet_vulkan_kernel &kernel : kernels)
    kernel.name += start;
  for (tercet_vulkan_alternative &alternative : alternatives)
    alternative.code += start;
  llvm::BLAKE3 hash;
  hash.update(bytesOf(kernels));
  hash.update(bytesOf(alternatives));
  hash.update(bytesOf(operands));
  hash.update(payload);
  llvm::copy(hash.final<32>(), header.digest);
  std::string image(reinterpret_cast<const char *>(&header), sizeof header);
  image += bytesOf(kernels);
  image += bytesOf(alternatives);
  image += bytesOf(operands);
  return image + payload;
}

llvm::Expected<EngineImage> vulkan::emitImage(const ImageJob &job) {
  ImageWriter writer(job);
  for (soc::KernelOp kernel : job.planned)
    if (llvm::Error error = writer.add(kernel))
      return error;
  EngineImage image;
  image.bytes = writer.finish();
  image.isa = TERCET_ISA_NONE;
  image.format = TERCET_IMAGE_SPIRV;
  return image;
}

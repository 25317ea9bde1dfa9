// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Programs with a CPU and a GPU for tests: an image of kernels that are written
// by hand in SPIR-V (test/runtime/vulkan), over the slots of an arena that both
// reach, and what collects the messages of the validation layer.
#ifndef TERCET_TEST_VULKAN_PROGRAM_H
#define TERCET_TEST_VULKAN_PROGRAM_H

#include "npu_program.h"
#include "tercet/vulkan.h"
#include "tercet/vulkan_image.h"
#include <mutex>

namespace tercet_test {

// Builds an image as a compiler would.
class GpuImage {
public:
  struct Alternative {
    std::string code; // file in the folder of assembled kernels
    uint32_t features = 0;
    uint32_t threads = 64;
    uint32_t workgroupBytes = 0;
    uint32_t subgroupMin = 0;
  };
  struct Kernel {
    std::string name;
    std::vector<uint32_t> access; // of its operands
    uint32_t scalars = 0;
    bool control = false;
    std::vector<Alternative> alternatives;
  };

  std::vector<Kernel> kernels;

  std::vector<unsigned char> build() const {
    tercet_vulkan_image header = {};
    header.magic = TERCET_VULKAN_IMAGE_MAGIC;
    header.version = TERCET_VULKAN_IMAGE_VERSION;
    header.kernel_count = uint32_t(kernels.size());
    std::vector<tercet_vulkan_kernel> records;
    std::vector<tercet_vulkan_alternative> alternatives;
    std::vector<tercet_vulkan_operand> operands;
    std::vector<unsigned char> bytes(sizeof header);
    auto append = [&](const void *data, size_t size) {
      auto *from = static_cast<const unsigned char *>(data);
      uint32_t at = uint32_t(bytes.size());
      bytes.insert(bytes.end(), from, from + size);
      bytes.resize((bytes.size() + 3) / 4 * 4);
      return at;
    };
    for (const Kernel &kernel : kernels) {
      tercet_vulkan_kernel record = {};
      record.name = append(kernel.name.c_str(), kernel.name.size() + 1);
      record.first_alternative = uint32_t(alternatives.size());
      record.alternative_count = uint32_t(kernel.alternatives.size());
      record.first_operand = uint32_t(operands.size());
      record.operand_count = uint32_t(kernel.access.size());
      record.scalar_count = kernel.scalars;
      record.control = kernel.control;
      for (uint32_t access : kernel.access)
        operands.push_back({4, access});
      for (const Alternative &from : kernel.alternatives) {
        auto code = readFile(std::string(VULKAN_KERNELS "/") + from.code + ".spv");
        EXPECT_FALSE(code.empty()) << from.code;
        tercet_vulkan_alternative a = {};
        a.features = from.features;
        a.code = append(code.data(), code.size());
        a.code_bytes = uint32_t(code.size());
        a.local_size[0] = from.threads;
        a.local_size[1] = a.local_size[2] = 1;
        a.workgroup_bytes = from.workgroupBytes;
        a.subgroup_min = from.subgroupMin;
        alternatives.push_back(a);
      }
      records.push_back(record);
    }
    header.kernels = append(records.data(), records.size() * sizeof records[0]);
    header.alternative_count = uint32_t(alternatives.size());
    header.alternatives = append(alternatives.data(), alternatives.size() * sizeof alternatives[0]);
    header.operand_count = uint32_t(operands.size());
    header.operands = append(operands.data(), operands.size() * sizeof operands[0]);
    header.bytes = uint32_t(bytes.size());
    std::memcpy(bytes.data(), &header, sizeof header);
    return bytes;
  }
};

// The kernels of GpuImage::usual().
enum GpuKernel : uint32_t { GpuAdd, GpuStep, GpuWhich, GpuKernels };

inline GpuImage usualImage() {
  GpuImage image;
  image.kernels = {{"add", {READ, READ, WRITE}, 0, false, {{"add"}}},
                   {"step", {READ | WRITE}, 3, true, {{"step"}}},
                   {"which",
                    {WRITE},
                    0,
                    false,
                    {{"which_half", 1u << TERCET_VULKAN_FLOAT16_BIT, 1}, {"which_plain", 0, 1}}}};
  return image;
}

// As NpuProgram, with a GPU in place of the NPU. Slots hold words; the scalars of
// an entry are what `step` takes.
class GpuProgram : public NpuProgram {
public:
  static constexpr uint32_t Gpu = Npu, Words = NpuSlot / 4;

  explicit GpuProgram(const GpuImage &source = usualImage()) : NpuProgram(source.build(), 1) {
    engines[Gpu].kind = TERCET_ENGINE_GPU;
    engines[Gpu].isa = TERCET_ISA_NONE;
    engines[Gpu].image_format = TERCET_IMAGE_SPIRV;
    kernels.clear();
    kernel_records.clear();
    for (const GpuImage::Kernel &kernel : source.kernels)
      npuKernel(Gpu, kernel.name);
  }

  // A step over a slot, with scalars of the entry: addend, fault, repetitions.
  uint32_t step(uint32_t slot, std::vector<uint32_t> scalarsOfIt = {0, 1, 2},
                std::vector<uint32_t> after = {}) {
    uint32_t command = submit(GpuStep, {{slot, READ | WRITE}}, after, Words / 64);
    take(command, scalarsOfIt);
    return command;
  }
  uint32_t addSlots(uint32_t a, uint32_t b, uint32_t c, std::vector<uint32_t> after = {}) {
    return submit(GpuAdd, {{a, READ}, {b, READ}, {c, WRITE}}, after, Words / 64);
  }
};

// Of one submission: lavapipe compiles a kernel when it first runs, which takes a
// while on a busy machine.
constexpr uint64_t GpuTimeout = UINT64_C(120000000000);

// Options of a driver over Mesa's lavapipe or what there is, with validation.
class GpuOptions : public tercet_vulkan_options {
public:
  GpuOptions() : tercet_vulkan_options() {
    validate = 1;
    message = [](void *user, const char *text) {
      auto *self = static_cast<GpuOptions *>(user);
      std::lock_guard<std::mutex> lock(self->mutex);
      self->messages += std::string(text) + "\n";
    };
    message_user = this;
  }
  ~GpuOptions() { EXPECT_EQ(messages, ""); }
  std::string messages;

private:
  std::mutex mutex;
};

// A driver that ends with its scope.
class GpuDriver {
public:
  explicit GpuDriver(const tercet_vulkan_options &options) {
    EXPECT_EQ(tercet_vulkan_create(&options, &driver), TERCET_OK);
  }
  ~GpuDriver() { tercet_vulkan_destroy(&driver); }
  GpuDriver(const GpuDriver &) = delete;
  GpuDriver &operator=(const GpuDriver &) = delete;
  tercet_vulkan_info info() const {
    tercet_vulkan_info result = {};
    EXPECT_EQ(tercet_vulkan_query(&driver, &result), TERCET_OK);
    return result;
  }
  tercet_driver driver = {};
};

} // namespace tercet_test
#endif // TERCET_TEST_VULKAN_PROGRAM_H

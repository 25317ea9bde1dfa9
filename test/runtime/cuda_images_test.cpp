// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Images for CUDA that a device has no use for, that CUDA refuses, or that are
// from an enemy.
#include "cuda_fixture.h"

using namespace tercet_test;

namespace {

TEST_F(Cuda, CodeForOtherDevices) {
  CudaImage image;
  image.codes[0].architecture = 90;
  expectRefused(image, "no code for 'a stand-in' (sm_87); its first is for sm_90");
  control->architecture = 86;
  expectRefused({}, "(sm_86)");
  control->architecture = 90;
  NpuContext context(program); // PTX goes for later ones too
  ASSERT_EQ(context.attach(driver), TERCET_OK) << context.text();
  expectGood(context);
}

TEST_F(Cuda, PtxIsRefusedWithTheReason) {
  CudaImage image;
  size_t at = image.codes[0].bytes.find("ld.global.nc.b32");
  image.codes[0].bytes.replace(at, 2, "lx");
  expectRefused(image, "unknown instruction 'lx'");
  EXPECT_NE(std::string(tercet_cuda_log(&driver)).find("ptxas"), std::string::npos);
  image = {};
  image.kernels[2].name = "product";
  expectRefused(image, "no kernel 'product'");
  image = {};
  image.kernels[1].block[1] = 2;
  expectRefused(image, "kernel 'scale' wants 512 threads");
  image = {};
  image.kernels[2].shared = 200 << 10;
  expectRefused(image, "204832 bytes of shared memory");
}

TEST_F(Cuda, ImagesFromAnEnemy) {
  CudaImage image;
  image.codes[0].bytes.pop_back();
  expectRefused(image, "PTX without an end");
  image = {};
  image.codes[0].bytes[100] = '\0';
  expectRefused(image, "PTX without an end");
  image = {};
  image.codes[0].format = TERCET_CUDA_CUBIN;
  expectRefused(image, "no ELF file of CUDA");
  image.codes[0].bytes = std::string("\x7F"
                                     "ELF\2\1",
                                     6) +
                         std::string(58, '\0');
  image.codes[0].bytes[18] = char(190);
  image.codes[0].bytes[41] = 1; // sections behind its end
  image.codes[0].bytes[58] = 64;
  image.codes[0].bytes[60] = 1;
  expectRefused(image, "tables are not in it");
  image = {};
  image.codes[0].format = 3;
  expectRefused(image, "an unknown format");
  image = {};
  image.codes.clear();
  expectRefused(image, "without code");
  image = {};
  image.kernels[3].name = "";
  expectRefused(image, "without a name");
  image = {};
  image.kernels[3].block[0] = 0;
  expectRefused(image, "a block that no device has");
  image = {};
  image.kernels[0].operands[1].alignment = 12;
  expectRefused(image, "without an alignment");
  image = {};
  image.kernels.pop_back();
  expectRefused(image, "has 8 kernels, the program's table names 9");
}

// Every word of the tables in turn becomes something else: refused, or run, but
// nothing outside of the image is read (the sanitizer would say so).
TEST_F(Cuda, EveryWordSpoilt) {
  std::vector<unsigned char> good = CudaImage().write();
  tercet_cuda_image header;
  std::memcpy(&header, good.data(), sizeof header);
  uint32_t end = header.codes + header.code_count * uint32_t(sizeof(tercet_cuda_code));
  int refused = 0, words = 0;
  for (uint32_t at = 0; at < end; at += 4)
    for (uint32_t value : {0u, 1u, 0x7FFFFFFFu, 0xFFFFFFFCu, uint32_t(good.size()) - 1}) {
      std::unique_ptr<unsigned char[]> image(new unsigned char[good.size()]);
      std::memcpy(image.get(), good.data(), good.size());
      std::memcpy(image.get() + at, &value, 4);
      tercet_driver_setup setup = {};
      setup.engine = "gpu";
      setup.image_format = TERCET_IMAGE_CUDA;
      setup.image = image.get();
      setup.image_bytes = good.size();
      setup.kernel_count = header.kernel_count;
      tercet_error error = {};
      ASSERT_EQ(driver.table->open(driver.self, &setup, &error), TERCET_OK) << error.text;
      refused += driver.table->load(driver.self, &error) != TERCET_OK;
      ++words;
      driver.table->close(driver.self);
    }
  EXPECT_GT(refused, words / 4);
  EXPECT_LT(refused, words);
}

TEST_F(Cuda, NotForThisEngine) {
  program.engines[Gpu].image_format = TERCET_IMAGE_SPIRV;
  NpuContext context(program);
  EXPECT_EQ(context.attach(driver), TERCET_ERROR_ENGINE_IMAGE);
  EXPECT_NE(context.text().find("no image for CUDA"), std::string::npos) << context.text();
}

} // namespace

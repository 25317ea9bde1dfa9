// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels become one object, which is linked with the NPU's runtime of its
// architecture. The digest is that of what the kernels were compiled from, so
// that a driver can tell one program's image from another's.

#include "targets/hexagon/HexagonImage.h"

#include "runtime/include/tercet/abi.h"
#include "targets/hexagon/EmitObject.h"
#include "targets/hexagon/HexagonArchitecture.h"

#include "llvm/Support/BLAKE3.h"

using namespace mlir;
using namespace tercet;

static std::array<uint8_t, 32> digestOf(const ImageJob &job) {
  std::string text;
  llvm::raw_string_ostream os(text);
  soc::EngineAttr engine = job.engine;
  os << hexagon::getArchitecture(engine) << "\n";
  for (const std::string &kernel : job.kernels)
    os << kernel << "\n";
  ModuleOp module = job.module;
  module->print(os, OpPrintingFlags().useLocalScope());
  llvm::BLAKE3 hash;
  hash.update(text);
  return hash.final<32>();
}

llvm::Expected<EngineImage> hexagon::emitImage(const ImageJob &job) {
  hexagon::EmitOptions options;
  options.architecture = getArchitecture(job.engine).str();
  options.kernels = job.kernels;
  options.digest = digestOf(job);
  SmallVector<char, 0> object;
  llvm::raw_svector_ostream os(object);
  llvm::StringMap<uint64_t> stackBytes;
  if (llvm::Error error = emitObject(job.module, options, os, stackBytes))
    return error;

  ImageLink link;
  link.object = StringRef(object.data(), object.size());
  link.runtime = "hexagon-" + options.architecture + "/libtercet_npu.a";
  link.arguments = {"-static",         "-e",           "_start", "--no-undefined", "--gc-sections",
                    "--build-id=none", "--strip-debug"};
  llvm::Expected<std::string> bytes = job.link(link);
  if (!bytes)
    return bytes.takeError();
  EngineImage image;
  image.bytes = std::move(*bytes);
  image.isa = TERCET_ISA_HEXAGON;
  image.format = TERCET_IMAGE_ELF;
  for (const std::string &kernel : job.kernels)
    image.stackBytes.push_back(stackBytes.lookup(kernel));
  return image;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads and checks the properties of engines. Which architectures there are is a
// matter of LLVM's back end.

#include "targets/cuda/CudaDevice.h"

#include "targets/cuda/EmitPtx.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::cuda;

static constexpr llvm::StringLiteral kArchitecture = "architecture";

namespace {

/// A property that is a number.
struct Number {
  llvm::StringLiteral name;
  int64_t least, most, absent;
};

constexpr Number kThreads = {"threads", 32, 1024, 256};
constexpr Number kSharedKib = {"shared_kib", 16, 227, 48};
constexpr Number kProcessors = {"processors", 1, 1024, 8};
constexpr Number kAccumulators = {"accumulators", 16, 128, 64};
constexpr Number kNumbers[] = {kThreads, kSharedKib, kProcessors, kAccumulators};

llvm::Error error(const Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
}

int64_t getNumber(soc::EngineAttr engine, const Number &number) {
  auto value = engine.getProperties().getAs<IntegerAttr>(number.name);
  return value ? value.getInt() : number.absent;
}

/// 87 of sm_87; 0 if it is none.
unsigned parseArchitecture(StringRef text) {
  unsigned number = 0;
  return text.consume_front("sm_") && !text.getAsInteger(10, number) ? number : 0;
}

/// Of a block at most: NVIDIA, "CUDA C++ Programming Guide", technical
/// specifications per compute capability.
int64_t sharedKibOf(unsigned architecture) {
  switch (architecture) {
  case 72:
    return 96;
  case 75:
    return 64;
  case 80:
  case 87:
    return 163;
  case 86:
  case 88:
  case 89:
    return 99;
  default:
    return architecture >= 120 ? 99 : 227;
  }
}

llvm::Error checkArchitecture(Attribute value) {
  auto text = dyn_cast_or_null<StringAttr>(value);
  unsigned number = text ? parseArchitecture(text.getValue()) : 0;
  if (number >= kOldestArchitecture && knowsArchitecture(number))
    return llvm::Error::success();
  return error(kArchitecture + ": expected sm_" + Twine(kOldestArchitecture) +
               " or a later one that LLVM knows, such as sm_87, got " +
               (value ? llvm::formatv("{0}", value).str() : "none"));
}

} // namespace

Device Device::of(soc::EngineAttr engine) {
  Device device;
  if (auto text = engine.getProperties().getAs<StringAttr>(kArchitecture))
    if (unsigned number = parseArchitecture(text.getValue()))
      device.architecture = number;
  device.threads = getNumber(engine, kThreads);
  device.sharedBytes = getNumber(engine, kSharedKib) * 1024;
  device.processors = getNumber(engine, kProcessors);
  device.accumulators = getNumber(engine, kAccumulators);
  return device;
}

codegen::GpuProfile Device::profile() const {
  codegen::GpuProfile profile;
  profile.threads = threads;
  profile.workgroupBytes = sharedBytes;
  profile.subgroupArithmetic = profile.subgroupShuffle = true;
  profile.float16 = profile.storage16 = profile.storage8 = true;
  profile.dot = true;
  profile.mma = architecture >= kTensorArchitecture;
  return profile;
}

llvm::Error cuda::checkProperties(soc::EngineAttr engine) {
  if (engine.getKind() != "gpu")
    return error("target 'cuda' makes engines of kind gpu, got '" + engine.getKind().getValue() +
                 "'");
  for (NamedAttribute property : engine.getProperties()) {
    StringRef name = property.getName().getValue();
    if (name == kArchitecture)
      continue;
    auto number = llvm::find_if(kNumbers, [&](const Number &known) { return known.name == name; });
    if (number == std::end(kNumbers))
      return error("engines of target 'cuda' have no property '" + name +
                   "'; there are architecture, threads, shared_kib, processors and accumulators");
    auto value = dyn_cast<IntegerAttr>(property.getValue());
    if (!value || value.getInt() < number->least || value.getInt() > number->most)
      return error(name + ": expected " + Twine(number->least) + " to " + Twine(number->most) +
                   ", got " + llvm::formatv("{0}", property.getValue()).str());
  }
  if (!llvm::isPowerOf2_64(getNumber(engine, kThreads)))
    return error("threads: expected a power of two, got " + Twine(getNumber(engine, kThreads)));
  Attribute architecture = engine.getProperties().get(kArchitecture);
  if (llvm::Error error = checkArchitecture(architecture))
    return error;
  StringRef name = cast<StringAttr>(architecture).getValue();
  int64_t most = sharedKibOf(parseArchitecture(name));
  if (getNumber(engine, kSharedKib) > most)
    return error("shared_kib: expected at most " + Twine(most) + ", which a block has on " + name +
                 ", got " + Twine(getNumber(engine, kSharedKib)));
  return llvm::Error::success();
}

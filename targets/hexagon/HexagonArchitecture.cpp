// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads and checks the properties of engines.

#include "targets/hexagon/HexagonArchitecture.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace tercet;

static constexpr StringLiteral kArchitecture = "architecture", kThreads = "threads";

ArrayRef<llvm::StringLiteral> hexagon::allArchitectures() {
  static constexpr llvm::StringLiteral names[] = {"v66", "v67", "v68", "v73", "v75"};
  return names;
}

bool hexagon::hasDma(StringRef architecture) {
  return architecture != "v66" && architecture != "v67";
}

StringRef hexagon::getArchitecture(soc::EngineAttr engine) {
  auto name = engine.getProperties().getAs<StringAttr>(kArchitecture);
  return name ? name.getValue() : StringRef();
}

uint32_t hexagon::getThreads(soc::EngineAttr engine) {
  auto threads = engine.getProperties().getAs<IntegerAttr>(kThreads);
  return threads ? threads.getInt() : 1;
}

uint64_t hexagon::getScratchpadBytes(soc::EngineAttr engine, soc::MachineAttr machine) {
  if (!machine)
    return 0;
  soc::MemoryAttr memory =
      machine.lookupMemory(cast<StringAttr>(engine.getMemories()[0]).getValue());
  return memory ? memory.getBytes() : 0;
}

llvm::Error hexagon::checkProperties(soc::EngineAttr engine) {
  auto error = [](const Twine &text) {
    return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
  };
  if (engine.getKind() != "npu")
    return error("target 'hexagon' makes engines of kind npu, got '" + engine.getKind().getValue() +
                 "'");
  if (engine.getMemories().size() != 2)
    return error("engines of target 'hexagon' address two memories, the scratchpad (TCM) first "
                 "and then the one that they share with the CPU; got " +
                 Twine(engine.getMemories().size()));
  for (NamedAttribute property : engine.getProperties())
    if (property.getName() != kArchitecture && property.getName() != kThreads)
      return error("engines of target 'hexagon' have no property '" +
                   property.getName().getValue() + "'; there are architecture and threads");
  std::string known = llvm::join(allArchitectures(), ", ");
  Attribute architecture = engine.getProperties().get(kArchitecture);
  if (!architecture)
    return error("engines of target 'hexagon' need the property architecture: one of " + known);
  auto name = dyn_cast<StringAttr>(architecture);
  if (!name || !llvm::is_contained(allArchitectures(), name.getValue()))
    return error(
        "architecture: expected one of " + known + ", got " +
        (name ? "'" + name.getValue().str() + "'" : llvm::formatv("{0}", architecture).str()));
  if (Attribute threads = engine.getProperties().get(kThreads)) {
    auto number = dyn_cast<IntegerAttr>(threads);
    if (!number || number.getInt() < 1 || number.getInt() > kMaxThreads)
      return error("threads: expected 1 to " + Twine(kMaxThreads) + ", got " +
                   llvm::formatv("{0}", threads).str());
  }
  return llvm::Error::success();
}

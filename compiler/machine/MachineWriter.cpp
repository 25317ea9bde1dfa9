// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Exact decimals: what was multiplied by the reader is divided here.

#include "compiler/machine/MachineWriter.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace tercet;

static std::string decimal(uint64_t value, uint64_t unit) {
  std::string text = llvm::utostr(value / unit);
  if (value % unit == 0)
    return text;
  std::string digits = llvm::utostr(value % unit + unit).substr(1);
  while (digits.back() == '0')
    digits.pop_back();
  return text + "." + digits;
}

/// Text in double quotes, which YAML and C escape alike.
static std::string quote(StringRef text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\')
      result += '\\';
    result += c;
  }
  return result + "\"";
}

namespace {

class MachineWriter {
public:
  explicit MachineWriter(llvm::raw_ostream &os) : os(os) {}

  void writeEngine(Attribute attr);
  void writeMemory(soc::MemoryAttr memory);

private:
  void writeHead(StringRef name, StringRef kind, StringRef target, ArrayRef<StringRef> memories);
  void writeCpu(soc::CpuAttr cpu);
  void writePerformance(soc::PerformanceAttr figures);
  void writeNumbers(StringRef key, DictionaryAttr numbers, uint64_t unit);
  void writeProperty(Attribute attr);

  llvm::raw_ostream &os;
};

void MachineWriter::writeHead(StringRef name, StringRef kind, StringRef target,
                              ArrayRef<StringRef> memories) {
  os << "  - name: " << name << "\n    kind: " << kind << "\n    target: " << target
     << "\n    memories: [" << llvm::join(memories, ", ") << "]\n";
}

void MachineWriter::writeCpu(soc::CpuAttr cpu) {
  os << "    cpu:\n      triple: " << cpu.getTriple().getValue() << "\n      cpu: "
     << cpu.getCpu().getValue() << "\n";
  if (!cpu.getFeatures().getValue().empty())
    os << "      features: " << quote(cpu.getFeatures().getValue()) << "\n";
  os << "      cores: " << cpu.getCores() << "\n      vector_bits: " << cpu.getVectorBits()
     << "\n      clock_mhz: " << cpu.getMegahertz() << "\n      l1_kib: " << cpu.getL1Bytes() / 1024
     << "\n      l2_kib: " << cpu.getL2Bytes() / 1024 << "\n      l3_kib: "
     << cpu.getL3Bytes() / 1024 << "\n";
}

void MachineWriter::writeNumbers(StringRef key, DictionaryAttr numbers, uint64_t unit) {
  if (numbers.empty())
    return;
  os << "      " << key << ":\n";
  for (NamedAttribute entry : numbers)
    os << "        " << entry.getName().getValue() << ": "
       << decimal(cast<IntegerAttr>(entry.getValue()).getInt(), unit) << "\n";
}

void MachineWriter::writePerformance(soc::PerformanceAttr figures) {
  os << "    performance:\n      launch_us: " << decimal(figures.getLaunchPs(), 1000000)
     << "\n      synchronise_us: " << decimal(figures.getSynchronisePs(), 1000000)
     << "\n      bandwidth_gb_per_s: "
     << decimal(figures.getBandwidthBytesPerSecond(), 1000000000) << "\n";
  if (uint64_t rate = figures.getCacheBytesPerSecond())
    os << "      cache_maintenance_gb_per_s: " << decimal(rate, 1000000000) << "\n";
  writeNumbers("peak_gops", figures.getOperationsPerSecond(), 1000000000);
  writeNumbers("efficiency_percent", figures.getEfficiencyPercent(), 1);
}

void MachineWriter::writeProperty(Attribute attr) {
  if (auto flag = dyn_cast<BoolAttr>(attr)) {
    os << (flag.getValue() ? "true" : "false");
  } else if (auto number = dyn_cast<IntegerAttr>(attr)) {
    os << number.getInt();
  } else if (auto list = dyn_cast<ArrayAttr>(attr)) {
    os << "[";
    llvm::interleaveComma(list, os, [&](Attribute item) { writeProperty(item); });
    os << "]";
  } else if (auto fields = dyn_cast<DictionaryAttr>(attr)) {
    os << "{";
    llvm::interleaveComma(fields, os, [&](NamedAttribute entry) {
      os << entry.getName().getValue() << ": ";
      writeProperty(entry.getValue());
    });
    os << "}";
  } else if (auto text = dyn_cast<StringAttr>(attr)) {
    os << quote(text.getValue());
  }
}

void MachineWriter::writeEngine(Attribute attr) {
  if (auto cpu = dyn_cast<soc::CpuAttr>(attr)) {
    writeHead(cpu.getName().getValue(), "cpu", "cpu", {cpu.getMemory().getValue()});
    writeCpu(cpu);
    if (cpu.getPerformance())
      writePerformance(cpu.getPerformance());
    return;
  }
  auto engine = dyn_cast<soc::EngineAttr>(attr);
  if (!engine)
    return;
  SmallVector<StringRef> memories;
  for (auto memory : engine.getMemories().getAsRange<StringAttr>())
    memories.push_back(memory.getValue());
  writeHead(engine.getName().getValue(), engine.getKind().getValue(),
            engine.getTarget().getValue(), memories);
  if (auto cpu = engine.getProperties().getAs<soc::CpuAttr>("cpu"))
    writeCpu(cpu);
  writePerformance(engine.getPerformance());
  NamedAttrList properties(engine.getProperties());
  properties.erase("cpu");
  if (properties.empty())
    return;
  os << "    properties: ";
  writeProperty(properties.getDictionary(attr.getContext()));
  os << "\n";
}

void MachineWriter::writeMemory(soc::MemoryAttr memory) {
  os << "  - name: " << memory.getName().getValue() << "\n";
  if (memory.getBytes())
    os << "    size_bytes: " << memory.getBytes() << "\n";
  os << "    alignment_bytes: " << memory.getAlignment() << "\n";
  if (uint64_t rate = memory.getBandwidthBytesPerSecond())
    os << "    bandwidth_gb_per_s: " << decimal(rate, 1000000000) << "\n";
}

} // namespace

void tercet::writeMachine(soc::MachineAttr machine, StringRef description,
                          const std::map<std::string, std::string> &comments,
                          llvm::raw_ostream &os) {
  MachineWriter writer(os);
  os << "name: " << machine.getName().getValue() << "\n";
  if (!description.empty())
    os << "description: " << quote(description) << "\n";
  os << "engines:\n";
  for (Attribute engine : machine.getEngines()) {
    auto named = dyn_cast<soc::EngineAttrInterface>(engine);
    auto comment = comments.find(named ? named.getEngineName().str() : "");
    if (comment != comments.end()) {
      SmallVector<StringRef> lines;
      StringRef(comment->second).trim().split(lines, '\n');
      for (StringRef line : lines)
        os << "  # " << line << "\n";
    }
    writer.writeEngine(engine);
  }
  os << "memories:\n";
  for (auto memory : machine.getMemories().getAsRange<soc::MemoryAttr>())
    writer.writeMemory(memory);
  if (!machine.getLinks())
    return;
  os << "links:\n";
  for (auto link : machine.getLinks().getAsRange<soc::LinkAttr>())
    os << "  - between: [" << link.getFirst().getValue() << ", " << link.getSecond().getValue()
       << "]\n    bandwidth_gb_per_s: " << decimal(link.getBandwidthBytesPerSecond(), 1000000000)
       << "\n    latency_ns: " << decimal(link.getLatencyPs(), 1000) << "\n";
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Units of the file become those of the attributes here: bytes, picoseconds,
// per second.

#include "compiler/machine/EngineReader.h"

#include "compiler/machine/MachineReader.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace tercet;

/// Up to 10^18 a second: rates are multiplied in 128 bits, sums in 64.
constexpr NumberRange kGigaPerSecond{1000000000, 9, 1, UINT64_C(1000000000000000000)};
constexpr NumberRange kMicroseconds{1000000, 6, 0, 1000000000000};
constexpr NumberRange kKibibytes{1024, 0, 0, UINT64_C(1) << 40};

llvm::ArrayRef<llvm::StringLiteral> tercet::machineElementTypes() {
  static constexpr llvm::StringLiteral names[] = {"f64", "f32", "f16", "bf16", "f8E4M3FN", "f8E5M2",
                                                  "i64", "i32", "i16", "i8",   "i4",       "i1"};
  return names;
}

llvm::ArrayRef<llvm::StringLiteral> tercet::machineWorkClasses() {
  static constexpr llvm::StringLiteral names[] = {"product", "thin_product", "attention", "rows",
                                                  "elements"};
  return names;
}

namespace {

class EngineReader {
public:
  EngineReader(MLIRContext *context, YamlProblems &problems)
      : context(context), problems(problems) {}

  EngineDescription read(const YamlNode &node);

private:
  CpuDescription readCpu(const YamlNode &node);
  void readHost(const YamlNode &node, CpuDescription &cpu);
  PerformanceDescription readPerformance(const YamlNode &node);
  std::map<std::string, uint64_t> readNumbers(const YamlNode &map, StringRef field,
                                              ArrayRef<llvm::StringLiteral> known,
                                              NumberRange range);
  Attribute readProperty(const YamlNode &node);

  MLIRContext *context;
  YamlProblems &problems;
};

/// `host`, or `host/2` for a half of its cores.
void EngineReader::readHost(const YamlNode &node, CpuDescription &cpu) {
  StringRef rest = node.text;
  cpu.isHost = true;
  if (!rest.consume_front("host") ||
      (!rest.empty() && (!rest.consume_front("/") || rest.getAsInteger(10, cpu.hostParts) ||
                         cpu.hostParts == 0 || cpu.hostParts > 1024)))
    problems.add(node.place, "field 'cpu': expected host, host/N for one N-th of its cores, or "
                             "the fields of a CPU, got " +
                                 node.describe());
}

CpuDescription EngineReader::readCpu(const YamlNode &node) {
  CpuDescription cpu;
  if (node.kind == YamlNode::Kind::Scalar) {
    readHost(node, cpu);
    return cpu;
  }
  Fields fields(node, "a CPU", problems);
  cpu.triple = fields.getText("triple", /*required=*/true);
  cpu.cpu = fields.getText("cpu");
  cpu.features = fields.getText("features");
  cpu.cores = fields.getNumber("cores", {1, 0, 1, 1024}, /*required=*/true).value_or(0);
  cpu.vectorBits = fields.getNumber("vector_bits", {1, 0, 64, 65536}).value_or(0);
  cpu.megahertz = fields.getNumber("clock_mhz", {1, 0, 1, 100000}).value_or(0);
  cpu.l1Bytes = fields.getNumber("l1_kib", kKibibytes);
  cpu.l2Bytes = fields.getNumber("l2_kib", kKibibytes);
  cpu.l3Bytes = fields.getNumber("l3_kib", kKibibytes);
  fields.finish();
  return cpu;
}

std::map<std::string, uint64_t> EngineReader::readNumbers(const YamlNode &map, StringRef field,
                                                          ArrayRef<llvm::StringLiteral> known,
                                                          NumberRange range) {
  std::map<std::string, uint64_t> numbers;
  Fields fields(map, ("'" + field + "'").str(), problems);
  for (StringRef name : known)
    if (std::optional<uint64_t> value = fields.getNumber(name, range))
      numbers[name.str()] = *value;
  fields.finish();
  if (map.keys.empty())
    problems.add(map.place, "field '" + field + "': expected at least one number");
  return numbers;
}

PerformanceDescription EngineReader::readPerformance(const YamlNode &node) {
  PerformanceDescription figures;
  Fields fields(node, "a performance", problems);
  figures.launchPs = fields.getNumber("launch_us", kMicroseconds);
  figures.synchronisePs = fields.getNumber("synchronise_us", kMicroseconds);
  figures.bandwidthBytesPerSecond = fields.getNumber("bandwidth_gb_per_s", kGigaPerSecond);
  figures.cacheBytesPerSecond = fields.getNumber("cache_maintenance_gb_per_s", kGigaPerSecond);
  if (const YamlNode *peaks = fields.getMap("peak_gops"))
    figures.operationsPerSecond =
        readNumbers(*peaks, "peak_gops", machineElementTypes(), kGigaPerSecond);
  if (const YamlNode *efficiency = fields.getMap("efficiency_percent"))
    figures.efficiencyPercent =
        readNumbers(*efficiency, "efficiency_percent", machineWorkClasses(), {1, 0, 1, 100});
  fields.finish();
  return figures;
}

/// What a target defines: numbers, true and false, text, lists and fields.
Attribute EngineReader::readProperty(const YamlNode &node) {
  Builder b(context);
  switch (node.kind) {
  case YamlNode::Kind::Null:
    problems.add(node.place, "expected a value, got nothing");
    return b.getUnitAttr();
  case YamlNode::Kind::Scalar: {
    int64_t number;
    if (!node.isQuoted && !StringRef(node.text).getAsInteger(10, number))
      return b.getI64IntegerAttr(number);
    if (!node.isQuoted && (node.text == "true" || node.text == "false"))
      return b.getBoolAttr(node.text == "true");
    return b.getStringAttr(node.text);
  }
  case YamlNode::Kind::List: {
    SmallVector<Attribute> items;
    for (const YamlNode &item : node.items)
      items.push_back(readProperty(item));
    return b.getArrayAttr(items);
  }
  case YamlNode::Kind::Map: {
    NamedAttrList list;
    for (size_t i = 0; i < node.keys.size(); ++i)
      if (node.keys[i].empty())
        problems.add(node.keyPlaces[i], "expected the name of a property");
      else
        list.set(node.keys[i], readProperty(node.items[i]));
    return list.getDictionary(context);
  }
  }
  return {};
}

EngineDescription EngineReader::read(const YamlNode &node) {
  EngineDescription engine;
  Fields fields(node, "an engine", problems);
  engine.name = fields.getName("name");
  if (const YamlNode *kind = fields.get("kind", /*required=*/true)) {
    engine.kind = kind->text;
    if (kind->kind != YamlNode::Kind::Scalar ||
        !llvm::is_contained({"cpu", "gpu", "npu", "dma"}, engine.kind))
      problems.add(kind->place,
                   "field 'kind': expected cpu, gpu, npu or dma, got " + kind->describe());
  }
  engine.target = fields.getName("target");
  if (const YamlNode *memories = fields.get("memories", /*required=*/true)) {
    if (memories->kind != YamlNode::Kind::List)
      problems.add(memories->place,
                   "field 'memories': expected a list, got " + memories->describe());
    else if (memories->items.empty())
      problems.add(memories->place, "engine '" + engine.name + "' reaches no memory");
    for (const YamlNode &memory : memories->items)
      if (checkName(memory, "memories", problems)) {
        if (llvm::is_contained(engine.memories, memory.text))
          problems.add(memory.place, "memory '" + memory.text + "' is listed twice");
        engine.memories.push_back(memory.text);
      }
  }
  if (const YamlNode *cpu = fields.get("cpu"))
    engine.cpu = readCpu(*cpu);
  if (const YamlNode *performance = fields.getMap("performance"))
    engine.performance = readPerformance(*performance);
  const YamlNode *properties = fields.getMap("properties");
  engine.properties =
      properties ? cast<DictionaryAttr>(readProperty(*properties)) : DictionaryAttr::get(context);
  fields.finish();
  return engine;
}

} // namespace

std::optional<EngineDescription> tercet::readEngine(MLIRContext *context, const YamlNode &node,
                                                    YamlProblems &problems) {
  size_t before = problems.count();
  EngineDescription engine = EngineReader(context, problems).read(node);
  if (problems.count() != before)
    return std::nullopt;
  return engine;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Memories, then engines, then links; then what has to hold among them. Every
// check is made on what could be read, so that one run shows all complaints.

#include "compiler/machine/MachineReader.h"

#include "compiler/machine/EngineReader.h"
#include "targets/Targets.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/EquivalenceClasses.h"

using namespace mlir;
using namespace tercet;

namespace {

/// At most 64 of each: the ABI's masks have a bit for each engine and pool.
constexpr size_t kMaxEngines = 64, kMaxMemories = 32;
constexpr NumberRange kGigaPerSecond{1000000000, 9, 1, UINT64_C(1000000000000000000)};

class MachineReader {
public:
  MachineReader(MLIRContext *context, YamlProblems &problems)
      : context(context), b(context), problems(problems) {}

  soc::MachineAttr read(const YamlNode &root, uint32_t workers);

private:
  void readMemory(const YamlNode &node);
  void readEngineNode(const YamlNode &node);
  void buildEngine(const YamlNode &node, EngineDescription engine);
  void readLink(const YamlNode &node);
  void checkRoutes();

  struct Engine {
    std::string name;
    Place place;
    std::vector<std::string> memories;
  };

  MLIRContext *context;
  Builder b;
  YamlProblems &problems;
  std::map<std::string, unsigned> memoryLines;
  std::vector<Engine> engineList;
  SmallVector<Attribute> memories, engines, links;
  /// Of the keys of `memoryLines`.
  llvm::EquivalenceClasses<StringRef> joined;
  uint32_t mostCores = 0;
};

void MachineReader::readMemory(const YamlNode &node) {
  Fields fields(node, "a memory", problems);
  std::string name = fields.getName("name");
  uint64_t bytes = 0;
  std::string sized;
  constexpr uint64_t most = UINT64_C(1) << 62;
  for (auto [key, unit] : {std::pair("size_bytes", UINT64_C(1)),
                           {"size_kib", UINT64_C(1) << 10},
                           {"size_mib", UINT64_C(1) << 20}}) {
    const YamlNode *size = node.find(key);
    std::optional<uint64_t> value = fields.getNumber(key, {unit, 0, unit, most});
    if (size && !sized.empty())
      problems.add(size->place,
                   Twine("field '") + key + "': the size is given by '" + sized + "' already");
    if (size)
      sized = key;
    bytes = value.value_or(bytes);
  }
  uint64_t alignment =
      fields.getNumber("alignment_bytes", {1, 0, 1, UINT64_C(1) << 30}).value_or(64);
  uint64_t bandwidth = fields.getNumber("bandwidth_gb_per_s", kGigaPerSecond).value_or(0);
  fields.finish();
  if (!llvm::isPowerOf2_64(alignment))
    problems.add(node.locate("alignment_bytes"),
                 "field 'alignment_bytes': expected a power of two, got " + Twine(alignment));
  else if (!name.empty())
    memories.push_back(
        soc::MemoryAttr::get(context, b.getStringAttr(name), bytes, alignment, bandwidth));
  if (name.empty())
    return;
  auto [it, inserted] = memoryLines.try_emplace(name, node.place.line);
  if (!inserted)
    problems.add(node.locate("name"), "two memories are called '" + name +
                                          "'; the first is in line " + Twine(it->second));
  joined.insert(it->first);
}

void MachineReader::readEngineNode(const YamlNode &node) {
  std::optional<EngineDescription> engine = readEngine(context, node, problems);
  // What engines refer to is checked for those as well that are wrong otherwise.
  const YamlNode *nameNode = node.find("name"), *list = node.find("memories");
  std::string name = nameNode ? nameNode->text : "";
  for (const Engine &other : engineList)
    if (!name.empty() && other.name == name)
      problems.add(nameNode->place, "two engines are called '" + name + "'; the first is in line " +
                                        Twine(other.place.line));
  std::vector<std::string> reached;
  if (list)
    for (const YamlNode &memory : list->items) {
      if (memory.kind == YamlNode::Kind::Scalar && !memoryLines.count(memory.text))
        problems.add(memory.place, "engine '" + name + "' works on memory '" + memory.text +
                                       "', which the machine does not have");
      reached.push_back(memory.text);
    }
  engineList.push_back({name, node.place, std::move(reached)});
  if (engine)
    buildEngine(node, std::move(*engine));
}

void MachineReader::buildEngine(const YamlNode &node, EngineDescription engine) {
  bool complained = false;
  auto complain = [&](StringRef field, const Twine &text) {
    complained = true;
    problems.add(node.locate(field), text);
  };
  const Target *target = lookupTarget(engine.target), *objects = lookupObjectTarget();
  if (engine.cpu && !objects) {
    complain("cpu", "this build of Tercet has no target that knows CPUs: it was configured "
                    "without targets/cpu");
    return;
  }
  if (engine.cpu && target != objects) {
    EngineDescription cpu = engine;
    cpu.kind = "cpu";
    cpu.target = objects->getName().str();
    cpu.memories.resize(1);
    cpu.performance.reset();
    cpu.properties = b.getDictionaryAttr({});
    engine.objectCpu = dyn_cast_or_null<soc::CpuAttr>(objects->buildEngine(context, cpu, complain));
  }
  Attribute attr;
  if (!complained)
    attr = target ? target->buildEngine(context, engine, complain)
                  : buildDescribedEngine(context, engine, /*model=*/nullptr, complain);
  if (!attr) {
    if (!complained)
      complain("", "target '" + engine.target + "' makes no engine of this description");
    return;
  }
  engines.push_back(attr);
  // #soc.cpu without its target has no interface; nothing can run on it then.
  uint32_t cores = engine.objectCpu ? engine.objectCpu.getCores() : 0;
  if (auto found = dyn_cast<soc::EngineAttrInterface>(attr))
    if (std::string reason; found.isPresent(reason))
      cores = std::max(cores, found.getEngineCores());
  mostCores = std::max(mostCores, cores);
}

void MachineReader::readLink(const YamlNode &node) {
  Fields fields(node, "a link", problems);
  ArrayRef<YamlNode> ends = fields.getList("between", /*required=*/true);
  uint64_t bandwidth =
      fields.getNumber("bandwidth_gb_per_s", kGigaPerSecond, /*required=*/true).value_or(0);
  uint64_t latency = fields.getNumber("latency_ns", {1000, 3, 0, 1000000000000000}).value_or(0);
  fields.finish();
  if (const YamlNode *between = node.find("between"); between && ends.size() != 2) {
    if (between->kind == YamlNode::Kind::List)
      problems.add(between->place,
                   "field 'between': expected two memories, got " + Twine(ends.size()));
    return;
  }
  bool ok = !ends.empty() && bandwidth;
  for (const YamlNode &end : ends)
    if (!checkName(end, "between", problems)) {
      ok = false;
    } else if (!memoryLines.count(end.text)) {
      problems.add(end.place,
                   "a link ends at memory '" + end.text + "', which the machine does not have");
      ok = false;
    }
  if (!ok)
    return;
  StringRef first = memoryLines.find(ends[0].text)->first;
  StringRef second = memoryLines.find(ends[1].text)->first;
  if (first == second) {
    problems.add(ends[1].place, "a link joins memory '" + first + "' with itself");
    return;
  }
  if (joined.isEquivalent(first, second)) {
    problems.add(node.place, "the link of '" + first + "' and '" + second +
                                 "' closes a cycle; expected one route between two memories");
    return;
  }
  joined.unionSets(first, second);
  links.push_back(soc::LinkAttr::get(context, b.getStringAttr(first), b.getStringAttr(second),
                                     bandwidth, latency));
}

/// Every engine's data must be able to get to every other's: over links, or by
/// an engine that addresses two memories.
void MachineReader::checkRoutes() {
  // Those that the machine has; others have been complained about.
  auto memoriesOf = [&](const Engine &engine) {
    SmallVector<StringRef> known;
    for (const std::string &memory : engine.memories)
      if (auto found = memoryLines.find(memory); found != memoryLines.end())
        known.push_back(found->first);
    return known;
  };
  StringRef first;
  for (const Engine &engine : engineList)
    for (StringRef memory : memoriesOf(engine)) {
      joined.unionSets(memoriesOf(engine).front(), memory);
      if (first.empty())
        first = memory;
    }
  for (const Engine &engine : engineList) {
    SmallVector<StringRef> memories = memoriesOf(engine);
    StringRef memory = memories.empty() ? StringRef() : memories.front();
    if (!memory.empty() && !joined.isEquivalent(first, memory))
      problems.add(engine.place, "engine '" + engine.name + "' works on memory '" + memory +
                                     "', to which no link leads from memory '" + first + "'");
  }
}

soc::MachineAttr MachineReader::read(const YamlNode &root, uint32_t workers) {
  if (root.kind != YamlNode::Kind::Map) {
    problems.add(root.place, "expected the fields of a machine, got " + root.describe());
    return {};
  }
  Fields fields(root, "a machine", problems);
  std::string name = fields.getName("name");
  fields.getText("description");
  ArrayRef<YamlNode> engineNodes = fields.getList("engines", /*required=*/true);
  ArrayRef<YamlNode> memoryNodes = fields.getList("memories", /*required=*/true);
  ArrayRef<YamlNode> linkNodes = fields.getList("links");
  fields.finish();
  for (const YamlNode &node : memoryNodes)
    readMemory(node);
  for (const YamlNode &node : engineNodes)
    readEngineNode(node);
  for (const YamlNode &node : linkNodes)
    readLink(node);
  checkRoutes();
  auto checkCount = [&](StringRef field, size_t count, size_t most) {
    const YamlNode *list = root.find(field);
    if (list && list->kind == YamlNode::Kind::List && (count == 0 || count > most))
      problems.add(list->place, "field '" + field + "': expected 1 to " + Twine(most) +
                                    " of them, got " + Twine(count));
  };
  checkCount("engines", engineNodes.size(), kMaxEngines);
  checkCount("memories", memoryNodes.size(), kMaxMemories);
  // Plug-ins may be missing whose engines have cores; a machine without any CPU
  // cannot run a program.
  bool hasCpu = llvm::any_of(engineNodes, [](const YamlNode &node) {
    const YamlNode *kind = node.find("kind");
    return !kind || kind->text == "cpu";
  });
  if (!engineNodes.empty() && !hasCpu)
    problems.add(root.locate("engines"),
                 "the machine has no engine of kind cpu, which every program needs to run on");
  if (!problems.empty())
    return {};
  return soc::MachineAttr::get(context, b.getStringAttr(name),
                               workers ? workers : std::max(1u, mostCores), b.getArrayAttr(engines),
                               b.getArrayAttr(memories),
                               links.empty() ? ArrayAttr() : b.getArrayAttr(links));
}

} // namespace

llvm::Expected<soc::MachineAttr> tercet::readMachine(MLIRContext *context, StringRef text,
                                                     StringRef file, uint32_t workers) {
  YamlProblems problems(file);
  std::optional<YamlNode> root = parseYaml(text, problems);
  soc::MachineAttr machine = root ? MachineReader(context, problems).read(*root, workers) : nullptr;
  if (llvm::Error error = problems.take())
    return error;
  return machine;
}

std::string tercet::readMachineDescription(StringRef text) {
  YamlProblems ignored("");
  std::optional<YamlNode> root = parseYaml(text, ignored);
  llvm::consumeError(ignored.take());
  const YamlNode *description = root ? root->find("description") : nullptr;
  return description ? description->text : "";
}

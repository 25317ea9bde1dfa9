// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compares a compiled program with the reference, node by node: the program
// runs in this process and shows what every command wrote; the model is
// imported again and evaluated unfused. The first node where the two part is
// where to look for a fault.

#include "compiler/pipeline/Diagnostics.h"
#include "compiler/pipeline/ModelInput.h"
#include "compiler/support/RegisterAll.h"
#include "compiler/support/TensorFile.h"
#include "compiler/tools/compare/LoadedProgram.h"
#include "compiler/tools/compare/ReferenceNodes.h"
#include "compiler/tools/compare/SignalToNoise.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/InitLLVM.h"

#include <random>

using namespace mlir;
using namespace tercet;
using namespace tercet::compare;
namespace cl = llvm::cl;

namespace {

llvm::Error failure(const llvm::Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
}

/// A seeded value for an input that was not given: floats around 0, integers
/// below `bound`, masks of ones.
Tensor makeInput(StringRef name, RankedTensorType type, int64_t bound, std::mt19937_64 &random) {
  ElementKind kind = *getElementKind(type.getElementType());
  bool isMask = name.contains_insensitive("mask");
  std::vector<double> values(type.getNumElements());
  for (double &value : values) {
    uint64_t bits = random() >> 11;
    if (isMask)
      value = 1;
    else if (isFloatKind(kind))
      value = static_cast<double>(bits) / (uint64_t(1) << 52) - 1;
    else
      value = static_cast<double>(bits % (kind == ElementKind::Bool ? 2 : bound));
  }
  Tensor tensor = Tensor::allocate(type);
  convertElements(ElementKind::F64, reinterpret_cast<const char *>(values.data()), kind,
                  tensor.mutableData(), values.size());
  return tensor;
}

std::vector<double> toDoubles(RankedTensorType type, const std::vector<char> &bytes) {
  return Tensor::fromBytes(type, bytes).toDoubles();
}

/// The comparison of one run, printed as it goes.
class Comparison {
public:
  Comparison(const ReferenceNodes &nodes, double threshold) : nodes(nodes), threshold(threshold) {}

  void compareCommand(const CommandResult &command);
  void compareOutput(StringRef name, const Tensor &reference, const std::vector<char> &bytes);
  /// Says what was found; whether the program follows the reference.
  bool finish() const;

private:
  void report(const Match &match, StringRef node, const llvm::Twine &what);

  const ReferenceNodes &nodes;
  double threshold;
  unsigned compared = 0, skipped = 0;
  std::string first;
};

void Comparison::report(const Match &match, StringRef node, const llvm::Twine &what) {
  ++compared;
  std::string decibels = formatDecibels(match.decibels);
  llvm::outs() << llvm::right_justify(decibels, 10) << "  " << node;
  if (!match.order.empty())
    llvm::outs() << llvm::formatv(" (dimensions in the order {0})",
                                  llvm::iterator_range(match.order));
  bool parts = match.decibels < threshold;
  llvm::outs() << (parts ? "  <- off" : "") << "\n";
  if (parts && first.empty())
    first = (what + ", " + decibels).str();
}

void Comparison::compareCommand(const CommandResult &command) {
  StringRef node = nodes.findLast(command.nodes);
  if (node.empty())
    return;
  for (const std::vector<char> &bytes : command.outputs) {
    std::optional<Match> best;
    for (const ReferenceNodes::Result &value : nodes.getValues(node)) {
      const Tensor &tensor = value.tensor;
      if (tensor.bytes().size() != bytes.size() || bytes.empty())
        continue;
      Match match = matchInAnyOrder(tensor.getShape(), tensor.toDoubles(),
                                    toDoubles(tensor.getType(), bytes), threshold);
      // A value on the way counts only if it is what the command computed.
      if (value.inner && match.decibels < threshold)
        continue;
      if (!best || match.decibels > best->decibels)
        best = match;
    }
    if (best) {
      std::string nodeNames = command.nodes == node ? "" : ", fused: " + command.nodes;
      report(*best, node,
             "'" + node + "' (command " + llvm::Twine(command.command) + nodeNames + ")");
      continue;
    }
    ++skipped;
    llvm::outs() << llvm::right_justify("-", 10) << "  " << node
                 << "  (the program keeps it in another form)\n";
  }
}

void Comparison::compareOutput(StringRef name, const Tensor &reference,
                               const std::vector<char> &bytes) {
  Match match{signalToNoise(reference.toDoubles(), toDoubles(reference.getType(), bytes)), {}};
  std::string text = ("output '" + name + "'").str();
  report(match, text, text);
}

bool Comparison::finish() const {
  std::string limit = formatDecibels(threshold);
  llvm::outs() << compared << " values compared, " << skipped << " skipped\n";
  if (first.empty())
    llvm::outs() << "the program follows the reference everywhere (threshold " << limit << ")\n";
  else
    llvm::outs() << "first node below " << limit << ": " << first << "\n";
  return first.empty();
}

struct Options {
  CompileOptions compile;
  std::string artifact, entry, linker;
  llvm::StringMap<std::string> inputs;
  double threshold = 60;
};

class Tool {
public:
  explicit Tool(Options &options) : options(options) {}
  llvm::Expected<bool> run();

private:
  llvm::Error readInputs(func::FuncOp function, int64_t bound);
  llvm::Error checkTypes(func::FuncOp function);

  Options &options;
  std::unique_ptr<LoadedProgram> program;
  SmallVector<Tensor> inputs;
};

llvm::Error Tool::checkTypes(func::FuncOp function) {
  auto check = [&](TypeRange types, tercet_direction direction, StringRef side) -> llvm::Error {
    std::vector<ProgramTensor> tensors = program->getTensors(direction);
    if (tensors.size() != types.size())
      return failure("the model has " + llvm::Twine(types.size()) + " " + side +
                     "s, the program has " + llvm::Twine(tensors.size()));
    for (auto [tensor, type] : llvm::zip_equal(tensors, types)) {
      auto ranked = dyn_cast<RankedTensorType>(type);
      if (!ranked || !Tensor::isSupported(ranked.getElementType()) ||
          ranked.getShape() != ArrayRef<int64_t>(tensor.shape) ||
          getTensorBytes(ranked) != static_cast<int64_t>(tensor.bytes))
        return failure(llvm::formatv("{0} '{1}' is {2} in the model, but of shape {3:$[x]} and {4} "
                                     "bytes in the program; was it compiled from this model, with "
                                     "these --dim?",
                                     side, tensor.name, type, llvm::iterator_range(tensor.shape),
                                     tensor.bytes)
                           .str());
    }
    return llvm::Error::success();
  };
  if (llvm::Error error = check(function.getArgumentTypes(), TERCET_INPUT, "input"))
    return error;
  return check(function.getResultTypes(), TERCET_OUTPUT, "output");
}

llvm::Error Tool::readInputs(func::FuncOp function, int64_t bound) {
  std::mt19937_64 random(1);
  llvm::StringMap<std::string> unused = options.inputs;
  inputs.clear();
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
    std::string name = getTensorName(function.getArgAttrDict(i), i);
    auto holder = cast<RankedTensorType>(type);
    auto file = options.inputs.find(name);
    if (file == options.inputs.end()) {
      inputs.push_back(makeInput(name, holder, bound, random));
      continue;
    }
    unused.erase(name);
    llvm::Expected<Tensor> value = readTensor(name, file->second, holder);
    if (!value)
      return value.takeError();
    inputs.push_back(std::move(*value));
  }
  if (!unused.empty())
    return failure("'" + unused.begin()->getKey() + "' is no input of the model");
  return llvm::Error::success();
}

llvm::Expected<bool> Tool::run() {
  auto loaded = LoadedProgram::load(options.artifact, options.entry, options.linker);
  if (!loaded)
    return loaded.takeError();
  program = std::move(*loaded);
  for (const ProgramTensor &input : program->getTensors(TERCET_INPUT))
    options.compile.import.inputShapes[input.name] = input.shape;

  DialectRegistry registry;
  registerAllDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  UserDiagnostics diagnostics(&context, options.compile.model, llvm::errs(), "tercet-compare");
  OwningOpRef<ModuleOp> module = readModel(context, options.compile, diagnostics);
  if (!module)
    return false;
  auto function = module->lookupSymbol<func::FuncOp>(program->getEntryName());
  if (!function || function.isExternal())
    return failure("the model has no function '" + program->getEntryName() + "'");
  if (llvm::Error error = checkTypes(function))
    return error;

  // What the integers mean is not known: indices want small ones, and the
  // program says when they were not small enough.
  std::vector<CommandResult> commands;
  std::vector<std::vector<char>> outputs;
  for (int64_t bound : {64, 8, 2, 1}) {
    if (llvm::Error error = readInputs(function, bound))
      return error;
    SmallVector<ArrayRef<char>> bytes;
    for (const Tensor &input : inputs)
      bytes.push_back(input.bytes());
    auto results = program->run(bytes, outputs);
    if (results) {
      commands = std::move(*results);
      break;
    }
    if (bound == 1)
      return results.takeError();
    llvm::consumeError(results.takeError());
  }

  ReferenceNodes nodes(function);
  llvm::StringMap<bool> wanted;
  for (const CommandResult &command : commands)
    if (StringRef node = nodes.findLast(command.nodes); !node.empty())
      wanted[node] = true;
  WeightReader weights;
  llvm::Expected<Evaluator::Results> results = nodes.run(weights, inputs, wanted);
  if (!results)
    return results.takeError();
  Comparison comparison(nodes, options.threshold);
  for (const CommandResult &command : commands)
    comparison.compareCommand(command);
  std::vector<ProgramTensor> tensors = program->getTensors(TERCET_OUTPUT);
  for (auto [tensor, reference, bytes] : llvm::zip_equal(tensors, *results, outputs))
    comparison.compareOutput(tensor.name, reference, bytes);
  return comparison.finish();
}

} // namespace

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  // Without it --help would list the flags of all of LLVM.
  cl::OptionCategory category("Options");
  cl::opt<std::string> model(cl::Positional, cl::cat(category), cl::desc("MODEL"), cl::Required);
  cl::opt<std::string> artifact(cl::Positional, cl::cat(category), cl::desc("DIR|FILE.o"),
                                cl::Required);
  cl::list<std::string> dims("dim", cl::cat(category),
                             cl::desc("NAME=VALUE, where the program's inputs do not tell"));
  cl::list<std::string> files("input", cl::cat(category),
                              cl::desc("NAME=FILE.npy; inputs not given are random"));
  cl::opt<double> threshold("threshold", cl::cat(category),
                            cl::desc("decibels below which a node is off"), cl::init(60));
  cl::opt<std::string> entry("entry", cl::cat(category), cl::desc("the entry point to run"));
  cl::opt<std::string> linker("linker", cl::cat(category), cl::desc("path of ld.lld"));
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(argc, argv,
                              "Compares a compiled program with the reference, node by node.\n"
                              "Exit status: 0 the program follows the reference, 1 it does not, or "
                              "could not be compared.\n");
  Options options;
  options.compile.model = model;
  options.artifact = artifact;
  options.entry = entry;
  options.linker = linker;
  options.threshold = threshold;
  auto fail = [&](const llvm::Twine &text) {
    llvm::errs() << "tercet-compare: error: " << text << "\n";
    return 1;
  };
  for (const std::string &text : dims) {
    std::string complaint = parseDimension(text, options.compile.import);
    if (!complaint.empty())
      return fail(complaint);
  }
  auto bindings = parseBindings(files);
  if (!bindings)
    return fail(llvm::toString(bindings.takeError()));
  options.inputs = std::move(*bindings);
  llvm::Expected<bool> follows = Tool(options).run();
  if (!follows)
    return fail(llvm::toString(follows.takeError()));
  return *follows ? 0 : 1;
}

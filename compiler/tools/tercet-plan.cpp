// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The memory planner alone, on a table of lifetimes. Reads, checks, has the
// planner solve, verifies, and says how good the plan is; a file is written only
// if all of that went well, and then as a whole.

#include "passes/plan/MemoryProblem.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Option/ArgList.h"
#include "llvm/Option/OptTable.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <csignal>

using namespace tercet::plan;
namespace opt = llvm::opt;
using namespace llvm::opt;

namespace {

#define TERCET_FLAGS "compiler/tools/PlanFlags.inc"
#include "compiler/tools/FlagTable.inc"

constexpr const char kManual[] =
    "FILE.csv has a line of column names and then a line for each buffer:\n\n"
    "  id,lower,upper,size\n"
    "  0,0,3,4096\n"
    "  1,2,5,1024\n\n"
    "A buffer is live from lower to just before upper; buffers that are live at the same\n"
    "time must not overlap. Columns may come in any order, others are ignored.\n\n"
    "Prints one line, such as\n\n"
    "  peak=5120 lower_bound=5120 status=optimal method=greedy-by-size-first-fit nodes=0\n\n"
    "lower_bound is the most bytes that are live at once. status is optimal if no plan is\n"
    "smaller, because the peak is the bound or because search has refuted all below it;\n"
    "otherwise it is gap:P%, how far the peak is above what is proven. nodes counts the\n"
    "decisions of the search. The same input gives the same plan on every machine.\n\n"
    "Exit status: 0 a plan was found, 1 an error in what was given, or no plan within the\n"
    "capacity: the message says whether that is proven, and by which buffers.\n";

llvm::Error error(const llvm::Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
}

/// Reads a table of buffers. Errors name file and line.
class Reader {
public:
  Reader(llvm::StringRef name, llvm::StringRef text) : name(name), rest(text) {}
  llvm::Expected<MemoryProblem> read();

private:
  static constexpr const char *kColumns[] = {"id", "lower", "upper", "size"};

  llvm::Error failure(const llvm::Twine &text) const {
    return error(name + ":" + llvm::Twine(line) + ": " + text);
  }
  /// The next line that is not empty; false at the end.
  bool next();
  llvm::Error readHeader();
  llvm::Expected<MemoryBuffer> readBuffer() const;

  llvm::StringRef name, rest, text;
  unsigned line = 0;
  unsigned fields = 0;
  /// Of each of `kColumns`: its number in the file.
  unsigned position[4] = {};
};

bool Reader::next() {
  while (!rest.empty()) {
    std::tie(text, rest) = rest.split('\n');
    ++line;
    text = text.trim(" \t\r");
    if (!text.empty())
      return true;
  }
  return false;
}

llvm::Error Reader::readHeader() {
  rest.consume_front("\xEF\xBB\xBF");
  if (!next()) {
    line = std::max(line, 1u);
    return failure("expected a line of column names, such as id,lower,upper,size; the file is "
                   "empty");
  }
  llvm::SmallVector<llvm::StringRef> names;
  text.split(names, ',');
  fields = names.size();
  for (llvm::StringRef &each : names)
    each = each.trim();
  for (auto [i, column] : llvm::enumerate(kColumns)) {
    auto found = llvm::find(names, column);
    if (found == names.end())
      return failure("no column '" + llvm::Twine(column) + "'; expected id,lower,upper,size, got " +
                     text);
    if (std::find(found + 1, names.end(), column) != names.end())
      return failure("two columns '" + llvm::Twine(column) + "'");
    position[i] = found - names.begin();
  }
  return llvm::Error::success();
}

llvm::Expected<MemoryBuffer> Reader::readBuffer() const {
  llvm::SmallVector<llvm::StringRef> values;
  text.split(values, ',');
  if (values.size() != fields)
    return failure("expected " + llvm::Twine(fields) + " values, got " +
                   llvm::Twine(values.size()));
  int64_t numbers[4];
  for (auto [i, column] : llvm::enumerate(kColumns)) {
    llvm::StringRef value = values[position[i]].trim();
    bool isNumber = !value.empty() && llvm::all_of(value, llvm::isDigit);
    if (!isNumber || value.getAsInteger(10, numbers[i]))
      return failure(llvm::Twine(column) + ": expected a number from 0 to 9223372036854775807, " +
                     "got '" + value + "'");
  }
  MemoryBuffer buffer = {numbers[0], numbers[1], numbers[2], numbers[3]};
  if (buffer.lower >= buffer.upper)
    return failure("buffer " + llvm::Twine(buffer.id) + ": expected lower below upper, got " +
                   llvm::Twine(buffer.lower) + " and " + llvm::Twine(buffer.upper));
  return buffer;
}

llvm::Expected<MemoryProblem> Reader::read() {
  if (llvm::Error wrong = readHeader())
    return wrong;
  MemoryProblem problem;
  llvm::DenseMap<int64_t, unsigned> lineOf;
  // Keys that the map reserves for itself.
  int64_t shift = std::numeric_limits<int64_t>::min() / 2;
  while (next()) {
    llvm::Expected<MemoryBuffer> buffer = readBuffer();
    if (!buffer)
      return buffer.takeError();
    auto [known, isNew] = lineOf.try_emplace(buffer->id + shift, line);
    if (!isNew)
      return failure("buffer " + llvm::Twine(buffer->id) + " is already in line " +
                     llvm::Twine(known->second));
    problem.buffers.push_back(*buffer);
  }
  return problem;
}

/// Up to eight of the buffers, the largest first, and how many more there are.
std::string listBuffers(const MemoryProblem &problem, llvm::ArrayRef<unsigned> indices) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  constexpr size_t kMost = 8;
  for (unsigned i : indices.take_front(kMost))
    stream << (text.empty() ? "" : ", ") << problem.buffers[i].id << " (" << problem.buffers[i].size
           << ")";
  if (indices.size() > kMost)
    stream << " and " << indices.size() - kMost << " more";
  return text;
}

/// Why there is no plan within the capacity; success if the bound allows one.
llvm::Error checkCapacity(const MemoryProblem &problem, llvm::StringRef name) {
  MemoryBound bound = problem.findBound();
  if (!problem.capacity || *problem.capacity >= bound.bytes)
    return llvm::Error::success();
  int64_t moment = 0;
  for (unsigned i : bound.witness)
    moment = std::max(moment, problem.buffers[i].lower);
  std::string rounded =
      problem.alignment == 1 ? "" : llvm::formatv(", rounded up to {0}", problem.alignment).str();
  return error(llvm::formatv("{0}: no plan fits in {1} bytes: at time {2}, buffers of {3} bytes "
                             "are live{4}, {5} too many: {6}",
                             name, *problem.capacity, moment, bound.bytes, rounded,
                             bound.bytes - *problem.capacity, listBuffers(problem, bound.witness))
                   .str());
}

/// How far the peak is above the bound, in percent, rounded up.
std::string formatGap(int64_t peak, int64_t bound) {
  unsigned __int128 scaled = static_cast<unsigned __int128>(peak - bound) * 10000;
  uint64_t hundredths = static_cast<uint64_t>((scaled + bound - 1) / bound);
  return llvm::formatv("gap:{0}.{1:d2}%", hundredths / 100, hundredths % 100).str();
}

llvm::Error run(llvm::StringRef name, MemoryBudget budget, int64_t alignment,
                std::optional<int64_t> capacity, llvm::StringRef output) {
  auto file = llvm::MemoryBuffer::getFileOrSTDIN(name, /*IsText=*/true);
  if (!file)
    return error(name + ": " + file.getError().message());
  llvm::Expected<MemoryProblem> problem = Reader(name, (*file)->getBuffer()).read();
  if (!problem)
    return problem.takeError();
  problem->alignment = alignment;
  problem->capacity = capacity;
  if (llvm::Error wrong = problem->check())
    return error(name + ": " + llvm::toString(std::move(wrong)));
  if (llvm::Error tooSmall = checkCapacity(*problem, name))
    return tooSmall;
  MemoryPlan plan = solveMemory(*problem, budget);
  if (capacity && plan.peak > *capacity) {
    std::string text =
        llvm::formatv("{0}: no plan within {1} bytes was found; the best takes {2} bytes, the "
                      "lower bound is {3}; ",
                      name, *capacity, plan.peak, plan.lowerBound)
            .str();
    if (plan.provenBound() > *capacity)
      return error(text + "search has refuted that there is one: at least " +
                   llvm::Twine(plan.provenBound()) + " bytes are needed");
    return error(text + "that there is one was neither found nor refuted in " +
                 llvm::Twine(plan.nodes) + " nodes");
  }
  if (llvm::Error wrong = plan.verify(*problem))
    return error(name + ": the planner made an invalid plan: " + llvm::toString(std::move(wrong)));
  if (!output.empty())
    if (llvm::Error wrong = llvm::writeToOutput(output, [&](llvm::raw_ostream &stream) {
          stream << "id,lower,upper,size,offset\n";
          for (auto [buffer, offset] : llvm::zip_equal(problem->buffers, plan.offsets))
            stream << buffer.id << "," << buffer.lower << "," << buffer.upper << "," << buffer.size
                   << "," << offset << "\n";
          return llvm::Error::success();
        }))
      return error(output + ": " + llvm::toString(std::move(wrong)));
  llvm::outs() << "peak=" << plan.peak << " lower_bound=" << plan.lowerBound << " status="
               << (plan.isOptimal() ? "optimal" : formatGap(plan.peak, plan.provenBound()))
               << " method=" << plan.method << " nodes=" << plan.nodes << "\n";
  return llvm::Error::success();
}

} // namespace

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  // A file that may not grow is an error of writing, reported as such.
  std::signal(SIGXFSZ, SIG_IGN);
  FlagTable table;
  unsigned missingIndex = 0, missingCount = 0;
  opt::InputArgList args =
      table.ParseArgs(llvm::ArrayRef<const char *>(argv + 1, argc - 1), missingIndex, missingCount);
  auto complain = [](const llvm::Twine &text) {
    llvm::errs() << "tercet-plan: error: " << text << "\n";
    return 1;
  };
  if (args.hasArg(OPT_help)) {
    table.printHelp(llvm::outs(), "tercet-plan FILE.csv [flags]",
                    "places buffers in the smallest arena");
    llvm::outs() << "\n" << kManual;
    return 0;
  }
  if (missingCount)
    return complain(llvm::Twine(args.getArgString(missingIndex)) + " needs a value; see --help");
  if (const opt::Arg *unknown = args.getLastArg(OPT_UNKNOWN))
    return complain("unknown flag '" + unknown->getAsString(args) + "'; see --help");
  std::vector<std::string> files = args.getAllArgValues(OPT_INPUT);
  if (files.size() != 1)
    return complain("expected one file, got " + llvm::Twine(files.size()) + "; see --help");
  int64_t alignment = 1;
  std::optional<int64_t> capacity;
  if (const opt::Arg *arg = args.getLastArg(OPT_alignment))
    if (llvm::StringRef(arg->getValue()).getAsInteger(10, alignment) || alignment <= 0)
      return complain(llvm::Twine("--alignment: expected a number above 0, got '") +
                      arg->getValue() + "'");
  if (const opt::Arg *arg = args.getLastArg(OPT_capacity))
    if (capacity.emplace();
        llvm::StringRef(arg->getValue()).getAsInteger(10, *capacity) || *capacity < 0)
      return complain(llvm::Twine("--capacity: expected a number of bytes, got '") +
                      arg->getValue() + "'");
  if (llvm::Error wrong = run(files[0], MemoryBudget::forTool(), alignment, capacity,
                              args.getLastArgValue(OPT_output)))
    return complain(llvm::toString(std::move(wrong)));
  return 0;
}

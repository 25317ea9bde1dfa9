// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Numbers are read whole or not at all. What excludes one another is said here,
// before a model is opened for it.

#include "compiler/tools/generate/Options.h"

#include "compiler/emit/Faults.h"

#include "llvm/Option/ArgList.h"
#include "llvm/Option/OptTable.h"
#include "llvm/Support/raw_ostream.h"

using namespace tercet;
using namespace tercet::generate;
using emit::failure;
namespace opt = llvm::opt;
using namespace llvm::opt;

namespace {

#define TERCET_FLAGS "compiler/tools/GenerateFlags.inc"
#include "compiler/tools/FlagTable.inc"

constexpr const char kManual[] =
    "Text of a language model. MODEL is a GGUF file or a folder of Hugging Face's, which is\n"
    "compiled for this machine first and kept for the next time; DIR is what tercet-compile\n"
    "wrote. Prints what is generated on standard output, figures on standard error. The same\n"
    "model, prompt and seed give the same text.\n\n"
    "--perplexity: the text's tokens in windows as long as the context, each from an empty\n"
    "state; the first token of a window is not foretold.\n\n"
    "Exit status: 0 done, 1 an error in what was given.\n";

/// Reads values; keeps the first thing that is wrong.
class Reader {
public:
  explicit Reader(const opt::InputArgList &arguments) : arguments(arguments) {}

  std::string text(FlagId id) const { return arguments.getLastArgValue(id).str(); }

  template <typename T> void number(FlagId id, T &result, llvm::StringRef expected) {
    const opt::Arg *argument = arguments.getLastArg(id);
    if (!argument || problem)
      return;
    llvm::StringRef value = argument->getValue();
    bool bad;
    if constexpr (std::is_floating_point_v<T>)
      bad = value.getAsDouble(result);
    else
      bad = value.getAsInteger(10, result);
    if (bad)
      problem.emplace(
          (argument->getSpelling() + ": expected " + expected + ", got '" + value + "'").str());
  }

  std::optional<std::string> problem;

private:
  const opt::InputArgList &arguments;
};

} // namespace

static llvm::Error checkModes(const Options &options) {
  int modes = options.prompt.has_value() + !options.tokensFile.empty() +
              !options.perplexityFile.empty() + options.chat;
  if (modes > 1)
    return failure("--prompt, --tokens, --chat and --perplexity exclude one another; expected at "
                   "most one of them");
  if (!options.system.empty() && !options.chat)
    return failure("--system is for --chat");
  if (!options.logitsFile.empty() && (options.chat || !options.perplexityFile.empty()))
    return failure("--logits-out is for --prompt and --tokens");
  if (!options.logitsFile.empty() && !llvm::StringRef(options.logitsFile).ends_with(".npy"))
    return failure("--logits-out: expected a name that ends in .npy, got '" + options.logitsFile +
                   "'");
  if (!options.session.empty() && !options.perplexityFile.empty())
    return failure("--session is not for --perplexity, which begins anew");
  if (!options.draft.empty() &&
      (options.sampler.temperature != 0 || options.sampler.repetitionPenalty != 1 ||
       !options.logitsFile.empty() || !options.perplexityFile.empty()))
    return failure("--draft is for greedy generation: without --temperature, "
                   "--repetition-penalty, --logits-out and --perplexity");
  return checkOptions(options.sampler);
}

llvm::Expected<std::optional<Options>> tercet::generate::parseOptions(int argc, char **argv) {
  FlagTable table;
  unsigned missingIndex, missingCount;
  opt::InputArgList arguments = table.ParseArgs(llvm::ArrayRef<const char *>(argv + 1, argv + argc),
                                                missingIndex, missingCount);
  if (arguments.hasArg(OPT_help)) {
    table.printHelp(llvm::outs(), "tercet-generate MODEL|DIR [options]", kManual);
    return std::nullopt;
  }
  if (missingCount)
    return failure(llvm::StringRef(arguments.getArgString(missingIndex)) + " needs a value");
  for (const opt::Arg *unknown : arguments.filtered(OPT_UNKNOWN))
    return failure("unknown option '" + unknown->getAsString(arguments) +
                   "'; tercet-generate --help lists them");
  std::vector<std::string> models = arguments.getAllArgValues(OPT_INPUT);
  if (models.size() != 1)
    return failure("expected one model, got " + llvm::Twine(models.size()) +
                   "; tercet-generate --help says more");
  Options options;
  Reader reader(arguments);
  options.model = models[0];
  if (arguments.hasArg(OPT_prompt))
    options.prompt = reader.text(OPT_prompt);
  options.tokensFile = reader.text(OPT_tokens);
  options.perplexityFile = reader.text(OPT_perplexity);
  options.chat = arguments.hasArg(OPT_chat);
  options.system = reader.text(OPT_system);
  options.logitsFile = reader.text(OPT_logits_out);
  options.tokenizer = reader.text(OPT_tokenizer);
  options.session = reader.text(OPT_session);
  options.draft = reader.text(OPT_draft);
  options.cache = reader.text(OPT_cache);
  options.linker = reader.text(OPT_linker);
  options.quiet = arguments.hasArg(OPT_quiet);
  if (arguments.hasArg(OPT_n))
    reader.number(OPT_n, options.count.emplace(), "a number of tokens");
  reader.number(OPT_threads, options.threads, "a number of threads");
  SamplerOptions &sampler = options.sampler;
  reader.number(OPT_temperature, sampler.temperature, "a number");
  reader.number(OPT_top_k, sampler.topK, "a number of tokens");
  reader.number(OPT_top_p, sampler.topP, "a number");
  reader.number(OPT_min_p, sampler.minP, "a number");
  reader.number(OPT_repetition_penalty, sampler.repetitionPenalty, "a number");
  reader.number(OPT_penalty_window, sampler.penaltyWindow, "a number of tokens");
  reader.number(OPT_seed, sampler.seed, "a whole number");
  if (reader.problem)
    return failure(*reader.problem);
  const std::pair<FlagId, const char *> passedOn[] = {
      {OPT_context, "--context"},   {OPT_prefill, "--prefill"},   {OPT_verify, "--verify"},
      {OPT_quantize, "--quantize"}, {OPT_kv_cache, "--kv-cache"}, {OPT_soc, "--soc"}};
  for (auto [id, name] : passedOn)
    if (arguments.hasArg(id))
      options.compileFlags.insert(options.compileFlags.end(), {name, reader.text(id)});
  if (llvm::Error error = checkModes(options))
    return error;
  return options;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Text from a language model: finds or compiles the model, starts it in a
// process of its own, turns text into tokens and back, and prints as it goes.
// Tokens go to standard output, figures to standard error.

#include "compiler/emit/Faults.h"
#include "compiler/tokenizer/TokenizerFile.h"
#include "compiler/tools/generate/Conversation.h"
#include "compiler/tools/generate/Generation.h"
#include "compiler/tools/generate/LogitsFile.h"
#include "compiler/tools/generate/ModelCache.h"
#include "compiler/tools/generate/Options.h"
#include "compiler/tools/generate/Reported.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace tercet;
using namespace tercet::generate;
using emit::failure;
using tokenizer::ControlText;
using tokenizer::Tokenizer;

namespace {
constexpr size_t kDefaultCount = 256;

/// Everything that a run has: the model, perhaps a draft, perhaps a tokenizer.
struct Run {
  const Options &options;
  std::unique_ptr<DecoderProcess> model, draft;
  std::unique_ptr<Tokenizer> tokenizer;
};
} // namespace

static llvm::Expected<std::string> readText(llvm::StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFileOrSTDIN(path);
  if (!buffer)
    return failure("cannot read '" + path + "': " + buffer.getError().message());
  return (*buffer)->getBuffer().str();
}

static llvm::Expected<std::vector<int64_t>> readTokens(llvm::StringRef path, uint32_t vocabulary) {
  llvm::Expected<std::string> text = readText(path);
  if (!text)
    return text.takeError();
  std::vector<int64_t> tokens;
  llvm::StringRef rest = *text;
  while (!(rest = rest.ltrim()).empty()) {
    llvm::StringRef word = rest.take_until([](char c) { return llvm::isSpace(c); });
    int64_t token;
    if (word.getAsInteger(10, token) || token < 0 || token >= vocabulary)
      return failure(path + ": token " + llvm::Twine(tokens.size()) + ": expected an id below " +
                     llvm::Twine(vocabulary) + ", got '" + word.take_front(40) + "'");
    tokens.push_back(token);
    rest = rest.drop_front(word.size());
  }
  return tokens;
}

static llvm::Expected<std::vector<int64_t>> encode(const Tokenizer &tokenizer, llvm::StringRef text,
                                                   ControlText control) {
  llvm::Expected<std::vector<int32_t>> ids = tokenizer.encode(text, control);
  if (!ids)
    return ids.takeError();
  return std::vector<int64_t>(ids->begin(), ids->end());
}

/// The tokenizer that was asked for, or the model's; null where only ids come in
/// and go out.
static llvm::Expected<std::unique_ptr<Tokenizer>> findTokenizer(const Options &options) {
  if (!options.tokensFile.empty())
    return std::unique_ptr<Tokenizer>();
  std::string path = options.tokenizer;
  if (path.empty() && !isCompiled(options.model))
    path = options.model;
  if (path.empty() && llvm::sys::fs::is_directory(options.model))
    for (const char *name : {"/tokenizer.json", "/tokenizer.gguf"})
      if (path.empty() && llvm::sys::fs::exists(options.model + name))
        path = options.model + name;
  if (path.empty())
    return failure("'" + options.model +
                   "' has no tokenizer beside it; name the model's GGUF file or tokenizer.json "
                   "with --tokenizer, or give token ids with --tokens");
  return tokenizer::openTokenizer(path);
}

static llvm::Expected<std::unique_ptr<DecoderProcess>> startModel(const std::string &model,
                                                                  const Options &options) {
  std::string artifact = model;
  if (!isCompiled(model)) {
    llvm::Expected<std::string> compiled =
        findCompiled(model, {options.cache, options.compileFlags, options.quiet});
    if (!compiled)
      return compiled.takeError();
    artifact = *compiled;
  } else if (!options.compileFlags.empty()) {
    return failure("'" + model + "' is compiled already; " + options.compileFlags[0] +
                   " is for models that are not");
  }
  return DecoderProcess::start(artifact, options.threads, options.linker);
}

static llvm::Error start(Run &run) {
  llvm::Expected<std::unique_ptr<Tokenizer>> tokenizer = findTokenizer(run.options);
  if (!tokenizer)
    return tokenizer.takeError();
  run.tokenizer = std::move(*tokenizer);
  llvm::Expected<std::unique_ptr<DecoderProcess>> model =
      startModel(run.options.model, run.options);
  if (!model)
    return model.takeError();
  run.model = std::move(*model);
  uint32_t vocabulary = run.model->getVocabulary();
  if (run.tokenizer && uint32_t(run.tokenizer->size()) > vocabulary)
    return failure("the tokenizer has " + llvm::Twine(run.tokenizer->size()) +
                   " tokens, the model " + llvm::Twine(vocabulary) +
                   ": they do not belong together");
  if (run.options.draft.empty())
    return llvm::Error::success();
  llvm::Expected<std::unique_ptr<DecoderProcess>> draft =
      startModel(run.options.draft, run.options);
  if (!draft)
    return draft.takeError();
  run.draft = std::move(*draft);
  if (run.draft->getVocabulary() != vocabulary)
    return failure("the draft model has a vocabulary of " +
                   llvm::Twine(run.draft->getVocabulary()) + " tokens, the model one of " +
                   llvm::Twine(vocabulary) + ": they do not belong together");
  return llvm::Error::success();
}

static void printFigures(const Figures &figures) {
  auto show = [](llvm::StringRef name, const Throughput &throughput) {
    llvm::errs() << llvm::formatv("{0}: {1} tokens in {2:f1} ms ({3:f1} tokens/s)\n", name,
                                  throughput.tokens, double(throughput.nanoseconds) / 1e6,
                                  throughput.getRate());
  };
  show("prefill", figures.prefill);
  show("decode", figures.decode);
  if (figures.draft.tokens) {
    show("draft", figures.draft);
    llvm::errs() << llvm::formatv("accepted: {0} of {1} proposed tokens\n", figures.accepted,
                                  figures.proposed);
  }
}

// ---- What can be asked for --------------------------------------------------

static llvm::Error goOn(Run &run, llvm::ArrayRef<int64_t> prompt) {
  const Options &options = run.options;
  DecoderProcess &model = *run.model;
  bool asIds = !options.tokensFile.empty();
  if (prompt.empty())
    return failure("the prompt has no tokens; give at least one");
  size_t count = options.count.value_or(kDefaultCount);
  if (options.count && prompt.size() <= model.getCapacity() &&
      count > model.getCapacity() - prompt.size() + (options.logitsFile.empty() ? 1 : 0))
    return failure("a prompt of " + llvm::Twine(prompt.size()) + " tokens and " +
                   llvm::Twine(count) + " more do not fit into the context of " +
                   llvm::Twine(model.getCapacity()) +
                   "; ask for fewer with --n, or compile the model with a larger --context");
  if (!options.session.empty() && llvm::sys::fs::exists(options.session))
    if (llvm::Error error = model.load(options.session))
      return error;

  GenerationOptions generation;
  generation.count = count;
  std::unique_ptr<LogitsFile> logits;
  if (!options.logitsFile.empty()) {
    size_t rows = prompt.size() +
                  std::min<size_t>(count, model.getCapacity() -
                                              std::min<size_t>(prompt.size(), model.getCapacity()));
    llvm::Expected<std::unique_ptr<LogitsFile>> file =
        LogitsFile::create(options.logitsFile, rows, model.getVocabulary());
    if (!file)
      return file.takeError();
    logits = std::move(*file);
    generation.onLogits = [&](llvm::ArrayRef<float> row) {
      logits->addRow(row);
      return llvm::Error::success();
    };
  }
  generation.isEnd = [&](int64_t token) {
    return !logits && run.tokenizer && run.tokenizer->isEnd(int32_t(token));
  };
  std::optional<tokenizer::TextStream> text;
  if (!asIds)
    text.emplace(*run.tokenizer);
  llvm::StringRef separator = "";
  generation.onToken = [&](int64_t token) {
    if (asIds)
      llvm::outs() << separator << token;
    else
      llvm::outs() << text->push(int32_t(token));
    separator = " ";
    llvm::outs().flush();
    return llvm::Error::success();
  };
  Sampler sampler(options.sampler);
  Generation runner(model, run.draft.get(), sampler);
  if (llvm::Error error = runner.run(prompt, generation))
    return error;
  llvm::outs() << (text ? text->finish() : "") << "\n";
  llvm::outs().flush();
  if (logits)
    if (llvm::Error error = logits->finish())
      return error;
  if (!options.session.empty())
    if (llvm::Error error = model.save(options.session))
      return error;
  if (!options.quiet)
    printFigures(runner.getFigures());
  return llvm::Error::success();
}

static llvm::Error measure(Run &run) {
  llvm::Expected<std::string> text = readText(run.options.perplexityFile);
  if (!text)
    return text.takeError();
  llvm::Expected<std::vector<int64_t>> tokens = encode(*run.tokenizer, *text, ControlText::Plain);
  if (!tokens)
    return failure(run.options.perplexityFile + ": " + llvm::toString(tokens.takeError()));
  llvm::Expected<Perplexity> result = measurePerplexity(*run.model, *tokens);
  if (!result)
    return failure(run.options.perplexityFile + ": " + llvm::toString(result.takeError()));
  llvm::outs() << llvm::formatv("perplexity: {0:f4} over {1} tokens\n", result->value,
                                result->tokens);
  if (!run.options.quiet)
    llvm::errs() << llvm::formatv(
        "{0} tokens in {1:f1} ms ({2:f1} tokens/s)\n", result->throughput.tokens,
        double(result->throughput.nanoseconds) / 1e6, result->throughput.getRate());
  return llvm::Error::success();
}

static llvm::Error converse(Run &run) {
  Sampler sampler(run.options.sampler);
  Generation generation(*run.model, run.draft.get(), sampler);
  llvm::Expected<Conversation> conversation =
      Conversation::create(*run.tokenizer, run.options.system);
  if (!conversation)
    return conversation.takeError();
  ConversationOptions options;
  options.count = run.options.count.value_or(run.model->getCapacity());
  options.session = run.options.session;
  if (llvm::Error error = conversation->run(*run.model, generation, options))
    return error;
  if (!run.options.quiet)
    printFigures(generation.getFigures());
  return llvm::Error::success();
}

static llvm::Error generateText(const Options &options) {
  Run run{options, nullptr, nullptr, nullptr};
  // A prompt that is wrong is said before a model is compiled for it.
  if (options.prompt)
    if (llvm::Error error = tokenizer::checkUtf8(*options.prompt))
      return failure("--prompt: " + llvm::toString(std::move(error)));
  if (llvm::Error error = start(run))
    return error;
  if (options.chat)
    return converse(run);
  if (!options.perplexityFile.empty())
    return measure(run);
  llvm::Expected<std::vector<int64_t>> prompt =
      options.tokensFile.empty()
          ? encode(*run.tokenizer, options.prompt.value_or(""), ControlText::Token)
          : readTokens(options.tokensFile, run.model->getVocabulary());
  if (!prompt)
    return prompt.takeError();
  return goOn(run, *prompt);
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  llvm::Expected<std::optional<Options>> options = parseOptions(argc, argv);
  llvm::Error error =
      options ? *options ? generateText(**options) : llvm::Error::success() : options.takeError();
  if (!error)
    return 0;
  if (error.isA<AlreadyReported>()) {
    llvm::consumeError(std::move(error));
    return 1;
  }
  bool fault = error.isA<emit::InternalFault>();
  llvm::errs() << "tercet-generate: error: " << llvm::toString(std::move(error)) << "\n";
  return fault ? 2 : 1;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The command line of tercet-generate as data, checked as far as that is
// possible without the model.

#ifndef TERCET_COMPILER_TOOLS_GENERATE_OPTIONS_H
#define TERCET_COMPILER_TOOLS_GENERATE_OPTIONS_H

#include "compiler/generate/Sampler.h"

#include <optional>
#include <string>
#include <vector>

namespace tercet::generate {

struct Options {
  /// A model's file or folder, or a folder that tercet-compile wrote.
  std::string model;
  std::optional<std::string> prompt;
  std::string tokensFile, perplexityFile;
  bool chat = false;
  std::string system;
  /// Tokens to generate; 0 with `count` given is none.
  std::optional<uint32_t> count;
  std::string logitsFile;
  SamplerOptions sampler;
  std::string tokenizer, session, draft;
  uint32_t threads = 0;
  std::string cache, linker;
  /// Passed on to tercet-compile.
  std::vector<std::string> compileFlags;
  bool quiet = false;
};

/// Nothing if --help was asked for and printed.
llvm::Expected<std::optional<Options>> parseOptions(int argc, char **argv);

} // namespace tercet::generate

#endif // TERCET_COMPILER_TOOLS_GENERATE_OPTIONS_H

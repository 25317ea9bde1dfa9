// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A compiled language model in a process of its own: linked with the runtime and
// the runner, started (through an emulator where its machine is another), and
// asked over compiler/emit/runner/serve.h. Tokens and logits lie in memory that
// both processes map.

#ifndef TERCET_COMPILER_TOOLS_GENERATE_DECODERPROCESS_H
#define TERCET_COMPILER_TOOLS_GENERATE_DECODERPROCESS_H

#include "compiler/emit/runner/serve.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>

namespace tercet::generate {

class DecoderProcess {
public:
  /// `artifact` as emit::findArtifact takes it; `threads` 0: what the machine has.
  static llvm::Expected<std::unique_ptr<DecoderProcess>>
  start(llvm::StringRef artifact, uint32_t threads, const std::string &linker);
  ~DecoderProcess();

  uint32_t getCapacity() const { return hello.capacity; }
  uint32_t getVocabulary() const { return hello.vocabulary; }
  const serve_hello &getDescription() const { return hello; }
  /// The tokens so far.
  llvm::ArrayRef<int64_t> getHistory() const;
  /// What follows the last token; valid until the next request.
  llvm::ArrayRef<float> getLogits() const;
  /// Time of the last request, in the process itself.
  uint64_t getNanoseconds() const { return reply.nanoseconds; }

  /// Adds tokens. More than the context holds, or one outside of the vocabulary,
  /// is an error, and nothing has changed.
  llvm::Error append(llvm::ArrayRef<int64_t> tokens);
  /// The same, and calls `row` with the logits after each token, in order.
  llvm::Error score(llvm::ArrayRef<int64_t> tokens,
                    llvm::function_ref<llvm::Error(llvm::ArrayRef<float>)> row);
  llvm::Error trim(size_t position);
  llvm::Error save(llvm::StringRef path);
  llvm::Error load(llvm::StringRef path);

  /// Makes `tokens` the sequence: what it has in common with the present one is
  /// kept, but for the last token, so that there are logits. Gives the number of
  /// tokens that were run.
  llvm::Expected<size_t> extend(llvm::ArrayRef<int64_t> tokens);

private:
  DecoderProcess() = default;
  llvm::Error spawn(const std::vector<std::string> &command, int shared);
  llvm::Error request(serve_operation operation, size_t count);
  llvm::Error requestPath(serve_operation operation, llvm::StringRef path);
  /// An error that says how the process ended.
  llvm::Error explainEnd();
  template <typename T> T *at(uint64_t offset) const {
    return reinterpret_cast<T *>(memory + offset);
  }

  pid_t process = -1;
  int control = -1;
  char *memory = nullptr;
  serve_hello hello = {};
  serve_reply reply = {};
};

} // namespace tercet::generate

#endif // TERCET_COMPILER_TOOLS_GENERATE_DECODERPROCESS_H

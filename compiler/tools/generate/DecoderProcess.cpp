// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The process ends when its socket closes, so it never outlives this one. What
// it says about itself is checked once: offsets lie inside of the memory.

#include "compiler/tools/generate/DecoderProcess.h"

#include "compiler/emit/Artifact.h"
#include "compiler/emit/Emulator.h"
#include "compiler/emit/Faults.h"
#include "compiler/emit/Linker.h"
#include "compiler/tools/generate/Reported.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/Errno.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/Signals.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace tercet;
using namespace tercet::generate;
using emit::failure;

extern char **environ;

// ---- Starting ---------------------------------------------------------------

llvm::Error DecoderProcess::spawn(const std::vector<std::string> &command, int shared) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
    return failure("cannot make a socket: " + llvm::sys::StrError());
  control = ends[0];
  // Numbers above those of the standard streams that the child gets them as.
  constexpr int kShared = 3, kControl = 4;
  std::vector<std::string> words = command;
  std::vector<char *> arguments;
  for (std::string &word : words)
    arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  // By way of high numbers, so that neither overwrites the other.
  int high = fcntl(shared, F_DUPFD_CLOEXEC, 64), far = fcntl(ends[1], F_DUPFD_CLOEXEC, 64);
  posix_spawn_file_actions_adddup2(&actions, high, kShared);
  posix_spawn_file_actions_adddup2(&actions, far, kControl);
  int code = posix_spawn(&process, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(high);
  close(far);
  close(ends[1]);
  if (code) {
    process = -1;
    return failure("cannot start '" + command[0] + "': " + llvm::sys::StrError(code));
  }
  return llvm::Error::success();
}

/// Whole messages only.
static bool receiveAll(int socket, void *data, size_t bytes) {
  char *at = static_cast<char *>(data);
  while (bytes) {
    ssize_t got = recv(socket, at, bytes, 0);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return false;
    at += got;
    bytes -= size_t(got);
  }
  return true;
}

llvm::Error DecoderProcess::explainEnd() {
  int status = 0;
  pid_t ended = waitpid(process, &status, 0);
  process = -1;
  if (ended > 0 && WIFSIGNALED(status))
    return failure(llvm::Twine("the model's process was ended by the signal ") +
                   strsignal(WTERMSIG(status)));
  // It says why it could not start.
  if (ended > 0 && WEXITSTATUS(status) == 1 && !memory)
    return llvm::make_error<AlreadyReported>();
  return failure("the model's process ended with status " +
                 llvm::Twine(ended > 0 ? WEXITSTATUS(status) : -1));
}

/// Whether `count` elements of type T lie in the memory.
template <typename T> static bool fits(const serve_hello &hello, uint64_t offset, uint64_t count) {
  return offset <= hello.shared_bytes && count <= (hello.shared_bytes - offset) / sizeof(T);
}

llvm::Expected<std::unique_ptr<DecoderProcess>>
DecoderProcess::start(llvm::StringRef where, uint32_t threads, const std::string &linker) {
  llvm::Expected<emit::Artifact> artifact = emit::findArtifact(where);
  if (!artifact)
    return artifact.takeError();
  llvm::Expected<std::vector<std::string>> command = emit::findEmulator(artifact->triple);
  if (!command)
    return command.takeError();
  llvm::SmallString<128> program;
  if (std::error_code code = llvm::sys::fs::createTemporaryFile("tercet-generate", "", program))
    return failure("cannot make a temporary file: " + code.message());
  llvm::FileRemover remover(program);
  llvm::sys::RemoveFileOnSignal(program);
  if (llvm::Error error =
          emit::link({artifact->triple, emit::ArtifactKind::Executable, artifact->name,
                      artifact->object, program.str().str(), linker}))
    return error;
  command->insert(command->end(), {program.str().str(), "--serve", "3", "4"});
  if (!artifact->weights.empty())
    command->insert(command->end(), {"--weights", artifact->weights});
  if (threads)
    command->insert(command->end(), {"--threads", std::to_string(threads)});

  int shared = memfd_create("tercet-generate", MFD_CLOEXEC);
  if (shared < 0)
    return failure("cannot make shared memory: " + llvm::sys::StrError());
  std::unique_ptr<DecoderProcess> result(new DecoderProcess());
  if (llvm::Error error = result->spawn(*command, shared)) {
    close(shared);
    return error;
  }
  serve_hello &hello = result->hello;
  if (!receiveAll(result->control, &hello, sizeof hello)) {
    close(shared);
    return result->explainEnd();
  }
  bool sound = hello.magic == SERVE_MAGIC && hello.capacity && hello.vocabulary &&
               fits<int64_t>(hello, hello.tokens, hello.capacity) &&
               fits<int64_t>(hello, hello.history, hello.capacity) &&
               fits<float>(hello, hello.logits, hello.vocabulary) &&
               fits<float>(hello, hello.scores, uint64_t(SERVE_SCORE_ROWS) * hello.vocabulary);
  void *mapped =
      sound ? mmap(nullptr, hello.shared_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, shared, 0)
            : MAP_FAILED;
  close(shared);
  if (mapped == MAP_FAILED)
    return failure("the memory that is shared with the model's process cannot be used");
  result->memory = static_cast<char *>(mapped);
  return result;
}

DecoderProcess::~DecoderProcess() {
  if (control >= 0)
    close(control);
  if (process > 0)
    waitpid(process, nullptr, 0);
  if (memory)
    munmap(memory, hello.shared_bytes);
}

// ---- Asking -----------------------------------------------------------------

llvm::ArrayRef<int64_t> DecoderProcess::getHistory() const {
  return {at<int64_t>(hello.history), reply.position};
}

llvm::ArrayRef<float> DecoderProcess::getLogits() const {
  return {at<float>(hello.logits), hello.vocabulary};
}

llvm::Error DecoderProcess::request(serve_operation operation, size_t count) {
  serve_request request = {uint32_t(operation), uint32_t(count)};
  if (process < 0 || ::send(control, &request, sizeof request, MSG_NOSIGNAL) != sizeof request ||
      !receiveAll(control, &reply, sizeof reply)) {
    reply = {};
    return process < 0 ? failure("the model's process has ended") : explainEnd();
  }
  reply.text[sizeof reply.text - 1] = 0;
  reply.position = std::min(reply.position, hello.capacity);
  return reply.status ? failure(reply.text) : llvm::Error::success();
}

llvm::Error DecoderProcess::append(llvm::ArrayRef<int64_t> tokens) {
  if (tokens.size() > hello.capacity - reply.position)
    return failure(llvm::Twine(tokens.size()) + " tokens after " + llvm::Twine(reply.position) +
                   " are more than the context of " + llvm::Twine(hello.capacity) + " holds");
  std::copy(tokens.begin(), tokens.end(), at<int64_t>(hello.tokens));
  return request(SERVE_APPEND, tokens.size());
}

llvm::Error DecoderProcess::score(llvm::ArrayRef<int64_t> tokens,
                                  llvm::function_ref<llvm::Error(llvm::ArrayRef<float>)> row) {
  uint64_t nanoseconds = 0;
  while (!tokens.empty()) {
    // A whole number of the longest entry point's tokens at a time.
    size_t most = SERVE_SCORE_ROWS;
    if (hello.verify && hello.verify <= SERVE_SCORE_ROWS)
      most -= SERVE_SCORE_ROWS % hello.verify;
    llvm::ArrayRef<int64_t> part = tokens.take_front(std::min<size_t>(most, hello.capacity));
    std::copy(part.begin(), part.end(), at<int64_t>(hello.tokens));
    if (llvm::Error error = request(SERVE_SCORE, part.size()))
      return error;
    nanoseconds += reply.nanoseconds;
    for (size_t i = 0; i < part.size(); ++i)
      if (llvm::Error error =
              row({at<float>(hello.scores) + i * hello.vocabulary, size_t(hello.vocabulary)}))
        return error;
    tokens = tokens.drop_front(part.size());
  }
  reply.nanoseconds = nanoseconds;
  return llvm::Error::success();
}

llvm::Error DecoderProcess::trim(size_t position) { return request(SERVE_TRIM, position); }

llvm::Expected<size_t> DecoderProcess::extend(llvm::ArrayRef<int64_t> tokens) {
  llvm::ArrayRef<int64_t> history = getHistory();
  size_t common = 0;
  while (common + 1 < tokens.size() && common < history.size() && tokens[common] == history[common])
    ++common;
  if (llvm::Error error = trim(common))
    return error;
  if (llvm::Error error = append(tokens.drop_front(common)))
    return error;
  return tokens.size() - common;
}

llvm::Error DecoderProcess::requestPath(serve_operation operation, llvm::StringRef path) {
  if (path.size() + 1 > uint64_t(hello.capacity) * sizeof(int64_t))
    return failure("the path '" + path + "' is too long for this model's process");
  char *text = at<char>(hello.tokens);
  std::copy(path.begin(), path.end(), text);
  text[path.size()] = 0;
  if (llvm::Error error = request(operation, 0))
    return failure(path + ": " + llvm::toString(std::move(error)));
  return llvm::Error::success();
}

llvm::Error DecoderProcess::save(llvm::StringRef path) { return requestPath(SERVE_SAVE, path); }
llvm::Error DecoderProcess::load(llvm::StringRef path) { return requestPath(SERVE_LOAD, path); }

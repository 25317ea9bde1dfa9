// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Chat templates: the small programs, in a part of the Jinja language, that
// models carry to turn messages into text. Understood are output, for, if, set,
// comments and white-space control (as `transformers` sets it), and the
// expressions, filters, tests and methods that templates of models use for plain
// messages. What is not understood is an error with its line, when the template
// is read or, for names, when it is reached; nothing is skipped.
//
// Text keeps track of which bytes came from messages, so that a tokenizer can
// tell the template's control tokens from what somebody typed.

#ifndef TERCET_COMPILER_GENERATE_CHATTEMPLATE_H
#define TERCET_COMPILER_GENERATE_CHATTEMPLATE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>
#include <vector>

namespace tercet::generate {

struct ChatMessage {
  /// "system", "user" or "assistant".
  std::string role, content;
};

/// Bytes, and for each whether it came from a message.
struct MarkedText {
  std::string bytes;
  std::vector<bool> marks;

  MarkedText() = default;
  MarkedText(llvm::StringRef bytes, bool mark) : bytes(bytes), marks(bytes.size(), mark) {}
  void append(const MarkedText &other);
  MarkedText slice(size_t begin, size_t end) const;
  /// Calls with each maximal run of bytes of one kind.
  llvm::Error forEachRun(llvm::function_ref<llvm::Error(llvm::StringRef, bool)> callback) const;
};

struct ChatContext {
  llvm::ArrayRef<ChatMessage> messages;
  bool addGenerationPrompt = true;
  std::string beginText, endText;
};

struct TemplateNode;

class ChatTemplate {
public:
  static llvm::Expected<ChatTemplate> parse(llvm::StringRef text);
  llvm::Expected<MarkedText> render(const ChatContext &context) const;

private:
  explicit ChatTemplate(std::shared_ptr<const TemplateNode> root) : root(std::move(root)) {}
  std::shared_ptr<const TemplateNode> root;
};

} // namespace tercet::generate

#endif // TERCET_COMPILER_GENERATE_CHATTEMPLATE_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A chat on standard input and output: each line is a message, the model's
// answer follows. Messages are put into the form that the model was trained on
// by its chat template; what was said before stays in the session, so that only
// what is new is run. What a message spells is text, never a control token.

#ifndef TERCET_COMPILER_TOOLS_GENERATE_CONVERSATION_H
#define TERCET_COMPILER_TOOLS_GENERATE_CONVERSATION_H

#include "compiler/generate/ChatTemplate.h"
#include "compiler/tokenizer/Tokenizer.h"
#include "compiler/tools/generate/Generation.h"

namespace tercet::generate {

struct ConversationOptions {
  /// Most tokens of an answer.
  size_t count = 0;
  /// As --session; empty for none.
  std::string session;
};

class Conversation {
public:
  /// An error if the tokenizer has no chat template, or one that is not
  /// understood.
  static llvm::Expected<Conversation> create(const tokenizer::Tokenizer &tokenizer,
                                             const std::string &system);

  /// Until the input ends.
  llvm::Error run(DecoderProcess &model, Generation &generation,
                  const ConversationOptions &options);

private:
  Conversation(const tokenizer::Tokenizer &tokenizer, ChatTemplate chat)
      : tokenizer(tokenizer), chat(std::move(chat)) {}
  llvm::Expected<std::vector<int64_t>> encode(const MarkedText &text, bool continued) const;
  llvm::Expected<std::string> answer(Generation &generation, const ConversationOptions &options);

  const tokenizer::Tokenizer &tokenizer;
  ChatTemplate chat;
  std::vector<ChatMessage> messages;
  /// What was said so far: as the template gave it, and its tokens.
  MarkedText said;
  std::vector<int64_t> tokens;
};

} // namespace tercet::generate

#endif // TERCET_COMPILER_TOOLS_GENERATE_CONVERSATION_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// After an answer the template is applied to the whole conversation. Where that
// begins with what was said, only the rest is encoded, so the tokens that the
// model chose stay as they are; otherwise (a template may change what was said)
// everything is encoded anew, and the session keeps what is the same.

#include "compiler/tools/generate/Conversation.h"

#include "compiler/emit/Faults.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

#include <iostream>
#include <unistd.h>

using namespace tercet;
using namespace tercet::generate;
using emit::failure;

llvm::Expected<Conversation> Conversation::create(const tokenizer::Tokenizer &tokenizer,
                                                  const std::string &system) {
  const std::string &text = tokenizer.getVocabulary().chatTemplate;
  if (text.empty())
    return failure("the model has no chat template; --chat needs one");
  llvm::Expected<ChatTemplate> chat = ChatTemplate::parse(text);
  if (!chat)
    return chat.takeError();
  Conversation result(tokenizer, std::move(*chat));
  if (!system.empty())
    result.messages.push_back({"system", system});
  return result;
}

llvm::Expected<std::vector<int64_t>> Conversation::encode(const MarkedText &text,
                                                          bool continued) const {
  std::vector<int64_t> result;
  // The template writes the begin of text itself, if the model wants one.
  bool first = !continued;
  llvm::Error error = text.forEachRun([&](llvm::StringRef bytes, bool message) -> llvm::Error {
    llvm::Expected<std::vector<int32_t>> ids = tokenizer.encode(
        bytes, message ? tokenizer::ControlText::Plain : tokenizer::ControlText::Token,
        /*continued=*/true);
    if (!ids)
      return ids.takeError();
    const std::vector<int32_t> &prefix = tokenizer.getVocabulary().prefix;
    if (first &&
        llvm::ArrayRef<int32_t>(*ids).take_front(prefix.size()) != llvm::ArrayRef<int32_t>(prefix))
      result.insert(result.end(), prefix.begin(), prefix.end());
    first = false;
    result.insert(result.end(), ids->begin(), ids->end());
    return llvm::Error::success();
  });
  if (error)
    return error;
  return result;
}

/// Gives the answer's text, and has it in `tokens`.
llvm::Expected<std::string> Conversation::answer(Generation &generation,
                                                 const ConversationOptions &options) {
  tokenizer::TextStream stream(tokenizer);
  std::string text;
  GenerationOptions how;
  how.count = options.count;
  how.isEnd = [&](int64_t token) { return tokenizer.isEnd(int32_t(token)); };
  std::vector<int64_t> chosen;
  auto show = [&](const std::string &part) {
    text += part;
    llvm::outs() << part;
    llvm::outs().flush();
  };
  how.onToken = [&](int64_t token) {
    chosen.push_back(token);
    show(stream.push(int32_t(token)));
    return llvm::Error::success();
  };
  if (llvm::Error error = generation.run(tokens, how))
    return error;
  show(stream.finish());
  llvm::outs() << "\n";
  llvm::outs().flush();
  tokens.insert(tokens.end(), chosen.begin(), chosen.end());
  return text;
}

/// Whether the text begins with that, marks and all being equal or not.
static bool beginsWith(const MarkedText &text, const MarkedText &beginning) {
  return llvm::StringRef(text.bytes).starts_with(beginning.bytes);
}

llvm::Error Conversation::run(DecoderProcess &model, Generation &generation,
                              const ConversationOptions &options) {
  if (!options.session.empty() && llvm::sys::fs::exists(options.session))
    if (llvm::Error error = model.load(options.session))
      return error;
  bool interactive = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
  std::string line;
  while (true) {
    if (interactive) {
      llvm::outs() << "> ";
      llvm::outs().flush();
    }
    if (!std::getline(std::cin, line))
      break;
    if (line.empty())
      continue;
    if (llvm::Error error = tokenizer::checkUtf8(line))
      return failure("standard input: " + llvm::toString(std::move(error)));
    messages.push_back({"user", line});
    const tokenizer::Vocabulary &vocabulary = tokenizer.getVocabulary();
    llvm::Expected<MarkedText> text =
        chat.render({messages, true, vocabulary.beginText, vocabulary.endText});
    if (!text)
      return text.takeError();
    bool goesOn = !tokens.empty() && beginsWith(*text, said);
    llvm::Expected<std::vector<int64_t>> added =
        encode(goesOn ? text->slice(said.bytes.size(), text->bytes.size()) : *text, goesOn);
    if (!added)
      return added.takeError();
    if (!goesOn)
      tokens.clear();
    tokens.insert(tokens.end(), added->begin(), added->end());
    llvm::Expected<std::string> reply = answer(generation, options);
    if (!reply)
      return reply.takeError();
    said = std::move(*text);
    said.append(MarkedText(*reply, true));
    messages.push_back({"assistant", *reply});
  }
  if (!options.session.empty() && !tokens.empty())
    return model.save(options.session);
  return llvm::Error::success();
}

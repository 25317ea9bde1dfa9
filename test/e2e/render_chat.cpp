// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Renders chat templates for chat_template_test.py. Usage: tercet-render-chat
// TEMPLATE BEGIN END PROMPT < MESSAGES. PROMPT is 0 or 1; a message is a line
// with its role and its number of bytes, then the bytes. Prints the text, then a
// line of 0 and 1: whether each byte came from a message.

#include "compiler/generate/ChatTemplate.h"

#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <iostream>

using namespace tercet::generate;

int main(int argc, char **argv) {
  if (argc != 5) {
    llvm::errs() << "usage: tercet-render-chat TEMPLATE BEGIN END PROMPT < MESSAGES\n";
    return 1;
  }
  auto buffer = llvm::MemoryBuffer::getFile(argv[1]);
  if (!buffer) {
    llvm::errs() << "error: " << buffer.getError().message() << "\n";
    return 1;
  }
  std::vector<ChatMessage> messages;
  std::string role;
  size_t bytes;
  while (std::cin >> role >> bytes) {
    std::cin.get();
    std::string content(bytes, '\0');
    std::cin.read(content.data(), std::streamsize(bytes));
    messages.push_back({role, content});
  }
  auto fail = [](llvm::Error error) {
    llvm::errs() << "error: " << llvm::toString(std::move(error)) << "\n";
    return 1;
  };
  llvm::Expected<ChatTemplate> chat = ChatTemplate::parse((*buffer)->getBuffer());
  if (!chat)
    return fail(chat.takeError());
  llvm::Expected<MarkedText> text =
      chat->render({messages, llvm::StringRef(argv[4]) == "1", argv[2], argv[3]});
  if (!text)
    return fail(text.takeError());
  llvm::outs() << text->bytes << "\n";
  for (bool mark : text->marks)
    llvm::outs() << (mark ? '1' : '0');
  llvm::outs() << "\n";
  return 0;
}

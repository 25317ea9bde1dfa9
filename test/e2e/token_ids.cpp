// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Encodes and decodes texts for tokenizer_test.py. Usage: tercet-token-ids
// VOCABULARY < TEXTS. A text is a line with its number of bytes and "token" or
// "plain" (what the spelling of a control token means), then the bytes. For each,
// a line of ids and a line with the bytes in hexadecimal that a stream of these
// tokens gives; or a line "error: ..." and an empty one.

#include "compiler/tokenizer/TokenizerFile.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <iostream>

using namespace tercet::tokenizer;

int main(int argc, char **argv) {
  if (argc != 2) {
    llvm::errs() << "usage: tercet-token-ids VOCABULARY < TEXTS\n";
    return 1;
  }
  auto tokenizer = openTokenizer(argv[1]);
  if (!tokenizer) {
    llvm::errs() << "error: " << llvm::toString(tokenizer.takeError()) << "\n";
    return 1;
  }
  size_t bytes;
  std::string mode;
  while (std::cin >> bytes >> mode) {
    std::cin.get();
    std::string text(bytes, '\0');
    std::cin.read(text.data(), std::streamsize(bytes));
    auto ids =
        (*tokenizer)->encode(text, mode == "token" ? ControlText::Token : ControlText::Plain);
    if (!ids) {
      llvm::outs() << "error: " << llvm::toString(ids.takeError()) << "\n\n";
      continue;
    }
    TextStream stream(**tokenizer, /*fresh=*/true);
    std::string decoded;
    for (int32_t id : *ids) {
      llvm::outs() << id << " ";
      std::string part = stream.push(id);
      // However the tokens cut it, what is printed is text.
      if (llvm::Error error = checkUtf8(part)) {
        llvm::errs() << "error: after token " << id << ": " << llvm::toString(std::move(error))
                     << "\n";
        return 1;
      }
      decoded += part;
    }
    decoded += stream.finish();
    llvm::outs() << "\n" << llvm::toHex(decoded, /*LowerCase=*/true) << "\n";
  }
  return 0;
}

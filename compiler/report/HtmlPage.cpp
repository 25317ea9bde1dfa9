// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Puts the report into the frame of page/page.html. All names of the model come
// in as data: the script makes text nodes of them, never markup.

#include "compiler/report/HtmlPage.h"

#include "compiler/report/PageParts.h"

using namespace tercet::report;

std::string tercet::report::escapeForScript(llvm::StringRef json) {
  std::string text;
  bool isInString = false;
  for (size_t i = 0; i < json.size(); ++i) {
    char c = json[i];
    if (c == '<' || c == '>' || c == '&') {
      // Only strings can hold these.
      text += c == '<' ? "\\u003c" : c == '>' ? "\\u003e" : "\\u0026";
      continue;
    }
    // U+2028 and U+2029 end a line in older JavaScript.
    if (json.substr(i).starts_with("\xE2\x80\xA8") || json.substr(i).starts_with("\xE2\x80\xA9")) {
      text += json[i + 2] == '\xA8' ? "\\u2028" : "\\u2029";
      i += 2;
      continue;
    }
    if (!isInString && (c == ' ' || c == '\n' || c == '\r' || c == '\t'))
      continue;
    text += c;
    if (isInString && c == '\\' && i + 1 < json.size())
      text += json[++i];
    else if (c == '"')
      isInString = !isInString;
  }
  return text;
}

std::string tercet::report::escapeForHtml(llvm::StringRef text) {
  std::string escaped;
  for (char c : text) {
    switch (c) {
    case '<':
      escaped += "&lt;";
      break;
    case '>':
      escaped += "&gt;";
      break;
    case '&':
      escaped += "&amp;";
      break;
    case '"':
      escaped += "&quot;";
      break;
    case '\'':
      escaped += "&#39;";
      break;
    default:
      escaped += c;
    }
  }
  return escaped;
}

void tercet::report::writeHtmlPage(llvm::StringRef title, llvm::StringRef report,
                                   llvm::StringRef profile, llvm::raw_ostream &os) {
  llvm::StringRef rest = getPageFrame();
  auto fill = [&](llvm::StringRef place, llvm::StringRef text) {
    auto [before, after] = rest.split(place);
    os << before << text;
    rest = after;
  };
  fill("{{title}}", escapeForHtml(title));
  fill("{{style}}", getPageStyle());
  fill("{{report}}", escapeForScript(report));
  fill("{{profile}}", profile.empty() ? std::string("null") : escapeForScript(profile));
  fill("{{script}}", getPageScript());
  os << rest;
}

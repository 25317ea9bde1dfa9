// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Evaluates a template's tree. Scopes are as in Jinja: a loop's body sees what is
// outside and keeps what it sets to itself, but for a namespace's attributes. The
// number of steps and the size of values are bounded, so that no template can run
// for ever or take all memory.

#include "compiler/generate/ChatTemplate.h"
#include "compiler/generate/TemplateFunctions.h"
#include "compiler/generate/TemplateLexer.h"
#include "compiler/generate/TemplateParser.h"

#include "llvm/ADT/Twine.h"

using namespace tercet::generate;
using Node = TemplateNode;

void MarkedText::append(const MarkedText &other) {
  bytes += other.bytes;
  marks.insert(marks.end(), other.marks.begin(), other.marks.end());
}

MarkedText MarkedText::slice(size_t begin, size_t end) const {
  MarkedText result;
  result.bytes = bytes.substr(begin, end - begin);
  result.marks.assign(marks.begin() + long(begin), marks.begin() + long(end));
  return result;
}

llvm::Error
MarkedText::forEachRun(llvm::function_ref<llvm::Error(llvm::StringRef, bool)> callback) const {
  for (size_t begin = 0, end; begin < bytes.size(); begin = end) {
    for (end = begin + 1; end < bytes.size() && marks[end] == marks[begin];)
      ++end;
    if (llvm::Error error = callback(llvm::StringRef(bytes).slice(begin, end), marks[begin]))
      return error;
  }
  return llvm::Error::success();
}

namespace {
constexpr size_t kMostSteps = 1000000;

class Evaluator {
public:
  llvm::Expected<MarkedText> run(const Node &root, std::map<std::string, Value> globals) {
    scopes.push_back(std::move(globals));
    execute(root);
    if (error)
      return templateError(errorLine, *error);
    return std::move(output);
  }

private:
  void fail(const Node &node, const llvm::Twine &text) {
    if (error)
      return;
    error = text.str();
    errorLine = node.line;
  }

  Value lookup(const std::string &name) const {
    for (size_t i = scopes.size(); i--;)
      if (auto found = scopes[i].find(name); found != scopes[i].end())
        return found->second;
    return Undefined{name};
  }

  void print(const Node &node, const Value &value) {
    llvm::Expected<MarkedText> text = toText(value);
    if (!text)
      return fail(node, llvm::toString(text.takeError()));
    if (output.bytes.size() + text->bytes.size() > kLongestText)
      return fail(node, "the output is longer than 16 MiB");
    output.append(*text);
  }

  void execute(const Node &node) {
    if (error)
      return;
    if (++steps > kMostSteps)
      return fail(node, "more than a million steps");
    switch (node.kind) {
    case Node::Sequence:
      for (const auto &child : node.children)
        execute(*child);
      return;
    case Node::Text:
      return print(node, MarkedText(node.text, false));
    case Node::Output:
      return print(node, evaluate(node.children[0]));
    case Node::If:
      if (evaluate(node.children[0]).isTrue())
        execute(*node.children[1]);
      else if (node.children.size() > 2)
        execute(*node.children[2]);
      return;
    case Node::For:
      return loop(node);
    case Node::Set:
      return assign(node);
    default:
      return;
    }
  }

  void assign(const Node &node) {
    Value value = evaluate(node.children[0]);
    if (node.attribute.empty()) {
      scopes.back()[node.text] = std::move(value);
      return;
    }
    Value object = lookup(node.text);
    if (const ValueMap *map = object.get<ValueMap>())
      (**map)[node.attribute] = std::move(value);
    else
      fail(node, "'" + node.text + "' is no namespace, whose attributes can be set");
  }

  void loop(const Node &node) {
    Value list = evaluate(node.children[0]);
    std::vector<Value> items;
    if (const ValueList *values = list.get<ValueList>())
      items = **values;
    else
      return fail(node, "expected a list to loop over, got " + list.describe());
    if (node.children[2]) {
      std::vector<Value> kept;
      for (Value &item : items) {
        scopes.push_back({{node.text, item}});
        if (evaluate(node.children[2]).isTrue())
          kept.push_back(item);
        scopes.pop_back();
      }
      items = std::move(kept);
    }
    int64_t count = int64_t(items.size());
    for (int64_t i = 0; i < count && !error; ++i) {
      auto state = std::make_shared<std::map<std::string, Value>>();
      *state = {{"index", i + 1},
                {"index0", i},
                {"first", i == 0},
                {"last", i + 1 == count},
                {"length", count},
                {"revindex", count - i},
                {"revindex0", count - i - 1}};
      if (i > 0)
        (*state)["previtem"] = items[i - 1];
      if (i + 1 < count)
        (*state)["nextitem"] = items[i + 1];
      scopes.push_back({{node.text, items[i]}, {"loop", ValueMap(state)}});
      execute(*node.children[1]);
      scopes.pop_back();
    }
    if (count == 0 && node.children[3])
      execute(*node.children[3]);
  }

  // ---- Expressions ----------------------------------------------------------

  Value evaluate(const std::shared_ptr<const Node> &pointer) {
    if (error || !pointer)
      return None{};
    const Node &node = *pointer;
    if (++steps > kMostSteps) {
      fail(node, "more than a million steps");
      return None{};
    }
    llvm::Expected<Value> value = compute(node);
    if (value)
      return std::move(*value);
    fail(node, llvm::toString(value.takeError()));
    return None{};
  }

  llvm::Expected<Value> compute(const Node &node) {
    switch (node.kind) {
    case Node::Literal:
      return MarkedText(node.text, false);
    case Node::Number:
      return node.number;
    case Node::Name:
      if (node.text == "true" || node.text == "True")
        return true;
      if (node.text == "false" || node.text == "False")
        return false;
      if (node.text == "none" || node.text == "None")
        return None{};
      return lookup(node.text);
    case Node::List: {
      auto list = std::make_shared<std::vector<Value>>();
      for (const auto &child : node.children)
        list->push_back(evaluate(child));
      return ValueList(list);
    }
    case Node::Attribute:
      return getAttribute(evaluate(node.children[0]), node.text);
    case Node::Item:
      return getItem(evaluate(node.children[0]), evaluate(node.children[1]));
    case Node::Slice:
      return getSlice(evaluate(node.children[0]), getOptional(node.children[1]),
                      getOptional(node.children[2]), getOptional(node.children[3]));
    case Node::Call:
      return call(node);
    case Node::Filter: {
      CallArguments arguments = getArguments(node);
      Value value = evaluate(node.children[0]);
      if (error)
        return None{};
      return applyFilter(node.text, value, arguments);
    }
    case Node::Test: {
      CallArguments arguments = getArguments(node);
      return applyTest(node.text, evaluate(node.children[0]), arguments);
    }
    case Node::Unary:
      return applyUnary(node.text, evaluate(node.children[0]));
    case Node::Binary: {
      Value left = evaluate(node.children[0]);
      if (node.text == "and" || node.text == "or")
        return left.isTrue() == (node.text == "or") ? left : evaluate(node.children[1]);
      Value right = evaluate(node.children[1]);
      if (error)
        return None{};
      return applyBinary(node.text, left, right);
    }
    case Node::Choice:
      if (evaluate(node.children[0]).isTrue())
        return evaluate(node.children[1]);
      return node.children[2] ? evaluate(node.children[2]) : Value(Undefined{"the other choice"});
    default:
      return None{};
    }
  }

  std::optional<Value> getOptional(const std::shared_ptr<const Node> &node) {
    if (!node)
      return std::nullopt;
    return evaluate(node);
  }

  CallArguments getArguments(const Node &node) {
    CallArguments arguments;
    size_t plain = node.children.size() - node.names.size();
    for (size_t i = 1; i < node.children.size(); ++i) {
      Value value = evaluate(node.children[i]);
      if (i < plain)
        arguments.plain.push_back(std::move(value));
      else
        arguments.named[node.names[i - plain]] = std::move(value);
    }
    return arguments;
  }

  llvm::Expected<Value> call(const Node &node) {
    CallArguments arguments = getArguments(node);
    const Node &callee = *node.children[0];
    if (callee.kind == Node::Attribute) {
      Value object = evaluate(callee.children[0]);
      if (error)
        return None{};
      return callMethod(object, callee.text, arguments);
    }
    if (error)
      return None{};
    return callFunction(callee.kind == Node::Name ? callee.text : "", arguments);
  }

  std::vector<std::map<std::string, Value>> scopes;
  MarkedText output;
  size_t steps = 0;
  std::optional<std::string> error;
  unsigned errorLine = 0;
};
} // namespace

llvm::Expected<ChatTemplate> ChatTemplate::parse(llvm::StringRef text) {
  llvm::Expected<std::shared_ptr<const Node>> root = parseTemplate(text);
  if (!root)
    return root.takeError();
  return ChatTemplate(std::move(*root));
}

llvm::Expected<MarkedText> ChatTemplate::render(const ChatContext &context) const {
  auto messages = std::make_shared<std::vector<Value>>();
  for (const ChatMessage &message : context.messages) {
    auto map = std::make_shared<std::map<std::string, Value>>();
    (*map)["role"] = MarkedText(message.role, false);
    (*map)["content"] = MarkedText(message.content, true);
    messages->push_back(ValueMap(map));
  }
  return Evaluator().run(*root, {{"messages", ValueList(messages)},
                                 {"add_generation_prompt", context.addGenerationPrompt},
                                 {"bos_token", MarkedText(context.beginText, false)},
                                 {"eos_token", MarkedText(context.endText, false)},
                                 {"tools", None{}},
                                 {"documents", None{}}});
}

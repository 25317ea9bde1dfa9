// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Recursive descent. Operators bind as in Jinja: choice, or, and, not,
// comparison, sum, concatenation (~), product, sign, then filters, tests and what
// follows a name. The first error stops everything; nesting is bounded, so that
// no template can exhaust the stack.

#include "compiler/generate/TemplateParser.h"
#include "compiler/generate/TemplateLexer.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"

using namespace tercet::generate;
using Word = TemplateWord;
using Node = TemplateNode;
using NodePtr = std::shared_ptr<const Node>;

namespace {
constexpr unsigned kDeepest = 400;

class Parser {
public:
  explicit Parser(std::vector<Word> words) : words(std::move(words)) {}

  llvm::Expected<NodePtr> parse() {
    NodePtr root = parseSequence({});
    if (!error && word().kind != Word::End)
      fail("the tag '" + peekTag().str() + "' has no beginning");
    if (error)
      return templateError(errorLine, *error);
    return root;
  }

private:
  const Word &word() const { return words[at]; }
  const Word &take() { return words[at + 1 < words.size() ? at++ : at]; }
  bool is(llvm::StringRef text) const {
    return (word().kind == Word::Operator || word().kind == Word::Name) && word().text == text;
  }
  bool consume(llvm::StringRef text) {
    if (error || !is(text))
      return false;
    take();
    return true;
  }
  void fail(const llvm::Twine &text) {
    if (error)
      return;
    error = text.str();
    errorLine = word().line;
  }
  void expect(llvm::StringRef text) {
    if (!consume(text))
      fail("expected '" + text + "', got " + describe());
  }
  void expect(Word::Kind kind) {
    if (error || word().kind != kind)
      return fail("expected the end of the tag, got " + describe());
    take();
  }
  std::string describe() const {
    return word().kind == Word::End ? "the end" : "'" + word().text + "'";
  }
  std::string expectName() {
    if (error || word().kind != Word::Name) {
      fail("expected a name, got " + describe());
      return "";
    }
    return take().text;
  }

  std::shared_ptr<Node> make(Node::Kind kind, std::vector<NodePtr> children = {},
                             llvm::StringRef text = "") {
    auto node = std::make_shared<Node>();
    node->kind = kind;
    node->line = word().line;
    node->text = text.str();
    node->children = std::move(children);
    measure(*node);
    return node;
  }

  /// Chains are loops here and recursion for whoever walks the tree.
  void measure(Node &node) {
    for (const NodePtr &child : node.children)
      if (child)
        node.depth = std::max(node.depth, child->depth + 1);
    if (node.depth > kDeepest)
      fail("expressions are nested too deeply");
  }

  // ---- Statements -----------------------------------------------------------

  /// Name of the block tag that comes next, or "".
  llvm::StringRef peekTag() const {
    return word().kind == Word::BlockBegin ? llvm::StringRef(words[at + 1].text) : "";
  }

  /// Up to a block tag with one of the names, which is not taken.
  NodePtr parseSequence(llvm::ArrayRef<llvm::StringRef> ends) {
    std::shared_ptr<Node> node = make(Node::Sequence);
    if (++depth > kDeepest)
      fail("tags are nested too deeply");
    while (!error && word().kind != Word::End) {
      if (word().kind == Word::Text) {
        node->children.push_back(make(Node::Text, {}, word().text));
        take();
      } else if (word().kind == Word::OutputBegin) {
        take();
        node->children.push_back(make(Node::Output, {parseExpression()}));
        expect(Word::OutputEnd);
      } else if (llvm::is_contained(ends, peekTag())) {
        break;
      } else if (NodePtr statement = parseStatement()) {
        node->children.push_back(statement);
      }
    }
    measure(*node);
    --depth;
    return node;
  }

  /// The tag {% NAME %} that ends a block.
  void endBlock(llvm::StringRef name) {
    if (peekTag() != name)
      return fail("expected {% " + name + " %}, got " + describe());
    take(), take();
    expect(Word::BlockEnd);
  }

  NodePtr parseStatement() {
    llvm::StringRef tag = peekTag();
    if (tag != "if" && tag != "for" && tag != "set") {
      fail(llvm::StringRef(tag).starts_with("e")
               ? "the tag '" + tag.str() + "' has no beginning"
               : "the statement '" + tag.str() + "' is not supported; expected if, for or set");
      return nullptr;
    }
    take(), take();
    return tag == "if" ? parseIf() : tag == "for" ? parseFor() : parseSet();
  }

  /// After "if" or "elif".
  NodePtr parseIf() {
    std::shared_ptr<Node> node = make(Node::If, {parseExpression()});
    expect(Word::BlockEnd);
    node->children.push_back(parseSequence({"elif", "else", "endif"}));
    if (peekTag() == "elif") {
      take(), take();
      if (++depth > kDeepest)
        fail("tags are nested too deeply");
      if (!error)
        node->children.push_back(parseIf());
      --depth;
      measure(*node);
      return node;
    }
    if (peekTag() == "else") {
      endBlock("else");
      node->children.push_back(parseSequence({"endif"}));
    }
    endBlock("endif");
    measure(*node);
    return node;
  }

  NodePtr parseFor() {
    std::string variable = expectName();
    if (is(","))
      fail("a loop over pairs is not supported; expected one variable");
    expect("in");
    std::shared_ptr<Node> node = make(Node::For, {parseOr()}, variable);
    NodePtr condition = consume("if") ? parseExpression() : nullptr;
    if (is("recursive"))
      fail("a recursive loop is not supported");
    expect(Word::BlockEnd);
    node->children.push_back(parseSequence({"else", "endfor"}));
    node->children.push_back(condition);
    NodePtr otherwise;
    if (peekTag() == "else") {
      endBlock("else");
      otherwise = parseSequence({"endfor"});
    }
    node->children.push_back(otherwise);
    measure(*node);
    endBlock("endfor");
    return node;
  }

  NodePtr parseSet() {
    std::string name = expectName(), attribute;
    if (consume("."))
      attribute = expectName();
    if (is(",") || word().kind == Word::BlockEnd)
      fail("expected {% set NAME = VALUE %}");
    expect("=");
    std::shared_ptr<Node> node = make(Node::Set, {parseExpression()}, name);
    node->attribute = attribute;
    expect(Word::BlockEnd);
    return node;
  }

  // ---- Expressions ----------------------------------------------------------

  NodePtr parseExpression() {
    if (++depth > kDeepest)
      fail("expressions are nested too deeply");
    NodePtr value = error ? nullptr : parseOr();
    while (consume("if")) {
      NodePtr condition = parseOr();
      NodePtr otherwise = consume("else") ? parseExpression() : nullptr;
      value = make(Node::Choice, {condition, value, otherwise});
    }
    --depth;
    return value;
  }

  /// Operators of one level, all of which bind to the left.
  template <typename Next> NodePtr parseLeft(llvm::ArrayRef<llvm::StringRef> operators, Next next) {
    NodePtr value = next();
    while (!error) {
      const auto *found = llvm::find_if(operators, [&](llvm::StringRef o) { return is(o); });
      if (found == operators.end())
        break;
      take();
      value = make(Node::Binary, {value, next()}, *found);
    }
    return value;
  }
  NodePtr parseOr() {
    return parseLeft({"or"}, [&] { return parseAnd(); });
  }
  NodePtr parseAnd() {
    return parseLeft({"and"}, [&] { return parseNot(); });
  }
  NodePtr parseNot() {
    if (!consume("not"))
      return parseComparison();
    if (++depth > kDeepest)
      fail("expressions are nested too deeply");
    NodePtr value = make(Node::Unary, {parseNot()}, "not");
    --depth;
    return value;
  }
  NodePtr parseComparison() {
    NodePtr value = parseSum();
    for (llvm::StringRef symbol : {"==", "!=", "<=", ">=", "<", ">", "in"})
      if (consume(symbol))
        return make(Node::Binary, {value, parseSum()}, symbol);
    if (is("not") && words[at + 1].text == "in") {
      take(), take();
      return make(Node::Unary, {make(Node::Binary, {value, parseSum()}, "in")}, "not");
    }
    return value;
  }
  NodePtr parseSum() {
    return parseLeft({"+", "-"}, [&] { return parseConcatenation(); });
  }
  NodePtr parseConcatenation() {
    return parseLeft({"~"}, [&] { return parseProduct(); });
  }
  NodePtr parseProduct() {
    return parseLeft({"*", "//", "%"}, [&] { return parseSign(); });
  }
  NodePtr parseSign() {
    if (consume("-")) {
      if (++depth > kDeepest)
        fail("expressions are nested too deeply");
      NodePtr value = make(Node::Unary, {parseSign()}, "-");
      --depth;
      return value;
    }
    NodePtr value = parsePostfix(parsePrimary());
    while (!error) {
      if (consume("|")) {
        std::string name = expectName();
        std::shared_ptr<Node> filter = make(Node::Filter, {value}, name);
        if (consume("("))
          parseArguments(*filter);
        value = parsePostfix(filter);
      } else if (consume("is")) {
        bool negated = consume("not");
        std::shared_ptr<Node> test = make(Node::Test, {value}, expectName());
        if (consume("("))
          parseArguments(*test);
        value = test;
        if (negated)
          value = make(Node::Unary, {value}, "not");
      } else {
        break;
      }
    }
    return value;
  }

  NodePtr parsePrimary() {
    if (error)
      return nullptr;
    switch (word().kind) {
    case Word::Name:
      return makeTaken(Node::Name);
    case Word::String: {
      std::shared_ptr<Node> node = makeTaken(Node::Literal);
      while (word().kind == Word::String) // neighbours are one
        node->text += take().text;
      return node;
    }
    case Word::Integer: {
      std::shared_ptr<Node> node = make(Node::Number);
      if (llvm::StringRef(word().text).getAsInteger(10, node->number))
        fail("the number " + word().text + " is too large");
      take();
      return node;
    }
    default:
      break;
    }
    if (consume("(")) {
      NodePtr value = parseExpression();
      if (is(","))
        fail("tuples are not supported");
      expect(")");
      return value;
    }
    if (consume("[")) {
      std::shared_ptr<Node> node = make(Node::List);
      while (!error && !consume("]")) {
        node->children.push_back(parseExpression());
        if (!is("]"))
          expect(",");
      }
      measure(*node);
      return node;
    }
    fail("expected a value, got " + describe());
    return nullptr;
  }

  std::shared_ptr<Node> makeTaken(Node::Kind kind) {
    std::shared_ptr<Node> node = make(kind, {}, word().text);
    take();
    return node;
  }

  NodePtr parsePostfix(NodePtr value) {
    while (!error) {
      if (consume(".")) {
        value = make(Node::Attribute, {value}, expectName());
      } else if (consume("[")) {
        value = parseSubscript(value);
      } else if (consume("(")) {
        std::shared_ptr<Node> call = make(Node::Call, {value});
        parseArguments(*call);
        value = call;
      } else {
        break;
      }
    }
    return value;
  }

  /// After "[".
  NodePtr parseSubscript(NodePtr object) {
    NodePtr begin = is(":") ? nullptr : parseExpression();
    if (consume("]"))
      return make(Node::Item, {object, begin});
    expect(":");
    NodePtr end = is("]") || is(":") ? nullptr : parseExpression();
    NodePtr step = consume(":") && !is("]") ? parseExpression() : nullptr;
    expect("]");
    return make(Node::Slice, {object, begin, end, step});
  }

  /// After "("; adds to the node's children and names.
  void parseArguments(Node &node) {
    while (!error && !consume(")")) {
      if (word().kind == Word::Name && words[at + 1].text == "=" &&
          words[at + 1].kind == Word::Operator) {
        node.names.push_back(take().text);
        take();
      } else if (!node.names.empty()) {
        fail("an argument without a name comes after one with a name");
      }
      node.children.push_back(parseExpression());
      if (!is(")"))
        expect(",");
    }
    measure(node);
  }

  std::vector<Word> words;
  size_t at = 0;
  unsigned depth = 0, errorLine = 0;
  std::optional<std::string> error;
};
} // namespace

llvm::Expected<NodePtr> tercet::generate::parseTemplate(llvm::StringRef text) {
  llvm::Expected<std::vector<Word>> words = readTemplateWords(text);
  if (!words)
    return words.takeError();
  return Parser(std::move(*words)).parse();
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Positions in text count characters, as in Python, so a slice never cuts one in
// two. What came from a message stays marked through every operation that keeps
// its bytes.

#include "compiler/generate/TemplateFunctions.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"

using namespace tercet::generate;

static llvm::Error failure(const llvm::Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
}

static llvm::Error checkLength(size_t length, size_t most) {
  if (length <= most)
    return llvm::Error::success();
  return failure("a value is too long: " + llvm::Twine(length) + ", at most " + llvm::Twine(most));
}

// ---- Values -----------------------------------------------------------------

bool Value::isTrue() const {
  if (const bool *value = get<bool>())
    return *value;
  if (const int64_t *value = get<int64_t>())
    return *value != 0;
  if (const MarkedText *value = get<MarkedText>())
    return !value->bytes.empty();
  if (const ValueList *value = get<ValueList>())
    return !(*value)->empty();
  if (const ValueMap *value = get<ValueMap>())
    return !(*value)->empty();
  return false;
}

static std::optional<int64_t> asInteger(const Value &value) {
  if (const bool *truth = value.get<bool>())
    return *truth;
  if (const int64_t *number = value.get<int64_t>())
    return *number;
  return std::nullopt;
}

bool Value::equals(const Value &other) const {
  std::optional<int64_t> a = asInteger(*this), b = asInteger(other);
  if (a && b)
    return *a == *b;
  if (is.index() != other.is.index())
    return false;
  if (const MarkedText *text = get<MarkedText>())
    return text->bytes == other.get<MarkedText>()->bytes;
  if (const ValueList *list = get<ValueList>()) {
    const ValueList &second = *other.get<ValueList>();
    return llvm::equal(**list, *second, [](const Value &x, const Value &y) { return x.equals(y); });
  }
  if (const ValueMap *map = get<ValueMap>())
    return *map == *other.get<ValueMap>();
  return get<None>() || get<Undefined>();
}

std::string Value::describe() const {
  if (const Undefined *value = get<Undefined>())
    return "'" + value->name + "', which is undefined";
  constexpr const char *kNames[] = {"",         "none",   "a truth value", "a number",
                                    "a string", "a list", "a dictionary"};
  return kNames[is.index()];
}

llvm::Expected<MarkedText> tercet::generate::toText(const Value &value) {
  if (const MarkedText *text = value.get<MarkedText>())
    return *text;
  if (value.get<Undefined>())
    return MarkedText();
  if (value.get<None>())
    return MarkedText("None", false);
  if (const bool *truth = value.get<bool>())
    return MarkedText(*truth ? "True" : "False", false);
  if (const int64_t *number = value.get<int64_t>())
    return MarkedText(std::to_string(*number), false);
  return failure("output of " + value.describe() + " is not supported");
}

// ---- Parts ------------------------------------------------------------------

llvm::Expected<Value> tercet::generate::getAttribute(const Value &object, const std::string &name) {
  if (object.get<Undefined>())
    return failure("'" + name + "' is asked of " + object.describe());
  if (const ValueMap *map = object.get<ValueMap>())
    if (auto found = (*map)->find(name); found != (*map)->end())
      return found->second;
  return Undefined{name};
}

/// Where the characters of a text begin, and its end.
static std::vector<size_t> getCharacters(const MarkedText &text) {
  std::vector<size_t> starts;
  for (size_t i = 0; i < text.bytes.size(); ++i)
    if ((uint8_t(text.bytes[i]) & 0xC0) != 0x80)
      starts.push_back(i);
  starts.push_back(text.bytes.size());
  return starts;
}

llvm::Expected<Value> tercet::generate::getItem(const Value &object, const Value &key) {
  if (const MarkedText *name = key.get<MarkedText>(); name && !object.get<ValueList>())
    return getAttribute(object, name->bytes);
  std::optional<int64_t> index = asInteger(key);
  if (!index)
    return failure("expected a number or a name in brackets, got " + key.describe());
  auto place = [&](size_t count) -> std::optional<size_t> {
    int64_t at = *index < 0 ? *index + int64_t(count) : *index;
    return at >= 0 && at < int64_t(count) ? std::optional<size_t>(at) : std::nullopt;
  };
  if (const ValueList *list = object.get<ValueList>()) {
    std::optional<size_t> at = place((*list)->size());
    return at ? (**list)[*at] : Value(Undefined{"item " + std::to_string(*index)});
  }
  if (const MarkedText *text = object.get<MarkedText>()) {
    std::vector<size_t> starts = getCharacters(*text);
    std::optional<size_t> at = place(starts.size() - 1);
    return at ? Value(text->slice(starts[*at], starts[*at + 1]))
              : Value(Undefined{"character " + std::to_string(*index)});
  }
  return failure("expected a list or a string before brackets, got " + object.describe());
}

llvm::Expected<Value> tercet::generate::getSlice(const Value &object, std::optional<Value> begin,
                                                 std::optional<Value> end,
                                                 std::optional<Value> step) {
  const ValueList *list = object.get<ValueList>();
  const MarkedText *text = object.get<MarkedText>();
  if (!list && !text)
    return failure("expected a list or a string to slice, got " + object.describe());
  std::vector<size_t> starts = text ? getCharacters(*text) : std::vector<size_t>();
  int64_t count = list ? int64_t((*list)->size()) : int64_t(starts.size()) - 1;
  int64_t pace = 1;
  if (step && !step->get<None>()) {
    std::optional<int64_t> number = asInteger(*step);
    if (!number || (*number != 1 && *number != -1))
      return failure("a slice's step other than 1 and -1 is not supported");
    pace = *number;
  }
  // As Python clips: for a negative step the range is (end, begin] from behind.
  auto clip = [&](const std::optional<Value> &bound, int64_t absent) -> std::optional<int64_t> {
    if (!bound || bound->get<None>())
      return absent;
    std::optional<int64_t> number = asInteger(*bound);
    if (!number)
      return std::nullopt;
    int64_t low = pace > 0 ? 0 : -1, high = pace > 0 ? count : count - 1;
    return std::clamp(*number < 0 ? *number + count : *number, low, high);
  };
  std::optional<int64_t> from = clip(begin, pace > 0 ? 0 : count - 1);
  std::optional<int64_t> to = clip(end, pace > 0 ? count : -1);
  if (!from || !to)
    return failure("expected numbers in a slice");
  MarkedText part;
  auto items = std::make_shared<std::vector<Value>>();
  for (int64_t i = *from; pace > 0 ? i < *to : i > *to; i += pace) {
    if (text)
      part.append(text->slice(starts[i], starts[i + 1]));
    else
      items->push_back((**list)[i]);
  }
  return text ? Value(part) : Value(ValueList(items));
}

// ---- Operators --------------------------------------------------------------

llvm::Expected<Value> tercet::generate::applyUnary(llvm::StringRef symbol, const Value &value) {
  if (symbol == "not")
    return !value.isTrue();
  std::optional<int64_t> number = asInteger(value);
  if (!number)
    return failure("expected a number after '-', got " + value.describe());
  return int64_t(-uint64_t(*number));
}

static llvm::Expected<Value> contains(const Value &container, const Value &item) {
  if (const ValueList *list = container.get<ValueList>())
    return llvm::any_of(**list, [&](const Value &each) { return each.equals(item); });
  const MarkedText *text = item.get<MarkedText>();
  if (const MarkedText *whole = container.get<MarkedText>(); whole && text)
    return whole->bytes.find(text->bytes) != std::string::npos;
  if (const ValueMap *map = container.get<ValueMap>(); map && text)
    return (*map)->count(text->bytes) != 0;
  return failure("'in' with " + item.describe() + " and " + container.describe() +
                 " is not supported");
}

static llvm::Expected<Value> compute(llvm::StringRef symbol, int64_t a, int64_t b) {
  int64_t result = 0;
  if (symbol == "+"   ? __builtin_add_overflow(a, b, &result)
      : symbol == "-" ? __builtin_sub_overflow(a, b, &result)
      : symbol == "*" ? __builtin_mul_overflow(a, b, &result)
                      : false)
    return failure("a number is too large");
  if (symbol == "+" || symbol == "-" || symbol == "*")
    return result;
  if (b == 0 || (a == INT64_MIN && b == -1))
    return failure("division by zero");
  int64_t quotient = a / b - ((a % b != 0) && ((a < 0) != (b < 0)));
  return symbol == "//" ? quotient : a - quotient * b;
}

llvm::Expected<Value> tercet::generate::applyBinary(llvm::StringRef symbol, const Value &left,
                                                    const Value &right) {
  if (symbol == "==")
    return left.equals(right);
  if (symbol == "!=")
    return !left.equals(right);
  if (symbol == "in")
    return contains(right, left);
  if (symbol == "~") {
    llvm::Expected<MarkedText> a = toText(left);
    if (!a)
      return a.takeError();
    llvm::Expected<MarkedText> b = toText(right);
    if (!b)
      return b.takeError();
    if (llvm::Error error = checkLength(a->bytes.size() + b->bytes.size(), kLongestText))
      return error;
    a->append(*b);
    return *a;
  }
  std::optional<int64_t> a = asInteger(left), b = asInteger(right);
  const MarkedText *first = left.get<MarkedText>(), *second = right.get<MarkedText>();
  if (symbol.front() == '<' || symbol.front() == '>') {
    int order;
    if (a && b)
      order = *a < *b ? -1 : *a > *b;
    else if (first && second)
      order = first->bytes.compare(second->bytes);
    else
      return failure("cannot compare " + left.describe() + " with " + right.describe());
    return symbol == "<"    ? order < 0
           : symbol == "<=" ? order <= 0
           : symbol == ">"  ? order > 0
                            : order >= 0;
  }
  if (a && b)
    return compute(symbol, *a, *b);
  if (symbol == "+" && first && second) {
    if (llvm::Error error = checkLength(first->bytes.size() + second->bytes.size(), kLongestText))
      return error;
    MarkedText result = *first;
    result.append(*second);
    return result;
  }
  if (symbol == "+" && left.get<ValueList>() && right.get<ValueList>()) {
    auto list = std::make_shared<std::vector<Value>>(**left.get<ValueList>());
    if (llvm::Error error =
            checkLength(list->size() + (*right.get<ValueList>())->size(), kLongestList))
      return error;
    llvm::append_range(*list, **right.get<ValueList>());
    return ValueList(list);
  }
  return failure("'" + symbol + "' with " + left.describe() + " and " + right.describe() +
                 " is not supported");
}

// ---- Text -------------------------------------------------------------------

/// What Python's str.strip takes by default, of ASCII; other characters by name.
static bool isStripped(char byte, llvm::StringRef characters) { return characters.contains(byte); }

static MarkedText strip(const MarkedText &text, llvm::StringRef characters, bool left, bool right) {
  size_t begin = 0, end = text.bytes.size();
  while (left && begin < end && isStripped(text.bytes[begin], characters))
    ++begin;
  while (right && begin < end && isStripped(text.bytes[end - 1], characters))
    --end;
  return text.slice(begin, end);
}

static constexpr llvm::StringLiteral kSpace = " \t\n\r\v\f\x1c\x1d\x1e\x1f";

static llvm::Expected<Value> changeCase(const MarkedText &text, char (*change)(char)) {
  MarkedText result = text;
  for (char &byte : result.bytes) {
    if (uint8_t(byte) >= 0x80)
      return failure("the case of letters beyond ASCII is not supported");
    byte = change(byte);
  }
  return result;
}

static ValueList split(const MarkedText &text, llvm::StringRef separator) {
  auto list = std::make_shared<std::vector<Value>>();
  size_t begin = 0;
  for (size_t at; (at = text.bytes.find(separator.str(), begin)) != std::string::npos;
       begin = at + separator.size())
    list->push_back(text.slice(begin, at));
  list->push_back(text.slice(begin, text.bytes.size()));
  return list;
}

static llvm::Expected<Value> replace(const MarkedText &text, llvm::StringRef from,
                                     const MarkedText &to) {
  if (llvm::Error error =
          checkLength(text.bytes.size() + llvm::StringRef(text.bytes).count(from) * to.bytes.size(),
                      kLongestText))
    return error;
  MarkedText result;
  size_t begin = 0;
  for (size_t at; (at = text.bytes.find(from.str(), begin)) != std::string::npos;
       begin = at + from.size()) {
    result.append(text.slice(begin, at));
    result.append(to);
  }
  result.append(text.slice(begin, text.bytes.size()));
  return result;
}

llvm::Expected<Value> tercet::generate::callMethod(const Value &object, llvm::StringRef name,
                                                   const CallArguments &arguments) {
  size_t count = arguments.plain.size();
  auto textAt = [&](size_t i) {
    return i < count ? arguments.plain[i].get<MarkedText>() : nullptr;
  };
  const MarkedText *text = object.get<MarkedText>(), *first = textAt(0);
  if (!arguments.named.empty())
    return failure("the method '" + name + "' with named arguments is not supported");
  if (text && (name == "strip" || name == "lstrip" || name == "rstrip") && count <= 1 &&
      (count == 0 || first)) {
    if (first && llvm::any_of(first->bytes, [](char c) { return uint8_t(c) >= 0x80; }))
      return failure("'" + name + "' of characters beyond ASCII is not supported");
    return strip(*text, first ? llvm::StringRef(first->bytes) : llvm::StringRef(kSpace),
                 name != "rstrip", name != "lstrip");
  }
  if (text && first && count == 1) {
    llvm::StringRef bytes = text->bytes;
    if (name == "startswith")
      return bytes.starts_with(first->bytes);
    if (name == "endswith")
      return bytes.ends_with(first->bytes);
    if (name == "split" && !first->bytes.empty())
      return split(*text, first->bytes);
  }
  if (text && first && textAt(1) && count == 2 && name == "replace" && !first->bytes.empty())
    return replace(*text, first->bytes, *textAt(1));
  if (text && count == 0 && name == "upper")
    return changeCase(*text, llvm::toUpper);
  if (text && count == 0 && name == "lower")
    return changeCase(*text, llvm::toLower);
  if (const ValueMap *map = object.get<ValueMap>(); map && name == "get" && first && count <= 2) {
    auto found = (*map)->find(first->bytes);
    return found != (*map)->end() ? found->second : count == 2 ? arguments.plain[1] : Value(None{});
  }
  return failure("the method '" + name + "' of " + object.describe() +
                 " is not supported with these arguments");
}

// ---- Filters, tests, functions ----------------------------------------------

llvm::Expected<Value> tercet::generate::applyFilter(llvm::StringRef name, const Value &value,
                                                    const CallArguments &arguments) {
  const MarkedText *text = value.get<MarkedText>();
  const ValueList *list = value.get<ValueList>();
  size_t count = arguments.plain.size();
  bool none = count == 0 && arguments.named.empty();
  if (name == "trim" && none) {
    if (value.get<Undefined>())
      return MarkedText();
    if (text)
      return strip(*text, kSpace, true, true);
  }
  if ((name == "length" || name == "count") && none) {
    if (list)
      return int64_t((*list)->size());
    if (text)
      return int64_t(getCharacters(*text).size()) - 1;
  }
  if (name == "upper" && none && text)
    return changeCase(*text, llvm::toUpper);
  if (name == "lower" && none && text)
    return changeCase(*text, llvm::toLower);
  if ((name == "default" || name == "d") && count >= 1 && count <= 2 && arguments.named.empty()) {
    bool falsy = count == 2 && arguments.plain[1].isTrue() && !value.isTrue();
    return value.get<Undefined>() || falsy ? arguments.plain[0] : value;
  }
  if (name == "string" && none) {
    llvm::Expected<MarkedText> shown = toText(value);
    if (!shown)
      return shown.takeError();
    return *shown;
  }
  if (list && none && !(*list)->empty() && (name == "first" || name == "last"))
    return name == "first" ? (*list)->front() : (*list)->back();
  if (list && name == "list" && none)
    return value;
  if (list && name == "join" && count <= 1 && arguments.named.empty()) {
    const MarkedText *separator = count ? arguments.plain[0].get<MarkedText>() : nullptr;
    MarkedText result;
    for (auto [i, item] : llvm::enumerate(**list)) {
      llvm::Expected<MarkedText> shown = toText(item);
      if (!shown)
        return shown.takeError();
      if (i && separator)
        result.append(*separator);
      result.append(*shown);
      if (llvm::Error error = checkLength(result.bytes.size(), kLongestText))
        return error;
    }
    return result;
  }
  return failure("the filter '" + name + "' of " + value.describe() +
                 " is not supported with these arguments");
}

llvm::Expected<Value> tercet::generate::applyTest(llvm::StringRef name, const Value &value,
                                                  const CallArguments &arguments) {
  if (arguments.plain.empty() && arguments.named.empty()) {
    if (name == "defined")
      return !value.get<Undefined>();
    if (name == "undefined")
      return value.get<Undefined>() != nullptr;
    if (name == "none")
      return value.get<None>() != nullptr;
    if (name == "string")
      return value.get<MarkedText>() != nullptr;
    if (name == "mapping")
      return value.get<ValueMap>() != nullptr;
    if (name == "iterable" || name == "sequence")
      return value.get<MarkedText>() || value.get<ValueList>() || value.get<ValueMap>();
    if (name == "number" || name == "integer")
      return value.get<int64_t>() != nullptr;
    if (name == "boolean")
      return value.get<bool>() != nullptr;
    if (name == "true" || name == "false")
      return value.get<bool>() && *value.get<bool>() == (name == "true");
  }
  return failure("the test '" + name + "' is not supported with these arguments");
}

llvm::Expected<Value> tercet::generate::callFunction(llvm::StringRef name,
                                                     const CallArguments &arguments) {
  if (name == "raise_exception") {
    llvm::Expected<MarkedText> text =
        toText(arguments.plain.empty() ? Value(MarkedText()) : arguments.plain[0]);
    return failure("the template refuses these messages: " +
                   (text ? text->bytes : llvm::toString(text.takeError())));
  }
  if (name == "namespace" && arguments.plain.empty())
    return ValueMap(std::make_shared<std::map<std::string, Value>>(arguments.named));
  if (name == "range" && arguments.named.empty() && !arguments.plain.empty() &&
      arguments.plain.size() <= 2) {
    std::optional<int64_t> last = asInteger(arguments.plain.back()), first = 0;
    if (arguments.plain.size() == 2)
      first = asInteger(arguments.plain[0]);
    if (first && last && *first > INT32_MIN && *last < INT32_MAX &&
        *last - *first <= int64_t(kLongestList)) {
      auto list = std::make_shared<std::vector<Value>>();
      for (int64_t i = *first; i < *last; ++i)
        list->push_back(i);
      return ValueList(list);
    }
  }
  return failure("the function '" + name + "' is not supported with these arguments");
}

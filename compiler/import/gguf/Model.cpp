// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The parts of a split model know their number and how many there are
// (split.no, split.count) and the first one how many tensors there are in all
// (split.tensors.count). Parts are found by name, beside the first.

#include "compiler/import/gguf/Model.h"

#include "compiler/import/QuotedName.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

using namespace llvm;
using namespace tercet;
using namespace tercet::gguf;

static constexpr int64_t kMaxParts = 1000;

static Error refuse(const Twine &text) { return createStringError(inconvertibleErrorCode(), text); }

static Expected<std::unique_ptr<MemoryBuffer>> map(StringRef path) {
  sys::fs::file_status status;
  if (std::error_code error = sys::fs::status(path, status))
    return refuse("cannot be read: " + error.message());
  // What else has a name may wait for a writer, or never end.
  if (!sys::fs::is_regular_file(status))
    return refuse("cannot be read: expected a regular file");
  auto buffer = MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return refuse("cannot be read: " + buffer.getError().message());
  return std::move(*buffer);
}

/// An integer of the metadata, 0 where it is absent.
static Expected<int64_t> splitNumber(const Metadata &metadata, StringRef key) {
  const Value *value = metadata.lookup(key);
  std::optional<int64_t> number = value ? value->getInteger() : 0;
  if (!number || *number < 0)
    return refuse("metadata '" + key + "': expected a number of parts or tensors, got " +
                  (number ? std::to_string(*number) : value->describe()));
  return *number;
}

Error Model::addPart(const std::string &path) {
  Expected<std::unique_ptr<MemoryBuffer>> buffer = map(path);
  if (!buffer)
    return buffer.takeError();
  Expected<File> file = readFile((*buffer)->getBuffer());
  if (!file)
    return file.takeError();
  parts.push_back({path, std::move(*buffer), std::move(*file)});
  const Part &part = parts.back();
  for (const Tensor &tensor : part.file.tensors) {
    auto [entry, isNew] = index.try_emplace(tensor.name, tensors.size());
    if (!isNew)
      return refuse("tensor " + quoted(tensor.name) + ": the name appears in '" +
                    tensors[entry->second].path + "' too");
    tensors.push_back({&tensor, part.path});
  }
  return Error::success();
}

/// `NAME-00001-of-00003.gguf` without what follows NAME, or an empty text.
static StringRef stemOfFirst(StringRef path, int64_t count) {
  std::string suffix = formatv("-00001-of-{0:D5}.gguf", count);
  return path.ends_with(suffix) ? path.drop_back(suffix.size()) : StringRef();
}

Expected<std::unique_ptr<Model>> Model::open(StringRef path) {
  auto model = std::make_unique<Model>();
  model->parts.reserve(kMaxParts);
  if (Error error = model->addPart(path.str()))
    return error;
  const Metadata &metadata = model->getMetadata();
  Expected<int64_t> count = splitNumber(metadata, "split.count");
  if (!count)
    return count.takeError();
  if (*count <= 1)
    return std::move(model);
  if (*count > kMaxParts)
    return refuse("metadata 'split.count': expected at most " + Twine(kMaxParts) + " parts, got " +
                  Twine(*count));
  Expected<int64_t> number = splitNumber(metadata, "split.no");
  if (!number)
    return number.takeError();
  StringRef stem = stemOfFirst(path, *count);
  if (*number != 0 || stem.empty())
    return refuse("the file is part " + Twine(*number + 1) + " of " + Twine(*count) +
                  "; give the first part, under its name NAME" +
                  formatv("-00001-of-{0:D5}.gguf", *count).str());
  for (int64_t i = 1; i < *count; ++i) {
    std::string other = formatv("{0}-{1:D5}-of-{2:D5}.gguf", stem, i + 1, *count);
    auto located = [&](Error error) {
      return refuse("part '" + sys::path::filename(other) + "': " + toString(std::move(error)));
    };
    if (Error error = model->addPart(other))
      return located(std::move(error));
    const Metadata &theirs = model->parts.back().file.metadata;
    for (auto [key, expected] : {std::pair<StringRef, int64_t>{"split.no", i},
                                 std::pair<StringRef, int64_t>{"split.count", *count}}) {
      Expected<int64_t> got = splitNumber(theirs, key);
      if (!got)
        return located(got.takeError());
      if (*got != expected)
        return located(refuse("metadata '" + key + "': expected " + Twine(expected) + ", got " +
                              Twine(*got) + "; is it a part of another model?"));
    }
  }
  Expected<int64_t> total = splitNumber(metadata, "split.tensors.count");
  if (!total)
    return total.takeError();
  if (metadata.lookup("split.tensors.count") && uint64_t(*total) != model->tensors.size())
    return refuse("metadata 'split.tensors.count': expected the " + Twine(model->tensors.size()) +
                  " tensors that the parts have, got " + Twine(*total));
  return std::move(model);
}

PlacedTensor Model::lookup(StringRef name) const {
  auto found = index.find(name);
  return found == index.end() ? PlacedTensor() : tensors[found->second];
}

StringRef Model::getBytes(const PlacedTensor &placed) const {
  for (const Part &part : parts)
    if (part.path == placed.path)
      return part.buffer->getBuffer().substr(placed.tensor->offset, placed.tensor->bytes);
  return {};
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Samples come in the order of their names (numbers by value) or lines, so that
// the same directory gives the same statistics on every machine.

#include "compiler/quantize/CalibrationData.h"

#include "compiler/support/TensorFile.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/StringSaver.h"

#include <map>

using namespace mlir;
using namespace tercet;
using namespace tercet::quantize;
namespace fs = llvm::sys::fs;

static llvm::Error failure(const llvm::Twine &text) { return llvm::createStringError(text.str()); }

static std::string pathIn(StringRef folder, StringRef name) {
  SmallString<128> path(folder);
  llvm::sys::path::append(path, name);
  return path.str().str();
}

/// Names in a directory, sorted: folders, and files that end in .npy. What
/// begins with a dot is left out.
static llvm::Error listDirectory(StringRef path, std::vector<std::string> &folders,
                                 std::vector<std::string> &files) {
  std::error_code code;
  for (fs::directory_iterator it(path, code), end; !code && it != end; it.increment(code)) {
    StringRef name = llvm::sys::path::filename(it->path());
    if (name.starts_with("."))
      continue;
    if (fs::is_directory(it->path()))
      folders.push_back(name.str());
    else if (name.ends_with(".npy"))
      files.push_back(name.str());
  }
  if (code)
    return failure("'" + path + "' cannot be read: " + code.message());
  llvm::sort(folders);
  llvm::sort(files);
  return llvm::Error::success();
}

std::string CalibrationData::describeInputs() const {
  std::string text;
  for (auto [name, type] : llvm::zip_equal(inputs, types)) {
    llvm::raw_string_ostream os(text);
    os << (text.empty() ? "" : ", ") << name << " (" << type << ")";
  }
  return text;
}

llvm::Error CalibrationData::findFolders(StringRef path, ArrayRef<std::string> folders) {
  for (const std::string &folder : folders) {
    Sample sample{pathIn(path, folder), {}};
    std::vector<std::string> nested, files;
    if (llvm::Error error = listDirectory(sample.name, nested, files))
      return error;
    for (StringRef file : files)
      sample.files[file.drop_back(4)] = pathIn(sample.name, file);
    samples.push_back(std::move(sample));
  }
  return llvm::Error::success();
}

llvm::Error CalibrationData::findNumbered(StringRef path, ArrayRef<std::string> files) {
  // NAME.npy is the only sample, or NAME-NUMBER.npy one of many. A file whose
  // whole stem is an input's name is that input, whatever it ends in.
  Sample single{path.str(), {}};
  std::map<uint64_t, Sample> numbered;
  for (StringRef file : files) {
    StringRef stem = file.drop_back(4);
    auto [name, text] = stem.rsplit('-');
    uint64_t number;
    if (llvm::is_contained(inputs, stem) || text.empty() || text.getAsInteger(10, number)) {
      single.files[stem] = pathIn(path, file);
      continue;
    }
    Sample &sample = numbered[number];
    sample.name = ("sample " + llvm::Twine(number) + " of '" + path + "'").str();
    if (!sample.files.try_emplace(name, pathIn(path, file)).second)
      return failure(sample.name + " has two files for input '" + name + "'");
  }
  if (!single.files.empty() && !numbered.empty())
    return failure("'" + path + "' holds '" + single.files.begin()->getKey() +
                   ".npy' beside numbered files; expected NAME-NUMBER.npy for every sample, "
                   "NAME being one of " +
                   describeInputs());
  if (!single.files.empty())
    samples.push_back(std::move(single));
  for (auto &[number, sample] : numbered)
    samples.push_back(std::move(sample));
  return llvm::Error::success();
}

llvm::Error CalibrationData::readList(StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!buffer)
    return failure("'" + path + "' cannot be read: " + buffer.getError().message());
  StringRef folder = llvm::sys::path::parent_path(path);
  SmallVector<StringRef> lines;
  (*buffer)->getBuffer().split(lines, '\n');
  for (auto [index, line] : llvm::enumerate(lines)) {
    line = line.trim();
    if (line.empty() || line.starts_with("#"))
      continue;
    Sample sample{(path + ":" + llvm::Twine(index + 1)).str(), {}};
    llvm::BumpPtrAllocator allocator;
    llvm::StringSaver saver(allocator);
    // Quotes as in a shell, for names with spaces.
    SmallVector<const char *> words;
    llvm::cl::TokenizeGNUCommandLine(line, saver, words);
    for (StringRef word : words) {
      auto [name, file] = word.rsplit('=');
      if (name.empty() || file.empty())
        return failure(sample.name + ": expected NAME=FILE.npy for each input, got '" + word + "'");
      std::string full = llvm::sys::path::is_absolute(file) ? file.str() : pathIn(folder, file);
      if (!sample.files.try_emplace(name, full).second)
        return failure(sample.name + ": input '" + name + "' is given twice");
    }
    samples.push_back(std::move(sample));
  }
  return llvm::Error::success();
}

llvm::Error CalibrationData::check(StringRef path) const {
  if (samples.empty())
    return failure("'" + path +
                   "' holds no samples; expected a folder for each with NAME.npy, or "
                   "files NAME-NUMBER.npy, or a list of lines NAME=FILE.npy; inputs "
                   "are " +
                   describeInputs());
  llvm::Error problems = llvm::Error::success();
  for (const Sample &sample : samples) {
    for (const std::string &input : inputs)
      if (!sample.files.count(input))
        problems = llvm::joinErrors(std::move(problems),
                                    failure(sample.name + " has no file for input '" + input +
                                            "'; expected " + input + ".npy, or " + input +
                                            "=FILE.npy in a list"));
    for (const auto &file : sample.files)
      if (!llvm::is_contained(inputs, file.getKey()))
        problems = llvm::joinErrors(std::move(problems),
                                    failure("'" + file.getValue() +
                                            "' is for no input of the model; inputs are " +
                                            describeInputs()));
  }
  return problems;
}

llvm::Expected<CalibrationData> CalibrationData::find(StringRef path, func::FuncOp entry) {
  CalibrationData data;
  data.types = llvm::to_vector(entry.getArgumentTypes());
  for (unsigned i = 0; i < entry.getNumArguments(); ++i)
    data.inputs.push_back(getTensorName(entry.getArgAttrDict(i), i));
  if (!fs::exists(path))
    return failure("'" + path + "': no such file or directory");
  if (!fs::is_directory(path)) {
    if (path.ends_with(".npy"))
      return failure("'" + path + "' is one tensor; expected a directory of samples, or a list");
    if (llvm::Error error = data.readList(path))
      return error;
  } else {
    std::vector<std::string> folders, files;
    if (llvm::Error error = listDirectory(path, folders, files))
      return error;
    if (!folders.empty() && !files.empty())
      return failure("'" + path +
                     "' holds folders and .npy files; expected a folder for each "
                     "sample, or files alone");
    if (llvm::Error error =
            folders.empty() ? data.findNumbered(path, files) : data.findFolders(path, folders))
      return error;
  }
  if (llvm::Error error = data.check(path))
    return error;
  return data;
}

llvm::Expected<SmallVector<Tensor>> CalibrationData::read(size_t index) const {
  SmallVector<Tensor> tensors;
  for (auto [name, type] : llvm::zip_equal(inputs, types)) {
    RankedTensorType holder = getHolderType(type);
    if (!holder || !holder.hasStaticShape() || !getTensorBytes(holder))
      return failure("input '" + name + "' has a type that no .npy file holds");
    llvm::Expected<Tensor> tensor =
        readTensor(name, samples[index].files.find(name)->getValue(), holder);
    if (!tensor)
      return tensor.takeError();
    tensors.push_back(std::move(*tensor));
  }
  return tensors;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Recipes of weights in groups. Sources are streamed and cut into rows again,
// however their chunks fall, so that no more is held than the rows of a panel.

#include "compiler/weights/GroupBlocks.h"
#include "compiler/weights/WeightReader.h"

#include <cmath>

using namespace mlir;
using namespace tercet;

static llvm::Error recipeError(const Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), "weight recipe: " + text);
}

static ArrayRef<int64_t> shapeOf(TypedAttr recipe) {
  return cast<RankedTensorType>(recipe.getType()).getShape();
}

/// Gathers output and hands it on when a chunk is full.
namespace {
class ChunkedSink {
public:
  explicit ChunkedSink(WeightReader::Sink sink) : sink(sink) {}

  /// Room for so many bytes, which are zeros.
  llvm::Expected<char *> append(int64_t bytes) {
    if (!buffer.empty() && int64_t(buffer.size()) + bytes > WeightReader::kChunkBytes)
      if (llvm::Error error = flush())
        return error;
    buffer.resize(buffer.size() + bytes);
    return buffer.data() + buffer.size() - bytes;
  }
  llvm::Error flush() {
    llvm::Error error = buffer.empty() ? llvm::Error::success() : sink(buffer);
    buffer.clear();
    return error;
  }

private:
  WeightReader::Sink sink;
  std::vector<char> buffer;
};
} // namespace

llvm::Error WeightReader::streamRecords(TypedAttr recipe, int64_t bytes,
                                        llvm::function_ref<llvm::Error(const char *)> consume) {
  std::vector<char> rest;
  llvm::Error error = streamRecipe(recipe, [&](ArrayRef<char> chunk) -> llvm::Error {
    while (!chunk.empty()) {
      if (rest.empty() && int64_t(chunk.size()) >= bytes) {
        if (llvm::Error failed = consume(chunk.data()))
          return failed;
        chunk = chunk.drop_front(bytes);
        continue;
      }
      size_t now = std::min<size_t>(chunk.size(), bytes - rest.size());
      rest.insert(rest.end(), chunk.begin(), chunk.begin() + now);
      chunk = chunk.drop_front(now);
      if (int64_t(rest.size()) < bytes)
        continue;
      if (llvm::Error failed = consume(rest.data()))
        return failed;
      rest.clear();
    }
    return llvm::Error::success();
  });
  return error;
}

llvm::Error
WeightReader::streamFloatRows(TypedAttr recipe, int64_t paddedTo,
                              llvm::function_ref<llvm::Error(ArrayRef<float>)> consume) {
  ElementKind kind = *getElementKind(cast<RankedTensorType>(recipe.getType()).getElementType());
  int64_t columns = shapeOf(recipe).back(), row = 0;
  std::vector<float> values(paddedTo, 0.0f);
  if (columns == 0)
    return llvm::Error::success();
  return streamRecords(recipe, columns * getElementBytes(kind), [&](const char *record) {
    convertElements(kind, record, ElementKind::F32, reinterpret_cast<char *>(values.data()),
                    columns);
    for (int64_t column = 0; column < columns; ++column)
      if (!std::isfinite(values[column]))
        return recipeError("element [" + Twine(row) + ", " + Twine(column) +
                           "] of a weight that is wanted in groups is not finite");
    ++row;
    return consume(values);
  });
}

llvm::Error WeightReader::streamDecoded(nn::DecodeAttr recipe, Sink sink) {
  GroupBlocks blocks(recipe.getFormat());
  int64_t columns = shapeOf(recipe)[1], perRow = shapeOf(recipe.getSource())[1];
  if (columns == 0)
    return llvm::Error::success();
  std::vector<float> row(perRow * blocks.getElements());
  ChunkedSink out(sink);
  if (llvm::Error error = streamRecords(
          recipe.getSource(), perRow * blocks.getBytes(), [&](const char *record) -> llvm::Error {
            for (int64_t block = 0; block < perRow; ++block)
              blocks.decode(record + block * blocks.getBytes(),
                            row.data() + block * blocks.getElements());
            llvm::Expected<char *> to = out.append(columns * 4);
            if (!to)
              return to.takeError();
            std::memcpy(*to, row.data(), columns * 4);
            return llvm::Error::success();
          }))
    return error;
  return out.flush();
}

llvm::Error WeightReader::streamEncoded(nn::EncodeAttr recipe, Sink sink) {
  GroupBlocks blocks(recipe.getFormat());
  if (llvm::Error error = blocks.checkEncodable())
    return error;
  int64_t perRow = shapeOf(recipe)[1];
  ChunkedSink out(sink);
  if (llvm::Error error =
          streamFloatRows(recipe.getSource(), perRow * blocks.getElements(),
                          [&](ArrayRef<float> row) -> llvm::Error {
                            llvm::Expected<char *> to = out.append(perRow * blocks.getBytes());
                            if (!to)
                              return to.takeError();
                            for (int64_t block = 0; block < perRow; ++block)
                              blocks.encode(row.data() + block * blocks.getElements(),
                                            *to + block * blocks.getBytes());
                            return llvm::Error::success();
                          }))
    return error;
  return out.flush();
}

llvm::Error WeightReader::streamJoined(nn::JoinGroupsAttr recipe, Sink sink) {
  GroupBlocks blocks(recipe.getFormat());
  int64_t perRow = shapeOf(recipe)[1], groups = perRow * recipe.getFormat().getGroups();
  int64_t given = shapeOf(recipe.getScales())[1], row = 0;
  // One value for each group: small beside the codes.
  auto readFloats = [&](TypedAttr source, std::vector<float> &all) -> llvm::Error {
    return source ? streamFloatRows(source, given,
                                    [&](ArrayRef<float> values) -> llvm::Error {
                                      all.insert(all.end(), values.begin(), values.end());
                                      all.insert(all.end(), groups - given, 0.0f);
                                      return llvm::Error::success();
                                    })
                  : llvm::Error::success();
  };
  std::vector<float> scales, shifts;
  if (llvm::Error error = readFloats(recipe.getScales(), scales))
    return error;
  if (llvm::Error error = readFloats(recipe.getShifts(), shifts))
    return error;
  ChunkedSink out(sink);
  if (llvm::Error error = streamFloatRows(
          recipe.getCodes(), perRow * blocks.getElements(),
          [&](ArrayRef<float> codes) -> llvm::Error {
            llvm::Expected<char *> to = out.append(perRow * blocks.getBytes());
            if (!to)
              return to.takeError();
            for (int64_t block = 0; block < perRow; ++block) {
              int64_t first = row * groups + block * recipe.getFormat().getGroups();
              if (llvm::Error failed = blocks.join(codes.data() + block * blocks.getElements(),
                                                   scales.data() + first,
                                                   shifts.empty() ? nullptr : shifts.data() + first,
                                                   *to + block * blocks.getBytes()))
                return failed;
            }
            ++row;
            return llvm::Error::success();
          }))
    return error;
  return out.flush();
}

llvm::Error WeightReader::streamPackedGroups(nn::PackGroupsAttr recipe, Sink sink) {
  GroupBlocks blocks(recipe.getFormat());
  int64_t panel = recipe.getPanel(), rows = shapeOf(recipe.getSource())[0];
  int64_t perRow = shapeOf(recipe)[1], packedBytes = shapeOf(recipe)[2], row = 0;
  std::vector<char> buffer(perRow * packedBytes);
  // Panels may be large; the sink sees chunks of the usual size.
  auto emit = [&]() -> llvm::Error {
    ArrayRef<char> left = buffer;
    while (!left.empty()) {
      size_t now = std::min<size_t>(left.size(), kChunkBytes);
      if (llvm::Error error = sink(left.take_front(now)))
        return error;
      left = left.drop_front(now);
    }
    std::fill(buffer.begin(), buffer.end(), 0);
    return llvm::Error::success();
  };
  if (buffer.empty())
    return llvm::Error::success();
  return streamRecords(recipe.getSource(), perRow * blocks.getBytes(),
                       [&](const char *record) -> llvm::Error {
                         for (int64_t block = 0; block < perRow; ++block)
                           blocks.pack(record + block * blocks.getBytes(), row % panel, panel,
                                       buffer.data() + block * packedBytes);
                         ++row;
                         return row % panel == 0 || row == rows ? emit() : llvm::Error::success();
                       });
}

bool WeightReader::isGroupRecipe(TypedAttr recipe) {
  return isa<nn::DecodeAttr, nn::EncodeAttr, nn::JoinGroupsAttr, nn::PackGroupsAttr>(recipe);
}

llvm::Error WeightReader::streamGroupRecipe(TypedAttr recipe, Sink sink) {
  if (auto decode = dyn_cast<nn::DecodeAttr>(recipe))
    return streamDecoded(decode, sink);
  if (auto encode = dyn_cast<nn::EncodeAttr>(recipe))
    return streamEncoded(encode, sink);
  if (auto join = dyn_cast<nn::JoinGroupsAttr>(recipe))
    return streamJoined(join, sink);
  return streamPackedGroups(cast<nn::PackGroupsAttr>(recipe), sink);
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A recipe is resolved to a strided view of a file as far as possible; the
// steps at its root (reshape, cast, concat, pack) produce their output chunk
// by chunk from such views, and only the same steps further inside of the
// recipe are materialised.

#include "compiler/weights/WeightReader.h"

#include "compiler/weights/StridedCopy.h"
#include "dialects/nn/NN.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace tercet;

namespace {

llvm::Error recipeError(const Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), "weight recipe: " + text);
}

template <class... Parts> std::string concatText(Parts &&...parts) {
  std::string text;
  llvm::raw_string_ostream os(text);
  (os << ... << parts);
  return text;
}

int64_t numElements(ArrayRef<int64_t> shape) {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

} // namespace

/// A strided tensor somewhere in memory. Its elements are stored as `stored`
/// and are converted to `yielded` when they are copied out.
struct WeightReader::View {
  SmallVector<int64_t> shape, strides;
  const char *base = nullptr;
  ElementKind stored = ElementKind::F32, yielded = ElementKind::F32;
  /// Keeps what does not lie in a file.
  std::shared_ptr<std::vector<char>> owner;

  bool isRowMajor() const {
    return ArrayRef<int64_t>(strides) == ArrayRef<int64_t>(getRowMajorStrides(shape));
  }

  /// Copies the part [offsets, offsets + sizes) to `out` with the given strides,
  /// converting through `scratch` if need be.
  void copyTo(ArrayRef<int64_t> offsets, ArrayRef<int64_t> sizes, char *out,
              ArrayRef<int64_t> outStrides, std::vector<char> &scratch) const {
    const char *from = base;
    for (auto [offset, stride] : llvm::zip_equal(offsets, strides))
      from += offset * stride * int64_t(getElementBytes(stored));
    if (stored == yielded)
      return copyStrided(from, strides, out, outStrides, sizes, getElementBytes(stored));
    int64_t count = numElements(sizes);
    unsigned storedBytes = getElementBytes(stored), yieldedBytes = getElementBytes(yielded);
    scratch.resize(count * (storedBytes + yieldedBytes));
    char *converted = scratch.data() + count * storedBytes;
    SmallVector<int64_t> packed = getRowMajorStrides(sizes);
    copyStrided(from, strides, scratch.data(), packed, sizes, storedBytes);
    convertElements(stored, scratch.data(), yielded, converted, count);
    copyStrided(converted, packed, out, outStrides, sizes, yieldedBytes);
  }
};

/// Strides of the same elements under another shape, if they have any.
static std::optional<SmallVector<int64_t>>
reshapeStrides(ArrayRef<int64_t> shape, ArrayRef<int64_t> strides, ArrayRef<int64_t> newShape) {
  SmallVector<int64_t> result(newShape.size(), 1);
  if (numElements(shape) == 0)
    return result;
  size_t from = 0, to = 0;
  while (from < shape.size() || to < newShape.size()) {
    // The smallest groups of dimensions that hold the same number of elements.
    size_t fromEnd = from, toEnd = to;
    int64_t fromCount = 1, toCount = 1;
    do {
      if (fromCount <= toCount && fromEnd < shape.size())
        fromCount *= shape[fromEnd++];
      else if (toEnd < newShape.size())
        toCount *= newShape[toEnd++];
      else
        fromCount *= shape[fromEnd++];
    } while (fromCount != toCount);
    // Within the group the source must be evenly strided; ones do not matter.
    int64_t stride = 1, next = 0;
    bool first = true;
    for (size_t dim = fromEnd; dim-- > from;) {
      if (shape[dim] == 1)
        continue;
      if (first)
        stride = strides[dim];
      else if (strides[dim] != next)
        return std::nullopt;
      first = false;
      next = strides[dim] * shape[dim];
    }
    for (size_t dim = toEnd; dim-- > to;) {
      result[dim] = stride;
      stride *= newShape[dim];
    }
    from = fromEnd, to = toEnd;
  }
  return result;
}

static llvm::Expected<ElementKind> kindOf(TypedAttr recipe) {
  auto type = dyn_cast<RankedTensorType>(recipe.getType());
  if (!type || !type.hasStaticShape())
    return recipeError(concatText("expected a static tensor type, got ", recipe.getType()));
  if (!getTensorBytes(type))
    return recipeError(concatText("no storage for ", type,
                                  "; elements must be f16, bf16, f32, f64, i1 or integers of 8, "
                                  "16, 32 or 64 bits"));
  return *getElementKind(type.getElementType());
}

/// The steps of IntegerRecipes.cpp.
static bool isIntegerRecipe(TypedAttr recipe) {
  return isa<nn::ScaleRowsAttr, nn::ColumnScaleAttr, nn::QuantizeColumnsAttr, nn::FixedPointAttr,
             nn::ColumnBiasAttr>(recipe);
}

llvm::Expected<WeightReader::View> WeightReader::materialise(TypedAttr recipe) {
  llvm::Expected<ElementKind> kind = kindOf(recipe);
  if (!kind)
    return kind.takeError();
  auto type = cast<RankedTensorType>(recipe.getType());
  auto buffer = std::make_shared<std::vector<char>>();
  buffer->reserve(*getTensorBytes(type));
  if (llvm::Error error = streamRecipe(recipe, [&](ArrayRef<char> chunk) {
        buffer->insert(buffer->end(), chunk.begin(), chunk.end());
        return llvm::Error::success();
      }))
    return error;
  View view;
  view.shape.assign(type.getShape().begin(), type.getShape().end());
  view.strides = getRowMajorStrides(view.shape);
  view.base = buffer->data();
  view.stored = view.yielded = *kind;
  view.owner = std::move(buffer);
  return view;
}

llvm::Expected<WeightReader::View> WeightReader::resolve(TypedAttr recipe) {
  llvm::Expected<ElementKind> kind = kindOf(recipe);
  if (!kind)
    return kind.takeError();
  auto type = cast<RankedTensorType>(recipe.getType());
  View view;
  view.shape.assign(type.getShape().begin(), type.getShape().end());
  view.strides = getRowMajorStrides(view.shape);
  view.stored = view.yielded = *kind;

  if (auto file = dyn_cast<nn::FileAttr>(recipe)) {
    llvm::SmallString<256> path(file.getPath().getValue());
    if (!baseDir.empty() && llvm::sys::path::is_relative(path)) {
      path = baseDir;
      llvm::sys::path::append(path, file.getPath().getValue());
    }
    std::unique_ptr<MappedFile> &mapped = files[path];
    if (!mapped) {
      llvm::Expected<std::unique_ptr<MappedFile>> opened = MappedFile::open(path.str().str());
      if (!opened)
        return opened.takeError();
      mapped = std::move(*opened);
    }
    StringRef digest = file.getDigest() ? file.getDigest().getValue() : StringRef();
    llvm::Expected<ArrayRef<char>> region =
        mapped->region(file.getOffset(), file.getBytes(), digest);
    if (!region)
      return region.takeError();
    touched.emplace_back(mapped.get(), *region);
    view.base = region->data();
    return view;
  }
  if (auto dense = dyn_cast<DenseElementsAttr>(recipe)) {
    bool isBool = *kind == ElementKind::Bool;
    if (isBool || dense.isSplat()) {
      // A splat is one element with strides of zero; booleans are bits in the attribute.
      view.owner = std::make_shared<std::vector<char>>();
      if (dense.isSplat())
        view.strides.assign(view.shape.size(), 0);
      if (!isBool)
        view.owner->assign(dense.getRawData().begin(), dense.getRawData().end());
      else if (dense.isSplat())
        view.owner->push_back(dense.getSplatValue<bool>());
      else
        for (bool value : dense.getValues<bool>())
          view.owner->push_back(value);
      view.base = view.owner->data();
    } else {
      view.base = dense.getRawData().data();
    }
    return view;
  }
  if (auto transpose = dyn_cast<nn::TransposeAttr>(recipe)) {
    llvm::Expected<View> source = resolve(transpose.getSource());
    if (!source)
      return source;
    SmallVector<int64_t> strides = source->strides;
    for (auto [dim, from] : llvm::enumerate(transpose.getPerm()))
      source->strides[dim] = strides[from];
    source->shape = view.shape;
    return source;
  }
  if (auto slice = dyn_cast<nn::SliceAttr>(recipe)) {
    llvm::Expected<View> source = resolve(slice.getSource());
    if (!source)
      return source;
    for (auto [offset, stride] : llvm::zip_equal(slice.getOffsets(), source->strides))
      source->base += offset * stride * int64_t(getElementBytes(source->stored));
    source->shape = view.shape;
    return source;
  }
  if (auto reshape = dyn_cast<nn::ReshapeAttr>(recipe)) {
    llvm::Expected<View> source = resolve(reshape.getSource());
    if (!source)
      return source;
    std::optional<SmallVector<int64_t>> strides =
        reshapeStrides(source->shape, source->strides, view.shape);
    if (!strides)
      return materialise(recipe);
    source->strides = *strides;
    source->shape = view.shape;
    return source;
  }
  if (auto conversion = dyn_cast<nn::CastAttr>(recipe)) {
    // What is made anyway is held in the type that is wanted: codes in bytes.
    if (isGroupRecipe(conversion.getSource()))
      return materialise(recipe);
    llvm::Expected<View> source = resolve(conversion.getSource());
    if (!source)
      return source;
    if (source->stored != source->yielded) // One conversion at a time.
      return materialise(recipe);
    source->yielded = *kind;
    return source;
  }
  if (isa<nn::ConcatAttr, nn::PackAttr, nn::PackDotAttr>(recipe) || isIntegerRecipe(recipe) ||
      isGroupRecipe(recipe) ||
      isa<nn::RopeTableAttr, nn::AlibiAttr, nn::SortOrderAttr, nn::TakeAttr>(recipe))
    return materialise(recipe);
  return recipeError(concatText("cannot execute ", recipe));
}

llvm::Error WeightReader::streamView(const View &view, Sink sink) {
  unsigned bytes = getElementBytes(view.yielded);
  int64_t total = numElements(view.shape), chunkElements = kChunkBytes / bytes;
  if (total == 0)
    return llvm::Error::success();
  if (view.stored == view.yielded && view.isRowMajor()) {
    for (int64_t at = 0; at < total; at += chunkElements)
      if (llvm::Error error =
              sink({view.base + at * bytes, size_t(std::min(chunkElements, total - at) * bytes)}))
        return error;
    return llvm::Error::success();
  }
  // Chunks are `rows` indices of dimension `dim` and all of the dimensions inside.
  int64_t inner = 1, dim = view.shape.size();
  while (dim > 0 && inner * view.shape[dim - 1] <= chunkElements)
    inner *= view.shape[--dim];
  std::vector<char> buffer, scratch;
  SmallVector<int64_t> offsets(view.shape.size(), 0), sizes(view.shape);
  int64_t rows = 1, extent = 1;
  if (dim > 0) {
    --dim;
    extent = view.shape[dim];
    rows = std::max<int64_t>(1, chunkElements / inner);
    // Whole cache lines of a transposed source.
    if (rows > 16)
      rows = rows / 16 * 16;
    for (int64_t outer = 0; outer < dim; ++outer)
      sizes[outer] = 1;
  } else if (!view.shape.empty()) {
    extent = rows = view.shape[0];
  }
  int64_t outerCount = total / (extent * inner);
  if (dim == 0 && inner == total)
    outerCount = 1;
  for (int64_t outer = 0; outer < outerCount; ++outer) {
    for (int64_t row = 0; row < extent; row += rows) {
      if (!view.shape.empty()) {
        offsets[dim] = row;
        sizes[dim] = std::min(rows, extent - row);
      }
      buffer.resize(numElements(sizes) * bytes);
      view.copyTo(offsets, sizes, buffer.data(), getRowMajorStrides(sizes), scratch);
      if (llvm::Error error = sink(buffer))
        return error;
    }
    for (int64_t d = dim - 1; d >= 0; --d) {
      if (++offsets[d] < view.shape[d])
        break;
      offsets[d] = 0;
    }
  }
  return llvm::Error::success();
}

llvm::Error WeightReader::streamPanels(const View &view, int64_t panel, Sink sink) {
  int64_t depth = view.shape[0], columns = view.shape[1];
  unsigned bytes = getElementBytes(view.yielded);
  int64_t rows = std::max<int64_t>(1, kChunkBytes / (panel * bytes));
  std::vector<char> buffer, scratch;
  for (int64_t column = 0; column < columns; column += panel) {
    int64_t width = std::min(panel, columns - column);
    for (int64_t row = 0; row < depth; row += rows) {
      int64_t height = std::min(rows, depth - row);
      buffer.assign(height * panel * bytes, 0);
      view.copyTo({row, column}, {height, width}, buffer.data(), {panel, 1}, scratch);
      if (llvm::Error error = sink(buffer))
        return error;
    }
  }
  return llvm::Error::success();
}

llvm::Error WeightReader::streamDotPanels(const View &view, int64_t panel, Sink sink) {
  int64_t depth = view.shape[0], columns = view.shape[1];
  int64_t rows = std::max<int64_t>(1, kChunkBytes / (panel * 4)) * 4;
  std::vector<char> buffer, scratch;
  for (int64_t column = 0; column < columns; column += panel) {
    int64_t width = std::min(panel, columns - column);
    for (int64_t row = 0; row < depth; row += rows) {
      int64_t height = std::min(rows, depth - row), groups = llvm::divideCeil(height, 4);
      buffer.assign(groups * panel * 4, 0);
      // The row 4 g + i of a column lies at [g, column, i].
      for (int64_t at = 0; at < height; ++at)
        view.copyTo({row + at, column}, {1, width}, buffer.data() + at / 4 * panel * 4 + at % 4,
                    {0, 4}, scratch);
      for (char &byte : buffer)
        byte ^= char(0x80);
      if (llvm::Error error = sink(buffer))
        return error;
    }
  }
  return llvm::Error::success();
}

llvm::Error WeightReader::streamConcat(ArrayRef<Attribute> sources, int64_t axis, Sink sink) {
  SmallVector<View> views;
  for (Attribute source : sources) {
    llvm::Expected<View> view = resolve(cast<TypedAttr>(source));
    if (!view)
      return view.takeError();
    views.push_back(std::move(*view));
  }
  if (views.empty())
    return llvm::Error::success();
  // One index of the dimensions before the axis at a time: its piece of every
  // source, in order.
  SmallVector<int64_t> outer(ArrayRef<int64_t>(views[0].shape).take_front(axis));
  SmallVector<int64_t> offsets(axis, 0);
  int64_t count = numElements(outer);
  std::vector<char> buffer;
  auto flush = [&]() -> llvm::Error {
    llvm::Error error = buffer.empty() ? llvm::Error::success() : sink(buffer);
    buffer.clear();
    return error;
  };
  for (int64_t at = 0; at < count; ++at) {
    for (const View &view : views) {
      View part = view;
      for (int64_t dim = 0; dim < axis; ++dim) {
        part.base += offsets[dim] * view.strides[dim] * int64_t(getElementBytes(view.stored));
        part.shape[dim] = 1;
      }
      if (llvm::Error error = streamView(part, [&](ArrayRef<char> chunk) -> llvm::Error {
            if (int64_t(buffer.size() + chunk.size()) > kChunkBytes)
              if (llvm::Error flushed = flush())
                return flushed;
            buffer.insert(buffer.end(), chunk.begin(), chunk.end());
            return llvm::Error::success();
          }))
        return error;
    }
    for (int64_t dim = axis - 1; dim >= 0; --dim) {
      if (++offsets[dim] < outer[dim])
        break;
      offsets[dim] = 0;
    }
  }
  return flush();
}

llvm::Error WeightReader::streamRecipe(TypedAttr recipe, Sink sink) {
  llvm::Expected<ElementKind> kind = kindOf(recipe);
  if (!kind)
    return kind.takeError();
  // Neither step changes the order of the elements.
  if (auto reshape = dyn_cast<nn::ReshapeAttr>(recipe))
    return streamRecipe(reshape.getSource(), sink);
  if (auto conversion = dyn_cast<nn::CastAttr>(recipe)) {
    llvm::Expected<ElementKind> from = kindOf(conversion.getSource());
    if (!from)
      return from.takeError();
    std::vector<char> converted;
    return streamRecipe(conversion.getSource(), [&](ArrayRef<char> chunk) {
      int64_t count = chunk.size() / getElementBytes(*from);
      converted.resize(count * getElementBytes(*kind));
      convertElements(*from, chunk.data(), *kind, converted.data(), count);
      return sink(converted);
    });
  }
  if (auto concat = dyn_cast<nn::ConcatAttr>(recipe))
    return streamConcat(concat.getSources().getValue(), concat.getAxis(), sink);
  if (isIntegerRecipe(recipe))
    return streamIntegerRecipe(recipe, sink);
  if (isGroupRecipe(recipe))
    return streamGroupRecipe(recipe, sink);
  if (auto table = dyn_cast<nn::RopeTableAttr>(recipe))
    return streamRopeTable(table, sink);
  if (auto mask = dyn_cast<nn::AlibiAttr>(recipe))
    return streamAlibi(mask, sink);
  if (auto order = dyn_cast<nn::SortOrderAttr>(recipe))
    return streamSortOrder(order, sink);
  if (auto take = dyn_cast<nn::TakeAttr>(recipe))
    return streamTake(take, sink);
  TypedAttr source = recipe;
  auto pack = dyn_cast<nn::PackAttr>(recipe);
  auto packDot = dyn_cast<nn::PackDotAttr>(recipe);
  if (pack)
    source = pack.getSource();
  if (packDot)
    source = packDot.getSource();
  llvm::Expected<View> view = resolve(source);
  if (!view)
    return view.takeError();
  if (packDot)
    return streamDotPanels(*view, packDot.getPanel(), sink);
  return pack ? streamPanels(*view, pack.getPanel(), sink) : streamView(*view, sink);
}

void WeightReader::releaseRegions() {
  for (auto &[file, region] : touched)
    file->release(region);
  touched.clear();
}

llvm::Error WeightReader::stream(TypedAttr recipe, Sink sink) {
  llvm::Error error = streamRecipe(recipe, sink);
  releaseRegions();
  return error;
}

llvm::Error WeightReader::read(TypedAttr recipe, MutableArrayRef<char> out) {
  auto type = dyn_cast<ShapedType>(recipe.getType());
  std::optional<int64_t> expected = type ? getTensorBytes(type) : std::nullopt;
  if (expected && *expected != int64_t(out.size()))
    return recipeError(
        concatText("expected a buffer of ", *expected, " bytes for ", type, ", got ", out.size()));
  char *to = out.data();
  return stream(recipe, [&](ArrayRef<char> chunk) {
    std::memcpy(to, chunk.data(), chunk.size());
    to += chunk.size();
    return llvm::Error::success();
  });
}

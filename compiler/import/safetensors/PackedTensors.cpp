// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Words are little-endian and so are read as bytes: a stream of codes along K
// or along N. 32 codes of b bits fill b words, also where b does not divide 32.

#include "compiler/import/safetensors/PackedTensors.h"

#include "compiler/import/QuotedName.h"
#include "compiler/weights/MappedFile.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Endian.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::safetensors;

static RankedTensorType typeOf(TypedAttr recipe) {
  return cast<RankedTensorType>(recipe.getType());
}

static TypedAttr reshape(TypedAttr recipe, ArrayRef<int64_t> shape) {
  return nn::ReshapeAttr::get(recipe.getContext(), recipe,
                              RankedTensorType::get(shape, typeOf(recipe).getElementType()));
}

static TypedAttr transpose(TypedAttr recipe, ArrayRef<int64_t> perm) {
  SmallVector<int64_t> shape;
  for (int64_t dim : perm)
    shape.push_back(typeOf(recipe).getDimSize(dim));
  return nn::TransposeAttr::get(recipe.getContext(), recipe, perm,
                                RankedTensorType::get(shape, typeOf(recipe).getElementType()));
}

static int64_t groupsOf(const CodedMatrix &matrix) { return matrix.columns / matrix.group; }

static std::string shapeText(ArrayRef<int64_t> shape) {
  std::string text = "[";
  for (auto [i, size] : llvm::enumerate(shape))
    text += (i ? ", " : "") + std::to_string(size);
  return text + "]";
}

/// Stored elements of `bits` in words, one after another.
static int64_t codeAt(StringRef bytes, uint64_t index, int64_t bits) {
  uint64_t bit = index * bits;
  unsigned word = static_cast<uint8_t>(bytes[bit / 8]);
  if (bit % 8 + bits > 8)
    word |= unsigned(static_cast<uint8_t>(bytes[bit / 8 + 1])) << 8;
  return (word >> bit % 8) & ((1u << bits) - 1);
}

const Tensor *PackedTensors::lookup(StringRef module) const {
  const char *suffix =
      config.method == QuantizationMethod::CompressedTensors ? ".weight_packed" : ".qweight";
  return model.lookup((module + suffix).str()).tensor;
}

bool PackedTensors::fail(const Twine &text) {
  if (complaint->empty())
    *complaint = text.str();
  return false;
}

PackedTensors::Part PackedTensors::find(StringRef suffix, bool wanted) {
  Part part;
  part.name = stem + suffix.str();
  part.placed = model.lookup(part.name);
  if (part)
    used->push_back(part.name);
  else if (wanted)
    fail("expected a tensor " + quoted(part.name) + ", since weights of " + quoted(stem) +
         " are stored as " + config.getName() + ", got none; is the file complete?");
  return part;
}

bool PackedTensors::expect(const Part &part, ArrayRef<StringRef> types, ArrayRef<int64_t> shape) {
  if (!part)
    return false;
  const Tensor &tensor = *part.placed.tensor;
  if (!is_contained(types, StringRef(tensor.type)))
    return fail("tensor " + quoted(part.name) + ": expected elements of " +
                llvm::join(types, " or ") + ", got " + tensor.type);
  if (ArrayRef<int64_t>(tensor.shape) != shape)
    return fail("tensor " + quoted(part.name) + ": expected shape " + shapeText(shape) +
                ", as follows from the codes of " + quoted(stem) + " and " +
                std::to_string(config.bits) + " bits in " +
                (config.group ? "groups of " + std::to_string(config.group) : "groups of a row") +
                " of quantization_config, got " + shapeText(tensor.shape));
  return true;
}

bool PackedTensors::chooseGroups(CodedMatrix &module) {
  int64_t group = config.group ? config.group : module.columns;
  if (module.rows < 1 || module.columns < 1 || module.columns % group != 0)
    return fail("weights of " + quoted(stem) + ": expected rows of a multiple of the group_size " +
                std::to_string(group) + " of quantization_config, got " +
                std::to_string(module.columns));
  if (group > kLongestBlock && group % 32 != 0)
    return fail("weights of " + quoted(stem) + ": expected groups of at most " +
                std::to_string(kLongestBlock) + " elements or a multiple of 32, got " +
                std::to_string(group));
  module.group = group;
  module.bits = config.bits;
  return true;
}

TypedAttr PackedTensors::file(const Part &part, ArrayRef<int64_t> shape, Type element) {
  Builder b(&context);
  const PlacedTensor &placed = part.placed;
  return nn::FileAttr::get(
      &context, b.getStringAttr(placed.path), placed.tensor->offset, placed.tensor->bytes,
      b.getStringAttr(computeDigest({placed.bytes.data(), placed.bytes.size()})),
      RankedTensorType::get(shape, element));
}

TypedAttr PackedTensors::readScales(const Part &part, ArrayRef<int64_t> shape, bool transposed) {
  if (!expect(part, {"F16", "BF16", "F32"}, shape))
    return {};
  Builder b(&context);
  Type element = llvm::StringSwitch<Type>(part.placed.tensor->type)
                     .Case("F16", b.getF16Type())
                     .Case("BF16", b.getBF16Type())
                     .Default(b.getF32Type());
  TypedAttr scales = file(part, shape, element);
  return transposed ? transpose(scales, {1, 0}) : scales;
}

std::optional<int64_t> PackedTensors::readZeros(const Part &part, int64_t most) {
  StringRef bytes = part.placed.bytes;
  int64_t bits = config.bits, first = codeAt(bytes, 0, bits);
  bool uniform = true;
  for (uint64_t i = 0, count = bytes.size() * 8 / bits; i < count; ++i) {
    int64_t zero = codeAt(bytes, i, bits);
    uniform &= zero == first;
    if (zero > most) {
      fail("tensor " + quoted(part.name) + ": stored zero " + std::to_string(zero) +
           ": in checkpoint_format gptq it stands for " + std::to_string(zero + 1) +
           " or for 0, depending on who reads it; try the model in gptq_v2");
      return std::nullopt;
    }
  }
  return uniform ? std::optional(first) : std::nullopt;
}

bool PackedTensors::readGptq(CodedMatrix &result) {
  Builder b(&context);
  int64_t bits = config.bits;
  Part codes = find(".qweight", true), scales = find(".scales", true),
       zeros = find(".qzeros", true);
  if (!complaint->empty())
    return false;
  ArrayRef<int64_t> shape = codes.placed.tensor->shape;
  if (codes.placed.tensor->type != "I32" || shape.size() != 2 || shape[0] % bits != 0 ||
      shape[1] * bits % 32 != 0)
    return fail("tensor " + quoted(codes.name) + ": expected words (I32) in [K * " +
                std::to_string(bits) + " / 32, N], " + std::to_string(bits) +
                " being the bits of quantization_config, and N * " + std::to_string(bits) +
                " / 32 whole, got " + codes.placed.tensor->type + " in " + shapeText(shape));
  int64_t blocks = shape[0] / bits;
  result.rows = shape[1];
  result.columns = blocks * 32;
  if (!chooseGroups(result))
    return false;
  int64_t n = result.rows, groups = groupsOf(result);
  // [K / 32, words, N, bytes of a word]: rows of bytes first.
  TypedAttr words = transpose(file(codes, {blocks, bits, n, 4}, b.getI8Type()), {2, 0, 1, 3});
  result.codes = narrowCodes(unpackCodes(words, n, result.columns, bits), bits);
  result.scales = readScales(scales, {groups, n}, true);
  if (!result.scales || !expect(zeros, {"I32"}, {groups, n * bits / 32}))
    return false;
  int64_t offset = config.zeroOffset;
  std::optional<int64_t> zero = readZeros(zeros, (int64_t(1) << bits) - 1 - offset);
  if (!complaint->empty())
    return false;
  if (zero) {
    result.zero = *zero + offset;
    return true;
  }
  TypedAttr streams = file(zeros, {groups, n * bits / 8}, b.getI8Type());
  result.zeros = transpose(unpackCodes(streams, groups, n, bits, offset), {1, 0});
  return true;
}

/// Of eight codes in a word the first four are columns 0, 2, 4, 6, the others
/// 1, 3, 5, 7: [rows, N] as stored to [N, rows].
static TypedAttr undoInterleaving(TypedAttr codes) {
  int64_t rows = typeOf(codes).getDimSize(0), n = typeOf(codes).getDimSize(1);
  return reshape(transpose(reshape(codes, {rows, n / 8, 2, 4}), {1, 3, 2, 0}), {n, rows});
}

bool PackedTensors::readAwq(CodedMatrix &result) {
  Builder b(&context);
  Part codes = find(".qweight", true), scales = find(".scales", true),
       zeros = find(".qzeros", true);
  if (!complaint->empty())
    return false;
  ArrayRef<int64_t> shape = codes.placed.tensor->shape;
  if (codes.placed.tensor->type != "I32" || shape.size() != 2)
    return fail("tensor " + quoted(codes.name) + ": expected words (I32) in [K, N / 8], got " +
                codes.placed.tensor->type + " in " + shapeText(shape));
  int64_t k = result.columns = shape[0], n = result.rows = shape[1] * 8;
  if (!chooseGroups(result))
    return false;
  result.codes = undoInterleaving(
      narrowCodes(unpackCodes(file(codes, {k, n / 2}, b.getI8Type()), k, n, 4), 4));
  result.scales = readScales(scales, {groupsOf(result), n}, true);
  if (!result.scales || !expect(zeros, {"I32"}, {groupsOf(result), n / 8}))
    return false;
  if (std::optional<int64_t> zero = readZeros(zeros, 15)) {
    result.zero = *zero;
    return true;
  }
  TypedAttr streams = file(zeros, {groupsOf(result), n / 2}, b.getI8Type());
  result.zeros = undoInterleaving(unpackCodes(streams, groupsOf(result), n, 4));
  return true;
}

bool PackedTensors::readCompressedZeros(CodedMatrix &result) {
  Builder b(&context);
  // Codes and zeros are both stored as this much more.
  int64_t bits = config.bits, middle = int64_t(1) << (bits - 1), n = result.rows;
  Part zeros = find(".weight_zero_point", !config.symmetric);
  result.zero = middle;
  if (!zeros)
    return config.symmetric;
  if (zeros.placed.tensor->type == "I8") {
    // As it was before they were packed.
    if (!expect(zeros, {"I8"}, {n, groupsOf(result)}))
      return false;
    auto isZero = [](char byte) { return byte == 0; };
    if (llvm::all_of(zeros.placed.bytes, isZero))
      return true;
    if (config.symmetric)
      return fail("tensor " + quoted(zeros.name) +
                  ": expected zeros of 0, since 'symmetric' of quantization_config is true, got "
                  "others");
    for (char byte : zeros.placed.bytes)
      if (int(byte) < -middle || int(byte) >= middle)
        return fail("tensor " + quoted(zeros.name) + ": expected zeros of " + std::to_string(bits) +
                    " bits, got " + std::to_string(int(byte)));
    auto plane = nn::PlaneAttr::get(&context, 8, 1, 0);
    auto format = nn::GroupsAttr::get(&context, 1, 1, 1, plane, nn::CodeKind::Signed, -middle, {},
                                      nn::ScaleKind::None, -1, nn::SubscaleKind::None, -1,
                                      nn::GroupShiftKind::None, -1, -1);
    result.zeros =
        nn::DecodeAttr::get(&context, file(zeros, {n, groupsOf(result), 1}, b.getI8Type()), format,
                            RankedTensorType::get({n, groupsOf(result)}, b.getF32Type()));
    return true;
  }
  int64_t perWord = 32 / bits, words = llvm::divideCeil(n, perWord);
  if (!expect(zeros, {"I32", "I8"}, {words, groupsOf(result)}))
    return false;
  // What fills the last word is no zero of a row.
  std::optional<int64_t> zero =
      n % perWord == 0 ? readZeros(zeros, (int64_t(1) << bits) - 1) : std::nullopt;
  if (config.symmetric && zero != middle)
    return fail("tensor " + quoted(zeros.name) +
                ": expected zeros in the middle, since 'symmetric' of quantization_config is true, "
                "got others");
  if (zero) {
    result.zero = *zero;
    return true;
  }
  // [words, G, bytes] to [G, words, bytes]: a stream along N for each group.
  TypedAttr streams =
      transpose(file(zeros, {words, groupsOf(result), 4}, b.getI8Type()), {1, 0, 2});
  TypedAttr all = unpackCodes(streams, groupsOf(result), words * perWord, bits);
  result.zeros = transpose(firstColumns(all, n), {1, 0});
  return true;
}

bool PackedTensors::readCompressed(CodedMatrix &result) {
  Builder b(&context);
  Part codes = find(".weight_packed", true), scales = find(".weight_scale", true),
       shape = find(".weight_shape", true);
  if (!complaint->empty())
    return false;
  bool isLong = shape.placed.tensor->type == "I64";
  if (!expect(shape, {"I64", "I32"}, {2}))
    return false;
  const char *bytes = shape.placed.bytes.data();
  auto size = [&](int i) -> int64_t {
    return isLong ? llvm::support::endian::read64le(bytes + 8 * i)
                  : llvm::support::endian::read32le(bytes + 4 * i);
  };
  result.rows = size(0), result.columns = size(1);
  int64_t perWord = 32 / config.bits;
  if (result.rows < 1 || result.columns < 1 || result.rows > INT32_MAX ||
      result.columns > INT32_MAX)
    return fail("tensor " + quoted(shape.name) + ": expected rows and columns of a matrix, got " +
                shapeText({result.rows, result.columns}));
  int64_t words = llvm::divideCeil(result.columns, perWord);
  if (!expect(codes, {"I32"}, {result.rows, words}) || !chooseGroups(result))
    return false;
  TypedAttr streams = file(codes, {result.rows, words * 4}, b.getI8Type());
  result.codes = firstColumns(
      narrowCodes(unpackCodes(streams, result.rows, words * perWord, config.bits), config.bits),
      result.columns);
  result.scales = readScales(scales, {result.rows, groupsOf(result)}, false);
  return result.scales && readCompressedZeros(result);
}

bool PackedTensors::readOrder(const Part &part, const CodedMatrix &module, TypedAttr &order) {
  int64_t columns = module.columns, size = module.group;
  if (!expect(part, {"I32"}, {columns}))
    return false;
  std::vector<int32_t> groups(columns);
  std::vector<int64_t> members(groupsOf(module), 0);
  bool isRuns = true;
  for (int64_t i = 0; i < columns; ++i) {
    groups[i] =
        static_cast<int32_t>(llvm::support::endian::read32le(part.placed.bytes.data() + 4 * i));
    if (groups[i] < 0 || groups[i] >= groupsOf(module))
      return fail("tensor " + quoted(part.name) + ": expected groups from 0 to " +
                  std::to_string(groupsOf(module) - 1) + ", got " + std::to_string(groups[i]));
    ++members[groups[i]];
    isRuns &= groups[i] == i / size;
  }
  if (isRuns)
    return true;
  for (auto [group, count] : llvm::enumerate(members))
    if (count != size)
      return fail("tensor " + quoted(part.name) + ": expected " + std::to_string(size) +
                  " elements in every group, got " + std::to_string(count) + " in group " +
                  std::to_string(group));
  if (!config.ordered)
    return fail("tensor " + quoted(part.name) +
                ": expected elements in the order of their groups, "
                "since quantization_config has no act-order, got another order");
  Builder b(&context);
  TypedAttr &known = orders[groups];
  if (!known)
    known = nn::SortOrderAttr::get(&context, file(part, {columns}, b.getI32Type()),
                                   RankedTensorType::get({columns}, b.getI64Type()));
  order = known;
  return true;
}

decoder::StoredRows PackedTensors::join(const CodedMatrix &matrix, TypedAttr order) {
  CodedMatrix inOrder = matrix;
  if (order)
    inOrder.codes = nn::TakeAttr::get(&context, matrix.codes, order, typeOf(matrix.codes));
  GroupedRows rows = joinBlocks(inOrder);
  return decoder::StoredRows(rows.blocks, rows.format, matrix.columns).orderedBy(order);
}

std::optional<decoder::StoredRows> PackedTensors::read(StringRef module, std::string &text,
                                                       std::vector<std::string> &names) {
  stem = module.str();
  complaint = &text;
  used = &names;
  CodedMatrix parts;
  bool good = false, isCompressed = config.method == QuantizationMethod::CompressedTensors;
  switch (config.method) {
  case QuantizationMethod::Gptq:
    good = readGptq(parts);
    break;
  case QuantizationMethod::Awq:
    good = readAwq(parts);
    break;
  case QuantizationMethod::CompressedTensors:
    good = readCompressed(parts);
    break;
  }
  if (!good)
    return std::nullopt;
  TypedAttr order;
  bool hasOrder = config.method != QuantizationMethod::Awq;
  Part groups = hasOrder ? find(isCompressed ? ".weight_g_idx" : ".g_idx", config.ordered) : Part();
  if (!complaint->empty() || (groups && !readOrder(groups, parts, order)))
    return std::nullopt;
  return join(parts, order);
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Memory as Vulkan binds it. An operand is a binding whose range begins some
// bytes before it, as a push constant says. It may be seen through several
// arguments of one binding: as words, and as vectors of words where its
// alignment allows that. What an argument is, its attribute
// spirv.interface_var_abi and its memory space say.

#include "runtime/include/tercet/vulkan_image.h"
#include "targets/vulkan/Passes.h"
#include "targets/vulkan/Storage.h"

#include "mlir/Dialect/SPIRV/IR/TargetAndABI.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include "llvm/ADT/MapVector.h"

namespace tercet::vulkan {
#define GEN_PASS_DEF_LOWERSTORAGEPASS
#include "targets/vulkan/Passes.h.inc"
} // namespace tercet::vulkan

using namespace mlir;
using namespace tercet;
using namespace tercet::vulkan;

namespace {

MemRefType memoryOf(int64_t size, Type element, spirv::StorageClass storage) {
  auto space = spirv::StorageClassAttr::get(element.getContext(), storage);
  return MemRefType::get({size}, element, MemRefLayoutAttrInterface(), space);
}

class FunctionStorage {
public:
  FunctionStorage(gpu::GPUFuncOp function, const codegen::GpuProfile &profile)
      : function(function), profile(profile),
        b(function.getLoc(), OpBuilder::atBlockBegin(&function.front())),
        arguments(function.getNumArguments()) {}

  LogicalResult lower();

private:
  friend class BoundMemory;
  friend class SharedMemory;

  bool isControl(unsigned argument) {
    return cast<MemRefType>(function.getArgument(argument).getType()).hasStaticShape();
  }
  unsigned countOperands() { return arguments - (arguments != 0 && isControl(arguments - 1)); }

  /// The argument that shows the operand as elements of the type.
  Value viewOf(unsigned operand, Type element) {
    Value &view = views[{operand, element}];
    if (view)
      return view;
    MemRefType type = memoryOf(ShapedType::kDynamic, element, spirv::StorageClass::StorageBuffer);
    auto abi =
        spirv::InterfaceVarABIAttr::get(/*descriptorSet=*/0, operand, std::nullopt, b.getContext());
    return view = addArgument(
               type, b.getDictionaryAttr(b.getNamedAttr(spirv::getInterfaceVarABIAttrName(), abi)));
  }

  Value addArgument(Type type, DictionaryAttr attributes) {
    unsigned number = function.getNumArguments();
    LogicalResult inserted = function.insertArgument(number, type, attributes, function.getLoc());
    assert(succeeded(inserted) && "gpu.func takes any argument");
    (void)inserted;
    return function.getArgument(number);
  }

  /// Units of `bytes` that the operand's range begins before it, as an index.
  Value unitsBefore(unsigned operand, unsigned bytes) {
    if (isControl(operand))
      return {};
    Value &units = before[{operand, bytes}];
    if (units)
      return units;
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&function.front());
    if (!pushed)
      pushed = addArgument(
          memoryOf(countOperands(), b.getI32Type(), spirv::StorageClass::PushConstant), {});
    Value word =
        memref::LoadOp::create(b, pushed, ValueRange{arith::ConstantIndexOp::create(b, operand)});
    Value shift = arith::ConstantIntOp::create(b, llvm::Log2_32(bytes), 32);
    word = arith::ShRUIOp::create(b, word, shift);
    return units = arith::IndexCastUIOp::create(b, b.getIndexType(), word);
  }

  struct Place {
    std::optional<unsigned> operand; // of none, workgroup memory
    int64_t byteShift = 0, alignment = 4;
  };
  FailureOr<Place> placeOf(Operation *op, Value memory);

  LogicalResult lower(Operation *op);
  void lowerHalf(Operation *op, unsigned operand);
  void lowerScalar(Operation *op, WordMemory &memory);
  void lowerVector(Operation *op, WordMemory &memory, const Place &place);
  bool lowerAsWords(vector::LoadOp op, WordMemory &memory, const Place &place);
  bool lowerAsWords(vector::StoreOp op, WordMemory &memory);
  void chooseShared();

  gpu::GPUFuncOp function;
  const codegen::GpuProfile &profile;
  ImplicitLocOpBuilder b;
  unsigned arguments;
  llvm::MapVector<std::pair<unsigned, Type>, Value> views;
  llvm::MapVector<std::pair<unsigned, unsigned>, Value> before;
  Value pushed;
  BlockArgument shared;
};

/// An operand, as words from its first byte on.
class BoundMemory : public WordMemory {
public:
  BoundMemory(FunctionStorage &storage, unsigned operand, Type word)
      : storage(storage), operand(operand), word(word) {}

  Value load(ImplicitLocOpBuilder &b, Type type, Value index) override {
    Value value = memref::LoadOp::create(b, storage.viewOf(operand, word), at(b, index, 4));
    return type == word ? value : arith::BitcastOp::create(b, type, value).getResult();
  }
  void store(ImplicitLocOpBuilder &b, Value value, Value index) override {
    if (value.getType() != word)
      value = arith::BitcastOp::create(b, word, value);
    memref::StoreOp::create(b, value, storage.viewOf(operand, word), at(b, index, 4));
  }
  void change(ImplicitLocOpBuilder &b, Value keep, Value bits, Value index) override {
    Value view = storage.viewOf(operand, b.getI32Type()), place = at(b, index, 4);
    memref::AtomicRMWOp::create(b, arith::AtomicRMWKind::andi, keep, view, place);
    memref::AtomicRMWOp::create(b, arith::AtomicRMWKind::ori, bits, view, place);
  }
  /// The index of a unit in the range that is bound.
  Value at(ImplicitLocOpBuilder &b, Value index, unsigned bytes) {
    Value units = storage.unitsBefore(operand, bytes);
    return units ? arith::AddIOp::create(b, index, units).getResult() : index;
  }

private:
  FunctionStorage &storage;
  unsigned operand;
  Type word;
};

/// Workgroup memory, from a word on.
class SharedMemory : public WordMemory {
public:
  SharedMemory(Value shared, int64_t shift) : shared(shared), shift(shift) {}

  Value load(ImplicitLocOpBuilder &b, Type type, Value index) override {
    Value value = memref::LoadOp::create(b, shared, at(b, index));
    return type == value.getType() ? value : arith::BitcastOp::create(b, type, value).getResult();
  }
  void store(ImplicitLocOpBuilder &b, Value value, Value index) override {
    Type word = cast<MemRefType>(shared.getType()).getElementType();
    if (value.getType() != word)
      value = arith::BitcastOp::create(b, word, value);
    memref::StoreOp::create(b, value, shared, at(b, index));
  }
  void change(ImplicitLocOpBuilder &b, Value keep, Value bits, Value index) override {
    memref::AtomicRMWOp::create(b, arith::AtomicRMWKind::andi, keep, shared, at(b, index));
    memref::AtomicRMWOp::create(b, arith::AtomicRMWKind::ori, bits, shared, at(b, index));
  }

private:
  Value at(ImplicitLocOpBuilder &b, Value index) {
    return arith::AddIOp::create(b, index, arith::ConstantIndexOp::create(b, shift / 4));
  }
  Value shared;
  int64_t shift;
};

Value memoryOf(Operation *op) {
  if (auto load = dyn_cast<memref::LoadOp>(op))
    return load.getMemref();
  if (auto store = dyn_cast<memref::StoreOp>(op))
    return store.getMemref();
  if (auto update = dyn_cast<memref::AtomicRMWOp>(op))
    return update.getMemref();
  if (auto load = dyn_cast<vector::LoadOp>(op))
    return load.getBase();
  if (auto store = dyn_cast<vector::StoreOp>(op))
    return store.getBase();
  return {};
}

} // namespace

FailureOr<FunctionStorage::Place> FunctionStorage::placeOf(Operation *op, Value memory) {
  Place place;
  if (auto view = memory.getDefiningOp<memref::ViewOp>()) {
    std::optional<int64_t> shift = getConstantIntValue(view.getByteShift());
    if (view.getSource() != shared || !shift || *shift % 4 != 0)
      return op->emitOpError() << "expected workgroup memory from a multiple of 4 bytes on",
             failure();
    place.byteShift = *shift;
    return place;
  }
  if (auto aligned = memory.getDefiningOp<memref::AssumeAlignmentOp>()) {
    place.alignment = aligned.getAlignment();
    memory = aligned.getMemref();
  }
  auto argument = dyn_cast<BlockArgument>(memory);
  if (!argument || argument.getOwner() != &function.front() || argument == shared)
    return op->emitOpError() << "expected flat memory; run gpu-lower-memory first", failure();
  if (place.alignment < 4)
    return op->emitOpError() << "needs an operand that begins at a multiple of 4 bytes, and this "
                                "one begins at a multiple of "
                             << place.alignment,
           failure();
  place.operand = argument.getArgNumber();
  return place;
}

/// A half by itself, on a device that has them in storage.
void FunctionStorage::lowerHalf(Operation *op, unsigned operand) {
  auto load = dyn_cast<memref::LoadOp>(op);
  auto store = dyn_cast<memref::StoreOp>(op);
  Value index = load ? load.getIndices()[0] : store.getIndices()[0];
  index = arith::AddIOp::create(b, index, unitsBefore(operand, 2));
  Value view = viewOf(operand, b.getF16Type());
  if (store)
    memref::StoreOp::create(b, store.getValue(), view, index);
  else
    load.replaceAllUsesWith(memref::LoadOp::create(b, view, index).getResult());
}

void FunctionStorage::lowerScalar(Operation *op, WordMemory &memory) {
  if (auto load = dyn_cast<memref::LoadOp>(op)) {
    load.replaceAllUsesWith(loadElement(b, memory, load.getType(), load.getIndices()[0]));
    return;
  }
  auto store = cast<memref::StoreOp>(op);
  storeElement(b, memory, store.getValue(), store.getIndices()[0]);
}

void FunctionStorage::lowerVector(Operation *op, WordMemory &memory, const Place &place) {
  auto load = dyn_cast<vector::LoadOp>(op);
  auto store = dyn_cast<vector::StoreOp>(op);
  VectorType type = load ? load.getVectorType() : store.getVectorType();
  Value index = load ? load.getIndices()[0] : store.getIndices()[0];
  Type element = type.getElementType();
  unsigned lanes = type.getNumElements(), bits = storageBits(element), bytes = lanes * bits / 8;
  SmallVector<Value> elements;
  if (load ? lowerAsWords(load, memory, place) : lowerAsWords(store, memory))
    return;
  if (store)
    for (unsigned lane = 0; lane < lanes; ++lane)
      elements.push_back(vector::ExtractOp::create(b, store.getValueToStore(), lane));

  // As one access, if it is known to be at a multiple of its size.
  std::optional<uint64_t> promised = load ? load.getAlignment() : store.getAlignment();
  bool whole = place.operand && (bytes == 4 || bytes == 8 || bytes == 16) && promised &&
               *promised >= bytes && place.alignment >= bytes;
  if (whole) {
    Type word = element.isF32() ? element : Type(b.getI32Type());
    unsigned words = bytes / 4;
    Type unit = words == 1 ? word : Type(VectorType::get({words}, word));
    Value view = viewOf(*place.operand, unit);
    Value number =
        arith::ShRUIOp::create(b, index, arith::ConstantIndexOp::create(b, llvm::Log2_32(lanes)));
    Value units = unitsBefore(*place.operand, bytes);
    if (units)
      number = arith::AddIOp::create(b, number, units);
    if (store) {
      SmallVector<Value> packed = element.isF32() ? elements : pack(b, elements);
      Value value = words == 1 ? packed[0]
                               : vector::FromElementsOp::create(b, cast<VectorType>(unit), packed);
      memref::StoreOp::create(b, value, view, number);
      return;
    }
    Value value = memref::LoadOp::create(b, view, number);
    SmallVector<Value> packed;
    for (unsigned lane = 0; lane < words; ++lane)
      packed.push_back(words == 1 ? value : vector::ExtractOp::create(b, value, lane).getResult());
    elements = element.isF32() ? packed : unpack(b, element, packed);
    load.replaceAllUsesWith(vector::FromElementsOp::create(b, type, elements).getResult());
    return;
  }
  // Fields of whole words, word by word, which no other thread changes.
  if (bits < 32 && bytes % 4 == 0 && promised && *promised % 4 == 0) {
    Value shift = arith::ConstantIndexOp::create(b, llvm::Log2_32(32 / bits));
    Value first = arith::ShRUIOp::create(b, index, shift);
    SmallVector<Value> words = store ? pack(b, elements) : SmallVector<Value>(bytes / 4);
    for (auto [number, word] : llvm::enumerate(words)) {
      Value at = arith::AddIOp::create(b, first, arith::ConstantIndexOp::create(b, number));
      if (store)
        memory.store(b, word, at);
      else
        word = memory.load(b, b.getI32Type(), at);
    }
    if (load)
      load.replaceAllUsesWith(
          vector::FromElementsOp::create(b, type, unpack(b, element, words)).getResult());
    return;
  }
  for (unsigned lane = 0; lane < lanes; ++lane) {
    Value at = arith::AddIOp::create(b, index, arith::ConstantIndexOp::create(b, lane));
    if (store)
      storeElement(b, memory, elements[lane], at);
    else
      elements.push_back(loadElement(b, memory, element, at));
  }
  if (load)
    load.replaceAllUsesWith(vector::FromElementsOp::create(b, type, elements).getResult());
}

/// Words of an access whose elements are narrower; 0 if it is not known to be one
/// of whole words.
static unsigned wordsOf(VectorType type, std::optional<uint64_t> alignment) {
  unsigned bits = type.getNumElements() * storageBits(type.getElementType());
  return storageBits(type.getElementType()) < 32 && bits % 32 == 0 && alignment && *alignment >= 4
             ? bits / 32
             : 0;
}

/// What other elements are seen in are the words that are loaded.
bool FunctionStorage::lowerAsWords(vector::LoadOp op, WordMemory &memory, const Place &place) {
  VectorType type = op.getVectorType();
  unsigned count = wordsOf(type, op.getAlignment()),
           perWord = 32 / storageBits(type.getElementType());
  if (count == 0 || llvm::none_of(op->getUsers(), llvm::IsaPred<vector::BitCastOp>))
    return false;
  Value first = arith::ShRUIOp::create(b, op.getIndices()[0],
                                       arith::ConstantIndexOp::create(b, llvm::Log2_32(perWord)));
  auto at = [&](unsigned word) -> Value {
    return arith::AddIOp::create(b, first, arith::ConstantIndexOp::create(b, word));
  };
  // Several at once, as far as the alignments allow.
  unsigned step = 1;
  if (place.operand)
    while (step < 4 && count % (2 * step) == 0 && *op.getAlignment() >= 8 * step &&
           place.alignment >= 8 * step)
      step *= 2;
  SmallVector<Value> words;
  for (unsigned word = 0; word < count; word += step) {
    if (step == 1) {
      words.push_back(memory.load(b, b.getI32Type(), at(word)));
      continue;
    }
    Value number =
        arith::ShRUIOp::create(b, at(word), arith::ConstantIndexOp::create(b, llvm::Log2_32(step)));
    if (Value units = unitsBefore(*place.operand, 4 * step))
      number = arith::AddIOp::create(b, number, units);
    Value view = viewOf(*place.operand, VectorType::get({step}, b.getI32Type()));
    Value several = memref::LoadOp::create(b, view, number);
    for (unsigned lane = 0; lane < step; ++lane)
      words.push_back(vector::ExtractOp::create(b, several, lane));
  }
  for (Operation *user : llvm::make_early_inc_range(op->getUsers()))
    if (auto cast = dyn_cast<vector::BitCastOp>(user)) {
      VectorType seen = cast.getResultVectorType();
      cast.replaceAllUsesWith(
          vector::FromElementsOp::create(b, seen, unpack(b, seen.getElementType(), words))
              .getResult());
      cast.erase();
    }
  if (!op.use_empty())
    op.replaceAllUsesWith(
        vector::FromElementsOp::create(b, type, unpack(b, type.getElementType(), words))
            .getResult());
  return true;
}

bool FunctionStorage::lowerAsWords(vector::StoreOp op, WordMemory &memory) {
  VectorType type = op.getVectorType();
  unsigned count = wordsOf(type, op.getAlignment()),
           perWord = 32 / storageBits(type.getElementType());
  auto cast = op.getValueToStore().getDefiningOp<vector::BitCastOp>();
  if (count == 0 || !cast || !cast.getSourceVectorType().getElementType().isInteger(32))
    return false;
  Value first = arith::ShRUIOp::create(b, op.getIndices()[0],
                                       arith::ConstantIndexOp::create(b, llvm::Log2_32(perWord)));
  for (unsigned word = 0; word < count; ++word)
    memory.store(b, vector::ExtractOp::create(b, cast.getSource(), word),
                 arith::AddIOp::create(b, first, arith::ConstantIndexOp::create(b, word)));
  return true;
}

LogicalResult FunctionStorage::lower(Operation *op) {
  b.setInsertionPoint(op);
  b.setLoc(op->getLoc());
  Value memref = memoryOf(op);
  Type element = cast<MemRefType>(memref.getType()).getElementType();
  FailureOr<Place> place = placeOf(op, memref);
  if (failed(place))
    return failure();
  if (storageBits(element) == 0)
    return op->emitOpError() << "expected elements of 8, 16, 32 or 64 bits (f64 excepted), got "
                             << element;
  std::unique_ptr<WordMemory> memory;
  if (place->operand)
    memory = std::make_unique<BoundMemory>(*this, *place->operand,
                                           element.isF32() ? element : Type(b.getI32Type()));
  else
    memory = std::make_unique<SharedMemory>(shared, place->byteShift);
  if (auto update = dyn_cast<memref::AtomicRMWOp>(op)) {
    if (!place->operand || !element.isInteger(32))
      return op->emitOpError() << "expected an atomic access to words of an operand";
    Value at = static_cast<BoundMemory &>(*memory).at(b, update.getIndices()[0], 4);
    Value view = viewOf(*place->operand, element);
    update.replaceAllUsesWith(
        memref::AtomicRMWOp::create(b, update.getKind(), update.getValue(), view, at).getResult());
  } else if (isa<memref::LoadOp, memref::StoreOp>(op)) {
    if (element.isF16() && place->operand && profile.float16 && profile.storage16)
      lowerHalf(op, *place->operand);
    else
      lowerScalar(op, *memory);
  } else {
    lowerVector(op, *memory, *place);
  }
  op->erase();
  return success();
}

/// Words of f32 save casts, if that is all that workgroup memory holds.
void FunctionStorage::chooseShared() {
  bool floats = true;
  for (Operation *user : shared.getUsers())
    if (auto view = dyn_cast<memref::ViewOp>(user))
      floats &= view.getType().getElementType().isF32();
  int64_t words = cast<MemRefType>(shared.getType()).getNumElements() / 4;
  shared.setType(memoryOf(words, floats ? Type(b.getF32Type()) : Type(b.getI32Type()),
                          spirv::StorageClass::Workgroup));
}

LogicalResult FunctionStorage::lower() {
  if (countOperands() > TERCET_VULKAN_OPERANDS_MAX)
    return function.emitOpError() << "expected at most " << TERCET_VULKAN_OPERANDS_MAX
                                  << " operands, got " << countOperands();
  SmallVector<Operation *> accesses;
  function.walk([&](Operation *op) {
    if (memoryOf(op))
      accesses.push_back(op);
  });
  // Its type changes first; views of it are only looked at from here on.
  if (!function.getWorkgroupAttributions().empty()) {
    shared = function.getWorkgroupAttributions().front();
    chooseShared();
  }
  for (Operation *op : accesses)
    if (failed(lower(op)))
      return failure();
  SmallVector<Operation *> dead;
  function.walk([&](Operation *op) {
    if (isa<memref::ViewOp, memref::AssumeAlignmentOp>(op))
      dead.push_back(op);
  });
  for (Operation *op : llvm::reverse(dead))
    op->erase();
  // By hand: eraseArguments of the interface counts workgroup memory, which
  // follows the arguments in the block, among what has attributes and types.
  function.front().eraseArguments(0, arguments);
  FunctionType type = function.getFunctionType();
  function.setFunctionType(
      b.getFunctionType(type.getInputs().drop_front(arguments), type.getResults()));
  if (ArrayAttr attributes = function.getArgAttrsAttr())
    function.setArgAttrsAttr(b.getArrayAttr(attributes.getValue().drop_front(arguments)));
  return success();
}

namespace {

struct LowerStoragePass : vulkan::impl::LowerStoragePassBase<LowerStoragePass> {
  using LowerStoragePassBase::LowerStoragePassBase;
  void runOnOperation() override {
    llvm::Expected<codegen::GpuProfile> parsed = codegen::GpuProfile::parse(profile);
    if (!parsed) {
      getOperation().emitOpError() << llvm::toString(parsed.takeError());
      return signalPassFailure();
    }
    if (failed(FunctionStorage(getOperation(), *parsed).lower()))
      signalPassFailure();
  }
};

} // namespace

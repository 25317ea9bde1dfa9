// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every macro starts with TERCET_NAME_. Names of tensors are made into
// identifiers; where two become one, the later gets a trailing underscore.

#include "compiler/emit/Header.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::emit;

static std::string makeIdentifier(StringRef text) {
  std::string result;
  for (char c : text)
    result += llvm::isAlnum(c) ? llvm::toUpper(c) : '_';
  return result;
}

/// Text that is safe inside of a comment.
static std::string makeComment(StringRef text) {
  std::string result;
  for (char c : text)
    result += llvm::isPrint(c) && c != '\\' ? c : '?';
  return result;
}

namespace {
class HeaderWriter {
public:
  HeaderWriter(const Program &program, llvm::raw_ostream &os)
      : program(program), os(os), prefix("TERCET_" + makeIdentifier(program.name) + "_") {}
  void write();

private:
  /// Writes a macro and returns the name that it got, without prefix.
  std::string define(const Twine &name, const Twine &value) {
    std::string unique = name.str();
    while (!defined.insert(unique).second)
      unique += '_';
    os << "#define " << prefix << unique << ' ' << value << '\n';
    return unique;
  }
  void writePools();
  void writeContext();
  void writeEntry(uint32_t index);
  void writeTensor(const std::string &entry, uint32_t index, bool output,
                   const tercet_tensor_record &tensor);

  const Program &program;
  llvm::raw_ostream &os;
  std::string prefix;
  llvm::StringSet<> defined;
};
} // namespace

void HeaderWriter::writePools() {
  // What an engine with a driver addresses is the driver's to provide.
  uint64_t driven = 0;
  for (auto [index, cpu] : llvm::enumerate(program.objectCpus))
    driven |= static_cast<uint64_t>(!cpu) << index;
  auto isDriven = [&](const tercet_pool_record &pool) {
    return pool.kind != TERCET_POOL_WEIGHTS && (pool.engine_mask & driven);
  };
  os << "\n// Pools that the application provides, in bytes (0: none is needed).\n";
  // The first pool of a kind goes by its kind, further ones by their names.
  for (auto [kind, text] : {std::pair(TERCET_POOL_ARENA, "ARENA"), {TERCET_POOL_STATE, "STATE"}}) {
    bool first = true;
    for (const tercet_pool_record &pool : program.pools) {
      if (pool.kind != static_cast<uint32_t>(kind) || isDriven(pool))
        continue;
      std::string name = first ? text : makeIdentifier(program.strings.get(pool.name));
      define(name + "_BYTES", Twine(pool.bytes));
      define(name + "_ALIGN", Twine(pool.alignment));
      first = false;
    }
    if (first) {
      define(Twine(text) + "_BYTES", "0");
      define(Twine(text) + "_ALIGN", "64");
    }
  }
  if (driven) {
    os << "// Engines behind drivers: their code, what their drivers provide, and the memory that\n"
          "// tercet_drivers_attach asks for; needs tercet/driver.h.\n";
    uint32_t operands = 0;
    for (const tercet_command_record &command : program.commands)
      operands = std::max(operands, command.operand_count);
    for (auto [engine, cpu] : llvm::zip(program.engines, program.objectCpus))
      if (!cpu)
        define(makeIdentifier(program.strings.get(engine.name)) + "_IMAGE_BYTES",
               Twine(engine.image_bytes));
    for (const tercet_pool_record &pool : program.pools)
      if (isDriven(pool))
        define("DRIVER_" + makeIdentifier(program.strings.get(pool.name)) + "_BYTES",
               Twine(pool.bytes));
    define("DRIVERS_BYTES", "(TERCET_DRIVERS_BYTES(" + Twine(llvm::popcount(driven)) + ", " +
                                Twine(program.pools.size()) + ", " + Twine(operands) +
                                ") + TERCET_DRIVERS_SEGMENT_BYTES(" +
                                Twine(program.commands.size()) + "))");
  }
  bool file = !program.weights.empty() && program.weightsPayloadBytes != 0 &&
              program.weights.front().place == TERCET_WEIGHTS_FILE;
  os << "// The file of weights that it maps whole (0: the weights are in the object).\n";
  define("WEIGHTS_BYTES",
         Twine(file ? program.weightsPayloadBytes + sizeof(tercet_weights_trailer) : 0));
  define("WEIGHTS_ALIGN", Twine(program.weightsAlignment));
  if (file)
    define("WEIGHTS_FILE", "\"" + Twine(program.name) + ".weights\"");
  os << "// All bindable inputs and outputs of all entries, each rounded up to the alignment.\n";
  uint64_t ioBytes = 0, ioAlign = 64;
  for (const tercet_pool_record &pool : program.pools)
    if (pool.kind == TERCET_POOL_IO)
      ioAlign = std::max<uint64_t>(ioAlign, pool.alignment);
  for (const tercet_buffer_record &buffer : program.buffers)
    if (program.pools[buffer.pool].kind == TERCET_POOL_IO)
      ioBytes += llvm::alignTo(buffer.bytes, ioAlign);
  define("IO_BYTES", Twine(ioBytes));
  define("IO_ALIGN", Twine(ioAlign));
}

void HeaderWriter::writeContext() {
  uint32_t operands = 0, scalars = 0;
  for (const tercet_command_record &command : program.commands) {
    operands = std::max(operands, command.operand_count);
    scalars = std::max(scalars, command.scalar_count);
  }
  os << "// Memory of a context; needs tercet/runtime.h.\n";
  define("CONTEXT_BYTES", "TERCET_CONTEXT_BYTES(" + Twine(program.pools.size()) + ", " +
                              Twine(program.buffers.size()) + ", " + Twine(program.scalars.size()) +
                              ", " + Twine(operands) + ", " + Twine(scalars) + ")");
  os << "// Workers that the arena has scratch for, and the stack in bytes that a kernel needs\n"
        "// at most on each.\n";
  define("MAX_WORKERS", Twine(program.limits.max_workers));
  define("STACK_BYTES", Twine(program.limits.stack_bytes));
}

void HeaderWriter::writeTensor(const std::string &entry, uint32_t index, bool output,
                               const tercet_tensor_record &tensor) {
  StringRef name = program.strings.get(tensor.name);
  std::string type = llvm::formatv("{0}", program.getType(tensor));
  StringRef kind = output ? "Output" : "Input";
  if (tensor.flags & TERCET_TENSOR_STATE)
    kind = output ? "State after a run" : "State";
  os << "// " << kind << " '" << makeComment(name) << "': " << type << ".\n";
  std::string macro =
      define(entry + (output ? "_OUTPUT_" : "_INPUT_") + makeIdentifier(name), Twine(index));
  uint64_t elements = 1;
  std::string shape;
  for (uint32_t d = 0; d < tensor.rank; ++d) {
    uint64_t size = program.dims[tensor.first_dim + d];
    elements *= size;
    shape += (d ? ", " : "") + std::to_string(size);
  }
  define(macro + "_BYTES", Twine(tensor.bytes));
  define(macro + "_ELEMENTS", Twine(elements));
  define(macro + "_RANK", Twine(tensor.rank));
  // An initialiser for an array of uint64_t; C has none without elements.
  if (tensor.rank)
    define(macro + "_SHAPE", "{" + Twine(shape) + "}");
}

void HeaderWriter::writeEntry(uint32_t index) {
  const tercet_entry_record &entry = program.entries[index];
  StringRef text = program.strings.get(entry.name);
  std::string name = makeIdentifier(text);
  os << "\n// Entry point '" << makeComment(text) << "': indices of its tensors, their sizes in "
     << "bytes and elements, and its scalars.\n";
  define("ENTRY_" + Twine(name), Twine(index));
  for (uint32_t i = 0; i < entry.input_count; ++i)
    writeTensor(name, i, false, program.tensors[entry.first_input + i]);
  for (uint32_t i = 0; i < entry.output_count; ++i)
    writeTensor(name, i, true, program.tensors[entry.first_output + i]);
  for (uint32_t i = 0; i < entry.scalar_count; ++i) {
    const tercet_scalar_record &scalar = program.scalars[entry.first_scalar + i];
    StringRef text = program.strings.get(scalar.name);
    os << "// Scalar '" << makeComment(text) << "': set it between runs.\n";
    std::string macro = define(name + "_SCALAR_" + makeIdentifier(text), Twine(i));
    define(macro + "_MIN", Twine(scalar.min));
    define(macro + "_MAX", Twine(scalar.max));
  }
}

void HeaderWriter::write() {
  std::string guard = prefix + "H";
  os << "// Written by tercet-compile. The program is in " << program.name
     << ".o; tercet/runtime.h runs it.\n#ifndef " << guard << "\n#define " << guard
     << "\n\n#include \"tercet/abi.h\"\n\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n"
     << "extern const tercet_program tercet_" << program.name << ";\n";
  defined.insert("H");
  writePools();
  writeContext();
  for (uint32_t i = 0; i < program.entries.size(); ++i)
    writeEntry(i);
  os << "\n#ifdef __cplusplus\n}\n#endif\n#endif // " << guard << '\n';
}

void emit::writeHeader(const Program &program, llvm::raw_ostream &os) {
  HeaderWriter(program, os).write();
}

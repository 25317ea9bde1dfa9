// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A planned module in the records of the ABI. The one reading of the module
// that the table, the header and the report are all written from, so that they
// cannot disagree. Invariant: everything here follows from the module alone,
// except for what only code generation and the weights' bytes can tell (stack
// sizes and the digest), which are filled in later and change no size.

#ifndef TERCET_COMPILER_EMIT_PROGRAM_H
#define TERCET_COMPILER_EMIT_PROGRAM_H

#include "dialects/cmd/Cmd.h"
#include "dialects/nn/NN.h"
#include "dialects/soc/Soc.h"
#include "runtime/include/tercet/abi.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace tercet::emit {

/// The STRINGS record: every text once, in the order of first use.
class StringRecord {
public:
  StringRecord() : bytes(1, '\0') {}
  /// The text's byte offset; 0 for the empty string.
  uint32_t add(llvm::StringRef text);
  llvm::StringRef get(uint32_t name) const { return bytes.c_str() + name; }
  llvm::StringRef getBytes() const { return bytes; }

private:
  std::string bytes;
  llvm::StringMap<uint32_t> offsets;
};

/// A weight in its pool. `pool` is an index into Program::pools.
struct PlacedWeight {
  nn::WeightOp weight;
  uint32_t pool;
  uint64_t offset;
  uint64_t bytes;
};

/// Where the weights of the program lie.
enum class WeightsPlace { Embed, File };

/// One vector for each record kind of abi.h, and beside them what the records
/// were made from. Vectors with equal prefix have equal length and order.
struct Program {
  std::string name;
  StringRecord strings;
  std::vector<tercet_engine_record> engines;
  std::vector<tercet_pool_record> pools;
  std::vector<tercet_buffer_record> buffers;
  std::vector<uint64_t> dims;
  std::vector<tercet_tensor_record> tensors;
  std::vector<tercet_scalar_record> scalars;
  std::vector<tercet_entry_record> entries;
  std::vector<tercet_operand_record> operands;
  std::vector<uint32_t> scalarRefs;
  std::vector<uint32_t> waits;
  std::vector<tercet_copy_record> copies;
  std::vector<tercet_command_record> commands;
  std::vector<tercet_kernel_record> kernels;
  std::vector<tercet_profile_record> profile;
  std::vector<tercet_weights_record> weights;
  tercet_limits_record limits = {};
  /// Bits of tercet_program_feature.
  uint64_t features = 0;
  /// Images of engines, one after another, each at a multiple of 64.
  std::string images;

  soc::MachineAttr machine;
  /// The engines of `engines`, and the CPU that runs each one's kernels: null
  /// where those are an image of their own.
  std::vector<soc::EngineAttrInterface> engineAttrs;
  std::vector<soc::CpuAttr> objectCpus;
  /// The CPU that gives the object its triple: that of the first kernel, or the
  /// machine's first where there is no kernel.
  soc::CpuAttr cpu;
  std::vector<cmd::PoolOp> poolOps; // null for the pool of inputs and outputs
  std::vector<mlir::Operation *> commandOps;
  std::vector<soc::KernelOp> kernelOps;
  /// The operation that defined a buffer first: cmd.buffer, cmd.weight,
  /// cmd.input, cmd.output or cmd.state.
  std::vector<mlir::Operation *> bufferOps;
  /// The type of an input, output or state.
  mlir::RankedTensorType getType(const tercet_tensor_record &tensor) const;
  /// By pool, then offset, each place once.
  std::vector<PlacedWeight> placedWeights;
  /// Bytes of all weights pools with the padding between and behind them: the
  /// embedded blob, or the file without its trailer.
  uint64_t weightsPayloadBytes = 0;
  uint64_t weightsAlignment = 64;

  /// Symbol of kernel `index` in the object: tercet_NAME_kernel_<index>.
  std::string getKernelSymbol(size_t index) const;
  /// Whether the kernel is code of the object, not of an engine's image.
  bool isInObject(size_t kernel) const { return bool(objectCpus[kernels[kernel].engine]); }
  /// Sets the stack of each kernel of the object and of LIMITS. `bytes` is by
  /// symbol in the object; a kernel that it does not name has 0.
  void setStackBytes(const llvm::StringMap<uint64_t> &bytes);
  /// Sets the digest of the weights payload, a BLAKE3 hash.
  void setWeightsDigest(llvm::ArrayRef<uint8_t> digest);
};

/// Reads a planned module (module attribute soc.machine, nn.weight, soc.kernel,
/// cmd.pool, cmd.entry). `name` is a C identifier. Fails where the module says
/// what the ABI cannot hold.
llvm::Expected<Program> buildProgram(mlir::ModuleOp planned, llvm::StringRef name,
                                     WeightsPlace place);

/// Size of the weights pools of a planned module, without padding between them.
uint64_t getWeightsBytes(mlir::ModuleOp planned);

/// Bytes of the table: of the same size whatever the stack sizes and digest are.
std::string serializeTable(const Program &program);

} // namespace tercet::emit

#endif // TERCET_COMPILER_EMIT_PROGRAM_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The state of one reading of a planned module; private to buildProgram.

#ifndef TERCET_COMPILER_EMIT_PROGRAMBUILDER_H
#define TERCET_COMPILER_EMIT_PROGRAMBUILDER_H

#include "compiler/emit/Program.h"

#include "llvm/ADT/DenseMap.h"

#include <map>
#include <tuple>

namespace tercet::emit {

class ProgramBuilder {
public:
  ProgramBuilder(mlir::ModuleOp module, llvm::StringRef name, WeightsPlace place);
  llvm::Error build();
  Program take() { return std::move(program); }

private:
  // ProgramBuilder.cpp: the machine, memory and the weights.
  llvm::Error chooseCpu();
  llvm::Error addEngines();
  llvm::Error addEngine(soc::EngineAttrInterface engine);
  llvm::Error addPools();
  llvm::Error addBuffers(cmd::EntryOp entry);
  llvm::Error addWeight(cmd::WeightOp op);
  void addBuffer(mlir::Value value, llvm::StringRef pool, uint64_t offset, uint64_t bytes);
  llvm::Error addTensor(mlir::Value value, llvm::StringRef name, mlir::Type type, bool output);
  /// A tensor of the pool of states: input `tied` once more where that is one.
  llvm::Error addState(cmd::StateOp state, uint32_t tied);
  /// The record alone; its buffer is the caller's to name.
  llvm::Error addTensorRecord(llvm::StringRef name, mlir::Type type, llvm::StringRef kind);
  void addScalars(cmd::EntryOp entry);
  llvm::Error placeWeights();
  /// The engines that address a memory, as far as they are allowed to.
  uint64_t getEngineMask(llvm::StringRef memory,
                         llvm::function_ref<bool(unsigned)> isAllowed) const;

  // CommandBuilder.cpp: entries and their commands.
  llvm::Error addEntry(cmd::EntryOp entry);
  llvm::Error addDispatch(cmd::DispatchOp op);
  llvm::Error addCopy(cmd::CopyOp op);
  llvm::Expected<uint32_t> getKernel(cmd::DispatchOp op);
  llvm::Error addCommand(mlir::Operation *op, mlir::Value token, mlir::ValueRange waits,
                         llvm::StringRef engine, uint64_t predictedPs,
                         tercet_command_record record);
  void addOperand(mlir::Value buffer, uint64_t offset, uint64_t bytes, uint32_t access);
  void numberTokens(size_t firstCommand);

  mlir::ModuleOp module;
  mlir::SymbolTable symbols;
  WeightsPlace place;
  Program program;
  uint64_t ioAlignment = 64;
  uint32_t ioPool = TERCET_NONE;
  llvm::StringMap<uint32_t> engineIndex, poolIndex, kernelIndex;
  llvm::DenseMap<mlir::Value, uint32_t> bufferIndex, scalarIndex;
  std::map<std::tuple<uint32_t, uint64_t, uint64_t, uint64_t>, uint32_t> bufferAt;
  /// The command that signals a token, as an index into Program::commands.
  llvm::DenseMap<mlir::Value, uint32_t> commandOfToken;
  /// Per command, the commands that it has to wait for and whose engine differs.
  std::vector<llvm::SmallVector<uint32_t>> waitsFor;
};

} // namespace tercet::emit

#endif // TERCET_COMPILER_EMIT_PROGRAMBUILDER_H

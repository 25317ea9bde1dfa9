// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One function for each member of the report's object.

#include "compiler/emit/Report.h"

#include "compiler/report/PlannedMemory.h"
#include "compiler/report/ReportFile.h"
#include "dialects/soc/SourceNames.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::emit;

namespace {
class ReportWriter {
public:
  ReportWriter(ModuleOp planned, const Program &program, llvm::raw_ostream &os)
      : planned(planned), program(program), memory(report::getPlannedMemory(planned)),
        json(os, /*IndentSize=*/1) {
    findTimes();
    for (auto [index, op] : llvm::enumerate(program.bufferOps))
      indexOfBuffer[op] = index;
  }
  void write(const EmitOptions &options);

private:
  struct Span {
    uint64_t start = 0, end = 0;
  };
  void findTimes();
  void writeEngine(soc::EngineAttrInterface engine);
  void writeMachine();
  void writeArena(const report::PlannedArena &arena);
  void writePools();
  void writeBuffers();
  void writeAllocations();
  void writeProof(StringRef key, StringRef value, soc::ProofAttr proof);
  void writePlacement(cmd::DispatchOp op);
  void writeComputation(soc::ComputationAttr computation);
  void writeEntries();
  void writeTensors(StringRef key, uint32_t first, uint32_t count);
  void writeCommand(uint32_t index);
  void writeKernels();
  void writeWeights();
  void attribute(StringRef key, StringRef text) { json.attribute(key, llvm::json::fixUTF8(text)); }
  void nodes(ArrayRef<StringRef> names) {
    json.attributeArray("nodes", [&] {
      for (StringRef name : names)
        json.value(llvm::json::fixUTF8(name));
    });
  }
  StringRef name(uint32_t offset) const { return program.strings.get(offset); }

  ModuleOp planned;
  const Program &program;
  report::PlannedMemory memory;
  /// When each command is predicted to run.
  std::vector<Span> times;
  llvm::DenseMap<Operation *, uint32_t> indexOfBuffer;
  llvm::json::OStream json;
};
} // namespace

/// As the scheduler says; commands that it has not seen (copies, and all where
/// the text gives the order) begin when their queue and what they wait for let
/// them.
void ReportWriter::findTimes() {
  std::vector<uint64_t> queueEnd(program.engines.size(), 0);
  llvm::DenseMap<Value, uint64_t> endOfToken;
  Operation *entry = nullptr;
  for (auto [index, op] : llvm::enumerate(program.commandOps)) {
    if (op->getParentOp() != entry) {
      entry = op->getParentOp();
      std::fill(queueEnd.begin(), queueEnd.end(), 0);
    }
    uint32_t engine = program.commands[index].engine;
    Span span{queueEnd[engine], 0};
    for (Value operand : op->getOperands())
      span.start = std::max(span.start, endOfToken.lookup(operand));
    uint64_t predicted = 0;
    if (auto dispatch = dyn_cast<cmd::DispatchOp>(op)) {
      soc::EngineAttrInterface attr = program.engineAttrs[engine];
      predicted = dispatch.getPredictedPs() + attr.getEnginePerformance().getLaunchPs();
      if (std::optional<uint64_t> start = dispatch.getStartPs())
        span.start = *start;
    }
    span.end = span.start + predicted;
    queueEnd[engine] = std::max(queueEnd[engine], span.end);
    endOfToken[op->getResult(0)] = span.end;
    times.push_back(span);
  }
}

void ReportWriter::writeEngine(soc::EngineAttrInterface engine) {
  attribute("name", engine.getEngineName());
  attribute("kind", engine.getEngineKind());
  attribute("memory", engine.getEngineMemory());
  soc::MachineAttr machine = program.machine;
  json.attribute("workers", machine.getWorkersOf(engine));
  json.attribute("launch_ps", engine.getEnginePerformance().getLaunchPs());
  std::string reason;
  bool isPresent = engine.isPresent(reason);
  json.attribute("present", isPresent);
  if (!isPresent)
    attribute("absent_reason", reason);
  if (soc::CpuAttr cpu = engine.getObjectCpu()) {
    attribute("triple", cpu.getTriple().getValue());
    attribute("cpu", cpu.getCpu().getValue());
    attribute("features", cpu.getFeatures().getValue());
  }
}

void ReportWriter::writeMachine() {
  json.attributeObject("machine", [&] {
    attribute("name", program.machine.getName().getValue());
    json.attribute("workers", program.limits.max_workers);
    json.attributeArray("engines", [&] {
      for (Attribute attr : program.machine.getEngines()) {
        auto engine = dyn_cast<soc::EngineAttrInterface>(attr);
        if (!engine)
          continue;
        json.object([&] { writeEngine(engine); });
      }
    });
  });
}

void ReportWriter::writeArena(const report::PlannedArena &arena) {
  json.attribute("greedy_by_size_bytes", arena.greedyBySizeBytes);
  if (!arena.separateArenas.empty())
    json.attributeArray("separate_arenas", [&] {
      for (const report::PlannedArena::Separate &separate : arena.separateArenas)
        json.object([&] {
          attribute("engine", separate.engine);
          json.attribute("bytes", separate.bytes);
        });
    });
  if (!arena.peakEntry)
    return;
  json.attributeObject("peak", [&] {
    attribute("entry", cmd::EntryOp(arena.peakEntry).getSymName());
    json.attribute("bytes", arena.peakBytes);
    json.attributeArray("allocations", [&] {
      for (unsigned index : arena.livePeak)
        json.value(index);
    });
  });
}

void ReportWriter::writePools() {
  json.attributeArray("pools", [&] {
    for (auto [pool, op] : llvm::zip(program.pools, program.poolOps))
      json.object([&, &record = pool, pool = op] {
        attribute("name", name(record.name));
        if (!pool) { // Inputs and outputs: bound one by one, nothing to plan.
          uint64_t bytes = 0;
          for (const tercet_buffer_record &buffer : program.buffers)
            if (&program.pools[buffer.pool] == &record)
              bytes += buffer.bytes;
          json.attribute("kind", "io");
          json.attribute("bytes", bytes);
          json.attribute("alignment", record.alignment);
          return;
        }
        cmd::PoolOp plan = pool;
        json.attribute("kind", cmd::stringifyPoolKind(plan.getKind()));
        attribute("memory", plan.getMemory());
        json.attribute("bytes", record.bytes);
        json.attribute("alignment", record.alignment);
        json.attribute("lower_bound", plan.getLowerBound());
        attribute("method", plan.getMethod());
        json.attribute("gap", plan.getBytes() - plan.getLowerBound());
        json.attribute("status", plan.getBytes() == plan.getLowerBound() ? "optimal" : "gap");
        for (const report::PlannedArena &arena : memory.arenas)
          if (arena.pool == plan)
            writeArena(arena);
      });
  });
}

void ReportWriter::writeBuffers() {
  std::vector<int64_t> first(program.buffers.size(), -1), last(program.buffers.size(), -1);
  // What a buffer holds is named by the command that writes it first.
  std::vector<SmallVector<StringRef>> names(program.buffers.size());
  auto use = [&](uint32_t buffer, int64_t command, bool write) {
    if (first[buffer] < 0)
      first[buffer] = command;
    last[buffer] = command;
    if (write && names[buffer].empty())
      names[buffer] = soc::getSourceNames(program.commandOps[command]->getLoc());
  };
  for (auto [i, command] : llvm::enumerate(program.commands)) {
    for (uint32_t k = 0; k < command.operand_count; ++k) {
      const tercet_operand_record &operand = program.operands[command.first_operand + k];
      use(operand.buffer, i, operand.access & TERCET_ACCESS_WRITE);
    }
    if (command.scratch_buffer != TERCET_NONE)
      use(command.scratch_buffer, i, false);
  }
  json.attributeArray("buffers", [&] {
    for (auto [i, buffer] : llvm::enumerate(program.buffers))
      json.object([&, i = i, &buffer = buffer] {
        Operation *op = program.bufferOps[i];
        SmallVector<StringRef> own = soc::getSourceNames(op->getLoc());
        if (auto weight = dyn_cast<cmd::WeightOp>(op))
          own = {weight.getWeight()};
        else if (auto input = dyn_cast<cmd::InputOp>(op))
          own = {input.getName()};
        else if (auto output = dyn_cast<cmd::OutputOp>(op))
          own = {output.getName()};
        else if (auto state = dyn_cast<cmd::StateOp>(op))
          own = {state.getName()};
        attribute("pool", name(program.pools[buffer.pool].name));
        json.attribute("offset", buffer.offset);
        json.attribute("bytes", buffer.bytes);
        nodes(own.empty() ? names[i] : own);
        json.attribute("first", first[i]);
        json.attribute("last", last[i]);
      });
  });
}

void ReportWriter::writeAllocations() {
  llvm::DenseMap<Operation *, int64_t> firstCommand;
  for (auto [index, op] : llvm::enumerate(program.commandOps))
    firstCommand.try_emplace(op->getParentOp(), index);
  json.attributeArray("allocations", [&] {
    for (const report::PlannedAllocation &allocation : memory.allocations)
      json.object([&] {
        cmd::EntryOp entry = allocation.entry;
        cmd::PoolOp pool = allocation.pool;
        int64_t base = firstCommand.lookup(entry);
        attribute("pool", pool.getSymName());
        attribute("entry", entry.getSymName());
        json.attribute("role", allocation.isScratch ? "scratch" : "tensor");
        nodes(allocation.getNodes());
        attribute("engine", allocation.engine);
        json.attribute("offset", allocation.offset);
        json.attribute("bytes", allocation.bytes);
        json.attribute("first", base + allocation.first);
        json.attribute("last", base + allocation.last);
        json.attributeArray("buffers", [&] {
          for (cmd::BufferOp buffer : allocation.buffers)
            json.value(indexOfBuffer.at(buffer));
        });
      });
  });
}

void ReportWriter::writeProof(StringRef key, StringRef value, soc::ProofAttr proof) {
  if (!proof)
    return;
  json.attributeObject(key, [&] {
    json.attribute(value, proof.getValue());
    json.attribute("lower_bound_ps", proof.getLowerBound());
    json.attribute("gap_ps", proof.getValue() - proof.getLowerBound());
    json.attribute("optimal", proof.getValue() == proof.getLowerBound());
    attribute("method", proof.getMethod().getValue());
  });
}

void ReportWriter::writePlacement(cmd::DispatchOp op) {
  ArrayAttr alternatives = op.getAlternativesAttr();
  if (!alternatives)
    return;
  for (auto alternative : alternatives.getAsRange<soc::AlternativeAttr>()) {
    if (alternative.getReason() != "share" || alternative.getEngine() != op.getEngine())
      continue;
    // "rows BEGIN to END; what it costs", as the placement words it.
    auto [begin, end] = alternative.getDetail().getValue().split(';').first.split(" to ");
    int64_t from, to;
    if (begin.consume_front("rows ") && !begin.getAsInteger(10, from) && !end.getAsInteger(10, to))
      json.attributeObject("rows", [&] {
        json.attribute("begin", from);
        json.attribute("end", to);
      });
  }
  json.attributeArray("alternatives", [&] {
    for (auto alternative : alternatives.getAsRange<soc::AlternativeAttr>())
      json.object([&] {
        attribute("engine", alternative.getEngine().getValue());
        attribute("reason", alternative.getReason().getValue());
        json.attribute("cost_ps", alternative.getCostPs());
        attribute("detail", alternative.getDetail().getValue());
      });
  });
}

void ReportWriter::writeComputation(soc::ComputationAttr computation) {
  if (!computation)
    return;
  json.attribute("multiply_adds", computation.getMultiplyAdds());
  if (int64_t centibel = computation.getSnrCentibel())
    json.attribute("snr_db", double(centibel) / 10);
  if (computation.getReason())
    attribute("precision_reason", computation.getReason().getValue());
}

void ReportWriter::writeTensors(StringRef key, uint32_t first, uint32_t count) {
  json.attributeArray(key, [&] {
    for (uint32_t i = first; i < first + count; ++i)
      json.object([&] {
        const tercet_tensor_record &tensor = program.tensors[i];
        attribute("name", name(tensor.name));
        attribute("type", llvm::formatv("{0}", program.getType(tensor)).str());
        json.attribute("bytes", tensor.bytes);
        json.attribute("buffer", tensor.buffer);
      });
  });
}

void ReportWriter::writeCommand(uint32_t index) {
  const tercet_command_record &command = program.commands[index];
  Operation *op = program.commandOps[index];
  uint64_t read = 0, written = 0;
  json.attribute("index", index);
  json.attribute("op", command.opcode == TERCET_COMMAND_COPY ? "copy" : "dispatch");
  if (auto dispatch = dyn_cast<cmd::DispatchOp>(op)) {
    soc::KernelOp kernel = program.kernelOps[command.target];
    json.attribute("kernel", command.target);
    attribute("variant", kernel.getVariant().getName().getValue());
    // Element type that it computes in: i8 is w8a8, i16 w8a16.
    attribute("precision",
              llvm::formatv("{0}", kernel.getVariant().getPrecision().getValue()).str());
    json.attributeArray("grid", [&] {
      for (uint32_t tiles : command.grid)
        json.value(tiles);
    });
    json.attribute("scratch_stride", command.scratch_stride);
    if (command.scratch_buffer != TERCET_NONE)
      json.attribute("scratch_buffer", command.scratch_buffer);
  }
  attribute("engine", name(program.engines[command.engine].name));
  nodes(soc::getSourceNames(op->getLoc()));
  json.attribute("predicted_ps", program.profile[command.profile_slot].predicted_ps);
  json.attribute("start_ps", times[index].start);
  json.attribute("end_ps", times[index].end);
  if (auto dispatch = dyn_cast<cmd::DispatchOp>(op)) {
    writeComputation(dispatch.getComputationAttr());
    writePlacement(dispatch);
  }
  for (uint32_t i = 0; i < command.operand_count; ++i) {
    const tercet_operand_record &operand = program.operands[command.first_operand + i];
    (operand.access & TERCET_ACCESS_WRITE ? written : read) += operand.bytes;
  }
  json.attribute("read_bytes", read);
  json.attribute("written_bytes", written);
  json.attributeArray("operands", [&] {
    for (uint32_t i = 0; i < command.operand_count; ++i)
      json.object([&] {
        const tercet_operand_record &operand = program.operands[command.first_operand + i];
        json.attribute("buffer", operand.buffer);
        json.attribute("offset", operand.offset);
        json.attribute("bytes", operand.bytes);
        json.attribute("access", operand.access & TERCET_ACCESS_WRITE ? "write" : "read");
      });
  });
  json.attributeArray("waits", [&] {
    for (uint32_t i = 0; i < command.wait_count; ++i)
      json.value(program.waits[command.first_wait + i]);
  });
  if (command.signal_token != TERCET_NONE)
    json.attribute("signals", command.signal_token);
}

void ReportWriter::writeEntries() {
  // In the order of program.entries.
  std::vector<cmd::EntryOp> ops(planned.getOps<cmd::EntryOp>().begin(),
                                planned.getOps<cmd::EntryOp>().end());
  json.attributeArray("entries", [&] {
    for (auto [index, entry] : llvm::enumerate(program.entries))
      json.object([&, &entry = entry, op = ops[index]] {
        attribute("name", name(entry.name));
        writeProof("partition", "value_ps", cmd::EntryOp(op).getPartitionAttr());
        writeProof("schedule", "makespan_ps", cmd::EntryOp(op).getScheduleAttr());
        writeTensors("inputs", entry.first_input, entry.input_count);
        writeTensors("outputs", entry.first_output, entry.output_count);
        json.attributeArray("commands", [&] {
          for (uint32_t i = 0; i < entry.command_count; ++i)
            json.object([&] { writeCommand(entry.first_command + i); });
        });
      });
  });
}

void ReportWriter::writeKernels() {
  std::vector<uint32_t> uses(program.kernels.size(), 0);
  for (const tercet_command_record &command : program.commands)
    if (command.opcode == TERCET_COMMAND_DISPATCH)
      ++uses[command.target];
  json.attributeArray("kernels", [&] {
    for (auto [i, kernel] : llvm::enumerate(program.kernels))
      json.object([&, i = i, &kernel = kernel] {
        soc::KernelOp op = program.kernelOps[i];
        attribute("name", name(kernel.name));
        attribute("symbol", program.getKernelSymbol(i));
        attribute("engine", name(program.engines[kernel.engine].name));
        attribute("variant", op.getVariant().getName().getValue());
        json.attribute("scratch_bytes", kernel.scratch_bytes);
        json.attribute("stack_bytes", kernel.stack_bytes);
        json.attribute("uses", uses[i]);
      });
  });
}

void ReportWriter::writeWeights() {
  json.attributeObject("weights", [&] {
    bool file = !program.weights.empty() && program.weights.front().place == TERCET_WEIGHTS_FILE;
    json.attribute("place", file ? "file" : "embedded");
    json.attribute("bytes", program.weightsPayloadBytes);
    if (!program.weights.empty())
      attribute("digest",
                "blake3:" + llvm::toHex(llvm::ArrayRef<uint8_t>(program.weights.front().digest),
                                        /*LowerCase=*/true));
    json.attributeArray("tensors", [&] {
      for (const PlacedWeight &placed : program.placedWeights)
        json.object([&] {
          nn::WeightOp weight = placed.weight;
          attribute("name", weight.getSymName());
          attribute("type", llvm::formatv("{0}", weight.getType()).str());
          attribute("pool", name(program.pools[placed.pool].name));
          json.attribute("offset", placed.offset);
          json.attribute("bytes", placed.bytes);
        });
    });
  });
}

void ReportWriter::write(const EmitOptions &options) {
  json.object([&] {
    json.attribute("format", report::kReportFormat);
    attribute("name", program.name);
    attribute("model", llvm::sys::path::filename(options.modelPath));
    writeMachine();
    writePools();
    writeBuffers();
    writeAllocations();
    writeEntries();
    writeKernels();
    writeWeights();
    json.attributeObject("statistics", [&] {
      for (auto &[key, count] : options.statistics)
        json.attribute(key, count);
    });
  });
  json.flush();
}

void emit::writeReport(ModuleOp planned, const Program &program, const EmitOptions &options,
                       llvm::raw_ostream &os) {
  ReportWriter(planned, program, os).write(options);
  os << '\n';
}

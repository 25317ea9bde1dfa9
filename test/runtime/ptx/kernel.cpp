// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Decoding. An instruction or modifier that is not known is an error here, when
// the module is loaded, as it would be in an assembler.
#include "kernel.h"
#include <algorithm>
#include <set>

namespace tercet_test::ptx {

namespace {

// Modifiers that change nothing here: how fast and how exact, caches, scopes.
bool isHint(const std::string &part) {
  static const char *const hints[] = {"approx",
                                      "full",
                                      "volatile",
                                      "relaxed",
                                      "weak",
                                      "acquire",
                                      "release",
                                      "acq_rel",
                                      "sc",
                                      "cta",
                                      "gpu",
                                      "sys",
                                      "gl",
                                      "uni",
                                      "nc",
                                      "aligned",
                                      "sync",
                                      "cs",
                                      "ca",
                                      "cg",
                                      "cv",
                                      "lu",
                                      "wb",
                                      "wt",
                                      "L1::no_allocate",
                                      "L1::evict_last",
                                      "L1::evict_first",
                                      "L1::evict_normal",
                                      "L1::evict_unchanged",
                                      "L2::128B",
                                      "L2::256B",
                                      "L2::64B",
                                      "noftz"};
  return std::find(std::begin(hints), std::end(hints), part) != std::end(hints);
}

bool isRounding(const std::string &part) {
  static const char *const all[] = {"rn", "rz", "rm", "rp", "rni", "rzi", "rmi", "rpi"};
  return std::find(std::begin(all), std::end(all), part) != std::end(all);
}

} // namespace

Kernel::Kernel(const Module &module, const Entry &e,
               const std::map<std::string, std::vector<unsigned char>> &globals)
    : entry(e) {
  for (const Parameter &parameter : entry.parameters)
    symbols[parameter.name] = parameter.offset;
  for (const auto &[name, bytes] : globals)
    symbols[name] = reinterpret_cast<uint64_t>(bytes.data());
  // Only what it names; what is of unknown size comes behind everything else.
  std::set<std::string> named;
  for (const Instruction &instruction : entry.code)
    for (const Operand &operand : instruction.operands) {
      named.insert(operand.text);
      for (const Operand &part : operand.parts)
        named.insert(part.text);
    }
  for (bool open : {false, true})
    for (const std::vector<Variable> *variables : {&module.variables, &entry.variables})
      for (const Variable &variable : *variables)
        if ((variable.bytes == 0) == open && named.count(variable.name))
          place(variable);
  for (const Instruction &instruction : entry.code)
    steps.push_back(decode(instruction));
}

void Kernel::place(const Variable &variable) {
  if (variable.space != "shared" && variable.space != "local")
    return;
  uint64_t &end = variable.space == "shared" ? sharedBytes : localBytes;
  end = (end + variable.alignment - 1) / variable.alignment * variable.alignment;
  symbols[variable.name] = end;
  end += variable.bytes;
}

uint32_t Kernel::registerOf(const std::string &name) {
  auto [found, isNew] = names.emplace(name, registers);
  registers += isNew;
  return found->second;
}

Source Kernel::source(const Instruction &instruction, const Operand &operand) {
  Source s;
  s.negated = operand.negated;
  if (operand.kind == Operand::Register) {
    s.kind = Source::Register;
    s.index = registerOf(operand.text);
  } else if (operand.kind == Operand::Immediate) {
    s.kind = Source::Immediate;
    s.value = operand.value;
  } else if (operand.kind == Operand::Symbol && symbols.count(operand.text)) {
    s.kind = Source::Immediate;
    s.value = symbols.at(operand.text);
  } else if (operand.kind == Operand::Special) {
    static const std::map<std::string, Source::Kind> kinds = {
        {"%tid", Source::Thread},        {"%ntid", Source::BlockSize},
        {"%ctaid", Source::BlockNumber}, {"%nctaid", Source::GridSize},
        {"%laneid", Source::Lane},       {"%warpid", Source::Warp}};
    size_t dot = operand.text.find('.');
    auto found = kinds.find(operand.text.substr(0, dot));
    if (found == kinds.end())
      throw Error(instruction.line, "unknown register '" + operand.text + "'");
    s.kind = found->second;
    s.index = dot == std::string::npos ? 0 : uint32_t(operand.text[dot + 1] - 'x');
  } else {
    throw Error(instruction.line, "unknown operand '" + operand.text + "'");
  }
  return s;
}

int64_t Kernel::result(const Instruction &instruction, const Operand &operand) {
  if (operand.kind == Operand::Sink)
    return -1;
  if (operand.kind != Operand::Register)
    throw Error(instruction.line, "expected a register for the result");
  return registerOf(operand.text);
}

// Type, vector and space of an access; its address is that operand.
void Kernel::decodeMemory(const Instruction &instruction, Step &step, size_t address) {
  static const std::map<std::string, Space> spaces = {
      {"global", Space::Global}, {"shared", Space::Shared},   {"shared::cta", Space::Shared},
      {"local", Space::Local},   {"param", Space::Parameter}, {"const", Space::Global}};
  for (size_t i = 1; i < instruction.parts.size(); ++i) {
    const std::string &part = instruction.parts[i];
    if (auto space = spaces.find(part); space != spaces.end())
      step.space = space->second;
    else if (Type type = Type::of(part); type.kind)
      step.what.type = type;
    else if (step.kind == Step::Atomic && step.operation.empty() && !isHint(part))
      step.operation = part;
    else if (!isHint(part) && part != "v2" && part != "v4")
      throw Error(instruction.line, "unknown modifier '." + part + "'");
  }
  const Operand &where = instruction.operands.at(address);
  if (!step.what.type.kind || where.kind != Operand::Address)
    throw Error(instruction.line, "expected a type and an address");
  step.sources.push_back(source(instruction, where.parts[0]));
  step.sources.push_back({});
  step.sources.back().kind = Source::Immediate;
  step.sources.back().value = where.value;
}

void Kernel::decodeArithmetic(const Instruction &instruction, Step &step) {
  const std::string &name = instruction.parts[0];
  Arithmetic &what = step.what;
  for (size_t i = 1; i < instruction.parts.size(); ++i) {
    const std::string &part = instruction.parts[i];
    if (Type type = Type::of(part); type.kind)
      (what.type.kind ? what.from : what.type) = type;
    else if (step.kind == Step::Compare && what.comparison.empty())
      what.comparison = part;
    else if (step.kind == Step::Compare && (part == "and" || part == "or" || part == "xor"))
      step.operation = part;
    else if (part == "lo" || part == "hi" || part == "wide" || part == "l" || part == "r" ||
             part == "wrap" || part == "clamp")
      what.mode += part == "wrap" || part == "clamp" ? part.substr(0, 1) : part;
    else if (isRounding(part))
      what.rounding = part;
    else if (part == "sat")
      what.saturate = true;
    else if (part == "ftz")
      what.flush = true;
    else if (part == "NaN")
      what.propagateNaN = true;
    else if (!isHint(part))
      throw Error(instruction.line, "unknown modifier '." + part + "'");
  }
  if (!what.type.kind)
    throw Error(instruction.line, "an instruction without a type");
  if (what.mode == "lw" || what.mode == "rw" || what.mode == "lc" || what.mode == "rc")
    ; // of shf
  step.resultBits = what.type.bits * what.type.lanes * (what.mode == "wide" ? 2 : 1);
  if (name == "popc" || name == "clz" || name == "bfind")
    step.resultBits = 32;
  // There are no registers of 8 bits: what is converted to so many fills a wider one.
  if (name == "cvt" && what.type.bits == 8)
    step.resultBits = 64;
  size_t first = 1;
  const Operand &to = instruction.operands.at(0);
  if (to.kind == Operand::Pair)
    for (const Operand &part : to.parts)
      step.results.push_back(result(instruction, part));
  else
    step.results.push_back(result(instruction, to));
  for (; first < instruction.operands.size(); ++first)
    step.sources.push_back(source(instruction, instruction.operands[first]));
  if (name == "lop3") {
    what.immediate = step.sources.at(3).value;
    step.sources.pop_back();
  }
  if (step.sources.empty() || step.sources.size() > 3)
    throw Error(instruction.line, "a number of operands that '" + name + "' does not take");
}

// Only the shapes that are known, spelled in full.
void Kernel::decodeMatrix(const Instruction &instruction, Step &step) {
  const std::vector<Operand> &operands = instruction.operands;
  std::string name;
  for (const std::string &part : instruction.parts)
    if (part != "trans")
      name += (name.empty() ? "" : ".") + part;
  auto append = [&](const Operand &operand, size_t count, bool isResult) {
    if (operand.kind != Operand::Vector || operand.parts.size() != count)
      throw Error(instruction.line, "expected " + std::to_string(count) + " registers");
    for (const Operand &part : operand.parts)
      if (isResult)
        step.results.push_back(result(instruction, part));
      else
        step.sources.push_back(source(instruction, part));
  };
  if (name == "ldmatrix.sync.aligned.m8n8.x4.shared.b16" && operands.size() == 2 &&
      operands[1].kind == Operand::Address) {
    step.kind = Step::LoadMatrices;
    step.space = Space::Shared;
    step.transposed = instruction.has("trans");
    append(operands[0], 4, /*isResult=*/true);
    step.sources.push_back(source(instruction, operands[1].parts[0]));
    step.sources.push_back({Source::Immediate, 0, operands[1].value, false});
    return;
  }
  bool isHalf = name == "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32";
  if (!isHalf && name != "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32")
    throw Error(instruction.line, "unknown product of matrices '" + name + "'");
  if (operands.size() != 4)
    throw Error(instruction.line, "expected four operands");
  step.kind = Step::Multiply;
  step.what.type = Type::of(isHalf ? "f16" : "bf16");
  append(operands[0], 4, /*isResult=*/true);
  append(operands[1], 4, false);
  append(operands[2], 2, false);
  append(operands[3], 4, false);
}

void Kernel::decodeCopy(const Instruction &instruction, Step &step) {
  const std::vector<Operand> &operands = instruction.operands;
  if (instruction.has("commit_group") && operands.empty()) {
    step.kind = Step::CommitCopies;
    return;
  }
  if (instruction.has("wait_group") && operands.size() == 1 &&
      operands[0].kind == Operand::Immediate) {
    step.kind = Step::AwaitCopies;
    step.count = uint32_t(operands[0].value);
    return;
  }
  bool bypasses = instruction.has("cg");
  if (instruction.parts.size() != 5 || instruction.parts[1] != "async" ||
      (!bypasses && !instruction.has("ca")) || !instruction.has("shared") ||
      !instruction.has("global") || operands.size() < 3 || operands.size() > 4 ||
      operands[0].kind != Operand::Address || operands[1].kind != Operand::Address ||
      operands[2].kind != Operand::Immediate)
    throw Error(instruction.line, "unknown copy");
  step.kind = Step::Copy;
  step.count = uint32_t(operands[2].value);
  if (step.count != 16 && (bypasses || (step.count != 8 && step.count != 4)))
    throw Error(instruction.line, "a copy of " + std::to_string(step.count) + " bytes");
  for (int i = 0; i < 2; ++i) {
    step.sources.push_back(source(instruction, operands[i].parts[0]));
    step.sources.push_back({Source::Immediate, 0, operands[i].value, false});
  }
  if (operands.size() == 4)
    step.sources.push_back(source(instruction, operands[3]));
}

Step Kernel::decode(const Instruction &instruction) {
  Step step;
  const std::string &name = instruction.parts[0];
  const std::vector<Operand> &operands = instruction.operands;
  step.line = instruction.line;
  step.name = name;
  if (!instruction.guard.empty()) {
    step.guard.kind = Source::Register;
    step.guard.index = registerOf(instruction.guard);
    step.guard.negated = instruction.guardNegated;
  }
  auto results = [&](const Operand &operand) {
    if (operand.kind == Operand::Vector || operand.kind == Operand::Pair)
      for (const Operand &part : operand.parts)
        step.results.push_back(result(instruction, part));
    else
      step.results.push_back(result(instruction, operand));
  };
  auto sources = [&](const Operand &operand) {
    if (operand.kind == Operand::Vector)
      for (const Operand &part : operand.parts)
        step.sources.push_back(source(instruction, part));
    else
      step.sources.push_back(source(instruction, operand));
  };
  auto need = [&](size_t count) {
    if (operands.size() < count)
      throw Error(instruction.line, "too few operands of '" + name + "'");
  };

  if (name == "ld" || name == "ldu") {
    need(2);
    step.kind = Step::Load;
    decodeMemory(instruction, step, 1);
    results(operands[0]);
  } else if (name == "st") {
    need(2);
    step.kind = Step::Store;
    decodeMemory(instruction, step, 0);
    sources(operands[1]);
  } else if (name == "atom" || name == "red") {
    step.kind = Step::Atomic;
    size_t address = name == "atom" ? 1 : 0;
    need(address + 2);
    decodeMemory(instruction, step, address);
    step.results.push_back(address ? result(instruction, operands[0]) : -1);
    for (size_t i = address + 1; i < operands.size(); ++i)
      sources(operands[i]);
  } else if (name == "mov") {
    need(2);
    step.kind = Step::Move;
    step.what.type = Type::of(instruction.parts.back());
    if (!step.what.type.kind)
      throw Error(instruction.line, "unknown type of mov");
    results(operands[0]);
    sources(operands[1]);
  } else if (name == "cvta") {
    need(2);
    bool from = instruction.has("to");
    step.kind = from ? Step::FromGeneric : Step::ToGeneric;
    step.space = instruction.has("shared")  ? Space::Shared
                 : instruction.has("local") ? Space::Local
                                            : Space::Global;
    results(operands[0]);
    sources(operands[1]);
  } else if (name == "bra") {
    need(1);
    step.kind = Step::Branch;
    auto label = entry.labels.find(operands[0].text);
    if (label == entry.labels.end())
      throw Error(instruction.line, "unknown label '" + operands[0].text + "'");
    step.target = label->second;
  } else if ((name == "bar" || name == "barrier") && instruction.has("sync")) {
    step.kind = instruction.has("warp") ? Step::WarpBarrier : Step::Barrier;
    if (step.kind == Step::WarpBarrier) {
      need(1);
      sources(operands[0]);
    }
    if (step.kind == Step::Barrier &&
        (operands.size() != 1 || operands[0].kind != Operand::Immediate || operands[0].value))
      throw Error(instruction.line, "only barrier 0 of the whole block is known");
  } else if (name == "shfl" || name == "vote" || name == "redux") {
    step.kind = name == "shfl" ? Step::Shuffle : name == "vote" ? Step::Vote : Step::Reduce;
    step.operation = instruction.parts.at(2);
    step.what.type = Type::of(instruction.parts.back());
    need(name == "shfl" ? 5 : 3);
    results(operands[0]);
    for (size_t i = 1; i < operands.size(); ++i)
      sources(operands[i]);
  } else if (name == "mma" || name == "ldmatrix") {
    decodeMatrix(instruction, step);
  } else if (name == "cp") {
    decodeCopy(instruction, step);
  } else if (name == "activemask") {
    step.kind = Step::Active;
    need(1);
    results(operands[0]);
  } else if (name == "membar" || name == "fence" || name == "prefetch" || name == "prefetchu") {
    step.kind = Step::Nothing;
  } else if (name == "ret" || name == "exit") {
    step.kind = Step::Exit;
  } else if (name == "trap") {
    step.kind = Step::Trap;
  } else if (name == "setp") {
    step.kind = Step::Compare;
    step.function = findArithmetic(name);
    decodeArithmetic(instruction, step);
  } else if ((step.function = findArithmetic(name))) {
    step.kind = Step::Compute;
    decodeArithmetic(instruction, step);
  } else {
    throw Error(instruction.line, "unknown instruction '" + name + "'");
  }
  return step;
}

} // namespace tercet_test::ptx

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Machine files. Expected numbers are worked out by hand; the errors of one
// text are compared whole, so that none is lost or said twice.

#include "compiler/machine/MachineReader.h"
#include "compiler/machine/MachineTable.h"
#include "compiler/machine/MachineWriter.h"
#include "compiler/machine/SocFiles.h"
#include "compiler/machine/YamlNode.h"
#include "targets/Targets.h"

#include "mlir/IR/MLIRContext.h"

#include "gtest/gtest.h"

using namespace tercet;

namespace {

constexpr const char *kSmall = R"(name: small
engines:
  - name: cpu
    kind: cpu
    target: cpu
    memories: [dram]
    cpu: {triple: aarch64-linux-gnu, cpu: cortex-a76, cores: 4, clock_mhz: 2400, l2_kib: 512}
    performance: {launch_us: 0.25, bandwidth_gb_per_s: 12.5, efficiency_percent: {product: 77}}
  - name: npu
    kind: npu
    target: nobodys
    memories: [sram, dram]
    performance:
      launch_us: 1.5
      synchronise_us: 2
      bandwidth_gb_per_s: 0.000000001
      cache_maintenance_gb_per_s: 3
      peak_gops: {i8: 6000, f16: 0.5}
    properties: {lanes: 64, mode: fast, quoted: "7", list: [1, true], nested: {deep: no}}
memories:
  - {name: dram, size_mib: 4096, bandwidth_gb_per_s: 25.6}
  - {name: sram, size_kib: 384, alignment_bytes: 128}
links:
  - {between: [dram, sram], bandwidth_gb_per_s: 8.25, latency_ns: 0.125}
)";

struct MachineReader : testing::Test {
  MachineReader() {
    mlir::DialectRegistry registry;
    registry.insert<soc::SocDialect>();
    registerTargetDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  soc::MachineAttr read(llvm::StringRef text, uint32_t workers = 0) {
    llvm::Expected<soc::MachineAttr> machine = readMachine(&context, text, "m.yaml", workers);
    if (machine)
      return *machine;
    ADD_FAILURE() << llvm::toString(machine.takeError());
    return {};
  }
  std::string errorsOf(llvm::StringRef text) {
    llvm::Expected<soc::MachineAttr> machine = readMachine(&context, text, "m.yaml", 0);
    return machine ? "" : llvm::toString(machine.takeError());
  }
  /// The small machine with one text in place of another.
  std::string errorsWith(llvm::StringRef from, llvm::StringRef to) {
    std::string text = kSmall;
    size_t at = text.find(from.str());
    EXPECT_NE(at, std::string::npos) << from.str();
    return errorsOf(text.replace(at, from.size(), to.str()));
  }

  mlir::MLIRContext context;
};

TEST_F(MachineReader, NumbersAreExact) {
  soc::MachineAttr machine = read(kSmall);
  ASSERT_TRUE(machine);
  EXPECT_EQ(machine.getName().getValue(), "small");
  EXPECT_EQ(machine.getWorkers(), 4u);
  EXPECT_EQ(read(kSmall, 3).getWorkers(), 3u);
  auto cpu = mlir::cast<soc::CpuAttr>(machine.getEngines()[0]);
  EXPECT_EQ(cpu.getCores(), 4u);
  EXPECT_EQ(cpu.getMegahertz(), 2400u);
  EXPECT_EQ(cpu.getVectorBits(), 128u);
  EXPECT_EQ(cpu.getL1Bytes(), 32768u);
  EXPECT_EQ(cpu.getL2Bytes(), 524288u);
  soc::PerformanceAttr figures = cpu.getPerformance();
  EXPECT_EQ(figures.getLaunchPs(), 250000u);
  // What is not given is what the same CPU has without any figures.
  std::string plain = kSmall;
  plain.erase(plain.find("    performance: {"),
              plain.find("  - name: npu") - plain.find("    performance: {"));
  auto bare = mlir::cast<soc::EngineAttrInterface>(read(plain).getEngines()[0]);
  EXPECT_EQ(figures.getSynchronisePs(), bare.getEnginePerformance().getSynchronisePs());
  EXPECT_EQ(figures.getBandwidthBytesPerSecond(), 12500000000u);
  EXPECT_EQ(figures.getEfficiency("product"), 77u);
  EXPECT_EQ(figures.getEfficiency("rows"), bare.getEnginePerformance().getEfficiency("rows"));
  EXPECT_EQ(figures.getPeak(mlir::Float32Type::get(&context)), 153600000000u);

  auto npu = mlir::cast<soc::EngineAttr>(machine.getEngines()[1]);
  figures = npu.getPerformance();
  EXPECT_EQ(figures.getLaunchPs(), 1500000u);
  EXPECT_EQ(figures.getSynchronisePs(), 2000000u);
  EXPECT_EQ(figures.getBandwidthBytesPerSecond(), 1u);
  EXPECT_EQ(figures.getCacheBytesPerSecond(), 3000000000u);
  EXPECT_EQ(figures.getPeak(mlir::Float16Type::get(&context)), 500000000u);
  std::string reason;
  EXPECT_FALSE(mlir::cast<soc::EngineAttrInterface>(machine.getEngines()[1]).isPresent(reason));
  EXPECT_NE(reason.find("'nobodys'"), std::string::npos);
  std::string text;
  llvm::raw_string_ostream(text) << npu.getProperties();
  EXPECT_EQ(text, "{lanes = 64 : i64, list = [1, true], mode = \"fast\", nested = {deep = \"no\"}, "
                  "quoted = \"7\"}");

  EXPECT_EQ(machine.lookupMemory("dram").getBytes(), UINT64_C(4) << 30);
  EXPECT_EQ(machine.lookupMemory("dram").getBandwidthBytesPerSecond(), 25600000000u);
  EXPECT_EQ(machine.lookupMemory("sram").getBytes(), 393216u);
  EXPECT_EQ(machine.lookupMemory("sram").getAlignment(), 128u);
  auto link = mlir::cast<soc::LinkAttr>((*machine.getLinks().begin()));
  EXPECT_EQ(link.getBandwidthBytesPerSecond(), 8250000000u);
  EXPECT_EQ(link.getLatencyPs(), 125u);
}

TEST_F(MachineReader, EveryFileOfTercetIsRead) {
  ASSERT_GE(allSocFiles().size(), 9u);
  for (const SocFile &file : allSocFiles()) {
    SCOPED_TRACE(file.name.str());
    EXPECT_FALSE(readMachineDescription(file.text).empty());
    llvm::Expected<soc::MachineAttr> machine = readMachine(&context, file.text, file.name, 0);
    if (!machine) {
      // The one that not every machine can be.
      EXPECT_EQ(file.name, "host-split") << llvm::toString(machine.takeError());
      continue;
    }
    EXPECT_EQ(machine->getName().getValue(), file.name);
    std::string table;
    llvm::raw_string_ostream os(table);
    printMachineTable(*machine, os);
    EXPECT_NE(table.find("engines"), std::string::npos);
  }
}

TEST_F(MachineReader, WrongFieldsAreReportedWhereTheyStand) {
  EXPECT_EQ(errorsWith("cores: 4", "cores: 0"),
            "m.yaml:7:62: field 'cores': expected a whole number from 1 to 1024, got '0'");
  EXPECT_EQ(errorsWith("cores: 4, ", ""), "m.yaml:7:11: expected field 'cores' of a CPU");
  EXPECT_EQ(errorsWith("clock_mhz: 2400", "clock_mhz: 2.4"),
            "m.yaml:7:76: field 'clock_mhz': expected a whole number from 1 to 100000, got '2.4'");
  EXPECT_EQ(errorsWith("cortex-a76", "cortex-b1").substr(0, 42),
            "m.yaml:7:43: unknown cpu 'cortex-b1' for a");
  EXPECT_EQ(errorsWith("cores: 4", "cores: 4, features: +warp").substr(0, 27),
            "m.yaml:7:75: expected featu");
  EXPECT_EQ(errorsWith("cores: 4", "cores: 4, vector_bits: 256"),
            "m.yaml:7:78: expected a power of two from 128 to 128 for this CPU, got 256");
  EXPECT_EQ(errorsWith("bandwidth_gb_per_s: 12.5", "bandwidth_gb_per_s: 0"),
            "m.yaml:8:56: field 'bandwidth_gb_per_s': expected a number above 0 and up to "
            "1000000000, got '0'");
  EXPECT_EQ(errorsWith("product: 77", "product: 101"),
            "m.yaml:8:92: field 'product': expected a whole number from 1 to 100, got '101'");
  EXPECT_EQ(errorsWith("product: 77", "convolution: 7"),
            "m.yaml:8:83: unknown field 'convolution'; the fields of 'efficiency_percent' are "
            "product, thin_product, attention, rows, elements");
  EXPECT_EQ(errorsWith("kind: npu", "kind: tpu"),
            "m.yaml:10:11: field 'kind': expected cpu, gpu, npu or dma, got 'tpu'");
  EXPECT_EQ(errorsWith("0.000000001", "0.0000000001"),
            "m.yaml:16:27: field 'bandwidth_gb_per_s': expected a number above 0 and up to "
            "1000000000, with at most 9 digits behind the point, got '0.0000000001'");
  EXPECT_EQ(errorsWith("size_mib: 4096", "size_mib: 99999999999999"),
            "m.yaml:21:28: field 'size_mib': expected a whole number from 1 to 4398046511104, got "
            "'99999999999999'");
  EXPECT_EQ(errorsWith("size_kib: 384", "size_kib: -384"),
            "m.yaml:22:28: field 'size_kib': expected a whole number from 1 to 4503599627370496, "
            "got '-384'");
  EXPECT_EQ(errorsWith("alignment_bytes: 128", "alignment_bytes: 48"),
            "m.yaml:22:50: field 'alignment_bytes': expected a power of two, got 48");
}

TEST_F(MachineReader, WhatDoesNotFitTogetherIsReported) {
  EXPECT_EQ(errorsWith("memories: [dram]", "memories: []"),
            "m.yaml:6:16: engine 'cpu' reaches no memory");
  EXPECT_EQ(errorsWith("memories: [dram]", "memories: [vram]"),
            "m.yaml:6:16: engine 'cpu' works on memory 'vram', which the machine does not have");
  EXPECT_EQ(errorsWith("name: npu", "name: cpu"),
            "m.yaml:9:11: two engines are called 'cpu'; the first is in line 3");
  EXPECT_EQ(errorsWith("[dram, sram], ", "[dram, moon], "),
            "m.yaml:24:22: a link ends at memory 'moon', which the machine does not have");
  EXPECT_EQ(errorsWith("[dram, sram], ", "[dram, dram], "),
            "m.yaml:24:22: a link joins memory 'dram' with itself");
  std::string second = "latency_ns: 0.125}\n  - {between: [sram, dram], bandwidth_gb_per_s: 1}";
  EXPECT_EQ(errorsWith("latency_ns: 0.125}", second),
            "m.yaml:25:6: the link of 'sram' and 'dram' closes a cycle; expected one route between "
            "two memories");
  // An island: neither a link nor an engine leads to the npu's memory.
  std::string island = kSmall;
  island.replace(island.find("[sram, dram]"), 12, "[sram]");
  island.resize(island.find("links:"));
  EXPECT_EQ(errorsOf(island), "m.yaml:9:5: engine 'npu' works on memory 'sram', to which no link "
                              "leads from memory 'dram'");
  EXPECT_EQ(errorsWith("kind: cpu", "kind: gpu"),
            "m.yaml:3:3: the machine has no engine of kind cpu, which every program needs to run "
            "on\nm.yaml:4:11: target 'cpu' makes engines of kind cpu, got 'gpu'");
  EXPECT_EQ(errorsWith("      launch_us: 1.5\n", ""),
            "m.yaml:14:7: engine 'npu' has no 'launch_us'; engines of target 'nobodys' need it");
}

TEST_F(MachineReader, AllErrorsAtOnce) {
  std::string text = kSmall;
  text.replace(text.find("kind: npu"), 9, "kynd: npu");
  text.replace(text.find("name: small"), 11, "name: 2small");
  EXPECT_EQ(errorsOf(text),
            "m.yaml:1:7: field 'name': expected a name of letters, digits, '.', '_' and '-', a "
            "letter first, got '2small'\n"
            "m.yaml:9:5: expected field 'kind' of an engine\n"
            "m.yaml:10:5: unknown field 'kynd'; the fields of an engine are name, kind, target, "
            "memories, cpu, performance, properties");
}

TEST_F(MachineReader, TextThatIsNoMachine) {
  EXPECT_EQ(errorsOf(""), "m.yaml:1:1: the file is empty");
  EXPECT_EQ(errorsOf(" \n\n"), "m.yaml:1:1: the file is empty");
  EXPECT_NE(errorsOf("# nothing but a comment\n").find("m.yaml"), std::string::npos);
  EXPECT_NE(errorsOf("[1, 2]").find("expected the fields of a machine, got a list"),
            std::string::npos);
  EXPECT_NE(errorsOf("name: [1, 2").find("m.yaml:1:"), std::string::npos);
  EXPECT_NE(errorsOf("name: a\nname: b\n").find("m.yaml:2:1: field 'name' is given twice"),
            std::string::npos);
  EXPECT_NE(errorsOf("name: &a x\nengines: *a\n").find("aliases are not supported"),
            std::string::npos);
  EXPECT_NE(errorsOf("name: a\n---\nname: b\n").find("expected one document"), std::string::npos);
  EXPECT_NE(errorsOf(std::string(100000, '[')).find("nested no deeper than"), std::string::npos);
  EXPECT_NE(errorsOf(std::string((1 << 20) + 1, 'x')).find("1048577 bytes"), std::string::npos);
  EXPECT_FALSE(errorsOf(std::string("\0\1\2\x7f"
                                    "ELF",
                                    7))
                   .empty());
}

TEST_F(MachineReader, EveryTruncationIsAnError) {
  // No prefix of a file crashes, and none but those that end behind a whole
  // list of memories are machines.
  llvm::StringRef text = kSmall;
  size_t complete = text.find("links:") - 1;
  for (size_t length = 0; length < complete; ++length)
    EXPECT_FALSE(errorsOf(text.take_front(length)).empty()) << length;
}

TEST_F(MachineReader, WrittenMachinesAreReadAgain) {
  llvm::SmallVector<std::pair<std::string, std::string>> texts = {{"small", kSmall}};
  for (const SocFile &file : allSocFiles())
    if (file.name != "host-split")
      texts.push_back({file.name.str(), file.text.str()});
  for (const auto &[name, text] : texts) {
    SCOPED_TRACE(name);
    soc::MachineAttr machine = read(text);
    ASSERT_TRUE(machine);
    std::string written;
    llvm::raw_string_ostream os(written);
    writeMachine(machine, "a \"quoted\" text", {{"cpu", "two\nlines"}}, os);
    EXPECT_EQ(read(written), machine) << written;
    EXPECT_EQ(readMachineDescription(written), "a \"quoted\" text");
  }
}

TEST_F(MachineReader, MoreEnginesThanCoresOfTheHost) {
  EXPECT_NE(errorsWith("{triple: aarch64-linux-gnu, cpu: cortex-a76, cores: 4, clock_mhz: 2400, "
                       "l2_kib: 512}",
                       "host/1024")
                .find("m.yaml:7:10: this machine has "),
            std::string::npos);
}

} // namespace

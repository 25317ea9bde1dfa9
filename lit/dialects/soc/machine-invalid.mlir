// RUN: tercet-opt %s -split-input-file --verify-diagnostics

// expected-error @below {{expected a memory with a name}}
#m = #soc.memory<"", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>

// -----

// expected-error @below {{memory 'dram': alignment 48 is no power of two}}
#m = #soc.memory<"dram", bytes = 0, alignment = 48, bandwidth_bytes_per_second = 0>

// -----

// expected-error @below {{expected an engine with a name}}
#cpu = #soc.cpu<"", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 0, l2_bytes = 0, l3_bytes = 0>

// -----

// expected-error @below {{engine 'cpu': expected at least one core}}
#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 0, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 0, l2_bytes = 0, l3_bytes = 0>

// -----

// expected-error @below {{engine 'cpu': expected vectors of a power of two of at least 64 bits in at least 8 registers, got 96 bits in 16}}
#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 96, vector_registers = 16, megahertz = 3000, l1_bytes = 0, l2_bytes = 0, l3_bytes = 0>

// -----

// expected-error @below {{engine 'cpu': expected a clock above 0 MHz}}
#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 0, l1_bytes = 0, l2_bytes = 0, l3_bytes = 0>

// -----

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 0, l2_bytes = 0, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
// expected-error @below {{machine 'board': expected at least one worker}}
#machine = #soc.machine<"board", workers = 0, engines = [#cpu], memories = [#dram]>

// -----

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 0, l2_bytes = 0, l3_bytes = 0>
// expected-error @below {{expected a #soc.memory, got "dram"}}
#machine = #soc.machine<"board", workers = 1, engines = [#cpu], memories = ["dram"]>

// -----

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 0, l2_bytes = 0, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
// expected-error @below {{two memories are called 'dram'}}
#machine = #soc.machine<"board", workers = 1, engines = [#cpu], memories = [#dram, #dram]>

// -----

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 0, l2_bytes = 0, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
// expected-error @below {{two engines are called 'cpu'}}
#machine = #soc.machine<"board", workers = 1, engines = [#cpu, #cpu], memories = [#dram]>

// -----

#cpu = #soc.cpu<"cpu", memory = "sram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 0, l2_bytes = 0, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
// expected-error @below {{engine 'cpu' works on memory 'sram', which the machine does not have}}
#machine = #soc.machine<"board", workers = 1, engines = [#cpu], memories = [#dram]>

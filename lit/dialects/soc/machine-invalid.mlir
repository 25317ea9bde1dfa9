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

// -----

#figures = #soc.performance<launch_ps = 0, synchronise_ps = 0, bandwidth_bytes_per_second = 1, cache_bytes_per_second = 0, operations_per_second = {}, efficiency_percent = {}>
// expected-error @below {{engine 'npu' reaches no memory}}
#npu = #soc.engine<"npu", target = "t", kind = "npu", memories = [], performance = #figures, properties = {}>

// -----

#figures = #soc.performance<launch_ps = 0, synchronise_ps = 0, bandwidth_bytes_per_second = 1, cache_bytes_per_second = 0, operations_per_second = {}, efficiency_percent = {}>
// expected-error @below {{engine 'npu': expected a kind of cpu, gpu, npu or dma, got 'tpu'}}
#npu = #soc.engine<"npu", target = "t", kind = "tpu", memories = ["dram"], performance = #figures, properties = {}>

// -----

// expected-error @below {{expected a bandwidth above 0 bytes per second}}
#figures = #soc.performance<launch_ps = 0, synchronise_ps = 0, bandwidth_bytes_per_second = 0, cache_bytes_per_second = 0, operations_per_second = {}, efficiency_percent = {}>

// -----

// expected-error @below {{operations per second of 'f32': expected 1 to 4611686018427387904, got 0 : i64}}
#figures = #soc.performance<launch_ps = 0, synchronise_ps = 0, bandwidth_bytes_per_second = 1, cache_bytes_per_second = 0, operations_per_second = {f32 = 0}, efficiency_percent = {}>

// -----

// expected-error @below {{efficiency in percent of 'product': expected 1 to 100, got 101 : i64}}
#figures = #soc.performance<launch_ps = 0, synchronise_ps = 0, bandwidth_bytes_per_second = 1, cache_bytes_per_second = 0, operations_per_second = {}, efficiency_percent = {product = 101}>

// -----

// expected-error @below {{the link of 'a' and 'b' has a bandwidth of 0}}
#link = #soc.link<"a", "b", bandwidth_bytes_per_second = 0, latency_ps = 0>

// -----

#a = #soc.memory<"a", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#b = #soc.memory<"b", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#c = #soc.memory<"c", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
// expected-error @below {{the link of 'c' and 'a' closes a cycle: expected one route between two memories}}
#machine = #soc.machine<"board", workers = 1, engines = [], memories = [#a, #b, #c], links = [
  #soc.link<"a", "b", bandwidth_bytes_per_second = 1, latency_ps = 0>,
  #soc.link<"b", "c", bandwidth_bytes_per_second = 1, latency_ps = 0>,
  #soc.link<"c", "a", bandwidth_bytes_per_second = 1, latency_ps = 0>]>

// -----

#a = #soc.memory<"a", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
// expected-error @below {{a link ends at memory 'b', which the machine does not have}}
#machine = #soc.machine<"board", workers = 1, engines = [], memories = [#a], links = [#soc.link<"a", "b", bandwidth_bytes_per_second = 1, latency_ps = 0>]>

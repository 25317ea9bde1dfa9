// RUN: tercet-opt %s --schedule-assign-order -split-input-file --verify-diagnostics

// expected-error @below {{expected a #soc.machine on the module; try --soc}}
module {
}

// -----

#figures = #soc.performance<launch_ps = 100, synchronise_ps = 1000, bandwidth_bytes_per_second = 1000000000000, cache_bytes_per_second = 0,
  operations_per_second = {}, efficiency_percent = {}>
#a = #soc.cpu<"a", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "", cores = 1, vector_bits = 256,
  vector_registers = 16, megahertz = 1000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0, performance = #figures>
#b = #soc.cpu<"b", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "", cores = 1, vector_bits = 256,
  vector_registers = 16, megahertz = 1000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0, performance = #figures>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 1, engines = [#a, #b], memories = [#dram]>
#ms = #soc.variant<"ms", precision = f32, tiles = [1], panels = [0], time_ps = 900, scratch_bytes = 0>

module attributes {soc.machine = #machine} {
  // The reader is to go first.
  func.func @contradiction(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error @below {{its place in the queue of engine 'a' contradicts what the tasks read of each other}}
    %0, %t0 = soc.task on "a" order 1 variant #ms (%x) after () : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%p0: tensor<4xf32>):
      soc.yield %p0 : tensor<4xf32>
    }
    %1, %t1 = soc.task on "a" order 0 variant #ms (%0) after () : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%p0: tensor<4xf32>):
      soc.yield %p0 : tensor<4xf32>
    }
    return %1 : tensor<4xf32>
  }

  // So it is across two queues.
  func.func @across(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
    // expected-error @below {{its place in the queue of engine 'a' contradicts what the tasks read of each other}}
    %0, %t0 = soc.task on "a" order 1 variant #ms (%x) after () : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%p0: tensor<4xf32>):
      soc.yield %p0 : tensor<4xf32>
    }
    %1, %t1 = soc.task on "b" order 0 variant #ms (%0) after () : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%p0: tensor<4xf32>):
      soc.yield %p0 : tensor<4xf32>
    }
    %2, %t2 = soc.task on "b" order 1 variant #ms (%x) after () : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%p0: tensor<4xf32>):
      soc.yield %p0 : tensor<4xf32>
    }
    %3, %t3 = soc.task on "a" order 0 variant #ms (%2) after () : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%p0: tensor<4xf32>):
      soc.yield %p0 : tensor<4xf32>
    }
    return %1, %3 : tensor<4xf32>, tensor<4xf32>
  }

  func.func @twice(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0, %t0 = soc.task on "a" order 2 variant #ms (%x) after () : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%p0: tensor<4xf32>):
      soc.yield %p0 : tensor<4xf32>
    }
    // expected-error @below {{has place 2 in the queue of engine 'a', which another task has}}
    %1, %t1 = soc.task on "a" order 2 variant #ms (%0) after () : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%p0: tensor<4xf32>):
      soc.yield %p0 : tensor<4xf32>
    }
    return %1 : tensor<4xf32>
  }

  func.func @no_engine(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error @below {{machine 'board' has no engine 'npu'}}
    %0, %t0 = soc.task on "npu" variant #ms (%x) after () : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%p0: tensor<4xf32>):
      soc.yield %p0 : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}

// -----

#figures = #soc.performance<launch_ps = 100, synchronise_ps = 1000, bandwidth_bytes_per_second = 1000000000000, cache_bytes_per_second = 0,
  operations_per_second = {}, efficiency_percent = {}>
#a = #soc.cpu<"a", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "", cores = 1, vector_bits = 256,
  vector_registers = 16, megahertz = 1000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0, performance = #figures>
#b = #soc.cpu<"b", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "", cores = 1, vector_bits = 256,
  vector_registers = 16, megahertz = 1000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0, performance = #figures>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 1, engines = [#a, #b], memories = [#dram]>
#long = #soc.variant<"long", precision = f32, tiles = [1], panels = [0], time_ps = 1125899906842624, scratch_bytes = 0>

// Times whose sums could overflow.
module attributes {soc.machine = #machine} {
  // expected-error @below {{durations and lags add up to more than 2^50 ps}}
  func.func @too_long(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0, %t0 = soc.task on "a" variant #long (%x) after () : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%p0: tensor<4xf32>):
      soc.yield %p0 : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}

// -----

#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>

// What is no engine has no queue.
// expected-error @below {{the target of engine "npu" is not part of this build of Tercet}}
module attributes {soc.machine = #soc.machine<"board", workers = 1, engines = ["npu"], memories = [#dram]>} {
}

// -----

#figures = #soc.performance<launch_ps = 100, synchronise_ps = 1000, bandwidth_bytes_per_second = 1000000000000, cache_bytes_per_second = 0,
  operations_per_second = {}, efficiency_percent = {}>
#a = #soc.cpu<"a", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "", cores = 1, vector_bits = 256,
  vector_registers = 16, megahertz = 1000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0, performance = #figures>
#b = #soc.cpu<"b", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "", cores = 1, vector_bits = 256,
  vector_registers = 16, megahertz = 1000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0, performance = #figures>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 1, engines = [#a, #b], memories = [#dram]>

module attributes {soc.machine = #machine} {
  // expected-error @below {{expected a body of one block}}
  func.func @blocks(%x: tensor<4xf32>) -> tensor<4xf32> {
    cf.br ^next
  ^next:
    return %x : tensor<4xf32>
  }
}

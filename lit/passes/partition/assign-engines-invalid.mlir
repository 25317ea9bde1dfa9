// RUN: tercet-opt %s --partition-assign-engines -split-input-file --verify-diagnostics

// Without a machine there is nothing to choose from.
// expected-error @below {{expected a #soc.machine on the module; try --soc}}
module {
}

// -----

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 1, engines = [#cpu], memories = [#dram]>

// Every group that no engine runs is reported, with each engine's reason.
module attributes {soc.machine = #machine} {
  func.func @type(%x: tensor<4xi4>, %z: tensor<4xcomplex<f32>>) {
    // expected-error @below {{no engine of machine 'board' runs this operation}}
    // expected-note @below {{engine 'cpu': no elements of type i4}}
    %0 = soc.group (%x) : (tensor<4xi4>) -> tensor<4xi4> {
    ^bb0(%y: tensor<4xi4>):
      soc.yield %y : tensor<4xi4>
    }
    // expected-error @below {{no engine of machine 'board' runs this operation}}
    // expected-note @below {{engine 'cpu': no elements of type complex<f32>}}
    %1 = soc.group (%z) : (tensor<4xcomplex<f32>>) -> tensor<4xcomplex<f32>> {
    ^bb0(%y: tensor<4xcomplex<f32>>):
      soc.yield %y : tensor<4xcomplex<f32>>
    }
    return
  }
}

// -----

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 1, engines = [#cpu], memories = [#dram]>

// A group can be pinned only to an engine that there is.
module attributes {soc.machine = #machine} {
  func.func @pinned(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error @below {{no engine of machine 'board' runs this operation}}
    // expected-note @below {{the group is pinned to engine 'npu', which the machine does not have}}
    %0 = soc.group on "npu" (%x) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}

// -----

#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 1, engines = ["npu"], memories = [#dram]>

// An engine whose target was not built, or whose plug-in was not loaded.
module attributes {soc.machine = #machine} {
  func.func @absent(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error @below {{the target of engine "npu" is not part of this build of Tercet}}
    %0 = soc.group (%x) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}

// RUN: tercet-opt %s --partition-assign-engines -split-input-file --verify-diagnostics

// Without a machine there is nothing to choose from.
// expected-error @below {{expected a #soc.machine with an engine on the module; try --soc}}
module {
}

// -----

// Nor with a machine of memories alone.
// expected-error @below {{expected a #soc.machine with an engine on the module; try --soc}}
module attributes {soc.machine = #soc.machine<"board", workers = 1, engines = [], memories = []>} {
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
    // expected-error @below {{the group is pinned to engine 'npu', which machine 'board' does not have}}
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

// What is no engine at all.
// expected-error @below {{the target of engine "npu" is not part of this build of Tercet}}
module attributes {soc.machine = #machine} {
  func.func @absent(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = soc.group (%x) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}

// -----

#figures = #soc.performance<launch_ps = 0, synchronise_ps = 0, bandwidth_bytes_per_second = 1, cache_bytes_per_second = 0, operations_per_second = {}, efficiency_percent = {}>
#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#npu = #soc.engine<"npu", target = "vendor", kind = "npu", memories = ["dram"], performance = #figures, properties = {}>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 1, engines = [#cpu, #npu], memories = [#dram]>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>

module attributes {soc.machine = #machine} {
  // A pin to an engine that there is, but not in this build.
  func.func @not_built(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error @below {{no engine of machine 'board' runs this operation}}
    // expected-note @below {{engine 'cpu': it is pinned to engine 'npu'}}
    // expected-note @below {{engine 'npu': its target 'vendor' is not part of this build of Tercet}}
    %0 = soc.group on "npu" (%x) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }

  // Shares in the text are held to the same.
  func.func @shares(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error @below {{the group has a share on engine 'npu', which does not run it: its target 'vendor' is not part of this build of Tercet}}
    %0 = soc.group shares [#soc.share<"cpu", begin = 0, size = 2, variant = #rows>, #soc.share<"npu", begin = 2, size = 2, variant = #rows>] (%x) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    }
    // expected-error @below {{the group has a share on engine 'gpu', which machine 'board' does not have}}
    %1 = soc.group shares [#soc.share<"gpu", begin = 0, size = 4, variant = #rows>] (%0) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    }
    // expected-error @below {{its shares cover 3 of 4 rows}}
    %2 = soc.group shares [#soc.share<"cpu", begin = 0, size = 3, variant = #rows>] (%1) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    }
    return %2 : tensor<4xf32>
  }

  func.func @dynamic(%x: tensor<?xf32>) -> tensor<?xf32> {
    // expected-error @below {{expected operands and results of static shape, got 'tensor<?xf32>'}}
    %0 = soc.group (%x) : (tensor<?xf32>) -> tensor<?xf32> {
    ^bb0(%y: tensor<?xf32>):
      soc.yield %y : tensor<?xf32>
    }
    return %0 : tensor<?xf32>
  }
}

// -----

#cpu = #soc.cpu<"cpu", memory = "tcm", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#tcm = #soc.memory<"tcm", bytes = 100, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 1, engines = [#cpu], memories = [#tcm]>
#large = #soc.variant<"large", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0, resident_bytes = 101>

// Weights that fit no memory: which memory, what is needed, what is there.
module attributes {soc.machine = #machine} {
  // expected-error @below {{tcm}}
  func.func @too_large(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = soc.group variant #large (%x) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      soc.yield %y : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}

// -----

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#twin = #soc.cpu<"twin", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 1, engines = [#cpu, #twin], memories = [#dram]>
#float = #soc.variant<"float", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
#integer = #soc.variant<"integer", precision = i8, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
!q = !quant.uniform<i8:f32, 5.000000e-01>

// A variant in none of the precisions that the group may be computed in, and
// shares in different ones.
module attributes {soc.machine = #machine} {
  func.func @other_precision(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error @below {{no engine of machine 'board' runs this operation}}
    // expected-note @below {{engine 'cpu': it computes the group in f32, and the group may be computed in w8a8 only}}
    // expected-note @below {{engine 'twin': it computes the group in f32, and the group may be computed in w8a8 only}}
    %0 = soc.group variant #float precisions [#soc.precision<"w8a8", inputs = [!q], results = [none, !q]>] (%x) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      %e = tensor.empty() : tensor<4xf32>
      %1 = linalg.exp ins(%y : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
      soc.yield %1 : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
  func.func @no_integer_form(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error @below {{no engine of machine 'board' runs this operation}}
    // expected-note @below {{engine 'cpu': 'linalg.softmax' has no form in integers}}
    // expected-note @below {{engine 'twin': 'linalg.softmax' has no form in integers}}
    %0 = soc.group precisions [#soc.precision<"w8a8", inputs = [!q], results = [none, !q]>] (%x) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      %e = tensor.empty() : tensor<4xf32>
      %1 = linalg.softmax dimension(0) ins(%y : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
      soc.yield %1 : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
  func.func @mixed_shares(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error @below {{expected shares of one precision of the group, got i8 on engine 'twin'}}
    %0 = soc.group shares [#soc.share<"cpu", begin = 0, size = 2, variant = #float>, #soc.share<"twin", begin = 2, size = 2, variant = #integer>]
        precisions [#soc.precision<"w8a8", inputs = [!q], results = [!q]>, #soc.precision<"f32">] (%x) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%y: tensor<4xf32>):
      %e = tensor.cast %y : tensor<4xf32> to tensor<4xf32>
      soc.yield %e : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}

// A part of a weight that a driver reads stays a weight of its own; where a driver
// reads the whole, a CPU reads its part in what the driver provides.
// RUN: tercet-opt %s --plan-share-weights | FileCheck %s

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 1, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#figures = #soc.performance<launch_ps = 0, synchronise_ps = 0, bandwidth_bytes_per_second = 1000000000, cache_bytes_per_second = 0,
  operations_per_second = {f32 = 1000000000 : i64}, efficiency_percent = {}>
#gpu = #soc.engine<"gpu", target = "vulkan", kind = "gpu", memories = ["dram"], performance = #figures, properties = {}>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#v = #soc.variant<"elements", precision = f32, tiles = [0, 0], panels = [0], time_ps = 1, scratch_bytes = 0>
#q4_0 = #nn.groups<32 in 18 group 32 planes [<bits = 4, run = 16, at = 2>] zero 8 scale f16 at 0>

module attributes {soc.machine = #soc.machine<"board", workers = 1, engines = [#cpu, #gpu], memories = [#dram]>} {
  nn.weight @whole = #nn.pack_groups<dense<1> : tensor<24x2x18xi8>, format = #q4_0, panel = 8> : tensor<3x2x144xi8>
  // Rows 8 to 24 are the last two panels.
  // CHECK-NOT: nn.weight @part
  nn.weight @part = #nn.pack_groups<#nn.slice<dense<1> : tensor<24x2x18xi8>, offsets = [8, 0, 0]> : tensor<16x2x18xi8>, format = #q4_0, panel = 8> : tensor<2x2x144xi8>
  // A driver is given a weight of its own.
  // CHECK: nn.weight @driver
  nn.weight @driver = #nn.pack_groups<#nn.slice<dense<1> : tensor<24x2x18xi8>, offsets = [0, 0, 0]> : tensor<8x2x18xi8>, format = #q4_0, panel = 8> : tensor<1x2x144xi8>

  // CHECK-LABEL: func @decode
  // CHECK: %[[W:.*]] = nn.get_weight @whole : tensor<3x2x144xi8>
  // CHECK: %[[P:.*]] = tensor.extract_slice %[[W]][1, 0, 0] [2, 2, 144] [1, 1, 1] : tensor<3x2x144xi8> to tensor<2x2x144xi8>
  // CHECK: soc.task on "cpu" {{.*}}(%[[P]])
  // CHECK: nn.get_weight @driver
  func.func @decode() -> (tensor<2x2x144xi8>, tensor<1x2x144xi8>) {
    %partw = nn.get_weight @part : tensor<2x2x144xi8>
    %part, %part_token = soc.task on "cpu" order 0 variant #v (%partw) after () : (tensor<2x2x144xi8>) -> tensor<2x2x144xi8> {
    ^bb0(%p: tensor<2x2x144xi8>):
      soc.yield %p : tensor<2x2x144xi8>
    }
    %driverw = nn.get_weight @driver : tensor<1x2x144xi8>
    %driver, %driver_token = soc.task on "gpu" order 0 variant #v (%driverw) after () : (tensor<1x2x144xi8>) -> tensor<1x2x144xi8> {
    ^bb0(%p: tensor<1x2x144xi8>):
      soc.yield %p : tensor<1x2x144xi8>
    }
    return %part, %driver : tensor<2x2x144xi8>, tensor<1x2x144xi8>
  }
  func.func @prefill() -> tensor<3x2x144xi8> {
    %wholew = nn.get_weight @whole : tensor<3x2x144xi8>
    %whole, %whole_token = soc.task on "gpu" order 0 variant #v (%wholew) after () : (tensor<3x2x144xi8>) -> tensor<3x2x144xi8> {
    ^bb0(%p: tensor<3x2x144xi8>):
      soc.yield %p : tensor<3x2x144xi8>
    }
    return %whole : tensor<3x2x144xi8>
  }
}

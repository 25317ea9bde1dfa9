// RUN: tercet-opt %s --partition-assign-engines | FileCheck %s

#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#machine = #soc.machine<"board", workers = 2, engines = [#cpu], memories = [#dram]>

module attributes {soc.machine = #machine} {
  // Rows and columns of a product of integers are cut as those of floats; 128
  // columns are a block of any lookup that follows.
  // CHECK-LABEL: @product
  // CHECK: variant <"product", precision = i8, tiles = [128, 128], panels = [0, 0, 0, 0]
  func.func @product(%x: tensor<512x384xi8>, %w: tensor<384x1536xi8>, %s: tensor<1536xi32>, %t: tensor<12x256xi8>) -> tensor<512x1536xi8> {
    %0 = soc.group (%x, %w, %s, %t) : (tensor<512x384xi8>, tensor<384x1536xi8>, tensor<1536xi32>, tensor<12x256xi8>) -> tensor<512x1536xi8> {
    ^bb0(%a: tensor<512x384xi8>, %b: tensor<384x1536xi8>, %c: tensor<1536xi32>, %d: tensor<12x256xi8>):
      %e = tensor.empty() : tensor<512x1536xi8>
      %p = nn.quantized_matmul ins(%a, %b, %c, %c : tensor<512x384xi8>, tensor<384x1536xi8>, tensor<1536xi32>, tensor<1536xi32>)
             outs(%e : tensor<512x1536xi8>) shift 7 zero -3
      %l = nn.lookup ins(%p, %d : tensor<512x1536xi8>, tensor<12x256xi8>) outs(%e : tensor<512x1536xi8>)
      soc.yield %l : tensor<512x1536xi8>
    }
    return %0 : tensor<512x1536xi8>
  }

  // Normalised rows and scales of columns stay whole.
  // CHECK-LABEL: @norm
  // CHECK: variant <"rows", precision = i8, tiles = [1, 0]
  func.func @norm(%x: tensor<4x4096xi16>, %g: tensor<4096xi32>) -> tensor<4x4096xi8> {
    %0 = soc.group (%x, %g) : (tensor<4x4096xi16>, tensor<4096xi32>) -> tensor<4x4096xi8> {
    ^bb0(%a: tensor<4x4096xi16>, %b: tensor<4096xi32>):
      %e = tensor.empty() : tensor<4x4096xi16>
      %n = nn.quantized_rms_norm ins(%a, %b : tensor<4x4096xi16>, tensor<4096xi32>) outs(%e : tensor<4x4096xi16>) epsilon 12 gain_shift 3 zero 0
      %f = tensor.empty() : tensor<4x4096xi8>
      %r = nn.rescale ins(%n : tensor<4x4096xi16>) outs(%f : tensor<4x4096xi8>) multiplier 9000 offset 0 shift 20 zero 3
      soc.yield %r : tensor<4x4096xi8>
    }
    return %0 : tensor<4x4096xi8>
  }

  // Heads and queries of an attention.
  // CHECK-LABEL: @attention
  // CHECK: variant <"attention", precision = i8, tiles = [0, 64, 1, 0]
  func.func @attention(%q: tensor<1x128x2x32xi8>) -> tensor<1x128x2x32xi8> {
    %0 = soc.group (%q) : (tensor<1x128x2x32xi8>) -> tensor<1x128x2x32xi8> {
    ^bb0(%a: tensor<1x128x2x32xi8>):
      %e = tensor.empty() : tensor<1x128x2x32xi8>
      %r = nn.quantized_attention ins(%a, %a, %a : tensor<1x128x2x32xi8>, tensor<1x128x2x32xi8>, tensor<1x128x2x32xi8>)
             outs(%e : tensor<1x128x2x32xi8>) score_multiplier 1476395008 score_shift 4 multiplier 1610612736 shift 0 zero 0
      soc.yield %r : tensor<1x128x2x32xi8>
    }
    return %0 : tensor<1x128x2x32xi8>
  }
}

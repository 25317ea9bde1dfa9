// RUN: tercet-opt %s -split-input-file --verify-diagnostics

func.func @f(%q: tensor<1x4x2x8xi8>, %k: tensor<1x6x2x8xi8>, %v: tensor<1x6x2x8xi8>, %e: tensor<1x4x2x8xi16>) -> tensor<1x4x2x8xi16> {
  // expected-error @below {{expected init of i8, got 'tensor<1x4x2x8xi16>'}}
  %0 = nn.quantized_attention ins(%q, %k, %v : tensor<1x4x2x8xi8>, tensor<1x6x2x8xi8>, tensor<1x6x2x8xi8>) outs(%e : tensor<1x4x2x8xi16>) score_multiplier 5 score_shift 4 multiplier 5 shift 0 zero 0
  return %0 : tensor<1x4x2x8xi16>
}

// -----

func.func @f(%q: tensor<1x4x2x8xi16>, %k: tensor<1x6x2x8xi8>, %v: tensor<1x6x2x8xi8>, %e: tensor<1x4x2x8xi8>) -> tensor<1x4x2x8xi8> {
  // expected-error @below {{expected query of i8, got 'tensor<1x4x2x8xi16>'}}
  %0 = nn.quantized_attention ins(%q, %k, %v : tensor<1x4x2x8xi16>, tensor<1x6x2x8xi8>, tensor<1x6x2x8xi8>) outs(%e : tensor<1x4x2x8xi8>) score_multiplier 5 score_shift 4 multiplier 5 shift 0 zero 0
  return %0 : tensor<1x4x2x8xi8>
}

// -----

func.func @f(%q: tensor<1x4x2x8xi8>, %k: tensor<1x6x2x8xi8>, %v: tensor<1x6x2x8xi8>, %e: tensor<1x4x2x8xi8>) -> tensor<1x4x2x8xi8> {
  // expected-error @below {{expected score_multiplier from 0 to 2147483647, got -1}}
  %0 = nn.quantized_attention ins(%q, %k, %v : tensor<1x4x2x8xi8>, tensor<1x6x2x8xi8>, tensor<1x6x2x8xi8>) outs(%e : tensor<1x4x2x8xi8>) score_multiplier -1 score_shift 4 multiplier 5 shift 0 zero 0
  return %0 : tensor<1x4x2x8xi8>
}

// -----

func.func @f(%q: tensor<1x4x2x8xi8>, %k: tensor<1x6x2x8xi8>, %v: tensor<1x6x2x8xi8>, %e: tensor<1x4x2x8xi8>) -> tensor<1x4x2x8xi8> {
  // expected-error @below {{expected score_shift from 0 to 31, got -1}}
  %0 = nn.quantized_attention ins(%q, %k, %v : tensor<1x4x2x8xi8>, tensor<1x6x2x8xi8>, tensor<1x6x2x8xi8>) outs(%e : tensor<1x4x2x8xi8>) score_multiplier 5 score_shift -1 multiplier 5 shift 0 zero 0
  return %0 : tensor<1x4x2x8xi8>
}

// -----

func.func @f(%q: tensor<1x4x2x8xi8>, %k: tensor<1x6x2x8xi8>, %v: tensor<1x6x2x8xi8>, %e: tensor<1x4x2x8xi8>) -> tensor<1x4x2x8xi8> {
  // expected-error @below {{expected shift from -7 to 31, got -8}}
  %0 = nn.quantized_attention ins(%q, %k, %v : tensor<1x4x2x8xi8>, tensor<1x6x2x8xi8>, tensor<1x6x2x8xi8>) outs(%e : tensor<1x4x2x8xi8>) score_multiplier 5 score_shift 4 multiplier 5 shift -8 zero 0
  return %0 : tensor<1x4x2x8xi8>
}

// -----

func.func @f(%q: tensor<4x2x8xi8>, %k: tensor<1x6x2x8xi8>, %v: tensor<1x6x2x8xi8>, %e: tensor<1x4x2x8xi8>) -> tensor<1x4x2x8xi8> {
  // expected-error @below {{expected query, key and value of rank 4 [B, S, H, D]}}
  %0 = nn.quantized_attention ins(%q, %k, %v : tensor<4x2x8xi8>, tensor<1x6x2x8xi8>, tensor<1x6x2x8xi8>) outs(%e : tensor<1x4x2x8xi8>) score_multiplier 5 score_shift 4 multiplier 5 shift 0 zero 0
  return %0 : tensor<1x4x2x8xi8>
}

// -----

func.func @f(%q: tensor<1x4x2x8xi8>, %k: tensor<1x6x2x4xi8>, %v: tensor<1x6x2x8xi8>, %e: tensor<1x4x2x8xi8>) -> tensor<1x4x2x8xi8> {
  // expected-error @below {{shapes of query 'tensor<1x4x2x8xi8>', key 'tensor<1x6x2x4xi8>' and value 'tensor<1x6x2x8xi8>' do not go together}}
  %0 = nn.quantized_attention ins(%q, %k, %v : tensor<1x4x2x8xi8>, tensor<1x6x2x4xi8>, tensor<1x6x2x8xi8>) outs(%e : tensor<1x4x2x8xi8>) score_multiplier 5 score_shift 4 multiplier 5 shift 0 zero 0
  return %0 : tensor<1x4x2x8xi8>
}

// -----

func.func @f(%q: tensor<1x4x3x8xi8>, %k: tensor<1x6x2x8xi8>, %v: tensor<1x6x2x8xi8>, %e: tensor<1x4x2x8xi8>) -> tensor<1x4x2x8xi8> {
  // expected-error @below {{3 query heads cannot share 2 key heads evenly}}
  %0 = nn.quantized_attention ins(%q, %k, %v : tensor<1x4x3x8xi8>, tensor<1x6x2x8xi8>, tensor<1x6x2x8xi8>) outs(%e : tensor<1x4x2x8xi8>) score_multiplier 5 score_shift 4 multiplier 5 shift 0 zero 0
  return %0 : tensor<1x4x2x8xi8>
}

// -----

func.func @f(%q: tensor<1x4x2x8xi8>, %k: tensor<1x32769x2x8xi8>, %v: tensor<1x32769x2x8xi8>, %e: tensor<1x4x2x8xi8>) -> tensor<1x4x2x8xi8> {
  // expected-error @below {{expected T from 1 to 32768, got 32769}}
  %0 = nn.quantized_attention ins(%q, %k, %v : tensor<1x4x2x8xi8>, tensor<1x32769x2x8xi8>, tensor<1x32769x2x8xi8>) outs(%e : tensor<1x4x2x8xi8>) score_multiplier 5 score_shift 4 multiplier 5 shift 0 zero 0
  return %0 : tensor<1x4x2x8xi8>
}

// -----

func.func @f(%q: tensor<1x4x2x8xi8>, %k: tensor<1x6x2x8xi8>, %v: tensor<1x6x2x8xi8>, %e: tensor<1x4x2x8xi8>, %m: tensor<1x1x1x6xi8>) -> tensor<1x4x2x8xi8> {
  // expected-error @below {{expected mask of i16, got 'tensor<1x1x1x6xi8>'}}
  %0 = nn.quantized_attention ins(%q, %k, %v : tensor<1x4x2x8xi8>, tensor<1x6x2x8xi8>, tensor<1x6x2x8xi8>) mask(%m : tensor<1x1x1x6xi8>) outs(%e : tensor<1x4x2x8xi8>) score_multiplier 5 score_shift 4 multiplier 5 shift 0 zero 0
  return %0 : tensor<1x4x2x8xi8>
}

// -----

func.func @f(%q: tensor<1x4x2x8xi8>, %k: tensor<1x6x2x8xi8>, %v: tensor<1x6x2x8xi8>, %e: tensor<1x4x2x8xi8>, %m: tensor<1x1x5x6xi16>) -> tensor<1x4x2x8xi8> {
  // expected-error @below {{mask 'tensor<1x1x5x6xi16>' does not broadcast to [B, H, S, T]}}
  %0 = nn.quantized_attention ins(%q, %k, %v : tensor<1x4x2x8xi8>, tensor<1x6x2x8xi8>, tensor<1x6x2x8xi8>) mask(%m : tensor<1x1x5x6xi16>) outs(%e : tensor<1x4x2x8xi8>) score_multiplier 5 score_shift 4 multiplier 5 shift 0 zero 0
  return %0 : tensor<1x4x2x8xi8>
}

// -----

func.func @f(%q: tensor<1x4x2x8xi8>, %k: tensor<1x6x2x8xi8>, %v: tensor<1x6x2x8xi8>, %e: tensor<1x2x4x8xi8>) -> tensor<1x2x4x8xi8> {
  // expected-error @below {{expected init of shape [1, 4, 2, 8], got 'tensor<1x2x4x8xi8>'}}
  %0 = nn.quantized_attention ins(%q, %k, %v : tensor<1x4x2x8xi8>, tensor<1x6x2x8xi8>, tensor<1x6x2x8xi8>) outs(%e : tensor<1x2x4x8xi8>) score_multiplier 5 score_shift 4 multiplier 5 shift 0 zero 0
  return %0 : tensor<1x2x4x8xi8>
}

// -----

func.func @f(%x: tensor<i16>, %g: tensor<8xi32>, %o: tensor<8xi32>, %e: tensor<i8>) -> tensor<i8> {
  // expected-error @below {{expected at least one dimension}}
  %0 = nn.quantized_layer_norm ins(%x, %g, %o : tensor<i16>, tensor<8xi32>, tensor<8xi32>) outs(%e : tensor<i8>) epsilon 12 gain_shift 3 zero 0
  return %0 : tensor<i8>
}

// -----

func.func @f(%x: tensor<4x8xi16>, %g: tensor<8xi16>, %o: tensor<8xi32>, %e: tensor<4x8xi8>) -> tensor<4x8xi8> {
  // expected-error @below {{expected gain of i32, got 'tensor<8xi16>'}}
  %0 = nn.quantized_layer_norm ins(%x, %g, %o : tensor<4x8xi16>, tensor<8xi16>, tensor<8xi32>) outs(%e : tensor<4x8xi8>) epsilon 12 gain_shift 3 zero 0
  return %0 : tensor<4x8xi8>
}

// -----

func.func @f(%x: tensor<4x8xi16>, %g: tensor<8xi32>, %o: tensor<4xi32>, %e: tensor<4x8xi8>) -> tensor<4x8xi8> {
  // expected-error @below {{expected offset of shape [8], got 'tensor<4xi32>'}}
  %0 = nn.quantized_layer_norm ins(%x, %g, %o : tensor<4x8xi16>, tensor<8xi32>, tensor<4xi32>) outs(%e : tensor<4x8xi8>) epsilon 12 gain_shift 3 zero 0
  return %0 : tensor<4x8xi8>
}

// -----

func.func @f(%x: tensor<4x8xi16>, %g: tensor<8xi32>, %o: tensor<8xi32>, %e: tensor<4x8xi8>) -> tensor<4x8xi8> {
  // expected-error @below {{expected epsilon from 1 to 1152921504606846976, got 0}}
  %0 = nn.quantized_layer_norm ins(%x, %g, %o : tensor<4x8xi16>, tensor<8xi32>, tensor<8xi32>) outs(%e : tensor<4x8xi8>) epsilon 0 gain_shift 3 zero 0
  return %0 : tensor<4x8xi8>
}

// -----

func.func @f(%x: tensor<4x8xi16>, %g: tensor<8xi32>, %o: tensor<8xi32>, %e: tensor<4x8xi8>) -> tensor<4x8xi8> {
  // expected-error @below {{expected gain_shift from -31 to 31, got 32}}
  %0 = nn.quantized_layer_norm ins(%x, %g, %o : tensor<4x8xi16>, tensor<8xi32>, tensor<8xi32>) outs(%e : tensor<4x8xi8>) epsilon 12 gain_shift 32 zero 0
  return %0 : tensor<4x8xi8>
}

// -----

func.func @f(%x: tensor<4x16385xi16>, %g: tensor<16385xi32>, %o: tensor<16385xi32>, %e: tensor<4x16385xi8>) -> tensor<4x16385xi8> {
  // expected-error @below {{expected the normalised dimension from 1 to 16384, got 16385}}
  %0 = nn.quantized_layer_norm ins(%x, %g, %o : tensor<4x16385xi16>, tensor<16385xi32>, tensor<16385xi32>) outs(%e : tensor<4x16385xi8>) epsilon 12 gain_shift 3 zero 0
  return %0 : tensor<4x16385xi8>
}

// -----

func.func @f(%x: tensor<4x8xi16>, %g: tensor<8xi32>, %e: tensor<4x9xi8>) -> tensor<4x9xi8> {
  // expected-error @below {{expected init of shape [4, 8], got 'tensor<4x9xi8>'}}
  %0 = nn.quantized_rms_norm ins(%x, %g : tensor<4x8xi16>, tensor<8xi32>) outs(%e : tensor<4x9xi8>) epsilon 12 gain_shift 3 zero 0
  return %0 : tensor<4x9xi8>
}

// -----

func.func @f(%x: tensor<4x8xi16>, %g: tensor<8xi32>, %e: tensor<4x8xi16>) -> tensor<4x8xi16> {
  // expected-error @below {{expected a zero of i16 from 0 to 0, got 1}}
  %0 = nn.quantized_rms_norm ins(%x, %g : tensor<4x8xi16>, tensor<8xi32>) outs(%e : tensor<4x8xi16>) epsilon 12 gain_shift 3 zero 1
  return %0 : tensor<4x8xi16>
}

// -----

func.func @f(%a: tensor<4x8xi32>, %b: tensor<4x8xi16>, %e: tensor<4x8xi16>) -> tensor<4x8xi16> {
  // expected-error @below {{expected operands of i8 or i16, got 'tensor<4x8xi32>'}}
  %0 = nn.quantized_add ins(%a, %b : tensor<4x8xi32>, tensor<4x8xi16>) outs(%e : tensor<4x8xi16>) multipliers [16384, 9000] offset -120 shift 10 zero 0
  return %0 : tensor<4x8xi16>
}

// -----

func.func @f(%a: tensor<4x8xi8>, %b: tensor<4x8xi16>, %e: tensor<4x8xi16>) -> tensor<4x8xi16> {
  // expected-error @below {{expected multipliers from 0 to 16384, got 16385}}
  %0 = nn.quantized_add ins(%a, %b : tensor<4x8xi8>, tensor<4x8xi16>) outs(%e : tensor<4x8xi16>) multipliers [16385, 1] offset -120 shift 10 zero 0
  return %0 : tensor<4x8xi16>
}

// -----

func.func @f(%a: tensor<4x8xi8>, %b: tensor<4x8xi16>, %e: tensor<4x8xi16>) -> tensor<4x8xi16> {
  // expected-error @below {{expected the greatest multiplier from 8193 to 16384, got 8192}}
  %0 = nn.quantized_add ins(%a, %b : tensor<4x8xi8>, tensor<4x8xi16>) outs(%e : tensor<4x8xi16>) multipliers [8192, 1] offset -120 shift 10 zero 0
  return %0 : tensor<4x8xi16>
}

// -----

func.func @f(%a: tensor<4x8xi8>, %b: tensor<4x8xi16>, %e: tensor<4x8xi16>) -> tensor<4x8xi16> {
  // expected-error @below {{'nn.quantized_add' op attribute 'multipliers' failed to satisfy constraint}}
  %0 = nn.quantized_add ins(%a, %b : tensor<4x8xi8>, tensor<4x8xi16>) outs(%e : tensor<4x8xi16>) multipliers [16384] offset -120 shift 10 zero 0
  return %0 : tensor<4x8xi16>
}

// -----

func.func @f(%a: tensor<4x8xi8>, %b: tensor<4x8xi16>, %e: tensor<4x8xi16>) -> tensor<4x8xi16> {
  // expected-error @below {{expected offset from -1073741824 to 1073741824, got 1073741825}}
  %0 = nn.quantized_add ins(%a, %b : tensor<4x8xi8>, tensor<4x8xi16>) outs(%e : tensor<4x8xi16>) multipliers [16384, 9000] offset 1073741825 shift 10 zero 0
  return %0 : tensor<4x8xi16>
}

// -----

func.func @f(%a: tensor<4x8xi8>, %b: tensor<4x9xi16>, %e: tensor<4x8xi16>) -> tensor<4x8xi16> {
  // expected-error @below {{expected operands of shape [4, 8], got 'tensor<4x9xi16>'}}
  %0 = nn.quantized_add ins(%a, %b : tensor<4x8xi8>, tensor<4x9xi16>) outs(%e : tensor<4x8xi16>) multipliers [16384, 9000] offset -120 shift 10 zero 0
  return %0 : tensor<4x8xi16>
}

// -----

func.func @f(%x: tensor<4x8xi16>, %e: tensor<4x8xi8>) -> tensor<4x8xi8> {
  // expected-error @below {{expected the greatest multiplier from 8193 to 16384, got 8192}}
  %0 = nn.rescale ins(%x : tensor<4x8xi16>) outs(%e : tensor<4x8xi8>) multiplier 8192 offset 0 shift 20 zero 3
  return %0 : tensor<4x8xi8>
}

// -----

func.func @f(%x: tensor<4x8xi16>, %e: tensor<4x8xi8>) -> tensor<4x8xi8> {
  // expected-error @below {{expected shift from 0 to 31, got 32}}
  %0 = nn.rescale ins(%x : tensor<4x8xi16>) outs(%e : tensor<4x8xi8>) multiplier 9000 offset 0 shift 32 zero 3
  return %0 : tensor<4x8xi8>
}

// -----

func.func @f(%x: tensor<4x8xi16>, %t: tensor<256xi8>, %e: tensor<4x8xi8>) -> tensor<4x8xi8> {
  // expected-error @below {{expected input of i8, got 'tensor<4x8xi16>'}}
  %0 = nn.lookup ins(%x, %t : tensor<4x8xi16>, tensor<256xi8>) outs(%e : tensor<4x8xi8>)
  return %0 : tensor<4x8xi8>
}

// -----

func.func @f(%x: tensor<4x8xi8>, %t: tensor<255xi8>, %e: tensor<4x8xi8>) -> tensor<4x8xi8> {
  // expected-error @below {{expected table of shape [256], got 'tensor<255xi8>'}}
  %0 = nn.lookup ins(%x, %t : tensor<4x8xi8>, tensor<255xi8>) outs(%e : tensor<4x8xi8>)
  return %0 : tensor<4x8xi8>
}

// -----

func.func @f(%x: tensor<4x8xi8>, %t: tensor<256xi8>, %e: tensor<4x8xi16>) -> tensor<4x8xi16> {
  // expected-error @below {{expected elements of 'i8' as in the table, got 'tensor<4x8xi16>'}}
  %0 = nn.lookup ins(%x, %t : tensor<4x8xi8>, tensor<256xi8>) outs(%e : tensor<4x8xi16>)
  return %0 : tensor<4x8xi16>
}

// -----

func.func @f(%x: tensor<4x8xi8>, %t: tensor<256xi8>, %e: tensor<4x9xi8>) -> tensor<4x9xi8> {
  // expected-error @below {{expected init of shape [4, 8], got 'tensor<4x9xi8>'}}
  %0 = nn.lookup ins(%x, %t : tensor<4x8xi8>, tensor<256xi8>) outs(%e : tensor<4x9xi8>)
  return %0 : tensor<4x9xi8>
}

// -----

func.func @f(%x: memref<4x8xi8>, %t: tensor<256xi8>, %e: memref<4x8xi8>) {
  // expected-error @below {{expected all operands to be ranked tensors or all to be memrefs, got 'tensor<256xi8>'}}
  nn.lookup ins(%x, %t : memref<4x8xi8>, tensor<256xi8>) outs(%e : memref<4x8xi8>)
  return
}

// -----

func.func @f(%x: tensor<4x8xi16>, %c: tensor<8xi16>, %e: tensor<4x8xi8>) -> tensor<4x8xi8> {
  // expected-error @below {{expected columns of i32, got 'tensor<8xi16>'}}
  %0 = nn.rescale ins(%x : tensor<4x8xi16>) columns(%c : tensor<8xi16>) outs(%e : tensor<4x8xi8>) multiplier 0 offset 0 shift 7 zero 3
  return %0 : tensor<4x8xi8>
}

// -----

func.func @f(%x: tensor<4x8xi16>, %c: tensor<4xi32>, %e: tensor<4x8xi8>) -> tensor<4x8xi8> {
  // expected-error @below {{expected columns of shape [8], got 'tensor<4xi32>'}}
  %0 = nn.rescale ins(%x : tensor<4x8xi16>) columns(%c : tensor<4xi32>) outs(%e : tensor<4x8xi8>) multiplier 0 offset 0 shift 7 zero 3
  return %0 : tensor<4x8xi8>
}

// -----

func.func @f(%x: tensor<4x8xi16>, %c: tensor<8xi32>, %e: tensor<4x8xi8>) -> tensor<4x8xi8> {
  // expected-error @below {{expected multiplier beside columns from 0 to 0, got 9000}}
  %0 = nn.rescale ins(%x : tensor<4x8xi16>) columns(%c : tensor<8xi32>) outs(%e : tensor<4x8xi8>) multiplier 9000 offset 0 shift 7 zero 3
  return %0 : tensor<4x8xi8>
}

// -----

func.func @f(%x: tensor<4x8xi16>, %c: tensor<8xi32>, %e: tensor<4x8xi8>) -> tensor<4x8xi8> {
  // expected-error @below {{expected offset beside columns from 0 to 0, got 1}}
  %0 = nn.rescale ins(%x : tensor<4x8xi16>) columns(%c : tensor<8xi32>) outs(%e : tensor<4x8xi8>) multiplier 0 offset 1 shift 7 zero 3
  return %0 : tensor<4x8xi8>
}

// -----

func.func @f(%x: tensor<4x256xi8>, %t: tensor<2x255xi8>, %e: tensor<4x256xi8>) -> tensor<4x256xi8> {
  // expected-error @below {{expected a table of shape [256] or [B, 256], got 'tensor<2x255xi8>'}}
  %0 = nn.lookup ins(%x, %t : tensor<4x256xi8>, tensor<2x255xi8>) outs(%e : tensor<4x256xi8>)
  return %0 : tensor<4x256xi8>
}

// -----

func.func @f(%x: tensor<4x192xi8>, %t: tensor<2x256xi8>, %e: tensor<4x192xi8>) -> tensor<4x192xi8> {
  // expected-error @below {{expected blocks of a multiple of 128 channels, got 2 for 'tensor<4x192xi8>'}}
  %0 = nn.lookup ins(%x, %t : tensor<4x192xi8>, tensor<2x256xi8>) outs(%e : tensor<4x192xi8>)
  return %0 : tensor<4x192xi8>
}

// -----

func.func @f(%x: tensor<4x256xi8>, %t: tensor<3x256xi8>, %e: tensor<4x256xi8>) -> tensor<4x256xi8> {
  // expected-error @below {{expected blocks of a multiple of 128 channels, got 3 for 'tensor<4x256xi8>'}}
  %0 = nn.lookup ins(%x, %t : tensor<4x256xi8>, tensor<3x256xi8>) outs(%e : tensor<4x256xi8>)
  return %0 : tensor<4x256xi8>
}

// RUN: tercet-opt %s -split-input-file --verify-diagnostics

// expected-error @below {{expected a static tensor type}}
nn.weight @w = #nn.file<"m.onnx", offset = 0, bytes = 4> : tensor<?xf32>

// -----

// expected-error @below {{offset and bytes overflow 64 bits}}
nn.weight @w = #nn.file<"m.onnx", offset = 18446744073709551615, bytes = 4> : tensor<1xf32>

// -----

// expected-error @below {{expected integer or float elements, got 'index'}}
nn.weight @w = #nn.file<"m.onnx", offset = 0, bytes = 8> : tensor<1xindex>

// -----

// expected-error @below {{expected 16 bytes for 'tensor<4xf32>', got 12}}
nn.weight @w = #nn.file<"m.onnx", offset = 0, bytes = 12> : tensor<4xf32>

// -----

// expected-error @below {{expected a source of static tensor type, got 'f32'}}
nn.weight @w = #nn.reshape<1.0 : f32> : tensor<1xf32>

// -----

// expected-error @below {{expected element type 'f32' as in the source, got 'f16'}}
nn.weight @w = #nn.reshape<dense<1.0> : tensor<4xf32>> : tensor<4xf16>

// -----

// expected-error @below {{expected a permutation of 2 dimensions}}
nn.weight @w = #nn.transpose<dense<1.0> : tensor<2x3xf32>, perm = [1, 1]> : tensor<3x2xf32>

// -----

// expected-error @below {{type 'tensor<2x3xf32>' is not the transpose of 'tensor<2x3xf32>'}}
nn.weight @w = #nn.transpose<dense<1.0> : tensor<2x3xf32>, perm = [1, 0]> : tensor<2x3xf32>

// -----

// expected-error @below {{cannot reshape 'tensor<4xf32>' to 'tensor<5xf32>'}}
nn.weight @w = #nn.reshape<dense<1.0> : tensor<4xf32>> : tensor<5xf32>

// -----

// expected-error @below {{expected shape of 'tensor<4xf32>', got 'tensor<2x2xf16>'}}
nn.weight @w = #nn.cast<dense<1.0> : tensor<4xf32>> : tensor<2x2xf16>

// -----

// expected-error @below {{expected 2 offsets and dimensions}}
nn.weight @w = #nn.slice<dense<1.0> : tensor<4x4xf32>, offsets = [1]> : tensor<2x4xf32>

// -----

// expected-error @below {{slice [3, 5) exceeds a dimension of 4}}
nn.weight @w = #nn.slice<dense<1.0> : tensor<4x4xf32>, offsets = [3, 0]> : tensor<2x4xf32>

// -----

// expected-error @below {{axis 1 is outside of 'tensor<4xf32>'}}
nn.weight @w = #nn.concat<[dense<1.0> : tensor<4xf32>], axis = 1> : tensor<4xf32>

// -----

// expected-error @below {{expected typed sources, got unit}}
nn.weight @w = #nn.concat<[unit], axis = 0> : tensor<4xf32>

// -----

// expected-error @below {{source 'tensor<2x3xf32>' does not match 'tensor<2x4xf32>'}}
nn.weight @w = #nn.concat<[dense<1.0> : tensor<2x3xf32>], axis = 0> : tensor<2x4xf32>

// -----

// expected-error @below {{sources add up to 4 along axis 0, expected 5}}
nn.weight @w = #nn.concat<[dense<1.0> : tensor<2xf32>, dense<1.0> : tensor<2xf32>], axis = 0> : tensor<5xf32>

// -----

// expected-error @below {{expected a matrix and a positive panel}}
nn.weight @w = #nn.pack<dense<1.0> : tensor<8x30xf32>, panel = 0> : tensor<2x8x16xf32>

// -----

// expected-error @below {{panels of 16 do not turn 'tensor<8x30xf32>' into 'tensor<1x8x16xf32>'}}
nn.weight @w = #nn.pack<dense<1.0> : tensor<8x30xf32>, panel = 16> : tensor<1x8x16xf32>

// -----

// expected-error @below {{expected a source of floats, got 'tensor<2x3xi8>'}}
nn.weight @w = #nn.scale_rows<dense<1> : tensor<2x3xi8>, factors = dense<1.0> : tensor<2xf32>> : tensor<2x3xf32>

// -----

// expected-error @below {{expected a factor for each index of the first dimension of 'tensor<2x3xf32>', got 'tensor<3xf32>'}}
nn.weight @w = #nn.scale_rows<dense<1.0> : tensor<2x3xf32>, factors = dense<1.0> : tensor<3xf32>> : tensor<2x3xf32>

// -----

// expected-error @below {{expected type 'tensor<2x3xf64>', got 'tensor<3x2xf64>'}}
nn.weight @w = #nn.scale_rows<dense<1.0> : tensor<2x3xf32>, factors = dense<1.0> : tensor<2xf32>> : tensor<3x2xf64>

// -----

// expected-error @below {{expected a source of floats in a matrix, got 'tensor<6xf32>'}}
nn.weight @w = #nn.quantize_columns<dense<1.0> : tensor<6xf32>> : tensor<6xi8>

// -----

// expected-error @below {{expected type 'tensor<2x3xi8>', got 'tensor<2x3xi16>'}}
nn.weight @w = #nn.quantize_columns<dense<1.0> : tensor<2x3xf32>> : tensor<2x3xi16>

// -----

// expected-error @below {{expected type 'tensor<3xf64>', got 'tensor<2xf64>'}}
nn.weight @w = #nn.column_scale<dense<1.0> : tensor<2x3xf32>> : tensor<2xf64>

// -----

// expected-error @below {{expected floats, got 'tensor<3xi32>'}}
nn.weight @w = #nn.column_scale<dense<1.0> : tensor<2x3xf32>> : tensor<3xi32>

// -----

// expected-error @below {{expected a finite factor of f64, got 1.000000e+00 : f32}}
nn.weight @w = #nn.fixed_point<dense<1.0> : tensor<2xf64>, factor = 1.0 : f32, shift = 3> : tensor<2xi32>

// -----

// expected-error @below {{expected a shift from -126 to 126, got 127}}
nn.weight @w = #nn.fixed_point<dense<1.0> : tensor<2xf64>, factor = 1.0, shift = 127> : tensor<2xi32>

// -----

// expected-error @below {{expected a quantised matrix of i8, got 'tensor<4x2xi16>'}}
nn.weight @w = #nn.column_bias<dense<1> : tensor<4x2xi16>, scales = dense<1.0> : tensor<2xf64>, scale = 0.5, zero = 0> : tensor<2xi32>

// -----

// expected-error @below {{expected a value for each column of 'tensor<4x2xi8>', got 'tensor<4xf64>'}}
nn.weight @w = #nn.column_bias<dense<1> : tensor<4x2xi8>, scales = dense<1.0> : tensor<4xf64>, scale = 0.5, zero = 0> : tensor<2xi32>

// -----

// expected-error @below {{expected a positive scale of f64, got 0.000000e+00}}
nn.weight @w = #nn.column_bias<dense<1> : tensor<4x2xi8>, scales = dense<1.0> : tensor<2xf64>, scale = 0.0, zero = 0> : tensor<2xi32>

// -----

// expected-error @below {{expected a zero from -128 to 127, got 128}}
nn.weight @w = #nn.column_bias<dense<1> : tensor<4x2xi8>, scales = dense<1.0> : tensor<2xf64>, scale = 0.5, zero = 128> : tensor<2xi32>

// -----

// expected-error @below {{expected a mean for each row of an #nn.quantize_columns, got 'tensor<2xf32>'}}
nn.weight @w = #nn.column_bias<#nn.quantize_columns<dense<1.0> : tensor<4x2xf32>> : tensor<4x2xi8>, scales = dense<1.0> : tensor<2xf64>, scale = 0.5, zero = 1 means = dense<1.0> : tensor<2xf32>> : tensor<2xi32>

// -----

// expected-error @below {{expected a matrix of i8 and a positive panel, got 'tensor<9x37xf32>' and 32}}
nn.weight @w = #nn.pack_dot<dense<1.0> : tensor<9x37xf32>, panel = 32> : tensor<2x3x32x4xf32>

// -----

// expected-error @below {{expected type 'tensor<2x3x32x4xi8>', got 'tensor<2x2x32x4xi8>'}}
nn.weight @w = #nn.pack_dot<dense<1> : tensor<9x37xi8>, panel = 32> : tensor<2x2x32x4xi8>

// -----

// expected-error @below {{expected a vector of integers, got 'tensor<4xf32>'}}
nn.weight @w = #nn.sort_order<dense<1.0> : tensor<4xf32>> : tensor<4xi64>

// -----

// expected-error @below {{expected i64 in the shape of 'tensor<4xi32>', got 'tensor<4xi32>'}}
nn.weight @w = #nn.sort_order<dense<1> : tensor<4xi32>> : tensor<4xi32>

// -----

// expected-error @below {{expected indices in a vector of integers, got 'tensor<2x2xi64>'}}
nn.weight @w = #nn.take<dense<1.0> : tensor<2x4xf32>, indices = dense<0> : tensor<2x2xi64>> : tensor<2x4xf32>

// -----

// expected-error @below {{taking 3 elements of the last dimension of 'tensor<2x4xf32>' does not give 'tensor<2x4xf32>'}}
nn.weight @w = #nn.take<dense<1.0> : tensor<2x4xf32>, indices = dense<0> : tensor<3xi64>> : tensor<2x4xf32>

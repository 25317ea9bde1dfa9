// RUN: tercet-opt %s --pass-pipeline='builtin.module(gpu.module(gpu.func(vulkan-lower-byte-dots{profile=dot})))' | FileCheck %s
// RUN: tercet-opt %s --pass-pipeline='builtin.module(gpu.module(gpu.func(vulkan-lower-byte-dots)))' | FileCheck %s --check-prefix=BASE

gpu.module @kernels {
  // Bytes that are seen in words.
  // CHECK-LABEL: gpu.func @words(
  // CHECK-SAME: %[[A:.*]]: memref<?xi32>, %[[B:.*]]: memref<?xi32>
  // CHECK: %[[L:.*]] = memref.load %[[A]]
  // CHECK: %[[R:.*]] = memref.load %[[B]]
  // CHECK: %[[LEFT:.*]] = vector.from_elements %[[L]] : vector<1xi32>
  // CHECK: %[[RIGHT:.*]] = vector.from_elements %[[R]] : vector<1xi32>
  // CHECK: %[[LW:.*]] = vector.extract %[[LEFT]][0]
  // CHECK: %[[RW:.*]] = vector.extract %[[RIGHT]][0]
  // CHECK: %[[DOT:.*]] = spirv.SDot %[[LW]], %[[RW]], <PackedVectorFormat4x8Bit> : i32 -> i32
  // CHECK: %[[SUM:.*]] = arith.addi %[[L]], %[[DOT]]
  // CHECK: memref.store %[[SUM]]
  // A device without the instruction computes them one by one.
  // BASE-LABEL: gpu.func @words(
  // BASE-NOT: spirv.SDot
  // BASE: vector.reduction
  gpu.func @words(%a: memref<?xi32>, %b: memref<?xi32>) kernel {
    %i = gpu.thread_id x
    %l = memref.load %a[%i] : memref<?xi32>
    %r = memref.load %b[%i] : memref<?xi32>
    %lv = vector.from_elements %l : vector<1xi32>
    %rv = vector.from_elements %r : vector<1xi32>
    %lb = vector.bitcast %lv : vector<1xi32> to vector<4xi8>
    %rb = vector.bitcast %rv : vector<1xi32> to vector<4xi8>
    %le = arith.extsi %lb : vector<4xi8> to vector<4xi32>
    %re = arith.extsi %rb : vector<4xi8> to vector<4xi32>
    %p = arith.muli %le, %re : vector<4xi32>
    %s = vector.reduction <add>, %p, %l : vector<4xi32> into i32
    memref.store %s, %b[%i] : memref<?xi32>
    gpu.return
  }

  // Unsigned bytes, and halves of a word, are something else.
  // CHECK-LABEL: gpu.func @others(
  // CHECK-NOT: spirv.SDot
  // CHECK: gpu.return
  gpu.func @others(%a: memref<?xi32>, %b: memref<?xi32>) kernel {
    %i = gpu.thread_id x
    %l = memref.load %a[%i] : memref<?xi32>
    %lv = vector.from_elements %l : vector<1xi32>
    %lb = vector.bitcast %lv : vector<1xi32> to vector<4xi8>
    %le = arith.extsi %lb : vector<4xi8> to vector<4xi32>
    %lu = arith.extui %lb : vector<4xi8> to vector<4xi32>
    %p = arith.muli %le, %lu : vector<4xi32>
    %s = vector.reduction <add>, %p, %l : vector<4xi32> into i32
    %lh = vector.bitcast %lv : vector<1xi32> to vector<2xi16>
    %lw = arith.extsi %lh : vector<2xi16> to vector<2xi32>
    %q = arith.muli %lw, %lw : vector<2xi32>
    %t = vector.reduction <add>, %q, %s : vector<2xi32> into i32
    memref.store %t, %b[%i] : memref<?xi32>
    gpu.return
  }
}

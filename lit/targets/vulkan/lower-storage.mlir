// RUN: tercet-opt %s --pass-pipeline='builtin.module(gpu.module(gpu.func(vulkan-lower-storage)))' | FileCheck %s

gpu.module @kernels {
  // Operand i is binding i, and word i of the push constants says how many bytes before it the
  // binding begins. The control block is the binding behind the operands, and has no such word.
  // CHECK-LABEL: gpu.func @operands(
  // CHECK-SAME: %[[A:.*]]: memref<?xf32, #spirv.storage_class<StorageBuffer>> {spirv.interface_var_abi = #spirv.interface_var_abi<(0, 0)>}
  // CHECK-SAME: %[[PUSH:.*]]: memref<2xi32, #spirv.storage_class<PushConstant>>
  // CHECK-SAME: %[[B:.*]]: memref<?xi32, #spirv.storage_class<StorageBuffer>> {spirv.interface_var_abi = #spirv.interface_var_abi<(0, 1)>}
  // CHECK-SAME: %[[C:.*]]: memref<?xi32, #spirv.storage_class<StorageBuffer>> {spirv.interface_var_abi = #spirv.interface_var_abi<(0, 2)>}
  // CHECK: %[[BYTES:.*]] = memref.load %[[PUSH]][%c1]
  // CHECK: %[[SHIFTED:.*]] = arith.shrui %[[BYTES]], %c2_i32
  // CHECK: %[[WORDS:.*]] = arith.index_castui %[[SHIFTED]] : i32 to index
  // CHECK: memref.load %[[A]]
  // CHECK: %[[PLACE:.*]] = arith.addi %{{.*}}, %[[WORDS]]
  // CHECK: memref.store %{{.*}}, %[[B]][%[[PLACE]]]
  // CHECK: memref.atomic_rmw maxu %{{.*}}, %[[C]][%c0
  gpu.func @operands(%a: memref<?xf32>, %b: memref<?xi32>, %control: memref<2xi32>) kernel {
    %i = gpu.thread_id x
    %c0 = arith.constant 0 : index
    %x = memref.load %a[%i] : memref<?xf32>
    %w = arith.fptosi %x : f32 to i32
    memref.store %w, %b[%i] : memref<?xi32>
    %old = memref.atomic_rmw maxu %w, %control[%c0] : (i32, memref<2xi32>) -> i32
    gpu.return
  }

  // A byte is a field of a word, which other threads may be changing.
  // CHECK-LABEL: gpu.func @bytes(
  // CHECK: %[[I:.*]] = gpu.thread_id x
  // CHECK: %[[WORD:.*]] = arith.shrui %[[I]], %c2
  // CHECK: %[[FIELD:.*]] = arith.andi %[[I]], %c3
  // CHECK: %[[FIELD32:.*]] = arith.index_castui %[[FIELD]]
  // CHECK: %[[BITS:.*]] = arith.shli %[[FIELD32]], %c3_i32
  // CHECK: arith.shrui %{{.*}}, %[[BITS]]
  // CHECK: arith.trunci %{{.*}} : i32 to i8
  // CHECK: memref.atomic_rmw andi
  // CHECK: memref.atomic_rmw ori
  // CHECK-NOT: memref.store
  gpu.func @bytes(%a: memref<?xi8>, %b: memref<?xi8>) kernel {
    %i = gpu.thread_id x
    %x = memref.load %a[%i] : memref<?xi8>
    memref.store %x, %b[%i] : memref<?xi8>
    gpu.return
  }

  // A vector is one access where it and its operand are aligned to it, through a view of the same
  // binding; halves come two in a word. Otherwise it is a load for each lane.
  // CHECK-LABEL: gpu.func @vectors(
  // CHECK-SAME: memref<?xvector<4xf32>, #spirv.storage_class<StorageBuffer>> {spirv.interface_var_abi = #spirv.interface_var_abi<(0, 0)>}
  // CHECK-SAME: memref<?xvector<2xi32>, #spirv.storage_class<StorageBuffer>> {spirv.interface_var_abi = #spirv.interface_var_abi<(0, 1)>}
  // CHECK-SAME: memref<?xf32, #spirv.storage_class<StorageBuffer>> {spirv.interface_var_abi = #spirv.interface_var_abi<(0, 2)>}
  // CHECK: memref.load {{.*}} : memref<?xvector<4xf32>
  // CHECK: memref.store {{.*}} : memref<?xvector<2xi32>
  // CHECK-COUNT-4: memref.load {{.*}} : memref<?xf32
  gpu.func @vectors(%a: memref<?xf32>, %b: memref<?xf16>, %c: memref<?xf32>) kernel {
    %a16 = memref.assume_alignment %a, 16 : memref<?xf32>
    %b16 = memref.assume_alignment %b, 16 : memref<?xf16>
    %i = gpu.thread_id x
    %c4 = arith.constant 4 : index
    %j = arith.muli %i, %c4 : index
    %x = vector.load %a16[%j] {alignment = 16} : memref<?xf32>, vector<4xf32>
    %h = arith.truncf %x : vector<4xf32> to vector<4xf16>
    vector.store %h, %b16[%j] {alignment = 8} : memref<?xf16>, vector<4xf16>
    %y = vector.load %c[%j] {alignment = 16} : memref<?xf32>, vector<4xf32>
    gpu.return
  }

  // Workgroup memory that holds floats alone is an array of floats.
  // CHECK-LABEL: gpu.func @workgroup(
  // CHECK-SAME: workgroup(%[[W:.*]] : memref<16xf32, #spirv.storage_class<Workgroup>>)
  // CHECK: arith.addi %{{.*}}, %c8
  // CHECK: memref.load %[[W]]
  gpu.func @workgroup() workgroup(%w : memref<64xi8, #gpu.address_space<workgroup>>) kernel {
    %i = gpu.thread_id x
    %c32 = arith.constant 32 : index
    %view = memref.view %w[%c32][] : memref<64xi8, #gpu.address_space<workgroup>> to memref<8xf32, #gpu.address_space<workgroup>>
    %x = memref.load %view[%i] : memref<8xf32, #gpu.address_space<workgroup>>
    memref.store %x, %view[%i] : memref<8xf32, #gpu.address_space<workgroup>>
    gpu.return
  }

  // Halves that fill words are whole words, in workgroup memory and where the operand is less aligned
  // than they are.
  // CHECK-LABEL: gpu.func @words(
  // CHECK-SAME: %[[A:[a-z0-9]+]]: memref<?xi32, #spirv.storage_class<StorageBuffer>>
  // CHECK-SAME: workgroup(%[[W:.*]] : memref<16xi32, #spirv.storage_class<Workgroup>>)
  // CHECK: arith.shrui %{{.*}}, %c1
  // CHECK-COUNT-2: memref.load %[[A]]
  // CHECK-NOT: memref.atomic_rmw
  // CHECK-COUNT-2: memref.store %{{.*}}, %[[W]]
  // CHECK: gpu.return
  gpu.func @words(%a: memref<?xf16>) workgroup(%w : memref<64xi8, #gpu.address_space<workgroup>>) kernel {
    %a4 = memref.assume_alignment %a, 4 : memref<?xf16>
    %i = gpu.thread_id x
    %c0 = arith.constant 0 : index
    %c4 = arith.constant 4 : index
    %j = arith.muli %i, %c4 : index
    %view = memref.view %w[%c0][] : memref<64xi8, #gpu.address_space<workgroup>> to memref<32xf16, #gpu.address_space<workgroup>>
    %x = vector.load %a4[%j] {alignment = 8} : memref<?xf16>, vector<4xf16>
    vector.store %x, %view[%j] {alignment = 8} : memref<32xf16, #gpu.address_space<workgroup>>, vector<4xf16>
    gpu.return
  }

  // 64 bits are two words.
  // CHECK-LABEL: gpu.func @wide(
  // CHECK: %[[I:.*]] = gpu.thread_id x
  // CHECK: %[[AT:.*]] = arith.shli %[[I]], %c1
  // CHECK-COUNT-2: memref.load {{.*}} : memref<?xi32, #spirv.storage_class<StorageBuffer>>
  // CHECK: arith.ori {{.*}} : i64
  gpu.func @wide(%a: memref<?xi64>, %b: memref<?xi64>) kernel {
    %i = gpu.thread_id x
    %x = memref.load %a[%i] : memref<?xi64>
    memref.store %x, %b[%i] : memref<?xi64>
    gpu.return
  }

  // Bytes that are seen as other elements are whole words, several at once where
  // the alignments allow that.
  // CHECK-LABEL: gpu.func @seen(
  // CHECK-SAME: memref<?xvector<4xi32>, #spirv.storage_class<StorageBuffer>> {spirv.interface_var_abi = #spirv.interface_var_abi<(0, 0)>}
  // CHECK: memref.load {{.*}} : memref<?xvector<4xi32>
  // CHECK: memref.load {{.*}} : memref<?xi32, #spirv.storage_class<StorageBuffer>>
  // CHECK: memref.load {{.*}} : memref<?xi32, #spirv.storage_class<StorageBuffer>>
  // CHECK-COUNT-4: arith.bitcast {{.*}} : i16 to f16
  // CHECK: memref.store {{.*}} : memref<?xi32, #spirv.storage_class<StorageBuffer>>
  // CHECK: gpu.return
  gpu.func @seen(%a: memref<?xi8>, %b: memref<?xi8>, %c: memref<?xf16>) kernel {
    %a16 = memref.assume_alignment %a, 16 : memref<?xi8>
    %b4 = memref.assume_alignment %b, 4 : memref<?xi8>
    %i = gpu.thread_id x
    %c16 = arith.constant 16 : index
    %at = arith.muli %i, %c16 : index
    %x = vector.load %a16[%at] {alignment = 16 : i64} : memref<?xi8>, vector<16xi8>
    %words = vector.bitcast %x : vector<16xi8> to vector<4xi32>
    %y = vector.load %b4[%at] {alignment = 8 : i64} : memref<?xi8>, vector<8xi8>
    %halves = vector.bitcast %y : vector<8xi8> to vector<4xf16>
    %sum = vector.reduction <add>, %halves : vector<4xf16> into f16
    memref.store %sum, %c[%i] : memref<?xf16>
    %word = vector.extract %words[3] : i32 from vector<4xi32>
    %one = vector.from_elements %word : vector<1xi32>
    %bytes = vector.bitcast %one : vector<1xi32> to vector<4xi8>
    vector.store %bytes, %b4[%at] {alignment = 4 : i64} : memref<?xi8>, vector<4xi8>
    gpu.return
  }
}

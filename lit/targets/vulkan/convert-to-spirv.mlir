// RUN: tercet-opt %s --vulkan-convert-to-spirv | FileCheck %s

// Arguments are variables: buffers by their bindings, of which one that is only read says so, and
// push constants. The version is that of the interface, whatever less would do; the entry point is
// "main", of the function's local size.
// CHECK-LABEL: spirv.module @copy Logical GLSL450 requires #spirv.vce<v1.3, [Shader
// CHECK-DAG: spirv.GlobalVariable @[[A:.*]] bind(0, 0) {aliased, non_writable} : !spirv.ptr<!spirv.struct<(!spirv.rtarray<f32, stride=4> [0])>, StorageBuffer>
// CHECK-DAG: spirv.GlobalVariable @[[B:.*]] bind(0, 1) {aliased} : !spirv.ptr<!spirv.struct<(!spirv.rtarray<vector<4xf32>, stride=16> [0])>, StorageBuffer>
// CHECK-DAG: spirv.GlobalVariable @[[PUSH:.*]] : !spirv.ptr<!spirv.struct<(!spirv.array<2 x i32, stride=4> [0])>, PushConstant>
// CHECK: spirv.func @main() "None"
// CHECK-NOT: no_signed_wrap
// CHECK: spirv.EntryPoint "GLCompute" @main, @__builtin__LocalInvocationId__
// CHECK: spirv.ExecutionMode @main "LocalSize", 32, 1, 1
gpu.module @copy {
  gpu.func @copy(%a: memref<?xf32, #spirv.storage_class<StorageBuffer>> {spirv.interface_var_abi = #spirv.interface_var_abi<(0, 0)>},
      %b: memref<?xvector<4xf32>, #spirv.storage_class<StorageBuffer>> {spirv.interface_var_abi = #spirv.interface_var_abi<(0, 1)>},
      %push: memref<2xi32, #spirv.storage_class<PushConstant>>) kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    %c0 = arith.constant 0 : index
    %i = gpu.thread_id x
    %w = memref.load %push[%c0] : memref<2xi32, #spirv.storage_class<PushConstant>>
    %o = arith.index_castui %w : i32 to index
    %j = arith.addi %i, %o overflow<nsw> : index
    %x = memref.load %a[%j] : memref<?xf32, #spirv.storage_class<StorageBuffer>>
    %v = vector.broadcast %x : f32 to vector<4xf32>
    memref.store %v, %b[%i] : memref<?xvector<4xf32>, #spirv.storage_class<StorageBuffer>>
    gpu.return
  }
}

// A remainder is what the quotient leaves, of the least integer too.
// CHECK-LABEL: spirv.module @remainder
// CHECK: %[[Q:.*]] = spirv.SDiv %[[X:.*]], %[[Y:.*]] : i32
// CHECK: %[[WHOLE:.*]] = spirv.IMul %[[Q]], %[[Y]]
// CHECK: spirv.ISub %[[X]], %[[WHOLE]]
gpu.module @remainder {
  gpu.func @remainder(%a: memref<?xi32, #spirv.storage_class<StorageBuffer>> {spirv.interface_var_abi = #spirv.interface_var_abi<(0, 0)>})
      kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    %c0 = arith.constant 0 : index
    %i = gpu.thread_id x
    %x = memref.load %a[%i] : memref<?xi32, #spirv.storage_class<StorageBuffer>>
    %y = memref.load %a[%c0] : memref<?xi32, #spirv.storage_class<StorageBuffer>>
    %r = arith.remsi %x, %y : i32
    memref.store %r, %a[%i] : memref<?xi32, #spirv.storage_class<StorageBuffer>>
    gpu.return
  }
}

// An atomic access orders nothing but itself.
// CHECK-LABEL: spirv.module @atomic
// CHECK: spirv.AtomicAnd <Device> <None>
// CHECK: spirv.AtomicUMax <Device> <None>
gpu.module @atomic {
  gpu.func @atomic(%a: memref<?xi32, #spirv.storage_class<StorageBuffer>> {spirv.interface_var_abi = #spirv.interface_var_abi<(0, 0)>})
      kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    %c7 = arith.constant 7 : i32
    %i = gpu.thread_id x
    %x = memref.atomic_rmw andi %c7, %a[%i] : (i32, memref<?xi32, #spirv.storage_class<StorageBuffer>>) -> i32
    %y = memref.atomic_rmw maxu %x, %a[%i] : (i32, memref<?xi32, #spirv.storage_class<StorageBuffer>>) -> i32
    gpu.return
  }
}

// A barrier orders what goes through buffers, too. What GLSL has no function for is a polynomial.
// CHECK-LABEL: spirv.module @shared
// CHECK: spirv.GlobalVariable @{{.*}} : !spirv.ptr<!spirv.struct<(!spirv.array<64 x f32>)>, Workgroup>
// CHECK: spirv.ControlBarrier <Workgroup>, <Workgroup>, <AcquireRelease|UniformMemory|WorkgroupMemory>
// CHECK-NOT: math.
gpu.module @shared {
  gpu.func @shared() workgroup(%w : memref<64xf32, #spirv.storage_class<Workgroup>>) kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    %c1 = arith.constant 1 : index
    %i = gpu.thread_id x
    %j = arith.addi %i, %c1 : index
    %x = memref.load %w[%i] : memref<64xf32, #spirv.storage_class<Workgroup>>
    gpu.barrier
    %y = math.erf %x : f32
    memref.store %y, %w[%j] : memref<64xf32, #spirv.storage_class<Workgroup>>
    gpu.return
  }
}

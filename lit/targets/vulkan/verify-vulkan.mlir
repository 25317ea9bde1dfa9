// What a driver binds, unchanged.
// RUN: tercet-opt %s --pass-pipeline='builtin.module(spirv.module(verify-vulkan))' | FileCheck %s

// CHECK-LABEL: spirv.module @kernel
// CHECK-COUNT-5: spirv.GlobalVariable
spirv.module @kernel Logical GLSL450 requires #spirv.vce<v1.3, [Shader], []> {
  spirv.GlobalVariable @words bind(0, 0) : !spirv.ptr<!spirv.struct<(!spirv.rtarray<i32, stride=4> [0])>, StorageBuffer>
  spirv.GlobalVariable @vectors bind(0, 0) : !spirv.ptr<!spirv.struct<(!spirv.rtarray<vector<4xf32>, stride=16> [0])>, StorageBuffer>
  spirv.GlobalVariable @push : !spirv.ptr<!spirv.struct<(!spirv.array<1 x i32, stride=4> [0])>, PushConstant>
  spirv.GlobalVariable @shared : !spirv.ptr<!spirv.struct<(!spirv.array<4096 x f32>)>, Workgroup>
  spirv.GlobalVariable @id built_in("LocalInvocationId") : !spirv.ptr<vector<3xi32>, Input>
  spirv.func @main() "None" {
    spirv.Return
  }
  spirv.EntryPoint "GLCompute" @main, @id
  spirv.ExecutionMode @main "LocalSize", 64, 1, 1
}

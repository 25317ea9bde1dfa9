// RUN: tercet-opt %s --pass-pipeline='builtin.module(spirv.module(verify-vulkan))' --split-input-file --verify-diagnostics

// A buffer of bytes that became one of words with gaps.
spirv.module @gaps Logical GLSL450 requires #spirv.vce<v1.3, [Shader], []> {
  // expected-error @below {{expected a block of words or vectors of words without end and without gaps}}
  spirv.GlobalVariable @words bind(0, 0) : !spirv.ptr<!spirv.struct<(!spirv.rtarray<i32, stride=16> [0])>, StorageBuffer>
}

// -----

spirv.module @three Logical GLSL450 requires #spirv.vce<v1.3, [Shader], []> {
  // expected-error @below {{expected a block of words or vectors of words without end and without gaps}}
  spirv.GlobalVariable @words bind(0, 0) : !spirv.ptr<!spirv.struct<(!spirv.rtarray<vector<3xf32>, stride=12> [0])>, StorageBuffer>
}

// -----

spirv.module @set Logical GLSL450 requires #spirv.vce<v1.3, [Shader], []> {
  // expected-error @below {{expected a binding of descriptor set 0}}
  spirv.GlobalVariable @words bind(1, 0) : !spirv.ptr<!spirv.struct<(!spirv.rtarray<i32, stride=4> [0])>, StorageBuffer>
}

// -----

spirv.module @push Logical GLSL450 requires #spirv.vce<v1.3, [Shader], []> {
  // expected-error @below {{expected one block of push constants, of at most 32 words}}
  spirv.GlobalVariable @push : !spirv.ptr<!spirv.struct<(!spirv.array<33 x i32, stride=4> [0])>, PushConstant>
}

// -----

// expected-error @below {{expected version 1.3}}
spirv.module @version Logical GLSL450 requires #spirv.vce<v1.0, [Shader], []> {
}

// -----

// expected-error @below {{has a capability that no profile gives: Int64}}
spirv.module @capability Logical GLSL450 requires #spirv.vce<v1.3, [Shader, Int64], []> {
}

// -----

// expected-error @below {{expected an entry point with a local size}}
spirv.module @entry Logical GLSL450 requires #spirv.vce<v1.3, [Shader], []> {
}

// -----

// expected-error @below {{expected at most 16384 bytes of workgroup memory, got 32768}}
spirv.module @shared Logical GLSL450 requires #spirv.vce<v1.3, [Shader], []> {
  spirv.GlobalVariable @shared : !spirv.ptr<!spirv.struct<(!spirv.array<8192 x f32>)>, Workgroup>
  spirv.func @main() "None" {
    spirv.Return
  }
  spirv.EntryPoint "GLCompute" @main
  spirv.ExecutionMode @main "LocalSize", 64, 1, 1
}

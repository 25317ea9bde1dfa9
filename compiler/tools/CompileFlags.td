// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The flags of tercet-compile. Read with llvm::opt, since cl::opt is shared by
// all of libLLVM, which has flags by some of these names.

include "llvm/Option/OptParser.td"

class Switch<string name, string help> : Flag<["--"], name>, HelpText<help>;

multiclass Value<string name, string meta, string help> {
  def NAME : Separate<["--"], name>, MetaVarName<meta>, HelpText<help>;
  def NAME # _EQ : Joined<["--"], name # "=">, Alias<!cast<Separate>(NAME)>;
}

def model_group : OptionGroup<"The model">;
def quantize_group : OptionGroup<"Precision">;
def machine_group : OptionGroup<"The machine">;
def artifact_group : OptionGroup<"The artifact">;
def look_group : OptionGroup<"Looking inside">;

let Group = model_group in {
defm dim : Value<"dim", "NAME=VALUE", "Size of a symbolic dimension; once for each">;
defm context : Value<"context", "N", "Positions of a language model that its caches have room for (default: the model's, at most 4096)">;
defm prefill : Value<"prefill", "N,N,...", "Lengths of the chunks in which a language model takes a prompt, or none (default: 128,16)">;
defm verify : Value<"verify", "N,N,...", "Lengths of chunks with logits for every token, as speculative decoding needs (default: none)">;
defm kv_cache : Value<"kv-cache", "f16|f32|int8|int4", "How a language model's caches store keys and values; int8 and int4 with a scale for each 32 elements of a head (default: f16)">;
defm plan_context : Value<"plan-context", "BYTES", "Print what a language model takes for each context length, pool by pool, and the longest context that fits into so much memory, such as 24GiB; write nothing">;
def check_only : Switch<"check-only", "Report every node that cannot be compiled, write nothing">;
def list_operators : Switch<"list-operators", "List the ONNX operators that are supported">;
}

let Group = quantize_group in {
defm quantize : Value<"quantize", "SPEC", "Precisions: [PATTERN=]SCHEME;..., of w8a8, w8a16 and f32, or for weights alone f16, w8, w4g32, w4g128, w2g64 and mxfp4. Nodes that match a pattern get that scheme, a scheme alone is used where it costs less; later entries win">;
defm calibrate : Value<"calibrate", "DIR|LIST", "Inputs to measure ranges on: a folder a sample with NAME.npy, or files NAME-NUMBER.npy, or a list of lines NAME=FILE.npy ...">;
defm calibration : Value<"calibration", "minmax|percentile|mse", "How 8-bit ranges follow from what was measured (default: mse)">;
defm min_snr : Value<"min-snr", "DB", "Keep a node in float where a scheme without a pattern would leave its result less than this (default: 20)">;
defm outliers : Value<"outliers", "RATIO", "Compute channels between two products in float where their range is that many times what 99 % of the others stay within (default: 1.5); 0: none">;
}

let Group = machine_group in {
defm soc : Value<"soc", "NAME|FILE", "Machine to compile for: a name of --list-socs, or a machine file (default: host)">;
defm target : Value<"target", "TRIPLE", "Triple of a machine with one CPU, such as aarch64-linux-gnu">;
defm cpu : Value<"cpu", "CPU", "CPU of that machine, as LLVM names it, or host">;
defm workers : Value<"workers", "MAX", "Most threads that will ever run the program (default: the machine's cores); the arena has room for so many">;
defm pin : Value<"pin", "PATTERN=ENGINE", "Run the nodes whose names match on that engine; once for each, later ones win">;
defm require_engine : Value<"require-engine", "PATTERN=ENGINE", "Fail, with the reasons, if a node that matches is placed elsewhere; once for each">;
def forbid_fallback : Switch<"forbid-fallback", "Fail, with the reasons, if a node runs where it does because another engine cannot run it">;
def list_socs : Switch<"list-socs", "List the machines that --soc knows">;
def print_soc : Switch<"print-soc", "Print the machine as an attribute; with --verbose as tables">;
defm plugin : Value<"plugin", "FILE", "Load a plug-in with further targets; once for each">;
}

let Group = artifact_group in {
def output : Separate<["-"], "o">, MetaVarName<"DIR">, HelpText<"Directory of the artifact">;
defm name : Value<"name", "NAME", "Name of the program (default: from the file's name)">;
defm emit : Value<"emit", "obj|shared|exe", "What to write (default: obj)">;
defm weights : Value<"weights", "embed|file", "Where weights go (default: a file above 16 MiB)">;
defm linker : Value<"linker", "PATH", "Linker for --emit shared and exe (default: ld.lld)">;
defm memory_budget : Value<"memory-budget", "POOL=BYTES", "Most bytes that a pool may have; fails before code is generated">;
defm pipeline : Value<"pipeline", "N", "Add an entry NAME_xN that runs N inferences at once, overlapped on the engines">;
defm depfile : Value<"depfile", "FILE", "Write the files that were read, for make and Ninja">;
}

let Group = look_group in {
defm stop_after : Value<"stop-after", "STAGE", "Print the module after this stage: import, graph, partition, schedule, tile, plan, codegen">;
defm start_from : Value<"start-from", "STAGE", "Read text that --stop-after printed and start with this stage">;
def stats : Switch<"stats", "Print time and memory of each stage">;
def quiet : Switch<"quiet", "Print errors only">;
def verbose : Switch<"verbose", "Say what is being done">;
def help : Switch<"help", "Print this">;
def help_h : Flag<["-"], "h">, Alias<help>;
}

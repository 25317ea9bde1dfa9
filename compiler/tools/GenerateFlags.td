// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The flags of tercet-generate. Read with llvm::opt, since cl::opt is shared by all
// of libLLVM.

include "llvm/Option/OptParser.td"

multiclass Value<string name, string meta, string help> {
  def NAME : Separate<["--"], name>, MetaVarName<meta>, HelpText<help>;
  def NAME # _EQ : Joined<["--"], name # "=">, Alias<!cast<Separate>(NAME)>;
}

// What to do.
defm prompt : Value<"prompt", "TEXT", "Go on with this text (default: with an empty one)">;
defm tokens : Value<"tokens", "FILE", "Go on with these token ids, white space between; prints ids, and no id ends it">;
def chat : Flag<["--"], "chat">, HelpText<"Answer each line of standard input, by the model's chat template">;
defm perplexity : Value<"perplexity", "FILE", "Measure how well the model foretells a text">;
defm system : Value<"system", "TEXT", "With --chat: the system's message">;
defm n : Value<"n", "N", "Generate at most N tokens (default: 256, or as many as the context holds)">;
defm logits_out : Value<"logits-out", "FILE.npy", "Write the logits: f32 [prompt + N, vocabulary], a row for each token of "
  "the prompt and each that was generated, which are N: nothing ends it early">;

// How to choose.
defm temperature : Value<"temperature", "T", "Draw from the distribution at this temperature (default: 0, the most probable token)">;
defm top_k : Value<"top-k", "K", "Draw among the K most probable">;
defm top_p : Value<"top-p", "P", "Draw among the fewest most probable whose probabilities sum to P">;
defm min_p : Value<"min-p", "P", "Draw among those at least P times as probable as the most probable">;
defm repetition_penalty : Value<"repetition-penalty", "R", "Divide the logits of tokens that occurred by R">;
defm penalty_window : Value<"penalty-window", "N", "How many tokens back an occurrence counts (default: 64; 0: all)">;
defm seed : Value<"seed", "S", "Of the random numbers (default: 0)">;

// The model.
defm tokenizer : Value<"tokenizer", "FILE", "A GGUF file, a tokenizer.json or its folder (default: the model's own)">;
defm session : Value<"session", "FILE", "Begin with the session in FILE, if it is there, and keep it there at the end">;
defm draft : Value<"draft", "MODEL|DIR", "A smaller model of the same vocabulary that proposes tokens (speculative decoding)">;
defm threads : Value<"threads", "N", "Most threads (default: what the machine has)">;
defm cache : Value<"cache", "DIR", "Where compiled models are kept (default: $XDG_CACHE_HOME/tercet or ~/.cache/tercet)">;
defm context : Value<"context", "N", "When compiling: the context length">;
defm prefill : Value<"prefill", "N,N,...", "When compiling: lengths of the prompt's pieces, or none">;
defm verify : Value<"verify", "N,N,...", "When compiling: how many tokens are scored at once, for --draft, --perplexity and "
  "--logits-out">;
defm quantize : Value<"quantize", "SPEC", "When compiling: as tercet-compile takes it">;
defm kv_cache : Value<"kv-cache", "TYPE", "When compiling: how keys and values are stored: f16, f32, int8 or int4">;
defm soc : Value<"soc", "NAME|FILE", "When compiling: the machine (default: the host)">;
defm linker : Value<"linker", "PATH", "As tercet-run takes it">;
def quiet : Flag<["--"], "quiet">, HelpText<"No figures on standard error">;
def help : Flag<["--"], "help">, HelpText<"Print this">;
def help_h : Flag<["-"], "h">, Alias<help>;

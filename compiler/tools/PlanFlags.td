// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The flags of tercet-plan. Read with llvm::opt, since cl::opt is shared by all
// of libLLVM.

include "llvm/Option/OptParser.td"

multiclass Value<string name, string meta, string help> {
  def NAME : Separate<["--"], name>, MetaVarName<meta>, HelpText<help>;
  def NAME # _EQ : Joined<["--"], name # "=">, Alias<!cast<Separate>(NAME)>;
}

defm capacity : Value<"capacity", "BYTES", "Be content with any plan within it; fail if there is none">;
defm output : Value<"output", "FILE", "Write the plan: id,lower,upper,size,offset">;
defm alignment : Value<"alignment", "N", "Offsets are multiples of it, sizes are rounded up to it (default: 1)">;
def help : Flag<["--"], "help">, HelpText<"Print this">;
def help_h : Flag<["-"], "h">, Alias<help>;

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The flags of tercet-report.

include "llvm/Option/OptParser.td"

class Switch<string name, string help> : Flag<["--"], name>, HelpText<help>;

def output : Separate<["-"], "o">, MetaVarName<"FILE.html">, HelpText<"Write the report as one page for a browser">;
def profile : Separate<["--"], "profile">, MetaVarName<"FILE">, HelpText<"Show what tercet-run --profile measured beside what was predicted">;
def profile_EQ : Joined<["--"], "profile=">, Alias<profile>;
def json : Switch<"json", "Print the difference, or the report, as JSON">;
def exit_code : Switch<"exit-code", "Exit with 3 if the two reports differ">;
def help : Switch<"help", "Print this">;
def help_h : Flag<["-"], "h">, Alias<help>;

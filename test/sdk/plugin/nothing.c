// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A shared object without the symbol of a plug-in.
int acme_nothing(void) { return 0; }

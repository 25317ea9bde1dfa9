// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A failure about which another process has written its line already.

#ifndef TERCET_COMPILER_TOOLS_GENERATE_REPORTED_H
#define TERCET_COMPILER_TOOLS_GENERATE_REPORTED_H

#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

namespace tercet::generate {

class AlreadyReported : public llvm::ErrorInfo<AlreadyReported> {
public:
  static inline char ID = 0;
  void log(llvm::raw_ostream &os) const override { os << "reported already"; }
  std::error_code convertToErrorCode() const override { return llvm::inconvertibleErrorCode(); }
};

} // namespace tercet::generate

#endif // TERCET_COMPILER_TOOLS_GENERATE_REPORTED_H

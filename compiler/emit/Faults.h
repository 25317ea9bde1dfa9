// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Two kinds of failure: what the user can do something about (a plain string
// error, exit status 1) and what means that Tercet itself is wrong (a fault,
// exit status 2 and a reproducer).

#ifndef TERCET_COMPILER_EMIT_FAULTS_H
#define TERCET_COMPILER_EMIT_FAULTS_H

#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

namespace tercet::emit {

/// An earlier stage broke its promise. Test with `error.isA<InternalFault>()`.
class InternalFault : public llvm::ErrorInfo<InternalFault> {
public:
  static char ID;
  explicit InternalFault(const llvm::Twine &text) : text(text.str()) {}
  void log(llvm::raw_ostream &os) const override { os << "internal error: " << text; }
  std::error_code convertToErrorCode() const override { return llvm::inconvertibleErrorCode(); }

private:
  std::string text;
};

/// A failure of the user's surroundings, in one line.
inline llvm::Error failure(const llvm::Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
}

inline llvm::Error fault(const llvm::Twine &text) { return llvm::make_error<InternalFault>(text); }

} // namespace tercet::emit

#endif // TERCET_COMPILER_EMIT_FAULTS_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rules of an entry point and of its commands one by one: tensors and what
// binds them, tokens, kernels, grids, scratch, copies, and which engine can
// address what. Order and data flow are in DataFlow.h, which relies on these.

#ifndef TERCET_COMPILER_CHECK_ENTRIES_H
#define TERCET_COMPILER_CHECK_ENTRIES_H

#include "compiler/check/Table.h"

namespace tercet::check {

/// Names are unique and command ranges disjoint.
void checkEntries(const Table &table, Findings &findings);

/// One entry. References and records have been checked.
void checkEntry(const Table &table, const tercet_entry_record &entry, Findings &findings);

} // namespace tercet::check

#endif // TERCET_COMPILER_CHECK_ENTRIES_H

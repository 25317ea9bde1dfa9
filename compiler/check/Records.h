// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rules that records obey one by one: every index, name, range, alignment
// and capacity. What commands do is in Entries.h and DataFlow.h.

#ifndef TERCET_COMPILER_CHECK_RECORDS_H
#define TERCET_COMPILER_CHECK_RECORDS_H

#include "compiler/check/Table.h"

namespace tercet::check {

/// Whether every index of every record is in range: without that, nothing else
/// can be looked at.
bool checkReferences(const Table &table, Findings &findings);

/// Contents of all records but ENTRIES and COMMANDS. References have been
/// checked.
void checkRecords(const Table &table, Findings &findings);

} // namespace tercet::check

#endif // TERCET_COMPILER_CHECK_RECORDS_H

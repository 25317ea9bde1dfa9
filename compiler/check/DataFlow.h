// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The heart of the checker: replays the commands in list order over memory that
// remembers the past of every byte, and demands that whatever a command meets
// there is ordered before it by happens-before. Then every execution, however
// the queues overlap, moves the same data as the replay does.

#ifndef TERCET_COMPILER_CHECK_DATAFLOW_H
#define TERCET_COMPILER_CHECK_DATAFLOW_H

#include "compiler/check/Check.h"
#include "compiler/check/Table.h"

namespace tercet::check {

/// The entry has passed checkEntry.
void checkDataFlow(const Table &table, const tercet_entry_record &entry, Findings &findings,
                   EntryStatistics &statistics);

} // namespace tercet::check

#endif // TERCET_COMPILER_CHECK_DATAFLOW_H

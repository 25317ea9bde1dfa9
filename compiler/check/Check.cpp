// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The steps in order. Each relies on what those before it have established, so
// a step that finds something ends the check; within a step, all is listed.

#include "compiler/check/Check.h"

#include "compiler/check/DataFlow.h"
#include "compiler/check/Entries.h"
#include "compiler/check/Records.h"

using namespace tercet;
using namespace tercet::check;

llvm::Error check::checkTable(llvm::StringRef bytes, CheckStatistics *statistics) {
  Findings findings;
  Table table = readTable(bytes, findings);
  if (!findings.isEmpty() || !checkReferences(table, findings))
    return findings.takeError();
  checkRecords(table, findings);
  checkEntries(table, findings);
  if (!findings.isEmpty())
    return findings.takeError();
  for (const tercet_entry_record &entry : table.entries) {
    uint64_t before = findings.getCount();
    EntryStatistics proven;
    proven.name = table.name(entry.name);
    proven.commands = entry.command_count;
    proven.tokens = entry.token_count;
    checkEntry(table, entry, findings);
    if (findings.getCount() == before)
      checkDataFlow(table, entry, findings, proven);
    if (statistics)
      statistics->entries.push_back(proven);
  }
  return findings.takeError();
}

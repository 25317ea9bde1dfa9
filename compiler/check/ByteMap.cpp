// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bytes without a node are unwritten and unread.

#include "compiler/check/ByteMap.h"

#include <iterator>

using namespace tercet::check;

void ByteMap::split(uint64_t at) {
  auto it = nodes.lower_bound(at);
  if (it == nodes.begin())
    return;
  --it;
  if (it->second.end <= at)
    return;
  nodes.emplace_hint(std::next(it), at, it->second);
  it->second.end = at;
}

void ByteMap::visit(
    uint64_t begin, uint64_t end,
    llvm::function_ref<void(uint64_t begin, uint64_t end, Segment &segment)> visit) {
  if (begin >= end)
    return;
  split(begin);
  split(end);
  auto it = nodes.lower_bound(begin);
  for (uint64_t at = begin; at < end; ++it) {
    // A gap gets a node of its own, so that its readers are kept too.
    if (it == nodes.end() || it->first > at) {
      uint64_t next = it == nodes.end() ? end : std::min(end, it->first);
      it = nodes.emplace_hint(it, at, Node{next, {}});
    }
    visit(at, it->second.end, it->second.segment);
    at = it->second.end;
    ++steps;
  }
}

void ByteMap::assign(uint64_t begin, uint64_t end, Origin origin) {
  if (begin >= end)
    return;
  split(begin);
  split(end);
  auto first = nodes.lower_bound(begin), last = first;
  for (; last != nodes.end() && last->first < end; ++last)
    ++steps;
  nodes.erase(first, last);
  nodes.emplace(begin, Node{end, {origin, {}}});
  ++steps;
}

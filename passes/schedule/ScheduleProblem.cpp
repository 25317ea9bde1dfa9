// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The problem's consistency, the meaning of shares and of the peak, and the
// check of a plan, which shares no code with the algorithms.

#include "passes/schedule/ScheduleProblem.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace tercet::schedule;

namespace {

// Bytes times picoseconds per second needs more than 64 bits.
__extension__ using Wide = unsigned __int128;

llvm::Error error(const llvm::Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
}

llvm::Error checkLags(llvm::ArrayRef<int64_t> lags, unsigned engines, const llvm::Twine &of) {
  if (lags.empty())
    return llvm::Error::success();
  if (lags.size() != size_t(engines) * engines)
    return error(of + ": expected " + llvm::Twine(size_t(engines) * engines) + " lags, got " +
                 llvm::Twine(lags.size()));
  for (unsigned p = 0; p < engines; ++p) {
    for (unsigned q = 0; q < engines; ++q) {
      int64_t lag = lags[p * engines + q];
      if (lag < 0 || (p == q && lag != 0))
        return error(of + ": lag " + llvm::Twine(lag) + " from engine " + llvm::Twine(p) + " to " +
                     llvm::Twine(q) + (lag < 0 ? " is negative" : " is not 0"));
    }
  }
  return llvm::Error::success();
}

int64_t largest(llvm::ArrayRef<int64_t> lags) {
  return lags.empty() ? 0 : *llvm::max_element(lags);
}

} // namespace

llvm::Error ScheduleProblem::check() const {
  if (engines == 0 && !tasks.empty())
    return error("there are tasks but no engines");
  if (engines > 64)
    return error(llvm::Twine(engines) + " engines; 64 is the limit");
  if (bandwidth < 0)
    return error("bandwidth " + llvm::Twine(bandwidth) + " is negative");
  if (llvm::Error e = checkLags(defaultLags, engines, "the problem"))
    return e;
  int64_t time = 0, bytes = 0;
  auto addTime = [&](int64_t more) {
    return !llvm::AddOverflow(time, more, time) && time <= timeLimit;
  };
  const char *tooLong = "durations and lags add up to more than 2^50 ps";
  for (auto [index, task] : llvm::enumerate(tasks)) {
    std::string name = "task " + std::to_string(index);
    if (task.modes.empty())
      return error(name + " has no mode");
    if (task.resultBytes < 0)
      return error(name + ": result of " + llvm::Twine(task.resultBytes) + " bytes is negative");
    if (llvm::AddOverflow(bytes, task.resultBytes, bytes))
      return error("the results add up to more than 64 bits hold");
    int64_t longest = 0;
    for (auto [number, mode] : llvm::enumerate(task.modes)) {
      std::string modeName = name + ", mode " + std::to_string(number);
      if (mode.parts.empty())
        return error(modeName + " has no part");
      if (mode.bandwidthBytes < 0)
        return error(modeName + ": " + llvm::Twine(mode.bandwidthBytes) + " bytes is negative");
      int64_t sum = 0;
      for (const TaskPart &part : mode.parts) {
        if (part.engine >= engines)
          return error(modeName + ": engine " + llvm::Twine(part.engine) + " of " +
                       llvm::Twine(engines));
        if (part.duration < 0)
          return error(modeName + ": duration " + llvm::Twine(part.duration) + " is negative");
        if (llvm::count_if(mode.parts,
                           [&](const TaskPart &other) { return other.engine == part.engine; }) > 1)
          return error(modeName + " has two parts on engine " + llvm::Twine(part.engine));
        if (llvm::AddOverflow(sum, part.duration, sum))
          return error(tooLong);
      }
      if (bandwidth > 0 && mode.bandwidthBytes > 0 && sum == 0)
        return error(modeName + " moves " + llvm::Twine(mode.bandwidthBytes) + " bytes in no time");
      longest = std::max(longest, sum);
    }
    if (!addTime(longest))
      return error(tooLong);
  }
  for (auto [index, edge] : llvm::enumerate(edges)) {
    std::string name = "edge " + std::to_string(index);
    if (edge.from >= tasks.size() || edge.to >= tasks.size())
      return error(name + ": from task " + llvm::Twine(edge.from) + " to " + llvm::Twine(edge.to) +
                   " of " + llvm::Twine(tasks.size()));
    if (edge.from >= edge.to)
      return error(name + ": from task " + llvm::Twine(edge.from) + " to " + llvm::Twine(edge.to) +
                   " does not ascend; tasks must be in a topological order");
    if (edge.bytesOut < 0)
      return error(name + ": " + llvm::Twine(edge.bytesOut) + " bytes is negative");
    if (llvm::Error e = checkLags(edge.lags, engines, name))
      return e;
    if (!addTime(largest(edge.lags.empty() ? defaultLags : edge.lags)))
      return error(tooLong);
  }
  return llvm::Error::success();
}

int64_t ScheduleProblem::bandwidthShare(const TaskMode &mode) const {
  int64_t duration = 0;
  for (const TaskPart &part : mode.parts)
    duration += part.duration;
  if (bandwidth <= 0 || mode.bandwidthBytes <= 0 || duration <= 0)
    return 0;
  // 63 bits times 40 bits times 12 bits, and 63 bits times 50 bits: exact.
  Wide taken = Wide(mode.bandwidthBytes) * 1000000000000u * Wide(bandwidthShares);
  Wide whole = Wide(bandwidth) * Wide(duration);
  Wide share = (taken + whole - 1) / whole;
  return share < Wide(bandwidthShares) ? static_cast<int64_t>(share) : bandwidthShares;
}

int64_t ScheduleProblem::peak(llvm::ArrayRef<unsigned> order) const {
  llvm::SmallVector<size_t> position(tasks.size(), 0), last(tasks.size(), 0);
  for (auto [at, task] : llvm::enumerate(order))
    position[task] = last[task] = at;
  for (const ScheduleEdge &edge : edges)
    last[edge.from] = std::max(last[edge.from], position[edge.to]);
  llvm::SmallVector<int64_t> change(tasks.size() + 1, 0);
  for (auto [index, task] : llvm::enumerate(tasks)) {
    change[position[index]] += task.resultBytes;
    change[last[index] + 1] -= task.resultBytes;
  }
  int64_t live = 0, most = 0;
  for (int64_t bytes : change)
    most = std::max(most, live += bytes);
  return most;
}

int64_t SchedulePlan::gap() const {
  int64_t over = makespan - lowerBound;
  if (over <= 0)
    return 0;
  if (lowerBound == 0)
    return 10000;
  return static_cast<int64_t>((Wide(over) * 10000 + Wide(lowerBound) - 1) / Wide(lowerBound));
}

llvm::SmallVector<unsigned> SchedulePlan::order() const {
  llvm::SmallVector<int64_t> first(starts.size(), 0);
  for (auto [task, times] : llvm::enumerate(starts))
    first[task] = times.empty() ? 0 : *llvm::min_element(times);
  auto tasks = llvm::to_vector(llvm::seq<unsigned>(0, starts.size()));
  llvm::stable_sort(tasks, [&](unsigned a, unsigned b) { return first[a] < first[b]; });
  return tasks;
}

llvm::Error SchedulePlan::verify(const ScheduleProblem &problem) const {
  size_t count = problem.tasks.size();
  if (modes.size() != count || starts.size() != count)
    return error("expected a mode and starts for each of " + llvm::Twine(count) + " tasks, got " +
                 llvm::Twine(modes.size()) + " and " + llvm::Twine(starts.size()));
  struct Placed {
    unsigned task, engine;
    int64_t start, end, share;
  };
  std::vector<Placed> placed;
  int64_t end = 0;
  for (unsigned task = 0; task < count; ++task) {
    if (modes[task] >= problem.tasks[task].modes.size())
      return error("task " + llvm::Twine(task) + " has no mode " + llvm::Twine(modes[task]));
    const TaskMode &mode = problem.tasks[task].modes[modes[task]];
    if (starts[task].size() != mode.parts.size())
      return error("task " + llvm::Twine(task) + ": expected " + llvm::Twine(mode.parts.size()) +
                   " starts, got " + llvm::Twine(starts[task].size()));
    for (auto [part, start] : llvm::zip(mode.parts, starts[task])) {
      if (start < 0 || start > ScheduleProblem::timeLimit)
        return error("task " + llvm::Twine(task) + " starts at " + llvm::Twine(start));
      placed.push_back(
          {task, part.engine, start, start + part.duration, problem.bandwidthShare(mode)});
      end = std::max(end, start + part.duration);
    }
  }
  for (size_t i = 0; i < placed.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      const Placed &a = placed[j], &b = placed[i];
      if (a.engine == b.engine && a.start < b.end && b.start < a.end)
        return error("tasks " + llvm::Twine(a.task) + " and " + llvm::Twine(b.task) +
                     " overlap on engine " + llvm::Twine(a.engine));
    }
  }
  for (const ScheduleEdge &edge : problem.edges) {
    for (const Placed &a : placed) {
      if (a.task != edge.from)
        continue;
      for (const Placed &b : placed)
        if (b.task == edge.to && b.start < a.end + problem.lag(edge, a.engine, b.engine))
          return error("task " + llvm::Twine(edge.to) + " starts at " + llvm::Twine(b.start) +
                       " before what task " + llvm::Twine(edge.from) + " writes until " +
                       llvm::Twine(a.end) + " is there");
    }
  }
  // The sum of shares grows only where a part starts.
  for (const Placed &at : placed) {
    int64_t shares = 0;
    for (const Placed &other : placed)
      if (other.start <= at.start && at.start < other.end)
        shares += other.share;
    if (shares > ScheduleProblem::bandwidthShares)
      return error("the tasks that run at " + llvm::Twine(at.start) + " ps take " +
                   llvm::Twine(shares) + "/4096 of the bandwidth");
  }
  if (makespan != end)
    return error("makespan is " + llvm::Twine(end) + ", said to be " + llvm::Twine(makespan));
  // Live at the start of a task: what began before it or with it and still has
  // a consumer that did not begin before it.
  llvm::SmallVector<unsigned> sequence = order();
  llvm::SmallVector<size_t> position(count, 0), last(count, 0);
  for (size_t at = 0; at < count; ++at)
    position[sequence[at]] = last[sequence[at]] = at;
  for (const ScheduleEdge &edge : problem.edges)
    last[edge.from] = std::max(last[edge.from], position[edge.to]);
  int64_t most = 0;
  for (size_t at = 0; at < count; ++at) {
    int64_t live = 0;
    for (unsigned task = 0; task < count; ++task)
      if (position[task] <= at && at <= last[task])
        live += problem.tasks[task].resultBytes;
    most = std::max(most, live);
  }
  if (peak != most)
    return error("peak is " + llvm::Twine(most) + " bytes, said to be " + llvm::Twine(peak));
  if (lowerBound > makespan)
    return error("the bound " + llvm::Twine(lowerBound) + " is above the makespan " +
                 llvm::Twine(makespan));
  if (peakLowerBound > peak)
    return error("the bound " + llvm::Twine(peakLowerBound) + " is above the peak " +
                 llvm::Twine(peak));
  return llvm::Error::success();
}

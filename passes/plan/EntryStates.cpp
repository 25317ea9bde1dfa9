// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// States of an entry: their updates take their storage, and who reads a value
// that has been overwritten is told so.

#include "passes/plan/EntryPlanner.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::plan;

LogicalResult EntryPlanner::verifyIsCurrent(Operation *reader, Value value) {
  const Storage &storage = storages[placeOfValue.at(value).storage];
  if (storage.kind != Storage::State || storage.current == value ||
      !isa<BlockArgument>(value) /* a view: its source was current when it was made */)
    return success();
  auto diag = reader->emitOpError()
              << "reads a state after it has been updated in place; read what the update returns";
  diag.attachNote(storage.current.getLoc()) << "updated here";
  return diag;
}

LogicalResult EntryPlanner::updateState(soc::TaskOp task, unsigned input, Command &command) {
  Value old = task.getInputs()[input], updated = task.getOutputs()[0];
  Place place = placeOfValue.at(old);
  Storage &storage = storages[place.storage];
  if (storage.kind != Storage::State || place.offset != 0 ||
      storage.bytes != bytesOf(old.getType()))
    return task.emitOpError() << "updates in place what is no state of the entry; only arguments "
                                 "with `nn.state` and their updates can be updated";
  // Whoever still reads what is overwritten has to be done.
  for (unsigned queue : storage.accesses.getQueues())
    if (queue != command.engine)
      for (int64_t earlier = commands.size() - 1; earlier >= 0; --earlier)
        if (commands[earlier].engine == queue) {
          if (!llvm::is_contained(command.waits, earlier))
            command.waits.push_back(earlier);
          break;
        }
  storage.current = updated;
  placeOfValue[updated] = place;
  return success();
}

SmallVector<EntryPlanner::State> EntryPlanner::getStates() {
  SmallVector<State> states;
  for (const Storage &storage : storages)
    if (storage.kind == Storage::State) {
      auto name = func.getArgAttrOfType<StringAttr>(storage.index, "nn.name");
      states.push_back({name ? name.getValue() : StringRef(),
                        cast<RankedTensorType>(func.getArgumentTypes()[storage.index]),
                        storage.loc});
    }
  return states;
}

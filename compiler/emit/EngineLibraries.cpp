// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Steps through the table's records to ENGINES. The object is one that
// tercet-compile wrote; of a broken one nothing is found, and the runtime will
// say what is wrong with it.

#include "compiler/emit/EngineLibraries.h"

#include "compiler/emit/Faults.h"
#include "compiler/emit/ObjectFile.h"

#include "llvm/Support/MemoryBuffer.h"

using namespace tercet;

llvm::StringRef emit::getDriverSymbol(tercet_image_format format) {
  return format == TERCET_IMAGE_SPIRV  ? "tercet_vulkan_create"
         : format == TERCET_IMAGE_CUDA ? "tercet_cuda_create"
                                       : "";
}

llvm::Expected<std::vector<tercet_image_format>> emit::readImageFormats(llvm::StringRef path,
                                                                        llvm::StringRef name) {
  std::vector<tercet_image_format> formats;
  llvm::Expected<ObjectLayout> layout = inspectObject(path, name);
  if (!layout)
    return layout.takeError();
  auto file = llvm::MemoryBuffer::getFileSlice(path, layout->table.bytes, layout->table.offset);
  if (!file)
    return failure("cannot read '" + path + "': " + file.getError().message());
  llvm::StringRef left = (*file)->getBuffer().drop_front(
      std::min<size_t>(sizeof(tercet_table_header), (*file)->getBufferSize()));
  tercet_record_header record;
  while (left.size() >= sizeof record) {
    std::memcpy(&record, left.data(), sizeof record);
    left = left.drop_front(sizeof record);
    if (record.bytes > left.size())
      break;
    if ((record.kind & ~TERCET_RECORD_REQUIRED) == TERCET_RECORD_ENGINES &&
        record.stride >= sizeof(tercet_engine_record))
      for (uint64_t at = 0; at + record.stride <= record.bytes && formats.size() < record.count;
           at += record.stride) {
        tercet_engine_record engine;
        std::memcpy(&engine, left.data() + at, sizeof engine);
        formats.push_back(tercet_image_format(engine.image_format));
      }
    left = left.drop_front(record.bytes);
  }
  return formats;
}

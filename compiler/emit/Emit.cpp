// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The order in which an artifact comes into being. The images of engines come
// first, since the object carries them. Then the object is written, with zeros where table and
// embedded weights belong; then the weights, which give the digest; then the table, which holds the
// digest and the stack sizes; then what describes it all.

#include "compiler/emit/Emit.h"

#include "compiler/check/Check.h"
#include "compiler/emit/Faults.h"
#include "compiler/emit/Header.h"
#include "compiler/emit/Images.h"
#include "compiler/emit/Linker.h"
#include "compiler/emit/ObjectFile.h"
#include "compiler/emit/ObjectModule.h"
#include "compiler/emit/OutputFiles.h"
#include "compiler/emit/Program.h"
#include "compiler/emit/Report.h"
#include "compiler/report/HtmlPage.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::emit;

std::string emit::makeModelName(StringRef stem) {
  std::string name;
  for (char c : stem)
    name += llvm::isAlnum(c) ? c : '_';
  if (name.empty() || llvm::isDigit(name.front()))
    name.insert(0, "m");
  return name;
}

static llvm::Error checkName(StringRef name) {
  if (name.empty() || name != makeModelName(name))
    return failure("'" + name +
                   "' cannot name a program: expected letters, digits and '_', a "
                   "letter first; try --name " +
                   makeModelName(name));
  return llvm::Error::success();
}

/// Writes the weights into the object or into their file, and their digest into
/// the program.
static llvm::Error writeWeights(Program &program, const EmitOptions &options,
                                const ObjectLayout &layout, OutputFiles &files,
                                StringRef objectName) {
  if (program.weights.empty() || program.weightsPayloadBytes == 0)
    return llvm::Error::success();
  if (!options.readWeight)
    return fault("emit: weights, and nothing to read them with");
  if (program.weights.front().place == TERCET_WEIGHTS_FILE)
    return files.write(options.name + ".weights", [&](llvm::raw_fd_ostream &os) -> llvm::Error {
      llvm::Expected<WeightsDigest> digest = writeWeightsPayload(program, options.readWeight, os);
      if (!digest)
        return digest.takeError();
      writeWeightsTrailer(program, *digest, os);
      program.setWeightsDigest(*digest);
      return llvm::Error::success();
    });
  if (layout.weights.bytes != program.weightsPayloadBytes)
    return fault("emit: the object has no room for the weights");
  return files.writeAdded(objectName, [&](llvm::raw_fd_ostream &os) -> llvm::Error {
    os.pwrite(layout.header.data(), layout.header.size(), layout.headerOffset);
    os.seek(layout.weights.offset);
    llvm::Expected<WeightsDigest> digest = writeWeightsPayload(program, options.readWeight, os);
    if (!digest)
      return digest.takeError();
    program.setWeightsDigest(*digest);
    return llvm::Error::success();
  });
}

static llvm::Error writeObject(ModuleOp lowered, Program &program, const EmitOptions &options,
                               OutputFiles &files) {
  std::string object = options.name + ".o";
  if (llvm::Error error = prepareObjectModule(lowered, program))
    return error;
  llvm::StringMap<uint64_t> stackBytes;
  ObjectJob job{lowered, program.cpu, {}};
  for (auto [index, kernel] : llvm::enumerate(program.kernels))
    if (program.isInObject(index))
      job.functionCpus[program.getKernelSymbol(index)] = program.objectCpus[kernel.engine];
  if (llvm::Error error = files.write(object, [&](llvm::raw_fd_ostream &os) {
        return options.emitObject(job, os, stackBytes);
      }))
    return error;
  llvm::Expected<ObjectLayout> layout = inspectObject(files.getTemporaryPath(object), options.name);
  if (!layout)
    return layout.takeError();
  program.setStackBytes(stackBytes);
  if (llvm::Error error = writeWeights(program, options, *layout, files, object))
    return error;
  std::string table = serializeTable(program);
  if (layout->table.bytes != table.size())
    return fault("emit: the object has no room for the table");
  return files.writeAdded(object, [&](llvm::raw_fd_ostream &os) -> llvm::Error {
    os.pwrite(table.data(), table.size(), layout->table.offset);
    return llvm::Error::success();
  });
}

/// Has the plan proven by those who did not make it, from the table alone.
static llvm::Error proveTable(const Program &program) {
  std::string problems;
  llvm::handleAllErrors(check::checkTable(serializeTable(program)),
                        [&](const llvm::ErrorInfoBase &problem) {
                          problems += (problems.empty() ? "" : "; ") + problem.message();
                        });
  if (problems.empty())
    return llvm::Error::success();
  return fault("the checker refuses the plan: " + problems);
}

llvm::Error emit::emitArtifact(ModuleOp planned, ModuleOp lowered, const EmitOptions &options) {
  if (llvm::Error error = checkName(options.name))
    return error;
  WeightsPlace place = options.weights.value_or(
      getWeightsBytes(planned) > kEmbedLimitBytes ? WeightsPlace::File : WeightsPlace::Embed);
  llvm::Expected<Program> program = buildProgram(planned, options.name, place);
  if (!program)
    return program.takeError();
  // Before the proof: engines that commands are for need an image.
  if (llvm::Error error = addImages(lowered, options, *program))
    return error;
  if (llvm::Error error = proveTable(*program))
    return error;
  llvm::Expected<OutputFiles> files = OutputFiles::create(options.outputDirectory);
  if (!files)
    return files.takeError();

  if (llvm::Error error = writeObject(lowered, *program, options, *files))
    return error;
  if (llvm::Error error = files->write(options.name + ".h", [&](llvm::raw_fd_ostream &os) {
        writeHeader(*program, os);
        return llvm::Error::success();
      }))
    return error;
  std::string report;
  llvm::raw_string_ostream reportStream(report);
  writeReport(planned, *program, options, reportStream);
  if (llvm::Error error =
          files->write(options.name + ".report.json", [&](llvm::raw_fd_ostream &os) {
            os << report;
            return llvm::Error::success();
          }))
    return error;
  if (llvm::Error error =
          files->write(options.name + ".report.html", [&](llvm::raw_fd_ostream &os) {
            tercet::report::writeHtmlPage(options.name, report, /*profile=*/"", os);
            return llvm::Error::success();
          }))
    return error;
  // Weights of an earlier run would be taken for this program's.
  if (files->getTemporaryPath(options.name + ".weights").empty())
    files->dropStale(options.name + ".weights");
  if (llvm::Error error = linkArtifact(*program, options, *files))
    return error;
  return files->commit();
}

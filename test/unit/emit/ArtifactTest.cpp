// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Whole artifacts: their files, that they run, that they are the same every
// time, and that a failure leaves nothing behind.

#include "test/unit/emit/EmitFixture.h"

#include "compiler/emit/Artifact.h"
#include "compiler/emit/Faults.h"
#include "compiler/emit/Linker.h"
#include "runtime/include/tercet/runtime.h"

#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/JSON.h"

#include <csignal>
#include <dlfcn.h>
#include <sys/resource.h>

using namespace mlir;
using namespace tercet;
using namespace tercet::emit;

using ArtifactTest = EmitFixture;

static std::string toText(llvm::Error error) {
  return error ? llvm::toString(std::move(error)) : "";
}

TEST_F(ArtifactTest, Files) {
  EXPECT_EQ(toText(emitSmall(getOptions("small"))), "");
  EXPECT_EQ(listFiles(), (std::vector<std::string>{"small.h", "small.o", "small.report.html",
                                                   "small.report.json"}));
  EmitOptions options = getOptions("small");
  options.weights = WeightsPlace::File;
  EXPECT_EQ(toText(emitSmall(options)), "");
  EXPECT_EQ(listFiles(), (std::vector<std::string>{"small.h", "small.o", "small.report.html",
                                                   "small.report.json", "small.weights"}));
  llvm::Expected<Artifact> artifact = findArtifact(folder);
  ASSERT_TRUE(static_cast<bool>(artifact));
  EXPECT_EQ(artifact->name, "small");
  EXPECT_EQ(getRuntimeFolderName(artifact->triple), "x86_64-linux-gnu");
  EXPECT_EQ(artifact->weights, folder + "/small.weights");
}

TEST_F(ArtifactTest, SameBytesEveryTime) {
  for (WeightsPlace place : {WeightsPlace::Embed, WeightsPlace::File}) {
    EmitOptions options = getOptions("small");
    options.weights = place;
    EXPECT_EQ(toText(emitSmall(options)), "");
    std::vector<std::string> names = listFiles(), first;
    for (const std::string &name : names)
      first.push_back(readFile(name));
    EXPECT_EQ(toText(emitSmall(options)), "");
    for (auto [name, bytes] : llvm::zip(names, first))
      EXPECT_TRUE(readFile(name) == bytes) << name;
  }
}

TEST_F(ArtifactTest, WeightsFileAndDigest) {
  EmitOptions options = getOptions("small");
  options.weights = WeightsPlace::File;
  EXPECT_EQ(toText(emitSmall(options)), "");
  std::string file = readFile("small.weights");
  ASSERT_EQ(file.size(), 128 + sizeof(tercet_weights_trailer));
  float values[4];
  std::memcpy(values, file.data() + 64, sizeof values);
  EXPECT_EQ(values[3], 4.0f);
  tercet_weights_trailer trailer;
  std::memcpy(&trailer, file.data() + 128, sizeof trailer);
  EXPECT_EQ(trailer.magic, TERCET_MAGIC_WEIGHTS);
  EXPECT_EQ(trailer.payload_bytes, 128u);
  llvm::BLAKE3 hash;
  hash.update(llvm::StringRef(file).take_front(128));
  llvm::BLAKE3Result<32> digest = hash.final<32>();
  EXPECT_TRUE(std::equal(digest.begin(), digest.end(), trailer.digest));
  std::string object = readFile("small.o");
  EXPECT_NE(object.find(std::string(digest.begin(), digest.end())), std::string::npos);
}

// The program and the runtime in one library, loaded and run.
TEST_F(ArtifactTest, SharedLibraryRuns) {
  EmitOptions options = getOptions("small");
  options.kind = ArtifactKind::Shared;
  ASSERT_EQ(toText(emitSmall(options)), "");
  void *library = dlopen((folder + "/small.so").c_str(), RTLD_NOW | RTLD_LOCAL);
  ASSERT_TRUE(library) << dlerror();
  auto *program = static_cast<const tercet_program *>(dlsym(library, "tercet_small"));
  ASSERT_TRUE(program);
  alignas(64) static char memory[4096], arena[256];
  alignas(64) float x[4] = {10, 20, 30, 40}, y[4] = {};
  tercet_context *opened = nullptr;
  tercet_error error = {};
  ASSERT_EQ(tercet_context_open(memory, sizeof memory, program, nullptr, &opened, &error),
            TERCET_OK)
      << error.text;
  EXPECT_EQ(tercet_context_stack_bytes(opened), 40u);
  uint32_t pool = 0;
  ASSERT_EQ(tercet_pool_find(opened, TERCET_POOL_ARENA, 0, &pool), TERCET_OK);
  ASSERT_EQ(tercet_pool_bind(opened, pool, arena, sizeof arena), TERCET_OK);
  ASSERT_EQ(tercet_input_bind(opened, 0, 0, x, sizeof x), TERCET_OK);
  ASSERT_EQ(tercet_output_bind(opened, 0, 0, y, sizeof y), TERCET_OK);
  ASSERT_EQ(tercet_entry_run(opened, 0), TERCET_OK);
  EXPECT_EQ(y[0], 11);
  EXPECT_EQ(y[3], 44);
  tercet_context_close(opened);
  dlclose(library);
}

TEST_F(ArtifactTest, ExecutableRuns) {
  for (WeightsPlace place : {WeightsPlace::Embed, WeightsPlace::File}) {
    EmitOptions options = getOptions("small");
    options.kind = ArtifactKind::Executable;
    options.weights = place;
    ASSERT_EQ(toText(emitSmall(options)), "");
    ASSERT_TRUE(shell("printf '\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\200\\77' > " + folder +
                      "/x.raw && " + folder + "/small --input x=" + folder +
                      "/x.raw --output y/0=" + folder + "/y.raw"));
    float y[4];
    std::string bytes = readFile("y.raw");
    ASSERT_EQ(bytes.size(), sizeof y);
    std::memcpy(y, bytes.data(), sizeof y);
    EXPECT_EQ(y[0], 1);
    EXPECT_EQ(y[3], 5);
  }
}

TEST_F(ArtifactTest, HeaderIsCAndCxx) {
  ASSERT_EQ(toText(emitSmall(getOptions("small"))), "");
  std::string include = " -I" TERCET_SOURCE_DIR "/runtime/include -I" + folder + " ";
  std::string use = "#include \"tercet/runtime.h\"\n#include \"small.h\"\n"
                    "unsigned char context[TERCET_SMALL_CONTEXT_BYTES];\n"
                    "unsigned char arena[TERCET_SMALL_ARENA_BYTES];\n"
                    "static const uint64_t shape[TERCET_SMALL_MAIN_OUTPUT_Y_0_RANK] = "
                    "TERCET_SMALL_MAIN_OUTPUT_Y_0_SHAPE;\n"
                    "int main(void) { return (int)(sizeof context + sizeof arena + shape[0] + "
                    "TERCET_SMALL_ENTRY_MAIN + TERCET_SMALL_STACK_BYTES) + (tercet_small.magic == "
                    "TERCET_MAGIC_PROGRAM); }\n";
  for (llvm::StringRef flags : {"-x c -std=c11", "-x c++ -std=c++11", "-x c++ -std=c++20"}) {
    ASSERT_TRUE(shell("printf '%s' '" + use + "' > " + folder + "/use.txt"));
    EXPECT_TRUE(shell(TERCET_CLANG " -fsyntax-only -Wall -Wextra -Werror -pedantic " + flags.str() +
                      include + folder + "/use.txt"))
        << flags.str();
  }
  // The example of the runtime takes every size from the header.
  std::string flags = "-std=c11 -Wall -Wextra -Werror -DMODEL=small -DMODEL_UPPER=SMALL "
                      "-DMODEL_HEADER='\"small.h\"' ";
  EXPECT_TRUE(shell(TERCET_CLANG " " + flags + include +
                    TERCET_SOURCE_DIR "/runtime/examples/run_model.c " + folder + "/small.o " +
                    TERCET_RUNTIME_DIR "/libtercet_runtime.a -lpthread -o " + folder + "/demo && " +
                    folder + "/demo > " + folder + "/demo.txt"));
  EXPECT_EQ(readFile("demo.txt"), "y/0: 16 bytes, first byte 0\n");
}

TEST_F(ArtifactTest, ReportIsJson) {
  ASSERT_EQ(toText(emitSmall(getOptions("small"))), "");
  std::string text = readFile("small.report.json");
  EXPECT_EQ(text.find(folder), std::string::npos);
  llvm::Expected<llvm::json::Value> report = llvm::json::parse(text);
  ASSERT_TRUE(static_cast<bool>(report));
  const llvm::json::Object *object = report->getAsObject();
  EXPECT_EQ(object->getString("model"), "model.onnx");
  EXPECT_EQ(object->getObject("statistics")->getInteger("tasks"), 2);
  const llvm::json::Object *pool = (*object->getArray("pools"))[0].getAsObject();
  EXPECT_EQ(pool->getInteger("gap"), 64);
  EXPECT_EQ(pool->getString("method"), "greedy-by-size");
  const llvm::json::Object *entry = (*object->getArray("entries"))[0].getAsObject();
  const llvm::json::Object *command = (*entry->getArray("commands"))[0].getAsObject();
  EXPECT_EQ(command->getInteger("read_bytes"), 32);
  EXPECT_EQ((*command->getArray("nodes"))[1].getAsString(), "layer/Add");
  const llvm::json::Object *kernel = (*object->getArray("kernels"))[0].getAsObject();
  EXPECT_EQ(kernel->getString("symbol"), "tercet_small_kernel_0");
  EXPECT_EQ(kernel->getInteger("stack_bytes"), 40);
}

TEST_F(ArtifactTest, ForeignSymbolIsAFault) {
  llvm::Error error = emitSmall(getOptions("small"), R"(
    %f = llvm.extractelement %vc[%x : i32] : vector<4xf32>
    %g = llvm.call @rsqrt_of_nothing(%f) : (f32) -> f32
    llvm.store %g, %c : f32, !llvm.ptr)");
  EXPECT_TRUE(error.isA<InternalFault>());
  EXPECT_EQ(toText(std::move(error)), "internal error: emit: the object needs symbols that no "
                                      "program may need: rsqrt_of_nothing");
  EXPECT_TRUE(listFiles().empty());
}

TEST_F(ArtifactTest, WrongNames) {
  EXPECT_EQ(toText(emitSmall(getOptions("my-model"))),
            "'my-model' cannot name a program: expected letters, digits and '_', a letter first; "
            "try --name my_model");
  EXPECT_EQ(makeModelName("2-bert.v1"), "m2_bert_v1");
  EXPECT_TRUE(listFiles().empty());
}

// A weight that cannot be read ends the emission when the object is complete.
TEST_F(ArtifactTest, FailureLeavesNothing) {
  for (WeightsPlace place : {WeightsPlace::Embed, WeightsPlace::File}) {
    EmitOptions options = getOptions("small");
    options.weights = place;
    options.readWeight = [](nn::WeightOp, ChunkSink) {
      return tercet::emit::failure("model.onnx: truncated");
    };
    EXPECT_EQ(toText(emitSmall(options)), "model.onnx: truncated");
    options.readWeight = [](nn::WeightOp, ChunkSink sink) { return sink({'a', 'b'}); };
    llvm::Error error = emitSmall(options);
    EXPECT_TRUE(error.isA<InternalFault>());
    llvm::consumeError(std::move(error));
    EXPECT_TRUE(listFiles().empty());
  }
}

// Files of an earlier artifact that the new one does not have would mislead.
TEST_F(ArtifactTest, StaleWeightsGo) {
  EmitOptions options = getOptions("small");
  options.weights = WeightsPlace::File;
  ASSERT_EQ(toText(emitSmall(options)), "");
  options.weights = WeightsPlace::Embed;
  ASSERT_EQ(toText(emitSmall(options)), "");
  EXPECT_EQ(listFiles(), (std::vector<std::string>{"small.h", "small.o", "small.report.html",
                                                   "small.report.json"}));
}

TEST_F(ArtifactTest, FailureRemovesTheNewFolder) {
  EmitOptions options = getOptions("small");
  options.outputDirectory = folder + "/new";
  options.readWeight = [](nn::WeightOp, ChunkSink) { return tercet::emit::failure("gone"); };
  EXPECT_EQ(toText(emitSmall(options)), "gone");
  EXPECT_TRUE(listFiles().empty());
}

TEST_F(ArtifactTest, FailureKeepsThePreviousArtifact) {
  ASSERT_EQ(toText(emitSmall(getOptions("small"))), "");
  std::string before = readFile("small.o");
  EmitOptions options = getOptions("small");
  options.readWeight = [](nn::WeightOp, ChunkSink) { return tercet::emit::failure("gone"); };
  EXPECT_EQ(toText(emitSmall(options)), "gone");
  EXPECT_EQ(readFile("small.o"), before);
}

TEST_F(ArtifactTest, UnwritableOutput) {
  EmitOptions options = getOptions("small");
  options.outputDirectory = "/dev/null/out";
  EXPECT_EQ(toText(emitSmall(options)),
            "cannot create output directory '/dev/null/out': Not a directory");
  ASSERT_TRUE(shell("mkdir " + folder + "/small.h"));
  options.outputDirectory = folder;
  EXPECT_EQ(toText(emitSmall(options)), "cannot write '" + folder + "/small.h': it is a directory");
  EXPECT_EQ(listFiles(), std::vector<std::string>{"small.h"});
}

// A limit on the size of files stands for a full disk.
TEST_F(ArtifactTest, NoSpaceLeft) {
  rlimit before, tight = {512, RLIM_INFINITY};
  getrlimit(RLIMIT_FSIZE, &before);
  auto handler = std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &tight);
  std::string text = toText(emitSmall(getOptions("small")));
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(text, "cannot write '" + folder + "/small.o': File too large");
  EXPECT_TRUE(listFiles().empty());
}

TEST_F(ArtifactTest, MissingLinker) {
  EmitOptions options = getOptions("small");
  options.kind = ArtifactKind::Shared;
  options.linker = "/nowhere/ld.lld";
  std::string text = toText(emitSmall(options));
  EXPECT_NE(text.find("/nowhere/ld.lld"), std::string::npos) << text;
  EXPECT_TRUE(listFiles().empty());
}

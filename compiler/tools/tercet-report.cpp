// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shows the report of a compiled program, or what changed between two
// (compiler/report, docs/report.md). It reads reports only: the program need
// not be there, nor be for this machine.

#include "compiler/report/EngineOverlap.h"
#include "compiler/report/HtmlPage.h"
#include "compiler/report/PacketTotals.h"
#include "compiler/report/Profile.h"
#include "compiler/report/ReportDifference.h"
#include "compiler/report/ReportFile.h"
#include "compiler/report/ReportText.h"

#include "llvm/Option/ArgList.h"
#include "llvm/Option/OptTable.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/raw_ostream.h"

using namespace tercet::report;
namespace opt = llvm::opt;
using namespace llvm::opt;

namespace {

#define TERCET_FLAGS "compiler/tools/ReportFlags.inc"
#include "compiler/tools/FlagTable.inc"

constexpr const char kExamples[] =
    "DIR is a folder that tercet-compile wrote, or the file NAME.report.json in it.\n"
    "With one, what was decided is shown: engines, placement, schedule, memory, and the\n"
    "slowest commands. With two, what changed from the first to the second.\n\n"
    "Examples:\n"
    "  tercet-report out/                            the report, as text\n"
    "  tercet-report out/ -o report.html             the same to look at in a browser\n"
    "  tercet-run out/ ... --repeat 20 --profile p.json\n"
    "  tercet-report out/ --profile p.json           how far the cost model is off\n"
    "  tercet-report before/ after/ --exit-code      3 if a change of the model changed the "
    "plan\n\n"
    "Exit status: 0 shown, 1 an error in what was given; with --exit-code 3 for two that differ.\n";

int fail(const llvm::Twine &text) {
  llvm::errs() << "tercet-report: error: " << text << "\n";
  return 1;
}

int fail(llvm::Error error) {
  std::string text;
  llvm::handleAllErrors(std::move(error),
                        [&](const llvm::ErrorInfoBase &info) { text = info.message(); });
  return fail(text);
}

std::string toText(const llvm::json::Value &value) {
  std::string text;
  llvm::raw_string_ostream(text) << value;
  return text;
}

int writePage(llvm::StringRef file, const Report &report, const Profile *profile) {
  std::error_code code;
  llvm::raw_fd_ostream os(file, code, llvm::sys::fs::OF_Text);
  if (code)
    return fail("cannot write '" + file + "': " + code.message());
  writeHtmlPage(report.name + " on " + report.machine, toText(report.json),
                profile ? toText(profile->json) : "", os);
  os.close();
  if (os.has_error()) {
    std::string reason = os.error().message();
    os.clear_error();
    return fail("cannot write '" + file + "': " + reason);
  }
  return 0;
}

int showOne(const opt::ArgList &args, const Report &report) {
  std::optional<Profile> profile;
  if (args.hasArg(OPT_profile)) {
    llvm::Expected<Profile> read = readProfile(args.getLastArgValue(OPT_profile), report);
    if (!read)
      return fail(read.takeError());
    profile = std::move(*read);
  }
  if (args.hasArg(OPT_output))
    return writePage(args.getLastArgValue(OPT_output), report, profile ? &*profile : nullptr);
  if (args.hasArg(OPT_json)) {
    llvm::outs() << llvm::formatv("{0:2}", report.json) << "\n";
    return 0;
  }
  printReport(report, llvm::outs());
  printOverlap(report, profile ? &*profile : nullptr, llvm::outs());
  if (profile) {
    llvm::outs() << "\n";
    printClassErrors(report, *profile, llvm::outs());
    printPackets(report, *profile, llvm::outs());
  }
  return 0;
}

} // namespace

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  FlagTable table;
  unsigned missingIndex = 0, missingCount = 0;
  opt::InputArgList args =
      table.ParseArgs(llvm::ArrayRef<const char *>(argv + 1, argc - 1), missingIndex, missingCount);
  if (args.hasArg(OPT_help)) {
    table.printHelp(llvm::outs(), "tercet-report DIR [DIR2] [flags]",
                    "what the compiler decided, and what changed");
    llvm::outs() << "\n" << kExamples;
    return 0;
  }
  if (missingCount)
    return fail(llvm::Twine(args.getArgString(missingIndex)) + " needs a value; see --help");
  if (const opt::Arg *unknown = args.getLastArg(OPT_UNKNOWN))
    return fail("unknown flag '" + unknown->getAsString(args) + "'; see --help");
  std::vector<std::string> folders = args.getAllArgValues(OPT_INPUT);
  if (folders.empty() || folders.size() > 2)
    return fail("expected one folder or two, got " + llvm::Twine(folders.size()) + "; see --help");
  if (folders.size() == 2 && (args.hasArg(OPT_output) || args.hasArg(OPT_profile)))
    return fail("-o and --profile are for one report, two were given");
  if (folders.size() == 1 && args.hasArg(OPT_exit_code))
    return fail("--exit-code compares two reports, one was given");
  std::vector<Report> reports;
  for (const std::string &folder : folders) {
    llvm::Expected<Report> report = readReport(folder);
    if (!report)
      return fail(report.takeError());
    reports.push_back(std::move(*report));
  }
  if (reports.size() == 1)
    return showOne(args, reports[0]);
  Difference difference = compareReports(reports[0], reports[1]);
  if (args.hasArg(OPT_json))
    printJson(difference, llvm::outs());
  else
    printText(difference, llvm::outs());
  return args.hasArg(OPT_exit_code) && !difference.isEqual() ? 3 : 0;
}

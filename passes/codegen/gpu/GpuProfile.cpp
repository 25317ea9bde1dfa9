// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The text form of profiles.

#include "passes/codegen/gpu/GpuProfile.h"

#include "llvm/ADT/StringExtras.h"

using namespace tercet::codegen;

namespace {
struct Flag {
  llvm::StringLiteral name;
  bool GpuProfile::*field;
};
struct Number {
  llvm::StringLiteral name;
  int64_t GpuProfile::*field;
};
} // namespace

static constexpr Number kNumbers[] = {{"threads", &GpuProfile::threads},
                                      {"workgroup_bytes", &GpuProfile::workgroupBytes}};
static constexpr Flag kFlags[] = {{"subgroup_arithmetic", &GpuProfile::subgroupArithmetic},
                                  {"subgroup_shuffle", &GpuProfile::subgroupShuffle},
                                  {"float16", &GpuProfile::float16},
                                  {"storage16", &GpuProfile::storage16},
                                  {"storage8", &GpuProfile::storage8},
                                  {"dot", &GpuProfile::dot},
                                  {"mma", &GpuProfile::mma}};

static bool parseEntry(llvm::StringRef entry, GpuProfile &profile) {
  auto [name, value] = entry.split('=');
  for (const Number &number : kNumbers)
    if (name == number.name)
      return !value.getAsInteger(10, profile.*number.field) && profile.*number.field > 0;
  for (const Flag &flag : kFlags)
    if (entry == flag.name)
      return profile.*flag.field = true;
  return false;
}

llvm::Expected<GpuProfile> GpuProfile::parse(llvm::StringRef text) {
  GpuProfile profile;
  for (llvm::StringRef entry : llvm::split(text, '+'))
    if (!entry.empty() && !parseEntry(entry, profile))
      return llvm::createStringError(
          "profile: expected threads=N, workgroup_bytes=N, subgroup_arithmetic, subgroup_shuffle, "
          "float16, storage16, storage8, dot or mma, with + between them, got '%s'",
          entry.str().c_str());
  return profile;
}

std::string GpuProfile::print() const {
  std::string text;
  for (const Number &number : kNumbers)
    text +=
        (text.empty() ? "" : "+") + number.name.str() + "=" + std::to_string(this->*number.field);
  for (const Flag &flag : kFlags)
    if (this->*flag.field)
      text += "+" + flag.name.str();
  return text;
}

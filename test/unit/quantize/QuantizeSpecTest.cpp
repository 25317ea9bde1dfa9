// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Texts of --quantize: what they mean, and what is wrong with them.

#include "compiler/quantize/QuantizeSpec.h"

#include "gtest/gtest.h"

using namespace mlir;
using namespace tercet;
using quantize::QuantizeSpec;

namespace {

class QuantizeSpecTest : public ::testing::Test {
protected:
  QuantizeSpecTest() { context.loadDialect<soc::SocDialect>(); }

  /// A group of nothing whose source node has that name.
  soc::GroupOp group(llvm::StringRef name) {
    OpBuilder builder(&context);
    Location loc = NameLoc::get(builder.getStringAttr(name));
    groups.push_back(soc::GroupOp::create(builder, loc, TypeRange(), StringAttr(),
                                          soc::VariantAttr(), ArrayAttr(), ArrayAttr(), ArrayAttr(),
                                          ValueRange(), ValueRange()));
    return *groups.back();
  }
  std::string schemeOf(const QuantizeSpec &spec, llvm::StringRef name) {
    const QuantizeSpec::Entry *entry = spec.lookup(group(name));
    return entry ? (entry->scheme + (entry->isDemand() ? "!" : "")).str() : "none";
  }
  static std::string errorOf(llvm::StringRef text) {
    llvm::Expected<QuantizeSpec> spec = QuantizeSpec::parse(text);
    return spec ? "" : llvm::toString(spec.takeError());
  }

  MLIRContext context;
  std::vector<OwningOpRef<soc::GroupOp>> groups;
};

TEST_F(QuantizeSpecTest, LaterEntriesWin) {
  auto spec = llvm::cantFail(QuantizeSpec::parse("w8a8; layer.3/*=w8a16;*/Norm=f32"));
  EXPECT_EQ(schemeOf(spec, "layer.1/MatMul"), "w8a8");
  EXPECT_EQ(schemeOf(spec, "layer.3/MatMul"), "w8a16!");
  EXPECT_EQ(schemeOf(spec, "layer.3/Norm"), "f32!");
  EXPECT_TRUE(spec.needsRanges());
}

TEST_F(QuantizeSpecTest, ASchemeAloneOverridesWhatIsBeforeIt) {
  auto spec = llvm::cantFail(QuantizeSpec::parse("a=w8a16;f32"));
  EXPECT_EQ(schemeOf(spec, "a"), "f32");
}

TEST_F(QuantizeSpecTest, WithoutADefaultOthersAreLeftAlone) {
  auto spec = llvm::cantFail(QuantizeSpec::parse("a*=w8a8;"));
  EXPECT_EQ(schemeOf(spec, "ab"), "w8a8!");
  EXPECT_EQ(schemeOf(spec, "b"), "none");
}

TEST_F(QuantizeSpecTest, NamesMayHoldAnEqualSign) {
  auto spec = llvm::cantFail(QuantizeSpec::parse("a=b=w8a8"));
  EXPECT_EQ(schemeOf(spec, "a=b"), "w8a8!");
  EXPECT_EQ(schemeOf(spec, "a"), "none");
}

TEST_F(QuantizeSpecTest, FloatsNeedNoRanges) {
  EXPECT_FALSE(llvm::cantFail(QuantizeSpec::parse("f32")).needsRanges());
}

TEST_F(QuantizeSpecTest, WeightsAloneNeedNoRanges) {
  auto spec = llvm::cantFail(QuantizeSpec::parse("w4g32;head=w8;first=f32"));
  EXPECT_TRUE(spec.hasWeightSchemes());
  EXPECT_FALSE(spec.needsRanges());
  EXPECT_EQ(schemeOf(spec, "head"), "w8!");
  EXPECT_TRUE(llvm::cantFail(QuantizeSpec::parse("f16")).hasWeightSchemes());
  EXPECT_FALSE(llvm::cantFail(QuantizeSpec::parse("w8a8;a=f32")).hasWeightSchemes());
}

TEST_F(QuantizeSpecTest, ErrorsSayWhatWasExpected) {
  std::string expected = "expected a scheme of w8a8, w8a16 or f32, or for weights alone of f16, "
                         "w8, w4g32, w4g128, w2g64 or mxfp4, got ";
  EXPECT_EQ(errorOf("w8a9"), expected + "'w8a9'");
  EXPECT_EQ(errorOf("w8a8;x=w4a16"),
            "scheme 'w4a16' is not there yet; schemes are w8a8, w8a16, f32 and, for weights alone, "
            "f16, w8, w4g32, w4g128, w2g64 and mxfp4");
  EXPECT_NE(errorOf("w8a8;x=w4g32"), "");
  EXPECT_EQ(errorOf("=w8a8"), "expected PATTERN=SCHEME, got '=w8a8'");
  EXPECT_EQ(errorOf("a="), expected + "''");
  EXPECT_EQ(errorOf(";w8a8"), "expected [PATTERN=]SCHEME;..., got ';w8a8'");
  EXPECT_NE(errorOf("a[=w8a8"), "");
}

} // namespace

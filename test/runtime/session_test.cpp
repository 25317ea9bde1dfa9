// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sessions over the decoder of abi_decoder.c, whose logits depend on every token
// before them: pieces, going back, common beginnings, the end of the context,
// saving and loading, and what is refused. The oracle below computes the logits
// from the tokens alone.
#include "abi_decoder.h"
#include "demo_program.h"
#include "tercet/session.h"
#include <gtest/gtest.h>
#include <string>

using namespace tercet_test;

namespace {

constexpr uint32_t Vocabulary = TERCET_DECODER_VOCABULARY;
constexpr uint32_t Capacity = TERCET_DECODER_CONTEXT;
using Tokens = std::vector<int64_t>;

std::vector<float> expectedLogits(const Tokens &tokens) {
  int64_t number = 1;
  for (int64_t token : tokens)
    number = (number * 31 + token * 7 + 3) % 65521;
  std::vector<float> logits;
  for (int64_t v = 0; v < Vocabulary; ++v)
    logits.push_back(float(((number * (v * v + 5) * 40503) >> 3) % 1009) / 64.0f);
  return logits;
}

Tokens someTokens(uint32_t count, int64_t seed = 1) {
  Tokens tokens;
  for (uint32_t i = 0; i < count; ++i)
    tokens.push_back((seed = (seed * 1103515245 + 12345) % 2147483648) / 65536 % Vocabulary);
  return tokens;
}

// A session with all its memory.
struct Decoder {
  explicit Decoder(const tercet_program &program = tercet_decoder) {
    uint64_t bytes = 0;
    EXPECT_EQ(tercet_context_bytes(&program, &bytes, nullptr), TERCET_OK);
    memory = allocate(bytes);
    tercet_error error = {};
    status = tercet_context_open(memory.get(), bytes, &program, nullptr, &context, &error);
    EXPECT_EQ(status, TERCET_OK) << error.text;
    // Not zeros: what no token wrote must never be read.
    state = allocate(TERCET_DECODER_STATE_BYTES);
    EXPECT_EQ(tercet_pool_bind(context, 0, state.get(), TERCET_DECODER_STATE_BYTES), TERCET_OK);
    status = tercet_session_bytes(context, &session_bytes);
    if (status)
      return;
    session_memory = allocate(session_bytes);
    status = tercet_session_open(&session, context, session_memory.get(), session_bytes);
  }
  ~Decoder() { tercet_context_close(context); }
  Decoder(const Decoder &) = delete;
  Decoder &operator=(const Decoder &) = delete;

  tercet_status append(const Tokens &tokens) {
    return tercet_session_append(&session, tokens.data(), uint32_t(tokens.size()));
  }
  std::vector<float> logits() const { return {session.logits, session.logits + Vocabulary}; }
  std::string text() const { return tercet_context_error(context)->text; }
  Tokens tokens() const { return {session.tokens, session.tokens + session.position}; }
  std::vector<unsigned char> save() const {
    std::vector<unsigned char> bytes(tercet_session_save_bytes(&session));
    EXPECT_EQ(tercet_session_save(&session, bytes.data(), bytes.size()), TERCET_OK);
    return bytes;
  }

  Block memory, state, session_memory;
  uint64_t session_bytes = 0;
  tercet_status status = TERCET_OK;
  tercet_context *context = nullptr;
  tercet_session session = {};
};

// Counts how often each entry runs.
int countEntry(void *user, const tercet_context *, const tercet_command_info *command) {
  ++static_cast<uint32_t *>(user)[command->entry];
  return 0;
}

Tokens joined(Tokens a, const Tokens &b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST(Session, KnowsTheDecoder) {
  Decoder d;
  ASSERT_EQ(d.status, TERCET_OK) << d.text();
  EXPECT_EQ(d.session.capacity, Capacity);
  EXPECT_EQ(d.session.vocabulary, Vocabulary);
  EXPECT_EQ(d.session.position, 0u);
  ASSERT_EQ(d.session.part_count, 3u);
  EXPECT_EQ(d.session.parts[0].length, uint32_t(TERCET_DECODER_PREFILL));
  EXPECT_EQ(d.session.parts[0].rows, 1u);
  EXPECT_EQ(d.session.parts[1].length, uint32_t(TERCET_DECODER_VERIFY));
  EXPECT_EQ(d.session.parts[1].rows, uint32_t(TERCET_DECODER_VERIFY));
  EXPECT_EQ(d.session.parts[2].length, 1u);
}

TEST(Session, EveryLengthAndEveryCutGivesTheSameLogits) {
  for (uint32_t count = 1; count <= Capacity; ++count) {
    Tokens tokens = someTokens(count);
    Decoder whole;
    ASSERT_EQ(whole.append(tokens), TERCET_OK) << whole.text();
    EXPECT_EQ(whole.logits(), expectedLogits(tokens)) << count;
    EXPECT_EQ(whole.tokens(), tokens);
    for (uint32_t cut = 1; cut < count; cut += 3) {
      Decoder d;
      ASSERT_EQ(d.append(Tokens(tokens.begin(), tokens.begin() + cut)), TERCET_OK);
      ASSERT_EQ(d.append(Tokens(tokens.begin() + cut, tokens.end())), TERCET_OK);
      EXPECT_EQ(d.logits(), whole.logits()) << count << " cut at " << cut;
    }
  }
}

TEST(Session, PiecesAreTheLongestThatFit) {
  Decoder d;
  uint32_t runs[3] = {};
  ASSERT_EQ(tercet_observer_set(d.context, countEntry, runs), TERCET_OK);
  ASSERT_EQ(d.append(someTokens(21)), TERCET_OK); // 8 + 8 + 3 + 1 + 1
  EXPECT_EQ(runs[0], 2u);
  EXPECT_EQ(runs[1], 2u);
  EXPECT_EQ(runs[2], 1u);
}

TEST(Session, ScoreGivesTheLogitsOfEveryToken) {
  Tokens tokens = someTokens(17);
  Decoder d;
  uint32_t runs[3] = {};
  ASSERT_EQ(tercet_observer_set(d.context, countEntry, runs), TERCET_OK);
  std::vector<float> rows(tokens.size() * Vocabulary);
  ASSERT_EQ(tercet_session_score(&d.session, tokens.data(), 17, rows.data()), TERCET_OK);
  EXPECT_EQ(runs[1], 0u); // it would give only the last row
  for (size_t i = 0; i < tokens.size(); ++i)
    EXPECT_EQ(std::vector<float>(rows.begin() + long(i * Vocabulary),
                                 rows.begin() + long((i + 1) * Vocabulary)),
              expectedLogits(Tokens(tokens.begin(), tokens.begin() + long(i) + 1)))
        << i;
  EXPECT_EQ(d.logits(), expectedLogits(tokens));
}

TEST(Session, GoingBackIsExact) {
  Tokens tokens = someTokens(20), other = someTokens(9, 77);
  Decoder d;
  ASSERT_EQ(d.append(tokens), TERCET_OK);
  for (uint32_t position : {12u, 7u, 0u}) {
    ASSERT_EQ(tercet_session_trim(&d.session, position), TERCET_OK);
    ASSERT_EQ(d.append(other), TERCET_OK);
    EXPECT_EQ(d.logits(),
              expectedLogits(joined(Tokens(tokens.begin(), tokens.begin() + position), other)));
    ASSERT_EQ(tercet_session_trim(&d.session, position), TERCET_OK);
  }
  EXPECT_EQ(tercet_session_trim(&d.session, 1), TERCET_ERROR_INVALID_ARGUMENT);
  EXPECT_NE(d.text().find("position 1 from 0"), std::string::npos) << d.text();
}

TEST(Session, ACommonBeginningIsReused) {
  Tokens first = someTokens(20), second = someTokens(20);
  second[13] = (second[13] + 1) % Vocabulary;
  Decoder d;
  ASSERT_EQ(d.append(first), TERCET_OK);
  uint32_t common = tercet_session_common(&d.session, second.data(), 20);
  EXPECT_EQ(common, 13u);
  EXPECT_EQ(tercet_session_common(&d.session, first.data(), 5), 5u);
  EXPECT_EQ(tercet_session_common(&d.session, first.data(), 20), 20u);
  EXPECT_EQ(tercet_session_common(nullptr, first.data(), 20), 0u);
  uint32_t runs[3] = {};
  ASSERT_EQ(tercet_observer_set(d.context, countEntry, runs), TERCET_OK);
  ASSERT_EQ(tercet_session_trim(&d.session, common), TERCET_OK);
  ASSERT_EQ(d.append(Tokens(second.begin() + common, second.end())), TERCET_OK);
  EXPECT_EQ(d.logits(), expectedLogits(second));
  EXPECT_EQ(runs[0] + 8 * runs[1] + 3 * runs[2], 7u);
}

TEST(Session, TheEndOfTheContextIsAStatus) {
  Decoder d;
  EXPECT_EQ(d.append(someTokens(Capacity + 1)), TERCET_ERROR_STATE_FULL);
  EXPECT_EQ(d.session.position, 0u); // nothing was run
  ASSERT_EQ(d.append(someTokens(Capacity)), TERCET_OK);
  std::vector<float> before = d.logits();
  EXPECT_EQ(d.append({1}), TERCET_ERROR_STATE_FULL);
  EXPECT_NE(d.text().find("40 tokens long, 40 are there, 1 more"), std::string::npos) << d.text();
  float row[Vocabulary];
  int64_t token = 1;
  EXPECT_EQ(tercet_session_score(&d.session, &token, 1, row), TERCET_ERROR_STATE_FULL);
  EXPECT_EQ(d.logits(), before);
}

TEST(Session, BadTokensAreRefusedBeforeAnythingRuns) {
  Decoder d;
  ASSERT_EQ(d.append({3}), TERCET_OK);
  for (int64_t bad : {int64_t(-1), int64_t(Vocabulary), INT64_MAX}) {
    EXPECT_EQ(d.append(joined(someTokens(9), {bad})), TERCET_ERROR_INDEX_OUT_OF_RANGE);
    EXPECT_EQ(d.session.position, 1u);
  }
  EXPECT_NE(d.text().find("vocabulary of 16"), std::string::npos) << d.text();
  EXPECT_EQ(d.append({}), TERCET_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(tercet_session_append(&d.session, nullptr, 1), TERCET_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(tercet_session_append(nullptr, nullptr, 1), TERCET_ERROR_INVALID_ARGUMENT);
  int64_t token = 1;
  EXPECT_EQ(tercet_session_score(&d.session, &token, 1, nullptr), TERCET_ERROR_INVALID_ARGUMENT);
}

int stopSecond(void *user, const tercet_context *, const tercet_command_info *) {
  return ++*static_cast<int *>(user) == 2;
}

TEST(Session, AfterAFailureTheSessionIsThatOfThePiecesBefore) {
  Tokens tokens = someTokens(20);
  Decoder d;
  int runs = 0;
  ASSERT_EQ(tercet_observer_set(d.context, stopSecond, &runs), TERCET_OK);
  EXPECT_EQ(d.append(tokens), TERCET_ERROR_STOPPED);
  EXPECT_EQ(d.session.position, uint32_t(TERCET_DECODER_PREFILL));
  ASSERT_EQ(tercet_observer_set(d.context, nullptr, nullptr), TERCET_OK);
  ASSERT_EQ(d.append(Tokens(tokens.begin() + d.session.position, tokens.end())), TERCET_OK);
  EXPECT_EQ(d.logits(), expectedLogits(tokens));
}

TEST(Session, SavedAndLoadedItGoesOn) {
  Tokens tokens = someTokens(11), more = someTokens(6, 5);
  Decoder d;
  ASSERT_EQ(d.append(tokens), TERCET_OK);
  std::vector<unsigned char> saved = d.save();
  // Header, tokens, and only the rows that are filled.
  EXPECT_EQ(saved.size(), 32 + 11 * 8 + 11 * 16u);
  Decoder other;
  ASSERT_EQ(other.append(someTokens(30, 9)), TERCET_OK);
  ASSERT_EQ(tercet_session_load(&other.session, saved.data(), saved.size()), TERCET_OK)
      << other.text();
  EXPECT_EQ(other.tokens(), tokens);
  ASSERT_EQ(other.append(more), TERCET_OK);
  EXPECT_EQ(other.logits(), expectedLogits(joined(tokens, more)));
  EXPECT_EQ(tercet_session_save(&d.session, saved.data(), saved.size() - 1),
            TERCET_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(tercet_session_save(&d.session, nullptr, 1000), TERCET_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(tercet_session_save_bytes(nullptr), 0u);
}

TEST(Session, DamagedOrForeignSavesAreRefused) {
  Decoder d;
  Tokens tokens = someTokens(5), kept = someTokens(7, 3);
  ASSERT_EQ(d.append(tokens), TERCET_OK);
  const std::vector<unsigned char> saved = d.save();
  ASSERT_EQ(tercet_session_trim(&d.session, 0), TERCET_OK);
  ASSERT_EQ(d.append(kept), TERCET_OK);
  auto refused = [&](const std::vector<unsigned char> &bytes) {
    EXPECT_EQ(tercet_session_load(&d.session, bytes.data(), bytes.size()),
              TERCET_ERROR_STATE_MISMATCH);
    EXPECT_EQ(d.tokens(), kept);
  };
  for (size_t size : {size_t(1), size_t(31), saved.size() - 1})
    refused({saved.begin(), saved.begin() + long(size)});
  for (size_t at : {0u, 4u, 8u, 11u, 16u, 24u}) { // each field of the header
    std::vector<unsigned char> bytes = saved;
    bytes[at] ^= 0x41;
    refused(bytes);
  }
  std::vector<unsigned char> bytes = saved;
  bytes[32] = Vocabulary; // a token
  refused(bytes);
  EXPECT_EQ(tercet_session_load(&d.session, nullptr, 100), TERCET_ERROR_INVALID_ARGUMENT);
  // Another program: the same but for a name of the state.
  DemoProgram other(tercet_decoder);
  std::vector<unsigned char> &strings = other.record(TERCET_RECORD_STRINGS).payload;
  std::string all(strings.begin(), strings.end());
  strings[all.find("cache.0.key")] = 'C';
  other.build();
  Decoder foreign(other.program);
  ASSERT_EQ(foreign.status, TERCET_OK);
  EXPECT_EQ(tercet_session_load(&foreign.session, saved.data(), saved.size()),
            TERCET_ERROR_STATE_MISMATCH);
  EXPECT_NE(foreign.text().find("another program"), std::string::npos) << foreign.text();
}

TEST(Session, WhatIsNoDecoderIsRefused) {
  DemoRun run;
  ASSERT_EQ(run.open(tercet_demo), TERCET_OK);
  uint64_t bytes = 9;
  EXPECT_EQ(tercet_session_bytes(run.context, &bytes), TERCET_ERROR_NOT_FOUND);
  EXPECT_EQ(bytes, 0u);
  EXPECT_NE(std::string(tercet_context_error(run.context)->text).find("'tokens'"),
            std::string::npos);
  tercet_session session;
  EXPECT_EQ(tercet_session_open(&session, run.context, nullptr, 0), TERCET_ERROR_NOT_FOUND);
  EXPECT_EQ(tercet_session_bytes(nullptr, &bytes), TERCET_ERROR_INVALID_ARGUMENT);
  // Too little memory, and memory that is not aligned.
  Decoder d;
  EXPECT_EQ(tercet_session_open(&session, d.context, d.session_memory.get(), d.session_bytes - 1),
            TERCET_ERROR_OUT_OF_MEMORY);
  Block memory = allocate(d.session_bytes + 64);
  EXPECT_EQ(tercet_session_open(&session, d.context, memory.get() + 8, d.session_bytes),
            TERCET_ERROR_MISALIGNED);
}

} // namespace

#include "server/service/message_log.h"

#include <gtest/gtest.h>

#include <string>

namespace mcpbridge {
namespace {

using Kind = MessageLog::Next::Kind;
using Attached = MessageLog::Attached;

struct TestReader {
  int woken = 0;
  std::shared_ptr<MessageLog::Reader> reader =
      std::make_shared<MessageLog::Reader>(MessageLog::Reader{.wake = [this] { ++woken; }});
};

class MessageLogTest : public testing::Test {
 protected:
  // What `reader` reads behind `after`, "|" between messages, "." where the stream is over.
  std::string All(MessageLog::Position after, const TestReader& reader) {
    std::string all;
    for (;;) {
      const MessageLog::Next next = log_.Read(after, *reader.reader);
      if (next.kind == Kind::kNothingYet) return all;
      if (next.kind == Kind::kOver) return all + ".";
      all += *next.message + (next.last ? "!" : "|");
      after = next.at;
    }
  }

  MessageLog::Budget budget_{.limit = 3 << 20};
  MessageLog log_{budget_};
};

TEST_F(MessageLogTest, AStreamIsReadFromWhereItBrokeOff) {
  const auto stream = log_.Begin();
  const auto first = log_.Add(stream, "a");
  log_.Add(0, "of another stream");
  log_.Add(stream, "b");
  TestReader reader;
  ASSERT_EQ(log_.Attach(first.at, reader.reader, true), Attached::kYes);
  EXPECT_EQ(All(first.at, reader), "b|");
  log_.Add(stream, "c", /*last=*/true);
  EXPECT_EQ(reader.woken, 1);
  EXPECT_EQ(All(first.at, reader), "b|c!.");
  EXPECT_FALSE(log_.Add(stream, "too late").kept);
}

TEST_F(MessageLogTest, OneReadsAStreamAtATime) {
  TestReader first;
  TestReader second;
  ASSERT_EQ(log_.Attach({}, first.reader, false), Attached::kYes);
  EXPECT_EQ(log_.Attach({}, second.reader, false), Attached::kTaken);
  ASSERT_EQ(log_.Attach({}, second.reader, true), Attached::kYes);
  EXPECT_EQ(first.woken, 1);
  EXPECT_EQ(log_.Read({}, *first.reader).kind, Kind::kOver);
  log_.Detach(0, *first.reader);
  EXPECT_TRUE(log_.HasReader(0)) << "it was the second's by then";
}

TEST_F(MessageLogTest, WhatNobodyHasReadWaits) {
  log_.Add(0, "early");
  TestReader reader;
  ASSERT_EQ(log_.Attach(log_.ReadUpTo(), reader.reader, false), Attached::kYes);
  EXPECT_EQ(All({}, reader), "early|");
  log_.Detach(0, *reader.reader);
  TestReader next;
  ASSERT_EQ(log_.Attach(log_.ReadUpTo(), next.reader, false), Attached::kYes);
  EXPECT_EQ(All(log_.ReadUpTo(), next), "") << "it has been read";
}

TEST_F(MessageLogTest, TheOldestMakeRoom) {
  const auto stream = log_.Begin();
  const std::string big(MessageLog::kMaxBytes / 2, 'x');
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(log_.Add(stream, big + std::to_string(i)).kept);
  EXPECT_LE(budget_.used.load(), MessageLog::kMaxBytes);
  TestReader reader;
  ASSERT_EQ(log_.Attach({stream, 0}, reader.reader, true), Attached::kYes);
  EXPECT_EQ(All({stream, 0}, reader), big + "2|");
}

TEST_F(MessageLogTest, TheBudgetIsForAllLogs) {
  MessageLog::Budget budget{.limit = 1500};
  {
    MessageLog other(budget);
    EXPECT_TRUE(other.Add(0, std::string(1000, 'x')).kept);
    MessageLog log(budget);
    EXPECT_FALSE(log.Add(0, std::string(1000, 'y')).kept);
    EXPECT_TRUE(log.Add(0, "small").kept);
  }
  EXPECT_EQ(budget.used.load(), 0u);
}

TEST_F(MessageLogTest, ALargeAnswerReachesWhoIsThere) {
  const std::string large(2 * MessageLog::kMaxBytes, 'x');
  const auto lonely = log_.Begin();
  EXPECT_FALSE(log_.Add(lonely, large, true).kept);
  TestReader reader;
  EXPECT_EQ(log_.Attach({lonely, 0}, reader.reader, true), Attached::kGone);
  const auto stream = log_.Begin();
  ASSERT_EQ(log_.Attach({stream, 0}, reader.reader, true), Attached::kYes);
  EXPECT_TRUE(log_.Add(stream, large, true).kept);
  EXPECT_EQ(All({stream, 0}, reader), large + "!.");
  log_.Detach(stream, *reader.reader);
  EXPECT_EQ(log_.Attach({stream, 0}, reader.reader, true), Attached::kGone);
  EXPECT_EQ(budget_.used.load(), 0u);
}

TEST_F(MessageLogTest, WhatIsTooLargeTakesNothingElseWithIt) {
  const auto kept = log_.Begin();
  log_.Add(kept, "answer", true);
  const auto other = log_.Begin();
  EXPECT_FALSE(log_.Add(other, std::string(2 * MessageLog::kMaxBytes, 'x'), true).kept);
  TestReader reader;
  ASSERT_EQ(log_.Attach({kept, 0}, reader.reader, true), Attached::kYes);
  EXPECT_EQ(All({kept, 0}, reader), "answer!.");
}

TEST_F(MessageLogTest, WhoIsThereHearsAllWhateverOthersHaveUsedUp) {
  MessageLog::Budget budget{.limit = 10};
  MessageLog other(budget);
  other.Add(0, "0123456789");
  MessageLog log(budget);
  EXPECT_FALSE(log.Add(0, "nobody is there").kept);
  TestReader reader;
  ASSERT_EQ(log.Attach(log.ReadUpTo(), reader.reader, false), Attached::kYes);
  EXPECT_TRUE(log.Add(0, "heard").kept);
  EXPECT_EQ(*log.Read({}, *reader.reader).message, "heard");
  EXPECT_EQ(budget.used.load(), 10u);
}

TEST_F(MessageLogTest, ThereIsNothingToComeBackTo) {
  TestReader reader;
  EXPECT_EQ(log_.Attach({7, 0}, reader.reader, true), Attached::kGone) << "never begun";
  EXPECT_EQ(log_.Attach({0, 1}, reader.reader, true), Attached::kGone) << "not reached yet";
  const auto ended = log_.Begin();
  log_.End(ended);
  EXPECT_EQ(log_.Attach({ended, 0}, reader.reader, true), Attached::kGone);
  const auto read = log_.Begin();
  const auto last = log_.Add(read, "answer", true);
  EXPECT_EQ(log_.Attach(last.at, reader.reader, true), Attached::kGone) << "it has it all";
  const auto open = log_.Begin();
  log_.Close();
  EXPECT_EQ(log_.Attach({open, 0}, reader.reader, true), Attached::kGone);
}

TEST_F(MessageLogTest, ItsEndEndsItsReaders) {
  TestReader reader;
  ASSERT_EQ(log_.Attach({}, reader.reader, false), Attached::kYes);
  log_.Close();
  EXPECT_EQ(reader.woken, 1);
  EXPECT_EQ(log_.Read({}, *reader.reader).kind, Kind::kOver);
}

}  // namespace
}  // namespace mcpbridge

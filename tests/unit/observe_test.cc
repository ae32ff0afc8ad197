// What is counted and logged of calls, lane by lane.

#include "server/observe/observer.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <future>
#include <string>
#include <string_view>

#include "server/base/error.h"
#include "server/observe/call_meter.h"
#include "server/runtime/executor.h"

namespace mcpbridge {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(OutcomesTest, HaveRoomForEveryReason) {
  EXPECT_LT(IndexOf(AllReasons().back()), kReasons);
  EXPECT_EQ(AllReasons().size(), IndexOf(AllReasons().back()) + 1);
}

TEST(HistogramTest, CountsEachTimeInItsRange) {
  Histogram histogram;
  histogram.Add(0ns);
  histogram.Add(100us);  // the end of the first range, which is included
  histogram.Add(100us + 1ns);
  histogram.Add(61s);
  EXPECT_EQ(histogram.counts().front(), 2u);
  EXPECT_EQ(histogram.counts()[1], 1u);
  EXPECT_EQ(histogram.counts().back(), 1u);
  EXPECT_EQ(histogram.sum(), 61s + 200us + 1ns);
  Histogram sum;
  sum.Add(histogram);
  sum.Add(histogram);
  EXPECT_EQ(sum.counts().front(), 4u);
  EXPECT_EQ(sum.sum(), 2 * histogram.sum());
}

// On a lane that doesn't run: this thread stands for it.
class ObserverTest : public testing::Test {
 protected:
  CallCounts Counts() { return lane_.Copy(); }
  // How many calls have ended in this way; `tool` as it is labelled.
  std::uint64_t Ended(const std::string& tool, std::optional<Reason> reason) {
    std::uint64_t count = 0;
    for (const auto& calls : Counts().calls) {
      if (*calls.tool == tool) count += calls.series.ended(reason);
    }
    return count;
  }
  void Call(const std::string& tool, bool listed = true) {
    const Deadline never;
    CallMeter meter(lane_, tool, never);
    meter.Begin(Front::kHttp, CallMethod::kCallTool, {}, "");
    if (!meter.Route(observer_.SlotOf("demo"), tool) && listed) meter.AddTool(tool);
    meter.End(std::nullopt);
  }

  Executor executor_{{.lanes = 1}};
  Observer observer_{executor_, AccessLog::Format::kOff};
  LaneCalls& lane_ = observer_.Of(executor_.lane(0));
};

TEST_F(ObserverTest, ACallIsCountedOnceByItsEnd) {
  Call("echo");
  Call("echo");
  EXPECT_EQ(Ended("echo", std::nullopt), 2u);
  const CallCounts counts = Counts();
  EXPECT_EQ(counts.queue[IndexOf(Front::kHttp)].counts().front(), 2u);
  EXPECT_EQ(counts.servers.back().upstream.counts().front(), 2u);
  EXPECT_EQ(counts.servers.back().in_flight[IndexOf(Front::kHttp)], 0u);
}

TEST_F(ObserverTest, ACallThatIsTakenBackIsCountedToo) {
  const std::string key = "echo";
  const Deadline never;
  const Deadline passed(Deadline::Clock::now() - 1s);
  {
    CallMeter unbegun(lane_, key, never);
    CallMeter left(lane_, key, never);
    left.Begin(Front::kGrpc, CallMethod::kCallTool, {}, "");
    CallMeter late(lane_, key, passed);
    late.Begin(Front::kGrpc, CallMethod::kCallTool, {}, "");
  }
  EXPECT_EQ(Ended("", Reason::kCancelled), 1u);
  EXPECT_EQ(Ended("", Reason::kDeadlineExceeded), 1u);
}

TEST_F(ObserverTest, OnlyListedToolsAreCountedApartAndNotMoreThanMay) {
  Call("made up", /*listed=*/false);
  EXPECT_EQ(Ended("other", std::nullopt), 1u);
  for (std::size_t i = 0; i < Observer::kMostTools + 20; ++i) Call("tool" + std::to_string(i));
  EXPECT_EQ(Ended("tool0", std::nullopt), 1u);
  EXPECT_EQ(Ended("tool99", std::nullopt), 1u);
  EXPECT_EQ(Ended("tool100", std::nullopt), 0u);
  EXPECT_EQ(Ended("other", std::nullopt), 21u);
}

TEST_F(ObserverTest, CallsUnderWayAreToldWithoutSecrets) {
  const std::string uri = "https://me:s3cr3t@host/path?token=s3cr3t";
  const std::string task = "s3cr3t";
  const Deadline in_a_minute = Deadline::After(1min);
  const Deadline never;
  CallMeter first(lane_, uri, in_a_minute);
  first.Begin(Front::kHttp, CallMethod::kReadResource, {}, "");
  first.Route(observer_.SlotOf("demo"), uri);
  CallMeter second(lane_, task, never);
  second.Begin(Front::kGrpc, CallMethod::kGetTask, {}, "");
  std::vector<LiveCall> calls;
  lane_.ListTo(calls, 10);
  ASSERT_EQ(calls.size(), 2u);
  EXPECT_EQ(calls[0].id, "0-1");
  EXPECT_EQ(calls[0].server, "demo");
  EXPECT_EQ(calls[0].key, "https://host/path");
  EXPECT_GT(*calls[0].left, 30s);
  EXPECT_EQ(calls[1].key, "");
  EXPECT_FALSE(calls[1].left);
  calls.clear();
  lane_.ListTo(calls, 1);
  EXPECT_EQ(calls.size(), 1u);
  first.End(std::nullopt);
  calls.clear();
  lane_.ListTo(calls, 10);
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0].id, "0-2");
}

TEST_F(ObserverTest, AServerKeepsItsPlace) {
  const std::size_t slot = observer_.SlotOf("a");
  EXPECT_NE(observer_.SlotOf("b"), slot);
  EXPECT_EQ(observer_.SlotOf("a"), slot);
  EXPECT_EQ(observer_.NameOf(slot), "a");
}

AccessLog::Entry Entry() {
  return {.id = "1-7",
          .front = Front::kGrpc,
          .peer = "ipv4:127.0.0.1:5123",
          .server = "demo",
          .method = "tools/call",
          .key = "two words\n\"x\"",
          .outcome = "OK",
          .queue = 20us,
          .upstream = 3410us};
}

TEST(AccessLogTest, WritesOneLineInEitherForm) {
  const std::chrono::system_clock::time_point at{1'764'104'400s + 7ms};
  EXPECT_EQ(
      AccessLog::Line(AccessLog::Format::kText, Entry(), at),
      "2025-11-25T21:00:00.007Z access id=1-7 front=grpc peer=ipv4:127.0.0.1:5123 server=demo "
      "method=tools/call key=\"two words\\n\\\"x\\\"\" reason=OK queue_ms=0.020 "
      "upstream_ms=3.410 total_ms=3.430\n");
  EXPECT_EQ(AccessLog::Line(AccessLog::Format::kJson, Entry(), at),
            R"({"time":"2025-11-25T21:00:00.007Z","log":"access","id":"1-7","front":"grpc",)"
            R"("peer":"ipv4:127.0.0.1:5123","server":"demo","method":"tools/call",)"
            R"("key":"two words\n\"x\"","reason":"OK","queue_ms":0.020,"upstream_ms":3.410,)"
            "\"total_ms\":3.430}\n");
  AccessLog::Entry longest = Entry();
  longest.key = std::string(255, 'k') + "\u00e9" + std::string(10'000, 'k');
  const std::string line = AccessLog::Line(AccessLog::Format::kText, longest, at);
  EXPECT_THAT(line, HasSubstr("key=" + std::string(255, 'k') + " "));
}

// Its reader stands still: nobody waits for it, and what doesn't fit is counted.
TEST(AccessLogTest, AReaderThatStandsStillHoldsNothingUp) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  Executor executor({.lanes = 1});
  std::uint64_t dropped = 0;
  {
    AccessLog log(executor, AccessLog::Format::kText, ends[1]);
    executor.Start();
    for (int i = 0; i < 2; ++i) {
      std::promise<void> written;
      executor.lane(0).Post([&] {
        for (int line = 0; line < 5000; ++line) log.Write(executor.lane(0), Entry());
        written.set_value();
      });
      ASSERT_EQ(written.get_future().wait_for(30s), std::future_status::ready);
    }
    dropped = log.dropped();
    EXPECT_GT(dropped, 0u);
    executor.StopLanes();
  }
  close(ends[1]);
  std::string read;
  char chunk[4096];
  for (ssize_t size; (size = ::read(ends[0], chunk, sizeof(chunk))) > 0;) {
    read.append(chunk, static_cast<std::size_t>(size));
  }
  close(ends[0]);
  EXPECT_THAT(read, StartsWith("20"));
  EXPECT_THAT(read, EndsWith("\n")) << "a line was torn";
}

}  // namespace
}  // namespace mcpbridge

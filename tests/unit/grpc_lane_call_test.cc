#include "server/frontend/grpc/lane_call.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <barrier>
#include <boost/asio/executor_work_guard.hpp>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace mcpbridge {
namespace {

// What the request's handler does.
enum class Way {
  kRefuse,     // finishes on the pump thread
  kLane,       // goes to the lane and finishes there at once
  kLaneWaits,  // goes to the lane and finishes when its work ends
};

// The fake queue: the tags one call has given away, and what became of it.
struct Rpc {
  explicit Rpc(Way way_) : way(way_) {}

  void Complete(void*& tag, bool ok) {
    static_cast<CqTag*>(std::exchange(tag, nullptr))->Complete(ok);
  }

  const Way way;
  Lane lane{0};
  Gate live{1};  // so that the next call isn't let in: one call is watched
  void* request = nullptr;
  void* done = nullptr;
  void* finish = nullptr;
  bool cancelled = false;
  // Runs inside OnRequest(), before and after it has gone on; may free the call.
  std::function<void()> before_going_on = [] {};
  std::function<void()> after_going_on = [] {};

  bool request_was_ok = false;
  bool working = false;  // on the lane, waiting for its work to end
  int freed = 0;
  int next_armed = 0;
  std::atomic<int> finished = 0;
  int cancels = 0;
  int lane_begins = 0;
  class FakeCall* call = nullptr;
};

class FakeCall final : public LaneCall {
 public:
  explicit FakeCall(Gate& live, Rpc& rpc) : LaneCall(live), rpc_(rpc) { rpc.call = this; }

  void EndWork() {
    rpc_.working = false;
    Finish();
  }

 private:
  ~FakeCall() override { ++rpc_.freed; }

  void StartRequest(void* request_tag, void* done_tag) override {
    rpc_.request = request_tag;
    rpc_.done = done_tag;
  }
  bool IsCancelled() override { return rpc_.cancelled; }
  void ArmNext() override { ++rpc_.next_armed; }

  void OnRequest() override {
    Rpc& rpc = rpc_;
    rpc.before_going_on();
    if (rpc.way == Way::kRefuse) {
      Finish();
    } else {
      ContinueOn(rpc.lane);
    }
    rpc.after_going_on();
  }

  void OnLane() override {
    ++rpc_.lane_begins;
    if (rpc_.way == Way::kLane) return Finish();
    rpc_.working = true;
  }

  void OnCancel() override {
    ++rpc_.cancels;
    rpc_.working = false;
    Finish();
  }

  void Finish() {
    ++rpc_.finished;
    Rpc& rpc = rpc_;
    rpc.finish = EndTag();
  }

  Rpc& rpc_;
};

enum class Event {
  kRequest,
  kRequestNotOk,
  kRequestWithDoneWithin,  // the done tag is handled in the middle of the request's handler
  kRequestWithAllWithin,   // everything else is handled before the request's handler returns
  kDone,
  kDoneCancelled,
  kLane,
  kWorkEnds,
  kFinish,
  kFinishNotOk,
};

std::string Name(Event event) {
  static constexpr std::array kNames{"request", "request!ok", "request{done}", "request{all}",
                                     "done",    "cancel",     "lane",          "work",
                                     "finish",  "finish!ok"};
  return kNames[static_cast<std::size_t>(event)];
}

// What may happen next; the lane may turn out to have nothing to run.
std::vector<Event> Possible(const Rpc& rpc) {
  std::vector<Event> events{Event::kLane};
  if (rpc.request != nullptr) {
    events.push_back(Event::kRequest);
    if (rpc.done != nullptr) {
      events.push_back(Event::kRequestNotOk);  // not for an RPC that gRPC has begun
      events.push_back(Event::kRequestWithDoneWithin);
      events.push_back(Event::kRequestWithAllWithin);
    }
  }
  // Done comes for an RPC that gRPC has begun, also when its request tag waits to be handled.
  if (rpc.done != nullptr) {
    events.push_back(Event::kDoneCancelled);
    if (rpc.finish != nullptr || rpc.finished > 0) events.push_back(Event::kDone);
  }
  if (rpc.working) events.push_back(Event::kWorkEnds);
  if (rpc.finish != nullptr) {
    events.push_back(Event::kFinish);
    events.push_back(Event::kFinishNotOk);
  }
  return events;
}

void RunLane(Rpc& rpc) {
  rpc.lane.io().restart();
  rpc.lane.io().poll();
}

// False: there was nothing to run.
bool Happen(Rpc& rpc, Event event) {
  switch (event) {
    case Event::kRequestNotOk:
      rpc.done = nullptr;  // never comes back
      rpc.Complete(rpc.request, false);
      return true;
    case Event::kRequestWithDoneWithin:
      rpc.before_going_on = [&rpc] {
        rpc.cancelled = true;
        rpc.Complete(rpc.done, true);
      };
      break;
    case Event::kRequestWithAllWithin:
      rpc.after_going_on = [&rpc] {
        RunLane(rpc);
        if (rpc.working) rpc.call->EndWork();
        rpc.Complete(rpc.finish, true);
        rpc.Complete(rpc.done, true);
      };
      break;
    case Event::kRequest:
      break;
    case Event::kDoneCancelled:
      rpc.cancelled = true;
      [[fallthrough]];
    case Event::kDone:
      rpc.Complete(rpc.done, true);
      return true;
    case Event::kLane:
      rpc.lane.io().restart();
      return rpc.lane.io().poll_one() > 0;
    case Event::kWorkEnds:
      rpc.call->EndWork();
      return true;
    case Event::kFinish:
    case Event::kFinishNotOk:
      rpc.Complete(rpc.finish, event == Event::kFinish);
      return true;
  }
  rpc.request_was_ok = true;
  rpc.Complete(rpc.request, true);
  return true;
}

// Tries every order.
struct Explorer {
  explicit Explorer(Way way_) : way(way_) {}

  // Replays `path` on a new call, then takes every step that is possible after it. False: the last
  // step of `path` was the lane's, and there was nothing to run.
  bool Explore(std::vector<Event>& path) {
    Rpc rpc(way);
    ArmCall<FakeCall>(rpc.live, rpc);
    bool happened = true;
    for (const Event event : path) happened = Happen(rpc, event);
    if (!happened) {
      Drain(rpc);
      return false;
    }
    bool is_over = true;
    for (const Event event : Possible(rpc)) {
      path.push_back(event);
      if (Explore(path)) is_over = false;
      path.pop_back();
    }
    if (is_over) {
      Check(rpc, path);
      ++runs;
    } else {
      Drain(rpc);
    }
    return true;
  }

  // Frees a call whose path was left in the middle.
  static void Drain(Rpc& rpc) {
    if (rpc.request != nullptr)
      Happen(rpc, rpc.done != nullptr ? Event::kRequestNotOk : Event::kRequest);
    RunLane(rpc);
    if (rpc.working) rpc.call->EndWork();
    if (rpc.finish != nullptr) rpc.Complete(rpc.finish, true);
    if (rpc.done != nullptr) rpc.Complete(rpc.done, true);
    RunLane(rpc);
  }

  static void Check(const Rpc& rpc, const std::vector<Event>& path) {
    std::string story;
    for (const Event event : path) story += Name(event) + ' ';
    EXPECT_EQ(rpc.freed, 1) << story;
    EXPECT_EQ(rpc.live.count(), 0u) << story;
    EXPECT_EQ(rpc.finished, rpc.request_was_ok ? 1 : 0) << story;
    EXPECT_EQ(rpc.next_armed, rpc.request_was_ok ? 1 : 0) << story;
    EXPECT_LE(rpc.cancels, rpc.cancelled ? 1 : 0) << story;
    EXPECT_LE(rpc.lane_begins, 1) << story;
    EXPECT_EQ(rpc.request, nullptr) << story;
    EXPECT_EQ(rpc.done, nullptr) << story;
  }

  const Way way;
  int runs = 0;
};

int RunsOfEveryOrder(Way way) {
  Explorer explorer(way);
  std::vector<Event> path;
  explorer.Explore(path);
  return explorer.runs;
}

TEST(LaneCallTest, EveryOrderOfARefusedCall) { EXPECT_GE(RunsOfEveryOrder(Way::kRefuse), 11); }

TEST(LaneCallTest, EveryOrderOfACallThatEndsOnItsLaneAtOnce) {
  EXPECT_GE(RunsOfEveryOrder(Way::kLane), 20);
}

TEST(LaneCallTest, EveryOrderOfACallThatWaitsOnItsLane) {
  EXPECT_GE(RunsOfEveryOrder(Way::kLaneWaits), 28);
}

TEST(LaneCallTest, ACancelledCallIsToldOnItsLane) {
  Rpc rpc(Way::kLaneWaits);
  ArmCall<FakeCall>(rpc.live, rpc);
  Happen(rpc, Event::kRequest);
  Happen(rpc, Event::kLane);
  ASSERT_TRUE(rpc.working);
  Happen(rpc, Event::kDoneCancelled);
  EXPECT_EQ(rpc.cancels, 0);
  Happen(rpc, Event::kLane);
  EXPECT_EQ(rpc.cancels, 1);
  EXPECT_EQ(rpc.freed, 0);
  Happen(rpc, Event::kFinishNotOk);
  EXPECT_EQ(rpc.freed, 1);
}

TEST(LaneCallTest, ACallThatIsGoneBeforeItBeganNeverReachesItsLane) {
  Rpc rpc(Way::kLaneWaits);
  ArmCall<FakeCall>(rpc.live, rpc);
  Happen(rpc, Event::kDoneCancelled);
  Happen(rpc, Event::kRequest);
  EXPECT_EQ(rpc.lane.io().poll(), 0u);
  EXPECT_EQ(rpc.lane_begins, 0);
  EXPECT_EQ(rpc.cancels, 1);
  Happen(rpc, Event::kFinish);
  EXPECT_EQ(rpc.freed, 1);
}

TEST(LaneCallTest, NothingIsArmedOnceTheGateIsClosed) {
  Rpc rpc(Way::kRefuse);
  rpc.live.Close();
  ArmCall<FakeCall>(rpc.live, rpc);
  EXPECT_EQ(rpc.request, nullptr);
  EXPECT_EQ(rpc.call, nullptr);
}

// Two pumps, a lane and a third pump for the finish tag at once: for ThreadSanitizer and for what
// no order of whole handlers shows.
TEST(LaneCallTest, HandlersOnSeveralThreadsAtOnce) {
  constexpr int kRounds = 500;
  for (int round = 0; round < kRounds; ++round) {
    Rpc rpc(Way::kLane);
    rpc.cancelled = true;
    ArmCall<FakeCall>(rpc.live, rpc);
    std::barrier start(2);
    void* done = std::exchange(rpc.done, nullptr);
    std::thread other_pump([&start, done] {
      start.arrive_and_wait();
      static_cast<CqTag*>(done)->Complete(true);
    });
    std::thread lane([&rpc] {
      auto work = boost::asio::make_work_guard(rpc.lane.io());
      while (rpc.finished == 0 && rpc.lane.io().run_one() > 0) {
      }
    });
    start.arrive_and_wait();
    // A call that is already cancelled finishes here: then the lane is woken up to see it.
    rpc.Complete(rpc.request, true);
    rpc.lane.Post([] {});
    other_pump.join();
    lane.join();
    rpc.Complete(rpc.finish, true);
    RunLane(rpc);
    ASSERT_EQ(rpc.finished, 1);
    ASSERT_LE(rpc.cancels, 1);
    ASSERT_EQ(rpc.freed, 1);
  }
}

}  // namespace
}  // namespace mcpbridge

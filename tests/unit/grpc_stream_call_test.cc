#include "server/frontend/grpc/stream_call.h"

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace mcpbridge {
namespace {

constexpr int kMostEvents = 2;

// The fake queue: the tags one call has given away, and what became of it.
struct Rpc {
  void Complete(void*& tag, bool ok) {
    static_cast<CqTag*>(std::exchange(tag, nullptr))->Complete(ok);
  }
  void RunLane() {
    lane.io().restart();
    lane.io().poll();
  }

  Lane lane{0};
  Gate live{1};  // so that the next call isn't let in: one call is watched
  void* request = nullptr;
  void* done = nullptr;
  void* write = nullptr;
  void* finish = nullptr;
  bool cancelled = false;
  std::function<void()> before_going_on = [] {};  // inside OnRequest()
  // Other pumps are so quick that the call is freed as soon as its end is started.
  bool ends_at_once = false;

  bool request_was_ok = false;
  bool working = false;  // on the lane; events may come, and the end
  int emitted = 0;
  int written = 0;
  int finished = 0;
  int freed = 0;
  bool overlapped = false;  // an operation was started while a write was under way
  class FakeStream* call = nullptr;
};

class FakeStream final : public StreamCall {
 public:
  explicit FakeStream(Gate& live, Rpc& rpc) : StreamCall(live), rpc_(rpc) { rpc.call = this; }

  void Emit() {
    ++rpc_.emitted;
    ++waiting_;
    Proceed();
  }
  void EndWork() {
    rpc_.working = false;
    over_ = true;
    Proceed();
  }

 private:
  ~FakeStream() override { ++rpc_.freed; }

  void StartRequest(void* request_tag, void* done_tag) override {
    rpc_.request = request_tag;
    rpc_.done = done_tag;
  }
  bool IsCancelled() override { return rpc_.cancelled; }
  void ArmNext() override {}

  void OnRequest() override {
    rpc_.before_going_on();
    ContinueOn(rpc_.lane);
  }
  void OnLane() override { rpc_.working = true; }
  void OnCancel() override {
    waiting_ = 0;
    EndWork();
  }

  void OnWritable() override {
    rpc_.overlapped = rpc_.overlapped || rpc_.write != nullptr;
    if (waiting_ > 0) {
      --waiting_;
      ++rpc_.written;
      rpc_.write = WriteTag();
    } else if (over_) {
      ++rpc_.finished;
      Rpc& rpc = rpc_;
      rpc.finish = EndTag();
      if (!rpc.ends_at_once) return;
      rpc.Complete(rpc.finish, true);
      if (rpc.done != nullptr) rpc.Complete(rpc.done, true);
    }
  }

  Rpc& rpc_;
  int waiting_ = 0;
  bool over_ = false;
};

enum class Event {
  kRequest,
  kRequestNotOk,
  kRequestWithDoneWithin,  // the done tag is handled in the middle of the request's handler
  kDone,
  kDoneCancelled,
  kLane,
  kEmit,
  kWorkEnds,
  kWrite,
  kWriteNotOk,
  kFinish,
};

std::string Name(Event event) {
  static constexpr std::array kNames{"request", "request!ok", "request{done}", "done",
                                     "cancel",  "lane",       "emit",          "work",
                                     "write",   "write!ok",   "finish"};
  return kNames[static_cast<std::size_t>(event)];
}

// What may happen next; the lane may turn out to have nothing to run.
std::vector<Event> Possible(const Rpc& rpc) {
  std::vector<Event> events{Event::kLane};
  if (rpc.request != nullptr) {
    events.push_back(Event::kRequest);
    if (rpc.done != nullptr) {
      events.push_back(Event::kRequestNotOk);
      events.push_back(Event::kRequestWithDoneWithin);
    }
  }
  if (rpc.done != nullptr) {
    events.push_back(Event::kDoneCancelled);
    if (rpc.finished > 0) events.push_back(Event::kDone);
  }
  if (rpc.working && rpc.emitted < kMostEvents) events.push_back(Event::kEmit);
  if (rpc.working) events.push_back(Event::kWorkEnds);
  if (rpc.write != nullptr) {
    events.push_back(Event::kWrite);
    events.push_back(Event::kWriteNotOk);
  }
  if (rpc.finish != nullptr) events.push_back(Event::kFinish);
  return events;
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
    case Event::kEmit:
      rpc.call->Emit();
      return true;
    case Event::kWorkEnds:
      rpc.call->EndWork();
      return true;
    case Event::kWrite:
    case Event::kWriteNotOk:
      rpc.Complete(rpc.write, event == Event::kWrite);
      return true;
    case Event::kFinish:
      rpc.Complete(rpc.finish, true);
      return true;
  }
  rpc.request_was_ok = true;
  rpc.Complete(rpc.request, true);
  return true;
}

// Tries every order.
struct Explorer {
  // Replays `path` on a new call, then takes every step that is possible after it. False: the last
  // step of `path` was the lane's, and there was nothing to run.
  bool Explore(std::vector<Event>& path) {
    Rpc rpc;
    rpc.ends_at_once = ends_at_once;
    ArmCall<FakeStream>(rpc.live, rpc);
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
    if (rpc.request != nullptr) {
      Happen(rpc, rpc.done != nullptr ? Event::kRequestNotOk : Event::kRequest);
    }
    rpc.RunLane();
    if (rpc.working) rpc.call->EndWork();
    while (rpc.write != nullptr) {
      rpc.Complete(rpc.write, true);
      rpc.RunLane();
    }
    if (rpc.finish != nullptr) rpc.Complete(rpc.finish, true);
    if (rpc.done != nullptr) rpc.Complete(rpc.done, true);
    rpc.RunLane();
  }

  static void Check(const Rpc& rpc, const std::vector<Event>& path) {
    std::string story;
    for (const Event event : path) story += Name(event) + ' ';
    EXPECT_EQ(rpc.freed, 1) << story;
    EXPECT_EQ(rpc.live.count(), 0u) << story;
    EXPECT_EQ(rpc.finished, rpc.request_was_ok ? 1 : 0) << story;
    EXPECT_FALSE(rpc.overlapped) << story;
    EXPECT_LE(rpc.written, rpc.emitted) << story;
    EXPECT_EQ(rpc.request, nullptr) << story;
    EXPECT_EQ(rpc.write, nullptr) << story;
    EXPECT_EQ(rpc.done, nullptr) << story;
  }

  const bool ends_at_once = false;
  int runs = 0;
};

TEST(StreamCallTest, EveryOrderOfAStreamOfTwo) {
  Explorer explorer;
  std::vector<Event> path;
  explorer.Explore(path);
  EXPECT_GE(explorer.runs, 500);
}

// Says something under AddressSanitizer.
TEST(StreamCallTest, NothingIsTouchedOnceTheEndIsStarted) {
  Explorer explorer{.ends_at_once = true};
  std::vector<Event> path;
  explorer.Explore(path);
  EXPECT_GE(explorer.runs, 100);
}

TEST(StreamCallTest, WhatComesDuringAWriteWaitsForIt) {
  Rpc rpc;
  ArmCall<FakeStream>(rpc.live, rpc);
  Happen(rpc, Event::kRequest);
  Happen(rpc, Event::kLane);
  Happen(rpc, Event::kEmit);
  Happen(rpc, Event::kEmit);
  Happen(rpc, Event::kWorkEnds);
  EXPECT_EQ(rpc.written, 1);
  Happen(rpc, Event::kWrite);
  Happen(rpc, Event::kLane);
  EXPECT_EQ(rpc.written, 2);
  EXPECT_EQ(rpc.finished, 0);
  Happen(rpc, Event::kWrite);
  Happen(rpc, Event::kLane);
  EXPECT_EQ(rpc.finished, 1);
  Explorer::Drain(rpc);
  EXPECT_EQ(rpc.freed, 1);
}

TEST(StreamCallTest, ACancelledStreamIsEndedWhenItsWriteIsOver) {
  Rpc rpc;
  ArmCall<FakeStream>(rpc.live, rpc);
  Happen(rpc, Event::kRequest);
  Happen(rpc, Event::kLane);
  Happen(rpc, Event::kEmit);
  Happen(rpc, Event::kDoneCancelled);
  Happen(rpc, Event::kLane);
  EXPECT_FALSE(rpc.working);
  EXPECT_EQ(rpc.finished, 0);
  Happen(rpc, Event::kWriteNotOk);
  Happen(rpc, Event::kLane);
  EXPECT_EQ(rpc.finished, 1);
  Happen(rpc, Event::kFinish);
  EXPECT_EQ(rpc.freed, 1);
}

}  // namespace
}  // namespace mcpbridge

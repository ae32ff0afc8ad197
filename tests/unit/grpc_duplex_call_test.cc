#include "server/frontend/grpc/duplex_call.h"

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace mcpbridge {
namespace {

// Of the client's messages, each of which is answered by one.
constexpr int kMostReads = 1;

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
  void* read = nullptr;
  void* write = nullptr;
  void* finish = nullptr;
  bool cancelled = false;

  bool request_was_ok = false;
  bool working = false;  // on the lane; the end may come
  int reads = 0;         // that brought something
  int written = 0;
  int finished = 0;
  int freed = 0;
  bool overlapped = false;  // an operation was started while another of its kind was under way
  bool read_late = false;   // a read was handed on once the RPC had been ended
  class FakeDuplex* call = nullptr;
};

class FakeDuplex final : public DuplexCall {
 public:
  explicit FakeDuplex(Gate& live, Rpc& rpc) : DuplexCall(live), rpc_(rpc) { rpc.call = this; }

  void EndWork() {
    rpc_.working = false;
    over_ = true;
    Proceed();
  }

 private:
  ~FakeDuplex() override { ++rpc_.freed; }

  void StartRequest(void* request_tag, void* done_tag) override {
    rpc_.request = request_tag;
    rpc_.done = done_tag;
  }
  bool IsCancelled() override { return rpc_.cancelled; }
  void ArmNext() override {}

  void OnRequest() override { ContinueOn(rpc_.lane); }
  void OnLane() override {
    rpc_.working = true;
    Read();
  }
  void OnCancel() override {
    waiting_ = 0;
    EndWork();
  }
  void Read() {
    rpc_.overlapped = rpc_.overlapped || rpc_.read != nullptr || is_reading();
    rpc_.read = ReadTag();
  }
  void OnRead(bool ok) override {
    rpc_.read_late = rpc_.read_late || rpc_.finished > 0;
    if (over_) return;
    if (!ok) return EndWork();
    ++rpc_.reads;
    ++waiting_;
    Read();
    Proceed();
  }

  void OnWritable() override {
    rpc_.overlapped = rpc_.overlapped || rpc_.write != nullptr;
    if (waiting_ > 0) {
      --waiting_;
      ++rpc_.written;
      rpc_.write = WriteTag();
    } else if (over_) {
      ++rpc_.finished;
      rpc_.finish = EndTag();
    }
  }

  Rpc& rpc_;
  int waiting_ = 0;
  bool over_ = false;
};

enum class Event {
  kRequest,
  kRequestNotOk,
  kDone,
  kDoneCancelled,
  kLane,
  kWorkEnds,
  kRead,
  kReadNotOk,
  kWrite,
  kWriteNotOk,
  kFinish,
};

std::string Name(Event event) {
  static constexpr std::array kNames{"request", "request!ok", "done",  "cancel",   "lane",  "work",
                                     "read",    "read!ok",    "write", "write!ok", "finish"};
  return kNames[static_cast<std::size_t>(event)];
}

// What may happen next; the lane may turn out to have nothing to run.
std::vector<Event> Possible(const Rpc& rpc) {
  std::vector<Event> events{Event::kLane};
  if (rpc.request != nullptr) {
    events.push_back(Event::kRequest);
    if (rpc.done != nullptr) events.push_back(Event::kRequestNotOk);
  }
  if (rpc.done != nullptr) {
    events.push_back(Event::kDoneCancelled);
    if (rpc.finished > 0) events.push_back(Event::kDone);
  }
  if (rpc.working) events.push_back(Event::kWorkEnds);
  if (rpc.read != nullptr) {
    events.push_back(Event::kReadNotOk);
    if (rpc.reads < kMostReads) events.push_back(Event::kRead);
  }
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
    case Event::kRequest:
      rpc.request_was_ok = true;
      rpc.Complete(rpc.request, true);
      return true;
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
    case Event::kRead:
    case Event::kReadNotOk:
      rpc.Complete(rpc.read, event == Event::kRead);
      return true;
    case Event::kWrite:
    case Event::kWriteNotOk:
      rpc.Complete(rpc.write, event == Event::kWrite);
      return true;
    case Event::kFinish:
      rpc.Complete(rpc.finish, true);
      return true;
  }
  return false;
}

// Frees a call whose path was left in the middle.
void Drain(Rpc& rpc) {
  if (rpc.request != nullptr) {
    Happen(rpc, rpc.done != nullptr ? Event::kRequestNotOk : Event::kRequest);
  }
  rpc.RunLane();
  if (rpc.working) rpc.call->EndWork();
  while (rpc.write != nullptr || rpc.read != nullptr) {
    if (rpc.write != nullptr) rpc.Complete(rpc.write, true);
    if (rpc.read != nullptr) rpc.Complete(rpc.read, false);
    rpc.RunLane();
  }
  if (rpc.finish != nullptr) rpc.Complete(rpc.finish, true);
  if (rpc.done != nullptr) rpc.Complete(rpc.done, true);
  rpc.RunLane();
}

void Check(const Rpc& rpc, const std::vector<Event>& path) {
  std::string story;
  for (const Event event : path) story += Name(event) + ' ';
  EXPECT_EQ(rpc.freed, 1) << story;
  EXPECT_EQ(rpc.live.count(), 0u) << story;
  EXPECT_EQ(rpc.finished, rpc.request_was_ok ? 1 : 0) << story;
  EXPECT_FALSE(rpc.overlapped) << story;
  EXPECT_FALSE(rpc.read_late) << story;
  EXPECT_LE(rpc.written, rpc.reads) << story;
  EXPECT_EQ(rpc.read, nullptr) << story;
  EXPECT_EQ(rpc.write, nullptr) << story;
  EXPECT_EQ(rpc.done, nullptr) << story;
}

// Replays `path` on a new call, then takes every step that is possible after it. False: the last
// step of `path` was the lane's, and there was nothing to run.
bool Explore(std::vector<Event>& path, int& runs) {
  Rpc rpc;
  ArmCall<FakeDuplex>(rpc.live, rpc);
  bool happened = true;
  for (const Event event : path) happened = Happen(rpc, event);
  if (!happened) {
    Drain(rpc);
    return false;
  }
  bool is_over = true;
  for (const Event event : Possible(rpc)) {
    path.push_back(event);
    if (Explore(path, runs)) is_over = false;
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

TEST(DuplexCallTest, EveryOrderOfOneMessageEachWay) {
  std::vector<Event> path;
  int runs = 0;
  Explore(path, runs);
  EXPECT_GE(runs, 500);
}

TEST(DuplexCallTest, OneThatIsEndedWhileItReadsIsFreedOnceTheReadIsBack) {
  Rpc rpc;
  ArmCall<FakeDuplex>(rpc.live, rpc);
  Happen(rpc, Event::kRequest);
  Happen(rpc, Event::kLane);
  Happen(rpc, Event::kWorkEnds);
  Happen(rpc, Event::kFinish);
  Happen(rpc, Event::kDone);
  EXPECT_EQ(rpc.freed, 0);
  Happen(rpc, Event::kReadNotOk);
  rpc.RunLane();
  EXPECT_EQ(rpc.freed, 1);
  EXPECT_FALSE(rpc.read_late);
}

}  // namespace
}  // namespace mcpbridge

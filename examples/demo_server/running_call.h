#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "examples/demo_server/stats.h"
#include "examples/demo_server/tools.h"

namespace mcpbridge::demo {

// The way back of a call that wasn't answered at once. On the call's thread.
class CallSink {
 public:
  // A whole JSON-RPC notification, before the reply.
  virtual void OnNotification(std::string_view json) = 0;
  // The whole JSON-RPC response. The call is over.
  virtual void OnReply(std::string_view json) = 0;
  // The call was cancelled: no response will come.
  virtual void OnCancelled() = 0;

 protected:
  ~CallSink() = default;
};

class CallTable;

// A tool at work: a timer, and what to say when it goes off. Kept alive by its timer and the table.
class RunningCall : public std::enable_shared_from_this<RunningCall> {
 public:
  // What a call is known by: the session ("" if none), and the raw JSON id.
  using Key = std::pair<std::string, std::string>;

  RunningCall(boost::asio::io_context& io, CallTable& table, Key key, const ToolPlan& plan,
              std::string result, std::string progress_token, CallSink& sink);
  ~RunningCall();

  const Key& key() const { return key_; }

  // How long the tool takes, of one that reports nothing in between.
  std::chrono::milliseconds time() const { return plan_.interval; }

  // Begins; on the thread of `io`, as all but Cancel().
  void Start();
  // The sink goes away; the tool runs on, as MCP asks for when a connection with a session closes.
  void Detach() { sink_ = nullptr; }
  // The sink goes away and the tool stops. False: it had ended already.
  bool Abandon();
  // Stops the tool and tells the sink. Any thread; by the CallTable, which has let go of the call.
  void Cancel();

 private:
  void NextStep();
  void OnStep();
  void NotifyProgress();
  void Finish();

  boost::asio::io_context& io_;
  boost::asio::steady_timer timer_;
  CallTable& table_;
  const Key key_;
  const ToolPlan plan_;
  const std::string result_;
  const std::string progress_token_;  // empty: nobody asked for progress
  CallSink* sink_;
  int step_ = 0;
};

// The calls at work, so that a cancellation finds its call from whatever connection it comes.
// Thread-safe.
class CallTable {
 public:
  explicit CallTable(Stats& stats) : stats_(stats) {}

  void Add(const std::shared_ptr<RunningCall>& call);
  // False: somebody else has ended the call.
  bool Remove(const RunningCall& call);
  // The same where the caller has left.
  bool Abandon(const RunningCall& call);
  // Cancels the call `key`; false if none of that name runs. Without a session several may have the
  // same name: then none is cancelled, for it can't be known which one is meant.
  bool Cancel(const RunningCall::Key& key);

 private:
  Stats& stats_;
  std::mutex mutex_;
  std::multimap<RunningCall::Key, std::shared_ptr<RunningCall>> calls_;
};

}  // namespace mcpbridge::demo

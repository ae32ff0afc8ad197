#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "server/base/deadline.h"
#include "server/base/error.h"
#include "server/frontend/mcp/dispatcher.h"
#include "server/routing/scope.h"
#include "server/runtime/lane.h"
#include "server/service/client_session.h"
#include "server/service/message_log.h"
#include "server/service/tool_service.h"

namespace mcpbridge {

// What one client says and is told on a stream of JSON-RPC messages that is its own, whatever
// carries them. The ids are the client's own. Its calls, and its session if it begins one, end with
// this. Lane-only.
class ClientStream {
 public:
  // Of what waits to be read: messages ahead of answers are left out beyond it. As much as for the
  // events of one call.
  static constexpr std::size_t kMostAhead = 256 << 10;
  // When so much waits, no more of the client's messages should be taken: a few answers of a usual
  // size.
  static constexpr std::size_t kFull = 1 << 20;

  struct Options {
    Scope scope;            // the servers it may reach
    Deadline deadline;      // of each of its requests
    std::size_t max_bytes;  // of what waits to be read; a single answer may be larger
  };

  // `headers` outlives this. `wake` runs on `lane` when something may have come of what follows,
  // never from within this; this may be destroyed in it.
  ClientStream(ToolService& service, ClientSessions& sessions, Lane& lane, CallerHeaders& headers,
               Options options, std::function<void()> wake);
  ~ClientStream();
  ClientStream(const ClientStream&) = delete;
  ClientStream& operator=(const ClientStream&) = delete;

  // Takes a message of the client's. What is wrong with it is answered.
  void Take(std::string message);
  bool is_full() const { return bytes_ >= kFull; }

  // The client will say no more: servers' questions are refused, those that are open at once, and
  // subscriptions end.
  void OnClientDone();
  // The bridge is about to stop: requests that come now are refused, and subscriptions end.
  void Drain();

  struct Outgoing {
    std::string message;
    int dropped = 0;        // messages ahead of answers that were left out before it
    bool is_ahead = false;  // it is no answer
  };
  // The next message to the client; nullopt: none yet.
  std::optional<Outgoing> Next();

  // Whether no request is waiting for its answer.
  bool is_idle() const { return calls_.empty(); }
  // Why there is nothing more to be had from here: kReaderTooSlow. Its calls have been cancelled.
  const std::optional<Error>& failure() const { return failure_; }

 private:
  class Call;
  struct Alive {
    ClientStream* stream;
  };

  void TakeRequest(IncomingMessage request);
  void Cancel(jsonrpc::Message& message);
  bool AddAhead(std::string_view message);
  void AddAnswer(std::string message);
  void Push(std::string message, bool is_ahead);
  void OnEnd(Call& call);
  void OnSession(std::shared_ptr<ClientSession> session);
  void CloseSession(std::string_view why);
  void CompleteEndless();
  void OnDrained();
  std::function<void()> WakeFromAnywhere();
  void Wake();
  void OnWake();

  ClientSessions& sessions_;
  Dispatcher dispatcher_;
  Lane& lane_;
  CallerHeaders& headers_;
  const Options options_;
  const std::function<void()> wake_;
  const std::shared_ptr<Alive> alive_ = std::make_shared<Alive>(Alive{this});
  bool woken_ = false;  // OnWake() has been posted
  bool client_done_ = false;
  bool draining_ = false;
  std::optional<Error> failure_;

  std::unordered_map<std::string, std::unique_ptr<Call>> calls_;  // by raw id; not answered yet
  std::vector<std::unique_ptr<Call>> ended_;                      // destroyed in OnWake()

  std::deque<Outgoing> waiting_;
  std::size_t bytes_ = 0;
  std::size_t ahead_bytes_ = 0;  // of those, what is ahead of answers
  int dropped_ = 0;              // behind the last that waits

  std::shared_ptr<ClientSession> session_;  // null: none has been begun
  std::shared_ptr<MessageLog::Reader> reader_;
  MessageLog::Position at_;
};

}  // namespace mcpbridge

#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "server/base/deadline.h"
#include "server/base/error.h"
#include "server/mcp/initialize.h"
#include "server/routing/list_kind.h"
#include "server/routing/scope.h"
#include "server/runtime/lane.h"
#include "server/service/message_log.h"
#include "server/service/private_view.h"
#include "server/service/session_seal.h"
#include "server/store/session_journal.h"
#include "server/upstream/upstream_pool.h"

namespace mcpbridge {

class ToolService;

// 128 random bits in hex, fit to be the id of a session. Empty: there are none to be had.
std::string NewSessionId();

// What the bridge keeps for one client between its `initialize` and its DELETE: who it is, its own
// sessions with servers, and the servers' questions that it has not answered yet. Nothing that ends
// a call can end it, and its end ends no call. Thread-safe.
class ClientSession : public std::enable_shared_from_this<ClientSession> {
 public:
  // Takes a client's answer: a whole JSON-RPC response under the server's own id.
  using Answer = std::function<void(std::string response)>;

  // Of an id: enough to tell it from others in a log, of no use to steal it.
  static constexpr std::size_t kShown = 6;

  // `scope`: the servers it was opened for. `first`: what it numbers begins behind it.
  ClientSession(std::string id, ClientProfile profile, Scope scope, ToolService& service,
                MessageLog::Budget& budget, std::uint64_t first = 0);
  ClientSession(const ClientSession&) = delete;
  ClientSession& operator=(const ClientSession&) = delete;

  // 128 random bits in hex, and perhaps a seal: whoever has it can use the session, so it goes to
  // no log.
  const std::string& id() const { return id_; }
  // Other bridges may have had it, or have it too.
  bool is_sealed() const { return SessionSeals::IsSealed(id_); }
  const ClientProfile& profile() const { return profile_; }
  const Scope& scope() const { return scope_; }

  // Whether it may be asked this by a server. It keeps one list of its own tasks: that is for the
  // server it was opened for, not for one of several.
  bool CanBeAsked(std::string_view method) const;

  // It has been used just now.
  void Touch() { used_at_ = Deadline::Clock::now(); }

  // What it is told on event streams.
  MessageLog& messages() { return messages_; }

  // From now on other bridges get to know what it is told, and it knows what it was told by them
  // outside of requests. Before its first message.
  void ShareWith(SessionJournal& journal);
  // Takes in what another bridge has told it on the stream of a request. False: nobody has, or the
  // answer isn't there.
  bool Recall(MessageLog::Stream stream);

  // Tells it what a server has said that belongs to no request under way: a notification.
  void Announce(std::size_t server, jsonrpc::Message& message);
  // Tells it something of the bridge's, without params, unless it still has to read just that.
  void AnnounceOnce(std::string_view method);
  // That every list which its servers have may have changed: nobody knows what it was told before.
  void AnnounceLists();

  // What servers say outside of calls goes there, and not to messages(): on the home lanes of its
  // sessions. Before the first SessionWith().
  using Hear = std::function<void(std::size_t server, jsonrpc::Message&)>;
  void HearWith(Hear hear) { hear_ = std::move(hear); }

  // The client's session with a server, made at the first time; the shared one where the server's
  // `isolation` says so. With a server that is retired, one for the caller alone. Error:
  // kOverloaded.
  Result<std::shared_ptr<Upstream>> SessionWith(const std::shared_ptr<Server>& server);

  // Other servers have come, or none, in the places of those of these indices: the sessions with
  // those that were there end with their calls. Where something was subscribed to, it is with
  // whoever is there now. On main's thread, or a lane.
  void OnServersChanged(const std::vector<std::size_t>& servers);

  // What servers have, as this client sees it: its own sessions may have other lists than the one
  // that all share, if it can be asked something or has been told of a change there. Null: it sees
  // what all see.
  std::shared_ptr<CatalogueView> View();
  // A server has said, in the client's own session, that one of its lists has changed.
  void OnOwnListChanged(std::size_t server);

  // Passes a notification of the client's, whole, on to the servers with which it has a session of
  // its own.
  void Notify(const std::string& notification);

  // A server asks the client, under its own raw id `server_id`, in the course of a call on `lane`.
  // Returns the raw id under which the client is asked; empty: it answers nothing any more. Its
  // answer goes to `answer` on `lane`.
  std::string AddQuestion(Lane& lane, std::string_view server_id, Answer answer) {
    return AddQuestion(lane, server_id, std::move(answer), std::nullopt);
  }
  // The same outside of any call, on the client's own stream. False: it has none open, has not said
  // that it can answer such a question, or answers nothing any more.
  bool Ask(std::size_t server, Lane& lane, jsonrpc::Message& question, Answer answer);
  // The question's call is over: an answer to it goes nowhere.
  void DropQuestion(const std::string& id);
  // The server has no more use for an answer, as the raw params of its notifications/cancelled say:
  // drops the question if it is one of `asked`. Returns the notification that tells the client, who
  // knows it by another id; nullopt: there is no such question.
  std::optional<std::string> Withdraw(std::string_view params, std::span<const std::string> asked);
  // The client has answered: a message of kind kResult or kError. One to no question is dropped.
  void TakeAnswer(const jsonrpc::Message& message);
  // The client answers nothing any more: servers get errors for all that they have asked, and
  // nothing is asked from now on.
  void RefuseQuestions();

 private:
  friend class ClientSessions;
  struct Question {
    Lane* lane;
    std::string server_id;
    Answer answer;
    std::optional<std::size_t> server = {};  // of one outside of any call
  };

  // With a server, as it was when the session was made.
  struct Session {
    Router::Number number = 0;
    std::shared_ptr<Upstream> upstream;  // null: not used yet
  };

  Result<std::shared_ptr<Upstream>> Open(const std::shared_ptr<Server>& server,
                                         const std::vector<std::string>& subscribed);
  Session& PlaceOf(std::size_t server);
  const Config& config() const;
  std::string AddQuestion(Lane& lane, std::string_view server_id, Answer answer,
                          std::optional<std::size_t> server);
  Unsolicited Ears(std::size_t server);
  bool HasListsOfItsOwn(std::size_t server);
  void Outdate(std::size_t server);
  void Close();
  void OnSaid(std::size_t server, jsonrpc::Message& message);
  std::vector<std::string> AskedOutsideOfCalls(std::size_t server);

  const std::string id_;
  const ClientProfile profile_;
  const Scope scope_;
  ToolService& service_;
  UpstreamPool& pool_;
  MessageLog messages_;
  SessionJournal* journal_ = nullptr;  // null: there is none
  Hear hear_;
  std::atomic<Deadline::Clock::time_point> used_at_{Deadline::Clock::now()};

  std::mutex mutex_;
  std::vector<Session> sessions_;      // by server; beyond the end: not used yet
  std::shared_ptr<PrivateView> view_;  // null: it has seen what all see
  std::set<std::size_t> own_list_changed_;
  bool closed_ = false;
  bool answers_ = true;  // the client may still answer questions
  std::uint64_t last_question_;
  std::unordered_map<std::string, Question> questions_;
};

// The sessions of all HTTP clients. Owned by App. Thread-safe.
class ClientSessions {
 public:
  explicit ClientSessions(ToolService& service);

  // Error: kOverloaded (as many as may be, all in use within the last minute), kInternal (no random
  // bits to be had).
  Result<std::shared_ptr<ClientSession>> Create(ClientProfile profile, Scope scope);

  // Where the id's seal says that another bridge has opened it, it is made here at once: with new
  // sessions with servers, as after a loss. Errors: kSessionNotFound (there is none of that id, or
  // it is over), and those of Create().
  Result<std::shared_ptr<ClientSession>> Find(std::string_view id);

  // Its client ends it; calls under way go on. One that another bridge has opened is over here.
  // Error: kSessionNotFound.
  std::optional<Error> End(std::string_view id);

  // Ends it; calls under way go on. False: there is none.
  bool Close(std::string_view id, std::string_view why);

  // Ends those that have been idle for too long, and forgets messages that are too old.
  void Sweep();
  // Ends all, and lets no new one begin.
  void CloseAll(std::string_view why);

  // A server's list has become another. Clients are told.
  void OnListChanged(std::size_t server, ListKind kind);

  // Other servers have come, or none, in the places of `retired`; of `concerned`, those among them,
  // callers see something else than before. Clients are told. On main's thread.
  void OnServersChanged(const std::vector<std::size_t>& retired,
                        const std::vector<std::size_t>& concerned);
  void SetLimits(const BridgeConfig::Limits& limits) { budget_.limit = limits.replay_bytes; }

  std::size_t size() const;

 private:
  // So that no two lanes wait for each other on the path of a call: by the id's random part.
  static constexpr std::size_t kShards = 16;
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<std::string, std::shared_ptr<ClientSession>> sessions;
  };

  Shard& ShardOf(std::string_view id);
  Result<std::shared_ptr<ClientSession>> Continue(std::string_view id);
  Result<std::shared_ptr<ClientSession>> Add(std::shared_ptr<ClientSession> session,
                                             std::string_view how);
  bool MakeRoom();
  void OnEndedElsewhere(std::string_view random);
  void OnClosed(ClientSession& session, std::string_view why);
  // Ends at most `most`, those first that haven't been used for longest. How many.
  std::size_t CloseIdleFor(std::chrono::milliseconds time, std::size_t most, std::string_view why);

  ToolService& service_;
  MessageLog::Budget budget_;
  const SessionSeals seals_;
  EndedSessions ended_;
  std::array<Shard, kShards> shards_;
  std::atomic<std::size_t> count_{0};
  std::atomic<bool> closed_{false};
  std::unique_ptr<SessionJournal> journal_;  // null: there is none. Its thread calls this
};

}  // namespace mcpbridge

#include "server/service/client_session.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "server/base/log.h"

namespace mcpbridge {
namespace {

// Sessions used within this time are never ended to make room.
constexpr std::chrono::minutes kInUse{1};
// Questions that a client owes answers to: beyond it, those outside of calls are refused.
constexpr std::size_t kMostQuestions = 64;
// Of a session's id: enough to tell it from others in a log, of no use to steal it.
constexpr std::size_t kShown = 6;

}  // namespace

std::string NewSessionId() {
  static constexpr char kHex[] = "0123456789abcdef";
  std::array<unsigned char, 16> bits;
  if (RAND_bytes(bits.data(), static_cast<int>(bits.size())) != 1) return {};
  std::string id;
  for (const unsigned char byte : bits) {
    id.push_back(kHex[byte >> 4]);
    id.push_back(kHex[byte & 0xf]);
  }
  return id;
}

ClientSession::ClientSession(std::string id, ClientProfile profile, Scope scope, UpstreamPool& pool,
                             const Config& config, MessageLog::Budget& budget)
    : id_(std::move(id)),
      profile_(std::move(profile)),
      scope_(std::move(scope)),
      pool_(pool),
      config_(config),
      messages_(budget),
      upstreams_(config.servers.size()) {}

Result<std::shared_ptr<Upstream>> ClientSession::SessionWith(std::size_t server) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<Upstream>& upstream = upstreams_[server];
  if (upstream != nullptr) return upstream;
  if (config_.servers[server].isolation == Isolation::kShared) {
    upstream = std::shared_ptr<Upstream>(std::shared_ptr<void>(), &pool_.upstream(server));
    return upstream;
  }
  auto made = pool_.NewSession(server, profile_, " (client " + id_.substr(0, kShown) + ")",
                               UpstreamPool::Whose::kOneClient, Ears(server));
  if (!made) return made.error();
  upstream = *std::move(made);
  return upstream;
}

// Weak: the session holds what it listens to.
Unsolicited ClientSession::Ears(std::size_t server) {
  return {.announce =
              [weak = weak_from_this(), server](jsonrpc::Message& message) {
                const auto self = weak.lock();
                if (self == nullptr) return;
                self->hear_ ? self->hear_(server, message)
                            : self->Announce(message.method, message.params);
              },
          .ask =
              [weak = weak_from_this()](jsonrpc::Message& question, Lane& home, Answer answer) {
                const auto self = weak.lock();
                return self != nullptr && self->Ask(home, question, std::move(answer));
              }};
}

void ClientSession::Announce(std::string_view method, std::string_view params) {
  // The first is about a question, by the server's id; the other about a request, by ours.
  if (method == "notifications/cancelled" || method == "notifications/progress") return;
  messages_.Add(0, jsonrpc::RequestMessage("", method, params));
}

void ClientSession::AnnounceOnce(std::string_view method) {
  messages_.AddUnlessWaiting(jsonrpc::RequestMessage("", method, ""));
}

bool ClientSession::Ask(Lane& lane, jsonrpc::Message& question, Answer answer) {
  if (!profile_.CanAnswer(question.method) || !messages_.HasReader(0)) return false;
  {
    const std::lock_guard lock(mutex_);
    if (questions_.size() >= kMostQuestions) return false;
  }
  const std::string id = AddQuestion(lane, question.id, std::move(answer));
  if (messages_.Add(0, jsonrpc::RequestMessage(id, question.method, question.params)).kept) {
    return true;
  }
  DropQuestion(id);
  return false;
}

void ClientSession::Notify(const std::string& notification) {
  std::vector<std::shared_ptr<Upstream>> own;
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < upstreams_.size(); ++i) {
      const bool is_own = config_.servers[i].isolation == Isolation::kSession;
      if (is_own && upstreams_[i] != nullptr) own.push_back(upstreams_[i]);
    }
  }
  for (const auto& upstream : own) upstream->Notify(notification);
}

std::string ClientSession::AddQuestion(Lane& lane, std::string_view server_id, Answer answer) {
  const std::lock_guard lock(mutex_);
  std::string id = std::to_string(++last_question_);
  questions_.emplace(id, Question{&lane, std::string(server_id), std::move(answer)});
  return id;
}

void ClientSession::DropQuestion(const std::string& id) {
  const std::lock_guard lock(mutex_);
  questions_.erase(id);
}

void ClientSession::TakeAnswer(const jsonrpc::Message& message) {
  std::unordered_map<std::string, Question>::node_type taken;
  {
    const std::lock_guard lock(mutex_);
    taken = questions_.extract(std::string(message.id));
  }
  if (taken.empty()) return;
  Question& question = taken.mapped();
  std::string response = message.kind == jsonrpc::Kind::kError
                             ? jsonrpc::RawErrorMessage(question.server_id, message.error)
                             : jsonrpc::ResultMessage(question.server_id, message.result);
  question.lane->Post([answer = std::move(question.answer),
                       response = std::move(response)]() mutable { answer(std::move(response)); });
}

ClientSessions::ClientSessions(const Config& config, UpstreamPool& pool)
    : config_(config), pool_(pool), budget_{.limit = config.bridge.limits.replay_bytes} {}

ClientSessions::Shard& ClientSessions::ShardOf(std::string_view id) {
  return shards_[id.empty() ? 0 : static_cast<unsigned char>(id.front()) % kShards];
}

Result<std::shared_ptr<ClientSession>> ClientSessions::Create(ClientProfile profile, Scope scope) {
  std::string id = NewSessionId();
  if (id.empty()) {
    return Error{.reason = Reason::kInternal, .message = "no random bits for a session's id"};
  }
  if (!MakeRoom()) {
    return Error{.reason = Reason::kOverloaded,
                 .message = "as many clients have sessions as may",
                 .metadata = {{"limit", "bridge.limits.sessions"}},
                 .retry_after = std::chrono::seconds(1)};
  }
  auto session = std::make_shared<ClientSession>(id, std::move(profile), std::move(scope), pool_,
                                                 config_, budget_);
  Shard& shard = ShardOf(id);
  const std::lock_guard lock(shard.mutex);
  if (closed_) {
    count_.fetch_sub(1);
    return Error{.reason = Reason::kShuttingDown,
                 .message = "the bridge is shutting down and takes no new sessions",
                 .retry_after = std::chrono::seconds(1)};
  }
  spdlog::info("client {}: session opened, protocol {}", id.substr(0, kShown),
               session->profile().version);
  shard.sessions.emplace(std::move(id), session);
  return session;
}

// Counts one more in, if need be in the place of idle ones.
bool ClientSessions::MakeRoom() {
  const auto limit = static_cast<std::size_t>(config_.bridge.limits.sessions);
  if (count_.fetch_add(1) < limit) return true;
  if (CloseIdleFor(kInUse, 1, "room was needed") > 0 && count_.load() <= limit) return true;
  count_.fetch_sub(1);
  return false;
}

std::shared_ptr<ClientSession> ClientSessions::Find(std::string_view id) {
  Shard& shard = ShardOf(id);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.sessions.find(std::string(id));
  if (found == shard.sessions.end()) return nullptr;
  found->second->Touch();
  return found->second;
}

bool ClientSessions::Close(std::string_view id, std::string_view why) {
  std::shared_ptr<ClientSession> closed;  // freed outside of the lock
  {
    Shard& shard = ShardOf(id);
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.sessions.find(std::string(id));
    if (found == shard.sessions.end()) return false;
    closed = std::move(found->second);
    shard.sessions.erase(found);
  }
  OnClosed(*closed, why);
  return true;
}

void ClientSessions::OnClosed(ClientSession& session, std::string_view why) {
  count_.fetch_sub(1);
  session.messages().Close();
  spdlog::info("client {}: session closed: {}", session.id().substr(0, kShown), why);
}

std::size_t ClientSessions::CloseIdleFor(std::chrono::milliseconds time, std::size_t most,
                                         std::string_view why) {
  const auto before = Deadline::Clock::now() - time;
  // More than the map holds it: a call is under way.
  const auto is_idle = [before](const std::shared_ptr<ClientSession>& session) {
    return session->used_at_.load() < before && session.use_count() == 1;
  };
  std::vector<std::pair<Deadline::Clock::time_point, std::string>> idle;
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (const auto& [id, session] : shard.sessions) {
      if (is_idle(session)) idle.emplace_back(session->used_at_.load(), id);
    }
  }
  std::sort(idle.begin(), idle.end());
  std::size_t closed = 0;
  for (std::size_t i = 0; i < idle.size() && closed < most; ++i) {
    const std::string& id = idle[i].second;
    std::shared_ptr<ClientSession> gone;  // freed outside of the lock
    Shard& shard = ShardOf(id);
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.sessions.find(id);
    if (found == shard.sessions.end() || !is_idle(found->second)) continue;
    gone = std::move(found->second);
    shard.sessions.erase(found);
    ++closed;
    OnClosed(*gone, why);
  }
  return closed;
}

void ClientSessions::Sweep() {
  CloseIdleFor(config_.bridge.session_idle, std::numeric_limits<std::size_t>::max(), "idle");
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (const auto& entry : shard.sessions) entry.second->messages().Prune();
  }
}

void ClientSessions::OnListChanged(std::size_t server, ListKind kind) {
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (const auto& [id, session] : shard.sessions) {
      if (session->scope().Contains(server)) session->AnnounceOnce(ListChangedMethod(kind));
    }
  }
}

void ClientSessions::CloseAll(std::string_view why) {
  closed_ = true;
  std::vector<std::string> all;
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (const auto& entry : shard.sessions) all.push_back(entry.first);
  }
  for (const std::string& id : all) Close(id, why);
}

std::size_t ClientSessions::size() const { return count_.load(); }

}  // namespace mcpbridge

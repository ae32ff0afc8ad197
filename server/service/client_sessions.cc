// All sessions of clients: how they are made, found and ended.
#include <algorithm>
#include <functional>
#include <limits>
#include <string_view>
#include <utility>

#include "server/base/log.h"
#include "server/service/client_session.h"
#include "server/service/tool_service.h"

namespace mcpbridge {
namespace {

// Sessions used within this time are never ended to make room.
constexpr std::chrono::minutes kInUse{1};

Error NotFound() {
  return Error{.reason = Reason::kSessionNotFound,
               .message = "Session not found: Mcp-Session-Id names none, or one that is over"};
}

}  // namespace

ClientSessions::ClientSessions(ToolService& service)
    : service_(service),
      budget_{.limit = service.config().bridge.limits.replay_bytes},
      seals_(service.config().bridge) {
  const BridgeConfig& bridge = service.config().bridge;
  if (!bridge.session_store) return;
  journal_ = std::make_unique<SessionJournal>(
      *bridge.session_store, SessionJournal::Options{.space = seals_.Space(),
                                                     .ended_age = bridge.session_max_age,
                                                     .said_age = MessageLog::kMaxAge,
                                                     .most_bytes = bridge.limits.replay_bytes,
                                                     .on_ended = [this](std::string_view random) {
                                                       OnEndedElsewhere(random);
                                                     }});
}

ClientSessions::Shard& ClientSessions::ShardOf(std::string_view id) {
  return shards_[std::hash<std::string_view>()(RandomPartOf(id)) % kShards];
}

Result<std::shared_ptr<ClientSession>> ClientSessions::Create(ClientProfile profile, Scope scope) {
  std::string id = NewSessionId();
  if (id.empty()) {
    return Error{.reason = Reason::kInternal, .message = "no random bits for a session's id"};
  }
  id = seals_.Seal(service_.config(), id, profile, scope);
  auto session = std::make_shared<ClientSession>(std::move(id), std::move(profile),
                                                 std::move(scope), service_, budget_);
  if (journal_ != nullptr && session->is_sealed()) session->ShareWith(*journal_);
  return Add(std::move(session), "opened");
}

// What it numbers begins behind all that any bridge has numbered for it: with the time in
// microseconds, which stays below 2^53 until the year 2255.
Result<std::shared_ptr<ClientSession>> ClientSessions::Continue(std::string_view id) {
  auto client = seals_.Open(service_.config(), id);
  if (!client) return NotFound();
  const auto time = std::chrono::duration_cast<std::chrono::microseconds>(
      SessionSeals::Clock::now().time_since_epoch());
  auto made = std::make_shared<ClientSession>(std::string(id), std::move(client->profile),
                                              std::move(client->scope), service_, budget_,
                                              static_cast<std::uint64_t>(time.count()));
  if (journal_ != nullptr) made->ShareWith(*journal_);
  auto session = Add(made, "taken over");
  if (session && *session == made) made->AnnounceLists();
  return session;
}

// The one of the same id that is there already, if there is.
Result<std::shared_ptr<ClientSession>> ClientSessions::Add(std::shared_ptr<ClientSession> session,
                                                           std::string_view how) {
  if (!MakeRoom()) {
    return Error{.reason = Reason::kOverloaded,
                 .message = "as many clients have sessions as may",
                 .metadata = {{"limit", "bridge.limits.sessions"}},
                 .retry_after = std::chrono::seconds(1)};
  }
  Shard& shard = ShardOf(session->id());
  const std::lock_guard lock(shard.mutex);
  if (closed_) {
    count_.fetch_sub(1);
    return Error{.reason = Reason::kShuttingDown,
                 .message = "the bridge is shutting down and takes no new sessions",
                 .retry_after = std::chrono::seconds(1)};
  }
  if (ended_.Has(session->id())) {
    count_.fetch_sub(1);
    return NotFound();
  }
  const auto [at, is_new] = shard.sessions.emplace(session->id(), session);
  if (!is_new) {
    count_.fetch_sub(1);
    at->second->Touch();
    return at->second;
  }
  spdlog::info("client {}: session {}, protocol {}", session->id().substr(0, ClientSession::kShown),
               how, session->profile().version);
  return session;
}

// Counts one more in, if need be in the place of idle ones.
bool ClientSessions::MakeRoom() {
  const auto limit = static_cast<std::size_t>(service_.config().bridge.limits.sessions);
  if (count_.fetch_add(1) < limit) return true;
  if (CloseIdleFor(kInUse, 1, "room was needed") > 0 && count_.load() <= limit) return true;
  count_.fetch_sub(1);
  return false;
}

Result<std::shared_ptr<ClientSession>> ClientSessions::Find(std::string_view id) {
  {
    Shard& shard = ShardOf(id);
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.sessions.find(std::string(id));
    if (found != shard.sessions.end()) {
      found->second->Touch();
      return found->second;
    }
  }
  return Continue(id);
}

// It is noted first: whoever goes on with it at the same time finds either the note, or is found.
std::optional<Error> ClientSessions::End(std::string_view id) {
  const bool ends = seals_.Open(service_.config(), id).has_value() && ended_.Add(id);
  if (ends && journal_ != nullptr) journal_->AddEnded(RandomPartOf(id));
  if (Close(id, "by the client") || ends) return std::nullopt;
  return NotFound();
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
  session.Close();
  spdlog::info("client {}: session closed: {}", session.id().substr(0, ClientSession::kShown), why);
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
  CloseIdleFor(service_.config().bridge.session_idle, std::numeric_limits<std::size_t>::max(),
               "idle");
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (const auto& entry : shard.sessions) entry.second->messages().Prune();
  }
}

void ClientSessions::OnListChanged(std::size_t server, ListKind kind) {
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (const auto& [id, session] : shard.sessions) {
      if (!session->scope().Contains(server)) continue;
      session->Outdate(server);
      session->AnnounceOnce(ListChangedMethod(kind));
    }
  }
}

void ClientSessions::OnServersChanged(const std::vector<std::size_t>& retired,
                                      const std::vector<std::size_t>& concerned) {
  std::vector<std::shared_ptr<ClientSession>> all;
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (const auto& [id, session] : shard.sessions) all.push_back(session);
  }
  for (const auto& session : all) {
    session->OnServersChanged(retired);
    const bool is_told = std::any_of(concerned.begin(), concerned.end(), [&](std::size_t server) {
      return session->scope().Contains(server);
    });
    if (!is_told) continue;
    for (const ListKind kind : {ListKind::kTools, ListKind::kResources, ListKind::kPrompts}) {
      session->AnnounceOnce(ListChangedMethod(kind));
    }
  }
}

void ClientSessions::CloseAll(std::string_view why) {
  closed_ = true;
  if (journal_ != nullptr) journal_->Stop();
  std::vector<std::string> all;
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (const auto& entry : shard.sessions) all.push_back(entry.first);
  }
  for (const std::string& id : all) Close(id, why);
}

std::size_t ClientSessions::size() const { return count_.load(); }

}  // namespace mcpbridge

#include "server/service/client_session.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "server/base/log.h"
#include "server/mcp/json_members.h"
#include "server/mcp/tasks.h"
#include "server/routing/task_route.h"
#include "server/service/tool_service.h"

namespace mcpbridge {
namespace {

// Sessions used within this time are never ended to make room.
constexpr std::chrono::minutes kInUse{1};
// Questions that a client owes answers to: beyond it, those outside of calls are refused.
constexpr std::size_t kMostQuestions = 64;
// Of a session's id: enough to tell it from others in a log, of no use to steal it.
constexpr std::size_t kShown = 6;

Error NotFound() {
  return Error{.reason = Reason::kSessionNotFound,
               .message = "Session not found: Mcp-Session-Id names none, or one that is over"};
}

Error SessionIsOver() {
  return Error{.reason = Reason::kSessionNotFound, .message = "the client's session is over"};
}

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

ClientSession::ClientSession(std::string id, ClientProfile profile, Scope scope,
                             ToolService& service, MessageLog::Budget& budget, std::uint64_t first)
    : id_(std::move(id)),
      profile_(std::move(profile)),
      scope_(std::move(scope)),
      service_(service),
      pool_(service.pool()),
      messages_(budget, first),
      last_question_(first) {}

const Config& ClientSession::config() const { return service_.config(); }

ClientSession::Session& ClientSession::PlaceOf(std::size_t server) {
  if (sessions_.size() <= server) sessions_.resize(server + 1);
  return sessions_[server];
}

Result<std::shared_ptr<Upstream>> ClientSession::SessionWith(
    const std::shared_ptr<Server>& server) {
  std::shared_ptr<Upstream> gone;  // let go of outside of the lock
  const std::lock_guard lock(mutex_);
  Session& session = PlaceOf(server->index());
  if (session.upstream != nullptr && session.number == server->number()) return session.upstream;
  auto made = Open(server, {});
  if (!made || server->retired()) return made;
  gone = std::move(session.upstream);
  session = {.number = server->number(), .upstream = *std::move(made)};
  return session.upstream;
}

Result<std::shared_ptr<Upstream>> ClientSession::Open(const std::shared_ptr<Server>& server,
                                                      const std::vector<std::string>& subscribed) {
  if (server->config().isolation == Isolation::kShared) {
    // Whoever uses it holds the server otherwise.
    return std::shared_ptr<Upstream>(std::shared_ptr<void>(), &server->upstream());
  }
  Unsolicited ears = Ears(server->index());
  // Whoever answers late may find another server in the place of the one that has asked.
  ears.ask = [weak = weak_from_this(), index = server->index(), number = server->number()](
                 jsonrpc::Message& question, Lane& home, Answer answer) {
    const auto self = weak.lock();
    if (self == nullptr) return false;
    std::weak_ptr<Upstream> session;
    {
      const std::lock_guard lock(self->mutex_);
      const Session& at = self->PlaceOf(index);
      if (at.upstream == nullptr || at.number != number) return false;
      session = at.upstream;
    }
    return self->Ask(index, home, question,
                     [session, answer = std::move(answer)](std::string response) {
                       if (const auto open = session.lock()) answer(std::move(response));
                     });
  };
  return pool_.NewSession(server, profile_, " (client " + id_.substr(0, kShown) + ")",
                          UpstreamPool::Whose::kOneClient, std::move(ears), subscribed);
}

void ClientSession::OnServersChanged(const std::vector<std::size_t>& servers) {
  std::vector<std::shared_ptr<Upstream>> gone;  // let go of outside of the lock
  std::shared_ptr<PrivateView> view;
  const std::lock_guard lock(mutex_);
  for (const std::size_t server : servers) {
    own_list_changed_.erase(server);
    const std::shared_ptr<Server>& now = pool_.At(server);
    Session& session = PlaceOf(server);
    if (session.upstream == nullptr || (now != nullptr && session.number == now->number()))
      continue;
    std::erase_if(questions_, [&](const auto& one) { return one.second.server == server; });
    // One that all share may be gone by now: only what is its own is held here.
    const bool is_own = session.upstream.use_count() > 0;
    const auto subscribed = is_own ? session.upstream->subscribed() : std::vector<std::string>();
    gone.push_back(std::move(session.upstream));
    session = {};
    if (subscribed.empty() || now == nullptr) continue;
    if (auto made = Open(now, subscribed)) {
      session = {.number = now->number(), .upstream = *std::move(made)};
    }
  }
  view = view_;
  if (view == nullptr) return;
  for (const std::size_t server : servers) view->Forget(server);
}

// Weak: the session holds what it listens to.
Unsolicited ClientSession::Ears(std::size_t server) {
  return {
      .announce =
          [weak = weak_from_this(), server](jsonrpc::Message& message) {
            const auto self = weak.lock();
            if (self == nullptr) return;
            self->hear_ ? self->hear_(server, message) : self->OnSaid(server, message);
          },
  };
}

void ClientSession::OnSaid(std::size_t server, jsonrpc::Message& message) {
  if (message.method != "notifications/cancelled") {
    if (IsListChanged(message.method)) OnOwnListChanged(server);
    return Announce(server, message);
  }
  if (auto withdrawn = Withdraw(message.params, AskedOutsideOfCalls(server))) {
    messages_.Add(0, *std::move(withdrawn));
  }
}

// Its own session may differ where the server has one for each client and knows it as one that can
// be asked, or has said there that something is another.
bool ClientSession::HasListsOfItsOwn(std::size_t server) {
  const ServerConfig& entry = config().servers[server];
  if (entry.absent || entry.isolation != Isolation::kSession || pool_.IsModernOnly(server)) {
    return false;
  }
  const bool can_be_asked = profile_.can_sample || profile_.can_elicit || profile_.has_roots;
  const std::lock_guard lock(mutex_);
  if (own_list_changed_.contains(server)) return true;
  // No process is started for a list where it may never be called.
  const bool may_open = entry.transport != TransportKind::kStdio ||
                        PlaceOf(server).upstream != nullptr || scope_.Only(config());
  return can_be_asked && may_open;
}

std::shared_ptr<CatalogueView> ClientSession::View() {
  bool differs = false;
  for (const std::size_t server : scope_.Servers(config())) {
    differs = differs || HasListsOfItsOwn(server);
  }
  if (!differs) return nullptr;
  const std::lock_guard lock(mutex_);
  if (view_ == nullptr && !closed_) {
    view_ =
        service_.MakeView({.session = [weak = weak_from_this()](
                                          std::size_t server) -> Result<std::shared_ptr<Upstream>> {
                             const auto self = weak.lock();
                             if (self == nullptr) return SessionIsOver();
                             const std::shared_ptr<Server>& at = self->pool_.At(server);
                             if (at != nullptr) return self->SessionWith(at);
                             return *CheckPresent(self->config(), server);
                           },
                           .may_differ =
                               [weak = weak_from_this()](std::size_t server) {
                                 const auto self = weak.lock();
                                 return self != nullptr && self->HasListsOfItsOwn(server);
                               }});
  }
  return view_;
}

void ClientSession::OnOwnListChanged(std::size_t server) {
  {
    const std::lock_guard lock(mutex_);
    own_list_changed_.insert(server);
  }
  Outdate(server);
}

void ClientSession::Outdate(std::size_t server) {
  std::shared_ptr<PrivateView> view;
  {
    const std::lock_guard lock(mutex_);
    view = view_;
  }
  if (view != nullptr) view->Outdate(server);
}

void ClientSession::Close() {
  messages_.Close();
  std::shared_ptr<PrivateView> view;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    view = std::move(view_);
  }
  if (view != nullptr) view->Stop(SessionIsOver());
}

bool ClientSession::CanBeAsked(std::string_view method) const {
  return profile_.CanAnswer(method) && (method != "tasks/list" || scope_.Only(config()));
}

void ClientSession::Announce(std::size_t server, jsonrpc::Message& message) {
  std::string params(message.params);
  if (message.method == "notifications/progress") {
    const std::string_view token = ProgressTokenOf(message);
    const std::string callers = CallersToken(token);
    if (callers.empty()) return;  // of a request, by our id
    params.replace(static_cast<std::size_t>(token.data() - message.params.data()), token.size(),
                   callers);
  }
  params = WithTaskPrefix(TaskPrefixOf(config(), scope_, server), TaskPlaceInParams(message.method),
                          std::move(params));
  messages_.Add(0, jsonrpc::RequestMessage("", message.method, params));
}

void ClientSession::AnnounceOnce(std::string_view method) {
  messages_.AddUnlessWaiting(jsonrpc::RequestMessage("", method, ""));
}

bool ClientSession::Ask(std::size_t server, Lane& lane, jsonrpc::Message& question, Answer answer) {
  if (!CanBeAsked(question.method) || !messages_.HasReader(0)) return false;
  {
    const std::lock_guard lock(mutex_);
    if (questions_.size() >= kMostQuestions) return false;
  }
  const std::string prefix = TaskPrefixOf(config(), scope_, server);
  const std::string id = AddQuestion(
      lane, question.id,
      [prefix, answer = std::move(answer)](std::string response) {
        answer(WithoutTaskPrefix(prefix, std::move(response)));
      },
      server);
  if (id.empty()) return false;
  const std::string params =
      WithTaskPrefix(prefix, TaskPlaceInParams(question.method), std::string(question.params));
  if (messages_.Add(0, jsonrpc::RequestMessage(id, question.method, params)).kept) {
    return true;
  }
  DropQuestion(id);
  return false;
}

void ClientSession::Notify(const std::string& notification) {
  std::vector<std::shared_ptr<Upstream>> own;
  {
    const std::lock_guard lock(mutex_);
    for (const Session& session : sessions_) {
      // Not one that all share, which isn't held here.
      if (session.upstream.use_count() > 0) own.push_back(session.upstream);
    }
  }
  for (const auto& upstream : own) upstream->Notify(notification);
}

std::string ClientSession::AddQuestion(Lane& lane, std::string_view server_id, Answer answer,
                                       std::optional<std::size_t> server) {
  const std::lock_guard lock(mutex_);
  if (!answers_) return {};
  std::string id = std::to_string(++last_question_);
  questions_.emplace(id, Question{&lane, std::string(server_id), std::move(answer), server});
  return id;
}

void ClientSession::DropQuestion(const std::string& id) {
  const std::lock_guard lock(mutex_);
  questions_.erase(id);
}

std::vector<std::string> ClientSession::AskedOutsideOfCalls(std::size_t server) {
  std::vector<std::string> asked;
  const std::lock_guard lock(mutex_);
  for (const auto& [id, question] : questions_) {
    if (question.server == server) asked.push_back(id);
  }
  return asked;
}

std::optional<std::string> ClientSession::Withdraw(std::string_view params,
                                                   std::span<const std::string> asked) {
  auto members = JsonMembers::Read(params);
  const auto server_id = members ? members->Get("requestId") : std::nullopt;
  if (!server_id) return std::nullopt;
  const std::lock_guard lock(mutex_);
  for (const std::string& id : asked) {
    const auto question = questions_.find(id);
    if (question == questions_.end() || question->second.server_id != *server_id) continue;
    questions_.erase(question);
    members->Set("requestId", id);
    return jsonrpc::RequestMessage("", "notifications/cancelled", members->text());
  }
  return std::nullopt;
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

void ClientSession::RefuseQuestions() {
  std::unordered_map<std::string, Question> open;
  {
    const std::lock_guard lock(mutex_);
    answers_ = false;
    open.swap(questions_);
  }
  const Error refusal{.reason = Reason::kCancelled,
                      .message = "the client has said all that it had to say, and won't answer"};
  for (auto& [id, question] : open) {
    question.lane->Post([answer = std::move(question.answer),
                         response = jsonrpc::ErrorMessage(question.server_id, refusal)]() mutable {
      answer(std::move(response));
    });
  }
}

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
  return shards_[id.empty() ? 0 : static_cast<unsigned char>(id.front()) % kShards];
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
  spdlog::info("client {}: session {}, protocol {}", session->id().substr(0, kShown), how,
               session->profile().version);
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

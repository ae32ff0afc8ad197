#include "server/service/client_session.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <utility>

#include "server/base/log.h"
#include "server/mcp/json_members.h"
#include "server/mcp/tasks.h"
#include "server/routing/task_route.h"
#include "server/service/tool_service.h"

namespace mcpbridge {
namespace {

// Questions that a client owes answers to: beyond it, those outside of calls are refused.
constexpr std::size_t kMostQuestions = 64;

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
  RefuseQuestions();  // an answer finds it no more
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
  const Error refusal{.reason = Reason::kCancelled, .message = "the client won't answer any more"};
  for (auto& [id, question] : open) {
    question.lane->Post([answer = std::move(question.answer),
                         response = jsonrpc::ErrorMessage(question.server_id, refusal)]() mutable {
      answer(std::move(response));
    });
  }
}

}  // namespace mcpbridge

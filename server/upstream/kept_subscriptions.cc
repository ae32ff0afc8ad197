#include "server/upstream/kept_subscriptions.h"

#include <algorithm>

#include "server/base/log.h"
#include "server/mcp/subscriptions.h"

namespace mcpbridge {
namespace {

// A subscription, or its end, on its way: what the server says to it is noted.
class KeepingExchange final : public Exchange, private ReplyHandler {
 public:
  KeepingExchange(std::shared_ptr<KeptSubscriptions> kept, const UpstreamRequest& request,
                  ReplyHandler& handler)
      : kept_(std::move(kept)),
        uri_(UriOf(request.params)),
        subscribes_(request.method == kSubscribeMethod),
        handler_(handler) {}

  // An error: nothing was sent, the handler isn't called.
  std::optional<Error> Begin(Upstream& session, Lane& lane, UpstreamRequest request) {
    if (subscribes_ && !kept_->MayKeep(uri_)) {
      return Error{.reason = Reason::kOverloaded,
                   .message = "a client may subscribe to " + std::to_string(kMaxWatchedUris) +
                              " resources of a server",
                   .metadata = {{"server", session.config().name}}};
    }
    ReplyHandler& self = *this;
    auto sent = session.Send(lane, std::move(request), self);
    if (!sent) return std::move(sent).error();
    inner_ = *std::move(sent);
    return std::nullopt;
  }

  void Answer(std::string response) override { inner_->Answer(std::move(response)); }

 private:
  void OnNotification(jsonrpc::Message& message) override { handler_.OnNotification(message); }
  bool OnRequest(jsonrpc::Message& message) override { return handler_.OnRequest(message); }
  void OnBrokenOff(std::chrono::milliseconds retry) override { handler_.OnBrokenOff(retry); }
  void OnConnected(Deadline::Clock::time_point at) override { handler_.OnConnected(at); }
  void OnReply(Result<jsonrpc::Message> message) override {
    if (message && message->kind == jsonrpc::Kind::kResult) {
      subscribes_ ? kept_->Keep(uri_) : kept_->Forget(uri_);
    }
    handler_.OnReply(std::move(message));  // this may be gone now
  }

  const std::shared_ptr<KeptSubscriptions> kept_;
  const std::string uri_;
  const bool subscribes_;
  ReplyHandler& handler_;
  std::unique_ptr<Exchange> inner_;
};

}  // namespace

KeptSubscriptions::KeptSubscriptions(const ServerEra& era, Lane& home,
                                     std::function<void(jsonrpc::Message&)> announce)
    : era_(era), home_(home), announce_(std::move(announce)) {}

KeptSubscriptions::~KeptSubscriptions() = default;

bool KeptSubscriptions::MayKeep(const std::string& uri) const {
  const std::lock_guard lock(mutex_);
  return uris_.size() < kMaxWatchedUris || uris_.contains(uri);
}

void KeptSubscriptions::Keep(const std::string& uri) {
  const std::lock_guard lock(mutex_);
  uris_.insert(uri);
  count_ = uris_.size();
}

void KeptSubscriptions::Forget(const std::string& uri) {
  const std::lock_guard lock(mutex_);
  uris_.erase(uri);
  count_ = uris_.size();
}

std::vector<std::string> KeptSubscriptions::All() const {
  const std::lock_guard lock(mutex_);
  return {uris_.begin(), uris_.end()};
}

void KeptSubscriptions::Adopt(const std::vector<std::string>& uris) {
  {
    const std::lock_guard lock(mutex_);
    uris_.insert(uris.begin(), uris.end());
    count_ = uris_.size();
  }
  OnOpened();
}

// Later: the session may still be in the middle of it.
void KeptSubscriptions::OnOpened() {
  if (count_.load() == 0) return;
  home_.Post([self = shared_from_this()] {
    if (self->stopped_) return;
    self->Disarm();
    self->exchange_.reset();
    const std::lock_guard lock(self->mutex_);
    self->todo_.assign(self->uris_.begin(), self->uris_.end());
    self->home_.Post([self] {
      if (!self->stopped_ && self->exchange_ == nullptr && !self->armed()) self->Send();
    });
  });
}

void KeptSubscriptions::Send() {
  {
    const std::lock_guard lock(mutex_);  // some may have been ended meanwhile
    while (!todo_.empty() && !uris_.contains(todo_.front())) todo_.pop_front();
  }
  if (todo_.empty() || stopped_) return;
  const auto time = session_->config().timeout;
  ReplyHandler& self = *this;
  auto sent =
      session_->Send(home_,
                     UpstreamRequest{.method = std::string(kSubscribeMethod),
                                     .params = "{\"uri\":" + jsonrpc::Quote(todo_.front()) + "}",
                                     .deadline = Deadline::After(time),
                                     .takes_messages = false},
                     self);
  if (!sent) return TryAgain();
  exchange_ = *std::move(sent);
  home_.deadlines().Arm(*this, Deadline::After(time));
}

// The session may be lost again: then it comes here anew once the next one is open.
void KeptSubscriptions::TryAgain() {
  Disarm();
  home_.deadlines().Arm(*this, Deadline::After(backoff_.Next()));
}

void KeptSubscriptions::OnDeadline() {
  if (std::exchange(exchange_, nullptr) == nullptr) return Send();
  spdlog::warn("upstream {}: no answer to a subscription that was made again",
               session_->config().name);
  std::rotate(todo_.begin(), todo_.begin() + 1, todo_.end());  // the others go first
  TryAgain();
}

void KeptSubscriptions::OnReply(Result<jsonrpc::Message> message) {
  Disarm();
  exchange_.reset();
  if (!message) return TryAgain();
  backoff_.Reset();
  const std::string uri = std::move(todo_.front());
  todo_.pop_front();
  if (message->kind == jsonrpc::Kind::kResult) {
    Announce(uri);
  } else {
    spdlog::warn("upstream {}: a client's subscription was refused when it was made again: {}",
                 session_->config().name, jsonrpc::UpstreamErrorOf(message->error).message);
    Forget(uri);
  }
  Send();
}

void KeptSubscriptions::Announce(const std::string& uri) {
  jsonrpc::Text text(
      jsonrpc::RequestMessage("", kResourceUpdated, "{\"uri\":" + jsonrpc::Quote(uri) + "}"));
  jsonrpc::Parser parser;
  Result<jsonrpc::Message> message = jsonrpc::Parse(parser, text);
  if (message) announce_(*message);
}

void KeptSubscriptions::Stop() {
  home_.Post([self = shared_from_this()] {
    self->stopped_ = true;
    self->Disarm();
    self->exchange_.reset();
  });
}

SubscribingSession::SubscribingSession(std::unique_ptr<Upstream> session,
                                       std::shared_ptr<KeptSubscriptions> kept)
    : Upstream(session->config()), session_(std::move(session)), kept_(std::move(kept)) {
  kept_->SetSession(*session_);
}

SubscribingSession::~SubscribingSession() = default;

Result<std::unique_ptr<Exchange>> SubscribingSession::Send(Lane& lane, UpstreamRequest request,
                                                           ReplyHandler& handler) {
  if (request.method != kSubscribeMethod && request.method != kUnsubscribeMethod) {
    return session_->Send(lane, std::move(request), handler);
  }
  auto exchange = std::make_unique<KeepingExchange>(kept_, request, handler);
  if (auto error = exchange->Begin(*session_, lane, std::move(request))) return *std::move(error);
  return exchange;
}

void SubscribingSession::Stop(std::string why, std::function<void()> done) {
  kept_->Stop();
  session_->Stop(std::move(why), std::move(done));
}

}  // namespace mcpbridge

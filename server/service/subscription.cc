#include "server/service/subscription.h"

#include <algorithm>
#include <chrono>

#include "server/mcp/initialize.h"

namespace mcpbridge {
namespace {

// From a subscription's beginning to its acknowledgement.
constexpr std::chrono::seconds kBeginTime{10};
// Resources that are subscribed to at a time.
constexpr std::size_t kAtATime = 8;

// Headers that ToolService::Forwardable() has picked already.
class PickedHeaders final : public CallerHeaders {
 public:
  explicit PickedHeaders(const Headers& picked) : picked_(picked) {}
  std::optional<std::string_view> Get(std::string_view name) const override {
    const auto found = std::find_if(picked_.begin(), picked_.end(),
                                    [&](const auto& header) { return header.first == name; });
    if (found != picked_.end()) return found->second;
    // So `authorization`, which is among them only if it wasn't our key, isn't taken for it.
    if (name == "x-litellm-api-key") return std::string_view();
    return std::nullopt;
  }

 private:
  const Headers& picked_;
};

// As whom the bridge listens: it can't be asked anything.
ClientProfile Listener() {
  return {.version = std::string(kNewestLegacyVersion),
          .capabilities = "{}",
          .client_info = BridgeInfo()};
}

SubscriptionEvent::Kind KindOf(ListKind list) {
  switch (list) {
    case ListKind::kTools:
      return SubscriptionEvent::Kind::kTools;
    case ListKind::kPrompts:
      return SubscriptionEvent::Kind::kPrompts;
    case ListKind::kResources:
    case ListKind::kTemplates:
      break;
  }
  return SubscriptionEvent::Kind::kResources;
}

bool SaysTheSame(const SubscriptionEvent& a, const SubscriptionEvent& b) {
  return a.kind == b.kind && a.server == b.server && a.uri == b.uri;
}

std::size_t BytesOf(const SubscriptionEvent& event) {
  return sizeof(event) + event.uri.size() + event.params.size();
}

}  // namespace

// One resource that is subscribed to.
class Subscription::Watch final : private RoutedCall::Handler {
 public:
  Watch(Subscription& owner, std::string uri) : uri_(std::move(uri)), owner_(owner) {}

  const std::string& uri() const { return uri_; }
  std::size_t server() const { return call_->server(); }
  // nullopt: it is watched.
  const std::optional<Error>& failure() const { return failure_; }

  void Start() {
    call_.emplace(owner_.service_, owner_.lane_, static_cast<RoutedCall::Handler&>(*this));
    Result<CallParams> params =
        MakeCallParams(CallMethod::kSubscribe, {{"uri", jsonrpc::Quote(uri_)}});
    if (!params) return End(std::move(params).error());
    PickedHeaders headers(owner_.forwarded_);
    auto error = call_->Start(CallRequest{.scope = owner_.scope_,
                                          .params = *std::move(params),
                                          .deadline = owner_.begin_by_,
                                          .headers = headers,
                                          .session = owner_.session_});
    if (error) End(std::move(error));
  }

 private:
  void End(std::optional<Error> failure) {
    failure_ = std::move(failure);
    owner_.OnWatchEnd();
  }
  // Some servers say it in the course of what they were asked just then.
  void OnCallNotification(std::string_view method, std::string params) override {
    if (method == kResourceUpdated) owner_.OnUpdated(call_->server(), std::move(params));
  }
  void OnCallEnd(Result<jsonrpc::Message> message) override {
    std::optional<Error> failure;
    if (!message) {
      failure = std::move(message).error();
    } else if (message->kind == jsonrpc::Kind::kError) {
      failure = jsonrpc::UpstreamErrorOf(message->error);
    }
    End(std::move(failure));
  }

  const std::string uri_;
  Subscription& owner_;
  std::optional<RoutedCall> call_;
  std::optional<Error> failure_;
};

Subscription::Subscription(ToolService& service, Lane& lane, Handler& handler)
    : service_(service), lane_(lane), handler_(handler) {}

Subscription::~Subscription() {
  alive_->subscription = nullptr;
  if (number_ != 0) service_.subscriptions().Remove(number_);
}

std::optional<Error> Subscription::Start(Scope scope, ListenFor wanted, Headers forwarded) {
  scope_ = std::move(scope);
  wanted_ = std::move(wanted);
  forwarded_ = std::move(forwarded);
  begin_by_ = Deadline::After(kBeginTime);
  number_ = service_.subscriptions().Add({.lane = &lane_,
                                          .scope = scope_,
                                          .list_changed =
                                              [alive = alive_](std::size_t server, ListKind kind) {
                                                if (alive->subscription != nullptr)
                                                  alive->subscription->OnListChanged(server, kind);
                                              },
                                          .bridge_stops =
                                              [alive = alive_] {
                                                if (alive->subscription != nullptr)
                                                  alive->subscription->handler_.OnBridgeStops();
                                              },
                                          .servers_changed =
                                              [alive = alive_](const auto& servers) {
                                                if (alive->subscription == nullptr) return;
                                                const auto& session = alive->subscription->session_;
                                                if (session != nullptr)
                                                  session->OnServersChanged(servers);
                                              }});
  if (number_ == 0) return Subscriptions::Stopping();
  accepted_ = {.tools = wanted_.tools, .prompts = wanted_.prompts, .resources = wanted_.resources};
  if (!wanted_.uris.empty()) {
    session_ = std::make_shared<ClientSession>("listen", Listener(), scope_, service_,
                                               service_.subscriptions().no_budget());
    session_->HearWith([&lane = lane_, alive = alive_](std::size_t server, auto& message) {
      if (message.method != kResourceUpdated) return;
      lane.Post([alive, server, params = std::string(message.params)]() mutable {
        if (alive->subscription != nullptr) {
          alive->subscription->OnUpdated(server, std::move(params));
        }
      });
    });
    for (std::string& uri : wanted_.uris) {
      watches_.push_back(std::make_unique<Watch>(*this, std::move(uri)));
    }
  }
  lane_.Post([alive = alive_] {
    if (alive->subscription != nullptr) alive->subscription->WatchMore();
  });
  return std::nullopt;
}

// A watch may end at once.
void Subscription::WatchMore() {
  while (begun_ < watches_.size() && under_way_ < kAtATime) {
    ++under_way_;
    watches_[begun_++]->Start();
  }
  if (begun_ == watches_.size() && under_way_ == 0 && !subscribed_) Finish();
}

void Subscription::OnWatchEnd() {
  --under_way_;
  // Not from within the watch, nor from WatchMore() itself.
  lane_.Post([alive = alive_] {
    if (alive->subscription != nullptr) alive->subscription->WatchMore();
  });
}

void Subscription::CountUp() {
  for (const auto& watch : watches_) {
    if (watch->failure()) {
      refused_.emplace_back(watch->uri(), *watch->failure());
    } else {
      watched_.push_back({.uri = watch->uri(), .server = watch->server()});
      accepted_.uris.push_back(watch->uri());
    }
  }
  watches_.clear();
}

void Subscription::Finish() {
  subscribed_ = true;
  CountUp();
  const std::shared_ptr<Alive> alive = alive_;
  handler_.OnSubscribed();
  if (alive->subscription != nullptr && !events_.empty()) handler_.OnEvent();
}

void Subscription::OnListChanged(std::size_t server, ListKind kind) {
  const SubscriptionEvent::Kind what = KindOf(kind);
  const bool is_wanted = (what == SubscriptionEvent::Kind::kTools && wanted_.tools) ||
                         (what == SubscriptionEvent::Kind::kPrompts && wanted_.prompts) ||
                         (what == SubscriptionEvent::Kind::kResources && wanted_.resources);
  if (is_wanted) Push({.kind = what, .server = server});
}

void Subscription::OnUpdated(std::size_t server, std::string params) {
  std::string uri = UriOf(params);
  if (!uri.empty()) {
    Push({.server = server, .uri = std::move(uri), .params = std::move(params)});
  }
}

// What waits already isn't said twice: the newer takes the place of the older.
void Subscription::Push(SubscriptionEvent event) {
  const std::size_t bytes = BytesOf(event);
  const auto same = std::find_if(events_.begin(), events_.end(),
                                 [&](const auto& waiting) { return SaysTheSame(waiting, event); });
  const std::size_t others = same == events_.end() ? bytes_ : bytes_ - BytesOf(*same);
  if (!events_.empty() && others + bytes > kMaxBytes) {
    const bool first = dropped_++ == 0;
    if (first && subscribed_) handler_.OnEvent();
    return;
  }
  bytes_ = others + bytes;
  if (same != events_.end()) {
    same->params = std::move(event.params);
    return;
  }
  events_.push_back(std::move(event));
  if (subscribed_ && events_.size() == 1) handler_.OnEvent();
}

std::optional<SubscriptionEvent> Subscription::Next() {
  if (events_.empty()) return std::nullopt;
  SubscriptionEvent event = std::move(events_.front());
  events_.pop_front();
  bytes_ -= BytesOf(event);
  return event;
}

}  // namespace mcpbridge

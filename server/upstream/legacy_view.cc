#include "server/upstream/legacy_view.h"

#include <utility>

#include "server/mcp/header_value.h"
#include "server/mcp/json_members.h"
#include "server/mcp/modern.h"
#include "server/mcp/modern_meta.h"
#include "server/mcp/tasks.h"
#include "server/upstream/translated_exchange.h"

namespace mcpbridge {
namespace {

// A request that is answered here.
class AnsweredExchange final : public Exchange {
 public:
  explicit AnsweredExchange(ReplyHandler& handler)
      : handler_(std::make_shared<ReplyHandler*>(&handler)) {}
  ~AnsweredExchange() override { *handler_ = nullptr; }
  void Answer(std::string) override {}

  // Answers it from `lane`, which is its caller's, once it is called: with {}, or the error. Any
  // thread.
  std::function<void(std::optional<Error>)> Answerer(Lane& lane) const {
    return [&lane, handler = handler_](std::optional<Error> error) {
      lane.Post([handler, error = std::move(error)] {
        if (*handler == nullptr) return;
        if (error) return (*handler)->OnReply(*error);
        jsonrpc::Text text(jsonrpc::ResultMessage("0", "{}"));
        jsonrpc::Parser parser;
        (*handler)->OnReply(jsonrpc::Parse(parser, text));
      });
    };
  }

 private:
  const std::shared_ptr<ReplyHandler*> handler_;
};

// What a client's requests say of it, as raw params._meta.
std::string MetaOf(const ClientProfile& client) {
  const std::string bridge = BridgeInfo();
  const std::string params =
      WithRequestMeta("", {.protocol_version = kModernVersion,
                           .client_info = client.client_info.empty() ? bridge : client.client_info,
                           .client_capabilities = client.capabilities})
          .value();
  return std::string(JsonMembers::Read(params).value().Get("_meta").value());
}

// A request whose server's era isn't known: in the legacy era, and if the server doesn't speak
// that, once more at `view`.
class EitherExchange final : public Exchange, private ReplyHandler {
 public:
  EitherExchange(Upstream& legacy, LegacyView& view, Lane& lane, UpstreamRequest request,
                 ReplyHandler& handler)
      : legacy_(legacy),
        view_(view),
        lane_(lane),
        request_(std::move(request)),
        handler_(handler) {}

  // An error: nothing was sent, the handler isn't called.
  std::optional<Error> Begin() {
    ReplyHandler& self = *this;
    auto sent = legacy_.Send(lane_, request_, self);
    if (!sent) return Switch(std::move(sent).error());
    inner_ = *std::move(sent);
    return std::nullopt;
  }

  void Answer(std::string response) override {
    if (inner_ != nullptr) inner_->Answer(std::move(response));
  }

 private:
  void OnConnected(Deadline::Clock::time_point at) override { handler_.OnConnected(at); }
  void OnNotification(jsonrpc::Message& message) override { handler_.OnNotification(message); }
  bool OnRequest(jsonrpc::Message& message) override { return handler_.OnRequest(message); }
  void OnBrokenOff(std::chrono::milliseconds retry) override { handler_.OnBrokenOff(retry); }

  void OnReply(Result<jsonrpc::Message> message) override {
    if (message) return handler_.OnReply(std::move(message));
    if (auto error = Switch(std::move(message).error())) handler_.OnReply(*std::move(error));
  }

  // Sends it to `view`, if `error` says that the server is of the modern era. An error: the call's.
  std::optional<Error> Switch(Error error) {
    if (legacy_error_) return Either(std::move(error));
    if (error.reason != Reason::kUnsupportedProtocolVersion) return error;
    legacy_error_ = AsUnavailable(std::move(error));
    ReplyHandler& self = *this;
    auto sent = view_.Send(lane_, std::move(request_), self);
    if (!sent) return Either(std::move(sent).error());
    inner_ = *std::move(sent);
    return std::nullopt;
  }

  // What the legacy era's refusal says counts where the other era doesn't work either.
  Error Either(Error modern) const {
    return modern.reason == Reason::kUpstreamUnavailable ? *legacy_error_ : std::move(modern);
  }

  Upstream& legacy_;
  LegacyView& view_;
  Lane& lane_;
  UpstreamRequest request_;
  ReplyHandler& handler_;
  std::unique_ptr<Exchange> inner_;
  std::optional<Error> legacy_error_;  // set: it is `view`'s
};

}  // namespace

LegacyView::LegacyView(Upstream& modern)
    : Upstream(modern.config()),
      modern_(modern),
      client_info_(BridgeInfo()),
      client_capabilities_("{}") {}

LegacyView::LegacyView(Upstream& modern, const ClientProfile& client)
    : Upstream(modern.config()),
      modern_(modern),
      client_info_(client.client_info.empty() ? BridgeInfo() : client.client_info),
      client_capabilities_(WithoutTasks(client.capabilities)) {}

LegacyView::LegacyView(Upstream& modern, const ClientProfile& client, Lane& home,
                       const Unsolicited& unsolicited)
    : Upstream(modern.config()),
      modern_(modern),
      client_info_(client.client_info.empty() ? BridgeInfo() : client.client_info),
      client_capabilities_(WithoutTasks(client.capabilities)),
      subscriptions_(std::make_shared<ViewSubscriptions>(modern, home, MetaOf(client),
                                                         unsolicited.announce)) {}

void LegacyView::Stop(std::string, std::function<void()> done) {
  if (subscriptions_ == nullptr) return done();
  subscriptions_->home().Post([subscriptions = subscriptions_, done = std::move(done)] {
    subscriptions->Stop();
    done();
  });
}

Result<std::unique_ptr<Exchange>> LegacyView::Send(Lane& lane, UpstreamRequest request,
                                                   ReplyHandler& handler) {
  if (request.method == "logging/setLevel") return SetLevel(lane, request, handler);
  if (subscriptions_ != nullptr &&
      (request.method == kSubscribeMethod || request.method == kUnsubscribeMethod)) {
    return SetSubscription(lane, request, handler);
  }
  if (ModernMethodOf(request.method) != ModernMethod::kKnown || IsAboutTasks(request.method)) {
    return Error{.reason = Reason::kMethodNotFound,
                 .message = request.method + " is not served by servers of MCP " +
                            std::string(kModernVersion)};
  }
  if (request.asks_for_task) request.params = WithoutTaskParam(request.params);
  std::string log_level;
  {
    const std::lock_guard lock(mutex_);
    log_level = log_level_;
  }
  Result<std::string> params =
      WithRequestMeta(request.params, {.protocol_version = kModernVersion,
                                       .client_info = client_info_,
                                       .client_capabilities = client_capabilities_,
                                       .log_level = log_level});
  if (!params) return std::move(params).error();
  request.params = *std::move(params);
  const Result<std::string> name = MirroredName(request.method, request.params);
  if (!name) return name.error();
  if (!name->empty()) {
    request.mirrored.emplace_back(std::string(kNameHeader), EncodeHeaderValue(*name));
  }
  auto exchange = std::make_unique<TranslatedExchange>(modern_, lane, std::move(request), handler);
  if (auto error = exchange->Begin()) return *std::move(error);
  return exchange;
}

Result<std::unique_ptr<Exchange>> LegacyView::SetLevel(Lane& lane, const UpstreamRequest& request,
                                                       ReplyHandler& handler) {
  const auto params = JsonMembers::Read(request.params);
  const std::string_view raw = params ? params->Get("level").value_or("") : std::string_view();
  const std::string_view level = raw.size() > 2 ? raw.substr(1, raw.size() - 2) : raw;
  if (!IsLogLevel(level)) {
    return Error{.reason = Reason::kInvalidArguments,
                 .message = "params.level must be a log level of RFC 5424"};
  }
  {
    const std::lock_guard lock(mutex_);
    log_level_ = level;
  }
  auto exchange = std::make_unique<AnsweredExchange>(handler);
  exchange->Answerer(lane)(std::nullopt);
  return exchange;
}

Result<std::unique_ptr<Exchange>> LegacyView::SetSubscription(Lane& lane,
                                                              const UpstreamRequest& request,
                                                              ReplyHandler& handler) {
  auto exchange = std::make_unique<AnsweredExchange>(handler);
  subscriptions_->home().Post([subscriptions = subscriptions_, uri = UriOf(request.params),
                               subscribes = request.method == kSubscribeMethod,
                               done = exchange->Answerer(lane)] {
    subscribes ? subscriptions->Subscribe(uri, done) : subscriptions->Unsubscribe(uri, done);
  });
  return exchange;
}

EitherEra::EitherEra(const ServerEra& era, std::unique_ptr<Upstream> legacy,
                     std::unique_ptr<LegacyView> view)
    : Upstream(legacy->config()), era_(era), legacy_(std::move(legacy)), view_(std::move(view)) {}

EitherEra::~EitherEra() = default;

Result<std::unique_ptr<Exchange>> EitherEra::Send(Lane& lane, UpstreamRequest request,
                                                  ReplyHandler& handler) {
  switch (era_.get()) {
    case Era::kLegacy:
      return legacy_->Send(lane, std::move(request), handler);
    case Era::kModern:
      return view_->Send(lane, std::move(request), handler);
    case Era::kUnknown:
      break;
  }
  auto exchange =
      std::make_unique<EitherExchange>(*legacy_, *view_, lane, std::move(request), handler);
  if (auto error = exchange->Begin()) return *std::move(error);
  return exchange;
}

void EitherEra::Stop(std::string why, std::function<void()> done) {
  view_->Stop(why, [this, why, done = std::move(done)]() mutable {
    legacy_->Stop(std::move(why), std::move(done));
  });
}

}  // namespace mcpbridge

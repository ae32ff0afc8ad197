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
  AnsweredExchange(Lane& lane, ReplyHandler& handler)
      : handler_(std::make_shared<ReplyHandler*>(&handler)) {
    lane.Post([handler = handler_] {
      if (*handler == nullptr) return;
      jsonrpc::Text text(jsonrpc::ResultMessage("0", "{}"));
      jsonrpc::Parser parser;
      (*handler)->OnReply(jsonrpc::Parse(parser, text));
    });
  }
  ~AnsweredExchange() override { *handler_ = nullptr; }
  void Answer(std::string) override {}

 private:
  const std::shared_ptr<ReplyHandler*> handler_;
};

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

Result<std::unique_ptr<Exchange>> LegacyView::Send(Lane& lane, UpstreamRequest request,
                                                   ReplyHandler& handler) {
  if (request.method == "logging/setLevel") return SetLevel(lane, request, handler);
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
  return std::make_unique<AnsweredExchange>(lane, handler);
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
  legacy_->Stop(std::move(why), std::move(done));
}

}  // namespace mcpbridge

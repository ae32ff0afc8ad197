#include "server/upstream/http_upstream.h"

#include <atomic>
#include <utility>

#include "server/base/log.h"
#include "server/mcp/initialize.h"
#include "server/mcp/modern.h"
#include "server/mcp/modern_meta.h"
#include "server/routing/list_kind.h"
#include "server/upstream/http_message.h"

namespace mcpbridge {
namespace {

// From sending initialize to its answer, whoever waits for it.
constexpr std::chrono::seconds kHandshakeTime{30};
// From server/discover to its answer: a server that says nothing is of the era before.
constexpr std::chrono::seconds kDiscoverTime{5};
// From asking for a session's own stream to its head: several times the way to a server far away,
// and little for the first call to a server that says nothing.
constexpr std::chrono::milliseconds kListenTime{500};
// From a ping to its answer.
constexpr std::chrono::seconds kPingTime{5};

// How long it is believed that a server doesn't speak an era: it may be updated.
constexpr std::chrono::minutes kEraTime{5};

// Whether an answer to a handshake with this HTTP status says something about the server's era: not
// where the server has no answer now, or none for us (no right to it, too many requests, a fault).
bool IsVerdict(unsigned status) {
  return status == 200 ||
         (status / 100 == 4 && status != 401 && status != 403 && status != 408 && status != 429);
}

}  // namespace

HttpUpstream::HttpUpstream(const ServerConfig& config, HttpServer& server, Executor& executor,
                           Lane& home, UpstreamUse use)
    : Upstream(config), executor_(executor), home_(home), url_(server.url()), use_(std::move(use)) {
  HttpSessionEvents& events = *this;
  for (int i = 0; i < executor.lane_count(); ++i) {
    Lane& lane = executor.lane(i);
    lanes_.push_back(std::make_unique<HttpLane>(lane, this->config(), server.pool(lane), events,
                                                use_.one_client));
  }
}

HttpUpstream::~HttpUpstream() = default;

void HttpUpstream::Start() {
  home_.Post([this] { WaitOrConnect(); });
}

void HttpUpstream::WaitOrConnect() { use_.waits_for_demand() ? GoIdle() : Connect(); }

void HttpUpstream::Wake() {
  home_.Post([this] {
    const bool connecting = state_ == State::kConnecting || state_ == State::kListening;
    if (!connecting && state_ != State::kStopped) Connect();
  });
}

Result<std::unique_ptr<Exchange>> HttpUpstream::Send(Lane& lane, UpstreamRequest request,
                                                     ReplyHandler& handler) {
  return lanes_[static_cast<std::size_t>(lane.index())]->Send(std::move(request), handler);
}

void HttpUpstream::Notify(std::string notification) {
  home_.Post([this, notification = std::move(notification)]() mutable {
    if (state_ == State::kListening) {
      home_share().Post(*opening_, std::move(notification));
    } else if (state_ == State::kReady || state_ == State::kSuspect) {
      home_share().Post(*session_, std::move(notification));
    }
  });
}

std::string HttpUpstream::Head(std::string_view verb, const HttpSession& session) const {
  std::string head =
      HttpHead(verb, url_, url_.target, "application/json, text/event-stream", config().headers);
  head.append("Content-Type: application/json\r\n");
  if (!session.version.empty()) {
    head.append("MCP-Protocol-Version: ").append(session.version).append("\r\n");
  }
  if (!session.id.empty()) head.append("Mcp-Session-Id: ").append(session.id).append("\r\n");
  return head;
}

void HttpUpstream::OnEveryLane(std::function<void(HttpLane&)> f) {
  for (auto& lane : lanes_) lane->lane().Post([&share = *lane, f] { f(share); });
}

void HttpUpstream::Connect() {
  state_ = State::kConnecting;
  listener_.reset();
  session_.reset();
  OnEveryLane([](HttpLane& lane) { lane.SetConnecting(); });
  opening_ = std::make_shared<HttpSession>();
  opening_->modern = use_.modern;
  if (use_.modern) opening_->version = kModernVersion;
  opening_->post_head = Head("POST", *opening_);
  UpstreamRequest request{.method = use_.modern ? "server/discover" : "initialize",
                          .params = use_.initialize_params,
                          .deadline = Deadline::After(use_.modern ? kDiscoverTime : kHandshakeTime),
                          .headers = {}};
  Disarm();
  home_.deadlines().Arm(*this, request.deadline);
  ReplyHandler& self = *this;
  exchange_ = std::make_unique<HttpExchange>(home_share(), std::move(request), self);
  if (auto error = exchange_->Begin(opening_)) GoDown(*std::move(error));
}

void HttpUpstream::OnReply(Result<jsonrpc::Message> message) {
  const unsigned status = exchange_->status();
  if (state_ == State::kSuspect) {
    OnPong(message);
  } else if (!message) {
    const bool answered = message.error().reason == Reason::kUpstreamHttpStatus;
    GoDown(answered ? Refused(message.error(), status) : std::move(message).error());
  } else if (message->kind == jsonrpc::Kind::kError) {
    GoDown(Refused(jsonrpc::UpstreamErrorOf(message->error), status));
  } else if (use_.modern) {
    OnDiscovered(*message);
  } else {
    OnInitialized(*message);
  }
}

// Why there is no session, as calls get it: a server that has refused the handshake of one era may
// be of the other, if the configuration leaves that open.
Error HttpUpstream::Refused(Error error, unsigned status) const {
  const bool other_era = IsVerdict(status) && config().protocol == Protocol::kAuto;
  if (!use_.modern && (status == 404 || status == 405)) {
    error.message +=
        ": check the path of `url`; a server of the old HTTP+SSE transport needs transport: sse";
  }
  return Error{
      .reason = other_era ? Reason::kUnsupportedProtocolVersion : Reason::kUpstreamUnavailable,
      .message = "it refused " + std::string(use_.modern ? "server/discover" : "initialize") +
                 ": " + error.message};
}

void HttpUpstream::OnDiscovered(const jsonrpc::Message& message) {
  const Result<InitializeResult> result = ParseDiscoverResult(message.result);
  exchange_.reset();
  if (!result) {
    GoDown(result.error());
    return;
  }
  if (use_.era != nullptr) use_.era->Opened(Era::kModern);
  Describe(*result);
  Open();
}

void HttpUpstream::OnInitialized(const jsonrpc::Message& message) {
  Result<InitializeResult> result = ParseInitializeResult(message.result);
  if (!result) {
    GoDown(std::move(result).error());
    return;
  }
  opening_->id = exchange_->session_id();
  opening_->version = result->protocol_version;
  opening_->post_head = Head("POST", *opening_);
  exchange_.reset();
  if (use_.era != nullptr) use_.era->Opened(Era::kLegacy);
  Describe(*result);
  home_share().Post(*opening_, jsonrpc::RequestMessage("", "notifications/initialized", ""),
                    [this, opening = opening_](unsigned status) {
                      // It may be another handshake's turn by now.
                      if (state_ != State::kConnecting || opening != opening_) return;
                      if (status / 100 == 2) {
                        Listen();
                      } else {
                        GoDown(Error{.reason = Reason::kUpstreamUnavailable,
                                     .message = "the server did not take notifications/initialized"
                                                " (HTTP " +
                                                std::to_string(status) + ")"});
                      }
                    });
}

void HttpUpstream::Describe(const InitializeResult& server) {
  Report([&server](UpstreamStatus& status) {
    status.protocol_version = server.protocol_version;
    status.server_name = server.server_name;
    status.server_version = server.server_version;
    status.capabilities = server.capabilities;
    status.instructions = server.instructions;
    status.has_tools = server.has_tools;
    status.has_resources = server.has_resources;
    status.has_prompts = server.has_prompts;
  });
}

// The first call's question may come on this stream, and is lost where there is none yet. A server
// that doesn't say whether it opens it holds nobody up for long.
void HttpUpstream::Listen() {
  const bool is_heard = use_.era != nullptr || use_.unsolicited.announce;
  if (!is_heard || opening_->id.empty()) return Open();
  Disarm();
  state_ = State::kListening;
  home_.deadlines().Arm(*this, Deadline::After(kListenTime));
  listener_ = std::make_unique<HttpListener>(
      home_share(), opening_, [this](jsonrpc::Message& message) { Hear(message); },
      [this] {
        if (state_ == State::kListening) Open();
      });
}

void HttpUpstream::Open() {
  Disarm();
  state_ = State::kReady;
  refused_ = false;
  backoff_.Reset();
  opening_->epoch = ++epoch_;
  session_ = std::exchange(opening_, nullptr);
  spdlog::info("upstream {}{}: session {} opened, protocol {}{}", config().name, use_.label, epoch_,
               session_->version, session_->id.empty() ? ", stateless" : "");
  Report([](UpstreamStatus& status) {
    status.health = UpstreamHealth::kServing;
    status.last_error.clear();
  });
  use_.opened();  // before anything can be set in it
  OnEveryLane([session = session_](HttpLane& lane) { lane.SetSession(session); });
  use_.lists_changed();
}

// What the server says outside of any request.
void HttpUpstream::Hear(jsonrpc::Message& message) {
  const Unsolicited& unsolicited = use_.unsolicited;
  if (message.kind == jsonrpc::Kind::kNotification) {
    if (IsListChanged(message.method)) use_.lists_changed();
    if (unsolicited.announce) unsolicited.announce(message);
    return;
  }
  // In the session that asked: in another its id is somebody else's.
  const std::shared_ptr<const HttpSession> current = session_ != nullptr ? session_ : opening_;
  const auto answer = [this, asked_in = current](std::string response) {
    if (session_ == asked_in || opening_ == asked_in) {
      home_share().Post(*asked_in, std::move(response));
    }
  };
  if (message.method == "ping") return answer(jsonrpc::ResultMessage(message.id, "{}"));
  const std::string id(message.id);
  const Error refusal = NobodyServes(message.method);
  if (unsolicited.ask && unsolicited.ask(message, home_, answer)) return;
  answer(jsonrpc::ErrorMessage(id, refusal));
}

void HttpUpstream::GoDown(Error error) {
  Disarm();
  exchange_.reset();
  opening_.reset();
  state_ = State::kDown;
  const bool other_era = error.reason == Reason::kUnsupportedProtocolVersion;
  Error unavailable{
      .reason = other_era ? error.reason : Reason::kUpstreamUnavailable,
      .message = "server \"" + config().name + "\" is not available: " + error.message,
      .metadata = {{"server", config().name}}};
  // A first refusal may only mean that it is the other era's session that has to open.
  const bool waits_for_other = other_era && use_.era != nullptr && !std::exchange(refused_, true);
  if (!waits_for_other) {
    Report([&](UpstreamStatus& status) {
      status.health = UpstreamHealth::kNotServing;
      status.last_error = error.message;
    });
  }
  // Who stands for the server goes on trying, whatever the server says.
  const bool settled = other_era && use_.era != nullptr && !use_.stands_for_server();
  const Deadline retry_at = Deadline::After(settled ? kEraTime : backoff_.Next());
  OnEveryLane([unavailable, retry_at](HttpLane& lane) { lane.SetDown(unavailable, retry_at); });
  home_.deadlines().Arm(*this, retry_at);
  if (other_era && use_.era != nullptr) use_.era->Refused(use_.own_era());
}

void HttpUpstream::Report(const std::function<void(UpstreamStatus&)>& change) {
  use_.Report(config().name, change);
}

void HttpUpstream::GoIdle() {
  state_ = State::kIdle;
  OnEveryLane([](HttpLane& lane) { lane.SetIdle(); });
}

void HttpUpstream::SessionWanted() {
  home_.Post([this] {
    if (state_ == State::kIdle) Connect();
  });
}

void HttpUpstream::SessionLost(std::uint64_t epoch, std::string why) {
  home_.Post([this, epoch, why = std::move(why)] {
    const bool has_session = state_ == State::kReady || state_ == State::kSuspect;
    if (!has_session || epoch != epoch_) return;
    if (use_.modern) return Doubt();
    spdlog::warn(
        "upstream {}{}: session {} lost: the server does not know it any more ({}); opening"
        " another",
        config().name, use_.label, epoch, why);
    exchange_.reset();
    Connect();
  });
}

// One request's answer was that of a server of the other era. Whether it is one is asked, while all
// others go on.
void HttpUpstream::Doubt() {
  if (state_ != State::kReady) return;
  state_ = State::kSuspect;
  Disarm();
  Ping();
}

void HttpUpstream::Unreachable(Error error) {
  home_.Post([this, error = std::move(error)] {
    if (state_ == State::kReady) Suspect(error);
  });
}

// Keeps the session: the server may come back with it. Calls go on being tried, and fail at once.
void HttpUpstream::Suspect(const Error& error) {
  state_ = State::kSuspect;
  Report([&](UpstreamStatus& status) {
    status.health = UpstreamHealth::kNotServing;
    status.last_error = error.message;
  });
  Disarm();
  home_.deadlines().Arm(*this, Deadline::After(backoff_.Next()));
}

void HttpUpstream::Ping() {
  UpstreamRequest request{.method = use_.modern ? "server/discover" : "ping",
                          .params = use_.modern ? use_.initialize_params : std::string(),
                          .deadline = Deadline::After(kPingTime)};
  home_.deadlines().Arm(*this, request.deadline);
  ReplyHandler& self = *this;
  exchange_ = std::make_unique<HttpExchange>(home_share(), std::move(request), self);
  if (auto error = exchange_->Begin(session_)) Suspect(*error);
}

void HttpUpstream::OnPong(const Result<jsonrpc::Message>& message) {
  const bool is_verdict = message || IsVerdict(exchange_->status());
  const bool speaks = message && message->kind == jsonrpc::Kind::kResult;
  exchange_.reset();
  if (use_.modern && !speaks && is_verdict) return Connect();
  if (!message) {
    Suspect(message.error());
    return;
  }
  Disarm();
  state_ = State::kReady;
  backoff_.Reset();
  Report([](UpstreamStatus& status) {
    status.health = UpstreamHealth::kServing;
    status.last_error.clear();
  });
  use_.lists_changed();
}

void HttpUpstream::OnDeadline() {
  if (state_ == State::kDown) {
    WaitOrConnect();
  } else if (state_ == State::kSuspect && exchange_ == nullptr) {
    Ping();
  } else if (state_ == State::kSuspect) {
    exchange_.reset();
    Suspect(
        Error{.reason = Reason::kUpstreamUnavailable, .message = "no answer to a ping within 5 s"});
  } else if (state_ == State::kListening) {
    Open();
  } else if (state_ == State::kConnecting && use_.modern) {
    GoDown(Error{.reason = Reason::kUnsupportedProtocolVersion,
                 .message = "no answer to server/discover within 5 s"});
  } else if (state_ == State::kConnecting) {
    GoDown(Error{.reason = Reason::kUpstreamUnavailable,
                 .message = "no answer to initialize within 30 s"});
  }
}

// Cancellations that calls have left behind go first, then the session.
void HttpUpstream::Stop(std::string why, std::function<void()> done) {
  home_.Post([this, why = std::move(why), done = std::move(done)]() mutable {
    Disarm();
    exchange_.reset();
    listener_.reset();
    state_ = State::kStopped;
    WhenQuiet([this, why = std::move(why), done = std::move(done)]() mutable {
      const std::shared_ptr<const HttpSession> session = session_ != nullptr ? session_ : opening_;
      if (session == nullptr || session->id.empty()) return done();
      spdlog::info("upstream {}{}: session {} closed: {}", config().name, use_.label, epoch_, why);
      home_share().SendOneWay(HttpMessage(Head("DELETE", *session), {}, ""),
                              [done = std::move(done)](unsigned) { done(); });
    });
  });
}

// Runs `done` on home_ once no lane has a message under way that nobody waits for.
void HttpUpstream::WhenQuiet(std::function<void()> done) {
  auto left = std::make_shared<std::atomic<std::size_t>>(lanes_.size());
  auto shared_done = std::make_shared<std::function<void()>>(std::move(done));
  OnEveryLane([this, left, shared_done](HttpLane& lane) {
    lane.WhenQuiet([this, left, shared_done] {
      if (left->fetch_sub(1) == 1) home_.Post([shared_done] { (*shared_done)(); });
    });
  });
}

}  // namespace mcpbridge

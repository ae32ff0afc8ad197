#include "server/upstream/sse_session.h"

#include <utility>

#include "server/base/log.h"
#include "server/mcp/initialize.h"
#include "server/upstream/http_message.h"
#include "server/upstream/line_reader.h"

namespace mcpbridge {
namespace {

// Events that aren't messages: so many of each stream are logged, so much of each.
constexpr int kGarbageEvents = 20;
constexpr std::size_t kGarbageBytes = 256;

}  // namespace

SseSession::SseSession(const ServerConfig& config, HttpServer& server, Lane& home,
                       const SseLimits& limits, UpstreamUse use)
    : MultiplexedSession(config, home, std::move(use)),
      config_(config),
      url_(server.url()),
      pool_(server.pool(home)),
      limits_(limits) {}

void SseSession::Report(const std::function<void(UpstreamStatus&)>& change) {
  use_.Report(config_.name, change);
}

void SseSession::Start() {
  if (state_ == State::kIdle && !use_.only_on_demand) Connect();
}

// ---- The session: stream, endpoint, initialize, initialized ----

void SseSession::Connect() {
  state_ = State::kConnecting;
  garbage_ = 0;
  const std::string request =
      HttpHead("GET", url_, url_.target, "text/event-stream", config_.headers) +
      "Cache-Control: no-cache\r\n\r\n";
  home().deadlines().Arm(*this, Deadline::After(limits_.handshake));
  SseStream::Handler& self = *this;
  stream_ = std::make_unique<SseStream>(pool_, config_.name, limits_.response_bytes, request, self);
}

void SseSession::OnEvent(jsonrpc::SseEvent event) {
  if (event.too_large) {
    OnTooLarge(event.data);
  } else if (event.type == "endpoint") {
    OnEndpoint(event.data);
  } else if ((event.type.empty() || event.type == "message") && !event.data.empty()) {
    OnText(std::move(event.data));
  }
}

void SseSession::OnEndpoint(std::string_view uri) {
  if (state_ != State::kConnecting || !post_head_.empty()) return;
  const Result<std::string> target = ResolveOnSameOrigin(url_, uri);
  if (!target) {
    return GoDown(Error{
        .reason = Reason::kUpstreamProtocol,
        .message = "the endpoint that the server names can't be used: " + target.error().message});
  }
  post_head_ =
      HttpHead("POST", url_, *target, "application/json, text/event-stream", config_.headers) +
      "Content-Type: application/json\r\n";
  initialize_id_ = NextId();
  if (auto error =
          Post(initialize_id_, jsonrpc::RequestMessage(std::to_string(initialize_id_), "initialize",
                                                       use_.initialize_params))) {
    GoDown(*std::move(error));
  }
}

void SseSession::OnInitialized(const jsonrpc::Message& message) {
  initialize_id_ = 0;
  if (message.kind == jsonrpc::Kind::kError) {
    return GoDown(jsonrpc::UpstreamErrorOf(message.error));
  }
  const Result<InitializeResult> result = ParseInitializeResult(message.result);
  if (!result) return GoDown(result.error());
  version_ = result->protocol_version;
  post_head_.append("MCP-Protocol-Version: ").append(version_).append("\r\n");
  Report([&result](UpstreamStatus& status) {
    status.protocol_version = result->protocol_version;
    status.server_name = result->server_name;
    status.server_version = result->server_version;
    status.capabilities = result->capabilities;
    status.instructions = result->instructions;
    status.has_tools = result->has_tools;
    status.has_resources = result->has_resources;
    status.has_prompts = result->has_prompts;
  });
  initialized_id_ = NextId();
  if (auto error =
          Post(initialized_id_, jsonrpc::RequestMessage({}, "notifications/initialized", {}))) {
    GoDown(*std::move(error));
  }
}

void SseSession::Open() {
  Disarm();
  state_ = State::kReady;
  ready_since_ = Deadline::Clock::now();
  session_open_ = true;
  spdlog::info("upstream {}{}: session opened, protocol {}, over SSE", config_.name, use_.label,
               version_);
  Report([](UpstreamStatus& status) {
    status.health = UpstreamHealth::kServing;
    status.last_error.clear();
  });
  SendWaiting();
  use_.lists_changed();
  use_.opened();
}

void SseSession::OnStreamEnd(Error error) {
  if (state_ == State::kStopping) {
    posts_.clear();
    return FinishStopIfQuiet();
  }
  GoDown(std::move(error));
}

// The session, or the attempt at one, is over: its calls fail, and a new one comes when it is time.
void SseSession::GoDown(Error error) {
  Disarm();
  if (state_ == State::kReady && Deadline::Clock::now() - ready_since_ >= limits_.sound_after) {
    backoff_.Reset();
  }
  const std::chrono::milliseconds wait = backoff_.Next();
  state_ = State::kDown;
  down_because_ = std::move(error.message);
  retry_at_ = Deadline::After(wait);
  home().deadlines().Arm(*this, retry_at_);
  CloseStream();
  CloseSession(down_because_);
  Report([this](UpstreamStatus& status) {
    status.health = UpstreamHealth::kNotServing;
    status.last_error = down_because_;
  });
  calls_.FailAll(Unavailable());
}

// The stream is kept: this may run inside one of its calls.
void SseSession::CloseStream() {
  if (stream_ != nullptr) stream_->Close();
  posts_.clear();
  queued_bytes_ = 0;
  post_head_.clear();
  initialize_id_ = initialized_id_ = 0;
}

void SseSession::CloseSession(const std::string& why) {
  if (!std::exchange(session_open_, false)) return;
  spdlog::info("upstream {}{}: session closed: {}", config_.name, use_.label, why);
}

void SseSession::OnDeadline() {
  if (state_ == State::kConnecting) {
    const std::string what = post_head_.empty()    ? "the server named no endpoint"
                             : initialize_id_ != 0 ? "no answer to initialize"
                                                   : "no answer to notifications/initialized";
    GoDown(Error{.reason = Reason::kUpstreamUnavailable,
                 .message = what + " within " + std::to_string(limits_.handshake.count()) + " ms"});
  } else if (state_ == State::kDown && use_.waits_for_demand()) {
    state_ = State::kIdle;
  } else if (state_ == State::kDown) {
    Connect();
  }
}

// ---- What the server says ----

void SseSession::OnText(std::string data) {
  jsonrpc::Text text(std::move(data));
  std::string_view id_seen;
  Result<jsonrpc::Message> message = jsonrpc::Parse(parser_, text, &id_seen);
  if (message) {
    OnMessage(*message, text);
    parser_.Trim();
    return;
  }
  OnGarbage(text.view(), message.error());
  if (auto call = calls_.Take(id_seen)) {
    call->sink->Deliver(
        Error{.reason = Reason::kUpstreamProtocol,
              .message = "the server's answer is not valid: " + message.error().message,
              .metadata = {{"server", config_.name}}},
        nullptr);
  }
}

void SseSession::OnGarbage(std::string_view text, const Error& error) {
  if (++garbage_ > kGarbageEvents) return;
  spdlog::warn("upstream {}: an event is not a message ({}): {}{}", config_.name, error.message,
               Printable(text, kGarbageBytes),
               garbage_ == kGarbageEvents ? " (no more of these will be logged)" : "");
}

void SseSession::OnMessage(jsonrpc::Message& message, jsonrpc::Text& text) {
  if (message.kind == jsonrpc::Kind::kResult || message.kind == jsonrpc::Kind::kError) {
    const std::int64_t id = CallTable::IdFrom(message.id).value_or(0);
    // Its POST, if that isn't answered yet, has had its effect.
    if (const auto post = posts_.find(id); post != posts_.end()) post->second->SetLimit();
    if (id != 0 && id == initialize_id_) return OnInitialized(message);
  }
  Dispatch(message, text);
}

void SseSession::OnTooLarge(std::string_view id) {
  const std::string what =
      "sent a message of more than " + std::to_string(limits_.response_bytes) + " bytes";
  spdlog::warn("upstream {}: {}", config_.name, what);
  Fail(CallTable::IdFrom(id).value_or(0),
       Error{.reason = Reason::kResponseTooLarge,
             .message = "server \"" + config_.name + "\" " + what});
}

// ---- What goes to the server ----

std::optional<Error> SseSession::Send(OutgoingRequest request, ReplySink& sink,
                                      std::shared_ptr<ReplySink> owner) {
  switch (state_) {
    case State::kStopping:
    case State::kStopped:
      return Error{.reason = Reason::kShuttingDown, .message = "the bridge is shutting down"};
    case State::kDown:
      return Unavailable();
    case State::kIdle:
      Connect();
      [[fallthrough]];
    case State::kConnecting:
      if (calls_.waiting_bytes() + request.text.size() > limits_.queued_bytes) return Overloaded();
      calls_.AddWaiting(std::move(request), sink, std::move(owner));
      return std::nullopt;
    case State::kReady:
      break;
  }
  if (auto error = PostRequest(request)) return error;
  calls_.AddSent(request, sink, std::move(owner));
  return std::nullopt;
}

void SseSession::SendWaiting() {
  for (const OutgoingRequest& request : calls_.TakeWaiting()) {
    if (auto error = PostRequest(request)) Fail(request.id, *std::move(error));
  }
}

std::optional<Error> SseSession::PostRequest(const OutgoingRequest& request) {
  if (queued_bytes_ + request.text.size() > limits_.queued_bytes) return Overloaded();
  return Post(request.id, request.text, request.headers);
}

std::optional<Error> SseSession::Post(std::int64_t id, std::string_view text,
                                      const Headers& headers) {
  auto connection = pool_.Acquire();
  if (!connection) return std::move(connection).error();
  SsePost::Owner& self = *this;
  auto post = std::make_unique<SsePost>(home(), config_.name, id, *std::move(connection), self);
  post->Send(HttpMessage(post_head_, headers, text), text.size());
  queued_bytes_ += text.size();
  posts_.emplace(id, std::move(post));
  return std::nullopt;
}

void SseSession::OnPosted(std::int64_t id, SsePost::Outcome outcome) {
  const auto found = posts_.find(id);
  const std::unique_ptr<SsePost> post = std::move(found->second);
  posts_.erase(found);
  queued_bytes_ -= post->body_bytes();
  std::optional<Error>& fault = outcome.refused ? outcome.refused : outcome.lost;
  if (fault && (id == initialize_id_ || id == initialized_id_)) return GoDown(*std::move(fault));
  if (id == initialized_id_) {
    initialized_id_ = 0;
    return Open();
  }
  if (fault) Fail(id, *std::move(fault));
  if (!post->then.empty() && outcome.sent && !outcome.refused) Tell(post->then);
  FinishStopIfQuiet();
}

// The request's own end, and nobody else's.
void SseSession::Fail(std::int64_t id, Error error) {
  auto call = calls_.Take(std::to_string(id));
  if (!call) return;
  if (error.metadata.empty()) error.metadata.emplace_back("server", config_.name);
  call->sink->Deliver(std::move(error), nullptr);
}

void SseSession::Cancel(std::int64_t id) {
  if (calls_.Remove(id) != CallTable::Removed::kSent) return;
  const auto found = posts_.find(id);
  if (found == posts_.end()) return Tell(Cancellation(id));
  SsePost& post = *found->second;
  if (post.sent()) {
    // The server may only hear of its end after its beginning.
    post.then = Cancellation(id);
    post.SetLimit();
  } else {
    queued_bytes_ -= post.body_bytes();
    posts_.erase(found);
  }
}

void SseSession::Answer(std::string response) {
  // Bounded, although the server alone decides how much it asks: what it doesn't take isn't
  // answered.
  if (state_ != State::kStopping && queued_bytes_ <= limits_.queued_bytes) Tell(response);
}

void SseSession::Notify(std::string notification) {
  if (state_ == State::kReady && queued_bytes_ <= limits_.queued_bytes) Tell(notification);
}

// Posts what has no reply. Where that can't be done nobody could be told.
void SseSession::Tell(std::string_view text) {
  if (post_head_.empty()) return;
  const std::int64_t id = NextId();
  if (!Post(id, text)) posts_.at(id)->SetLimit();
}

Error SseSession::Overloaded() const {
  return Error{.reason = Reason::kOverloaded,
               .message = "too much is queued for server \"" + config_.name + "\"",
               .metadata = {{"server", config_.name}}};
}

Error SseSession::Unavailable() const {
  return Error{.reason = Reason::kUpstreamUnavailable,
               .message = "server \"" + config_.name + "\" is not available: " + down_because_,
               .metadata = {{"server", config_.name}},
               .retry_after = std::chrono::ceil<std::chrono::milliseconds>(retry_at_.remaining())};
}

// ---- The end ----

// Cancellations that calls have left behind go first, then the stream.
void SseSession::Stop(std::string why, std::function<void()> done) {
  if (state_ == State::kStopped) return done();
  stop_done_.push_back(std::move(done));
  if (state_ == State::kStopping) return;
  Disarm();
  if (state_ != State::kReady) CloseStream();
  state_ = State::kStopping;
  stop_reason_ = std::move(why);
  calls_.FailAll(Error{.reason = Reason::kShuttingDown, .message = "the bridge is shutting down"});
  for (auto& [id, post] : posts_) post->SetLimit();
  FinishStopIfQuiet();
}

void SseSession::FinishStopIfQuiet() {
  if (state_ != State::kStopping || !posts_.empty()) return;
  state_ = State::kStopped;
  CloseStream();
  CloseSession(stop_reason_);
  for (const auto& done : std::exchange(stop_done_, {})) done();
}

void SseSession::Shutdown() {
  Disarm();
  state_ = State::kStopped;
  calls_.Clear();
  CloseStream();
  stream_.reset();
  CloseSession("destroyed");
}

}  // namespace mcpbridge

#include "server/upstream/stdio_supervisor.h"

#include <utility>

#include "server/base/log.h"
#include "server/mcp/initialize.h"
#include "server/mcp/modern_meta.h"

namespace mcpbridge {
namespace {

// Lines on stdout that aren't messages: so many of each process are logged, so much of each.
constexpr int kGarbageLines = 20;
constexpr std::size_t kGarbageBytes = 256;

// How long it is believed that a server doesn't speak an era: its program may be updated.
constexpr std::chrono::milliseconds kEraTime = std::chrono::hours(1);

// What is kept for the next message's text; more is given back.
constexpr std::size_t kKeepTextBytes = 1 << 20;

}  // namespace

StdioSupervisor::StdioSupervisor(const ServerConfig& config, Lane& home, const StdioLimits& limits,
                                 UpstreamUse use)
    : MultiplexedSession(config, home, std::move(use)), config_(config), limits_(limits) {}

void StdioSupervisor::Report(const std::function<void(UpstreamStatus&)>& change) {
  use_.Report(config_.name, change);
}

bool StdioSupervisor::WaitsForDemand() const { return use_.waits_for_demand(); }

void StdioSupervisor::Start() {
  if (state_ == State::kIdle && !WaitsForDemand()) StartChild();
}

void StdioSupervisor::Wake() {
  if (state_ == State::kServing) return Announce();
  if (state_ == State::kDown && channel_) {
    restart_at_ = Deadline::After({});
    woken_ = true;  // OnEnd() does it
  } else if (state_ == State::kIdle || state_ == State::kDown) {
    Disarm();
    StartChild();
  }
}

void StdioSupervisor::StartChild() {
  Disarm();
  state_ = State::kStarting;
  woken_ = false;
  garbage_lines_ = 0;
  const ChildCommand command{
      .command = config_.command, .args = config_.args, .env = ChildEnvironment(config_.env)};
  auto channel = StdioChannel::Start(home(), config_.name, command,
                                     {.line_bytes = limits_.response_bytes,
                                      .queued_bytes = limits_.queued_bytes,
                                      .stop_step = limits_.stop_step},
                                     *this);
  if (!channel) return TakeDown(Reason::kUpstreamUnavailable, channel.error().message);
  channel_ = std::move(channel.value());
  if (const auto count = use_.processes) {
    count->fetch_add(1, std::memory_order_relaxed);
    counted_ = std::shared_ptr<void>(
        nullptr, [count](void*) { count->fetch_sub(1, std::memory_order_relaxed); });
  }
  initialize_id_ = std::to_string(NextId());
  channel_->Write(jsonrpc::RequestMessage(initialize_id_, Handshake(), use_.initialize_params) +
                  '\n');
  home().deadlines().Arm(*this, Deadline::After(limits_.handshake));
}

std::optional<Error> StdioSupervisor::Send(OutgoingRequest request, ReplySink& sink,
                                           std::shared_ptr<ReplySink> owner) {
  switch (state_) {
    case State::kStopping:
    case State::kStopped:
      return Error{.reason = Reason::kShuttingDown, .message = "the bridge is shutting down"};
    case State::kDown:
      return Unavailable();
    case State::kIdle:
      StartChild();
      if (state_ != State::kStarting) return Unavailable();
      [[fallthrough]];
    case State::kStarting:
      if (calls_.waiting_bytes() + request.text.size() > limits_.queued_bytes) break;
      calls_.AddWaiting(std::move(request), sink, std::move(owner));
      return std::nullopt;
    case State::kServing:
      if (!channel_->WriteRequest(request.id, std::move(request.text))) break;
      calls_.AddSent(request, sink, std::move(owner));
      return std::nullopt;
  }
  return Error{.reason = Reason::kOverloaded,
               .message = "too much is queued for server \"" + config_.name + "\"",
               .metadata = {{"server", config_.name}}};
}

void StdioSupervisor::Cancel(std::int64_t id) {
  if (calls_.Remove(id) != CallTable::Removed::kSent) return;
  if (channel_ && !channel_->TakeBack(id)) channel_->Write(Cancellation(id) + '\n');
}

void StdioSupervisor::OnLine(std::string_view line) {
  if (line.find_first_not_of(" \t\r") == std::string_view::npos) return;
  text_.Clear();
  text_.Append(line);
  std::string_view id_seen;
  Result<jsonrpc::Message> message = jsonrpc::Parse(parser_, text_, &id_seen);
  if (!message) {
    OnGarbage(line, message.error());
    if (auto call = calls_.Take(id_seen)) {
      call->sink->Deliver(
          Error{.reason = Reason::kUpstreamProtocol,
                .message = "the server's answer is not valid: " + message.error().message,
                .metadata = {{"server", config_.name}}},
          nullptr);
    }
    return;
  }
  OnMessage(*message);
  parser_.Trim();
  if (text_.size() > kKeepTextBytes) text_ = jsonrpc::Text();
}

void StdioSupervisor::OnGarbage(std::string_view line, const Error& error) {
  if (++garbage_lines_ > kGarbageLines) return;
  spdlog::warn("upstream {} stdout: not a message ({}): {}{}", config_.name, error.message,
               Printable(line, kGarbageBytes),
               garbage_lines_ == kGarbageLines ? " (no more of these will be logged)" : "");
}

void StdioSupervisor::OnMessage(jsonrpc::Message& message) {
  if (message.method.empty() && !initialize_id_.empty() && message.id == initialize_id_) {
    OnInitialized(message);
  } else {
    Dispatch(message, text_);
  }
}

void StdioSupervisor::Answer(std::string response) { WriteIfRead(std::move(response)); }

void StdioSupervisor::Notify(std::string notification) {
  if (state_ == State::kServing) WriteIfRead(std::move(notification));
}

// Bounded, although others decide how much there is to say: what the server doesn't read isn't
// written.
void StdioSupervisor::WriteIfRead(std::string message) {
  if (!channel_ || channel_->queued_bytes() > limits_.queued_bytes) return;
  for (char& c : message) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  channel_->Write(std::move(message) + '\n');
}

// The answer to the handshake of either era.
void StdioSupervisor::OnInitialized(const jsonrpc::Message& message) {
  initialize_id_.clear();
  if (state_ != State::kStarting) return;
  if (message.kind == jsonrpc::Kind::kError) {
    return Refused("refused " + Handshake() + ": " +
                   jsonrpc::UpstreamErrorOf(message.error).message);
  }
  const Result<InitializeResult> result =
      use_.modern ? ParseDiscoverResult(message.result) : ParseInitializeResult(message.result);
  if (!result) {
    return Refused("gave no valid answer to " + Handshake() + ": " + result.error().message);
  }
  Disarm();
  described_ = {.health = UpstreamHealth::kServing,
                .protocol_version = result->protocol_version,
                .last_error = {},
                .server_name = result->server_name,
                .server_version = result->server_version,
                .capabilities = result->capabilities,
                .instructions = result->instructions,
                .has_tools = result->has_tools,
                .has_resources = result->has_resources,
                .has_prompts = result->has_prompts};
  Serve();
}

std::string StdioSupervisor::Handshake() const {
  return use_.modern ? "server/discover" : "initialize";
}

// What calls and others learn of a session that is open.
void StdioSupervisor::Announce() {
  if (use_.era != nullptr) use_.era->Opened(use_.own_era());
  Report([this](UpstreamStatus& status) { status = described_; });
  use_.lists_changed();
}

void StdioSupervisor::Serve() {
  spdlog::info("upstream {}{}: session opened, protocol {}, pid {}", config_.name, use_.label,
               described_.protocol_version, channel_->pid());
  session_open_ = true;
  refused_ = false;
  state_ = State::kServing;
  serving_since_ = Deadline::Clock::now();
  if (!use_.modern) {
    channel_->Write(jsonrpc::RequestMessage({}, "notifications/initialized", {}) + '\n');
  }
  SendWaiting();
  Announce();
  use_.opened();
}

void StdioSupervisor::SendWaiting() {
  // Never refused: what waits is bounded by the same number of bytes as what is queued.
  for (OutgoingRequest& request : calls_.TakeWaiting()) {
    channel_->WriteRequest(request.id, std::move(request.text));
  }
}

void StdioSupervisor::OnLineTooLong(std::string_view id) {
  const std::string what =
      "sent a message of more than " + std::to_string(limits_.response_bytes) + " bytes";
  spdlog::warn("upstream {}: {}", config_.name, what);
  if (auto call = calls_.Take(id)) {
    call->sink->Deliver(Error{.reason = Reason::kResponseTooLarge,
                              .message = "server \"" + config_.name + "\" " + what,
                              .metadata = {{"server", config_.name}}},
                        nullptr);
  }
}

void StdioSupervisor::OnEnd(const std::string& exit) {
  const std::shared_ptr<StdioChannel> ended = std::move(channel_);
  channel_.reset();
  counted_.reset();
  switch (state_) {
    case State::kStopping:
      return FinishStop();
    case State::kDown:
      if (restart_at_.expired()) Restart();
      return;
    case State::kStarting: {
      const std::string why = "ended before answering " + Handshake() + ": " + exit;
      // Some servers of the legacy era end at anything before `initialize`.
      return use_.modern ? Refused(why) : TakeDown(Reason::kUpstreamUnavailable, why, exit);
    }
    case State::kServing:
      return TakeDown(Reason::kUpstreamUnavailable, "ended: " + exit, exit);
    case State::kIdle:
    case State::kStopped:
      return;
  }
}

void StdioSupervisor::OnDeadline() {
  if (state_ == State::kStarting) {
    const std::string why = "did not answer " + Handshake() + " within " +
                            std::to_string(limits_.handshake.count()) + " ms";
    use_.modern ? Refused(why) : TakeDown(Reason::kUpstreamUnavailable, why);
  } else if (state_ == State::kDown && !channel_) {
    Restart();  // otherwise OnEnd() does it
  }
}

void StdioSupervisor::Restart() {
  Disarm();
  if (WaitsForDemand() && !woken_) {
    state_ = State::kIdle;
  } else {
    StartChild();
  }
}

// The server doesn't take the handshake of this era: it may be of the other, if the configuration
// leaves that open.
void StdioSupervisor::Refused(std::string why) {
  if (config_.protocol != Protocol::kAuto) {
    return TakeDown(Reason::kUpstreamUnavailable, std::move(why));
  }
  TakeDown(Reason::kUnsupportedProtocolVersion, std::move(why));
  if (use_.era != nullptr) use_.era->Refused(use_.own_era());
}

// The session, or the attempt at one, is over: its calls get `reason`, the process goes, and a new
// one comes when it is time.
void StdioSupervisor::TakeDown(Reason reason, std::string why, std::string exit) {
  Disarm();
  if (state_ == State::kServing && Deadline::Clock::now() - serving_since_ >= limits_.sound_after) {
    backoff_.Reset();
  }
  const bool other_era = reason == Reason::kUnsupportedProtocolVersion;
  // Who stands for the server goes on trying, whatever the server says.
  const bool settled = other_era && use_.era != nullptr && !use_.stands_for_server();
  const std::chrono::milliseconds wait = settled ? kEraTime : backoff_.Next();
  state_ = State::kDown;
  initialize_id_.clear();
  down_reason_ = other_era ? reason : Reason::kUpstreamUnavailable;
  down_because_ = std::move(why);
  down_exit_ = std::move(exit);
  restart_at_ = Deadline::After(wait);
  home().deadlines().Arm(*this, restart_at_);
  if (channel_) channel_->Kill();

  CloseSession(down_because_);
  if (settled) {
    spdlog::info("upstream {}{}: {}", config_.name, use_.label, down_because_);
  } else {
    spdlog::warn("upstream {}{}: {}; next start in {} ms", config_.name, use_.label, down_because_,
                 wait.count());
  }
  // A first refusal may only mean that it is the other era's session that has to open.
  const bool waits_for_other = other_era && use_.era != nullptr && !std::exchange(refused_, true);
  if (!waits_for_other) {
    Report([this](UpstreamStatus& status) {
      status.health = UpstreamHealth::kNotServing;
      status.last_error = down_because_;
    });
  }
  Error error = Unavailable();
  error.reason = reason;
  calls_.FailAll(error);
}

void StdioSupervisor::CloseSession(const std::string& why) {
  if (!std::exchange(session_open_, false)) return;
  spdlog::info("upstream {}{}: session closed: {}", config_.name, use_.label, why);
}

Error StdioSupervisor::Unavailable() const {
  Error error{.reason = down_reason_,
              .message = "server \"" + config_.name + "\" " + down_because_,
              .metadata = {{"server", config_.name}},
              .retry_after = std::chrono::ceil<std::chrono::milliseconds>(restart_at_.remaining())};
  if (!down_exit_.empty()) error.metadata.emplace_back("exit", down_exit_);
  return error;
}

void StdioSupervisor::Stop(std::string why, std::function<void()> done) {
  if (state_ == State::kStopped) return done();
  stop_done_.push_back(std::move(done));
  if (state_ == State::kStopping) return;
  state_ = State::kStopping;
  stop_reason_ = std::move(why);
  Disarm();
  calls_.FailAll(Error{.reason = Reason::kShuttingDown, .message = "the bridge is shutting down"});
  if (!channel_) return FinishStop();
  channel_->Close();
}

void StdioSupervisor::FinishStop() {
  state_ = State::kStopped;
  CloseSession(stop_reason_);
  for (const auto& done : std::exchange(stop_done_, {})) done();
}

void StdioSupervisor::Shutdown() {
  state_ = State::kStopped;
  Disarm();
  calls_.Clear();
  channel_.reset();
  counted_.reset();
  CloseSession("destroyed");
}

}  // namespace mcpbridge

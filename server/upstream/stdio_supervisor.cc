#include "server/upstream/stdio_supervisor.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "server/base/log.h"
#include "server/mcp/initialize.h"
#include "server/routing/list_kind.h"

namespace mcpbridge {
namespace {

// Lines on stdout that aren't messages: so many of each process are logged, so much of each.
constexpr int kGarbageLines = 20;
constexpr std::size_t kGarbageBytes = 256;

// For so long a server may go on speaking of a request that has been cancelled.
constexpr std::chrono::seconds kLateTime{30};

// What is kept for the next message's text; more is given back.
constexpr std::size_t kKeepTextBytes = 1 << 20;

std::optional<std::int64_t> IdFrom(std::string_view raw) {
  std::int64_t id = 0;
  const char* const end = raw.data() + raw.size();
  const auto [stopped, error] = std::from_chars(raw.data(), end, id);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return id;
}

}  // namespace

StdioSupervisor::StdioSupervisor(const ServerConfig& config, Lane& home, const StdioLimits& limits,
                                 UpstreamUse use)
    : config_(config), home_(home), limits_(limits), use_(std::move(use)) {}

void StdioSupervisor::Report(const std::function<void(UpstreamStatus&)>& change) {
  if (use_.status != nullptr) use_.status->Update(config_.name, change);
}

void StdioSupervisor::Start() {
  if (state_ == State::kIdle && !use_.only_on_demand) StartChild();
}

void StdioSupervisor::StartChild() {
  state_ = State::kStarting;
  garbage_lines_ = 0;
  const ChildCommand command{
      .command = config_.command, .args = config_.args, .env = ChildEnvironment(config_.env)};
  auto channel = StdioChannel::Start(home_, config_.name, command,
                                     {.line_bytes = limits_.response_bytes,
                                      .queued_bytes = limits_.queued_bytes,
                                      .stop_step = limits_.stop_step},
                                     *this);
  if (!channel) return TakeDown(Reason::kUpstreamUnavailable, channel.error().message);
  channel_ = std::move(channel.value());
  initialize_id_ = NextId();
  channel_->Write(jsonrpc::RequestMessage(std::to_string(initialize_id_), "initialize",
                                          use_.initialize_params) +
                  '\n');
  home_.deadlines().Arm(*this, Deadline::After(limits_.handshake));
}

std::optional<Error> StdioSupervisor::Send(std::int64_t id, std::string line, StdioReplySink& sink,
                                           std::shared_ptr<StdioReplySink> owner) {
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
      if (waiting_bytes_ + line.size() > limits_.queued_bytes) break;
      waiting_bytes_ += line.size();
      waiting_.push_back(id);
      calls_.emplace(id, Call{&sink, std::move(owner), std::move(line)});
      return std::nullopt;
    case State::kServing:
      if (!channel_->WriteRequest(id, std::move(line))) break;
      calls_.emplace(id, Call{&sink, std::move(owner), {}});
      return std::nullopt;
  }
  return Error{.reason = Reason::kOverloaded,
               .message = "too much is queued for server \"" + config_.name + "\"",
               .metadata = {{"server", config_.name}}};
}

void StdioSupervisor::Cancel(std::int64_t id) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  const std::size_t waiting = found->second.waiting_line.size();
  calls_.erase(found);
  if (waiting > 0) {
    waiting_bytes_ -= waiting;
    if (calls_.empty()) waiting_.clear();
    return;
  }
  if (!channel_ || channel_->TakeBack(id)) return;
  foreign_until_ = Deadline::After(kLateTime);
  channel_->Write(
      jsonrpc::RequestMessage({}, "notifications/cancelled",
                              "{\"requestId\":" + std::to_string(id) +
                                  ",\"reason\":\"the caller no longer waits for the answer\"}") +
      '\n');
}

void StdioSupervisor::OnLine(std::string_view line) {
  if (line.find_first_not_of(" \t\r") == std::string_view::npos) return;
  text_.Clear();
  text_.Append(line);
  std::string_view id_seen;
  Result<jsonrpc::Message> message = jsonrpc::Parse(parser_, text_, &id_seen);
  if (!message) {
    OnGarbage(line, message.error());
    if (auto call = TakeCall(id_seen)) {
      call->sink->Deliver(
          Error{.reason = Reason::kUpstreamProtocol,
                .message = "the server's answer is not valid: " + message.error().message,
                .metadata = {{"server", config_.name}}},
          nullptr);
    }
    return;
  }
  switch (message->kind) {
    case jsonrpc::Kind::kRequest:
      OnRequest(*message);
      break;
    case jsonrpc::Kind::kNotification:
      OnNotification(*message);
      break;
    case jsonrpc::Kind::kResult:
    case jsonrpc::Kind::kError:
      OnReply(*message);
      break;
  }
  parser_.Trim();
  if (text_.size() > kKeepTextBytes) text_ = jsonrpc::Text();
}

void StdioSupervisor::OnGarbage(std::string_view line, const Error& error) {
  if (++garbage_lines_ > kGarbageLines) return;
  spdlog::warn("upstream {} stdout: not a message ({}): {}{}", config_.name, error.message,
               Printable(line, kGarbageBytes),
               garbage_lines_ == kGarbageLines ? " (no more of these will be logged)" : "");
}

void StdioSupervisor::OnNotification(jsonrpc::Message& message) {
  if (IsListChanged(message.method)) {
    if (state_ == State::kServing) use_.lists_changed();
    return;
  }
  Call* call = nullptr;
  if (message.method == "notifications/progress") {
    call = CallOf(ProgressTokenOf(message));
  } else {
    call = LikelyCall();
  }
  if (call != nullptr) call->sink->Notify(message, text_);
}

void StdioSupervisor::OnRequest(jsonrpc::Message& message) {
  if (message.method == "ping") return Answer(jsonrpc::ResultMessage(message.id, "{}"));
  if (Call* const call = LikelyCall()) return call->sink->Ask(message, text_);
  Refuse(message.id, message.method);
}

void StdioSupervisor::Answer(std::string response) {
  // Bounded, although the server alone decides how much it asks: what it doesn't read isn't
  // answered.
  if (!channel_ || channel_->queued_bytes() > limits_.queued_bytes) return;
  for (char& c : response) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  channel_->Write(std::move(response) + '\n');
}

void StdioSupervisor::Refuse(std::string_view id, std::string_view method) {
  Answer(jsonrpc::ErrorMessage(id, Error{.reason = Reason::kMethodNotFound,
                                         .message = "nobody here serves " + std::string(method)}));
}

// The call under way that the server knows by this id; null: there is none.
StdioSupervisor::Call* StdioSupervisor::CallOf(std::string_view raw_id) {
  const std::optional<std::int64_t> id = IdFrom(raw_id);
  const auto found = id ? calls_.find(*id) : calls_.end();
  return found == calls_.end() || !found->second.waiting_line.empty() ? nullptr : &found->second;
}

// Over stdio nothing says which request a log message or a question belongs to. Where all are one
// client's, the last one will do; otherwise it is certain only where there is one. Null: it isn't.
StdioSupervisor::Call* StdioSupervisor::LikelyCall() {
  if (!use_.one_client && (calls_.size() != 1 || !foreign_until_.expired())) return nullptr;
  Call* last = nullptr;
  std::int64_t last_id = 0;
  for (auto& [id, call] : calls_) {
    if (id <= last_id || !call.waiting_line.empty()) continue;
    last_id = id;
    last = &call;
  }
  return last;
}

void StdioSupervisor::OnReply(jsonrpc::Message& message) {
  if (initialize_id_ != 0 && IdFrom(message.id) == initialize_id_) return OnInitialized(message);
  if (auto call = TakeCall(message.id)) {
    call->sink->Deliver(message, &text_);
    return;
  }
  late_replies_.fetch_add(1, std::memory_order_relaxed);
  spdlog::debug("upstream {}: dropped a reply that nobody waits for, id {}", config_.name,
                Printable(message.id, 32));
}

std::optional<StdioSupervisor::Call> StdioSupervisor::TakeCall(std::string_view raw_id) {
  // An answer to what hasn't been asked yet is none.
  Call* const found = CallOf(raw_id);
  if (found == nullptr) return std::nullopt;
  std::optional<Call> call = std::move(*found);
  calls_.erase(*IdFrom(raw_id));
  return call;
}

void StdioSupervisor::OnInitialized(const jsonrpc::Message& message) {
  initialize_id_ = 0;
  if (state_ != State::kStarting) return;
  if (message.kind == jsonrpc::Kind::kError) {
    return TakeDown(Reason::kUpstreamUnavailable,
                    "refused initialize: " + jsonrpc::UpstreamErrorOf(message.error).message);
  }
  const Result<InitializeResult> result = ParseInitializeResult(message.result);
  if (!result) {
    return TakeDown(Reason::kUpstreamUnavailable,
                    "gave no valid answer to initialize: " + result.error().message);
  }
  Disarm();
  Report([&result](UpstreamStatus& status) {
    status = {.health = UpstreamHealth::kServing,
              .protocol_version = result->protocol_version,
              .last_error = {},
              .server_name = result->server_name,
              .server_version = result->server_version,
              .capabilities = result->capabilities,
              .instructions = result->instructions,
              .has_tools = result->has_tools,
              .has_resources = result->has_resources,
              .has_prompts = result->has_prompts};
  });
  Serve(result->protocol_version);
}

void StdioSupervisor::Serve(std::string_view protocol_version) {
  spdlog::info("upstream {}{}: session opened, protocol {}, pid {}", config_.name, use_.label,
               protocol_version, channel_->pid());
  session_open_ = true;
  state_ = State::kServing;
  serving_since_ = Deadline::Clock::now();
  channel_->Write(jsonrpc::RequestMessage({}, "notifications/initialized", {}) + '\n');
  SendWaiting();
  use_.lists_changed();
}

void StdioSupervisor::SendWaiting() {
  waiting_bytes_ = 0;
  for (const std::int64_t id : std::exchange(waiting_, {})) {
    const auto found = calls_.find(id);
    if (found == calls_.end()) continue;
    // Never refused: what waits is bounded by the same number of bytes as what is queued.
    channel_->WriteRequest(id, std::exchange(found->second.waiting_line, {}));
  }
}

void StdioSupervisor::OnLineTooLong(std::string_view id) {
  const std::string what =
      "sent a message of more than " + std::to_string(limits_.response_bytes) + " bytes";
  spdlog::warn("upstream {}: {}", config_.name, what);
  if (auto call = TakeCall(id)) {
    call->sink->Deliver(Error{.reason = Reason::kResponseTooLarge,
                              .message = "server \"" + config_.name + "\" " + what,
                              .metadata = {{"server", config_.name}}},
                        nullptr);
  }
}

void StdioSupervisor::OnEnd(const std::string& exit) {
  const std::shared_ptr<StdioChannel> ended = std::move(channel_);
  channel_.reset();
  switch (state_) {
    case State::kStopping:
      return FinishStop();
    case State::kDown:
      if (restart_at_.expired()) Restart();
      return;
    case State::kStarting:
      return TakeDown(Reason::kUpstreamUnavailable, "ended before answering initialize: " + exit,
                      exit);
    case State::kServing:
      return TakeDown(Reason::kUpstreamUnavailable, "ended: " + exit, exit);
    case State::kIdle:
    case State::kStopped:
      return;
  }
}

void StdioSupervisor::OnDeadline() {
  if (state_ == State::kStarting) {
    TakeDown(Reason::kUpstreamUnavailable, "did not answer initialize within " +
                                               std::to_string(limits_.handshake.count()) + " ms");
  } else if (state_ == State::kDown && !channel_) {
    Restart();  // otherwise OnEnd() does it
  }
}

void StdioSupervisor::Restart() {
  if (use_.only_on_demand) {
    state_ = State::kIdle;
  } else {
    StartChild();
  }
}

// The session, or the attempt at one, is over: its calls get `reason`, the process goes, and a new
// one comes when it is time.
void StdioSupervisor::TakeDown(Reason reason, std::string why, std::string exit) {
  Disarm();
  if (state_ == State::kServing && Deadline::Clock::now() - serving_since_ >= limits_.sound_after) {
    backoff_.Reset();
  }
  const std::chrono::milliseconds wait = backoff_.Next();
  state_ = State::kDown;
  initialize_id_ = 0;
  down_because_ = std::move(why);
  down_exit_ = std::move(exit);
  restart_at_ = Deadline::After(wait);
  home_.deadlines().Arm(*this, restart_at_);
  if (channel_) channel_->Kill();

  CloseSession(down_because_);
  spdlog::warn("upstream {}: {}; next start in {} ms", config_.name, down_because_, wait.count());
  Report([this](UpstreamStatus& status) {
    status.health = UpstreamHealth::kNotServing;
    status.last_error = down_because_;
  });
  Error error = Unavailable();
  error.reason = reason;
  FailCalls(error);
}

void StdioSupervisor::CloseSession(const std::string& why) {
  if (!std::exchange(session_open_, false)) return;
  spdlog::info("upstream {}{}: session closed: {}", config_.name, use_.label, why);
}

void StdioSupervisor::FailCalls(const Error& error) {
  waiting_.clear();
  waiting_bytes_ = 0;
  // A handler may cancel others, so nothing of the map is held across it; none can come in, as
  // Send() refuses in this state.
  while (!calls_.empty()) {
    const Call call = std::move(calls_.begin()->second);
    calls_.erase(calls_.begin());
    Error told = error;
    // What the server may have seen may also have been done: nobody is told to try it again.
    if (call.waiting_line.empty()) {
      told.retry_after.reset();
      if (told.reason == Reason::kUpstreamUnavailable) told.reason = Reason::kUpstreamLost;
    }
    call.sink->Deliver(std::move(told), nullptr);
  }
}

Error StdioSupervisor::Unavailable() const {
  Error error{.reason = Reason::kUpstreamUnavailable,
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
  FailCalls(Error{.reason = Reason::kShuttingDown, .message = "the bridge is shutting down"});
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
  calls_.clear();
  channel_.reset();
  CloseSession("destroyed");
}

}  // namespace mcpbridge

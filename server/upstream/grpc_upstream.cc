#include "server/upstream/grpc_upstream.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

#include "server/base/log.h"
#include "server/mcp/initialize.h"
#include "server/mcp/modern.h"
#include "server/mcp/modern_meta.h"
#include "server/upstream/grpc_channel.h"

namespace mcpbridge {

// What a server may offer, and a request that only one which does can answer.
struct GrpcFeature {
  std::string_view capability;
  std::string_view method;
  std::string_view params;
};

namespace {

// From asking what the server offers to its answers.
constexpr std::chrono::seconds kAskTime{30};
// How often it is looked whether there is still a connection. Looking costs nothing on the wire.
constexpr std::chrono::milliseconds kLookTime{1000};

constexpr long long kMethodNotFound = -32601;

constexpr GrpcFeature kFeatures[] = {
    {"tools", "tools/list", ""},
    {"resources", "resources/list", ""},
    {"prompts", "prompts/list", ""},
    {"completions", "completion/complete",
     R"({"ref":{"type":"ref/prompt","name":""},"argument":{"name":"","value":""}})"},
};

// With the members that say of a request that it is the bridge's own.
std::string OwnParams(std::string_view params) {
  return WithRequestMeta(params, {.protocol_version = kModernVersion,
                                  .client_info = BridgeInfo(),
                                  .client_capabilities = "{}"})
      .value();
}

}  // namespace

// One question to the server, and what came of it.
class GrpcUpstream::Probe final : private ReplyHandler {
 public:
  enum class Verdict { kOffered, kNotOffered, kFaulty, kGone };

  Probe(GrpcUpstream& owner, const GrpcFeature& feature) : owner_(owner), feature_(feature) {}

  void Begin() {
    ReplyHandler& self = *this;
    auto sent = owner_.Send(owner_.home_,
                            {.method = std::string(feature_.method),
                             .params = OwnParams(feature_.params),
                             .deadline = Deadline::After(kAskTime)},
                            self);
    if (sent) {
      exchange_ = *std::move(sent);
    } else {
      why_ = sent.error().message;
      owner_.home_.Post([&owner = owner_] { owner.OnProbe(); });
    }
  }

  const GrpcFeature& feature() const { return feature_; }
  Verdict verdict() const { return verdict_; }
  const std::string& why() const { return why_; }

 private:
  void OnReply(Result<jsonrpc::Message> message) override {
    if (!message) {
      Fail(message.error());
    } else if (message->kind == jsonrpc::Kind::kError) {
      Fail(jsonrpc::UpstreamErrorOf(message->error));
    } else {
      verdict_ = Verdict::kOffered;
    }
    exchange_.reset();
    owner_.OnProbe();  // this may be gone now
  }

  void Fail(const Error& error) {
    why_ = error.message;
    const bool unknown = error.reason == Reason::kMethodNotFound ||
                         (error.upstream && error.upstream->code == kMethodNotFound);
    const bool gone = error.reason == Reason::kUpstreamUnavailable ||
                      error.reason == Reason::kUpstreamLost ||
                      error.reason == Reason::kDeadlineExceeded;
    verdict_ = unknown ? Verdict::kNotOffered : gone ? Verdict::kGone : Verdict::kFaulty;
  }

  GrpcUpstream& owner_;
  const GrpcFeature& feature_;
  std::unique_ptr<Exchange> exchange_;
  Verdict verdict_ = Verdict::kFaulty;
  std::string why_;
};

GrpcUpstream::GrpcUpstream(const ServerConfig& server, Executor& executor, Lane& home,
                           Limits limits, UpstreamUse use)
    : Upstream(server),
      executor_(executor),
      home_(home),
      use_(std::move(use)),
      channel_(MakeGrpcChannel(server.url, limits.response_bytes)),
      stub_(channel_),
      site_{.config = config(),
            .stub = stub_,
            .response_bytes = limits.response_bytes,
            .unreachable = [this] { home_.Post([this] { Unreachable(); }); }} {}

GrpcUpstream::~GrpcUpstream() = default;

void GrpcUpstream::Start() {
  site_.pump = &executor_.ClientPump();
  home_.Post([this] { Ask(State::kConnecting); });
}

Result<std::unique_ptr<Exchange>> GrpcUpstream::Send(Lane& lane, UpstreamRequest request,
                                                     ReplyHandler& handler) {
  auto exchange = std::make_unique<GrpcExchange>(site_, lane, handler, alive_);
  if (auto error = exchange->Begin(request)) return *std::move(error);
  return exchange;
}

void GrpcUpstream::Ask(State meanwhile) {
  state_ = meanwhile;
  Disarm();
  probes_.clear();
  for (const GrpcFeature& feature : kFeatures) {
    probes_.push_back(std::make_unique<Probe>(*this, feature));
  }
  unanswered_ = probes_.size();
  for (auto& probe : probes_) probe->Begin();
}

void GrpcUpstream::OnProbe() {
  if (state_ == State::kStopped || unanswered_ == 0 || --unanswered_ > 0) return;
  // Not from within the last of them.
  home_.Post([this] {
    if (unanswered_ == 0 && (state_ == State::kConnecting || state_ == State::kChecking)) {
      Conclude();
    }
  });
}

void GrpcUpstream::Conclude() {
  using Verdict = Probe::Verdict;
  std::size_t offered = 0;
  std::string gone;
  std::string faulty;
  for (const auto& probe : probes_) {
    if (probe->feature().capability == "completions") continue;  // asked with nothing to complete
    if (probe->verdict() == Verdict::kOffered) ++offered;
    if (probe->verdict() == Verdict::kGone) gone = probe->why();
    if (probe->verdict() == Verdict::kFaulty) faulty = probe->why();
  }
  if (!gone.empty()) return GoDown(gone);
  if (offered > 0) return Open();
  GoDown(faulty.empty() ? "it does not serve model_context_protocol.Mcp" : faulty);
}

void GrpcUpstream::Open() {
  const bool was_ready = state_ == State::kChecking;
  std::string capabilities;
  const auto offers = [this](std::string_view capability) {
    return std::ranges::any_of(probes_, [capability](const auto& probe) {
      return probe->feature().capability == capability &&
             probe->verdict() != Probe::Verdict::kNotOffered;
    });
  };
  for (const GrpcFeature& feature : kFeatures) {
    if (!offers(feature.capability)) continue;
    capabilities += capabilities.empty() ? "{\"" : ",\"";
    capabilities.append(feature.capability).append("\":{}");
  }
  capabilities += '}';
  const bool tools = offers("tools");
  const bool resources = offers("resources");
  const bool prompts = offers("prompts");
  probes_.clear();
  state_ = State::kReady;
  backoff_.Reset();
  if (!was_ready)
    spdlog::info("upstream {}: reached over gRPC, has {}", config().name, capabilities);
  Report([&](UpstreamStatus& status) {
    status.health = UpstreamHealth::kServing;
    status.last_error.clear();
    status.protocol_version = kModernVersion;
    status.capabilities = capabilities;
    status.has_tools = tools;
    status.has_resources = resources;
    status.has_prompts = prompts;
  });
  home_.deadlines().Arm(*this, Deadline::After(kLookTime));
  use_.lists_changed();
}

void GrpcUpstream::GoDown(const std::string& why) {
  probes_.clear();
  state_ = State::kDown;
  Report([&](UpstreamStatus& status) {
    status.health = UpstreamHealth::kNotServing;
    status.last_error = why;
  });
  // Without a connection asking again costs nothing on the wire: gRPC connects with its own
  // backoff.
  const std::chrono::milliseconds wait = backoff_.Next();
  const bool connected = channel_->GetState(/*try_to_connect=*/false) == GRPC_CHANNEL_READY;
  home_.deadlines().Arm(*this, Deadline::After(connected ? wait : std::min(wait, kLookTime)));
}

void GrpcUpstream::Unreachable() {
  if (state_ == State::kReady) Ask(State::kChecking);
}

void GrpcUpstream::OnDeadline() {
  if (state_ == State::kDown) return Ask(State::kConnecting);
  if (state_ != State::kReady) return;
  if (channel_->GetState(/*try_to_connect=*/false) != GRPC_CHANNEL_READY) {
    return Ask(State::kChecking);
  }
  home_.deadlines().Arm(*this, Deadline::After(kLookTime));
}

void GrpcUpstream::Report(const std::function<void(UpstreamStatus&)>& change) {
  use_.Report(config().name, change);
}

// Calls that were given up may still be on their way back from gRPC.
void GrpcUpstream::Stop(std::string why, std::function<void()> done) {
  home_.Post([this, why = std::move(why), done = std::move(done)]() mutable {
    spdlog::debug("upstream {}: closed: {}", config().name, why);
    state_ = State::kStopped;
    Disarm();
    probes_.clear();
    alive_->gone = std::move(done);
    alive_.reset();
  });
}

}  // namespace mcpbridge

#include "server/frontend/grpc/grpc_frontend.h"

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include <chrono>
#include <limits>
#include <optional>

#include "server/base/log.h"
#include "server/frontend/listen.h"

namespace mcpbridge {
namespace {

using std::chrono::milliseconds;

// Beyond any number of calls that fits into memory: the live gate counts, it doesn't limit.
constexpr std::uint64_t kNoLimit = std::uint64_t{1} << 62;

// A connection with calls on it is asked for a sign of life this often, and closed, its calls
// cancelled, if none comes in time: a caller whose machine is gone holds its tools no longer than
// that.
constexpr milliseconds kKeepaliveTime = std::chrono::seconds(60);
constexpr milliseconds kKeepaliveTimeout = std::chrono::seconds(20);
// Callers may do the same every 10 seconds, the least that gRPC's own clients do; gRPC's default of
// 5 minutes would close connections whose only call is a slow tool.
constexpr milliseconds kLeastPingInterval = std::chrono::seconds(10);

// How long cancelled calls may take to come back.
constexpr std::chrono::seconds kCancelGrace{5};

int ToInt(std::size_t value) {
  constexpr auto kMax = static_cast<std::size_t>(std::numeric_limits<int>::max());
  return static_cast<int>(std::min(value, kMax));
}
int ToInt(milliseconds time) { return static_cast<int>(time.count()); }

void SetLimits(grpc::ServerBuilder& builder, const BridgeConfig::Limits& limits) {
  builder.SetMaxReceiveMessageSize(ToInt(limits.request_bytes));
  builder.SetMaxSendMessageSize(-1);  // limits.response_bytes has bounded it before
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, ToInt(limits.header_bytes));
  // One connection may use all of the bridge, and a little more: what is beyond
  // limits.in_flight_calls is refused with a reason, where a stream that gRPC holds back would wait
  // unseen.
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, limits.in_flight_calls + 128);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, ToInt(kKeepaliveTime));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, ToInt(kKeepaliveTimeout));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             ToInt(kLeastPingInterval));
  // A port that another process has is an error, not a share of its callers.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
}

Error CannotListen(const ListenAddress& address, const std::string& why) {
  return CannotListen("gRPC", "grpc_listen", address, why);
}

// `time` after `deadline`, and not before `time` from now.
Deadline Plus(Deadline deadline, Deadline::Clock::duration time) {
  if (deadline.never()) return deadline;
  return Deadline::After(deadline.remaining() + time);
}

std::chrono::system_clock::time_point ToSystemClock(Deadline deadline) {
  if (deadline.never()) return std::chrono::system_clock::time_point::max();
  return std::chrono::system_clock::now() +
         std::chrono::duration_cast<std::chrono::system_clock::duration>(deadline.remaining());
}

std::vector<std::unique_ptr<MethodSet>> MakeMethods(ToolService& tools, ClientSessions& sessions,
                                                    Gate& live) {
  std::vector<std::unique_ptr<MethodSet>> methods;
  for (const auto make : {MakeToolMethods, MakeResourceMethods, MakePromptMethods,
                          MakeCompletionMethods, MakeGoogleMethods}) {
    methods.push_back(make(tools, live));
  }
  methods.push_back(MakeSessionMethods(tools, sessions, live));
  return methods;
}

}  // namespace

GrpcFrontend::GrpcFrontend(ToolService& tools, ClientSessions& sessions, Executor& executor,
                           StatusBoard& status, Arming arming)
    : tools_(tools),
      executor_(executor),
      arming_(arming),
      live_(kNoLimit),
      methods_(MakeMethods(tools, sessions, live_)),
      health_(status, live_),
      reflection_(tools, live_) {}

GrpcFrontend::~GrpcFrontend() { Shutdown(Deadline::After({})); }

Result<std::string> GrpcFrontend::Start() {
  const ListenAddress address = Resolved(tools_.config().bridge.grpc_listen);
  // Tried first: gRPC would log pages where a sentence is enough.
  if (const auto obstacle = PrepareToListen(address)) {
    return CannotListen(address, obstacle->message);
  }
  if (!address.is_unix()) return Build(address);
  const PrivateFiles private_files;
  return Build(address);
}

Result<std::string> GrpcFrontend::Build(const ListenAddress& address) {
  const BridgeConfig& bridge = tools_.config().bridge;
  grpc::ServerBuilder builder;
  SetLimits(builder, bridge.limits);
  int port = 0;
  builder.AddListeningPort(address.ToString(), grpc::InsecureServerCredentials(), &port);
  for (const auto& methods : methods_) builder.RegisterService(&methods->service());
  builder.RegisterService(&health_.service());
  builder.RegisterService(&reflection_.v1());
  builder.RegisterService(&reflection_.v1alpha());
  for (int i = 0; i < bridge.grpc_queues; ++i) {
    queues_.push_back(&executor_.AddQueue(builder.AddCompletionQueue()));
  }
  server_ = builder.BuildAndStart();
  if (server_ == nullptr || port == 0) return CannotListen(address, "gRPC refused it");
  ListenAddress bound = address;
  if (!bound.is_unix()) bound.port = static_cast<std::uint16_t>(port);
  return bound.ToString();
}

void GrpcFrontend::Arm() {
  for (grpc::ServerCompletionQueue* queue : queues_) {
    for (const auto& methods : methods_) methods->Arm(*queue, arming_);
    health_.Arm(*queue, arming_);
    reflection_.Arm(*queue, arming_);
  }
}

void GrpcFrontend::StopAccepting() {
  health_.Drain();
  reflection_.Drain();
  for (const auto& methods : methods_) methods->Drain();
}

bool GrpcFrontend::Shutdown(Deadline deadline) {
  if (server_ == nullptr || is_shut_down_) return true;
  is_shut_down_ = true;
  StopAccepting();
  live_.Close();  // no call is armed any more
  server_->Shutdown(ToSystemClock(deadline));
  // What was armed comes back with ok=false, and what was cancelled is finished on its lane.
  const bool ended = live_.WaitUntilEmpty(Plus(deadline, kCancelGrace));
  if (!ended) spdlog::error("grpc: {} calls did not end when they were cancelled", live_.count());
  return ended;
}

}  // namespace mcpbridge

#include "server/app/app.h"

#include <chrono>
#include <string_view>
#include <utility>
#include <vector>

#include "server/base/log.h"
#include "server/config/difference.h"

namespace mcpbridge {
namespace {

// From a stop to the end of all subscriptions: who doesn't read isn't told.
constexpr std::chrono::seconds kSubscriptionGrace{1};
// Names of servers in the life of the process: each keeps its place, a few hundred bytes here and
// on each lane. Several times what anybody has at once.
constexpr std::size_t kMostPlaces = 10'000;

std::vector<std::string> NamesOf(const Config& config) {
  std::vector<std::string> names;
  for (const ServerConfig& server : config.servers) names.push_back(server.name);
  return names;
}

// Logs what a step of the way down took.
class Step {
 public:
  explicit Step(std::string_view what) : what_(what) {}
  ~Step() {
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - begin_);
    spdlog::info("stop: {} ({} ms)", what_, took.count());
  }
  Step(const Step&) = delete;
  Step& operator=(const Step&) = delete;

 private:
  const std::string_view what_;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace

App::App(const Config& config, Executor& executor)
    : executor_(executor),
      status_(NamesOf(config)),
      router_(config, executor),
      pool_(config, executor, router_, status_),
      observer_(executor,
                AccessLog::FormatOf(config.bridge.access_log).value_or(AccessLog::Format::kOff)),
      service_(config, executor, pool_, router_, status_, observer_),
      sessions_(service_),
      grpc_(service_, sessions_, executor, status_),
      http_(service_, sessions_, executor) {
  if (config.bridge.admin_listen) {
    admin_.emplace(*config.bridge.admin_listen, service_, sessions_, executor, http_);
  }
  pool_.WhenListsChange([this](std::size_t server, ListKind kind) {
    service_.OnListChanged(server);
    sessions_.OnListChanged(server, kind);
    service_.subscriptions().OnListChanged(server, kind);
  });
}

App::~App() { Stop("start failed"); }

Result<App::Addresses> App::Start() {
  Addresses addresses;
  Result<std::string> grpc = grpc_.Start();
  if (!grpc) return std::move(grpc).error();
  addresses.grpc = *std::move(grpc);
  executor_.Start();
  running_ = true;
  pool_.Start();
  Result<std::string> http = http_.Start();
  if (!http) return std::move(http).error();
  addresses.http = *std::move(http);
  if (admin_) {
    Result<std::string> admin = admin_->Start();
    if (!admin) return std::move(admin).error();
    addresses.admin = *std::move(admin);
  }
  grpc_.Arm();
  status_.SetServing(true);
  spdlog::info("serving: http {} grpc {} admin {}, {} servers, {} lanes, {} threads",
               addresses.http, addresses.grpc, admin_ ? addresses.admin : "off",
               config().servers.size(), executor_.lane_count(), executor_.thread_count());
  return addresses;
}

Result<std::string> App::Reload(Config wanted) {
  auto placed = std::make_shared<const Config>(Placed(std::move(wanted), config()));
  if (placed->servers.size() > kMostPlaces) {
    return Error{.reason = Reason::kOverloaded,
                 .message = "since it was started the bridge has had " +
                            std::to_string(placed->servers.size()) +
                            " names of servers with these, and keeps " +
                            std::to_string(kMostPlaces) + ": it needs a restart"};
  }
  const Config& running = config();
  std::string text = ChangesOf(running, *placed).ToString();
  if (running.bridge != placed->bridge) text += "; settings have changed";
  if (running.master_key != placed->master_key) text += "; the key has changed";
  std::vector<std::size_t> concerned;
  for (std::size_t i = 0; i < placed->servers.size(); ++i) {
    const bool is_new = i >= running.servers.size();
    if (is_new || running.servers[i] != placed->servers[i]) concerned.push_back(i);
  }
  const std::vector<std::size_t> retired = pool_.Change(placed);
  service_.OnConfigChanged(placed, retired, concerned);
  sessions_.SetLimits(placed->bridge.limits);
  if (!concerned.empty()) sessions_.OnServersChanged(retired, concerned);
  return text;
}

void App::Stop(const std::string& why) {
  if (std::exchange(stopped_, true)) return;
  const std::chrono::milliseconds drain_grace = config().bridge.drain_grace;
  const Deadline grace = Deadline::After(drain_grace);
  spdlog::info("stop: {}; {} calls under way", why, service_.gate().count());
  if (running_) {
    const Step step("no new calls");
    status_.SetServing(false);
    service_.gate().Close();
    http_.StopAccepting();
    grpc_.StopAccepting();
  }
  if (running_) {
    const Step step("subscriptions have ended");
    service_.EndSubscriptions(Min(grace, Deadline::After(kSubscriptionGrace)));
  }
  if (running_) {
    const Step step("calls under way have ended");
    if (!service_.gate().WaitUntilEmpty(grace)) {
      spdlog::warn("stop: {} calls are still under way after {} ms and are cancelled",
                   service_.gate().count(), drain_grace.count());
    }
  }
  {
    const Step step("gRPC server is shut down");
    if (!grpc_.Shutdown(grace)) spdlog::critical("stop: gRPC does not give its calls back");
  }
  if (running_) {
    const Step step("HTTP connections are closed");
    // First: its calls are the HTTP front's.
    if (admin_) admin_->Close();
    http_.Close();
  }
  if (running_) {
    const Step step("sessions and processes are closed");
    service_.CloseParked();
    sessions_.CloseAll(why);
    pool_.Stop(why);
  }
  const Step step("threads have ended");
  executor_.DrainQueues();
  executor_.StopLanes();
}

}  // namespace mcpbridge

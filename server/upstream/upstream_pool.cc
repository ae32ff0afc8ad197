#include "server/upstream/upstream_pool.h"

#include <algorithm>
#include <map>
#include <utility>

#include "server/base/log.h"
#include "server/config/difference.h"
#include "server/upstream/kept_subscriptions.h"
#include "server/upstream/legacy_view.h"

namespace mcpbridge {

UpstreamPool::UpstreamPool(const Config& config, Executor& executor, Router& router,
                           StatusBoard& status)
    : executor_(executor),
      router_(router),
      status_(status),
      link_(std::make_shared<Link>()),
      config_(std::make_shared<const Config>(config)) {
  link_->pool = this;
  SetLimits(config.bridge.limits);
  std::vector<std::shared_ptr<Server>> servers;
  for (std::size_t i = 0; i < config.servers.size(); ++i) {
    numbers_.push_back(0);
    servers.push_back(MakeServer(config.servers[i], i, 0, config.bridge.limits));
  }
  set_ = std::make_shared<const ServerSet>(std::move(servers));
  router_.Begin(config_, set_, numbers_);
}

void UpstreamPool::SetLimits(const BridgeConfig::Limits& limits) {
  const std::lock_guard lock(mutex_);
  max_client_processes_ = limits.client_processes;
  max_call_sessions_ = limits.in_flight_calls;
}

const std::shared_ptr<Server>& UpstreamPool::At(std::size_t server) const {
  const Lane* const lane = Lane::Current();
  const bool on_lane = lane != nullptr && lane->index() >= 0;
  return (on_lane ? *router_.Current(*lane)->servers() : *set_).At(server);
}

std::shared_ptr<Server> UpstreamPool::MakeServer(const ServerConfig& config, std::size_t index,
                                                 Router::Number number,
                                                 const BridgeConfig::Limits& limits) {
  const HttpPool::Limits http{.connections = static_cast<std::size_t>(limits.upstream_connections),
                              .response_bytes = limits.response_bytes};
  auto server =
      std::make_unique<Server>(config, index, number,
                               Server::Environment{.executor = executor_,
                                                   .trust = trust_,
                                                   .router = router_,
                                                   .status = status_,
                                                   .limits = http},
                               [this, index](ListKind kind) { list_changed_(index, kind); });
  {
    const std::lock_guard lock(mutex_);
    servers_.insert(server.get());
  }
  return std::shared_ptr<Server>(server.release(), [link = link_](Server* gone) {
    const std::lock_guard lock(link->mutex);
    if (link->pool != nullptr) {
      link->pool->SeeOff(gone);
    } else {
      delete gone;
    }
  });
}

// Nobody holds it: it is closed, and freed behind whatever it has posted to its lane meanwhile.
void UpstreamPool::SeeOff(Server* server) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) {
      let_go_.emplace_back(server);
      return;
    }
    servers_.erase(server);
    ++closing_;
  }
  server->Close("it is not configured any more, or otherwise", [this, server] {
    server->home().Post([this, server] {
      const std::string name = server->config().name;
      delete server;
      spdlog::info("upstream {}: what a reload has taken out is closed", name);
      const std::lock_guard lock(mutex_);
      --closing_;
      changed_.notify_all();
    });
  });
}

Result<std::shared_ptr<Upstream>> UpstreamPool::NewSession(
    const std::shared_ptr<Server>& server, const ClientProfile& client, const std::string& label,
    Whose whose, Unsolicited unsolicited, const std::vector<std::string>& subscribed) {
  return MakeSession(server, &client,
                     UpstreamUse{.label = label,
                                 .one_client = whose == Whose::kOneClient,
                                 .unsolicited = std::move(unsolicited)},
                     /*is_for_call=*/false, subscribed);
}

Result<std::shared_ptr<Upstream>> UpstreamPool::NewCallSession(
    const std::shared_ptr<Server>& server, const ClientProfile* client) {
  return MakeSession(server, client, UpstreamUse{.label = " (one call)", .one_client = true},
                     /*is_for_call=*/true);
}

Result<std::shared_ptr<Upstream>> UpstreamPool::MakeSession(
    const std::shared_ptr<Server>& server, const ClientProfile* client, UpstreamUse use,
    bool is_for_call, const std::vector<std::string>& subscribed) {
  Upstream* const modern = server->modern();
  const ServerEra& era = server->era();
  const bool is_told = static_cast<bool>(use.unsolicited.announce);
  const unsigned turn = next_home_.fetch_add(1, std::memory_order_relaxed);
  Lane* const home =
      &executor_.lane(static_cast<int>(turn % static_cast<unsigned>(executor_.lane_count())));
  const auto view = [&]() -> std::unique_ptr<LegacyView> {
    if (client == nullptr) return std::make_unique<LegacyView>(*modern);
    return is_told ? std::make_unique<LegacyView>(*modern, *client, *home, use.unsolicited)
                   : std::make_unique<LegacyView>(*modern, *client);
  };
  const bool is_view = era.get() == Era::kModern;
  // One that all share, as it were, of the server: it keeps what it needs of it.
  if (is_view && !is_told) {
    return std::shared_ptr<Upstream>(view().release(), [server](Upstream* gone) { delete gone; });
  }
  const Counted counted{.server = server->index(),
                        .is_process = !is_view && !server->is_http(),
                        .is_for_call = is_for_call};
  if (auto refused = CountIn(*server, counted)) return *std::move(refused);
  std::shared_ptr<KeptSubscriptions> kept;
  if (is_told) {
    kept = std::make_shared<KeptSubscriptions>(era, *home, use.unsolicited.announce);
    use.holds_open = [kept] { return kept->HoldOpen(); };
    use.opened = [kept] { kept->OnOpened(); };
  }
  std::unique_ptr<Upstream> session;
  if (is_view) {
    session = view();
  } else {
    use.initialize_params = client != nullptr ? InitializeParams(*client) : InitializeParams();
    use.only_on_demand = true;
    use.lists_changed = [] {};
    session = server->Make(*home, use);
    if (modern != nullptr) session = std::make_unique<EitherEra>(era, std::move(session), view());
  }
  if (kept != nullptr) {
    session = std::make_unique<SubscribingSession>(std::move(session), kept);
    if (!subscribed.empty()) kept->Adopt(subscribed);
  }
  session->Start();
  return Own(std::move(session), server, *home, counted);
}

std::shared_ptr<Upstream> UpstreamPool::Own(std::unique_ptr<Upstream> session,
                                            std::shared_ptr<Server> server, Lane& home,
                                            Counted counted) {
  return std::shared_ptr<Upstream>(session.release(), [this, server = std::move(server), &home,
                                                       counted](Upstream* gone) mutable {
    SeeOff(gone, std::move(server), home, counted);
  });
}

std::optional<Error> UpstreamPool::CountIn(const Server& server, Counted counted) {
  const auto full = [&](const char* message, const char* limit) {
    return Error{.reason = Reason::kOverloaded,
                 .message = message,
                 .metadata = {{"limit", limit}, {"server", server.config().name}},
                 .retry_after = std::chrono::seconds(1)};
  };
  const std::lock_guard lock(mutex_);
  if (counted.is_process && client_processes_ >= max_client_processes_) {
    return full("as many processes run for clients as may", "bridge.limits.client_processes");
  }
  if (counted.is_for_call && call_sessions_ >= max_call_sessions_) {
    return full("as many sessions for single calls are there, or are being closed, as may",
                "bridge.limits.in_flight_calls");
  }
  ++client_sessions_;
  if (sessions_of_.size() <= counted.server) sessions_of_.resize(counted.server + 1);
  ++sessions_of_[counted.server];
  client_processes_ += counted.is_process;
  call_sessions_ += counted.is_for_call;
  return std::nullopt;
}

void UpstreamPool::CountOut(Counted counted) {
  const std::lock_guard lock(mutex_);
  --client_sessions_;
  --sessions_of_[counted.server];
  client_processes_ -= counted.is_process;
  call_sessions_ -= counted.is_for_call;
  changed_.notify_all();
}

// Nobody holds it: it is stopped, and freed behind whatever it has posted to its lane meanwhile;
// then its server may be let go of.
void UpstreamPool::SeeOff(Upstream* session, std::shared_ptr<Server> server, Lane& home,
                          Counted counted) {
  const char* const why = counted.is_for_call ? "the call is over" : "the client's session is over";
  session->Stop(why, [this, session, server = std::move(server), &home, counted] {
    home.Post([this, session, server, counted]() mutable {
      delete session;
      server.reset();
      CountOut(counted);
    });
  });
}

// The lanes have stopped by now.
UpstreamPool::~UpstreamPool() {
  {
    const std::lock_guard lock(link_->mutex);
    link_->pool = nullptr;
  }
  // Some may be held by what the lanes have left undone, and go with it.
  for (Server* const server : servers_) server->Clear();
  router_.Clear();
}

void UpstreamPool::Start() {
  for (std::size_t i = 0; i < set_->size(); ++i) {
    if (set_->At(i) != nullptr) set_->At(i)->Start();
  }
}

// First there are places for those that are new, with nothing in them: then no lane can meet an
// index that it knows nothing of.
void UpstreamPool::Grow(const Config& placed) {
  if (placed.servers.size() == config_->servers.size()) return;
  auto grown = std::make_shared<Config>(*config_);
  std::vector<std::shared_ptr<Server>> servers;
  for (std::size_t i = 0; i < set_->size(); ++i) servers.push_back(set_->At(i));
  if (grown->order.empty()) {
    for (std::size_t i = 0; i < grown->servers.size(); ++i) grown->order.push_back(i);
  }
  for (std::size_t i = grown->servers.size(); i < placed.servers.size(); ++i) {
    ServerConfig& empty = grown->servers.emplace_back();
    empty.name = placed.servers[i].name;
    empty.absent = true;
    servers.emplace_back();
    numbers_.push_back(++last_number_);
  }
  router_.Change(std::move(grown), std::make_shared<const ServerSet>(std::move(servers)), numbers_);
}

std::vector<std::size_t> UpstreamPool::Change(const std::shared_ptr<const Config>& config) {
  Grow(*config);
  std::vector<std::size_t> retired;
  std::vector<std::shared_ptr<Server>> servers;
  std::vector<std::shared_ptr<Server>> added;
  std::map<std::string, std::uint64_t> shown;
  for (std::size_t i = 0; i < config->servers.size(); ++i) {
    const std::shared_ptr<Server> before = i < set_->size() ? set_->At(i) : nullptr;
    const ServerConfig& entry = config->servers[i];
    if (before != nullptr && SameConnection(before->config(), entry)) {
      servers.push_back(before);
    } else {
      if (before != nullptr) retired.push_back(i);
      if (before != nullptr || !entry.absent) numbers_[i] = ++last_number_;
      servers.push_back(entry.absent ? nullptr
                                     : MakeServer(entry, i, numbers_[i], config->bridge.limits));
      if (!entry.absent) added.push_back(servers.back());
    }
    if (!entry.absent) shown[entry.name] = numbers_[i];
  }
  SetLimits(config->bridge.limits);
  status_.Change(shown);
  auto set = std::make_shared<const ServerSet>(std::move(servers));
  router_.Change(config, set, numbers_);
  for (const std::size_t i : retired) set_->At(i)->Retire();
  config_ = config;
  set_ = std::move(set);
  for (const auto& server : added) server->Start();
  return retired;
}

void UpstreamPool::Stop(const std::string& why) {
  std::vector<Server*> left_open;
  std::size_t left = 0;
  {
    std::unique_lock lock(mutex_);
    for (Server* const server : servers_) server->StopAsking();
    // Clients' sessions may go by way of those that all share.
    changed_.wait(lock, [&] { return client_sessions_ == 0 && closing_ == 0; });
    stopping_ = true;
    left_open.assign(servers_.begin(), servers_.end());
    left = left_open.size();
  }
  for (Server* const server : left_open) {
    server->Close(why, [&] {
      const std::lock_guard done_lock(mutex_);
      --left;
      changed_.notify_all();
    });
  }
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return left == 0; });
}

std::size_t UpstreamPool::server_count() const {
  const std::lock_guard lock(mutex_);
  return servers_.size() + closing_;
}

void UpstreamPool::AddConnections(const Lane& lane, std::vector<Usage>& usage) const {
  const ServerSet& set = *router_.Current(lane)->servers();
  for (std::size_t i = 0; i < std::min(set.size(), usage.size()); ++i) {
    if (set.At(i) != nullptr) usage[i].connections += set.At(i)->connections(lane);
  }
}

// Those of servers that were retired and haven't ended yet count in the same place.
void UpstreamPool::AddSessions(std::vector<Usage>& usage) const {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < std::min(usage.size(), sessions_of_.size()); ++i) {
    usage[i].sessions += sessions_of_[i];
  }
  for (const Server* const server : servers_) {
    if (server->index() < usage.size()) usage[server->index()].processes += server->processes();
  }
}

void UpstreamPool::RefreshCatalogue(std::size_t server, ListKind kind, Lane& lane,
                                    std::chrono::milliseconds max_age, Deadline deadline,
                                    std::function<void(std::optional<Error>)> done) {
  const std::shared_ptr<Server>& at = At(server);
  if (at == nullptr) return done(CheckPresent(router_.Current(lane)->config(), server));
  // Whoever waits while another server takes its place waits for that one's list.
  at->lists().Refresh(kind, lane, max_age, deadline,
                      [this, at, kind, &lane, max_age, deadline,
                       done = std::move(done)](std::optional<Error> error) mutable {
                        if (error && at->retired() && !deadline.expired()) {
                          return RefreshCatalogue(at->index(), kind, lane, max_age, deadline,
                                                  std::move(done));
                        }
                        done(std::move(error));
                      });
}

}  // namespace mcpbridge

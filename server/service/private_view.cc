#include "server/service/private_view.h"

#include <algorithm>
#include <utility>

#include "server/upstream/list_loader.h"

namespace mcpbridge {
namespace {

// An exchange that keeps the session which it is in.
class HeldExchange final : public Exchange {
 public:
  HeldExchange(std::shared_ptr<Upstream> session, std::unique_ptr<Exchange> exchange)
      : session_(std::move(session)), exchange_(std::move(exchange)) {}

  void Answer(std::string response) override { exchange_->Answer(std::move(response)); }

 private:
  const std::shared_ptr<Upstream> session_;
  const std::unique_ptr<Exchange> exchange_;  // goes first
};

}  // namespace

// A server by way of whichever session there is when a request comes.
class SessionSource final : public Upstream {
 public:
  using Find = std::function<Result<std::shared_ptr<Upstream>>(std::size_t server)>;

  SessionSource(const ServerConfig& config, std::size_t server, Find find)
      : Upstream(config), server_(server), find_(std::move(find)) {}

  Lane* home() override { return nullptr; }
  void Start() override {}
  void Notify(std::string) override {}
  void Stop(std::string, std::function<void()> done) override { done(); }

  Result<std::unique_ptr<Exchange>> Send(Lane& lane, UpstreamRequest request,
                                         ReplyHandler& handler) override {
    Result<std::shared_ptr<Upstream>> session = find_(server_);
    if (!session) return std::move(session).error();
    auto exchange = (*session)->Send(lane, std::move(request), handler);
    if (!exchange) return std::move(exchange).error();
    return std::make_unique<HeldExchange>(*std::move(session), *std::move(exchange));
  }

 private:
  const std::size_t server_;
  const Find find_;
};

// The lists of one server, as far as they differ from those that everybody sees.
class PrivateView::Lists final : private ListOwner {
 public:
  Lists(const PrivateView& view, std::size_t server, const ServerConfig& config, Lane& home)
      : router_(view.router_),
        version_(view.version_),
        server_(server),
        config_(config),
        home_(home),
        source_(config_, server, view.source_.session) {}

  Lane& home() const { return home_; }

  void Refresh(ListKind kind, Lane& lane, std::chrono::milliseconds max_age, Deadline deadline,
               ListLoader::Done done) {
    const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(
        Deadline::Clock::now() - outdated_at_.load());
    ListLoader& loader = LoaderOf(kind);
    if (loader.IsFresh(std::min(max_age, since))) return done(std::nullopt);
    loader.Refresh(lane, deadline, std::move(done));
  }

  void Outdate() { outdated_at_.store(Deadline::Clock::now()); }

  void Stop(const Error& why) {
    home_.Post([this, why] {
      const std::lock_guard lock(mutex_);
      for (const ListKind kind : kListKinds) {
        if (loaders_[kind] != nullptr) loaders_[kind]->Stop(why);
      }
    });
  }

  // `base` with these lists in it; null: they are the same.
  std::shared_ptr<const Catalogue> MergeInto(const Catalogue* base) const {
    const std::lock_guard lock(own_mutex_);
    std::shared_ptr<Catalogue> merged;
    for (const ListKind kind : kListKinds) {
      if (own_[kind] == nullptr) continue;
      if (merged == nullptr) {
        merged = base ? std::make_shared<Catalogue>(*base) : std::make_shared<Catalogue>();
      }
      merged->lists[kind].list = own_[kind];
    }
    return merged;
  }

 private:
  ListLoader& LoaderOf(ListKind kind) {
    const std::lock_guard lock(mutex_);
    ListOwner& self = *this;
    if (loaders_[kind] == nullptr) {
      loaders_[kind] = std::make_unique<ListLoader>(kind, source_, home_, self);
    }
    return *loaders_[kind];
  }

  bool Offers(ListKind) const override { return true; }  // a list that it doesn't have is refused

  void OnList(ListKind kind, Result<EntryList> list) override {
    if (!list) return;
    const EntryList* const base = router_.Current(home_)->Known(server_, kind);
    std::shared_ptr<const EntryList> own;
    if (base == nullptr || *base != *list) {
      own = std::make_shared<const EntryList>(*std::move(list));
    }
    {
      const std::lock_guard lock(own_mutex_);
      own_[kind] = std::move(own);
    }
    version_->fetch_add(1);
  }

  Router& router_;
  const std::shared_ptr<std::atomic<std::uint64_t>> version_;
  const std::size_t server_;
  const ServerConfig config_;
  Lane& home_;
  SessionSource source_;
  std::atomic<Deadline::Clock::time_point> outdated_at_{Deadline::Clock::time_point()};
  std::mutex mutex_;
  PerList<std::unique_ptr<ListLoader>> loaders_;  // null: not asked yet
  mutable std::mutex own_mutex_;
  PerList<std::shared_ptr<const EntryList>> own_;  // null: what everybody sees
};

void PrivateView::OnItsLane::operator()(Lists* lists) const {
  lists->home().Post([own = std::unique_ptr<Lists>(lists)] {});
}

PrivateView::PrivateView(Executor& executor, UpstreamPool& pool, Router& router, Source source)
    : executor_(executor),
      pool_(pool),
      router_(router),
      source_(std::move(source)),
      version_(std::make_shared<std::atomic<std::uint64_t>>(0)),
      made_(static_cast<std::size_t>(executor.lane_count())) {}

PrivateView::~PrivateView() = default;

std::shared_ptr<PrivateView::Lists> PrivateView::ListsOf(std::size_t server) {
  const std::lock_guard lock(mutex_);
  return server < lists_.size() ? lists_[server] : nullptr;
}

std::shared_ptr<PrivateView::Lists> PrivateView::MakeLists(std::size_t server) {
  const std::shared_ptr<Server>& at = pool_.At(server);
  const std::lock_guard lock(mutex_);
  if (stopped_ || at == nullptr) return nullptr;
  if (lists_.size() <= server) lists_.resize(server + 1);
  if (lists_[server] == nullptr) {
    Lane& home = executor_.lane(static_cast<int>(server) % executor_.lane_count());
    lists_[server] =
        std::shared_ptr<Lists>(new Lists(*this, server, at->config(), home), OnItsLane());
  }
  return lists_[server];
}

void PrivateView::Outdate(std::size_t server) {
  if (const auto lists = ListsOf(server)) lists->Outdate();
}

// Whoever waits for one of these lists gets what everybody sees.
void PrivateView::Forget(std::size_t server) {
  std::shared_ptr<Lists> gone;
  {
    const std::lock_guard lock(mutex_);
    if (server >= lists_.size() || lists_[server] == nullptr) return;
    gone = std::move(lists_[server]);
  }
  gone->Stop(Error{.reason = Reason::kUpstreamUnavailable,
                   .message = "the server's configuration has just changed"});
  version_->fetch_add(1);
}

void PrivateView::Stop(const Error& why) {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  for (const auto& lists : lists_) {
    if (lists != nullptr) lists->Stop(why);
  }
}

std::shared_ptr<const RouteTable> PrivateView::Current(const Lane& lane) {
  const std::shared_ptr<const RouteTable>& base = router_.Current(lane);
  const std::uint64_t version = version_->load();
  Made& made = made_[static_cast<std::size_t>(lane.index())];
  if (made.base != base->number() || made.version != version) {
    made = {.base = base->number(), .version = version, .table = Merge(*base)};
  }
  return made.table != nullptr ? made.table : base;
}

// Null: it is what everybody sees.
std::shared_ptr<const RouteTable> PrivateView::Merge(const RouteTable& base) {
  std::vector<std::shared_ptr<const Catalogue>> catalogues;
  bool differs = false;
  for (std::size_t i = 0; i < base.config().servers.size(); ++i) {
    const Catalogue* const known = base.catalogue(i);
    const auto lists = ListsOf(i);
    auto merged = lists != nullptr ? lists->MergeInto(known) : nullptr;
    differs = differs || merged != nullptr;
    if (merged == nullptr && known != nullptr) merged = std::make_shared<const Catalogue>(*known);
    catalogues.push_back(std::move(merged));
  }
  return differs ? std::make_shared<const RouteTable>(base.shared_config(), std::move(catalogues))
                 : nullptr;
}

// First what everybody sees, which the server's own may turn out to be.
void PrivateView::Refresh(std::size_t server, ListKind kind, Lane& lane,
                          std::chrono::milliseconds max_age, Deadline deadline,
                          std::function<void(std::optional<Error>)> done) {
  if (!source_.may_differ(server)) {
    return pool_.RefreshCatalogue(server, kind, lane, max_age, deadline, std::move(done));
  }
  pool_.RefreshCatalogue(
      server, kind, lane, max_age, deadline,
      [self = shared_from_this(), server, kind, &lane, max_age, deadline,
       done = std::move(done)](std::optional<Error> shared) mutable {
        const auto lists = self->MakeLists(server);
        if (lists == nullptr || !self->pool_.Offers(server, kind)) return done(std::move(shared));
        lists->Refresh(kind, lane, max_age, deadline,
                       [self, shared = std::move(shared), done = std::move(done)](
                           const std::optional<Error>& own) { done(own ? shared : std::nullopt); });
      });
}

}  // namespace mcpbridge

#include "server/upstream/catalogue_loader.h"

#include <utility>

#include "server/base/log.h"

namespace mcpbridge {
namespace {

// From the first request for a list to its last page: LiteLLM's default for the same wait.
constexpr std::chrono::seconds kListTimeout{30};
// A server that never ends its list is cut off here, as LiteLLM does.
constexpr int kMaxPages = 1000;

bool IsMethodNotFound(const jsonrpc::Message& message) {
  constexpr long long kMethodNotFound = -32601;
  return message.kind == jsonrpc::Kind::kError &&
         jsonrpc::UpstreamErrorOf(message.error).upstream->code == kMethodNotFound;
}

}  // namespace

// One who waits for a load, by its own deadline. Lives on the loader's home lane.
struct CatalogueLoader::Waiter final : DeadlineEntry {
  Waiter(CatalogueLoader& owner, Lane& lane, Done done)
      : loader(owner), caller(lane), on_done(std::move(done)) {}

  void Tell(std::optional<Error> error) {
    caller.Post([done = std::move(on_done), error = std::move(error)]() mutable {
      done(std::move(error));
    });
  }

  void OnDeadline() override {
    Tell(Error{.reason = Reason::kDeadlineExceeded,
               .message = "the deadline passed while server \"" + loader.upstream_.config().name +
                          "\" was asked for its tools"});
    loader.waiters_.remove_if([this](const auto& waiter) { return waiter.get() == this; });
  }

  CatalogueLoader& loader;
  Lane& caller;
  Done on_done;
};

CatalogueLoader::CatalogueLoader(std::size_t server, Upstream& upstream, Lane& home, Router& router)
    : server_(server), upstream_(upstream), home_(home), router_(router) {}

CatalogueLoader::~CatalogueLoader() = default;

void CatalogueLoader::Refresh(Lane& lane, std::chrono::milliseconds max_age, Deadline deadline,
                              Done done) {
  const Deadline::Clock::time_point at = loaded_at_.load(std::memory_order_acquire);
  // The lane's snapshot can be a moment behind loaded_at_: only the lane's own table is proof.
  const bool known = router_.Current(lane)->catalogue(server_) != nullptr;
  if (known && at != Deadline::Clock::time_point::min() && Deadline::Clock::now() - at < max_age) {
    done(std::nullopt);
    return;
  }
  home_.Post([this, &lane, deadline, done = std::move(done)]() mutable {
    Wait(lane, deadline, std::move(done));
  });
}

void CatalogueLoader::Wait(Lane& lane, Deadline deadline, Done done) {
  waiters_.push_back(std::make_unique<Waiter>(*this, lane, std::move(done)));
  home_.deadlines().Arm(*waiters_.back(), deadline);
  if (!loading_ && !stopped_) Load();
}

void CatalogueLoader::Invalidate() {
  home_.Post([this] {
    loaded_at_.store(Deadline::Clock::time_point::min(), std::memory_order_release);
    if (stopped_) return;
    if (loading_) {
      changed_meanwhile_ = true;
    } else {
      Load();
    }
  });
}

void CatalogueLoader::Stop() {
  home_.Post([this] {
    stopped_ = true;
    changed_meanwhile_ = false;
    if (loading_) End(Error{.reason = Reason::kShuttingDown, .message = "the bridge is stopping"});
  });
}

void CatalogueLoader::Load() {
  loading_ = true;
  changed_meanwhile_ = false;
  asked_at_ = Deadline::Clock::now();
  partial_ = std::make_unique<Catalogue>();
  pages_ = 0;
  home_.deadlines().Arm(*this, Deadline::After(kListTimeout));
  AskPage("");
}

void CatalogueLoader::AskPage(const std::string& cursor) {
  if (++pages_ > kMaxPages) {
    End(Error{.reason = Reason::kUpstreamProtocol,
              .message = "the server's list of tools does not end"});
    return;
  }
  UpstreamRequest request{.method = "tools/list",
                          .params = cursor.empty() ? std::string() : R"({"cursor":)" + cursor + "}",
                          .deadline = Deadline(asked_at_ + kListTimeout),
                          .headers = {}};
  auto sent = upstream_.Send(home_, std::move(request), *this);
  if (!sent) {
    End(std::move(sent).error());
    return;
  }
  exchange_ = *std::move(sent);
}

void CatalogueLoader::OnReply(Result<jsonrpc::Message> message) {
  if (!message) {
    End(std::move(message).error());
  } else if (IsMethodNotFound(*message)) {
    End(std::nullopt);  // a server without tools
  } else if (message->kind == jsonrpc::Kind::kError) {
    End(jsonrpc::UpstreamErrorOf(message->error));
  } else {
    Result<std::string> cursor = AppendToolsPage(message->result, *partial_);
    if (!cursor) {
      End(std::move(cursor).error());
    } else if (cursor->empty()) {
      End(std::nullopt);
    } else {
      AskPage(*cursor);
    }
  }
}

void CatalogueLoader::OnDeadline() {
  End(Error{.reason = Reason::kDeadlineExceeded,
            .message = "the server did not list its tools within 30 s"});
}

void CatalogueLoader::End(std::optional<Error> error) {
  Disarm();
  exchange_.reset();
  loading_ = false;
  const std::string& name = upstream_.config().name;
  if (error) {
    partial_.reset();
    error->metadata.emplace_back("server", name);
    // That a server isn't there is in the log already, once.
    const auto level =
        error->reason == Reason::kUpstreamUnavailable ? spdlog::level::debug : spdlog::level::warn;
    spdlog::log(level, "upstream {}: can't list its tools: {}", name, error->message);
  } else {
    Finish(*partial_);
    spdlog::info("upstream {}: {} tools", name, partial_->tools.size());
    router_.Publish(server_, std::shared_ptr<const Catalogue>(std::move(partial_)));
    loaded_at_.store(asked_at_, std::memory_order_release);
  }
  for (auto& waiter : std::exchange(waiters_, {})) waiter->Tell(error);
  if (changed_meanwhile_) Invalidate();
}

}  // namespace mcpbridge

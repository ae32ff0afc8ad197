#include "server/upstream/list_loader.h"

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
struct ListLoader::Waiter final : DeadlineEntry {
  Waiter(ListLoader& owner, Lane& lane, Done done)
      : loader(owner), caller(lane), on_done(std::move(done)) {}

  void Tell(std::optional<Error> error) {
    caller.Post([done = std::move(on_done), error = std::move(error)]() mutable {
      done(std::move(error));
    });
  }

  void OnDeadline() override {
    Tell(Error{.reason = Reason::kDeadlineExceeded,
               .message = "the deadline passed while server \"" + loader.upstream_.config().name +
                          "\" was asked for its " + std::string(loader.info_.item) + "s"});
    loader.waiters_.remove_if([this](const auto& waiter) { return waiter.get() == this; });
  }

  ListLoader& loader;
  Lane& caller;
  Done on_done;
};

ListLoader::ListLoader(ListKind kind, Upstream& upstream, Lane& home, ListOwner& owner)
    : info_(InfoOf(kind)), kind_(kind), upstream_(upstream), home_(home), owner_(owner) {}

ListLoader::~ListLoader() = default;

bool ListLoader::IsFresh(std::chrono::milliseconds max_age) const {
  const Deadline::Clock::time_point at = loaded_at_.load(std::memory_order_acquire);
  return at != Deadline::Clock::time_point::min() && Deadline::Clock::now() - at < max_age;
}

void ListLoader::Refresh(Lane& lane, Deadline deadline, Done done) {
  home_.Post([this, &lane, deadline, done = std::move(done)]() mutable {
    Wait(lane, deadline, std::move(done));
  });
}

void ListLoader::Wait(Lane& lane, Deadline deadline, Done done) {
  waiters_.push_back(std::make_unique<Waiter>(*this, lane, std::move(done)));
  if (stopped_) return End(*stopped_);
  home_.deadlines().Arm(*waiters_.back(), deadline);
  if (!loading_) Load();
}

void ListLoader::Invalidate() {
  loaded_at_.store(Deadline::Clock::time_point::min(), std::memory_order_release);
  if (stopped_) return;
  if (loading_) {
    changed_meanwhile_ = true;
  } else {
    Load();
  }
}

void ListLoader::Stop(const Error& why) {
  stopped_ = why;
  changed_meanwhile_ = false;
  if (loading_) End(why);
}

void ListLoader::Load() {
  loading_ = true;
  changed_meanwhile_ = false;
  asked_at_ = Deadline::Clock::now();
  partial_ = {};
  pages_ = 0;
  if (!owner_.Offers(kind_)) {
    End(std::nullopt);
    return;
  }
  home_.deadlines().Arm(*this, Deadline::After(kListTimeout));
  AskPage("");
}

void ListLoader::AskPage(const std::string& cursor) {
  if (++pages_ > kMaxPages) {
    End(Error{.reason = Reason::kUpstreamProtocol,
              .message = "the server's list of " + std::string(info_.item) + "s does not end"});
    return;
  }
  UpstreamRequest request{.method = std::string(info_.method),
                          .params = cursor.empty() ? std::string() : R"({"cursor":)" + cursor + "}",
                          .deadline = Deadline(asked_at_ + kListTimeout),
                          .takes_messages = false};
  auto sent = upstream_.Send(home_, std::move(request), *this);
  if (!sent) {
    End(std::move(sent).error());
    return;
  }
  exchange_ = *std::move(sent);
}

void ListLoader::OnReply(Result<jsonrpc::Message> message) {
  if (!message) {
    End(std::move(message).error());
  } else if (IsMethodNotFound(*message)) {
    End(std::nullopt);  // a server that has no such list
  } else if (message->kind == jsonrpc::Kind::kError) {
    End(jsonrpc::UpstreamErrorOf(message->error));
  } else {
    Result<std::string> cursor = AppendPage(kind_, message->result, partial_);
    if (!cursor) {
      End(std::move(cursor).error());
    } else if (cursor->empty()) {
      End(std::nullopt);
    } else {
      AskPage(*cursor);
    }
  }
}

void ListLoader::OnDeadline() {
  End(Error{.reason = Reason::kDeadlineExceeded,
            .message = "the server did not list its " + std::string(info_.item) + "s within 30 s"});
}

void ListLoader::End(std::optional<Error> error) {
  Disarm();
  exchange_.reset();
  loading_ = false;
  if (error) {
    const std::string& name = upstream_.config().name;
    error->metadata.emplace_back("server", name);
    // That a server isn't there is in the log already, once.
    const auto level =
        error->reason == Reason::kUpstreamUnavailable ? spdlog::level::debug : spdlog::level::warn;
    spdlog::log(level, "upstream {}: can't list its {}s: {}", name, info_.item, error->message);
    partial_ = {};
    owner_.OnList(kind_, *error);
  } else {
    Finish(partial_);
    owner_.OnList(kind_, std::exchange(partial_, {}));
    loaded_at_.store(asked_at_, std::memory_order_release);
  }
  for (auto& waiter : std::exchange(waiters_, {})) waiter->Tell(error);
  if (changed_meanwhile_) Invalidate();
}

}  // namespace mcpbridge

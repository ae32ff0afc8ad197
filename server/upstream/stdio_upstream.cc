#include "server/upstream/stdio_upstream.h"

#include <future>
#include <utility>

#include "server/jsonrpc/message.h"

namespace mcpbridge {
namespace {

// A caller on the server's own lane.
class HomeExchange final : public Exchange, private StdioReplySink {
 public:
  HomeExchange(std::shared_ptr<StdioSupervisor> supervisor, ReplyHandler& handler)
      : supervisor_(std::move(supervisor)), handler_(handler), id_(supervisor_->NextId()) {}
  ~HomeExchange() override { supervisor_->Cancel(id_); }

  std::int64_t id() const { return id_; }
  std::optional<Error> Begin(std::string line) {
    return supervisor_->Send(id_, std::move(line), *this, nullptr);
  }

 private:
  void Deliver(Result<jsonrpc::Message> reply, jsonrpc::Text*) override {
    handler_.OnReply(std::move(reply));  // may destroy this
  }

  const std::shared_ptr<StdioSupervisor> supervisor_;
  ReplyHandler& handler_;
  const std::int64_t id_;
};

// The way of a reply from the home lane to another, shared by both.
class Relay final : public StdioReplySink, public std::enable_shared_from_this<Relay> {
 public:
  Relay(Lane& lane, ReplyHandler& handler) : lane_(lane), handler_(&handler) {}

  // On the caller's lane: no handler runs any more. True: none has.
  bool Detach() { return std::exchange(handler_, nullptr) != nullptr; }

  void Deliver(Result<jsonrpc::Message> reply, jsonrpc::Text* text) override {
    if (reply) {
      lane_.Post([self = shared_from_this(), moved = std::move(*text)]() mutable {
        self->Arrive(std::move(moved));
      });
    } else {
      lane_.Post([self = shared_from_this(), error = std::move(reply.error())]() mutable {
        if (ReplyHandler* handler = std::exchange(self->handler_, nullptr)) {
          handler->OnReply(std::move(error));
        }
      });
    }
  }

 private:
  void Arrive(jsonrpc::Text text) {
    ReplyHandler* const handler = std::exchange(handler_, nullptr);
    if (handler == nullptr) return;
    static thread_local jsonrpc::Parser parser;  // a lane is a thread; replies never nest
    handler->OnReply(jsonrpc::Parse(parser, text));
    parser.Trim();
  }

  Lane& lane_;
  ReplyHandler* handler_;  // the caller's lane only; null: it has run, or must not
};

// A caller on another lane: everything goes to the home lane and back by posts, which keep their
// order.
class RemoteExchange final : public Exchange {
 public:
  RemoteExchange(std::shared_ptr<StdioSupervisor> supervisor, Lane& lane, ReplyHandler& handler)
      : supervisor_(std::move(supervisor)),
        relay_(std::make_shared<Relay>(lane, handler)),
        id_(supervisor_->NextId()) {}

  ~RemoteExchange() override {
    if (!relay_->Detach()) return;
    supervisor_->home().Post([supervisor = supervisor_, id = id_] { supervisor->Cancel(id); });
  }

  std::int64_t id() const { return id_; }
  void Begin(std::string line) {
    supervisor_->home().Post(
        [supervisor = supervisor_, relay = relay_, id = id_, line = std::move(line)]() mutable {
          Relay& sink = *relay;
          std::optional<Error> error = supervisor->Send(id, std::move(line), sink, relay);
          if (error) sink.Deliver(std::move(*error), nullptr);
        });
  }

 private:
  const std::shared_ptr<StdioSupervisor> supervisor_;
  const std::shared_ptr<Relay> relay_;
  const std::int64_t id_;
};

// One line: line ends, which JSON allows between its tokens, become spaces. CR as well: some
// servers read with universal line ends.
std::string RequestLine(std::int64_t id, const UpstreamRequest& request) {
  std::string line = jsonrpc::RequestMessage(std::to_string(id), request.method, request.params);
  for (char& c : line) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  line += '\n';
  return line;
}

}  // namespace

StdioUpstream::StdioUpstream(const ServerConfig& config, Lane& home, StatusBoard& status,
                             const Limits& limits, std::function<void()> on_lists_changed)
    : Upstream(config),
      supervisor_(std::make_shared<StdioSupervisor>(config, home, status, limits,
                                                    std::move(on_lists_changed))) {}

StdioUpstream::~StdioUpstream() {
  if (!started_) return;
  Lane& home = supervisor_->home();
  if (home.OnThisThread() || home.io().stopped()) {
    supervisor_->Shutdown();
    return;
  }
  std::promise<void> gone;
  const std::future<void> wait = gone.get_future();
  home.Post([this, gone = std::move(gone)]() mutable {
    supervisor_->Shutdown();
    gone.set_value();
  });
  wait.wait();
}

void StdioUpstream::Start() {
  started_ = true;
  supervisor_->home().Post([supervisor = supervisor_] { supervisor->Start(); });
}

Result<std::unique_ptr<Exchange>> StdioUpstream::Send(Lane& lane, UpstreamRequest request,
                                                      ReplyHandler& handler) {
  if (&lane == &supervisor_->home()) {
    auto exchange = std::make_unique<HomeExchange>(supervisor_, handler);
    auto error = exchange->Begin(RequestLine(exchange->id(), request));
    if (error) return std::move(*error);
    return exchange;
  }
  auto exchange = std::make_unique<RemoteExchange>(supervisor_, lane, handler);
  exchange->Begin(RequestLine(exchange->id(), request));
  return exchange;
}

void StdioUpstream::Stop(std::string why, std::function<void()> done) {
  Lane& home = supervisor_->home();
  if (home.io().stopped()) {
    supervisor_->Shutdown();
    return done();
  }
  home.Post([supervisor = supervisor_, why = std::move(why), done = std::move(done)]() mutable {
    supervisor->Stop(std::move(why), std::move(done));
  });
}

}  // namespace mcpbridge

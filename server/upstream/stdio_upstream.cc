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
  void Answer(std::string response) override { supervisor_->Answer(std::move(response)); }

 private:
  void Deliver(Result<jsonrpc::Message> reply, jsonrpc::Text*) override {
    handler_.OnReply(std::move(reply));  // may destroy this
  }
  void Notify(jsonrpc::Message& message, jsonrpc::Text&) override {
    handler_.OnNotification(message);
  }
  void Ask(jsonrpc::Message& message, jsonrpc::Text&) override {
    const std::string id(message.id);
    const std::string method(message.method);
    if (!handler_.OnRequest(message)) supervisor_->Refuse(id, method);
  }

  const std::shared_ptr<StdioSupervisor> supervisor_;
  ReplyHandler& handler_;
  const std::int64_t id_;
};

// The way of a reply from the home lane to another, shared by both.
class Relay final : public StdioReplySink, public std::enable_shared_from_this<Relay> {
 public:
  Relay(std::shared_ptr<StdioSupervisor> supervisor, Lane& lane, ReplyHandler& handler)
      : supervisor_(std::move(supervisor)), lane_(lane), handler_(&handler) {}

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

  void Notify(jsonrpc::Message&, jsonrpc::Text& text) override { PostCopy(text); }
  void Ask(jsonrpc::Message&, jsonrpc::Text& text) override { PostCopy(text); }

 private:
  void PostCopy(const jsonrpc::Text& text) {
    lane_.Post([self = shared_from_this(), copy = std::string(text.view())]() mutable {
      self->Arrive(jsonrpc::Text(std::move(copy)));
    });
  }

  void Arrive(jsonrpc::Text text) {
    static thread_local jsonrpc::Parser parser;  // a lane is a thread; messages never nest
    Result<jsonrpc::Message> message = jsonrpc::Parse(parser, text);
    if (message && message->kind == jsonrpc::Kind::kRequest) {
      AskHandler(*message);
    } else if (handler_ == nullptr) {
      return;
    } else if (message && message->kind == jsonrpc::Kind::kNotification) {
      handler_->OnNotification(*message);
    } else {
      std::exchange(handler_, nullptr)->OnReply(std::move(message));
    }
    parser.Trim();
  }

  void AskHandler(jsonrpc::Message& message) {
    std::string id(message.id);
    std::string method(message.method);
    if (handler_ != nullptr && handler_->OnRequest(message)) return;
    supervisor_->home().Post([supervisor = supervisor_, id = std::move(id),
                              method = std::move(method)] { supervisor->Refuse(id, method); });
  }

  const std::shared_ptr<StdioSupervisor> supervisor_;
  Lane& lane_;
  ReplyHandler* handler_;  // the caller's lane only; null: it has run, or must not
};

// A caller on another lane: everything goes to the home lane and back by posts, which keep their
// order.
class RemoteExchange final : public Exchange {
 public:
  RemoteExchange(std::shared_ptr<StdioSupervisor> supervisor, Lane& lane, ReplyHandler& handler)
      : supervisor_(std::move(supervisor)),
        relay_(std::make_shared<Relay>(supervisor_, lane, handler)),
        id_(supervisor_->NextId()) {}

  ~RemoteExchange() override {
    if (!relay_->Detach()) return;
    supervisor_->home().Post([supervisor = supervisor_, id = id_] { supervisor->Cancel(id); });
  }

  std::int64_t id() const { return id_; }
  void Answer(std::string response) override {
    supervisor_->home().Post([supervisor = supervisor_, response = std::move(response)]() mutable {
      supervisor->Answer(std::move(response));
    });
  }
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
  const std::string raw_id = std::to_string(id);
  std::string line = jsonrpc::RequestMessage(raw_id, request.method, request.ParamsFor(raw_id));
  for (char& c : line) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  line += '\n';
  return line;
}

}  // namespace

StdioUpstream::StdioUpstream(const ServerConfig& config, Lane& home, const Limits& limits,
                             UpstreamUse use)
    : Upstream(config),
      supervisor_(std::make_shared<StdioSupervisor>(config, home, limits, std::move(use))) {}

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

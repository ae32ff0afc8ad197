#include "server/upstream/multiplexed_session.h"

#include <utility>

#include "server/base/log.h"
#include "server/mcp/modern_meta.h"
#include "server/routing/list_kind.h"
#include "server/upstream/line_reader.h"

namespace mcpbridge {
namespace {

// A caller on the home lane.
class HomeExchange final : public Exchange, private ReplySink {
 public:
  HomeExchange(std::shared_ptr<MultiplexedSession> session, std::int64_t id, ReplyHandler& handler)
      : session_(std::move(session)), handler_(handler), id_(id) {}
  ~HomeExchange() override { session_->Cancel(id_); }

  std::optional<Error> Begin(OutgoingRequest request) {
    return session_->Send(std::move(request), *this, nullptr);
  }
  void Answer(std::string response) override { session_->Answer(std::move(response)); }

 private:
  void Deliver(Result<jsonrpc::Message> reply, jsonrpc::Text*) override {
    handler_.OnReply(std::move(reply));  // may destroy this
  }
  void Connected(Deadline::Clock::time_point at) override { handler_.OnConnected(at); }
  void Notify(jsonrpc::Message& message, jsonrpc::Text&) override {
    handler_.OnNotification(message);
  }
  void Ask(jsonrpc::Message& message, jsonrpc::Text&) override {
    const std::string id(message.id);
    const std::string method(message.method);
    if (!handler_.OnRequest(message)) session_->Refuse(id, method);
  }

  const std::shared_ptr<MultiplexedSession> session_;
  ReplyHandler& handler_;
  const std::int64_t id_;
};

// The way of a reply from the home lane to another, shared by both.
class Relay final : public ReplySink, public std::enable_shared_from_this<Relay> {
 public:
  Relay(std::shared_ptr<MultiplexedSession> session, Lane& lane, ReplyHandler& handler)
      : session_(std::move(session)), lane_(lane), handler_(&handler) {}

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

  // Nothing has been posted yet that reads it.
  void Connected(Deadline::Clock::time_point at) override { connected_at_ = at; }

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
      if (connected_at_ != Deadline::Clock::time_point()) handler_->OnConnected(connected_at_);
      std::exchange(handler_, nullptr)->OnReply(std::move(message));
    }
    parser.Trim();
  }

  void AskHandler(jsonrpc::Message& message) {
    std::string id(message.id);
    std::string method(message.method);
    if (handler_ != nullptr && handler_->OnRequest(message)) return;
    session_->home().Post([session = session_, id = std::move(id), method = std::move(method)] {
      session->Refuse(id, method);
    });
  }

  const std::shared_ptr<MultiplexedSession> session_;
  Lane& lane_;
  ReplyHandler* handler_;  // the caller's lane only; null: it has run, or must not
  // Written on the home lane before the answer is posted, read with it.
  Deadline::Clock::time_point connected_at_;
};

// A caller on another lane: everything goes to the home lane and back by posts, which keep their
// order.
class RemoteExchange final : public Exchange {
 public:
  RemoteExchange(std::shared_ptr<MultiplexedSession> session, Lane& lane, std::int64_t id,
                 ReplyHandler& handler)
      : session_(std::move(session)),
        relay_(std::make_shared<Relay>(session_, lane, handler)),
        id_(id) {}

  ~RemoteExchange() override {
    if (!relay_->Detach()) return;
    session_->home().Post([session = session_, id = id_] { session->Cancel(id); });
  }

  void Answer(std::string response) override {
    session_->home().Post([session = session_, response = std::move(response)]() mutable {
      session->Answer(std::move(response));
    });
  }
  void Begin(OutgoingRequest request) {
    session_->home().Post(
        [session = session_, relay = relay_, request = std::move(request)]() mutable {
          Relay& sink = *relay;
          std::optional<Error> error = session->Send(std::move(request), sink, relay);
          if (error) sink.Deliver(std::move(*error), nullptr);
        });
  }

 private:
  const std::shared_ptr<MultiplexedSession> session_;
  const std::shared_ptr<Relay> relay_;
  const std::int64_t id_;
};

}  // namespace

void MultiplexedSession::Dispatch(jsonrpc::Message& message, jsonrpc::Text& text) {
  switch (message.kind) {
    case jsonrpc::Kind::kRequest:
      return OnRequest(message, text);
    case jsonrpc::Kind::kNotification:
      return OnNotification(message, text);
    case jsonrpc::Kind::kResult:
    case jsonrpc::Kind::kError:
      break;
  }
  if (auto call = calls_.Take(message.id)) {
    const bool has_waited = call->sent_at != Deadline::Clock::time_point();
    if (has_waited) call->sink->Connected(call->sent_at);
    return call->sink->Deliver(message, &text);
  }
  late_replies_.fetch_add(1, std::memory_order_relaxed);
  spdlog::debug("upstream {}: dropped a reply that nobody waits for, id {}", config_.name,
                Printable(message.id, 32));
}

void MultiplexedSession::OnRequest(jsonrpc::Message& message, jsonrpc::Text& text) {
  if (message.method == "ping") return Answer(jsonrpc::ResultMessage(message.id, "{}"));
  if (ReplySink* const owner = calls_.LikelyOwner()) return owner->Ask(message, text);
  const std::string id(message.id);
  const std::string method(message.method);
  const auto answer = [this, asked_on = calls_.stream()](std::string response) {
    if (calls_.stream() == asked_on) Answer(std::move(response));
  };
  if (use_.unsolicited.ask && use_.unsolicited.ask(message, home_, answer)) return;
  Refuse(id, method);
}

void MultiplexedSession::OnNotification(jsonrpc::Message& message, jsonrpc::Text& text) {
  if (IsListChanged(message.method)) use_.lists_changed();
  const bool has_owner = IsAboutARequest(message.method) || !SubscriptionOf(message.params).empty();
  ReplySink* const owner = has_owner ? calls_.OwnerOf(message) : nullptr;
  if (owner != nullptr) return owner->Notify(message, text);
  if (use_.unsolicited.announce) use_.unsolicited.announce(message);
}

void MultiplexedSession::Refuse(std::string_view id, std::string_view method) {
  Answer(jsonrpc::ErrorMessage(id, NobodyServes(method)));
}

std::string MultiplexedSession::Cancellation(std::int64_t id) {
  return jsonrpc::RequestMessage({}, "notifications/cancelled",
                                 "{\"requestId\":" + std::to_string(id) +
                                     ",\"reason\":\"the caller no longer waits for the answer\"}");
}

Result<std::unique_ptr<Exchange>> SendMultiplexed(std::shared_ptr<MultiplexedSession> session,
                                                  Lane& lane, OutgoingRequest request,
                                                  ReplyHandler& handler) {
  const std::int64_t id = request.id;
  if (&lane == &session->home()) {
    auto exchange = std::make_unique<HomeExchange>(std::move(session), id, handler);
    auto error = exchange->Begin(std::move(request));
    if (error) return std::move(*error);
    return exchange;
  }
  auto exchange = std::make_unique<RemoteExchange>(std::move(session), lane, id, handler);
  exchange->Begin(std::move(request));
  return exchange;
}

}  // namespace mcpbridge

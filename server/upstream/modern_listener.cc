#include "server/upstream/modern_listener.h"

#include <chrono>
#include <utility>

#include "server/base/log.h"

namespace mcpbridge {
namespace {

// From asking a server to listen to its acknowledgement.
constexpr std::chrono::seconds kAcknowledgeTime{30};
// A stream that lasted this long proves the server sound: its next one is opened at once again.
constexpr std::chrono::seconds kSoundAfter{10};

}  // namespace

ModernListener::ModernListener(Upstream& modern, Lane& lane, std::string params, Handler& handler)
    : modern_(modern), lane_(lane), params_(std::move(params)), handler_(handler) {}

ModernListener::~ModernListener() { *alive_ = nullptr; }

std::optional<Error> ModernListener::Open() { return Send(); }

std::optional<Error> ModernListener::Send() {
  acknowledged_ = false;
  ReplyHandler& self = *this;
  auto sent = modern_.Send(
      lane_,
      UpstreamRequest{
          .method = "subscriptions/listen", .params = params_, .deadline = Deadline::Never()},
      self);
  if (!sent) return std::move(sent).error();
  exchange_ = *std::move(sent);
  lane_.deadlines().Arm(*this, Deadline::After(kAcknowledgeTime));
  return std::nullopt;
}

void ModernListener::OnNotification(jsonrpc::Message& message) {
  if (message.method == kAcknowledged) return OnAcknowledged(message);
  handler_.OnHeard(*this, message);
}

void ModernListener::OnAcknowledged(jsonrpc::Message& message) {
  if (std::exchange(acknowledged_, true)) return;
  Disarm();
  since_ = Deadline::Clock::now();
  const bool again = std::exchange(ever_, true);
  Result<ListenFor> accepted = ReadListenFor(message.params);
  // Later: the exchange mustn't go in here.
  lane_.Post([alive = alive_, again, accepted = accepted ? *std::move(accepted) : ListenFor()] {
    if (*alive != nullptr) (*alive)->handler_.OnListening(**alive, accepted, again);
  });
}

void ModernListener::OnReply(Result<jsonrpc::Message> message) {
  exchange_.reset();
  if (!message) return OnEnd(AsUnavailable(std::move(message).error()));
  if (message->kind == jsonrpc::Kind::kError) {
    return OnEnd(jsonrpc::UpstreamErrorOf(message->error));
  }
  OnEnd(Error{.reason = Reason::kUpstreamProtocol,
              .message = "the server ended the subscription without acknowledging it"});
}

void ModernListener::OnDeadline() {
  if (exchange_ == nullptr) {
    if (const auto error = Send()) OnEnd(*error);
    return;
  }
  exchange_.reset();
  OnEnd(Error{.reason = Reason::kUpstreamProtocol,
              .message = "the server did not acknowledge the subscription within 30 s"});
}

void ModernListener::OnEnd(const Error& error) {
  Disarm();
  if (!ever_) return handler_.OnRefused(*this, error);
  if (acknowledged_ && Deadline::Clock::now() - since_ >= kSoundAfter) backoff_.Reset();
  acknowledged_ = false;
  const auto wait = backoff_.Next();
  spdlog::debug("upstream {}: its subscription ended ({}); opened again in {} ms",
                modern_.config().name, error.message, wait.count());
  lane_.deadlines().Arm(*this, Deadline::After(wait));
}

}  // namespace mcpbridge

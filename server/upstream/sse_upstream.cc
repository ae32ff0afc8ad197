#include "server/upstream/sse_upstream.h"

#include <utility>

#include "server/jsonrpc/message.h"

namespace mcpbridge {

SseUpstream::SseUpstream(const ServerConfig& config, HttpServer& server, Lane& home,
                         const Limits& limits, UpstreamUse use)
    : Upstream(config),
      session_(std::make_shared<SseSession>(config, server, home, limits, std::move(use))) {}

SseUpstream::~SseUpstream() { session_->Shutdown(); }

void SseUpstream::Start() {
  session_->home().Post([session = session_] { session->Start(); });
}

Result<std::unique_ptr<Exchange>> SseUpstream::Send(Lane& lane, UpstreamRequest request,
                                                    ReplyHandler& handler) {
  const std::int64_t id = session_->NextId();
  const std::string raw_id = std::to_string(id);
  return SendMultiplexed(
      session_, lane,
      {.id = id,
       .text = jsonrpc::RequestMessage(raw_id, request.method, request.ParamsFor(raw_id)),
       .headers = std::move(request.headers),
       .takes_messages = request.takes_messages},
      handler);
}

void SseUpstream::Notify(std::string notification) {
  session_->home().Post([session = session_, notification = std::move(notification)]() mutable {
    session->Notify(std::move(notification));
  });
}

void SseUpstream::Stop(std::string why, std::function<void()> done) {
  session_->home().Post(
      [session = session_, why = std::move(why), done = std::move(done)]() mutable {
        session->Stop(std::move(why), std::move(done));
      });
}

}  // namespace mcpbridge

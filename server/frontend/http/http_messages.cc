#include "server/frontend/http/http_messages.h"

#include <string>
#include <string_view>
#include <utility>

#include "server/frontend/http/guards.h"
#include "server/frontend/http/http_message_call.h"

namespace mcpbridge {

HttpMessages::HttpMessages(ToolService& service, ClientSessions& sessions, Executor& executor)
    : sessions_(sessions), executor_(executor), dispatcher_(service, sessions) {
  for (int i = 0; i < executor.lane_count(); ++i) {
    lanes_.push_back(std::make_unique<PerLane>(executor.lane(i)));
  }
}

std::unique_ptr<HttpCall> HttpMessages::Dispatch(Post& post) {
  HttpCallerHeaders headers(post.request, &post.responder);
  const HttpRequestHeaders mirrored(post.request);
  IncomingMessage incoming{.lane = post.lane,
                           .message = post.message,
                           .scope = std::move(post.scope),
                           .session = post.session,
                           .modern = post.modern,
                           .deadline = CallerDeadline(post.request),
                           .headers = headers,
                           .mirrored = &mirrored,
                           .param_headers = post.modern ? mirrored.Params() : Headers{}};
  if (post.message.kind != jsonrpc::Kind::kRequest) {
    if (post.message.method == "notifications/cancelled") Cancel(post);
    dispatcher_.Take(incoming);
    post.responder.Respond({.status = 202});
    return nullptr;
  }
  auto call = std::make_unique<HttpMessageCall>(post.responder, std::string(post.message.id),
                                                CallerOf(post));
  Reply& reply = call->reply();
  call->Begin(dispatcher_.Dispatch(std::move(incoming), reply), Of(post.lane).cancels,
              post.session.get());
  return call;
}

HttpReply::Caller HttpMessages::CallerOf(const Post& post) {
  if (post.channel == nullptr) {
    return {.events = TakesEvents(post.request), .modern = post.modern, .session = post.session};
  }
  // A channel has no way to take a stream up again.
  return {.events = true,
          .opened = [this, channel = post.channel](std::shared_ptr<ClientSession> session) {
            const auto before = channel->SetSession(std::move(session));
            if (before != nullptr) sessions_.Close(before->id(), "its client has begun another");
            if (channel->over()) sessions_.Close(channel->session()->id(), "its stream ended");
          }};
}

// The call may be on any lane.
void HttpMessages::Cancel(Post& post) {
  if (post.session == nullptr || post.message.params.empty()) return;
  auto value = jsonrpc::ParamsValue(post.message)["requestId"];
  std::string_view raw;
  if (value.raw_json_token().get(raw)) return;
  const std::string key = CancelRegistry::Key(post.session->id(), jsonrpc::TrimEnd(raw));
  for (int i = 0; i < executor_.lane_count(); ++i) {
    Lane& lane = executor_.lane(i);
    lane.Dispatch([this, &lane, key] { Of(lane).cancels.Cancel(key); });
  }
}

}  // namespace mcpbridge

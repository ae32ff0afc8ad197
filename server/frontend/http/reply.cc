#include "server/frontend/http/reply.h"

#include <utility>

#include "server/jsonrpc/message.h"
#include "server/jsonrpc/sse.h"

namespace mcpbridge {

bool Reply::Before(std::string_view message) {
  if (!events_) return false;
  if (!std::exchange(begun_, true)) responder_.BeginEvents("");
  return responder_.SendEvent(jsonrpc::SseMessage(message));
}

void Reply::Result(std::string_view raw_result) {
  End({.body = jsonrpc::ResultMessage(id_, raw_result)});
}

void Reply::UpstreamError(std::string_view raw_error) {
  End({.body = jsonrpc::RawErrorMessage(id_, raw_error)});
}

void Reply::Fail(const Error& error) { End(HttpResponse::FromError(id_, error)); }

void Reply::End(HttpResponse response) {
  if (begun_) {
    responder_.EndEvents(jsonrpc::SseMessage(response.body));
  } else {
    responder_.Respond(std::move(response));
  }
}

}  // namespace mcpbridge

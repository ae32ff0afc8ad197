#include "server/frontend/http/reply.h"

#include <utility>

#include "server/jsonrpc/message.h"
#include "server/jsonrpc/sse.h"
#include "server/mcp/json_members.h"
#include "server/mcp/modern.h"

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
  if (!modern_) {
    End({.body = jsonrpc::RawErrorMessage(id_, raw_error)});
    return;
  }
  const Error error = jsonrpc::UpstreamErrorOf(raw_error);
  const long long code = ModernErrorCode(error.upstream->code);
  std::string modern(raw_error);
  if (code != error.upstream->code) {
    if (auto members = JsonMembers::Read(raw_error)) {
      members->Set("code", std::to_string(code));
      modern = std::move(*members).Take();
    }
  }
  End({.status = static_cast<unsigned>(ModernHttpStatus(error)),
       .body = jsonrpc::RawErrorMessage(id_, modern)});
}

void Reply::Fail(const Error& error) {
  HttpResponse response = HttpResponse::FromError(id_, error);
  if (modern_) response.status = static_cast<unsigned>(ModernHttpStatus(error));
  End(std::move(response));
}

void Reply::End(HttpResponse response) {
  if (begun_) {
    responder_.EndEvents(jsonrpc::SseMessage(response.body));
  } else {
    responder_.Respond(std::move(response));
  }
}

}  // namespace mcpbridge

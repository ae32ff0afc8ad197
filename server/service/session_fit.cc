#include "server/service/session_fit.h"

#include <string>
#include <utility>

#include "server/mcp/tasks.h"

namespace mcpbridge {
namespace {

Error NotServed(CallMethod method, const char* why) {
  return Error{.reason = Reason::kMethodNotFound, .message = std::string(NameOf(method)) + why};
}

Error NoSessionOfItsOwn(CallMethod method, bool is_shared) {
  if (method == CallMethod::kListTasks) {
    return NotServed(
        method, is_shared ? " would show all callers' tasks: the server's `isolation` is shared"
                          : " would show none: the server's `isolation` is call");
  }
  return NotServed(method, is_shared
                               ? " would be set for all callers: the server's `isolation` is shared"
                               : " would be set for no call: the server's `isolation` is call");
}

}  // namespace

std::optional<Error> FitToSession(Isolation isolation, bool has_client, CallParams& params) {
  if (IsForSession(params.method) && isolation != Isolation::kSession) {
    return NoSessionOfItsOwn(params.method, isolation == Isolation::kShared);
  }
  if (params.kind == CallParams::KeyKind::kTask && isolation == Isolation::kCall) {
    return NotServed(params.method, " would find no task: the server's `isolation` is call");
  }
  if (!params.has_task) return std::nullopt;
  if (isolation == Isolation::kCall) return DropTask(params);
  const bool is_clients = has_client && isolation == Isolation::kSession;
  if (!is_clients || params.token_span.size == 0) return std::nullopt;
  const std::string token = TaskToken(params.token_span.In(params.raw));
  params.raw.replace(params.token_span.begin, params.token_span.size, token);
  params.token_span = {};
  return std::nullopt;
}

std::optional<Error> DropTask(CallParams& params) {
  if (!params.has_task) return std::nullopt;
  Result<CallParams> without = ReadCallParams(params.method, WithoutTaskParam(params.raw));
  if (!without) return std::move(without).error();
  if (without->has_task) {
    return Error{.reason = Reason::kInvalidArguments, .message = "params has a member twice"};
  }
  params = *std::move(without);
  return std::nullopt;
}

}  // namespace mcpbridge

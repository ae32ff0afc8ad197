#include "server/frontend/grpc/admission.h"

namespace mcpbridge {

std::optional<Error> Admission::Enter(const grpc::ServerContextBase& context) {
  if (!tools_.Authorized(headers_)) {
    return Error{.reason = Reason::kUnauthenticated,
                 .message = "a valid key is needed: authorization: Bearer, or x-litellm-api-key"};
  }
  deadline_ = DeadlineOf(context);
  if (deadline_.expired()) {
    return Error{.reason = Reason::kDeadlineExceeded,
                 .message = "the call arrived after its deadline"};
  }
  std::optional<Error> refused = tools_.Enter();
  entered_ = !refused.has_value();
  return refused;
}

}  // namespace mcpbridge

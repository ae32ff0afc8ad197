#include "server/frontend/grpc/admission.h"

namespace mcpbridge {

Admission::~Admission() {
  if (entered_) tools_.Leave();
  if (subscribed_) tools_.LeaveSubscription();
}

std::optional<Error> Admission::Check(const grpc::ServerContextBase& context) {
  if (auto error = CheckKey(tools_, headers_)) return error;
  deadline_ = DeadlineOf(context);
  if (deadline_.expired()) {
    return Error{.reason = Reason::kDeadlineExceeded,
                 .message = "the call arrived after its deadline"};
  }
  return std::nullopt;
}

std::optional<Error> Admission::Enter(const grpc::ServerContextBase& context) {
  std::optional<Error> refused = Check(context);
  if (!refused) refused = tools_.Enter();
  if (refused) tools_.observer().Refused(Front::kGrpc, refused->reason);
  entered_ = !refused.has_value();
  return refused;
}

std::optional<Error> Admission::EnterSubscription(const grpc::ServerContextBase& context) {
  std::optional<Error> refused = Check(context);
  if (!refused) refused = tools_.EnterSubscription();
  if (refused) tools_.observer().Refused(Front::kGrpc, refused->reason);
  subscribed_ = !refused.has_value();
  return refused;
}

}  // namespace mcpbridge

#pragma once

#include <grpcpp/server_context.h>

#include <optional>

#include "server/base/deadline.h"
#include "server/base/error.h"
#include "server/frontend/grpc/metadata.h"
#include "server/service/tool_service.h"

namespace mcpbridge {

// What every method begins and ends with: the key, the caller's deadline, the count of calls under
// way. A member of its call.
class Admission {
 public:
  Admission(ToolService& tools, const grpc::ServerContextBase& context)
      : tools_(tools), headers_(context) {}
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;
  ~Admission();

  // Once. Errors: kUnauthenticated, kDeadlineExceeded, and those of ToolService::Enter().
  std::optional<Error> Enter(const grpc::ServerContextBase& context);
  // The same for a subscription; errors: those of ToolService::EnterSubscription() instead.
  std::optional<Error> EnterSubscription(const grpc::ServerContextBase& context);

  // The caller's own; known once it is in.
  Deadline deadline() const { return deadline_; }
  MetadataHeaders& headers() { return headers_; }

 private:
  std::optional<Error> Check(const grpc::ServerContextBase& context);

  ToolService& tools_;
  MetadataHeaders headers_;
  Deadline deadline_;
  bool entered_ = false;
  bool subscribed_ = false;
};

}  // namespace mcpbridge

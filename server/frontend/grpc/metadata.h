#pragma once

#include <grpcpp/server_context.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "server/base/deadline.h"
#include "server/base/error.h"
#include "server/service/tool_service.h"

namespace mcpbridge {

// The metadata of one RPC as its caller's headers. Valid while the RPC's context is.
class MetadataHeaders final : public CallerHeaders {
 public:
  explicit MetadataHeaders(const grpc::ServerContextBase& context) : context_(context) {}

  // The first of that name, if there are several.
  std::optional<std::string_view> Get(std::string_view name) const override {
    const auto& metadata = context_.client_metadata();
    const auto found = metadata.lower_bound(grpc::string_ref(name.data(), name.size()));
    if (found == metadata.end() ||
        std::string_view(found->first.data(), found->first.size()) != name)
      return std::nullopt;
    return std::string_view(found->second.data(), found->second.size());
  }

  // "ipv4:127.0.0.1:5123", as gRPC has it.
  std::string Peer() const override { return context_.peer(); }

 private:
  const grpc::ServerContextBase& context_;
};

// The master key, where there is one. Error: kUnauthenticated.
inline std::optional<Error> CheckKey(const ToolService& tools, const CallerHeaders& headers) {
  if (tools.Authorized(headers)) return std::nullopt;
  return Error{.reason = Reason::kUnauthenticated,
               .message = "a valid key is needed: authorization: Bearer, or x-litellm-api-key"};
}

// The caller's deadline, which gRPC gives on the system's clock, on ours.
inline Deadline DeadlineOf(const grpc::ServerContextBase& context) {
  using SystemClock = std::chrono::system_clock;
  const SystemClock::time_point at = context.deadline();
  if (at == SystemClock::time_point::max()) return Deadline::Never();
  return Deadline::After(
      std::chrono::duration_cast<Deadline::Clock::duration>(at - SystemClock::now()));
}

}  // namespace mcpbridge

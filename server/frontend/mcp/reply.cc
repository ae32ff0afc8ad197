#include "server/frontend/mcp/reply.h"

#include "server/jsonrpc/message.h"
#include "server/mcp/json_members.h"
#include "server/mcp/modern.h"

namespace mcpbridge {

void Reply::Result(std::string_view raw_result) {
  Answer(jsonrpc::ResultMessage(id_, raw_result), nullptr);
}

void Reply::UpstreamError(std::string_view raw_error) {
  if (!modern_) return Answer(jsonrpc::RawErrorMessage(id_, raw_error), nullptr);
  const Error error = jsonrpc::UpstreamErrorOf(raw_error);
  const long long code = ModernErrorCode(error.upstream->code);
  std::string modern(raw_error);
  if (code != error.upstream->code) {
    if (auto members = JsonMembers::Read(raw_error)) {
      members->Set("code", std::to_string(code));
      modern = std::move(*members).Take();
    }
  }
  Answer(jsonrpc::RawErrorMessage(id_, modern), &error);
}

void Reply::Fail(const Error& error) {
  const long long code = InfoOf(error.reason).jsonrpc_code;
  Answer(jsonrpc::ErrorMessage(id_, error, modern_ ? ModernErrorCode(code) : code), &error);
}

void Reply::Answer(std::string response, const Error* error) {
  ended_ = true;
  End(std::move(response), error);
}

}  // namespace mcpbridge

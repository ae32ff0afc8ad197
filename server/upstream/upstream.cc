#include "server/upstream/upstream.h"

namespace mcpbridge {

std::string UpstreamRequest::ParamsFor(std::string_view id) const {
  std::string own = params;
  if (token_span.size != 0) own.replace(token_span.begin, token_span.size, id);
  return own;
}

Error AsUnavailable(Error error) {
  if (error.reason == Reason::kUnsupportedProtocolVersion) {
    error.reason = Reason::kUpstreamUnavailable;
  }
  return error;
}

std::string_view ProgressTokenOf(jsonrpc::Message& message) {
  std::string_view token;
  if (message.params.empty() ||
      jsonrpc::ParamsValue(message)["progressToken"].raw_json_token().get(token)) {
    token = {};
  }
  message.method = "notifications/progress";  // its memory was the parser's
  return jsonrpc::TrimEnd(token);
}

bool IsAboutARequest(std::string_view method) {
  return method == "notifications/progress" || method == "notifications/message" ||
         method == "notifications/cancelled";
}

Error NobodyServes(std::string_view method) {
  return Error{.reason = Reason::kMethodNotFound,
               .message = "nobody here serves " + std::string(method.substr(0, 100))};
}

}  // namespace mcpbridge

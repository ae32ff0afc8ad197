// RoutedCall's part in traces: where the call stands in one, and what its server is told of that.
#include <boost/beast/core/string.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "server/service/routed_call.h"

namespace mcpbridge {
namespace {

// What MCP's semantic conventions call what a request is about.
std::string_view AttributeOf(CallParams::KeyKind kind) {
  switch (kind) {
    case CallParams::KeyKind::kTool:
      return "gen_ai.tool.name";
    case CallParams::KeyKind::kPrompt:
      return "gen_ai.prompt.name";
    // They may hold what is nobody else's.
    case CallParams::KeyKind::kResource:
    case CallParams::KeyKind::kTask:
    case CallParams::KeyKind::kNone:
      break;
  }
  return {};
}

bool IsTraceHeader(std::string_view name) {
  return boost::beast::iequals(name, "traceparent") || boost::beast::iequals(name, "tracestate");
}

// Whether a raw result says of itself that the tool has failed.
bool IsToolError(std::string_view result) {
  constexpr std::string_view kKey = "\"isError\"";
  const std::size_t at = result.find(kKey);
  if (at == std::string_view::npos) return false;
  const std::size_t value = result.find_first_not_of(" \t\r\n:", at + kKey.size());
  return value != std::string_view::npos && result.substr(value).starts_with("true");
}

}  // namespace

// What params say comes first: headers may be those of a proxy on the way.
void RoutedCall::ReadTrace(const CallerHeaders& headers) {
  const MetaTrace meta = TraceOfMeta(params_.raw);
  if (!meta.parent.empty()) context_ = ParseTraceParent(meta.parent, meta.state);
  context_in_params_ = context_.has_value();
  if (!context_) {
    if (const auto parent = headers.Get("traceparent")) {
      context_ = ParseTraceParent(*parent, headers.Get("tracestate").value_or(""));
    }
  }
  // What lasts as long as its caller likes is no call.
  const bool is_call =
      params_.method != CallMethod::kListen && params_.method != CallMethod::kTaskResult;
  if (service_.tracer() == nullptr || !is_call) return;
  trace_ = service_.tracer()->Begin(context_);
  if (trace_ == nullptr) return;
  trace_->Begin(NameOf(params_.method), AttributeOf(params_.kind), params_.key);
  context_ = trace_->outgoing();
  context_in_params_ = false;
}

// In all forms that there are: of `_meta`, and of headers where the server has them.
void RoutedCall::AddTrace(UpstreamRequest& request, const ServerConfig& server) const {
  if (trace_ != nullptr) trace_->Sent(server.name);
  if (!context_) return;
  if (!context_in_params_) {
    request.params = WithTraceMeta(std::move(request.params), *context_);
    if (request.token_span.size != 0) request.token_span = ProgressTokenSpan(request.params);
  }
  std::erase_if(request.headers, [](const auto& header) { return IsTraceHeader(header.first); });
  for (const auto& header : server.headers) {
    if (IsTraceHeader(header.first)) return;  // the configuration's own
  }
  request.headers.emplace_back("traceparent", context_->Parent());
  if (!context_->state.empty()) request.headers.emplace_back("tracestate", context_->state);
}

void RoutedCall::EndTrace(const Result<jsonrpc::Message>& message) {
  if (trace_ == nullptr) return;
  if (!message) {
    trace_->End(InfoOf(message.error().reason).name, message.error().message);
  } else if (message->kind == jsonrpc::Kind::kError) {
    trace_->End(InfoOf(Reason::kUpstreamError).name, "the server answered with an error");
  } else if (IsToolError(message->result)) {
    trace_->End("tool_error", "the tool has failed");
  } else {
    trace_->End("", "");
  }
  trace_.reset();
}

}  // namespace mcpbridge

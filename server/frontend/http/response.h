#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/base/error.h"

namespace mcpbridge {

// One HTTP response, before it is put on the wire.
struct HttpResponse {
  unsigned status = 200;
  std::string_view content_type = "application/json";  // a literal; unused where body is empty
  std::string body = {};
  std::string headers = {};  // further ones, each "Name: value\r\n"
  // Why the request was turned away before it became a call. nullopt: it wasn't.
  std::optional<Reason> refusal = {};

  // A JSON-RPC error about request `id` (raw; empty: it isn't known), on the status that the error
  // table gives: a refusal.
  static HttpResponse FromError(std::string_view id, const Error& error);
  // The same with the body that says it; of a call.
  static HttpResponse OfError(std::string body, const Error& error);

  // What an event stream begins with: status line and headers, in the chunked coding.
  static std::string EventStreamHead(std::string_view headers, bool close);

  // A smaller body is sent in one piece with its head, which costs less than not to copy it.
  static constexpr std::size_t kSmallBody = 16 << 10;

  // Status line and headers, with room for a small body behind them. `close`: the connection ends
  // with it.
  std::string Head(bool close) const;
};

}  // namespace mcpbridge

#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "server/base/error.h"
#include "server/upstream/http_url.h"
#include "server/upstream/upstream.h"

namespace mcpbridge {

// What an HTTP request to `url` begins with: "POST /mcp HTTP/1.1", Host, User-Agent, Accept and
// `headers`, up to where further headers belong. `target` is a path on the same server.
std::string HttpHead(std::string_view verb, const HttpUrl& url, std::string_view target,
                     std::string_view accept, const Headers& headers);

// A whole request from its head, further headers and its body.
std::string HttpMessage(std::string_view head, const Headers& headers, std::string_view body);

// The value of a Retry-After header; null: there is none, or it is no number of seconds.
std::optional<std::chrono::milliseconds> ParseRetryAfter(std::string_view text);

// Why an answer of server `name` with this status (not 2xx) is none: kUpstreamHttpStatus.
Error StatusError(const std::string& name, unsigned status,
                  std::optional<std::chrono::milliseconds> retry_after);

}  // namespace mcpbridge

#pragma once

#include <boost/beast/http/message.hpp>
#include <optional>
#include <string>

#include "server/base/error.h"
#include "server/config/config.h"
#include "server/frontend/http/response.h"

namespace mcpbridge {

// CORS (https://fetch.spec.whatwg.org/#http-cors-protocol): what lets a page in a browser read our
// answers. Only those pages whose origin CheckOrigin() lets in; never `*`, never with cookies.

// Headers of every response to a request with these fields; empty: it doesn't come from a page.
std::string CorsHeaders(const boost::beast::http::fields& fields, const BridgeConfig& config);

// The answer to a browser that asks before it sends the request itself; nullopt: this isn't that
// question. Its origin has been let in. Without a key: browsers send none with it.
std::optional<HttpResponse> AnswerPreflight(const boost::beast::http::request_header<>& head,
                                            const Config& config);
// The same, where `refused` is what CheckCaller() has said: nullopt also where its origin or host
// isn't let in.
std::optional<HttpResponse> AnswerPreflight(const boost::beast::http::request_header<>& head,
                                            const std::optional<Error>& refused,
                                            const Config& config);

}  // namespace mcpbridge

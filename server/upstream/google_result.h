#pragma once

#include <google/protobuf/io/zero_copy_stream.h>

#include <string>
#include <string_view>

#include "server/base/error.h"

namespace mcpbridge {

// How a server of Google's service fills the fields that are bytes.
enum class BytesForm {
  kRaw,     // the bytes themselves, as the service has it
  kEither,  // these, or their base64, as servers written in Python do: what can be read as base64
            // is taken for that
};

// `body`, the response to a request for `method`, as the raw result of MCP 2026-07-28: with
// resultType, and, where caches may keep it, ttlMs and cacheScope. Equal responses have equal
// texts. Pure, on any thread. Error: kUpstreamProtocol (not that message, a kind of content or of
// question that isn't known here, a number that is none of JSON's).
Result<std::string> FromGoogleResponse(std::string_view method,
                                       google::protobuf::io::ZeroCopyInputStream& body,
                                       BytesForm bytes);

}  // namespace mcpbridge

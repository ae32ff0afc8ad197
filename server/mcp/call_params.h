#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "server/base/error.h"
#include "server/jsonrpc/message.h"

namespace mcpbridge {

// The params of one tools/call as raw JSON, and where in it the bridge may have to change
// something: everything else is passed on byte for byte.
struct CallParams {
  struct Span {
    std::size_t begin = 0;
    std::size_t size = 0;  // 0: not there
  };

  std::string raw;   // one JSON object
  std::string name;  // params.name, unescaped
  Span name_span;    // of its raw value, quotes included
  Span token_span;   // of params._meta.progressToken's raw value

  // Puts another tool name in, and replaces the progress token, if there is one, by `token`.
  void Rewrite(std::string_view new_name, std::string_view token);
};

// Reads the params of `message`, a tools/call, and checks them all the way down, on the parse that
// made `message`. Errors: kInvalidArguments (no params, no name, arguments or _meta not an object,
// a member that decides anything twice).
Result<CallParams> ParseCallParams(jsonrpc::Message& message);

// Builds params from their parts; `arguments` and `meta` are raw JSON objects, empty: absent. They
// are checked as ParseCallParams does.
Result<CallParams> MakeCallParams(std::string_view name, std::string_view arguments,
                                  std::string_view meta);

}  // namespace mcpbridge

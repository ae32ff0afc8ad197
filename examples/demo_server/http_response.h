#pragma once

#include <string>
#include <string_view>

namespace mcpbridge::demo {

// Pieces of HTTP/1.1 responses, appended to `out`.

struct ResponseHead {
  int status = 200;
  std::string_view session_id = {};  // empty: no Mcp-Session-Id
  bool close = false;                // Connection: close
};

// A whole response. An empty `body` has no Content-Type.
void AppendResponse(std::string& out, const ResponseHead& head, std::string_view body);

// The head of a chunked text/event-stream, one of its events, and its end.
void AppendStreamHead(std::string& out, const ResponseHead& head);
void AppendStreamEvent(std::string& out, std::string_view json);
void AppendStreamEnd(std::string& out);

}  // namespace mcpbridge::demo

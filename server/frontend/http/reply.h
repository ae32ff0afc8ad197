#pragma once

#include <string>
#include <string_view>

#include "server/frontend/http/http_call.h"

namespace mcpbridge {

// The answer to one JSON-RPC request over HTTP: JSON, or, once something has come before it, an
// event stream that ends with it. Lane-only.
class Reply {
 public:
  // `id`: raw, of the request. `events`: the caller takes an event stream.
  Reply(HttpResponder& responder, std::string id, bool events)
      : responder_(responder), id_(std::move(id)), events_(events) {}

  const std::string& id() const { return id_; }
  bool takes_events() const { return events_; }

  // A JSON-RPC message ahead of the answer. False: the caller takes no events, or doesn't read
  // them.
  bool Before(std::string_view message);

  // The answer; one of these, once.
  void Result(std::string_view raw_result);
  void UpstreamError(std::string_view raw_error);  // byte for byte
  void Fail(const Error& error);

 private:
  void End(HttpResponse response);

  HttpResponder& responder_;
  const std::string id_;
  const bool events_;
  bool begun_ = false;  // the event stream
};

}  // namespace mcpbridge

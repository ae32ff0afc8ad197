#pragma once

#include <string>
#include <string_view>

#include "server/frontend/http/http_call.h"

namespace mcpbridge {

// The answer to one JSON-RPC request over HTTP: JSON, or, once something has come before it, an
// event stream that ends with it. Lane-only.
class Reply {
 public:
  // `id`: raw, of the request. `events`: the caller takes an event stream. `modern`: it is of the
  // era without sessions, in which errors have HTTP statuses.
  Reply(HttpResponder& responder, std::string id, bool events, bool modern = false)
      : responder_(responder), id_(std::move(id)), events_(events), modern_(modern) {}

  const std::string& id() const { return id_; }
  bool modern() const { return modern_; }

  // A JSON-RPC message ahead of the answer. False: the caller takes no events, or doesn't read
  // them.
  bool Before(std::string_view message);

  // The answer; one of these, once.
  void Result(std::string_view raw_result);
  void UpstreamError(
      std::string_view raw_error);  // byte for byte, but for codes that the era forbids
  void Fail(const Error& error);

 private:
  void End(HttpResponse response);

  HttpResponder& responder_;
  const std::string id_;
  const bool events_;
  const bool modern_;
  bool begun_ = false;  // the event stream
};

}  // namespace mcpbridge

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/frontend/admin/bridge_state.h"
#include "server/frontend/admin/metrics.h"
#include "server/frontend/http/http_connection.h"

namespace mcpbridge {

// What operators ask: /healthz, /readyz, /metrics, /debug/..., the status page at /, and /mcp for
// the page's own calls, which `mcp` answers. Owned by AdminFrontend; used on every lane.
//
// With a master key all but the first two and the page's files want it. A browser's page of another
// origin gets nothing.
class AdminEndpoint final : public HttpHandler {
 public:
  AdminEndpoint(const StateSources& from, HttpHandler& mcp, const ListenAddress& listen,
                std::function<ListenerState()> listeners);

  std::unique_ptr<HttpCall> Handle(Lane& lane, Request& request, HttpResponder& responder) override;
  void OnCallerGone(Lane& lane, std::unique_ptr<HttpCall> call) override {
    mcp_.OnCallerGone(lane, std::move(call));
  }
  std::string HeadersOf(const Request& request) const override;
  // Only what `mcp` refuses: all else was no call.
  void OnRefused(Reason reason) override { mcp_.OnRefused(reason); }

 private:
  std::optional<HttpResponse> Open(std::string_view path, const Request& request) const;
  std::optional<Error> CheckCaller(const Request& request) const;
  std::unique_ptr<HttpCall> Tell(Lane& lane, std::string_view path, HttpResponder& responder);
  static HttpResponse LogLevel(const Request& request);

  const StateSources from_;
  HttpHandler& mcp_;
  const ListenAddress listen_;
  const std::function<ListenerState()> listeners_;
};

}  // namespace mcpbridge

#include "server/frontend/admin/admin_endpoint.h"

#include <boost/beast/core/string.hpp>
#include <utility>

#include "server/base/log.h"
#include "server/frontend/admin/debug_json.h"
#include "server/frontend/admin/page.h"
#include "server/frontend/admin/state_call.h"
#include "server/frontend/http/guards.h"
#include "server/jsonrpc/message.h"
#include "server/mcp/json_members.h"

namespace mcpbridge {

namespace http = boost::beast::http;

namespace {

// Nothing but what this origin serves, and pictures in the results of tools; nobody may frame it.
constexpr std::string_view kHeaders =
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "X-Frame-Options: DENY\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n"
    "Cache-Control: no-store\r\n";

constexpr std::string_view kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

HttpResponse Text(unsigned status, std::string text) {
  return {.status = status, .content_type = "text/plain; charset=utf-8", .body = std::move(text)};
}

HttpResponse WrongMethod(std::string allowed) {
  HttpResponse response = Text(405, "not with this method\n");
  response.headers = "Allow: " + std::move(allowed) + "\r\n";
  return response;
}

std::string_view PathOf(std::string_view target) { return target.substr(0, target.find('?')); }

bool IsMcp(std::string_view path) { return path == "/mcp" || path.starts_with("/mcp/"); }

// Of "http://host:port", what Host says of the same place.
std::string_view AuthorityOf(std::string_view origin) {
  const std::size_t colon = origin.find("://");
  return colon == std::string_view::npos ? std::string_view() : origin.substr(colon + 3);
}

// The word itself, or the member `level` of an object.
std::string LevelIn(const std::string& body) {
  std::string word = body;
  if (const auto members = JsonMembers::Read(body)) word = members->Get("level").value_or("");
  std::erase_if(word, [](char c) { return c == '"' || c == ' ' || c == '\r' || c == '\n'; });
  return word;
}

}  // namespace

AdminEndpoint::AdminEndpoint(const StateSources& from, HttpHandler& mcp,
                             const ListenAddress& listen, std::function<ListenerState()> listeners)
    : from_(from), mcp_(mcp), listen_(listen), listeners_(std::move(listeners)) {}

std::string AdminEndpoint::HeadersOf(const Request& /*request*/) const {
  return std::string(kHeaders);
}

std::unique_ptr<HttpCall> AdminEndpoint::Handle(Lane& lane, Request& request,
                                                HttpResponder& responder) {
  const std::string path(PathOf(request.target()));
  if (auto answer = Open(path, request)) {
    responder.Respond(*std::move(answer));
    return nullptr;
  }
  if (const auto refused = CheckCaller(request)) {
    HttpResponse response = HttpResponse::FromError("", *refused);
    response.refusal.reset();  // no call was meant
    responder.Respond(std::move(response));
    return nullptr;
  }
  if (IsMcp(path)) {
    // The checks of its own are those of another listener.
    request.set(http::field::host, "localhost");
    request.erase(http::field::origin);
    return mcp_.Handle(lane, request, responder);
  }
  if (path == "/debug/log_level") {
    responder.Respond(LogLevel(request));
    return nullptr;
  }
  if (request.method() != http::verb::get) {
    responder.Respond(WrongMethod("GET"));
    return nullptr;
  }
  return Tell(lane, path, responder);
}

// What needs no key.
std::optional<HttpResponse> AdminEndpoint::Open(std::string_view path,
                                                const Request& request) const {
  const bool is_get = request.method() == http::verb::get;
  if (path == "/healthz") return Text(200, "ok\n");
  if (path == "/readyz") {
    return from_.service.status().serving() ? Text(200, "serving\n") : Text(503, "not serving\n");
  }
  struct File {
    std::string_view path;
    std::string_view type;
    std::string_view (*content)();
  };
  static constexpr File kFiles[] = {{"/", "text/html; charset=utf-8", PageHtml},
                                    {"/page.css", "text/css; charset=utf-8", PageCss},
                                    {"/page.js", "text/javascript; charset=utf-8", PageScript},
                                    {"/icon.svg", "image/svg+xml", PageIcon}};
  for (const File& file : kFiles) {
    if (path != file.path) continue;
    if (!is_get) return WrongMethod("GET");
    const auto refused = CheckHost(request, from_.service.config().bridge, listen_);
    if (refused) return HttpResponse::OfError(jsonrpc::ErrorMessage("", *refused), *refused);
    return HttpResponse{.content_type = file.type, .body = std::string(file.content())};
  }
  return std::nullopt;
}

// Host, then origin, then key. A page's own requests name the place that it came from; where only
// this machine can reach us that is enough, as Host has been looked at.
std::optional<Error> AdminEndpoint::CheckCaller(const Request& request) const {
  const BridgeConfig& config = from_.service.config().bridge;
  if (auto error = CheckHost(request, config, listen_)) return error;
  const std::string_view origin = request[http::field::origin];
  const bool is_own = listen_.is_loopback() && !listen_.is_unix() &&
                      boost::beast::iequals(AuthorityOf(origin), request[http::field::host]);
  if (!origin.empty() && !is_own) {
    auto error = CheckOrigin(request, config);
    // Another page of this machine is another one.
    if (!error && listen_.is_loopback()) {
      error = Error{.reason = Reason::kOriginNotAllowed,
                    .message = "only the bridge's own page may ask here"};
    }
    if (error) return error;
  }
  return CheckKey(request, from_.service);
}

std::unique_ptr<HttpCall> AdminEndpoint::Tell(Lane& lane, std::string_view path,
                                              HttpResponder& responder) {
  StateCall::Answer answer;
  if (path == "/metrics") {
    answer = [from = from_, listeners = listeners_](const BridgeState& state) {
      return HttpResponse{.content_type = kMetricsType,
                          .body = MetricsText(from, state, listeners())};
    };
  } else if (path == "/debug/calls") {
    answer = [from = from_](const BridgeState& state) {
      return HttpResponse{.body = CallsJson(from, state)};
    };
  } else if (path == "/debug/upstreams") {
    answer = [from = from_](const BridgeState& state) {
      return HttpResponse{.body = UpstreamsJson(from, state)};
    };
  } else {
    responder.Respond(Text(404,
                           "there is nothing here; see /, /healthz, /readyz, /metrics, "
                           "/debug/calls, /debug/upstreams, /debug/log_level\n"));
    return nullptr;
  }
  auto call = std::make_unique<StateCall>(from_, lane, responder);
  call->Start(/*with_calls=*/path == "/debug/calls", std::move(answer));
  return call;
}

HttpResponse AdminEndpoint::LogLevel(const Request& request) {
  const bool sets = request.method() == http::verb::put || request.method() == http::verb::post;
  if (!sets && request.method() != http::verb::get) return WrongMethod("GET, PUT, POST");
  if (sets && !SetLogLevel(LevelIn(request.body()))) {
    return Text(400, "expected one of trace, debug, info, warn, error, off\n");
  }
  return {.body = R"({"level":)" + jsonrpc::Quote(CurrentLogLevel()) + "}"};
}

}  // namespace mcpbridge

#include "client/print.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string_view>
#include <variant>

#include "client/image_size.h"
#include "mcpbridge/retries.h"

namespace mcpbridge::client {
namespace {

template <class... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};
template <class... Visitors>
Overloaded(Visitors...) -> Overloaded<Visitors...>;

std::string Bytes(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " byte" : " bytes");
}

// "[kind a, b]" of those facts that are known.
std::string Bracketed(const std::string& kind, const std::vector<std::string>& facts) {
  std::string line = "[" + kind;
  const char* separator = " ";
  for (const auto& fact : facts) {
    if (fact.empty()) continue;
    line += separator + fact;
    separator = ", ";
  }
  return line + "]";
}

// "640x480"; empty: not known.
std::string PixelsOf(std::string_view image) {
  const auto size = ImageSizeOf(image);
  return size ? std::to_string(size->width) + "x" + std::to_string(size->height) : "";
}

std::string PrintBlock(const Content& content) {
  return std::visit(
      Overloaded{
          [](const TextContent& text) { return text.text; },
          [](const ImageContent& image) {
            return Bracketed("image",
                             {image.mime_type, PixelsOf(image.data), Bytes(image.data.size())});
          },
          [](const AudioContent& audio) {
            return Bracketed("audio", {audio.mime_type, Bytes(audio.data.size())});
          },
          [](const ResourceLink& link) {
            return Bracketed(
                "link", {link.uri, link.title.empty() ? link.name : link.title, link.mime_type});
          },
          [](const EmbeddedResource& resource) {
            return Bracketed("resource",
                             {resource.uri, resource.mime_type, Bytes(resource.contents.size())});
          },
          [](const UnknownContent& unknown) { return Bracketed("unknown", {unknown.json}); }},
      content.block);
}

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// The first line, and nothing in it that a terminal would obey: servers write these texts.
std::string FirstLine(const std::string& text) {
  const auto begin = std::find_if_not(text.begin(), text.end(), [](char c) { return c == '\n'; });
  return {begin, std::find_if(begin, text.end(), IsControl)};
}

constexpr std::size_t kBarWidth = 24;

// As short as it can be said: "3", "0.5".
std::string Number(double number) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", number);
  return text;
}

std::string Padded(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

std::string Quoted(std::string_view text) {
  std::string json = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') json += '\\';
    if (!IsControl(c)) {
      json += c;
      continue;
    }
    char escape[8];
    std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
    json += escape;
  }
  return json + "\"";
}

std::string PrintToolAsJson(const Tool& tool) {
  std::string json = "{\"name\":" + Quoted(tool.name) + ",\"server\":" + Quoted(tool.server);
  if (!tool.title.empty()) json += ",\"title\":" + Quoted(tool.title);
  if (!tool.description.empty()) json += ",\"description\":" + Quoted(tool.description);
  if (!tool.input_schema_json.empty()) json += ",\"inputSchema\":" + tool.input_schema_json;
  if (!tool.output_schema_json.empty()) json += ",\"outputSchema\":" + tool.output_schema_json;
  return json + "}\n";
}

const char* NameOf(Transport transport) {
  switch (transport) {
    case Transport::kHttp:
      return "http";
    case Transport::kStdio:
      return "stdio";
    case Transport::kSse:
      return "sse";
    case Transport::kGrpc:
      return "grpc";
    case Transport::kUnknown:
      break;
  }
  return "unknown";
}

const char* NameOf(Health health) {
  switch (health) {
    case Health::kConnecting:
      return "connecting";
    case Health::kServing:
      return "serving";
    case Health::kNotServing:
      return "not-serving";
    case Health::kUnknown:
      break;
  }
  return "unknown";
}

std::string PrintServerAsJson(const Server& server) {
  std::string json = "{\"name\":" + Quoted(server.name) + ",\"transport\":\"" +
                     NameOf(server.transport) + "\",\"health\":\"" + NameOf(server.health) + '"';
  const auto add = [&json](const char* name, const std::string& value) {
    if (!value.empty()) json += std::string(",\"") + name + "\":" + Quoted(value);
  };
  add("description", server.description);
  add("protocolVersion", server.protocol_version);
  add("lastError", server.last_error);
  add("serverName", server.server_name);
  add("serverVersion", server.server_version);
  return json + "}\n";
}

const char* NameOf(StatusCode code) {
  switch (code) {
    case StatusCode::kCancelled:
      return "CANCELLED";
    case StatusCode::kUnknown:
      return "UNKNOWN";
    case StatusCode::kInvalidArgument:
      return "INVALID_ARGUMENT";
    case StatusCode::kDeadlineExceeded:
      return "DEADLINE_EXCEEDED";
    case StatusCode::kNotFound:
      return "NOT_FOUND";
    case StatusCode::kAlreadyExists:
      return "ALREADY_EXISTS";
    case StatusCode::kPermissionDenied:
      return "PERMISSION_DENIED";
    case StatusCode::kResourceExhausted:
      return "RESOURCE_EXHAUSTED";
    case StatusCode::kFailedPrecondition:
      return "FAILED_PRECONDITION";
    case StatusCode::kAborted:
      return "ABORTED";
    case StatusCode::kOutOfRange:
      return "OUT_OF_RANGE";
    case StatusCode::kUnimplemented:
      return "UNIMPLEMENTED";
    case StatusCode::kInternal:
      return "INTERNAL";
    case StatusCode::kUnavailable:
      return "UNAVAILABLE";
    case StatusCode::kDataLoss:
      return "DATA_LOSS";
    case StatusCode::kUnauthenticated:
      return "UNAUTHENTICATED";
  }
  return "UNKNOWN";
}

// As gRPC words it.
bool IsAboutTls(const std::string& message) {
  return message.find("handshake") != std::string::npos ||
         message.find("certificate") != std::string::npos;
}

// What to do about it; empty: nothing that would be sure to help.
std::string AdviceOn(const CallError& error, const std::string& address) {
  if (error.reason == "TOOL_NOT_FOUND") return "mcp-call --list shows the tools' names";
  if (error.reason == "SERVER_NOT_FOUND") return "mcp-call --servers shows the servers' names";
  if (error.reason == "TOOL_AMBIGUOUS") return "name the server with --server";
  if (error.reason == "INVALID_ARGUMENTS") {
    return "mcp-call --list --json shows what the tool takes; quote the arguments as one JSON "
           "object: "
           "'{\"name\":\"value\"}'";
  }
  if (error.reason == "TOOL_NOT_ALLOWED") {
    return "allowed_tools and disallowed_tools in the bridge's configuration decide that";
  }
  if (error.reason == "UPSTREAM_UNAVAILABLE")
    return "mcp-call --servers shows what is wrong with it";
  if (error.code == StatusCode::kUnauthenticated) {
    return "give the bridge's key in MCP_BRIDGE_API_KEY or with --api_key";
  }
  if (error.code == StatusCode::kDeadlineExceeded) return "give it longer with --timeout";
  if (error.code == StatusCode::kUnavailable && error.reason.empty()) {
    if (IsAboutTls(error.message)) {
      return "--tls_ca says whom to trust, --tls_name what the certificate of " + address +
             " must be called; the bridge itself listens without TLS";
    }
    return "is mcp-bridge running, and is " + address + " its gRPC address? --address sets another";
  }
  return {};
}

}  // namespace

std::string PrintResult(const CallResult& result) {
  std::string all;
  for (const auto& content : result.content) {
    all += PrintBlock(content);
    if (!all.ends_with('\n')) all += '\n';
  }
  if (result.content.empty() && !result.structured_content_json.empty()) {
    all = result.structured_content_json + "\n";
  }
  return all;
}

std::string PrintProgressBar(const Progress& progress, std::size_t width) {
  std::string line;
  if (progress.total && *progress.total > 0) {
    const double part = std::clamp(progress.progress / *progress.total, 0.0, 1.0);
    const auto filled = static_cast<std::size_t>(part * kBarWidth);
    line = '[' + std::string(filled, '=') + std::string(kBarWidth - filled, ' ') + "] " +
           Number(std::floor(part * 100)) + '%';
  } else {
    line = Number(progress.progress);
  }
  if (!progress.message.empty()) line += ' ' + FirstLine(progress.message);
  if (line.size() > width) line.resize(width);
  return line;
}

std::string PrintProgress(const Progress& progress) {
  std::string line = "progress " + Number(progress.progress);
  if (progress.total) line += '/' + Number(*progress.total);
  if (!progress.message.empty()) line += ' ' + FirstLine(progress.message);
  return line + '\n';
}

std::string PrintLogMessage(const LogMessage& message) {
  std::string line = FirstLine(message.level);
  if (!message.logger.empty()) line += ' ' + FirstLine(message.logger);
  return line + ": " + FirstLine(message.data_json) + '\n';
}

std::string PrintTools(const std::vector<Tool>& tools) {
  constexpr std::size_t kWidest = 40;
  std::size_t width = 0;
  for (const auto& tool : tools) width = std::max(width, std::min(kWidest, tool.name.size()));
  std::string all;
  for (const auto& tool : tools) {
    const auto what = FirstLine(tool.description.empty() ? tool.title : tool.description);
    all += what.empty() ? FirstLine(tool.name) : Padded(FirstLine(tool.name), width) + "  " + what;
    all += '\n';
  }
  return all;
}

std::string PrintToolsAsJson(const std::vector<Tool>& tools) {
  std::string all;
  for (const auto& tool : tools) all += PrintToolAsJson(tool);
  return all;
}

std::string PrintServers(const std::vector<Server>& servers) {
  std::size_t width = 0;
  for (const auto& server : servers) width = std::max(width, server.name.size());
  std::string all;
  for (const auto& server : servers) {
    all += Padded(server.name, width) + "  " + Padded(NameOf(server.transport), 5) + "  " +
           Padded(NameOf(server.health), 11) + "  " +
           (server.protocol_version.empty() ? "-" : server.protocol_version);
    if (!server.last_error.empty()) all += "  " + FirstLine(server.last_error);
    all += '\n';
  }
  return all;
}

std::string PrintServersAsJson(const std::vector<Server>& servers) {
  std::string all;
  for (const auto& server : servers) all += PrintServerAsJson(server);
  return all;
}

std::string PrintError(const CallError& error, const std::string& address) {
  std::string all = "mcp-call: " + error.message + "\n  reason: ";
  all += error.reason.empty() ? NameOf(error.code) : error.reason;
  for (const auto& [name, value] : error.metadata) all += " " + name + "=" + value;
  all += '\n';
  if (const auto advice = AdviceOn(error, address); !advice.empty())
    all += "  try: " + advice + "\n";
  if (error.retry_after) {
    all += IsRetryable(error) ? "  the tool did not run; a retry may succeed after "
                              : "  not before another ";
    all += std::to_string(error.retry_after->count()) + " ms\n";
  }
  return all;
}

int ExitCodeOf(const CallError& error) {
  switch (error.code) {
    case StatusCode::kNotFound:
    case StatusCode::kInvalidArgument:
      return 3;
    case StatusCode::kDeadlineExceeded:
      return 4;
    case StatusCode::kUnavailable:
    case StatusCode::kResourceExhausted:
      return 5;
    case StatusCode::kUnauthenticated:
    case StatusCode::kPermissionDenied:
      return 6;
    default:
      return 7;
  }
}

}  // namespace mcpbridge::client

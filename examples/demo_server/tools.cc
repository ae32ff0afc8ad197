#include "examples/demo_server/tools.h"

#include <cstdint>
#include <cstdio>
#include <limits>
#include <optional>

namespace mcpbridge::demo {
namespace {

constexpr std::int64_t kMaxBytes = 256 << 20;
constexpr std::int64_t kMaxCount = 1'000'000;
constexpr std::int64_t kMaxMilliseconds = 24LL * 3600 * 1000;

constexpr std::string_view kPixelPng =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg"
    "==";
// RIFF/WAVE header with no samples.
constexpr std::string_view kSilentWav =
    "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=";

// `raw` is a JSON string with its quotes.
void TextResult(std::string& result, std::string_view raw, bool is_error = false) {
  result = R"({"content":[{"type":"text","text":)";
  result.append(raw).append(is_error ? R"(}],"isError":true})" : "}]}");
}

ToolPlan BadArguments(std::string& result, std::string_view need) {
  TextResult(result, std::string("\"Invalid arguments: ").append(need).append("\""), true);
  return {};
}

ToolPlan MyTool(const CallParams& call, RpcReader& reader, std::chrono::milliseconds time,
                std::string& result) {
  const auto query = reader.RawString(call.arguments, "query");
  if (!query) return BadArguments(result, "query must be a string");
  TextResult(result, std::string("\"result for ").append(query->substr(1)));
  return {.steps = time.count() > 0 ? 1 : 0, .interval = time};
}

ToolPlan Echo(const CallParams& call, RpcReader& reader, std::string& result) {
  const auto text = reader.RawString(call.arguments, "text");
  if (!text) return BadArguments(result, "text must be a string");
  TextResult(result, *text);
  return {};
}

ToolPlan Sleep(const CallParams& call, RpcReader& reader, std::string& result) {
  const auto ms = reader.Integer(call.arguments, "ms");
  if (!ms || *ms < 0 || *ms > kMaxMilliseconds) {
    return BadArguments(result, "ms must be an integer from 0 to a day");
  }
  TextResult(result, std::string("\"slept ").append(std::to_string(*ms)).append(" ms\""));
  return {.steps = *ms > 0 ? 1 : 0, .interval = std::chrono::milliseconds(*ms)};
}

ToolPlan Fail(const CallParams& call, RpcReader& reader, std::string& result) {
  TextResult(result, reader.RawString(call.arguments, "message").value_or("\"failed as asked\""),
             true);
  return {};
}

ToolPlan Count(const CallParams& call, RpcReader& reader, std::string& result) {
  const auto to = reader.Integer(call.arguments, "to");
  const std::int64_t interval = reader.Integer(call.arguments, "interval_ms").value_or(0);
  if (!to || *to < 0 || *to > kMaxCount || interval < 0 || interval > kMaxMilliseconds) {
    return BadArguments(result, "to and interval_ms must be integers, 0 or more");
  }
  TextResult(result, std::string("\"counted to ").append(std::to_string(*to)).append("\""));
  return {.steps = static_cast<int>(*to),
          .interval = std::chrono::milliseconds(interval),
          .progress = true};
}

ToolPlan Bytes(const CallParams& call, RpcReader& reader, std::string& result) {
  const auto n = reader.Integer(call.arguments, "n");
  if (!n || *n < 0 || *n > kMaxBytes) return BadArguments(result, "n must be from 0 to 256 Mi");
  result = R"({"content":[{"type":"text","text":")";
  result.append(static_cast<std::size_t>(*n), 'x').append("\"}]}");
  return {};
}

ToolPlan Add(const CallParams& call, RpcReader& reader, std::string& result) {
  const auto a = reader.Number(call.arguments, "a");
  const auto b = reader.Number(call.arguments, "b");
  if (!a || !b) return BadArguments(result, "a and b must be numbers");
  const double sum = *a + *b;
  if (!(sum <= std::numeric_limits<double>::max() &&
        sum >= std::numeric_limits<double>::lowest())) {
    return BadArguments(result, "the sum is out of range");
  }
  char number[32];
  std::snprintf(number, sizeof number, "%.15g", sum);
  const std::string object = std::string("{\"sum\":").append(number).append("}");
  result = R"({"content":[{"type":"text","text":"{\"sum\":)";
  result.append(number).append(R"(}"}],"structuredContent":)").append(object).append("}");
  return {};
}

ToolPlan Image(std::string& result) {
  result = R"({"content":[{"type":"image","mimeType":"image/png","data":")";
  result.append(kPixelPng).append("\"}]}");
  return {};
}

ToolPlan Mixed(std::string& result) {
  result = R"({"content":[{"type":"text","text":"one of each","annotations":{"audience":["user"],)"
           R"("priority":0.5}},{"type":"image","mimeType":"image/png","data":")";
  result.append(kPixelPng).append(R"("},{"type":"audio","mimeType":"audio/wav","data":")");
  result.append(kSilentWav)
      .append(
          R"("},{"type":"resource_link","uri":"demo://link","name":"link","title":"A link",)"
          R"("description":"Somewhere else","mimeType":"text/plain","size":3},)"
          R"({"type":"resource","resource":{"uri":"demo://text","mimeType":"text/plain","text":"abc"}},)"
          R"({"type":"resource","resource":{"uri":"demo://blob","mimeType":"application/octet-stream",)"
          R"("blob":"AAEC"}}],"_meta":{"demo/kinds":6}})");
  return {};
}

ToolPlan ShowStats(const Stats& stats, std::string& result) {
  std::string quoted = "\"";
  for (const char c : stats.ToJson()) {
    if (c == '"') quoted += '\\';
    quoted += c;
  }
  TextResult(result, quoted.append("\""));
  return {};
}

}  // namespace

ToolPlan PlanTool(const CallParams& call, RpcReader& reader, std::chrono::milliseconds my_tool_time,
                  const Stats& stats, std::string& result) {
  if (call.name == "echo") return Echo(call, reader, result);
  if (call.name == "my_tool") return MyTool(call, reader, my_tool_time, result);
  if (call.name == "sleep") return Sleep(call, reader, result);
  if (call.name == "fail") return Fail(call, reader, result);
  if (call.name == "count") return Count(call, reader, result);
  if (call.name == "bytes") return Bytes(call, reader, result);
  if (call.name == "add") return Add(call, reader, result);
  if (call.name == "image") return Image(result);
  if (call.name == "mixed") return Mixed(result);
  if (call.name.starts_with("tool_")) return Echo(call, reader, result);
  if (call.name == "stats") return ShowStats(stats, result);
  return {.known = false};
}

}  // namespace mcpbridge::demo

#include "server/trace/trace_context.h"

#include <algorithm>
#include <utility>

#include "server/jsonrpc/message.h"
#include "server/mcp/json_members.h"

namespace mcpbridge {
namespace {

constexpr std::string_view kParent = "traceparent";
constexpr std::string_view kState = "tracestate";
constexpr std::size_t kMostState = 512;  // what W3C wants passed on at least

bool IsHex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool IsZero(std::string_view text) { return text.find_first_not_of('0') == text.npos; }

// The text of a raw JSON string without escapes; empty: it isn't one.
std::string PlainText(std::string_view raw) {
  raw = jsonrpc::TrimEnd(raw);
  if (raw.size() < 2 || raw.front() != '"' || raw.find('\\') != raw.npos) return {};
  return std::string(raw.substr(1, raw.size() - 2));
}

}  // namespace

std::string TraceContext::Parent() const {
  return "00-" + trace_id + "-" + span_id + (sampled ? "-01" : "-00");
}

std::optional<TraceContext> ParseTraceParent(std::string_view parent, std::string_view state) {
  // Later versions may have more behind it.
  const bool formed = parent.size() >= 55 && parent[2] == '-' && parent[35] == '-' &&
                      parent[52] == '-' && IsHex(parent.substr(0, 2)) &&
                      IsHex(parent.substr(3, 32)) && IsHex(parent.substr(36, 16)) &&
                      IsHex(parent.substr(53, 2));
  if (!formed || parent.starts_with("ff") || IsZero(parent.substr(3, 32)) ||
      IsZero(parent.substr(36, 16))) {
    return std::nullopt;
  }
  if (parent.size() > 55 && (parent.starts_with("00") || parent[55] != '-')) return std::nullopt;
  const bool usable =
      state.size() <= kMostState &&
      std::all_of(state.begin(), state.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
  const int flags = parent[54] >= 'a' ? parent[54] - 'a' + 10 : parent[54] - '0';
  return TraceContext{.trace_id = std::string(parent.substr(3, 32)),
                      .span_id = std::string(parent.substr(36, 16)),
                      .sampled = (flags & 1) != 0,
                      .state = usable ? std::string(state) : std::string()};
}

MetaTrace TraceOfMeta(std::string_view params) {
  // A search through the text, which most requests need no more than.
  if (params.find(kParent) == std::string_view::npos) return {};
  const auto members = JsonMembers::Read(params);
  const auto raw = members ? members->Get("_meta") : std::nullopt;
  const auto meta = raw ? JsonMembers::Read(*raw) : std::nullopt;
  if (!meta) return {};
  return {.parent = PlainText(meta->Get(kParent).value_or("")),
          .state = PlainText(meta->Get(kState).value_or(""))};
}

std::string WithTraceMeta(std::string params, const TraceContext& context) {
  auto members = JsonMembers::Read(params.empty() ? "{}" : params);
  if (!members) return params;
  auto meta = JsonMembers::Read(members->Get("_meta").value_or("{}"));
  if (!meta) return params;
  if (context.state.empty()) {
    meta->Remove({kState});
  } else {
    meta->Set(kState, jsonrpc::Quote(context.state));
  }
  meta->Set(kParent, jsonrpc::Quote(context.Parent()));
  members->Set("_meta", meta->text());
  return std::move(*members).Take();
}

}  // namespace mcpbridge

#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace mcpbridge {

// Where a request stands in a trace, as W3C's Trace Context has it.
struct TraceContext {
  std::string trace_id;  // 32 hex digits
  std::string span_id;   // 16, of the span that the request was sent from
  bool sampled = false;
  std::string state = {};  // `tracestate`; may be empty

  // "00-TRACE-SPAN-01"
  std::string Parent() const;
};

// Reads a `traceparent`, and what comes with it. A tracestate that isn't visible ASCII of at most
// 512 characters is left out. nullopt: it is none, and counts as not sent.
std::optional<TraceContext> ParseTraceParent(std::string_view parent, std::string_view state);

// Of a request's raw params, by their `_meta`; both empty: it isn't there.
struct MetaTrace {
  std::string parent;
  std::string state;
};
MetaTrace TraceOfMeta(std::string_view params);

// Raw `params` with it in their `_meta`, in the place of what is there. As they are where they are
// no object.
std::string WithTraceMeta(std::string params, const TraceContext& context);

}  // namespace mcpbridge

#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mcpbridge {

// One span of a trace, as it goes to a collector.
struct TraceSpan {
  enum class Kind { kServer = 2, kClient = 3 };  // OTLP's numbers

  std::string trace_id;   // 32 hex digits
  std::string span_id;    // 16
  std::string parent_id;  // 16; empty: it is the first
  std::string state;      // tracestate
  std::string name;
  Kind kind = Kind::kServer;
  std::chrono::system_clock::time_point begin;
  std::chrono::system_clock::time_point end;
  std::vector<std::pair<std::string, std::string>> attributes;
  bool failed = false;
  std::string message;  // of a failure
};

// An ExportTraceServiceRequest (OTLP 1) of these, in protobuf's binary form. `resource`: attributes
// of this process.
std::string EncodeSpans(const std::vector<TraceSpan>& spans,
                        const std::vector<std::pair<std::string, std::string>>& resource,
                        std::string_view scope_version);

}  // namespace mcpbridge

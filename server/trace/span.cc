#include "server/trace/span.h"

namespace mcpbridge {
namespace {

using Attributes = std::vector<std::pair<std::string, std::string>>;

// Fields of protobuf's wire format; numbers are those of opentelemetry/proto/trace/v1/trace.proto
// and common/v1/common.proto. Half a dozen messages aren't worth generated code of a repository of
// protos.
class Writer {
 public:
  void Varint(int field, std::uint64_t value) {
    Tag(field, 0);
    Number(value);
  }
  void Fixed64(int field, std::uint64_t value) {
    Tag(field, 1);
    for (int i = 0; i < 8; ++i) out_ += static_cast<char>(value >> (8 * i) & 0xff);
  }
  void Bytes(int field, std::string_view bytes) {
    Tag(field, 2);
    Number(bytes.size());
    out_.append(bytes);
  }
  void Text(int field, std::string_view text) {
    if (!text.empty()) Bytes(field, text);
  }
  const std::string& out() const { return out_; }

 private:
  void Tag(int field, unsigned type) { Number(static_cast<std::uint64_t>(field) << 3 | type); }
  void Number(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) out_ += static_cast<char>((value & 0x7f) | 0x80);
    out_ += static_cast<char>(value);
  }

  std::string out_;
};

int DigitOf(char c) { return c >= 'a' ? c - 'a' + 10 : c - '0'; }

std::string FromHex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(DigitOf(hex[i]) << 4 | DigitOf(hex[i + 1]));
  }
  return bytes;
}

void AddAttributes(Writer& out, int field, const Attributes& attributes) {
  for (const auto& [key, value] : attributes) {
    Writer any;
    any.Bytes(1, value);  // string_value, also where it is empty
    Writer pair;
    pair.Text(1, key);
    pair.Bytes(2, any.out());
    out.Bytes(field, pair.out());
  }
}

std::uint64_t Nanoseconds(std::chrono::system_clock::time_point time) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count());
}

std::string EncodeSpan(const TraceSpan& span) {
  Writer out;
  out.Bytes(1, FromHex(span.trace_id));
  out.Bytes(2, FromHex(span.span_id));
  out.Text(3, span.state);
  if (!span.parent_id.empty()) out.Bytes(4, FromHex(span.parent_id));
  out.Text(5, span.name);
  out.Varint(6, static_cast<std::uint64_t>(span.kind));
  out.Fixed64(7, Nanoseconds(span.begin));
  out.Fixed64(8, Nanoseconds(span.end));
  AddAttributes(out, 9, span.attributes);
  if (span.failed) {
    Writer status;
    status.Text(2, span.message);
    status.Varint(3, 2);  // STATUS_CODE_ERROR
    out.Bytes(15, status.out());
  }
  return out.out();
}

}  // namespace

std::string EncodeSpans(const std::vector<TraceSpan>& spans, const Attributes& resource,
                        std::string_view scope_version) {
  Writer scope;
  scope.Text(1, "mcp-bridge");
  scope.Text(2, scope_version);
  Writer scope_spans;
  scope_spans.Bytes(1, scope.out());
  for (const TraceSpan& span : spans) scope_spans.Bytes(2, EncodeSpan(span));
  Writer of_process;
  AddAttributes(of_process, 1, resource);
  Writer resource_spans;
  resource_spans.Bytes(1, of_process.out());
  resource_spans.Bytes(2, scope_spans.out());
  Writer request;
  request.Bytes(1, resource_spans.out());
  return request.out();
}

}  // namespace mcpbridge

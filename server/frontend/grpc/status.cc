#include "server/frontend/grpc/status.h"

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "server/base/error.h"

namespace mcpbridge {
namespace {

constexpr char kDomain[] = "mcpbridge";

// The message travels twice: percent-encoded in `grpc-message`, where a byte may become three, and
// within the details, whose base64 makes four bytes of three. With 2 KiB of the former and 1.5 KiB
// of metadata the trailers stay below 8 KiB: 2 + 4/3 * (2 + 1.5 + names) + header overhead.
constexpr std::size_t kMessageBytes = 2048;
constexpr std::size_t kMetadataBytes = 1536;

// Length of the UTF-8 sequence at the start of `text`; 0: there is none.
std::size_t SequenceLength(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, and what lies beyond U+10FFFF.
  if (first == 0xe0 && byte(1) < 0xa0) return 0;
  if (first == 0xed && byte(1) >= 0xa0) return 0;
  if (first == 0xf0 && byte(1) < 0x90) return 0;
  if (first == 0xf4 && byte(1) >= 0x90) return 0;
  return length;
}

// What gRPC sends as it is in `grpc-message`; anything else becomes %XX.
bool IsPlain(char c) { return c >= ' ' && c <= '~' && c != '%'; }

// `text` as valid UTF-8 (a '?' for each byte that isn't), up to `limit` bytes: percent-encoded
// ones, if `encoded`. Sets `cut` if that was not all.
std::string Bounded(std::string_view text, std::size_t limit, bool encoded, bool& cut) {
  std::string out;
  std::size_t used = 0;
  while (!text.empty()) {
    const std::size_t length = SequenceLength(text);
    const std::string_view next = length == 0 ? "?" : text.substr(0, length);
    used += !encoded || IsPlain(next.front()) ? next.size() : 3 * next.size();
    if (used > limit) {
      cut = true;
      break;
    }
    out += next;
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

grpc::StatusCode CodeOf(const Error& error) {
  if (error.reason == Reason::kUpstreamError && error.upstream.has_value()) {
    switch (error.upstream->code) {
      case -32700:
      case -32600:
      case -32602:
        return grpc::StatusCode::INVALID_ARGUMENT;
      case -32601:
        return grpc::StatusCode::UNIMPLEMENTED;
      case -32603:
        return grpc::StatusCode::INTERNAL;
      default:
        break;
    }
  }
  return static_cast<grpc::StatusCode>(InfoOf(error.reason).grpc_code);
}

// Fills metadata in order of importance until there is no room, and notes what was cut.
class MetadataWriter {
 public:
  explicit MetadataWriter(google::rpc::ErrorInfo& info) : info_(info) {}

  void Add(std::string_view name, std::string_view value) {
    bool cut = name.size() > left_;
    if (!cut) {
      left_ -= name.size();
      const std::string bounded = Bounded(value, left_, /*encoded=*/false, cut);
      left_ -= bounded.size();
      if (!bounded.empty() || value.empty())
        (*info_.mutable_metadata())[std::string(name)] = bounded;
    }
    if (cut) NoteCut(name);
  }

  void NoteCut(std::string_view what) {
    if (!cut_.empty()) cut_ += ',';
    cut_ += what;
  }

  void Finish() {
    if (cut_.empty()) return;
    bool ignored = false;
    (*info_.mutable_metadata())["truncated"] = Bounded(cut_, 256, /*encoded=*/false, ignored);
  }

 private:
  google::rpc::ErrorInfo& info_;
  std::size_t left_ = kMetadataBytes;
  std::string cut_;
};

google::rpc::ErrorInfo InfoFor(const Error& error, bool message_cut) {
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(InfoOf(error.reason).name));
  info.set_domain(kDomain);
  MetadataWriter metadata(info);
  if (message_cut) metadata.NoteCut("message");
  for (const auto& [name, value] : error.metadata) metadata.Add(name, value);
  for (const auto& [name, json] : error.raw_data) metadata.Add(name, json);
  if (error.upstream.has_value()) {
    metadata.Add("jsonrpc_code", std::to_string(error.upstream->code));
    if (!error.upstream->data.empty()) metadata.Add("jsonrpc_data", error.upstream->data);
  }
  metadata.Finish();
  return info;
}

google::rpc::RetryInfo RetryAfter(std::chrono::milliseconds wait) {
  google::rpc::RetryInfo retry;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(wait);
  const auto rest = std::chrono::nanoseconds(wait - seconds);
  retry.mutable_retry_delay()->set_seconds(seconds.count());
  retry.mutable_retry_delay()->set_nanos(static_cast<std::int32_t>(rest.count()));
  return retry;
}

}  // namespace

grpc::Status ToGrpcStatus(const Error& error) {
  bool message_cut = false;
  const grpc::StatusCode code = CodeOf(error);
  std::string message = Bounded(error.message, kMessageBytes, /*encoded=*/true, message_cut);
  google::rpc::Status details;
  details.set_code(code);
  details.set_message(message);
  details.add_details()->PackFrom(InfoFor(error, message_cut));
  if (error.retry_after.has_value())
    details.add_details()->PackFrom(RetryAfter(*error.retry_after));
  return grpc::Status(code, std::move(message), details.SerializeAsString());
}

std::string ValidUtf8(std::string_view text) {
  bool cut = false;
  return Bounded(text, text.size(), /*encoded=*/false, cut);
}

}  // namespace mcpbridge

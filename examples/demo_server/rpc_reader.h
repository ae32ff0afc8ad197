#pragma once

#include <simdjson.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mcpbridge::demo {

// One JSON-RPC message; all views are into the text it was read from.
struct RpcMessage {
  std::string_view id;      // raw JSON; empty: absent
  std::string_view method;  // empty: absent, so this is a response
  std::string_view params;  // raw JSON object; empty: absent
};

// The params of a tools/call.
struct CallParams {
  std::string_view name;
  std::string_view arguments;       // raw JSON object; "{}" if absent
  std::string_view progress_token;  // raw JSON; empty: absent
};

enum class ReadError { kInvalidJson, kInvalidRequest };

// The padding that simdjson reads over must lie behind a text: reserve it.
void ReservePadding(std::string& text);

// Reads messages with memory that it uses again and again. One thread. What it returns is valid
// until the same function is called again, and while the text lives.
class RpcReader {
 public:
  // nullopt: read. `text` needs ReservePadding().
  std::optional<ReadError> ReadMessage(const std::string& text, RpcMessage& message);

  // The following read parts of a message's text, so padding is there. nullopt: not of that shape.
  std::optional<CallParams> ReadCallParams(std::string_view params);
  // A string member of `object` as raw JSON with its quotes, or unescaped.
  std::optional<std::string_view> RawString(std::string_view object, std::string_view member);
  std::optional<std::string_view> String(std::string_view object, std::string_view member);
  std::optional<std::int64_t> Integer(std::string_view object, std::string_view member);
  std::optional<double> Number(std::string_view object, std::string_view member);
  // Any member that is a string or a number, raw.
  std::optional<std::string_view> RawScalar(std::string_view object, std::string_view member);

 private:
  simdjson::ondemand::parser message_parser_;
  simdjson::ondemand::parser params_parser_;
  simdjson::ondemand::parser member_parser_;
};

}  // namespace mcpbridge::demo

#pragma once

#include <simdjson.h>

#include <memory>
#include <string>
#include <string_view>

#include "server/base/error.h"

namespace mcpbridge::jsonrpc {

// JSON text with the spare bytes behind it that simdjson reads over. Owns its bytes; moves are
// cheap.
class Text {
 public:
  Text() = default;
  explicit Text(std::string text) : bytes_(std::move(text)) { Pad(); }

  std::string_view view() const { return bytes_; }
  bool empty() const { return bytes_.empty(); }
  std::size_t size() const { return bytes_.size(); }

  void Append(std::string_view more) { bytes_.append(more); }
  // Makes room for `size` bytes and the padding at once.
  void Reserve(std::size_t size) { bytes_.reserve(size + simdjson::SIMDJSON_PADDING); }
  void Clear() { bytes_.clear(); }

  // For the parser. Valid until this is changed.
  simdjson::padded_string_view Padded() {
    Pad();
    return simdjson::padded_string_view(bytes_.data(), bytes_.size(), bytes_.capacity());
  }

 private:
  void Pad() { bytes_.reserve(bytes_.size() + simdjson::SIMDJSON_PADDING); }
  std::string bytes_;
};

// A parser with memory that one lane (or one thread) uses again and again. One document at a time:
// a Message is valid until its parser's next use.
class Parser {
 public:
  simdjson::ondemand::parser& Get();
  simdjson::ondemand::document& document() { return document_; }
  // Gives memory back that a large document has left behind. Call when a message is done with.
  void Trim();

 private:
  std::unique_ptr<simdjson::ondemand::parser> parser_;
  simdjson::ondemand::document document_;
};

enum class Kind { kRequest, kNotification, kResult, kError };

// One JSON-RPC message, parsed once, in place. The views are raw JSON text inside the Text it was
// parsed from; they and result_value() are valid while that Text lives and the Parser isn't used
// again.
struct Message {
  Kind kind = Kind::kRequest;
  std::string_view id;      // raw, e.g. `7`, `"a"`, `null`; empty: absent
  std::string_view method;  // unescaped, in the parser's memory; empty: absent
  std::string_view params;  // raw; empty: absent
  std::string_view result;  // raw; empty: absent
  std::string_view error;   // raw; empty: absent

  // Where parsing goes on without a second pass over the text (see ResultValue()).
  simdjson::ondemand::document* document = nullptr;
};

// Parses `text`, which must hold one object that is a JSON-RPC 2.0 message. A duplicate of a member
// that decides anything (jsonrpc, id, method, params, result, error) is refused: two readers could
// disagree about it. Values inside params and result are only skipped over; see Validate().
//
// Errors: kInvalidJson; kInvalidRequest (not an object, an array, wrong or missing members). With
// the latter `id_seen`, where given, is set to the message's raw id if it has a valid one.
Result<Message> Parse(Parser& parser, Text& text, std::string_view* id_seen = nullptr);

// The parsed value of `message.result`, or of `message.params`, on the structural index that
// Parse() made: no second parse. Ends the validity of `message.method`.
simdjson::simdjson_result<simdjson::ondemand::value> ResultValue(Message& message);
simdjson::simdjson_result<simdjson::ondemand::value> ParamsValue(Message& message);

// Whether `text`, if it is JSON, is an array.
bool IsArray(std::string_view text);

// `text` without the JSON white space behind it, which simdjson leaves on a raw value.
std::string_view TrimEnd(std::string_view text);

// Whether `text` is a number in JSON's grammar, of any size.
bool IsJsonNumber(std::string_view text);

// Checks that `value` is valid JSON all the way down, no deeper than 128 levels.
bool Validate(simdjson::ondemand::value value, int depth = 0);

inline Error InvalidRequest(std::string message) {
  return Error{.reason = Reason::kInvalidRequest, .message = std::move(message)};
}

// A server's error object, as an Error with reason kUpstreamError.
Error UpstreamErrorOf(std::string_view raw_error);

// `text` in quotes, escaped.
std::string Quote(std::string_view text);
void AppendQuoted(std::string& out, std::string_view text);

// {"jsonrpc":"2.0","id":ID,"result":RESULT}; both raw.
std::string ResultMessage(std::string_view id, std::string_view result);
// {"jsonrpc":"2.0","id":ID,"error":ERROR}; both raw.
std::string RawErrorMessage(std::string_view id, std::string_view raw_error);
// {"jsonrpc":"2.0","id":ID,"error":{...}} with data {"reason":..., metadata..., raw_data...};
// without the member `id` where `id` is empty.
std::string ErrorMessage(std::string_view id, const Error& error);
// The same with another code than the reason's; a server's own code stays.
std::string ErrorMessage(std::string_view id, const Error& error, long long code);
// {"jsonrpc":"2.0","id":ID,"method":METHOD,"params":PARAMS}; without the member `id` (a
// notification) or `params` where empty. `method` is plain text.
std::string RequestMessage(std::string_view id, std::string_view method, std::string_view params);

}  // namespace mcpbridge::jsonrpc

#include "server/jsonrpc/batch.h"

namespace mcpbridge::jsonrpc {
namespace {

namespace od = simdjson::ondemand;

Error InvalidJson() {
  return Error{.reason = Reason::kInvalidJson, .message = "the batch is not valid JSON"};
}

}  // namespace

Result<std::vector<std::string>> SplitBatch(Parser& parser, Text& text, std::size_t max) {
  od::document& document = parser.document();
  if (parser.Get().iterate(text.Padded()).get(document)) return InvalidJson();
  od::array array;
  if (document.get_array().get(array)) return InvalidJson();
  std::vector<std::string> messages;
  for (auto element : array) {
    od::value value;
    od::json_type type;
    if (element.get(value) || value.type().get(type)) return InvalidJson();
    const std::string_view token = value.raw_json_token();
    if (!Validate(value)) return InvalidJson();
    const char* end = nullptr;
    if (document.current_location().get(end)) return InvalidJson();
    if (messages.size() == max) {
      return InvalidRequest("a batch may have " + std::to_string(max) + " messages at the most");
    }
    const bool is_whole = type != od::json_type::object && type != od::json_type::array;
    const auto size = is_whole ? token.size() : static_cast<std::size_t>(end - token.data());
    messages.emplace_back(TrimEnd({token.data(), size}));
  }
  if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) return InvalidJson();
  if (messages.empty()) return InvalidRequest("a batch must not be empty");
  return messages;
}

}  // namespace mcpbridge::jsonrpc

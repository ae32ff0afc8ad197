#pragma once

#include <map>
#include <string>
#include <string_view>

namespace mcpbridge {

// The members of a JSON object, each as its raw text. Empty if `json` is no object.
std::map<std::string, std::string> JsonMembers(std::string_view json);

// The value of a raw JSON string; empty if it is none.
std::string JsonString(std::string_view raw);

// `text` as a raw JSON string.
std::string JsonQuote(std::string_view text);

// {"content":[{"type":"text","text":TEXT}]}; `raw_text` is a raw JSON string.
std::string TextResult(std::string_view raw_text);

// {"jsonrpc":"2.0","id":ID,"result":RESULT}; both raw.
std::string ResultMessage(std::string_view id, std::string_view result);

}  // namespace mcpbridge

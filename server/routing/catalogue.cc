#include "server/routing/catalogue.h"

#include <algorithm>

#include "server/jsonrpc/message.h"

namespace mcpbridge {
namespace {

namespace od = simdjson::ondemand;

Error Malformed(const std::string& what) {
  return Error{.reason = Reason::kUpstreamProtocol,
               .message = "the server's answer to tools/list " + what};
}

// Reads one tool and checks it all the way down. False: it isn't a tool with a name.
bool ReadTool(od::object tool, ToolEntry& entry) {
  std::string_view raw;
  if (tool.raw_json().get(raw)) return false;
  entry.json = jsonrpc::TrimEnd(raw);
  tool.reset();
  for (auto field : tool) {
    std::string_view key;
    if (field.error() || field.unescaped_key().get(key)) return false;
    od::value value = field.value_unsafe().value();
    if (key != "name") {
      if (!jsonrpc::Validate(value)) return false;
      continue;
    }
    const std::string_view token = value.raw_json_token();
    entry.name_begin = static_cast<std::size_t>(token.data() - raw.data());
    entry.name_size = jsonrpc::TrimEnd(token).size();
    std::string_view name;
    if (value.get_string().get(name)) return false;
    entry.name = name;
  }
  return !entry.name.empty();
}

}  // namespace

std::string ToolEntry::JsonNamed(std::string_view new_name) const {
  if (new_name == name) return json;
  std::string out = json;
  return out.replace(name_begin, name_size, jsonrpc::Quote(new_name));
}

const ToolEntry* Catalogue::Find(std::string_view name) const {
  const auto at = std::lower_bound(
      tools.begin(), tools.end(), name,
      [](const ToolEntry& tool, std::string_view wanted) { return tool.name < wanted; });
  return at != tools.end() && at->name == name ? &*at : nullptr;
}

Result<std::string> AppendToolsPage(std::string_view raw_result, Catalogue& catalogue) {
  od::parser parser;
  const simdjson::padded_string text(raw_result);
  od::document document;
  od::object result;
  if (parser.iterate(text).get(document) || document.get_object().get(result)) {
    return Malformed("is not an object");
  }
  std::string cursor;
  bool has_tools = false;
  for (auto field : result) {
    std::string_view key;
    if (field.error() || field.unescaped_key().get(key)) return Malformed("is not valid JSON");
    od::value value = field.value_unsafe().value();
    if (key == "nextCursor") {
      std::string_view next;
      if (!value.get_string().get(next)) cursor = jsonrpc::Quote(next);
    } else if (key == "tools") {
      od::array tools;
      if (value.get_array().get(tools)) return Malformed("has no array `tools`");
      has_tools = true;
      for (auto element : tools) {
        od::object tool;
        ToolEntry entry;
        if (element.get_object().get(tool) || !ReadTool(tool, entry)) {
          return Malformed("holds something that is not a tool");
        }
        catalogue.tools.push_back(std::move(entry));
      }
    }
  }
  if (!has_tools) return Malformed("has no array `tools`");
  return cursor;
}

void Finish(Catalogue& catalogue) {
  auto& tools = catalogue.tools;
  std::stable_sort(tools.begin(), tools.end(),
                   [](const ToolEntry& a, const ToolEntry& b) { return a.name < b.name; });
  tools.erase(std::unique(tools.begin(), tools.end(),
                          [](const ToolEntry& a, const ToolEntry& b) { return a.name == b.name; }),
              tools.end());
}

}  // namespace mcpbridge

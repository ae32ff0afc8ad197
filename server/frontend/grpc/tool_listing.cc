#include "server/frontend/grpc/tool_listing.h"

#include <algorithm>
#include <optional>
#include <tuple>

#include "server/frontend/grpc/status.h"
#include "server/frontend/grpc/struct_json.h"

namespace mcpbridge {
namespace {

namespace od = simdjson::ondemand;

// tool_service.proto says so.
constexpr std::size_t kMaxPageSize = 1000;
// Half of gRPC's default limit of 4 MiB: the last tool may overshoot.
constexpr std::size_t kMaxPageBytes = 2 << 20;

constexpr char kSeparator = '\0';  // may occur in the last part only, the tool's name
constexpr std::string_view kHexDigits = "0123456789abcdef";

std::string ToHex(std::string_view text) {
  std::string out;
  out.reserve(2 * text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += kHexDigits[byte >> 4];
    out += kHexDigits[byte & 0xf];
  }
  return out;
}

std::optional<std::string> FromHex(std::string_view hex) {
  if (hex.size() % 2 != 0) return std::nullopt;
  std::string out;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const std::size_t high = kHexDigits.find(hex[i]);
    const std::size_t low = kHexDigits.find(hex[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    out += static_cast<char>(high << 4 | low);
  }
  return out;
}

Error InvalidArguments(std::string message) {
  return Error{.reason = Reason::kInvalidArguments, .message = std::move(message)};
}

// The raw text of `value`: an object.
void SetRaw(od::value value, std::string& out) {
  od::object object;
  std::string_view raw;
  if (value.get_object().get(object) || object.raw_json().get(raw)) return;
  out = raw.substr(0, raw.find_last_of('}') + 1);  // what follows is white space
}

void SetString(od::value value, std::string& out) {
  std::string_view text;
  if (!value.get_string().get(text)) out = text;
}

template <class Set>
void SetBool(od::value value, Set set) {
  bool flag = false;
  if (!value.get_bool().get(flag)) set(flag);
}

void FillAnnotations(od::value json, v1::ToolAnnotations& out) {
  od::object annotations;
  if (json.get_object().get(annotations)) return;
  for (auto field : annotations) {
    std::string_view name;
    if (field.error() || field.unescaped_key().get(name)) return;
    od::value value = field.value_unsafe().value();
    if (name == "title") {
      SetString(value, *out.mutable_title());
    } else if (name == "readOnlyHint") {
      SetBool(value, [&](bool hint) { out.set_read_only_hint(hint); });
    } else if (name == "destructiveHint") {
      SetBool(value, [&](bool hint) { out.set_destructive_hint(hint); });
    } else if (name == "idempotentHint") {
      SetBool(value, [&](bool hint) { out.set_idempotent_hint(hint); });
    } else if (name == "openWorldHint") {
      SetBool(value, [&](bool hint) { out.set_open_world_hint(hint); });
    }
  }
}

bool IsObject(od::value& value) {
  od::json_type type;
  return !value.type().get(type) && type == od::json_type::object;
}

void FillMember(std::string_view name, od::value value, v1::Tool& out) {
  if (name == "title") {
    SetString(value, *out.mutable_title());
  } else if (name == "description") {
    SetString(value, *out.mutable_description());
  } else if (name == "inputSchema") {
    SetRaw(value, *out.mutable_input_schema_json());
  } else if (name == "outputSchema") {
    SetRaw(value, *out.mutable_output_schema_json());
  } else if (name == "annotations") {
    if (IsObject(value)) FillAnnotations(value, *out.mutable_annotations());
  } else if (name == "_meta") {
    // Response, tool, Struct: two levels are above the Struct's own.
    if (IsObject(value) &&
        ObjectToStruct(value, kProtobufDepthLimit - 2, *out.mutable_meta()) != FromJson::kDone) {
      out.clear_meta();
    }
  }
}

}  // namespace

std::string PageTokenOf(const PageKey& key) {
  return ToHex(key.scope + kSeparator + key.server + kSeparator + key.tool);
}

Result<PageKey> ParsePageToken(std::string_view token, std::string_view scope) {
  const std::optional<std::string> text = FromHex(token);
  const std::size_t first = text ? text->find(kSeparator) : std::string::npos;
  const std::size_t second = first == std::string::npos ? first : text->find(kSeparator, first + 1);
  if (second == std::string::npos) {
    return InvalidArguments("page_token is not one that this bridge gave");
  }
  PageKey key{.scope = text->substr(0, first),
              .server = text->substr(first + 1, second - first - 1),
              .tool = text->substr(second + 1)};
  if (key.server.empty()) return InvalidArguments("page_token is not one that this bridge gave");
  if (key.scope != scope) return InvalidArguments("page_token belongs to a list of another server");
  return key;
}

Result<PageRequest> ParsePageRequest(const v1::ListToolsRequest& request) {
  if (request.page_size() < 0) return InvalidArguments("page_size must not be negative");
  const auto wanted = static_cast<std::size_t>(request.page_size());
  PageRequest page{.size = wanted == 0 ? kMaxPageSize : std::min(wanted, kMaxPageSize),
                   .after = {.scope = request.server(), .server = {}, .tool = {}}};
  if (request.page_token().empty()) return page;
  Result<PageKey> after = ParsePageToken(request.page_token(), request.server());
  if (!after) return after.error();
  page.after = *std::move(after);
  return page;
}

void FillPage(const ToolListing& listing, const Config& config, const PageRequest& page,
              v1::ListToolsResponse& out) {
  const auto server_of = [&](const ToolListing::Item& item) -> const std::string& {
    return config.servers[item.server].name;
  };
  for (const auto& [server, error] : listing.unavailable) {
    v1::UnavailableServer& unavailable = *out.add_unavailable();
    unavailable.set_server(server);
    unavailable.set_error(ValidUtf8(error.message));
  }
  auto item = std::find_if(listing.tools.begin(), listing.tools.end(), [&](const auto& candidate) {
    return std::tie(server_of(candidate), candidate.tool->name) >
           std::tie(page.after.server, page.after.tool);
  });
  for (std::size_t bytes = 0; item != listing.tools.end(); ++item) {
    const std::size_t size = item->tool->json.size() + item->listed_name.size();
    const auto taken = static_cast<std::size_t>(out.tools_size());
    if (taken == page.size || (taken > 0 && bytes + size > kMaxPageBytes)) break;
    bytes += size;
    v1::Tool& tool = *out.add_tools();
    FillTool(*item->tool, tool);
    tool.set_name(item->listed_name);
    tool.set_server(server_of(*item));
  }
  if (item == listing.tools.end() || out.tools_size() == 0) return;
  const ToolListing::Item& last = *std::prev(item);
  out.set_next_page_token(
      PageTokenOf({.scope = page.after.scope, .server = server_of(last), .tool = last.tool->name}));
}

void FillTool(const ToolEntry& tool, v1::Tool& out) {
  od::parser parser;
  const simdjson::padded_string text(tool.json);
  od::document document;
  od::object object;
  if (parser.iterate(text).get(document) || document.get_object().get(object)) return;
  for (auto field : object) {
    std::string_view name;
    if (field.error() || field.unescaped_key().get(name)) return;
    FillMember(name, field.value_unsafe().value(), out);
  }
}

}  // namespace mcpbridge

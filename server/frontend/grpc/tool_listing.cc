#include "server/frontend/grpc/tool_listing.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "server/frontend/grpc/status.h"
#include "server/frontend/grpc/struct_json.h"

namespace mcpbridge {
namespace {

namespace od = simdjson::ondemand;

// Half of gRPC's default limit of 4 MiB: typed, a tool may be larger than its JSON.
constexpr std::size_t kPageBytes = 2 << 20;

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

Result<PageRequest> ParsePageRequest(const v1::ListToolsRequest& request, std::string_view scope) {
  if (request.page_size() < 0) return InvalidArguments("page_size must not be negative");
  Result<PagePosition> after = ParseCursor(request.page_token(), ListKind::kTools, scope);
  if (!after) return InvalidArguments("page_token: " + after.error().message);
  const auto wanted = static_cast<std::size_t>(request.page_size());
  return PageRequest{.after = *std::move(after),
                     .max_items = wanted == 0 ? kMaxPageItems : std::min(wanted, kMaxPageItems),
                     .max_bytes = kPageBytes};
}

void FillPage(const Listing& listing, const PageRequest& request, v1::ListToolsResponse& out) {
  for (const auto& [server, error] : listing.unavailable) {
    v1::UnavailableServer& unavailable = *out.add_unavailable();
    unavailable.set_server(server);
    unavailable.set_error(ValidUtf8(error.message));
  }
  Page page = TakePage(listing, request);
  for (const Listing::Item& item : page.items) {
    v1::Tool& tool = *out.add_tools();
    FillTool(*item.entry, tool);
    tool.set_name(item.listed_name);
    tool.set_server(std::string(item.server));
  }
  out.set_next_page_token(std::move(page.next_cursor));
}

void FillTool(const ListEntry& tool, v1::Tool& out) {
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

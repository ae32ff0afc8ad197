#include "server/frontend/grpc/typed_listing.h"

#include <simdjson.h>

#include <algorithm>
#include <cstddef>
#include <utility>

#include "server/frontend/grpc/status.h"
#include "server/protojson/struct_json.h"

namespace mcpbridge {
namespace {

namespace od = simdjson::ondemand;

// Half of gRPC's default limit of 4 MiB: typed, an item may be larger than its JSON.
constexpr std::size_t kPageBytes = 2 << 20;

Error InvalidArguments(std::string message) {
  return Error{.reason = Reason::kInvalidArguments, .message = std::move(message)};
}

// Runs `read(name, value)` on each member of `json` as far as it can be read.
template <class Read>
void ForEachMember(od::value json, Read read) {
  od::object object;
  if (json.get_object().get(object)) return;
  for (auto field : object) {
    std::string_view name;
    if (field.error() || field.unescaped_key().get(name)) return;
    read(name, field.value_unsafe().value());
  }
}

// Runs `read(element)` on each element of `json` that is an object.
template <class Read>
void ForEachObject(od::value json, Read read) {
  od::array array;
  if (json.get_array().get(array)) return;
  for (auto element : array) {
    od::value value;
    od::json_type type;
    if (element.get(value) || value.type().get(type)) return;
    if (type == od::json_type::object) read(value);
  }
}

bool IsObject(od::value& value) {
  od::json_type type;
  return !value.type().get(type) && type == od::json_type::object;
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

template <class Strings>
void AddStrings(od::value value, Strings& out) {
  od::array array;
  if (value.get_array().get(array)) return;
  for (auto element : array) {
    std::string_view text;
    if (!element.get_string().get(text)) out.Add(std::string(text));
  }
}

void FillIcon(od::value json, v1::Icon& out) {
  ForEachMember(json, [&](std::string_view name, od::value value) {
    if (name == "src") SetString(value, *out.mutable_src());
    if (name == "mimeType") SetString(value, *out.mutable_mime_type());
    if (name == "sizes") AddStrings(value, *out.mutable_sizes());
    if (name == "theme") SetString(value, *out.mutable_theme());
  });
}

// What an item of any kind may have. False: `name` is none of it.
template <class Item>
bool FillCommon(std::string_view name, od::value value, Item& out) {
  if (name == "title") {
    SetString(value, *out.mutable_title());
  } else if (name == "description") {
    SetString(value, *out.mutable_description());
  } else if (name == "icons") {
    ForEachObject(value, [&](od::value icon) { FillIcon(icon, *out.add_icons()); });
  } else if (name == "_meta") {
    // Response, item, Struct: two levels are above the Struct's own.
    if (IsObject(value) &&
        ObjectToStruct(value, kProtobufDepthLimit - 2, *out.mutable_meta()) != FromJson::kDone) {
      out.clear_meta();
    }
  } else {
    return false;
  }
  return true;
}

void FillHints(od::value json, v1::ToolAnnotations& out) {
  ForEachMember(json, [&](std::string_view name, od::value value) {
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
  });
}

void FillAnnotations(od::value json, v1::Annotations& out) {
  ForEachMember(json, [&](std::string_view name, od::value value) {
    if (name == "audience") AddStrings(value, *out.mutable_audience());
    if (name == "lastModified") SetString(value, *out.mutable_last_modified());
    double priority = 0;
    if (name == "priority" && !value.get_double().get(priority)) out.set_priority(priority);
  });
}

void FillMember(std::string_view name, od::value value, v1::Tool& out) {
  if (FillCommon(name, value, out)) return;
  if (name == "inputSchema") {
    SetRaw(value, *out.mutable_input_schema_json());
  } else if (name == "outputSchema") {
    SetRaw(value, *out.mutable_output_schema_json());
  } else if (name == "annotations") {
    if (IsObject(value)) FillHints(value, *out.mutable_annotations());
  }
}

// What resources and templates have in common.
template <class Item>
void FillResourceMember(std::string_view name, od::value value, Item& out) {
  if (FillCommon(name, value, out)) return;
  if (name == "name") {
    SetString(value, *out.mutable_name());
  } else if (name == "mimeType") {
    SetString(value, *out.mutable_mime_type());
  } else if (name == "annotations") {
    if (IsObject(value)) FillAnnotations(value, *out.mutable_annotations());
  }
}

void FillMember(std::string_view name, od::value value, v1::Resource& out) {
  if (name != "size") return FillResourceMember(name, value, out);
  double size = 0;
  if (!value.get_double().get(size) && size >= 0 && size < 9e18) {
    out.set_size(static_cast<std::int64_t>(size));
  }
}

void FillMember(std::string_view name, od::value value, v1::ResourceTemplate& out) {
  FillResourceMember(name, value, out);
}

void FillArgument(od::value json, v1::PromptArgument& out) {
  ForEachMember(json, [&](std::string_view name, od::value value) {
    if (name == "name") SetString(value, *out.mutable_name());
    if (name == "title") SetString(value, *out.mutable_title());
    if (name == "description") SetString(value, *out.mutable_description());
    if (name == "required") SetBool(value, [&](bool required) { out.set_required(required); });
  });
}

void FillMember(std::string_view name, od::value value, v1::Prompt& out) {
  if (FillCommon(name, value, out) || name != "arguments") return;
  ForEachObject(value, [&](od::value argument) { FillArgument(argument, *out.add_arguments()); });
}

template <class Item>
void FillFromJson(const Listing::Item& item, Item& out) {
  od::parser parser;
  const simdjson::padded_string text(item.entry->json);
  od::document document;
  od::value whole;
  if (!parser.iterate(text).get(document) && !document.get_value().get(whole)) {
    ForEachMember(whole,
                  [&](std::string_view name, od::value value) { FillMember(name, value, out); });
  }
  out.set_server(std::string(item.server));
}

}  // namespace

Result<PageRequest> ParsePageRequest(ListKind kind, std::string_view scope, std::int32_t page_size,
                                     std::string_view page_token) {
  if (page_size < 0) return InvalidArguments("page_size must not be negative");
  Result<PagePosition> after = ParseCursor(page_token, kind, scope);
  if (!after) return InvalidArguments("page_token: " + after.error().message);
  const auto wanted = static_cast<std::size_t>(page_size);
  return PageRequest{.after = *std::move(after),
                     .max_items = wanted == 0 ? kMaxPageItems : std::min(wanted, kMaxPageItems),
                     .max_bytes = kPageBytes};
}

void AddUnavailable(std::string_view server, const Error& error, v1::UnavailableServer& out) {
  out.set_server(std::string(server));
  out.set_error(ValidUtf8(error.message));
}

void AddItem(const Listing::Item& item, v1::ListToolsResponse& out) {
  v1::Tool& tool = *out.add_tools();
  FillFromJson(item, tool);
  tool.set_name(item.listed_name);
}

void AddItem(const Listing::Item& item, v1::ListResourcesResponse& out) {
  v1::Resource& resource = *out.add_resources();
  FillFromJson(item, resource);
  resource.set_uri(item.listed_name);
}

void AddItem(const Listing::Item& item, v1::ListResourceTemplatesResponse& out) {
  v1::ResourceTemplate& resource_template = *out.add_resource_templates();
  FillFromJson(item, resource_template);
  resource_template.set_uri_template(item.listed_name);
}

void AddItem(const Listing::Item& item, v1::ListPromptsResponse& out) {
  v1::Prompt& prompt = *out.add_prompts();
  FillFromJson(item, prompt);
  prompt.set_name(item.listed_name);
}

}  // namespace mcpbridge

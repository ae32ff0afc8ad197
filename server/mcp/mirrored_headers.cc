#include "server/mcp/mirrored_headers.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "server/jsonrpc/message.h"
#include "server/mcp/header_value.h"
#include "server/mcp/invalid.h"
#include "server/mcp/json_members.h"

namespace mcpbridge {
namespace {

Error Mismatch(std::string_view header, std::string_view problem) {
  return Error{.reason = Reason::kHeaderMismatch,
               .message = std::string(header).append(" ").append(problem),
               .metadata = {{"header", std::string(header)}}};
}

}  // namespace

std::optional<Error> CheckMirrored(const RequestHeaders& headers, std::string_view name,
                                   std::string_view expected, std::string_view what) {
  const auto value = headers.Get(name);
  if (!value) return Mismatch(name, std::string("is missing; it must repeat ").append(what));
  if (headers.Count(name) > 1) return Mismatch(name, "occurs more than once");
  const auto decoded = DecodeHeaderValue(*value);
  if (!decoded) return Mismatch(name, "is malformed");
  if (*decoded != expected) return Mismatch(name, std::string("differs from ").append(what));
  return std::nullopt;
}

namespace {

namespace od = simdjson::ondemand;

constexpr int kMaxDepth = 128;

// JSON Schema 2020-12's keywords that hold schemas, by the form of what they hold. `properties` is
// the only one below which an annotation counts. https://json-schema.org/draft/2020-12/schema
constexpr std::array<std::string_view, 11> kOneSchema = {"items",
                                                         "contains",
                                                         "unevaluatedItems",
                                                         "additionalProperties",
                                                         "propertyNames",
                                                         "unevaluatedProperties",
                                                         "not",
                                                         "if",
                                                         "then",
                                                         "else",
                                                         "contentSchema"};
constexpr std::array<std::string_view, 4> kListOfSchemas = {"allOf", "anyOf", "oneOf",
                                                            "prefixItems"};
constexpr std::array<std::string_view, 4> kMapOfSchemas = {"patternProperties", "dependentSchemas",
                                                           "$defs", "definitions"};

template <std::size_t N>
bool IsOneOf(std::string_view key, const std::array<std::string_view, N>& keys) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

// RFC 9110 5.6.2: what a header's name may consist of.
bool IsToken(std::string_view text) {
  static constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

// The digits of a whole number in JSON's grammar, the same for 42, 42.0 and 4.2e1; nullopt: it is
// none, or has an exponent and lies beyond 2^53.
std::optional<std::string> WholeNumber(std::string_view text) {
  if (!jsonrpc::IsJsonNumber(text)) return std::nullopt;
  if (text.find_first_of("eE") != std::string_view::npos) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || std::trunc(value) != value || std::abs(value) > 9007199254740991.0)
      return std::nullopt;
    return std::to_string(static_cast<long long>(value));
  }
  const std::size_t point = text.find('.');
  if (point != std::string_view::npos) {
    if (text.find_first_not_of('0', point + 1) != std::string_view::npos) return std::nullopt;
    text = text.substr(0, point);
  }
  return text == "-0" ? "0" : std::string(text);
}

}  // namespace

// Reads a schema into a tree of what has an annotation. A class for its state and its access.
class ParamHeadersReader {
 public:
  std::optional<Error> Read(std::string_view input_schema, ParamHeaders::Node& root) {
    if (input_schema.empty()) return std::nullopt;
    jsonrpc::Text text{std::string(input_schema)};
    jsonrpc::Parser parser;
    od::object object;
    if (parser.Get().iterate(text.Padded()).get(parser.document()) ||
        parser.document().get_object().get(object)) {
      return Problem("is not a JSON object");
    }
    Object(object, &root, 0);
    return std::move(error_);
  }

 private:
  using Node = ParamHeaders::Node;

  // What one schema says of itself.
  struct Own {
    std::optional<std::string> header;
    std::optional<std::string> type;
    bool header_is_text = true;
    bool is_doubled = false;
  };

  static Error Problem(std::string_view what) {
    return Error{.reason = Reason::kUpstreamProtocol,
                 .message = std::string("the tool's inputSchema ").append(what)};
  }

  // False, so that it can be returned.
  bool Fail(std::string_view what) {
    if (!error_) error_ = Problem(what);
    return false;
  }

  // `node`: nullptr where annotations don't count. Values that are no objects hold nothing.
  bool Schema(od::value value, Node* node, int depth) {
    if (depth > kMaxDepth) return Fail("is nested too deeply");
    od::json_type type;
    if (value.type().get(type)) return Fail("is not valid JSON");
    if (type != od::json_type::object) return true;
    od::object object;
    if (value.get_object().get(object)) return Fail("is not valid JSON");
    return Object(object, node, depth);
  }

  bool Object(od::object object, Node* node, int depth) {
    Own own;
    for (auto field : object) {
      std::string_view key;
      if (field.error() || field.unescaped_key().get(key)) return Fail("is not valid JSON");
      if (!Member(std::string(key), field.value_unsafe().value(), node, depth, own)) return false;
    }
    return Annotate(own, node, depth);
  }

  bool Member(const std::string& key, od::value value, Node* node, int depth, Own& own) {
    if (key == "x-mcp-header") {
      own.header_is_text = ReadText(value, own.header, own);
      return true;
    }
    if (key == "type") {
      ReadText(value, own.type, own);
      return true;
    }
    if (key == "properties") return Map(value, node, depth, /*counts=*/node != nullptr);
    if (IsOneOf(key, kMapOfSchemas)) return Map(value, nullptr, depth, /*counts=*/false);
    if (IsOneOf(key, kOneSchema)) return Schema(value, nullptr, depth + 1);
    if (IsOneOf(key, kListOfSchemas)) return List(value, depth);
    return true;
  }

  static bool ReadText(od::value value, std::optional<std::string>& into, Own& own) {
    own.is_doubled = own.is_doubled || into.has_value();
    std::string_view text;
    const bool is_text = !value.get_string().get(text);
    into = is_text ? std::string(text) : std::string();
    return is_text;
  }

  bool Map(od::value value, Node* node, int depth, bool counts) {
    od::json_type type;
    od::object object;
    if (value.type().get(type)) return Fail("is not valid JSON");
    if (type != od::json_type::object) return true;
    if (value.get_object().get(object)) return Fail("is not valid JSON");
    for (auto field : object) {
      std::string_view key;
      if (field.error() || field.unescaped_key().get(key)) return Fail("is not valid JSON");
      Node child{.key = std::string(key)};
      const od::value inner = field.value_unsafe().value();
      if (!Schema(inner, counts ? &child : nullptr, depth + 1)) return false;
      if (!counts) continue;
      for (const Node& other : node->children) {
        if (other.key == child.key) return Fail("has a property twice");
      }
      if (!child.header.empty() || !child.children.empty()) {
        node->children.push_back(std::move(child));
      }
    }
    return true;
  }

  bool List(od::value value, int depth) {
    od::json_type type;
    od::array array;
    if (value.type().get(type)) return Fail("is not valid JSON");
    if (type != od::json_type::array) return true;
    if (value.get_array().get(array)) return Fail("is not valid JSON");
    for (auto element : array) {
      od::value inner;
      if (element.get(inner)) return Fail("is not valid JSON");
      if (!Schema(inner, nullptr, depth + 1)) return false;
    }
    return true;
  }

  bool Annotate(const Own& own, Node* node, int depth) {
    if (!own.header) return true;
    if (node == nullptr || depth == 0)
      return Fail("has x-mcp-header at a place that no chain of `properties` leads to");
    if (own.is_doubled) return Fail("says twice what one property is");
    if (!own.header_is_text || !IsToken(*own.header))
      return Fail("has an x-mcp-header that is no name of a header");
    if (own.type != "string" && own.type != "integer" && own.type != "boolean")
      return Fail("has x-mcp-header on something else than a string, integer or boolean");
    const std::string name = Lower(*own.header);
    if (std::find(names_.begin(), names_.end(), name) != names_.end())
      return Fail("has the same x-mcp-header twice");
    names_.push_back(name);
    node->header = std::string(kParamHeaderPrefix).append(*own.header);
    node->is_integer = own.type == "integer";
    return true;
  }

  std::vector<std::string> names_;
  std::optional<Error> error_;
};

Result<ParamHeaders> ParamHeaders::FromSchema(std::string_view input_schema) {
  ParamHeaders headers;
  if (auto error = ParamHeadersReader().Read(input_schema, headers.root_)) return *std::move(error);
  return headers;
}

namespace {

// A scalar as a header says it; nullopt: an object, an array or not valid.
std::optional<std::string> ScalarText(od::value value, od::json_type type, bool is_integer) {
  switch (type) {
    case od::json_type::string: {
      std::string_view text;
      if (value.get_string().get(text)) return std::nullopt;
      return std::string(text);
    }
    case od::json_type::boolean: {
      bool flag = false;
      if (value.get_bool().get(flag)) return std::nullopt;
      return flag ? "true" : "false";
    }
    case od::json_type::number: {
      const std::string_view raw = jsonrpc::TrimEnd(value.raw_json_token());
      if (auto whole = is_integer ? WholeNumber(raw) : std::nullopt) return whole;
      return std::string(raw);
    }
    default:
      return std::nullopt;
  }
}

}  // namespace

Result<std::vector<ParamHeaders::Argument>> ParamHeaders::Find(std::string_view arguments) const {
  std::vector<Argument> found;
  // In the order of the schema, whatever the order of the arguments.
  const auto add = [&](const auto& self, const Node& node, const std::string& path) -> void {
    if (!node.header.empty()) found.push_back({.node = &node, .path = path});
    for (const Node& child : node.children) {
      self(self, child, path.empty() ? child.key : path + "." + child.key);
    }
  };
  add(add, root_, "");
  if (arguments.empty() || found.empty()) return found;

  const auto walk = [&](const auto& self, od::object object, const Node& node) -> bool {
    std::vector<const Node*> seen;
    for (auto field : object) {
      std::string_view key;
      if (field.error() || field.unescaped_key().get(key)) return false;
      const auto child = std::find_if(node.children.begin(), node.children.end(),
                                      [&](const Node& other) { return other.key == key; });
      if (child == node.children.end()) continue;
      // Two readers could take two different ones.
      if (std::find(seen.begin(), seen.end(), &*child) != seen.end()) return false;
      seen.push_back(&*child);
      od::value value = field.value_unsafe().value();
      od::json_type type;
      if (value.type().get(type)) return false;
      const auto argument = std::find_if(
          found.begin(), found.end(), [&](const Argument& other) { return other.node == &*child; });
      if (argument != found.end()) {
        argument->text = ScalarText(value, type, child->is_integer);
      }
      if (type == od::json_type::object && !child->children.empty()) {
        od::object inner;
        if (value.get_object().get(inner) || !self(self, inner, *child)) return false;
      }
    }
    return true;
  };
  jsonrpc::Text text{std::string(arguments)};
  jsonrpc::Parser parser;
  od::object object;
  if (parser.Get().iterate(text.Padded()).get(parser.document()) ||
      parser.document().get_object().get(object)) {
    return Invalid("params.arguments must be an object");
  }
  if (!walk(walk, object, root_)) {
    return Invalid("params.arguments is not valid JSON, or has an argument twice");
  }
  return found;
}

std::optional<Error> ParamHeaders::CheckOne(const Argument& argument,
                                            const RequestHeaders& headers) {
  const Node& node = *argument.node;
  const std::string what = "the argument " + argument.path;
  if (!argument.text) {
    // A header that the body doesn't bear out is what the check is for.
    if (!headers.Get(node.header)) return std::nullopt;
    return Mismatch(node.header, "is there, but " + what + " says nothing it could repeat");
  }
  if (node.is_integer && headers.Count(node.header) == 1) {
    const auto decoded = DecodeHeaderValue(headers.Get(node.header).value_or(""));
    const auto number = decoded ? WholeNumber(*decoded) : std::nullopt;
    if (number && number == argument.text) return std::nullopt;
  }
  return CheckMirrored(headers, node.header, *argument.text, what);
}

ParamHeaders ParamHeaders::OfTool(std::string_view tool) {
  // A search through the text, which most tools need no more than.
  if (tool.find("x-mcp-header") == std::string_view::npos) return {};
  const auto members = JsonMembers::Read(tool);
  if (!members) return {};
  auto headers = FromSchema(members->Get("inputSchema").value_or("{}"));
  return headers ? *std::move(headers) : ParamHeaders();
}

std::optional<Error> ParamHeaders::Check(std::string_view arguments,
                                         const RequestHeaders& headers) const {
  const auto found = Find(arguments);
  if (!found) return found.error();
  for (const Argument& argument : *found) {
    if (auto error = CheckOne(argument, headers)) return error;
  }
  return std::nullopt;
}

Result<std::vector<HeaderField>> ParamHeaders::Build(std::string_view arguments) const {
  const auto found = Find(arguments);
  if (!found) return found.error();
  std::vector<HeaderField> fields;
  for (const Argument& argument : *found) {
    if (argument.text)
      fields.emplace_back(argument.node->header, EncodeHeaderValue(*argument.text));
  }
  return fields;
}

}  // namespace mcpbridge

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/base/error.h"

namespace mcpbridge {

// MCP 2026-07-28 over HTTP: headers that repeat what the body says, so that whoever stands in
// between can route by them. Pure functions, on any thread.
// https://modelcontextprotocol.io/specification/2026-07-28/basic/transports

inline constexpr std::string_view kVersionHeader = "MCP-Protocol-Version";
inline constexpr std::string_view kMethodHeader = "Mcp-Method";
inline constexpr std::string_view kNameHeader = "Mcp-Name";
inline constexpr std::string_view kParamHeaderPrefix = "Mcp-Param-";

// A request's headers, looked up by name without regard to case.
class RequestHeaders {
 public:
  virtual ~RequestHeaders() = default;

  // The value of the first header of that name; white space around it doesn't matter.
  virtual std::optional<std::string_view> Get(std::string_view name) const = 0;
  // How many headers have that name.
  virtual std::size_t Count(std::string_view name) const = 0;
};

// Name and value of a header to send.
using HeaderField = std::pair<std::string, std::string>;

// The one header `name`, decoded. Error: kHeaderMismatch (absent, doubled, malformed, or not
// `expected`). `what` says where the body has it.
std::optional<Error> CheckMirrored(const RequestHeaders& headers, std::string_view name,
                                   std::string_view expected, std::string_view what);

// The properties of a tool's inputSchema that have the annotation `x-mcp-header`: their arguments
// are repeated in headers Mcp-Param-*. Made once per tool; immutable.
class ParamHeaders {
 public:
  // Reads a raw inputSchema. Error: kUpstreamProtocol, an annotation against the rules: on anything
  // but a string, integer or boolean, off the chain of `properties`, no token, or used twice. A
  // tool with such a schema must not be offered over HTTP, and there is nothing to check for it.
  static Result<ParamHeaders> FromSchema(std::string_view input_schema);
  // Those of a tool, raw, as tools/list has it; none where its schema is against the rules.
  static ParamHeaders OfTool(std::string_view tool);

  bool empty() const { return root_.children.empty(); }

  // Whether `headers` say what `arguments` say, a raw JSON object (empty: none). Headers that no
  // property asks for don't matter. Errors: kHeaderMismatch; kInvalidArguments (not an object, or
  // an argument in question occurs twice).
  std::optional<Error> Check(std::string_view arguments, const RequestHeaders& headers) const;

  // The headers for a call with `arguments`, as for Check(). Error: kInvalidArguments.
  Result<std::vector<HeaderField>> Build(std::string_view arguments) const;

 private:
  friend class ParamHeadersReader;

  // A property with an annotation, or on the way to one.
  struct Node {
    std::string key = {};
    std::string header = {};  // Mcp-Param-...; empty: none
    bool is_integer = false;
    std::vector<Node> children = {};
  };
  // What `arguments` have for a node with a header.
  struct Argument {
    const Node* node = nullptr;
    std::string path = {};                 // for people: a.b
    std::optional<std::string> text = {};  // nullopt: absent, null, or no scalar
  };

  Result<std::vector<Argument>> Find(std::string_view arguments) const;
  static std::optional<Error> CheckOne(const Argument& argument, const RequestHeaders& headers);

  Node root_;
};

}  // namespace mcpbridge

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

// What tools take and give, and what a bridge lists. Plain values. JSON travels as text: every
// member whose name ends in `_json` holds one JSON value, or is empty where there is none.
namespace mcpbridge::client {

// One tool call.
struct CallRequest {
  // The configured server to ask. May be empty where `tool` is unique among all servers, or is
  // prefixed as "server-tool".
  std::string server = {};

  // The tool's name, as ListTools() gives it.
  std::string tool = {};

  // The tool's arguments: one JSON object, passed on byte for byte, so that no number loses a
  // digit. Empty: the call is sent without arguments.
  std::string arguments_json = {};

  // MCP request metadata (`_meta`): a JSON object. Numbers in it travel as doubles.
  std::string meta_json = {};

  // Asks for `CallResult::result_json` instead of the typed members.
  bool exact_json = false;
};

struct TextContent {
  std::string text = {};
};

struct ImageContent {
  std::string data = {};  // the bytes themselves
  std::string mime_type = {};
};

struct AudioContent {
  std::string data = {};  // the bytes themselves
  std::string mime_type = {};
};

// A link to a resource. Empty members: not given.
struct ResourceLink {
  std::string uri = {};
  std::string name = {};
  std::string title = {};
  std::string description = {};
  std::string mime_type = {};
  std::optional<std::int64_t> size = {};  // bytes
};

// A resource, embedded whole.
struct EmbeddedResource {
  std::string uri = {};
  std::string mime_type = {};  // empty: not given
  bool is_text = false;        // `contents` is UTF-8 text, otherwise bytes
  std::string contents = {};
  std::string meta_json = {};
};

// A kind of content that this version doesn't know.
struct UnknownContent {
  std::string json = {};
};

// Hints about a block of content.
struct Annotations {
  std::vector<std::string> audience = {};  // "user", "assistant"; empty: not said
  std::optional<double> priority = {};     // 0 (optional) to 1 (required)
  std::string last_modified = {};          // ISO 8601; empty: not said
};

// One block of content.
struct Content {
  std::variant<TextContent, ImageContent, AudioContent, ResourceLink, EmbeddedResource,
               UnknownContent>
      block = {};
  std::optional<Annotations> annotations = {};
  std::string meta_json = {};
};

// The result of a tool that ran.
struct CallResult {
  // What the tool answered, in order.
  std::vector<Content> content = {};

  // Its structured result. Numbers have been doubles on the way: `exact_json` keeps every digit.
  std::string structured_content_json = {};

  // The tool ran and reports a failure of its own; `content` says which.
  bool is_error = false;

  // MCP result metadata (`_meta`). Numbers have been doubles on the way.
  std::string meta_json = {};

  // The server's result byte for byte; with CallRequest::exact_json only, and then nothing else but
  // `is_error` is filled in.
  std::string result_json = {};
};

// How far a tool is.
struct Progress {
  double progress = 0;               // grows with every event
  std::optional<double> total = {};  // where it will end; absent: unknown
  std::string message = {};          // what is being done; empty: not said
};

// What a server logs in the course of a call.
struct LogMessage {
  std::string level = {};      // "debug" to "emergency", as MCP has them
  std::string logger = {};     // who logs; empty: not said
  std::string data_json = {};  // what; numbers have been doubles but with `exact_json`
};

// Untrusted hints about a tool's behaviour. Absent is not the same as false.
struct ToolAnnotations {
  std::string title = {};                     // empty: none given
  std::optional<bool> read_only_hint = {};    // MCP's default: false
  std::optional<bool> destructive_hint = {};  // MCP's default: true
  std::optional<bool> idempotent_hint = {};   // MCP's default: false
  std::optional<bool> open_world_hint = {};   // MCP's default: true
};

// A tool that can be called.
struct Tool {
  std::string name = {};    // what CallRequest::tool takes
  std::string server = {};  // the configured server that has it
  std::string title = {};
  std::string description = {};
  std::string input_schema_json = {};   // JSON Schema of its arguments
  std::string output_schema_json = {};  // JSON Schema of its structured result
  std::optional<ToolAnnotations> annotations = {};
  std::string meta_json = {};
};

// A server that couldn't be asked for its tools.
struct UnavailableServer {
  std::string server = {};
  std::string error = {};  // in a sentence
};

// All tools, sorted by server and name, and whose are missing.
struct ToolList {
  std::vector<Tool> tools = {};
  std::vector<UnavailableServer> unavailable = {};
};

enum class Transport { kUnknown, kHttp, kStdio, kSse, kGrpc };
enum class Health { kUnknown, kConnecting, kServing, kNotServing };

// A configured MCP server, as the bridge last heard of it.
struct Server {
  std::string name = {};  // what CallRequest::server takes
  std::string description = {};
  Transport transport = Transport::kUnknown;
  Health health = Health::kUnknown;
  std::string protocol_version = {};  // the MCP version negotiated; empty: never connected
  std::string last_error = {};        // why it isn't serving, in a sentence
  std::string server_name = {};       // its own name; empty: never connected
  std::string server_version = {};
};

}  // namespace mcpbridge::client

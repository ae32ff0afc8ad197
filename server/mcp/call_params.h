#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "server/base/error.h"
#include "server/jsonrpc/message.h"

namespace mcpbridge {

// The requests that one server answers.
enum class CallMethod {
  kCallTool,      // tools/call
  kGetPrompt,     // prompts/get
  kReadResource,  // resources/read
  kSubscribe,     // resources/subscribe
  kUnsubscribe,   // resources/unsubscribe
  kComplete,      // completion/complete
  kSetLevel,      // logging/setLevel
  kDiscover,      // server/discover, of the modern era
  kListen,        // subscriptions/listen, of the modern era
  kGetTask,       // tasks/get
  kTaskResult,    // tasks/result, of the legacy era
  kListTasks,     // tasks/list, of the legacy era
  kCancelTask,    // tasks/cancel
  kUpdateTask,    // tasks/update, of the modern era
};

// "tools/call".
std::string_view NameOf(CallMethod method);
// nullopt: not one of them.
std::optional<CallMethod> CallMethodOf(std::string_view name);
// Whether what it sets or shows is kept with the caller's session: without one it would be set for
// all, or show what is others'.
bool IsForSession(CallMethod method);

// A part of a text.
struct Span {
  std::size_t begin = 0;
  std::size_t size = 0;  // 0: not there

  std::string_view In(std::string_view text) const { return text.substr(begin, size); }
};

// The params of one request that one server answers, as raw JSON, and where in it the bridge may
// have to change something: everything else is passed on byte for byte.
struct CallParams {
  // What `key` is: the name of a tool or of a prompt, the URI of a resource (or, with
  // completion/complete, a URI template), or the id of a task. kNone: the request is for the server
  // as such.
  enum class KeyKind { kTool, kPrompt, kResource, kTask, kNone };

  CallMethod method = CallMethod::kCallTool;
  KeyKind kind = KeyKind::kTool;
  std::string raw;        // one JSON object
  std::string key;        // unescaped
  Span key_span;          // of its raw value, quotes included
  Span token_span;        // of params._meta.progressToken's raw value
  bool has_task = false;  // of a tools/call: params.task is there, the caller wants a task

  // Puts another key in.
  void Rename(std::string_view new_key);
};

// Reads the params of `message`, a request of `method`, and checks them all the way down, on the
// parse that made `message`. Errors: kInvalidArguments (no params, no key, arguments or _meta not
// an object, a member that decides anything twice).
Result<CallParams> ParseCallParams(CallMethod method, jsonrpc::Message& message);

// The same from their raw text. Error also: kInvalidJson.
Result<CallParams> ReadCallParams(CallMethod method, std::string raw);

// Where params._meta.progressToken's raw value stands in `params`, raw; size 0: nowhere.
Span ProgressTokenSpan(std::string_view params);

// A member of params and its raw value; without one (empty) the member is left out.
using ParamsMember = std::pair<std::string_view, std::string_view>;

// Builds those of `method` from their members, which are checked as ParseCallParams does, and each
// of which must be one JSON value.
Result<CallParams> MakeCallParams(CallMethod method, std::initializer_list<ParamsMember> members);

// The same for a tools/call; `name` is plain text.
Result<CallParams> MakeCallParams(std::string_view name, std::string_view arguments,
                                  std::string_view meta);

}  // namespace mcpbridge

#include "server/mcp/tasks.h"

#include <functional>
#include <limits>
#include <vector>

#include "server/jsonrpc/batch.h"
#include "server/jsonrpc/message.h"
#include "server/mcp/json_members.h"

namespace mcpbridge {
namespace {

// Of a token that holds a caller's own.
constexpr std::string_view kTokenMark = "\"mcp-bridge-task:";

// A raw value in the place of another.
using Edit = std::function<std::string(std::string_view raw)>;

// `object`, raw, with its member `key` edited; unchanged where there is none.
std::string Edited(std::string_view object, std::string_view key, const Edit& edit) {
  auto members = JsonMembers::Read(object);
  const auto value = members ? members->Get(key) : std::nullopt;
  if (!value) return std::string(object);
  members->Set(key, edit(*value));
  return std::move(*members).Take();
}

std::string AddPrefix(std::string_view prefix, std::string_view raw_id) {
  std::string id(raw_id);
  if (id.starts_with('"')) id.insert(1, prefix);
  return id;
}

std::string RemovePrefix(std::string_view prefix, std::string_view raw_id) {
  std::string id(raw_id);
  if (id.starts_with('"') && std::string_view(id).substr(1).starts_with(prefix)) {
    id.erase(1, prefix.size());
  }
  return id;
}

std::string EditRelated(std::string_view object, const Edit& edit) {
  return Edited(object, "_meta", [&edit](std::string_view meta) {
    return Edited(meta, kMetaRelatedTask,
                  [&edit](std::string_view task) { return Edited(task, "taskId", edit); });
  });
}

// A search through the text, which most messages need no more than.
bool MayBeRelated(std::string_view text) {
  return text.find(kMetaRelatedTask) != std::string_view::npos;
}

// The elements of `array`, separated by commas, each with its task's id edited; nullopt: not JSON.
std::optional<std::string> EditItems(std::string_view array, const Edit& edit) {
  jsonrpc::Parser parser;
  jsonrpc::Text text{std::string(array)};
  const auto items = jsonrpc::SplitBatch(parser, text, std::numeric_limits<std::size_t>::max());
  const bool is_empty = !items && items.error().reason == Reason::kInvalidRequest;
  if (is_empty) return std::string();
  if (!items) return std::nullopt;
  std::string out;
  for (const std::string& item : *items) {
    if (!out.empty()) out += ',';
    out += Edited(item, "taskId", edit);
  }
  return out;
}

// Whether `text` is one JSON string or number, and nothing else.
bool IsScalar(std::string_view text) {
  if (jsonrpc::IsJsonNumber(text)) return true;
  jsonrpc::Text copy{std::string(text)};
  jsonrpc::Parser parser;
  std::string_view plain;
  return !parser.Get().iterate(copy.Padded()).get(parser.document()) &&
         !parser.document().get_string().get(plain) &&
         parser.document().current_location().error() == simdjson::OUT_OF_BOUNDS;
}

// `object` without these members, or as it is where there are none.
std::string Without(std::string_view object, std::string_view key) {
  auto members = JsonMembers::Read(object);
  if (!members || !members->Get(key)) return std::string(object);
  members->Remove({key});
  return std::move(*members).Take();
}

}  // namespace

bool IsAboutTasks(std::string_view method) { return method.starts_with("tasks/"); }

std::string WithTasksFor(TaskUse use, std::string_view capabilities) {
  switch (use) {
    case TaskUse::kNone:
      return Without(capabilities, "tasks");
    case TaskUse::kById:
      return Edited(capabilities, "tasks",
                    [](std::string_view tasks) { return Without(tasks, "list"); });
    case TaskUse::kListed:
      break;
  }
  return std::string(capabilities);
}

bool DeclaresTaskList(std::string_view capabilities) {
  const auto members = JsonMembers::Read(capabilities);
  const auto tasks = members ? JsonMembers::Read(members->Get("tasks").value_or("")) : std::nullopt;
  return tasks && tasks->Get("list").has_value();
}

std::string WithoutTasks(std::string_view capabilities) {
  return Edited(Without(capabilities, "tasks"), "extensions",
                [](std::string_view extensions) { return Without(extensions, kTasksExtension); });
}

std::string WithoutTaskParam(std::string_view params) { return Without(params, "task"); }

std::string TaskToken(std::string_view callers_token) {
  std::string token(kTokenMark.substr(1));
  return jsonrpc::Quote(token.append(callers_token));
}

bool IsTaskToken(std::string_view raw_token) { return raw_token.starts_with(kTokenMark); }

std::string CallersToken(std::string_view raw_token) {
  if (!IsTaskToken(raw_token)) return {};
  jsonrpc::Text text{std::string(raw_token)};
  jsonrpc::Parser parser;
  std::string_view plain;
  if (parser.Get().iterate(text.Padded()).get(parser.document()) ||
      parser.document().get_string().get(plain)) {
    return {};
  }
  const std::string_view token = plain.substr(kTokenMark.size() - 1);
  return IsScalar(token) ? std::string(token) : std::string();
}

TaskPlace TaskPlaceInResult(std::string_view method) {
  if (method == "tasks/result") return TaskPlace::kRelated;
  return method == "tasks/list" ? TaskPlace::kList : TaskPlace::kObject;
}

TaskPlace TaskPlaceInParams(std::string_view method) {
  if (IsAboutTasks(method)) return TaskPlace::kNowhere;
  const bool is_state = method == "notifications/tasks/status" || method == "notifications/tasks";
  return is_state ? TaskPlace::kObject : TaskPlace::kRelated;
}

std::string WithTaskPrefix(std::string_view prefix, TaskPlace place, std::string object) {
  if (prefix.empty() || object.empty() || place == TaskPlace::kNowhere) return object;
  const Edit edit = [prefix](std::string_view raw) { return AddPrefix(prefix, raw); };
  switch (place) {
    case TaskPlace::kNowhere:
    case TaskPlace::kRelated:
      break;
    case TaskPlace::kObject:
      object = Edited(object, "taskId", edit);
      break;
    case TaskPlace::kCreated:
      object = Edited(object, "task",
                      [&edit](std::string_view task) { return Edited(task, "taskId", edit); });
      break;
    case TaskPlace::kList:
      object = Edited(object, "tasks", [&edit](std::string_view tasks) {
        const auto items = EditItems(tasks, edit);
        return items ? "[" + *items + "]" : std::string(tasks);
      });
      break;
  }
  return MayBeRelated(object) ? EditRelated(object, edit) : object;
}

std::string TaskItems(std::string_view prefix, std::string_view result) {
  const auto members = JsonMembers::Read(result);
  const auto tasks = members ? members->Get("tasks") : std::nullopt;
  if (!tasks) return {};
  return EditItems(*tasks, [prefix](std::string_view raw) { return AddPrefix(prefix, raw); })
      .value_or("");
}

std::string WithoutTaskPrefix(std::string_view prefix, std::string response) {
  if (prefix.empty() || !MayBeRelated(response)) return response;
  return Edited(response, "result", [prefix](std::string_view result) {
    return EditRelated(result,
                       [prefix](std::string_view raw) { return RemovePrefix(prefix, raw); });
  });
}

}  // namespace mcpbridge

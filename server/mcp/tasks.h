#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mcpbridge {

// Tasks: calls whose result is fetched later. MCP 2025-11-25 has them as an experiment (the caller
// asks for one by params.task; tasks/get, tasks/result, tasks/list, tasks/cancel), MCP 2026-07-28
// as the extension below (the server decides; tasks/get, tasks/update, tasks/cancel). The two have
// little in common, and are not translated into each other. Everything here works on raw JSON and
// leaves each byte alone that it doesn't have to change. Pure functions, on any thread.

inline constexpr std::string_view kTasksExtension = "io.modelcontextprotocol/tasks";
// In `_meta` of whatever belongs to a task of the legacy era.
inline constexpr std::string_view kMetaRelatedTask = "io.modelcontextprotocol/related-task";

// Whether `method` is a request about tasks, of either era.
bool IsAboutTasks(std::string_view method);

// What a server's clients may be told of its tasks.
enum class TaskUse {
  kNone,
  kById,    // but for a list of them, which would show every caller's
  kListed,  // as the server says
};

// `capabilities`, a raw object of the legacy era, with no more of tasks than `use`.
std::string WithTasksFor(TaskUse use, std::string_view capabilities);

// Whether these capabilities, raw, have tasks/list.
bool DeclaresTaskList(std::string_view capabilities);

// `capabilities`, raw, of a client or a server, without tasks of either era.
std::string WithoutTasks(std::string_view capabilities);

// `params`, raw, of a tools/call that is to be none with a task.
std::string WithoutTaskParam(std::string_view params);

// A caller's progress token stays valid as long as its task, which outlives the request that the
// server gets under an id of ours. So to the server it is this string, which no id looks like and
// which holds the caller's own, raw: nothing has to be remembered.
std::string TaskToken(std::string_view callers_token);
bool IsTaskToken(std::string_view raw_token);
// The caller's own out of it; empty: it holds none.
std::string CallersToken(std::string_view raw_token);

// Callers that reach several servers know a task as "server-id": whose it is can so be told from
// the id alone, by any bridge at any time. Within raw JSON that is a prefix ("server-", plain
// ASCII) behind the id's opening quote.
enum class TaskPlace {
  kNowhere,
  kRelated,  // only _meta["io.modelcontextprotocol/related-task"]; so do those below, beside theirs
  kObject,   // taskId
  kCreated,  // task.taskId
  kList,     // tasks[].taskId
};

// Where ids are in the result of a request about tasks, and in params of anything that a server
// sends: not in its requests about tasks, which are the client's own.
TaskPlace TaskPlaceInResult(std::string_view method);
TaskPlace TaskPlaceInParams(std::string_view method);

// `object`, raw params or a raw result, with `prefix` before the ids in it. An empty prefix changes
// nothing.
std::string WithTaskPrefix(std::string_view prefix, TaskPlace place, std::string object);

// The items of tasks/list's result, raw and separated by commas, likewise; may be empty.
std::string TaskItems(std::string_view prefix, std::string_view result);

// `response`, a whole JSON-RPC response of a caller's, without `prefix` before the related task's
// id.
std::string WithoutTaskPrefix(std::string_view prefix, std::string response);

}  // namespace mcpbridge

#include "server/mcp/tasks.h"

#include <gtest/gtest.h>

#include <string>

#include "server/jsonrpc/message.h"
#include "server/mcp/call_params.h"
#include "server/mcp/initialize.h"
#include "server/mcp/modern_meta.h"

namespace mcpbridge {
namespace {

TEST(TasksTest, ATokenHoldsTheCallersOwn) {
  for (const char* own :
       {"7", "9007199254740993", "-1.50e3", R"("tok")", R"("t\u00f6\"k")", "\"ö\"", R"("")"}) {
    const std::string token = TaskToken(own);
    EXPECT_TRUE(IsTaskToken(token)) << token;
    EXPECT_EQ(CallersToken(token), own);
    jsonrpc::Text text("{\"t\":" + token + "}");
    jsonrpc::Parser parser;
    EXPECT_EQ(parser.Get().iterate(text.Padded()).get(parser.document()), simdjson::SUCCESS);
  }
}

TEST(TasksTest, WhatIsNoTokenOfOursHoldsNone) {
  for (const char* token : {"", "7", R"("tok")", R"("mcp-bridge-task:")", R"("mcp-bridge-task:x")",
                            R"("mcp-bridge-task:{}")", R"("mcp-bridge-task:1,\"a\":2")",
                            R"("mcp-bridge-task:\"a\",\"b\"")", R"("mcp-bridge-task:)"}) {
    EXPECT_EQ(CallersToken(token), "") << token;
  }
  EXPECT_FALSE(IsTaskToken("7"));
  EXPECT_FALSE(IsTaskToken(R"("tok")"));
}

TEST(TasksTest, APrefixStandsBeforeEachIdAndNothingElseChanges) {
  const auto with = [](TaskPlace place, const char* object) {
    return WithTaskPrefix("srv-", place, object);
  };
  EXPECT_EQ(with(TaskPlace::kObject, R"({ "n":1e400,"taskId": "a\u0062", "status":"working"})"),
            R"({ "n":1e400,"taskId": "srv-a\u0062", "status":"working"})");
  EXPECT_EQ(with(TaskPlace::kCreated, R"({"task":{"taskId":"t","ttl":1},"taskId":"x"})"),
            R"({"task":{"taskId":"srv-t","ttl":1},"taskId":"x"})");
  EXPECT_EQ(with(TaskPlace::kList, R"({"tasks":[{"taskId":"a"}, {"taskId":"b","n":1.0}],"x":1})"),
            R"({"tasks":[{"taskId":"srv-a"},{"taskId":"srv-b","n":1.0}],"x":1})");
  EXPECT_EQ(with(TaskPlace::kList, R"({"tasks":[]})"), R"({"tasks":[]})");
  const char* const related =
      R"({"a":1,"_meta":{"x":2,"io.modelcontextprotocol/related-task":{"taskId":"t"}}})";
  const char* const renamed =
      R"({"a":1,"_meta":{"x":2,"io.modelcontextprotocol/related-task":{"taskId":"srv-t"}}})";
  for (const TaskPlace place :
       {TaskPlace::kRelated, TaskPlace::kObject, TaskPlace::kCreated, TaskPlace::kList}) {
    EXPECT_EQ(with(place, related), renamed);
    EXPECT_EQ(WithTaskPrefix("", place, related), related);
    EXPECT_EQ(WithTaskPrefix("srv-", TaskPlace::kNowhere, related), related);
    for (const char* other : {"", "[]", R"({"taskId":7})", R"({"task":"t","tasks":{}})"}) {
      EXPECT_EQ(with(place, other), other);
    }
  }
  EXPECT_EQ(TaskItems("srv-", R"({"tasks":[{"taskId":"a"},{"taskId":"b"}]})"),
            R"({"taskId":"srv-a"},{"taskId":"srv-b"})");
  EXPECT_EQ(TaskItems("srv-", R"({"tasks":[]})"), "");
  EXPECT_EQ(TaskItems("srv-", "{}"), "");
}

TEST(TasksTest, AnAnswerOfTheCallersIsWithoutThePrefix) {
  const auto response = [](const char* id) {
    return std::string(R"({"jsonrpc":"2.0","id":"q","result":{"action":"accept","_meta":{)") +
           R"("io.modelcontextprotocol/related-task":{"taskId":")" + id + R"("}}}})";
  };
  EXPECT_EQ(WithoutTaskPrefix("srv-", response("srv-t")), response("t"));
  EXPECT_EQ(WithoutTaskPrefix("srv-", response("t")), response("t"));
  EXPECT_EQ(WithoutTaskPrefix("", response("srv-t")), response("srv-t"));
}

TEST(TasksTest, WhereIdsAre) {
  EXPECT_EQ(TaskPlaceInResult("tasks/get"), TaskPlace::kObject);
  EXPECT_EQ(TaskPlaceInResult("tasks/cancel"), TaskPlace::kObject);
  EXPECT_EQ(TaskPlaceInResult("tasks/list"), TaskPlace::kList);
  EXPECT_EQ(TaskPlaceInResult("tasks/result"), TaskPlace::kRelated);
  EXPECT_EQ(TaskPlaceInParams("notifications/tasks/status"), TaskPlace::kObject);
  EXPECT_EQ(TaskPlaceInParams("notifications/tasks"), TaskPlace::kObject);
  EXPECT_EQ(TaskPlaceInParams("notifications/progress"), TaskPlace::kRelated);
  EXPECT_EQ(TaskPlaceInParams("elicitation/create"), TaskPlace::kRelated);
  EXPECT_EQ(TaskPlaceInParams("tasks/result"), TaskPlace::kNowhere);
  EXPECT_TRUE(IsAboutTasks("tasks/get"));
  EXPECT_FALSE(IsAboutTasks("tools/call"));
}

TEST(TasksTest, CapabilitiesSayNoMoreOfTasksThanMayBeUsed) {
  const char* const declared =
      R"({"tools":{},"tasks":{"list":{},"cancel":{}},"extensions":{"io.modelcontextprotocol/tasks":{},"x":{}}})";
  EXPECT_EQ(WithTasksFor(TaskUse::kListed, declared), declared);
  EXPECT_EQ(WithTasksFor(TaskUse::kById, R"({"tasks":{"list":{},"cancel":{}}})"),
            R"({"tasks":{"cancel":{}}})");
  EXPECT_EQ(WithTasksFor(TaskUse::kNone, R"({"tools":{},"tasks":{}})"), R"({"tools":{}})");
  EXPECT_EQ(WithTasksFor(TaskUse::kNone, ""), "");
  EXPECT_EQ(WithoutTasks(declared), R"({"tools":{},"extensions":{"x":{}}})");
  EXPECT_TRUE(DeclaresTaskList(declared));
  EXPECT_FALSE(DeclaresTaskList(R"({"tasks":{"cancel":{}}})"));
  EXPECT_FALSE(DeclaresTaskList(""));
  EXPECT_EQ(WithoutTaskParam(R"({"name":"t","task":{"ttl":1},"arguments":{"task":1}})"),
            R"({"name":"t","arguments":{"task":1}})");
}

TEST(TasksTest, OfSeveralServersAllThatAnyHasIsDeclared) {
  const std::string a =
      R"({"tools":{"a":1},"tasks":{"cancel":{},"requests":{"tools":{"call":{}}}}})";
  const std::string b =
      R"({"tools":{"b":1},"tasks":{"list":{},"requests":{"x":{}}},"extensions":{"x":{}}})";
  EXPECT_EQ(
      MergeCapabilities({a, b}),
      R"({"tasks":{"list":{},"cancel":{},"requests":{"x":{},"tools":{"call":{}}}},"tools":{"a":1}})");
  EXPECT_EQ(MergeCapabilities({a, b, R"({"extensions":{"y":{"n":1},"x":{"m":2}}})"}, true),
            R"({"extensions":{"y":{"n":1},"x":{"m":2}},"tools":{"a":1}})");
}

TEST(TasksTest, ACallAsksForATaskByAMemberOfItsParams) {
  const auto has_task = [](CallMethod method, const char* params) {
    return ReadCallParams(method, params).value().has_task;
  };
  EXPECT_TRUE(has_task(CallMethod::kCallTool, R"({"name":"t","task":{}})"));
  EXPECT_FALSE(has_task(CallMethod::kCallTool, R"({"name":"t","arguments":{"task":{}}})"));
  EXPECT_FALSE(ReadCallParams(CallMethod::kCallTool, R"({"name":"t","task":{},"task":{}})"));
  EXPECT_FALSE(has_task(CallMethod::kGetPrompt, R"({"name":"t","task":{}})"));
  auto get = ReadCallParams(CallMethod::kGetTask, R"({"taskId":"srv-1","x":1.0})").value();
  EXPECT_EQ(get.kind, CallParams::KeyKind::kTask);
  EXPECT_EQ(get.key, "srv-1");
  get.Rename("1");
  EXPECT_EQ(get.raw, R"({"taskId":"1","x":1.0})");
  EXPECT_FALSE(ReadCallParams(CallMethod::kCancelTask, "{}"));
  EXPECT_FALSE(ReadCallParams(CallMethod::kTaskResult, R"({"taskId":7})"));
  EXPECT_EQ(ReadCallParams(CallMethod::kListTasks, R"({"cursor":"c"})").value().key, "");
}

TEST(TasksTest, AClientMayHaveTasksOfItsOwn) {
  const auto profile_of = [](const std::string& capabilities) {
    jsonrpc::Text text(jsonrpc::RequestMessage(
        "1", "initialize",
        R"({"protocolVersion":"2025-11-25","capabilities":)" + capabilities + "}"));
    jsonrpc::Parser parser;
    auto message = jsonrpc::Parse(parser, text).value();
    return ParseInitialize(message).value();
  };
  EXPECT_TRUE(profile_of(R"({"tasks":{}})").CanAnswer("tasks/get"));
  EXPECT_FALSE(profile_of("{}").CanAnswer("tasks/get"));
}

TEST(TasksTest, AResultWithoutATypeIsComplete) {
  const auto type_of = [](const std::string& result) {
    jsonrpc::Text text(jsonrpc::ResultMessage("1", result));
    jsonrpc::Parser parser;
    auto message = jsonrpc::Parse(parser, text).value();
    return ResultTypeOf(message);
  };
  EXPECT_EQ(type_of(R"({"content":[{"resultType":"x"}],"resultType":"task"})"), "task");
  EXPECT_EQ(type_of(R"({"content":[{"resultType":"x"}]})"), "");
  EXPECT_EQ(type_of("[]"), "");
  EXPECT_EQ(AsComplete(R"({"content":[ ]})").value(), R"({"resultType":"complete","content":[ ]})");
  EXPECT_EQ(AsComplete(R"({"resultTyp\u0065":"task"})").value(), R"({"resultTyp\u0065":"task"})");
  EXPECT_FALSE(AsComplete("[]"));
}

}  // namespace
}  // namespace mcpbridge

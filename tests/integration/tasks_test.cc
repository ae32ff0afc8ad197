// Tasks of MCP 2025-11-25: calls whose result is fetched later.

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "tests/fakes/fake_json.h"
#include "tests/fakes/fake_mcp_server.h"
#include "tests/fakes/test_http.h"
#include "tests/integration/bridge_fixture.h"

namespace mcpbridge::test {
namespace {

using Headers = TestHttpClient::Headers;

constexpr char kDeclared[] = R"({"list":{},"cancel":{},"requests":{"tools":{"call":{}}}})";
constexpr char kElicits[] = R"({"elicitation":{}})";

std::string Request(const std::string& method, const std::string& params) {
  return R"({"jsonrpc":"2.0","id":"r1","method":")" + method + R"(","params":)" + params + "}";
}

std::string About(const std::string& method, const std::string& id) {
  return Request(method, R"({"taskId":")" + id + R"("})");
}

// A tools/call that asks for a task.
std::string Create(const std::string& tool, const std::string& more = "") {
  return Request("tools/call",
                 R"({"name":")" + tool + R"(","arguments":{},"task":{"ttl":60000})" + more + "}");
}

std::string Answered(const std::string& result) {
  return R"({"jsonrpc":"2.0","id":"r1","result":)" + result + "}";
}

// A task as it is shown; `id` as its client knows it.
std::string Task(const std::string& id) {
  return R"({"taskId":")" + id + R"(","status":"working","ttl":60000,"n":9007199254740993})";
}

std::string Related(const std::string& id) {
  return R"("_meta":{"io.modelcontextprotocol/related-task":{"taskId":")" + id + R"("}})";
}

// A server where each session has one task, which is its own: "task-SESSION". What it is asked for
// about another is an error.
FakeAnswer Tasks(const FakeRequest& request) {
  const std::string own = "task-" + request.Header("mcp-session-id");
  const auto params = JsonMembers(request.params);
  const auto param = [&params](const char* name) {
    const auto at = params.find(name);
    return at == params.end() ? std::string() : at->second;
  };
  FakeAnswer answer;
  if (request.http_method == "GET") {
    answer.form = FakeAnswer::Form::kSse;
    answer.hold = true;
  } else if (request.method == "initialize") {
    answer.result = R"({"protocolVersion":"2025-11-25","capabilities":{"tools":{},"tasks":)" +
                    std::string(kDeclared) + R"(},"serverInfo":{"name":"fake","version":"1"}})";
  } else if (request.method == "tools/call" && !param("task").empty()) {
    answer.result = R"({"task":)" + Task(own) + "}";
  } else if (request.method == "tasks/list" && param("cursor").empty()) {
    answer.result = R"({"tasks":[)" + Task(own) + R"(],"nextCursor":"c\u0021"})";
  } else if (request.method == "tasks/list") {
    answer.result = R"({"tasks":[]})";
  } else if (request.method.starts_with("tasks/")) {
    if (JsonString(param("taskId")) != own) {
      answer.error = R"({"code":-32602,"message":"no such task"})";
    } else if (request.method == "tasks/result") {
      answer.result = R"({"content":[],)" + Related(own) + "}";
    } else {
      answer.result = Task(own);
    }
  }
  return answer;
}

// Asks before it gives a task's result, which waits to be released.
FakeAnswer Asking(const FakeRequest& request) {
  FakeAnswer answer = Tasks(request);
  if (request.method != "tasks/result" || !answer.error.empty()) return answer;
  answer.form = FakeAnswer::Form::kSse;
  answer.hold = true;
  answer.before = {
      R"({"jsonrpc":"2.0","id":"q1","method":"elicitation/create","params":{"message":"who?",)" +
      Related("task-" + request.Header("mcp-session-id")) + "}}"};
  return answer;
}

class TasksTest : public testing::Test {
 protected:
  // The server, or these.
  void Start(std::size_t count = 1, Isolation isolation = Isolation::kSession) {
    std::vector<std::pair<std::string, std::string>> urls;
    static constexpr const char* kNames[] = {"a", "b", "c"};
    for (std::size_t i = 0; i < count; ++i) {
      if (i < 2) servers_[i].SetScript(Tasks);  // the third has no tasks
      urls.emplace_back(kNames[i], servers_[i].url());
    }
    Config config = ConfigWith(urls);
    for (ServerConfig& server : config.servers) server.isolation = isolation;
    bridge_.emplace(config);
    for (std::size_t i = 0; i < count; ++i) ASSERT_TRUE(bridge_->WaitForTools(kNames[i]));
  }

  TestResponse Post(const std::string& body, const Headers& headers = {},
                    const std::string& path = "/mcp") {
    return TestHttpClient(bridge_->http_port()).Request("POST", path, body, headers);
  }
  TestResponse Initialize(const std::string& capabilities = kElicits,
                          const std::string& version = "2025-11-25") {
    return Post(R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":")" +
                version + R"(","capabilities":)" + capabilities +
                R"(,"clientInfo":{"name":"t","version":"1"}}})");
  }
  Headers Open(const std::string& capabilities = kElicits) {
    return {{"mcp-session-id", Initialize(capabilities).headers.at("mcp-session-id")}};
  }
  // The id of the task that the session's last call at this server has made, as the server knows
  // it.
  std::string IdAt(const FakeMcpServer& server) const {
    return "task-" + server.Snapshot().LastCall().Header("mcp-session-id");
  }
  static bool HasGot(const FakeMcpServer& server, const std::string& body) {
    return server.WaitFor(
        [&body](const FakeMcpServer::Record& record) {
          return std::any_of(record.requests.begin(), record.requests.end(),
                             [&](const FakeRequest& request) { return request.body == body; });
        },
        kPatience);
  }
  // Waits until so many sessions with the server listen.
  static bool Listening(const FakeMcpServer& server, std::size_t count) {
    return server.WaitFor([count](const auto& record) { return record.held.size() == count; },
                          kPatience);
  }

  FakeMcpServer servers_[3];
  FakeMcpServer& server_ = servers_[0];
  std::optional<Bridge> bridge_;
};

TEST_F(TasksTest, OfOneServerTheyPassUnchanged) {
  Start();
  const TestResponse opened = Initialize();
  EXPECT_TRUE(Has(opened.body, R"("tasks":)" + std::string(kDeclared))) << opened.body;
  const Headers session{{"mcp-session-id", opened.headers.at("mcp-session-id")}};
  const TestResponse created = Post(Create("echo"), session);
  const std::string id = IdAt(server_);
  EXPECT_EQ(created.body, Answered(R"({"task":)" + Task(id) + "}"));
  EXPECT_TRUE(Has(server_.Snapshot().LastCall().params, R"("task":{"ttl":60000})"));
  EXPECT_EQ(Post(About("tasks/get", id), session).body, Answered(Task(id)));
  EXPECT_EQ(Post(About("tasks/cancel", id), session).body, Answered(Task(id)));
  EXPECT_EQ(Post(About("tasks/result", id), session).body,
            Answered(R"({"content":[],)" + Related(id) + "}"));
  const std::string list = R"({"jsonrpc":"2.0","id":"r1","method":"tasks/list"})";
  EXPECT_EQ(Post(list, session).body,
            Answered(R"({"tasks":[)" + Task(id) + R"(],"nextCursor":"c\u0021"})"));
  EXPECT_EQ(Post(Request("tasks/list", R"({"cursor":"c!"})"), session).body,
            Answered(R"({"tasks":[]})"));
  EXPECT_EQ(ReasonOf(Post(Request("tasks/get", "{}"), session).body), "INVALID_ARGUMENTS");
  EXPECT_EQ(ReasonOf(Post(About("tasks/update", id), session).body), "METHOD_NOT_FOUND")
      << "of the other era";
}

TEST_F(TasksTest, TheyAreTheirClientsOwn) {
  Start();
  const Headers session = Open();
  Post(Create("echo"), session);
  const std::string id = IdAt(server_);
  for (const char* method : {"tasks/get", "tasks/result", "tasks/cancel"}) {
    EXPECT_TRUE(Has(Post(About(method, id), Open()).body, "no such task")) << method;
    EXPECT_TRUE(Has(Post(About(method, id)).body, "no such task")) << "and without a session";
  }
  EXPECT_FALSE(Has(Post(Request("tasks/list", "{}"), Open()).body, id));
  EXPECT_EQ(ReasonOf(Post(Request("tasks/list", "{}")).body), "METHOD_NOT_FOUND");
  EXPECT_EQ(Post(About("tasks/get", id), session).body, Answered(Task(id)));
}

TEST_F(TasksTest, WhatTheServerSaysOfThemReachesTheirClient) {
  Start();
  const Headers session = Open();
  const std::string own_token = R"("t\u00f6k")";
  Post(Create("echo", R"(,"_meta":{"progressToken":)" + own_token + "}"), session);
  const auto meta = JsonMembers(JsonMembers(server_.Snapshot().LastCall().params)["_meta"]);
  const std::string token = meta.at("progressToken");
  EXPECT_NE(token, own_token);
  ASSERT_TRUE(Listening(server_, 2));
  TestEventStream stream(bridge_->http_port(), session);
  EXPECT_TRUE(stream.Next()->data.empty());
  const auto progress = [](const std::string& of) {
    return R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1,"progressToken":)" +
           of + R"(,"x":1.0}})";
  };
  const std::string status = R"({"jsonrpc":"2.0","method":"notifications/tasks/status","params":)" +
                             Task(IdAt(server_)) + "}";
  server_.Push(progress("1"));  // of a call that is over
  server_.Push(progress(token));
  server_.Push(status);
  EXPECT_EQ(stream.Next()->data, progress(own_token)) << "as long as the task, not the call";
  EXPECT_EQ(stream.Next()->data, status);
}

TEST_F(TasksTest, ProgressAlsoComesWithTheResult) {
  Start();
  server_.SetScript([](const FakeRequest& request) {
    FakeAnswer answer = Tasks(request);
    if (request.method == "tasks/result") {
      answer.form = FakeAnswer::Form::kSse;
      answer.before = {
          R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":2,"progressToken":"mcp-bridge-task:7"}})"};
    }
    return answer;
  });
  const Headers session = Open();
  Post(Create("echo", R"(,"_meta":{"progressToken":7})"), session);
  EXPECT_TRUE(Has(server_.Snapshot().LastCall().params, R"("progressToken":"mcp-bridge-task:7")"));
  TestEventStream stream(bridge_->http_port(), session, "/mcp",
                         About("tasks/result", IdAt(server_)));
  EXPECT_TRUE(stream.Next()->data.empty());
  EXPECT_EQ(
      stream.Next()->data,
      R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":2,"progressToken":7}})");
  EXPECT_TRUE(Has(stream.Next()->data, R"("result":{"content":[])"));
}

TEST_F(TasksTest, AQuestionBeforeTheResultReachesItsClient) {
  Start();
  server_.SetScript(Asking);
  const Headers session = Open();
  Post(Create("echo"), session);
  const std::string id = IdAt(server_);
  TestEventStream stream(bridge_->http_port(), session, "/mcp", About("tasks/result", id));
  EXPECT_TRUE(stream.Next()->data.empty());
  EXPECT_EQ(stream.Next()->data,
            R"({"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":{"message":"who?",)" +
                Related(id) + "}}");
  Post(R"({"jsonrpc":"2.0","id":1,"result":{"action":"accept",)" + Related(id) + "}}", session);
  EXPECT_TRUE(HasGot(
      server_, R"({"jsonrpc":"2.0","id":"q1","result":{"action":"accept",)" + Related(id) + "}}"));
  server_.ReleaseAll();
  EXPECT_EQ(stream.Next()->data, Answered(R"({"content":[],)" + Related(id) + "}"));
}

TEST_F(TasksTest, AClientThatHasTasksItselfIsAskedAboutThem) {
  Start();
  server_.SetScript([](const FakeRequest& request) {
    FakeAnswer answer = Tasks(request);
    if (request.method == "tools/call") {
      answer.form = FakeAnswer::Form::kSse;
      answer.hold = true;
      answer.before = {
          R"({"jsonrpc":"2.0","id":"q1","method":"tasks/get","params":{"taskId":"mine"}})"};
    }
    return answer;
  });
  const Headers session = Open(R"({"tasks":{}})");
  TestEventStream stream(bridge_->http_port(), session, "/mcp", CallMessage("1", "echo", "x"));
  EXPECT_TRUE(stream.Next()->data.empty());
  EXPECT_EQ(stream.Next()->data,
            R"({"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"taskId":"mine"}})");
  const std::string status =
      R"({"jsonrpc":"2.0","method":"notifications/tasks/status","params":{"taskId":"mine"}})";
  EXPECT_EQ(Post(status, session).status, 202);
  EXPECT_TRUE(HasGot(server_, status));
  server_.ReleaseAll();
}

TEST_F(TasksTest, TheEndOfTheCallsWhichAskForThemIsNotTheirs) {
  Start();
  server_.SetScript([](const FakeRequest& request) {
    FakeAnswer answer = Tasks(request);
    answer.never = request.method == "tasks/result";
    return answer;
  });
  const Headers session = Open();
  Post(Create("echo"), session);
  const std::string id = IdAt(server_);
  Headers impatient = session;
  impatient["grpc-timeout"] = "50m";
  EXPECT_EQ(ReasonOf(Post(About("tasks/result", id), impatient).body), "DEADLINE_EXCEEDED");
  EXPECT_TRUE(
      server_.WaitFor([](const auto& record) { return record.cancels.size() == 1; }, kPatience))
      << "of the request, not of the task";
  EXPECT_EQ(server_.Snapshot().Count("tasks/cancel"), 0u);
  EXPECT_EQ(Post(About("tasks/get", id), session).body, Answered(Task(id)));
}

TEST_F(TasksTest, OfSeveralServersTheirIdsSayWhoseTheyAre) {
  Start(3);
  const TestResponse opened = Initialize();
  EXPECT_TRUE(Has(opened.body, R"("tasks":)" + std::string(kDeclared))) << opened.body;
  const Headers session{{"mcp-session-id", opened.headers.at("mcp-session-id")}};
  for (const std::string name : {"a", "b"}) {
    const FakeMcpServer& server = servers_[name == "a" ? 0 : 1];
    const TestResponse created = Post(Create(name + "-echo"), session);
    const std::string id = name + "-" + IdAt(server);
    EXPECT_EQ(created.body, Answered(R"({"task":)" + Task(id) + "}"));
    EXPECT_EQ(Post(About("tasks/get", id), session).body, Answered(Task(id)));
    EXPECT_EQ(Post(About("tasks/cancel", id), session).body, Answered(Task(id)));
    EXPECT_EQ(Post(About("tasks/result", id), session).body,
              Answered(R"({"content":[],)" + Related(id) + "}"));
    EXPECT_TRUE(Has(Post(About("tasks/get", id), Open()).body, "no such task"));
    for (const std::string& other : {IdAt(server), "c-" + IdAt(server), "x-" + IdAt(server)}) {
      EXPECT_TRUE(Has(Post(About("tasks/get", other), session).body, R"("code":-32602)") ||
                  other.starts_with("c-"))
          << other;
    }
    // At a path of its own a server's ids are its own.
    EXPECT_EQ(Post(About("tasks/get", IdAt(server)), session, "/mcp/" + name).body,
              Answered(Task(IdAt(server))));
  }
}

TEST_F(TasksTest, OfSeveralServersWhatTheySayIsUnderTheSameIds) {
  Start(2);
  FakeMcpServer& server = servers_[1];
  server.SetScript(Asking);
  const Headers session = Open();
  Post(Create("b-echo"), session);
  const std::string id = "b-" + IdAt(server);
  ASSERT_TRUE(Listening(server, 2));
  TestEventStream announced(bridge_->http_port(), session);
  EXPECT_TRUE(announced.Next()->data.empty());
  const auto status = [](const std::string& of) {
    return R"({"jsonrpc":"2.0","method":"notifications/tasks/status","params":)" + Task(of) + "}";
  };
  server.Push(status(IdAt(server)));
  EXPECT_EQ(announced.Next()->data, status(id));
  const auto question = [](const std::string& id_of_question, const std::string& task) {
    return R"({"jsonrpc":"2.0","id":)" + id_of_question +
           R"(,"method":"elicitation/create","params":{"message":"who?",)" + Related(task) + "}}";
  };
  const auto answer = [](const std::string& id_of_question, const std::string& task) {
    return R"({"jsonrpc":"2.0","id":)" + id_of_question + R"(,"result":{"action":"accept",)" +
           Related(task) + "}}";
  };
  // Outside of a request, and in the course of one.
  server.Push(question(R"("q0")", IdAt(server)));
  EXPECT_EQ(announced.Next()->data, question("1", id));
  Post(answer("1", id), session);
  EXPECT_TRUE(HasGot(server, answer(R"("q0")", IdAt(server))));
  TestEventStream result(bridge_->http_port(), session, "/mcp", About("tasks/result", id));
  EXPECT_TRUE(result.Next()->data.empty());
  EXPECT_EQ(result.Next()->data, question("2", id));
  Post(answer("2", id), session);
  EXPECT_TRUE(HasGot(server, answer(R"("q1")", IdAt(server))));
  server.ReleaseAll();
  EXPECT_EQ(result.Next()->data, Answered(R"({"content":[],)" + Related(id) + "}"));
}

TEST_F(TasksTest, OfSeveralServersTheyAreOneList) {
  Start(3);
  const Headers session = Open();
  Post(Create("a-echo"), session);
  Post(Create("b-echo"), session);
  const std::string both = Task("a-" + IdAt(servers_[0])) + "," + Task("b-" + IdAt(servers_[1]));
  const TestResponse first = Post(Request("tasks/list", "{}"), session);
  EXPECT_TRUE(Has(first.body, R"({"tasks":[)" + both + R"(],"nextCursor":")")) << first.body;
  const auto cursor = JsonMembers(JsonMembers(first.body)["result"])["nextCursor"];
  const TestResponse second = Post(Request("tasks/list", R"({"cursor":)" + cursor + "}"), session);
  EXPECT_EQ(second.body, Answered(R"({"tasks":[]})"));
  EXPECT_TRUE(Has(servers_[1].Snapshot().requests.back().params, R"("cursor":"c\u0021")"));
  EXPECT_EQ(servers_[2].Snapshot().Count("tasks/list"), 0u) << "it declares no such list";
  for (const char* bad : {R"("x")", "7", "null"}) {
    const std::string body =
        Post(Request("tasks/list", R"({"cursor":)" + std::string(bad) + "}"), session).body;
    EXPECT_EQ(ReasonOf(body), "INVALID_ARGUMENTS") << bad;
  }
  servers_[0].SetScript([](const FakeRequest& request) {
    FakeAnswer answer = Tasks(request);
    if (request.method == "tasks/list") answer.error = R"({"code":-32603,"message":"broken"})";
    return answer;
  });
  const TestResponse partial = Post(Request("tasks/list", "{}"), session);
  EXPECT_TRUE(Has(partial.body, R"({"tasks":[)" + Task("b-" + IdAt(servers_[1])))) << partial.body;
  EXPECT_TRUE(
      Has(partial.body, R"("_meta":{"mcp-bridge/unavailable":[{"server":"a","error":"broken"}]})"))
      << partial.body;
}

TEST_F(TasksTest, WhereASessionIsSharedNobodyListsThem) {
  Start(1, Isolation::kShared);
  const TestResponse opened = Initialize();
  EXPECT_TRUE(Has(opened.body, R"("tasks":{"cancel":{},"requests":)")) << opened.body;
  const Headers session{{"mcp-session-id", opened.headers.at("mcp-session-id")}};
  Post(Create("echo"), session);
  const std::string id = IdAt(server_);
  EXPECT_EQ(Post(About("tasks/get", id), session).body, Answered(Task(id)));
  EXPECT_EQ(ReasonOf(Post(Request("tasks/list", "{}"), session).body), "METHOD_NOT_FOUND");
}

TEST_F(TasksTest, WhereASessionIsOneCallsThereAreNone) {
  Start(1, Isolation::kCall);
  const TestResponse opened = Initialize();
  EXPECT_FALSE(Has(opened.body, R"("tasks")")) << opened.body;
  const Headers session{{"mcp-session-id", opened.headers.at("mcp-session-id")}};
  EXPECT_TRUE(Has(Post(Create("echo"), session).body, R"("content")")) << "as if not asked for one";
  EXPECT_FALSE(Has(server_.Snapshot().LastCall().params, R"("task")"));
  for (const char* method : {"tasks/get", "tasks/result", "tasks/cancel", "tasks/list"}) {
    EXPECT_EQ(ReasonOf(Post(About(method, "x"), session).body), "METHOD_NOT_FOUND") << method;
  }
}

TEST_F(TasksTest, ClientsOfAnEarlierVersionArentToldOfThem) {
  Start();
  EXPECT_FALSE(Has(Initialize("{}", "2025-06-18").body, R"("tasks")"));
}

}  // namespace
}  // namespace mcpbridge::test

// Requests that are limited to some of the servers: by path, by header, by access group.

#include <gtest/gtest.h>

#include <string>

#include "tests/fakes/fake_mcp_server.h"
#include "tests/fakes/test_http.h"
#include "tests/integration/bridge_fixture.h"

namespace mcpbridge::test {
namespace {

using Headers = TestHttpClient::Headers;

FakeMcpServer::Options ServerWith(const std::string& tool) {
  return {.tools = R"([{"name":")" + tool + R"(","inputSchema":{"type":"object"}},)" +
                   R"({"name":"echo","inputSchema":{"type":"object"}}])"};
}

class ScopeTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"a", "b", "c"}) ASSERT_TRUE(bridge_.WaitForTools(name));
  }

  Config Three() {
    Config config = ConfigWith({{"a", a_.url()}, {"b", b_.url()}, {"c", c_.url()}});
    config.servers[0].access_groups = {"dev"};
    config.servers[1].access_groups = {"dev", "ops"};
    config.servers[2].other_names = {"third"};
    return config;
  }

  TestResponse PostTo(const std::string& path, const std::string& body,
                      const Headers& headers = {}) {
    return TestHttpClient(bridge_.http_port()).Request("POST", path, body, headers);
  }

  // The names in tools/list, each followed by a space; the reason where there is an error.
  std::string Tools(const std::string& path, const Headers& headers = {}) {
    const TestResponse response =
        PostTo(path, R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})", headers);
    std::string names;
    const std::string key = R"({"name":")";
    for (std::size_t at = response.body.find(key); at != std::string::npos;
         at = response.body.find(key, at + 1)) {
      const std::size_t begin = at + key.size();
      names += response.body.substr(begin, response.body.find('"', begin) - begin) + " ";
    }
    return names.empty() ? ReasonOf(response.body) : names;
  }

  FakeMcpServer a_{ServerWith("one")};
  FakeMcpServer b_{ServerWith("two")};
  FakeMcpServer c_{ServerWith("three")};
  Bridge bridge_{Three()};
};

constexpr char kDev[] = "a-echo a-one b-echo b-two ";

TEST_F(ScopeTest, ListsHaveItsServersOnly) {
  EXPECT_EQ(Tools("/mcp"), "a-echo a-one b-echo b-two c-echo c-three ");
  for (const char* path : {"/mcp/dev", "/dev/mcp", "/mcp/a,b", "/b,a/mcp", "/mcp/ops,a"}) {
    EXPECT_EQ(Tools(path), kDev) << path;
  }
  EXPECT_EQ(Tools("/mcp", {{"x-mcp-servers", "A, b"}}), kDev);
  EXPECT_EQ(Tools("/mcp", {{"x-mcp-access-groups", "Dev"}}), kDev);
  EXPECT_EQ(Tools("/mcp", {{"x-mcp-servers", "a"}, {"x-mcp-access-groups", "ops"}}), kDev);
  EXPECT_EQ(Tools("/mcp/c", {{"x-mcp-servers", "a"}}), "echo three ") << "the path wins";
  for (const char* alone : {"/mcp/c", "/mcp/third", "/c,third/mcp"}) {
    EXPECT_EQ(Tools(alone), "echo three ") << alone << ": one server, its own names";
  }
  EXPECT_EQ(Tools("/mcp/ops"), "echo two ");
}

TEST_F(ScopeTest, WhatIsUnknownIsNamed) {
  const TestResponse response = PostTo("/a,nope,neither/mcp", CallMessage("7", "echo", "x"));
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(ReasonOf(response.body), "SERVER_NOT_FOUND");
  EXPECT_NE(response.body.find("'nope', 'neither' not found"), std::string::npos) << response.body;
  EXPECT_NE(response.body.find(R"("id":7)"), std::string::npos);
  EXPECT_EQ(Tools("/mcp", {{"x-mcp-servers", "nope"}}), "SERVER_NOT_FOUND");
  EXPECT_EQ(Tools("/mcp", {{"x-mcp-access-groups", "a"}}), "SERVER_NOT_FOUND");
  EXPECT_EQ(Tools("/mcp", {{"x-mcp-servers", " "}}), "INVALID_REQUEST");
}

TEST_F(ScopeTest, AServerOutsideDoesNotExist) {
  const auto reason = [this](const std::string& path, const std::string& tool) {
    return ReasonOf(PostTo(path, CallMessage("1", tool, "x")).body);
  };
  EXPECT_EQ(reason("/mcp/dev", "one"), "");
  EXPECT_EQ(reason("/mcp/dev", "b-echo"), "");
  EXPECT_EQ(reason("/mcp/dev", "echo"), "TOOL_AMBIGUOUS");
  for (const char* outside : {"three", "c-three", "c-echo", "no_such"}) {
    EXPECT_EQ(reason("/mcp/dev", outside), "TOOL_NOT_FOUND") << outside;
  }
  EXPECT_EQ(c_.Snapshot().CountCalls("three") + c_.Snapshot().CountCalls("echo"), 0u);
  EXPECT_EQ(reason("/mcp", "third-three"), "") << "by a further name";
}

TEST_F(ScopeTest, ACursorIsOfItsScope) {
  std::string tools = R"({"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":")";
  v1::ListToolsRequest request;
  request.set_page_size(1);
  v1::ListToolsResponse page;
  grpc::ClientContext context;
  context.AddMetadata("x-mcp-servers", "dev");
  ASSERT_TRUE(bridge_.Stub()->ListTools(&context, request, &page).ok());
  ASSERT_EQ(page.tools_size(), 1);
  EXPECT_EQ(page.tools(0).name(), "a-echo");
  tools += page.next_page_token() + R"("}})";
  EXPECT_NE(PostTo("/mcp/a,b", tools).body.find("a-one"), std::string::npos) << "the same servers";
  for (const char* other : {"/mcp", "/mcp/a", "/mcp/a,c"}) {
    EXPECT_EQ(ReasonOf(PostTo(other, tools).body), "INVALID_ARGUMENTS") << other;
  }
}

TEST_F(ScopeTest, GrpcHasItInMetadata) {
  const auto call = [this](const std::string& server, const std::string& tool,
                           const std::string& header, const std::string& value) {
    grpc::ClientContext context;
    context.AddMetadata(header, value);
    v1::CallToolRequest request;
    request.set_server(server);
    request.set_name(tool);
    v1::CallToolResponse response;
    const grpc::Status status = bridge_.Stub()->CallTool(&context, request, &response);
    return status.ok() ? "OK" : ReasonOf(status);
  };
  EXPECT_EQ(call("", "one", "x-mcp-servers", "a,b"), "OK");
  EXPECT_EQ(call("", "two", "x-mcp-access-groups", "ops"), "OK");
  EXPECT_EQ(call("", "three", "x-mcp-servers", "a,b"), "TOOL_NOT_FOUND");
  EXPECT_EQ(call("", "one", "x-mcp-servers", "nope"), "SERVER_NOT_FOUND");
  EXPECT_EQ(call("third", "three", "x-mcp-servers", "a"), "OK") << "the request's own field wins";
  EXPECT_EQ(call("dev", "one", "x-other", "1"), "SERVER_NOT_FOUND") << "it is for one server";
}

// A session is the client's with the bridge, and each request of it is of its own path's servers.
TEST_F(ScopeTest, ASessionServesEveryPath) {
  const std::string initialize =
      R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18",)"
      R"("capabilities":{},"clientInfo":{"name":"t","version":"1"}}})";
  const Headers session{{"mcp-session-id", PostTo("/mcp/a", initialize).headers["mcp-session-id"]}};
  const auto reason = [&](const std::string& path, const std::string& tool) {
    return ReasonOf(PostTo(path, CallMessage("1", tool, "x"), session).body);
  };
  EXPECT_EQ(reason("/mcp/a", "one"), "");
  EXPECT_EQ(reason("/mcp/a", "two"), "") << "one server alone knows best what it has";
  EXPECT_EQ(a_.Snapshot().CountCalls("two"), 1u);
  EXPECT_EQ(reason("/mcp/b", "two"), "");
  EXPECT_EQ(reason("/mcp", "c-three"), "");
}

}  // namespace
}  // namespace mcpbridge::test

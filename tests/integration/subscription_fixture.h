#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "tests/fakes/fake_json.h"
#include "tests/fakes/fake_mcp_server.h"
#include "tests/fakes/test_http.h"
#include "tests/integration/bridge_fixture.h"

namespace mcpbridge::test {

inline constexpr char kUpdated[] = "notifications/resources/updated";
inline constexpr char kAcknowledged[] = "notifications/subscriptions/acknowledged";
inline constexpr char kNoTools[] = R"([{"name":"echo","inputSchema":{"type":"object"}}])";

inline std::string Notification(const std::string& method, const std::string& params = "{}") {
  return R"({"jsonrpc":"2.0","method":")" + method + R"(","params":)" + params + "}";
}

// The next event's data; "none": none came.
inline std::string DataOf(TestEventStream& stream) {
  const auto event = stream.Next();
  return event ? event->data : "none";
}

inline std::string Update(const std::string& uri) {
  return Notification(kUpdated, R"({"uri":")" + uri + R"("})");
}

// A server with sessions, with a stream for each of them.
inline FakeAnswer OldServer(const FakeRequest& request) {
  FakeAnswer answer;
  if (request.http_method == "GET") {
    answer.form = FakeAnswer::Form::kSse;
    answer.hold = true;
  } else if (request.Header("mcp-protocol-version") == "2026-07-28") {
    answer.http_status = 400;
    answer.error = R"({"code":-32000,"message":"no session id"})";
  } else if (request.method == "resources/subscribe" && Has(request.params, "refused")) {
    answer.error = R"({"code":-32601,"message":"not this one"})";
  }
  return answer;
}

// A server of MCP 2026-07-28 only.
inline FakeAnswer NewServer(const FakeRequest& request) {
  FakeAnswer answer;
  if (request.Header("mcp-protocol-version") != "2026-07-28") {
    answer.http_status = 404;
    answer.error = R"({"code":-32601,"message":"Method not found"})";
  } else if (request.method == "server/discover") {
    answer.result =
        R"({"supportedVersions":["2026-07-28"],"capabilities":{"tools":{"listChanged":true},"resources":{"subscribe":true,"listChanged":true}},"resultType":"complete","ttlMs":0,"cacheScope":"private"})";
  } else if (request.method == "subscriptions/listen") {
    return ListenAnswer(request);
  }
  return answer;
}

// Two servers of one era each, every one with resources of its own.
class SubscriptionTest : public testing::Test {
 protected:
  Config MakeConfig() {
    old_.SetScript(OldServer);
    new_.SetScript(NewServer);
    return ConfigWith({{"new", new_.url()}, {"old", old_.url()}});
  }
  void SetUp() override {
    for (const char* server : {"old", "new"}) {
      ASSERT_TRUE(bridge_.WaitForTools(server)) << bridge_.app().status().Of(server).last_error;
    }
  }

  // A subscriptions/listen with this raw id and these members of `notifications`.
  std::unique_ptr<TestEventStream> Listen(const std::string& id, const std::string& wanted,
                                          const std::string& path = "/mcp") {
    return std::make_unique<TestEventStream>(
        bridge_.http_port(),
        TestHttpClient::Headers{{"MCP-Protocol-Version", "2026-07-28"},
                                {"Mcp-Method", "subscriptions/listen"}},
        path,
        R"({"jsonrpc":"2.0","id":)" + id +
            R"(,"method":"subscriptions/listen","params":{"notifications":{)" + wanted +
            R"(},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}})");
  }

  // A client with a session; its id.
  std::string Open(const std::string& path = "/mcp") {
    return TestHttpClient(bridge_.http_port())
        .Request(
            "POST", path,
            R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}})",
            {{"Content-Type", "application/json"},
             {"Accept", "application/json, text/event-stream"}})
        .headers["mcp-session-id"];
  }
  std::string Post(const std::string& session, const std::string& method, const std::string& uri) {
    return TestHttpClient(bridge_.http_port())
        .Post(R"({"jsonrpc":"2.0","id":1,"method":")" + method + R"(","params":{"uri":")" + uri +
                  R"("}})",
              {{"Mcp-Session-Id", session}})
        .body;
  }
  std::unique_ptr<TestEventStream> Get(const std::string& session) {
    auto stream = std::make_unique<TestEventStream>(
        bridge_.http_port(), TestHttpClient::Headers{{"Mcp-Session-Id", session}});
    EXPECT_TRUE(DataOf(*stream).empty());
    return stream;
  }

  // The session in which a server of the older era was last asked for this; empty: in none. Waits
  // until that session has its stream, too.
  std::string SessionOf(const std::string& method, const std::string& uri, std::size_t times = 1) {
    std::string session;
    old_.WaitFor(
        [&](const FakeMcpServer::Record& record) {
          std::vector<std::string> found;
          for (const FakeRequest& request : record.requests) {
            if (request.method == method && Has(request.params, "\"" + uri + "\"")) {
              found.push_back(request.Header("mcp-session-id"));
            }
          }
          if (found.size() < times) return false;
          session = found.back();
          return std::any_of(
              record.requests.begin(), record.requests.end(), [&](const FakeRequest& request) {
                return request.http_method == "GET" && request.Header("mcp-session-id") == session;
              });
        },
        kPatience);
    return session;
  }
  bool WasClosed(const std::string& session) {
    return old_.WaitFor(
        [&](const FakeMcpServer::Record& record) {
          return std::any_of(record.requests.begin(), record.requests.end(),
                             [&](const FakeRequest& request) {
                               return request.http_method == "DELETE" &&
                                      request.Header("mcp-session-id") == session;
                             });
        },
        kPatience);
  }
  // Waits until the modern server has this as the resources of its last request to listen.
  bool ListensLast(const std::string& uris) {
    return new_.WaitFor(
        [&](const FakeMcpServer::Record& record) {
          const auto last = std::find_if(record.requests.rbegin(), record.requests.rend(),
                                         [](const FakeRequest& request) {
                                           return Has(request.params, "resourceSubscriptions");
                                         });
          return last != record.requests.rend() &&
                 JsonMembers(JsonMembers(last->params)["notifications"])["resourceSubscriptions"] ==
                     uris;
        },
        kPatience);
  }
  bool Disconnected(std::size_t count) {
    return new_.WaitFor([count](const auto& record) { return record.disconnected.size() == count; },
                        kPatience);
  }

  FakeMcpServer old_{
      {.tools = kNoTools,
       .resources =
           R"([{"uri":"a:1","name":"1"},{"uri":"a:2","name":"2"},{"uri":"a:refused","name":"3"}])",
       .subscribe = true}};
  FakeMcpServer new_{{.sessions = false,
                      .tools = kNoTools,
                      .resources = R"([{"uri":"b:1","name":"1"},{"uri":"b:2","name":"2"}])"}};
  Bridge bridge_{MakeConfig()};
};

}  // namespace mcpbridge::test

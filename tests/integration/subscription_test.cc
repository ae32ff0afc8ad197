// What servers say outside of calls, to whoever has subscribed to it: callers of MCP 2026-07-28,
// clients with sessions and callers over gRPC, at servers of either era.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mcpbridge/v1/resource_service.grpc.pb.h"
#include "tests/fakes/fake_json.h"
#include "tests/fakes/fake_mcp_server.h"
#include "tests/fakes/test_http.h"
#include "tests/integration/bridge_fixture.h"

namespace mcpbridge::test {
namespace {

using namespace std::chrono_literals;
using Headers = TestHttpClient::Headers;

constexpr char kUpdated[] = "notifications/resources/updated";
constexpr char kAcknowledged[] = "notifications/subscriptions/acknowledged";
constexpr char kNoTools[] = R"([{"name":"echo","inputSchema":{"type":"object"}}])";

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string Notification(const std::string& method, const std::string& params = "{}") {
  return R"({"jsonrpc":"2.0","method":")" + method + R"(","params":)" + params + "}";
}

// The next event's data; "none": none came.
std::string DataOf(TestEventStream& stream) {
  const auto event = stream.Next();
  return event ? event->data : "none";
}

std::string Update(const std::string& uri) {
  return Notification(kUpdated, R"({"uri":")" + uri + R"("})");
}

// A server with sessions, with a stream for each of them.
FakeAnswer Legacy(const FakeRequest& request) {
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
FakeAnswer Modern(const FakeRequest& request) {
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
    old_.SetScript(Legacy);
    new_.SetScript(Modern);
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
        Headers{{"MCP-Protocol-Version", "2026-07-28"}, {"Mcp-Method", "subscriptions/listen"}},
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
    auto stream = std::make_unique<TestEventStream>(bridge_.http_port(),
                                                    Headers{{"Mcp-Session-Id", session}});
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

TEST_F(SubscriptionTest, OneStreamHasWhatAllServersSay) {
  const auto stream = Listen(
      "7", R"("toolsListChanged":true,"resourceSubscriptions":["a:1","b:1","x:1","a:refused"])");
  const auto first = stream->Next();
  ASSERT_TRUE(first);
  EXPECT_EQ(
      first->data,
      R"({"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":7},"notifications":{"toolsListChanged":true,"resourceSubscriptions":["a:1","b:1"]}}})");
  const std::string session = SessionOf("resources/subscribe", "a:1");
  ASSERT_EQ(old_.Push(Update("a:1"), session), 1u);
  const std::string tag = R"("_meta":{"io.modelcontextprotocol/subscriptionId":7})";
  EXPECT_EQ(DataOf(*stream), Notification(kUpdated, "{" + tag + R"(,"uri":"a:1"})"));
  ASSERT_EQ(new_.PushToListeners(kUpdated, R"("uri":"b:1")", "b:1"), 1u);
  EXPECT_EQ(DataOf(*stream), Notification(kUpdated, "{" + tag + R"(,"uri":"b:1"})"));
  // Changes that nobody has asked for aren't told: the next is the tools'.
  auto& subscriptions = bridge_.app().service().subscriptions();
  subscriptions.OnListChanged(0, ListKind::kPrompts);
  subscriptions.OnListChanged(1, ListKind::kTools);
  EXPECT_EQ(DataOf(*stream), Notification("notifications/tools/list_changed", "{" + tag + "}"));
}

TEST_F(SubscriptionTest, AChangedListOfAnyServerIsHeard) {
  const auto stream = Listen(R"("s")", R"("toolsListChanged":true)");
  EXPECT_TRUE(Has(DataOf(*stream), kAcknowledged));
  const auto other = [](FakeMcpServer::Script script) {
    return [script](const FakeRequest& request) {
      FakeAnswer answer = script(request);
      if (request.method == "tools/list" && answer.error.empty()) {
        answer.result = R"({"tools":[{"name":"other","inputSchema":{"type":"object"}}]})";
      }
      return answer;
    };
  };
  const auto listens = [](const char* method) {
    return [method](const FakeMcpServer::Record& record) { return record.Count(method) > 0; };
  };
  ASSERT_TRUE(old_.WaitFor(listens("GET"), kPatience));
  old_.SetScript(other(Legacy));
  old_.Push(Notification("notifications/tools/list_changed"));
  EXPECT_TRUE(Has(DataOf(*stream), "notifications/tools/list_changed"));
  ASSERT_TRUE(new_.WaitFor(listens("subscriptions/listen"), kPatience));
  new_.SetScript(other(Modern));
  new_.PushToListeners("notifications/tools/list_changed", "", "toolsListChanged");
  EXPECT_TRUE(Has(DataOf(*stream), "notifications/tools/list_changed"));
}

TEST_F(SubscriptionTest, AnUpdateReachesItsSubscriberOnly) {
  const auto one = Listen("1", R"("resourceSubscriptions":["a:1","b:1"])");
  const auto two = Listen("2", R"("resourceSubscriptions":["a:2","b:2"])");
  EXPECT_TRUE(Has(DataOf(*one), kAcknowledged));
  EXPECT_TRUE(Has(DataOf(*two), kAcknowledged));
  const std::string first = SessionOf("resources/subscribe", "a:1");
  const std::string second = SessionOf("resources/subscribe", "a:2");
  EXPECT_NE(first, second);
  ASSERT_EQ(old_.Push(Update("a:1"), first), 1u);
  ASSERT_EQ(old_.Push(Update("a:2"), second), 1u);
  ASSERT_EQ(new_.PushToListeners(kUpdated, R"("uri":"b:2")", "b:2"), 1u);
  const auto rest = [](TestEventStream& stream, int count) {
    std::string all;
    for (int i = 0; i < count; ++i) all += DataOf(stream);
    return all;
  };
  const std::string of_one = rest(*one, 1);
  const std::string of_two = rest(*two, 2);
  EXPECT_TRUE(Has(of_one, "a:1")) << of_one;
  EXPECT_TRUE(Has(of_two, "a:2") && Has(of_two, "b:2")) << of_two;
  EXPECT_FALSE(Has(of_two, "a:1")) << of_two;
  ASSERT_EQ(new_.PushToListeners(kUpdated, R"("uri":"b:1")", "b:1"), 1u);
  EXPECT_TRUE(Has(DataOf(*one), "b:1"));
}

TEST_F(SubscriptionTest, WhenItsCallerLeavesTheServersAreTold) {
  auto stream = Listen("1", R"("resourceSubscriptions":["a:1","b:1"])");
  const auto stays = Listen("2", R"("resourceSubscriptions":["a:2"])");
  EXPECT_TRUE(Has(DataOf(*stream), kAcknowledged));
  EXPECT_TRUE(Has(DataOf(*stays), kAcknowledged));
  const std::string session = SessionOf("resources/subscribe", "a:1");
  stream->Close();
  EXPECT_TRUE(WasClosed(session));
  EXPECT_TRUE(Disconnected(1));
  ASSERT_EQ(old_.Push(Update("a:2"), SessionOf("resources/subscribe", "a:2")), 1u);
  EXPECT_TRUE(Has(DataOf(*stays), "a:2")) << "nobody else notices";
}

TEST_F(SubscriptionTest, OneServerOfTheOlderEraIsListenedToAsWell) {
  const auto stream = Listen("1", R"("resourceSubscriptions":["a:1"])", "/mcp/old");
  EXPECT_TRUE(Has(DataOf(*stream), R"("resourceSubscriptions":["a:1"])"));
  ASSERT_EQ(old_.Push(Update("a:1"), SessionOf("resources/subscribe", "a:1")), 1u);
  EXPECT_TRUE(Has(DataOf(*stream), "a:1"));
}

TEST_F(SubscriptionTest, WhatIsWrongIsSaidAtOnce) {
  for (const char* wanted : {R"("toolsListChanged":1)", R"("resourceSubscriptions":"a:1")"}) {
    auto stream = Listen("1", wanted);
    EXPECT_EQ(stream->status(), 400);
    EXPECT_TRUE(Has(stream->Body(), "-32602"));
  }
}

TEST_F(SubscriptionTest, WhoReadsTooSlowlyIsToldSoAndNobodyElseWaits) {
  constexpr int kEvents = 200;  // more than sockets and the bridge hold
  const std::string part(128 << 10, 'p');
  const auto slow = Listen("1", R"("resourceSubscriptions":["a:1"])");
  const auto quick = Listen("2", R"("resourceSubscriptions":["a:2"])");
  EXPECT_TRUE(Has(DataOf(*slow), kAcknowledged));
  EXPECT_TRUE(Has(DataOf(*quick), kAcknowledged));
  const std::string session = SessionOf("resources/subscribe", "a:1");
  for (int i = 0; i < kEvents; ++i) {
    // None: it has been ended by now.
    if (old_.Push(Update("a:1/" + std::to_string(i) + part), session) == 0) break;
  }
  ASSERT_EQ(old_.Push(Update("a:2"), SessionOf("resources/subscribe", "a:2")), 1u);
  EXPECT_TRUE(Has(DataOf(*quick), "a:2"));
  // Its session with the server ends before a word of it is read.
  EXPECT_TRUE(old_.WaitFor(
      [&](const auto& record) {
        return std::any_of(record.requests.begin(), record.requests.end(), [&](const auto& one) {
          return one.http_method == "DELETE" && one.Header("mcp-session-id") == session;
        });
      },
      kPatience));
  std::string last;
  int events = 0;
  while (const auto event = slow->Next()) {
    last = event->data;
    ++events;
  }
  EXPECT_EQ(ReasonOf(last), "OVERLOADED") << last.substr(0, 200);
  EXPECT_LT(events, kEvents);
}

TEST_F(SubscriptionTest, WhatCanBeSubscribedToIsDeclared) {
  const std::string discover =
      TestHttpClient(bridge_.http_port())
          .Post(
              R"({"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}})",
              {{"MCP-Protocol-Version", "2026-07-28"}, {"Mcp-Method", "server/discover"}})
          .body;
  const std::string initialize =
      TestHttpClient(bridge_.http_port())
          .Post(
              R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}})")
          .body;
  for (const std::string& body : {discover, initialize}) {
    for (const char* part : {R"("resources":{)", R"("subscribe":true)", R"("listChanged":true)"}) {
      EXPECT_TRUE(Has(body, part)) << body;
    }
  }
}

TEST_F(SubscriptionTest, TheBridgeEndsItInOrder) {
  const auto merged = Listen("1", R"("toolsListChanged":true)");
  const auto passed_on = Listen("2", R"("toolsListChanged":true)", "/mcp/new");
  EXPECT_TRUE(Has(DataOf(*merged), kAcknowledged));
  EXPECT_TRUE(Has(DataOf(*passed_on), kAcknowledged));
  bridge_.app().Stop("test");
  for (const auto& [stream, id] : {std::pair(merged.get(), "1"), std::pair(passed_on.get(), "2")}) {
    const auto last = stream->Next();
    ASSERT_TRUE(last);
    EXPECT_EQ(last->data, R"({"jsonrpc":"2.0","id":)" + std::string(id) +
                              R"(,"result":{"_meta":{"io.modelcontextprotocol/subscriptionId":)" +
                              id + R"(},"resultType":"complete"}})");
  }
}

// ---- Clients with sessions ----

TEST_F(SubscriptionTest, AClientWithASessionHearsOfAModernServersResources) {
  const std::string session = Open();
  const auto stream = Get(session);
  const std::string done = R"({"jsonrpc":"2.0","id":1,"result":{}})";
  EXPECT_EQ(Post(session, "resources/subscribe", "b:1"), done);
  EXPECT_TRUE(ListensLast(R"(["b:1"])"));
  EXPECT_EQ(Post(session, "resources/subscribe", "b:2"), done);
  EXPECT_TRUE(ListensLast(R"(["b:1","b:2"])"));
  EXPECT_TRUE(Disconnected(1)) << "one stream for all that it has subscribed to";
  ASSERT_EQ(new_.PushToListeners(kUpdated, R"("uri":"b:1","x":1)", "b:1"), 1u);
  EXPECT_EQ(DataOf(*stream), Notification(kUpdated, R"({"uri":"b:1","x":1})"));
  EXPECT_EQ(Post(session, "resources/unsubscribe", "b:1"), done);
  EXPECT_TRUE(ListensLast(R"(["b:2"])"));
  EXPECT_TRUE(Disconnected(2));
  EXPECT_EQ(Post(session, "resources/unsubscribe", "b:2"), done);
  EXPECT_TRUE(Disconnected(3)) << "nothing is listened to any more";
}

TEST_F(SubscriptionTest, AModernServerThatComesBackIsListenedToAgain) {
  const std::string session = Open();
  const auto stream = Get(session);
  Post(session, "resources/subscribe", "b:1");
  EXPECT_TRUE(ListensLast(R"(["b:1"])"));
  new_.CloseConnections();
  // What was said in between is lost, so it counts as updated.
  EXPECT_EQ(DataOf(*stream), Notification(kUpdated, R"({"uri":"b:1"})"));
  ASSERT_EQ(new_.PushToListeners(kUpdated, R"("uri":"b:1","again":1)", "b:1"), 1u);
  EXPECT_EQ(DataOf(*stream), Notification(kUpdated, R"({"uri":"b:1","again":1})"));
}

TEST_F(SubscriptionTest, AnOlderServerThatComesBackIsSubscribedToAgain) {
  const std::string session = Open();
  const auto stream = Get(session);
  EXPECT_EQ(Post(session, "resources/subscribe", "a:1"), R"({"jsonrpc":"2.0","id":1,"result":{}})");
  const std::string before = SessionOf("resources/subscribe", "a:1");
  old_.DropSessions();
  old_.CloseConnections();
  EXPECT_EQ(DataOf(*stream), Notification(kUpdated, R"({"uri":"a:1"})"));
  const std::string after = SessionOf("resources/subscribe", "a:1", 2);
  EXPECT_NE(before, after);
  ASSERT_EQ(old_.Push(Update("a:1"), after), 1u);
  EXPECT_EQ(DataOf(*stream), Update("a:1"));
}

TEST_F(SubscriptionTest, ASessionsEndEndsWhatItHasSubscribedTo) {
  const std::string session = Open();
  Post(session, "resources/subscribe", "a:1");
  Post(session, "resources/subscribe", "b:1");
  const std::string theirs = SessionOf("resources/subscribe", "a:1");
  EXPECT_TRUE(ListensLast(R"(["b:1"])"));
  TestHttpClient(bridge_.http_port()).Request("DELETE", "/mcp", "", {{"Mcp-Session-Id", session}});
  EXPECT_TRUE(WasClosed(theirs));
  EXPECT_TRUE(Disconnected(1));
}

// Over stdio: the process that has ended is followed by another, which is subscribed to.
TEST(StdioSubscriptionTest, AProcessThatEndsIsFollowedByOneThatIsSubscribedTo) {
  for (const char* era : {"legacy", "modern"}) {
    Config config = ConfigWith({{"fake", "http://unused"}});
    config.servers[0].transport = TransportKind::kStdio;
    config.servers[0].command = FAKE_STDIO_SERVER;
    config.servers[0].args = {"--resources", std::string("--era=") + era};
    Bridge bridge(std::move(config));
    ASSERT_TRUE(bridge.WaitForTools("fake")) << era;
    const auto post = [&](const std::string& body, const Headers& headers) {
      return TestHttpClient(bridge.http_port()).Post(body, headers);
    };
    const std::string session =
        post(
            R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}})",
            {})
            .headers["mcp-session-id"];
    const Headers headers{{"Mcp-Session-Id", session}};
    TestEventStream stream(bridge.http_port(), headers);
    EXPECT_TRUE(DataOf(stream).empty());
    const std::string subscribe =
        R"({"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"x:1"}})";
    EXPECT_EQ(post(subscribe, headers).body, R"({"jsonrpc":"2.0","id":1,"result":{}})") << era;
    post(CallMessage("2", "touch", ""), headers);
    EXPECT_EQ(DataOf(stream), Update("x:1")) << era;
    post(CallMessage("3", "crash", ""), headers);
    EXPECT_EQ(DataOf(stream), Update("x:1")) << era << ": it may have changed unheard";
    post(CallMessage("4", "touch", ""), headers);
    EXPECT_EQ(DataOf(stream), Update("x:1")) << era;
  }
}

// ---- Callers over gRPC ----

class WatchTest : public SubscriptionTest {
 protected:
  using Reader = grpc::ClientReader<v1::WatchResourcesResponse>;

  std::unique_ptr<Reader> Watch(std::vector<std::string> uris,
                                std::vector<v1::WatchedList> lists = {},
                                const std::string& server = "") {
    stub_ = v1::ResourceService::NewStub(bridge_.Channel());
    v1::WatchResourcesRequest request;
    request.set_server(server);
    for (const std::string& uri : uris) request.add_uris(uri);
    for (const v1::WatchedList list : lists) request.add_lists(list);
    context_ = std::make_unique<grpc::ClientContext>();
    context_->set_deadline(std::chrono::system_clock::now() + kPatience);
    return stub_->WatchResources(context_.get(), request);
  }
  static v1::WatchResourcesResponse Next(Reader& reader) {
    v1::WatchResourcesResponse response;
    EXPECT_TRUE(reader.Read(&response));
    return response;
  }

  std::unique_ptr<v1::ResourceService::Stub> stub_;
  std::unique_ptr<grpc::ClientContext> context_;
};

TEST_F(WatchTest, EventsComeTyped) {
  const auto reader = Watch({"a:1", "b:1", "x:1"}, {v1::WATCHED_LIST_TOOLS});
  const v1::WatchResourcesResponse first = Next(*reader);
  ASSERT_TRUE(first.has_started());
  ASSERT_EQ(first.started().watched_size(), 2);
  std::vector<std::string> watched;
  for (const auto& one : first.started().watched()) watched.push_back(one.server() + one.uri());
  std::sort(watched.begin(), watched.end());
  EXPECT_EQ(watched, (std::vector<std::string>{"newb:1", "olda:1"}));
  ASSERT_EQ(first.started().unwatched_size(), 1);
  EXPECT_EQ(first.started().unwatched(0).uri(), "x:1");
  EXPECT_EQ(first.started().unwatched(0).reason(), "RESOURCE_NOT_FOUND");
  ASSERT_EQ(first.started().lists_size(), 1);

  ASSERT_EQ(old_.Push(Update("a:1"), SessionOf("resources/subscribe", "a:1")), 1u);
  v1::WatchResourcesResponse event = Next(*reader);
  EXPECT_EQ(event.resource_updated().server(), "old");
  EXPECT_EQ(event.resource_updated().uri(), "a:1");
  EXPECT_EQ(event.resource_updated().params_json(), R"({"uri":"a:1"})");
  ASSERT_EQ(new_.PushToListeners(kUpdated, R"("uri":"b:1")", "b:1"), 1u);
  event = Next(*reader);
  EXPECT_EQ(event.resource_updated().server(), "new");
  EXPECT_EQ(event.resource_updated().params_json(), R"({"uri":"b:1"})");
  bridge_.app().service().subscriptions().OnListChanged(0, ListKind::kTools);
  event = Next(*reader);
  EXPECT_EQ(event.list_changed().server(), "new");
  EXPECT_EQ(event.list_changed().list(), v1::WATCHED_LIST_TOOLS);
  context_->TryCancel();
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(WatchTest, CancellingTellsTheServers) {
  const auto reader = Watch({"a:1", "b:1"});
  EXPECT_TRUE(Next(*reader).has_started());
  const std::string session = SessionOf("resources/subscribe", "a:1");
  context_->TryCancel();
  EXPECT_TRUE(WasClosed(session));
  EXPECT_TRUE(Disconnected(1));
  reader->Finish();
}

TEST_F(WatchTest, WhatCannotBeWatchedIsAnError) {
  const auto status_of = [](Reader& reader) {
    v1::WatchResourcesResponse response;
    EXPECT_FALSE(reader.Read(&response));
    return reader.Finish();
  };
  grpc::Status status = status_of(*Watch({"x:1"}));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(ReasonOf(status), "RESOURCE_NOT_FOUND");
  status = status_of(*Watch({}));
  EXPECT_EQ(ReasonOf(status), "INVALID_ARGUMENTS");
  status = status_of(*Watch({}, {v1::WATCHED_LIST_UNSPECIFIED}));
  EXPECT_EQ(ReasonOf(status), "INVALID_ARGUMENTS");
  status = status_of(*Watch({"a:1"}, {}, "nobody"));
  EXPECT_EQ(ReasonOf(status), "SERVER_NOT_FOUND");
}

TEST_F(WatchTest, ASlowReaderLosesOnlyWhatItIsToldItLost) {
  constexpr int kEvents = 1000;
  const std::string part(4096, 'p');
  const auto reader = Watch({"a:1"});
  EXPECT_TRUE(Next(*reader).has_started());
  const auto quick = Listen("1", R"("resourceSubscriptions":["a:2"])");
  EXPECT_TRUE(Has(DataOf(*quick), kAcknowledged));
  const std::string session = SessionOf("resources/subscribe", "a:1");
  for (int i = 0; i < kEvents; ++i) {  // each of another part, so that none is another's newer one
    ASSERT_EQ(old_.Push(Update("a:1/" + std::to_string(i) + part), session), 1u);
  }
  ASSERT_EQ(old_.Push(Update("a:2"), SessionOf("resources/subscribe", "a:2")), 1u);
  EXPECT_TRUE(Has(DataOf(*quick), "a:2")) << "nobody else waits for it";
  int seen = 0;
  int dropped = 0;
  v1::WatchResourcesResponse event;
  while (seen + dropped < kEvents && reader->Read(&event)) {
    seen += event.has_resource_updated() ? 1 : 0;
    dropped += event.dropped();
  }
  EXPECT_EQ(seen + dropped, kEvents);
  EXPECT_GT(dropped, 0);
  EXPECT_GT(seen, 10);
}

TEST_F(WatchTest, TheBridgeStops) {
  const auto reader = Watch({}, {v1::WATCHED_LIST_PROMPTS});
  EXPECT_TRUE(Next(*reader).has_started());
  bridge_.app().Stop("test");
  v1::WatchResourcesResponse response;
  EXPECT_FALSE(reader->Read(&response));
  const grpc::Status status = reader->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ReasonOf(status), "SHUTTING_DOWN");
}

}  // namespace
}  // namespace mcpbridge::test

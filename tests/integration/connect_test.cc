// mcpbridge.v1.SessionService.Connect: MCP's own messages on a stream.

#include <grpcpp/client_context.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "mcpbridge/v1/session_service.grpc.pb.h"
#include "tests/fakes/fake_mcp_server.h"
#include "tests/integration/bridge_fixture.h"

namespace mcpbridge::test {
namespace {

using Metadata = std::map<std::string, std::string>;

std::string Initialize(const std::string& capabilities = "{}") {
  return R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":)" +
         capabilities + R"(,"clientInfo":{"name":"tester","version":"7"}}})";
}

// A request of MCP 2026-07-28; `params` are members of its params.
std::string Modern(const std::string& id, const std::string& method, const std::string& params) {
  return R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":")" + method + R"(","params":{)" + params +
         R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}})";
}

std::string Cancelled(const std::string& id) {
  return R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":)" + id +
         "}}";
}

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// One client, on a stream and a connection of its own.
class Client {
 public:
  explicit Client(const Bridge& bridge, const Metadata& metadata = {},
                  std::chrono::milliseconds time = kPatience)
      : stub_(v1::SessionService::NewStub(bridge.Channel())) {
    for (const auto& [name, value] : metadata) context_.AddMetadata(name, value);
    context_.set_deadline(std::chrono::system_clock::now() + time);
    stream_ = stub_->Connect(&context_);
  }
  ~Client() { Kill(); }

  bool Say(const std::string& message) {
    v1::ConnectRequest request;
    request.set_message(message);
    return stream_->Write(request);
  }
  // The next message; empty: the stream is over.
  std::string Next() {
    v1::ConnectResponse response;
    if (!stream_->Read(&response)) return {};
    dropped_ += response.dropped();
    return response.message();
  }
  std::string Ask(const std::string& message) {
    Say(message);
    return Next();
  }
  void Initialized(const std::string& capabilities = "{}") {
    EXPECT_TRUE(Has(Ask(Initialize(capabilities)), R"("id":0,"result":{"protocolVersion")"));
    Say(R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
  }
  void HalfClose() { stream_->WritesDone(); }
  grpc::Status End() {
    over_ = true;
    return stream_->Finish();
  }
  void Kill() {
    context_.TryCancel();
    if (!std::exchange(over_, true)) stream_->Finish();
  }
  int dropped() const { return dropped_; }
  const grpc::ClientContext& context() const { return context_; }

 private:
  std::unique_ptr<v1::SessionService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::ConnectRequest, v1::ConnectResponse>> stream_;
  bool over_ = false;
  int dropped_ = 0;
};

class ConnectTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(bridge_.WaitForTools("fake")); }

  void HoldSlow() {
    FakeAnswer slow;
    slow.hold = true;
    upstream_.OnTool("slow", slow);
  }
  bool Held(std::size_t count) {
    return upstream_.WaitFor([count](const auto& record) { return record.held.size() == count; },
                             kPatience);
  }
  bool Cancels(std::size_t count) {
    return upstream_.WaitFor([count](const auto& record) { return record.cancels.size() == count; },
                             kPatience);
  }

  FakeMcpServer upstream_;
  Bridge bridge_{ConfigWith({{"fake", upstream_.url()}})};
};

TEST_F(ConnectTest, ALegacyClientsWholeConversation) {
  Client client(bridge_);
  client.Initialized();
  EXPECT_EQ(bridge_.app().sessions().size(), 1u);
  EXPECT_EQ(client.Ask(R"({"jsonrpc":"2.0","id":"p","method":"ping"})"),
            R"({"jsonrpc":"2.0","id":"p","result":{}})");
  EXPECT_TRUE(Has(client.Ask(R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})"),
                  R"({"jsonrpc":"2.0","id":1,"result":{"tools":[)"));
  FakeAnswer exact;
  exact.result = R"({ "content":[],"n" : 9007199254740993, "x":1e400})";
  upstream_.OnTool("echo", exact);
  EXPECT_EQ(client.Ask(CallMessage("\"\\u0061\"", "echo", "h\\u00e9")),
            R"({"jsonrpc":"2.0","id":"\u0061","result":)" + exact.result + "}")
      << "byte for byte, the id too";
  EXPECT_EQ(upstream_.Snapshot().LastCall().text, "h\xc3\xa9");
  client.HalfClose();
  EXPECT_EQ(client.Next(), "");
  EXPECT_TRUE(client.End().ok());
  EXPECT_EQ(client.context().GetServerTrailingMetadata().count("mcpbridge-timing"), 1u);
  EXPECT_EQ(bridge_.app().sessions().size(), 0u) << "it ends with its stream";
}

TEST_F(ConnectTest, ProgressComesAheadOfTheAnswerUnderTheClientsToken) {
  upstream_.SetScript([](const FakeRequest& request) {
    FakeAnswer answer;
    const std::string key = "\"progressToken\":";
    const std::size_t at = request.params.find(key);
    if (request.method != "tools/call" || at == std::string::npos) return answer;
    const std::size_t begin = at + key.size();
    answer.form = FakeAnswer::Form::kSse;
    answer.before = {
        R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":)" +
        request.params.substr(begin, request.params.find('}', begin) - begin) +
        R"(,"progress":1}})"};
    return answer;
  });
  Client client(bridge_);
  client.Initialized();
  EXPECT_EQ(
      client.Ask(
          R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"x"},"_meta":{"progressToken":"mine"}}})"),
      R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"mine","progress":1}})");
  EXPECT_TRUE(Has(client.Next(), R"("id":1,"result")"));
}

TEST_F(ConnectTest, AServersQuestionIsAskedAndAnswered) {
  upstream_.SetScript([](const FakeRequest& request) {
    if (request.method != "tools/call") return FakeAnswer{};
    FakeAnswer answer;
    answer.form = FakeAnswer::Form::kSse;
    answer.hold = true;
    answer.before = {
        R"({"jsonrpc":"2.0","id":"q-1","method":"elicitation/create","params":{"message":"who?"}})"};
    return answer;
  });
  Client client(bridge_);
  client.Initialized(R"({"elicitation":{}})");
  EXPECT_EQ(
      client.Ask(CallMessage("1", "echo", "x")),
      R"({"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":{"message":"who?"}})");
  client.Say(R"({"jsonrpc":"2.0","id":1,"result":{"action":"accept","n":1e400}})");
  EXPECT_TRUE(upstream_.WaitFor(
      [](const auto& record) {
        return std::any_of(record.requests.begin(), record.requests.end(), [](const auto& request) {
          return request.body ==
                 R"({"jsonrpc":"2.0","id":"q-1","result":{"action":"accept","n":1e400}})";
        });
      },
      kPatience));
  upstream_.ReleaseAll();
  EXPECT_TRUE(Has(client.Next(), R"("id":1,"result")"));
}

// Whoever has said all answers nothing any more: servers are told so at once, and not at the
// deadline of the calls that wait for it.
TEST_F(ConnectTest, AHalfCloseRefusesOpenQuestionsAndLaterOnes) {
  const auto question = [](const std::string& id) {
    return R"({"jsonrpc":"2.0","id":")" + id +
           R"(","method":"elicitation/create","params":{"message":"who?"}})";
  };
  upstream_.SetScript([question](const FakeRequest& request) {
    FakeAnswer answer;
    answer.hold = request.http_method == "GET" || request.method == "tools/call";
    if (answer.hold) answer.form = FakeAnswer::Form::kSse;
    if (request.method == "tools/call") answer.before = {question("of-call")};
    return answer;
  });
  const auto refused = [this](const std::string& id) {
    const std::string begin = R"({"jsonrpc":"2.0","id":")" + id + R"(","error":{)";
    return upstream_.WaitFor(
        [&begin](const auto& record) {
          return std::any_of(
              record.requests.begin(), record.requests.end(),
              [&begin](const auto& request) { return request.body.starts_with(begin); });
        },
        std::chrono::seconds(10));
  };
  Client client(bridge_);
  client.Initialized(R"({"elicitation":{}})");
  EXPECT_TRUE(Has(client.Ask(CallMessage("1", "echo", "x")), R"("id":1,"method":"elicitation)"));
  ASSERT_TRUE(Held(2));  // the call, and the session's own stream
  std::vector<std::string> held = upstream_.Snapshot().held;
  const std::string call =
      *std::find_if(held.begin(), held.end(), [](const std::string& id) { return id != "GET"; });
  EXPECT_EQ(upstream_.Push(question("of-session")), 1u);
  EXPECT_TRUE(Has(client.Next(), R"("id":2,"method":"elicitation)"));

  client.HalfClose();
  EXPECT_TRUE(refused("of-call"));
  EXPECT_TRUE(refused("of-session"));
  EXPECT_TRUE(upstream_.Say(call, question("of-call-later")));
  EXPECT_EQ(upstream_.Push(question("of-session-later")), 1u);
  EXPECT_TRUE(refused("of-call-later"));
  EXPECT_TRUE(refused("of-session-later"));
  EXPECT_TRUE(upstream_.Release(call));
  EXPECT_TRUE(Has(client.Next(), R"("id":1,"result")")) << "it was never asked again";
  EXPECT_EQ(client.Next(), "");
  EXPECT_TRUE(client.End().ok());
  EXPECT_TRUE(bridge_.WaitUntilIdle());
}

TEST_F(ConnectTest, ACallIsCancelledBySayingSoInBothEras) {
  HoldSlow();
  Client client(bridge_);
  client.Initialized();
  client.Say(CallMessage("7", "slow", "x"));
  client.Say(Modern("8", "tools/call", R"("name":"slow","arguments":{"text":"x"},)"));
  ASSERT_TRUE(Held(2));
  client.Say(Cancelled("7"));
  std::string end = client.Next();
  EXPECT_EQ(ReasonOf(end), "CANCELLED");
  EXPECT_TRUE(Has(end, R"("id":7,)")) << end;
  EXPECT_TRUE(Cancels(1));
  client.Say(Cancelled("\"8\""));  // another id
  client.Say(Cancelled("8"));
  end = client.Next();
  EXPECT_EQ(ReasonOf(end), "CANCELLED");
  EXPECT_TRUE(Has(end, R"("id":8,)")) << end;
  EXPECT_TRUE(Cancels(2));
}

TEST_F(ConnectTest, WhatBelongsToNoRequestComesToo) {
  Client client(bridge_);
  client.Initialized();
  Client bystander(bridge_);  // has no session
  bridge_.app().sessions().OnListChanged(0, ListKind::kTools);
  EXPECT_EQ(client.Next(), R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})");
  EXPECT_EQ(bystander.Ask(R"({"jsonrpc":"2.0","id":1,"method":"ping"})"),
            R"({"jsonrpc":"2.0","id":1,"result":{}})");
}

TEST_F(ConnectTest, ASecondInitializeTakesThePlaceOfTheFirst) {
  Client client(bridge_);
  client.Initialized();
  client.Initialized();
  EXPECT_EQ(bridge_.app().sessions().size(), 1u);
  bridge_.app().sessions().OnListChanged(0, ListKind::kTools);
  EXPECT_EQ(client.Next(), R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})");
  EXPECT_EQ(client.Ask(R"({"jsonrpc":"2.0","id":1,"method":"ping"})"),
            R"({"jsonrpc":"2.0","id":1,"result":{}})")
      << "told once";
}

TEST_F(ConnectTest, AModernClientNeedsNoHeaders) {
  Client client(bridge_);
  const std::string discovered = client.Ask(Modern("1", "server/discover", ""));
  EXPECT_TRUE(Has(discovered, R"("supportedVersions":)")) << discovered;
  const std::string listed = client.Ask(Modern("2", "tools/list", ""));
  EXPECT_TRUE(Has(listed, R"("resultType":"complete")")) << listed;
  const std::string called =
      client.Ask(Modern("3", "tools/call", R"("name":"echo","arguments":{"text":"hi"},)"));
  EXPECT_TRUE(Has(called, R"("id":3,"result")") && Has(called, "hi")) << called;
  EXPECT_EQ(ReasonOf(client.Ask(Modern("4", "initialize", ""))), "METHOD_NOT_FOUND");
  EXPECT_EQ(
      ReasonOf(client.Ask(
          R"({"jsonrpc":"2.0","id":5,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2027-01-01","io.modelcontextprotocol/clientCapabilities":{}}}})")),
      "UNSUPPORTED_PROTOCOL_VERSION");
  EXPECT_EQ(bridge_.app().sessions().size(), 0u);
}

TEST_F(ConnectTest, TheSameIdsOnTwoStreamsAreTwoCalls) {
  HoldSlow();
  Client first(bridge_);
  Client second(bridge_);
  first.Initialized();
  second.Initialized();
  first.Say(CallMessage("1", "slow", "of the first"));
  second.Say(CallMessage("1", "slow", "of the second"));
  ASSERT_TRUE(Held(2));
  EXPECT_EQ(ReasonOf(first.Ask(CallMessage("1", "echo", "again"))), "INVALID_REQUEST");
  upstream_.ReleaseAll();
  EXPECT_TRUE(Has(first.Next(), "of the first"));
  EXPECT_TRUE(Has(second.Next(), "of the second"));
  EXPECT_TRUE(Has(first.Ask(CallMessage("1", "echo", "later")), "later"));
}

TEST_F(ConnectTest, ManyCallsAtOnceEachGetTheirOwnAnswer) {
  Client client(bridge_);
  client.Initialized();
  constexpr int kCalls = 100;
  for (int i = 1; i <= kCalls; ++i) {
    client.Say(CallMessage(std::to_string(i), "echo", "text-" + std::to_string(i) + "."));
  }
  std::set<std::string> ids;
  for (int i = 0; i < kCalls; ++i) {
    const std::string answer = client.Next();
    const std::size_t at = answer.find("\"id\":") + 5;
    const std::string id = answer.substr(at, answer.find(',', at) - at);
    EXPECT_TRUE(Has(answer, "text-" + id + ".")) << answer;
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), static_cast<std::size_t>(kCalls));
}

TEST_F(ConnectTest, AStreamThatIsKilledTakesOnlyItsOwnCallsAndSession) {
  HoldSlow();
  Client survivor(bridge_);
  survivor.Initialized();
  survivor.Say(CallMessage("1", "slow", "survives"));
  {
    Client victim(bridge_);
    victim.Initialized();
    for (int i = 1; i <= 10; ++i) victim.Say(CallMessage(std::to_string(i), "slow", "x"));
    ASSERT_TRUE(Held(11));
    EXPECT_EQ(bridge_.app().sessions().size(), 2u);
  }
  EXPECT_TRUE(Cancels(10));
  upstream_.ReleaseAll();
  EXPECT_TRUE(Has(survivor.Next(), "survives"));
  EXPECT_EQ(bridge_.app().sessions().size(), 1u);
  EXPECT_TRUE(bridge_.WaitUntilIdle());
}

TEST_F(ConnectTest, WhatIsWrongWithAMessageIsThatMessagesMatter) {
  Client client(bridge_);
  EXPECT_EQ(ReasonOf(client.Ask("{")), "INVALID_JSON");
  EXPECT_EQ(ReasonOf(client.Ask("\xff\xfe")), "INVALID_JSON");
  EXPECT_EQ(ReasonOf(client.Ask("")), "INVALID_JSON");
  const std::string wrong = client.Ask(R"({"id":3,"method":"ping"})");
  EXPECT_EQ(ReasonOf(wrong), "INVALID_REQUEST");
  EXPECT_TRUE(Has(wrong, R"("id":3,)")) << wrong;
  EXPECT_EQ(ReasonOf(client.Ask(R"([{"jsonrpc":"2.0","id":1,"method":"ping"}])")),
            "INVALID_REQUEST");
  EXPECT_EQ(ReasonOf(client.Ask(R"({"jsonrpc":"2.0","id":4,"method":"no/such"})")),
            "METHOD_NOT_FOUND");
  EXPECT_EQ(ReasonOf(client.Ask(CallMessage("5", "nobody", "x"))), "TOOL_NOT_FOUND");
  EXPECT_TRUE(Has(client.Ask(CallMessage("6", "echo", "goes on")), "goes on"));
}

TEST_F(ConnectTest, TheStreamsDeadlineIsThatOfItsCalls) {
  HoldSlow();
  Client client(bridge_, {}, std::chrono::seconds(2));
  client.Say(CallMessage("1", "slow", "x"));
  ASSERT_TRUE(upstream_.WaitFor([](const auto& record) { return record.held.size() == 1; }));
  std::string last;
  for (std::string next = client.Next(); !next.empty(); next = client.Next()) last = next;
  EXPECT_TRUE(last.empty() || ReasonOf(last) == "DEADLINE_EXCEEDED") << last;  // which comes first
  EXPECT_EQ(client.End().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(Cancels(1));
  EXPECT_TRUE(bridge_.WaitUntilIdle());
}

TEST_F(ConnectTest, AStopLetsCallsFinishAndSaysWhyTheStreamEnds) {
  HoldSlow();
  Client busy(bridge_);
  Client idle(bridge_);
  busy.Initialized();
  idle.Initialized();
  busy.Say(CallMessage("1", "slow", "to the end"));
  ASSERT_TRUE(Held(1));
  std::thread stopping([this] { bridge_.app().Stop("test"); });
  EXPECT_EQ(idle.Next(), "");
  const grpc::Status stopped = idle.End();
  EXPECT_EQ(stopped.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ReasonOf(stopped), "SHUTTING_DOWN");
  EXPECT_EQ(ReasonOf(busy.Ask(CallMessage("2", "echo", "x"))), "SHUTTING_DOWN");
  upstream_.ReleaseAll();
  EXPECT_TRUE(Has(busy.Next(), "to the end"));
  EXPECT_EQ(busy.Next(), "");
  EXPECT_EQ(ReasonOf(busy.End()), "SHUTTING_DOWN");
  stopping.join();
}

TEST(ConnectModernTest, AHalfCloseLetsCallsFinishAndEndsSubscriptions) {
  FakeMcpServer upstream({.sessions = false});
  upstream.SetScript([](const FakeRequest& request) {
    FakeAnswer answer;
    if (request.method == "server/discover") {
      answer.result =
          R"({"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"resultType":"complete","ttlMs":0,"cacheScope":"private"})";
    } else if (request.method == "subscriptions/listen") {
      answer.form = FakeAnswer::Form::kSse;
      answer.hold = true;
      answer.before = {
          R"({"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":{},"_meta":{"io.modelcontextprotocol/subscriptionId":)" +
          request.id + "}}}"};
    } else if (request.tool == "slow") {
      answer.hold = true;
    }
    return answer;
  });
  Bridge bridge(ConfigWith({{"fake", upstream.url()}}));
  ASSERT_TRUE(bridge.WaitForTools("fake"));
  Client client(bridge);
  EXPECT_TRUE(Has(client.Ask(Modern("\"s\"", "subscriptions/listen", R"("notifications":{},)")),
                  R"("io.modelcontextprotocol/subscriptionId":"s")"));
  client.Say(CallMessage("1", "slow", "in the end"));
  ASSERT_TRUE(upstream.WaitFor([](const auto& record) { return record.held.size() == 2; }));
  client.HalfClose();
  const std::string ended = client.Next();
  EXPECT_TRUE(Has(ended, R"("id":"s","result":{)") &&
              Has(ended, R"("io.modelcontextprotocol/subscriptionId":"s")"))
      << ended;
  upstream.ReleaseAll();
  EXPECT_TRUE(Has(client.Next(), "in the end"));
  EXPECT_EQ(client.Next(), "");
  EXPECT_TRUE(client.End().ok());
  EXPECT_TRUE(bridge.WaitUntilIdle());
}

TEST(ConnectModernTest, HeadersThatAServerWantsAreMadeForIt) {
  FakeMcpServer upstream(
      {.sessions = false,
       .tools =
           R"([{"name":"echo","inputSchema":{"type":"object","properties":{"text":{"type":"string","x-mcp-header":"Text"}}}}])"});
  upstream.SetScript([](const FakeRequest& request) {
    FakeAnswer answer;
    if (request.method == "server/discover") {
      answer.result =
          R"({"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"resultType":"complete","ttlMs":0,"cacheScope":"private"})";
    } else if (request.method == "tools/call") {
      answer.result = R"({"resultType":"complete","content":[]})";
    }
    return answer;
  });
  Bridge bridge(ConfigWith({{"fake", upstream.url()}}));
  ASSERT_TRUE(bridge.WaitForTools("fake"));
  Client client(bridge);
  EXPECT_EQ(client.Ask(Modern("1", "tools/call", R"("name":"echo","arguments":{"text":"hi"},)")),
            R"({"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","content":[]}})");
  const FakeRequest call = upstream.Snapshot().LastCall();
  EXPECT_EQ(call.Header("mcp-param-text"), "hi");
  EXPECT_EQ(call.Header("mcp-name"), "echo");
  EXPECT_EQ(call.Header("mcp-method"), "tools/call");
}

// A call that has been answered leaves a moment later.
TEST(ConnectLimitsTest, TheGateCountsCallsAndNotStreams) {
  FakeMcpServer upstream;
  FakeAnswer slow;
  slow.hold = true;
  upstream.OnTool("slow", slow);
  Config config = ConfigWith({{"fake", upstream.url()}});
  config.bridge.limits.in_flight_calls = 1;
  config.bridge.limits.sessions = 2;
  Bridge bridge(std::move(config));
  ASSERT_TRUE(bridge.WaitForTools("fake"));
  Client first(bridge);
  Client second(bridge);
  ASSERT_TRUE(bridge.WaitUntilIdle());
  first.Initialized();
  ASSERT_TRUE(bridge.WaitUntilIdle());
  second.Initialized();
  ASSERT_TRUE(bridge.WaitUntilIdle());
  first.Say(CallMessage("1", "slow", "x"));
  ASSERT_TRUE(upstream.WaitFor([](const auto& record) { return record.held.size() == 1; }));
  EXPECT_EQ(ReasonOf(second.Ask(CallMessage("1", "echo", "x"))), "OVERLOADED");
  upstream.ReleaseAll();
  EXPECT_TRUE(Has(first.Next(), R"("id":1,"result")"));
  Client third(bridge);
  EXPECT_EQ(third.Next(), "");
  EXPECT_EQ(ReasonOf(third.End()), "OVERLOADED") << "as many streams as may";
}

TEST(ConnectLimitsTest, WhoDoesNotReadEndsItsOwnStreamWithAReason) {
  FakeMcpServer upstream;
  FakeAnswer large;
  large.result = R"({"content":[{"type":"text","text":")" + std::string(400 << 10, 'x') + R"("}]})";
  large.hold = true;
  upstream.OnTool("slow", large);
  Config config = ConfigWith({{"fake", upstream.url()}});
  config.bridge.limits.response_bytes = 1 << 20;
  Bridge bridge(std::move(config));
  ASSERT_TRUE(bridge.WaitForTools("fake"));
  Client other(bridge);
  Client slow(bridge);
  for (int i = 1; i <= 40; ++i) slow.Say(CallMessage(std::to_string(i), "slow", "x"));
  ASSERT_TRUE(upstream.WaitFor([](const auto& record) { return record.held.size() == 40; }));
  EXPECT_TRUE(Has(other.Ask(CallMessage("1", "echo", "undisturbed")), "undisturbed"));
  // Not one of the answers is read: what waits beyond gRPC's own windows is more than may.
  upstream.ReleaseAll();
  ASSERT_TRUE(bridge.WaitUntilIdle());  // its calls are over with it
  int answers = 0;
  while (!slow.Next().empty()) ++answers;
  EXPECT_EQ(ReasonOf(slow.End()), "READER_TOO_SLOW");
  EXPECT_LT(answers, 40);
}

TEST(ConnectLimitsTest, ASlowReaderLosesNotificationsAndIsTold) {
  FakeMcpServer upstream;
  FakeAnswer chatty;
  chatty.form = FakeAnswer::Form::kSse;
  const std::string note =
      R"({"jsonrpc":"2.0","method":"notifications/message","params":{"data":")" +
      std::string(10 << 10, 'x') + R"("}})";
  chatty.before = std::vector<std::string>(400, note);
  upstream.OnTool("slow", chatty);
  Bridge bridge(ConfigWith({{"fake", upstream.url()}}));
  ASSERT_TRUE(bridge.WaitForTools("fake"));
  Client client(bridge);
  client.Say(CallMessage("1", "slow", "x"));
  // Nothing is read until the server has said all.
  ASSERT_TRUE(upstream.WaitFor([](const auto& record) { return record.CountCalls("slow") == 1; }));
  ASSERT_TRUE(bridge.WaitUntilIdle());
  int notes = 0;
  std::string last;
  while (!Has(last = client.Next(), R"("id":1)") && !last.empty()) ++notes;
  EXPECT_TRUE(Has(last, R"("result")")) << "an answer is never left out";
  EXPECT_GT(client.dropped(), 0);
  EXPECT_EQ(notes + client.dropped(), 400);
}

TEST(ConnectMetadataTest, WhoIsLetInAndToWhichServers) {
  FakeMcpServer one;
  FakeMcpServer two;
  Config config = ConfigWith({{"one", one.url()}, {"two", two.url()}});
  config.master_key = "sk-test";
  config.servers[1].extra_headers = {"x-tenant"};
  Bridge bridge(std::move(config));
  ASSERT_TRUE(bridge.WaitForTools("one"));
  ASSERT_TRUE(bridge.WaitForTools("two"));
  Client stranger(bridge);
  EXPECT_EQ(stranger.Next(), "");
  EXPECT_EQ(ReasonOf(stranger.End()), "UNAUTHENTICATED");
  Metadata metadata{{"authorization", "Bearer sk-test"}, {"x-tenant", "t-1"}};
  for (const char* name : {"mcpbridge-server", "x-mcp-servers"}) {
    metadata[name] = "two";
    Client client(bridge, metadata);
    EXPECT_TRUE(Has(client.Ask(CallMessage("1", "echo", "x")), R"("id":1,"result")"));
    EXPECT_EQ(two.Snapshot().LastCall().Header("x-tenant"), "t-1");
    EXPECT_EQ(one.Snapshot().CountCalls("echo"), 0u);
    metadata.erase(name);
  }
  metadata["mcpbridge-server"] = "nobody";
  Client lost(bridge, metadata);
  EXPECT_EQ(lost.Next(), "");
  EXPECT_EQ(ReasonOf(lost.End()), "SERVER_NOT_FOUND");
}

}  // namespace
}  // namespace mcpbridge::test

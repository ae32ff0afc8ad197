// Traces through the bridge: in whichever form a caller says where it is in one, its server is told
// in all the forms that it can be told in.

#include <gtest/gtest.h>

#include <string>

#include "tests/fakes/fake_google_server.h"
#include "tests/fakes/fake_mcp_server.h"
#include "tests/fakes/test_http.h"
#include "tests/integration/bridge_fixture.h"

namespace mcpbridge::test {
namespace {

using Headers = TestHttpClient::Headers;

constexpr char kTrace[] = "0af7651916cd43dd8448eb211c80319c";
constexpr char kParent[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
constexpr char kUnsampled[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
constexpr char kState[] = "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7";

std::string Call(const std::string& meta) {
  return R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"x"},"_meta":{)" +
         meta + "}}}";
}

std::string InMeta(const std::string& parent, const std::string& state = {}) {
  return R"("traceparent":")" + parent + "\"" +
         (state.empty() ? "" : R"(,"tracestate":")" + state + "\"");
}

class TraceTest : public testing::Test {
 protected:
  static Config Settings(const std::string& url) {
    Config config = ConfigWith({{"fake", url}});
    if (url.starts_with("grpc:")) config.servers[0].transport = TransportKind::kGrpc;
    return config;
  }
  void Post(Bridge& bridge, const std::string& body, const Headers& headers = {}) {
    EXPECT_EQ(TestHttpClient(bridge.http_port()).Post(body, headers).status, 200);
  }
  void CallOverGrpc(Bridge& bridge, const std::string& parent, const std::string& state) {
    grpc::ClientContext context;
    context.AddMetadata("traceparent", parent);
    context.AddMetadata("tracestate", state);
    v1::CallToolRequest request;
    request.set_name("echo");
    request.set_arguments_json(R"({"text":"x"})");
    v1::CallToolResponse response;
    EXPECT_TRUE(bridge.Stub()->CallTool(&context, request, &response).ok());
  }
  // What the last call told the server, in both forms.
  void ExpectTold(const std::string& parent, const std::string& state) {
    const FakeRequest call = upstream_.Snapshot().LastCall();
    EXPECT_EQ(call.Header("traceparent"), parent);
    EXPECT_EQ(call.Header("tracestate"), state);
    EXPECT_EQ(Has(call.params, InMeta(parent)), !parent.empty()) << call.params;
    EXPECT_EQ(Has(call.params, R"("tracestate":")" + state + "\""), !state.empty()) << call.params;
  }

  FakeMcpServer upstream_;
};

TEST_F(TraceTest, AServerOverHttpIsToldInBothForms) {
  Bridge bridge(Settings(upstream_.url()));
  ASSERT_TRUE(bridge.WaitForTools("fake"));
  const Headers headers{{"traceparent", kParent}, {"tracestate", kState}};
  Post(bridge, CallMessage("1", "echo", "x"), headers);
  ExpectTold(kParent, kState);
  Post(bridge, Call(InMeta(kParent, kState)));
  ExpectTold(kParent, kState);
  CallOverGrpc(bridge, kUnsampled, kState);
  ExpectTold(kUnsampled, kState);
  Post(bridge, CallMessage("1", "echo", "x"));
  ExpectTold("", "");
  Post(bridge, Call(InMeta(kUnsampled)), headers);
  ExpectTold(kUnsampled, "");
}

TEST_F(TraceTest, ItsProgressTokenIsStillFound) {
  Bridge bridge(Settings(upstream_.url()));
  ASSERT_TRUE(bridge.WaitForTools("fake"));
  Post(bridge, Call(R"("progressToken":"mine")"), {{"traceparent", kParent}});
  ExpectTold(kParent, "");
  const std::string params = upstream_.Snapshot().LastCall().params;
  EXPECT_FALSE(Has(params, "mine")) << params;
  EXPECT_TRUE(Has(params, R"("progressToken":)")) << params;
}

TEST_F(TraceTest, WhatIsNoTraceParentIsNotPassedOn) {
  Bridge bridge(Settings(upstream_.url()));
  ASSERT_TRUE(bridge.WaitForTools("fake"));
  const std::string zero = "00-00000000000000000000000000000000-b7ad6b7169203331-01";
  for (const std::string& bad :
       {std::string("x"), zero, std::string(kParent) + "-", "ff" + zero.substr(2)}) {
    Post(bridge, CallMessage("1", "echo", "x"), {{"traceparent", bad}, {"tracestate", kState}});
    ExpectTold("", "");
  }
}

TEST_F(TraceTest, AServerOverGrpcIsToldInBothForms) {
  FakeGoogleServer server;
  Bridge bridge(Settings(server.url()));
  ASSERT_TRUE(bridge.WaitForTools("fake"));
  CallOverGrpc(bridge, kParent, kState);
  Post(bridge, Call(InMeta(kParent, kState)));
  Post(bridge, CallMessage("1", "echo", "x"), {{"traceparent", kParent}, {"tracestate", kState}});
  const auto calls = server.Calls();
  ASSERT_EQ(calls.size(), 3u);
  for (const auto& call : calls) {
    EXPECT_EQ(call.Header("traceparent"), kParent);
    EXPECT_EQ(call.Header("tracestate"), kState);
    const auto& meta = call.request.common().metadata().fields();
    ASSERT_TRUE(meta.contains("traceparent")) << call.request.ShortDebugString();
    EXPECT_EQ(meta.at("traceparent").string_value(), kParent);
    EXPECT_EQ(meta.at("tracestate").string_value(), kState);
  }
}

TEST_F(TraceTest, WithSpansTheServerIsBelowTheBridge) {
  Config config = Settings(upstream_.url());
  config.bridge.traces.emplace().endpoint = "http://127.0.0.1:1/v1/traces";
  Bridge bridge(std::move(config));
  ASSERT_TRUE(bridge.WaitForTools("fake"));
  Post(bridge, CallMessage("1", "echo", "x"), {{"traceparent", kParent}, {"tracestate", kState}});
  std::string told = upstream_.Snapshot().LastCall().Header("traceparent");
  EXPECT_NE(told, kParent);
  EXPECT_EQ(told.substr(0, 36), std::string("00-") + kTrace + "-");
  ExpectTold(told, kState);
  Post(bridge, Call(InMeta(kParent)));
  told = upstream_.Snapshot().LastCall().Header("traceparent");
  EXPECT_NE(told, kParent);
  ExpectTold(told, "");
  Post(bridge, Call(InMeta(kUnsampled)));
  ExpectTold(kUnsampled, "");
  Post(bridge, CallMessage("1", "echo", "x"));
  told = upstream_.Snapshot().LastCall().Header("traceparent");
  EXPECT_TRUE(told.ends_with("-01")) << "its own decision: " << told;
}

TEST_F(TraceTest, ACollectorThatIsGoneHoldsUpNobodyAndIsCounted) {
  Config config = Settings(upstream_.url());
  config.bridge.traces.emplace().endpoint = "http://127.0.0.1:1/v1/traces";
  Bridge bridge(std::move(config));
  ASSERT_TRUE(bridge.WaitForTools("fake"));
  for (int i = 0; i < 50; ++i) Post(bridge, CallMessage("1", "echo", "x"));
  Tracer& tracer = *bridge.app().service().tracer();
  EXPECT_EQ(upstream_.Snapshot().CountCalls("echo"), 50u);
  tracer.Stop();
  EXPECT_EQ(tracer.dropped(), 100u);
  Post(bridge, CallMessage("1", "echo", "x"));
  EXPECT_EQ(tracer.dropped(), 102u) << "nor one that has been stopped";
}

}  // namespace
}  // namespace mcpbridge::test

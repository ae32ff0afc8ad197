// Arguments and results at random, through the whole bridge, between every two eras.

#include <gtest/gtest.h>

#include <string>

#include "tests/fakes/fake_json.h"
#include "tests/fakes/fake_mcp_server.h"
#include "tests/fakes/random_json.h"
#include "tests/fakes/test_http.h"
#include "tests/integration/bridge_fixture.h"

namespace mcpbridge::test {
namespace {

constexpr unsigned kFrontRuns = 100;  // in each pairing

struct LosslessPair {
  bool modern_client;
  bool modern_server;
};

class LosslessFrontTest : public testing::TestWithParam<LosslessPair> {
 protected:
  static bool modern_client() { return GetParam().modern_client; }
  static bool modern_server() { return GetParam().modern_server; }

  Config MakeConfig() {
    upstream_.SetScript([](const FakeRequest& request) {
      FakeAnswer answer;
      const bool modern = request.Header("mcp-protocol-version") == "2026-07-28";
      if (modern != modern_server() && !request.method.empty()) {
        answer.http_status = 400;
        answer.error = R"({"code":-32022,"message":"Unsupported protocol version"})";
      } else if (request.method == "server/discover") {
        answer.result =
            R"({"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"resultType":"complete","ttlMs":0,"cacheScope":"private"})";
      } else if (request.method == "subscriptions/listen") {
        return ListenAnswer(request);
      }
      return answer;
    });
    return ConfigWith({{"fake", upstream_.url()}});
  }

  TestResponse Post(TestHttpClient& client, const std::string& params) {
    TestHttpClient::Headers headers;
    if (modern_client()) {
      headers = {{"MCP-Protocol-Version", "2026-07-28"},
                 {"Mcp-Method", "tools/call"},
                 {"Mcp-Name", "echo"}};
    }
    return client.Post(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":)" + params + "}",
                       headers);
  }

  // `raw` is what the server said, `wanted` the same without what only its era has.
  static void ExpectResult(const std::string& body, const std::string& raw,
                           const std::string& wanted) {
    const std::string head = R"({"jsonrpc":"2.0","id":1,"result":)";
    if (modern_client() == modern_server()) {
      EXPECT_EQ(body, head + raw + "}");
      return;
    }
    const std::string compact = RandomJson::Compact(body);
    const std::string members = RandomJson::Compact(wanted);
    if (modern_client()) {  // completed: what is added comes first
      EXPECT_TRUE(compact.ends_with("," + members.substr(1) + "}")) << compact;
    } else {
      EXPECT_EQ(compact, head + members + "}");
    }
  }

  FakeMcpServer upstream_{{.sessions = false}};
  Bridge bridge_{MakeConfig()};
};

INSTANTIATE_TEST_SUITE_P(All, LosslessFrontTest,
                         testing::Values(LosslessPair{false, false}, LosslessPair{false, true},
                                         LosslessPair{true, false}, LosslessPair{true, true}),
                         [](const auto& row) {
                           return std::string(row.param.modern_client ? "Modern" : "Legacy") +
                                  "ClientOf" + (row.param.modern_server ? "Modern" : "Legacy") +
                                  "Server";
                         });

TEST_P(LosslessFrontTest, ArgumentsAndResultsPassByteForByte) {
  ASSERT_TRUE(bridge_.WaitForTools("fake"));
  TestHttpClient client(bridge_.http_port());
  for (unsigned seed = 1; seed <= kFrontRuns && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomJson json(seed);
    const std::string arguments =
        json.OneIn(8) ? R"({"deep":)" + json.Deep(100) + "}" : json.Object();
    const std::string unknown = json.Value();
    const std::string own_meta = json.Value();
    RandomJson::Members meta{{R"("x\u002dkey")", own_meta}};
    if (modern_client()) {
      json.Add(meta, R"("io.modelcontextprotocol/protocolVersion")", R"("2026-07-28")");
      json.Add(meta, R"("io.modelcontextprotocol/clientCapabilities")", "{}");
    }
    RandomJson::Members params{{R"("name")", R"("echo")"}};
    json.Add(params, R"("arguments")", arguments);
    json.Add(params, R"("x-unknown")", unknown);
    json.Add(params, R"("_meta")", json.Written(meta));

    RandomJson::Members result = json.UnknownMembers(4, 4, /*outermost=*/true);
    json.Add(result, R"("content")", json.Array());
    json.Add(result, R"("structuredContent")", json.Object());
    const std::string wanted = json.Written(result);
    if (modern_server()) json.Add(result, R"("resultType")", R"("complete")");
    const std::string raw = json.Written(result);
    upstream_.OnTool("echo", {.result = raw});

    const TestResponse response = Post(client, json.Written(params));
    ASSERT_EQ(response.status, 200) << response.body;
    const FakeRequest call = upstream_.Snapshot().LastCall();
    EXPECT_EQ(call.arguments, arguments);
    auto sent = JsonMembers(call.params);
    EXPECT_EQ(sent["x-unknown"], unknown);
    EXPECT_EQ(JsonMembers(sent["_meta"])["x-key"], own_meta);
    ExpectResult(response.body, raw, wanted);
  }
}

}  // namespace
}  // namespace mcpbridge::test

// model_context_protocol.Mcp, through a real front and a fake MCP server.

#include <mcpbridge/v1/resource_service.grpc.pb.h>
#include <model_context_protocol/mcp.grpc.pb.h>

#include "tests/unit/grpc_fixture.h"

namespace mcpbridge {
namespace {

namespace gm = model_context_protocol;

class GoogleMcpTest : public testing::Test {
 protected:
  void SetUp() override {
    upstream_.SetScript([](const FakeRequest& request) {
      FakeAnswer answer;
      if (request.method == "resources/read") {
        answer.result = R"({"contents":[{"uri":"test://a","blob":"AAE="}],"ttlMs":1500,
                            "cacheScope":"public","resultType":"complete"})";
      } else if (request.method == "prompts/get") {
        answer.result = R"({"description":"d","messages":[{"role":"assistant","content":
            {"type":"resource_link","uri":"u","name":"n","size":3}}]})";
      } else if (request.method == "completion/complete") {
        answer.result = R"({"completion":{"values":["x"],"total":2,"hasMore":true}})";
      } else if (request.tool == "slow") {
        answer.error = R"({"code":-32042,"message":"no"})";
      } else if (request.tool == "echo") {
        answer.result = R"({"content":[{"type":"text","text":"t","annotations":
            {"audience":["user"],"priority":0.5}},{"type":"image","data":"AAE=","mimeType":"m"},
            {"type":"new","a":1}],"structuredContent":[1],"_meta":{"k":"v"}})";
      }
      return answer;
    });
  }

  template <class Method, class Request, class Response>
  grpc::Status Call(Method method, const Request& request, Response& response) {
    grpc::ClientContext context;
    const grpc::Status status = std::invoke(method, *stub_, &context, request, &response);
    const auto& trailers = context.GetServerTrailingMetadata();
    const auto code = trailers.find("mcp-error-code");
    error_code_ =
        code == trailers.end() ? "" : std::string(code->second.data(), code->second.size());
    return status;
  }

  FakeMcpServer upstream_{{.sessions = true,
                           .tools = R"([{"name":"echo","inputSchema":{"type":"object"},
                               "annotations":{"readOnlyHint":true},"icons":[{"src":"i","theme":"dark"}]},
                               {"name":"slow","inputSchema":{"type":"object"}}])",
                           .resources = R"([{"uri":"test://a","name":"a","size":3}])",
                           .templates = R"([{"uriTemplate":"test://{id}","name":"t"}])",
                           .prompts = R"([{"name":"greet","arguments":[{"name":"who"}]}])"}};
  GrpcBridge bridge_{ConfigFor(upstream_)};
  std::unique_ptr<gm::Mcp::Stub> stub_ = gm::Mcp::NewStub(bridge_.channel());
  std::string error_code_;
};

TEST_F(GoogleMcpTest, ToolsAreListedWithMcpsDefaultsAndALifetime) {
  gm::ListToolsResponse response;
  ASSERT_TRUE(Call(&gm::Mcp::Stub::ListTools, gm::ListToolsRequest(), response).ok());
  ASSERT_EQ(response.tools_size(), 2);
  const gm::Tool& tool = response.tools(0);
  EXPECT_EQ(tool.name(), "echo");
  EXPECT_EQ(tool.input_schema().fields().at("type").string_value(), "object");
  EXPECT_TRUE(tool.annotations().read_only_hint());
  EXPECT_TRUE(tool.annotations().destructive_hint());
  EXPECT_TRUE(tool.annotations().open_world_hint());
  EXPECT_FALSE(tool.annotations().idempotent_hint());
  EXPECT_EQ(tool.icons(0).theme(), gm::Icon::THEME_DARK);
  EXPECT_FALSE(response.tools(1).has_annotations());
  EXPECT_EQ(response.ttl().seconds(), 60);
  EXPECT_EQ(response.cache_scope(), gm::CACHE_SCOPE_PRIVATE);
  EXPECT_EQ(response.common().result_type(), gm::RESULT_TYPE_COMPLETE);
}

TEST_F(GoogleMcpTest, ACallIsMadeAndNothingOfItsContentIsLost) {
  gm::CallToolRequest request;
  request.mutable_request()->set_name("echo");
  auto& arguments = *request.mutable_request()->mutable_arguments()->mutable_fields();
  arguments["n"].set_number_value(5);
  gm::CallToolResponse response;
  const grpc::Status status = Call(&gm::Mcp::Stub::CallTool, request, response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(response.content_size(), 3);
  EXPECT_EQ(response.content(0).text().text(), "t");
  EXPECT_EQ(response.content(0).text().annotations().audience(0), gm::ROLE_USER);
  EXPECT_EQ(response.content(0).text().annotations().priority(), 0.5);
  EXPECT_EQ(response.content(1).image().data(), std::string("\0\1", 2));
  EXPECT_EQ(response.content(2).text().text(), R"({"type":"new","a":1})");
  EXPECT_EQ(response.structured_content().fields().at("result").list_value().values_size(), 1);
  EXPECT_EQ(response.common().metadata().fields().at("k").string_value(), "v");
  EXPECT_EQ(upstream_.Snapshot().LastCall().arguments, R"({"n":5})");
}

TEST_F(GoogleMcpTest, AbsentArgumentsStayAbsent) {
  gm::CallToolRequest request;
  request.mutable_request()->set_name("echo");
  gm::CallToolResponse response;
  ASSERT_TRUE(Call(&gm::Mcp::Stub::CallTool, request, response).ok());
  EXPECT_EQ(upstream_.Snapshot().LastCall().params.find("arguments"), std::string::npos);
  request.mutable_request()->mutable_arguments();
  ASSERT_TRUE(Call(&gm::Mcp::Stub::CallTool, request, response).ok());
  EXPECT_EQ(upstream_.Snapshot().LastCall().arguments, "{}");
}

TEST_F(GoogleMcpTest, AFailureHasMcpsCode) {
  gm::CallToolRequest request;
  gm::CallToolResponse response;
  EXPECT_EQ(Call(&gm::Mcp::Stub::CallTool, request, response).error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(error_code_, "-32602");
  request.mutable_request()->set_name("slow");
  EXPECT_EQ(Call(&gm::Mcp::Stub::CallTool, request, response).error_code(), grpc::UNKNOWN);
  EXPECT_EQ(error_code_, "-32042");
}

// What a server asks reaches a caller who can answer.
TEST(GoogleMcpQuestionTest, AQuestionComesAsOneAndIsAnswered) {
  FakeMcpServer upstream{{.sessions = false}};
  upstream.SetScript([](const FakeRequest& request) {
    FakeAnswer answer;
    if (request.method == "server/discover") {
      answer.result = R"({"resultType":"complete","supportedVersions":["2026-07-28"],
                          "capabilities":{"tools":{}},"ttlMs":0,"cacheScope":"private"})";
    }
    if (request.method != "tools/call") return answer;
    if (request.params.find("inputResponses") == std::string::npos) {
      answer.result = R"({"resultType":"input_required","requestState":"st","inputRequests":
          {"ok":{"method":"elicitation/create","params":{"message":"Sure?","requestedSchema":
          {"type":"object","properties":{"b":{"type":"boolean"}}}}}}})";
    } else {
      answer.result = R"({"resultType":"complete","content":[{"type":"text","text":"done"}]})";
    }
    return answer;
  });
  GrpcBridge bridge(ConfigFor(upstream));
  const auto stub = gm::Mcp::NewStub(bridge.channel());
  gm::CallToolRequest request;
  request.mutable_request()->set_name("echo");
  auto& meta = *request.mutable_common()->mutable_metadata()->mutable_fields();
  (*meta["io.modelcontextprotocol/clientCapabilities"]
        .mutable_struct_value()
        ->mutable_fields())["elicitation"]
      .mutable_struct_value();
  gm::CallToolResponse asked;
  grpc::ClientContext first;
  grpc::Status status = stub->CallTool(&first, request, &asked);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(asked.common().result_type(), gm::RESULT_TYPE_INPUT_REQUIRED);
  const gm::ElicitRequest& question = asked.common().input_requests().at("ok").elicit_request();
  EXPECT_EQ(question.message(), "Sure?");
  EXPECT_TRUE(question.requested_schema().at("b").has_boolean_schema());
  EXPECT_EQ(asked.common().request_state(), "st");

  request.mutable_common()->set_request_state(asked.common().request_state());
  auto& answer =
      *(*request.mutable_common()->mutable_input_responses())["ok"].mutable_elicit_result();
  answer.set_type(gm::ElicitResult::TYPE_ACCEPT);
  (*answer.mutable_content()->mutable_fields())["b"].set_bool_value(true);
  gm::CallToolResponse done;
  grpc::ClientContext second;
  status = stub->CallTool(&second, request, &done);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(done.common().result_type(), gm::RESULT_TYPE_COMPLETE);
  EXPECT_EQ(done.content(0).text().text(), "done");
  const std::string params = upstream.Snapshot().LastCall().params;
  EXPECT_NE(params.find(R"("inputResponses":{"ok":{"action":"accept","content":{"b":true}}})"),
            std::string::npos)
      << params;
  EXPECT_NE(params.find(R"("requestState":"st")"), std::string::npos) << params;
}

TEST_F(GoogleMcpTest, ResourcesPromptsAndCompletion) {
  gm::ListResourcesResponse resources;
  ASSERT_TRUE(Call(&gm::Mcp::Stub::ListResources, gm::ListResourcesRequest(), resources).ok());
  ASSERT_EQ(resources.resources_size(), 1);
  EXPECT_EQ(resources.resources(0).size(), 3u);
  gm::ListResourceTemplatesResponse templates;
  ASSERT_TRUE(
      Call(&gm::Mcp::Stub::ListResourceTemplates, gm::ListResourceTemplatesRequest(), templates)
          .ok());
  EXPECT_EQ(templates.resource_templates(0).uri_template(), "test://{id}");
  gm::ListPromptsResponse prompts;
  ASSERT_TRUE(Call(&gm::Mcp::Stub::ListPrompts, gm::ListPromptsRequest(), prompts).ok());
  EXPECT_EQ(prompts.prompts(0).arguments(0).name(), "who");

  gm::ReadResourceRequest read;
  read.set_uri("test://a");
  gm::ReadResourceResponse contents;
  ASSERT_TRUE(Call(&gm::Mcp::Stub::ReadResource, read, contents).ok());
  EXPECT_EQ(contents.resource(0).blob(), std::string("\0\1", 2));
  EXPECT_EQ(contents.ttl().seconds(), 1);
  EXPECT_EQ(contents.ttl().nanos(), 500'000'000);
  EXPECT_EQ(contents.cache_scope(), gm::CACHE_SCOPE_PUBLIC);

  gm::GetPromptRequest get;
  get.set_name("greet");
  gm::GetPromptResponse prompt;
  ASSERT_TRUE(Call(&gm::Mcp::Stub::GetPrompt, get, prompt).ok());
  EXPECT_EQ(prompt.messages(0).role(), gm::ROLE_ASSISTANT);
  EXPECT_EQ(prompt.messages(0).resource_link().size(), 3u);

  gm::CompletionRequest complete;
  complete.mutable_prompt_reference()->set_name("greet");
  complete.mutable_argument()->set_name("who");
  gm::CompletionResponse completion;
  ASSERT_TRUE(Call(&gm::Mcp::Stub::Complete, complete, completion).ok());
  EXPECT_EQ(completion.values(0), "x");
  EXPECT_EQ(completion.total_matches(), 2);
  EXPECT_TRUE(completion.has_more());
}

// Items of a list, raw: as many as `count`, named in the order of the alphabet, whose `more` is a
// string of so many bytes.
std::string ManyItems(int count, const std::string& name_member, const std::string& name_prefix,
                      const std::string& more, std::size_t bytes) {
  std::string items = "[";
  for (int i = 0; i < count; ++i) {
    if (i > 0) items += ',';
    items += "{\"" + name_member + "\":\"" + name_prefix + std::to_string(100'000 + i) + "\",\"" +
             more + "\":\"" + std::string(bytes, 'd') + "\"" +
             (name_member == "name" ? "}" : ",\"name\":\"n\"}");
  }
  return items + "]";
}

// What comes as several pages to callers of mcpbridge.v1 comes whole here.
class GoogleMcpPagesTest : public testing::Test {
 protected:
  static constexpr int kMany = 2500;  // items, more than two pages
  static constexpr int kLarge = 300;  // items of 20 kB, more than one page of 4 MiB
  static constexpr std::size_t kBytes = 20'000;

  template <class Stub, class Method, class Request, class Response>
  static void Ask(Stub& stub, Method method, const Request& request, Response& response) {
    grpc::ClientContext context;
    const grpc::Status status = std::invoke(method, stub, &context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
  }
  template <class Items, class Name>
  static void ExpectAllInOrder(const Items& items, int count, const std::string& prefix,
                               Name name) {
    ASSERT_EQ(items.size(), count);
    for (int i = 0; i < count; ++i) {
      ASSERT_EQ((items.Get(i).*name)(), prefix + std::to_string(100'000 + i));
    }
  }

  FakeMcpServer upstream_{{.tools = ManyItems(kMany, "name", "t", "description", 10),
                           .resources = ManyItems(kLarge, "uri", "test://", "description", kBytes),
                           .templates = ManyItems(kMany, "uriTemplate", "test://{x}", "title", 1),
                           .prompts = ManyItems(kLarge, "name", "p", "description", kBytes)}};
  GrpcBridge bridge_{ConfigFor(upstream_)};
};

TEST_F(GoogleMcpPagesTest, AListOfManyItemsOrManyBytesComesWhole) {
  v1::ListToolsResponse many;
  Ask(bridge_.tools(), &v1::ToolService::Stub::ListTools, v1::ListToolsRequest(), many);
  EXPECT_EQ(many.tools_size(), 1000);
  EXPECT_NE(many.next_page_token(), "") << "it has more than one page";
  const auto resource_stub = v1::ResourceService::NewStub(bridge_.channel());
  v1::ListResourcesResponse large;
  Ask(*resource_stub, &v1::ResourceService::Stub::ListResources, v1::ListResourcesRequest(), large);
  EXPECT_LT(large.resources_size(), kLarge);
  EXPECT_NE(large.next_page_token(), "");

  const auto stub = gm::Mcp::NewStub(bridge_.channel());
  gm::ListToolsResponse tools;
  Ask(*stub, &gm::Mcp::Stub::ListTools, gm::ListToolsRequest(), tools);
  ExpectAllInOrder(tools.tools(), kMany, "t", &gm::Tool::name);
  gm::ListResourcesResponse resources;
  Ask(*stub, &gm::Mcp::Stub::ListResources, gm::ListResourcesRequest(), resources);
  ExpectAllInOrder(resources.resources(), kLarge, "test://", &gm::Resource::uri);
  EXPECT_EQ(resources.resources(kLarge - 1).description().size(), kBytes);
  gm::ListResourceTemplatesResponse templates;
  Ask(*stub, &gm::Mcp::Stub::ListResourceTemplates, gm::ListResourceTemplatesRequest(), templates);
  ExpectAllInOrder(templates.resource_templates(), kMany, "test://{x}",
                   &gm::ResourceTemplate::uri_template);
  gm::ListPromptsResponse prompts;
  Ask(*stub, &gm::Mcp::Stub::ListPrompts, gm::ListPromptsRequest(), prompts);
  ExpectAllInOrder(prompts.prompts(), kLarge, "p", &gm::Prompt::name);
  EXPECT_EQ(prompts.common().result_type(), gm::RESULT_TYPE_COMPLETE);
  EXPECT_GT(prompts.ByteSizeLong(), std::size_t{4} << 20);
}

}  // namespace
}  // namespace mcpbridge

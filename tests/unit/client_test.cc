#include "mcpbridge/client.h"

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "mcpbridge/v1/tool_service.grpc.pb.h"
#include "tests/unit/fake_bridge.h"

namespace mcpbridge::client {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

// A handler that answers only when the caller has given up. Shared, so that it outlives the test's
// own part of it.
struct Hang {
  std::promise<void> arrived;
  std::promise<void> cancelled;

  grpc::Status operator()(grpc::ServerContext& context) {
    arrived.set_value();
    while (!context.IsCancelled()) std::this_thread::yield();
    cancelled.set_value();
    return grpc::Status::CANCELLED;
  }
};

std::shared_ptr<Hang> HangIn(FakeBridge& bridge) {
  auto hang = std::make_shared<Hang>();
  bridge.on_call = [hang](auto& context, const auto&, auto&) { return (*hang)(context); };
  return hang;
}

std::string Metadata(const grpc::ServerContext& context, const std::string& name) {
  const auto found = context.client_metadata().find(name);
  return found == context.client_metadata().end()
             ? "(none)"
             : std::string(found->second.data(), found->second.size());
}

TEST(Client, CarriesTheRequestAndItsExactArguments) {
  FakeBridge bridge;
  v1::CallToolRequest seen;
  bridge.on_call = [&](auto&, const auto& request, auto& response) {
    seen = request;
    response.add_content()->mutable_text()->set_text("hello");
    return grpc::Status::OK;
  };
  Client client(bridge.address());
  const auto result = client.CallTool({.server = "s",
                                       .tool = "echo",
                                       .arguments_json = R"({ "n": 9007199254740993 })",
                                       .meta_json = R"({"k":"v"})"});
  ASSERT_TRUE(result.ok()) << result.error().message;
  EXPECT_EQ(std::get<TextContent>(result->content.at(0).block).text, "hello");
  EXPECT_FALSE(result->is_error);
  EXPECT_EQ(seen.server(), "s");
  EXPECT_EQ(seen.name(), "echo");
  EXPECT_EQ(seen.arguments_json(), R"({ "n": 9007199254740993 })");
  EXPECT_EQ(seen.meta().fields().at("k").string_value(), "v");
  EXPECT_EQ(seen.result_format(), v1::RESULT_FORMAT_UNSPECIFIED);
}

TEST(Client, SendsNoArgumentsWhereThereAreNone) {
  FakeBridge bridge;
  auto args = v1::CallToolRequest::kArguments;
  bridge.on_call = [&](auto&, const auto& request, auto&) {
    args = request.args_case();
    return grpc::Status::OK;
  };
  Client client(bridge.address());
  ASSERT_TRUE(client.CallTool({.tool = "ping"}).ok());
  EXPECT_EQ(args, v1::CallToolRequest::ARGS_NOT_SET);
}

TEST(Client, GivesTheExactResultOnRequest) {
  FakeBridge bridge;
  bridge.on_call = [&](auto&, const auto& request, auto& response) {
    EXPECT_EQ(request.result_format(), v1::RESULT_FORMAT_JSON);
    response.set_result_json(R"({"content":[ ]})");
    response.set_is_error(true);
    return grpc::Status::OK;
  };
  Client client(bridge.address());
  const auto result = client.CallTool({.tool = "t", .exact_json = true});
  ASSERT_TRUE(result.ok()) << result.error().message;
  EXPECT_EQ(result->result_json, R"({"content":[ ]})");
  EXPECT_TRUE(result->is_error);
}

TEST(Client, GivesEveryKindOfContent) {
  FakeBridge bridge;
  bridge.on_call = [&](auto&, const auto&, auto& response) {
    auto* image = response.add_content();
    image->mutable_image()->set_data(std::string("\0\x01", 2));
    image->mutable_image()->set_mime_type("image/png");
    image->mutable_annotations()->add_audience("user");
    image->mutable_annotations()->set_priority(0);
    response.add_content()->mutable_audio()->set_mime_type("audio/wav");
    auto* link = response.add_content()->mutable_resource_link();
    link->set_uri("file:///a");
    link->set_size(7);
    auto* resource = response.add_content()->mutable_resource();
    resource->set_blob("bytes");
    response.add_content()->set_unknown_json(R"({"type":"new"})");
    response.mutable_structured_content()->set_bool_value(true);
    return grpc::Status::OK;
  };
  Client client(bridge.address());
  const auto result = client.CallTool({.tool = "t"});
  ASSERT_TRUE(result.ok()) << result.error().message;
  ASSERT_EQ(result->content.size(), 5u);
  const auto& image = result->content[0];
  EXPECT_EQ(std::get<ImageContent>(image.block).data, std::string("\0\x01", 2));
  ASSERT_TRUE(image.annotations.has_value());
  EXPECT_EQ(image.annotations->priority, 0.0);
  EXPECT_EQ(image.annotations->audience, std::vector<std::string>{"user"});
  EXPECT_EQ(std::get<AudioContent>(result->content[1].block).mime_type, "audio/wav");
  EXPECT_EQ(std::get<ResourceLink>(result->content[2].block).size, 7);
  EXPECT_EQ(std::get<EmbeddedResource>(result->content[3].block).contents, "bytes");
  EXPECT_FALSE(std::get<EmbeddedResource>(result->content[3].block).is_text);
  EXPECT_EQ(std::get<UnknownContent>(result->content[4].block).json, R"({"type":"new"})");
  EXPECT_EQ(result->structured_content_json, "true");
}

TEST(Client, PassesTheEarlierOfTimeoutAndDeadlineOn) {
  FakeBridge bridge;
  std::chrono::system_clock::time_point deadline;
  bridge.on_call = [&](auto& context, const auto&, auto&) {
    deadline = context.deadline();
    return grpc::Status::OK;
  };
  Client client(bridge.address());
  const auto before = std::chrono::system_clock::now();
  ASSERT_TRUE(
      client.CallTool({.tool = "t"}, {.timeout = 1h, .deadline = steady_clock::now() + 60s}).ok());
  EXPECT_GE(deadline, before + 59s);
  EXPECT_LE(deadline, before + 70s);
  ASSERT_TRUE(
      client.CallTool({.tool = "t"}, {.timeout = 60s, .deadline = steady_clock::now() + 1h}).ok());
  EXPECT_LE(deadline, before + 80s);
}

TEST(Client, ACallWithoutBoundsHasNoDeadline) {
  FakeBridge bridge;
  std::chrono::system_clock::time_point deadline;
  bridge.on_call = [&](auto& context, const auto&, auto&) {
    deadline = context.deadline();
    return grpc::Status::OK;
  };
  Client client(bridge.address());
  ASSERT_TRUE(client.CallTool({.tool = "t"}).ok());
  EXPECT_EQ(deadline, std::chrono::system_clock::time_point::max());
  ASSERT_TRUE(client.CallTool({.tool = "t"}, {.timeout = std::chrono::nanoseconds::max()}).ok());
  EXPECT_GT(deadline, std::chrono::system_clock::now() + 24h);
}

TEST(Client, EndsAtTheDeadlineAlthoughTheBridgeHangs) {
  FakeBridge bridge;
  const auto hang = HangIn(bridge);
  Client client(bridge.address());
  const auto start = steady_clock::now();
  const auto result = client.CallTool({.tool = "t"}, {.timeout = 200ms});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, StatusCode::kDeadlineExceeded);
  EXPECT_GE(steady_clock::now() - start, 190ms);  // gRPC has a clock of its own
  hang->cancelled.get_future().wait();
}

TEST(Client, ADeadlineInThePastFailsAtOnce) {
  FakeBridge bridge;
  Client client(bridge.address());
  const auto result = client.CallTool({.tool = "t"}, {.deadline = steady_clock::time_point::min()});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, StatusCode::kDeadlineExceeded);
}

TEST(Client, DecodesErrorInfoAndRetryInfo) {
  FakeBridge bridge;
  bridge.on_call = [](auto&, const auto&, auto&) {
    google::rpc::ErrorInfo info;
    info.set_reason("OVERLOADED");
    info.set_domain("mcpbridge");
    (*info.mutable_metadata())["limit"] = "4096";
    (*info.mutable_metadata())["server"] = "demo";
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(1);
    retry.mutable_retry_delay()->set_nanos(500'000'000);
    google::rpc::Status status;
    status.add_details()->PackFrom(info);
    status.add_details()->PackFrom(retry);
    return grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "too many calls",
                        status.SerializeAsString());
  };
  Client client(bridge.address());
  const auto result = client.CallTool({.tool = "t"});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, StatusCode::kResourceExhausted);
  EXPECT_EQ(result.error().message, "too many calls");
  EXPECT_EQ(result.error().reason, "OVERLOADED");
  EXPECT_EQ(result.error().metadata,
            (std::map<std::string, std::string>{{"limit", "4096"}, {"server", "demo"}}));
  EXPECT_EQ(result.error().retry_after, 1500ms);
}

TEST(Client, KeepsTheStatusWhereItsDetailsAreBroken) {
  FakeBridge bridge;
  bridge.on_call = [](auto&, const auto&, auto&) {
    return grpc::Status(grpc::StatusCode::NOT_FOUND, "no such tool", "\xff\xff not a message");
  };
  Client client(bridge.address());
  const auto result = client.CallTool({.tool = "t"});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, StatusCode::kNotFound);
  EXPECT_EQ(result.error().reason, "");
}

TEST(Client, SendsTheKeyAndFurtherMetadataWithEveryCall) {
  FakeBridge bridge;
  std::vector<std::string> keys;
  std::vector<std::string> tenants;
  bridge.on_call = [&](auto& context, const auto&, auto&) {
    keys.push_back(Metadata(context, "authorization"));
    tenants.push_back(Metadata(context, "x-tenant"));
    return grpc::Status::OK;
  };
  bridge.on_list = [&](auto& context, const auto&, auto&) {
    keys.push_back(Metadata(context, "authorization"));
    return grpc::Status::OK;
  };
  bridge.on_servers = [&](auto& context, auto&) {
    keys.push_back(Metadata(context, "authorization"));
    return grpc::Status::OK;
  };
  Client client(bridge.address(), {.api_key = "sk-1"});
  ASSERT_TRUE(client.CallTool({.tool = "t"}, {.metadata = {{"x-tenant", "a"}}}).ok());
  ASSERT_TRUE(client.StartCallTool({.tool = "t"}).Wait().ok());
  ASSERT_TRUE(client.ListTools().ok());
  ASSERT_TRUE(client.ListServers().ok());
  EXPECT_EQ(keys, std::vector<std::string>(4, "Bearer sk-1"));
  EXPECT_EQ(tenants, (std::vector<std::string>{"a", "(none)"}));
}

TEST(Client, RefusesWhatCannotBeSent) {
  FakeBridge bridge;
  Client bad_key(bridge.address(), {.api_key = "sk\n"});
  const auto key = bad_key.CallTool({.tool = "t"});
  ASSERT_FALSE(key.ok());
  EXPECT_EQ(key.error().code, StatusCode::kInvalidArgument);
  Client client(bridge.address());
  const auto header = client.CallTool({.tool = "t"}, {.metadata = {{"X Tenant", "a"}}});
  ASSERT_FALSE(header.ok());
  EXPECT_EQ(header.error().code, StatusCode::kInvalidArgument);
  auto meta = client.StartCallTool({.tool = "t", .meta_json = "[1]"});
  ASSERT_FALSE(meta.Wait().ok());
  EXPECT_EQ(meta.Wait().error().code, StatusCode::kInvalidArgument);
}

TEST(Client, DrainsAllPagesOfTools) {
  FakeBridge bridge;
  std::vector<std::string> tokens;
  bridge.on_list = [&](auto&, const auto& request, auto& response) {
    EXPECT_EQ(request.server(), "s");
    tokens.push_back(request.page_token());
    const auto page = tokens.size();
    auto* tool = response.add_tools();
    tool->set_name("tool" + std::to_string(page));
    tool->set_input_schema_json("{}");
    tool->mutable_annotations()->set_read_only_hint(false);
    if (page < 3) response.set_next_page_token("after " + std::to_string(page));
    auto* missing = response.add_unavailable();
    missing->set_server("gone");
    missing->set_error("down");
    return grpc::Status::OK;
  };
  Client client(bridge.address());
  const auto list = client.ListTools("s");
  ASSERT_TRUE(list.ok()) << list.error().message;
  ASSERT_EQ(list->tools.size(), 3u);
  EXPECT_EQ(list->tools[2].name, "tool3");
  EXPECT_EQ(list->tools[2].annotations->read_only_hint, false);
  EXPECT_EQ(list->tools[2].annotations->open_world_hint, std::nullopt);
  EXPECT_EQ(tokens, (std::vector<std::string>{"", "after 1", "after 2"}));
  ASSERT_EQ(list->unavailable.size(), 1u);
  EXPECT_EQ(list->unavailable[0].server, "gone");
}

TEST(Client, DoesNotFollowPagesInACircle) {
  FakeBridge bridge;
  bridge.on_list = [&](auto&, const auto&, auto& response) {
    response.set_next_page_token("again");
    return grpc::Status::OK;
  };
  Client client(bridge.address());
  const auto list = client.ListTools();
  ASSERT_FALSE(list.ok());
  EXPECT_EQ(list.error().code, StatusCode::kInternal);
}

TEST(Client, ListsServers) {
  FakeBridge bridge;
  bridge.on_servers = [](auto&, auto& response) {
    auto* server = response.add_servers();
    server->set_name("demo");
    server->set_transport(v1::TRANSPORT_STDIO);
    server->set_health(v1::HEALTH_NOT_SERVING);
    server->set_last_error("exited with 1");
    return grpc::Status::OK;
  };
  Client client(bridge.address());
  const auto servers = client.ListServers();
  ASSERT_TRUE(servers.ok()) << servers.error().message;
  ASSERT_EQ(servers->size(), 1u);
  EXPECT_EQ(servers->at(0).name, "demo");
  EXPECT_EQ(servers->at(0).transport, Transport::kStdio);
  EXPECT_EQ(servers->at(0).health, Health::kNotServing);
  EXPECT_EQ(servers->at(0).last_error, "exited with 1");
}

TEST(Client, SaysUnavailableWhereNobodyListens) {
  std::string address;
  {
    FakeBridge bridge;
    address = bridge.address();
  }
  Client client(address);
  const auto result = client.CallTool({.tool = "t"});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, StatusCode::kUnavailable);
  EXPECT_EQ(result.error().reason, "");
}

TEST(PendingCall, GivesTheResult) {
  FakeBridge bridge;
  bridge.on_call = [](auto&, const auto& request, auto& response) {
    response.add_content()->mutable_text()->set_text(request.name());
    return grpc::Status::OK;
  };
  Client client(bridge.address());
  std::vector<PendingCall> calls;
  for (int i = 0; i < 20; ++i) {
    calls.push_back(client.StartCallTool({.tool = "tool" + std::to_string(i)}));
  }
  for (int i = 0; i < 20; ++i) {
    const auto& result = calls[static_cast<std::size_t>(i)].Wait();
    ASSERT_TRUE(result.ok()) << result.error().message;
    EXPECT_EQ(std::get<TextContent>(result->content.at(0).block).text, "tool" + std::to_string(i));
  }
}

TEST(PendingCall, CancelReachesTheBridge) {
  FakeBridge bridge;
  const auto hang = HangIn(bridge);
  Client client(bridge.address());
  auto call = client.StartCallTool({.tool = "t"});
  hang->arrived.get_future().wait();
  EXPECT_EQ(call.WaitFor(0ms), nullptr);
  call.Cancel();
  ASSERT_FALSE(call.Wait().ok());
  EXPECT_EQ(call.Wait().error().code, StatusCode::kCancelled);
  hang->cancelled.get_future().wait();
}

TEST(PendingCall, DestroyingItCancelsThatCallOnly) {
  FakeBridge bridge;
  const auto hang = std::make_shared<Hang>();
  const auto go = std::make_shared<std::promise<void>>();
  bridge.on_call = [=](grpc::ServerContext& context, const auto& request, auto&) {
    if (request.name() == "hang") return (*hang)(context);
    go->get_future().wait();
    return grpc::Status::OK;
  };
  Client client(bridge.address());
  auto other = client.StartCallTool({.tool = "other"});
  {
    auto call = client.StartCallTool({.tool = "hang"});
    hang->arrived.get_future().wait();
  }
  hang->cancelled.get_future().wait();
  go->set_value();
  EXPECT_TRUE(other.Wait().ok());
}

TEST(PendingCall, OutlivesItsClientWhichCancelsIt) {
  FakeBridge bridge;
  const auto hang = HangIn(bridge);
  auto client = std::make_unique<Client>(bridge.address());
  auto call = client->StartCallTool({.tool = "t"});
  hang->arrived.get_future().wait();
  client.reset();
  hang->cancelled.get_future().wait();
  ASSERT_FALSE(call.Wait().ok());
  EXPECT_EQ(call.Wait().error().code, StatusCode::kCancelled);
}

TEST(PendingCall, EndsAtItsDeadline) {
  FakeBridge bridge;
  const auto hang = HangIn(bridge);
  Client client(bridge.address());
  const auto start = steady_clock::now();
  auto call = client.StartCallTool({.tool = "t"}, {.timeout = 150ms});
  ASSERT_FALSE(call.Wait().ok());
  EXPECT_EQ(call.Wait().error().code, StatusCode::kDeadlineExceeded);
  EXPECT_LT(steady_clock::now() - start, 2s);
  hang->cancelled.get_future().wait();
}

TEST(Client, TellsWhatComesInTheCourseOfACallAndThenItsResult) {
  FakeBridge bridge;
  v1::CallToolStreamRequest seen;
  bridge.on_stream = [&](auto&, const auto& request, auto& writer) {
    seen = request;
    v1::CallToolStreamResponse event;
    event.mutable_progress()->set_progress(1);
    event.mutable_progress()->set_total(4);
    event.mutable_progress()->set_message("m");
    writer.Write(event);
    event.mutable_log_message()->set_level("info");
    event.mutable_log_message()->mutable_data()->set_string_value("x");
    event.set_dropped(3);
    writer.Write(event);
    event.mutable_notification()->set_method("notifications/else");
    event.set_dropped(0);
    writer.Write(event);
    event.mutable_result()->set_is_error(true);
    writer.Write(event);
    return grpc::Status::OK;
  };
  Client client(bridge.address());
  std::vector<std::string> story;
  const auto result = client.CallToolStream(
      {.tool = "t"},
      {.on_progress =
           [&](const Progress& p) { story.push_back(p.message + std::to_string(*p.total)); },
       .on_log = [&](const LogMessage& m) { story.push_back(m.level + m.data_json); },
       .on_dropped = [&](int n) { story.push_back("dropped " + std::to_string(n)); },
       .log_level = "info"});
  ASSERT_TRUE(result.ok()) << result.error().message;
  EXPECT_TRUE(result->is_error);
  EXPECT_EQ(story, (std::vector<std::string>{"m4.000000", "dropped 3", "info\"x\""}));
  EXPECT_EQ(seen.call().name(), "t");
  EXPECT_EQ(seen.log_level(), "info");
}

TEST(Client, AStreamWithoutAResultOrThatFailsIsAnError) {
  FakeBridge silent;
  EXPECT_EQ(Client(silent.address()).CallToolStream({.tool = "t"}, {}).error().code,
            StatusCode::kInternal);
  FakeBridge bridge;
  Client client(bridge.address());
  bridge.on_stream = [](auto&, const auto&, auto& writer) {
    v1::CallToolStreamResponse event;
    event.mutable_result();
    writer.Write(event);
    return grpc::Status(grpc::StatusCode::NOT_FOUND, "no");
  };
  EXPECT_EQ(client.CallToolStream({.tool = "t"}, {}).error().code, StatusCode::kNotFound);
  EXPECT_EQ(client.CallToolStream({.tool = "t", .meta_json = "7"}, {}).error().code,
            StatusCode::kInvalidArgument);
}

TEST(Client, AStreamIsCancelledFromWithinItsEvents) {
  FakeBridge bridge;
  bridge.on_stream = [](auto& context, const auto&, auto& writer) {
    v1::CallToolStreamResponse event;
    event.mutable_progress();
    writer.Write(event);
    while (!context.IsCancelled()) std::this_thread::yield();
    return grpc::Status::CANCELLED;
  };
  Client client(bridge.address());
  std::promise<PendingCall*> call;
  auto pending = client.StartCallToolStream(
      {.tool = "t"}, {.on_progress = [future = call.get_future().share()](const Progress&) {
        future.get()->Cancel();
      }});
  call.set_value(&pending);
  EXPECT_EQ(pending.Wait().error().code, StatusCode::kCancelled);
}

}  // namespace
}  // namespace mcpbridge::client

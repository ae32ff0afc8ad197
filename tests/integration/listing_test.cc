#include "server/service/listing.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>

#include "server/service/list_page.h"
#include "tests/fakes/fake_mcp_server.h"
#include "tests/integration/bridge_fixture.h"

namespace mcpbridge {
namespace {

using test::Bridge;
using test::ConfigWith;
using test::kPatience;

// The result that a list would have over HTTP, or the reason why there is none.
std::string ListOver(Bridge& bridge, ListKind kind, const std::string& server = "") {
  // Shared: the lane may still be within set_value() when the test goes on.
  const auto result = std::make_shared<std::promise<std::string>>();
  Lane& lane = bridge.app().service().PickLane("", "");
  lane.Post([&, result] {
    const Config& config = bridge.app().service().config();
    const Scope scope = server.empty() ? Scope() : Scope(IndexOf(config, server).value());
    bridge.app().service().lister().List(
        kind, lane, scope, Deadline::After(kPatience), [kind, result](Result<Listing> listing) {
          result->set_value(listing ? ResultOf(*listing, TakePage(*listing, {}))
                                    : std::string(InfoOf(listing.error().reason).name));
        });
  });
  return result->get_future().get();
}

TEST(ListingTest, TheListsOfAllServersTogether) {
  FakeMcpServer files({.resources = R"([{"uri":"f:2","size":9007199254740993},{"uri":"f:1"}])",
                       .templates = R"([{"name":"any","uriTemplate":"f:{n}"}])",
                       .prompts = R"([{"name":"ask","arguments":[]}])"});
  FakeMcpServer notes({.prompts = R"([{"name":"ask"}])"});
  Bridge bridge(ConfigWith({{"files", files.url()}, {"notes", notes.url()}}));
  ASSERT_TRUE(bridge.WaitForTools("files"));
  ASSERT_TRUE(bridge.WaitForTools("notes"));
  EXPECT_EQ(ListOver(bridge, ListKind::kResources),
            R"({"resources":[{"uri":"f:1"},{"uri":"f:2","size":9007199254740993}]})");
  EXPECT_EQ(ListOver(bridge, ListKind::kTemplates),
            R"({"resourceTemplates":[{"name":"any","uriTemplate":"f:{n}"}]})");
  EXPECT_EQ(ListOver(bridge, ListKind::kPrompts),
            R"({"prompts":[{"name":"files-ask","arguments":[]},{"name":"notes-ask"}]})");
  EXPECT_EQ(ListOver(bridge, ListKind::kPrompts, "notes"), R"({"prompts":[{"name":"ask"}]})");
  EXPECT_EQ(ListOver(bridge, ListKind::kResources, "notes"), R"({"resources":[]})");
  const UpstreamStatus status = bridge.app().status().Of("files");
  EXPECT_EQ(status.capabilities, R"({"tools":{},"resources":{},"prompts":{}})");
  EXPECT_EQ(notes.Snapshot().Count("resources/list"), 0u) << "it declared none";
}

TEST(ListingTest, AServerThatFailsAtOneListIsNamedThere) {
  FakeMcpServer good({.prompts = R"([{"name":"p"}])"});
  FakeMcpServer bad({.prompts = R"([{"name":7}])"});
  Bridge bridge(ConfigWith({{"bad", bad.url()}, {"good", good.url()}}));
  ASSERT_TRUE(bridge.WaitForTools("bad"));
  ASSERT_TRUE(bridge.WaitForTools("good"));
  const std::string prompts = ListOver(bridge, ListKind::kPrompts);
  EXPECT_NE(prompts.find(R"({"prompts":[{"name":"good-p"}],"_meta":{"mcp-bridge/unavailable":)"
                         R"([{"server":"bad","error":")"),
            std::string::npos)
      << prompts;
  EXPECT_EQ(ListOver(bridge, ListKind::kPrompts, "bad"), "UPSTREAM_PROTOCOL");
  EXPECT_NE(ListOver(bridge, ListKind::kTools).find("bad-echo"), std::string::npos);
}

// Each kind of notification, on the stream of a call, has the lists asked for again.
TEST(ListingTest, AChangeOfAnyListIsNoticed) {
  FakeMcpServer server({.resources = "[]", .prompts = "[]"});
  Bridge bridge(ConfigWith({{"s", server.url()}}));
  ASSERT_TRUE(bridge.WaitForTools("s"));
  for (const std::string kind : {"resources", "prompts", "tools"}) {
    const std::size_t before = server.Snapshot().Count(kind + "/list");
    server.OnTool("echo", {.form = FakeAnswer::Form::kSse,
                           .before = {R"({"jsonrpc":"2.0","method":"notifications/)" + kind +
                                      R"(/list_changed"})"}});
    grpc::ClientContext context;
    v1::CallToolRequest request;
    request.set_name("echo");
    v1::CallToolResponse response;
    ASSERT_TRUE(bridge.Stub()->CallTool(&context, request, &response).ok());
    EXPECT_TRUE(server.WaitFor([&](const FakeMcpServer::Record& record) {
      return record.Count(kind + "/list") > before;
    })) << kind;
  }
}

}  // namespace
}  // namespace mcpbridge

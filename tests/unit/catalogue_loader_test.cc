#include "server/upstream/catalogue_loader.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "server/runtime/executor.h"

namespace mcpbridge {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

// Keeps every request until the test answers it.
class FakeUpstream final : public Upstream {
 public:
  using Upstream::Upstream;

  struct Request {
    std::string method;
    std::string params;
    ReplyHandler* handler;  // null: its exchange is gone
  };

  Lane* home() override { return nullptr; }
  void Start() override {}
  void Notify(std::string) override {}
  void Stop(std::string, std::function<void()> done) override { done(); }
  Result<std::unique_ptr<Exchange>> Send(Lane&, UpstreamRequest request,
                                         ReplyHandler& handler) override {
    if (down) return Error{.reason = Reason::kUpstreamUnavailable, .message = "down"};
    requests.push_back({request.method, request.params, &handler});
    return std::unique_ptr<Exchange>(new FakeExchange(*this, requests.size() - 1));
  }

  // Answers the oldest request of `method` that waits; false: there is none.
  bool Answer(const std::string& method, const std::string& result) {
    jsonrpc::Message message;
    message.kind = jsonrpc::Kind::kResult;
    message.result = result;
    return Reply(method, message);
  }
  bool Refuse(const std::string& method, const std::string& error) {
    jsonrpc::Message message;
    message.kind = jsonrpc::Kind::kError;
    message.error = error;
    return Reply(method, message);
  }

  std::vector<std::string> Methods() const {
    std::vector<std::string> methods;
    for (const Request& request : requests) methods.push_back(request.method);
    return methods;
  }

  std::vector<Request> requests;
  bool down = false;

 private:
  struct FakeExchange final : Exchange {
    FakeExchange(FakeUpstream& its_owner, std::size_t its_index)
        : owner(its_owner), index(its_index) {}
    ~FakeExchange() override { owner.requests[index].handler = nullptr; }
    void Answer(std::string) override { FAIL() << "nothing was asked"; }
    FakeUpstream& owner;
    const std::size_t index;
  };

  bool Reply(const std::string& method, const jsonrpc::Message& message) {
    for (Request& request : requests) {
      if (request.handler == nullptr || request.method != method) continue;
      request.handler->OnReply(message);
      return true;
    }
    return false;
  }
};

// One server and one lane, which runs on the test's own thread.
class CatalogueLoaderTest : public testing::Test {
 protected:
  CatalogueLoaderTest()
      : config_(OneServer()),
        executor_({.lanes = 1}),
        lane_(executor_.lane(0)),
        router_(config_, executor_),
        status_({"s"}),
        upstream_(config_.servers[0]),
        loader_(0, upstream_, lane_, router_, status_) {}

  static Config OneServer() {
    Config config;
    config.servers.emplace_back().name = "s";
    return config;
  }

  void Declare(bool tools, bool resources, bool prompts) {
    status_.Update("s", [&](UpstreamStatus& status) {
      status.protocol_version = "2025-11-25";
      status.has_tools = tools;
      status.has_resources = resources;
      status.has_prompts = prompts;
    });
  }

  void Run() {
    lane_.io().restart();
    lane_.io().poll();
  }
  void Connect() {
    loader_.Invalidate();
    Run();
  }
  // What became of it is told to `outcomes_`: empty for success.
  void Refresh(ListKind kind, milliseconds max_age = hours(1),
               Deadline deadline = Deadline::Never()) {
    loader_.Refresh(kind, lane_, max_age, deadline, [this](const std::optional<Error>& error) {
      outcomes_.push_back(error ? error->message : "");
    });
    Run();
  }
  bool Answer(const std::string& method, const std::string& result) {
    const bool answered = upstream_.Answer(method, result);
    Run();
    return answered;
  }
  const RouteTable& Table() { return *router_.Current(lane_); }
  // The keys of a list; "?": not known.
  std::string Keys(ListKind kind) {
    const EntryList* list = Table().Known(0, kind);
    if (list == nullptr) return "?";
    std::string keys;
    for (const ListEntry& entry : list->entries) keys += entry.key + ' ';
    return keys;
  }

  const Config config_;
  Executor executor_;
  Lane& lane_;
  Router router_;
  StatusBoard status_;
  FakeUpstream upstream_;
  CatalogueLoader loader_;
  std::vector<std::string> outcomes_;
};

using Texts = std::vector<std::string>;

TEST_F(CatalogueLoaderTest, AsksForWhatIsDeclared) {
  Declare(true, true, true);
  Connect();
  EXPECT_EQ(upstream_.Methods(),
            (Texts{"tools/list", "resources/list", "resources/templates/list", "prompts/list"}));
  EXPECT_EQ(Keys(ListKind::kTools), "?");
  EXPECT_TRUE(Answer("prompts/list", R"({"prompts":[{"name":"p"}]})"));
  EXPECT_TRUE(
      Answer("resources/templates/list", R"({"resourceTemplates":[{"uriTemplate":"t:{x}"}]})"));
  EXPECT_TRUE(Answer("tools/list", R"({"tools":[{"name":"t"}]})"));
  EXPECT_EQ(Keys(ListKind::kTools), "t ");
  EXPECT_EQ(Keys(ListKind::kResources), "?");
  EXPECT_EQ(Keys(ListKind::kTemplates), "t:{x} ");
  EXPECT_EQ(Keys(ListKind::kPrompts), "p ");
}

TEST_F(CatalogueLoaderTest, WhatIsNotDeclaredIsEmptyWithoutAsking) {
  Declare(true, false, false);
  Connect();
  EXPECT_EQ(upstream_.Methods(), (Texts{"tools/list"}));
  for (const ListKind kind : {ListKind::kResources, ListKind::kTemplates, ListKind::kPrompts}) {
    EXPECT_EQ(Keys(kind), "");
    Refresh(kind, milliseconds(0));
  }
  EXPECT_EQ(outcomes_, (Texts{"", "", ""}));
  EXPECT_EQ(upstream_.requests.size(), 1u);
}

TEST_F(CatalogueLoaderTest, AServerThatHasNotConnectedYetIsAsked) {
  Refresh(ListKind::kPrompts);
  EXPECT_EQ(upstream_.Methods(), (Texts{"prompts/list"}));
  EXPECT_TRUE(upstream_.Refuse("prompts/list", R"({"code":-32601,"message":"no"})"));
  Run();
  EXPECT_EQ(outcomes_, (Texts{""}));
  EXPECT_EQ(Keys(ListKind::kPrompts), "");
}

TEST_F(CatalogueLoaderTest, EveryListHasItsPages) {
  Declare(false, true, false);
  Connect();
  EXPECT_TRUE(Answer("resources/list", R"({"resources":[{"uri":"x:2"}],"nextCursor":"c\n"})"));
  EXPECT_EQ(upstream_.requests.back().params, R"({"cursor":"c\n"})");
  EXPECT_EQ(upstream_.requests.back().method, "resources/list");
  EXPECT_EQ(Keys(ListKind::kResources), "?") << "not before its last page";
  EXPECT_TRUE(Answer("resources/list", R"({"resources":[{"uri":"x:1"}]})"));
  EXPECT_EQ(Keys(ListKind::kResources), "x:1 x:2 ");
}

TEST_F(CatalogueLoaderTest, AFailureIsOneListsOwn) {
  Declare(true, false, true);
  Connect();
  EXPECT_TRUE(Answer("tools/list", R"({"tools":[{"name":"t"}]})"));
  EXPECT_TRUE(Answer("prompts/list", R"({"prompts":7})"));
  EXPECT_EQ(Keys(ListKind::kTools), "t ");
  EXPECT_EQ(Keys(ListKind::kPrompts), "?");
  const auto failure = [&](ListKind kind) { return Table().catalogue(0)->lists[kind].failure; };
  EXPECT_FALSE(failure(ListKind::kTools));
  ASSERT_TRUE(failure(ListKind::kPrompts));
  EXPECT_EQ(failure(ListKind::kPrompts)->reason, Reason::kUpstreamProtocol);
  Refresh(ListKind::kPrompts);
  EXPECT_TRUE(Answer("prompts/list", R"({"prompts":[{"name":"p"}]})"));
  EXPECT_FALSE(failure(ListKind::kPrompts));
  EXPECT_EQ(Keys(ListKind::kPrompts), "p ");
  // What was known stays known.
  Refresh(ListKind::kTools, milliseconds(0));
  EXPECT_TRUE(upstream_.Refuse("tools/list", R"({"code":-32000,"message":"not now"})"));
  Run();
  EXPECT_EQ(outcomes_.size(), 2u);
  EXPECT_NE(outcomes_.back(), "");
  EXPECT_EQ(Keys(ListKind::kTools), "t ");
  EXPECT_TRUE(failure(ListKind::kTools));
}

TEST_F(CatalogueLoaderTest, OneRequestForAllWhoAsk) {
  Declare(true, true, false);
  Refresh(ListKind::kTools);
  Refresh(ListKind::kTools);
  Refresh(ListKind::kTools, hours(1), Deadline::After(-milliseconds(1)));
  EXPECT_EQ(outcomes_.size(), 1u) << "its own deadline";
  Refresh(ListKind::kResources);
  EXPECT_EQ(upstream_.Methods(), (Texts{"tools/list", "resources/list"}));
  EXPECT_TRUE(Answer("tools/list", R"({"tools":[]})"));
  EXPECT_EQ(outcomes_.size(), 3u) << "not the one that waits for resources";
  Refresh(ListKind::kTools);
  EXPECT_EQ(outcomes_.size(), 4u);
  EXPECT_EQ(upstream_.requests.size(), 2u) << "young enough";
  Refresh(ListKind::kTools, milliseconds(0));
  EXPECT_EQ(upstream_.requests.size(), 3u);
}

TEST_F(CatalogueLoaderTest, AChangeDuringALoadLoadsAgain) {
  Declare(true, false, false);
  Connect();
  Connect();
  EXPECT_EQ(upstream_.requests.size(), 1u);
  EXPECT_TRUE(Answer("tools/list", R"({"tools":[{"name":"old"}]})"));
  ASSERT_EQ(upstream_.requests.size(), 2u);
  EXPECT_TRUE(Answer("tools/list", R"({"tools":[{"name":"new"}]})"));
  EXPECT_EQ(Keys(ListKind::kTools), "new ");
  EXPECT_EQ(upstream_.requests.size(), 2u);
}

TEST_F(CatalogueLoaderTest, AnUnchangedListIsNotPublishedAgain) {
  Declare(true, false, false);
  Connect();
  EXPECT_TRUE(Answer("tools/list", R"({"tools":[{"name":"t"}]})"));
  const std::shared_ptr<const RouteTable> before = router_.Current(lane_);
  Connect();
  EXPECT_TRUE(Answer("tools/list", R"({"tools":[{"name":"t"}]})"));
  EXPECT_EQ(router_.Current(lane_), before);
  upstream_.down = true;
  Refresh(ListKind::kTools, milliseconds(0));
  EXPECT_EQ(outcomes_, (Texts{"down"}));
  EXPECT_EQ(Table().Known(0, ListKind::kTools), before->Known(0, ListKind::kTools));
}

TEST_F(CatalogueLoaderTest, StoppingEndsWhatIsUnderWay) {
  Declare(true, true, true);
  Refresh(ListKind::kTools);
  loader_.Stop();
  Run();
  EXPECT_EQ(outcomes_.size(), 1u);
  EXPECT_EQ(upstream_.requests[0].handler, nullptr);
  Connect();
  EXPECT_EQ(upstream_.requests.size(), 1u);
}

}  // namespace
}  // namespace mcpbridge

// ResourceService.WatchResources: subscriptions of callers over gRPC.

#include <grpcpp/client_context.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "mcpbridge/v1/resource_service.grpc.pb.h"
#include "tests/integration/subscription_fixture.h"

namespace mcpbridge::test {
namespace {

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

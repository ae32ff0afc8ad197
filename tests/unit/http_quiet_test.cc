// What callers get on whose connection nothing has been said for a while.

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <memory>
#include <string>
#include <utility>

#include "server/frontend/http/http_connection.h"
#include "server/frontend/http/http_message_call.h"
#include "server/runtime/executor.h"

namespace mcpbridge {
namespace {

using namespace std::chrono_literals;

// A call that is answered at no time.
class EndlessCall final : public McpCall {
 public:
  bool can_be_cancelled() const override { return true; }
};

// Takes every request for such a call; `events`: its caller takes event streams.
class EndlessHandler final : public HttpHandler {
 public:
  std::unique_ptr<HttpCall> Handle(Lane&, Request&, HttpResponder& responder) override {
    auto call =
        std::make_unique<HttpMessageCall>(responder, "1", HttpReply::Caller{.events = events});
    call->Begin(std::make_unique<EndlessCall>(), cancels_, nullptr);
    return call;
  }
  void OnCallerGone(Lane&, std::unique_ptr<HttpCall>) override {}
  std::string HeadersOf(const Request&) const override { return "X-Test: yes\r\n"; }

  bool events = true;

 private:
  CancelRegistry cancels_;
};

class QuietConnectionTest : public testing::Test {
 protected:
  QuietConnectionTest() {
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_), 0);
    executor_.Start();
  }
  ~QuietConnectionTest() override {
    close(ends_[0]);
    if (!begun_) close(ends_[1]);
    EXPECT_TRUE(!begun_ || gone_.get_future().wait_for(30s) == std::future_status::ready);
    executor_.StopLanes();
  }

  // A connection with one request on it.
  void Begin() {
    begun_ = true;
    executor_.lane(0).Post([this] {
      Lane& lane = executor_.lane(0);
      HttpServerConnection::Socket socket(lane.io().get_executor());
      socket.assign(boost::asio::generic::stream_protocol(AF_UNIX, 0), ends_[1]);
      HttpHandler& handler = handler_;
      std::shared_ptr<void> slot(nullptr, [this](void*) { gone_.set_value(); });
      std::make_shared<HttpServerConnection>(lane, std::move(socket), connections_, handler,
                                             limits_, std::move(slot))
          ->Start();
    });
    const std::string request = "POST /mcp HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
    ASSERT_EQ(write(ends_[0], request.data(), request.size()), ssize_t(request.size()));
  }

  // What has come when `part` has come so many times; less: it didn't within 30 s.
  std::string ReadUntil(const std::string& part, int times, int timeout_ms = 30'000) {
    std::string text;
    pollfd ready{.fd = ends_[0], .events = POLLIN, .revents = 0};
    while (times > 0 && poll(&ready, 1, timeout_ms) == 1) {
      char bytes[4096];
      const ssize_t size = read(ends_[0], bytes, sizeof bytes);
      if (size <= 0) break;
      text.append(bytes, static_cast<std::size_t>(size));
      int found = 0;
      for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
        ++found;
      if (found >= times) break;
    }
    return text;
  }

  Executor executor_{{.lanes = 1}};
  EndlessHandler handler_;
  BridgeConfig::Limits limits_;
  HttpConnections connections_{.all = {}, .draining = false, .quiet_time = 20ms};
  std::promise<void> gone_;
  int ends_[2] = {-1, -1};
  bool begun_ = false;
};

TEST_F(QuietConnectionTest, AnAnswerThatIsLongInComingBeginsAnEventStreamWithComments) {
  Begin();
  const std::string text = ReadUntil(": keep-alive\n\n", 3);
  EXPECT_TRUE(text.starts_with("HTTP/1.1 200 OK\r\n")) << text;
  for (const char* header :
       {"Content-Type: text/event-stream\r\n", "Cache-Control: no-cache, no-transform\r\n",
        "X-Accel-Buffering: no\r\n", "X-Test: yes\r\n"}) {
    EXPECT_NE(text.find(header), std::string::npos) << header << text;
  }
  const std::size_t body = text.find("\r\n\r\n") + 4;
  EXPECT_EQ(text.substr(body, 38), "e\r\n: keep-alive\n\n\r\ne\r\n: keep-alive\n\n\r\n") << text;
}

TEST_F(QuietConnectionTest, WhoTakesNoEventsGetsNone) {
  handler_.events = false;
  Begin();
  EXPECT_EQ(ReadUntil("HTTP", 1, 200), "");
}

TEST_F(QuietConnectionTest, NothingIsQuietForLongerThanProxiesBear) {
  EXPECT_EQ(HttpConnections().quiet_time, 15s);
}

}  // namespace
}  // namespace mcpbridge

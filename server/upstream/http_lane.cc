#include "server/upstream/http_lane.h"

#include <algorithm>
#include <utility>

#include "server/upstream/http_message.h"

namespace mcpbridge {
namespace {

// From sending a message that nobody waits for to giving it up.
constexpr std::chrono::seconds kOneWayTime{5};

}  // namespace

// A message of which only the response's status matters, if that. Owned by its HttpLane.
class HttpLane::OneWay final : private HttpResponseHandler, private DeadlineEntry {
 public:
  OneWay(HttpLane& owner, std::function<void(unsigned)> done)
      : owner_(owner), done_(std::move(done)) {}
  ~OneWay() {
    if (connection_ != nullptr) connection_->Abort();
  }

  void Send(std::string message) {
    auto connection = owner_.pool_.Acquire();
    if (!connection) {
      owner_.lane_.Post([this] { End(0); });
      return;
    }
    connection_ = *std::move(connection);
    owner_.lane_.deadlines().Arm(*this, Deadline::After(kOneWayTime));
    connection_->Send(std::move(message), *this);
  }

 private:
  void OnHead(const Head& head) override { status_ = head.result_int(); }
  void OnBody(std::string_view) override {}
  void OnEnd() override {
    connection_.reset();
    End(status_);
  }
  void OnFailure(Error, bool) override {
    connection_.reset();
    End(0);
  }
  void OnDeadline() override { End(0); }

  void End(unsigned status) {
    const auto done = std::move(done_);
    HttpLane& owner = owner_;
    owner.one_way_.remove_if([this](const auto& other) { return other.get() == this; });
    if (done) done(status);
    if (!owner.one_way_.empty()) return;
    for (const auto& quiet : std::exchange(owner.when_quiet_, {})) quiet();
  }

  HttpLane& owner_;
  std::function<void(unsigned)> done_;
  std::shared_ptr<HttpConnection> connection_;
  unsigned status_ = 0;
};

HttpLane::HttpLane(Lane& lane, const ServerConfig& config, HttpPool& pool,
                   HttpSessionEvents& events, bool one_client)
    : lane_(lane), config_(config), events_(events), pool_(pool), one_client_(one_client) {}

HttpLane::~HttpLane() = default;

Result<std::unique_ptr<Exchange>> HttpLane::Send(UpstreamRequest request, ReplyHandler& handler) {
  if (session_ == nullptr && down_) {
    Error error = *down_;
    error.retry_after = std::chrono::ceil<std::chrono::milliseconds>(retry_at_.remaining());
    return error;
  }
  auto exchange = std::make_unique<HttpExchange>(*this, std::move(request), handler);
  if (session_ == nullptr) {
    Wait(*exchange, 0);
  } else if (auto error = exchange->Begin(session_)) {
    return *std::move(error);
  }
  return exchange;
}

void HttpLane::SetSession(std::shared_ptr<const HttpSession> session) {
  session_ = std::move(session);
  down_.reset();
  // Whoever is told of a failure may destroy its exchange, and others: the list is the truth.
  while (!waiting_.empty()) {
    HttpExchange& exchange = *waiting_.front();
    StopWaiting(exchange);
    if (auto error = exchange.Begin(session_)) exchange.FailWaiting(*std::move(error));
  }
}

void HttpLane::SetIdle() {
  SetConnecting();
  idle_ = true;
  // Whoever came in the meantime.
  if (!waiting_.empty() && std::exchange(idle_, false)) events_.SessionWanted();
}

void HttpLane::SetConnecting() {
  session_.reset();
  down_.reset();
  idle_ = false;
}

void HttpLane::SetDown(Error error, Deadline retry_at) {
  session_.reset();
  down_ = std::move(error);
  retry_at_ = retry_at;
  while (!waiting_.empty()) {
    HttpExchange& exchange = *waiting_.front();
    StopWaiting(exchange);
    exchange.FailWaiting(*down_);
  }
}

void HttpLane::Wait(HttpExchange& exchange, std::uint64_t lost) {
  exchange.waiting_ = true;
  waiting_.push_back(&exchange);
  if (session_ == nullptr) {
    if (std::exchange(idle_, false)) events_.SessionWanted();
    return;
  }
  if (session_->epoch == lost) {
    session_.reset();
    return;
  }
  // Another request has had the session made anew already.
  lane_.Post([this] {
    if (session_ != nullptr) SetSession(session_);
  });
}

void HttpLane::StopWaiting(HttpExchange& exchange) {
  exchange.waiting_ = false;
  waiting_.remove(&exchange);
}

void HttpLane::Post(const HttpSession& session, std::string body,
                    std::function<void(unsigned)> done) {
  SendOneWay(HttpMessage(session.post_head, {}, body), std::move(done));
}

void HttpLane::SendOneWay(std::string message, std::function<void(unsigned)> done) {
  one_way_.push_back(std::make_unique<OneWay>(*this, std::move(done)));
  one_way_.back()->Send(std::move(message));
}

void HttpLane::WhenQuiet(std::function<void()> done) {
  if (one_way_.empty()) return done();
  when_quiet_.push_back(std::move(done));
}

}  // namespace mcpbridge

#include "server/upstream/sse_post.h"

#include <utility>

#include "server/upstream/http_message.h"

namespace mcpbridge {
namespace {

constexpr std::chrono::seconds kLimit{5};

}  // namespace

SsePost::SsePost(Lane& lane, const std::string& name, std::int64_t id,
                 std::shared_ptr<HttpConnection> connection, Owner& owner)
    : lane_(lane), name_(name), id_(id), connection_(std::move(connection)), owner_(owner) {}

SsePost::~SsePost() {
  if (connection_ != nullptr) connection_->Abort();
}

void SsePost::Send(std::string message, std::size_t body_bytes) {
  body_bytes_ = body_bytes;
  connection_->Send(std::move(message), *this);
}

void SsePost::SetLimit() {
  if (!armed()) lane_.deadlines().Arm(*this, Deadline::After(kLimit));
}

void SsePost::OnHead(const Head& head) {
  if (head.result_int() / 100 == 2) return;
  outcome_.refused = StatusError(name_, head.result_int(),
                                 ParseRetryAfter(head[boost::beast::http::field::retry_after]));
}

void SsePost::OnEnd() {
  connection_.reset();
  owner_.OnPosted(id_, std::move(outcome_));
}

void SsePost::OnFailure(Error error, bool sent) {
  connection_.reset();
  // What counts is the status, if it came.
  if (!outcome_.refused) outcome_ = {.lost = std::move(error), .sent = sent};
  owner_.OnPosted(id_, std::move(outcome_));
}

void SsePost::OnDeadline() {
  const bool sent = std::exchange(connection_, nullptr)->Abort();
  owner_.OnPosted(id_, {.lost = Error{.reason = Reason::kUpstreamLost,
                                      .message = "the server did not answer a POST within 5 s"},
                        .sent = sent});
}

}  // namespace mcpbridge

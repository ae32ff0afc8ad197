#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/mcp/input_required.h"
#include "server/upstream/upstream.h"

namespace mcpbridge {

// A request of the legacy era at a server of the modern one. Where the server wants more input it
// is asked for by requests to the caller, and the request is sent again with the answers: a round.
// The deadline is one for all rounds. Lane-only.
class TranslatedExchange final : public Exchange, private ReplyHandler {
 public:
  // `request` has its `_meta` and mirrored headers already; its token_span is not looked at.
  TranslatedExchange(Upstream& modern, Lane& lane, UpstreamRequest request, ReplyHandler& handler);
  ~TranslatedExchange() override;

  // Sends it. An error: nothing was sent, the handler isn't called.
  std::optional<Error> Begin() { return SendRound(); }

  void Answer(std::string response) override;

 private:
  struct Alive {
    TranslatedExchange* exchange;
  };

  std::optional<Error> SendRound();
  void OnConnected(Deadline::Clock::time_point at) override { handler_.OnConnected(at); }
  void OnNotification(jsonrpc::Message& message) override;
  void OnReply(Result<jsonrpc::Message> message) override;
  void Ask(InputRequired required);
  bool AskOne(const InputRequest& question);
  void DeliverResult(std::string_view modern_result);
  void DeliverLater(Error error);

  Upstream& modern_;
  Lane& lane_;
  UpstreamRequest request_;
  ReplyHandler& handler_;
  std::unique_ptr<Exchange> inner_;
  int rounds_ = 0;  // asked for by the server
  std::int64_t last_question_ = 0;
  // By the raw id we gave it: the question's key and method.
  std::map<std::string, InputRequest, std::less<>> unanswered_;
  std::vector<std::pair<std::string, std::string>> answers_;  // raw results by key
  std::string state_;                                         // raw; see InputRequired
  const std::shared_ptr<Alive> alive_ = std::make_shared<Alive>(Alive{this});
};

}  // namespace mcpbridge

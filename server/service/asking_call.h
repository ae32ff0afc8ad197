#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/deadline.h"
#include "server/base/error.h"
#include "server/mcp/initialize.h"
#include "server/mcp/input_required.h"
#include "server/runtime/deadline_queue.h"
#include "server/runtime/lane.h"
#include "server/upstream/upstream.h"

namespace mcpbridge {

class ParkedCalls;

// A call of a modern caller at a legacy server that may ask it something: the part that lasts while
// the caller's requests come and go. A question ends the caller's request with a result that says
// what is needed; the call is then parked, its request at the server still open, until the request
// comes again with the answers, on any lane. Held by the RoutedCall of the request under way, or,
// parked, by ParkedCalls. Lives on `home` but for what says otherwise; is to be let go there.
class AskingCall final : public std::enable_shared_from_this<AskingCall>,
                         private ReplyHandler,
                         private DeadlineEntry {
 public:
  // The request that waits. `handler` belongs to `lane`: null, it is told nothing more.
  struct Caller {
    Lane& lane;
    ReplyHandler* handler;
  };

  struct Options {
    std::string about;                  // what the request is: see RequestStates
    ClientProfile profile;              // what the caller can be asked
    Deadline deadline;                  // of the whole call, over all its requests
    std::shared_ptr<Upstream> session;  // kept while the call lasts
    // How long it waits for its caller, parked: a person may have to be asked. Its deadline may
    // come first.
    std::chrono::milliseconds parked_time = std::chrono::minutes(5);
  };

  AskingCall(ParkedCalls& parked, Lane& home, Options options);
  ~AskingCall() override;

  Lane& home() { return home_; }
  const std::string& about() const { return options_.about; }

  // Sends it. An error: nothing was sent, and `caller` is told nothing.
  std::optional<Error> Start(UpstreamRequest request, std::shared_ptr<Caller> caller);

  // The request has come again. Those questions that it doesn't answer are asked once more.
  void Resume(const InputResponses& responses, std::shared_ptr<Caller> caller);

  // The caller of the request under way has left: ends the call. Another one's doesn't matter.
  void Leave(const std::shared_ptr<Caller>& caller);

  // Ends it, without a word to anybody but the server.
  void Cancel();

 private:
  struct Question {
    InputRequest request;
    std::string server_id;  // raw
  };

  void OnReply(Result<jsonrpc::Message> message) override;
  void OnNotification(jsonrpc::Message& message) override;
  bool OnRequest(jsonrpc::Message& message) override;
  void OnDeadline() override;
  void AskCaller();
  void Arm(Deadline deadline);
  void End(Result<std::string> reply);

  ParkedCalls& parked_;
  Lane& home_;
  const Options options_;
  std::unique_ptr<Exchange> exchange_;
  std::shared_ptr<Caller> caller_;  // null: parked
  std::string handle_;              // under which it is, or was, parked
  int last_key_ = 0;
  std::vector<Question> unanswered_;
  std::optional<Result<std::string>> reply_;  // came while parked; a whole message
};

}  // namespace mcpbridge

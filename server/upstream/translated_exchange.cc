#include "server/upstream/translated_exchange.h"

#include "server/mcp/call_params.h"

namespace mcpbridge {
namespace {

// The TypeScript SDK's number too: a server that still isn't content never will be.
constexpr int kMaxRounds = 8;

// Messages of one lane never nest: each is done with when the next is parsed.
jsonrpc::Parser& LaneParser() {
  static thread_local jsonrpc::Parser parser;
  return parser;
}

// The capabilities that a question of this method needs, raw.
std::string CapabilityFor(std::string_view method) {
  if (method == "roots/list") return R"({"roots":{}})";
  return method == "sampling/createMessage" ? R"({"sampling":{}})" : R"({"elicitation":{}})";
}

}  // namespace

TranslatedExchange::TranslatedExchange(Upstream& modern, Lane& lane, UpstreamRequest request,
                                       ReplyHandler& handler)
    : modern_(modern), lane_(lane), request_(std::move(request)), handler_(handler) {}

TranslatedExchange::~TranslatedExchange() { alive_->exchange = nullptr; }

std::optional<Error> TranslatedExchange::SendRound() {
  UpstreamRequest round = request_;
  if (rounds_ > 0) {
    Result<std::string> params = WithInputResponses(round.params, answers_, state_);
    if (!params) return std::move(params).error();
    round.params = *std::move(params);
  }
  round.token_span = ProgressTokenSpan(round.params);
  ReplyHandler& self = *this;
  auto sent = modern_.Send(lane_, std::move(round), self);
  if (!sent) return AsUnavailable(std::move(sent).error());
  inner_ = *std::move(sent);
  return std::nullopt;
}

void TranslatedExchange::OnNotification(jsonrpc::Message& message) {
  handler_.OnNotification(message);
}

void TranslatedExchange::OnReply(Result<jsonrpc::Message> message) {
  if (!message) return handler_.OnReply(AsUnavailable(std::move(message).error()));
  if (message->kind == jsonrpc::Kind::kError) return handler_.OnReply(std::move(message));
  Result<std::optional<InputRequired>> required = ReadInputRequired(message->result);
  if (!required) return handler_.OnReply(std::move(required).error());
  if (!*required) return DeliverResult(message->result);
  inner_.reset();
  Ask(**std::move(required));
}

void TranslatedExchange::DeliverResult(std::string_view modern_result) {
  const Result<std::string> result = LegacyResult(modern_result);
  if (!result) return handler_.OnReply(result.error());
  jsonrpc::Text text(jsonrpc::ResultMessage("0", *result));
  jsonrpc::Parser& parser = LaneParser();
  handler_.OnReply(jsonrpc::Parse(parser, text));  // this may be gone now
  parser.Trim();
}

void TranslatedExchange::Ask(InputRequired required) {
  if (++rounds_ > kMaxRounds) {
    return handler_.OnReply(Error{.reason = Reason::kUpstreamProtocol,
                                  .message = "the server asked for more input " +
                                             std::to_string(rounds_) + " times, without an answer",
                                  .metadata = {{"server", modern_.config().name}}});
  }
  state_ = std::move(required.state);
  answers_.clear();
  unanswered_.clear();
  for (const InputRequest& question : required.requests) {
    if (AskOne(question)) continue;
    return handler_.OnReply(
        Error{.reason = Reason::kMissingClientCapability,
              .message = "the server asks its caller by " + question.method +
                         ", which this caller can't be asked",
              .metadata = {{"server", modern_.config().name}},
              .raw_data = {{"requiredCapabilities", CapabilityFor(question.method)}}});
  }
  if (!unanswered_.empty()) return;
  if (auto error = SendRound()) handler_.OnReply(*std::move(error));
}

// False: the caller can't be asked.
bool TranslatedExchange::AskOne(const InputRequest& question) {
  const std::string id = std::to_string(++last_question_);
  jsonrpc::Text text(jsonrpc::RequestMessage(id, question.method, question.params));
  Result<jsonrpc::Message> message = jsonrpc::Parse(LaneParser(), text);
  if (!message || !handler_.OnRequest(*message)) return false;
  unanswered_.emplace(id, question);
  return true;
}

void TranslatedExchange::Answer(std::string response) {
  jsonrpc::Text text(std::move(response));
  const Result<jsonrpc::Message> message = jsonrpc::Parse(LaneParser(), text);
  if (!message) return;
  const auto found = unanswered_.find(message->id);
  if (found == unanswered_.end()) return;
  const InputRequest question = std::move(unanswered_.extract(found).mapped());
  if (message->kind == jsonrpc::Kind::kResult) {
    answers_.emplace_back(question.key, message->result);
  } else if (question.method == "elicitation/create") {
    answers_.emplace_back(question.key, R"({"action":"cancel"})");
  } else {
    unanswered_.clear();
    return DeliverLater(
        Error{.reason = Reason::kCancelled,
              .message = "the caller answered the server's " + question.method +
                         " with an error: " + jsonrpc::UpstreamErrorOf(message->error).message});
  }
  if (!unanswered_.empty()) return;
  if (auto error = SendRound()) DeliverLater(*std::move(error));
}

// Whoever answers is not prepared for the call's end.
void TranslatedExchange::DeliverLater(Error error) {
  lane_.Post([alive = alive_, error = std::move(error)] {
    if (alive->exchange != nullptr) alive->exchange->handler_.OnReply(error);
  });
}

}  // namespace mcpbridge

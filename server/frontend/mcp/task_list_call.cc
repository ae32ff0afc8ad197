#include "server/frontend/mcp/task_list_call.h"

#include "server/mcp/json_members.h"
#include "server/mcp/tasks.h"
#include "server/routing/task_route.h"
#include "server/service/list_page.h"

namespace mcpbridge {
namespace {

// The longest that one slow server holds the list up.
constexpr std::chrono::seconds kListTime{10};

// `params`, raw, with `cursor` (raw; empty: none) in place of the caller's.
std::string WithCursor(std::string_view params, std::string_view cursor) {
  auto members = JsonMembers::Read(params.empty() ? "{}" : params);
  if (!members) return std::string(params);
  if (!cursor.empty()) {
    members->Set("cursor", cursor);
  } else if (members->Get("cursor")) {
    members->Remove({"cursor"});
  }
  return std::move(*members).Take();
}

}  // namespace

class TaskListCall::Part final : private RoutedCall::Handler {
 public:
  Part(TaskListCall& owner, std::size_t server, std::string cursor)
      : owner_(owner), server_(server), cursor_(std::move(cursor)) {
    call_.emplace(owner.service_, owner.lane_, static_cast<RoutedCall::Handler&>(*this));
  }

  void Start(CallRequest request) {
    request.scope = Scope(server_);
    auto params = ReadCallParams(CallMethod::kListTasks, WithCursor(request.params.raw, cursor_));
    if (!params) return End(std::move(params).error());
    request.params = *std::move(params);
    if (auto error = call_->Start(std::move(request))) End(*std::move(error));
  }

  std::size_t server() const { return server_; }
  const std::optional<Error>& failure() const { return failure_; }
  const std::string& items() const { return items_; }              // raw, by commas
  const std::string& next_cursor() const { return next_cursor_; }  // raw; empty: that is all

 private:
  void OnCallEnd(Result<jsonrpc::Message> message) override {
    if (!message) return End(std::move(message).error());
    if (message->kind == jsonrpc::Kind::kError) {
      return End(jsonrpc::UpstreamErrorOf(message->error));
    }
    const std::string prefix = TaskPrefixOf(owner_.service_.config(), owner_.scope_, server_);
    items_ = TaskItems(prefix, message->result);
    const auto members = JsonMembers::Read(message->result);
    const auto cursor = members ? members->Get("nextCursor") : std::nullopt;
    if (cursor && cursor->starts_with('"')) next_cursor_ = *cursor;
    owner_.OnPartEnd();
  }

  void End(Error failure) {
    failure_ = std::move(failure);
    owner_.OnPartEnd();
  }

  TaskListCall& owner_;
  const std::size_t server_;
  const std::string cursor_;
  std::optional<Error> failure_;
  std::string items_;
  std::string next_cursor_;
  std::optional<RoutedCall> call_;
};

TaskListCall::TaskListCall(ToolService& service, Lane& lane, Reply& reply)
    : service_(service), lane_(lane), reply_(reply) {}

TaskListCall::~TaskListCall() {
  parts_.clear();
  service_.Leave();
}

void TaskListCall::Start(CallRequest request) {
  scope_ = request.scope;
  request.deadline = Min(request.deadline, Deadline::After(kListTime));
  Result<TaskPositions> positions = PositionsOf(request);
  if (!positions) return reply_.Fail(positions.error());
  for (auto& [server, cursor] : *positions) {
    parts_.push_back(std::make_unique<Part>(*this, server, std::move(cursor)));
  }
  left_ = parts_.size();
  // A part may end at once, and the last one's end this.
  const std::size_t count = parts_.size();
  for (std::size_t i = 0; i < count; ++i) parts_[i]->Start(request);
}

// Whom to ask for which page.
Result<TaskPositions> TaskListCall::PositionsOf(const CallRequest& request) const {
  const Config& config = service_.config();
  const auto members = JsonMembers::Read(request.params.raw);
  const std::string_view cursor = members ? members->Get("cursor").value_or(R"("")") : R"("")";
  if (!cursor.starts_with('"')) {
    return Error{.reason = Reason::kInvalidArguments, .message = "params.cursor must be a string"};
  }
  if (cursor != R"("")") {
    return ParseTaskCursor(config, scope_, cursor.substr(1, cursor.size() - 2));
  }
  TaskPositions positions;
  for (const std::size_t server : scope_.Servers(config)) {
    const UpstreamStatus status = service_.status().Of(config.servers[server].name);
    if (config.servers[server].isolation == Isolation::kSession &&
        DeclaresTaskList(status.capabilities)) {
      positions.emplace_back(server, "");
    }
  }
  if (!positions.empty()) return positions;
  return Error{.reason = Reason::kMethodNotFound, .message = "none of these servers lists tasks"};
}

void TaskListCall::OnPartEnd() {
  if (--left_ == 0) Answer();
}

void TaskListCall::Answer() {
  std::vector<std::pair<std::string, Error>> failures;
  TaskPositions next;
  std::string items;
  for (const auto& part : parts_) {
    if (part->failure()) {
      failures.emplace_back(service_.config().servers[part->server()].name, *part->failure());
    }
    if (!part->next_cursor().empty()) next.emplace_back(part->server(), part->next_cursor());
    if (!items.empty() && !part->items().empty()) items += ',';
    items += part->items();
  }
  if (failures.size() == parts_.size()) return reply_.Fail(failures.front().second);
  std::string result = R"({"tasks":[)" + items + "]";
  if (!next.empty()) {
    result += R"(,"nextCursor":")" + TaskCursorOf(service_.config(), scope_, next) + '"';
  }
  if (!failures.empty()) result += R"(,"_meta":)" + UnavailableMeta(failures);
  reply_.Result(result + "}");
}

}  // namespace mcpbridge

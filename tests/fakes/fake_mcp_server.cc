#include "tests/fakes/fake_mcp_server.h"

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "tests/fakes/fake_connection.h"
#include "tests/fakes/fake_json.h"

namespace mcpbridge {
namespace {

using boost::asio::ip::tcp;

// What Record.held calls a GET stream.
constexpr char kStream[] = "GET";

constexpr std::string_view kDefaultTools =
    R"([{"name":"echo","inputSchema":{"type":"object","properties":{"text":{"type":"string"}}}},)"
    R"({"name":"slow","inputSchema":{"type":"object","properties":{"text":{"type":"string"}}}}])";

// By the method that lists them: the member of the result, and its raw array; empty: no such list.
std::pair<std::string, std::string> OtherList(const FakeMcpServer::Options& options,
                                              const std::string& method) {
  if (method == "resources/list") return {"resources", options.resources};
  if (method == "resources/templates/list") return {"resourceTemplates", options.templates};
  if (method == "prompts/list") return {"prompts", options.prompts};
  return {};
}

std::string Capabilities(const FakeMcpServer::Options& options) {
  std::string out = R"({"tools":{})";
  if (!options.resources.empty() || !options.templates.empty()) {
    out += options.subscribe ? R"(,"resources":{"subscribe":true})" : R"(,"resources":{})";
  }
  if (!options.prompts.empty()) out += R"(,"prompts":{})";
  return out + "}";
}

std::string DefaultResult(const FakeMcpServer::Options& options, const FakeRequest& request) {
  if (request.method == "initialize") {
    return R"({"protocolVersion":)" + JsonQuote(options.protocol_version) + R"(,"capabilities":)" +
           Capabilities(options) + R"(,"serverInfo":{"name":"fake","version":"1"}})";
  }
  if (request.method == "tools/list") {
    return R"({"tools":)" + (options.tools.empty() ? std::string(kDefaultTools) : options.tools) +
           "}";
  }
  if (const auto [member, items] = OtherList(options, request.method); !items.empty()) {
    return "{" + JsonQuote(member) + ":" + items + "}";
  }
  if (request.method == "tools/call") return TextResult(JsonQuote(request.text));
  return "{}";
}

std::string MessageFor(const FakeMcpServer::Options& options, const FakeRequest& request,
                       const FakeAnswer& answer) {
  if (request.id.empty()) return {};  // a notification
  std::string message = R"({"jsonrpc":"2.0","id":)" + (answer.id.empty() ? request.id : answer.id);
  const auto [member, items] = OtherList(options, request.method);
  if (!answer.error.empty()) {
    message += R"(,"error":)" + answer.error;
  } else if (!member.empty() && items.empty() && answer.result.empty()) {
    message += R"(,"error":{"code":-32601,"message":"Method not found"})";
  } else {
    message +=
        R"(,"result":)" + (answer.result.empty() ? DefaultResult(options, request) : answer.result);
  }
  return message.append(answer.pad_bytes, ' ') + "}";
}

}  // namespace

class FakeMcpServer::Impl final : private FakeConnection::Owner {
 public:
  explicit Impl(Options options);
  ~Impl();

  // Runs `f` on the server's thread and waits for it.
  template <class F>
  auto Run(F f) {
    std::packaged_task<decltype(f())()> task(std::move(f));
    auto done = task.get_future();
    boost::asio::post(io_, std::move(task));
    return done.get();
  }

  std::uint16_t port() const { return port_; }
  void SetScript(Script script) {
    const std::lock_guard lock(mutex_);
    script_ = std::move(script);
  }
  void OnTool(const std::string& tool, FakeAnswer answer) {
    const std::lock_guard lock(mutex_);
    tools_[tool] = std::move(answer);
  }
  Record Snapshot() const {
    const std::lock_guard lock(mutex_);
    return record_;
  }
  bool WaitFor(const std::function<bool(const Record&)>& predicate,
               std::chrono::milliseconds timeout) const {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, timeout, [&] { return predicate(record_); });
  }

  // On the server's thread.
  void Listen();
  void StopListening();
  void DropSessions() { sessions_.clear(); }
  void CloseConnections();
  bool Release(const std::string& id);
  std::size_t ReleaseAll();
  bool Say(const std::string& id, const std::string& message);
  std::size_t Push(const std::string& message, const std::string& session);
  std::size_t PushToListeners(const std::string& method, const std::string& params,
                              const std::string& wanted);

 private:
  struct Held {
    std::shared_ptr<FakeConnection> connection;
    std::string id;
    FakeAnswer answer;
    RenderedAnswer rendered;
    FakeRequest request = {};

    bool is_listen() const { return request.method == "subscriptions/listen"; }
    bool is_stream() const { return id == kStream || is_listen(); }
  };

  void Accept();
  void OnRequest(const std::shared_ptr<FakeConnection>& connection, FakeRequest request) override;
  void OnClosed(const std::shared_ptr<FakeConnection>& connection) override;

  std::optional<FakeAnswer> SessionFault(const FakeRequest& request);
  FakeAnswer Decide(const FakeRequest& request);
  void AnswerDelete(const std::shared_ptr<FakeConnection>& connection, const FakeRequest& request);
  void AnswerPost(const std::shared_ptr<FakeConnection>& connection, const FakeRequest& request);
  void AnswerGet(const std::shared_ptr<FakeConnection>& connection, const FakeRequest& request);
  void Refuse(const std::shared_ptr<FakeConnection>& connection);
  void Hold(Held held);
  void ReleaseWith(const std::string& result);
  void Finish(const Held& held);
  void OnCancel(const FakeRequest& request);
  Held Unhold(std::size_t index);

  template <class F>
  void Change(F f) {
    {
      const std::lock_guard lock(mutex_);
      f(record_);
    }
    changed_.notify_all();
  }

  const Options options_;
  mutable std::mutex mutex_;  // guards what follows, up to record_
  mutable std::condition_variable changed_;
  Script script_;
  std::map<std::string, FakeAnswer> tools_;
  Record record_;

  // The server's thread's own.
  boost::asio::io_context io_{1};
  tcp::acceptor acceptor_{io_};
  std::set<std::shared_ptr<FakeConnection>> connections_;
  std::set<std::string> sessions_;
  std::vector<Held> held_;
  int connection_count_ = 0;
  int session_count_ = 0;

  std::uint16_t port_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::thread thread_;
};

FakeMcpServer::Impl::Impl(Options options)
    : options_(std::move(options)), port_(options_.port), work_(io_.get_executor()) {
  Listen();
  thread_ = std::thread([this] { io_.run(); });
}

FakeMcpServer::Impl::~Impl() {
  Run([this] {
    StopListening();
    CloseConnections();
  });
  io_.stop();
  thread_.join();
}

void FakeMcpServer::Impl::Listen() {
  const tcp::endpoint endpoint(boost::asio::ip::address_v4::loopback(), port_);
  acceptor_.open(endpoint.protocol());
  acceptor_.set_option(tcp::acceptor::reuse_address(true));
  acceptor_.bind(endpoint);
  acceptor_.listen();
  port_ = acceptor_.local_endpoint().port();
  Accept();
}

void FakeMcpServer::Impl::StopListening() {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
}

void FakeMcpServer::Impl::Accept() {
  acceptor_.async_accept([this](boost::system::error_code error, tcp::socket socket) {
    if (error == boost::asio::error::operation_aborted) return;
    if (!error) {
      Owner& owner = *this;
      auto connection =
          std::make_shared<FakeConnection>(std::move(socket), ++connection_count_, owner);
      connections_.insert(connection);
      Change([](Record& record) { ++record.connections_opened; });
      connection->Start();
    }
    if (acceptor_.is_open()) Accept();
  });
}

void FakeMcpServer::Impl::CloseConnections() {
  const auto all = connections_;
  for (const auto& connection : all) connection->Close(false);
}

void FakeMcpServer::Impl::OnClosed(const std::shared_ptr<FakeConnection>& connection) {
  connections_.erase(connection);
  std::vector<std::string> disconnected;
  for (std::size_t i = held_.size(); i-- > 0;) {
    if (held_[i].connection == connection) disconnected.push_back(Unhold(i).id);
  }
  Change([&](Record& record) {
    ++record.connections_closed;
    for (std::string& id : disconnected) record.disconnected.push_back(std::move(id));
  });
}

void FakeMcpServer::Impl::OnRequest(const std::shared_ptr<FakeConnection>& connection,
                                    FakeRequest request) {
  Change([&](Record& record) { record.requests.push_back(request); });
  if (request.http_method == "POST") return AnswerPost(connection, request);
  if (request.http_method == "DELETE") return AnswerDelete(connection, request);
  if (request.http_method == "GET") return AnswerGet(connection, request);
  Refuse(connection);
}

void FakeMcpServer::Impl::Refuse(const std::shared_ptr<FakeConnection>& connection) {
  connection->Send("HTTP/1.1 405 Fake\r\nAllow: POST, DELETE\r\nContent-Length: 0\r\n\r\n", 0);
  connection->End(false, false);
}

void FakeMcpServer::Impl::AnswerGet(const std::shared_ptr<FakeConnection>& connection,
                                    const FakeRequest& request) {
  FakeAnswer answer = Decide(request);
  if (answer.never) return;
  if (answer.form != FakeAnswer::Form::kSse) return Refuse(connection);
  if (options_.sessions && !sessions_.contains(request.Header("mcp-session-id"))) {
    FakeAnswer lost;
    lost.http_status = 404;
    return Finish({connection, {}, lost, Render(lost, {}, {})});
  }
  answer.ends_early = answer.id.empty();
  FakeRequest asked;
  asked.id = answer.id;
  Held held{connection, answer.ends_early ? kStream : answer.id, answer,
            Render(answer, MessageFor(options_, asked, answer), {}), request};
  answer.hold ? Hold(std::move(held)) : Finish(held);
}

bool FakeMcpServer::Impl::Say(const std::string& id, const std::string& message) {
  const auto at =
      std::find_if(held_.begin(), held_.end(), [&](const Held& held) { return held.id == id; });
  if (at == held_.end() || at->answer.form != FakeAnswer::Form::kSse) return false;
  at->connection->Send(ChunkedEvent(message), 0);
  return true;
}

std::size_t FakeMcpServer::Impl::Push(const std::string& message, const std::string& session) {
  std::size_t streams = 0;
  for (const Held& held : held_) {
    if (held.id != kStream) continue;
    if (!session.empty() && held.request.Header("mcp-session-id") != session) continue;
    held.connection->Send(ChunkedEvent(message), 0);
    ++streams;
  }
  return streams;
}

std::size_t FakeMcpServer::Impl::PushToListeners(const std::string& method,
                                                 const std::string& params,
                                                 const std::string& wanted) {
  std::size_t streams = 0;
  for (const Held& held : held_) {
    if (!held.is_listen() || held.request.params.find(wanted) == std::string::npos) continue;
    held.connection->Send(
        ChunkedEvent(R"({"jsonrpc":"2.0","method":")" + method +
                     R"(","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":)" + held.id +
                     "}" + (params.empty() ? "" : "," + params) + "}}"),
        0);
    ++streams;
  }
  return streams;
}

void FakeMcpServer::Impl::AnswerDelete(const std::shared_ptr<FakeConnection>& connection,
                                       const FakeRequest& request) {
  const bool known = sessions_.erase(request.Header("mcp-session-id")) > 0;
  FakeAnswer answer;
  answer.http_status = known ? 200 : 404;
  Finish({connection, {}, answer, Render(answer, {}, {})});
}

std::optional<FakeAnswer> FakeMcpServer::Impl::SessionFault(const FakeRequest& request) {
  if (!options_.sessions || request.method == "initialize") return std::nullopt;
  if (options_.modern_too && request.Header("mcp-protocol-version") == "2026-07-28") {
    return std::nullopt;
  }
  const std::string session = request.Header("mcp-session-id");
  if (sessions_.contains(session)) return std::nullopt;
  FakeAnswer fault;
  fault.http_status = session.empty() ? 400 : options_.lost_status;
  fault.error = session.empty() ? R"({"code":-32000,"message":"no session id"})"
                : fault.http_status == 400
                    ? R"({"code":-32000,"message":"Bad Request: No valid session ID provided"})"
                    : R"({"code":-32001,"message":"Session not found"})";
  return fault;
}

FakeAnswer FakeMcpServer::Impl::Decide(const FakeRequest& request) {
  Script script;
  {
    const std::lock_guard lock(mutex_);
    if (request.method == "tools/call") {
      const auto at = tools_.find(request.tool);
      if (at != tools_.end()) return at->second;
    }
    script = script_;
  }
  return script ? script(request) : FakeAnswer{};
}

void FakeMcpServer::Impl::AnswerPost(const std::shared_ptr<FakeConnection>& connection,
                                     const FakeRequest& request) {
  const auto fault = SessionFault(request);
  FakeAnswer answer = fault ? *fault : Decide(request);
  if (!fault && request.method == "notifications/cancelled") OnCancel(request);
  const std::string message = MessageFor(options_, request, answer);
  if (message.empty() && answer.http_status == 200 && answer.body.empty()) answer.http_status = 202;
  std::string session;
  if (request.method == "initialize" && options_.sessions && answer.http_status == 200) {
    session = "fake-session-" + std::to_string(++session_count_);
    sessions_.insert(session);
    Change([](Record& record) { ++record.sessions_opened; });
  }
  Held held{connection, request.id, answer, Render(answer, message, session), request};
  if (answer.hold || answer.never) {
    Hold(std::move(held));
  } else {
    Finish(held);
  }
  if (!answer.release_result.empty()) ReleaseWith(answer.release_result);
}

void FakeMcpServer::Impl::Hold(Held held) {
  if (held.answer.form == FakeAnswer::Form::kSse) {
    held.connection->Send(std::exchange(held.rendered.head, {}), 0);
    held.connection->Send(std::exchange(held.rendered.before, {}), held.answer.piece_bytes);
  }
  Change([&](Record& record) { record.held.push_back(held.id); });
  held_.push_back(std::move(held));
}

void FakeMcpServer::Impl::ReleaseWith(const std::string& result) {
  for (std::size_t i = 0; i < held_.size();) {
    if (held_[i].is_stream()) {
      ++i;
      continue;
    }
    Held held = Unhold(i);
    held.rendered.answer = Render(held.answer, ResultMessage(held.id, result), {}).answer;
    Finish(held);
  }
}

void FakeMcpServer::Impl::Finish(const Held& held) {
  if (held.answer.drop_sessions) DropSessions();
  const std::size_t piece = held.answer.piece_bytes;
  held.connection->Send(held.rendered.head + held.rendered.before + held.rendered.answer, piece);
  held.connection->End(held.rendered.close, held.answer.reset);
}

FakeMcpServer::Impl::Held FakeMcpServer::Impl::Unhold(std::size_t index) {
  Held held = std::move(held_[index]);
  held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(index));
  Change([&](Record& record) {
    record.held.erase(record.held.begin() + static_cast<std::ptrdiff_t>(index));
  });
  return held;
}

void FakeMcpServer::Impl::OnCancel(const FakeRequest& request) {
  const std::string id = JsonMembers(request.params)["requestId"];
  Change([&](Record& record) { record.cancels.push_back(id); });
  const auto at =
      std::find_if(held_.begin(), held_.end(), [&](const Held& held) { return held.id == id; });
  if (at == held_.end()) return;
  const bool sends_answer = at->answer.answer_cancelled;
  const Held held = Unhold(static_cast<std::size_t>(at - held_.begin()));
  if (sends_answer) {
    Finish(held);
  } else {
    held.connection->End(true, false);
  }
}

bool FakeMcpServer::Impl::Release(const std::string& id) {
  const auto at = std::find_if(held_.begin(), held_.end(), [&](const Held& held) {
    return held.id == id && !held.answer.never;
  });
  if (at == held_.end()) return false;
  Finish(Unhold(static_cast<std::size_t>(at - held_.begin())));
  return true;
}

std::size_t FakeMcpServer::Impl::ReleaseAll() {
  std::vector<std::string> ids;
  for (const Held& held : held_) ids.push_back(held.id);
  std::size_t released = 0;
  for (const std::string& id : ids) released += Release(id) ? 1 : 0;
  return released;
}

std::size_t FakeMcpServer::Record::Count(const std::string& method) const {
  return static_cast<std::size_t>(
      std::count_if(requests.begin(), requests.end(), [&](const FakeRequest& request) {
        return (request.http_method == "POST" ? request.method : request.http_method) == method;
      }));
}

FakeRequest FakeMcpServer::Record::LastCall() const {
  const auto last = std::find_if(requests.rbegin(), requests.rend(),
                                 [](const FakeRequest& r) { return r.method == "tools/call"; });
  return last == requests.rend() ? FakeRequest() : *last;
}

std::size_t FakeMcpServer::Record::CountCalls(const std::string& tool) const {
  return static_cast<std::size_t>(
      std::count_if(requests.begin(), requests.end(), [&](const FakeRequest& request) {
        return request.method == "tools/call" && request.tool == tool;
      }));
}

FakeMcpServer::FakeMcpServer(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
FakeMcpServer::~FakeMcpServer() = default;

std::uint16_t FakeMcpServer::port() const { return impl_->port(); }
std::string FakeMcpServer::url() const {
  return "http://127.0.0.1:" + std::to_string(port()) + "/mcp";
}
void FakeMcpServer::SetScript(Script script) { impl_->SetScript(std::move(script)); }
void FakeMcpServer::OnTool(const std::string& tool, FakeAnswer answer) {
  impl_->OnTool(tool, std::move(answer));
}
void FakeMcpServer::AnswerWith(const std::string& prefix) {
  SetScript([prefix](const FakeRequest& request) {
    FakeAnswer answer;
    if (request.method == "tools/call") {
      answer.result = R"({"content":[{"type":"text","text":")" + prefix + request.text + "\"}]}";
    }
    return answer;
  });
}
FakeMcpServer::Record FakeMcpServer::Snapshot() const { return impl_->Snapshot(); }
bool FakeMcpServer::WaitFor(const std::function<bool(const Record&)>& predicate,
                            std::chrono::milliseconds timeout) const {
  return impl_->WaitFor(predicate, timeout);
}
bool FakeMcpServer::Release(const std::string& id) {
  return impl_->Run([this, id] { return impl_->Release(id); });
}
std::size_t FakeMcpServer::ReleaseAll() {
  return impl_->Run([this] { return impl_->ReleaseAll(); });
}
bool FakeMcpServer::Say(const std::string& id, const std::string& message) {
  return impl_->Run([&] { return impl_->Say(id, message); });
}
std::size_t FakeMcpServer::Push(const std::string& message, const std::string& session) {
  return impl_->Run([&] { return impl_->Push(message, session); });
}
std::size_t FakeMcpServer::PushToListeners(const std::string& method, const std::string& params,
                                           const std::string& wanted) {
  return impl_->Run([&] { return impl_->PushToListeners(method, params, wanted); });
}
void FakeMcpServer::DropSessions() {
  impl_->Run([this] { impl_->DropSessions(); });
}
void FakeMcpServer::CloseConnections() {
  impl_->Run([this] { impl_->CloseConnections(); });
}
void FakeMcpServer::StopListening() {
  impl_->Run([this] { impl_->StopListening(); });
}
void FakeMcpServer::Listen() {
  impl_->Run([this] { impl_->Listen(); });
}

}  // namespace mcpbridge

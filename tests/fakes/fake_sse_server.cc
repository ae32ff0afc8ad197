#include "tests/fakes/fake_sse_server.h"

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "tests/fakes/fake_connection.h"
#include "tests/fakes/fake_json.h"

namespace mcpbridge {
namespace {

using boost::asio::ip::tcp;

std::string With(std::string text, const std::string& name, const std::string& value) {
  const std::size_t at = text.find(name);
  if (at != std::string::npos) text.replace(at, name.size(), value);
  return text;
}

std::string ResultOf(const FakeRequest& request) {
  if (request.method == "initialize") {
    return R"({"protocolVersion":"2025-11-25","capabilities":{"tools":{"listChanged":true}},)"
           R"("serverInfo":{"name":"fake-sse","version":"1"}})";
  }
  if (request.method == "tools/list") {
    return R"({"tools":[{"name":"echo","inputSchema":{"type":"object"}},)"
           R"({"name":"hold","inputSchema":{"type":"object"}}]})";
  }
  if (request.method == "tools/call") return TextResult(JsonQuote(request.text));
  return "{}";
}

}  // namespace

class FakeSseServer::Impl final : private FakeConnection::Owner {
 public:
  explicit Impl(Options options) : options_(std::move(options)), work_(io_.get_executor()) {
    Listen();
    thread_ = std::thread([this] { io_.run(); });
  }

  // Runs `f` on the server's thread and waits for it.
  template <class F>
  auto Run(F f) {
    std::packaged_task<decltype(f())()> task(std::move(f));
    auto done = task.get_future();
    boost::asio::post(io_, std::move(task));
    return done.get();
  }

  ~Impl() {
    Run([this] {
      StopListening();
      const auto all = connections_;
      for (const auto& connection : all) connection->Close(false);
    });
    io_.stop();
    thread_.join();
  }

  std::uint16_t port() const { return port_; }
  void SetScript(Script script) {
    const std::lock_guard lock(mutex_);
    script_ = std::move(script);
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
  void Listen() {
    const tcp::endpoint endpoint(boost::asio::ip::address_v4::loopback(), port_);
    acceptor_.open(endpoint.protocol());
    acceptor_.set_option(tcp::acceptor::reuse_address(true));
    acceptor_.bind(endpoint);
    acceptor_.listen();
    port_ = acceptor_.local_endpoint().port();
    Accept();
  }
  void StopListening() {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
  }
  bool Release(const std::string& id) {
    const auto at = std::find_if(held_.begin(), held_.end(),
                                 [&](const FakeRequest& request) { return request.id == id; });
    if (at == held_.end()) return false;
    const FakeRequest request = *at;
    Unhold(id);
    Say(StreamOf(request), ResultMessage(request.id, ResultOf(request)));
    return true;
  }
  void ReleaseAll() {
    while (!held_.empty()) Release(std::string(held_.back().id));
  }
  void SayOnNewest(const std::string& json) { Say(stream_count_, json); }
  void SayOnAll(const std::string& json) {
    for (const auto& [number, stream] : streams_) Say(number, json);
  }
  void SendRaw(const std::string& bytes) { SendOn(stream_count_, bytes); }
  void CloseStreams() {
    const auto all = streams_;
    for (const auto& [number, stream] : all) stream->Close(false);
  }

 private:
  void Accept() {
    acceptor_.async_accept([this](boost::system::error_code error, tcp::socket socket) {
      if (error == boost::asio::error::operation_aborted) return;
      if (!error) {
        Owner& owner = *this;
        auto connection =
            std::make_shared<FakeConnection>(std::move(socket), ++connection_count_, owner);
        connections_.insert(connection);
        connection->Start();
      }
      if (acceptor_.is_open()) Accept();
    });
  }

  void OnClosed(const std::shared_ptr<FakeConnection>& connection) override {
    connections_.erase(connection);
    const std::size_t streams =
        std::erase_if(streams_, [&](const auto& entry) { return entry.second == connection; });
    if (streams != 0) Change([](Record& record) { ++record.streams_closed; });
  }

  void OnRequest(const std::shared_ptr<FakeConnection>& connection, FakeRequest request) override {
    Change([&](Record& record) { record.requests.push_back(request); });
    if (request.http_method == "GET") {
      OpenStream(connection);
    } else {
      OnPost(connection, request);
    }
  }

  void OpenStream(const std::shared_ptr<FakeConnection>& connection) {
    if (options_.get_status != 200) return Respond(connection, options_.get_status);
    const int number = ++stream_count_;
    streams_[number] = connection;
    Change([](Record& record) { ++record.streams_opened; });
    connection->Send("HTTP/1.1 200 OK\r\nContent-Type: " + options_.content_type +
                         "\r\nTransfer-Encoding: chunked\r\n\r\n",
                     0);
    if (options_.endpoint.empty()) return;
    std::string endpoint = With(options_.endpoint, "SESSION", std::to_string(number));
    endpoint = With(endpoint, "PORT", std::to_string(port_));
    SendEvent(number, "endpoint", endpoint);
  }

  void OnPost(const std::shared_ptr<FakeConnection>& connection, const FakeRequest& request) {
    Script script;
    {
      const std::lock_guard lock(mutex_);
      script = script_;
    }
    const Post post = script ? script(request) : Post{};
    if (post.never) return;
    if (post.drop) return connection->Close(false);
    if (!post.after_reply) Respond(connection, post.status);
    if (post.status / 100 == 2) Serve(request, post);
    if (post.after_reply) Respond(connection, post.status);
  }

  void Serve(const FakeRequest& request, const Post& post) {
    if (request.method == "notifications/cancelled") {
      const std::string id = JsonMembers(request.params)["requestId"];
      Change([&](Record& record) { record.cancels.push_back(id); });
      Unhold(id);
    }
    for (const std::string& json : post.before) {
      Say(StreamOf(request), With(json, "ID", request.id));
    }
    if (request.id.empty() || request.method.empty() || post.silent) return;
    if (request.tool == "hold") {
      held_.push_back(request);
      Change([&](Record& record) { record.held.push_back(request.id); });
    } else {
      Say(StreamOf(request), post.reply.empty() ? ResultMessage(request.id, ResultOf(request))
                                                : With(post.reply, "ID", request.id));
    }
  }

  void Unhold(const std::string& id) {
    std::erase_if(held_, [&](const FakeRequest& request) { return request.id == id; });
    Change([&](Record& record) { std::erase(record.held, id); });
  }

  void Respond(const std::shared_ptr<FakeConnection>& connection, int status) {
    connection->Send("HTTP/1.1 " + std::to_string(status) + " Fake\r\nContent-Length: 2\r\n\r\nok",
                     0);
    connection->End(false, false);
  }

  // The stream that a POST's path names.
  static int StreamOf(const FakeRequest& request) {
    const std::size_t at = request.path.find("session=");
    return at == std::string::npos ? 0 : std::stoi(request.path.substr(at + 8));
  }

  void Say(int stream, const std::string& json) { SendEvent(stream, "message", json); }

  void SendEvent(int stream, const std::string& type, const std::string& data) {
    const std::string eol = options_.crlf ? "\r\n" : "\n";
    std::string event = "event: " + type;
    event.append(eol).append("data: ").append(data).append(eol).append(eol);
    SendOn(stream, event);
  }

  void SendOn(int stream, const std::string& bytes) {
    const auto found = streams_.find(stream);
    if (found == streams_.end()) return;
    char size[24];
    std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
    found->second->Send(std::string(size).append(bytes).append("\r\n"), options_.piece_bytes);
  }

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
  Record record_;

  // The server's thread's own.
  boost::asio::io_context io_{1};
  tcp::acceptor acceptor_{io_};
  std::set<std::shared_ptr<FakeConnection>> connections_;
  std::map<int, std::shared_ptr<FakeConnection>> streams_;
  std::vector<FakeRequest> held_;
  int connection_count_ = 0;
  int stream_count_ = 0;

  std::uint16_t port_ = 0;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::thread thread_;
};

std::size_t FakeSseServer::Record::Count(const std::string& method) const {
  return static_cast<std::size_t>(
      std::count_if(requests.begin(), requests.end(), [&](const FakeRequest& request) {
        return request.http_method == "POST" && request.method == method;
      }));
}

FakeRequest FakeSseServer::Record::Last(const std::string& method) const {
  const auto last = std::find_if(requests.rbegin(), requests.rend(), [&](const FakeRequest& r) {
    return r.http_method == "POST" && r.method == method;
  });
  return last == requests.rend() ? FakeRequest() : *last;
}

std::string FakeSseServer::Record::IdOf(const std::string& text) const {
  const auto found = std::find_if(requests.begin(), requests.end(), [&](const FakeRequest& r) {
    return r.method == "tools/call" && r.text == text;
  });
  return found == requests.end() ? std::string() : found->id;
}

FakeSseServer::FakeSseServer(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
FakeSseServer::~FakeSseServer() = default;

std::uint16_t FakeSseServer::port() const { return impl_->port(); }
std::string FakeSseServer::url() const {
  return "http://127.0.0.1:" + std::to_string(port()) + "/sse";
}
void FakeSseServer::SetScript(Script script) { impl_->SetScript(std::move(script)); }
FakeSseServer::Record FakeSseServer::Snapshot() const { return impl_->Snapshot(); }
bool FakeSseServer::WaitFor(const std::function<bool(const Record&)>& predicate,
                            std::chrono::milliseconds timeout) const {
  return impl_->WaitFor(predicate, timeout);
}
bool FakeSseServer::Release(const std::string& id) {
  return impl_->Run([this, id] { return impl_->Release(id); });
}
void FakeSseServer::ReleaseAll() {
  impl_->Run([this] { impl_->ReleaseAll(); });
}
void FakeSseServer::Say(const std::string& json) {
  impl_->Run([this, json] { impl_->SayOnNewest(json); });
}
void FakeSseServer::SayOnAll(const std::string& json) {
  impl_->Run([&] { impl_->SayOnAll(json); });
}
void FakeSseServer::SendRaw(const std::string& bytes) {
  impl_->Run([this, bytes] { impl_->SendRaw(bytes); });
}
void FakeSseServer::CloseStreams() {
  impl_->Run([this] { impl_->CloseStreams(); });
}
void FakeSseServer::StopListening() {
  impl_->Run([this] { impl_->StopListening(); });
}
void FakeSseServer::Listen() {
  impl_->Run([this] { impl_->Listen(); });
}

}  // namespace mcpbridge

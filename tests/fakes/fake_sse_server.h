#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/fakes/fake_answer.h"

namespace mcpbridge {

// An MCP server over HTTP+SSE (2024-11-05) on loopback that does what a test tells it to, on a
// thread of its own: tool `echo` gives the argument `text` as text, `hold` waits for Release().
// Thread-safe; destroying it closes everything.
class FakeSseServer {
 public:
  struct Options {
    // The data of the `endpoint` event; SESSION stands for the stream's number, PORT for the port.
    // Empty: none comes.
    std::string endpoint = "/message?session=SESSION";
    bool crlf = false;            // lines end in CR LF
    std::size_t piece_bytes = 0;  // the stream comes in pieces of so many bytes, 1 ms apart
    int get_status = 200;
    std::string content_type = "text/event-stream; charset=utf-8";
  };

  struct Record {
    std::vector<FakeRequest> requests;  // in order of arrival; GETs too
    std::vector<std::string> held;      // ids of calls that wait, raw
    std::vector<std::string> cancels;   // requestId of every notifications/cancelled, raw
    int streams_opened = 0;
    int streams_closed = 0;

    std::size_t Count(const std::string& method) const;
    // The last POST of this method; an empty request if there was none.
    FakeRequest Last(const std::string& method) const;
    // The id of the tools/call with this argument `text`, raw; empty: it hasn't come.
    std::string IdOf(const std::string& text) const;
  };

  // How a POST is answered. As it is: 202.
  struct Post {
    int status = 202;
    bool never = false;                    // no response, and the message isn't looked at
    bool after_reply = false;              // the response comes only after the message's own answer
    bool drop = false;                     // the connection closes instead
    bool silent = false;                   // the message itself is never answered
    std::vector<std::string> before = {};  // said on the stream before the answer; ID stands
                                           // for the request's
    std::string reply = {};                // instead of the answer, whole; likewise
  };
  using Script = std::function<Post(const FakeRequest&)>;

  FakeSseServer() : FakeSseServer(Options{}) {}
  explicit FakeSseServer(Options options);
  FakeSseServer(const FakeSseServer&) = delete;
  FakeSseServer& operator=(const FakeSseServer&) = delete;
  ~FakeSseServer();

  std::uint16_t port() const;
  std::string url() const;  // http://127.0.0.1:PORT/sse

  // For POSTs that come from now on. Runs on the server's thread and must not call the server.
  void SetScript(Script script);

  Record Snapshot() const;
  // Waits until `predicate` holds; false: it didn't within `timeout`.
  bool WaitFor(const std::function<bool(const Record&)>& predicate,
               std::chrono::milliseconds timeout = std::chrono::seconds(20)) const;

  // Answers the held call with this raw id; false: there is none.
  bool Release(const std::string& id);
  // The same for all, the last first.
  void ReleaseAll();

  // Sends a message on the newest stream.
  void Say(const std::string& json);
  // Sends it on all.
  void SayOnAll(const std::string& json);
  // The same for any bytes.
  void SendRaw(const std::string& bytes);
  // Ends every stream, without a word.
  void CloseStreams();
  void StopListening();
  void Listen();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mcpbridge
